"""Data commits: the record of one value, or of one key."""

from collections.abc import Iterable, Mapping, Sequence

from git_keyval.errors import MalformedRecordError
from git_keyval.format.metadata import Metadata, decode_category, encode_line, expect_members, text_member
from git_keyval.format.names import KeyId
from git_keyval.format.objects import GitObject, Oid, blob, commit, tree
from git_keyval.format.sealed import Encryption, Sealed, check_sealed, encryption_members, read_encryption
from git_keyval.format.values import VALUE_TYPES, Value, ValueType, check_value
from git_keyval.light_dataclasses import dataclass

METADATA_FILE = "metadata.json"


@dataclass(frozen=True, slots=True)
class Record:
    """The objects that store a value, a map or an array; ``commit`` is the last of them."""

    objects: tuple[GitObject, ...]

    @property
    def commit(self) -> GitObject:
        """The commit that a ref points at."""
        return self.objects[-1]

    @property
    def key_id(self) -> KeyId:
        """The key id of a value where it is used as a key."""
        return KeyId(self.commit.oid)


def encode_data(value: Value | Sealed) -> Record:
    """Make the objects of a value: data blob, metadata blob, tree, commit, in the order in which they depend on each other."""
    data = blob(value.data)
    members: Metadata = {
        "blobOid": data.oid,
        "category": "data",
        "extension": value.extension,
        "mime": value.mime,
        "type": value.type,
    }
    views = dict.fromkeys(("bytes", "view.txt", "view.json", view_file(value.extension)), data.oid)
    return encode_record(members, value.encryption if isinstance(value, Sealed) else None, [data], files=views.items())


def encode_record(
    members: Metadata,
    encryption: Encryption | None,
    parts: Sequence[GitObject],
    files: Iterable[tuple[str, Oid]] = (),
    folders: Iterable[tuple[str, Oid]] = (),
) -> Record:
    """Make a record of its metadata and its parts, which its tree names by files and folders."""
    line = encode_line({**encryption_members(encryption), **members})
    metadata = blob(line)
    root = tree([*files, (METADATA_FILE, metadata.oid)], folders)
    return Record((*parts, metadata, root, commit(root.oid, line + b"\n")))


def decode_data(record: GitObject, objects: Mapping[Oid, GitObject]) -> Value | Sealed:
    """Read the value of a data commit; its blobs and tree must be among the objects. An encrypted one is not opened.

    Every rule is checked by writing the record again and comparing oids: a record that differs in any way, down to its tree,
    raises MalformedRecordError.
    """
    members = decode_category(record, "data")
    encryption = read_encryption(members, record.oid)
    expect_members(members, record.oid, {"blobOid", "extension", "mime", "type", *encryption_members(encryption)})
    kind = type_member(members, record.oid)
    data = objects.get(Oid(text_member(members, "blobOid", record.oid)))
    if data is None or data.kind != "blob":
        raise MalformedRecordError(record.oid, "its data blob is missing")
    mime, extension = text_member(members, "mime", record.oid), text_member(members, "extension", record.oid)
    value = typed_value(kind, data.data, mime, extension, encryption, record.oid)
    if encode_data(value).commit.oid != record.oid:
        raise MalformedRecordError(record.oid, "its tree or metadata does not belong to its data")
    return value


def typed_value(
    kind: ValueType, data: bytes, mime: str, extension: str, encryption: Encryption | None, where: str
) -> Value | Sealed:
    """Make a value from bytes that were read, plain or encrypted. Raises MalformedRecordError for bytes that are no such value."""
    try:
        if encryption is None:
            value = Value(kind, data, mime, extension)
            check_value(value)
            return value
        sealed = Sealed(kind, data, mime, extension, encryption)
        check_sealed(sealed)
    except ValueError as exc:
        raise MalformedRecordError(where, str(exc)) from exc
    return sealed


def type_member(members: Metadata, where: str) -> ValueType:
    """Return the member ``type``, which must be one of the types of the format."""
    text = text_member(members, "type", where)
    for kind in VALUE_TYPES:
        if kind == text:
            return kind
    raise MalformedRecordError(where, "its type is unknown")


def view_file(extension: str) -> str:
    """Name the file of a data commit by whose extension a server knows the media type of the value."""
    return f"view.{extension}"
