"""The git adapter: any git remote, a local bare repository included, without a clone and without a work tree."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import TypeVar

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import Micros
from git_keyval.light_dataclasses import replace
from git_keyval.store.clock import ServerClock
from git_keyval.store.closure import incomplete
from git_keyval.store.git.conversation import Transport
from git_keyval.store.git.fetching import Fetcher
from git_keyval.store.git.reading import Reader, reading
from git_keyval.store.patience import Patience
from git_keyval.store.port import Depth, Outcome, Selection, Snapshot, Transaction

_MAX_READS = 11
"""How often refs are read, if they have moved each time before what they point at was fetched."""

_T = TypeVar("_T")


class GitStore:
    """A git remote as a store. One instance is used by one thread."""

    def __init__(self, transport: Transport, *, clock: ServerClock, patience: Patience, deletes_unseen: bool) -> None:
        """Use the transport; nothing is sent yet. ``patience`` repeats what fails before anything was written."""
        self.capabilities = transport.capabilities
        self.rate_remaining = None  # git servers name no limit
        self.public_name = None  # nor do they say who may read a repository
        self._deletes_unseen = deletes_unseen
        self._clock = clock
        self._patience = patience
        self._fetcher = Fetcher(self._converse)
        self._transport = transport
        self.has_read = False
        """Whether the server has advertised how it is read, which over HTTP takes a request of its own, once."""

    @property
    def requests(self) -> int:
        """Count the processes started or HTTP requests made."""
        return self._transport.requests

    def now(self, *, ask: bool = False) -> Micros:
        """Return the server's time where its answers have it, and otherwise this machine's."""
        if ask and self.capabilities.clock_is_servers and not self._clock.is_known:
            # The advertisement has it, and is kept for the reads that follow.
            self._converse(lambda _server: None)
        return self._clock.now()

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        """List refs for each selection, then fetch what is not known yet; all again if a ref may have moved in between."""
        lost_before: Mapping[RefName, Oid] = {}
        for _ in range(_MAX_READS):
            seen = self._read_once(selections, depth)
            lost = incomplete(seen.refs, seen.objects, depth)
            if lost.items() <= lost_before.items():
                return seen
            lost_before = lost
        raise UnavailableError("Others write faster than the server sends what they write.", "Try again.")

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """Stream the refs below the prefixes as the server sends them.

        If the listing breaks off, another one goes on after the last ref that was yielded: none comes twice. That takes a server
        that lists by name, as git does (https://git-scm.com/docs/pack-protocol, "Reference Discovery"). With any other server, a
        listing that breaks off once it has begun is an error, so nothing is left out unseen.
        """
        last, is_ordered = "", True
        listing = self._patience.repeat(partial(self._begin_listing, prefixes))
        while True:
            try:
                for name, oid in listing:
                    is_ordered = is_ordered and name > last
                    last = name
                    yield name, oid
            except UnavailableError as exc:
                if not is_ordered:
                    raise
                listing = self._patience.again(exc, partial(self._begin_listing, prefixes, last))
            else:
                return

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        """Fetch in one request what is not cached."""
        return {} if depth is Depth.OIDS else self._fetcher.objects(set(oids), depth, {})

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Push all transactions as one, and settle what the server refuses in few more pushes."""
        from git_keyval.store.git.pushes import push_transactions  # noqa: PLC0415  # slow to import, and most steps only read

        return push_transactions(self._transport, transactions, self._patience, deletes_unseen=self._deletes_unseen)

    def _read_once(self, selections: Sequence[Selection], depth: Depth) -> Snapshot:
        seen = Snapshot({})
        asked: set[RefName] = set()
        for number, selection in enumerate(selections, start=1):
            # A new conversation each: the server caches loose refs for as long as one process lives.
            listed = self._converse(partial(self._list_and_fetch, selection, depth, seen if number == len(selections) else None))
            seen = seen.followed_by(listed, asked.intersection(selection.names))
            asked.update(selection.names)
        if depth is Depth.OIDS:
            return seen
        return replace(seen, objects={**seen.objects, **self._fetcher.objects(set(seen.refs.values()), depth, seen.objects)})

    def _list_and_fetch(self, selection: Selection, depth: Depth, before: Snapshot | None, server: Reader) -> Snapshot:
        """List refs. Fetch what they point at, too, if the server sends it at no other time or if this is the last listing."""
        refs = dict(server.ls_refs(selection.names, selection.prefixes))
        if depth is Depth.OIDS or (before is None and not server.is_old):
            return Snapshot(refs)
        asked = {*refs.values(), *(() if before is None or server.is_old else before.refs.values())}
        return Snapshot(refs, self._fetcher.ask(server, asked, depth))

    def _converse(self, ask: Callable[[Reader], _T]) -> _T:
        """Hold a conversation with the server; begin it anew if it breaks off."""

        def attempt() -> _T:
            with reading(self._transport) as server:
                self.has_read = True
                return ask(server)

        return self._patience.repeat(attempt)

    def _begin_listing(self, prefixes: Sequence[str], last: str = "") -> Iterator[tuple[RefName, Oid]]:
        """Begin a listing, of the refs after ``last`` if there is one, and read it up to its first ref."""
        listing = _after(last, self._listing(prefixes)) if last else self._listing(prefixes)
        return chain(list(islice(listing, 1)), listing)

    def _listing(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        with reading(self._transport) as server:
            self.has_read = True
            yield from server.ls_refs((), prefixes)


def _after(last: str, listing: Iterator[tuple[RefName, Oid]]) -> Iterator[tuple[RefName, Oid]]:
    before = ""
    for name, oid in listing:
        if name < before:
            raise StoreError("A listing of refs broke off, and the server lists them in no order to go on by.", "Try again.")
        before = name
        if name > last:
            yield name, oid
