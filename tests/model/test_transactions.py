"""Every interleaving of a few transactions on two counters: none is applied in part, or twice, and nobody is told a lie."""

import pytest

from tests.model.explore import Exploration, explore
from tests.model.transfers import Op, TransferProtocol, Variant

CAP = 400_000
MOVE, MOVE_TOO, ONCE = Op("m", "move", 4), Op("n", "move", 1), Op("o", "once", 2)
GUARDED, SKEWED, READ = Op("g", "guarded", 16), Op("s", "skewed", -4), Op("r", "read")
INCR, LEAVE, NOTE = Op("i", "incr", 32), Op("l", "leave", 64), Op("t", "note", 128)


def find(variant: Variant) -> Exploration:
    found = explore(TransferProtocol(variant), cap=CAP)
    print(found)  # noqa: T201  # state counts and stories, for pytest -rP
    return found


HOLDS = {
    "2 moves, 1 lost": Variant((MOVE, MOVE_TOO), lost=1),
    "a move, a read, 1 lost": Variant((MOVE, READ), lost=1),
    "a move, an increment, 1 lost": Variant((MOVE, INCR), lost=1),
    "a move, an increment, 1 gather": Variant((MOVE, INCR), gathers=1),
    "a move, an increment that is left, 1 gather, 1 lost": Variant((MOVE, LEAVE), gathers=1, lost=1),
    "two runs of one, 1 lost": Variant((ONCE, ONCE), lost=1),
    "2 conditions on each other's counter, 1 lost": Variant((GUARDED, SKEWED), lost=1),
    "a note, an increment, 1 lost": Variant((NOTE, INCR), lost=1),
    "a note, a move, 1 late": Variant((NOTE, MOVE), late=1),
    "a move, a condition, 1 lost": Variant((MOVE, GUARDED), lost=1),
    "2 moves, 1 late": Variant((MOVE, MOVE_TOO), late=1),
    "a move, an increment, 1 late": Variant((MOVE, INCR), late=1),
    "a move, a condition, 1 late": Variant((MOVE, GUARDED), late=1),
    "3 moves": Variant((MOVE, MOVE_TOO, ONCE)),
    "2 moves, 2 lost": Variant((MOVE, MOVE_TOO), lost=2),
    "two runs of one, 1 late": Variant((ONCE, ONCE), late=1),
}
LARGE = {
    "two runs of one, a move, 1 lost": Variant((ONCE, ONCE, MOVE), lost=1),
    "2 moves, a read": Variant((MOVE, MOVE_TOO, READ)),
    "3 moves, 1 late": Variant((MOVE, MOVE_TOO, ONCE), late=1),
    "3 moves, 2 lost": Variant((MOVE, MOVE_TOO, ONCE), lost=2),
    "two runs of one, a move, 1 late, 1 lost": Variant((ONCE, ONCE, MOVE), late=1, lost=1),
    "a move, 2 increments, 1 gather, 1 lost": Variant((MOVE, INCR, LEAVE), gathers=1, lost=1),
    "a move, a condition, a read": Variant((MOVE, GUARDED, READ)),
    "2 moves, a condition, 1 lost": Variant((MOVE, GUARDED, MOVE_TOO), lost=1),
}


@pytest.mark.parametrize("name", HOLDS)
def test_some_order_explains_every_end(name: str) -> None:
    found = find(HOLDS[name])
    assert found.complaint is None, str(found)
    assert found.ends > 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", LARGE)
def test_so_it_does_for_more_of_them(name: str) -> None:
    found = find(LARGE[name])
    assert found.complaint is None, str(found)
