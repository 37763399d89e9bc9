"""The counter protocol as a model to explore: clients, jobs, the clock and the network, one step of one of them at a time.

Steps are as small as the protocol's requests: each read, each transaction. What a client computes belongs to the step of its
last read, its begin to its first read and its end to its last step; that makes the judgement stricter, never laxer. A kill
matters only while a request is on its way: killed at any other moment, a client has done no more than after one of these.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, NamedTuple

from git_keyval.format import counters
from git_keyval.format.counters import Counter, Operation
from git_keyval.format.times import SECOND, Micros
from tests.model.clients import Attempt, Decision, Op, Rules, View, Why, decide
from tests.model.database import (
    ABSENT,
    AFTERWARDS,
    ANY,
    EXPIRY,
    EXPIRY_OID,
    START,
    VALUE,
    Ref,
    Refs,
    Transaction,
    apply,
    breadcrumb,
    breadcrumbs,
    load,
    parked,
    read_breadcrumb,
    store,
    target,
)
from tests.model.judgement import Call, is_explained

SEED = Counter(5, "seedseed", 1, (Operation("seedseed", 5),))
JOBS = ("gather", "sweep")


class Client(NamedTuple):
    """One client. ``after``: who had ended when it began, as bits."""

    phase: Literal["new", "reading", "sending", "done", "unknown"] = "new"
    after: int = 0
    view: View = View()
    step: int = 0
    expired: bool = False
    why: Why = "first"
    attempt: Attempt | None = None
    answer: int | None = None


class Flight(NamedTuple):
    """A request that nobody waits for any more and that may still arrive, at any time or never."""

    client: int
    transaction: Transaction


class State(NamedTuple):
    """All that there is at one moment. ``lost``, ``kills``: how many faults may still happen."""

    refs: Refs
    clients: tuple[Client, ...]
    flights: tuple[Flight, ...]
    lost: int
    kills: int
    expired: int | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """Who takes part, what may go wrong, and how things stand at first.

    ``late``: a request whose reply is lost may arrive at any later time, not only at once or never. ``mortal``: the counter
    expires at some moment. ``pending``: increments that were left as breadcrumbs before.
    """

    ops: tuple[Op, ...]
    rules: Rules = Rules()
    counter: Counter | None = SEED
    pending: tuple[int, ...] = ()
    lost: int = 0
    kills: int = 0
    late: bool = False
    mortal: bool = False


class CounterProtocol:
    """A variant as a model that can be explored."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self.ids = [op.kind + "abcdefgh"[i] * 8 for i, op in enumerate(variant.ops)]
        self.decide = [
            cache(partial(decide, op, id, variant.rules)) for op, id in zip(variant.ops, self.ids, strict=True)
        ]
        rules = variant.rules
        other = {"del": rules.removal_reads, "getdel": rules.removal_reads, "sweep": rules.removal_reads}
        other["gather"] = rules.gather_reads
        self.reads = [other.get(op.kind, rules.reads) for op in variant.ops]
        self.everybody = tuple(range(len(variant.ops)))
        self.judged = [i for i in self.everybody if variant.ops[i].kind not in JOBS]

    def start(self) -> State:
        refs = [
            breadcrumb(counters.next_time(Micros(START - SECOND + i), Counter(), []), f"pending{i}", delta)
            for i, delta in enumerate(self.variant.pending)
        ]
        if self.variant.counter is not None:
            refs.append(Ref(VALUE, store(self.variant.counter)))
        if self.variant.mortal:
            refs.append(Ref(EXPIRY, EXPIRY_OID))
        clients = tuple(Client() for _ in self.everybody)
        return State(tuple(sorted(refs)), clients, (), self.variant.lost, self.variant.kills)

    def is_end(self, state: State) -> bool:
        return all(state.clients[i].phase in {"done", "unknown"} for i in self.judged)

    def complaint(self, state: State) -> str | None:
        value = self._total(self.start())
        calls = [
            Call(op.kind, op.number, client.answer, client.after, client.phase == "done")
            for op, client in zip(self.variant.ops, state.clients, strict=True)
            if op.kind not in JOBS
        ]
        if state.expired is not None:
            calls.append(Call("expire", 0, None, state.expired, certain=True))
        left = self._total(state)
        mortal = self.variant.mortal
        writes = tuple(call._replace(answer=None) if call.kind == "get" else call for call in calls)
        if not is_explained(value, writes, left, mortal=mortal):
            ends = [f"{self.ids[i]} {state.clients[i].phase} {state.clients[i].answer}" for i in self.judged]
            return f"no order explains {', '.join(ends)} and {left} left"
        for place, call in enumerate(calls):
            alone = tuple(c if k == place else c._replace(answer=None) for k, c in enumerate(calls))
            if call.kind == "get" and not is_explained(value, alone, None, mortal=mortal):
                return f"the counter never was {call.answer}, which {self.ids[self.judged[place]]} has read"
        return None

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        for i in self.everybody:
            client = state.clients[i]
            if client.phase in {"new", "reading"}:
                yield from self._read(state, i, client)
            elif client.phase == "sending" and client.attempt is not None:
                yield from self._send(state, i, client, client.attempt)
        for flight in state.flights:
            if (after := apply(state.refs, flight.transaction)) is not None:
                rest = list(state.flights)
                rest.remove(flight)
                arrived = state._replace(refs=after, flights=tuple(rest))
                yield f"the request of {self.ids[flight.client]} arrives late", arrived
        if self.variant.mortal and state.expired is None:
            yield "the counter expires", state._replace(expired=self._ended(state))

    def _total(self, state: State) -> int:
        view = View(breadcrumbs(state.refs), target(state.refs, VALUE), target(state.refs, EXPIRY))
        return counters.total(view.base(self._clock(state.expired is not None)), view.crumbs())

    @staticmethod
    def _clock(expired: bool, skew: int = 0) -> Micros:  # noqa: FBT001
        return Micros((AFTERWARDS if expired else START) + skew)

    def _ended(self, state: State) -> int:
        """Give who has ended, as bits by position among the judged; expiry has the position after them."""
        ended = sum(1 << place for place, i in enumerate(self.judged) if state.clients[i].phase == "done")
        return ended | (0 if state.expired is None else 1 << len(self.judged))

    def _read(self, state: State, i: int, client: Client) -> Iterator[tuple[str, State]]:
        reads = self.reads[i]
        if client.step == 0:
            client = client._replace(expired=state.expired is not None)
        if client.phase == "new":
            client = client._replace(after=self._ended(state), phase="reading")
        view, told = self._look(state, i, client.view, reads[client.step])
        label = f"{self.ids[i]} reads {told}"
        if client.step + 1 < len(reads):
            yield label, self._put(state, i, client._replace(view=view, step=client.step + 1))
            return
        expired = client.expired if self.variant.rules.clock_first else state.expired is not None
        now = self._clock(expired, self.variant.ops[i].skew)
        for decision in self.decide[i](now, view, client.why, client.attempt):
            keeps = None if self.variant.rules.rereads else view
            yield f"{label}, {_told(decision)}", self._put(state, i, _decided(client, decision, keeps))

    def _look(self, state: State, i: int, view: View, what: str) -> tuple[View, str]:
        refs = state.refs
        if what == "breadcrumbs again" and view.value == ABSENT:
            return view, "nothing more"
        if what.startswith("breadcrumbs"):
            found = breadcrumbs(refs)
            return view._replace(breadcrumbs=found), _told_breadcrumbs(found)
        if what == "expiry":
            return view._replace(expiry=target(refs, EXPIRY)), "the expiry"
        seen = view._replace(value=target(refs, VALUE), parked=target(refs, parked(self.ids[i])) != ABSENT)
        if "expiry" not in self.reads[i]:
            seen = seen._replace(expiry=target(refs, EXPIRY))
        return seen, _told_counter(seen.value)

    def _send(self, state: State, i: int, client: Client, attempt: Attempt) -> Iterator[tuple[str, State]]:
        op, id = self.variant.ops[i], self.ids[i]
        after = apply(state.refs, attempt.transaction)
        if after is None:
            yield f"{id} is denied", self._denied(state, i, client, attempt)
        else:
            done = Client("done", client.after, answer=attempt.answer)
            yield f"{id} {_told_attempt(attempt)}", self._put(state._replace(refs=after), i, done)
        if op.steady or op.kind in JOBS:
            return
        if state.lost:
            doubt = Client("reading", client.after, why="doubt", attempt=attempt)
            worse = self._put(state._replace(lost=state.lost - 1), i, doubt)
            yield from self._fates(f"{id} gets no reply", worse, i, attempt)
        if state.kills and op.kind in {"incr", "set"}:
            worse = self._put(state._replace(kills=state.kills - 1), i, Client("reading", client.after))
            yield from self._fates(f"{id} is killed and run again", worse, i, attempt)

    def _fates(self, label: str, state: State, i: int, attempt: Attempt) -> Iterator[tuple[str, State]]:
        """Give what may become of a request that nobody waits for."""
        if self.variant.late:
            flights = tuple(sorted([*state.flights, Flight(i, attempt.transaction)]))
            yield f"{label}, {attempt.what} on its way", state._replace(flights=flights)
            return
        yield f"{label}, {attempt.what} not applied", state
        if (after := apply(state.refs, attempt.transaction)) is not None:
            yield f"{label}, {attempt.what} applied", state._replace(refs=after)

    def _denied(self, state: State, i: int, client: Client, attempt: Attempt) -> State:
        kind = self.variant.ops[i].kind
        if kind in JOBS:
            return self._put(state, i, Client("done", client.after))
        if not self.variant.rules.rereads and kind == "incr":
            (decision,) = self.decide[i](
                self._clock(client.expired, self.variant.ops[i].skew), client.view, "denied", None
            )
            return self._put(state, i, _decided(client, decision, client.view))
        doubtful = attempt.again and not self.variant.rules.trusts_denials
        why: Why = "denied in doubt" if doubtful else "denied"
        keep = attempt if kind == "getdel" or doubtful else None
        return self._put(state, i, Client("reading", client.after, why=why, attempt=keep))

    @staticmethod
    def _put(state: State, i: int, client: Client) -> State:
        return state._replace(clients=(*state.clients[:i], client, *state.clients[i + 1 :]))


def _decided(client: Client, decision: Decision, keeps: View | None) -> Client:
    if decision.phase != "sending":
        return Client(decision.phase, client.after, answer=decision.answer)
    return Client(
        "sending", client.after, keeps or View(), expired=client.expired and keeps is not None, attempt=decision.attempt
    )


@cache
def _told(decision: Decision) -> str:
    if decision.phase != "sending" or decision.attempt is None:
        return f"{decision.phase} {decision.answer}" if decision.answer is not None else decision.phase
    return f"will {_told_attempt(decision.attempt)}"


@cache
def _told_attempt(attempt: Attempt) -> str:
    parts = []
    for name, expect, new in attempt.transaction:
        if name == VALUE:
            parts.append(f"{_told_counter(expect)} -> {_told_counter(new)}")
        elif new == ABSENT:
            parts.append(f"delete {name.rpartition('/')[2]}")
        else:
            parts.append(f"create {name.rpartition('/')[2]}")
    return f"{attempt.what}: {', '.join(parts)}"


@cache
def _told_counter(oid: str) -> str:
    if oid in {ABSENT, ANY}:
        return oid
    counter = load(oid)
    return f"{counter.value} (by {counter.op or 'nobody'}, seq {counter.seq})"


@cache
def _told_breadcrumbs(refs: Refs) -> str:
    crumbs = [read_breadcrumb(ref) for ref in refs]
    return ", ".join(f"{crumb.op} {crumb.delta}" for crumb in crumbs) or "no breadcrumbs"
