"""Writing: the one judge of what became of a transaction whose reply was lost, and the one place that halves what is too large."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from git_keyval.database.anchors import anchor_of
from git_keyval.database.command import Proof, Witness
from git_keyval.database.database import Database
from git_keyval.errors import GitKeyvalError, OutcomeUnknownError, RedirectedError, RefusedError, StoreError
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import ANCHOR_TAG, RefName
from git_keyval.format.objects import Oid
from git_keyval.store.port import (
    ABSENT,
    ANY,
    DELETE,
    Applied,
    Conflict,
    Depth,
    Outcome,
    RefUpdate,
    Refused,
    Selection,
    Snapshot,
    Store,
    Transaction,
    Unknown,
    refusal_of,
)

_LAGGING_READS = 5

End: TypeAlias = Applied | Conflict | Unknown | GitKeyvalError
"""What became of one transaction of several. Unknown is left to whoever has the proof ``operation``."""


@contextmanager
def in_doubt(cause: str) -> Iterator[None]:
    """Once a reply was lost (``cause`` says how), any later failure to reach the store leaves the outcome unknown.

    So does a key that was redirected since: the write may have been made before.
    """
    try:
        yield
    except (StoreError, RedirectedError) as exc:
        if not cause:
            raise
        raise OutcomeUnknownError(cause) from exc


@dataclass(slots=True)
class Write:
    """A transaction on its way to its end; ``cause`` says how the latest reply was lost, if one was."""

    transaction: Transaction
    proof: Proof = "refs"
    cause: str | None = None
    end: End | None = None

    def moved(self, refs: Mapping[RefName, Oid]) -> bool:
        """Return whether a ref is not what the transaction expects: it cannot be applied any more."""
        updates = [update for update in self.transaction.updates if update.expect is not ANY]
        return any(refs.get(update.name, ABSENT) != update.expect for update in updates)

    def shown(self, refs: Mapping[RefName, Oid], witness: RefName | None = None) -> bool:
        """Return whether the witness, or without one all refs, are as the transaction makes them."""
        updates = [update for update in self.transaction.updates if witness in {None, update.name}]
        return all(refs.get(update.name, DELETE) == update.new for update in updates)

    def is_over(self, refs: Mapping[RefName, Oid]) -> bool:
        """Return whether the refs show that sending it again is of no use."""
        return self.moved(refs) or self.shown(refs)

    def judged(self, refs: Mapping[RefName, Oid]) -> End:
        """Return what the refs prove of a transaction that was sent in vain, and cannot be applied any more."""
        witness = self.proof.name if isinstance(self.proof, Witness) else None
        if self.proof != "nothing" and self.shown(refs, witness):
            return Applied()
        if witness is not None and self.moved(refs):
            return Conflict((witness,))
        return OutcomeUnknownError(self.cause or "")


def write_each(database: Database, writes: Sequence[Write], seen: Snapshot | None = None) -> list[End]:
    """Apply independent transactions, which must not share a ref, in one request, and return what became of each.

    After a lost reply the refs are read again, and what was not applied is sent again. What is wrong with one transaction is given
    in its place, because others may have been applied. StoreError is raised only where none was. Beside them the tag
    ``kv/dummy-tree`` is made, if ``seen`` shows that there is none, and without having seen where that costs nothing.
    """
    waiting = list(writes)
    for attempt in range(database.max_attempts):
        try:
            _send(database, waiting, seen)
            waiting = _waiting(waiting)
            if waiting:
                database.pause(attempt)
                refs = _read_refs(database, waiting)
                _settle(database, [write for write in waiting if write.is_over(refs)])
                waiting = _waiting(waiting)
        except StoreError:
            # Only a lost reply leaves anything waiting beyond its first request, and nobody can ask about it any more.
            if all(write.cause is None for write in waiting):
                raise
            break
        if not waiting:
            break
    return [OutcomeUnknownError(write.cause or "") if write.end is None else write.end for write in writes]


def _waiting(writes: Sequence[Write]) -> list[Write]:
    return [write for write in writes if write.end is None]


def _send(database: Database, writes: Sequence[Write], seen: Snapshot | None) -> None:
    """Send once what waits. Where a reply was lost before, a conflict or a refusal now does not tell what that request did."""
    doubtful: list[Write] = []
    for write, outcome in zip(writes, _outcomes(database, [write.transaction for write in writes], seen), strict=True):
        if isinstance(outcome, Unknown) and write.proof != "operation":
            write.cause = outcome.cause
        elif isinstance(outcome, Applied) or write.cause is None:
            write.end = outcome
        elif isinstance(outcome, Conflict):
            doubtful.append(write)
        else:
            write.end = OutcomeUnknownError(write.cause)
    _settle(database, doubtful)


def _settle(database: Database, writes: Sequence[Write]) -> None:
    """Judge transactions that were sent at least once in vain, and cannot be applied any more.

    A conflict may be with our own write, which came through late: so the state that decides is read after the conflict was
    seen. A read that shows no reason for it comes from a copy that lags behind.
    """
    refs = _read_refs(database, writes) if writes else {}
    for attempt in range(_LAGGING_READS):
        if all(write.is_over(refs) for write in writes):
            break
        database.pause(attempt)
        refs = _read_refs(database, writes)
    for write in writes:
        write.end = write.judged(refs)


def _outcomes(
    database: Database, transactions: Sequence[Transaction], seen: Snapshot | None
) -> list[Applied | Conflict | Unknown | RefusedError]:
    missing = database.store.capabilities.bundles if seen is None else ANCHOR_TAG not in seen.refs
    named = any(update.name == ANCHOR_TAG for transaction in transactions for update in transaction.updates)
    anchor = [_anchoring(database)] if missing and not named else []
    outcomes = _in_parts(database.store, transactions, database.store.apply([*transactions, *anchor])[: len(transactions)])
    return [
        refusal_of(transaction, outcome) if isinstance(outcome, Refused) else outcome
        for transaction, outcome in zip(transactions, outcomes, strict=True)
    ]


def _in_parts(store: Store, transactions: Sequence[Transaction], outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """Send in halves, down to single ones, what was too large to be sent at once."""
    large = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Refused) and outcome.too_large]
    if len(large) <= 1:
        return outcomes
    settled = dict(enumerate(outcomes))
    for half in (large[: len(large) // 2], large[len(large) // 2 :]):
        part = [transactions[index] for index in half]
        settled |= zip(half, _in_parts(store, part, _applied(store, part)), strict=True)
    return [settled[index] for index in range(len(outcomes))]


def _applied(store: Store, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
    """Apply a part of what was sent; that the store fails now says nothing of the other parts."""
    try:
        return store.apply(transactions)
    except StoreError as exc:
        return [Refused(exc.what, next_step=exc.next_step)] * len(transactions)


def _anchoring(database: Database) -> Transaction:
    """Keep the dummy tree from git's garbage collection. A conflict only says that somebody else was first."""
    anchor = anchor_of(database.cipher)
    return Transaction((RefUpdate(ANCHOR_TAG, ABSENT, anchor.oid),), (*DUMMY_OBJECTS, anchor))


def _read_refs(database: Database, writes: Sequence[Write]) -> Mapping[RefName, Oid]:
    names = tuple(update.name for write in writes for update in write.transaction.updates)
    return database.store.read(Selection(names), depth=Depth.OIDS).refs
