"""The judgement on an end of the counter model: is there an order of the operations that explains it?

An end is right if some sequence of the operations
- contains each operation that is certain exactly once (two runs under one operation id are one operation, from the begin of the
  first to the end of the last), each that ended "unknown", was killed or has withdrawn once or not at all, and none that was
  refused;
- respects real time: an operation that ended before another began comes first. One that ended "unknown", or was killed, has no end:
  its effect may come at any time after its begin. Expiry is an operation that takes no time;
- executed one after the other on a plain value gives each operation the answer it was given in the model, where it was given one:
  INCR the number after it (hence no number twice), GETDEL and GET the number there is, None where there is none;
- leaves the value that is left in the model: the counter with its breadcrumbs, None if it is absent or expired; nothing of one that
  has withdrawn, so something came after it that ended the value.
"""

from functools import cache
from typing import Final, NamedTuple

DATA: Final = "data"
"""Stands for a value that is no counter."""

Value = int | str | None
_ENDING = {"set", "force", "data", "del", "getdel", "expire"}


class Call(NamedTuple):
    """One operation as judged. ``answers``: what its runs were given. ``after``: those that had ended when it began, as bits.

    The answer of a SET where there is nothing is whether it was applied. A counter that an increment begins has the number
    ``first``, if that is not None, and expires if it is ``mortal``.
    """

    kind: str
    number: int
    answers: frozenset[int | None]
    after: int
    certain: bool
    never: bool = False
    withdrawn: bool = False
    first: int | None = None
    mortal: bool = False


@cache
def is_explained(value: Value, calls: tuple[Call, ...], left: Value, *, mortal: bool) -> bool:
    """Return whether some order of the calls, from this value on, explains their answers and what is left."""
    possible = frozenset(place for place, call in enumerate(calls) if not call.never)
    return _search(value, mortal, possible, calls, left, clean=True)


def _search(
    value: Value,
    mortal: bool,  # noqa: FBT001
    waiting: frozenset[int],
    calls: tuple[Call, ...],
    left: Value,
    *,
    clean: bool,
) -> bool:
    """Search on from a value; it is ``clean`` if it has nothing of one that has withdrawn."""
    certain = [place for place in waiting if calls[place].certain]
    if not certain and value == left and clean:
        return True
    for place in waiting:
        call = calls[place]
        if any(call.after >> other & 1 for other in certain if other != place):
            continue
        if (result := _execute(call, value, mortal)) is None:
            continue
        new_value, new_mortal, answer = result
        later = frozenset(other for other in waiting if other != place and not call.after >> other & 1)
        is_clean = call.kind in _ENDING or (clean and not call.withdrawn)
        if call.answers <= {answer} and _search(new_value, new_mortal, later, calls, left, clean=is_clean):
            return True
    return False


def _execute(call: Call, value: Value, mortal: bool) -> tuple[Value, bool, Value] | None:  # noqa: FBT001, PLR0911
    """Return the value after a call, whether it still expires, and the answer; None where the call cannot be."""
    match call.kind:
        case "incr":
            if value == DATA:
                return None
            begun = call.number if call.first is None else call.first
            number = value + call.number if isinstance(value, int) else begun
            return number, call.mortal if value is None else mortal, number
        case "set" | "force":
            return call.number, False, call.number
        case "first":
            return (call.number, False, True) if value is None else (value, mortal, False)
        case "data":
            return DATA, False, None
        case "get":
            return value, mortal, value if isinstance(value, int) else None
        case "del" | "getdel":
            return None, False, value if isinstance(value, int) else None
        case "expire":
            return (None, False, None) if mortal else (value, mortal, None)
    raise ValueError(call.kind)
