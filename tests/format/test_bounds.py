"""Successors: of every record that is read the next one can be written and read, or what is at its bound is named."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_keyval.errors import BoundError, CounterOverflowError, MalformedRecordError
from git_keyval.format.anchors import Anchor, Mark, decode_anchor, encode_anchor
from git_keyval.format.canonical import MAX_SAFE_INTEGER
from git_keyval.format.counters import (
    INT64_MAX,
    INT64_MIN,
    RECENT_OPERATIONS,
    Breadcrumb,
    Counter,
    assign,
    decode_counter,
    decode_delta,
    encode_counter,
    encode_delta,
    ended_life,
    fold,
    increment,
    next_time,
)
from git_keyval.format.elements import (
    MAX_NAME_BYTES,
    Collection,
    decode_collection,
    decode_element_key,
    encode_collection,
    encode_element_key,
    longer,
)
from git_keyval.format.expiry import decode_expiry, encode_expiry, expiry_id
from git_keyval.format.names import MAX_SHARD_LENGTH
from git_keyval.format.objects import Oid, blob
from git_keyval.format.redirects import Redirect, decode_redirect, encode_redirect
from git_keyval.format.times import MAX_MOMENT, MAX_SECONDS, SECOND, Micros, Timestamp, moment_of, timestamp
from tests.format.strategies import OPS, crumb
from tests.replacing import replace

LATEST = timestamp(MAX_MOMENT)
NUMBERS = st.sampled_from([INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX])
SEQS = st.sampled_from([0, 1, MAX_SAFE_INTEGER - 130, MAX_SAFE_INTEGER - 129, MAX_SAFE_INTEGER - 1, MAX_SAFE_INTEGER])
TIMES = st.sampled_from([timestamp(Micros(0)), timestamp(Micros(MAX_MOMENT - 1)), LATEST])
MOMENTS = st.sampled_from([0, 1, MAX_MOMENT - 3600 * SECOND, MAX_MOMENT - 1, MAX_MOMENT]).map(Micros)
COUNTERS = st.builds(
    Counter,
    value=NUMBERS,
    op=OPS,
    seq=SEQS,
    recent=st.lists(st.tuples(OPS, st.none() | NUMBERS) | st.tuples(OPS, NUMBERS, TIMES), max_size=3).map(tuple),
    set_at=st.none() | TIMES,
)
CRUMBS = st.lists(
    st.builds(crumb, TIMES, OPS, NUMBERS.filter(bool) | st.just(None)), max_size=3, unique_by=lambda found: (found.time, found.op)
)


def assigned(base: Counter, crumbs: list[Breadcrumb], value: int, now: Micros, *, forced: bool = False) -> Counter:
    return assign(base, crumbs, value, next_time(now, base, crumbs), op="nextnext", now=now, forced=forced).counter


SUCCESSORS: dict[str, Callable[[Counter, list[Breadcrumb], int, Micros], Counter]] = {
    "fold": lambda base, crumbs, _by, now: fold(base, crumbs, taking=crumbs, op="nextnext", now=now).counter,
    "increment": lambda base, crumbs, by, now: increment(base, crumbs, by, op="nextnext", now=now).counter,
    "set": assigned,
    "forced set": lambda base, crumbs, by, now: assigned(base, crumbs, by, now, forced=True),
}


@pytest.mark.parametrize("name", SUCCESSORS)
@given(base=COUNTERS, crumbs=CRUMBS, by=NUMBERS, now=MOMENTS)
def test_a_counter_has_a_successor_or_says_what_is_at_its_bound(
    name: str, base: Counter, crumbs: list[Breadcrumb], by: int, now: Micros
) -> None:
    assert decode_counter(encode_counter(base)) == base
    try:
        after = SUCCESSORS[name](base, crumbs, by, now)
    except (BoundError, CounterOverflowError) as exc:
        refused = exc.reason
    else:
        assert decode_counter(encode_counter(after)) == after
        assert after.seq > base.seq or name == "fold"
        return
    assert refused.startswith(("the number of operations", "the time of a counter", "the counter would leave"))


@pytest.mark.parametrize(("seq", "forced"), [(MAX_SAFE_INTEGER, False), (MAX_SAFE_INTEGER - RECENT_OPERATIONS, True)])
def test_a_counter_that_has_counted_all_it_can_is_refused_by_name(seq: int, *, forced: bool) -> None:
    with pytest.raises(BoundError, match=r"\(seq\)"):
        assigned(Counter(op="base0000", seq=seq), [], 1, Micros(0), forced=forced)
    assert assigned(Counter(op="base0000", seq=seq - 1), [], 1, Micros(0), forced=forced).seq == MAX_SAFE_INTEGER


@pytest.mark.parametrize("seq", [MAX_SAFE_INTEGER + 1, 9_999_999_999_999_999])
def test_a_counter_beyond_its_bounds_is_malformed(seq: int) -> None:
    commit = encode_counter(Counter(op="base0000", seq=MAX_SAFE_INTEGER))
    with pytest.raises(MalformedRecordError):
        decode_counter(replace(commit, data=commit.data.replace(str(MAX_SAFE_INTEGER).encode(), str(seq).encode())))


@given(now=MOMENTS, times=st.lists(TIMES, max_size=2))
def test_a_time_has_a_later_one_or_is_refused_by_name(now: Micros, times: list[Timestamp]) -> None:
    base, crumbs = Counter(set_at=times[0] if times else None), [crumb(time, "operation", 1) for time in times[1:]]
    if LATEST in times and now + 3600 * SECOND >= MAX_MOMENT:
        with pytest.raises(BoundError, match="time of a counter"):
            next_time(now, base, crumbs)
    else:
        after = next_time(now, base, crumbs)
        assert moment_of(after) is not None
        assert after >= timestamp(now)


@given(by=st.integers(INT64_MIN - 1, INT64_MIN + 1) | st.integers(INT64_MAX - 1, INT64_MAX + 1))
def test_an_increment_that_no_breadcrumb_can_hold_leaves_none(by: int) -> None:
    if INT64_MIN <= by <= INT64_MAX:
        assert decode_delta(encode_delta(by)) == by
    else:
        with pytest.raises(CounterOverflowError):
            encode_delta(by)


@given(expiry=st.integers(1, 3) | st.integers(MAX_SECONDS - 2, MAX_SECONDS))
def test_the_life_after_an_expired_one_can_be_written(expiry: int) -> None:
    assert decode_expiry(encode_expiry(expiry)) == expiry
    after, _ = increment(ended_life(expiry), [], 1, op="nextnext", now=Micros(expiry * SECOND))
    assert decode_counter(encode_counter(after)) == after
    assert after.find("nextnext") == ("nextnext", 1)


@given(
    moment=st.integers(MAX_MOMENT - 2 * 366 * 86_400 * SECOND, MAX_MOMENT).map(Micros),
    granularity=st.sampled_from([1, 60, 86_400, 366 * 86_400]),
)
def test_an_expiry_is_rounded_within_its_bounds_or_refused(moment: Micros, granularity: int) -> None:
    try:
        expiry = expiry_id(moment, granularity)
    except ValueError:
        assert -(-moment // (granularity * SECOND)) * granularity > MAX_SECONDS
    else:
        assert decode_expiry(encode_expiry(expiry)) == expiry


@given(length=st.sampled_from([0, 1, MAX_SAFE_INTEGER - 1, MAX_SAFE_INTEGER]))
def test_an_array_grows_or_says_that_it_cannot(length: int) -> None:
    elements = {str(length - 1): blob(b"x").oid} if length else {}
    array = Collection("array", "String", "text/plain", "txt", elements, length)
    record = encode_collection(array)
    assert decode_collection(record.commit, {obj.oid: obj for obj in record.objects}) == array
    if length == MAX_SAFE_INTEGER:
        with pytest.raises(BoundError, match="length of an array"):
            longer(length)
    else:
        after = encode_collection(replace(array, elements={**elements, str(length): blob(b"y").oid}, length=longer(length)))
        assert decode_collection(after.commit, {obj.oid: obj for obj in after.objects}).length == length + 1


@given(name=st.text(min_size=1, max_size=3).flatmap(lambda text: st.sampled_from([text, "a" * 252 + text, "a" * 255 + text])))
def test_the_name_of_an_element_can_be_read_again_or_is_refused(name: str) -> None:
    try:
        stored = encode_element_key(name)
    except ValueError:
        assert len(name) * 3 > MAX_NAME_BYTES
    else:
        assert (decode_element_key(stored), len(stored) <= MAX_NAME_BYTES) == (name, True)


@given(kid=st.sampled_from(["a", "z" * 64]), check=st.sampled_from(["0" * 16, "f" * 16]))
def test_an_anchor_learns_of_redirects(kid: str, check: str) -> None:
    for mark in (None, Mark(kid, check)):
        for redirected in (False, True):
            assert decode_anchor(encode_anchor(Anchor(mark, redirected))) == Anchor(mark, redirected)


@pytest.mark.parametrize("length", [1, MAX_SHARD_LENGTH])
def test_the_longest_redirect_can_be_read(length: int) -> None:
    redirect = Redirect(f"{'o' * 100}/{'n' * 100}", length)
    assert decode_redirect(encode_redirect(redirect)) == redirect
    assert Oid(encode_redirect(redirect).oid)
