"""Every interleaving of a few clients of one counter: the product's own decisions and performer, explored exhaustively."""

import pytest

from tests.model.explore import Exploration, explore
from tests.model.protocol import CounterProtocol, Op, Variant

CAP = 400_000

A, B, C, D = (Op(name, "incr", number) for name, number in (("a", 1), ("b", 2), ("c", 4), ("d", 8)))
LEAVES, LEAVES_TOO = Op("l", "incr", 16, waits=False), Op("m", "incr", 32, waits=False)
SET, SET_TOO, FORCE = Op("s", "set", 50), Op("t", "set", 80), Op("f", "force", 50)
FIRST = Op("n", "first", 100)
DEL, GETDEL, DATA, GET = Op("x", "del"), Op("y", "getdel"), Op("o", "data"), Op("g", "get")
GETDEL_TOO = Op("z", "getdel", skew=5)
HOUR = 3_600_000_000


def skewed(op: Op, micros: int) -> Op:
    return op._replace(skew=micros)


def left(op: Op) -> Op:
    """Return the run again of an operation that has left its breadcrumb."""
    return op._replace(left=True)


def begins(op: Op) -> Op:
    """Return an increment that gives a counter that it begins the number 100."""
    return op._replace(start=100)


def brief(op: Op) -> Op:
    """Return one that gives it a lifetime, too: it expires when all that expires does, if that is still to come."""
    return op._replace(start=100, ttl=60)


def find(variant: Variant) -> Exploration:
    found = explore(CounterProtocol(variant), cap=CAP)
    print(found)  # noqa: T201  # state counts and stories, for pytest -rP
    return found


HOLDS = {
    "2 wait, 1 lost, 1 gather": Variant((A, B), lost=1, gathers=1),
    "3 wait": Variant((A, B, C)),
    "3 wait, 1 gather": Variant((A, B, C), gathers=1),
    "3 wait, 1 lost": Variant((A, B, C), lost=1),
    "2 wait, 1 leaves it": Variant((A, B, LEAVES)),
    "2 leave it, 2 gathers, 1 lost": Variant((LEAVES, LEAVES_TOO), gathers=2, lost=1),
    "2 wait, 2 lost, 2 gathers": Variant((A, B), lost=2, gathers=2),
    "2 wait, 1 late, 1 lost, 1 gather": Variant((A, B), late=1, lost=1, gathers=1),
    "2 wait, SET": Variant((A, B, SET)),
    "1 waits, 2 SETs, skewed": Variant((A, skewed(SET, 9), skewed(SET_TOO, 5)), lost=1),
    "1 waits, 1 leaves it, SET": Variant((A, LEAVES, SET), gathers=1),
    "2 wait, GETDEL": Variant((A, B, GETDEL)),
    "1 waits, 1 leaves it, GETDEL": Variant((A, LEAVES, GETDEL)),
    "2 wait, another value, DEL": Variant((A, B, DATA, DEL)),
    "2 wait, another value, SET, skewed": Variant((A, B, DATA, skewed(SET, 9))),
    "2 wait, another value, 1 gather, 1 lost": Variant((A, B, DATA), gathers=1, lost=1),
    "2 wait, GETDEL, no counter at first": Variant((A, B, GETDEL), gathers=1, counter=None),
    "3 wait, 1 killed": Variant((A, B, C), kills=1),
    "2 wait, 1 killed, 1 lost, 1 gather": Variant((A, B), kills=1, lost=1, gathers=1),
    "two runs of one, 1 waits, 1 lost": Variant((A, A, B), lost=1),
    "torn listings, 2 wait, 1 leaves it": Variant((A, B, LEAVES), torn=True),
    "2 may give up, GET": Variant((A, B, GET), gives_up=True),
    "2 wait, GETDEL, 1 request of the counter late": Variant((A, B, GETDEL), late=1, late_breadcrumbs=False),
    "2 wait, GETDEL, 1 lost": Variant((A, B, GETDEL), lost=1),
    "1 waits, 2 GETDELs, 1 lost": Variant((A, GETDEL, GETDEL_TOO), lost=1),
    "1 waits, GETDEL, 1 late, 1 lost": Variant((A, GETDEL), late=1, lost=1),
    "1 waits, DEL, 1 late, 1 lost": Variant((A, DEL), late=1, lost=1),
    "1 waits, DEL, GETDEL, 1 lost": Variant((A, DEL, GETDEL), lost=1),
    "1 waits, SET, GETDEL, 1 lost, skewed": Variant((A, skewed(SET, 9), GETDEL), lost=1),
    "1 waits, 1 leaves it, forced SET, 1 lost": Variant((A, LEAVES, skewed(FORCE, 5)), lost=1),
    "2 wait, forced SET, 1 request of the counter late": Variant((A, B, FORCE), late=1, late_breadcrumbs=False),
    "1 waits, forced SET, 1 late, 1 lost": Variant((A, FORCE), late=1, lost=1),
    "1 waits, 1 leaves it, SET by a clock hours ahead": Variant((A, LEAVES, skewed(SET, 2 * HOUR))),
    "1 waits, 1 leaves it, expiry, 2 sweeps": Variant((A, LEAVES), mortal=True, sweeps=2),
    "1 waits, 1 leaves it, expiry, sweep, 1 gather": Variant((A, LEAVES), mortal=True, sweeps=1, gathers=1),
    "1 waits, 1 leaves it, expiry, sweep, 1 lost": Variant((A, LEAVES), mortal=True, sweeps=1, lost=1),
    "1 waits, GETDEL, expiry, sweep, 1 lost": Variant((A, GETDEL), mortal=True, sweeps=1, lost=1),
    "1 waits, SET, expiry, sweep, 1 lost, skewed": Variant((A, skewed(SET, 9)), mortal=True, sweeps=1, lost=1),
    "1 waits, expiry, sweep, 1 late": Variant((A,), mortal=True, sweeps=1, late=1),
    "2 begin, GETDEL, 1 lost": Variant((begins(A), begins(B), GETDEL), counter=None, lost=1),
    "2 begin anew, GETDEL": Variant((begins(A), begins(B), GETDEL)),
    "2 begin anew, DEL": Variant((begins(A), begins(B), DEL)),
    "1 begins, GETDEL, 1 late, 1 lost": Variant((begins(A), GETDEL), counter=None, late=1, lost=1),
    "2 begin with what was left": Variant((left(begins(B)), begins(A), begins(C)), counter=None),
    "two runs of one begin, 1 begins, 1 lost": Variant((begins(A), begins(A), begins(B)), counter=None, lost=1),
    "2 begin with a lifetime, expiry, sweep": Variant((brief(A), brief(B)), counter=None, mortal=True, sweeps=1),
    "2 begin anew with a lifetime, expiry, sweep": Variant((brief(A), brief(B)), mortal=True, sweeps=1),
    "1 begins with a lifetime, GETDEL, expiry, sweep, 1 lost": Variant(
        (brief(A), GETDEL), counter=None, mortal=True, sweeps=1, lost=1
    ),
    "SET over another value, 1 waits, 1 leaves it, 1 gather": Variant((SET, A, LEAVES), data=True, gathers=1),
    "1 waits, 1 leaves it, GETDEL, SET where there is nothing": Variant((A, LEAVES, GETDEL, FIRST)),
    "1 waits, GETDEL, SET where there is nothing, 1 lost": Variant((A, GETDEL, FIRST), lost=1),
    "1 waits, GETDEL, SET where there is nothing, 1 late": Variant((A, GETDEL, FIRST), late=1),
    "1 waits, SET where there is nothing, expiry, sweep, 1 lost": Variant((A, FIRST), mortal=True, sweeps=1, lost=1),
}
LARGE = {
    "2 wait, 1 leaves it, 1 lost, 1 gather": Variant((A, B, LEAVES), lost=1, gathers=1),
    "2 wait, SET, 1 gather, 1 lost, skewed": Variant((skewed(A, 5), B, skewed(SET, 9)), gathers=1, lost=1),
    "1 waits, 1 leaves it, expiry, GETDEL": Variant((A, LEAVES, GETDEL), mortal=True),
    "2 wait, expiry, sweep, 1 late": Variant((A, B), mortal=True, sweeps=1, late=1, late_breadcrumbs=False),
    "3 wait, expiry, sweep": Variant((A, B, C), mortal=True, sweeps=1),
    "2 wait, forced SET, 1 gather, 1 lost": Variant((A, B, skewed(FORCE, 5)), gathers=1, lost=1),
    "2 wait, GETDEL, 1 lost, 1 gather": Variant((A, B, GETDEL), lost=1, gathers=1),
    "2 wait, DEL, SET, skewed": Variant((A, B, DEL, skewed(SET, 9))),
    "3 wait, expiry": Variant((A, B, C), mortal=True),
    "2 wait, expiry, SET, 1 gather, skewed": Variant((A, B, skewed(SET, 9)), gathers=1, mortal=True),
    "2 wait, SET, 1 killed, 1 gather, skewed": Variant((A, B, skewed(SET, 9)), kills=1, gathers=1),
    "two runs of one, 1 waits, SET, skewed": Variant((A, A, B, skewed(SET, 9))),
    "torn listings, two runs of one, SET": Variant((A, A, skewed(SET, 9)), torn=True),
    "gives up, SET, 1 gather": Variant((A, B, SET), gathers=1, gives_up=True),
    "2 wait, SET, GETDEL, skewed": Variant((A, B, skewed(SET, 9), GETDEL)),
    "4 wait": Variant((A, B, C, D)),
    "3 wait, SET, skewed": Variant((A, skewed(B, 5), C, skewed(SET, 9))),
    "3 wait, GETDEL": Variant((A, B, C, GETDEL)),
    "2 begin anew, GETDEL, 1 lost": Variant((begins(A), begins(B), GETDEL), lost=1),
    "2 begin with a lifetime, expiry, sweep, 1 lost": Variant((brief(A), brief(B)), counter=None, mortal=True, sweeps=1, lost=1),
    "3 begin anew with a lifetime, expiry": Variant((brief(A), brief(B), brief(C)), mortal=True),
    "3 begin with a lifetime, expiry": Variant((brief(A), brief(B), brief(C)), counter=None, mortal=True),
    "SET over another value, 1 waits, 1 leaves it, 1 gather, 1 lost": Variant((SET, A, LEAVES), data=True, gathers=1, lost=1),
}
LIMITS = {
    "of two copies of a breadcrumb one may arrive in the next life": Variant((A, B, GETDEL), late=1),
    "an operation id reaches no further than a counter's life": Variant((A, GETDEL), kills=1),
    "nor does it reach after expiry": Variant((A, B), kills=1, mortal=True),
    "what expired with its counter may come back, if it was left during a sweep": Variant(
        (A, LEAVES, GETDEL), mortal=True, sweeps=1
    ),
    "a GET during a DEL may see the breadcrumbs alone": Variant((left(LEAVES), GET, DEL)),
    "a GET during a sweep may see what has expired": Variant((left(LEAVES), GET), mortal=True, sweeps=1),
    "a GET sees a breadcrumb that a number given later does not have": Variant((A, B, GET, skewed(SET, 9))),
}


@pytest.mark.parametrize("name", HOLDS)
def test_every_end_is_explained_by_a_sequential_order(name: str) -> None:
    found = find(HOLDS[name])
    assert found.complaint is None, str(found)
    assert found.ends > 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", LARGE)
def test_so_is_every_end_of_longer_ones(name: str) -> None:
    found = find(LARGE[name])
    assert found.complaint is None, str(found)


@pytest.mark.parametrize("name", LIMITS)
def test_what_the_protocol_does_not_promise_does_happen(name: str) -> None:
    assert find(LIMITS[name]).complaint is not None
