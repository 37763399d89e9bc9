"""Hundreds of callers of ``incr`` at once: each gets a number of its own, none fails, and the requests of each are bounded."""

import random
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Get
from git_keyval.database.answers import Answer
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.format.times import SECOND, Micros
from git_keyval.maintenance.commands import Gather
from tests.conftest import FakeClock
from tests.contract.places import PLACES, in_memory
from tests.races.running import at_once
from tests.races.turns import DistantStore, Killed, Turns
from tests.world import World, key

K = key()
CALLERS = 256
MOST_REQUESTS = 12
"""What docs/requests.md says of so many callers at once on GitHub."""
MEAN_REQUESTS = 6.5
_ROUND_TRIP_SECONDS, _ALL_BEGIN_WITHIN_SECONDS = 0.3, 0.3


@dataclass
class Crowd:
    """Callers of one counter, which share a clock that goes on as their requests do."""

    world: World
    seed: int
    requests: list[int] = field(default_factory=list)
    kills: int = 0

    def __post_init__(self) -> None:
        self.turns = Turns(self.seed)
        self._random = Random(self.seed)
        self._begun = self.world.clock.moment

    def increments(
        self, callers: int, *, killed: float = 0.0, contention: Literal["retry", "breadcrumb"] = "retry"
    ) -> list[Answer | None]:
        """Let so many callers increment, begun within a moment; the share ``killed`` is killed once.

        Return what each was answered: those that were killed were run again, but every second one of them.
        """
        incr = [self._caller(number, killed, contention) for number in range(callers)]
        return self.turns.run(incr)

    def _caller(self, number: int, killed: float, contention: Literal["retry", "breadcrumb"]) -> Callable[[], Answer | None]:
        store = self.world.place.open()
        deadly = self._random.randint(1, 9) if self._random.random() < killed else 0
        command = Incr(key=K, op=f"caller{number:06}", contention=contention)

        def run(dies_at: int) -> Answer:
            distant = DistantStore(store, self.turns, _ROUND_TRIP_SECONDS, dies_at)
            return perform(Database(distant, self._sleep, self.turns.random.random, self.world.new_op), command)

        def call() -> Answer | None:
            self._sleep(self.turns.random.random() * _ALL_BEGIN_WITHIN_SECONDS)
            before = store.requests
            try:
                answer = run(deadly)
            except Killed:
                self.kills += 1
                return run(0) if number % 2 else None
            self.requests.append(store.requests - before)
            return answer

        return call

    def _sleep(self, seconds: float) -> None:
        self.turns.sleep(seconds)
        self.world.clock.moment = Micros(self._begun + round(self.turns.seconds * SECOND))


@pytest.fixture
def memory(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    with in_memory(tmp_path, clock) as place:
        yield World(place, clock)


@pytest.fixture(params=["memory", "path", "http", "github"])
def crowded(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    with PLACES[request.param](tmp_path, clock) as place:
        yield World(place, clock)


def numbers(answers: list[Answer | None]) -> list[int]:
    """Return the numbers given, in order."""
    return sorted(answer.value for answer in answers if answer is not None and isinstance(answer.value, int))


def total(world: World) -> object:
    return perform(world.database(), Get(key=K)).value


@pytest.mark.parametrize("first", [True, False], ids=["absent", "counter"])
def test_each_of_many_callers_gets_a_number_of_its_own(memory: World, *, first: bool) -> None:
    if not first:
        perform(memory.database(), Incr(key=K))
    answers = Crowd(memory, 1).increments(CALLERS)
    begin = 1 if first else 2
    assert numbers(answers) == list(range(begin, begin + CALLERS))
    assert total(memory) == begin + CALLERS - 1
    assert (memory.breadcrumbs(), memory.errors()) == ([], [])


def test_so_do_those_on_real_repositories(crowded: World) -> None:
    perform(crowded.database(), Incr(key=K))
    answers = Crowd(crowded, 2).increments(24)
    assert numbers(answers) == list(range(2, 26))
    assert (total(crowded), crowded.breadcrumbs(), crowded.errors()) == (25, [], [])


@pytest.mark.exhaustive
def test_each_of_256_callers_gets_a_number_in_few_requests(crowded: World, request: pytest.FixtureRequest) -> None:
    perform(crowded.database(), Incr(key=K))
    crowd = Crowd(crowded, 3)
    answers = crowd.increments(CALLERS)
    assert numbers(answers) == list(range(2, CALLERS + 2))
    assert (total(crowded), crowded.breadcrumbs(), crowded.errors()) == (CALLERS + 1, [], [])
    if "github" in request.node.name:
        assert max(crowd.requests) <= MOST_REQUESTS
        assert sum(crowd.requests) / CALLERS <= MEAN_REQUESTS


@pytest.mark.parametrize("seed", range(4))
def test_whoever_is_killed_among_them_counts_once_or_not_at_all(memory: World, seed: int) -> None:
    """What a killed caller has left is folded by others; run again under the same operation, it fetches its number."""
    perform(memory.database(), Incr(key=K))
    crowd = Crowd(memory, seed)
    answers = crowd.increments(64, killed=0.5)
    given = numbers(answers)
    lost = answers.count(None)
    assert crowd.kills > 10
    assert len(given) == len(set(given)) == 64 - lost
    Gather(grace_period=0).run(memory.maintenance())
    counted = total(memory)
    assert isinstance(counted, int)
    assert 64 - lost <= counted - 1 <= 64
    assert max(given) <= counted
    assert memory.breadcrumbs() == []


def test_callers_that_wait_and_callers_that_do_not_count_together(memory: World) -> None:
    perform(memory.database(), Incr(key=K))
    answers = Crowd(memory, 5).increments(60, contention="breadcrumb")
    left = sum(answer is not None and answer.pending is True for answer in answers)
    assert left > 30
    assert total(memory) == 61
    assert perform(memory.database(), Incr(key=K)).value == 62
    assert memory.breadcrumbs() == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("place", ["path", "http", "github"])
def test_so_does_each_of_256_that_run_at_the_same_time_in_earnest(place: str, tmp_path: Path, clock: FakeClock) -> None:
    with PLACES[place](tmp_path, clock) as opened:
        world = World(opened, clock)
        perform(world.database(), Incr(key=K))

        def call() -> int:
            database = Database(opened.open(), sleep=time.sleep, random=random.random, new_op=lambda: secrets.token_hex(10))
            answer = perform(database, Incr(key=K))
            assert isinstance(answer.value, int)
            return answer.value

        assert sorted(at_once([call] * CALLERS)) == list(range(2, CALLERS + 2))
        assert (total(world), world.breadcrumbs()) == (CALLERS + 1, [])
