"""The golden vectors of the counter rules (tests/vectors/folding.json)."""

from collections.abc import Mapping
from typing import Any

import pytest

from git_keyval.errors import CounterOverflowError
from git_keyval.format.counters import (
    NULL,
    Breadcrumb,
    Counter,
    assign,
    certainly_not_applied,
    encode_delta,
    fold,
    increment,
    next_time,
    total,
)
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import KeyId, Naming
from git_keyval.format.times import Micros, Timestamp, moment_of
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
        return Breadcrumb(name, NULL_COMMIT.oid, time, case["op"], NULL)
    delta = int(case["delta"])
    return Breadcrumb(name, encode_delta(delta).oid, time, case["op"], delta)


def crumbs_of(case: Case) -> list[Breadcrumb]:
    return [crumb_of(crumb) for crumb in case["breadcrumbs"]]


def counter_of(case: Case) -> Counter:
    return Counter(
        value=int(case["value"]),
        op=case["op"],
        seq=case["seq"],
        recent=tuple((op, None if number is None else int(number)) for op, number in case["recent"]),
        set_at=None if case["setAt"] is None else Timestamp(case["setAt"]),
    )


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
    if case["result"] == "overflow":
        with pytest.raises(CounterOverflowError):
            fold(base, crumbs, taking=taking, op=case["op"])
    else:
        assert fold(base, crumbs, taking=taking, op=case["op"]) == counter_of(case["result"])
        assert fold(base, crumbs[::-1], taking=taking[::-1], op=case["op"]) == counter_of(case["result"])


@pytest.mark.parametrize("case", FOLDING["increments"], ids=scenario)
def test_an_increment_gives_the_state_and_the_number_of_the_vector(case: Case) -> None:
    """The number that an increment is given is the whole total, and it is remembered."""
    base, crumbs = counter_of(case["base"]), crumbs_of(case)
    taking = [crumbs[index] for index in case["taking"]]
    if case["result"] == "overflow":
        with pytest.raises(CounterOverflowError):
            increment(base, crumbs, int(case["by"]), taking=taking, op=case["op"])
    else:
        expected = counter_of(case["result"]), int(case["number"])
        assert increment(base, crumbs, int(case["by"]), taking=taking, op=case["op"]) == expected


@pytest.mark.parametrize("case", FOLDING["sets"], ids=scenario)
def test_a_set_gives_the_state_of_the_vector(case: Case) -> None:
    """SET replaces the number and keeps the memory."""
    base, time = counter_of(case["base"]), Timestamp(case["time"])
    if case["result"] == "overflow":
        with pytest.raises(CounterOverflowError):
            assign(base, int(case["value"]), time, case["op"])
    else:
        assert assign(base, int(case["value"]), time, case["op"]) == counter_of(case["result"])


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
