"""incr, decr and the assignment of a counter: the decisions of the counter protocol (docs/format.md, "Counters")."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from git_keyval.commands.keyed import Keeping, OfKey, Storing, joined
from git_keyval.database.anchors import anchor_of
from git_keyval.database.answers import Answer
from git_keyval.database.command import Change, Doubt, Moment
from git_keyval.database.conditions import ALWAYS, Condition
from git_keyval.database.keys import KeyView
from git_keyval.database.lifetimes import KEEP, expiry_objects, expiry_update, ttl_of
from git_keyval.database.reading import OneKey
from git_keyval.errors import MalformedRecordError, OutcomeUnknownError, WrongTypeError
from git_keyval.format import counters as states
from git_keyval.format.counters import Breadcrumb, Counter, Fold
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import ANCHOR_TAG, RefName
from git_keyval.format.times import Timestamp
from git_keyval.store.port import ABSENT, ANY, DELETE, Depth, RefUpdate, Transaction

Contention = Literal["retry", "breadcrumb"]


class _OfCounter(OfKey):
    """A command of one counter. What a compare-and-set is built on need not be exact: it fails if what it takes has moved."""

    op: str = ""

    def reads(self) -> OneKey:
        """Return reads of the counter."""
        return OneKey(self.key, Depth.VALUES)

    def reads_in_doubt(self) -> OneKey:
        """Return exact reads: that an operation is found in neither place must be true at one moment."""
        return OneKey(self.key, Depth.VALUES, exact=True)

    def ops(self, moment: Moment) -> tuple[str, ...]:
        """Return the operation id as it is recorded, and as releases before recorded it where keys are encrypted."""
        op = self.op or moment.op
        return tuple(dict.fromkeys((moment.cipher.op(self.key.id, op), op)))


class Incr(_OfCounter):
    """Add to a counter, exactly once.

    It counts once for one operation id however often the command is run. With ``retry`` every caller gets a number of its own. With
    ``breadcrumb`` a caller that meets a rival leaves its increment as a tag for the next gather and gets no number: ``pending`` is
    true. Raises WrongTypeError, CounterOverflowError, ContentionError and OutcomeUnknownError.
    """

    outputs = ("applied", "value", "json", "pending", "version")
    examples: ClassVar[tuple[str, ...]] = (
        "git-keyval incr builds",
        'git-keyval incr builds --op-id "$RUN_ID"  # run again under the same id, it counts once',
        "git-keyval incr visits --by 10 --contention breadcrumb",
    )

    counts = True

    by: int = 1
    contention: Contention = "retry"

    @property
    def delta(self) -> int:
        """Return what is added."""
        return self.by

    def decide(self, view: KeyView, moment: Moment) -> Answer | Change:
        """Add, unless the operation is known already; or leave a breadcrumb after a denial."""
        ops = self.ops(moment)
        state = _state(view, "" if moment.doubt else "incr")
        if moment.doubt is not None and (end := _after_doubt(state, moment, ops[0])) is not None:
            return end
        if (known := _known(state, *ops)) is not None:
            return known
        denied = moment.denied or moment.doubt is not None
        if denied and self.contention == "breadcrumb" and _counts_when_left_now(state):
            return _breadcrumb(state, self.delta, ops[0])
        return _increment(_state(view, "incr"), self.delta, ops[0])


class Decr(Incr):
    """Subtract from a counter, exactly once.

    Otherwise it is like ``incr``.
    """

    outputs = ("applied", "value", "json", "pending", "version")
    examples = ("git-keyval decr slots --by 2",)

    @property
    def delta(self) -> int:
        """Return what is added: less than nothing."""
        return -self.by


class Assign(Keeping, Storing, _OfCounter):
    """Set a counter, if the condition is met by what was read.

    A breadcrumb on the null commit, left in that transaction too, voids every breadcrumb with an earlier time, also one that
    arrives late. Without a condition, when rivals win every attempt, the last one is forced, and tells operations in doubt that
    they cannot know.
    """

    forces: ClassVar[bool] = True

    number: int
    condition: Condition = ALWAYS

    def decide(self, view: KeyView, moment: Moment) -> Answer | Change:
        """Set the counter, unless that was done, or the condition is not met."""
        ops = self.ops(moment)
        state = _state(view, "")
        if moment.doubt is not None and (end := _after_doubt(state, moment, ops[0])) is not None:
            return end
        lifetime = self.lifetime(moment)
        expiry = lifetime if isinstance(lifetime, int) else view.expiry() if lifetime is KEEP and state.alive else None
        # Only what is answered about the old value has to be readable: an unconditional SET repairs what is not.
        reading = bool(self.condition) or lifetime is KEEP
        found = view.exists() if reading else None
        old_value = view.old_value() if found else None
        answer = Answer(found=found, applied=True, ttl=ttl_of(expiry, moment.now), expires_at=expiry, old_value=old_value)
        if any(map(state.base.find, ops)):
            return replace(answer, version=view.version)
        if self.condition and not self.condition.met(view):
            return Answer(found=found, applied=False, version=view.live_version(), old_value=old_value)
        return _assignment(self, state, moment, answer, ops[0])


@dataclass(frozen=True, slots=True)
class _State:
    """A counter at one read. ``base`` is what an operation starts from; ``alive`` whether the key's expiry still counts.

    ``crumbs`` are the breadcrumbs beside it; beside a value of another type, all are void.
    """

    view: KeyView
    base: Counter
    crumbs: Sequence[Breadcrumb]
    alive: bool
    of_other_type: bool = False

    @property
    def proves(self) -> bool:
        """Return whether the ref's being as it was proves anything.

        A counter's own commit never comes back. But an absent ref may have been made and deleted in between.
        """
        return bool(self.base.recent)


def _state(view: KeyView, command: str) -> _State:
    """Read a counter; without a command to complain about, a value of another type counts as no counter."""
    try:
        return _State(view, view.counter(command), view.breadcrumbs(), alive=view.alive())
    except (WrongTypeError, MalformedRecordError):
        if command:
            raise
        return _State(view, Counter(), view.breadcrumbs(), alive=_alive_or_unreadable(view), of_other_type=True)


def _alive_or_unreadable(view: KeyView) -> bool:
    try:
        return view.alive()
    except MalformedRecordError:
        return False  # an expiry that nobody can read is not kept


def _known(state: _State, *ops: str) -> Answer | None:
    """Return the answer of an operation that was done before, by an earlier attempt or an earlier run."""
    done = next((found for op in ops if (found := state.base.find(op))), None)
    if done is not None:
        return Answer(applied=True, value=done[1], pending=False, version=state.view.version)
    if any(crumb.op in ops for crumb in state.crumbs):
        return Answer(applied=True, pending=True, version=state.view.version)
    return None


def _after_doubt(state: _State, moment: Moment, op: str) -> Answer | Change | None:
    """Judge a change whose reply was lost by what is remembered now: done, to be sent again, or None where it was not applied.

    Raises OutcomeUnknownError.
    """
    doubt = moment.doubt
    assert doubt is not None
    before = doubt.change.memory
    assert isinstance(before, _State)
    if doubt.change.answer_if_denied is not None:
        return _after_breadcrumb(state, before, doubt, op)
    if state.base.find(op) is not None:
        return doubt.change.answer
    # A forced transaction, sent again, could overwrite what came after it.
    if before.proves and not _is_forced(doubt.change, state.view.value_name):
        if before.view.version == state.view.version:
            return None if doubt.denied else doubt.change  # nothing was applied yet: the very same can be sent again
        if states.certainly_not_applied(op, before.base, state.base):
            return None
    raise OutcomeUnknownError(doubt.cause)


def _after_breadcrumb(state: _State, before: _State, doubt: Doubt, op: str) -> Answer | Change:
    if (known := _known(state, op)) is not None:
        return known
    if states.certainly_not_applied(op, before.base, state.base):
        return doubt.change  # it is made again under the very same name
    raise OutcomeUnknownError(doubt.cause)


def _is_forced(change: Change, name: RefName) -> bool:
    return any(update.expect is ANY and update.name == name for update in change.transaction.updates)


def _deletions(fold: Fold) -> tuple[RefUpdate, ...]:
    return tuple(RefUpdate(crumb.name, crumb.oid, DELETE) for crumb in fold.taken)


def _counts_when_left_now(state: _State) -> bool:
    """Return whether a new breadcrumb would count: only beside a counter, which remembers operations.

    Beside another value it is void; and so it is after a SET by a clock that is hours ahead, which has voided the time from now on.
    """
    void_until = states.horizon(state.base, state.crumbs)
    return bool(state.base.recent) and (void_until is None or _next_time(state) > void_until)


def _next_time(state: _State) -> Timestamp:
    return states.next_time(state.view.now, state.base, state.crumbs)


def _increment(state: _State, by: int, op: str) -> Change:
    fold = states.increment(state.base, state.crumbs, by, op=op, now=state.view.now)
    commit = states.encode_counter(fold.counter)
    updates = (
        RefUpdate(state.view.value_name, state.view.expected(state.view.value_name), commit.oid),
        *(() if state.alive else state.view.deletions(state.view.expiry_name)),
        *_deletions(fold),
    )
    transaction = Transaction(updates, (*DUMMY_OBJECTS, commit))
    if (done := fold.counter.find(op)) is None:
        return Change(transaction, None)  # it folds what comes before it, and then decides again in any case
    answer = Answer(applied=True, value=done[1], pending=False, version=commit.oid)
    return Change(transaction, answer, "operation", memory=state)


def _breadcrumb(state: _State, by: int, op: str) -> Change:
    """Record the increment as a tag of its own, which no rival can deny: if the name exists already, it is this very increment."""
    name = RefName(f"{state.view.breadcrumb_prefix}{_next_time(state)}-{op}")
    commit = states.encode_delta(by)
    left = Answer(applied=True, pending=True, version=state.view.version)
    transaction = Transaction((RefUpdate(name, ABSENT, commit.oid),), (*DUMMY_OBJECTS, commit))
    return Change(transaction, left, "operation", answer_if_denied=left, memory=state)


def _assignment(command: Assign, state: _State, moment: Moment, answer: Answer, op: str) -> Change:
    """Set the counter; without a condition the last try of all is forced, and sets it whatever it is, while the anchor stands.

    Where keys are redirected, none is forced: a value that was not read may be a redirect by then.
    """
    view, time = state.view, _next_time(state)
    anchor = anchor_of(moment.cipher)
    is_anchored = view.seen.refs.get(ANCHOR_TAG, anchor.oid) == anchor.oid
    forced = moment.is_last and not command.condition and is_anchored
    settling = () if state.of_other_type else state.crumbs
    fold = states.assign(state.base, settling, command.number, time, op=op, now=view.now, forced=forced)
    commit = states.encode_counter(fold.counter)
    lifetime = command.lifetime(moment)
    updates = (
        RefUpdate(view.value_name, ANY if forced else view.expected(view.value_name), commit.oid),
        *expiry_update(view, lifetime, alive=state.alive),
        RefUpdate(RefName(f"{view.breadcrumb_prefix}{time}-{op}"), ABSENT, NULL_COMMIT.oid),
        *_deletions(fold),
        *((RefUpdate(ANCHOR_TAG, view.expected(ANCHOR_TAG), anchor.oid),) if forced else ()),
    )
    objects = (*DUMMY_OBJECTS, NULL_COMMIT, *((anchor,) if forced else ()), commit, *expiry_objects(lifetime))
    transaction = joined(Transaction(updates, objects), command.stored_key(moment))
    return Change(transaction, replace(answer, version=commit.oid), "operation", memory=state)
