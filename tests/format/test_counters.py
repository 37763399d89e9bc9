"""The counter rules: what holds for every counter and every set of breadcrumbs."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from git_keyval.errors import CounterOverflowError
from git_keyval.format.counters import (
    INT64_MAX,
    INT64_MIN,
    MAX_CLOCK_LEAD,
    RECENT_OPERATIONS,
    Breadcrumb,
    Counter,
    assign,
    certainly_not_applied,
    counting,
    decode_counter,
    decode_delta,
    encode_counter,
    encode_delta,
    ended_life,
    fold,
    horizon,
    increment,
    next_time,
    read_breadcrumb,
    total,
)
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.times import MAX_SECONDS, SECOND, Micros, Timestamp, moment_of, timestamp
from tests.format.strategies import COUNTERS, CRUMBS, INT64, MOMENTS, Scene, bases, crumb, scenes

NOW = Micros(1_795_341_610 * SECOND)
"""A moment after all times of the scenes, which whoever left a breadcrumb still waits at."""


def once(counter: Counter, op: str) -> Counter:
    return increment(counter, [], 1, op=op, now=NOW).counter


@given(COUNTERS)
def test_every_counter_reads_back_as_it_was_written(counter: Counter) -> None:
    """The commit's message is the whole state."""
    assert decode_counter(encode_counter(counter)) == counter


@given(COUNTERS, COUNTERS)
def test_two_states_never_share_a_commit(one: Counter, other: Counter) -> None:
    """An increment of another client is never taken for one's own."""
    assert (encode_counter(one).oid == encode_counter(other).oid) is (one == other)


@given(INT64.filter(bool))
def test_every_increment_reads_back_from_its_breadcrumb(delta: int) -> None:
    """All of the 64-bit range but zero, which is no increment."""
    assert decode_delta(encode_delta(delta)) == delta


def gathered(scene: Scene, crumbs: Sequence[Breadcrumb], taking: Sequence[Breadcrumb]) -> Counter:
    return fold(scene.base, crumbs, taking=taking, op="gathered", now=NOW).counter


@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_a_listing_does_not_matter(scene: Scene, chance: random.Random) -> None:
    """Servers list refs in any order; totals and folds are the same."""
    shuffled, taking = list(scene.crumbs), list(scene.taking)
    chance.shuffle(shuffled)
    chance.shuffle(taking)
    assert total(scene.base, shuffled) == total(scene.base, scene.crumbs)
    assert gathered(scene, shuffled, taking) == gathered(scene, scene.crumbs, scene.taking)
    made, again = (increment(scene.base, crumbs, 1, op="incrincr", now=NOW) for crumbs in (scene.crumbs, shuffled))
    assert (made.counter, sorted(made.taken)) == (again.counter, sorted(again.taken))


@given(scenes())
def test_folding_never_changes_the_value(scene: Scene) -> None:
    """Whichever breadcrumbs a gather takes, what is left adds up to the same."""
    assert total(gathered(scene, scene.crumbs, scene.taking), scene.left) == total(scene.base, scene.crumbs)


@given(scenes())
def test_a_listing_read_before_a_fold_gives_the_same_value_after_it(scene: Scene) -> None:
    """A reader that lists the breadcrumbs before a gather and reads the counter after it counts none twice."""
    assert total(gathered(scene, scene.crumbs, scene.taking), scene.crumbs) == total(scene.base, scene.crumbs)


@pytest.mark.parametrize("taken", [False, True])
def test_a_remembered_operation_whose_breadcrumb_is_seen_is_not_forgotten(*, taken: bool) -> None:
    """A full memory lets its oldest operation go only where no breadcrumb of it was seen."""
    memory = tuple((f"done{number:04d}", number) for number in range(RECENT_OPERATIONS))
    base = Counter(127, "basebase", RECENT_OPERATIONS, memory)
    again = crumb(Timestamp("20261122T100001000000Z"), "done0000", 1)
    new = crumb(Timestamp("20261122T100002000000Z"), "newcomer", 5)
    folded = fold(base, [again, new], taking=[again, new] if taken else [new], op="gathered", now=NOW)
    assert total(folded.counter, [again, new]) == 132
    after = increment(base, [again], 1, op="incrincr", now=NOW)
    assert total(after.counter, [again]) == 128


@given(scenes(), st.data())
def test_folding_in_steps_gives_what_folding_at_once_gives(scene: Scene, data: st.DataObject) -> None:
    """A gather with a budget ends where one without ends."""
    crumbs, base = list(scene.crumbs), scene.base
    while crumbs:
        taking = data.draw(st.lists(st.sampled_from(crumbs), min_size=1, unique_by=lambda found: found.name))
        base = fold(base, crumbs, taking=taking, op="gathered", now=NOW).counter
        crumbs = [found for found in crumbs if found not in taking]
    at_once = gathered(scene, scene.crumbs, scene.crumbs)
    assert (base.value, base.seq, base.set_at) == (at_once.value, at_once.seq, at_once.set_at)


@given(scenes())
def test_a_fold_adds_what_counts_among_what_it_takes_and_numbers_it(scene: Scene) -> None:
    """Value, seq and memory grow together; a number is what the new counter contains up to it, and nothing that was left."""
    folded = gathered(scene, scene.crumbs, scene.taking)
    added = [found for found in counting(scene.base, scene.crumbs) if found in scene.taking]
    numbers = [scene.base.value + total(Counter(), added[: place + 1]) for place in range(len(added))]
    assert folded.value == [scene.base.value, *numbers][-1]
    assert folded.seq == scene.base.seq + len(added)
    remembered = folded.recent[len(folded.recent) - len(added) :]
    assert remembered == tuple((found.op, number, found.time) for found, number in zip(added, numbers, strict=True))
    assert len(folded.recent) >= min(RECENT_OPERATIONS, len(scene.base.recent) + len(added))


@given(scenes())
def test_each_operation_counts_once_and_none_that_is_void(scene: Scene) -> None:
    """Duplicates, remembered operations and breadcrumbs up to the last SET add nothing."""
    counted = counting(scene.base, scene.crumbs)
    ops = [found.op for found in counted]
    remembered = {done[0] for done in scene.base.recent}
    assert len(ops) == len(set(ops))
    assert not set(ops) & remembered
    horizons = [found.time for found in scene.crumbs if found.delta is None]
    horizons += [] if scene.base.set_at is None else [scene.base.set_at]
    assert all(found.time > horizon for found in counted for horizon in horizons)
    alive = {found.op for found in scene.crumbs if found.delta is not None and all(found.time > at for at in horizons)}
    assert set(ops) == alive - remembered


@given(scenes(), st.integers(-9, 9))
def test_an_increment_adds_exactly_its_step(scene: Scene, by: int) -> None:
    """The number given is the total before plus the step, and it is the total after, whichever listing a reader has."""
    after, taken = increment(scene.base, scene.crumbs, by, op="incrincr", now=NOW)
    number = total(scene.base, scene.crumbs) + by
    left = [found for found in scene.crumbs if found not in taken]
    assert number == after.value == total(after, left) == total(after, scene.crumbs)
    assert after.find("incrincr") == ("incrincr", number)
    assert after.op == "incrincr"


@given(scenes(), st.integers(-9, 9))
def test_an_increment_is_a_fold_of_all_that_counts_and_one_operation_more(scene: Scene, by: int) -> None:
    """What it folds in is remembered as a gather would, before itself."""
    folded = gathered(scene, scene.crumbs, counting(scene.base, scene.crumbs))
    after, _ = increment(scene.base, scene.crumbs, by, op="incrincr", now=NOW)
    assert (after.value, after.seq, after.set_at) == (folded.value + by, folded.seq + 1, folded.set_at)
    new = folded.seq - scene.base.seq
    assert after.recent[-1 - new : -1] == folded.recent[len(folded.recent) - new :]


@given(scenes())
def test_what_an_increment_deletes_adds_nothing_any_more_and_what_waits_stays(scene: Scene) -> None:
    """It takes what counts, null breadcrumbs, and what is remembered; a void one stays for whoever waits for it."""
    after, taken = increment(scene.base, scene.crumbs, 1, op="incrincr", now=NOW)
    known = {done[0] for done in after.recent}
    assert all(found.delta is None or found.op in known for found in taken)
    assert all(found.delta is not None and found.op not in known for found in scene.crumbs if found not in taken)
    assert total(after, []) == total(after, scene.crumbs)


@given(bases(), CRUMBS, st.integers(-99, 99), MOMENTS)
def test_a_set_voids_all_breadcrumbs_before_it(base: Counter, crumbs: list[Breadcrumb], value: int, now: Micros) -> None:
    """Its time is later than every time seen, and its null breadcrumb says so to those who see the old counter."""
    time = next_time(now, base, crumbs)
    assume(all(found.time < time for found in crumbs))
    for forced in (False, True):
        after, _ = assign(base, crumbs, value, time, op="assigned", now=now, forced=forced)
        assert total(after, crumbs) == value
        assert after.find("assigned") == ("assigned", value)
    assert total(base, [*crumbs, crumb(time, "assigned", None)]) == base.value


@given(bases(), CRUMBS, st.integers(-99, 99), MOMENTS)
def test_a_set_without_a_time_voids_no_more_than_was_void(base: Counter, crumbs: list[Breadcrumb], value: int, now: Micros) -> None:
    after, taken = assign(base, crumbs, value, None, op="assigned", now=now)
    assert horizon(after, [found for found in crumbs if found not in taken]) == horizon(base, crumbs)


@given(scenes())
def test_a_set_settles_what_an_increment_would_fold(scene: Scene) -> None:
    """Whoever waits beside a SET gets the number that it had just before."""
    time = next_time(NOW, scene.base, scene.crumbs)
    folded, folding = increment(scene.base, scene.crumbs, None, op="assigned", now=NOW)
    after, taken = assign(scene.base, scene.crumbs, 7, time, op="assigned", now=NOW)
    assert taken == folding
    assert after.seq == folded.seq + 1
    assert all(after.find(found.op) == folded.find(found.op) for found in counting(scene.base, scene.crumbs))


@given(MOMENTS, st.lists(MOMENTS, max_size=4), st.none() | MOMENTS)
def test_a_new_time_never_runs_back_and_follows_no_clock_far_ahead(now: Micros, seen: list[Micros], set_at: Micros | None) -> None:
    """A hybrid logical clock: not earlier than now, later than all times near, at most an hour ahead."""
    assume(now < (MAX_SECONDS - 7200) * SECOND)
    crumbs = [crumb(timestamp(moment), "whatever", 1) for moment in seen]
    moment = moment_of(next_time(now, Counter(set_at=None if set_at is None else timestamp(set_at)), crumbs))
    assert moment is not None
    assert now <= moment <= now + MAX_CLOCK_LEAD + 1
    times = [*seen, *([] if set_at is None else [set_at])]
    assert all(moment > past for past in times if past <= now + MAX_CLOCK_LEAD)


@given(INT64, INT64)
def test_a_counter_never_leaves_the_64_bit_range(value: int, by: int) -> None:
    """An increment is exact or refused; it never wraps."""
    base = Counter(value, "basebase")
    try:
        after, _ = increment(base, [], by, op="incrincr", now=NOW)
    except CounterOverflowError:
        assert not INT64_MIN <= value + by <= INT64_MAX
    else:
        assert after.find("incrincr") == ("incrincr", value + by)
        assert after.value == value + by
        assert decode_counter(encode_counter(after)) == after


@given(st.integers(0, 300), st.integers(0, 300), st.booleans(), st.booleans())
def test_a_proof_that_an_operation_was_not_applied_is_never_wrong(
    earlier: int,
    later: int,
    applied: bool,  # noqa: FBT001  # drawn
    reborn: bool,  # noqa: FBT001  # drawn
) -> None:
    """Whatever happened in between, an operation that was applied is never said not to have been."""
    before = Counter()
    for number in range(earlier):
        before = once(before, f"earlier{number:04d}")
    after = once(before, "doubtful") if applied else before
    if reborn:
        after = Counter()
    for number in range(later):
        after = once(after, f"later{number:04d}")
    if applied:
        assert not certainly_not_applied("doubtful", before, after)
    elif earlier and not reborn and later < RECENT_OPERATIONS:
        assert certainly_not_applied("doubtful", before, after)


@pytest.mark.parametrize("seq", [1, 16])
def test_a_smaller_seq_proves_nothing_even_of_a_counter_without_memory(seq: int) -> None:
    """A counter whose seq has fallen is another life; what happened in the first one is unknown."""
    before = Counter(5, "basebase", 17, ())
    after = Counter(1, "another0", seq, (("another0", 1),))
    assert not certainly_not_applied("doubtful", before, after)


def test_an_increment_by_zero_leaves_no_breadcrumb_that_nobody_can_read() -> None:
    """What a writer makes, a reader reads; so there is no breadcrumb of nothing."""
    with pytest.raises((ValueError, CounterOverflowError)):
        encode_delta(0)


@given(scenes(), st.integers(1_795_341_599, 1_795_341_607))
def test_what_was_left_up_to_the_expiry_of_a_counter_is_void_in_its_next_life(scene: Scene, expiry: int) -> None:
    """An expired counter starts again from 0, and only what came later adds to it."""
    crumbs = [found for found in scene.crumbs if found.delta is not None]
    base = ended_life(expiry)
    later = [found for found in crumbs if found.time > timestamp(Micros(expiry * SECOND))]
    assert total(base, crumbs) == total(Counter(), later)
    assert ended_life(None) == Counter()


@given(CRUMBS)
def test_a_breadcrumb_is_put_together_from_its_name_and_its_target(crumbs: list[Breadcrumb]) -> None:
    """The name tells when and which operation, the target how much."""
    for found in crumbs:
        target = NULL_COMMIT if found.delta is None else encode_delta(found.delta)
        assert read_breadcrumb(found.name, found.time, found.op, target) == found
