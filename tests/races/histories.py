"""A history of transactions on a few keys, and the order that explains it: strict serializability.

Every effect leaves a trace in what is read later: an amount is a power of two of its own, a text has a token of its own. So a value
tells the very set of operations that it has seen, and with that which of two comes first. This, and that one ended before another
began, are the edges of a graph, which the standard library sorts: a cycle is what no order explains. An order that is found is not
believed either: it is replayed, one operation after the other, on plain values.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Literal, TypeAlias

Content: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class Add:
    """Add an amount, which is plus or minus a power of two that no other operation has."""

    amount: int


@dataclass(frozen=True, slots=True)
class Append:
    """Append a token that no other operation has, after a blank."""

    token: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Begin a text anew with a token that no other operation has, in place of what was there."""

    token: str
    over: str


Effect: TypeAlias = Add | Append | Rewrite


@dataclass(slots=True)
class Operation:
    """One operation as its caller knows it. ``before`` and ``after``: what it saw of keys, without and with its own effects.

    What ``waits`` is an increment that may be a breadcrumb for a while: it is read as soon as it is there, and the numbers that are
    given to others may not have it yet, nor has its own number an order then.
    """

    name: str
    began: float
    effects: Mapping[str, Effect] = field(default_factory=dict)
    ended: float = math.inf
    outcome: Literal["applied", "refused", "unknown"] = "unknown"
    before: dict[str, Content] = field(default_factory=dict)
    after: dict[str, Content] = field(default_factory=dict)
    waits: bool = False


class UnexplainedError(AssertionError):
    """No sequence of the operations explains what was seen."""


@dataclass(frozen=True, slots=True)
class History:
    """Operations on keys that were so at ``first``."""

    first: Mapping[str, Content]
    operations: Sequence[Operation]

    def explained(self, left: Mapping[str, Content]) -> list[Operation]:
        """Return an order of all that was done which explains every answer, and what is left. Raises UnexplainedError."""
        seen = {key: self._seen(key, content) for key, content in left.items()}
        done = [operation for operation in self._possible if self._is_done(operation, seen)]
        last = Operation("what is left", math.inf, outcome="applied", before=dict(left))
        ordered = _sorted({one.name: one for one in (*done, last)}, self._edges([*done, last]))
        self._replay(ordered, left)
        return ordered

    @property
    def _possible(self) -> list[Operation]:
        """Return those that may have been done. What was refused leaves its amounts to whoever tries again, after a look."""
        return [operation for operation in self.operations if operation.outcome != "refused"]

    @staticmethod
    def _is_done(operation: Operation, seen: Mapping[str, Collection[str]]) -> bool:
        """Return whether it was done. Raises UnexplainedError where that is in part, or not although its caller was told so."""
        shown = {operation.name in seen[key] for key in operation.effects}
        if len(shown) > 1 or (operation.outcome == "applied" and shown == {False}):
            raise UnexplainedError(f"{operation} shows in {[key for key in operation.effects if operation.name in seen[key]]}")
        return operation.outcome == "applied" or shown == {True}

    def _edges(self, done: Sequence[Operation]) -> dict[str, set[str]]:
        """Return who comes before each of them."""
        earlier = {one.name: {other.name for other in done if other.ended < one.began} for one in done}
        writers = {key: {one.name for one in done if key in one.effects} for key in self.first}
        waiting = {one.name for one in done if one.waits}
        for one in done:
            seen_of = [(key, content, set[str]()) for key, content in one.before.items()]
            seen_of += [(key, content, waiting) for key, content in one.after.items() if not one.waits]
            for key, content, unseen in seen_of:
                seen = self._seen(key, content)
                if not writers[key].issuperset(seen):
                    raise UnexplainedError(f"{one} has seen at {key} what was not done")
                earlier[one.name] |= {*seen} - {one.name}
                for later in writers[key] - {*seen, one.name} - unseen:
                    earlier[later].add(one.name)
                if isinstance(content, str):
                    for before, after in pairwise(seen):
                        earlier[after].add(before)
        return earlier

    def _seen(self, key: str, content: Content) -> list[str]:
        """Return the operations whose effects are in what a key holds; those on a text in the order in which they came."""
        return self._added(key, content) if isinstance(content, int) else self._written(key, content)

    def _added(self, key: str, content: int) -> list[str]:
        left = content - int(self.first[key])
        amounts = {one.name: effect.amount for one in self._possible if isinstance(effect := one.effects.get(key), Add)}
        seen = []
        for name, amount in sorted(amounts.items(), key=lambda named: abs(named[1])):
            if left & abs(amount):
                left -= amount
                seen.append(name)
        if left:
            raise UnexplainedError(f"{key} holds {content}, which is no sum of amounts")
        return seen

    def _written(self, key: str, content: str) -> list[str]:
        of_token = {
            effect.token: one.name for one in self._possible if isinstance(effect := one.effects.get(key), Append | Rewrite)
        }
        overs = {effect.token: effect.over for one in self._possible if isinstance(effect := one.effects.get(key), Rewrite)}
        seen: list[str] = []
        while content != self.first[key]:
            begun, *appended = content.split(" ")
            tokens = appended if begun == self.first[key] else [begun, *appended]
            if not of_token.keys() >= set(tokens):
                raise UnexplainedError(f"{key} holds what nobody wrote: {content}")
            seen = [of_token[token] for token in tokens] + seen
            content = overs.get(begun, str(self.first[key]))
        if len(set(seen)) < len(seen):
            raise UnexplainedError(f"{key} holds twice what was written once: {seen}")
        return seen

    def _replay(self, ordered: Sequence[Operation], left: Mapping[str, Content]) -> None:
        held = dict(self.first)
        for one in ordered:
            if any(held[key] != content for key, content in one.before.items()):
                raise UnexplainedError(f"{one} is not explained by {held}")
            held |= {key: _changed(held[key], effect) for key, effect in one.effects.items()}
            numbers = {} if one.waits else one.after
            if any(self._settled(key, held[key]) != self._settled(key, content) for key, content in numbers.items()):
                raise UnexplainedError(f"{one} does not lead to {held}")
        if held != left:
            raise UnexplainedError(f"{left} is left, and not {held}")

    def _settled(self, key: str, content: Content) -> set[str]:
        """Return the operations in what a key holds, without those that wait."""
        return {*self._seen(key, content)} - {one.name for one in self._possible if one.waits}


def _sorted(operations: Mapping[str, Operation], earlier: Mapping[str, Collection[str]]) -> list[Operation]:
    try:
        return [operations[name] for name in TopologicalSorter(earlier).static_order()]
    except CycleError as exc:
        raise UnexplainedError(f"no order: {[operations[name] for name in exc.args[1]]}") from exc


def _changed(content: Content, effect: Effect) -> Content:
    match effect:
        case Add(amount):
            return int(content) + amount
        case Append(token):
            return f"{content} {token}"
        case Rewrite(token):
            return token
