"""Maps and arrays: many elements of one type in one record, each a blob of its own in the subtree ``elements/``.

A map's elements are named by their encoded keys, an array's by their indices. Where there are none, there is no subtree.
"""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from git_keyval.errors import MalformedRecordError
from git_keyval.format.bounds import added
from git_keyval.format.canonical import MAX_SAFE_INTEGER, JsonValue
from git_keyval.format.metadata import Metadata, decode_category, expect_members, text_member
from git_keyval.format.objects import Entries, GitObject, Oid, blob, read_entries, read_tree, tree
from git_keyval.format.records import METADATA_FILE, Record, encode_record, type_member, typed_value
from git_keyval.format.sealed import Encryption, Sealed, encryption_members, read_encryption, read_sealed_name
from git_keyval.format.values import Value, ValueType, check_media
from git_keyval.light_dataclasses import dataclass

ELEMENTS_FOLDER = "elements"
MAX_NAME_BYTES = 255
"""How long an encoded element key may be: as long as a file name may be on common file systems."""

MAX_SLOTS = 100
"""How many slots a lock may have."""

EMPTY_TREE = tree([])
"""What ``treeOid`` names where there are no elements; GitHub stores no such tree, and none is needed."""

CollectionCategory: TypeAlias = Literal["map", "array"]

_ENCODED = re.compile(rb"^\.|[^A-Za-z0-9._-]")
_ESCAPE = re.compile(rb"%([0-9A-F]{2})")
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")
_SHARED_MEMBERS = {"treeOid", "type", "mime", "extension"}


@dataclass(frozen=True, slots=True)
class Collection:
    """A map or an array without the bytes of its elements: their blob oids by element key, and what they share.

    The element keys of an array are its indices in decimal. ``length`` is one more than its last index, or larger where it ends in
    holes; a map has the length 0 here, and stores none. With ``encryption``, the element keys of a map are encrypted,
    too, and stand here as they are stored; its ``kid`` names the key that was used last.
    """

    category: CollectionCategory
    type: ValueType
    mime: str
    extension: str
    elements: Mapping[str, Oid]
    length: int = 0
    encryption: Encryption | None = None


def longer(length: int, by: int = 1) -> int:
    """Return the length of an array with so many elements more. Raises BoundError where the format has none."""
    return added(length, by, MAX_SAFE_INTEGER, "the length of an array")


def encode_element_key(key: str) -> str:
    """Return the file name of an element key: ASCII letters, digits and ``. _ -`` as they are, other bytes of its UTF-8 as ``%XX``.

    A leading dot is written so, too; thus no key can be ``..``, ``.git``, anything that a file system takes for one of them, or a
    path. Raises ValueError with the reason for a key that is empty, too long or no Unicode text.
    """
    name = _ENCODED.sub(lambda found: b"%%%02X" % found[0][0], element_key_bytes(key)).decode("ascii")
    if len(name) > MAX_NAME_BYTES:
        raise ValueError(
            f"takes {len(name)} bytes as a file name, more than {MAX_NAME_BYTES} (all but ASCII letters, digits and ._- take three)"
        )
    return name


def element_path(key: str) -> str:
    """Return where in the tree of a map or an array an element is. Raises ValueError with the reason for a key that cannot be."""
    return f"{ELEMENTS_FOLDER}/{encode_element_key(key)}"


def element_key_bytes(key: str) -> bytes:
    """Return an element key in UTF-8. Raises ValueError with the reason for one that is empty or no Unicode text."""
    try:
        data = key.encode()
    except UnicodeEncodeError as exc:
        raise ValueError("has a lone surrogate, which UTF-8 cannot hold") from exc
    if not data:
        raise ValueError("is empty")
    return data


def decode_element_key(name: str) -> str:
    """Read a file name as an element key. Raises ValueError if the key is not encoded as this name."""
    key = _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), name.encode()).decode("utf-8", "replace")
    if encode_element_key(key) != name:
        raise ValueError("is not how its key is encoded")
    return key


def element_id(key: str) -> Oid:
    """Return the id that names an element's expiry ref: the blob oid of its element key in UTF-8."""
    return blob(key.encode()).oid


def encode_collection(collection: Collection) -> Record:
    """Make the objects of a map or an array in the order in which they need each other: subtree (if any), metadata, tree, commit.

    Raises ValueError with the reason for element keys, indices, a length or a media type that the format does not have.
    """
    check_media(collection.type, collection.mime, collection.extension)
    _check_length(collection)
    _check_encryption(collection)
    elements = tree((encode_element_key(key), oid) for key, oid in collection.elements.items())
    members: dict[str, JsonValue] = {
        "category": collection.category,
        "extension": collection.extension,
        "mime": collection.mime,
        "treeOid": elements.oid,
        "type": collection.type,
    }
    if collection.category == "array":
        members["length"] = collection.length
    parts = [elements] if collection.elements else []
    return encode_record(members, collection.encryption, parts, folders=[(ELEMENTS_FOLDER, part.oid) for part in parts])


def decode_collection(record: GitObject, objects: Mapping[Oid, GitObject]) -> Collection:
    """Read a map or an array; its subtree must be among the objects, its blobs need not be.

    Raises MalformedRecordError for one that would be written in another way, and OtherCategoryError for neither.
    """
    members = decode_category(record, "map", "array")
    category: CollectionCategory = "map" if members["category"] == "map" else "array"
    encryption = read_encryption(members, record.oid)
    length = {"length"} if category == "array" else set()
    expect_members(members, record.oid, _SHARED_MEMBERS | length | encryption_members(encryption).keys())
    try:
        collection = Collection(
            category,
            type_member(members, record.oid),
            text_member(members, "mime", record.oid),
            text_member(members, "extension", record.oid),
            _read_elements(members, record.oid, objects),
            _length_member(members, record.oid) if category == "array" else 0,
            encryption,
        )
        written = encode_collection(collection)
    except ValueError as exc:
        raise MalformedRecordError(record.oid, str(exc)) from exc
    if written.commit.oid != record.oid:
        raise MalformedRecordError(record.oid, "its tree or metadata does not belong to its elements")
    return collection


def element_value(collection: Collection, data: GitObject) -> Value | Sealed:
    """Read one element from its blob; an encrypted one is not opened. Raises MalformedRecordError if it is none of this type."""
    if data.kind != "blob":
        raise MalformedRecordError(data.oid, f"it is a {data.kind}, not a blob")
    return typed_value(collection.type, data.data, collection.mime, collection.extension, collection.encryption, data.oid)


def read_record_tree(obj: GitObject) -> Entries:
    """Return a tree's entries: files, or metadata.json and the subtree ``elements/``. Raises MalformedRecordError for others."""
    found = read_entries(obj)
    if found.folders and (set(found.folders), set(found.files)) != ({ELEMENTS_FOLDER}, {METADATA_FILE}):
        raise MalformedRecordError(obj.oid, "it has a folder that this format does not write")
    return found


def _check_length(collection: Collection) -> None:
    if collection.category == "map":
        if collection.length:
            raise ValueError("a map has no length")
        return
    if not 0 <= collection.length <= MAX_SAFE_INTEGER:
        raise ValueError("the length of an array is not between 0 and 2**53 - 1")
    for index in collection.elements:
        if _INDEX.fullmatch(index) is None or int(index) >= collection.length:
            raise ValueError("an array has an element that is no index below its length")


def _check_encryption(collection: Collection) -> None:
    if collection.encryption is None:
        return
    if collection.encryption.algo != "A256GCM":
        raise ValueError("elements are not encrypted by this algorithm")
    if collection.category == "map":
        for name in collection.elements:
            try:
                read_sealed_name(name)
            except ValueError as exc:
                raise ValueError(f"the name of an element {exc}") from exc


def _read_elements(members: Metadata, where: str, objects: Mapping[Oid, GitObject]) -> dict[str, Oid]:
    oid = Oid(text_member(members, "treeOid", where))
    if oid == EMPTY_TREE.oid:
        return {}
    elements = objects.get(oid)
    if elements is None:
        raise MalformedRecordError(where, "its tree of elements is missing")
    try:
        return {decode_element_key(name): element for name, element in read_tree(elements).items()}
    except ValueError as exc:
        raise MalformedRecordError(where, f"the name of an element {exc}") from exc


def _length_member(members: Metadata, where: str) -> int:
    length = members["length"]
    if type(length) is not int:
        raise MalformedRecordError(where, "its length is not an integer")
    return length
