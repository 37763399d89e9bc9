"""Objects by oid from upload-pack: an object that was seen before is not asked for again, and a lost one costs no other."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from git_keyval.errors import UnavailableError
from git_keyval.format.objects import GitObject, Kind, Oid
from git_keyval.store.closure import closure, missing
from git_keyval.store.git.conversation import DamagedError, MissingObjectError, SilentEndError
from git_keyval.store.git.reading import Reader
from git_keyval.store.port import Depth

_CACHED_BYTES = 16 * 1024 * 1024
_CACHED_OBJECT_BYTES = 64 * 1024
_AROUND_OBJECT = 300
"""How many bytes of memory an object takes beside its content: most have fewer."""

_WANTS = 16_000
"""How many objects are asked for at once: a line has 50 bytes, and many an HTTP server takes requests of up to 1 MB only."""

_SILENT_ENDS = 24
"""After so many requests that the server ended without a word, and none that it answered, nothing more is tried."""

_KINDS: Mapping[Depth, frozenset[Kind]] = {
    Depth.MESSAGES: frozenset({"commit", "tag"}),
    Depth.TREES: frozenset({"commit", "tag", "tree"}),
    Depth.VALUES: frozenset({"commit", "tag", "tree", "blob"}),
}

_T = TypeVar("_T")


class Converse(Protocol):
    """Has one conversation with the server, and begins it anew where it breaks off."""

    def __call__(self, ask: Callable[[Reader], _T]) -> _T:
        """Return what ``ask`` returns for the conversation. Raises StoreError."""


class Fetcher:
    """The objects of one repository."""

    def __init__(self, converse: Converse) -> None:
        self._converse = converse
        self._cache = _ObjectCache()

    def objects(self, asked: AbstractSet[Oid], depth: Depth, read: Mapping[Oid, GitObject]) -> Mapping[Oid, GitObject]:
        """Return what a read of these oids to this depth brings; ``read`` is what the same read has brought already.

        Objects that the repository lacks, or cannot send, are left out. So are objects that no ref points at now, if the server
        speaks a protocol before version 2, because it does not send them.
        """
        known = {**self._cache.all, **read}
        wanted = _incomplete(asked, known, depth)
        if wanted:
            fetched, lost = self._fetch(wanted, depth)
            # Where trees or blobs are left out, one that was asked for by its own oid may be, too.
            if depth is not Depth.VALUES and (left_out := wanted - fetched.keys() - lost):
                fetched |= self._fetch(left_out, Depth.VALUES)[0]
            known |= fetched
        return closure(asked, known, depth)

    def ask(self, server: Reader, asked: AbstractSet[Oid], depth: Depth) -> Mapping[Oid, GitObject]:
        """Return what one conversation brings for a read of these oids; less if something is lost, or if there is very much.

        A server that sends only what refs point at sends blobs with their commit or never.
        """
        if depth is Depth.TREES and not server.gives_all:
            depth = Depth.VALUES
        wanted = _incomplete(asked, self._cache.all, depth)
        fetched: Mapping[Oid, GitObject] = {}
        if len(wanted) <= _WANTS:
            with suppress(MissingObjectError, DamagedError):
                fetched = self._fetched(sorted(wanted), depth, server)
        return closure(asked, {**self._cache.all, **fetched}, depth)

    def _fetch(self, wanted: AbstractSet[Oid], depth: Depth) -> tuple[dict[Oid, GitObject], set[Oid]]:
        """Fetch objects, in parts; return them, and the oids of lost ones, for each of which the server refuses a whole request."""
        found: dict[Oid, GitObject] = {}
        lost: set[Oid] = set()
        oids = sorted(wanted)
        waiting = [oids[start : start + _WANTS] for start in range(0, len(oids), _WANTS)]
        silent = 0
        while waiting:
            part = waiting.pop()
            try:
                found |= self._converse(partial(self._fetched, part, depth))
            except MissingObjectError as exc:
                rest = self._without_lost(part, exc.oid)
                lost.update(set(part).difference(rest))
                waiting += [rest] if rest else []
            except DamagedError as exc:
                silent += isinstance(exc, SilentEndError)
                if not found and silent > _SILENT_ENDS:
                    raise
                # It does not say which of them it cannot send. So ask for half and half, until one is alone.
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]] if middle else []
                lost.update(() if middle else part)
        if silent and not found and not self._answers():
            raise UnavailableError("The server ends without an answer.", "Try again; check the server if it stays so.")
        return found, lost

    def _answers(self) -> bool:
        """Return whether the server still sends an object that it sent before: then it ended because of what it was asked for."""
        try:
            seen = set(self._cache.all)
            return bool(self._converse(lambda server: self._fetched([*server.gives(seen)][:1], Depth.MESSAGES, server)))
        except (MissingObjectError, DamagedError):
            return False

    def _fetched(self, oids: Sequence[Oid], depth: Depth, server: Reader) -> dict[Oid, GitObject]:
        given = server.gives(set(oids))
        kinds = _KINDS[depth]
        found: dict[Oid, GitObject] = {}
        for obj in server.fetch(sorted(given), depth) if given else ():
            self._cache.add(obj)
            # A server that knows no filter sends all values with the messages: they need not be in memory together.
            if obj.kind in kinds or obj.oid in given:
                found[obj.oid] = obj
        return found

    def _without_lost(self, oids: list[Oid], named: Oid) -> list[Oid]:
        """Return the oids that are not lost or, if the server cannot be asked, all but the one that it named."""
        rest = [oid for oid in oids if oid != named]
        if len(rest) == len(oids):
            raise UnavailableError("The server names an object as missing that was not asked for.", "Try again.")
        if not rest:
            return rest
        # It looks for one after the other, so those before the one that it named are there; the others may be lost.
        guess = oids[oids.index(named) - 1]
        seen = set(self._cache.all)
        try:
            there = self._converse(lambda server: server.present(rest, next(iter(server.gives(seen)), guess)))
        except MissingObjectError as exc:
            return [oid for oid in rest if oid != exc.oid]
        except DamagedError:
            return rest
        return rest if there is None else sorted(there)


def _incomplete(asked: AbstractSet[Oid], known: Mapping[Oid, GitObject], depth: Depth) -> set[Oid]:
    return {oid for oid in asked if oid not in known or missing([oid], known, depth)}


class _ObjectCache:
    """Small objects seen in this process: expiry commits, counters and increments come up again and again."""

    def __init__(self) -> None:
        self.all: dict[Oid, GitObject] = {}
        self._bytes = 0

    def add(self, obj: GitObject) -> None:
        if len(obj.data) > _CACHED_OBJECT_BYTES or obj.oid in self.all:
            return
        self.all[obj.oid] = obj
        self._bytes += len(obj.data) + _AROUND_OBJECT
        while self._bytes > _CACHED_BYTES:
            oldest = self.all.pop(next(iter(self.all)))
            self._bytes -= len(oldest.data) + _AROUND_OBJECT
