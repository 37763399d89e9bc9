"""Stores around a store: each changes one thing about it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import Micros
from git_keyval.store.port import Capabilities, Depth, Outcome, Selection, Snapshot, Store, Transaction


class StoreAround:
    """Does what another store does."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def capabilities(self) -> Capabilities:
        return self._store.capabilities

    @property
    def requests(self) -> int:
        return self._store.requests

    @property
    def rate_remaining(self) -> int | None:
        return self._store.rate_remaining

    @property
    def public_name(self) -> str | None:
        return self._store.public_name

    def now(self, *, ask: bool = False) -> Micros:
        return self._store.now(ask=ask)

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        return self._store.read(*selections, depth=depth)

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        return self._store.list(prefixes)

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        return self._store.objects(oids, depth)

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        return self._store.apply(transactions)
