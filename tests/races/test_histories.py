"""The judge of histories: what it lets pass, and each kind of lie that it has to find."""

import pytest

from tests.races.histories import Add, Append, Content, History, Operation, Rewrite, UnexplainedError
from tests.replacing import replace

FIRST: dict[str, Content] = {"x": 0, "y": 0, "text": "first"}


def done(name: str, at: float, **rest: object) -> Operation:
    """Return an operation that took one second."""
    return replace(Operation(name, at), ended=at + 1, outcome="applied", **rest)  # type: ignore[arg-type]


def moved(name: str, at: float, amount: int, **rest: object) -> Operation:
    return done(name, at, effects={"x": Add(-amount), "y": Add(amount)}, **rest)


MOVED = moved("a", 0, 1)
LEFT: dict[str, Content] = {"x": -1, "y": 1, "text": "first"}


def read(name: str, at: float, **before: Content) -> Operation:
    return done(name, at, before=before)


RIGHT: dict[str, tuple[list[Operation], dict[str, Content]]] = {
    "one after the other": ([MOVED, moved("b", 2, 4, after={"x": -5, "y": 5})], {**LEFT, "x": -5, "y": 5}),
    "at once, in the order that is told": (
        [moved("a", 0, 1, after={"x": -5}), moved("b", 0, 4, after={"x": -4})],
        {**LEFT, "x": -5, "y": 5},
    ),
    "unknown, and done": ([replace(MOVED, outcome="unknown"), read("r", 5, x=-1, y=1)], LEFT),
    "unknown, and not done": ([replace(MOVED, outcome="unknown")], FIRST),
    "refused, and tried again": ([replace(MOVED, outcome="refused"), moved("b", 3, 1)], LEFT),
    "an increment that waited": (
        [
            done("b", 0, effects={"y": Add(4)}, after={"y": 5}, waits=True),
            moved("a", 0, 1, after={"y": 1}),
            read("r", 0, x=0, y=4),
        ],
        {**LEFT, "y": 5},
    ),
    "a text": (
        [
            done("a", 0, effects={"text": Append("a")}),
            done("b", 2, effects={"text": Rewrite("b", "first a")}, before={"text": "first a"}),
            done("c", 4, effects={"text": Append("c")}),
        ],
        {**FIRST, "text": "b c"},
    ),
}
WRONG: dict[str, tuple[list[Operation], dict[str, Content]]] = {
    "a lost update": ([MOVED, moved("b", 0, 4)], {**LEFT, "x": -4, "y": 4}),
    "done twice": ([MOVED], {**LEFT, "x": -2, "y": 2}),
    "done in part": ([replace(MOVED, outcome="unknown")], {**LEFT, "y": 0}),
    "seen in part": ([MOVED, read("r", 0, x=-1, y=0)], LEFT),
    "refused, and done": ([replace(MOVED, outcome="refused")], LEFT),
    "refused, done, and tried again": (
        [replace(MOVED, outcome="refused"), read("r", 2, x=-1), replace(moved("b", 4, 1), outcome="unknown")],
        LEFT,
    ),
    "a stale read": ([MOVED, read("r", 2, x=0)], LEFT),
    "a read of what comes later": ([read("r", 0, x=-1), moved("a", 2, 1)], LEFT),
    "two that contradict each other": (
        [MOVED, moved("b", 0, 4), read("r", 0, x=-1), read("q", 0, x=-4)],
        {**LEFT, "x": -5, "y": 5},
    ),
    "a write skew": (
        [
            done("a", 0, effects={"x": Add(1)}, before={"y": 0}),
            done("b", 0, effects={"y": Add(2)}, before={"x": 0}),
        ],
        {**FIRST, "x": 1, "y": 2},
    ),
    "a number that is given twice": (
        [moved("a", 0, 1, after={"x": -1}), moved("b", 0, 4, after={"x": -4})],
        {**LEFT, "x": -5, "y": 5},
    ),
    "a text that is appended to twice": ([done("a", 0, effects={"text": Append("a")})], {**FIRST, "text": "first a a"}),
    "a text of nobody": ([], {**FIRST, "text": "first a"}),
    "a rewrite over what was not there": (
        [
            done("a", 0, effects={"text": Append("a")}),
            done("b", 2, effects={"text": Rewrite("b", "first")}, before={"text": "first"}),
        ],
        {**FIRST, "text": "b"},
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_an_order_explains(name: str) -> None:
    operations, left = RIGHT[name]
    History(FIRST, operations).explained(left)


@pytest.mark.parametrize("name", WRONG)
def test_what_no_order_explains(name: str) -> None:
    operations, left = WRONG[name]
    with pytest.raises(UnexplainedError):
        History(FIRST, operations).explained(left)
