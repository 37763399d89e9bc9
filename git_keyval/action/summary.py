"""The job summary, in Markdown that also reads well as plain text.

Ref names and the words of servers may be anything: they are shown as code, where GitHub makes nothing of markup, mentions and
links. Charts are mermaid's (https://mermaid.js.org/syntax/xyChart.html, https://mermaid.js.org/syntax/pie.html), each beside a
table with the same numbers.
"""

import re
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence

from git_keyval.action.runner import printable
from git_keyval.errors import as_inputs
from git_keyval.maintenance.execute import Done
from git_keyval.maintenance.plan import Action, Left, counted
from git_keyval.maintenance.report import CheckReport, Problem, Report, found, outcome, spent

_LISTED = 20
_LISTED_PROBLEMS = 200
_LONGEST = 300

# What is in no way special in GitHub's Markdown, inside a line.
_PLAIN = re.compile(r"[A-Za-z0-9 ,.;:'()/+-]*")
_LINKED = re.compile(r"www\.|://|gh-\d|:[a-z0-9+-]*[a-z+][a-z0-9+-]*:", re.IGNORECASE)
_BACKTICKS = re.compile("`+")
_PIPE = re.compile(r"(\\*)\|")

_CATEGORIES = ("data", "counter", "map", "array", "redirect", "unknown")
_COUNTED = {
    "keys": "keys",
    **{name: f"keys of category {name}" for name in _CATEGORIES},
    "elements": "elements of maps and arrays",
    "expiries": "keys that expire",
    "expired": "keys that have expired and were not swept yet",
    "elementExpiries": "elements that expire",
    "storedKeys": "keys stored by name",
    "breadcrumbs": "breadcrumbs waiting for gather",
    "parked": "values parked by getdel",
    "published": "expiry ids published for readers",
    "foreign": "refs that only look like the database's",
}


def summary(report: Report) -> str:
    """Describe a maintenance run: first what happened, and what needs a look."""
    lines = [*_beginning(report), *_counts(report)]
    for job in report.jobs:
        lines += _notable(job)
    if any(item.notable for job in report.jobs for item in job.plan.left):
        lines += ["The command `check` tells what is wrong with what is stored, and what to do about it.", ""]
    for job in report.jobs:
        lines += _chart("How old the breadcrumbs were", "age", "breadcrumbs", job.plan.ages)
        lines += _chart("When the live keys expire", "when", "keys", job.plan.expiries)
    for job in report.jobs:
        lines += _reasons(f"{job.plan.job}: {'would change' if report.dry_run else 'changed'}", "writes", job.applied)
        lines += _reasons(f"{job.plan.job}: waiting", "refs", job.waiting)
    return "\n".join(lines)


def check_summary(report: CheckReport) -> str:
    """Describe what check found, and what to do about it."""
    what = " and ".join(found(report)) if report.problems else "No problems found"
    keys = f"in {counted(report.counts.get('keys', 0), 'key')}"
    lines = ["## git-keyval check", "", f"**{what}** {keys}.", "", f"{_spent(report)}; nothing was changed.", ""]
    if report.problems:
        lines += _problems(report.problems)
    names = [*_COUNTED, *sorted(report.counts.keys() - _COUNTED.keys())]
    if there := {_COUNTED.get(name, name): report.counts[name] for name in names if report.counts.get(name)}:
        lines += _section("What is there", _numbers("what", "how many", there))
    categories = {name: report.counts[name] for name in _CATEGORIES if report.counts.get(name)}
    if len(categories) > 1:
        slices = (f'    "{name}" : {count}' for name, count in categories.items())
        lines += _section("Keys by category", ["```mermaid", "pie showData", *slices, "```"])
    return "\n".join(lines)


def _beginning(report: Report) -> list[str]:
    did, rest = outcome(report)
    lines = [
        f"## git-keyval {report.command}{' (dry run)' if report.dry_run else ''}",
        f"**{did}**{rest}",
        f"**Ended early:** {_words(as_inputs(report.error))}" if report.error else "",
        f"The budget `{report.budget}` was reached; the next run goes on." if report.budget else "",
        f"Not started: {', '.join(report.not_started)}." if report.not_started else "",
        f"{_spent(report)}.",
    ]
    return [line for text in lines if text for line in (text, "")]


def _spent(report: Report | CheckReport) -> str:
    return f"It took {' and '.join(spent(report))}, and began at {report.started_at}"


def _counts(report: Report) -> list[str]:
    """Make the table of the jobs; what is rare has a column only where it happened."""
    if not report.jobs:
        return []
    made = "would be made" if report.dry_run else "made"
    heads = ("refs read", "planned", made, "changed meanwhile", "failed", "left for the next run", "waiting", "left alone")
    counts = []
    for job in report.jobs:
        *transactions, left = job.numbers().values()
        notable = sum(item.notable for item in job.plan.left)
        counts.append((*transactions, left - notable, notable))
    columns = zip(heads, zip(*counts, strict=True), strict=True)
    shown = {head: column for head, column in columns if head in heads[:3] or any(column)}
    rows = [(job.plan.job, *(f"{count:,}" for count in row)) for job, *row in zip(report.jobs, *shown.values(), strict=True)]
    return [*_table(("job", *shown), rows, numbers=len(shown)), ""]


def _notable(job: Done) -> list[str]:
    items = job.notable
    if not items:
        return []
    rows = [(as_code(item.ref), _words(item.why)) for item in items[:_LISTED]]
    title = f"{job.plan.job}: left alone, and worth a look ({len(items):,})"
    return _section(title, _table(("ref", "why"), rows), more=len(items) - _LISTED)


def _reasons(title: str, unit: str, items: Sequence[Action | Left]) -> list[str]:
    """Count by reason, with one ref of each; all refs would only be long."""
    if not items:
        return []
    counts = Tally(item.why for item in items)
    examples = {item.why: item.ref for item in reversed(items)}
    common = counts.most_common(_LISTED)
    rows = [(_words(why), as_code(examples[why]), f"{count:,}") for why, count in common]
    table = _table(("why", "for example", unit), rows, numbers=1)
    return _section(f"{title} ({len(items):,})", table, more=len(items) - sum(count for _, count in common))


def _section(title: str, lines: Iterable[str], *, more: int = 0) -> list[str]:
    """Return lines below a title, and how many more there are, where some are left out."""
    return [f"### {title}", "", *lines, "", *([f"… and {more:,} more.", ""] if more > 0 else [])]


def _problems(problems: Sequence[Problem]) -> list[str]:
    kinds = Tally((found.severity, found.problem, found.next_step.replace(found.ref, "REF")) for found in problems)
    rows = [
        (severity, _words(problem), f"{count:,}", _words(next_step))
        for (severity, problem, next_step), count in sorted(kinds.items(), key=lambda kind: (kind[0][0], -kind[1]))[:_LISTED]
    ]
    places = [(found.severity, as_code(found.ref), _words(found.problem)) for found in problems[:_LISTED_PROBLEMS]]
    which = _table(("severity", "ref", "problem"), places)
    return [
        *_section("What to do", _table(("severity", "problem", "refs", "what to do"), rows)),
        *_section(f"Which refs ({len(problems):,})", which, more=len(problems) - _LISTED_PROBLEMS),
    ]


def _chart(title: str, axis: str, unit: str, counts: Mapping[str, int]) -> list[str]:
    """Make a table, and bars of the same numbers where there is more than one; nothing where there is nothing to count."""
    if not any(counts.values()):
        return []
    lines = _section(title, _numbers(axis, unit, counts))
    labels = ", ".join(f'"{label}"' for label in counts)
    bars = [
        "```mermaid",
        "xychart-beta",
        f"    x-axis [{labels}]",
        f'    y-axis "{unit}" 0 --> {max(counts.values())}',
        f"    bar [{', '.join(map(str, counts.values()))}]",
        "```",
    ]
    return [*lines, *bars, ""] if sum(map(bool, counts.values())) > 1 else lines


def _numbers(head: str, unit: str, counts: Mapping[str, int]) -> list[str]:
    return _table((head, unit), [(_words(label), f"{count:,}") for label, count in counts.items()], numbers=1)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> list[str]:
    """Make a table; so many columns at the end hold numbers. A pipe ends a cell, even in code, unless backslashes escape it."""
    rules = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    cells = ([_PIPE.sub(_escape_pipe, cell) for cell in row] for row in rows)
    return [f"| {' | '.join(head)} |", f"| {' | '.join(rules)} |", *(f"| {' | '.join(row)} |" for row in cells)]


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
