"""How far back a counter remembers: what certainly_not_applied proves, and what is remembered of long histories."""

from collections.abc import Sequence

import pytest

from git_keyval.format.counters import (
    RECENT_OPERATIONS,
    Breadcrumb,
    Counter,
    assign,
    certainly_not_applied,
    fold,
    increment,
    total,
)
from git_keyval.format.times import SECOND, Micros, timestamp
from tests.format.strategies import crumb
from tests.model.database import START

SEED = Counter(5, "seedseed", 1)
TRIED = "triedtried"
LATER = Micros(START + 3600 * SECOND)
"""When nobody waits any more for the breadcrumbs that are left around START."""


def op(number: int) -> str:
    return f"operation{number:06d}"


def crumbs(count: int, first: int = 0) -> list[Breadcrumb]:
    return [crumb(timestamp(Micros(START - SECOND + i)), op(i), 1) for i in range(first, first + count)]


def applied(counter: Counter, by: str, found: Sequence[Breadcrumb] = ()) -> Counter:
    return increment(counter, found, 1, op=by, now=LATER).counter


def increments(counter: Counter, count: int, *, first: int = 0) -> Counter:
    for number in range(first, first + count):
        counter = applied(counter, op(number))
    return counter


def gathered(counter: Counter, found: Sequence[Breadcrumb], *, by: str = "gathergather") -> Counter:
    return fold(counter, found, taking=found, op=by, now=LATER).counter


def test_an_operation_is_certainly_not_applied_while_all_that_was_done_since_is_remembered() -> None:
    before = increments(SEED, 1, first=1000)
    proofs = [certainly_not_applied(TRIED, before, increments(before, since)) for since in range(RECENT_OPERATIONS + 20)]
    assert proofs == [since < RECENT_OPERATIONS for since in range(RECENT_OPERATIONS + 20)]


@pytest.mark.parametrize("remembered", [1, 2, RECENT_OPERATIONS, 3 * RECENT_OPERATIONS])
def test_an_applied_operation_is_never_taken_for_not_applied_however_much_was_done_since(remembered: int) -> None:
    before = gathered(SEED, crumbs(remembered, first=5000))
    after = applied(before, TRIED)
    for number in range(2 * RECENT_OPERATIONS):
        assert not certainly_not_applied(TRIED, before, after)
        after = increments(after, 1, first=number)


@pytest.mark.parametrize("at_once", [1, RECENT_OPERATIONS - 1, RECENT_OPERATIONS, 1000])
@pytest.mark.parametrize("then", [0, 1, RECENT_OPERATIONS - 1, RECENT_OPERATIONS])
def test_an_applied_operation_is_never_taken_for_not_applied_after_a_gather(at_once: int, then: int) -> None:
    before = increments(SEED, 3, first=5000)
    after = increments(gathered(applied(before, TRIED), crumbs(at_once)), then, first=2000)
    assert not certainly_not_applied(TRIED, before, after)


def test_a_gather_of_many_hides_nothing_it_has_folded_and_proves_nothing_about_others() -> None:
    before = increments(SEED, 3, first=5000)
    found = crumbs(1000)
    after = gathered(before, found)
    assert after.find(found[0].op) is not None
    assert not certainly_not_applied(TRIED, before, after)


def test_an_increment_remembers_all_that_it_has_folded_and_itself() -> None:
    found = crumbs(RECENT_OPERATIONS)
    after = applied(increments(SEED, 500, first=5000), TRIED, found)
    assert after.find(TRIED) == (TRIED, 5 + 500 + RECENT_OPERATIONS + 1)
    assert [done[0] for done in after.recent] == [*(crumb.op for crumb in found), TRIED]
    assert after.seq == 1 + 500 + RECENT_OPERATIONS + 1


def test_a_long_memory_falls_back_to_its_usual_length_with_the_next_operation() -> None:
    after = increments(gathered(SEED, crumbs(1000)), 1, first=2000)
    assert len(after.recent) == RECENT_OPERATIONS
    assert after.recent[-1][0] == op(2000)


def test_a_breadcrumb_is_not_counted_again_while_its_operation_is_remembered() -> None:
    found = crumbs(1)
    remembering = increments(gathered(SEED, found), RECENT_OPERATIONS - 1, first=10)
    forgetting = increments(remembering, 1, first=2000)
    assert total(remembering, found) == remembering.value
    assert total(forgetting, found) == forgetting.value + 1


def test_a_counter_of_another_life_proves_nothing() -> None:
    before = increments(SEED, 3, first=5000)
    for age in (0, 1, before.seq, before.seq + 1, RECENT_OPERATIONS):
        assert not certainly_not_applied(TRIED, before, increments(Counter(), age))


def test_a_forced_set_proves_nothing() -> None:
    before = increments(SEED, 3, first=5000)
    compared, forced = (
        assign(before, [], 50, timestamp(START), op="setsetset", now=START, forced=forced).counter for forced in (False, True)
    )
    assert certainly_not_applied(TRIED, before, compared)
    assert not certainly_not_applied(TRIED, before, forced)


@pytest.mark.parametrize("set_at", [None, timestamp(Micros(START - SECOND))], ids=["absent", "expired"])
def test_nothing_is_proven_where_no_counter_was_seen_before(set_at: str | None) -> None:
    # The operation was applied, the counter was removed, and another operation began the next life.
    before = Counter() if set_at is None else Counter(set_at=timestamp(Micros(START - SECOND)))
    assert not certainly_not_applied(TRIED, before, increments(Counter(), 1))
