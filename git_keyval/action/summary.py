"""The job summary: what the presenter says, in Markdown that also reads well as plain text.

Ref names and the words of servers may be anything: they are shown as code, where GitHub makes nothing of markup, mentions and
links. Charts are mermaid's (https://mermaid.js.org/syntax/xyChart.html), each below a table with the same numbers.
"""

import re
from collections.abc import Iterable, Sequence

from git_keyval.action.runner import printable
from git_keyval.maintenance.presenter import Code, Presentation, Section, Status, overview

_LONGEST = 300
_MARKS = {Status.FINE: "✅", Status.ATTENTION: "⚠️", Status.FAILED: "❌"}

# What is in no way special in GitHub's Markdown, inside a line.
_PLAIN = re.compile(r"[A-Za-z0-9 ,.;:'()/+-]*")
_LINKED = re.compile(r"www\.|://|gh-\d|:[a-z0-9+-]*[a-z+][a-z0-9+-]*:", re.IGNORECASE)
_BACKTICKS = re.compile("`+")
_PIPE = re.compile(r"(\\*)\|")


def summary(shown: Presentation, repository: str, address: str | None) -> str:
    """Describe what became of a repository, whose page is at the address if it has one: its state first."""
    return "\n".join(
        [
            f"## {_MARKS[shown.status]} git-keyval {shown.title}: {_state(shown.status)}",
            "",
            f"{_linked(repository, address)}: **{_words(shown.did)}**{_sentence(shown.rest)}",
            "",
            *(line for label, text in shown.notes for line in (_note(label, text), "")),
            *([f"It took {' and '.join(shown.spent)}, and began at {shown.began}.", ""] if shown.spent else []),
            *(line for section in shown.sections for line in _section(section)),
        ]
    )


def overview_summary(title: str, shown: Sequence[tuple[str, str | None, Presentation]]) -> str:
    """Describe what became of several repositories: a line for each, and more of those where there is more to say."""
    sentence, section = overview([(name, presentation) for name, _, presentation in shown])
    worst = max((presentation.status for _, _, presentation in shown), key=list(Status).index)
    rows = [
        (_linked(name, address), f"{_MARKS[each.status]} {state}", _sentence(what))
        for (name, address, each), (_, state, what) in zip(shown, section.rows, strict=True)
        if isinstance(what, str)
    ]
    lines = [f"# {_MARKS[worst]} git-keyval {title}", "", sentence, "", *_table(section.heads, rows), ""]
    return "\n".join([*lines, *(summary(each, name, address) for name, address, each in shown if each.sections or each.notes)])


def _state(status: Status) -> str:
    return "needs attention" if status is Status.ATTENTION else status


def _linked(repository: str, address: str | None) -> str:
    return as_code(repository) if address is None else f"[{as_code(repository)}]({address})"


def _note(label: str, text: str) -> str:
    return f"**{label}** {_sentence(text)}" if label else _sentence(text)


def _sentence(text: str) -> str:
    """Return a sentence; what begins it, or is around it, in white space is kept."""
    shown = _words(text.strip())
    return f"{' ' if text.startswith(' ') else ''}{shown}" if text else ""


def _section(section: Section) -> list[str]:
    heading = [f"### {section.title}", ""] if section.title else []
    rows = [[_cell(cell) for cell in row] for row in section.rows]
    numbers = [place for place, cell in enumerate(section.rows[0]) if isinstance(cell, int)]
    more = [f"… and {section.more:,} more.", ""] if section.more > 0 else []
    return [*heading, *_table(section.heads, rows, numbers), "", *more, *(_bars(section) if section.bars else [])]


def _bars(section: Section) -> list[str]:
    labels, counts = [f'"{row[0]}"' for row in section.rows], [row[-1] for row in section.rows if isinstance(row[-1], int)]
    return [
        "```mermaid",
        "xychart-beta",
        f"    x-axis [{', '.join(labels)}]",
        f'    y-axis "{section.heads[-1]}" 0 --> {max(counts)}',
        f"    bar [{', '.join(map(str, counts))}]",
        "```",
        "",
    ]


def _cell(cell: str | int) -> str:
    if isinstance(cell, int):
        return f"{cell:,}"
    return as_code(cell) if isinstance(cell, Code) else _words(cell)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> list[str]:
    """Make a table, with numbers in some columns. A pipe ends a cell, even in code, unless backslashes escape it."""
    rules = ["---:" if place in numbers else "---" for place in range(len(heads))]
    cells = ([_PIPE.sub(_escape_pipe, cell) for cell in row] for row in rows)
    return [f"| {' | '.join(heads)} |", f"| {' | '.join(rules)} |", *(f"| {' | '.join(row)} |" for row in cells)]


def _escape_pipe(found: re.Match[str]) -> str:
    # Renderers differ in how they count backslashes; of an odd number all say that the last one escapes the pipe.
    return found[1] + ("\\|" if len(found[1]) % 2 == 0 else "\\\\|")


def _words(text: str) -> str:
    """Return plain words as they are, and anything else as code: nothing in there is a link, a mention, or markup."""
    return text if _PLAIN.fullmatch(text) and not _LINKED.search(text) else as_code(text)


def as_code(text: str) -> str:
    """Return any text as code on one line. It begins and ends with more backticks in a row than it holds."""
    shown = printable(text)
    shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
    longest = max((len(found) for found in _BACKTICKS.findall(shown)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {shown} {fence}" if longest else f"{fence}{shown or ' '}{fence}"
