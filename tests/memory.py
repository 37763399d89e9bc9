"""The reference implementation of the port: refs and objects in dictionaries, with real oids, and stricter than any server."""

from collections import ChainMap
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid, from_content
from git_keyval.format.times import Micros
from git_keyval.store.closure import closure, needs
from git_keyval.store.port import (
    ABSENT,
    DELETE,
    Applied,
    Capabilities,
    Conflict,
    Depth,
    Outcome,
    RefUpdate,
    Selection,
    Snapshot,
    Transaction,
)


class MemoryStore:
    """A store in memory. It raises ValueError for what the caller of an adapter must never do, even if git would let it pass."""

    capabilities = Capabilities(batch=1_000, reads_at_once=True)

    def __init__(self, clock: Callable[[], Micros]) -> None:
        """Start empty, with this clock."""
        self.refs: dict[RefName, Oid] = {}
        self.requests = 0
        self.rate_remaining: int | None = None
        self.public_name: str | None = None
        self._objects: dict[Oid, GitObject] = {}
        self._clock = clock

    def now(self, *, ask: bool = False) -> Micros:  # noqa: ARG002  # there is nobody to ask
        """Return the time of the injected clock."""
        return self._clock()

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        """Read refs; here all selections at one instant."""
        self.requests += 1
        found: dict[RefName, Oid] = {}
        for selection in selections:
            found |= {name: self.refs[name] for name in selection.names if name in self.refs}
            if selection.prefixes:
                found |= {name: oid for name, oid in self.refs.items() if name.startswith(selection.prefixes)}
        return Snapshot(found, closure(found.values(), self._objects, depth))

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """Stream the refs below the prefixes."""
        self.requests += 1
        yield from [(name, oid) for name, oid in self.refs.items() if name.startswith(tuple(prefixes))]

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        """Return objects by oid."""
        self.requests += 1
        return closure(oids, self._objects, depth)

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Apply the transactions one after the other."""
        self.requests += 1
        names = Tally(update.name for transaction in transactions for update in transaction.updates)
        if names and max(names.values()) > 1:
            raise ValueError(f"a ref may appear once: {names.most_common(1)}")
        return [self._apply(transaction) for transaction in transactions]

    def _apply(self, transaction: Transaction) -> Outcome:
        if not transaction.updates:
            raise ValueError("a transaction without updates does nothing")
        sent = {obj.oid: obj for obj in map(_verified, transaction.objects)}
        # Not a copy of all there is: thousands of transactions may come in one call.
        objects = ChainMap(sent, self._objects)
        for update in transaction.updates:
            _refuse_impossible(update, objects, self.refs)
        conflicts = tuple(update.name for update in transaction.updates if not self._holds(update))
        if conflicts:
            return Conflict(conflicts)
        _refuse_directory_conflicts(self.refs, [update.name for update in transaction.updates if update.new is not DELETE])
        self._objects |= sent
        for update in transaction.updates:
            if update.new is DELETE:
                self.refs.pop(update.name, None)
            else:
                self.refs[update.name] = update.new
        return Applied()

    def _holds(self, update: RefUpdate) -> bool:
        return update.fits(self.refs)


def _verified(obj: GitObject) -> GitObject:
    if from_content(obj.kind, obj.data).oid != obj.oid:
        raise ValueError(f"object {obj.oid} has another oid than its content")
    return obj


def _refuse_impossible(update: RefUpdate, objects: Mapping[Oid, GitObject], refs: Mapping[RefName, Oid]) -> None:
    if update.expect is ABSENT and update.new is DELETE:
        raise ValueError(f"{update.name}: deleting what must be absent says nothing")
    if update.new is DELETE or update.new == update.expect:
        return  # what is asserted is stored, or the ref is another one
    target = objects.get(update.new)
    if target is None:
        raise ValueError(f"{update.name}: its new object {update.new} was never stored")
    if update.name.startswith("refs/heads/") and target.kind != "commit":
        raise ValueError(f"{update.name}: a branch must point at a commit")
    if update.new in refs.values():
        return  # git takes what a ref points at to be whole
    for obj in closure([update.new], objects, Depth.VALUES).values():
        if not all(oid in objects for oid in needs(obj, Depth.VALUES)):
            raise ValueError(f"{update.name}: what its new object needs was never stored")


def _refuse_directory_conflicts(refs: Mapping[RefName, Oid], written: Sequence[RefName]) -> None:
    """Refuse what git refuses, also where the ref in the way is deleted in the same transaction."""
    if not written:
        return
    there = {*refs, *written}
    directories = {directory for name in there for directory in _directories(name)}
    for name in written:
        if name in directories or not there.isdisjoint(_directories(name)):
            raise ValueError(f"{name}: one of its directories is a ref, or it is a directory")


def _directories(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[:end]) for end in range(3, len(parts)))
