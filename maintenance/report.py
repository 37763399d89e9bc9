"""The report of a maintenance run, as data and as JSON (docs/report.schema.json)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from git_keyval.format.canonical import JsonValue
from maintenance.execute import Done
from maintenance.plan import Action, Left

MAX_LISTED = 200
"""How many refs a report lists of each kind; the counts are always complete."""


@dataclass(frozen=True, slots=True)
class Report:
    """A maintenance run: its jobs in order. Times are in seconds; ``budget`` names the limit that ended it early, if one did."""

    command: str
    dry_run: bool
    started_at: str
    seconds: float
    requests: int
    jobs: Sequence[Done] = ()
    budget: str = ""

    @property
    def error(self) -> str:
        """Give what ended the run early, if it failed."""
        return next((done.error for done in self.jobs if done.error), "")

    def notable(self) -> int:
        """Count what had to be left alone and will not go away by itself."""
        return sum(len(done.failed) + sum(left.notable for left in done.plan.left) for done in self.jobs)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of check, and what to do about it.

    An ``error`` breaks a rule of the format; a ``warning`` is harmless, or ends by itself.
    """

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
    counts: dict[str, int] = field(default_factory=dict)
    problems: Sequence[Problem] = ()

    def errors(self) -> int:
        """Count the findings that break a rule."""
        return sum(problem.severity == "error" for problem in self.problems)


def to_json(report: Report) -> dict[str, JsonValue]:
    """Give the report as JSON."""
    return {
        "command": report.command,
        "dryRun": report.dry_run,
        "startedAt": report.started_at,
        "seconds": round(report.seconds, 3),
        "requests": report.requests,
        "budgetReached": report.budget or None,
        "jobs": [_job(done) for done in report.jobs],
    }


def check_to_json(report: CheckReport) -> dict[str, JsonValue]:
    """Give the findings of check as JSON."""
    return {
        "command": "check",
        "startedAt": report.started_at,
        "seconds": round(report.seconds, 3),
        "requests": report.requests,
        "counts": dict(report.counts),
        "errors": report.errors(),
        "problems": [
            {"ref": found.ref, "severity": found.severity, "problem": found.problem, "nextStep": found.next_step}
            for found in report.problems[:MAX_LISTED]
        ],
        "problemCount": len(report.problems),
    }


def _job(done: Done) -> dict[str, JsonValue]:
    return {
        "job": done.plan.job,
        "examined": done.plan.examined,
        "planned": done.planned,
        "applied": len(done.applied),
        "conflicts": len(done.conflicts),
        "failed": len(done.failed),
        "deferred": done.deferred,
        "left": len(done.plan.left),
        "facts": dict(done.plan.facts),
        "expiries": dict(done.plan.expiries),
        "ages": dict(done.plan.ages),
        "changed": _actions(done.applied),
        "leftAlone": _left([*done.failed, *done.plan.left, *done.conflicts]),
        "error": done.error or None,
    }


def _actions(actions: Sequence[Action]) -> list[JsonValue]:
    return [{"ref": action.ref, "why": action.why} for action in actions[:MAX_LISTED]]


def _left(left: Sequence[Left]) -> list[JsonValue]:
    return [{"ref": item.ref, "why": item.why} for item in left[:MAX_LISTED]]
