"""The job summary, in Markdown that also reads well as plain text."""

from collections.abc import Iterable, Sequence

from maintenance.execute import Done
from maintenance.report import CheckReport, Report

_LISTED = 20


def summary(report: Report) -> str:
    """Describe a maintenance run: counts per job, what was removed and why, what was left and why, and when live keys expire."""
    tense = "would be made" if report.dry_run else "made"
    writes = sum(len(job.applied) for job in report.jobs)
    lines = [f"## git-keyval {report.command}{' (dry run)' if report.dry_run else ''}", ""]
    lines += [
        f"{writes} writes {tense} in {report.seconds:.1f} s with {report.requests} requests, started {report.started_at}.",
        "",
    ]
    if report.budget:
        lines += [f"The budget `{report.budget}` was reached; the next run goes on.", ""]
    if report.error:
        lines += [f"**Ended early:** {report.error}", ""]
    rows = [_row(job) for job in report.jobs]
    head = ("job", "refs read", "planned", "done", "changed meanwhile", "failed", "deferred", "left")
    lines += [*_table(head, rows), ""]
    for job in report.jobs:
        lines += _details(job, report)
        lines += _horizon(job)
    return "\n".join(lines) + "\n"


def check_summary(report: CheckReport) -> str:
    """Describe what check found."""
    lines = ["## git-keyval check", ""]
    lines += [
        f"{report.errors()} errors, {len(report.problems) - report.errors()} warnings, {report.requests} requests.",
        "",
    ]
    lines += [*_table(("what", "how many"), [(name, str(count)) for name, count in sorted(report.counts.items())]), ""]
    if report.problems:
        rows = [(found.severity, _ref(found.ref), _cell(found.problem)) for found in report.problems[: _LISTED * 10]]
        lines += [*_table(("severity", "ref", "problem"), rows), ""]
    return "\n".join(lines) + "\n"


def _row(job: Done) -> tuple[str, ...]:
    counts = (job.plan.examined, job.planned, len(job.applied), len(job.conflicts), len(job.failed), job.deferred)
    return (job.plan.job, *map(str, counts), str(len(job.plan.left)))


def _details(job: Done, report: Report) -> list[str]:
    lines: list[str] = []
    done = "Would change" if report.dry_run else "Changed"
    lines += _listing(f"{job.plan.job}: {done.lower()}", [(item.ref, item.why) for item in job.applied])
    left = [*job.failed, *job.plan.left, *job.conflicts]
    lines += _listing(f"{job.plan.job}: left alone", [(item.ref, item.why) for item in left])
    return lines


def _listing(title: str, items: Sequence[tuple[str, str]]) -> list[str]:
    if not items:
        return []
    rows = [(_ref(ref), _cell(why)) for ref, why in items[:_LISTED]]
    more = [f"… and {len(items) - _LISTED} more.", ""] if len(items) > _LISTED else []
    return [f"### {title} ({len(items)})", "", *_table(("ref", "why"), rows), "", *more]


def _horizon(job: Done) -> list[str]:
    expiries = job.plan.expiries
    if not sum(expiries.values()):
        return []
    names = ", ".join(f'"{name}"' for name in expiries)
    counts = ", ".join(str(count) for count in expiries.values())
    return [
        "### When the live keys expire",
        "",
        "```mermaid",
        "xychart-beta",
        f"    x-axis [{names}]",
        f'    y-axis "keys" 0 --> {max(expiries.values())}',
        f"    bar [{counts}]",
        "```",
        "",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]


def _ref(name: str) -> str:
    # Two backticks may hold one; a pipe ends a cell even there.
    return f"`` {name} ``".replace("|", "\\|") if "`" in name else f"`{name}`".replace("|", "\\|")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
