"""The exploration itself, on a model that can be counted by hand: a walk on a strip of fields."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.model.explore import Exploration, TooManyStatesError, explore


@dataclass(frozen=True)
class Walk:
    fields: int
    wrong: int

    def start(self) -> int:
        return 0

    def steps(self, state: int) -> Iterator[tuple[str, int]]:
        for label, following in (("one", state + 1), ("two", state + 2), ("back", state - 1)):
            if 0 <= following < self.fields:
                yield label, following

    def is_end(self, state: int) -> bool:
        return state % 2 == 0

    def complaint(self, state: int) -> str | None:
        return "wrong field" if state == self.wrong else None


def test_every_state_is_visited_once() -> None:
    assert explore(Walk(fields=9, wrong=-1), cap=9) == Exploration(states=9, ends=5)


def test_a_wrong_end_is_told_by_a_shortest_story() -> None:
    found = explore(Walk(fields=9, wrong=4), cap=9)
    assert found.complaint == "wrong field"
    assert found.story == ("two", "two")
    assert "two" in str(found)


def test_a_cap_that_is_reached_is_an_error() -> None:
    with pytest.raises(TooManyStatesError):
        explore(Walk(fields=9, wrong=-1), cap=8)
