"""Every interleaving of a few clients of one counter, with lost replies, kills and jobs, is explained by a sequential order."""

from dataclasses import replace

import pytest

from git_keyval.format.times import Micros, timestamp
from tests.model.clients import BREADCRUMBS_FIRST, COUNTER_FIRST, Op, Rules
from tests.model.database import START
from tests.model.explore import Exploration, explore
from tests.model.protocol import SEED, CounterProtocol, Variant

CAP = 100_000
HOUR = 3_600_000_000

GET, DEL, GETDEL, GATHER, SWEEP = Op("get"), Op("del"), Op("getdel"), Op("gather"), Op("sweep")


def retry(number: int = 1, *, steady: bool = False) -> Op:
    return Op("incr", number, steady=steady)


def leave(number: int = 1, *, skew: int = 0) -> Op:
    return Op("incr", number, "breadcrumb", skew)


def denied(number: int = 1, *, skew: int = 0) -> Op:
    return Op("incr", number, "breadcrumb", skew, before="denied")


def assign(number: int = 50, *, skew: int = 0) -> Op:
    return Op("set", number, skew=skew)


def find(variant: Variant) -> Exploration:
    found = explore(CounterProtocol(variant), cap=CAP)
    print(found)  # noqa: T201  # state counts and stories, for pytest -rP
    return found


# Three kinds of variants: those that hold; those that break one rule of the protocol, to show that the model sees what the rule
# is for; and those that show what the protocol does not promise, with the rules all kept.
HOLDS = {
    # increments and gather
    "breadcrumbs": Variant((leave(), leave(2), leave(4), GATHER), lost=1),
    "breadcrumbs, two faults": Variant((leave(), leave(2), GATHER, GATHER), lost=2),
    "breadcrumbs without another read": Variant((leave(), leave(2), retry(4), GATHER), Rules(rereads=False)),
    "unique numbers": Variant((retry(), leave(2), retry(4), GATHER), lost=1),
    "unique numbers of three": Variant((retry(), retry(2), retry(4)), lost=1),
    "a counter that begins": Variant((leave(), leave(2), retry(4), GATHER), counter=None, lost=1),
    "a counter that begins with breadcrumbs": Variant((leave(), retry(2), GATHER), counter=None, pending=(100, 200), lost=1),
    # requests that arrive late
    "late": Variant((denied(), leave(2), retry(4), GATHER), lost=1, late=True),
    "late, two faults": Variant((leave(), leave(2), GATHER), lost=2, late=True),
    "late SET": Variant((leave(), assign(), retry(2)), lost=1, late=True),
    "late GETDEL": Variant((retry(), GETDEL, retry(2)), lost=1, late=True),
    "late GETDEL, two faults": Variant((retry(), GETDEL), lost=2, late=True),
    "late DEL": Variant((retry(), DEL, retry(2)), lost=1, late=True),
    "late GETDEL of a counter that begins": Variant((retry(), GETDEL, retry(2)), counter=None, lost=1, late=True),
    # a step that is killed and run again with its operation id
    "killed": Variant((leave(), retry(2), leave(4), GATHER), kills=1),
    "killed, and late": Variant((leave(), retry(2), GATHER), kills=1, late=True),
    "killed and in doubt": Variant((leave(), retry(2), GATHER), kills=1, lost=1),
    "killed SET": Variant((leave(), assign(), retry(2)), kills=1),
    "killed SET, and late": Variant((denied(), assign(), retry(2)), kills=1, late=True),
    # SET
    "SET": Variant((denied(), retry(2), assign(), GATHER), lost=1),
    "SET with skewed clocks": Variant((leave(skew=50), assign(), leave(4, skew=7), GATHER)),
    "SET with a slow clock": Variant((denied(), assign(skew=-HOUR // 2), retry(2), GATHER)),
    "two SETs": Variant((assign(), assign(60), denied(2), GATHER)),
    "SET by force": Variant((assign(), denied(), retry(2), GATHER), Rules(forces=True), lost=1),
    "SET by force, late": Variant((assign(), leave(), retry(2)), Rules(forces=True), lost=1, late=True),
    # the end of a counter's life
    "GETDEL": Variant((leave(), GETDEL, retry(2), GATHER), lost=1),
    "GETDEL of a counter that begins": Variant((leave(), GETDEL, retry(2), GATHER), counter=None, lost=1),
    "GETDEL of breadcrumbs": Variant((GETDEL, retry(2), GATHER), counter=None, pending=(100, 200), lost=1),
    "two GETDELs": Variant((GETDEL, GETDEL, retry(2)), pending=(100,), lost=1),
    "DEL and GETDEL": Variant((DEL, GETDEL, denied(2), retry(4))),
    "SET and GETDEL": Variant((assign(), GETDEL, denied(2), GATHER), lost=1),
    "SET and DEL": Variant((assign(), DEL, denied(2), GATHER, GATHER)),
    # expiry
    "expiry": Variant((retry(), leave(2), SWEEP), mortal=True, lost=1),
    "expiry with gather": Variant((retry(), denied(2), SWEEP, GATHER), pending=(100,), mortal=True),
    "expiry and GETDEL": Variant((GETDEL, denied(2), GATHER), mortal=True),
    "expiry read before the counter": Variant(
        (retry(), denied(2), SWEEP), Rules(reads=("breadcrumbs", "expiry", "counter")), pending=(100,), mortal=True
    ),
    # reading
    "GET and gather": Variant((GET, GATHER, GATHER, retry()), pending=(100, 200)),
    "GET and increments": Variant((GET, GET, GATHER, denied(), retry(2)), pending=(100,)),
    "GET and SET": Variant((GET, GATHER, denied(), assign()), pending=(100,)),
}

BROKEN = {
    "commits of one step are the same": Variant((retry(), retry()), Rules(unique_commits=False)),
    "the counter is read before its breadcrumbs": Variant((GET, GATHER), Rules(reads=COUNTER_FIRST), pending=(100,)),
    "gather reads the counter first": Variant(
        (DEL, denied(4), GATHER), Rules(gather_reads=COUNTER_FIRST), replace(SEED, set_at=timestamp(Micros(START + 1000)))
    ),
    "an operation is counted twice": Variant((leave(), retry(2), GATHER), Rules(dedupes=False), kills=1, late=True),
    "gather does not compare": Variant((denied(), retry(4), GATHER), Rules(gather_compares=False)),
    "no proof": Variant((retry(), GETDEL), Rules(proof="none"), lost=1),
    "the same again where nothing was": Variant((retry(), GETDEL), Rules(proof="refs"), counter=None, lost=1),
    "a breadcrumb again that was removed": Variant((denied(), GETDEL), Rules(proof="refs"), lost=1),
    "proof by the number of operations": Variant((retry(), GETDEL, retry(2)), Rules(proof="seq"), lost=1),
    "a denial of what was sent twice is believed": Variant((retry(), GETDEL), Rules(trusts_denials=True), lost=1, late=True),
    "a SET by force is sent twice": Variant(
        (assign(), retry(2), retry(4)), Rules(forces=True, forces_again=True), lost=1, late=True
    ),
    "a DEL believes a denial of what it sent twice": Variant((DEL, retry()), Rules(trusts_denials=True), lost=1, late=True),
    "GETDEL looks for its witness first": Variant((GETDEL,), Rules(witness_last=False), lost=1, late=True),
    "SET leaves what it saw": Variant((assign(), DEL, denied(4), GATHER), Rules(set_clears=False)),
    "sweep reads the clock last": Variant((denied(), SWEEP), Rules(clock_first=False), mortal=True),
}

LIMITS = {
    "an operation id reaches no further than a counter's life": Variant((retry(), GETDEL), kills=1),
    "nor does it reach after expiry": Variant((retry(), retry(2)), kills=1, mortal=True),
    "of two copies of a breadcrumb one may arrive in the next life": Variant((denied(), GETDEL), lost=1, late=True),
    "what expired with its counter may come back, if it was left during a sweep": Variant((GETDEL, denied(2), SWEEP), mortal=True),
    "nor is it void for ever, if it was left during a GETDEL of the next life": Variant((GETDEL, denied(2), retry(4)), mortal=True),
    # what makes it rare: the clocks must be more than MAX_CLOCK_LEAD apart
    "a SET of a clock hours ahead voids breadcrumbs": Variant((assign(skew=2 * HOUR), denied(2))),
    "a GET during a DEL may see the breadcrumbs alone": Variant((GET, DEL), pending=(100,)),
    "a GET during a sweep may see what has expired": Variant(
        (GET, retry(2)), Rules(reads=(*BREADCRUMBS_FIRST, "expiry")), mortal=True
    ),
}


@pytest.mark.parametrize("name", HOLDS)
def test_every_end_is_explained_by_a_sequential_order(name: str) -> None:
    found = find(HOLDS[name])
    assert found.complaint is None, str(found)
    assert found.ends > 0


@pytest.mark.parametrize("name", BROKEN)
def test_the_model_sees_what_each_rule_of_the_protocol_is_for(name: str) -> None:
    assert find(BROKEN[name]).complaint is not None


@pytest.mark.parametrize("name", LIMITS)
def test_what_the_protocol_does_not_promise_does_happen(name: str) -> None:
    assert find(LIMITS[name]).complaint is not None
