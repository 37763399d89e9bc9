"""Clients of one counter as a model to explore: the product's own performer and decisions, one request of one client at a time.

A step is as small as a request: each read, in its two parts, and each transaction. What a client computes belongs to the step of
its last read, its begin to its first read, and its end to its last step; this makes the judgement stricter, never laxer. The jobs
are planned and executed by the product, too: a clock that one reads belongs to the step of its next request.
"""

import copy
import itertools
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from git_keyval.commands.counters import Assign, Contention, Incr
from git_keyval.commands.values import Del, Get, Getdel, Set
from git_keyval.database.answers import Answer
from git_keyval.database.command import Bound, Decision
from git_keyval.database.conditions import ALWAYS, IF_ABSENT
from git_keyval.database.database import Database
from git_keyval.database.perform import Performance, perform
from git_keyval.errors import GitKeyvalError, OutcomeUnknownError, OverwrittenError, WrongTypeError
from git_keyval.format.counters import Counter
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.format.values import parse_value
from git_keyval.maintenance.execute import Budget, Done, execute
from git_keyval.maintenance.gather import plan_gather
from git_keyval.maintenance.plan import Plan
from git_keyval.maintenance.sweep import plan_sweep
from git_keyval.store.port import Applied, Conflict, Selection, Transaction, Unknown
from tests.model.database import (
    AFTERWARDS,
    BREADCRUMBS,
    DATA_REF,
    EXPIRY_REF,
    KEY,
    START,
    VALUE,
    ModelStore,
    Ref,
    Refs,
    apply,
    breadcrumb,
    counter_ref,
)
from tests.model.judgement import DATA, Call, is_explained
from tests.model.replay import Asked, ReplayStore, Replies, Reply, selected
from tests.replacing import replace

Kind = Literal["incr", "set", "force", "first", "del", "getdel", "data", "get"]
SEED = Counter(10, "seedseed", 1, (("seedseed", 10),))
_FIXED = {"naming", "granularity", "cipher", "data"}
_UNDISTURBED = {"data", "get"}
_KILLED = {"incr", "set"}
_CERTAIN = {"number", "applied", "pending", "ok"}


class Op(NamedTuple):
    """One operation. Two of one name are two runs of it. One that is ``left`` has left its breadcrumb before, and is run again.

    A counter that it begins has the number ``start``, if that is not None, and lives for so many seconds, if ``ttl`` is not None.
    """

    name: str
    kind: Kind
    number: int = 1
    waits: bool = True
    skew: int = 0
    left: bool = False
    start: int | None = None
    ttl: int | None = None


class End(NamedTuple):
    """How a client ended: with a number, or that it was applied, is pending, failed, cannot know, was killed, is not to count."""

    how: Literal["number", "applied", "pending", "ok", "unknown", "dead", "withdrawn", "refused"]
    number: int | None = None


class Client(NamedTuple):
    """One client. ``before``: the refs at its first read. ``local``: what it remembers, as an index into what there was.

    ``replies``: what it was answered since it decided to write.
    """

    phase: Literal["new", "reading", "listing", "rest", "sending", "ended"] = "new"
    local: int = 0
    before: Refs = ()
    late: bool = False
    end: End | None = None
    replies: Replies = ()


class Left(NamedTuple):
    """How often something may still happen."""

    lost: int
    gathers: int
    sweeps: int
    kills: int
    late: int


class State(NamedTuple):
    """All that there is at one moment.

    ``gather``, ``sweep``: None, or what the job was answered so far. ``flights``: requests that nobody waits for and that may
    arrive at any time, or never. ``left``: what may still happen. ``ended``: which operations have ended, as bits by name;
    ``begun_after``: for each name those that had ended when it began, None before that.
    """

    refs: Refs
    clients: tuple[Client, ...]
    gather: Replies | None
    sweep: Replies | None
    flights: tuple[Transaction, ...]
    left: Left
    expired: bool
    ended: int
    begun_after: tuple[int | None, ...]


@dataclass(frozen=True)
class Variant:
    """Who takes part, what may go wrong, and how things stand at first.

    ``lost``: replies that are lost, of requests that were applied or were not. ``late``: requests that may arrive at any time,
    not breadcrumbs alone without ``late_breadcrumbs``.
    ``kills``: clients that are killed, for good or to be run again. ``torn``: a listing may miss, or show, what changes meanwhile.
    ``gives_up``: a client that waits may cease to, and leaves its breadcrumb. ``mortal``: the counter expires at some moment.
    ``data``: there is another value at first, with an increment beside it that was left for a counter before.
    """

    ops: tuple[Op, ...]
    lost: int = 0
    gathers: int = 0
    sweeps: int = 0
    kills: int = 0
    late: int = 0
    counter: Counter | None = SEED
    data: bool = False
    mortal: bool = False
    late_breadcrumbs: bool = True
    torn: bool = False
    gives_up: bool = False
    names: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(dict.fromkeys(op.name for op in self.ops)))


def operation_id(name: str) -> str:
    return name * 8


def command_of(op: Op) -> Bound:
    made = operation_id(op.name)
    match op.kind:
        case "incr":
            contention: Contention = "retry" if op.waits else "breadcrumb"
            return Incr(key=KEY, by=op.number, op=made, start=op.start, ttl=op.ttl, contention=contention)
        case "set" | "force" | "first":
            return Assign(key=KEY, number=op.number, op=made, condition=IF_ABSENT if op.kind == "first" else ALWAYS)
        case "del":
            return Del(keys=[KEY])
        case "getdel":
            return Getdel(key=KEY)
        case "data":
            return Set(key=KEY, value=parse_value("String", "data"))
        case "get":
            return Get(key=KEY)


class CounterProtocol:
    """A variant as a model that can be explored."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self._store = ModelStore()
        self._sending, self._working = ReplayStore(), ReplayStore(asked_for_time=True)
        self._databases = {limit: self._database(self._store, limit) for limit in (1, 50)}
        self._senders = {limit: self._database(self._sending, limit) for limit in (1, 50)}
        self._job_database = self._database(self._working, 50)
        self._commands = [command_of(op).form() for op in variant.ops]
        self._locals: list[tuple[Performance[Any], Decision | None] | None] = [None]
        self._indices: dict[Hashable, int] = {}
        self._steps: dict[Hashable, Client] = {}
        self._asked: dict[Hashable, Asked | Done] = {}
        self._places = {name: place for place, name in enumerate(variant.names)}

    @staticmethod
    def _database(store: ModelStore, max_attempts: int) -> Database:
        return Database(store, sleep=lambda _: None, random=lambda: 0.5, new_op=lambda: "freshfresh", max_attempts=max_attempts)

    def start(self) -> State:
        variant = self.variant
        refs = [] if variant.counter is None or variant.data else [counter_ref(variant.counter)]
        refs += [DATA_REF, breadcrumb(timestamp(Micros(START - SECOND)), "straystray", 1)] if variant.data else []
        refs += [EXPIRY_REF] if variant.mortal else []
        refs += [_left(place, op) for place, op in enumerate(variant.ops) if op.left]
        clients = tuple(Client() for _ in variant.ops)
        left = Left(variant.lost, variant.gathers, variant.sweeps, variant.kills, variant.late)
        begun = (*(0 if any(op.left for op in variant.ops if op.name == name) else None for name in variant.names),)
        begun = (*begun, None) if variant.mortal else begun
        return State(tuple(sorted(refs)), clients, None, None, (), left, expired=False, ended=0, begun_after=begun)

    def is_end(self, state: State) -> bool:
        return all(client.phase == "ended" for client in state.clients)

    def complaint(self, state: State) -> str | None:
        """Judge an end as told in tests.model.judgement."""
        calls = [self._call(state, name) for name in self.variant.names]
        if state.expired:
            calls.append(Call("expire", 0, frozenset(), state.begun_after[-1] or 0, certain=True))
        final = self._total(state)
        counter = self.variant.counter
        start = DATA if self.variant.data else None if counter is None else counter.value
        if is_explained(start, tuple(calls), final, mortal=self.variant.mortal):
            return None
        ends = ", ".join(f"{op.name}: {_told(client)}" for op, client in zip(self.variant.ops, state.clients, strict=True))
        return f"no order explains {ends}; {final} is left"

    def _call(self, state: State, name: str) -> Call:
        """Return what is known of an operation from all its runs."""
        op = next(op for op in self.variant.ops if op.name == name)
        ends = [client.end for op, client in zip(self.variant.ops, state.clients, strict=True) if op.name == name and client.end]
        refused = any(end.how == "refused" for end in ends)
        numbers = frozenset(end.number for end in ends if end.how == "number")
        certain = any(end.how in _CERTAIN for end in ends)
        withdrawn = not certain and any(end.how == "withdrawn" for end in ends)
        after = state.begun_after[self._places[name]] or 0
        mortal = op.ttl is not None
        return Call(op.kind, op.number, numbers, after, certain, refused, withdrawn, first=op.start, mortal=mortal)

    def _total(self, state: State) -> int | str | None:
        self._store.clock = AFTERWARDS if state.expired else START
        self._store.before = self._store.now_there = state.refs
        value = perform(self._databases[50], Get(key=KEY)).value
        return value if value is None or isinstance(value, int) else DATA

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        for number, client in enumerate(state.clients):
            name = self.variant.ops[number].name
            match client.phase:
                case "new" | "reading":
                    yield from self._read(state, number, client, name)
                case "listing":
                    for seen in _torn(client.before, _beside(state.refs)):
                        yield f"{name} ends its listing", self._put(state, number, client._replace(phase="rest", before=seen))
                case "rest":
                    yield f"{name} reads the rest", self._put(state, number, self._decided(state, number, client))
                case "sending":
                    yield from self._send(state, number, client, name)
        yield from self._gather(state)
        yield from self._sweep(state)
        for place, transaction in enumerate(state.flights):
            flights = state.flights[:place] + state.flights[place + 1 :]
            yield "a request arrives late", state._replace(refs=_applied(state.refs, transaction), flights=flights)
        if self.variant.mortal and not state.expired:
            begun = (*state.begun_after[:-1], state.ended)
            yield (
                "the counter expires",
                state._replace(expired=True, begun_after=begun, ended=state.ended | 1 << len(self.variant.names)),
            )

    def _read(self, state: State, number: int, client: Client, name: str) -> Iterator[tuple[str, State]]:
        if client.phase == "new":
            begun = list(state.begun_after)
            place = self._places[name]
            begun[place] = state.ended if begun[place] is None else begun[place]
            state = state._replace(begun_after=tuple(begun))
            if self.variant.ops[number].kind == "data":
                transaction = self._unread(number)
                after = apply(state.refs, transaction)
                assert after is not None
                yield f"{name} writes", self._put(state._replace(refs=after), number, Client("ended", end=End("ok")))
                return
            client = client._replace(local=self._local(self._begin(number, late=state.expired), None))
        phase: Literal["listing", "rest"] = "listing" if self.variant.torn else "rest"
        reading = client._replace(phase=phase, before=_beside(state.refs), late=state.expired)
        yield f"{name} reads its breadcrumbs", self._put(state, number, reading)
        if client.phase == "reading" and self.variant.gives_up:
            performance, _ = self._kept(client.local)
            if (
                performance._waited is not None and performance._waited.meanwhile is not None
            ):  # what it would answer if the store was gone
                yield f"{name} gives up", self._put(state, number, Client("ended", end=End("pending")))

    def _unread(self, number: int) -> Transaction:
        performance = self._begin(number, late=False)
        change = self._commands[number].blind_write(performance._moment)
        assert change is not None
        return change.transaction

    def _begin(self, number: int, *, late: bool) -> "Performance[Any]":
        op = self.variant.ops[number]
        self._store.clock = self._clock(number, late=late)
        return Performance(self._databases[1 if op.kind == "force" else 50], self._commands[number])

    def _clock(self, number: int, *, late: bool) -> Micros:
        return Micros((AFTERWARDS if late else START) + self.variant.ops[number].skew)

    def _decided(self, state: State, number: int, client: Client) -> Client:
        """Return the client after its last read, with what it will send, or its answer."""
        rest = tuple(ref for ref in state.refs if not ref.name.startswith(BREADCRUMBS))
        known = (number, client.local, client.before, client.late, rest)
        if known not in self._steps:
            performance, _ = self._kept(client.local)
            self._store.before, self._store.now_there = client.before, state.refs
            self._store.clock = self._clock(number, late=client.late)
            try:
                decision = performance.decide()
                self._steps[known] = self._following(number, performance, decision)
            except GitKeyvalError as exc:
                self._steps[known] = Client("ended", end=_end_of(exc))
        return self._steps[known]

    def _following(self, number: int, performance: "Performance[Any]", decision: Decision | None) -> Client:
        """Return the client for what comes next: another read, a request, or its end."""
        while decision is not None:
            if isinstance(decision, Answer):
                return Client("ended", end=_end_of_answer(self.variant.ops[number], decision))
            following = self._followed(number, performance, decision, ())
            if isinstance(following, Asked):
                return Client("sending", self._local(performance, decision))
            decision = following
        return Client("reading", self._local(performance, None))

    def _followed(
        self, number: int, performance: "Performance[Any]", decision: Decision, replies: Replies
    ) -> Asked | Decision | None:
        """Follow a decision as far as the replies reach. A run that is not over leaves the performance as it was."""
        limit = performance._database.max_attempts
        trying = copy.copy(performance)
        trying._database = self._senders[limit]
        self._sending.clock = self._clock(number, late=False)
        following = self._sending.run(lambda: trying.follow(decision), replies)
        if not isinstance(following, Asked):
            vars(performance).update(vars(trying))
            performance._database = self._databases[limit]
        return following

    def _send(self, state: State, number: int, client: Client, name: str) -> Iterator[tuple[str, State]]:
        performance, decision = self._kept(client.local)
        assert decision is not None
        asked = self._followed(number, performance, decision, client.replies)
        assert isinstance(asked, Asked)
        if isinstance(asked.what, Selection):
            found = selected(state.refs, asked.what)
            yield f"{name} looks what became of it", self._put(state, number, self._answered(number, client, found))
            return
        assert isinstance(asked.what, Transaction)
        yield from self._sent(state, number, client, name, asked.what)

    def _sent(self, state: State, number: int, client: Client, name: str, transaction: Transaction) -> Iterator[tuple[str, State]]:
        left, kind = state.left, self.variant.ops[number].kind
        after = apply(state.refs, transaction)
        if after is None:
            yield f"{name} is denied", self._put(state, number, self._answered(number, client, Conflict(())))
        else:
            applied = self._answered(number, client, Applied())
            yield f"{name} is applied", self._put(state._replace(refs=after), number, applied)
        if kind in _UNDISTURBED:
            return
        doubt = self._answered(number, client, Unknown("lost"))
        if left.lost:
            fewer = state._replace(left=left._replace(lost=left.lost - 1))
            yield f"{name} is not applied, and gets no reply", self._put(fewer, number, doubt)
            if after is not None:
                yield f"{name} is applied, and gets no reply", self._put(fewer._replace(refs=after), number, doubt)
        if left.late and (self.variant.late_breadcrumbs or any(update.name == VALUE for update in transaction.updates)):
            flights = tuple(sorted((*state.flights, transaction), key=repr))
            fewer = state._replace(left=left._replace(late=left.late - 1), flights=flights)
            yield f"{name} gets no reply, its request is on its way", self._put(fewer, number, doubt)
        if left.kills and kind in _KILLED:
            fewer = state._replace(left=left._replace(kills=left.kills - 1))
            for there in [fewer] if after is None else [fewer, fewer._replace(refs=after)]:
                what = "applied" if there.refs is not state.refs else "not applied"
                yield f"{name} is {what}, and killed", self._put(there, number, Client("ended", end=End("dead")))
                yield f"{name} is {what}, killed, and run again", self._put(there, number, Client())

    def _answered(self, number: int, client: Client, reply: Reply) -> Client:
        """Return the client after the reply to what it has sent, or to what it has looked for since."""
        replies = (*client.replies, reply)
        known = (number, client.local, replies)
        if known not in self._steps:
            performance, decision = self._kept(client.local)
            assert decision is not None
            try:
                following = self._followed(number, performance, decision, replies)
                self._steps[known] = (
                    Client("sending", client.local, replies=replies)
                    if isinstance(following, Asked)
                    else self._following(number, performance, following)
                )
            except GitKeyvalError as exc:
                self._steps[known] = Client("ended", end=_end_of(exc))
        return self._steps[known]

    def _kept(self, local: int) -> "tuple[Performance[Any], Decision | None]":
        found = self._locals[local]
        assert found is not None
        return copy.copy(found[0]), found[1]

    def _local(self, performance: "Performance[Any]", decision: Decision | None) -> int:
        """Return the index of what a client remembers: the same one for the same memory."""
        memory = {name: value for name, value in vars(performance).items() if name not in {"_database", "_view", "_moment"}}
        memory |= {name: value for name, value in vars(performance._moment).items() if name not in _FIXED}
        memory["_command"] = id(memory["_command"])
        waited = performance._waited
        memory["_waited"] = waited and (waited.meanwhile is not None, waited.recall, waited.if_gone)
        identity = (repr(sorted(memory.items())), repr(decision))
        if identity not in self._indices:
            self._indices[identity] = len(self._locals)
            self._locals.append((copy.copy(performance), decision))
        return self._indices[identity]

    def _gather(self, state: State) -> Iterator[tuple[str, State]]:
        left, replies = state.left, state.gather
        if replies is None:
            if not left.gathers or not any(ref.name.startswith(BREADCRUMBS) for ref in state.refs):
                return
            left, replies = left._replace(gathers=left.gathers - 1), ()
        database = replace(self._job_database, new_op=lambda: f"gather{left.gathers:04}")
        refs, gather = self._work(
            state, ("gather", left.gathers), lambda: self._executed(database, plan_gather(database, 0)), replies
        )
        yield "gather makes a request", state._replace(refs=refs, gather=gather, left=left)

    def _sweep(self, state: State) -> Iterator[tuple[str, State]]:
        left, replies = state.left, state.sweep
        if replies is None:
            if not left.sweeps:
                return
            left, replies = left._replace(sweeps=left.sweeps - 1), ()
        database = self._job_database
        refs, sweep = self._work(state, ("sweep",), lambda: self._executed(database, plan_sweep(database)), replies)
        yield "sweep makes a request", state._replace(refs=refs, sweep=sweep, left=left)

    @staticmethod
    def _executed(database: Database, plan: Plan) -> Done:
        return execute(database, plan, Budget(lambda: 0.0))

    def _work(self, state: State, job: Hashable, act: Callable[[], Done], replies: Replies) -> tuple[Refs, Replies | None]:
        """Let a job look at the clock and make one request; return the refs after it, and its replies if it is not over then."""
        clock = Micros((AFTERWARDS if state.expired else START) + 1_000)
        while (asked := self._job_asks(job, act, replies)) == Asked("now"):
            replies = (*replies, clock)
        if not isinstance(asked, Asked):
            return state.refs, None
        refs = state.refs
        if isinstance(asked.what, Selection):
            replies = (*replies, selected(refs, asked.what))
        else:
            assert isinstance(asked.what, Transaction)
            replies = (*replies, Conflict(()) if apply(refs, asked.what) is None else Applied())
            refs = _applied(refs, asked.what)
        return refs, replies if isinstance(self._job_asks(job, act, replies), Asked) else None

    def _job_asks(self, job: Hashable, act: Callable[[], Done], replies: Replies) -> Asked | Done:
        known = (job, replies)
        if known not in self._asked:
            self._asked[known] = self._working.run(act, replies)
        return self._asked[known]

    def _put(self, state: State, number: int, client: Client) -> State:
        clients = (*state.clients[:number], client, *state.clients[number + 1 :])
        ended = state.ended
        if client.end is not None and client.end.how in {"number", "applied", "pending", "ok", "withdrawn", "refused"}:
            ended |= 1 << self._places[self.variant.ops[number].name]
        return state._replace(clients=clients, ended=ended)


def _left(place: int, op: Op) -> Ref:
    return breadcrumb(timestamp(Micros(START - SECOND + place)), operation_id(op.name), op.number)


def _applied(refs: Refs, transaction: Transaction) -> Refs:
    """Return the refs after a transaction, whether it is applied or denied."""
    after = apply(refs, transaction)
    return refs if after is None else after


def _beside(refs: Refs) -> Refs:
    """Return what is read before the value: the breadcrumbs and the expiry."""
    return tuple(ref for ref in refs if ref.name.startswith(BREADCRUMBS) or ref.name == EXPIRY_REF.name)


def _torn(begun: Refs, ended: Refs) -> Iterator[Refs]:
    """Return all that a listing may show which began and ended so: any part of what came or went meanwhile."""
    meanwhile = sorted(set(begun) ^ set(ended))
    for count in range(len(meanwhile) + 1):
        for part in itertools.combinations(meanwhile, count):
            yield tuple(sorted({*(set(begun) & set(ended)), *part}))


def _end_of_answer(op: Op, answer: Answer) -> End:
    if answer.failure is not None:
        return _end_of(answer.failure)
    if op.kind == "first":
        return End("number", answer.applied)
    if op.kind in {"get", "getdel"}:
        return End("number", answer.value if isinstance(answer.value, int) else None)
    if op.kind != "incr":
        return End("ok")
    if answer.pending:
        return End("pending")
    return End("applied") if answer.value is None else End("number", answer.value if isinstance(answer.value, int) else None)


def _end_of(failure: GitKeyvalError) -> End:
    if isinstance(failure, OutcomeUnknownError):
        return End("unknown")
    if isinstance(failure, OverwrittenError):
        return End("withdrawn")
    if isinstance(failure, WrongTypeError):
        return End("refused")
    raise failure


def _told(client: Client) -> str:
    assert client.end is not None
    return client.end.how if client.end.number is None else str(client.end.number)
