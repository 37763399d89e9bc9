"""The golden vectors of maps, arrays and element keys (tests/vectors)."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from git_keyval.errors import MalformedRecordError
from git_keyval.format.elements import (
    Collection,
    decode_collection,
    decode_element_key,
    element_id,
    element_value,
    encode_collection,
    encode_element_key,
)
from git_keyval.format.metadata import OtherCategoryError
from git_keyval.format.objects import blob, from_content, read_entries, tree
from git_keyval.format.records import decode_data, encode_data
from git_keyval.format.values import Value, parse_value
from tests.format.test_vectors_objects import stored
from tests.vectors import load

Case = Mapping[str, Any]

ELEMENTS = load("elements")


def label(case: object) -> str | None:
    """Name a test after its case."""
    if isinstance(case, Mapping):
        text = case.get("why") or case.get("name", "{type} {dataBase64}".format_map(case) if "dataBase64" in case else "")
        return ascii(text).strip("'")[:60]
    return None


def collection_of(case: Case) -> Collection:
    elements = {key: blob(base64.b64decode(data)).oid for key, data in case["elements"].items()}
    return Collection(case["category"], case["type"], case["mime"], case["extension"], elements, case.get("length", 0))


@pytest.mark.parametrize("case", ELEMENTS["keys"], ids=label)
def test_an_element_key_is_the_name_of_a_file(case: Case) -> None:
    """Each key has one name and each name one key."""
    assert encode_element_key(case["key"]) == case["name"]
    assert decode_element_key(case["name"]) == case["key"]
    assert element_id(case["key"]) == case["id"]


@pytest.mark.parametrize("case", ELEMENTS["refusedKeys"], ids=label)
def test_an_element_key_that_has_no_name_is_refused(case: Case) -> None:
    """No key is cut short, and none is changed."""
    with pytest.raises(ValueError, match=r"^(is|has|takes) "):
        encode_element_key(case["key"])


@pytest.mark.parametrize("case", ELEMENTS["refusedNames"], ids=label)
def test_a_name_that_is_not_how_its_key_is_encoded_is_refused(case: Case) -> None:
    """Two names for one key would be two elements of one key."""
    with pytest.raises(ValueError, match=r"^(is|takes) "):
        decode_element_key(case["name"])


@pytest.mark.parametrize("case", ELEMENTS["collections"], ids=label)
def test_a_collection_is_stored_as_the_vector_says(case: Case) -> None:
    """The same elements give the same trees, metadata and oids in every client."""
    record = encode_collection(collection_of(case))
    *elements, metadata, root, commit = record.objects
    assert [made.oid for made in elements] == ([case["elementsOid"]] if case["elementsOid"] else [])
    assert [name for made in elements for name in read_entries(made).files] == case["names"]
    assert metadata.data.decode() == case["metadata"]
    assert (metadata.oid, root.oid, commit.oid) == (case["metadataOid"], case["treeOid"], case["commitOid"])
    assert record.commit == commit


@pytest.mark.parametrize("case", ELEMENTS["collections"], ids=label)
def test_a_stored_collection_reads_back_without_the_blobs_of_its_elements(case: Case) -> None:
    """What any client writes by the rules, every client reads: the elements' oids first, and each value where it is needed."""
    record = encode_collection(collection_of(case))
    found = decode_collection(record.commit, {made.oid: made for made in record.objects if made.kind == "tree"})
    assert found == collection_of(case)
    for data in map(base64.b64decode, case["elements"].values()):
        assert element_value(found, blob(data)) == Value(case["type"], data, case["mime"], case["extension"])


@pytest.mark.parametrize("case", ELEMENTS["malformed"], ids=label)
def test_a_malformed_collection_is_refused(case: Case) -> None:
    """A reader checks every part of a record, down to the names of its elements."""
    objects = stored(case["objects"])
    with pytest.raises(MalformedRecordError):
        decode_collection(objects[case["commitOid"]], objects)


@pytest.mark.parametrize("case", ELEMENTS["malformedElements"], ids=label)
def test_an_element_that_is_no_value_of_the_type_is_refused(case: Case) -> None:
    """The type is that of all elements, so each is checked against it."""
    collection = Collection("map", case["type"], case["mime"], case["extension"], {})
    with pytest.raises(MalformedRecordError):
        element_value(collection, blob(base64.b64decode(case["dataBase64"])))


def test_an_element_that_is_no_blob_is_refused() -> None:
    """Whatever has the oid of an element: only a blob is a value."""
    with pytest.raises(MalformedRecordError, match="tree"):
        element_value(Collection("map", "String", "text/plain", "txt", {}), tree([]))


@pytest.mark.parametrize("case", ELEMENTS["collections"][:1], ids=label)
def test_a_collection_whose_subtree_did_not_come_is_refused(case: Case) -> None:
    """Elements that are not there are not taken to be none."""
    record = encode_collection(collection_of(case))
    with pytest.raises(MalformedRecordError, match="missing"):
        decode_collection(record.commit, {})


def test_a_collection_is_no_value_and_a_value_no_collection() -> None:
    """Who reads a key tells what it is by its category, which is said to be another one, not to be broken."""
    value = encode_data(parse_value("Number", "1"))
    collection = encode_collection(Collection("map", "String", "text/plain", "txt", {}))
    with pytest.raises(OtherCategoryError):
        decode_collection(value.commit, {})
    with pytest.raises(OtherCategoryError):
        decode_data(collection.commit, {})


@pytest.mark.parametrize(
    "wrong",
    [
        Collection("map", "String", "text/plain", "txt", {}, 1),
        Collection("map", "String", "text/html", "html", {}),
        Collection("map", "String", "text/plain", "txt", {"": blob(b"").oid}),
        Collection("array", "String", "text/plain", "txt", {}, -1),
        Collection("array", "String", "text/plain", "txt", {}, 2**53),
        Collection("array", "String", "text/plain", "txt", {"1": blob(b"").oid}, 1),
        Collection("array", "String", "text/plain", "txt", {"01": blob(b"").oid}, 2),
        Collection("array", "String", "text/plain", "txt", {"\u0661": blob(b"").oid}, 2),
    ],
    ids=str,
)
def test_a_collection_that_no_reader_would_accept_is_not_written(wrong: Collection) -> None:
    """The writer holds to the rules that the reader checks."""
    with pytest.raises(ValueError, match=r"\w"):
        encode_collection(wrong)


@pytest.mark.parametrize("kind", ["blob", "tree", "tag"])
def test_an_object_that_is_no_commit_is_no_collection(kind: str) -> None:
    """A ref may point at any kind of object; only commits are records."""
    content = {"blob": b"x", "tree": b"", "tag": b"object %s\ntype commit\ntag x\n\n{}\n" % (b"1" * 40)}[kind]
    with pytest.raises(MalformedRecordError):
        decode_collection(from_content(kind, content), {})  # type: ignore[arg-type]  # parametrize knows plain strings only
