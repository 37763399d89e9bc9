"""Objects of a repository of this machine, by ``git cat-file --batch``: one process, which is asked for more as objects name it."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from git_keyval.format.objects import TYPE_NUMBERS, GitObject, Kind, Oid, from_content
from git_keyval.store.closure import needs
from git_keyval.store.git.conversation import BrokenConversationError
from git_keyval.store.git.directory import GitDirectory
from git_keyval.store.git.pipes import Child, HungUpError
from git_keyval.store.git.sizes import LARGEST
from git_keyval.store.port import Depth

_AT_ONCE = 64
"""How many objects are asked for before the first is read: the smallest pipe has room for them."""

_BLOCK: Final = 64 * 1024
_HEADER = re.compile(rb"([0-9a-f]{40}) ([a-z]+) ([0-9]+)")
_MISSING = b" missing"
_KINDS: dict[bytes, Kind] = {kind.encode(): kind for kind in TYPE_NUMBERS}


def fetch_objects(directory: GitDirectory, oids: Sequence[Oid], depth: Depth) -> Iterator[GitObject]:
    """Yield these objects with what they need to this depth, without what is lost, damaged, or too large for this format.

    Raises BrokenConversationError, and StoreError where git does not run.
    """
    waiting, seen = deque(oids), set(oids)
    while waiting:
        with directory.start(["--no-replace-objects", "cat-file", "--batch"]) as git:
            batch = _Batch(git)
            while waiting and not batch.is_over:
                for obj in batch.take(waiting):
                    more = [oid for oid in needs(obj, depth) if oid not in seen]
                    seen.update(more)
                    waiting += more
                    yield obj
            if batch.is_over and not batch.is_damage:
                raise directory.explain(git.complaints())


class _Batch:
    """One process, up to its end; it ends itself in the middle of an object that it cannot read."""

    def __init__(self, git: Child) -> None:
        self._git = git
        self._unread = bytearray()
        self.is_over = False
        self.is_damage = False
        """Whether it is over because of an object, which it names."""

    def take(self, waiting: deque[Oid]) -> Iterator[GitObject]:
        """Yield some of the objects that wait, and take them from the queue. What is not answered is left in it."""
        asked = list(islice(waiting, _AT_ONCE))
        self._git.write([b"".join(oid.encode() + b"\n" for oid in asked)])
        for oid in asked:
            waiting.popleft()
            try:
                obj = self._answer(oid)
            except HungUpError:
                self.is_over, self.is_damage = True, oid in self._git.complaints()
                return
            if obj is not None and obj.oid == oid:
                yield obj

    def _answer(self, oid: Oid) -> GitObject | None:
        """Return the next object; None if there is none, or a larger one than this format has."""
        header = self._line()
        if header == oid.encode() + _MISSING:
            return None
        found = _HEADER.fullmatch(header)
        kind = _KINDS.get(found[2]) if found else None
        if found is None or kind is None or found[1] != oid.encode():
            raise BrokenConversationError("git did not answer what it was asked")
        size = int(found[3])
        content = self._content(size + 1, keep=size <= LARGEST[kind])
        return None if content is None else from_content(kind, content[:-1])

    def _line(self) -> bytes:
        while (end := self._unread.find(b"\n")) < 0:
            self._unread += self._git.read(_BLOCK)
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return line

    def _content(self, size: int, *, keep: bool) -> bytes | None:
        """Read so many bytes; return them if they are to be kept."""
        kept = bytearray()
        while size:
            if not self._unread:
                self._unread += self._git.read(_BLOCK)
            piece = self._unread[:size]
            del self._unread[:size]
            size -= len(piece)
            if keep:
                kept += piece
        return bytes(kept) if keep else None
