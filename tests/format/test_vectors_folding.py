"""The golden vectors of the counter rules (tests/vectors/folding.json)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from git_keyval.errors import CounterOverflowError
from git_keyval.format.counters import (
    Breadcrumb,
    Counter,
    Fold,
    assign,
    certainly_not_applied,
    encode_delta,
    fold,
    increment,
    next_time,
    replaced,
    total,
)
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import KeyId, Naming
from git_keyval.format.times import Micros, Timestamp, moment_of
from tests.format.states import counter_of
from tests.vectors import load

Case = Mapping[str, Any]

FOLDING = load("folding")
KEY = KeyId("0" * 40)


def scenario(case: object) -> str | None:
    """Name a test after its scenario."""
    return str(case["name"]) if isinstance(case, Mapping) and "name" in case else None


def crumb_of(case: Case) -> Breadcrumb:
    time = Timestamp(case["time"])
    name = Naming().breadcrumb(KEY, time, case["op"])
    if case["delta"] is None:
        return Breadcrumb(name, NULL_COMMIT.oid, time, case["op"], None)
    delta = int(case["delta"])
    return Breadcrumb(name, encode_delta(delta).oid, time, case["op"], delta)


def crumbs_of(case: Case) -> list[Breadcrumb]:
    return [crumb_of(crumb) for crumb in case["breadcrumbs"]]


def number_of(case: Case, folded: Fold) -> str | None:
    """Return the number that the operation of a case is given, as the vectors write it."""
    done = folded.counter.find(case["op"])
    return None if done is None else str(done[1])


def taken_of(case: Case, crumbs: Sequence[Breadcrumb]) -> list[Breadcrumb]:
    return sorted(crumbs[index] for index in case["taken"])


def micros(text: str) -> Micros:
    moment = moment_of(text)
    assert moment is not None
    return moment


@pytest.mark.parametrize("case", FOLDING["totals"], ids=scenario)
def test_the_value_of_a_counter_is_its_number_and_the_breadcrumbs_that_count(case: Case) -> None:
    """Every reader gives the same value, in whatever order the breadcrumbs are listed."""
    base, crumbs = counter_of(case["base"]), crumbs_of(case)
    assert total(base, crumbs) == int(case["total"])
    assert total(base, crumbs[::-1]) == int(case["total"])


@pytest.mark.parametrize("case", FOLDING["folds"], ids=scenario)
def test_a_fold_gives_the_state_of_the_vector(case: Case) -> None:
    """What is taken is added once and remembered; what is void changes nothing."""
    base, crumbs = counter_of(case["base"]), crumbs_of(case)
    taking = [crumbs[index] for index in case["taking"]]
    for listed, wanted in ((crumbs, taking), (crumbs[::-1], taking[::-1])):
        counter, taken = fold(base, listed, taking=wanted, op=case["op"], now=micros(case["now"]))
        assert counter == counter_of(case["result"])
        assert sorted(taken) == taken_of(case, crumbs)


@pytest.mark.parametrize("case", FOLDING["increments"], ids=scenario)
def test_an_increment_gives_the_state_and_the_number_of_the_vector(case: Case) -> None:
    """The number is the running total of what the new counter contains, and it is remembered."""
    base, crumbs, now = counter_of(case["base"]), crumbs_of(case), micros(case["now"])
    if case["result"] == "overflow":
        with pytest.raises(CounterOverflowError):
            increment(base, crumbs, int(case["by"]), op=case["op"], now=now)
        return
    for listed in (crumbs, crumbs[::-1]):
        folded = increment(base, listed, int(case["by"]), op=case["op"], now=now)
        assert (folded.counter, number_of(case, folded)) == (counter_of(case["result"]), case["number"])
        assert sorted(folded.taken) == taken_of(case, crumbs)


@pytest.mark.parametrize("case", FOLDING["waiters"], ids=scenario)
def test_who_waits_folds_its_own_breadcrumb_with_the_others(case: Case) -> None:
    """What counts is numbered oldest first, so everybody's turn comes."""
    base, crumbs = counter_of(case["base"]), crumbs_of(case)
    folded = increment(base, crumbs, None, op=case["op"], now=micros(case["now"]))
    assert (folded.counter, number_of(case, folded)) == (counter_of(case["result"]), case["number"])
    assert sorted(folded.taken) == taken_of(case, crumbs)


@pytest.mark.parametrize("case", FOLDING["sets"], ids=scenario)
def test_a_set_gives_the_state_of_the_vector(case: Case) -> None:
    """SET replaces the number, keeps the memory, and settles what counted before it."""
    base, crumbs = counter_of(case["base"]), crumbs_of(case)

    def made() -> Fold:
        time, now = Timestamp(case["time"]), micros(case["now"])
        return assign(base, crumbs, int(case["value"]), time, op=case["op"], now=now, forced=case["forced"])

    if case["result"] == "overflow":
        with pytest.raises(CounterOverflowError):
            made()
    else:
        assert made().counter == counter_of(case["result"])
        assert sorted(made().taken) == taken_of(case, crumbs)


@pytest.mark.parametrize("case", FOLDING["replacements"], ids=scenario)
def test_a_counter_that_comes_in_the_place_of_another_brings_its_memory(case: Case) -> None:
    base, crumbs, other = counter_of(case["base"]), crumbs_of(case), counter_of(case["other"])
    made = replaced(base, crumbs, other, Timestamp(case["time"]), op=case["op"], now=micros(case["now"]))
    assert made.counter == counter_of(case["result"])
    assert sorted(made.taken) == taken_of(case, crumbs)
    for before in (base, other):
        assert not certainly_not_applied("doubtful", before, made.counter)


@pytest.mark.parametrize("case", FOLDING["clocks"])
def test_a_new_time_is_later_than_every_time_that_is_followed(case: Case) -> None:
    """Times of one counter only grow, unless a clock is more than an hour ahead."""
    crumbs = [crumb_of({"time": time, "op": "whatever", "delta": "1"}) for time in case["breadcrumbs"]]
    base = Counter(set_at=None if case["setAt"] is None else Timestamp(case["setAt"]))
    assert next_time(micros(case["now"]), base, crumbs) == case["time"]


@pytest.mark.parametrize("case", FOLDING["doubts"], ids=scenario)
def test_an_operation_is_proven_not_applied_only_by_a_memory_that_reaches_back(case: Case) -> None:
    """Without proof the answer is no, and the client says that it does not know."""
    before, after = counter_of(case["before"]), counter_of(case["after"])
    assert certainly_not_applied(case["op"], before, after) is case["provenNotApplied"]
