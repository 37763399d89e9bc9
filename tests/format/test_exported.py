"""The lines of an export: the golden vectors (tests/vectors/exports.json), and what holds for any record."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_keyval.database.ciphers import PLAIN
from git_keyval.format.anchors import Mark
from git_keyval.format.elements import CollectionCategory
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.exported import (
    END,
    Element,
    Elements,
    Exported,
    ExportError,
    Header,
    decode_exported,
    decode_header,
    encode_exported,
    encode_header,
    in_order,
)
from git_keyval.format.names import KeyId, Naming
from git_keyval.format.objects import Oid
from git_keyval.format.redirects import Redirect
from git_keyval.format.sealed import Encryption, Sealed
from git_keyval.format.values import Value
from git_keyval.transfer.placing import placed
from tests.format.strategies import COUNTERS, KEY_IDS, VALUES
from tests.vectors import load

VECTORS = load("exports")
Case = Mapping[str, Any]


def of_why(case: Case) -> str:
    return str(case["why"])


@pytest.mark.parametrize("case", VECTORS["headers"])
def test_a_header_is_read_and_written(case: Case) -> None:
    mark = None if case["mark"] is None else Mark(case["mark"]["kid"], case["mark"]["check"])
    header = Header(mark, case["sealed"])
    assert decode_header(case["line"].encode()) == header
    assert encode_header(header).decode() == case["line"]


@pytest.mark.parametrize("case", VECTORS["refusedHeaders"], ids=of_why)
def test_what_is_no_header_is_refused(case: Case) -> None:
    with pytest.raises(ExportError):
        decode_header(case["line"].encode())


def test_a_later_version_is_told_as_what_it_is() -> None:
    for name in ("layout", "version"):
        later = {"category": "export", "layout": 1, "version": 2, name: 3}
        with pytest.raises(ExportError, match=f"a later {name}"):
            decode_header(json.dumps(later).encode())


def test_the_last_line_is_what_the_vectors_say() -> None:
    assert VECTORS["end"] == END.decode()


@pytest.mark.parametrize("case", VECTORS["records"], ids=lambda case: case["line"][:60])
def test_a_record_is_read_and_written_and_stored(case: Case) -> None:
    record = decode_exported(case["line"].encode())
    assert encode_exported(record).decode() == case["line"]
    key, naming = placed(record, Naming(), PLAIN), Naming()
    expiries = {naming.expiry(key.key_id): case["expiry"]} if case["expiry"] is not None else {}
    expiries |= {naming.element_expiry(key.key_id, Oid(element)): end for element, end in case["elementExpiries"].items()}
    assert key.key_id == case["keyId"]
    assert key.refs == {
        naming.value(key.key_id): case["valueOid"],
        **({naming.key(key.key_id): case["keyOid"]} if case["keyOid"] is not None else {}),
        **{name: encode_expiry(end).oid for name, end in expiries.items()},
    }
    assert set(key.refs.values()) <= {made.oid for made in key.objects}
    assert next(iter(key.refs)) == naming.value(key.key_id)


@pytest.mark.parametrize("case", VECTORS["refusedRecords"], ids=of_why)
def test_what_is_no_record_is_refused(case: Case) -> None:
    with pytest.raises(ExportError) as caught:
        decode_exported(case["line"].encode("utf-8", "surrogatepass"))
    assert "\n" not in str(caught.value)


def test_what_is_no_utf8_is_refused() -> None:
    with pytest.raises(ExportError, match="UTF-8"):
        decode_exported(b'{"category":"data","id":"\xff"}')


EXPIRIES = st.none() | st.integers(1, 253_402_300_799)
SEALED = st.builds(
    lambda value, body, kid: Sealed(value.type, b"\x01" + body, value.mime, value.extension, Encryption("A256GCM", kid)),
    VALUES,
    st.binary(min_size=36),
    st.text("abc._-09", min_size=1, max_size=64),
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@st.composite
def collections(draw: st.DrawFn) -> Elements:
    """Maps and arrays of values of one type, most of which live for good."""
    first = draw(VALUES)
    values = [first, *draw(st.lists(VALUES.filter(lambda value: value.type == first.type), max_size=3))]
    alike = [value for value in values if (value.mime, value.extension) == (first.mime, first.extension)][: draw(st.integers(0, 4))]
    category: CollectionCategory = draw(st.sampled_from(["map", "array"]))
    if category == "array":
        indices = draw(st.lists(st.integers(0, 20), min_size=len(alike), max_size=len(alike), unique=True))
        names, length = list(map(str, indices)), draw(st.integers(max(indices, default=-1) + 1, 2**53 - 1))
    else:
        names, length = draw(st.lists(NAMES, min_size=len(alike), max_size=len(alike), unique=True)), 0
    elements = [Element(name, value.data, draw(EXPIRIES)) for name, value in zip(names, alike, strict=True)]
    return Elements(category, first.type, first.mime, first.extension, in_order(category, elements), length)


HELD = VALUES | SEALED | collections() | COUNTERS
KEYS: st.SearchStrategy[KeyId | Value | Sealed] = KEY_IDS | VALUES
RECORDS = st.builds(Exported, KEYS, HELD, EXPIRIES) | st.builds(Exported, KEYS, st.just(Redirect("owner/name", 2)))


@given(RECORDS)
def test_every_record_is_one_line_that_reads_back(record: Exported) -> None:
    line = encode_exported(record)
    assert b"\n" not in line
    assert decode_exported(line) == record
    assert encode_exported(decode_exported(line)) == line


@given(RECORDS, st.randoms(use_true_random=False))
def test_members_and_elements_may_stand_in_any_order(record: Exported, random: Any) -> None:  # noqa: ANN401
    members = json.loads(encode_exported(record))
    shuffled = random.sample(list(members.items()), len(members))
    if "elements" in members:
        random.shuffle(members["elements"])
    assert decode_exported(json.dumps(dict(shuffled), indent=1).encode()) == record


@given(st.binary())
def test_any_bytes_are_read_or_refused(line: bytes) -> None:
    for read in (decode_exported, decode_header):
        with suppress(ExportError):
            read(line)


@given(RECORDS, st.data())
def test_a_changed_line_is_read_or_refused(record: Exported, data: st.DataObject) -> None:
    line = bytearray(encode_exported(record))
    at = data.draw(st.integers(0, len(line) - 1))
    line[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    with suppress(ExportError):
        decode_exported(bytes(line))
