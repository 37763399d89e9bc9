"""Breadth-first exploration of every state that a model can reach, each once.

The way to each state is kept, so that the first state a model complains about is told as a shortest story.
"""

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

StateT = TypeVar("StateT", bound=Hashable)


class Model(Protocol[StateT]):
    """What can be explored."""

    def start(self) -> StateT:
        """Return the state in which everything begins."""
        ...

    def steps(self, state: StateT) -> Iterable[tuple[str, StateT]]:
        """Return every step that can be taken next, with its words in a story."""
        ...

    def is_end(self, state: StateT) -> bool:
        """Return whether a state is judged. Steps may lead on from it."""
        ...

    def complaint(self, state: StateT) -> str | None:
        """Judge an end; None if it is right."""
        ...


class TooManyStatesError(Exception):
    """The cap was reached: nothing is known about the states beyond it."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was found: how many states and ends were seen, and the first wrong end with the story that leads there."""

    states: int
    ends: int
    complaint: str | None = None
    story: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = f"{self.states} states, {self.ends} ends"
        if self.complaint is None:
            return f"{counts}, all right"
        return "\n  ".join([f"{counts}, then: {self.complaint}", *self.story])


def explore(model: Model[StateT], *, cap: int) -> Exploration:
    """Visit all states, or stop at the first wrong end. Raises TooManyStatesError if there are more than the cap."""
    start = model.start()
    before: dict[StateT, StateT | None] = {start: None}
    todo = deque([start])
    ends = 0
    while todo:
        state = todo.popleft()
        if model.is_end(state):
            ends += 1
            if (complaint := model.complaint(state)) is not None:
                return Exploration(len(before), ends, complaint, _story(model, before, state))
        for _, following in model.steps(state):
            if following not in before:
                before[following] = state
                todo.append(following)
        if len(before) > cap:
            raise TooManyStatesError(cap)
    return Exploration(len(before), ends)


def _story(model: Model[StateT], before: dict[StateT, StateT | None], end: StateT) -> tuple[str, ...]:
    told: list[str] = []
    state = end
    while (previous := before[state]) is not None:
        told.append(next(label for label, following in model.steps(previous) if following == state))
        state = previous
    return tuple(reversed(told))
