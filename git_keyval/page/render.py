"""From reports to the text of a page. Names may be anything: nothing in them is markup, and no script runs but ours."""

import base64
import hashlib
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from git_keyval.database.entries import Entry
from git_keyval.errors import GitKeyvalError
from git_keyval.format.times import iso_utc
from git_keyval.maintenance.plan import counted
from git_keyval.maintenance.presenter import (
    RECOMMENDED_BRANCHES,
    Code,
    Presentation,
    Section,
    Status,
    is_nearly_full,
    problem_sections,
    size_in_words,
    waiting_section,
)
from git_keyval.maintenance.report import PageReport
from git_keyval.page.timeline import timeline

_FOLDER = Path(__file__).parent
_LONGEST_NAME = 300
_MOST_COUNTERS = 50
_RECOMMENDED_BYTES = 1_000_000
"""How large GitHub recommends that one object is at most: docs/operations.md names the source."""

_WEEK = ("within a day", "within a week")


class Place(NamedTuple):
    """A repository, its page on GitHub if it has one, and what was read of it, or why nothing was."""

    name: str
    address: str | None
    report: PageReport | GitKeyvalError
    presentation: Presentation


class Row(NamedTuple):
    """A key, as the table shows it."""

    name: str
    named: bool
    kind: str
    size: str
    ends: str
    waiting: int | str
    place: str


class Meter(NamedTuple):
    """How much there is of what there should be at most."""

    label: str
    used: str
    most: str
    share: float

    @property
    def width(self) -> float:
        """Return the share in percent, at most all."""
        return round(min(1.0, self.share) * 100, 1)


def render(places: Sequence[Place], now: int, rate_remaining: int | None) -> str:
    """Return the page of one database, which may be spread over several repositories, as it was ``now``, in seconds."""
    reports = [place.report for place in places if isinstance(place.report, PageReport)]
    entries = [entry for report in reports for entry in report.entries]
    status = max((place.presentation.status for place in places), key=list(Status).index)
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, loader=FileSystemLoader(_FOLDER)
    )
    environment.tests["code"] = lambda cell: isinstance(cell, Code)
    style, script = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    infos = [report.info for report in reports]
    waiting = Tally[str]()
    kinds, sizes = Tally[str](), Tally[str]()
    for info in infos:
        waiting.update(info.waiting)
        kinds.update(info.types)
        sizes.update(info.bytes)
    return environment.get_template(
        "page.html"
    ).render(
        style=Markup(style),  # noqa: S704  # ours
        script=Markup(script),  # noqa: S704
        style_hash=_hash(style),
        script_hash=_hash(script),
        title=_title(places),
        places=places,
        status=status,
        reasons=list(_reasons(places)),
        made=iso_utc(now)[:16].replace("T", " "),
        keys=sum(info.keys for info in infos),
        named=sum(info.named for info in infos),
        elements=sum(info.elements for info in infos),
        size=size_in_words(sum(sizes.values())),
        soon=sum(info.expiries[label] for info in infos for label in _WEEK),
        kinds=[(kind, count, size_in_words(sizes[kind]) if sizes[kind] else "") for kind, count in kinds.most_common()],
        waits=waiting_section(waiting, sum(info.unreadable for info in infos)),
        counters=_counters(entries),
        timeline=timeline([entry.expiry for entry in entries], now),
        meters=_meters(places),
        rate_remaining=rate_remaining,
        problems=list(_problems(places)),
        problem_count=sum(len(report.check.problems) for report in reports) + len(places) - len(reports),
        failures=[(place.name, str(place.report)) for place in places if isinstance(place.report, GitKeyvalError)],
        rows=_rows(places),
        types=sorted({_kind(entry) for entry in entries}),
    )


def _hash(text: str) -> str:
    """Return how a Content-Security-Policy names a text that it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _title(places: Sequence[Place]) -> str:
    return places[0].name if len(places) == 1 else f"{places[0].name} and {len(places) - 1} more"


def _reasons(places: Sequence[Place]) -> Iterator[str]:
    """Yield why something needs attention, or has failed."""
    for place in places:
        where = f" in {place.name}" if len(places) > 1 else ""
        match place.report:
            case GitKeyvalError():
                yield f"{place.name} could not be read"
            case PageReport(info=info, check=check):
                if check.problems:
                    warnings = counted(len(check.problems) - check.count, "warning")
                    yield f"check found {counted(check.count, 'error')} and {warnings}{where}"
                if is_nearly_full(info):
                    branches = counted(info.branches, "branch", "branches")
                    yield f"{branches}{where}, where GitHub recommends {RECOMMENDED_BRANCHES:,} at most"


def _meters(places: Sequence[Place]) -> list[Meter]:
    """Return how near a database is to what GitHub recommends; of several repositories the one that is nearest."""
    infos = [(place.name, place.report.info) for place in places if isinstance(place.report, PageReport)]
    if not infos:
        return []
    where, fullest = max(infos, key=lambda each: each[1].branches)
    largest = max(info.largest for _, info in infos)
    of = f" of {where}" if len(places) > 1 else ""
    return [
        Meter(f"Branches{of}", f"{fullest.branches:,}", f"{RECOMMENDED_BRANCHES:,}", fullest.branches / RECOMMENDED_BRANCHES),
        Meter("Largest value", size_in_words(largest), size_in_words(_RECOMMENDED_BYTES), largest / _RECOMMENDED_BYTES),
    ]


def _problems(places: Sequence[Place]) -> Iterator[tuple[str, Section]]:
    for place in places:
        if isinstance(place.report, PageReport):
            yield from ((place.name, section) for section in problem_sections(place.report.check.problems) if section.rows)


def _counters(entries: Sequence[Entry]) -> list[tuple[str, int]]:
    """Return the counters at which most waits."""
    waiting = sorted((entry for entry in entries if entry.waiting), key=lambda entry: (-entry.waiting, entry.label))
    return [(shown_name(entry.label), entry.waiting) for entry in waiting[:_MOST_COUNTERS]]


def _rows(places: Sequence[Place]) -> list[Row]:
    """Return the rows of all keys, by name."""
    several = len(places) > 1
    rows = chain.from_iterable(
        (_row(entry, place.name if several else "") for entry in place.report.entries)
        for place in places
        if isinstance(place.report, PageReport)
    )
    return sorted(rows, key=lambda row: (not row.named, row.name))


def _row(entry: Entry, place: str) -> Row:
    return Row(
        shown_name(entry.label),
        isinstance(entry.name, str),
        _kind(entry),
        "" if entry.size is None else f"{entry.size:,}",
        "never" if entry.expiry is None else iso_utc(entry.expiry)[:16].replace("T", " "),
        entry.waiting or "",
        place,
    )


def _kind(entry: Entry) -> str:
    """Return category and type, once where they are the same."""
    return entry.type if entry.type == entry.category else f"{entry.category}/{entry.type}"


def shown_name(name: str) -> str:
    """Return a name on one line, with an escape for what cannot be seen or turns text around, and not without end."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"
