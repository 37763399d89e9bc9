"""The judgement on an end of the counter model: is there an order of the operations that explains it?

An end is right if some sequence of the operations
- contains each operation that succeeded exactly once (one that was killed and run again under its operation id is one
  operation, from the begin of its first run to the end of its last), and each that ended "unknown" once or not at all;
- respects real time: an operation that ended before another began comes first. One that ended "unknown" has no end, its
  effect may come at any time after its begin. Expiry is an operation that takes no time;
- executed one after the other on a plain number gives each operation the answer it was given in the model, where it was
  given one: INCR the number after it (hence no number twice), GETDEL the number it removes (0 if absent);
- leaves the number that is left in the model: the counter with its breadcrumbs, 0 if it is absent or expired.

A GET is judged by itself, by the same rules but without the answers of others and what is left: at some moment the counter was
what GET has read. It may see a breadcrumb that an increment, begun before it was left, is not told of in its number.
"""

from functools import cache
from typing import NamedTuple


class Call(NamedTuple):
    """One operation as judged. ``after``: the calls, as bits of their positions, that had ended when it began."""

    kind: str
    number: int
    answer: int | None
    after: int
    certain: bool


@cache
def is_explained(value: int, calls: tuple[Call, ...], left: int | None, *, mortal: bool) -> bool:
    """Return whether some order of the calls, from this value on, explains their answers and what is left."""
    return _search(value, mortal, frozenset(range(len(calls))), calls, left)


def _search(value: int, mortal: bool, waiting: frozenset[int], calls: tuple[Call, ...], left: int | None) -> bool:  # noqa: FBT001
    if left in (None, value) and not any(calls[i].certain for i in waiting):
        return True
    for i in waiting:
        if any(calls[i].after >> j & 1 for j in waiting if calls[j].certain):
            continue
        new_value, new_mortal, answer = _execute(calls[i], value, mortal)
        if calls[i].answer in (None, answer) and _search(new_value, new_mortal, waiting - {i}, calls, left):
            return True
    return False


def _execute(call: Call, value: int, mortal: bool) -> tuple[int, bool, int | None]:  # noqa: FBT001
    match call.kind:
        case "incr":
            return value + call.number, mortal, value + call.number
        case "set":
            return call.number, False, call.number
        case "get":
            return value, mortal, value
        case "del" | "getdel":
            return 0, False, value
        case "expire":
            return (0, False, None) if mortal else (value, mortal, None)
    raise ValueError(call.kind)
