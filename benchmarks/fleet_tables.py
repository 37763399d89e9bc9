"""What is recorded of many repositories, as tables: for docs/performance.md, and for docs/sizing.md."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.charts import chart
from benchmarks.recorded import FleetRecord

_NONE = "-"
_MINUTE, _HOUR = 60, 3_600
_WAYS = {"auto": "`transport: auto`", "api": "`transport: api`", "git": "`transport: git`", "batch": "ten in each `batch`"}
_LIMITS = {
    "content a minute": "80 requests a minute that create content",
    "content an hour": "500 requests an hour that create content",
    "points a minute": "900 points a minute of REST, or 2,000 of GraphQL",
    "core requests an hour": "requests an hour of REST",
    "graphql requests an hour": "points an hour of GraphQL",
    "pushes a minute": "6 pushes a minute to one repository",
    "reads by git a second": "15 reads by git a second of one repository",
}
_SPENT = ("rest", "graphql", "git", "content", "pushes", "refused")
_TOKENS = {1_000: "the workflow's", 5_000: "personal", 12_500: "of an App"}


def fleet_tables(record: FleetRecord) -> str:
    """Return what docs/performance.md shows of it."""
    return "\n\n".join(
        [
            "### Many repositories",
            _told(record),
            "![The length of a night over the number of repositories](performance/night.svg)",
            "A night's maintenance:",
            _table(
                ("repositories", "keys", "transport", "jobs", "token", *_heads(), "not maintained", "length", "first limit"),
                5,
                (_night(row) for row in record.nights if row["repositories"] > _FEW or row["transport"] == "auto"),
            ),
            "A day's steps, over 256 repositories:",
            _table(
                ("steps", "made by", "hours", "tokens", *_heads(), "waited", "failed", "first limit"),
                4,
                (_day(row) for row in record.days if row["way"] != "api"),
            ),
        ]
    )


_FEW = 16
_EXAMPLE = 50_000


def sizing_tables(record: FleetRecord) -> str:
    """Return the generated part of docs/sizing.md."""
    return (
        "\n\n".join(
            [
                _example(next(row for row in record.sizes if row["keys"] == _EXAMPLE)),
                "What a night costs, by the number of keys:",
                _table(
                    (
                        "keys",
                        "repositories",
                        "branches of each",
                        "requests to the API",
                        "pushes",
                        "in one job",
                        "paid for",
                        "4 jobs at a time",
                        "paid for",
                    ),
                    0,
                    map(_size, record.sizes),
                ),
                "How many steps a day each limit has room for, with a personal token, if they come evenly:",
                _table(
                    ("steps", "repositories", "content", "REST", "GraphQL", "pushes"),
                    2,
                    (_room(row) for row in record.rooms if row["way"] != "api" and _says_more(row)),
                ),
            ]
        )
        + "\n"
    )


def fleet_charts(record: FleetRecord) -> dict[str, str]:
    """Return the chart by the name of its file."""
    lines = {
        "4 jobs": _nights(record, transport="auto", at_once=4),
        "one job": _nights(record, transport="auto", at_once=0),
        "API only": _nights(record, transport="api", at_once=4),
    }
    title = "Maintenance of repositories of 3,906 keys"
    return {"night.svg": chart(title, "from the beginning to the end", lines, of="repositories")}


def _nights(record: FleetRecord, **wanted: object) -> Sequence[tuple[float, float]]:
    found = {
        row["repositories"]: row["seconds"]
        for row in record.nights
        if row["counted"] and all(row[name] == value for name, value in wanted.items())
    }
    return sorted(found.items())


def _told(record: FleetRecord) -> str:
    checks = record.checks
    total = {name: sum(check[name] for check in checks) for name in ("requests", "refused", "differences")}
    return (
        f"Counted on {record.date} on the emulated GitHub, which enforced every limit that GitHub documents:\n"
        f"{len(checks)} runs of the product on 1 to 256 repositories, with {total['requests']:,} requests, of which\n"
        f"limits refused {total['refused']:,}. A model says the same of each run, request by request and wait by wait, with "
        f"{total['differences']} differences.\n"
        "The days are the model's, and the nights where *by the model* stands. A request takes 0.3 s here, and a job 30 s\n"
        f"before its first one. Keys do not fall evenly: the fullest of 256 repositories has {_fullest(record):,} branches.\n\n"
        "*Content* are the requests that may be content, for nobody knows which are: all that write by the API. *Refused*\n"
        "requests are not among the others. The token of a workflow in each repository stands for 256 workflows, each with one\n"
        "repository."
    )


def _fullest(record: FleetRecord) -> int:
    return max(int(row["branches"]) for row in record.nights if row["counted"])


def _heads() -> tuple[str, ...]:
    return "REST", "GraphQL", "git", "content", "pushes", "refused"


def _night(row: Mapping[str, Any]) -> tuple[str, ...]:
    jobs = f"{row['at_once']} at a time" if row["at_once"] else "one for all"
    token = "the workflow's, in each" if row["own"] else _TOKENS[row["per_hour"]]
    keys = f"{row['keys'] * row['repositories']:,}"
    length = f"{_length(row['seconds'])}{'' if row['counted'] else ', by the model'}"
    patient = f", `max-seconds: {row['patience']:.0f}`" if row["patience"] != _USUAL else ""
    numbers = [f"{row[name]:,}" for name in (*_SPENT, "stopped")]
    return (
        f"{row['repositories']}",
        keys,
        f"`{row['transport']}`",
        f"{jobs}{patient}",
        token,
        *numbers,
        length,
        _limit(row["first"]),
    )


_USUAL = 3_000


def _day(row: Mapping[str, Any]) -> tuple[str, ...]:
    token = _TOKENS[row["per_hour"]]
    tokens = token if row["tokens"] == 1 else f"{row['tokens']}, {token}"
    numbers = [f"{row[name]:,}" for name in (*_SPENT, "waited", "stopped")]
    return (f"{row['steps']:,}", _WAYS[row["way"]], f"{row['hours']:g}", tokens, *numbers, _limit(row["first"]))


def _size(row: Mapping[str, Any]) -> tuple[str, ...]:
    counts = (row["keys"], row["repositories"], row["branches"], row["api"], row["pushes"])
    alone = (_length(row["seconds_in_one"]), _minutes(row["minutes_in_one"]))
    return (*(f"{count:,}" for count in counts), *alone, _length(row["seconds"]), _minutes(row["minutes"]))


def _room(row: Mapping[str, Any]) -> tuple[str, ...]:
    least = min(row["most"].values())
    cells = [
        _NONE if (most := row["most"].get(name)) is None else f"**{most:,}**" if most == least else f"{most:,}"
        for name in ("content", "REST", "GraphQL", "pushes")
    ]
    repositories = f"{row['repositories']:,}" if "pushes" in row["most"] else "any number"
    return (_WAYS[row["way"]], repositories, *cells)


def _says_more(row: Mapping[str, Any]) -> bool:
    """Whether a row depends on the number of repositories, or is the only one of its kind."""
    return "pushes" in row["most"] or row["repositories"] == 1


def _example(row: Mapping[str, Any]) -> str:
    alone, each = _minutes(row["minutes_in_one"]), _minutes(row["minutes"])
    return (
        f"**{row['keys']:,} keys**, for example, are {row['repositories']} repositories of some {row['branches']:,} branches. "
        f"A night asks\nthe API {row['api']} times and pushes {row['pushes']} times. In one job it takes "
        f"{_length(row['seconds_in_one'])} and is paid for as {alone}; in a job for\neach repository it is paid for as {each}."
    )


def _limit(name: str) -> str:
    return _LIMITS[name] if name else _NONE


def _length(seconds: float) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.1f} h"


def _minutes(number: int) -> str:
    return f"{number} min"


def _table(heads: Sequence[str], words: int, rows: Iterable[Sequence[str]]) -> str:
    """Return a table, of which the first ``words`` columns and the last one hold words and the others numbers."""
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * words}{' --: |' * (len(heads) - words)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
