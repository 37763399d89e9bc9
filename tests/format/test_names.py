"""Refnames, timestamps, durations and expiry ids: what holds for every one of them."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from git_keyval.format.expiry import decode_expiry, encode_expiry, expiry_id, is_expired
from git_keyval.format.names import BreadcrumbRef, GcRef, KeyId, Naming, PublishedRef, RecordRef, RefName, naming_of, parse
from git_keyval.format.objects import Oid
from git_keyval.format.times import MAX_SECONDS, SECOND, Micros, Timestamp, moment_of, parse_duration, timestamp
from tests.format.strategies import KEY_IDS, MOMENTS, OIDS, OPS, TIMES

SHARD_LENGTHS = st.integers(1, 39)


def render(parsed: RecordRef | BreadcrumbRef | GcRef | PublishedRef, name: str) -> str:
    """Write again what was read, with the shard length and the gc namespace of the name."""
    if isinstance(parsed, GcRef):
        written = Naming.parked(parsed.key_id, parsed.time)
        return written if name.startswith("refs/heads/") else written.replace("refs/heads/gc/", "refs/gc/")
    if isinstance(parsed, PublishedRef):
        return Naming.published(parsed.expiry)
    naming = naming_of(RefName(name))
    if isinstance(parsed, BreadcrumbRef):
        return naming.breadcrumb(parsed.key_id, parsed.time, parsed.op)
    spell = {"val": naming.value, "key": naming.key, "exp": naming.expiry}[parsed.kind]
    return spell(parsed.key_id) + (f"-{parsed.element}" if parsed.element else "")


@given(KEY_IDS, SHARD_LENGTHS, TIMES, OPS, OIDS)
def test_every_name_reads_back_for_every_shard_length(key_id: KeyId, length: int, time: Timestamp, op: str, element: Oid) -> None:
    """From the key to its refs and back, with nothing lost."""
    naming = Naming(length)
    expected = {
        naming.value(key_id): RecordRef("val", key_id),
        naming.expiry(key_id): RecordRef("exp", key_id),
        naming.key(key_id): RecordRef("key", key_id),
        f"{naming.expiry(key_id)}-{element}": RecordRef("exp", key_id, element),
        naming.breadcrumb(key_id, time, op): BreadcrumbRef(key_id, time, op),
        naming.parked(key_id, time): GcRef(key_id, time),
        naming.published(element): PublishedRef(element),
    }
    assert {name: parse(name) for name in expected} == expected
    assert naming.breadcrumb(key_id, time, op).startswith(naming.breadcrumbs(key_id))
    assert {naming_of(RefName(name)) for name in expected if "/kv-" in name} == {naming}


@given(KEY_IDS, KEY_IDS, SHARD_LENGTHS)
def test_the_names_of_two_keys_never_meet(one: KeyId, other: KeyId, length: int) -> None:
    """No ref of a key is a folder of another's, and no prefix finds another key's breadcrumbs."""
    assume(one != other)
    naming = Naming(length)
    assert naming.value(one) != naming.value(other)
    assert not naming.value(one).startswith(naming.value(other) + "/")
    assert not naming.breadcrumbs(one).startswith(naming.breadcrumbs(other))


@pytest.mark.parametrize("length", [-1, 0, 40])
def test_a_shard_length_that_leaves_one_half_empty_is_refused(length: int) -> None:
    """Names spelled so are foreign to every reader."""
    with pytest.raises(ValueError, match="shard length"):
        Naming(length)


PIECES = ["refs/", "heads/", "tags/", "gc/", "kv-", "expiry-", "0a", "0" * 38, "0" * 40, "/", "val-", "exp-", "key-", "bc-", "-"]
ALMOST = st.lists(
    st.sampled_from([*PIECES, "\n", "20261122T100000000000Z", "abcdefgh", "A", "x"]),
    max_size=12,
).map("".join)
SHAPES = st.sampled_from(
    [
        r"refs/heads/kv-[0-9a-f]{1,3}/(val|exp|key)-[0-9a-f]{37,39}(-[0-9a-f]{40})?\n?",
        r"refs/tags/kv-0a/bc-[0-9a-f]{38}/[0-9]{4}(0[0-9]|1[0-3])[0-3][0-9]T[0-2][0-9][0-5][0-9]{9}Z-[a-z0-9]{7,41}",
        r"refs/tags/expiry-[0-9a-f]{39,41}\n?",
        r"refs/(heads/)?gc/2026(0[0-9]|1[0-3])[0-3][0-9]T[0-2][0-9][0-5][0-9]{9}Z-[0-9a-f]{39,41}",
    ]
).flatmap(lambda shape: st.from_regex(shape, fullmatch=True))


@given(ALMOST | SHAPES | st.text())
def test_a_name_is_foreign_or_is_written_again_as_it_was(name: str) -> None:
    """No two names mean the same, so nothing foreign is ever taken for ours."""
    parsed = parse(name)
    assert parsed is None or render(parsed, name) == name


@given(MOMENTS, MOMENTS)
def test_timestamps_read_back_and_sort_as_text_by_time(one: Micros, other: Micros) -> None:
    """A listing in the order of names is in the order of times."""
    assert moment_of(timestamp(one)) == one
    assert (timestamp(one) < timestamp(other)) is (one < other)


@given(st.integers(0, 10**15 - 1), st.sampled_from(["s", "m", "h", "d", "w"]))
def test_a_short_duration_is_its_number_of_units(number: int, unit: str) -> None:
    """The unit multiplies, and ISO 8601 says the same."""
    seconds = number * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[unit]
    iso = f"P{number}{unit.upper()}" if unit in "dw" else f"PT{number}{unit.upper()}"
    assert parse_duration(f"{number}{unit}") == parse_duration(iso) == seconds


@given(st.tuples(*[st.none() | st.integers(0, 9999)] * 4))
def test_an_iso_duration_is_the_sum_of_its_parts(parts: tuple[int | None, ...]) -> None:
    """Days, hours, minutes and seconds, any of which may be left out, but not all."""
    days, *clock = parts
    times = "".join(f"{part}{unit}" for part, unit in zip(clock, "HMS", strict=True) if part is not None)
    text = "P" + ("" if days is None else f"{days}D") + (f"T{times}" if times else "")
    assume(text != "P")
    expected = sum((part or 0) * unit for part, unit in zip(parts, (86_400, 3600, 60, 1), strict=True))
    assert parse_duration(text) == expected


@given(st.text() | st.text("PT0123456789smhdwHMSDWY.,+- \n", max_size=12))
def test_any_text_is_a_duration_or_is_refused(text: str) -> None:
    """Nothing but ValueError, and never a negative time or one in other digits."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert seconds >= 0
    assert text.isascii()
    assert text.isalnum()


@given(st.integers(1, (MAX_SECONDS - 10**6) * SECOND).map(Micros), st.integers(1, 10**6))
def test_an_expiry_id_is_the_next_multiple_of_the_granularity(moment: Micros, granularity: int) -> None:
    """Never earlier than asked for, never a whole step later, and read back from its commit."""
    expiry = expiry_id(moment, granularity)
    assert expiry % granularity == 0
    assert 0 <= expiry * SECOND - moment < granularity * SECOND
    assert decode_expiry(encode_expiry(expiry)) == expiry
    assert is_expired(expiry, Micros(expiry * SECOND))
    assert not is_expired(expiry, Micros(expiry * SECOND - 1))
