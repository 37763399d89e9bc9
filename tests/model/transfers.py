"""Transactions on two counters, and what moves one to the other's key, as a model to explore: whole runs of the product, one
request of one client at a time.

A client is the replies that it has had since its begin, so nothing of a transaction's memory has to be known here. Refs may move
between any two selections of a read, and within one between what is of the first counter and the rest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, permutations, product
from typing import Literal, NamedTuple, TypeVar

from git_keyval.commands.copies import Copy, Rename
from git_keyval.commands.counters import Incr
from git_keyval.commands.transactions import Assert, Batch, Item
from git_keyval.commands.values import Append, Get
from git_keyval.database.answers import Answer, said, shown_value
from git_keyval.database.command import Bound
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.errors import OutcomeUnknownError
from git_keyval.format.counters import Counter
from git_keyval.format.names import DEFAULT_NAMING, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.format.values import Value, parse_value
from git_keyval.maintenance.execute import Budget, Done, execute
from git_keyval.maintenance.gather import plan_gather
from git_keyval.store.port import Applied, Conflict, Selection, Transaction, Unknown
from tests.model.database import KEY, START, ModelStore, Ref, Refs, apply, breadcrumb, counter_ref
from tests.model.replay import Asked, ReplayStore, Replies, Reply, selected
from tests.replacing import replace
from tests.world import key

OTHER, NOTE = key("other"), key("note")
OTHER_VALUE = DEFAULT_NAMING.value(OTHER.id)
T = TypeVar("T")
Held = tuple[int | None, int | None, int]
"""What the two counters hold, None where there is none, and how long the note is."""

FIRST = (10, 20)
NOTHING = "nothing"
LIMIT, MOST = 8, 30


class Op(NamedTuple):
    """One operation; two of one name are two runs of it, which begin when those that they come ``after`` have ended.

    ``move``: an amount goes from the first counter to the other one; ``once``: so it does under an operation id. ``guarded``: the
    other one is incremented if the first one holds LIMIT at least; ``skewed``: the first one if the other one holds less than MOST.
    ``note`` is on the first one, and appends to the note, too. ``incr``, ``leave``, ``copy`` and ``rename`` are on one of the two;
    the last two write the other one, or only where there is none if that has to be ``absent``.
    """

    name: str
    kind: Literal["move", "once", "guarded", "skewed", "note", "incr", "leave", "read", "copy", "rename"]
    amount: int = 0
    at: Literal[0, 1] = 0
    absent: bool = False
    after: tuple[str, ...] = ()


class Told(NamedTuple):
    """How a run ended: with the numbers that it was given, that its condition was not met, or that nobody can know.

    NOTHING is what a read has seen of a key that does not exist; None is a number that was not given.
    """

    how: Literal["done", "refused", "unknown"]
    numbers: tuple[int | str | None, ...] = ()


class State(NamedTuple):
    """All that there is at one moment. ``after``: for each client those that had ended when it began, as bits."""

    refs: Refs
    clients: tuple[Replies | None, ...]
    told: tuple[Told | None, ...]
    after: tuple[int, ...]
    gather: Replies | None
    flights: tuple[Transaction, ...]
    lost: int
    late: int
    gathers: int


@dataclass(frozen=True)
class Variant:
    """Who takes part, and how often something happens.

    ``lost``: a reply is lost, of a request that was applied or was not; ``late``: a request may arrive at any time, or never.
    ``waiting``: an increment that waits beside the first counter from the beginning.
    """

    ops: tuple[Op, ...]
    lost: int = 0
    late: int = 0
    gathers: int = 0
    waiting: int = 0


class TornStore(ReplayStore):
    """A store of which each selection is two requests: for what is of the first counter, and for the rest."""

    def _refs(self, selection: Selection) -> dict[RefName, Oid]:
        refs: dict[RefName, Oid] = {}
        for ours in (True, False):
            names = tuple(name for name in selection.names if (KEY.id[2:] in name) is ours)
            prefixes = tuple(prefix for prefix in selection.prefixes if (KEY.id[2:] in prefix) is ours)
            if names or prefixes:
                refs |= super()._refs(Selection(names, prefixes))
        return refs


class TransferProtocol:
    """A variant as a model that can be explored."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self._store = TornStore()
        self._runs: dict[tuple[int, Replies], Asked | Told | Done] = {}

    def start(self) -> State:
        first = Ref(OTHER_VALUE, counter_ref(Counter(FIRST[1], "otheroth", 1, (("otheroth", FIRST[1]),))).oid)
        variant = self.variant
        crumbs = [breadcrumb(timestamp(Micros(START - SECOND)), "leftleft", variant.waiting)] if variant.waiting else []
        refs = tuple(sorted([counter_ref(Counter(FIRST[0], "seedseed", 1, (("seedseed", FIRST[0]),))), first, *crumbs]))
        nobody = (None,) * len(variant.ops)
        return State(refs, nobody, nobody, (0,) * len(nobody), None, (), variant.lost, variant.late, variant.gathers)

    def is_end(self, state: State) -> bool:
        return None not in state.told

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        ended = {op.name for op, told in zip(self.variant.ops, state.told, strict=True) if told is not None}
        for number, op in enumerate(self.variant.ops):
            if state.told[number] is None and ended.issuperset(op.after):
                yield from self._step(state, number, op.name)
        if state.gather is not None or state.gathers:
            yield from self._gathering(state)
        for place, transaction in enumerate(state.flights):
            refs, rest = apply(state.refs, transaction), state.flights[:place] + state.flights[place + 1 :]
            yield "a request arrives late", state._replace(refs=state.refs if refs is None else refs, flights=rest)

    def _step(self, state: State, number: int, name: str) -> Iterator[tuple[str, State]]:
        replies = state.clients[number]
        if replies is None:
            ended = sum(1 << other for other, told in enumerate(state.told) if told is not None and told.how != "unknown")
            state = state._replace(after=_put(state.after, number, ended))
            replies = ()
        asked = self._run(number, replies)
        assert isinstance(asked, Asked)
        if isinstance(asked.what, Selection):
            yield f"{name} reads", self._answered(state, number, (*replies, selected(state.refs, asked.what)))
            return
        assert isinstance(asked.what, Transaction)
        after = apply(state.refs, asked.what)
        reply: Reply = Conflict(()) if after is None else Applied()
        there = state.refs if after is None else after
        yield f"{name} is {type(reply).__name__}", self._answered(state._replace(refs=there), number, (*replies, reply))
        if state.lost:
            fewer = state._replace(lost=state.lost - 1)
            for what, refs in {"lost on its way": state.refs, "done, and its reply lost": there}.items():
                yield f"{name} is {what}", self._answered(fewer._replace(refs=refs), number, (*replies, Unknown("lost")))
        if state.late:
            fewer = state._replace(late=state.late - 1, flights=(*state.flights, asked.what))
            yield f"{name} is on its way for long", self._answered(fewer, number, (*replies, Unknown("lost")))

    def _answered(self, state: State, number: int, replies: Replies) -> State:
        following = self._run(number, replies)
        if isinstance(following, Told):
            return state._replace(clients=_put(state.clients, number, None), told=_put(state.told, number, following))
        return state._replace(clients=_put(state.clients, number, replies))

    def _run(self, number: int, replies: Replies) -> Asked | Told | Done:
        """Return what a client tells, or asks for next, after these replies."""
        op = self.variant.ops[number]
        database = self._database(f"fresh{number}" * 2)
        return self._known(number, replies, lambda: _told(op, lambda: perform(database, command_of(op))))

    def _database(self, new_op: str) -> Database:
        return Database(self._store, sleep=lambda _: None, random=lambda: 0.5, new_op=lambda: new_op)

    def _known(self, number: int, replies: Replies, act: Callable[[], Told | Done]) -> Asked | Told | Done:
        if (number, replies) not in self._runs:
            self._runs[number, replies] = self._store.run(act, replies)
        return self._runs[number, replies]

    def _gathering(self, state: State) -> Iterator[tuple[str, State]]:
        begun = state if state.gather is not None else state._replace(gather=(), gathers=state.gathers - 1)
        assert begun.gather is not None
        database = self._database("gathergath")

        def gather() -> Done:
            return execute(database, plan_gather(database, 0), Budget(lambda: 0.0))

        asked = self._known(-1, begun.gather, gather)
        assert isinstance(asked, Asked)
        refs, reply = state.refs, selected(state.refs, asked.what) if isinstance(asked.what, Selection) else None
        if isinstance(asked.what, Transaction):
            after = apply(refs, asked.what)
            refs, reply = (refs, Conflict(())) if after is None else (after, Applied())  # type: ignore[assignment]
        assert reply is not None
        replies = (*begun.gather, reply)
        more = isinstance(self._known(-1, replies, gather), Asked)
        yield "gather makes a request", begun._replace(refs=refs, gather=replies if more else None)

    def complaint(self, state: State) -> str | None:
        """Return why no order of the operations explains what they were told, and what is left."""
        ends = [*zip(self.variant.ops, state.told, strict=True)]
        told = {op.name: [end for other, end in ends if end is not None and other.name == op.name] for op in self.variant.ops}
        left = self._left(state.refs)
        names = [*dict.fromkeys(op.name for op in self.variant.ops)]
        certain = {name for name in names if any(end.how != "unknown" for end in told[name])}
        maybe = [name for name in names if name not in certain]
        for count in range(len(maybe) + 1):
            for some in combinations(maybe, count):
                runs = [[op for op in self.variant.ops if op.name == name] for name in (*certain, *some)]
                orders = (order for done in product(*runs) for order in permutations(done))
                if any(self._explains(order, state, told, left) for order in orders):
                    return None
        return f"no order explains {told}; {left} is left"

    def _explains(self, order: Sequence[Op], state: State, told: Mapping[str, list[Told]], left: Held) -> bool:
        """Return whether the operations in this order, each as one of its runs has done it, give all answers and what is left."""
        held: Held = (FIRST[0] + self.variant.waiting, FIRST[1], 0)
        for place, op in enumerate(order):
            if any(self._begins_after(state, op.name, other.name) for other in order[place + 1 :]):
                return False
            held, answer = _done(op, held)
            if any(not _fits(end, answer) for end in told[op.name]):
                return False
        return held == left

    def _begins_after(self, state: State, name: str, other: str) -> bool:
        """Return whether an operation began when a run of another one had ended."""
        ones, others = ([number for number, op in enumerate(self.variant.ops) if op.name == each] for each in (name, other))
        return all(any(state.after[one] >> two & 1 for two in others) for one in ones)

    def _left(self, refs: Refs) -> Held:
        store = ModelStore(before=refs, now_there=refs)
        database = replace(self._database("lastlastla"), store=store)
        one, other, note = (perform(database, Get(key=each)).value for each in (KEY, OTHER, NOTE))
        assert not isinstance(one, Value)
        assert not isinstance(other, Value)
        return one, other, len(shown_value(note)) if isinstance(note, Value) else 0


def command_of(op: Op) -> Bound:
    here, there = (KEY, OTHER) if op.at == 0 else (OTHER, KEY)
    if op.kind in {"copy", "rename"}:
        return (Copy if op.kind == "copy" else Rename)(key=here, to=there, if_absent=op.absent)
    if op.kind in {"incr", "leave"}:
        return Incr(key=here, by=op.amount, op=op.name * 8, contention="breadcrumb" if op.kind == "leave" else "retry")
    items = _ITEMS[op.kind](op.amount)
    return _batch(*items).but(record=key(f"kv:op:{op.name}")) if op.kind == "once" else _batch(*items)


def _batch(*commands: Bound) -> Batch:
    return Batch(items=[Item(str(place), command, command.outputs) for place, command in enumerate(commands)])


def _moving(amount: int) -> Sequence[Bound]:
    return Incr(key=KEY, by=-amount), Incr(key=OTHER, by=amount)


_ITEMS: Mapping[str, Callable[[int], Sequence[Bound]]] = {
    "move": _moving,
    "once": _moving,
    "guarded": lambda amount: (Assert(key=KEY, at_least=Decimal(LIMIT)), Incr(key=OTHER, by=amount)),
    "skewed": lambda amount: (Assert(key=OTHER, less_than=Decimal(MOST)), Incr(key=KEY, by=amount)),
    "note": lambda amount: (Append(key=NOTE, value=parse_value("String", "x")), Incr(key=KEY, by=amount)),
    "read": lambda _: (Get(key=KEY), Get(key=OTHER)),
}


def _told(op: Op, act: Callable[[], Answer]) -> Told:
    try:
        answer = said(act())
    except OutcomeUnknownError:
        return Told("unknown")
    if answer.get("applied") is False:
        return Told("refused")
    results = answer.get("results", {"": answer})
    assert isinstance(results, dict)
    unsaid = NOTHING if op.kind == "read" else None
    numbers = [result.get("value", unsaid) for result in results.values() if isinstance(result, dict)]
    asked = numbers[1:] if op.kind in {"guarded", "skewed", "note"} else numbers
    return Told("done", tuple(number if number in {None, NOTHING} else int(str(number)) for number in asked))


def _done(op: Op, held: Held) -> tuple[Held, Told]:
    """Return what is held after an operation, and what it is told."""
    one, other, note = held
    if (op.kind == "guarded" and (one or 0) < LIMIT) or (op.kind == "skewed" and (other or 0) >= MOST):
        return held, Told("refused")
    match op.kind:
        case "read":
            return held, Told("done", tuple(NOTHING if number is None else number for number in (one, other)))
        case "copy" | "rename":
            return _placed(op, held)
        case "move" | "once":
            one, other = (one or 0) - op.amount, (other or 0) + op.amount
            return (one, other, note), Told("done", (one, other))
    if op.kind == "guarded" or op.at == 1:
        other = (other or 0) + op.amount
        return (one, other, note), Told("done", (other,))
    one = (one or 0) + op.amount
    return (one, other, note + (op.kind == "note")), Told("done", (one,))


def _placed(op: Op, held: Held) -> tuple[Held, Told]:
    moved = held[op.at]
    if moved is None or (op.absent and held[1 - op.at] is not None):
        return held, Told("refused")
    left = moved if op.kind == "copy" else None
    return (left, moved, held[2]) if op.at == 0 else (moved, left, held[2]), Told("done", (None,))


def _fits(told: Told, right: Told) -> bool:
    """Return whether somebody was told what is right; who waits may have no number yet."""
    if told.how == "unknown":
        return True
    numbers = zip(told.numbers, right.numbers, strict=True) if told.how == right.how else [(0, 1)]
    return all(number in {None, exact} for number, exact in numbers)


def _put(members: tuple[T, ...], place: int, member: T) -> tuple[T, ...]:
    return (*members[:place], member, *members[place + 1 :])
