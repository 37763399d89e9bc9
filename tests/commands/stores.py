"""Stores that are as bad as a git server may be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import Micros
from git_keyval.store.port import Capabilities, Depth, Outcome, Selection, Snapshot, Store, Transaction


class TornReads:
    """Reads one selection after the other, each in a request of its own: between two of them anything may happen."""

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

    def now(self) -> Micros:
        return self._store.now()

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        refs: dict[RefName, Oid] = {}
        objects: dict[Oid, GitObject] = {}
        asked: set[RefName] = set()
        moved: set[RefName] = set()
        for selection in selections:
            found = self._store.read(selection, depth=depth)
            again = asked & set(selection.names)
            moved |= {name for name in again if refs.get(name) != found.refs.get(name)}
            refs = {name: oid for name, oid in refs.items() if name not in again} | dict(found.refs)
            objects |= found.objects
            asked |= set(selection.names)
        return Snapshot(refs, objects, frozenset(moved))

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        return self._store.list(prefixes)

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        return self._store.objects(oids, depth)

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        return self._store.apply(transactions)
