"""The commands that maintain: gather, sweep, purge, maintain, init, check, info, page, publish-expiries."""

from collections.abc import Mapping, Sequence
from math import inf
from sys import maxsize
from typing import TYPE_CHECKING, ClassVar

from git_keyval.database.declared import Described
from git_keyval.format.anchors import Mark
from git_keyval.format.names import KeyId

if TYPE_CHECKING:
    from git_keyval.database.database import Database
    from git_keyval.maintenance.jobs import Maintenance
    from git_keyval.maintenance.plan import Plan
    from git_keyval.maintenance.report import AnyReport, CheckReport, InfoReport, InitReport, PageReport, Report

DEFAULT_GRACE_SECONDS = 120
DEFAULT_RETENTION_SECONDS = 7 * 86_400
DEFAULT_HORIZON_SECONDS = 400 * 86_400
"""Keys that live for a year, and a month in which no run may come about."""

JOBS = ("gather", "sweep", "purge")
"""The jobs of maintenance, in the order in which ``maintain`` runs them."""


class Upkeep(Described):
    """A command that maintains a repository.

    What does the work is imported when it runs: it is slow to import, and most steps maintain nothing. ``resolves`` says whether it
    looks up expiries.
    """

    spans = True
    resolves: ClassVar[bool] = False

    def run(self, work: "Maintenance") -> "AnyReport":
        """Do the work, and return what became of it."""
        raise NotImplementedError


class Budgeted(Upkeep):
    """A command whose writes are planned first, and may be bounded."""

    outputs = ("count", "report")

    dry_run: bool = False
    max_writes: int = maxsize
    max_seconds: float = inf

    def run(self, work: "Maintenance") -> "Report":
        from git_keyval.maintenance.jobs import run_jobs

        return run_jobs(work, self)

    def parts(self) -> Sequence["Budgeted"]:
        """Return the commands that it consists of, in the order in which they are run."""
        return (self,)

    def plan(self, database: "Database") -> "Plan":
        """Return what there is to do; each of its parts is asked."""
        raise NotImplementedError


class Gather(Budgeted):
    """Fold counter breadcrumbs into their counters."""

    examples = ("git-keyval gather --grace-period 5m",)
    resolves = True
    jobs = ("gather",)

    grace_period: int = DEFAULT_GRACE_SECONDS

    def plan(self, database: "Database") -> "Plan":
        from git_keyval.maintenance.gather import plan_gather

        return plan_gather(database, self.grace_period)


class Sweep(Budgeted):
    """Remove expired keys and elements."""

    examples = ("git-keyval sweep --dry-run",)
    resolves = True
    jobs = ("sweep",)

    def plan(self, database: "Database") -> "Plan":
        from git_keyval.maintenance.sweep import plan_sweep

        return plan_sweep(database)


class Purge(Budgeted):
    """Delete what getdel parked, once it is old."""

    examples = ("git-keyval purge --retention 30d",)
    jobs = ("purge",)

    retention: int = DEFAULT_RETENTION_SECONDS

    def plan(self, database: "Database") -> "Plan":
        from git_keyval.maintenance.purge import plan_purge

        return plan_purge(database, self.retention)


class Maintain(Budgeted):
    """Gather, sweep and purge."""

    examples = ("git-keyval maintain --dry-run", "git-keyval maintain --max-seconds 600")
    resolves = True
    jobs = JOBS

    grace_period: int = DEFAULT_GRACE_SECONDS
    retention: int = DEFAULT_RETENTION_SECONDS

    def parts(self) -> Sequence[Budgeted]:
        return Gather(grace_period=self.grace_period), Sweep(), Purge(retention=self.retention)


class Init(Upkeep):
    """Make a repository ready to be a database."""

    outputs = ("applied", "count")
    examples = ("git-keyval init",)

    mark: Mark | None = None

    def run(self, work: "Maintenance") -> "InitReport":
        from git_keyval.maintenance.init import init

        return init(work, mark=self.mark)


class Check(Upkeep):
    """Verify a database and say what to do about what is wrong; with repair, do it.

    What is repaired is parked below gc/ where there is something to park, for as long as ``purge`` leaves it there. A key that can
    be read is never touched, nor is what a later release may have written.
    """

    outputs = ("count", "report")
    examples = (
        "git-keyval check",
        "git-keyval check --json | jq '.report.problems[].ref'",
        "git-keyval check --repair --dry-run",
        "git-keyval check --repair",
    )

    resolves = True

    repair: bool = False
    dry_run: bool = False

    def run(self, work: "Maintenance") -> "CheckReport":
        from git_keyval.maintenance.check import check

        return check(work, repair=self.repair, dry_run=self.dry_run)


class Info(Upkeep):
    """Tell what there is, when it ends, what waits, and how much room is left.

    All values are read, to know their sizes, and none is told.
    """

    outputs = ("count", "report")
    examples = ("git-keyval info", "git-keyval info --json | jq .report.types")
    resolves = True

    def run(self, work: "Maintenance") -> "InfoReport":
        from git_keyval.maintenance.info import info

        return info(work)


class Page(Upkeep):
    """Write a page that shows what there is, what waits and what is wrong.

    It is one HTML file that loads nothing. It shows the names of keys, and no values. A database that is spread over several
    repositories has one page.
    """

    outputs = ("count",)
    examples = ("git-keyval page --output-file page.html",)
    needs = (("output-file",),)
    also = ("output-file", "encryption-key", "encryption-kid", "encryption")
    resolves = True

    names: Mapping[KeyId, str] = {}

    def run(self, work: "Maintenance") -> "PageReport":
        from git_keyval.maintenance.page import read_page

        return read_page(work, self.names)


class PublishExpiries(Budgeted):
    """Publish the days on which keys may expire, in an expiry registry."""

    name = "publish-expiries"
    examples = ("git-keyval publish-expiries --dry-run", "git-keyval publish-expiries --horizon 800d")
    spans = False

    horizon: int = DEFAULT_HORIZON_SECONDS

    def plan(self, database: "Database") -> "Plan":
        from git_keyval.maintenance.publish import plan_publish

        return plan_publish(database, self.horizon)
