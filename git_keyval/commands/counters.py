"""incr, decr and the assignment of a counter: the reading and writing half of the counter protocol (docs/format.md, "Counters")."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from git_keyval.database.answers import Result
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database, in_doubt
from git_keyval.database.keys import Key, KeyView, read_view
from git_keyval.database.lifetimes import KEEP, Lifetime, expiry_objects, expiry_update, ttl_of
from git_keyval.errors import ContentionError, MalformedRecordError, OutcomeUnknownError, WrongTypeError
from git_keyval.format import counters as states
from git_keyval.format.counters import Breadcrumb, Counter, Fold
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import ANCHOR_TAG, RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import Micros
from git_keyval.store.port import ABSENT, ANY, DELETE, Applied, RefUpdate, Transaction, Unknown

Contention = Literal["retry", "breadcrumb"]


def incr(database: Database, *, key: Key, by: int = 1, op: str = "", contention: Contention = "retry") -> Result:
    """Add to a counter, exactly once for one operation id however often the command is run.

    With ``retry`` every caller gets a number of its own. With ``breadcrumb`` a caller that meets a rival leaves its increment as
    a tag
    for the next gather and gets no number: ``pending`` is true. Raises WrongTypeError, CounterOverflowError, ContentionError and
    OutcomeUnknownError.
    """
    ops = _forms(database, key, op)
    op = ops[0]
    denied = False
    for attempt in range(database.max_attempts):
        state = _read(database, key, "incr", exact=False)
        if (known := _known(state, *ops)) is not None:
            return known
        if denied and contention == "breadcrumb" and _counts_when_left_now(state):
            return _leave_breadcrumb(database, key, state, by, op)
        fold = states.increment(state.base, state.crumbs, by, op=op, now=state.now)
        commit = states.encode_counter(fold.counter)
        updates = (
            RefUpdate(state.view.value_name, state.view.expected(state.view.value_name), commit.oid),
            *(() if state.alive else state.view.deletions(state.view.expiry_name)),
            *_deletions(fold),
        )
        transaction = Transaction(updates, (*DUMMY_OBJECTS, commit))
        if (done := fold.counter.find(op)) is None:
            database.send(transaction, state.view.seen)  # it folds what comes before it, and then reads again in any case
            continue
        if _apply(database, key, state, transaction, op):
            return Result(applied=True, value=done[1], pending=False, version=commit.oid)
        denied = True
        database.pause(attempt)
    raise ContentionError(database.max_attempts)


def decr(database: Database, *, key: Key, by: int = 1, op: str = "", contention: Contention = "retry") -> Result:
    """Subtract from a counter; otherwise as incr."""
    return incr(database, key=key, by=-by, op=op, contention=contention)


def assign(
    database: Database,
    key: Key,
    value: int,
    lifetime: int | Lifetime,
    *,
    condition: Condition,
    extra: Transaction,
    op: str,
) -> Result:
    """Set a counter, if the condition is met by what was read; ``extra`` goes into the same transaction.

    A breadcrumb on the null commit, left in that transaction too, voids every breadcrumb with an earlier time, also one that
    arrives late. Without a condition, when rivals win every attempt, the last one is forced, and tells operations in doubt that
    they cannot know.
    """
    ops = _forms(database, key, op)
    op = ops[0]
    for attempt in range(database.max_attempts + 1):
        state = _read(database, key, "", exact=False)
        view, now = state.view, state.now
        expiry = lifetime if isinstance(lifetime, int) else view.expiry() if lifetime is KEEP and state.alive else None
        # Only what is answered about the old value has to be readable: an unconditional SET repairs what is not.
        reading = bool(condition) or lifetime is KEEP
        found = view.exists(now) if reading else None
        old_value = view.old_value(now) if found else None
        answer = Result(found=found, applied=True, ttl=ttl_of(expiry, now), expires_at=expiry, old_value=old_value)
        if any(map(state.base.find, ops)):
            return replace(answer, version=view.version)
        if condition and not condition.met(view, now):
            return Result(found=found, applied=False, version=view.live_version(now), old_value=old_value)
        forced = attempt == database.max_attempts
        if forced and (condition or view.seen.refs.get(ANCHOR_TAG, database.anchor.oid) != database.anchor.oid):
            break  # where keys are redirected, a value that was not read may be a redirect by now
        transaction, version = _assignment(state, value, lifetime, extra, op, database.anchor if forced else None)
        if _apply(database, key, state, transaction, op):
            return replace(answer, version=version)
        database.pause(attempt)
    raise ContentionError(database.max_attempts)


@dataclass(frozen=True, slots=True)
class _State:
    """A counter at one read. ``base`` is what an operation starts from; ``alive`` whether the key's expiry still counts.

    ``crumbs`` are the breadcrumbs beside it; beside a value of another type, all are void.
    """

    view: KeyView
    now: Micros
    base: Counter
    crumbs: Sequence[Breadcrumb]
    alive: bool
    of_other_type: bool = False


def _read(database: Database, key: Key, command: str, *, exact: bool = True) -> _State:
    """Read a counter; without a command to complain about, a value of another type counts as no counter.

    What a compare-and-set is built on need not be exact: it fails if the counter or a breadcrumb that it takes has moved.
    """
    view = read_view(database, key, exact=exact)
    now = database.now()
    try:
        return _State(view, now, view.counter(command, now), view.breadcrumbs(), alive=view.alive(now))
    except (WrongTypeError, MalformedRecordError):
        if command:
            raise
        return _State(view, now, Counter(), view.breadcrumbs(), alive=_alive_or_unreadable(view, now), of_other_type=True)


def _alive_or_unreadable(view: KeyView, now: Micros) -> bool:
    try:
        return view.alive(now)
    except MalformedRecordError:
        return False  # an expiry that nobody can read is not kept


def _deletions(fold: Fold) -> tuple[RefUpdate, ...]:
    return tuple(RefUpdate(crumb.name, crumb.oid, DELETE) for crumb in fold.taken)


def _forms(database: Database, key: Key, op: str) -> tuple[str, ...]:
    """Return an operation id, or a new one, as it is recorded, and as releases before recorded it where keys are encrypted."""
    op = op or database.new_op()
    return tuple(dict.fromkeys((database.cipher.op(key.id, op), op)))


def _known(state: _State, *ops: str) -> Result | None:
    """Give the answer of an operation that was done before, by an earlier attempt or an earlier run."""
    done = next((found for op in ops if (found := state.base.find(op))), None)
    if done is not None:
        return Result(applied=True, value=done[1], pending=False, version=state.view.version)
    if any(crumb.op in ops for crumb in state.crumbs):
        return Result(applied=True, pending=True, version=state.view.version)
    return None


def _counts_when_left_now(state: _State) -> bool:
    """Tell whether a new breadcrumb would count: only beside a counter, which remembers operations.

    Beside another value it is void; and so it is after a SET by a clock that is hours ahead, which has voided the time from now on.
    """
    void_until = states.horizon(state.base, state.crumbs)
    time = states.next_time(state.now, state.base, state.crumbs)
    return bool(state.base.recent) and (void_until is None or time > void_until)


def _apply(database: Database, key: Key, state: _State, transaction: Transaction, op: str) -> bool:
    """Apply a transaction that moves the counter; false if it certainly was not applied. Raises OutcomeUnknownError.

    After a lost reply, "the ref is as it was" proves something for a counter's own commit only, which never comes back. An absent
    ref may have been made and deleted in between; a forced transaction, sent again, could overwrite what came after it.
    """
    forced = any(update.expect is ANY and update.name == state.view.value_name for update in transaction.updates)
    unique = bool(state.base.recent) and not forced
    cause = ""
    for attempt in range(database.max_attempts):
        with in_doubt(cause):
            outcome = database.send(transaction, state.view.seen)
        if isinstance(outcome, Applied):
            return True
        if isinstance(outcome, Unknown):
            cause = outcome.cause
            database.pause(attempt)
        elif not cause:
            return False
        with in_doubt(cause):
            after = _read(database, key, "")
        if after.base.find(op) is not None:
            return True
        unmoved = unique and after.view.version == state.view.version
        if unmoved and isinstance(outcome, Unknown):
            continue  # nothing was applied yet: the very same transaction can be sent again
        if unmoved or (unique and states.certainly_not_applied(op, state.base, after.base)):
            return False
        break
    raise OutcomeUnknownError(cause)


def _leave_breadcrumb(database: Database, key: Key, state: _State, by: int, op: str) -> Result:
    """Record the increment as a tag of its own, which no rival can deny. In doubt it is made again under the very same name."""
    time = states.next_time(state.now, state.base, state.crumbs)
    name = database.naming.breadcrumb(key.id, time, op)
    commit = states.encode_delta(by)
    transaction = Transaction((RefUpdate(name, ABSENT, commit.oid),), (*DUMMY_OBJECTS, commit))
    cause = ""
    for attempt in range(database.max_attempts):
        with in_doubt(cause):
            outcome = database.send(transaction, state.view.seen)
        if not isinstance(outcome, Unknown):
            # The name holds the operation and its time: if it exists already, it is this very increment.
            return Result(applied=True, pending=True, version=state.view.version)
        cause = outcome.cause
        database.pause(attempt)
        with in_doubt(cause):
            after = _read(database, key, "")
        if (known := _known(after, op)) is not None:
            return known
        if not states.certainly_not_applied(op, state.base, after.base):
            break
    raise OutcomeUnknownError(cause)


def _assignment(
    state: _State, value: int, lifetime: int | Lifetime, extra: Transaction, op: str, anchor: GitObject | None
) -> tuple[Transaction, Oid]:
    """Make the transaction; with an anchor it is forced, and moves the counter whatever it is, while the anchor stands."""
    view, forced = state.view, anchor is not None
    time = states.next_time(state.now, state.base, state.crumbs)
    settling = () if state.of_other_type else state.crumbs
    fold = states.assign(state.base, settling, value, time, op=op, now=state.now, forced=forced)
    commit = states.encode_counter(fold.counter)
    expect = ANY if forced else view.expected(view.value_name)
    null = RefUpdate(RefName(f"{view.breadcrumb_prefix}{time}-{op}"), ABSENT, NULL_COMMIT.oid)
    unread = (RefUpdate(ANCHOR_TAG, view.expected(ANCHOR_TAG), anchor.oid),) if anchor else ()
    updates = (
        RefUpdate(view.value_name, expect, commit.oid),
        *expiry_update(view, lifetime, alive=state.alive),
        null,
        *_deletions(fold),
        *unread,
    )
    objects = (*DUMMY_OBJECTS, NULL_COMMIT, *([anchor] if anchor else []), commit, *expiry_objects(lifetime))
    return Transaction((*updates, *extra.updates), (*objects, *extra.objects)), commit.oid
