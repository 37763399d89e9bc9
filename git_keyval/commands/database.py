"""A database: a store with the choices that all commands share, and the one way to write to it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from git_keyval.errors import OutcomeUnknownError, RefusedError, StoreError
from git_keyval.format.expiry import DEFAULT_GRANULARITY
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import DEFAULT_NAMING, DUMMY_TREE_TAG, Naming, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros
from git_keyval.format.values import Value
from git_keyval.store.port import (
    ABSENT,
    ANY,
    DELETE,
    Applied,
    Conflict,
    Depth,
    RefUpdate,
    Refused,
    Selection,
    Snapshot,
    Store,
    Transaction,
    Unknown,
)

DEFAULT_MAX_ATTEMPTS = 20
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 2.0

ANCHOR = Transaction(
    (RefUpdate(DUMMY_TREE_TAG, ABSENT, NULL_COMMIT.oid),),
    (*DUMMY_OBJECTS, NULL_COMMIT),
)
"""Keeps the dummy tree from git's garbage collection. A conflict only says that somebody else was first."""


@contextmanager
def in_doubt(cause: str) -> Iterator[None]:
    """Once a reply was lost (``cause`` says how), any later failure to reach the store leaves the outcome unknown."""
    try:
        yield
    except StoreError as exc:
        if not cause:
            raise
        raise OutcomeUnknownError(cause) from exc


@dataclass(frozen=True, slots=True)
class Database:
    """What a command works on.

    ``random`` gives numbers from 0 to 1, ``new_op`` a fresh operation id, ``sleep`` takes seconds. ``deliverable`` raises if the
    caller could not be told a value; it is asked before a write that takes the value away.
    """

    store: Store
    sleep: Callable[[float], None]
    random: Callable[[], float]
    new_op: Callable[[], str]
    naming: Naming = DEFAULT_NAMING
    granularity: int = DEFAULT_GRANULARITY
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    deliverable: Callable[[Value | int], None] = lambda _value: None

    def now(self) -> Micros:
        """Tell the store's time."""
        return self.store.now()

    def pause(self, attempt: int) -> None:
        """Wait before attempt number ``attempt`` + 1, longer each time and never for the same time as others."""
        self.sleep(min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS) * (0.5 + self.random() / 2))

    def send(self, transaction: Transaction, seen: Snapshot | None = None) -> Applied | Conflict | Unknown:
        """Apply one transaction once, and beside it anchor the dummy tree, unless ``seen`` shows that it has its anchor."""
        anchor = () if seen is not None and DUMMY_TREE_TAG in seen.refs else (ANCHOR,)
        outcome = self.store.apply([transaction, *anchor])[0]
        if isinstance(outcome, Refused):
            raise RefusedError([update.name for update in transaction.updates], outcome.reason)
        return outcome

    def write(self, transaction: Transaction, seen: Snapshot | None = None, witness: RefName | None = None) -> Applied | Conflict:
        """Apply one transaction; after a lost reply, read again and send it again only if nothing of it was applied.

        ``witness`` names a ref of it that nobody else ever makes so: its state alone proves what happened. Raises RefusedError, and
        OutcomeUnknownError where reading again cannot tell.
        """
        cause = ""
        for attempt in range(self.max_attempts):
            with in_doubt(cause):
                outcome = self.send(transaction, seen)
                if isinstance(outcome, Applied):
                    return outcome
                if isinstance(outcome, Conflict):
                    return outcome if not cause else self._settle(transaction, witness, cause)
            cause = outcome.cause
            self.pause(attempt)
            with in_doubt(cause):
                if self._moved(transaction) or self._shows(transaction, None):
                    return self._settle(transaction, witness, cause)
        raise OutcomeUnknownError(cause)

    def _settle(self, transaction: Transaction, witness: RefName | None, cause: str) -> Applied | Conflict:
        """Judge a transaction that was sent at least once in vain, and cannot be applied any more.

        A conflict may be with our own write, which came through late: so the state that decides is read after the conflict was
        seen.
        """
        if self._shows(transaction, witness):
            return Applied()
        if witness is not None:
            return Conflict((witness,))
        raise OutcomeUnknownError(cause)

    def _shows(self, transaction: Transaction, witness: RefName | None) -> bool:
        refs = self._read_refs(transaction)
        updates = [update for update in transaction.updates if witness in {None, update.name}]
        return all(refs.get(update.name, DELETE) == update.new for update in updates)

    def _moved(self, transaction: Transaction) -> tuple[RefName, ...]:
        refs = self._read_refs(transaction)
        updates = [update for update in transaction.updates if update.expect is not ANY]
        return tuple(update.name for update in updates if refs.get(update.name, ABSENT) != update.expect)

    def _read_refs(self, transaction: Transaction) -> Mapping[RefName, Oid]:
        names = tuple(update.name for update in transaction.updates)
        return self.store.read(Selection(names), depth=Depth.OIDS).refs
