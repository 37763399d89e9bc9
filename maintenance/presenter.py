"""What a run of maintenance achieved, left and failed at, computed from kinds and counts for everybody who shows it.

The job summary, the terminal and the JSON report differ in form only.
"""

from collections.abc import Iterable
from typing import NamedTuple

from git_keyval.errors import GitKeyvalError
from maintenance.execute import Done
from maintenance.plan import Counts, Kind, counted
from maintenance.report import AnyReport, CheckReport, Report


class Findings(NamedTuple):
    """What people should hear of a run beside its numbers; empty where there is nothing of the kind. An ``error`` is a failure."""

    notice: str = ""
    warning: str = ""
    error: str = ""


def findings(report: AnyReport | GitKeyvalError) -> Findings:
    """Say what is notable about a run, or about a repository that had none."""
    match report:
        case GitKeyvalError():
            return Findings(error=str(report).rstrip("."))
        case Report(budget=budget, error=error):
            left = f"{counted(report.notable(), 'ref')} had to be left alone" if report.notable() else ""
            return Findings(budget and reached(budget), left, error and f"ended early: {error.rstrip('.')}")
        case CheckReport(count=errors) if errors:
            return Findings(error=f"found {counted(errors, 'error')}")
        case CheckReport(problems=problems) if problems:
            return Findings(warning=f"found {counted(len(problems), 'thing')} worth a look")
    return Findings()


def reached(budget: str) -> str:
    """Say what the limit that ended a run early means."""
    return f"the budget {budget} was reached; the next run goes on"


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
