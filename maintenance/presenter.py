"""What a run of maintenance achieved, in words that are made of kinds and counts, for everybody who shows it."""

from collections.abc import Iterable

from maintenance.execute import Done
from maintenance.plan import Counts, Kind, counted
from maintenance.report import CheckReport, Report


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
