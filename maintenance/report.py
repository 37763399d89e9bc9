"""The report of a maintenance run, as data and as JSON (docs/report.schema.json)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from git_keyval.format.canonical import JsonValue
from maintenance.execute import Done

MAX_LISTED = 200
"""How many refs a report lists of each kind, unless it is one of several; the counts are always complete."""


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
        """Give what failed, if anything did: of several jobs, each with its name."""
        failed = {done.plan.job: done.error for done in self.jobs if done.error}
        return " ".join(f"{job}: {error}" for job, error in failed.items()) if len(failed) > 1 else "".join(failed.values())

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


def to_json(report: Report, listed: int = MAX_LISTED) -> dict[str, JsonValue]:
    """Give the report as JSON, with so many refs of each kind."""
    return {
        "command": report.command,
        "dryRun": report.dry_run,
        "startedAt": report.started_at,
        "seconds": round(report.seconds, 3),
        "requests": report.requests,
        "budgetReached": report.budget or None,
        "jobs": [_job(done, listed) for done in report.jobs],
    }


def check_to_json(report: CheckReport, listed: int = MAX_LISTED) -> dict[str, JsonValue]:
    """Give the findings of check as JSON, so many of them."""
    return {
        "command": "check",
        "startedAt": report.started_at,
        "seconds": round(report.seconds, 3),
        "requests": report.requests,
        "counts": dict(report.counts),
        "errors": report.errors(),
        "problems": [
            {"ref": found.ref, "severity": found.severity, "problem": found.problem, "nextStep": found.next_step}
            for found in report.problems[:listed]
        ],
        "problemCount": len(report.problems),
    }


def several_to_json(command: str, reports: Sequence[tuple[str, dict[str, JsonValue] | str]]) -> dict[str, JsonValue]:
    """Give the reports of several repositories, by name, as JSON; a text is the error that kept a repository from a report."""
    return {
        "command": command,
        "repositories": [
            {"repository": name, "report": None, "error": report}
            if isinstance(report, str)
            else {"repository": name, "report": report, "error": None}
            for name, report in reports
        ],
    }


def _job(done: Done, listed: int) -> dict[str, JsonValue]:
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
        "changed": [{"ref": action.ref, "why": action.why} for action in done.applied[:listed]],
        "leftAlone": [{"ref": item.ref, "why": item.why} for item in [*done.failed, *done.plan.left, *done.conflicts][:listed]],
        "error": done.error or None,
    }
