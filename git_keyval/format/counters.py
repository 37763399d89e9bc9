"""Counters and breadcrumbs: the pure half of the counter protocol (docs/format.md, "Counters").

A counter commit holds a number and the last operations that made it; a breadcrumb is a tag that records one increment which could
not be applied at once. Everything that adds up to a counter's value is decided here; who reads and writes when is in commands
and maintenance.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

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

RECENT_OPERATIONS = 128
"""How many operations a counter remembers at the least: the reach of ``op-id`` and of proofs that an operation was not applied."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_CLOCK_LEAD = Micros(3600 * SECOND)
"""A time further ahead of now than this is not followed: one wrong clock must not drag all others along."""


# The text of a counter's metadata line: canonical JSON whose members leave no choice, so it is a regular language. A counter
# remembers 128 operations and a gather reads thousands of counters; a JSON reader with checks of its own takes three times as long.
_INTEGER = "0|-?[1-9][0-9]{0,18}"
_ENTRY = rf'\["{OP_PATTERN}",(?:"(?:{_INTEGER})"|null)\]'
_ENTRY_PARTS = re.compile(r'\["([^"]*)",(?:"([^"]*)"|null)\]')
_LINE = re.compile(
    rf'{{"category":"counter","op":"({OP_PATTERN})","recent":\[((?:{_ENTRY}(?:,{_ENTRY})*)?)\],"seq":(0|[1-9][0-9]{{0,15}})'
    rf'(?:,"setAt":"([0-9TZ]+)")?,"value":"({_INTEGER})","version":{FORMAT_VERSION}}}\n'
)


class Void:
    """The type of NULL: a breadcrumb that makes all earlier ones void."""

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = Void()


class Breadcrumb(NamedTuple):
    """One breadcrumb as found: its tag, time and operation, and the increment it records, or NULL."""

    name: RefName
    oid: Oid
    time: Timestamp
    op: str
    delta: int | Void


Operation: TypeAlias = tuple[str, int | None]
"""A remembered operation: its id and the number it was given, None if it came in as a breadcrumb.

A plain tuple, because a gather holds hundreds of thousands of them, and of those Python's garbage collector soon lets go.
"""


@dataclass(frozen=True, slots=True)
class Counter:
    """The state of a counter. ``set_at`` is the time of its last unconditional SET, None before the first."""

    value: int = 0
    op: str = ""
    seq: int = 0
    recent: tuple[Operation, ...] = ()
    set_at: Timestamp | None = None

    def find(self, op: str) -> Operation | None:
        """Give the remembered operation of that id, if it is remembered."""
        return next((done for done in reversed(self.recent) if done[0] == op), None)


def encode_counter(counter: Counter) -> GitObject:
    """Make the counter commit; ``op`` makes it unique, so that two clients never make the same commit for the same step."""
    members: dict[str, JsonValue] = {
        "category": "counter",
        "op": counter.op,
        "recent": [[op, None if number is None else str(number)] for op, number in counter.recent],
        "seq": counter.seq,
        "value": str(counter.value),
    }
    if counter.set_at is not None:
        members["setAt"] = counter.set_at
    return message_only(encode_line(members) + b"\n")


def decode_counter(record: GitObject) -> Counter:
    """Read a counter commit. Raises MalformedRecordError for anything that encode_counter does not write.

    A record of another category raises OtherCategoryError.
    """
    tree_oid, message = read_commit(record)
    check_length(message, record.oid)
    found = _LINE.fullmatch(message.decode("utf-8", "replace"))
    if found is None or tree_oid != DUMMY_TREE.oid:
        decode_message_only(record, "counter")  # knows better which rule is broken, if it is one of all records
        raise MalformedRecordError(record.oid, "its members are not those of a counter")
    op, recent, seq, set_at, value = found.groups()
    if set_at is not None and moment_of(set_at) is None:
        raise MalformedRecordError(record.oid, "its setAt is not a timestamp")
    counter = Counter(
        value=int(value),
        op=op,
        seq=int(seq),
        recent=tuple([(done, int(number) if number else None) for done, number in _ENTRY_PARTS.findall(recent)]),
        set_at=None if set_at is None else Timestamp(set_at),
    )
    numbers = [counter.value, *(number for _, number in counter.recent if number is not None)]
    if not INT64_MIN <= min(numbers) <= max(numbers) <= INT64_MAX or counter.seq > MAX_SAFE_INTEGER:
        raise MalformedRecordError(record.oid, "a number in it is out of range")
    return counter


def encode_delta(delta: int) -> GitObject:
    """Make the commit that a breadcrumb of this increment points at; the same for every breadcrumb of the same increment.

    Raises CounterOverflowError for an increment beyond 64 bits: there are counters that have room for it, but no breadcrumb.
    """
    if delta == 0:
        raise ValueError("an increment by zero leaves no breadcrumb")
    return message_only(_delta_message(_int64(delta)))


def decode_delta(record: GitObject) -> int | Void:
    """Read what a breadcrumb points at. Raises MalformedRecordError for anything but an increment or the null commit."""
    if record.oid == NULL_COMMIT.oid:
        return NULL
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
    """Give what a counter starts from where there is none: 0; after an expiry, with all that came up to it void."""
    return Counter(set_at=None if expiry is None else timestamp(Micros(expiry * SECOND)))


def horizon(base: Counter, crumbs: Iterable[Breadcrumb]) -> Timestamp | None:
    """Give the time up to which breadcrumbs are void: the last SET's, told by the counter or by a null breadcrumb."""
    times = [crumb.time for crumb in crumbs if crumb.delta is NULL]
    if base.set_at is not None:
        times.append(base.set_at)
    return max(times, default=None)


def counting(base: Counter, crumbs: Sequence[Breadcrumb]) -> list[Breadcrumb]:
    """Give the breadcrumbs that add to the value, oldest first: later than the horizon, each op once, none that is remembered."""
    void_until = horizon(base, crumbs)
    seen = {op for op, _ in base.recent}
    found = []
    for crumb in sorted(crumbs, key=_by_time):
        if crumb.delta is NULL or (void_until is not None and crumb.time <= void_until) or crumb.op in seen:
            continue
        seen.add(crumb.op)
        found.append(crumb)
    return found


def total(base: Counter, crumbs: Sequence[Breadcrumb]) -> int:
    """Give the value of the counter with its breadcrumbs. It may leave the 64-bit range: only writing does not."""
    return base.value + _sum(counting(base, crumbs))


def fold(base: Counter, crumbs: Sequence[Breadcrumb], *, taking: Sequence[Breadcrumb], op: str) -> Counter:
    """Take some of the breadcrumbs seen into the counter; all that were seen decide which of those are void.

    Raises CounterOverflowError and BoundError.
    """
    taken = {crumb.name for crumb in taking}
    counted = [crumb for crumb in counting(base, crumbs) if crumb.name in taken]
    return Counter(
        value=_int64(base.value + _sum(counted)),
        op=op,
        seq=_seq(base, len(counted)),
        recent=_remember(base.recent, [(crumb.op, None) for crumb in counted], crumbs),
        set_at=horizon(base, crumbs),
    )


def increment(
    base: Counter, crumbs: Sequence[Breadcrumb], by: int, *, taking: Sequence[Breadcrumb], op: str
) -> tuple[Counter, int]:
    """Add to the counter and fold breadcrumbs in; give the new state and the number that this operation is given.

    The number is the whole total, with the breadcrumbs that were seen but not taken. Raises CounterOverflowError and BoundError.
    """
    folded = fold(base, crumbs, taking=taking, op=op)
    number = _int64(total(base, crumbs) + by)
    return (
        replace(
            folded,
            value=_int64(folded.value + by),
            seq=_seq(folded, 1),
            recent=_remember(folded.recent, [(op, number)], crumbs, at_least=1 + folded.seq - base.seq),
        ),
        number,
    )


def assign(base: Counter, value: int, time: Timestamp, op: str, *, skipping: int = 0) -> Counter:
    """Give the state after an unconditional SET at a time later than every time seen; ``seq`` skips so many operations.

    Raises CounterOverflowError and BoundError.
    """
    return Counter(
        value=_int64(value), op=op, seq=_seq(base, 1 + skipping), recent=_remember(base.recent, [(op, value)], ()), set_at=time
    )


def next_time(now: Micros, base: Counter, crumbs: Iterable[Breadcrumb]) -> Timestamp:
    """Give the time for a new breadcrumb or SET: now, but later than every time seen for this counter (a hybrid logical clock).

    Times more than MAX_CLOCK_LEAD ahead of now are not followed. Raises BoundError at the end of the year 9999.
    """
    times = [crumb.time for crumb in crumbs] + ([] if base.set_at is None else [base.set_at])
    moments = [moment for time in times if (moment := moment_of(time)) is not None and not is_ahead(moment, now)]
    latest = max([now - 1, *moments])
    return timestamp(Micros(added(latest, 1, MAX_MOMENT, "the time of a counter")))


def is_ahead(moment: Micros, now: Micros) -> bool:
    """Tell whether a time is so far ahead of now that some clock must have been wrong."""
    return moment > now + MAX_CLOCK_LEAD


def certainly_not_applied(op: str, before: Counter, after: Counter) -> bool:
    """Tell whether the state after proves that an operation tried on the state before was not applied.

    It is proof only within one life of the counter (what was last done before is still remembered after) and while all that was
    done since is remembered. A state that remembers nothing proves nothing: the operation may have begun a life that was ended by
    a GETDEL, which has answered with it.
    """
    if not before.recent or after.find(op) is not None:
        return False
    return 0 <= after.seq - before.seq < RECENT_OPERATIONS and after.find(before.recent[-1][0]) is not None


def _by_time(crumb: Breadcrumb) -> tuple[str, str]:
    return crumb.time, crumb.op


def _sum(crumbs: Iterable[Breadcrumb]) -> int:
    return sum(crumb.delta for crumb in crumbs if not isinstance(crumb.delta, Void))


def _remember(
    recent: tuple[Operation, ...], new: list[Operation], crumbs: Iterable[Breadcrumb], *, at_least: int = 0
) -> tuple[Operation, ...]:
    """Forget the oldest operations, but none of which a breadcrumb was seen: it would count again."""
    known = recent + tuple(new)
    cut = max(0, len(known) - max(RECENT_OPERATIONS, len(new), at_least))
    seen = {crumb.op for crumb in crumbs}
    return tuple(done for done in known[:cut] if done[0] in seen) + known[cut:]


def _seq(counter: Counter, more: int) -> int:
    return added(counter.seq, more, MAX_SAFE_INTEGER, "the number of operations of a counter (seq)")


def _int64(number: int) -> int:
    if not INT64_MIN <= number <= INT64_MAX:
        raise CounterOverflowError
    return number
