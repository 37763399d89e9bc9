"""The reports of the maintenance commands: as data, as JSON (docs/report.schema.json), and in words for whoever shows them.

Times are in seconds. The words are made of kinds and counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TypeAlias

from git_keyval.database.entries import Entry
from git_keyval.errors import GitKeyvalError, as_inputs
from git_keyval.format.canonical import JsonValue
from git_keyval.format.names import RefName
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.maintenance.execute import Done
from git_keyval.maintenance.plan import Counts, Kind, counted

MAX_LISTED = 200
"""How many refs are listed of each kind, of several repositories together: an output holds no more. The counts are complete."""


@dataclass(frozen=True, slots=True)
class Report:
    """A maintenance run: its jobs in order; ``budget`` names the limit that ended it early, if one did, before ``not_started``."""

    command: str
    dry_run: bool
    started_at: str
    seconds: float
    requests: int
    jobs: Sequence[Done] = ()
    budget: str = ""
    not_started: Sequence[str] = ()

    @property
    def error(self) -> str:
        """Return what failed, if anything did: of several jobs, each with its name."""
        failed = {done.plan.job: done.error for done in self.jobs if done.error}
        return " ".join(f"{job}: {error}" for job, error in failed.items()) if len(failed) > 1 else "".join(failed.values())

    @property
    def count(self) -> int:
        """Return how many writes were made, or a dry run would make."""
        return sum(len(done.applied) for done in self.jobs)

    def notable(self) -> int:
        """Count what had to be left alone and will not go away by itself."""
        return sum(len(done.notable) for done in self.jobs)


class Mend(Enum):
    """What repair does about a finding. The value says so to people."""

    KEY = "the key is taken out, and what is there of it parked below gc/"
    NAME = "the stored name is taken away; `store-key` stores it again"
    ORPHAN = "it is deleted once it has expired"
    ELEMENT = "the element is taken out, and the key parked below gc/ as it was"
    LEFTOVER = "it is deleted: it ends nothing"
    BREADCRUMB = "it is taken away, and parked below gc/ if it is a commit"
    VOID = "it is deleted, as gather does"
    PARKED = "it is deleted: nothing is there to be fetched back"
    PUBLISHED = "it is deleted, and the next 'publish-expiries' makes it again"
    ANCHOR = "it is made as it should be"
    LOCK = "it is removed"


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding of check. An ``error`` breaks a rule of the format; a ``warning`` is harmless, or ends by itself.

    ``mend`` is what repair can do about it; None if a person has to decide.
    """

    ref: str
    severity: str
    problem: str
    next_step: str
    mend: Mend | None = None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What check found and, where it was to ``repair``, what became of that: then ``problems`` are what it did not mend."""

    started_at: str
    seconds: float
    requests: int
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    repair: Done | None = None
    dry_run: bool = False

    @property
    def count(self) -> int:
        """Return how many findings break a rule."""
        return sum(problem.severity == "error" for problem in self.problems)


@dataclass(frozen=True, slots=True)
class InitReport:
    """What init created; nothing if the repository was ready before."""

    created: tuple[RefName, ...]

    @property
    def count(self) -> int:
        """Return how much was created."""
        return len(self.created)


@dataclass(frozen=True, slots=True)
class InfoReport:
    """What info counted: of the live keys their types, the ``bytes`` by type as they are stored, and when they end.

    ``waiting`` counts what maintenance will do something about, ``branches`` all there are in the repository, and
    ``rate_remaining`` the requests that the server still allowed.
    """

    started_at: str
    seconds: float
    requests: int
    keys: int
    named: int
    elements: int
    types: Mapping[str, int]
    bytes: Mapping[str, int]
    largest: int
    expiries: Mapping[str, int]
    waiting: Mapping[str, int]
    unreadable: int
    branches: int
    rate_remaining: int | None

    @property
    def count(self) -> int:
        """Return how many keys live."""
        return self.keys


@dataclass(frozen=True, slots=True)
class PageReport:
    """What a page shows: what there is, what is wrong, and each key that lives. No value is in it."""

    info: InfoReport
    check: CheckReport
    entries: Sequence[Entry]

    @property
    def count(self) -> int:
        """Return how many keys live."""
        return self.info.keys


AnyReport: TypeAlias = Report | CheckReport | InitReport | InfoReport | PageReport


def to_json(report: AnyReport, listed: int = MAX_LISTED) -> dict[str, JsonValue]:
    """Return a report as JSON, with so many refs of each kind; of init and of a page there is none."""
    match report:
        case Report():
            return {
                "command": report.command,
                "dryRun": report.dry_run,
                "startedAt": report.started_at,
                "seconds": round(report.seconds, 3),
                "requests": report.requests,
                "budgetReached": report.budget or None,
                "jobs": [_job(done, listed) for done in report.jobs],
            }
        case CheckReport():
            return {
                "command": "check",
                "startedAt": report.started_at,
                "seconds": round(report.seconds, 3),
                "requests": report.requests,
                "counts": dict(report.counts),
                "errors": report.count,
                "dryRun": report.dry_run,
                "repair": None if report.repair is None else _job(report.repair, listed),
                "problems": [
                    {"ref": found.ref, "severity": found.severity, "problem": found.problem, "nextStep": as_inputs(found.next_step)}
                    for found in report.problems[:listed]
                ],
                "problemCount": len(report.problems),
            }
        case InfoReport():
            return {
                "command": "info",
                "startedAt": report.started_at,
                "seconds": round(report.seconds, 3),
                "requests": report.requests,
                "keys": report.keys,
                "named": report.named,
                "elements": report.elements,
                "types": dict(report.types),
                "bytes": dict(report.bytes),
                "largest": report.largest,
                "expiries": dict(report.expiries),
                "waiting": dict(report.waiting),
                "unreadable": report.unreadable,
                "branches": report.branches,
                "rateRemaining": report.rate_remaining,
            }
    return {}


def several_to_json(command: str, reports: Sequence[tuple[str, AnyReport | GitKeyvalError]]) -> dict[str, JsonValue]:
    """Return what became of several repositories, by name, as JSON: the report of each, or the error that kept it from one."""
    listed = MAX_LISTED // len(reports)
    return {
        "command": command,
        "repositories": [
            {"repository": name, "report": None, "error": str(report)}
            if isinstance(report, GitKeyvalError)
            else {"repository": name, "report": to_json(report, listed), "error": None}
            for name, report in reports
        ],
    }


def _job(done: Done, listed: int) -> dict[str, JsonValue]:
    return {
        "job": done.plan.job,
        **done.numbers(),
        "facts": dict(done.plan.facts),
        "expiries": dict(done.plan.expiries),
        "ages": dict(done.plan.ages),
        "changed": [{"ref": action.ref, "why": action.why} for action in done.applied[:listed]],
        "leftAlone": [{"ref": item.ref, "why": item.why} for item in [*done.notable, *done.waiting][:listed]],
        "error": as_inputs(done.error) or None,
    }


def achieved(jobs: Iterable[Done], *, dry_run: bool) -> str:
    """Say what was gathered, removed and published, or is planned to be."""
    actions = [action for job in jobs for action in job.applied]
    counts = Counts.total(action.counts for action in actions)
    counters = len({action.ref for action in actions if action.kind is Kind.FOLD_BREADCRUMBS})
    collections = counted(counts.collections, "key")
    parts = (
        (counts.increments, f"{counted(counts.increments, 'breadcrumb')} of {counted(counters, 'counter')}", "gather", "gathered"),
        (counts.void_breadcrumbs, counted(counts.void_breadcrumbs, "void breadcrumb"), "delete", "deleted"),
        (counts.keys, counted(counts.keys, "expired key"), "remove", "removed"),
        (counts.elements, f"{counted(counts.elements, 'expired element')} of {collections}", "remove", "removed"),
        (counts.leftover_expiries, counted(counts.leftover_expiries, "leftover expiry", "leftover expiries"), "remove", "removed"),
        (counts.parked, counted(counts.parked, "parked value"), "delete", "deleted"),
        (counts.malformed, counted(counts.malformed, "malformed breadcrumb"), "delete", "deleted"),
        (counts.repaired, counted(counts.repaired, "damaged record"), "repair", "repaired"),
        (counts.published, counted(counts.published, "expiry id"), "publish", "published"),
    )
    return ", ".join(f"{what} {f'to {verb}' if dry_run else done}" for count, what, verb, done in parts if count)
