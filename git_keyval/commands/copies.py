"""copy, rename: what a key holds, at another key."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from git_keyval.commands.counters import settled
from git_keyval.commands.keyed import Recorded, stored
from git_keyval.database.answers import NO_KEY, Answer
from git_keyval.database.command import Change, Moment, Proof
from git_keyval.database.keys import COUNTER_TYPE, Key, KeyView
from git_keyval.database.lifetimes import FOREVER, expiry_update, lasting
from git_keyval.database.pairs import PairReads, PairView
from git_keyval.errors import CounterOverflowError, InputError, MalformedRecordError, WrongTypeError
from git_keyval.format import counters as states
from git_keyval.format.counters import Breadcrumb, Counter
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.values import Value
from git_keyval.store.port import DELETE, RefUpdate, Transaction, joined


class _Placed(NamedTuple):
    """What comes to stand at the second key, and the updates there beside those of its value and its expiry.

    ``is_own`` says that nobody else makes the same commit.
    """

    commit: Oid
    updates: tuple[RefUpdate, ...] = ()
    objects: tuple[GitObject, ...] = ()
    is_own: bool = False


class Copy(Recorded[PairView]):
    """Copy what a key holds to another key, with its lifetime.

    Whatever is there is replaced, unless it has to be absent. Of maps and arrays all elements are copied with their lifetimes. Of a
    counter its number is copied, with the increments that wait, and not which operations it has counted: an operation id that was
    used for the one counter can be used for the other. ``found`` says whether there is something to copy; if it has its key
    stored, the other key is stored, too. Raises SeveralRepositoriesError for keys that do not live in one repository, and
    OutcomeUnknownError where a reply was lost and a rival may have done the same.
    """

    outputs = ("found", "applied", "version", "ttl", "expires-at")
    examples: ClassVar[tuple[str, ...]] = (
        "git-keyval copy deploy deploy-before",
        "git-keyval copy deploy first-deploy --if absent",
    )

    indivisible = True
    moves: ClassVar[bool] = False
    """Whether nothing is left at the first key."""

    key: Key
    to: Key
    if_absent: bool = False

    @property
    def keys_used(self) -> Sequence[Key]:
        return self.key, self.to

    def validate(self, moment: Moment) -> None:
        if self.key.id == self.to.id:
            raise InputError("to", "names the key itself", "another key")

    def reads(self) -> PairReads:
        return PairReads(keys=self.keys_used)

    def decide(self, view: PairView, moment: Moment) -> Answer | Change:
        source, target = view.source, view.target
        if not source.exists():
            return Answer(found=False, applied=False, ttl=NO_KEY)
        if self.if_absent and target.exists():
            return lasting(Answer(found=True, applied=False, version=target.live_version()), target.live_expiry())
        placed = self._placed(view, moment)
        value = RefUpdate(target.value_name, target.expected(target.value_name), placed.commit)
        # The value moves first, and what it moves from goes last: so no reader finds it at neither of the two.
        updates = (value, *_ending(source, target), *placed.updates, *(self._left(view) if self.moves else _asserted(view)))
        transaction = joined(Transaction(updates, placed.objects), self._stored_key(view, moment))
        answer = lasting(Answer(found=True, applied=True, version=placed.commit), source.live_expiry())
        return Change(transaction, answer, "refs" if placed.is_own else self._proof)

    @property
    def _proof(self) -> Proof:
        """Return what shows that it was done, where a rival can make the same commit: a rival may have renamed it back, too."""
        if self.moves:
            return "neither"
        return "nothing" if self.if_absent else "refs"

    def _placed(self, view: PairView, moment: Moment) -> _Placed:
        if view.source.held_type() == COUNTER_TYPE:
            return self._counter(view, moment)
        if view.source.holds_elements():
            held = view.held(self.name)
            return _Placed(held.commit, view.settling(held.endings), held.objects, is_own=held.is_own)
        if not view.is_sealed():
            return _Placed(view.version, view.settling({}))
        view.read_whole()
        value = view.source.value(self.name)
        assert isinstance(value, Value)
        record = moment.data(self.to.id, value)
        return _Placed(record.commit.oid, view.settling({}), record.objects, is_own=True)

    def _counter(self, view: PairView, moment: Moment) -> _Placed:
        """Set a counter as ``set`` does: what waits there is settled, and what arrives late is void, unless it has to be absent."""
        source, target = view.source, view.target
        number = source.value(self.name)
        assert isinstance(number, int)
        base, waiting = _counter_at(target)
        op, now = moment.cipher.op(self.to.id, moment.op), moment.now
        time = None if self.if_absent else states.next_time(now, base, target.breadcrumbs())
        if self.moves:
            crumbs = source.breadcrumbs()
            moved = states.fold(source.counter(self.name), crumbs, taking=crumbs, op=op, now=now).counter
            if moved.value != number:
                raise CounterOverflowError
            fold = states.replaced(base, waiting, moved, time, op=op, now=now)
        else:
            fold = states.assign(base, waiting, number, time, op=op, now=now)
        commit, settling = states.encode_counter(fold.counter), settled(target, fold, time, op)
        objects = (*DUMMY_OBJECTS, *settling.objects, commit)
        return _Placed(commit.oid, (*settling.updates, *view.settling({})), objects, is_own=True)

    def _left(self, view: PairView) -> tuple[RefUpdate, ...]:
        """Take everything away from the first key, with the breadcrumbs that the second one has counted, or that were void."""
        source = view.source
        elements = view.element_expiries(source) if source.holds_elements() else {}
        crumbs = [crumb.name for crumb in source.breadcrumbs()]
        deletions = source.deletions(source.value_name, source.expiry_name, source.key_name, *crumbs)
        return (*deletions, *(RefUpdate(name, oid, DELETE) for name, oid in elements.items()))

    def _stored_key(self, view: PairView, moment: Moment) -> Transaction:
        """Return the part of the transaction that stores the second key: nothing, unless the first is stored, and it is not yet."""
        refs = view.seen.refs
        lacks = view.source.key_name in refs and refs.get(view.target.key_name) != self.to.record.commit.oid
        return stored(moment.naming, [self.to] if lacks else [])


class Rename(Copy):
    """Give what a key holds another key, in one step.

    Whatever is there is replaced, unless it has to be absent. It takes its lifetime and its elements along, and a counter also
    which operations it has counted, and the increments that wait: they are counted in the step. Nothing is left at the old key.
    ``found`` says whether there is something to rename; if it has its key stored, the other key is stored instead. Raises
    SeveralRepositoriesError for keys that do not live in one repository, CounterOverflowError, and OutcomeUnknownError where a
    reply was lost, unless it is a counter or encrypted.
    """

    examples = ("git-keyval rename candidate release",)

    moves = True


def _ending(source: KeyView, target: KeyView) -> tuple[RefUpdate, ...]:
    """Give the second key the expiry of the first."""
    oid = source.seen.refs.get(source.expiry_name) if source.alive() else None
    if oid is None:
        return expiry_update(target, FOREVER, alive=False)
    return (RefUpdate(target.expiry_name, target.expected(target.expiry_name), oid),)


def _asserted(view: PairView) -> tuple[RefUpdate, ...]:
    """Assert what was copied: a rival must not change it meanwhile. That something is absent cannot be asserted."""
    source = view.source
    counted = source.breadcrumbs() if source.held_type() == COUNTER_TYPE else ()
    names = [source.value_name, source.expiry_name, *(crumb.name for crumb in counted)]
    refs = {name: source.seen.refs[name] for name in names if name in source.seen.refs}
    if source.alive() and source.holds_elements():
        refs |= view.element_expiries(source)
    return tuple(RefUpdate(name, oid, oid) for name, oid in refs.items())


def _counter_at(view: KeyView) -> tuple[Counter, Sequence[Breadcrumb]]:
    """Return the counter that is replaced, with its breadcrumbs; beside anything else all breadcrumbs are void."""
    try:
        return view.counter(""), view.breadcrumbs()
    except (WrongTypeError, MalformedRecordError):
        return Counter(), ()
