"""Writing: the one judge of what became of a transaction whose reply was lost, and the one place that halves what is too large."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from sys import maxsize
from typing import TypeAlias

from git_keyval.database.anchors import anchor_of
from git_keyval.database.command import Proof, Witness
from git_keyval.database.database import Database
from git_keyval.errors import GitKeyvalError, OutcomeUnknownError, RedirectedError, StoreError
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import ANCHOR_TAG, RefName
from git_keyval.format.objects import Oid
from git_keyval.light_dataclasses import dataclass
from git_keyval.store.port import (
    ABSENT,
    Applied,
    Conflict,
    Depth,
    Outcome,
    RefUpdate,
    Refused,
    Selection,
    Snapshot,
    Transaction,
    Unknown,
    refusal_of,
)

_LAGGING_READS = 5

End: TypeAlias = Applied | Conflict | Unknown | GitKeyvalError
"""What became of one transaction of several. Unknown is left to whoever has the proof ``operation``."""


@contextmanager
def in_doubt(cause: str) -> Iterator[None]:
    """Once a reply was lost (``cause`` says how), a later failure to reach the store or the key leaves the outcome unknown."""
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
    end: End | Refused | None = None

    def moved(self, refs: Mapping[RefName, Oid]) -> bool:
        """Return whether a ref is not what the transaction expects: it cannot be applied any more."""
        return not all(update.fits(refs) for update in self.transaction.updates)

    def shown(self, refs: Mapping[RefName, Oid], witness: RefName | None = None) -> bool:
        """Return whether the witness, or without one all refs, are as the transaction makes them."""
        return all(update.is_made(refs) for update in self.transaction.updates if witness in {None, update.name})

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
    """Apply independent transactions as a ``Writer`` does, and return what became of each; what was refused is an error.

    Beside them the anchor is made, if ``seen`` shows that there is none, or without having seen where that costs nothing.
    """
    missing = database.store.capabilities.bundles if seen is None else ANCHOR_TAG not in seen.refs
    named = any(update.name == ANCHOR_TAG for write in writes for update in write.transaction.updates)
    ends = Writer(database, [_anchoring(database)] if missing and not named else []).write(writes)
    return [
        refusal_of(write.transaction, end) if isinstance(end, Refused) else end for write, end in zip(writes, ends, strict=True)
    ]


def _anchoring(database: Database) -> Transaction:
    """Keep the dummy tree from git's garbage collection. A conflict only says that somebody else was first."""
    anchor = anchor_of(database.cipher)
    return Transaction((RefUpdate(ANCHOR_TAG, ABSENT, anchor.oid),), (*DUMMY_OBJECTS, anchor))


@dataclass(slots=True)
class Writer:
    """Applies independent transactions, which must not share a ref, as many in a request as the server takes.

    What is sent ``beside`` them in each request may be applied or not. ``most`` is how many the server took where it refused more.
    """

    database: Database
    beside: Sequence[Transaction] = ()
    most: int = maxsize

    def write(self, writes: Sequence[Write]) -> list[End | Refused]:
        """Apply them in one request, and return what became of each.

        After a lost reply the refs are read again, and what was not applied is sent again. An error is given in the place of its
        transaction; one that was sent in vain each time has no end of its own. StoreError is raised only where none was applied.
        """
        waiting = list(writes)
        for attempt in range(self.database.max_attempts):
            try:
                self._send(waiting)
                waiting = _waiting(waiting)
                if waiting:
                    self.database.pause(attempt)
                    refs = self._read_refs(waiting)
                    self._judge([write for write in waiting if write.is_over(refs)])
                    waiting = _waiting(waiting)
            except StoreError:
                # Only a lost reply leaves anything waiting beyond its first request, and nobody can ask about it any more.
                if all(write.cause is None for write in waiting):
                    raise
                break
            if not waiting:
                break
        return [OutcomeUnknownError(write.cause or "") if write.end is None else write.end for write in writes]

    def _send(self, writes: Sequence[Write]) -> None:
        """Send once what waits. Where a reply was lost before, a conflict or a refusal now does not tell what that request did."""
        denied: list[Write] = []
        transactions = [write.transaction for write in writes]
        outcomes = self._in_parts(transactions, self.database.store.apply([*transactions, *self.beside])[: len(writes)])
        for write, outcome in zip(writes, outcomes, strict=True):
            if isinstance(outcome, Unknown) and write.proof != "operation":
                write.cause = outcome.cause
                write.end = OutcomeUnknownError(outcome.cause) if write.proof == "neither" else None
            elif isinstance(outcome, Applied) or write.cause is None:
                write.end = outcome
            elif isinstance(outcome, Conflict):
                denied.append(write)
            else:
                write.end = OutcomeUnknownError(write.cause)
        self._judge(denied)

    def _judge(self, writes: Sequence[Write]) -> None:
        """Judge transactions that were sent at least once in vain, and cannot be applied any more.

        A conflict may be with our own write, which came through late: so the state that decides is read after the conflict was
        seen. A read that shows no reason for it comes from a copy that lags behind.
        """
        refs = self._read_refs(writes) if writes else {}
        for attempt in range(_LAGGING_READS):
            if all(write.is_over(refs) for write in writes):
                break
            self.database.pause(attempt)
            refs = self._read_refs(writes)
        for write in writes:
            write.end = write.judged(refs)

    def _in_parts(self, transactions: Sequence[Transaction], outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Send in halves, down to single ones, what was too large to be sent at once, and no more at once from then on."""
        large = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Refused) and outcome.too_large]
        if len(large) <= 1:
            return outcomes
        self.most = (len(large) + 1) // 2
        ends = dict(enumerate(outcomes))
        while large:
            indices, large = large[: self.most], large[self.most :]
            part = [transactions[index] for index in indices]
            ends |= zip(indices, self._in_parts(part, self._applied(part)), strict=True)
        return [ends[index] for index in range(len(outcomes))]

    def _applied(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Apply a part of what was sent; that the store fails now says nothing of the other parts."""
        try:
            return self.database.store.apply(transactions)
        except StoreError as exc:
            return [Refused(exc.what, next_step=exc.next_step)] * len(transactions)

    def _read_refs(self, writes: Sequence[Write]) -> Mapping[RefName, Oid]:
        names = tuple(update.name for write in writes for update in write.transaction.updates)
        return self.database.store.read(Selection(names), depth=Depth.OIDS).refs


def _waiting(writes: Sequence[Write]) -> list[Write]:
    return [write for write in writes if write.end is None]
