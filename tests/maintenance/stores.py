"""A store behind a server that does not want everything, and a log of what it was asked to write."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import Micros
from git_keyval.store.port import Capabilities, Depth, Outcome, Refused, Selection, Snapshot, Store, Transaction


@dataclass
class Choosy:
    """Refuses calls of more transactions than ``at_most``, and every transaction that ``declines`` says so of."""

    store: Store
    at_most: int = 1_000_000
    batch: int = 1_000
    declines: Callable[[Transaction], bool] = lambda _transaction: False
    sizes: list[int] = field(default_factory=list)
    """How many transactions each call of apply had."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.store.capabilities, batch=self.batch)

    @property
    def requests(self) -> int:
        return self.store.requests

    @property
    def rate_remaining(self) -> int | None:
        return self.store.rate_remaining

    def now(self) -> Micros:
        return self.store.now()

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        return self.store.read(*selections, depth=depth)

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        return self.store.list(prefixes)

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        return self.store.objects(oids, depth)

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        self.sizes.append(len(transactions))
        if len(transactions) > self.at_most:
            return [Refused("a push of too many refs") for _ in transactions]
        return [
            Refused("protected") if self.declines(transaction) else self.store.apply([transaction])[0]
            for transaction in transactions
        ]
