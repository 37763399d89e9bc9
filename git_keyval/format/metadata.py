"""The metadata line: canonical JSON that is a commit's message and, where a commit has its own tree, the file metadata.json."""

from collections.abc import Mapping

from git_keyval.errors import MalformedRecordError
from git_keyval.format import canonical
from git_keyval.format.canonical import JsonValue
from git_keyval.format.objects import GitObject, blob, commit, read_commit, tree

FORMAT_VERSION = 2
"""The version of the format. Never the version of the software, or every release would change every key id."""

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""How long the message of a record may be: a longer one is not parsed. The longest that this software writes has 260 KB."""

Metadata = dict[str, JsonValue]


def encode_line(members: Mapping[str, JsonValue]) -> bytes:
    """Write the metadata line without its final LF; ``version`` is added here."""
    return canonical.encode({**members, "version": FORMAT_VERSION})


def decode_line(line: bytes, where: str) -> Metadata:
    """Read a metadata line (no LF). Raises MalformedRecordError if it is not canonical, or of another format version."""
    check_length(line, where)
    try:
        members = canonical.decode_canonical(line)
    except (canonical.JsonError, UnicodeDecodeError) as exc:
        raise MalformedRecordError(where, f"its metadata is unreadable: {exc}") from exc
    if not isinstance(members, dict):
        raise MalformedRecordError(where, "its metadata is not a JSON object")
    version = members.get("version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise MalformedRecordError(where, f"it is not of format version {FORMAT_VERSION}, which this software reads")
    if not isinstance(members.get("category"), str):
        raise MalformedRecordError(where, "its metadata names no category")
    return members


def check_length(message: bytes, where: str) -> None:
    """Refuse a message that is longer than that of any record, before it is parsed. Raises MalformedRecordError."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise MalformedRecordError(where, f"its message is longer than {MAX_MESSAGE_BYTES} bytes")


def decode_message(record: GitObject) -> Metadata:
    """Read the metadata of a record's commit from its message, which is the line plus exactly one LF."""
    _, message = read_commit(record)
    if not message.endswith(b"\n"):
        raise MalformedRecordError(record.oid, "its message does not end with a line feed")
    return decode_line(message[:-1], record.oid)


def expect_members(members: Metadata, where: str, required: set[str]) -> None:
    """Refuse metadata that lacks a required member or has one that does not belong."""
    present = set(members) - {"version", "category"}
    if present != required:
        raise MalformedRecordError(where, "its metadata has missing or unexpected members")


def claimed(record: GitObject) -> tuple[int, str] | None:
    """Return the version and the category that a commit says its record is of; None for what says it is none of this format.

    A later version may write its commits and its line in another way, so nothing else is looked at. What says that it is of this
    version has to be a commit as this version writes it.
    """
    _, _, message = record.data.partition(b"\n\n")
    if record.kind != "commit" or len(message) > MAX_MESSAGE_BYTES:
        return None
    try:
        members = canonical.decode(message.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    version, category = members.get("version"), members.get("category")
    if type(version) is not int or not isinstance(category, str) or version < FORMAT_VERSION:
        return None
    return None if version == FORMAT_VERSION and not _is_ours(record) else (version, category)


def _is_ours(record: GitObject) -> bool:
    try:
        read_commit(record)
    except MalformedRecordError:
        return False
    return True


DUMMY_README = blob(b"The data of this commit is its message. See git-keyval.\n")
DUMMY_TREE = tree([("README.md", DUMMY_README.oid)])
NULL_COMMIT = commit(DUMMY_TREE.oid, b"")
"""The dummy tree with an empty message: the target of a null breadcrumb, and of the anchor of a database."""
REDIRECT_ANCHOR = commit(DUMMY_TREE.oid, b"Keys of this database are redirected. See git-keyval.\n")
"""The target of the anchor once a key was redirected: writes that read nothing assert the anchor, and so notice."""

DUMMY_OBJECTS = (DUMMY_README, DUMMY_TREE)


def message_only(message: bytes) -> GitObject:
    """Make a commit whose data is its message; its tree is the dummy tree."""
    return commit(DUMMY_TREE.oid, message)


def read_message_only(record: GitObject) -> bytes:
    """Return the message of a message-only commit. Raises MalformedRecordError if it has a tree of its own."""
    tree_oid, message = read_commit(record)
    check_length(message, record.oid)
    if tree_oid != DUMMY_TREE.oid:
        raise MalformedRecordError(record.oid, "it should be message-only, but has a tree of its own")
    return message


class OtherCategoryError(MalformedRecordError):
    """The record is of another category than the one asked for; whether it is a valid record of its own is not checked."""


def decode_category(record: GitObject, *categories: str) -> Metadata:
    """Read the metadata of a commit that must be of one of these categories. Raises OtherCategoryError, or MalformedRecordError."""
    members = decode_message(record)
    if members["category"] not in categories:
        raise OtherCategoryError(record.oid, f"it is not of category {' or '.join(sorted(categories))}")
    return members


def decode_message_only(record: GitObject, category: str) -> Metadata:
    """Read the metadata of a message-only commit. Raises OtherCategoryError, or MalformedRecordError if it has its own tree."""
    members = decode_category(record, category)
    read_message_only(record)
    return members


def text_member(members: Metadata, name: str, where: str) -> str:
    """Return a member that must be a string."""
    value = members.get(name)
    if not isinstance(value, str):
        raise MalformedRecordError(where, f"its member {name} is not a string")
    return value
