"""The counter protocol as a model to explore: clients, jobs, clock and network, one step of one of them at a time.

Steps are as small as the protocol's requests: each read, each transaction. What a client computes belongs to the step of its
last read, its begin to its first read, and its end to its last step; this makes the judgement stricter, never laxer. A kill
matters only while a request is on its way: killed at any other moment, a client has done no more than after one of these.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

from git_keyval.format import counters
from git_keyval.format.counters import Counter
from git_keyval.format.times import SECOND, Micros, timestamp
from tests.model.clients import Attempt, Behaviour, Decision, Op, Rules, View, Why
from tests.model.database import (
    ABSENT,
    AFTERWARDS,
    EXPIRY,
    EXPIRY_OID,
    START,
    VALUE,
    Ref,
    Refs,
    Transaction,
    Update,
    apply,
    breadcrumb,
    breadcrumbs,
    parked,
    store,
    target,
)
from tests.model.judgement import Call, is_explained
from tests.model.telling import name_of, tell_attempt, tell_breadcrumbs, tell_counter, tell_decision

SEED = Counter(5, "seedseed", 1, (("seedseed", 5),))
JOBS = {"gather", "sweep"}
ENDED = {"done", "unknown"}


class Client(NamedTuple):
    """One client. ``after``: who had ended when it began, as bits. ``late``: whether it read the clock after expiry."""

    phase: Literal["new", "reading", "sending", "done", "unknown"] = "new"
    after: int = 0
    view: View = View()
    step: int = 0
    late: bool = False
    why: Why = "first"
    attempt: Attempt | None = None
    answer: int | None = None


class Flight(NamedTuple):
    """A request that nobody waits for any more and that may still arrive, at any time or never."""

    client: int
    transaction: Transaction


class State(NamedTuple):
    """All that there is at one moment.

    ``lost``, ``kills``: how many faults may still happen. ``expired``: who had ended at the moment of expiry, None before it.
    """

    refs: Refs
    clients: tuple[Client, ...]
    flights: tuple[Flight, ...]
    lost: int
    kills: int
    expired: int | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """Who takes part, what may go wrong, and how things stand at first.

    ``pending``: increments left as breadcrumbs before. ``late``: a request whose reply is lost may arrive at any later time, not
    only at once or never. ``mortal``: the counter expires at some moment.
    """

    ops: tuple[Op, ...]
    rules: Rules = field(default_factory=Rules)
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
        self.everybody = tuple(range(len(variant.ops)))
        self.ids = [op.kind + "abcdefgh"[i] * 8 for i, op in enumerate(variant.ops)]
        self.names = [name_of(id) for id in self.ids]
        behaviours = [Behaviour(op, id, variant.rules) for op, id in zip(variant.ops, self.ids, strict=True)]
        self.reads = [behaviour.reads() for behaviour in behaviours]
        self.decide = [cache(behaviour.decide) for behaviour in behaviours]
        self.judged = [i for i in self.everybody if variant.ops[i].kind not in JOBS]
        self.value = self._value_at_first()

    def start(self) -> State:
        """Return the refs as they were left, with every client still to begin, or in the middle of its operation."""
        refs = [_past_breadcrumb(i, f"pending{i}", delta) for i, delta in enumerate(self.variant.pending)]
        if self.variant.counter is not None:
            refs.append(Ref(VALUE, store(self.variant.counter)))
        if self.variant.mortal:
            refs.append(Ref(EXPIRY, EXPIRY_OID))
        clients = []
        for i, op in enumerate(self.variant.ops):
            made = _past_breadcrumb(len(refs) + i, self.ids[i], op.number)
            seen = target(tuple(refs), VALUE)
            attempt = Attempt("breadcrumb", (Update(made.name, ABSENT, made.oid),), seen, seen)
            match op.before:
                case "nothing":
                    clients.append(Client())
                case "denied":
                    clients.append(Client(why="denied"))
                case "killed":
                    clients.append(Client("reading"))
                    refs.append(made)
                case "doubt":
                    clients.append(Client("reading", why="doubt", attempt=attempt))
                    refs.append(made)
        return State(tuple(sorted(refs)), tuple(clients), (), self.variant.lost, self.variant.kills)

    def is_end(self, state: State) -> bool:
        """Return whether all operations have ended. Jobs may be at work and requests on their way."""
        return all(state.clients[i].phase in ENDED for i in self.judged)

    def complaint(self, state: State) -> str | None:
        """Judge an end as told in tests.model.judgement."""
        value, mortal = self.value, self.variant.mortal
        left = _total(state.refs, expired=state.expired is not None)
        calls = [self._call(i, state.clients[i]) for i in self.judged]
        if state.expired is not None:
            calls.append(Call("expire", 0, None, state.expired, certain=True))
        if not is_explained(value, _without_answers(calls, "get"), left, mortal=mortal):
            ends = ", ".join(f"{self.names[i]}: {state.clients[i].phase} {state.clients[i].answer}" for i in self.judged)
            return f"no order explains {ends}; {left} is left"
        for place, call in enumerate(calls):
            if call.kind == "get":
                alone = tuple(other._replace(answer=None) for other in calls)
                alone = (*alone[:place], call, *alone[place + 1 :])
                if not is_explained(value, alone, None, mortal=mortal):
                    return f"{self.names[self.judged[place]]} has read {call.answer}, which the counter never was"
        return None

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        """Yield the steps of all clients and jobs, of requests on their way, and of time."""
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
                yield f"the request of {self.names[flight.client]} arrives late", arrived
        if self.variant.mortal and state.expired is None:
            yield "the counter expires", state._replace(expired=self._ended(state))

    def _call(self, i: int, client: Client) -> Call:
        op = self.variant.ops[i]
        return Call(op.kind, op.number, client.answer, client.after, client.phase == "done")

    def _value_at_first(self) -> int:
        """Return the value at first, without the breadcrumbs of the operations that are to be judged."""
        refs = tuple(ref for ref in self.start().refs if not ref.name.endswith(tuple(self.ids)))
        return _total(refs, expired=False)

    def _ended(self, state: State) -> int:
        """Return who has ended, as bits by place among the judged; expiry has the place after them."""
        ended = sum(1 << place for place, i in enumerate(self.judged) if state.clients[i].phase == "done")
        return ended | (0 if state.expired is None else 1 << len(self.judged))

    def _read(self, state: State, i: int, client: Client) -> Iterator[tuple[str, State]]:
        if client.phase == "new":
            client = client._replace(after=self._ended(state), phase="reading")
        last = client.step + 1 == len(self.reads[i])
        is_early = self.variant.rules.clock_first and self.variant.ops[i].kind == "sweep"
        if client.step == 0 or (last and not is_early):
            client = client._replace(late=state.expired is not None)
        view, told = self._look(state, i, client)
        label = f"{self.names[i]} reads {told}"
        if not last:
            yield label, _put(state, i, client._replace(view=view, step=client.step + 1))
            return
        seen = client._replace(view=view)
        for decision in self.decide[i](self._now(i, client), view, client.why, client.attempt):
            yield f"{label}: {tell_decision(decision)}", _put(state, i, self._decided(seen, decision))

    def _look(self, state: State, i: int, client: Client) -> tuple[View, str]:
        """Read one part; the expiry comes with the counter unless it is read by itself."""
        refs, view, parts = state.refs, client.view, self.reads[i]
        if (client.step > 0) == self.variant.rules.witness_last:
            view = view._replace(parked=target(refs, parked(self.ids[i])) != ABSENT)
        match parts[client.step]:
            case "breadcrumbs":
                found = breadcrumbs(refs)
                return view._replace(breadcrumbs=found), tell_breadcrumbs(found)
            case "expiry":
                return view._replace(expiry=target(refs, EXPIRY)), "the expiry"
        expiry = view.expiry if "expiry" in parts else target(refs, EXPIRY)
        view = view._replace(value=target(refs, VALUE), expiry=expiry)
        return view, tell_counter(view.value)

    def _now(self, i: int, client: Client) -> Micros:
        return Micros(_clock(late=client.late) + self.variant.ops[i].skew)

    def _decided(self, client: Client, decision: Decision) -> Client:
        """Return the client after a decision. What it will not need again is forgotten, for fewer states."""
        if decision.phase != "sending":
            return Client(decision.phase, client.after, answer=decision.answer)
        if self.variant.rules.rereads:
            return Client("sending", client.after, attempt=decision.attempt)
        return Client("sending", client.after, client.view, late=client.late, attempt=decision.attempt)

    def _send(self, state: State, i: int, client: Client, attempt: Attempt) -> Iterator[tuple[str, State]]:
        op, name = self.variant.ops[i], self.names[i]
        after = apply(state.refs, attempt.transaction)
        if after is None:
            yield f"{name} is denied", _put(state, i, self._denied(i, client, attempt))
        else:
            done = Client("done", client.after, answer=attempt.answer)
            yield f"{name} is applied: {tell_attempt(attempt)}", _put(state._replace(refs=after), i, done)
        if op.steady or op.kind in JOBS:
            return
        if state.lost:
            doubt = Client("reading", client.after, why="doubt", attempt=attempt)
            worse = _put(state._replace(lost=state.lost - 1), i, doubt)
            yield from self._fates(f"{name} gets no reply", worse, i, attempt)
        if state.kills and op.kind in {"incr", "set"}:
            worse = _put(state._replace(kills=state.kills - 1), i, Client("reading", client.after))
            yield from self._fates(f"{name} is killed and run again", worse, i, attempt)

    def _fates(self, label: str, state: State, i: int, attempt: Attempt) -> Iterator[tuple[str, State]]:
        """Yield what may become of a request that nobody waits for."""
        if self.variant.late:
            flights = tuple(sorted([*state.flights, Flight(i, attempt.transaction)]))
            yield f"{label}, its {attempt.what} is on its way", state._replace(flights=flights)
            return
        yield f"{label}, its {attempt.what} was not applied", state
        if (after := apply(state.refs, attempt.transaction)) is not None:
            yield f"{label}, its {attempt.what} was applied", state._replace(refs=after)

    def _denied(self, i: int, client: Client, attempt: Attempt) -> Client:
        kind, rules = self.variant.ops[i].kind, self.variant.rules
        if kind in JOBS:
            return Client("done")
        doubtful = attempt.again and not rules.trusts_denials
        if not rules.rereads and kind == "incr" and not doubtful:
            (decision,) = self.decide[i](self._now(i, client), client.view, "denied", None)
            return self._decided(client, decision)
        keeps = attempt if doubtful or kind == "getdel" else None
        return Client("reading", client.after, why="denied again" if doubtful else "denied", attempt=keeps)


def _past_breadcrumb(place: int, op: str, delta: int) -> Ref:
    return breadcrumb(timestamp(Micros(START - SECOND + place)), op, delta)


def _clock(*, late: bool) -> Micros:
    return AFTERWARDS if late else START


@cache
def _total(refs: Refs, *, expired: bool) -> int:
    view = View(breadcrumbs(refs), target(refs, VALUE), target(refs, EXPIRY))
    return counters.total(view.base(_clock(late=expired)), view.crumbs())


def _put(state: State, i: int, client: Client) -> State:
    return state._replace(clients=(*state.clients[:i], client, *state.clients[i + 1 :]))


def _without_answers(calls: list[Call], kind: str) -> tuple[Call, ...]:
    return tuple(call._replace(answer=None) if call.kind == kind else call for call in calls)
