"""folding.json: what breadcrumbs do to a counter. The expected results are written out by hand."""

from collections.abc import Iterator

from tests.vectors.cases.counters import Recent, state
from tests.vectors.cases.names import OP
from tests.vectors.cases.raw import INT64_MAX, INT64_MIN, Json


def at(second: int, micro: int = 0) -> str:
    return f"20261122T1000{second:02d}{micro:06d}Z"


NOW = at(30)
LATER = "20261122T101003000000Z"
"""Ten minutes after the breadcrumb of second 3."""


def crumb(second: int, op: str, delta: int | None) -> Json:
    return {"time": at(second), "op": op, "delta": None if delta is None else str(delta)}


def remembered(count: int, start: int = 0) -> Recent:
    return [[f"done{number:04d}", str(number)] for number in range(start, start + count)]


def waited(count: int, start: int = 0, second: int = 1) -> Recent:
    return [[f"wait{number:04d}", str(number), at(second)] for number in range(start, start + count)]


def folded(*crumbs: Json, start: int) -> Recent:
    """Remember breadcrumbs that came in, in this order, with the running totals from ``start`` on."""
    found: Recent = []
    for each in crumbs:
        start += int(each["delta"])
        found.append([each["op"], str(start), each["time"]])
    return found


A1, B2, C3 = crumb(1, "aaaaaaaa", 5), crumb(2, "bbbbbbbb", 7), crumb(3, "cccccccc", -2)
NULL2 = crumb(2, "nullnull", None)
ADDED: Recent = [["aaaaaaaa", None]]


def folding() -> Json:
    return {
        "totals": [
            {"name": name, "base": base, "breadcrumbs": crumbs, "total": str(total)} for name, base, crumbs, total in totals()
        ],
        "folds": [
            {
                "name": name,
                "base": base,
                "breadcrumbs": crumbs,
                "taking": taking,
                "op": "gathered",
                "now": now,
                "taken": taken,
                "result": result,
            }
            for name, base, crumbs, taking, now, taken, result in map(with_taken, folds())
        ],
        "increments": [
            {"name": name, "base": base, "breadcrumbs": crumbs, "by": str(by), "op": "incrincr", "now": now, "taken": taken}
            | {"number": number, "result": result}
            for name, base, crumbs, by, now, taken, number, result in increments()
        ],
        "waiters": [
            {"name": name, "base": base, "breadcrumbs": crumbs, "op": op, "now": NOW, "taken": taken, "number": number}
            | {"result": result}
            for name, base, crumbs, op, taken, number, result in waiters()
        ],
        "sets": [
            {"name": name, "base": base, "breadcrumbs": crumbs, "forced": forced, "value": str(value), "time": at(30)}
            | {"op": "assigned", "now": NOW, "taken": taken, "result": result}
            for name, base, crumbs, forced, value, taken, result in sets()
        ],
        "replacements": [
            {"name": name, "base": base, "breadcrumbs": crumbs, "other": other, "time": at(30), "op": "replaced", "now": NOW}
            | {"taken": taken, "result": result}
            for name, base, crumbs, other, taken, result in replacements()
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


Taking = list[int]
FoldCase = tuple[str, Json, list[Json], Taking, Json]


def with_taken(
    case: FoldCase | tuple[str, Json, list[Json], Taking, Json, Taking],
) -> tuple[str, Json, list[Json], Taking, str, Taking, Json]:
    """Complete a case: what is to be taken is taken, unless the case says otherwise."""
    name, base, crumbs, taking, result = case[:5]
    return name, base, crumbs, taking, NOW, case[5] if len(case) == 6 else taking, result


def folds() -> Iterator[FoldCase | tuple[str, Json, list[Json], Taking, Json, Taking]]:
    done: Recent = [["done0000", "10"]]
    base = state(10, OP, 3, done)
    since = {**base, "setAt": at(2)}
    yield (
        "all are taken, oldest first, each with the running total for its number",
        base,
        [C3, A1, B2],
        [0, 1, 2],
        state(20, "gathered", 6, [*done, ["aaaaaaaa", "15", at(1)], ["bbbbbbbb", "22", at(2)], ["cccccccc", "20", at(3)]]),
    )
    yield (
        "one is taken, the others stay: they are not in its number",
        base,
        [A1, B2, C3],
        [1],
        state(17, "gathered", 4, [*done, ["bbbbbbbb", "17", at(2)]]),
    )
    yield "none is taken", base, [A1], [], state(10, "gathered", 3, done)
    yield "void ones change nothing", since, [A1, B2], [0, 1], state(10, "gathered", 3, done, at(2))
    yield "a null breadcrumb moves setAt", base, [A1, NULL2, C3], [0, 1], state(10, "gathered", 3, done, at(2))
    yield (
        "a null breadcrumb that is not taken voids too",
        base,
        [A1, NULL2, C3],
        [0, 2],
        state(8, "gathered", 4, [*done, ["cccccccc", "8", at(3)]], at(2)),
    )
    yield (
        "an older null breadcrumb does not move setAt back",
        {**base, "setAt": at(4)},
        [NULL2],
        [0],
        state(10, "gathered", 3, done, at(4)),
    )
    yield (
        "an operation remembered without a number is not added, and stays without one",
        {**base, "recent": ADDED},
        [A1, B2],
        [0, 1],
        state(17, "gathered", 4, [["aaaaaaaa", None], ["bbbbbbbb", "17", at(2)]]),
    )
    twice = [A1, crumb(2, "aaaaaaaa", 100)]
    once: Recent = [*done, ["aaaaaaaa", "15", at(1)]]
    yield "both of one operation are taken, one counts", base, twice, [0, 1], state(15, "gathered", 4, once)
    yield "the later of one operation is taken: nothing", base, twice, [1], state(10, "gathered", 3, done)
    yield (
        "the earlier of one operation is taken: the other is void by recent",
        base,
        twice,
        [0],
        state(15, "gathered", 4, once),
    )
    yield "an absent counter is made", state(op=""), [A1], [0], state(5, "gathered", 1, [["aaaaaaaa", "5", at(1)]])
    full = state(127, OP, 128, remembered(128))
    one: Recent = [["aaaaaaaa", "132", at(1)]]
    yield "128 operations are remembered", full, [A1], [0], state(132, "gathered", 129, remembered(127, 1) + one)
    long = [crumb(number % 30, f"crumb{number:04d}", 1) for number in range(130)]
    order = sorted(long, key=lambda found: (found["time"], found["op"]))
    all_of_them = folded(*order, start=127)
    yield "all that one fold takes are remembered", full, long, list(range(130)), state(257, "gathered", 258, all_of_them)
    after = state(257, OP, 258, all_of_them)
    yield (
        "beyond the last 128, what was left in the last 10 minutes is remembered",
        after,
        [crumb(29, "aaaaaaaa", 5)],
        [0],
        state(262, "gathered", 259, [*all_of_them, ["aaaaaaaa", "262", at(29)]]),
    )
    stays = crumb(5, "done0000", 1)
    yield (
        "an operation is remembered as long as its breadcrumb is seen and stays",
        full,
        [A1, stays],
        [0],
        state(132, "gathered", 129, [["done0000", "0"], *remembered(127, 1), *one]),
    )
    yield (
        "just below overflow",
        state(INT64_MAX - 5, OP, 1, []),
        [A1],
        [0],
        state(INT64_MAX, "gathered", 2, [["aaaaaaaa", str(INT64_MAX), at(1)]]),
    )
    yield "overflow: it is not taken", state(INT64_MAX - 4, OP, 1, []), [A1], [0], state(INT64_MAX - 4, "gathered", 1, []), []
    yield "underflow: it is not taken", state(INT64_MIN + 1, OP, 1, []), [C3], [0], state(INT64_MIN + 1, "gathered", 1, []), []
    yield (
        "what would pass the limit stays, what comes after it is taken",
        state(INT64_MAX, OP, 1, []),
        [A1, crumb(2, "bbbbbbbb", -6)],
        [0, 1],
        state(INT64_MAX - 6, "gathered", 2, [["bbbbbbbb", str(INT64_MAX - 6), at(2)]]),
        [1],
    )


IncrementCase = tuple[str, Json, list[Json], int, str, Taking, str | None, Json | str]


def increments() -> Iterator[IncrementCase]:
    done: Recent = [["done0000", "10"]]
    base = state(10, OP, 3, done)
    yield "the first one", state(op=""), [], 1, NOW, [], "1", state(1, "incrincr", 1, [["incrincr", "1"]])
    yield "a negative one", base, [], -30, NOW, [], "-20", state(-20, "incrincr", 4, [*done, ["incrincr", "-20"]])
    yield "by nothing is an operation too", base, [], 0, NOW, [], "10", state(10, "incrincr", 4, [*done, ["incrincr", "10"]])
    yield (
        "breadcrumbs are folded in before, each with its number",
        base,
        [B2, A1],
        1,
        NOW,
        [1, 0],
        "23",
        state(23, "incrincr", 6, [*done, *folded(A1, B2, start=10), ["incrincr", "23"]]),
    )
    yield (
        "void breadcrumbs are not in the number, and stay for whoever waits for one",
        {**base, "setAt": at(2)},
        [A1, C3],
        1,
        NOW,
        [1],
        "9",
        state(9, "incrincr", 5, [*done, ["cccccccc", "8", at(3)], ["incrincr", "9"]], at(2)),
    )
    yield (
        "a null breadcrumb moves setAt, and goes",
        base,
        [NULL2],
        1,
        NOW,
        [0],
        "11",
        state(11, "incrincr", 4, [*done, ["incrincr", "11"]], at(2)),
    )
    yield (
        "what is remembered goes, also if it is void, and what was left twice",
        {**base, "setAt": at(2)},
        [crumb(1, "done0000", 5), C3, crumb(4, "cccccccc", 100)],
        1,
        NOW,
        [0, 1, 2],
        "9",
        state(9, "incrincr", 5, [*done, ["cccccccc", "8", at(3)], ["incrincr", "9"]], at(2)),
    )
    full = state(127, OP, 128, remembered(128))
    yield (
        "128 operations are remembered",
        full,
        [],
        1,
        NOW,
        [],
        "128",
        state(128, "incrincr", 129, [*remembered(127, 1), ["incrincr", "128"]]),
    )
    many = [crumb(1, f"crumb{number:04d}", 1) for number in range(129)]
    yield (
        "128 are folded, and itself",
        full,
        many[:128],
        1,
        NOW,
        list(range(128)),
        "256",
        state(256, "incrincr", 257, [*folded(*many[:128], start=127), ["incrincr", "256"]]),
    )
    yield (
        "where more count it folds the oldest 128 without itself",
        full,
        many,
        1,
        NOW,
        list(range(128)),
        None,
        state(255, "incrincr", 256, folded(*many[:128], start=127)),
    )
    yield (
        "an operation is remembered as long as its breadcrumb is seen",
        full,
        [crumb(5, "done0000", 1)],
        1,
        NOW,
        [0],
        "128",
        state(128, "incrincr", 129, [["done0000", "0"], *remembered(127, 1), ["incrincr", "128"]]),
    )
    mixed = state(9, OP, 400, [["done0000", "9"], *waited(200), *remembered(100)])
    yield (
        "beyond the last 128, what was left in the last 10 minutes is remembered, and nothing else",
        mixed,
        [],
        1,
        NOW,
        [],
        "10",
        state(10, "incrincr", 401, [*waited(200), *remembered(100), ["incrincr", "10"]]),
    )
    yield (
        "a time of 10 minutes ago is forgotten, and beyond the last 128 its operation",
        state(9, OP, 400, [*waited(150, second=3), *waited(1, 150, second=4), *remembered(100)]),
        [],
        1,
        LATER,
        [],
        "10",
        state(
            10,
            "incrincr",
            401,
            [
                *([op, number] for op, number, _ in waited(26, 124)),
                *waited(1, 150, second=4),
                *remembered(100),
                ["incrincr", "10"],
            ],
        ),
    )
    yield (
        "at most 1,024 are remembered",
        state(9, OP, 2000, waited(1024)),
        [A1],
        1,
        NOW,
        [0],
        "15",
        state(15, "incrincr", 2002, [*waited(1022, 2), ["aaaaaaaa", "14", at(1)], ["incrincr", "15"]]),
    )
    yield (
        "up to the limit",
        state(INT64_MAX - 1, OP, 1, []),
        [],
        1,
        NOW,
        [],
        str(INT64_MAX),
        state(INT64_MAX, "incrincr", 2, [["incrincr", str(INT64_MAX)]]),
    )
    yield "overflow", state(INT64_MAX, OP, 1, []), [], 1, NOW, [], None, "overflow"
    yield "underflow", state(INT64_MIN, OP, 1, []), [], -1, NOW, [], None, "overflow"
    yield (
        "what it folds makes room for it",
        state(INT64_MAX, OP, 1, []),
        [C3],
        1,
        NOW,
        [0],
        str(INT64_MAX - 1),
        state(INT64_MAX - 1, "incrincr", 3, [["cccccccc", str(INT64_MAX - 2), at(3)], ["incrincr", str(INT64_MAX - 1)]]),
    )
    yield (
        "what it folds leaves no room for it",
        state(INT64_MAX - 5, OP, 1, []),
        [A1],
        1,
        NOW,
        [],
        None,
        "overflow",
    )
    yield (
        "a breadcrumb that would overflow stays, and is not waited for",
        state(INT64_MAX - 4, OP, 1, []),
        [A1, C3],
        1,
        NOW,
        [1],
        str(INT64_MAX - 5),
        state(INT64_MAX - 5, "incrincr", 3, [["cccccccc", str(INT64_MAX - 6), at(3)], ["incrincr", str(INT64_MAX - 5)]]),
    )


def waiters() -> Iterator[tuple[str, Json, list[Json], str, Taking, str | None, Json]]:
    """What a client writes that waits for the number of its own breadcrumb."""
    done: Recent = [["done0000", "10"]]
    base = state(10, OP, 3, done)
    yield "its own is folded with the others", base, [A1, B2, C3], "bbbbbbbb", [0, 1, 2], "22", state(
        20, "bbbbbbbb", 6, [*done, *folded(A1, B2, C3, start=10)]
    )  # fmt: skip
    many = [crumb(1, f"crumb{number:04d}", 1) for number in range(129)]
    last = state(138, "crumb0128", 131, folded(*many[:128], start=10))
    last["recent"] = [*done, *last["recent"]][-128:]
    yield "older ones come first", base, many, "crumb0128", list(range(128)), None, last
    yield "its own is void, and stays", {**base, "setAt": at(1)}, [A1, B2], "aaaaaaaa", [1], None, state(
        17, "aaaaaaaa", 4, [*done, ["bbbbbbbb", "17", at(2)]], at(1)
    )  # fmt: skip
    yield "its own does not fit, and stays", state(INT64_MAX, OP, 3, done), [A1, C3], "aaaaaaaa", [1], None, state(
        INT64_MAX - 2, "aaaaaaaa", 4, [*done, ["cccccccc", str(INT64_MAX - 2), at(3)]]
    )  # fmt: skip


def replacements() -> Iterator[tuple[str, Json, list[Json], Json, Taking, Json]]:
    done: Recent = [["done0000", "10"]]
    theirs: Recent = [["other000", "7"], ["waited00", "9", at(20)]]
    other = state(9, "gathered", 5, theirs, at(5))
    own: Recent = [["replaced", "9"]]
    yield "a new key", state(op=""), [], other, [], state(9, "replaced", 134, [*theirs, *own], at(30))
    yield (
        "both memories, what counts is settled, seq beyond both",
        state(10, OP, 300, done, at(2)),
        [C3, NULL2],
        other,
        [0, 1],
        state(9, "replaced", 430, [*done, *theirs, ["cccccccc", "8", at(3)], *own], at(30)),
    )
    yield (
        "of the counter that was there, no more is remembered than has room",
        state(127, OP, 128, remembered(128)),
        [],
        other,
        [],
        state(9, "replaced", 257, [*remembered(125, 3), *theirs, *own], at(30)),
    )
    full = waited(200, second=20)
    yield (
        "nothing of the one that comes is forgotten",
        state(127, OP, 128, remembered(128)),
        [],
        state(199, "gathered", 200, full),
        [],
        state(199, "replaced", 329, [*full, ["replaced", "199"]], at(30)),
    )


def sets() -> Iterator[tuple[str, Json, list[Json], bool, int, Taking, Json | str]]:
    done: Recent = [["done0000", "10"]]
    base = state(10, OP, 3, done, at(2))
    yield (
        "value and time are new, the memory goes on",
        base,
        [],
        False,
        0,
        [],
        state(0, "assigned", 4, [*done, ["assigned", "0"]], at(30)),
    )
    yield "an absent counter", state(op=""), [], False, -5, [], state(-5, "assigned", 1, [["assigned", "-5"]], at(30))
    full = state(127, OP, 128, remembered(128))
    yield (
        "128 operations are remembered",
        full,
        [],
        False,
        1,
        [],
        state(1, "assigned", 129, [*remembered(127, 1), ["assigned", "1"]], at(30)),
    )
    yield (
        "what counts is settled first, with numbers of the old total",
        base,
        [A1, C3, crumb(4, "dddddddd", 100)],
        False,
        1,
        [1, 2],
        state(
            1,
            "assigned",
            6,
            [*done, ["cccccccc", "8", at(3)], ["dddddddd", "108", at(4)], ["assigned", "1"]],
            at(30),
        ),
    )
    yield (
        "null breadcrumbs and what is remembered go, other void ones stay",
        base,
        [A1, NULL2, crumb(1, "done0000", 3)],
        False,
        1,
        [1, 2],
        state(1, "assigned", 4, [*done, ["assigned", "1"]], at(30)),
    )
    many = [crumb(3, f"crumb{number:04d}", 1) for number in range(129)]
    yield (
        "at most 128 are settled",
        base,
        many,
        False,
        1,
        list(range(128)),
        state(1, "assigned", 132, [*folded(*many[:128], start=10), ["assigned", "1"]], at(30)),
    )
    yield (
        "what would overflow is not settled",
        state(INT64_MAX, OP, 3, done),
        [A1, C3],
        False,
        1,
        [1],
        state(1, "assigned", 5, [*done, ["cccccccc", str(INT64_MAX - 2), at(3)], ["assigned", "1"]], at(30)),
    )
    yield (
        "a forced one settles none, and raises seq by 128 more",
        base,
        [C3, NULL2],
        True,
        1,
        [],
        state(1, "assigned", 132, [*done, ["assigned", "1"]], at(30)),
    )
    yield (
        "the limits",
        base,
        [],
        False,
        INT64_MIN,
        [],
        state(INT64_MIN, "assigned", 4, [*done, ["assigned", str(INT64_MIN)]], at(30)),
    )
    yield "overflow", base, [], False, INT64_MAX + 1, [], "overflow"


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
