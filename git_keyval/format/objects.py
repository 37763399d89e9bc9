"""Git objects with locally computed oids.

https://git-scm.com/book/en/v2/Git-Internals-Git-Objects says what their bytes are. Nothing here reads or writes a repository.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal, NewType

from git_keyval.errors import MalformedRecordError
from git_keyval.light_dataclasses import dataclass, field

Oid = NewType("Oid", str)
"""A SHA-1 object id: 40 lower-case hex digits."""

ZERO_OID = Oid("0" * 40)
"""What git writes in place of an oid for a ref that is not there, or that it cannot read."""

Kind = Literal["blob", "tree", "commit", "tag"]

_OID = re.compile(r"[0-9a-f]{40}")
_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_AROUND_NAME = len(" ") + len("\0") + 20
FILE_MODE, FOLDER_MODE = 0o100644, 0o040000
"""The modes of a tree's entries: plain files, and the subtree of a map or an array."""

_READ_TREES = 8
"""How many trees that were read last are kept: a command asks several times for the entries of one, which may be thousands."""

# One identity and one time for every commit, so that an oid depends on tree and message only (docs/format.md, "Commits").
PERSON_NAME, PERSON_EMAIL = "a a", "a@a.a"
COMMIT_TIME = 1735689600
"""2025-01-01T00:00:00Z, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class GitObject:
    """One git object: its kind, its content without git's header, and the oid of both."""

    kind: Kind
    data: bytes = field(repr=False)
    oid: Oid


def is_oid(text: str) -> bool:
    """Return whether the text has the form of an oid (it need not exist)."""
    return _OID.fullmatch(text) is not None


def blob(data: bytes) -> GitObject:
    """Make a blob."""
    return from_content("blob", data)


def tree(files: Iterable[tuple[str, Oid]], folders: Iterable[tuple[str, Oid]] = ()) -> GitObject:
    """Make a tree of plain files and subtrees; the order given does not matter, the stored order is git's."""
    entries = {name.encode(): (b"100644", b"", oid) for name, oid in files}
    entries |= {name.encode(): (b"40000", b"/", oid) for name, oid in folders}
    # Git sorts a folder as if its name ended with a slash.
    ordered = sorted((name + slash, mode, name, oid) for name, (mode, slash, oid) in entries.items())
    return from_content("tree", b"".join(b"%b %b\0%b" % (mode, name, bytes.fromhex(oid)) for _, mode, name, oid in ordered))


def commit(tree_oid: Oid, message: bytes) -> GitObject:
    """Make the format's commit of a tree: no parents, unsigned, fixed identity and time. The message is kept byte for byte."""
    return from_content("commit", b"tree %b\n%b%b" % (tree_oid.encode(), _SIGNATURE, message))


_PERSON = f"{PERSON_NAME} <{PERSON_EMAIL}> {COMMIT_TIME} +0000"
_SIGNATURE = f"author {_PERSON}\ncommitter {_PERSON}\n\n".encode()
"""What stands between a commit's tree and its message: always the same."""

_COMMIT = re.compile(rb"tree ([0-9a-f]{40})\n" + re.escape(_SIGNATURE) + rb"(.*)", re.DOTALL)


def from_content(kind: Kind, data: bytes) -> GitObject:
    """Return the object of this content, with its oid computed here and not believed from a sender."""
    header = f"{kind} {len(data)}\0".encode()
    return GitObject(kind, data, Oid(hashlib.sha1(header + data, usedforsecurity=False).hexdigest()))


def read_commit(obj: GitObject) -> tuple[Oid, bytes]:
    """Return the tree oid and the message of a commit of this format.

    Raises MalformedRecordError for another kind of object, and for a commit with parents, another identity or time, a signature
    or an encoding: such a commit was not made by this format, whatever its message says.
    """
    if obj.kind != "commit":
        raise MalformedRecordError(obj.oid, f"it is a {obj.kind}, not a commit")
    found = _COMMIT.fullmatch(obj.data)
    if found is None:
        raise MalformedRecordError(obj.oid, "it is a commit that this format does not write (parents, identity, time or signature)")
    return Oid(found[1].decode()), found[2]


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a tree, by name: its plain files and its subtrees."""

    files: Mapping[str, Oid]
    folders: Mapping[str, Oid]


@lru_cache(_READ_TREES)
def read_entries(obj: GitObject) -> Entries:
    """Return the entries of a tree. Raises MalformedRecordError for another kind, or an entry that is neither file nor subtree."""
    if obj.kind != "tree":
        raise MalformedRecordError(obj.oid, f"it is a {obj.kind}, not a tree")
    entries = _ENTRY.findall(obj.data)
    if sum(len(mode) + len(name) + _AROUND_NAME for mode, name, _ in entries) != len(obj.data):
        raise MalformedRecordError(obj.oid, "it is a tree that cannot be read")
    by_mode: dict[int, dict[str, Oid]] = {FILE_MODE: {}, FOLDER_MODE: {}}
    for mode, name, oid in entries:
        if (of_mode := by_mode.get(int(mode, 8))) is None:
            raise MalformedRecordError(obj.oid, "it has an entry that is neither a plain file nor a folder")
        of_mode[name.decode("utf-8", "replace")] = Oid(oid.hex())
    return Entries(by_mode[FILE_MODE], by_mode[FOLDER_MODE])


def read_tree(obj: GitObject) -> Mapping[str, Oid]:
    """Return the entries of a tree by name. Raises MalformedRecordError for another kind, or an entry that is no plain file."""
    found = read_entries(obj)
    if found.folders:
        raise MalformedRecordError(obj.oid, "it has an entry that is not a plain file")
    return found.files


TYPE_NUMBERS: dict[Kind, int] = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
