"""Whatever is found in a repository is read or refused as malformed; nothing else happens."""

import contextlib
import json
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_keyval.errors import MalformedRecordError
from git_keyval.format import canonical
from git_keyval.format.anchors import decode_anchor
from git_keyval.format.canonical import JsonValue
from git_keyval.format.counters import Counter, decode_counter, decode_delta, encode_counter
from git_keyval.format.expiry import decode_expiry, encode_expiry
from git_keyval.format.metadata import DUMMY_TREE, MAX_MESSAGE_BYTES, decode_line, decode_message, message_only
from git_keyval.format.objects import GitObject, Kind, Oid, blob, commit, from_content, read_commit, read_tree, tree
from git_keyval.format.records import Record, decode_data, encode_data
from git_keyval.format.redirects import Redirect, decode_redirect, encode_redirect, redirect_of
from git_keyval.format.values import Value, ValueType, parse_value
from tests.format.strategies import COUNTERS, JSON_VALUES, OIDS, VALUES


def decode_alone(record: GitObject) -> object:
    return decode_data(record, {})


def decode_metadata(record: GitObject) -> object:
    return decode_line(record.data, record.oid)


DECODERS: list[Callable[[GitObject], object]] = [decode_counter, decode_delta, decode_expiry, decode_alone]
DECODERS += [decode_redirect, redirect_of]

COMMON: list[JsonValue] = [2, 1, "2", "data", "counter", "expiry", "abcdefgh", "5", 1795392000, [], "String", None]
COMMON += [[["abcdefgh", "5"]], [["abcdefgh", None]], "20261122T140355123456Z"]
LIKELY: st.SearchStrategy[JsonValue] = st.sampled_from(COMMON) | JSON_VALUES
MEMBERS = st.sampled_from(
    [
        *("version", "category", "op", "recent", "seq", "setAt", "value", "id", "type", "mime", "extension", "blobOid"),
        *("repository", "shardLength"),
    ]
)
METADATA = st.builds(
    lambda category, members: canonical.encode({"version": 2, "category": category, **members}),
    st.sampled_from(["counter", "expiry", "data", "redirect"]),
    st.dictionaries(MEMBERS, LIKELY),
)
LINES = METADATA | JSON_VALUES.map(canonical.encode) | JSON_VALUES.map(lambda value: json.dumps(value).encode())
MESSAGES = st.binary() | LINES.map(lambda line: line + b"\n")
HEADERS = st.lists(
    st.sampled_from([b"tree " + b"1" * 40, b"parent " + b"2" * 40, b"author a a <a@a.a> 1735689600 +0000", b"author"])
    | st.sampled_from([b"committer a a <a@a.a> 1735689600 +0000", b"gpgsig x", b" y", b"mergetag z", b"", b"\xff"]),
    max_size=6,
).map(b"\n".join)


@given(MESSAGES, st.just(DUMMY_TREE.oid) | OIDS)
def test_an_arbitrary_message_is_read_or_refused(message: bytes, tree_oid: Oid) -> None:
    """The only error of a commit with an odd message is that the record is malformed."""
    record = commit(tree_oid, message)
    for decode in DECODERS:
        with contextlib.suppress(MalformedRecordError):
            decode(record)


@given(st.binary() | LINES)
def test_arbitrary_metadata_is_read_or_refused(line: bytes) -> None:
    """The only error of metadata is that the record is malformed."""
    with contextlib.suppress(MalformedRecordError):
        members = decode_line(line, "here")
        assert canonical.encode(members) == line


@given(LINES, st.lists(st.binary(max_size=9), max_size=3))
def test_an_arbitrary_data_commit_is_refused(line: bytes, contents: list[bytes]) -> None:
    """Parts that do not belong together are no value, whichever of them are there."""
    parts = [blob(content) for content in contents]
    files = tree([(f"view.{number}", part.oid) for number, part in enumerate(parts)])
    record = commit(files.oid, line + b"\n")
    found = {part.oid: part for part in (*parts, files)}
    for objects in ({}, found):
        with pytest.raises(MalformedRecordError):
            decode_data(record, objects)


FIXED_MEDIA = [kind for kind in get_args(ValueType) if kind != "Blob"]  # its media type is free; the vectors hold the limits


@given(st.sampled_from(FIXED_MEDIA), st.binary(), st.text(max_size=20), st.text(max_size=8))
def test_media_that_the_type_does_not_have_are_refused(kind: ValueType, data: bytes, mime: str, extension: str) -> None:
    """A record put together well is malformed all the same if its type, media type or extension is not allowed."""
    try:
        record = encode_data(Value(kind, data, mime, extension))
    except ValueError:
        return  # no metadata can hold it
    with pytest.raises(MalformedRecordError):
        read(record)


def read(record: Record) -> Value:
    value = decode_data(record.commit, {made.oid: made for made in record.objects})
    assert isinstance(value, Value)
    return value


@given(VALUES, st.data())
def test_a_record_of_which_an_object_is_missing_is_refused_or_read_right(value: Value, data: st.DataObject) -> None:
    """An object that did not come with the commit is never made up."""
    record = encode_data(value)
    found = {made.oid: made for made in record.objects}
    del found[data.draw(st.sampled_from(sorted(found)))]
    try:
        assert decode_data(record.commit, found) == value
    except MalformedRecordError:
        assert record.objects[0].oid not in found


@given(st.sampled_from(get_args(Kind)), st.binary() | st.builds(b"%b\n\n%b".__mod__, st.tuples(HEADERS, MESSAGES)))
def test_every_object_of_a_repository_gets_its_oid(kind: Kind, content: bytes) -> None:
    """An object is named by its bytes; what they mean is looked at later, and is malformed at worst."""
    found = from_content(kind, content)
    assert found.data == content
    assert found.oid == from_content(kind, content).oid
    for decode in (*DECODERS, read_tree, read_commit):
        with contextlib.suppress(MalformedRecordError):
            decode(found)


@given(st.binary() | st.lists(st.sampled_from([b"100644 ", b"a", b"\0", b"1" * 20, b"40000 "])).map(b"".join))
def test_the_bytes_of_a_tree_are_read_or_refused(content: bytes) -> None:
    """A tree that cannot be read is malformed, not a failure of the program."""
    with contextlib.suppress(MalformedRecordError):
        read_tree(GitObject("tree", content, Oid("0" * 40)))


@pytest.mark.parametrize("mode", ["100755", "120000", "160000", "40000"])
def test_a_tree_with_an_entry_that_is_no_plain_file_is_refused(mode: str) -> None:
    """Executable files, links, submodules and folders are not of the format."""
    found = from_content("tree", mode.encode() + b" x\0" + b"1" * 20)
    with pytest.raises(MalformedRecordError):
        read_tree(found)


@given(COUNTERS, st.data())
def test_a_counter_with_a_member_changed_is_refused_or_is_what_would_be_written(counter: Counter, data: st.DataObject) -> None:
    """There is one spelling of each state: what the reader accepts, the writer writes."""
    members: dict[str, JsonValue] = json.loads(encode_counter(counter).data.partition(b"\n\n")[2])
    members[data.draw(st.sampled_from(sorted(members)))] = data.draw(LIKELY)
    record = message_only(canonical.encode(members) + b"\n")
    with contextlib.suppress(MalformedRecordError):
        assert encode_counter(decode_counter(record)) == record


def test_a_record_of_one_category_is_not_read_as_another() -> None:
    """A ref of one kind that points at a record of another is malformed."""
    expiry, counter = encode_expiry(60), encode_counter(Counter(1, "abcdefgh", 1))
    value = encode_data(parse_value("Number", "60"))
    wrong: list[tuple[Callable[[GitObject], object], GitObject]] = [
        (decode_expiry, counter),
        (decode_expiry, value.commit),
        (decode_counter, expiry),
        (decode_counter, value.commit),
        (decode_delta, expiry),
        (decode_delta, counter),
        (decode_delta, value.commit),
        (decode_alone, expiry),
        (decode_alone, counter),
        (decode_redirect, counter),
        (decode_redirect, value.commit),
        (decode_counter, encode_redirect(Redirect("owner/name", 2))),
        (decode_expiry, encode_redirect(Redirect("owner/name", 2))),
    ]
    for decode, record in wrong:
        with pytest.raises(MalformedRecordError) as caught:
            decode(record)
        assert caught.value.where == record.oid


@pytest.mark.parametrize("category", ["map", "array", "redirect"])
def test_a_reserved_category_is_refused(category: str) -> None:
    """A record of a later revision is kept, not misread."""
    record = message_only(canonical.encode({"category": category, "version": 2}) + b"\n")
    for decode in set(DECODERS) - {redirect_of}:
        with pytest.raises(MalformedRecordError):
            decode(record)


@pytest.mark.parametrize("member", ["category", "type", "version", "a\nb\x1b[0m"], ids=ascii)
def test_an_error_about_a_record_is_one_line_without_control_characters(member: str) -> None:
    """What was found in a repository cannot write lines of its own into a log."""
    members: dict[str, JsonValue] = {"blobOid": "x", "category": "data", "extension": "txt", "mime": "text/plain"}
    line = canonical.encode({**members, "type": "String", "version": 2, member: "\n::error::\x1b[0m"})
    with pytest.raises(MalformedRecordError) as caught:
        decode_alone(message_only(line + b"\n"))
    assert str(caught.value).isprintable()


BOMBS = {
    "too long": b'{"category":"expiry","id":1,"version":2}' + b" " * MAX_MESSAGE_BYTES + b"\n",
    "lists without end": b'{"category":' + b"[" * 100_000 + b"]" * 100_000 + b',"version":2}\n',
    "objects without end": b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n",
    "a number of many digits": b'{"category":"expiry","id":' + b"9" * 1_000_000 + b',"version":2}\n',
    "an exponent of many digits": b'{"category":"expiry","id":1e' + b"9" * 1_000_000 + b',"version":2}\n',
    "an increment of many digits": b"+" + b"1" * 1_000_000 + b"\n",
    "a counter of many digits": b'{"category":"counter","op":"operation","recent":[],"seq":' + b"1" * 1_000_000 + b"}\n",
    "bytes that are no text": b'{"category":"\xff"}\n',
}
"""Messages that are meant to hurt a reader: none of them is anything but malformed."""


@pytest.mark.parametrize("decode", [decode_expiry, decode_counter, decode_delta, decode_redirect, decode_anchor, decode_message])
@pytest.mark.parametrize("name", BOMBS)
def test_what_is_made_to_hurt_a_reader_is_malformed(name: str, decode: Callable[[GitObject], object]) -> None:
    with pytest.raises(MalformedRecordError):
        decode(message_only(BOMBS[name]))
