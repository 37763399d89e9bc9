"""The reports of the maintenance commands: as data, as JSON (docs/report.schema.json), and in words for whoever shows them.

Times are in seconds. The words are made of kinds and counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

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


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding of check. An ``error`` breaks a rule of the format; a ``warning`` is harmless, or ends by itself."""

    ref: str
    severity: str
    problem: str
    next_step: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What check found."""

    started_at: str
    seconds: float
    requests: int
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: Sequence[Problem] = ()

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


AnyReport: TypeAlias = Report | CheckReport | InitReport


def to_json(report: AnyReport, listed: int = MAX_LISTED) -> dict[str, JsonValue]:
    """Return a report as JSON, with so many refs of each kind; of init there is none."""
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
                "problems": [
                    {"ref": found.ref, "severity": found.severity, "problem": found.problem, "nextStep": found.next_step}
                    for found in report.problems[:listed]
                ],
                "problemCount": len(report.problems),
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


def outcome(report: Report) -> tuple[str, str]:
    """Say how much was done, or would be; and the rest of the sentence: what it was."""
    if not report.count and not any(job.planned for job in report.jobs):
        return ("Nothing was done." if report.error else "Nothing had to be done."), ""
    what = achieved(report.jobs)
    return f"{counted(report.count, 'write')} {'would be made' if report.dry_run else 'made'}", f"{': ' if what else ''}{what}."


def achieved(jobs: Iterable[Done]) -> str:
    """Say what was gathered, removed and published, or would be."""
    actions = [action for job in jobs for action in job.applied]
    counts = Counts.total(action.counts for action in actions)
    counters = len({action.ref for action in actions if action.kind is Kind.FOLD_BREADCRUMBS})
    parts = (
        (counts.increments, f"{counted(counts.increments, 'breadcrumb')} of {counted(counters, 'counter')} gathered"),
        (counts.void_breadcrumbs, f"{counted(counts.void_breadcrumbs, 'void breadcrumb')} deleted"),
        (counts.keys, f"{counted(counts.keys, 'expired key')} removed"),
        (counts.elements, f"{counted(counts.elements, 'expired element')} of {counted(counts.collections, 'key')} removed"),
        (counts.leftover_expiries, f"{counted(counts.leftover_expiries, 'leftover expiry', 'leftover expiries')} removed"),
        (counts.parked, f"{counted(counts.parked, 'parked value')} deleted"),
        (counts.malformed, f"{counted(counts.malformed, 'malformed breadcrumb')} deleted"),
        (counts.published, f"{counted(counts.published, 'expiry id')} published"),
    )
    return ", ".join(text for count, text in parts if count)


def found(report: CheckReport) -> tuple[str, str]:
    """Say how many rules are broken, and how much is only worth a look."""
    return counted(report.count, "error"), counted(len(report.problems) - report.count, "warning")


def spent(report: Report | CheckReport) -> tuple[str, str]:
    """Say how much time and how many requests a run took."""
    return f"{report.seconds:.1f} s", counted(report.requests, "request")
