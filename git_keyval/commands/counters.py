"""incr, decr and the assignment of a counter: the decisions of the counter protocol (docs/format.md, "Counters")."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from git_keyval.commands.keyed import Keeping, Lasting, OfKey, Storing
from git_keyval.database.anchors import anchor_of
from git_keyval.database.answers import Answer
from git_keyval.database.command import Change, Moment, UnreadError, Wait
from git_keyval.database.conditions import ALWAYS, Condition
from git_keyval.database.keys import COUNTER_TYPE, KeyView
from git_keyval.database.lifetimes import FOREVER, KEEP, Lifetime, chosen, expiry_objects, expiry_update, lasting
from git_keyval.database.reading import MoreRefs, OneKey
from git_keyval.errors import (
    BoundError,
    CounterOverflowError,
    GitKeyvalError,
    InputError,
    MalformedRecordError,
    OutcomeUnknownError,
    OverwrittenError,
    WrongTypeError,
)
from git_keyval.format import counters as states
from git_keyval.format.counters import INT64_MAX, INT64_MIN, Breadcrumb, Counter, Fold, Operation
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import ANCHOR_TAG, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND, Micros, Timestamp
from git_keyval.light_dataclasses import replace
from git_keyval.store.port import ABSENT, ANY, DELETE, Depth, RefUpdate, Selection, Transaction, joined

LONGEST_WAIT = Micros(300 * SECOND)
"""How long an increment waits for its number: clearly shorter than a counter remembers it (``states.WAITING_TIME``)."""

MOST_POLLS = 10
"""How often it looks for its number meanwhile."""

_FIRST_WAIT_ROUND_TRIPS = 13
_LONGEST_PAUSE_SECONDS = 60.0
_PATIENT_POLLS = 2
"""How often it looks before it folds what only others wait for."""

Contention = Literal["retry", "breadcrumb"]
_Decision: TypeAlias = Answer | Change | Wait


class _OfCounter(OfKey):
    """A command of one counter. What a compare-and-set is built on need not be exact: it fails if what it takes has moved."""

    depth = Depth.VALUES

    op: str = ""

    def reads_in_doubt(self) -> OneKey:
        return OneKey(keys=[self.key], depth=Depth.VALUES, exact=True)

    def ops(self, moment: Moment) -> tuple[str, ...]:
        """Return the operation id as it is recorded, and as releases before recorded it where keys are encrypted."""
        op = self.op or moment.op
        return tuple(dict.fromkeys((moment.cipher.op(self.key.id, op), op)))


class Incr(Lasting, Storing, _OfCounter):
    """Add to a counter, exactly once.

    It counts once for one operation id however often the command is run. A caller that meets a rival leaves its increment as a
    tag, a breadcrumb. With ``retry`` it waits for the number that whoever folds the breadcrumb next gives it, or folds it itself;
    with ``breadcrumb`` it leaves that to the next gather and gets no number: ``pending`` is true. So it is after LONGEST_WAIT.

    A counter begins where there is no value, or one that has expired. ``start`` is its first number, and a lifetime is given to it
    then; with ``refresh-ttl`` also by every later increment that moves the counter itself, and so not by a breadcrumb. ``padded``
    is the number with leading zeros, ``pad`` characters long. With ``store-key`` whoever moves the counter stores its key.

    Raises WrongTypeError, CounterOverflowError, OverwrittenError, ContentionError and OutcomeUnknownError.
    """

    outputs = ("applied", "value", "json", "pending", "padded", "version", "ttl", "expires-at")
    examples: ClassVar[tuple[str, ...]] = (
        "git-keyval incr builds",
        'git-keyval incr builds --op-id "$RUN_ID"  # run again under the same id, it counts once',
        "git-keyval incr visits --by 10 --contention breadcrumb",
        "git-keyval incr release --start 100 --pad 5 --json | jq -r .padded",
        "git-keyval incr attempts --ttl 1h --store-key",
    )

    of_counter = True

    by: int = 1
    start: int | None = None
    refresh_ttl: bool = False
    pad: int = 0
    contention: Contention = "retry"

    @property
    def delta(self) -> int:
        """Return what is added."""
        return self.by

    def validate(self, moment: Moment) -> None:
        super().validate(moment)
        if self.refresh_ttl and self.lifetime(moment) is FOREVER:
            raise InputError("refresh-ttl", "does nothing without a lifetime", "`ttl` or `expires-at` beside it")

    def lifetime(self, moment: Moment) -> int | Lifetime:
        """Return what a counter that begins is given: ``ttl`` is from now on, because the increment may have waited."""
        return chosen(moment.begun if self.ttl is None else moment.now, moment.granularity, self.ttl, self.expires_at)

    def decide(self, view: KeyView, moment: Moment) -> _Decision:
        state = _state(view, moment, self.ops(moment), self.delta)._replace(
            lifetime=self.lifetime(moment), refreshes=self.refresh_ttl, pad=self.pad, beside=self._beside(view, moment)
        )
        if self.start is not None and not state.alive:
            state = state._replace(base=states.begun_at(state.base, state.crumbs, self.delta, self.start))
        return (
            _known(state)
            or (_pending(state) if state.own and self.contention == "breadcrumb" else None)
            or _after_doubt(state)
            or _gone(state)
            or _waiting(state)
            or self._attempted(state)
        )

    def _beside(self, view: KeyView, moment: Moment) -> Transaction:
        """Return the part that stores the key: nothing where it is stored, because it goes with the value only."""
        storing = self.stored_key(moment)
        is_stored = view.version is not None and all(update.is_made(view.seen.refs) for update in storing.updates)
        return Transaction(()) if is_stored else storing

    def _attempted(self, state: "_State") -> Change:
        """Return a breadcrumb after a denial, where one would count; else one attempt at the counter itself.

        Who waits for a number leaves it without another read where the first attempt is denied, at the time of its read.
        """
        if not state.readable:
            state.view.counter("incr")  # raises what is wrong with it
        time, waits = _time_to_leave(state), self.contention == "retry"
        leaving = None if time is None else _breadcrumb(state, time, waits=waits)
        if leaving is not None and (state.moment.denied or state.moment.doubt is not None):
            return leaving
        return _attempt(state, leaving if waits and state.sent is None else None)


class Decr(Incr):
    """Subtract from a counter, exactly once.

    Otherwise it is like ``incr``.
    """

    outputs = ("applied", "value", "json", "pending", "padded", "version", "ttl", "expires-at")
    examples = ("git-keyval decr slots --by 2", "git-keyval decr left --start 10")

    @property
    def delta(self) -> int:
        """Return what is added: less than nothing."""
        return -self.by


class Assign(Keeping, Storing, _OfCounter):
    """Set a counter, if the condition is met by what was read.

    The breadcrumbs that count get their numbers before. One on the null commit, left in that transaction too, voids every
    breadcrumb with an earlier time, also one that arrives late. If the counter has to be absent, none is void: there was nothing to
    replace, so what arrives late counts in the new counter. Without a condition, when rivals win every attempt, the last one is
    forced, and tells operations in doubt that they cannot know.
    """

    forces: ClassVar[bool] = True

    number: int
    condition: Condition = ALWAYS
    get_old: bool = False

    def decide(self, view: KeyView, moment: Moment) -> Answer | Change:
        state = _state(view, moment, self.ops(moment))
        if (end := _after_doubtful_set(state)) is not None:
            return end
        lifetime = self.lifetime(moment)
        ending = view.expiry() if lifetime is KEEP and state.alive else lifetime
        # Only what is answered about the old value has to be readable: an unconditional SET repairs what is not.
        reading = bool(self.condition) or lifetime is KEEP or self.get_old
        found = view.exists() if reading else None
        old_value = view.old_value() if found else None
        answer = lasting(Answer(found=found, applied=True, old_value=old_value), ending)
        if any(map(state.base.find, state.ops)):
            return replace(answer, old_value=None, version=view.version)  # what was there before it is forgotten
        if self.condition and not self.condition.met(view):
            return Answer(found=found, applied=False, version=view.live_version(), old_value=old_value)
        return _assignment(self, state, answer)


class _Sent(NamedTuple):
    """What a command sent last, and the counter that it was made from.

    ``waits``: how often it has waited with its breadcrumb; ``since``: when it looked for its number first.
    """

    what: Literal["attempt", "help", "breadcrumb", "fold", "gone", "withdrawal", "set"]
    base: Counter
    version: Oid | None
    since: Micros | None = None
    waits: int = 0


class _State(NamedTuple):
    """A counter at one read, for one operation, which adds ``delta``.

    ``base`` is what an operation starts from, ``alive`` whether the key's expiry still counts, ``readable`` whether there is
    nothing but a counter or what becomes one: beside another value all breadcrumbs are void. ``sent`` is what was sent last.
    A counter that begins gets the ``lifetime``, and if the operation ``refreshes`` it, one that is there, too. Its number has as
    many characters as ``pad`` says. ``beside`` is written where the operation moves the counter itself.
    """

    view: KeyView
    moment: Moment
    ops: tuple[str, ...]
    delta: int
    base: Counter
    crumbs: Sequence[Breadcrumb]
    alive: bool
    readable: bool
    sent: _Sent | None
    lifetime: int | Lifetime = FOREVER
    refreshes: bool = False
    pad: int = 0
    beside: Transaction = Transaction(())

    @property
    def expiry(self) -> int | Lifetime:
        """Return the lifetime that the counter has once the operation has moved it; KEEP where that stays as it is."""
        stays = self.alive and (not self.refreshes or self.lifetime == self.view.expiry())
        return KEEP if stays else self.lifetime

    def counted(self, done: Operation, version: Oid | None, ending: int | Lifetime = KEEP) -> Answer:
        """Answer with the number of the operation; where a lifetime is asked for, also with that of the counter."""
        padded = str(done[1]).zfill(self.pad) if self.pad and done[1] is not None else ""
        answer = Answer(applied=True, value=done[1], pending=False, padded=padded, version=version)
        if self.lifetime is FOREVER or (ending is KEEP and not self.alive):
            return answer
        return lasting(answer, self.view.expiry() if ending is KEEP else ending)

    @property
    def own(self) -> list[Breadcrumb]:
        """Return the breadcrumbs of the operation, oldest first."""
        return sorted(crumb for crumb in self.crumbs if crumb.op in self.ops and crumb.delta is not None)

    @property
    def since(self) -> Micros:
        """Return when it looked for its number first: now, if it has not done so before."""
        return self.moment.now if self.sent is None or self.sent.since is None else self.sent.since

    @property
    def waits(self) -> int:
        """Return how often it has waited."""
        return 0 if self.sent is None else self.sent.waits

    def sending(self, what: Literal["attempt", "help", "breadcrumb", "fold", "withdrawal", "set"], waits: int = 0) -> _Sent:
        """Return what is remembered of what is sent now."""
        return _Sent(what, self.base, self.view.version, self.since, waits)

    def breadcrumb(self, time: Timestamp) -> RefName:
        """Return the name of the operation's breadcrumb of that time."""
        return self.view.breadcrumb_name(time, self.ops[0])

    def next_time(self) -> Timestamp:
        """Return the time of a new breadcrumb or SET. Raises BoundError."""
        return states.next_time(self.moment.now, self.base, self.crumbs)


def _state(view: KeyView, moment: Moment, ops: tuple[str, ...], delta: int = 0) -> _State:
    """Return the state of a counter; a value of another type, or one that cannot be read, is no counter, and not readable."""
    crumbs = view.breadcrumbs()
    sent = moment.memory if isinstance(moment.memory, _Sent) else None
    try:
        return _State(view, moment, ops, delta, view.counter(""), crumbs, view.alive(), readable=True, sent=sent)
    except (WrongTypeError, MalformedRecordError):
        alive = _alive_or_unreadable(view)
        return _State(view, moment, ops, delta, Counter(), crumbs, alive, readable=False, sent=sent)


def _alive_or_unreadable(view: KeyView) -> bool:
    try:
        return view.alive()
    except MalformedRecordError:
        return False  # an expiry that nobody can read is not kept


def _known(state: _State) -> Answer | None:
    """Return the answer of an operation that is remembered, from an earlier attempt or an earlier run.

    Who has sent something looks also into a counter whose time has passed since, as long as it lies there.
    """
    counters = [state.base] if state.sent is None else [state.base, _lying(state.view)]
    done = next((found for counter in counters for op in state.ops if (found := counter.find(op))), None)
    return None if done is None else state.counted(done, state.view.version)


def _lying(view: KeyView) -> Counter:
    """Return the counter that the value's ref points at, whether its time has passed or not."""
    record = None if view.version is None else view.seen.objects.get(view.version)
    try:
        return Counter() if record is None else states.decode_counter(record)
    except MalformedRecordError:
        return Counter()


def _pending(state: _State) -> Answer:
    return Answer(applied=True, pending=True, version=state.view.version)


def _after_doubt(state: _State) -> Change | None:
    """Return what a lost reply asks for: the same once more, or nothing where it is as good as denied.

    A breadcrumb that is found says enough, and what only folds for others says nothing of this operation. The counter that is as
    it was proves that an attempt was not applied: its commit never comes back, as an absent ref may. Raises OutcomeUnknownError.
    """
    doubt, sent = state.moment.doubt, state.sent
    if doubt is None or sent is None or sent.what == "help" or state.own:
        return None
    if sent.what == "attempt" and sent.base.recent and sent.version == state.view.version:
        return None if doubt.denied else doubt.change._replace(if_denied=None)
    if sent.what == "withdrawal" or not states.certainly_not_applied(state.ops[0], sent.base, state.base):
        raise OutcomeUnknownError(doubt.cause)
    return doubt.change if sent.what == "breadcrumb" else None


def _gone(state: _State) -> Answer | Wait | None:
    """Return what a breadcrumb that was left and is in neither place says: it was applied, and its number is forgotten.

    It must have been looked for in the counter after it was missing; and twice, because a copy that lags may not have it yet.
    """
    if state.own or state.sent is None or state.sent.what in {"attempt", "help"}:
        return None
    if not state.view.seen.ordered:
        raise UnreadError(MoreRefs(Selection((state.view.value_name,)), Depth.MESSAGES))
    if state.sent.what != "gone":
        return _wait(state, "gone")
    return Answer(applied=True, pending=False, version=state.view.version)


def _waiting(state: _State) -> Answer | Change | Wait | None:
    """Return what becomes of the operation's breadcrumb, if it was left and is there."""
    if not state.own:
        return None
    if state.alive and state.view.category() != COUNTER_TYPE:
        return _withdrawal(state, OverwrittenError(state.view.held_type()))
    if not state.readable:
        state.view.counter("incr")  # raises what is wrong with it
    if state.waits > MOST_POLLS or state.moment.now > state.since + LONGEST_WAIT:
        return _pending(state)
    if states.is_void(state.base, state.crumbs, state.own[0]):
        return _move(state)
    return _fold(state)


def _fold(state: _State) -> Change | Wait:
    """Fold the oldest breadcrumbs, its own among them. Where it has to stay, others are folded, if they do not do it themselves."""
    fold = states.increment(state.base, state.crumbs, None, op=state.ops[0], now=state.moment.now)
    done = fold.counter.find(state.own[0].op)
    if done is None and not states.has_room(state.base, state.crumbs, state.own[0].op):
        return _withdrawal(state, CounterOverflowError("the increment was withdrawn"))
    wait = _wait(state, "fold", _deletions(state.own))
    if done is None and state.waits <= _PATIENT_POLLS:
        return wait
    transaction, commit = _transaction(state, fold)
    answer = None if done is None else state.counted(done, commit, state.expiry)
    return Change(transaction, answer, "operation", if_denied=wait, if_unknown=wait, memory=state.sending("fold", state.waits))


def _move(state: _State) -> Change:
    """Move a breadcrumb that a SET voided to a later time; it never is in two places that count."""
    commit = states.encode_delta(state.delta)
    name = state.breadcrumb(state.next_time())
    updates = (*_deletions(state.own), RefUpdate(name, ABSENT, commit.oid))
    wait = _wait(state, "fold", [RefUpdate(name, commit.oid, DELETE)])._replace(if_gone=None)  # it may not have moved
    return Change(Transaction(updates, (*DUMMY_OBJECTS, commit)), wait, "operation", if_denied=wait, if_unknown=wait)


def _withdrawal(state: _State, failure: GitKeyvalError) -> Change:
    """Take a breadcrumb back that cannot count, and fail."""
    transaction = Transaction(_deletions(state.own))
    return Change(transaction, Answer(failure=failure), "operation", memory=state.sending("withdrawal", state.waits))


def _wait(state: _State, what: Literal["breadcrumb", "fold", "gone"], left: Sequence[RefUpdate] = ()) -> Wait:
    """Wait before it looks for its number: longer each time. Few look early, and give their numbers to the others.

    ``left`` deletes the breadcrumb that it has left.
    """
    seconds = min(_FIRST_WAIT_ROUND_TRIPS * state.moment.round_trip * 2**state.waits, _LONGEST_PAUSE_SECONDS)
    remaining = (state.since + LONGEST_WAIT - state.moment.now) / SECOND
    memory = _Sent(what, Counter(), None, state.since if state.waits else None, state.waits + 1)
    recall = Transaction(tuple(left)) if left else None
    gone = Answer(applied=True, pending=False)
    return Wait(
        seconds, max(remaining, 0.0), memory=memory, spread=1.0, late=3.0, meanwhile=_pending(state), recall=recall, if_gone=gone
    )


def _time_to_leave(state: _State) -> Timestamp | None:
    """Return the time at which a breadcrumb would count if it was left now, None if none would.

    It counts beside a counter only, which remembers operations. Beside another value it is void; and so it is after a SET by a
    clock that is hours ahead, which has voided the time from now on. An increment by zero leaves none, nor one beyond 64 bits.
    """
    if not state.base.recent or state.delta == 0 or not INT64_MIN <= state.delta <= INT64_MAX:
        return None
    void_until = states.horizon(state.base, state.crumbs)
    try:
        time = state.next_time()
    except BoundError:
        return None
    return time if void_until is None or time > void_until else None


def _breadcrumb(state: _State, time: Timestamp, *, waits: bool) -> Change:
    """Record the increment as a tag of its own, which no rival can deny: if the name exists already, it is this very increment."""
    commit = states.encode_delta(state.delta)
    name = state.breadcrumb(time)
    transaction = Transaction((RefUpdate(name, ABSENT, commit.oid),), (*DUMMY_OBJECTS, commit))
    left = _wait(state, "breadcrumb", [RefUpdate(name, commit.oid, DELETE)]) if waits else _pending(state)
    return Change(transaction, left, "operation", if_denied=left, memory=state.sending("breadcrumb"))


def _attempt(state: _State, leaving: Change | None) -> Change:
    """Fold what was seen, and itself after it; where more counts than it may fold, that comes first."""
    fold = states.increment(state.base, state.crumbs, state.delta, op=state.ops[0], now=state.moment.now)
    transaction, commit = _transaction(state, fold)
    done = fold.counter.find(state.ops[0])
    answer = None if done is None else state.counted(done, commit, state.expiry)
    memory = state.sending("help" if done is None else "attempt")
    return Change(transaction, answer, "operation", if_denied=leaving, memory=memory)


def _transaction(state: _State, fold: Fold) -> tuple[Transaction, Oid]:
    """Return the transaction that moves the counter and deletes what it has taken, and the oid of the counter's commit."""
    commit, view, expiry = states.encode_counter(fold.counter), state.view, state.expiry
    updates = (
        RefUpdate(view.value_name, view.expected(view.value_name), commit.oid),
        *(expiry_update(view, expiry, alive=False) if isinstance(expiry, int) else ()),
        *(view.deletions(view.expiry_name) if expiry is FOREVER else ()),
        *_deletions(fold.taken),
    )
    moving = Transaction(updates, (*DUMMY_OBJECTS, commit, *expiry_objects(expiry)))
    return joined(moving, state.beside), commit.oid


def settled(view: KeyView, fold: Fold, time: Timestamp | None, op: str) -> Transaction:
    """Return what goes with a counter that is set: the deletion of what it took, and with a time a void breadcrumb of then."""
    void = (RefUpdate(view.breadcrumb_name(time, op), ABSENT, NULL_COMMIT.oid),) if time else ()
    return Transaction((*void, *_deletions(fold.taken)), (NULL_COMMIT,) if time else ())


def _deletions(crumbs: Sequence[Breadcrumb]) -> tuple[RefUpdate, ...]:
    return tuple(RefUpdate(crumb.name, crumb.oid, DELETE) for crumb in crumbs)


def _after_doubtful_set(state: _State) -> Answer | Change | None:
    """Judge a SET whose reply was lost: done, to be sent again, or None where it was not applied. Raises OutcomeUnknownError."""
    doubt, sent = state.moment.doubt, state.sent
    if doubt is None or sent is None:
        return None
    if state.base.find(state.ops[0]) is not None:
        return doubt.change.answer if isinstance(doubt.change.answer, Answer) else None
    # A forced transaction, sent again, could overwrite what came after it.
    if sent.base.recent and not _is_forced(doubt.change, state.view.value_name):
        if sent.version == state.view.version:
            return None if doubt.denied else doubt.change  # nothing was applied yet: the very same can be sent again
        if states.certainly_not_applied(state.ops[0], sent.base, state.base):
            return None
    raise OutcomeUnknownError(doubt.cause)


def _is_forced(change: Change, name: RefName) -> bool:
    return any(update.expect is ANY and update.name == name for update in change.transaction.updates)


def _assignment(command: Assign, state: _State, answer: Answer) -> Change:
    """Set the counter; without a condition the last try of all is forced, and sets it whatever it is, while the anchor stands.

    Where keys are redirected, none is forced: a value that was not read may be a redirect by then.
    """
    view, moment = state.view, state.moment
    time = None if command.condition.existence == "absent" else state.next_time()
    anchor = anchor_of(moment.cipher)
    is_anchored = view.seen.refs.get(ANCHOR_TAG, anchor.oid) == anchor.oid
    forced = moment.is_last and not (command.condition or command.get_old) and is_anchored
    crumbs = state.crumbs if state.readable else ()
    fold = states.assign(state.base, crumbs, command.number, time, op=state.ops[0], now=moment.now, forced=forced)
    commit, settling = states.encode_counter(fold.counter), settled(view, fold, time, state.ops[0])
    lifetime = command.lifetime(moment)
    updates = (
        RefUpdate(view.value_name, ANY if forced else view.expected(view.value_name), commit.oid),
        *expiry_update(view, lifetime, alive=state.alive),
        *settling.updates,
        *((RefUpdate(ANCHOR_TAG, view.expected(ANCHOR_TAG), anchor.oid),) if forced else ()),
    )
    objects = (*DUMMY_OBJECTS, *settling.objects, *((anchor,) if forced else ()), commit, *expiry_objects(lifetime))
    transaction = joined(Transaction(updates, objects), command.stored_key(moment))
    return Change(transaction, replace(answer, version=commit.oid), "operation", memory=state.sending("set"))
