"""The output ``report`` (docs/report.schema.json)."""

from collections.abc import Sequence

from git_keyval.format.canonical import JsonValue
from maintenance.execute import Done
from maintenance.presenter import Numbers
from maintenance.report import CheckReport, Report

MAX_LISTED = 200
"""How many refs a report lists of each kind, unless it is one of several; the counts are always complete."""


def to_json(report: Report, listed: int = MAX_LISTED) -> dict[str, JsonValue]:
    """Return the report as JSON, with so many refs of each kind."""
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
    """Return the findings of check as JSON, so many of them."""
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
    """Return the reports of several repositories, by name, as JSON; a text is the error that kept a repository from a report."""
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
        **Numbers.of(done)._asdict(),
        "facts": dict(done.plan.facts),
        "expiries": dict(done.plan.expiries),
        "ages": dict(done.plan.ages),
        "changed": [{"ref": action.ref, "why": action.why} for action in done.applied[:listed]],
        "leftAlone": [{"ref": item.ref, "why": item.why} for item in [*done.notable, *done.waiting][:listed]],
        "error": done.error or None,
    }
