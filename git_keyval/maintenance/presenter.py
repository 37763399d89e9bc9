"""What a report says to people, as data: its state, sentences, tables and next steps.

The job summary, the terminal and the page show the same; how each of them looks is their own affair.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from git_keyval.errors import GitKeyvalError, as_inputs
from git_keyval.format.canonical import JsonValue
from git_keyval.maintenance.execute import Done
from git_keyval.maintenance.plan import Action, Left, counted
from git_keyval.maintenance.report import AnyReport, CheckReport, InfoReport, InitReport, PageReport, Problem, Report, achieved

_LISTED = 20
_LISTED_PROBLEMS = 200
_BARS = 3
"""Fewer bars say no more than their numbers."""

RECOMMENDED_BRANCHES = 5_000
"""How many branches of a repository GitHub recommends at most: docs/operations.md names the source."""

_THOUSAND = 1000

_ROOM_SHARE = 0.9
"""Of the branches that GitHub recommends at most, how many ask for attention."""

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
    "parked": "values parked below gc/",
    "published": "expiry ids published for readers",
    "foreign": "refs that only look like the database's",
}
_WAITING = {
    "breadcrumbs": ("increments that a gather adds", "gather"),
    "expired": ("keys that have ended", "sweep"),
    "parked": ("values parked below gc/", "purge"),
}
_NUMBERS = {
    "keys": "keys",
    "expired": "expired keys",
    "breadcrumbs": "breadcrumbs",
    "parked": "parked values",
    "branches": "branches",
    "bytes": "bytes",
    "errors": "errors",
}
"""What is compared with an earlier report, as both call it."""


class Status(StrEnum):
    """How things stand. What asks for attention is no failure, and does not go away by itself."""

    FINE = "fine"
    ATTENTION = "attention"
    FAILED = "failed"


class Code(str):
    """A text that is shown letter by letter, such as a ref."""

    __slots__ = ()


class Section(NamedTuple):
    """A table below a title. ``more`` counts the rows that were left out; with ``bars``, its last column is worth drawing.

    All of a column are numbers, or none. With a ``sentence``, each row is one, where there is no room for columns.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str | int | Code]]
    more: int = 0
    bars: bool = False
    sentence: str = ""


class Presentation(NamedTuple):
    """What is said of one repository: ``did``, and the rest of that sentence.

    ``notes`` are sentences, each after what it begins with, if anything. ``spent`` are the seconds and the requests, in words.
    """

    title: str
    status: Status
    did: str
    rest: str = ""
    notes: Sequence[tuple[str, str]] = ()
    began: str = ""
    spent: tuple[str, str] | None = None
    sections: Sequence[Section] = ()


class Around(NamedTuple):
    """What is known beside a report: how many requests the server still allows, and what an earlier report said.

    ``missed`` says why there is no earlier report although one was named; ``wording`` is how errors name inputs.
    """

    rate_remaining: int | None = None
    previous: Mapping[str, JsonValue] | None = None
    missed: str = ""
    wording: Callable[[str], str] = as_inputs


NOTHING = Around()


def present(command: str, report: AnyReport | GitKeyvalError, around: Around = NOTHING) -> Presentation:
    """Return what a report of a command says."""
    match report:
        case Report():
            shown = _of_run(report, around.wording)
        case CheckReport():
            shown = _of_check(report, around.wording)
        case InfoReport():
            shown = _of_info(report)
        case InitReport():
            return _of_init(report)
        case PageReport():
            shown = _of_page(report)
        case _:
            return Presentation(command, Status.FAILED, "Failed:", f" {around.wording(report.text)}")
    notes = [*shown.notes, *_room(report, around), *([("", around.missed)] if around.missed else [])]
    return shown._replace(notes=notes, sections=[*_changes(report, around.previous), *shown.sections])


def overview(shown: Sequence[tuple[str, Presentation]]) -> tuple[str, Section]:
    """Return a sentence on several repositories, and a row for each."""
    counts = Tally(presentation.status for _, presentation in shown)
    states = ", ".join(f"{counts[status]:,} {_in_state(status, counts[status])}" for status in Status if counts[status])
    rows = [(Code(name), _in_state(each.status), f"{each.did}{each.rest}".strip()) for name, each in shown]
    return f"{counted(len(shown), 'repository', 'repositories')}: {states}.", Section("", ("repository", "state", "what"), rows)


def _in_state(status: Status, count: int = 1) -> str:
    return f"need{'s' if count == 1 else ''} attention" if status is Status.ATTENTION else status


def _of_run(report: Report, wording: Callable[[str], str]) -> Presentation:
    status = Status.FAILED if report.error else Status.ATTENTION if report.notable() else Status.FINE
    did, rest = _outcome(report)
    notes = [
        ("Ended early:", wording(report.error)),
        ("", f"The budget {report.budget} was reached; the next run goes on." if report.budget else ""),
        ("", f"Not started: {', '.join(report.not_started)}." if report.not_started else ""),
        ("", _CHECK_TELLS if any(item.notable for job in report.jobs for item in job.plan.left) else ""),
    ]
    sections = [_jobs(report), *map(_notable, report.jobs), *_charts(report.jobs)]
    for job in report.jobs:
        sections.append(_reasons(f"{job.plan.job}: {'planned' if report.dry_run else 'changed'}", "writes", job.applied))
        sections.append(_reasons(f"{job.plan.job}: waiting", "refs", job.waiting))
    return Presentation(
        _title(report.command, dry_run=report.dry_run),
        status,
        did,
        rest,
        [note for note in notes if note[1]],
        report.started_at,
        _spent(report),
        _filled(sections),
    )


_CHECK_TELLS = "The command check tells what is wrong with what is stored, and what to do about it."


def _of_check(report: CheckReport, wording: Callable[[str], str]) -> Presentation:
    errors, warnings = counted(report.count, "error"), counted(len(report.problems) - report.count, "warning")
    failed = report.count or (report.repair is not None and report.repair.error)
    status = Status.FAILED if failed else Status.ATTENTION if report.problems else Status.FINE
    notes = [("", "Nothing was changed.")] if report.repair is None else _repairs(report.repair, wording, dry_run=report.dry_run)
    names = [*_COUNTED, *sorted(report.counts.keys() - _COUNTED.keys())]
    there = [(_COUNTED.get(name, name), report.counts[name]) for name in names if report.counts.get(name)]
    keys = f" in {counted(report.counts.get('keys', 0), 'key')}"
    is_repaired = report.repair is not None and not report.dry_run
    none = "No problems" if is_repaired else "No problems found"
    title = "What was there before" if is_repaired else "What is there"
    return Presentation(
        _title("check", dry_run=report.dry_run),
        status,
        f"{errors} and {warnings}" if report.problems else none,
        " are left." if is_repaired else f"{keys}.",
        notes,
        report.started_at,
        _spent(report),
        _filled([*_repaired(report), *problem_sections(report.problems, wording), Section(title, ("what", "how many"), there)]),
    )


def _repairs(repair: Done, wording: Callable[[str], str], *, dry_run: bool) -> list[tuple[str, str]]:
    """Say how much was repaired, or is planned to be, and what was not."""
    made = f"{counted(len(repair.applied), 'repair')} {'planned' if dry_run else 'made'}"
    failed = f", {len(repair.failed):,} refused" if repair.failed else ""
    meanwhile = f", {len(repair.conflicts):,} left because somebody wrote meanwhile" if repair.conflicts else ""
    notes = [("", f"{made}{failed}{meanwhile}.")]
    return [*notes, ("Ended early:", wording(repair.error))] if repair.error else notes


def _repaired(report: CheckReport) -> Iterator[Section]:
    if report.repair is not None:
        done = report.repair
        rows = [(Code(action.ref), action.why) for action in done.applied[:_LISTED_PROBLEMS]]
        word = "planned" if report.dry_run else "repaired"
        title = f"What is {'to be repaired' if report.dry_run else 'repaired'} ({len(done.applied):,})"
        yield Section(title, ("ref", "how"), rows, len(done.applied) - len(rows), sentence=f"{word} {{}}: {{}}")
        yield _notable(done)
        yield _reasons(f"{done.plan.job}: waiting", "refs", done.waiting)


def _of_info(report: InfoReport) -> Presentation:
    kinds = [(kind, count, report.bytes.get(kind, 0)) for kind, count in report.types.items()]
    elements = f", {counted(report.elements, 'element')} of maps and arrays" if report.elements else ""
    return Presentation(
        "info",
        Status.ATTENTION if report.unreadable or is_nearly_full(report) else Status.FINE,
        counted(report.keys, "key"),
        f"{elements}, {size_in_words(sum(report.bytes.values()))} as stored; the largest has {size_in_words(report.largest)}."
        if report.keys
        else ".",
        [],
        report.started_at,
        _spent(report),
        _filled(
            [
                Section("What is there", ("type", "keys", "bytes"), kinds),
                _counts("When the keys end", "when", "keys", report.expiries),
                waiting_section(report.waiting, report.unreadable),
            ]
        ),
    )


def is_nearly_full(report: InfoReport) -> bool:
    """Return whether a repository has nearly as many branches as GitHub recommends at most, or more."""
    return report.branches >= _ROOM_SHARE * RECOMMENDED_BRANCHES


def _of_init(report: InitReport) -> Presentation:
    did = f"Created {counted(report.count, 'ref')}" if report.created else "Nothing had to be created"
    rows = [(Code(name),) for name in report.created]
    return Presentation(
        "init",
        Status.FINE,
        did,
        "." if report.created else ": all was there.",
        sections=_filled([Section("Created", ("ref",), rows, sentence="created {}")]),
    )


def _of_page(report: PageReport) -> Presentation:
    checked, told = _of_check(report.check, as_inputs), _of_info(report.info)
    status = max(checked.status, told.status, key=list(Status).index)
    did = f"A page of {counted(report.count, 'key')} is written"
    return Presentation("page", status, did, f"; {checked.did[0].lower()}{checked.did[1:]}.", told.notes, told.began, told.spent)


def problem_sections(problems: Sequence[Problem], wording: Callable[[str], str] = as_inputs) -> list[Section]:
    """Return problems with what to do about each; many are counted by kind, too."""
    kinds = Tally((found.severity, found.problem) for found in problems)
    order = sorted(kinds.items(), key=lambda kind: (kind[0][0], -kind[1])) if len(problems) > _LISTED else []
    counts = [(severity, problem, count) for (severity, problem), count in order[:_LISTED]]
    rows = [(found.severity, Code(found.ref), found.problem, wording(found.next_step)) for found in problems[:_LISTED_PROBLEMS]]
    heads = ("severity", "ref", "problem", "what to do")
    return [
        Section("What is wrong", ("severity", "problem", "refs"), counts, len(order) - len(counts)),
        Section(f"Which refs ({len(problems):,})", heads, rows, len(problems) - len(rows), sentence="{} {}: {}. {}"),
    ]


def waiting_section(waiting: Mapping[str, int], unreadable: int) -> Section:
    """Return what waits for maintenance, or for somebody to look at it, each with its next step."""
    waits = [(what, waiting[name], job) for name, (what, job) in _WAITING.items() if waiting[name]]
    unread = [("keys of which a part cannot be read", unreadable, "check")] if unreadable else []
    return Section("What waits", ("what", "how many", "next step"), [*waits, *unread])


def size_in_words(size: int) -> str:
    """Return a number of bytes as people say it."""
    unit, units = float(size), iter(("bytes", "kB", "MB", "GB"))
    name = next(units)
    while unit >= _THOUSAND and (larger := next(units, "")):
        unit, name = unit / _THOUSAND, larger
    return counted(size, "byte") if name == "bytes" else f"{unit:.1f} {name}"


def numbers(report: Mapping[str, JsonValue]) -> dict[str, int]:
    """Return the numbers of a report, as JSON, that can be compared with those of another one of the same command."""
    found: dict[str, object] = {}
    match report:
        case {"command": "check", "counts": dict(counts), "errors": errors}:
            found = {**{name: counts.get(name, 0) for name in ("keys", "expired", "breadcrumbs", "parked")}, "errors": errors}
        case {"command": "info", "waiting": dict(waiting), "bytes": dict(sizes)}:
            found = {**waiting, "keys": report.get("keys"), "branches": report.get("branches")}
            found["bytes"] = sum(size for size in sizes.values() if isinstance(size, int))
        case {"jobs": list(jobs)}:
            for job in jobs:
                found |= _numbers_of_job(job) if isinstance(job, dict) else {}
    return {name: number for name, number in found.items() if isinstance(number, int)}


def _numbers_of_job(job: Mapping[str, JsonValue]) -> dict[str, object]:
    """Return the numbers of a job, as it found them."""
    match job:
        case {"job": "sweep", "facts": {"live": live, "expired": expired}}:
            return {"keys": live, "expired": expired}
        case {"job": "gather", "ages": dict(ages)}:
            return {"breadcrumbs": sum(age for age in ages.values() if isinstance(age, int))}
    return {}


def _changes(report: AnyReport, previous: Mapping[str, JsonValue] | None) -> list[Section]:
    """Return what is another number than in an earlier report."""
    if previous is None:
        return []
    from git_keyval.maintenance.report import to_json  # noqa: PLC0415

    document = to_json(report)
    if previous.get("command") != document["command"]:
        return []
    before, now = numbers(previous), numbers(document)
    both = [(label, before[name], now[name]) for name, label in _NUMBERS.items() if name in before and name in now]
    rows = [(label, then, count, f"{count - then:+,}") for label, then, count in both if then != count]
    return _filled([Section(f"Since {previous.get('startedAt')}", ("what", "then", "now", "change"), rows)])


def _room(report: AnyReport, around: Around) -> Iterator[tuple[str, str]]:
    parts = []
    if branches := _branches(report):
        more = ", more than" if branches > RECOMMENDED_BRANCHES else " of"
        parts.append(f"{counted(branches, 'branch', 'branches')}{more} the {RECOMMENDED_BRANCHES:,} that GitHub recommends at most")
    if around.rate_remaining is not None:
        parts.append(f"{counted(around.rate_remaining, 'API request')} left this hour")
    if parts:
        yield "Room:", f"{'; '.join(parts)}."


def _branches(report: AnyReport) -> int:
    """Return how many branches there are, as far as the report knows: info of the repository, others of the database."""
    match report:
        case InfoReport(branches=branches):
            return branches
        case CheckReport(counts=counts):
            return sum(counts.get(name, 0) for name in ("keys", "storedKeys", "expiries", "elementExpiries", "parked"))
        case Report(jobs=jobs):
            return sum(job.plan.facts.get("branches", 0) for job in jobs)
    return 0


def _title(command: str, *, dry_run: bool) -> str:
    return f"{command} (dry run)" if dry_run else command


def _outcome(report: Report) -> tuple[str, str]:
    """Say how much was done, or is planned; and the rest of the sentence: what it is."""
    if not report.count and not any(job.planned for job in report.jobs):
        return ("Nothing was done." if report.error else "Nothing had to be done."), ""
    what = achieved(report.jobs, dry_run=report.dry_run)
    return f"{counted(report.count, 'write')} {'planned' if report.dry_run else 'made'}", f"{': ' if what else ''}{what}."


def _spent(report: Report | CheckReport | InfoReport) -> tuple[str, str]:
    return f"{report.seconds:.1f} s", counted(report.requests, "request")


def _jobs(report: Report) -> Section:
    """Return the table of the jobs that had something to do; what is rare has a column only where it happened."""
    made = () if report.dry_run else ("made",)
    heads = ("refs read", "planned", *made, "changed meanwhile", "failed", "left for the next run", "waiting", "left alone")
    counts = {}
    for job in report.jobs:
        examined, planned, applied, *others, left = job.numbers().values()
        notable = sum(item.notable for item in job.plan.left)
        row = (examined, planned, *(() if report.dry_run else (applied,)), *others, left - notable, notable)
        if any(row):
            counts[job.plan.job] = row
    always = 2 + len(made)
    shown = [place for place in range(len(heads)) if place < always or any(row[place] for row in counts.values())]
    rows = [(job, *(row[place] for place in shown)) for job, row in counts.items()]
    return Section("", ("job", *(heads[place] for place in shown)), rows)


def _notable(job: Done) -> Section:
    items = job.notable
    rows = [(Code(item.ref), item.why) for item in items[:_LISTED]]
    title = f"{job.plan.job}: left alone, and worth a look ({len(items):,})"
    return Section(title, ("ref", "why"), rows, len(items) - len(rows), sentence="left {}: {}")


def _charts(jobs: Iterable[Done]) -> Iterator[Section]:
    for job in jobs:
        yield _counts("How old the breadcrumbs were", "age", "breadcrumbs", job.plan.ages)
        yield _counts("When the live keys expire", "when", "keys", job.plan.expiries)


def _counts(title: str, what: str, unit: str, counts: Mapping[str, int]) -> Section:
    rows = [(label, count) for label, count in counts.items() if count]
    return Section(title, (what, unit), rows, bars=len(rows) >= _BARS)


def _reasons(title: str, unit: str, items: Sequence[Action | Left]) -> Section:
    """Count by reason, with one ref of each; all refs would only be long."""
    counts = Tally(item.why for item in items)
    examples = {item.why: item.ref for item in reversed(items)}
    common = counts.most_common(_LISTED)
    rows = [(why, Code(examples[why]), count) for why, count in common]
    return Section(f"{title} ({len(items):,})", ("why", "for example", unit), rows, len(items) - sum(count for _, count in common))


def _filled(sections: Iterable[Section]) -> list[Section]:
    return [section for section in sections if section.rows]
