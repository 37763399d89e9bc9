"""What holds for every value, name, time and counter: searched by hypothesis."""

import json
from collections.abc import Callable, Sequence
from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from git_keyval.errors import CounterOverflowError, MalformedRecordError
from git_keyval.format import canonical
from git_keyval.format.canonical import JsonValue
from git_keyval.format.counters import (
    INT64_MAX,
    INT64_MIN,
    MAX_CLOCK_LEAD,
    NULL,
    Breadcrumb,
    Counter,
    Operation,
    Void,
    assign,
    decode_counter,
    decode_delta,
    encode_counter,
    encode_delta,
    fold,
    increment,
    next_time,
    total,
)
from git_keyval.format.expiry import decode_expiry, encode_expiry, expiry_id, is_expired
from git_keyval.format.metadata import DUMMY_TREE, NULL_COMMIT, message_only
from git_keyval.format.names import BreadcrumbRef, GcRef, KeyId, Naming, RecordRef, RefName, naming_of, parse
from git_keyval.format.objects import GitObject, Kind, Oid, blob, commit, from_content, read_tree, tree
from git_keyval.format.records import data_blobs, decode_data, encode_data
from git_keyval.format.times import MAX_SECONDS, SECOND, Micros, Timestamp, moment_of, parse_duration, timestamp
from git_keyval.format.values import (
    Value,
    ValueType,
    as_integer,
    as_json,
    as_text,
    bytes_value,
    file_value,
    from_json,
    parse_value,
)

SAFE = 2**53 - 1
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers(-SAFE, SAFE) | FLOATS | st.integers(54, 1023).map(lambda power: float(2**power))
JSON_VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
MEDIA_TYPES = st.sampled_from(
    ["image/png", "image/jpeg", "text/plain", "text/html", "application/json", "application/x-unheard-of", "a/b+c.d"]
)
VALUES: st.SearchStrategy[Value] = (
    JSON_VALUES.map(from_json)
    | JSON_VALUES.map(lambda value: parse_value("JSON", json.dumps(value)))
    | TEXT.map(lambda text: parse_value("String", text))
    | st.binary().map(bytes_value)
    | st.builds(lambda data, mime: file_value(data, media_type=mime), st.binary(), MEDIA_TYPES)
    | st.builds(lambda data, name: file_value(data, file_name=name), st.binary(), st.text())
)

OIDS = st.text("0123456789abcdef", min_size=40, max_size=40).map(Oid)
KEY_IDS = OIDS.map(KeyId)
OPS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=8, max_size=40)
MOMENTS = st.integers(0, MAX_SECONDS * SECOND).map(Micros)
TIMES = MOMENTS.map(timestamp)
INT64 = st.integers(INT64_MIN, INT64_MAX)

# Few operations and few times, so that breadcrumbs meet: the same operation twice, times that are equal, null breadcrumbs in between.
SMALL_OPS = st.integers(0, 9).map(lambda number: f"operation{number}")
SMALL_TIMES = st.integers(0, 6).map(lambda second: Timestamp(f"20261122T10000{second}000000Z"))
RECENT = st.lists(
    st.builds(Operation, SMALL_OPS, st.none() | st.integers(-9, 9)), max_size=6, unique_by=lambda done: done.op
)
KEY = KeyId("0" * 40)


def crumb(time: Timestamp, op: str, delta: int | Void) -> Breadcrumb:
    target = NULL_COMMIT if isinstance(delta, Void) else encode_delta(delta)
    return Breadcrumb(Naming().breadcrumb(KEY, time, op), target.oid, time, op, delta)


DELTAS = st.integers(-9, 9).filter(bool)
CRUMBS = st.lists(
    st.builds(crumb, SMALL_TIMES, SMALL_OPS, st.just(NULL) | DELTAS | DELTAS | DELTAS),
    max_size=9,
    unique_by=lambda found: found.name,
)
PADDING = tuple(Operation(f"padding{number:04d}", number) for number in range(128))


@st.composite
def bases(draw: st.DrawFn) -> Counter:
    """Counters with a short memory, and with one that is full or nearly so: then every fold forgets something."""
    memory = (*draw(RECENT), *PADDING[: draw(st.sampled_from([0, 0, 120, 124, 128]))])
    set_at = draw(st.none() | SMALL_TIMES)
    return Counter(draw(st.integers(-99, 99)), "basebase", len(memory), memory, set_at)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Counter, list[Breadcrumb], list[Breadcrumb]]:
    """A counter, breadcrumbs in any order, and some of them."""
    crumbs = draw(CRUMBS)
    taking = draw(st.lists(st.sampled_from(crumbs), unique_by=lambda found: found.name)) if crumbs else []
    return draw(bases()), crumbs, taking


def without(crumbs: Sequence[Breadcrumb], taken: Sequence[Breadcrumb]) -> list[Breadcrumb]:
    gone = {found.name for found in taken}
    return [found for found in crumbs if found.name not in gone]


def by_oid(objects: Sequence[GitObject]) -> dict[Oid, GitObject]:
    return {made.oid: made for made in objects}


# --- values ---------------------------------------------------------------------------------------------------------


@given(VALUES)
def test_every_value_reads_back_as_it_was_written(value: Value) -> None:
    """Whatever is accepted can be read again, with its type and media type."""
    record = encode_data(value)
    assert decode_data(record.commit, by_oid(record.objects)) == value
    assert data_blobs(record.commit, by_oid(record.objects)) == {
        made.oid for made in record.objects if made.kind == "blob"
    }


@given(JSON_VALUES)
def test_every_json_value_keeps_its_meaning(value: JsonValue) -> None:
    """JSON in, the same JSON out, -0 and spelling apart."""
    assert as_json(from_json(value)) == value


@given(JSON_VALUES)
def test_the_canonical_form_is_a_fixed_point(value: JsonValue) -> None:
    """Reading what was written and writing it again changes no byte."""
    encoded = canonical.encode(value)
    assert canonical.encode(canonical.decode(encoded)) == encoded
    assert canonical.decode_canonical(encoded) == value


@given(JSON_VALUES, st.integers(0, 4) | st.none())
def test_the_spelling_of_json_does_not_matter(value: JsonValue, indent: int | None) -> None:
    """White space and escapes of what was typed are not stored."""
    assert parse_value("JSON", json.dumps(value, indent=indent)).data == canonical.encode(value)
    assert parse_value("JSON", json.dumps(value, ensure_ascii=False)).data == canonical.encode(value)


@given(st.integers())
def test_an_integer_is_stored_exactly_or_refused(number: int) -> None:
    """No integer turns into another one on its way into the database."""
    try:
        value = parse_value("Number", str(number))
    except ValueError:
        assert abs(number) > SAFE
    else:
        assert int(float(as_text(value))) == int(float(number))
        assert as_integer(value) == int(float(number))


@given(st.from_regex(r"-?[0-9]{16,24}", fullmatch=True))
def test_a_long_integer_reads_as_it_was_typed_or_is_refused(digits: str) -> None:
    """Where a double ends, the user is told so instead of finding other digits later."""
    try:
        stored = as_text(parse_value("Number", digits))
    except ValueError:
        return
    assert stored in {digits, f"{float(digits):.17g}", "0"} or int(digits) == _integer(stored)


def _integer(stored: str) -> int:
    mantissa, _, exponent = stored.partition("e+")
    whole, _, fraction = mantissa.partition(".")
    return int(whole + fraction) * 10 ** (int(exponent or 0) - len(fraction))


@given(FLOATS)
def test_a_number_that_is_no_integer_is_no_integer(number: float) -> None:
    """Only a Number with an integer value becomes a counter."""
    held = as_integer(from_json(number))
    assert held == (int(number) if number.is_integer() else None)


@given(TEXT)
def test_a_string_is_kept_to_the_last_character(text: str) -> None:
    """Nothing is trimmed or normalised."""
    value = parse_value("String", text)
    assert (value.data, as_text(value)) == (text.encode(), text)


@given(st.sampled_from(get_args(ValueType)), st.binary(), st.text(max_size=20), st.text(max_size=8))
def test_a_stored_value_is_accepted_only_as_this_software_would_write_it(
    kind: ValueType, data: bytes, mime: str, extension: str
) -> None:
    """Types, media types and extensions that the rules do not allow are malformed, however well they are put together."""
    try:
        record = encode_data(Value(kind, data, mime, extension))
    except (ValueError, UnicodeEncodeError):
        return  # no metadata can hold it
    if kind == "Blob":
        return  # its media type is free; the vectors hold the limits
    with pytest.raises(MalformedRecordError):
        decode_data(record.commit, by_oid(record.objects))


# --- whatever is found in a repository ------------------------------------------------------------------------------

DECODERS: list[Callable[[GitObject], object]] = [
    decode_counter,
    decode_delta,
    decode_expiry,
    lambda record: decode_data(record, {}),
]
JSON_LINES = JSON_VALUES.map(canonical.encode) | JSON_VALUES.map(lambda value: json.dumps(value).encode())
MEMBERS = st.sampled_from(
    ["version", "category", "op", "recent", "seq", "setAt", "value", "id", "type", "mime", "extension", "blobOid"]
)
LIKELY = (
    st.sampled_from(
        [2, 1, "2", "data", "counter", "expiry", "abcdefgh", "5", 1795392000, [], [["abcdefgh", "5"]], "String"]
    )
    | JSON_VALUES
)
METADATA = st.dictionaries(MEMBERS, LIKELY).map(
    lambda members: canonical.encode({"version": 2, "category": "counter", **members})
)
MESSAGES = st.binary() | (JSON_LINES | METADATA).map(lambda line: line + b"\n")


@given(MESSAGES, st.sampled_from([DUMMY_TREE.oid]) | OIDS)
def test_an_arbitrary_message_is_read_or_refused(message: bytes, tree_oid: Oid) -> None:
    """Whatever a commit's message holds, the only error is that the record is malformed."""
    record = commit(tree_oid, message)
    for decode in DECODERS:
        try:
            decode(record)
        except MalformedRecordError as error:
            assert error.where == record.oid


@given(METADATA | JSON_LINES, st.lists(st.binary(max_size=9), max_size=3))
def test_an_arbitrary_record_is_read_or_refused(line: bytes, contents: list[bytes]) -> None:
    """Whatever the parts of a data commit hold, the only error is that the record is malformed."""
    parts = [blob(content) for content in contents]
    files = tree([(f"view.{number}", part.oid) for number, part in enumerate(parts)])
    record = commit(files.oid, line + b"\n")
    for objects in ({}, by_oid([*parts, files])):
        with pytest.raises(MalformedRecordError):
            decode_data(record, objects)


@given(st.sampled_from(get_args(Kind)), st.binary() | st.binary().map(lambda rest: b"tree " + b"1" * 40 + b"\n" + rest))
def test_every_object_of_a_repository_gets_its_oid(kind: Kind, content: bytes) -> None:
    """An object is named by its bytes; what they mean is looked at later, and is malformed at worst."""
    found = from_content(kind, content)
    assert found.data == content
    for decode in [*DECODERS, read_tree, lambda record: data_blobs(record, {})]:
        try:
            decode(found)
        except MalformedRecordError as error:
            assert error.where == found.oid


@given(st.binary())
def test_the_bytes_of_a_tree_are_read_or_refused(content: bytes) -> None:
    """A tree that cannot be read is malformed, not a failure of the program."""
    try:
        read_tree(GitObject("tree", content, Oid("0" * 40)))
    except MalformedRecordError as error:
        assert error.where == "0" * 40


@pytest.mark.parametrize("mode", ["100755", "120000", "160000", "40000"])
def test_a_tree_with_an_entry_that_is_no_plain_file_is_refused(mode: str) -> None:
    """Executable files, links, submodules and folders are not of the format."""
    found = from_content("tree", mode.encode() + b" x\0" + b"1" * 20)
    with pytest.raises(MalformedRecordError):
        read_tree(found)


# --- names ----------------------------------------------------------------------------------------------------------


def render(parsed: RecordRef | BreadcrumbRef | GcRef, name: str) -> str:
    """Write again what was read, with the shard length and the gc namespace of the name."""
    if isinstance(parsed, GcRef):
        written = Naming.parked(parsed.key_id, parsed.time)
        return written if name.startswith("refs/heads/") else written.replace("refs/heads/gc/", "refs/gc/")
    naming = naming_of(RefName(name))
    if isinstance(parsed, BreadcrumbRef):
        return naming.breadcrumb(parsed.key_id, parsed.time, parsed.op)
    spell = {"val": naming.value, "key": naming.key, "exp": naming.expiry}[parsed.kind]
    return spell(parsed.key_id) + (f"-{parsed.element}" if parsed.element else "")


@given(KEY_IDS, st.integers(1, 39), TIMES, OPS, OIDS)
def test_every_name_reads_back_for_every_shard_length(
    key_id: KeyId, length: int, time: Timestamp, op: str, element: Oid
) -> None:
    """From the key to its refs and back, with nothing lost."""
    naming = Naming(length)
    expected = {
        naming.value(key_id): RecordRef("val", key_id),
        naming.expiry(key_id): RecordRef("exp", key_id),
        naming.key(key_id): RecordRef("key", key_id),
        f"{naming.expiry(key_id)}-{element}": RecordRef("exp", key_id, element),
        naming.breadcrumb(key_id, time, op): BreadcrumbRef(key_id, time, op),
        naming.parked(key_id, time): GcRef(key_id, time),
    }
    assert {name: parse(name) for name in expected} == expected
    assert naming.breadcrumb(key_id, time, op).startswith(naming.breadcrumbs(key_id))
    assert {naming_of(RefName(name)) for name in expected if "/gc/" not in name} == {naming}


@given(KEY_IDS, KEY_IDS, st.integers(1, 39))
def test_the_names_of_two_keys_never_meet(one: KeyId, other: KeyId, length: int) -> None:
    """No ref of one key is a folder of a ref of another, and no prefix finds another key's breadcrumbs."""
    assume(one != other)
    naming = Naming(length)
    assert naming.value(one) != naming.value(other)
    assert not naming.value(one).startswith(naming.value(other) + "/")
    assert not naming.breadcrumbs(one).startswith(naming.breadcrumbs(other))


ALMOST = st.lists(
    st.sampled_from(
        [
            "refs/",
            "heads/",
            "tags/",
            "gc/",
            "kv-",
            "0a",
            "0" * 38,
            "0" * 40,
            "/",
            "val-",
            "exp-",
            "key-",
            "bc-",
            "-",
            "\n",
        ]
        + ["20261122T100000000000Z", "abcdefgh", "A", "x"]
    ),
    max_size=12,
).map("".join)
SHAPES = st.sampled_from(
    [
        r"refs/heads/kv-[0-9a-f]{1,39}/(val|exp|key)-[0-9a-f]{1,39}(-[0-9a-f]{40})?\n?",
        r"refs/tags/kv-0a/bc-[0-9a-f]{37,39}/[0-9]{4}(0[0-9]|1[0-3])[0-3][0-9]T[0-2][0-9][0-5][0-9]{3}[0-9]{6}Z-[a-z0-9]{7,41}",
        r"refs/(heads/)?gc/2026(0[0-9]|1[0-3])[0-3][0-9]T[0-2][0-9][0-5][0-9]{3}[0-9]{6}Z-[0-9a-f]{39,41}",
    ]
).flatmap(lambda shape: st.from_regex(shape, fullmatch=True))


@given(ALMOST | SHAPES | st.text())
def test_a_name_is_foreign_or_is_written_again_as_it_was(name: str) -> None:
    """No two names mean the same ref, so nothing foreign is ever taken for ours."""
    parsed = parse(name)
    assert parsed is None or render(parsed, name) == name


# --- times ----------------------------------------------------------------------------------------------------------


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


PARTS = st.tuples(*[st.none() | st.integers(0, 9999)] * 4)


@given(PARTS)
def test_an_iso_duration_is_the_sum_of_its_parts(parts: tuple[int | None, ...]) -> None:
    """Days, hours, minutes and seconds, any of which may be left out, but not all."""
    days, *clock = parts
    times = "".join(f"{part}{unit}" for part, unit in zip(clock, "HMS", strict=True) if part is not None)
    text = "P" + ("" if days is None else f"{days}D") + (f"T{times}" if times else "")
    assume(text != "P")
    expected = sum((part or 0) * unit for part, unit in zip(parts, (86_400, 3600, 60, 1), strict=True))
    assert parse_duration(text) == expected


@given(st.text() | st.from_regex(r"[PT0-9smhdwHMSDW.,+-]{0,12}", fullmatch=True))
def test_any_text_is_a_duration_or_is_refused(text: str) -> None:
    """Nothing but ValueError, and never a negative time."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert seconds >= 0
    assert text.isascii()


@given(st.integers(1, (MAX_SECONDS - 10**6) * SECOND).map(Micros), st.integers(1, 10**6))
def test_an_expiry_id_is_the_next_multiple_of_the_granularity(moment: Micros, granularity: int) -> None:
    """Never earlier than asked for, never a whole step later, and read back from its commit."""
    expiry = expiry_id(moment, granularity)
    assert expiry % granularity == 0
    assert 0 <= expiry * SECOND - moment < granularity * SECOND
    assert decode_expiry(encode_expiry(expiry)) == expiry
    assert is_expired(expiry, Micros(expiry * SECOND))
    assert not is_expired(expiry, Micros(expiry * SECOND - 1))


# --- counters -------------------------------------------------------------------------------------------------------

OPERATIONS = st.builds(Operation, OPS, st.none() | INT64)
COUNTERS = st.builds(
    Counter,
    value=INT64,
    op=OPS,
    seq=st.integers(0, SAFE),
    recent=st.lists(OPERATIONS, max_size=8).map(tuple),
    set_at=st.none() | TIMES,
)


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


@given(COUNTERS, st.data())
def test_a_counter_with_one_member_changed_is_read_as_written_or_refused(counter: Counter, data: st.DataObject) -> None:
    """What the reader accepts, the writer writes: there is one spelling of each state."""
    members = json.loads(encode_counter(counter).data.partition(b"\n\n")[2])
    members[data.draw(st.sampled_from(sorted(members)))] = data.draw(LIKELY)
    record = message_only(canonical.encode(members) + b"\n")
    try:
        read = decode_counter(record)
    except MalformedRecordError:
        return
    assert encode_counter(read) == record


@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_a_listing_does_not_matter(
    scene: tuple[Counter, list[Breadcrumb], list[Breadcrumb]], chance: Any
) -> None:  # noqa: ANN401  # hypothesis gives its own class
    """Servers list refs in any order; totals, folds and increments are the same."""
    base, crumbs, taking = scene
    shuffled, shuffled_taking = list(crumbs), list(taking)
    chance.shuffle(shuffled)
    chance.shuffle(shuffled_taking)
    assert total(base, shuffled) == total(base, crumbs)
    assert fold(base, shuffled, taking=shuffled_taking, op="gathered") == fold(
        base, crumbs, taking=taking, op="gathered"
    )


@given(scenes())
def test_folding_never_changes_the_value(scene: tuple[Counter, list[Breadcrumb], list[Breadcrumb]]) -> None:
    """Whichever breadcrumbs a gather takes, what is left adds up to the same."""
    base, crumbs, taking = scene
    folded = fold(base, crumbs, taking=taking, op="gathered")
    assert total(folded, without(crumbs, taking)) == total(base, crumbs)


@given(scenes())
def test_a_breadcrumb_seen_again_after_its_fold_is_void(
    scene: tuple[Counter, list[Breadcrumb], list[Breadcrumb]],
) -> None:
    """A listing read before a gather, and the counter read after it, give the same value."""
    base, crumbs, taking = scene
    folded = fold(base, crumbs, taking=taking, op="gathered")
    assert total(folded, crumbs) == total(base, crumbs)


@given(scenes(), st.integers(-9, 9))
def test_an_increment_adds_exactly_its_step(scene: tuple[Counter, list[Breadcrumb], list[Breadcrumb]], by: int) -> None:
    """The number given is the total before plus the step, and is the total after."""
    base, crumbs, taking = scene
    after, number = increment(base, crumbs, by, taking=taking, op="incrincr")
    assert number == total(base, crumbs) + by == total(after, without(crumbs, taking))
    assert after.find("incrincr") == Operation("incrincr", number)
    assert after.seq > base.seq


@given(scenes())
def test_a_fold_remembers_all_that_it_took_and_at_least_128(
    scene: tuple[Counter, list[Breadcrumb], list[Breadcrumb]],
) -> None:
    """An operation is found again as long as 128 later ones have not followed; seq counts what was added."""
    base, crumbs, taking = scene
    folded = fold(base, crumbs, taking=taking, op="gathered")
    added = folded.seq - base.seq
    new = folded.recent[len(folded.recent) - added :]
    assert all(done.number is None for done in new)
    assert {done.op for done in new} <= {found.op for found in taking}
    assert folded.value == base.value + sum(found.delta for found in _added(base, folded, crumbs, taking))
    assert len(folded.recent) >= min(128, len(base.recent) + added)


def _added(base: Counter, folded: Counter, crumbs: Sequence[Breadcrumb], taking: Sequence[Breadcrumb]) -> list[Any]:
    """Give the breadcrumbs that a fold must have added: taken, newly remembered, and the first not void of their operation."""
    new = {done.op for done in folded.recent} - {done.op for done in base.recent}
    alive = [found for found in crumbs if found.delta is not NULL and (not folded.set_at or found.time > folded.set_at)]
    first = {found.op: found for found in sorted(alive, key=lambda found: found.time, reverse=True)}
    return [found for found in taking if found.op in new and first.get(found.op) == found]


@given(bases(), CRUMBS, st.integers(-99, 99))
def test_a_set_voids_all_breadcrumbs_before_it(base: Counter, crumbs: list[Breadcrumb], value: int) -> None:
    """Its time is later than every time seen, so nothing seen is added to the new value."""
    time = next_time(Micros(0), base, crumbs)
    assume(all(found.time < time for found in crumbs))
    assert total(assign(base, value, time, "assigned"), crumbs) == value
    assert total(base, [*crumbs, crumb(time, "assigned", NULL)]) == base.value


@given(MOMENTS, st.lists(MOMENTS, max_size=4), st.none() | MOMENTS)
def test_a_new_time_is_not_earlier_than_now_and_later_than_all_times_near(
    now: Micros, seen: list[Micros], set_at: Micros | None
) -> None:
    """A hybrid logical clock: it never runs back, and it does not follow a clock that is an hour ahead."""
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
        after, number = increment(base, [], by, taking=[], op="incrincr")
    except CounterOverflowError:
        assert not INT64_MIN <= value + by <= INT64_MAX
    else:
        assert number == after.value == value + by
