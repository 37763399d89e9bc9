"""A database: a store with the choices that all commands share, and the one way to write to it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.errors import (
    AnchorError,
    GitKeyvalError,
    MalformedRecordError,
    OutcomeUnknownError,
    RedirectedError,
    RefusedError,
    StoreError,
)
from git_keyval.format.anchors import Anchor, Mark, decode_anchor, encode_anchor
from git_keyval.format.expiry import DEFAULT_GRANULARITY
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT, REDIRECT_ANCHOR
from git_keyval.format.names import ANCHOR_TAG, DEFAULT_NAMING, KeyId, Naming, RefName, record_parts
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.registry import Resolve, unresolved, with_expiries
from git_keyval.format.times import Micros
from git_keyval.format.values import Value
from git_keyval.progress import Progress, silent
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

DEFAULT_MAX_ATTEMPTS = 20
_LAGGING_READS = 5
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 2.0

End: TypeAlias = Applied | Conflict | RefusedError | OutcomeUnknownError
"""What became of one transaction of several."""


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


@dataclass(frozen=True, slots=True)
class Database:
    """What a command works on.

    ``random`` gives numbers from 0 to 1, ``new_op`` a fresh operation id, ``sleep`` takes seconds. ``prepare_delivery``
    makes ready to tell the caller a value, and raises if that cannot be; it is called before a write that takes the value away.
    ``address`` is how people name the repository to git. ``cipher`` is between values and what is
    stored of them. ``held_at_target`` tells which keys exist where they are about to be redirected to. ``resolve`` looks up expiry
    ids whose commits the repository does not give. ``progress`` is told what is waited for, how much of that is over, and how much
    there is.
    """

    store: Store
    sleep: Callable[[float], None]
    random: Callable[[], float]
    new_op: Callable[[], str]
    naming: Naming = DEFAULT_NAMING
    granularity: int = DEFAULT_GRANULARITY
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    prepare_delivery: Callable[[Value | int], None] = lambda _value: None
    address: str = "REPOSITORY"
    cipher: Cipher = PLAIN
    held_at_target: Callable[[Collection[KeyId]], Collection[KeyId]] = lambda key_ids: key_ids
    resolve: Resolve = unresolved
    progress: Progress = silent

    def now(self) -> Micros:
        """Tell the store's time."""
        return self.store.now()

    def read(self, *selections: Selection, depth: Depth) -> Snapshot:
        """Read as the store does; expiry commits that it does not give are looked up."""
        seen = self.store.read(*selections, depth=depth)
        if depth is Depth.OIDS:
            return seen
        expiries = [oid for name, oid in seen.refs.items() if (record := record_parts(name)) and record[1] == "exp"]
        return replace(seen, objects=with_expiries(expiries, seen.objects, self.resolve))

    @property
    def anchor(self) -> GitObject:
        """The target of the anchor, in a database of this cipher of which no key was ever redirected."""
        return encode_anchor(Anchor(self.cipher.mark))

    def unread(self) -> RefUpdate:
        """Assert that: part of every write over what was not read, which so meets neither a redirect nor another's encryption."""
        return RefUpdate(ANCHOR_TAG, self.anchor.oid, self.anchor.oid)

    def mark_of(self, seen: Snapshot) -> Mark | None:
        """Give the mark of an encrypted database; of one whose tag is not there yet, what this cipher makes of it.

        Raises AnchorError where the tag cannot be read: it may have told that the database is encrypted.
        """
        oid = seen.refs.get(ANCHOR_TAG)
        if oid is None:
            return self.cipher.mark
        target = seen.objects.get(oid) or {NULL_COMMIT.oid: NULL_COMMIT, REDIRECT_ANCHOR.oid: REDIRECT_ANCHOR}.get(oid)
        if target is None:
            raise AnchorError(ANCHOR_TAG, "the object that it points at is missing, or too large")
        try:
            return decode_anchor(target).mark
        except MalformedRecordError as exc:
            raise AnchorError(ANCHOR_TAG, exc.reason) from exc

    def check_mark(self, seen: Snapshot) -> None:
        """Make sure that a database that is marked as encrypted is so with the first key given.

        Raises MissingEncryptionKeyError, WrongEncryptionKeyError, KeyOrderError, UnmarkedError and AnchorError.
        """
        self.cipher.accept(self.mark_of(seen))

    def pause(self, attempt: int) -> None:
        """Wait before attempt number ``attempt`` + 1, longer each time and never for the same time as others."""
        self.sleep(min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS) * (0.5 + self.random() / 2))

    def send(self, transaction: Transaction, seen: Snapshot | None = None) -> Applied | Conflict | Unknown:
        """Apply one transaction once, and beside it anchor the dummy tree, if ``seen`` shows that it has no anchor.

        Without having seen, it is anchored where that costs nothing.
        """
        (outcome,) = self._send([transaction], seen)
        if isinstance(outcome, RefusedError):
            raise outcome
        return outcome

    def write(
        self, transaction: Transaction, seen: Snapshot | None = None, witness: RefName | None = None, *, idempotent: bool = True
    ) -> Applied | Conflict:
        """Apply one transaction; after a lost reply, read again and send it again only if nothing of it was applied.

        ``witness`` names a ref of it that nobody else ever makes so: its state alone proves what happened. One that is not
        ``idempotent``, and has no witness, is not proved by a state that a rival may have made just so. Raises RefusedError, and
        OutcomeUnknownError where reading again cannot tell.
        """
        (end,) = self._write([_Write(transaction, witness, idempotent=idempotent)], seen)
        if isinstance(end, GitKeyvalError):
            raise end
        return end

    def write_each(self, transactions: Sequence[Transaction], seen: Snapshot | None = None) -> list[End]:
        """Apply independent transactions, which must not share a ref, in one request; each ends as ``write`` would end it.

        What ``write`` raises for a transaction is given in its place, because others may have been applied. A StoreError is raised
        only where none was.
        """
        return self._write([_Write(transaction) for transaction in transactions], seen)

    def _write(self, writes: Sequence["_Write"], seen: Snapshot | None) -> list[End]:
        waiting = list(writes)
        for attempt in range(self.max_attempts):
            try:
                self._try(waiting, seen)
                waiting = [write for write in waiting if write.end is None]
                if waiting:
                    self.pause(attempt)
                    refs = self._read_refs(waiting)
                    self._settle([write for write in waiting if write.moved(refs) or write.shown(refs)])
                    waiting = [write for write in waiting if write.end is None]
            except StoreError:
                # Only a lost reply leaves anything waiting beyond its first request, and nobody can ask about it any more.
                if all(write.cause is None for write in waiting):
                    raise
                break
            if not waiting:
                break
        return [OutcomeUnknownError(write.cause or "") if write.end is None else write.end for write in writes]

    def _try(self, writes: Sequence["_Write"], seen: Snapshot | None) -> None:
        """Send once what waits. Where a reply was lost before, a conflict or a refusal now does not tell what that request did."""
        doubtful: list[_Write] = []
        for write, outcome in zip(writes, self._send([write.transaction for write in writes], seen), strict=True):
            if isinstance(outcome, Unknown):
                write.cause = outcome.cause
            elif isinstance(outcome, Applied) or write.cause is None:
                write.end = outcome
            elif isinstance(outcome, Conflict):
                doubtful.append(write)
            else:
                write.end = OutcomeUnknownError(write.cause)
        self._settle(doubtful)

    def _settle(self, writes: Sequence["_Write"]) -> None:
        """Judge transactions that were sent at least once in vain, and cannot be applied any more.

        A conflict may be with our own write, which came through late: so the state that decides is read after the conflict was
        seen. A read that shows no reason for it comes from a copy that lags behind.
        """
        refs = self._read_refs(writes) if writes else {}
        for attempt in range(_LAGGING_READS):
            if all(write.moved(refs) or write.shown(refs) for write in writes):
                break
            self.pause(attempt)
            refs = self._read_refs(writes)
        for write in writes:
            if write.shown(refs, write.witness) and (write.idempotent or write.witness is not None):
                write.end = Applied()
            elif write.witness is not None and write.moved(refs):
                write.end = Conflict((write.witness,))
            else:
                write.end = OutcomeUnknownError(write.cause or "")

    def _send(
        self, transactions: Sequence[Transaction], seen: Snapshot | None
    ) -> list[Applied | Conflict | Unknown | RefusedError]:
        missing = self.store.capabilities.bundles if seen is None else ANCHOR_TAG not in seen.refs
        named = any(update.name == ANCHOR_TAG for transaction in transactions for update in transaction.updates)
        anchor = [self._anchoring()] if missing and not named else []
        outcomes = self._in_parts(transactions, self.store.apply([*transactions, *anchor])[: len(transactions)])
        return [
            refusal_of(transaction, outcome) if isinstance(outcome, Refused) else outcome
            for transaction, outcome in zip(transactions, outcomes, strict=True)
        ]

    def _in_parts(self, transactions: Sequence[Transaction], outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Send in halves, down to single ones, what was too large to be sent at once."""
        large = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Refused) and outcome.too_large]
        if len(large) <= 1:
            return outcomes
        settled = dict(enumerate(outcomes))
        for half in (large[: len(large) // 2], large[len(large) // 2 :]):
            part = [transactions[index] for index in half]
            settled |= zip(half, self._in_parts(part, self._applied(part)), strict=True)
        return [settled[index] for index in range(len(outcomes))]

    def _applied(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Apply a part of what was sent; that the store fails now does not tell of the other parts."""
        try:
            return self.store.apply(transactions)
        except StoreError as exc:
            return [Refused(exc.what, next_step=exc.next_step)] * len(transactions)

    def _anchoring(self) -> Transaction:
        """Keep the dummy tree from git's garbage collection. A conflict only says that somebody else was first."""
        return Transaction((RefUpdate(ANCHOR_TAG, ABSENT, self.anchor.oid),), (*DUMMY_OBJECTS, self.anchor))

    def _read_refs(self, writes: Sequence["_Write"]) -> Mapping[RefName, Oid]:
        names = tuple(update.name for write in writes for update in write.transaction.updates)
        return self.store.read(Selection(names), depth=Depth.OIDS).refs


@dataclass(slots=True)
class _Write:
    """A transaction on its way to its end; ``cause`` says how the latest reply was lost, if one was."""

    transaction: Transaction
    witness: RefName | None = None
    cause: str | None = None
    end: End | None = None
    idempotent: bool = True

    def moved(self, refs: Mapping[RefName, Oid]) -> bool:
        """Tell whether a ref is not what the transaction expects: it cannot be applied any more."""
        updates = [update for update in self.transaction.updates if update.expect is not ANY]
        return any(refs.get(update.name, ABSENT) != update.expect for update in updates)

    def shown(self, refs: Mapping[RefName, Oid], witness: RefName | None = None) -> bool:
        """Tell whether the witness, or without one all refs, are as the transaction makes them."""
        updates = [update for update in self.transaction.updates if witness in {None, update.name}]
        return all(refs.get(update.name, DELETE) == update.new for update in updates)
