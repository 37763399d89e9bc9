"""Counters and breadcrumbs: the pure half of the counter protocol (docs/format.md, "Counters").

A counter commit holds a number and the last operations that made it; a breadcrumb is a tag that records one increment which could
not be applied at once. Everything that adds up to a counter's value is decided here; who reads and writes when is in commands
and maintenance.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from git_keyval.errors import CounterOverflowError, MalformedRecordError
from git_keyval.format.bounds import added
from git_keyval.format.canonical import MAX_SAFE_INTEGER, JsonValue
from git_keyval.format.metadata import (
    DUMMY_TREE,
    FORMAT_VERSION,
    NULL_COMMIT,
    check_length,
    decode_message_only,
    encode_line,
    message_only,
    read_message_only,
)
from git_keyval.format.names import OP_PATTERN, RefName
from git_keyval.format.objects import GitObject, Oid, read_commit
from git_keyval.format.times import MAX_MOMENT, SECOND, Micros, Timestamp, moment_of, timestamp
from git_keyval.light_dataclasses import dataclass, replace

RECENT_OPERATIONS = 128
"""How many operations a counter remembers at the least: the reach of ``op-id`` and of proofs that an operation was not applied."""

WAITING_TIME = Micros(600 * SECOND)
"""How long, from the time in a breadcrumb's name, its number is remembered: whoever left it has fetched the number by then."""

MOST_REMEMBERED = 1024
"""Of how many operations, the latest, a counter remembers those that may still be waited for."""

MAX_TAKEN = 128
"""How many breadcrumbs that count an increment folds, or a SET."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_CLOCK_LEAD = Micros(3600 * SECOND)
"""A time further ahead of now than this is not followed: one wrong clock must not drag all others along."""


# The text of a counter's metadata line: canonical JSON whose members leave no choice, so it is a regular language. A counter
# remembers 128 operations and a gather reads thousands of counters; a JSON reader with checks of its own takes three times as long.
_INTEGER = "0|-?[1-9][0-9]{0,18}"
_ENTRY = rf'\["{OP_PATTERN}",(?:"(?:{_INTEGER})"(?:,"[0-9TZ]+")?|null)\]'
_ENTRY_PARTS = re.compile(r'\["([^"]*)",(?:"([^"]*)"(?:,"([^"]*)")?|null)\]')
_LINE = re.compile(
    rf'{{"category":"counter","op":"({OP_PATTERN})","recent":\[((?:{_ENTRY}(?:,{_ENTRY})*)?)\],"seq":(0|[1-9][0-9]{{0,15}})'
    rf'(?:,"setAt":"([0-9TZ]+)")?,"value":"({_INTEGER})","version":{FORMAT_VERSION}}}\n'
)


class Breadcrumb(NamedTuple):
    """One breadcrumb as found; the increment that it records is None for a null breadcrumb, which makes all earlier ones void."""

    name: RefName
    oid: Oid
    time: Timestamp
    op: str
    delta: int | None


Operation: TypeAlias = tuple[str, int | None] | tuple[str, int, Timestamp]
"""A remembered operation: its id, its number, and the time of the breadcrumb that it came in as, as long as it may be waited for.

The number is None where an earlier release folded the breadcrumb. A plain tuple, because a gather holds hundreds of thousands of
them, and of those Python's garbage collector soon lets go.
"""

_Numbered: TypeAlias = tuple[Breadcrumb, int]
"""A breadcrumb that is applied now, with its number."""


@dataclass(frozen=True, slots=True)
class Counter:
    """The state of a counter. ``set_at`` is the time of its last unconditional SET, None before the first."""

    value: int = 0
    op: str = ""
    seq: int = 0
    recent: tuple[Operation, ...] = ()
    set_at: Timestamp | None = None

    def find(self, op: str) -> Operation | None:
        """Return the remembered operation of that id, if it is remembered."""
        return next((done for done in reversed(self.recent) if done[0] == op), None)


class Fold(NamedTuple):
    """The next state of a counter, and the breadcrumbs to delete in the transaction that moves the counter there."""

    counter: Counter
    taken: Sequence[Breadcrumb]


def encode_counter(counter: Counter) -> GitObject:
    """Make the counter commit; ``op`` makes it unique, so that two clients never make the same commit for the same step."""
    members: dict[str, JsonValue] = {
        "category": "counter",
        "op": counter.op,
        "recent": [[op, None if number is None else str(number), *time] for op, number, *time in counter.recent],
        "seq": counter.seq,
        "value": str(counter.value),
    }
    if counter.set_at is not None:
        members["setAt"] = counter.set_at
    return message_only(encode_line(members) + b"\n")


def decode_counter(record: GitObject) -> Counter:
    """Read a counter commit. Raises OtherCategoryError, or MalformedRecordError for what else encode_counter does not write."""
    tree_oid, message = read_commit(record)
    check_length(message, record.oid)
    found = _LINE.fullmatch(message.decode("utf-8", "replace"))
    if found is None or tree_oid != DUMMY_TREE.oid:
        decode_message_only(record, "counter")  # knows better which rule is broken, if it is one of all records
        raise MalformedRecordError(record.oid, "its members are not those of a counter")
    op, recent, seq, set_at, value = found.groups()
    if set_at is not None and moment_of(set_at) is None:
        raise MalformedRecordError(record.oid, "its setAt is not a timestamp")
    operations = _remembered(recent, record.oid)
    counter = Counter(int(value), op, int(seq), operations, None if set_at is None else Timestamp(set_at))
    numbers = [counter.value, *(done[1] for done in counter.recent if done[1] is not None)]
    if not INT64_MIN <= min(numbers) <= max(numbers) <= INT64_MAX or counter.seq > MAX_SAFE_INTEGER:
        raise MalformedRecordError(record.oid, "a number in it is out of range")
    return counter


def _operation(op: str, number: str, time: str) -> Operation:
    if time:
        return op, int(number), Timestamp(time)
    return op, int(number) if number else None


def _remembered(recent: str, where: Oid) -> tuple[Operation, ...]:
    entries = _ENTRY_PARTS.findall(recent)
    if any(time and moment_of(time) is None for _, _, time in entries):
        raise MalformedRecordError(where, "the time of an operation that it remembers is not a timestamp")
    return tuple([_operation(*entry) for entry in entries])


def encode_delta(delta: int) -> GitObject:
    """Make the commit that a breadcrumb of this increment points at; the same for every breadcrumb of the same increment.

    Raises CounterOverflowError for an increment beyond 64 bits: there are counters that have room for it, but no breadcrumb.
    """
    if delta == 0:
        raise ValueError("an increment by zero leaves no breadcrumb")
    return message_only(_delta_message(_int64(delta)))


def decode_delta(record: GitObject) -> int | None:
    """Read what a breadcrumb points at: an increment, or None for the null commit. Raises MalformedRecordError for all else."""
    if record.oid == NULL_COMMIT.oid:
        return None
    message = read_message_only(record)
    try:
        delta = int(message)
    except ValueError:
        delta = 0
    if delta == 0 or not INT64_MIN <= delta <= INT64_MAX or message != _delta_message(delta):
        raise MalformedRecordError(record.oid, "it is no increment such as +1")
    return delta


def _delta_message(delta: int) -> bytes:
    return f"{delta:+d}\n".encode()


def read_breadcrumb(name: RefName, time: Timestamp, op: str, target: GitObject) -> Breadcrumb:
    """Put together what a breadcrumb's name and target say. Raises MalformedRecordError for the target."""
    return Breadcrumb(name, target.oid, time, op, decode_delta(target))


def ended_life(expiry: int | None) -> Counter:
    """Return what a counter starts from where there is none: 0; after an expiry, with all that came up to it void."""
    return Counter(set_at=None if expiry is None else timestamp(Micros(expiry * SECOND)))


def begun_at(base: Counter, crumbs: Sequence[Breadcrumb], by: int, first: int) -> Counter:
    """Return what a counter that begins starts from, so that its first operation gets the number ``first``.

    That is the oldest breadcrumb that counts; without any it is an increment of ``by``.
    """
    oldest = next(iter(counting(base, crumbs)), None)
    return replace(base, value=first - (by if oldest is None else oldest.delta or 0))


def horizon(base: Counter, crumbs: Iterable[Breadcrumb]) -> Timestamp | None:
    """Return the time up to which breadcrumbs are void: that of the last SET, which the counter or a null breadcrumb knows."""
    times = [crumb.time for crumb in crumbs if crumb.delta is None]
    if base.set_at is not None:
        times.append(base.set_at)
    return max(times, default=None)


def counting(base: Counter, crumbs: Sequence[Breadcrumb]) -> list[Breadcrumb]:
    """Return the breadcrumbs that add to the value, oldest first: later than the horizon, each op once, none that is remembered."""
    void_until = horizon(base, crumbs) or ""
    seen = {done[0] for done in base.recent}
    found = []
    for crumb in sorted(crumbs, key=_by_time):
        if crumb.delta is None or crumb.time <= void_until or crumb.op in seen:
            continue
        seen.add(crumb.op)
        found.append(crumb)
    return found


def is_void(base: Counter, crumbs: Sequence[Breadcrumb], crumb: Breadcrumb) -> bool:
    """Return whether a breadcrumb is not later than the last SET."""
    return crumb.time <= (horizon(base, crumbs) or "")


def has_room(base: Counter, crumbs: Sequence[Breadcrumb], op: str) -> bool:
    """Return whether the breadcrumb of an operation that counts fits into the 64-bit range, after those that come before it."""
    return any(crumb.op == op for crumb, _ in _numbered(base.value, counting(base, crumbs)))


def total(base: Counter, crumbs: Sequence[Breadcrumb]) -> int:
    """Return the value of the counter with its breadcrumbs. It may leave the 64-bit range: only writing does not."""
    return base.value + sum(crumb.delta or 0 for crumb in counting(base, crumbs))


def fold(base: Counter, crumbs: Sequence[Breadcrumb], *, taking: Sequence[Breadcrumb], op: str, now: Micros) -> Fold:
    """Take some of the breadcrumbs seen into the counter; all that were seen decide which of those are void.

    One that would take the value out of the 64-bit range is not taken. Raises BoundError.
    """
    names = {crumb.name for crumb in taking}
    counts = [crumb for crumb in counting(base, crumbs) if crumb.name in names]
    numbered = _numbered(base.value, counts)
    kept = {crumb.name for crumb in counts} - {crumb.name for crumb, _ in numbered}
    counter = _moved(base, crumbs, numbered, None, op, now)
    return Fold(counter, [crumb for crumb in taking if crumb.name not in kept])


def increment(base: Counter, crumbs: Sequence[Breadcrumb], by: int | None, *, op: str, now: Micros) -> Fold:
    """Fold the oldest breadcrumbs, and add ``by`` after them as the operation's own; without ``by`` that is one of them.

    Its number is what the new counter remembers for the operation: nothing where older breadcrumbs have to stay, which are to be
    numbered first. Raises CounterOverflowError where its own has no room, and BoundError.
    """
    numbered, staying = _oldest(base, crumbs)
    before = numbered[-1][1] if numbered else base.value
    own = None if by is None or staying else _int64(before + by)
    return Fold(_moved(base, crumbs, numbered, own, op, now), _taken(base, crumbs, numbered))


def assign(
    base: Counter, crumbs: Sequence[Breadcrumb], value: int, time: Timestamp | None, *, op: str, now: Micros, forced: bool = False
) -> Fold:
    """Settle the oldest breadcrumbs and then SET the counter, at a time later than every time seen.

    Without a time it voids nothing: what arrives later counts, as it does where an increment begins the counter. One that is
    ``forced``, whatever the counter is, settles none, and raises ``seq`` so far that operations in doubt cannot know. Raises
    CounterOverflowError and BoundError.
    """
    if forced:
        base, crumbs = replace(base, seq=_seq(base, RECENT_OPERATIONS)), ()
    numbered, _ = _oldest(base, crumbs)
    counter = _moved(base, (), numbered, _int64(value), op, now)
    return Fold(replace(counter, set_at=time or horizon(base, crumbs)), _taken(base, crumbs, numbered))


def replaced(base: Counter, crumbs: Sequence[Breadcrumb], other: Counter, time: Timestamp | None, *, op: str, now: Micros) -> Fold:
    """SET the counter to the value of another one that comes in its place, and take over what that one remembers.

    ``seq`` is raised so far that operations in doubt of either of them cannot know. Raises CounterOverflowError and BoundError.
    """
    fold = assign(base, crumbs, other.value, time, op=op, now=now)
    own = fold.counter.recent[base.seq - fold.counter.seq :]  # its last entries: as many as were applied
    recent = _remember((*base.recent, *other.recent, *own), len(other.recent) + len(own), (), now)
    seq = _seq(replace(base, seq=max(fold.counter.seq, other.seq + 1)), RECENT_OPERATIONS)
    return Fold(replace(fold.counter, recent=recent, seq=seq), fold.taken)


def next_time(now: Micros, base: Counter, crumbs: Iterable[Breadcrumb]) -> Timestamp:
    """Return the time for a new breadcrumb or SET: now, but later than every time seen for this counter (a hybrid logical clock).

    Times more than MAX_CLOCK_LEAD ahead of now are not followed. Raises BoundError at the end of the year 9999.
    """
    times = [crumb.time for crumb in crumbs] + ([] if base.set_at is None else [base.set_at])
    moments = [moment for time in times if (moment := moment_of(time)) is not None and moment <= now + MAX_CLOCK_LEAD]
    latest = max([now - 1, *moments])
    return timestamp(Micros(added(latest, 1, MAX_MOMENT, "the time of a counter")))


def is_ahead(time: str, now: Micros) -> bool:
    """Return whether a time is so far ahead of now that some clock must have been wrong."""
    moment = moment_of(time)
    return moment is not None and moment > now + MAX_CLOCK_LEAD


def certainly_not_applied(op: str, before: Counter, after: Counter) -> bool:
    """Return whether the state after proves that an operation tried on the state before was not applied.

    It is proof only within one life of the counter (what was last done before is still remembered after) and while all that was
    done since is remembered. A state that remembers nothing proves nothing: the operation may have begun a life that was ended by
    a GETDEL, which has answered with it.
    """
    if not before.recent or after.find(op) is not None:
        return False
    return 0 <= after.seq - before.seq < RECENT_OPERATIONS and after.find(before.recent[-1][0]) is not None


def _by_time(crumb: Breadcrumb) -> tuple[str, str]:
    return crumb.time, crumb.op


def _numbered(value: int, crumbs: Iterable[Breadcrumb]) -> list[_Numbered]:
    """Return breadcrumbs with the running totals that are their numbers, without those that would leave the 64-bit range."""
    numbered = []
    for crumb in crumbs:
        number = value + (crumb.delta or 0)
        if INT64_MIN <= number <= INT64_MAX:
            value = number
            numbered.append((crumb, number))
    return numbered


def _oldest(base: Counter, crumbs: Sequence[Breadcrumb]) -> tuple[list[_Numbered], bool]:
    """Return the breadcrumbs that one increment folds, with their numbers, and whether others have to stay for it."""
    numbered = _numbered(base.value, counting(base, crumbs))
    return numbered[:MAX_TAKEN], len(numbered) > MAX_TAKEN


def _taken(base: Counter, crumbs: Sequence[Breadcrumb], numbered: Sequence[_Numbered]) -> list[Breadcrumb]:
    """Return what goes when these are folded: they, and of what tells nothing any more as many.

    That are null breadcrumbs, whose time the counter has from now on, and breadcrumbs of operations that it remembers. Other void
    ones stay: whoever waits for one has to find it.
    """
    folded = {crumb.name for crumb, _ in numbered}
    done = {*(done[0] for done in base.recent), *(crumb.op for crumb, _ in numbered)}
    spent = [crumb for crumb in crumbs if crumb.name not in folded and (crumb.delta is None or crumb.op in done)]
    return [*(crumb for crumb, _ in numbered), *sorted(spent, key=_by_time)[:MAX_TAKEN]]


def _moved(
    base: Counter, crumbs: Sequence[Breadcrumb], numbered: Sequence[_Numbered], own: int | None, op: str, now: Micros
) -> Counter:
    """Return the counter after these breadcrumbs of those seen, and after an operation of its own, if that has a number."""
    applied: list[tuple[str, int] | tuple[str, int, Timestamp]] = [(crumb.op, number, crumb.time) for crumb, number in numbered]
    if own is not None:
        applied.append((op, own))
    return Counter(
        value=applied[-1][1] if applied else base.value,
        op=op,
        seq=_seq(base, len(applied)),
        recent=_remember((*base.recent, *applied), len(applied), {crumb.op for crumb in crumbs}, now),
        set_at=horizon(base, crumbs),
    )


def _remember(known: Sequence[Operation], new: int, seen: Collection[str], now: Micros) -> tuple[Operation, ...]:
    """Forget the oldest operations but those that may be waited for.

    None is forgotten of which a breadcrumb was seen: it would count again.
    """
    young = timestamp(Micros(max(0, now - WAITING_TIME)))
    certain = len(known) - max(RECENT_OPERATIONS, new)
    reach = len(known) - max(MOST_REMEMBERED, new)
    kept = []
    for place, done in enumerate(known):
        waited_for = done[2:] > (young,)
        if place >= certain or (waited_for and place >= reach) or done[0] in seen:
            kept.append(done if waited_for else done[:2])
    return tuple(kept)


def _seq(counter: Counter, more: int) -> int:
    return added(counter.seq, more, MAX_SAFE_INTEGER, "the number of operations of a counter (seq)")


def _int64(number: int) -> int:
    if not INT64_MIN <= number <= INT64_MAX:
        raise CounterOverflowError
    return number
