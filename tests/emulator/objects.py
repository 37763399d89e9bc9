"""The objects of one bare repository, read and written as bytes; what is stored is what was given, to the byte."""

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import NewType

from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID, ShaFile, object_class

Oid = NewType("Oid", str)

ZERO = Oid("0" * 40)
KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
NUMBERS = {kind: number for number, kind in KINDS.items()}
TREE_MODE = 0o040000
LINK_MODE = 0o160000
_OID = re.compile(r"[0-9a-f]{40}")
_PERSON = re.compile(rb"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<seconds>-?\d+) (?P<zone>[+-]\d{4})", re.DOTALL)


def is_oid(text: str) -> bool:
    return _OID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str
    date: datetime

    def encode(self) -> bytes:
        minutes = int((self.date.utcoffset() or timedelta()).total_seconds()) // 60
        zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
        return f"{self.name} <{self.email}> {int(self.date.timestamp())} {zone}".encode()

    @property
    def utc(self) -> str:
        return self.date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_person(line: bytes) -> Person:
    match = _PERSON.fullmatch(line)
    assert match, line
    zone = match["zone"].decode()
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:])) * (-1 if zone[0] == "-" else 1)
    date = datetime.fromtimestamp(int(match["seconds"]), timezone(offset))
    return Person(match["name"].decode("utf-8", "replace"), match["email"].decode("utf-8", "replace"), date)


@dataclass(frozen=True)
class Stored:
    """An object as it is stored."""

    oid: Oid
    kind: str
    raw: bytes

    @cached_property
    def headers(self) -> list[tuple[str, bytes]]:
        """The headers of a commit or tag."""
        head = self.raw.partition(b"\n\n")[0].replace(b"\n ", b" ")
        return [(name.decode(), value) for name, _, value in (line.partition(b" ") for line in head.split(b"\n"))]

    def header(self, name: str) -> bytes:
        return next((value for found, value in self.headers if found == name), b"")

    @property
    def message(self) -> str:
        return self.raw.partition(b"\n\n")[2].decode("utf-8", "replace")

    @property
    def tree(self) -> Oid:
        return Oid(self.header("tree").decode())

    @property
    def parents(self) -> list[Oid]:
        return [Oid(value.decode()) for name, value in self.headers if name == "parent"]

    def person(self, role: str) -> Person:
        return parse_person(self.header(role))


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a tree."""

    name: bytes
    mode: int
    oid: Oid

    @property
    def kind(self) -> str:
        if stat.S_ISDIR(self.mode):
            return "tree"
        return "commit" if self.mode == LINK_MODE else "blob"

    @property
    def text(self) -> str:
        return self.name.decode("utf-8", "replace")


def parse_tree(raw: bytes) -> list[Entry]:
    entries = []
    at = 0
    while at < len(raw):
        space = raw.index(b" ", at)
        end = raw.index(b"\0", space)
        entries.append(Entry(raw[space + 1 : end], int(raw[at:space], 8), Oid(raw[end + 1 : end + 21].hex())))
        at = end + 21
    return entries


def encode_tree(entries: dict[bytes, Entry]) -> bytes:
    """Write a tree; git sorts a subtree as if its name ended with a slash."""
    ordered = sorted(entries.values(), key=lambda entry: entry.name + (b"/" if entry.kind == "tree" else b""))
    return b"".join(b"%o %s\0%s" % (entry.mode, entry.name, bytes.fromhex(entry.oid)) for entry in ordered)


class Objects:
    """The object database of one bare repository. The caller sees to it that one thread uses it at a time."""

    def __init__(self, repository: Path) -> None:
        self._store = DiskObjectStore(repository / "objects")

    def close(self) -> None:
        self._store.close()

    def get(self, oid: str) -> Stored | None:
        """Return an object, or None if there is none of this oid."""
        if not is_oid(oid):
            return None
        try:
            number, raw = self._store.get_raw(ObjectID(oid.encode()))
        except KeyError:
            return None
        return Stored(Oid(oid), KINDS[number], raw)

    def kind(self, oid: str) -> str | None:
        found = self.get(oid)
        return found.kind if found else None

    def add(self, kind: str, raw: bytes) -> Oid:
        shafile: ShaFile = ShaFile.from_raw_string(NUMBERS[kind], raw)
        assert object_class(NUMBERS[kind]) is type(shafile)
        self._store.add_object(shafile)
        return Oid(shafile.id.decode())

    def peel(self, oid: str, kind: str) -> Stored | None:
        """Follow tags, and a commit to its tree, until an object of a kind; None if there is none on the way."""
        found = self.get(oid)
        while found and found.kind != kind:
            if found.kind == "tag":
                found = self.get(found.header("object").decode())
            elif found.kind == "commit" and kind == "tree":
                found = self.get(found.tree)
            else:
                return None
        return found

    def entries(self, tree: str) -> list[Entry]:
        found = self.get(tree)
        return parse_tree(found.raw) if found and found.kind == "tree" else []

    def walk(self, tree: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield all entries of a tree and its subtrees with their paths, in git's order."""
        for entry in self.entries(tree):
            path = f"{prefix}{entry.text}"
            yield path, entry
            if entry.kind == "tree":
                yield from self.walk(entry.oid, f"{path}/")

    def entry_at(self, tree: str, path: str) -> Entry | None:
        """Return the entry at a path, or None."""
        here: Entry | None = Entry(b"", TREE_MODE, Oid(tree))
        for name in path.split("/"):
            if here is None or here.kind != "tree":
                return None
            here = next((entry for entry in self.entries(here.oid) if entry.name == name.encode()), None)
        return here
