"""Every interleaving of a few transactions on two counters: none is applied in part, or twice, and nobody is told a lie.

Nor is one where a counter gets the other one's key: what was counted for it is at one of the two.
"""

import pytest

from tests.model.explore import Exploration, explore
from tests.model.transfers import Op, TransferProtocol, Variant

CAP = 400_000
MOVE, MOVE_TOO, ONCE = Op("m", "move", 4), Op("n", "move", 1), Op("o", "once", 2)
GUARDED, SKEWED, READ = Op("g", "guarded", 16), Op("s", "skewed", -4), Op("r", "read")
INCR, LEAVE, NOTE = Op("i", "incr", 32), Op("l", "leave", 64), Op("t", "note", 128)
THERE = Op("h", "incr", 256, at=1)
COPY, RENAME, BACK, RENAME_TOO = Op("c", "copy"), Op("v", "rename"), Op("b", "rename", at=1), Op("w", "rename")
BACK_IF_ABSENT = Op("b", "rename", at=1, absent=True)
RENAME_THEN, AGAIN = Op("v", "rename", after=("i",)), Op("i", "incr", 32, at=1, after=("v",))
WAITING = 512


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
    "a rename, an increment, 1 waits, 1 lost": Variant((RENAME, INCR), waiting=WAITING, lost=1),
    "a rename, 2 increments, 1 is left": Variant((RENAME, INCR, LEAVE)),
    "a rename, an increment that is left, 1 waits, 1 gather, 1 lost": Variant((RENAME, LEAVE), waiting=WAITING, gathers=1, lost=1),
    "a rename, an increment at each, 1 lost": Variant((RENAME, INCR, THERE), lost=1),
    "a rename, two runs of an increment there": Variant((RENAME, THERE, THERE)),
    "a rename, a read, 1 lost": Variant((RENAME, READ), lost=1),
    "a rename, a move, 1 lost": Variant((RENAME, MOVE), lost=1),
    "a rename, an increment, 1 late": Variant((RENAME, INCR), late=1),
    "a rename, an increment there, 1 late": Variant((RENAME, THERE), late=1),
    "2 renames, 1 lost": Variant((RENAME, RENAME_TOO), lost=1),
    "a rename and back, 1 late": Variant((RENAME, BACK), late=1),
    "a rename and back, an increment": Variant((RENAME, BACK, INCR)),
    "a rename, and back if that is absent, an increment that is left, 1 waits, 1 gather": Variant(
        (RENAME, BACK_IF_ABSENT, LEAVE), waiting=WAITING, gathers=1
    ),
    "an increment, a rename, the increment again under its new name, 2 lost": Variant((INCR, RENAME_THEN, AGAIN), lost=2),
    "a copy, an increment, a read": Variant((COPY, INCR, READ)),
    "a copy, a rename, 1 lost": Variant((COPY, RENAME), lost=1),
    "a copy, an increment there, 1 lost": Variant((COPY, THERE), lost=1),
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
    "a rename and back, an increment, 1 lost": Variant((RENAME, BACK, INCR), lost=1),
    "a rename and back, an increment, 1 waits, 1 gather": Variant((RENAME, BACK, INCR), waiting=WAITING, gathers=1),
    "a rename, and back if that is absent, 2 increments, 1 is left": Variant((RENAME, BACK_IF_ABSENT, INCR, LEAVE)),
    "a rename, 2 increments, 1 is left, 1 lost": Variant((RENAME, INCR, LEAVE), lost=1),
    "a rename, 2 increments, 1 is left, 1 gather": Variant((RENAME, INCR, LEAVE), gathers=1),
    "a rename, an increment, a read": Variant((RENAME, INCR, READ), waiting=WAITING),
    "a copy, an increment at each, a read": Variant((COPY, INCR, THERE, READ)),
}
LIMITS = {
    "what is left while a rename runs may stay, though the rename replaces what came later": Variant((RENAME, INCR, LEAVE, THERE)),
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


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_not_promised_does_happen(name: str) -> None:
    assert find(LIMITS[name]).complaint is not None
