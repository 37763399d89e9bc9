"""folding.json: what breadcrumbs do to a counter. The expected results are written out by hand."""

from collections.abc import Iterator

from tests.vectors.cases.counters import Recent, state
from tests.vectors.cases.names import OP
from tests.vectors.cases.raw import INT64_MAX, INT64_MIN, Json


def at(second: int, micro: int = 0) -> str:
    return f"20261122T1000{second:02d}{micro:06d}Z"


def crumb(second: int, op: str, delta: int | None) -> Json:
    return {"time": at(second), "op": op, "delta": None if delta is None else str(delta)}


def remembered(count: int, start: int = 0) -> Recent:
    return [[f"done{number:04d}", str(number)] for number in range(start, start + count)]


ADDED: Recent = [["aaaaaaaa", None]]
A1, B2, C3 = crumb(1, "aaaaaaaa", 5), crumb(2, "bbbbbbbb", 7), crumb(3, "cccccccc", -2)
NULL2 = crumb(2, "nullnull", None)


def folding() -> Json:
    return {
        "totals": [
            {"name": name, "base": base, "breadcrumbs": crumbs, "total": str(total)} for name, base, crumbs, total in totals()
        ],
        "folds": [
            {"name": name, "base": base, "breadcrumbs": crumbs, "taking": taking, "op": "gathered", "result": result}
            for name, base, crumbs, taking, result in folds()
        ],
        "increments": [
            {
                "name": name,
                "base": base,
                "breadcrumbs": crumbs,
                "taking": taking,
                "by": str(by),
                "op": "incrincr",
                "number": number,
                "result": result,
            }
            for name, base, crumbs, taking, by, number, result in increments()
        ],
        "sets": [
            {"name": name, "base": base, "value": str(value), "time": at(30), "op": "assigned", "result": result}
            for name, base, value, result in sets()
        ],
        "clocks": [{"now": now, "setAt": set_at, "breadcrumbs": seen, "time": time} for now, set_at, seen, time in clocks()],
        "doubts": [
            {"name": name, "op": "doubtful", "before": before, "after": after, "provenNotApplied": proven}
            for name, before, after, proven in doubts()
        ],
    }


def totals() -> Iterator[tuple[str, Json, list[Json], int]]:
    base = state(10, OP, 3, [["done0000", "10"]])
    since = {**base, "setAt": at(2)}
    yield "no breadcrumbs", base, [], 10
    yield "all of them add up, in any order", base, [C3, A1, B2], 20
    yield "an absent counter starts at 0", state(op=""), [A1, C3], 3
    yield "a breadcrumb up to setAt is void", since, [A1, B2, C3], 8
    yield "a breadcrumb one microsecond later than setAt counts", since, [{**A1, "time": at(2, 1)}], 15
    yield "a breadcrumb up to the null breadcrumb is void", base, [A1, {**B2, "time": at(2)}, NULL2, C3], 8
    yield "a null breadcrumb adds nothing", base, [NULL2], 10
    yield "of setAt and null breadcrumb the later rules: setAt", {**base, "setAt": at(3)}, [A1, B2, C3, NULL2], 10
    yield "of setAt and null breadcrumb the later rules: breadcrumb", {**base, "setAt": at(1)}, [A1, B2, C3, NULL2], 8
    yield "of two null breadcrumbs the later rules", base, [NULL2, A1, B2, C3, crumb(3, "nulltwo0", None)], 10
    yield "of one operation the earliest breadcrumb counts", base, [crumb(4, "aaaaaaaa", 100), A1], 15
    yield (
        "of one operation the earliest that is not void counts",
        since,
        [A1, crumb(3, "aaaaaaaa", 100), crumb(4, "aaaaaaaa", 1000)],
        110,
    )
    yield "an operation that is remembered with a number does not count", base, [crumb(1, "done0000", 100)], 10
    yield "an operation that is remembered without a number does not count", {**base, "recent": ADDED}, [A1, B2], 17
    yield "two operations of one microsecond both count", base, [A1, {**B2, "time": at(1)}], 22
    yield (
        "a null breadcrumb of a remembered operation voids all the same",
        {**base, "recent": [["nullnull", "10"]]},
        [A1, NULL2, C3],
        8,
    )
    yield (
        "a null breadcrumb does not take the place of an increment of the same id",
        base,
        [NULL2, crumb(3, "nullnull", 4)],
        14,
    )
    yield "reading may leave the 64-bit range", state(INT64_MAX, OP, 1, [[OP, str(INT64_MAX)]]), [A1], INT64_MAX + 5
    yield (
        "times are compared as times of one clock, not by operation",
        base,
        [crumb(1, "zzzzzzzz", 1), crumb(2, "aaaaaaaa", 2), {**NULL2, "time": at(1)}],
        12,
    )


def folds() -> Iterator[tuple[str, Json, list[Json], list[int], Json | str]]:
    base = state(10, OP, 3, [["done0000", "10"]])
    since = {**base, "setAt": at(2)}
    done: Recent = [["done0000", "10"]]
    three: Recent = [["aaaaaaaa", None], ["bbbbbbbb", None], ["cccccccc", None]]
    yield "all are taken, oldest first", base, [C3, A1, B2], [0, 1, 2], state(20, "gathered", 6, done + three)
    yield (
        "one is taken, the others stay",
        base,
        [A1, B2, C3],
        [1],
        state(17, "gathered", 4, [*done, ["bbbbbbbb", None]]),
    )
    yield "none is taken", base, [A1], [], state(10, "gathered", 3, done)
    yield "void ones change nothing", since, [A1, B2], [0, 1], state(10, "gathered", 3, done, at(2))
    yield "a null breadcrumb moves setAt", base, [A1, NULL2, C3], [0, 1], state(10, "gathered", 3, done, at(2))
    yield (
        "a null breadcrumb that is not taken voids too",
        base,
        [A1, NULL2, C3],
        [0, 2],
        state(8, "gathered", 4, [*done, ["cccccccc", None]], at(2)),
    )
    yield (
        "an older null breadcrumb does not move setAt back",
        {**base, "setAt": at(4)},
        [NULL2],
        [0],
        state(10, "gathered", 3, done, at(4)),
    )
    yield (
        "a remembered operation is not added",
        {**base, "recent": ADDED},
        [A1, B2],
        [0, 1],
        state(17, "gathered", 4, [["aaaaaaaa", None], ["bbbbbbbb", None]]),
    )
    twice = [A1, crumb(2, "aaaaaaaa", 100)]
    yield "both of one operation are taken, one counts", base, twice, [0, 1], state(15, "gathered", 4, done + ADDED)
    yield "the later of one operation is taken: nothing", base, twice, [1], state(10, "gathered", 3, done)
    yield (
        "the earlier of one operation is taken: the other is void by recent",
        base,
        twice,
        [0],
        state(15, "gathered", 4, done + ADDED),
    )
    yield "an absent counter is made", state(op=""), [A1], [0], state(5, "gathered", 1, ADDED)
    full = state(127, OP, 128, remembered(128))
    yield "128 operations are remembered", full, [A1], [0], state(132, "gathered", 129, remembered(127, 1) + ADDED)
    long = [crumb(number % 60, f"crumb{number:04d}", 1) for number in range(130)]
    order = sorted(long, key=lambda found: (found["time"], found["op"]))
    folded: Recent = [[found["op"], None] for found in order]
    yield "all that one fold takes are remembered", full, long, list(range(130)), state(257, "gathered", 258, folded)
    after = state(130, OP, 130, folded)
    yield (
        "the next fold shortens to 128",
        after,
        [crumb(5, "aaaaaaaa", 5)],
        [0],
        state(135, "gathered", 131, folded[3:] + ADDED),
    )
    stays = crumb(5, "done0000", 1)
    yield (
        "an operation is remembered as long as its breadcrumb is seen and stays",
        full,
        [A1, stays],
        [0],
        state(132, "gathered", 129, [["done0000", "0"], *remembered(127, 1), *ADDED]),
    )
    yield "just below overflow", state(INT64_MAX - 5, OP, 1, []), [A1], [0], state(INT64_MAX, "gathered", 2, ADDED)
    yield "overflow", state(INT64_MAX - 4, OP, 1, []), [A1], [0], "overflow"
    yield "underflow", state(INT64_MIN + 1, OP, 1, []), [C3], [0], "overflow"
    yield (
        "a sum that passes the limit and comes back",
        state(INT64_MAX, OP, 1, []),
        [A1, crumb(2, "bbbbbbbb", -6)],
        [0, 1],
        state(INT64_MAX - 1, "gathered", 3, [*ADDED, ["bbbbbbbb", None]]),
    )


def increments() -> Iterator[tuple[str, Json, list[Json], list[int], int, str | None, Json | str]]:
    base = state(10, OP, 3, [["done0000", "10"]])
    done: Recent = [["done0000", "10"]]
    yield "the first one", state(op=""), [], [], 1, "1", state(1, "incrincr", 1, [["incrincr", "1"]])
    yield "a negative one", base, [], [], -30, "-20", state(-20, "incrincr", 4, [*done, ["incrincr", "-20"]])
    yield "by nothing is an operation too", base, [], [], 0, "10", state(10, "incrincr", 4, [*done, ["incrincr", "10"]])
    yield (
        "breadcrumbs are folded in before",
        base,
        [A1],
        [0],
        1,
        "16",
        state(16, "incrincr", 5, [*done, *ADDED, ["incrincr", "16"]]),
    )
    yield (
        "the number is the whole total",
        base,
        [A1, B2],
        [0],
        1,
        "23",
        state(16, "incrincr", 5, [*done, *ADDED, ["incrincr", "23"]]),
    )
    yield (
        "void breadcrumbs are not in the number",
        {**base, "setAt": at(2)},
        [A1, C3],
        [0, 1],
        1,
        "9",
        state(9, "incrincr", 5, [*done, ["cccccccc", None], ["incrincr", "9"]], at(2)),
    )
    yield (
        "a null breadcrumb moves setAt",
        base,
        [NULL2],
        [0],
        1,
        "11",
        state(11, "incrincr", 4, [*done, ["incrincr", "11"]], at(2)),
    )
    full = state(127, OP, 128, remembered(128))
    yield (
        "128 operations are remembered",
        full,
        [],
        [],
        1,
        "128",
        state(128, "incrincr", 129, [*remembered(127, 1), ["incrincr", "128"]]),
    )
    long = [crumb(1, f"crumb{number:04d}", 1) for number in range(128)]
    folded: Recent = [[found["op"], None] for found in long]
    yield (
        "all that it folds are remembered, and itself",
        full,
        long,
        list(range(128)),
        1,
        "256",
        state(256, "incrincr", 257, [*folded, ["incrincr", "256"]]),
    )
    stays = crumb(5, "done0000", 1)
    yield (
        "an operation is remembered as long as its breadcrumb is seen and stays",
        full,
        [stays],
        [],
        1,
        "128",
        state(128, "incrincr", 129, [["done0000", "0"], *remembered(127, 1), ["incrincr", "128"]]),
    )
    yield (
        "up to the limit",
        state(INT64_MAX - 1, OP, 1, []),
        [],
        [],
        1,
        str(INT64_MAX),
        state(INT64_MAX, "incrincr", 2, [["incrincr", str(INT64_MAX)]]),
    )
    yield "overflow", state(INT64_MAX, OP, 1, []), [], [], 1, None, "overflow"
    yield "underflow", state(INT64_MIN, OP, 1, []), [], [], -1, None, "overflow"
    yield "the value would overflow, the number not", state(INT64_MAX, OP, 1, []), [C3], [], 1, None, "overflow"
    yield (
        "the number would overflow by breadcrumbs that stay",
        state(INT64_MAX - 5, OP, 1, []),
        [A1],
        [],
        1,
        None,
        "overflow",
    )


def sets() -> Iterator[tuple[str, Json, int, Json | str]]:
    base = state(10, OP, 3, [["done0000", "10"]], at(2))
    done: Recent = [["done0000", "10"]]
    yield (
        "value and time are new, the memory goes on",
        base,
        0,
        state(0, "assigned", 4, [*done, ["assigned", "0"]], at(30)),
    )
    yield "an absent counter", state(op=""), -5, state(-5, "assigned", 1, [["assigned", "-5"]], at(30))
    full = state(127, OP, 128, remembered(128))
    yield (
        "128 operations are remembered",
        full,
        1,
        state(1, "assigned", 129, [*remembered(127, 1), ["assigned", "1"]], at(30)),
    )
    yield "the limits", base, INT64_MIN, state(INT64_MIN, "assigned", 4, [*done, ["assigned", str(INT64_MIN)]], at(30))
    yield "overflow", base, INT64_MAX + 1, "overflow"


def clocks() -> Iterator[tuple[str, str | None, list[str], str]]:
    """A new time is the clock's, or one microsecond later than the latest time seen that is at most an hour ahead."""
    yield at(10), None, [], at(10)
    yield at(10), at(9), [at(8)], at(10)
    yield at(10), at(10), [], at(10, 1)
    yield at(10), None, [at(11), at(12, 999_999)], at(13)
    yield at(10), at(20), [at(11)], at(20, 1)
    yield at(10), None, ["20261122T110010000000Z"], "20261122T110010000001Z"
    yield at(10), None, ["20261122T110010000001Z", at(11)], at(11, 1)
    yield at(10), "99991231T235959999999Z", [], at(10)


def doubts() -> Iterator[tuple[str, Json, Json, bool]]:
    before = state(1, OP, 5, [["done0000", "1"]])
    yield "it is remembered", before, state(2, OP, 6, [["done0000", "1"], ["doubtful", "2"]]), False
    yield "the memory reaches back to before", before, state(2, OP, 6, [["done0000", "1"], ["another0", "2"]]), True
    yield "nothing happened", before, before, True
    yield "127 operations since", before, state(2, OP, 132, [["done0000", "1"], *remembered(127, 1)]), True
    yield "128 operations since", before, state(2, OP, 133, [["done0000", "1"], *remembered(128, 1)]), False
    yield "a forced SET raised seq", before, state(2, OP, 200, [["done0000", "1"], ["another0", "2"]]), False
    yield "another life: a smaller seq", before, state(2, OP, 1, [["another0", "1"]]), False
    yield "another life: the last operation is unknown", before, state(2, OP, 6, [["another0", "1"]]), False
    yield "another life of as many operations", before, state(2, OP, 5, remembered(5, 1)), False
    absent = state(op="")
    yield (
        "first seen absent, all its life is remembered: another life may lie between",
        absent,
        state(2, OP, 2, remembered(2)),
        False,
    )
    yield "first seen absent, still absent: a life may lie between", absent, absent, False
    yield "nothing was remembered", state(5, OP, 5), state(6, OP, 6, [["another0", "6"]]), False
