"""The commands that maintain: gather, sweep, purge, maintain, init, check, publish-expiries."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from git_keyval.database.declared import Described
from git_keyval.format.anchors import Mark

if TYPE_CHECKING:
    from git_keyval.database.database import Database
    from maintenance.init import InitReport
    from maintenance.jobs import Maintenance
    from maintenance.plan import Plan
    from maintenance.report import CheckReport, Report

    Planners: TypeAlias = Mapping[str, Callable[[], Plan]]

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

    def run(self, work: "Maintenance") -> "Report | CheckReport | InitReport":
        """Do the work, and return what became of it."""
        raise NotImplementedError


class Budgeted(Upkeep):
    """A command whose writes are planned first, and may be bounded."""

    outputs = ("count", "report")

    dry_run: bool = False
    max_writes: int | None = None
    max_seconds: float | None = None

    def run(self, work: "Maintenance") -> "Report":
        """Run the jobs."""
        from maintenance.jobs import run_jobs  # noqa: PLC0415

        return run_jobs(work, self)

    def planners(self, database: "Database") -> "Planners":
        """Return what plans each of its jobs."""
        raise NotImplementedError


class Gather(Budgeted):
    """Fold counter breadcrumbs into their counters."""

    examples = ("git-keyval gather --grace-period 5m",)
    resolves = True
    jobs = ("gather",)

    grace_period: int = DEFAULT_GRACE_SECONDS

    def planners(self, database: "Database") -> "Planners":
        """Return the one of its job."""
        from maintenance.gather import plan_gather  # noqa: PLC0415

        return {"gather": partial(plan_gather, database, self.grace_period)}


class Sweep(Budgeted):
    """Remove expired keys and elements."""

    examples = ("git-keyval sweep --dry-run",)
    resolves = True
    jobs = ("sweep",)

    def planners(self, database: "Database") -> "Planners":
        """Return the one of its job."""
        from maintenance.sweep import plan_sweep  # noqa: PLC0415

        return {"sweep": partial(plan_sweep, database)}


class Purge(Budgeted):
    """Delete what getdel parked, once it is old."""

    examples = ("git-keyval purge --retention 30d",)
    jobs = ("purge",)

    retention: int = DEFAULT_RETENTION_SECONDS

    def planners(self, database: "Database") -> "Planners":
        """Return the one of its job."""
        from maintenance.purge import plan_purge  # noqa: PLC0415

        return {"purge": partial(plan_purge, database, self.retention)}


class Maintain(Budgeted):
    """Gather, sweep and purge."""

    examples = ("git-keyval maintain --dry-run", "git-keyval maintain --max-seconds 600")
    resolves = True
    jobs = JOBS

    grace_period: int = DEFAULT_GRACE_SECONDS
    retention: int = DEFAULT_RETENTION_SECONDS

    def planners(self, database: "Database") -> "Planners":
        """Return those of the three jobs, in their order."""
        jobs = (Gather(grace_period=self.grace_period), Sweep(), Purge(retention=self.retention))
        return {name: planner for job in jobs for name, planner in job.planners(database).items()}


class Init(Upkeep):
    """Make a repository ready to be a database."""

    outputs = ("applied", "count")
    examples = ("git-keyval init",)

    mark: Mark | None = None

    def run(self, work: "Maintenance") -> "InitReport":
        """Create what is missing."""
        from maintenance.init import init  # noqa: PLC0415

        return init(work, **vars(self))


class Check(Upkeep):
    """Verify a database and change nothing."""

    outputs = ("count", "report")
    examples = ("git-keyval check", "git-keyval check --json | jq '.report.problems[].ref'")

    def run(self, work: "Maintenance") -> "CheckReport":
        """Look for what breaks a rule."""
        from maintenance.check import check  # noqa: PLC0415

        return check(work)


class PublishExpiries(Budgeted):
    """Publish the days on which keys may expire, in an expiry registry."""

    name = "publish-expiries"
    examples = ("git-keyval publish-expiries --dry-run", "git-keyval publish-expiries --horizon 800d")
    spans = False

    horizon: int = DEFAULT_HORIZON_SECONDS

    def planners(self, database: "Database") -> "Planners":
        """Return the one of its job."""
        from maintenance.publish import plan_publish  # noqa: PLC0415

        return {self.name: partial(plan_publish, database, self.horizon)}
