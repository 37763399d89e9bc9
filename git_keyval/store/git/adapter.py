"""The git adapter: any git remote, a local bare repository included, without a clone and without a work tree."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import TypeVar

from git_keyval.errors import UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import Micros
from git_keyval.store.clock import ServerClock
from git_keyval.store.closure import closure, missing
from git_keyval.store.git.conversation import Transport
from git_keyval.store.git.settle import settle
from git_keyval.store.git.upload import DamagedError, MissingObjectError, UploadPack, upload_pack
from git_keyval.store.patience import Patience
from git_keyval.store.port import Capabilities, Depth, Outcome, Selection, Snapshot, Transaction

_CACHED_BYTES = 32 * 1024 * 1024
_CACHED_OBJECT_BYTES = 64 * 1024

_T = TypeVar("_T")


class GitStore:
    """A git remote as a store. One instance is used by one thread."""

    def __init__(
        self,
        transport: Transport,
        *,
        capabilities: Capabilities,
        clock: ServerClock,
        patience: Patience,
        deletes_unseen: bool,
    ) -> None:
        """Use the transport; nothing is sent yet. With ``patience`` what fails before anything was written is asked again."""
        self._deletes_unseen = deletes_unseen
        self._capabilities = capabilities
        self._clock = clock
        self._patience = patience
        self._objects = _ObjectCache()
        self._transport = transport
        self.has_read = False
        """Whether the server has told how it is read, which over HTTP takes a request of its own, once."""

    @property
    def capabilities(self) -> Capabilities:
        """Tell what this remote can do."""
        return self._capabilities

    @property
    def requests(self) -> int:
        """Count the processes started or HTTP requests made."""
        return self._transport.requests

    @property
    def rate_remaining(self) -> int | None:
        """Tell that no limit is known."""
        return None

    @property
    def public_name(self) -> str | None:
        """Tell nothing: git servers do not say who may read a repository."""
        return None

    def now(self, *, ask: bool = False) -> Micros:
        """Tell the server's time where it tells it, else this machine's."""
        if ask and self._capabilities.clock_is_servers and not self._clock.is_known:
            # The advertisement tells it, and is kept for the reads that follow.
            self._converse(lambda _server: None)
        return self._clock.now()

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        """Read refs, each selection with a listing of its own, then fetch what is not known yet."""
        seen = Snapshot({})
        asked: set[RefName] = set()
        for selection in selections:
            # A new conversation each: the server caches loose refs for as long as one process lives.
            found = Snapshot(self._converse(partial(_refs, selection)))
            seen = seen.followed_by(found, asked.intersection(selection.names))
            asked.update(selection.names)
        return replace(seen, objects=self.objects(seen.refs.values(), depth))

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """Stream the refs below the prefixes as the server sends them.

        A listing that fails once it has begun is not begun again: what was given cannot be taken back.
        """
        yield from self._patience.repeat(lambda: _begun(self._listing(prefixes)))

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        """Fetch in one request what is not cached."""
        asked = set(oids)
        if depth is Depth.OIDS or not asked:
            return {}
        known = self._objects.all
        incomplete = {oid for oid in asked if missing([oid], known, depth)}
        found = {oid: known[oid] for oid in asked - incomplete}
        fetched = {obj.oid: obj for obj in self._fetch(incomplete, depth)}
        # Where trees or blobs are left out, one that was asked for by its own oid may be, too.
        fetched |= {obj.oid: obj for obj in self._fetch(incomplete - fetched.keys(), Depth.VALUES)}
        for obj in fetched.values():
            self._objects.add(obj)
        return closure(asked, {**known, **found, **fetched}, depth)

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Push all transactions as one, and settle what the server refuses in few more pushes."""
        return settle(self._transport, transactions, self._patience, deletes_unseen=self._deletes_unseen)

    def _converse(self, ask: Callable[[UploadPack], _T]) -> _T:
        """Have a conversation with the server; one that breaks off is begun anew."""

        def attempt() -> _T:
            with upload_pack(self._transport) as server:
                self.has_read = True
                return ask(server)

        return self._patience.repeat(attempt)

    def _listing(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        with upload_pack(self._transport) as server:
            self.has_read = True
            yield from server.ls_refs((), prefixes)

    def _fetch(self, oids: set[Oid], depth: Depth) -> Sequence[GitObject]:
        wanted = sorted(oids)
        while wanted:
            try:
                return self._converse(partial(_fetched, wanted, depth))
            except MissingObjectError as exc:
                if exc.oid not in wanted:
                    raise UnavailableError("The server names an object as missing that was not asked for.", "Try again.") from exc
                wanted.remove(exc.oid)
            except DamagedError:
                # One lost object makes git refuse all that was asked for with it; so half and half, until it is alone.
                middle = len(wanted) // 2
                halves = (set(wanted[:middle]), set(wanted[middle:])) if middle else ()
                return [obj for half in halves for obj in self._fetch(half, depth)]
        return ()


def _refs(selection: Selection, server: UploadPack) -> dict[RefName, Oid]:
    return dict(server.ls_refs(selection.names, selection.prefixes))


def _fetched(oids: Sequence[Oid], depth: Depth, server: UploadPack) -> list[GitObject]:
    return list(server.fetch(oids, depth))


def _begun(listing: Iterator[_T]) -> Iterator[_T]:
    first = list(islice(listing, 1))
    return chain(first, listing)


class _ObjectCache:
    """Small objects seen in this process: expiry commits, counters and increments come up again and again."""

    def __init__(self) -> None:
        self.all: dict[Oid, GitObject] = {}
        self._bytes = 0

    def add(self, obj: GitObject) -> None:
        if len(obj.data) > _CACHED_OBJECT_BYTES or obj.oid in self.all:
            return
        self.all[obj.oid] = obj
        self._bytes += len(obj.data)
        while self._bytes > _CACHED_BYTES:
            oldest = self.all.pop(next(iter(self.all)))
            self._bytes -= len(oldest.data)
