"""Reports of maintenance, of one repository or of several, for a person: what the presenter says, as text."""

from collections.abc import Iterator, Sequence

from git_keyval.cli.failures import EndedEarlyError, RepositoryFailedError, RulesBrokenError
from git_keyval.cli.tables import drawn
from git_keyval.cli.terminal import harmless_line, write_text
from git_keyval.dispatch.upkeep import Outcome
from git_keyval.errors import GitKeyvalError
from git_keyval.maintenance.execute import Done
from git_keyval.maintenance.plan import counted
from git_keyval.maintenance.presenter import Presentation, Section, overview
from git_keyval.maintenance.report import CheckReport, Report


def write_reports(shown: Sequence[tuple[str, Presentation]], *, listed: bool, coloured: bool) -> None:
    """Write the report of each repository, under its name if they are a list. Raises UndeliveredError."""
    for name, presentation in shown:
        write_text(
            (f"{harmless_line(name)}\n" if listed else "") + _report(presentation, coloured=coloured) + ("\n" if listed else "")
        )
    if listed:
        write_text(f"{overview(shown)[0]}\n")


def failures_of(done: Sequence[Outcome], *, listed: bool) -> Iterator[GitKeyvalError]:
    """Yield what makes a call fail: repositories that could not be used, runs that ended early, and broken rules."""
    for upkeep in done:
        where = f" in {upkeep.repository}" if listed else ""
        match upkeep.report:
            case GitKeyvalError() as error:
                yield RepositoryFailedError(f"{upkeep.repository}: {error.text}")
            case Report() as report if report.error:
                yield EndedEarlyError(f"{report.command}{where} ended early: {report.error}")
            case CheckReport(repair=Done(error=error)) if error:
                yield EndedEarlyError(f"check{where} ended early: {error}")
            case CheckReport(count=broken) if broken:
                yield RulesBrokenError(f"check{where} found {counted(broken, 'broken rule')}; the report names the refs.")


def _report(shown: Presentation, *, coloured: bool) -> str:
    lines = [f"{shown.title}: {shown.status}. {shown.did}{shown.rest}", *(f"{label} {text}".strip() for label, text in shown.notes)]
    tables = "".join(_section(section, coloured=coloured) for section in shown.sections)
    spent = f"{', '.join(reversed(shown.spent))}\n" if shown.spent else ""
    return "".join(f"{harmless_line(line)}\n" for line in lines) + tables + spent


def _section(section: Section, *, coloured: bool) -> str:
    title = f"\n{section.title}\n" if section.title else "\n"
    more = f"… and {section.more:,} more\n" if section.more > 0 else ""
    rows = [[f"{cell:,}" if isinstance(cell, int) else harmless_line(cell) for cell in row] for row in section.rows]
    if section.sentence:
        return "".join(f"{section.sentence.format(*row)}\n" for row in rows) + more
    numbers = [place for place, cell in enumerate(section.rows[0]) if isinstance(cell, int)]
    return f"{title}{drawn(section.heads, rows, numbers, coloured=coloured)}{more}"
