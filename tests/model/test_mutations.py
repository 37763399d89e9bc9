"""What each rule of the protocol is for: the product with one of its rules broken, which the model finds out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from git_keyval.commands import copies, transactions
from git_keyval.commands import counters as commands
from git_keyval.commands.copies import Copy
from git_keyval.commands.counters import Incr
from git_keyval.database import perform, writing
from git_keyval.database.answers import Answer
from git_keyval.database.command import Change, Moment, Witness
from git_keyval.database.database import Database
from git_keyval.database.lifetimes import KEEP, chosen
from git_keyval.database.pairs import PairView
from git_keyval.database.transaction import PartReads
from git_keyval.errors import WrongTypeError
from git_keyval.format import counters as states
from git_keyval.format.counters import Counter
from git_keyval.format.names import KEYS_PREFIX, OUR_TAGS_PREFIX, RefName
from git_keyval.format.objects import Oid
from git_keyval.maintenance.gather import plan_gather
from git_keyval.maintenance.plan import Plan
from git_keyval.maintenance.sweep import plan_sweep
from git_keyval.store.port import (
    ABSENT,
    ANY,
    DELETE,
    Applied,
    Conflict,
    Depth,
    RefUpdate,
    Selection,
    Snapshot,
    Store,
    Transaction,
    joined,
)
from tests.around import StoreAround
from tests.model import protocol, transfers
from tests.model.database import BREADCRUMBS, EXPIRY, VALUE
from tests.model.protocol import Variant
from tests.model.test_counter_protocol import (
    DATA,
    DEL,
    FIRST,
    GET,
    GETDEL,
    GETDEL_TOO,
    LEAVES,
    SET,
    A,
    B,
    C,
    begins,
    brief,
    find,
    left,
    skewed,
)
from tests.model.test_transactions import (
    AGAIN,
    BACK_IF_ABSENT,
    COPY,
    GUARDED,
    INCR,
    LEAVE,
    MOVE,
    NOTE,
    ONCE,
    READ,
    RENAME,
    RENAME_THEN,
    SKEWED,
    THERE,
    WAITING,
)
from tests.model.test_transactions import find as find_transfers
from tests.replacing import replace

Patch = Callable[[pytest.MonkeyPatch], None]


def patched(module: Any, name: str, broken: Any) -> Patch:  # noqa: ANN401
    return lambda patch: patch.setattr(module, name, broken)


def _numbers_of_what_stays(patch: pytest.MonkeyPatch) -> None:
    """A plain increment adds itself, though older breadcrumbs have to stay, and its number counts them."""
    oldest, increment = states._oldest, states.increment

    def broken(base: Counter, crumbs: Any, by: int | None, *, op: str, now: Any) -> states.Fold:  # noqa: ANN401
        folded = increment(base, crumbs, by, op=op, now=now)
        if by is None or folded.counter.find(op) is None:
            return folded
        staying = states.total(base, crumbs) + by
        recent = tuple((done[0], staying) if done[0] == op else done for done in folded.counter.recent)
        return folded._replace(counter=replace(folded.counter, recent=recent))

    patch.setattr(states, "MAX_TAKEN", 1)
    patch.setattr(states, "_oldest", lambda base, crumbs: (oldest(base, crumbs)[0], False))
    patch.setattr(states, "increment", broken)


def _counts_again(patch: pytest.MonkeyPatch) -> None:
    """A breadcrumb that is in neither place was not applied, so it counts anew."""
    patch.setattr(commands, "_gone", lambda _state: None)


def _leaves_a_second(patch: pytest.MonkeyPatch) -> None:
    """A void breadcrumb is left a second time, and not moved."""
    move = commands._move

    def broken(state: Any) -> Change:  # noqa: ANN401
        change = move(state)
        made = tuple(update for update in change.transaction.updates if update.expect is ABSENT)
        return change._replace(transaction=replace(change.transaction, updates=made))

    patch.setattr(commands, "_move", broken)


def _stays_beside_another_value(patch: pytest.MonkeyPatch) -> None:
    """Whoever waits beside a value of another type fails without withdrawing."""
    patch.setattr(commands, "_withdrawal", lambda _state, failure: Answer(failure=failure))


def _withdraws_at_the_end(patch: pytest.MonkeyPatch) -> None:
    """Whoever waits no longer withdraws, and says that nothing was counted."""
    patch.setattr(commands, "MOST_POLLS", 0)
    withdrawal = commands._withdrawal

    def broken(state: Any) -> object:  # noqa: ANN401
        return withdrawal(state, WrongTypeError("incr", "nothing", "time")) if state.own else Answer(pending=True)

    patch.setattr(commands, "_pending", lambda state: Answer(applied=True, pending=True, version=state.view.version))
    waiting = commands._waiting

    def waits(state: Any) -> object:  # noqa: ANN401
        found = waiting(state)
        return broken(state) if isinstance(found, Answer) and found.pending else found

    patch.setattr(commands, "_waiting", waits)


def _believes_a_denial(patch: pytest.MonkeyPatch) -> None:
    """The performer takes the denial of what was sent twice for a certain one."""

    def broken(_self: object, change: Change, end: object) -> object:
        return None if isinstance(end, Conflict) else doubt(_self, change, end)

    doubt: Any = perform.Performance._doubt
    patch.setattr(perform.Performance, "_doubt", broken)


def _everything_is_proof(patch: pytest.MonkeyPatch) -> None:
    """What is not remembered was not applied."""
    patch.setattr(states, "certainly_not_applied", lambda op, _before, after: after.find(op) is None)


def _unknown_is_denied(patch: pytest.MonkeyPatch) -> None:
    """The performer goes on after a lost reply as after a denial."""
    sent = writing.write_each

    def broken(*args: Any) -> object:  # noqa: ANN401
        return [Conflict(()) if type(end).__name__ == "Unknown" else end for end in sent(*args)]

    patch.setattr(perform, "write_each", broken)


def _settles_nobody(patch: pytest.MonkeyPatch) -> None:
    """SET deletes what counts without a number, and voids it."""
    assign = states.assign

    def broken(base: Counter, crumbs: Sequence[Any], *args: Any, **named: Any) -> states.Fold:  # noqa: ANN401
        return assign(base, (), *args, **named)._replace(taken=list(crumbs))

    patch.setattr(states, "assign", broken)


def _forgets_an_expired_counter(patch: pytest.MonkeyPatch) -> None:
    """The memory of an expired counter is not looked at, and what is in neither place counts anew."""
    patch.setattr(commands, "_lying", lambda _view: Counter())
    _counts_again(patch)


def _one_commit_for_one_step(patch: pytest.MonkeyPatch) -> None:
    """Counter commits do not say who made them, and remember nothing: two of one step are the same."""
    encode = states.encode_counter
    patch.setattr(states, "encode_counter", lambda counter: encode(replace(counter, op="samesame", recent=())))


def _remembered_counts_again(patch: pytest.MonkeyPatch) -> None:
    """A breadcrumb of a remembered operation counts."""
    counting = states.counting
    patch.setattr(states, "counting", lambda base, crumbs: counting(replace(base, recent=()), crumbs))


def _denied_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """What was sent before its reply was lost counts as denied where it is denied now."""

    def broken(_self: object, writes: Sequence[writing.Write]) -> None:
        for write in writes:
            write.end = Conflict(())

    patch.setattr(writing.Writer, "_judge", broken)


def _gone_is_taken(patch: pytest.MonkeyPatch) -> None:
    """A GETDEL in doubt takes the value's absence for its own work."""
    judged = writing.Write.judged

    def broken(write: writing.Write, refs: Mapping[RefName, Oid]) -> writing.End:
        deleted = [update.name for update in write.transaction.updates if update.new is DELETE]
        return judged(write, refs) if refs.keys() & deleted else Applied()

    patch.setattr(writing.Write, "judged", broken)


class _Listed(StoreAround):
    """Has listed what there is already."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._listed = list(store.list([KEYS_PREFIX, OUR_TAGS_PREFIX]))

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:  # noqa: ARG002
        return iter(self._listed)


def _sweep_reads_the_clock_last(patch: pytest.MonkeyPatch) -> None:
    """A sweep looks at the clock once it has listed what there is."""
    patch.setattr(protocol, "plan_sweep", lambda database: plan_sweep(replace(database, store=_Listed(database.store))))


def _sweep_does_not_compare(patch: pytest.MonkeyPatch) -> None:
    """A sweep deletes what it has seen, whatever it is by now."""

    def broken(database: Database) -> Plan:
        plan = plan_sweep(database)
        for number, action in enumerate(plan.actions):
            updates = tuple(replace(update, expect=ANY) for update in action.transaction.updates)
            plan.actions[number] = replace(action, transaction=Transaction(updates))
        return plan

    patch.setattr(protocol, "plan_sweep", broken)


def _voids_where_there_is_nothing(patch: pytest.MonkeyPatch) -> None:
    """A SET that needs nothing to be there voids what is left meanwhile, as one that replaces a counter does."""
    assign = states.assign

    def broken(base: Counter, crumbs: Any, value: int, time: Any, *, now: Any, **named: Any) -> states.Fold:  # noqa: ANN401
        return assign(base, crumbs, value, time or states.next_time(now, base, crumbs), now=now, **named)

    patch.setattr(states, "assign", broken)


class _ReadBefore(StoreAround):
    """Shows of the key what there was at first."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._before = store.read(Selection((VALUE, EXPIRY)))

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        names = {name for selection in selections for name in selection.names}
        return self._before if names == {VALUE, EXPIRY} else self._store.read(*selections, depth=depth)


def _gather_reads_the_counter_first(patch: pytest.MonkeyPatch) -> None:
    """A gather lists the breadcrumbs once it has read the counters."""

    def broken(database: Database, grace_seconds: int) -> Plan:
        return plan_gather(replace(database, store=_ReadBefore(database.store)), grace_seconds)

    patch.setattr(protocol, "plan_gather", broken)


def _begins_again_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """After a lost reply a counter that is not there was not begun, and begins once more."""
    certainly = states.certainly_not_applied
    patch.setattr(
        states,
        "certainly_not_applied",
        lambda op, before, after: after.find(op) is None if not before.recent else certainly(op, before, after),
    )


def _begins_whatever_is_there(patch: pytest.MonkeyPatch) -> None:
    """An increment with a first number begins a counter that is there."""
    state = commands._state
    patch.setattr(commands, "_state", lambda *args: state(*args)._replace(alive=False))


def _begins_with_itself(patch: pytest.MonkeyPatch) -> None:
    """The first number is that of whoever begins the counter, and not of the oldest that it folds."""
    patch.setattr(states, "begun_at", lambda base, _crumbs, by, first: replace(base, value=first - by))


def _begins_with_the_expiry_before(patch: pytest.MonkeyPatch) -> None:
    """What begins where a counter has expired keeps that expiry."""
    patch.setattr(commands._State, "expiry", property(lambda _state: KEEP))


def _lives_from_when_it_was_asked(patch: pytest.MonkeyPatch) -> None:
    """A lifetime is reckoned from the begin of the step, however long that has waited."""
    patch.setattr(
        Incr, "lifetime", lambda command, moment: chosen(moment.begun, moment.granularity, command.ttl, command.expires_at)
    )


def _counter_as_witness(patch: pytest.MonkeyPatch) -> None:
    """What shows whether a transaction was applied is one of its counters, on which rivals count on."""
    proving = transactions._proving

    def broken(changes: Mapping[int, Change]) -> tuple[int, Change]:
        place, change = proving(changes)
        return place, change._replace(proof=Witness(VALUE))

    patch.setattr(transactions, "_proving", broken)


def _decides_anew_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """After a lost reply the commands decide as if nothing had been sent; counters know better, the others do not."""
    patch.setattr(transactions.Batch, "_after_doubt", lambda *_: None)


def _believes_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """After a lost reply all is taken for applied."""
    patch.setattr(transactions.Batch, "_after_doubt", lambda _self, _view, moment, _sent: moment.doubt.change.answer)


def _asserts_nothing(patch: pytest.MonkeyPatch) -> None:
    """A transaction has what is moved, and not what is asserted."""

    def broken(*parts: Transaction) -> Transaction:
        whole = joined(*parts)
        return replace(whole, updates=tuple(update for update in whole.updates if update.expect != update.new))

    patch.setattr(transactions, "joined", broken)


def _reads_once(patch: pytest.MonkeyPatch) -> None:
    """What several commands read is read once."""
    of = PartReads.of
    patch.setattr(PartReads, "of", lambda parts, **_: of(parts))


def _records_nothing(patch: pytest.MonkeyPatch) -> None:
    """An operation is not looked for in the records."""
    patch.setattr(transactions.Batch, "form", lambda batch: batch)


def _drops_what_waits(patch: pytest.MonkeyPatch) -> None:
    """A rename takes the breadcrumbs of a counter away, and does not count them."""
    counter = Copy._counter

    def broken(command: Copy, view: PairView, moment: Moment) -> object:
        return counter(command, replace(view, source=replace(view.source, crumbs=())), moment)

    patch.setattr(Copy, "_counter", broken)


def _leaves_what_it_has_counted(patch: pytest.MonkeyPatch) -> None:
    """A rename counts the breadcrumbs of a counter, and leaves them where they are."""
    left = Copy._left
    patch.setattr(Copy, "_left", lambda command, view: [update for update in left(command, view) if BREADCRUMBS not in update.name])


def _forgets_what_was_counted(patch: pytest.MonkeyPatch) -> None:
    """A renamed counter has its number only, as a copied one."""

    def broken(base: Counter, crumbs: Sequence[Any], other: Counter, time: Any, **named: Any) -> states.Fold:  # noqa: ANN401
        return states.assign(base, crumbs, other.value, time, **named)

    patch.setattr(states, "replaced", broken)


def _takes_away_unseen(patch: pytest.MonkeyPatch) -> None:
    """A rename takes away what is at the old key by then, whatever it has read there."""
    left = Copy._left
    patch.setattr(Copy, "_left", lambda command, view: [replace(update, expect=ANY) for update in left(command, view)])


def _stays_at_both(patch: pytest.MonkeyPatch) -> None:
    """A rename leaves the counter at the old key, too."""
    patch.setattr(Copy, "_left", lambda _command, view: copies._asserted(view))


def _copies_what_it_has_read(patch: pytest.MonkeyPatch) -> None:
    """A copy does not assert what it copies."""
    patch.setattr(copies, "_asserted", lambda _view: ())


def _replaces_unseen(patch: pytest.MonkeyPatch) -> None:
    """What is renamed or copied replaces whatever is there by then."""
    patch.setattr(copies, "RefUpdate", lambda name, expect, new: RefUpdate(name, ANY if new is not DELETE else expect, new))


MUTATIONS: dict[str, tuple[Patch, Variant]] = {
    "numbers of what stays": (_numbers_of_what_stays, Variant((left(A), left(B), C))),
    "counts again, which a GETDEL took along": (_counts_again, Variant((A, B, GETDEL))),
    "leaves a second breadcrumb": (_leaves_a_second, Variant((A, B, skewed(SET, 9), GETDEL))),
    "stays beside another value": (_stays_beside_another_value, Variant((A, B, DATA, DEL))),
    "withdraws when it gives up": (_withdraws_at_the_end, Variant((A, B, GET))),
    "believes a denial of what it sent twice": (
        _believes_a_denial,
        Variant((A, B, GETDEL), late=1, late_breadcrumbs=False),
    ),
    "what is not remembered was not applied": (_everything_is_proof, Variant((A, GETDEL), lost=1)),
    "a lost reply is a denial": (_unknown_is_denied, Variant((A, GETDEL), lost=1)),
    "SET settles nobody": (_settles_nobody, Variant((A, B, SET, GET))),
    "forgets what an expired counter remembers": (_forgets_an_expired_counter, Variant((A, B, C), mortal=True)),
    "one commit for one step": (_one_commit_for_one_step, Variant((A, A._replace(name="b")))),
    "denied in doubt, a DEL": (_denied_in_doubt, Variant((A, DEL), late=1)),
    "denied in doubt, a GETDEL": (_denied_in_doubt, Variant((A, GETDEL), late=1)),
    "what is gone was taken by itself": (_gone_is_taken, Variant((A, GETDEL, GETDEL_TOO), lost=1)),
    "sweep reads the clock last": (_sweep_reads_the_clock_last, Variant((A, LEAVES), mortal=True, sweeps=1)),
    "sweep does not compare": (_sweep_does_not_compare, Variant((A,), mortal=True, sweeps=1)),
    "a remembered operation counts again": (_remembered_counts_again, Variant((A, B, LEAVES, GET))),
    "voids where there is nothing": (_voids_where_there_is_nothing, Variant((A, LEAVES, GETDEL, FIRST))),
    "gather reads the counter first": (_gather_reads_the_counter_first, Variant((SET, A, LEAVES), data=True, gathers=1)),
    "begins again in doubt": (_begins_again_in_doubt, Variant((begins(A), GETDEL), counter=None, lost=1)),
    "begins whatever is there": (_begins_whatever_is_there, Variant((begins(A), begins(B)))),
    "begins with itself": (_begins_with_itself, Variant((left(begins(B)), begins(A)), counter=None)),
    "begins with the expiry before": (_begins_with_the_expiry_before, Variant((begins(A),), mortal=True)),
    "lives from when it was asked": (_lives_from_when_it_was_asked, Variant((brief(A), brief(B)), mortal=True)),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_model_sees_what_each_rule_is_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, variant = MUTATIONS[name]
    broken(monkeypatch)
    assert find(variant).complaint is not None


TRANSACTIONS: dict[str, tuple[Patch, transfers.Variant]] = {
    "a counter is a witness": (_counter_as_witness, transfers.Variant((NOTE, INCR), lost=1)),
    "decides anew in doubt": (_decides_anew_in_doubt, transfers.Variant((NOTE,), lost=1)),
    "believes in doubt": (_believes_in_doubt, transfers.Variant((MOVE,), lost=1)),
    "asserts nothing": (_asserts_nothing, transfers.Variant((GUARDED, SKEWED))),
    "reads once": (_reads_once, transfers.Variant((MOVE, READ))),
    "records nothing": (_records_nothing, transfers.Variant((ONCE, ONCE))),
    "a rename drops what waits": (_drops_what_waits, transfers.Variant((RENAME,), waiting=WAITING)),
    "a rename leaves what it has counted": (_leaves_what_it_has_counted, transfers.Variant((RENAME,), waiting=WAITING)),
    "a rename forgets what was counted": (_forgets_what_was_counted, transfers.Variant((INCR, RENAME_THEN, AGAIN))),
    "a rename takes away what it has not read": (_takes_away_unseen, transfers.Variant((RENAME, INCR))),
    "a rename replaces what it has not read": (_replaces_unseen, transfers.Variant((RENAME, THERE, THERE))),
    "a renamed counter stays at both": (_stays_at_both, transfers.Variant((RENAME,))),
    "a rename is denied in doubt": (_denied_in_doubt, transfers.Variant((RENAME,), late=1)),
    "a rename voids where there is nothing": (
        _voids_where_there_is_nothing,
        transfers.Variant((RENAME, BACK_IF_ABSENT, LEAVE), waiting=WAITING, gathers=1),
    ),
    "a copy is of what was there before": (_copies_what_it_has_read, transfers.Variant((COPY, INCR, READ))),
}


@pytest.mark.parametrize("name", TRANSACTIONS)
def test_the_model_of_transactions_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, variant = TRANSACTIONS[name]
    broken(monkeypatch)
    assert find_transfers(variant).complaint is not None
