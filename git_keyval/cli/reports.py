"""Reports of maintenance, of one repository or of several, for a person."""

import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from git_keyval.cli.failures import EndedEarlyError, RepositoryFailedError, RulesBrokenError
from git_keyval.cli.terminal import harmless_line, write_text
from git_keyval.dispatch.upkeep import Outcome
from git_keyval.errors import GitKeyvalError
from git_keyval.maintenance.plan import counted
from git_keyval.maintenance.report import AnyReport, CheckReport, InitReport, Report, found, spent

_LISTED = 50
_NUMBERS = ("refs read", "planned", "done", "changed meanwhile", "failed", "deferred", "left")
_NOT_IF_DRY = {"done", "changed meanwhile", "failed"}
"""What a dry run would do is planned, and not done."""


def write_reports(done: Sequence[Outcome], *, listed: bool, coloured: bool) -> None:
    """Write the report of each repository, under its name if they are a list. Raises UndeliveredError."""
    for upkeep in done:
        heading = f"{harmless_line(upkeep.repository)}\n" if listed else ""
        lines = "".join(f"{harmless_line(line)}\n" for line in _lines(upkeep.report))
        write_text(heading + _table(upkeep.report, coloured=coloured) + lines)


def failures_of(done: Sequence[Outcome], *, listed: bool) -> Iterator[GitKeyvalError]:
    """Yield what makes a call fail: repositories that could not be used, runs that ended early, and broken rules."""
    for upkeep in done:
        where = f" in {upkeep.repository}" if listed else ""
        match upkeep.report:
            case GitKeyvalError() as error:
                yield RepositoryFailedError(f"{upkeep.repository}: {error.text}")
            case Report() as report if report.error:
                yield EndedEarlyError(f"{report.command}{where} ended early: {report.error}")
            case CheckReport(count=broken) if broken:
                yield RulesBrokenError(f"check{where} found {counted(broken, 'broken rule')}; the report names the refs.")


def _table(report: AnyReport | GitKeyvalError, *, coloured: bool) -> str:
    if not isinstance(report, Report):
        return ""
    table = Table("job", title=f"{report.command}{' (dry run)' if report.dry_run else ''}", title_justify="left")
    shown = [head for head in _NUMBERS if not (report.dry_run and head in _NOT_IF_DRY)]
    for head in shown:
        table.add_column(head, justify="right")
    for job in report.jobs:
        numbers = dict(zip(_NUMBERS, map(str, job.numbers().values()), strict=True))
        table.add_row(job.plan.job, *(numbers[head] for head in shown))
    console = Console(file=sys.stdout, color_system="auto" if coloured else None)
    with console.capture() as drawn:
        console.print(table)
    return drawn.get()


def _lines(report: AnyReport | GitKeyvalError) -> Iterator[str]:
    match report:
        case Report():
            for job in report.jobs:
                yield from (f"left {left.ref}: {left.why}" for left in job.notable[:_LISTED])
            seconds, requests = spent(report)
            yield f"{requests}, {seconds}"
            if report.budget:
                yield f"The budget {report.budget} was reached; the next run goes on."
        case CheckReport():
            yield from (f"{problem.severity} {problem.ref}: {problem.problem}. {problem.next_step}" for problem in report.problems)
            counts = ", ".join(f"{count} {name}" for name, count in sorted(report.counts.items()))
            yield f"{', '.join(found(report))}; {counts or 'nothing here'}"
        case InitReport():
            yield from (f"created {name}" for name in report.created)
            if not report.created:
                yield "nothing to do"
