"""The refs of one bare repository: read from disk at every request, written in one transaction of ``git update-ref``."""

import errno
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.emulator.objects import ZERO, Oid, is_oid
from tests.servers.binary import run_git

HEADS = "refs/heads/"
TAGS = "refs/tags/"
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_NO_SUCH_FILE = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG}
_PACKED = re.compile(rb"^([0-9a-f]{40}) (refs/\S+)$", re.MULTILINE)


def is_valid_name(name: str) -> bool:
    """Return whether git takes a full ref name (git's ``check-ref-format``)."""
    parts = name.split("/")
    return (
        len(parts) >= 3
        and parts[0] == "refs"
        and not _FORBIDDEN.search(name)
        and not name.endswith((".", "/"))
        and not any(part.startswith(".") or part.endswith(".lock") or part in {"", "@"} for part in parts)
        and not (parts[1] == "heads" and parts[2].startswith("-"))
    )


def is_refused_by_github(name: str) -> bool:
    """Return whether GitHub refuses a name that git would take: short names like an oid, or beginning with ``refs/``.

    So say GitHub's pages on special characters in names. An oid as one component of a longer name is seen to be accepted.
    """
    short = name.removeprefix(HEADS).removeprefix(TAGS)
    return short != name and (is_oid(short.lower()) or short.startswith("refs/"))


def is_reserved(name: str) -> bool:
    """Return whether a ref is GitHub's own: everybody may read those of pull requests, and nobody may write them."""
    return name.startswith("refs/pull/")


@dataclass(slots=True)
class Refs:
    """The refs of a repository as one request sees them. ``past`` hides the last writes: None where a ref was absent."""

    repository: Path
    past: Mapping[str, Oid | None] = field(default_factory=dict)
    _packed: bytes | None = None
    _packed_stamp: tuple[int, int, int] | None = None

    def get(self, name: str) -> Oid | None:
        """Return the oid of a ref by its full name, or None if it is absent."""
        if name in self.past:
            return self.past[name]
        if not is_valid_name(name):
            return None
        return self._loose(self.repository / name) or self._find_packed(name)

    def starting(self, prefix: str) -> dict[str, Oid]:
        """Return the refs whose full names start with a prefix, ordered by name."""
        found = {name: oid for name, oid in self._all_packed().items() if name.startswith(prefix)}
        directory = prefix.rpartition("/")[0]
        for where, _, files in os.walk(self.repository / directory):
            for file in files:
                name = Path(where, file).relative_to(self.repository).as_posix()
                if name.startswith(prefix) and (oid := self._loose(Path(where, file))):
                    found[name] = oid
        for name, past in self.past.items():
            if name.startswith(prefix):
                found.pop(name, None)
                found |= {name: past} if past else {}
        return dict(sorted(found.items()))

    def default_branch(self) -> str:
        """Return the full name of the branch that HEAD names, which need not exist."""
        return (self.repository / "HEAD").read_text().strip().removeprefix("ref: ")

    def is_empty(self) -> bool:
        """Return whether there are no refs at all, without reading all of them where there are many."""
        if self.past:
            return not self.starting("refs/")
        loose = any(files for _, _, files in os.walk(self.repository / "refs"))
        return not loose and not _PACKED.search(self._packed_refs())

    def _loose(self, path: Path) -> Oid | None:
        try:
            content = path.read_text()
        except OSError as error:
            if error.errno in _NO_SUCH_FILE:
                return None
            raise
        if content.startswith("ref: "):
            return self.get(content.removeprefix("ref: ").strip())
        return Oid(content.strip()) if is_oid(content.strip()) else None

    def _packed_refs(self) -> bytes:
        """Read the file again if it is another one: a repository can be packed while a request looks."""
        path = self.repository / "packed-refs"
        try:
            status = path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if self._packed is None or stamp != self._packed_stamp:
                self._packed, self._packed_stamp = path.read_bytes(), stamp
        except FileNotFoundError:
            self._packed, self._packed_stamp = b"", None
        return self._packed

    def _find_packed(self, name: str) -> Oid | None:
        packed = self._packed_refs()
        at = packed.find(b" %s\n" % name.encode())
        return Oid(packed[at - 40 : at].decode()) if at >= 0 else None

    def _all_packed(self) -> dict[str, Oid]:
        return {match[2].decode(): Oid(match[1].decode()) for match in _PACKED.finditer(self._packed_refs())}


@dataclass(frozen=True, slots=True)
class Change:
    """One ref from what it is to what it shall be. ``ZERO`` is absent; both equal is an assertion."""

    name: str
    before: Oid
    after: Oid

    def encode(self) -> bytes:
        if self.before == self.after:
            return f"verify {self.name}\0{self.before}\0".encode()
        if self.after == ZERO:
            return f"delete {self.name}\0{self.before}\0".encode()
        return f"update {self.name}\0{self.after}\0{self.before}\0".encode()


def apply_changes(repository: Path, changes: Sequence[Change]) -> bool:
    """Change refs in one transaction of git. False, and nothing changed, if git refuses any of them.

    git refuses a name that is a directory of others or has one of them above it, even if the same transaction deletes it.
    """
    commands = b"start\0" + b"".join(change.encode() for change in changes) + b"prepare\0commit\0"
    return run_git("update-ref", "-z", "--stdin", directory=repository, stdin=commands, check=False).returncode == 0


def is_fast_forward(repository: Path, before: Oid, after: Oid) -> bool:
    return run_git("merge-base", "--is-ancestor", before, after, directory=repository, check=False).returncode == 0
