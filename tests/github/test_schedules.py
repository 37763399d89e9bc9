"""Random faults over clients that get in each other's way: counters end exact, and ``check`` finds nothing.

A schedule is drawn from its seed alone. What runs at the same time runs in the middle of somebody's request, so that every schedule
can be run again: ``pytest -m "" -k "schedules and 175"`` runs 25 from that one on.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Get, Getdel, Set
from git_keyval.database.answers import Answer
from git_keyval.database.perform import perform
from git_keyval.errors import GitKeyvalError
from git_keyval.format.times import SECOND
from git_keyval.maintenance.commands import Gather, Sweep
from git_keyval.store.port import Store
from tests.conftest import FakeClock
from tests.contract.places import GithubPlace, open_github_place
from tests.emulator import (
    Drop,
    Fault,
    GitHubEmulator,
    Lag,
    Logged,
    Malformed,
    PrimaryExhausted,
    ResourceLimits,
    Rival,
    SecondaryLimit,
    StaleRead,
    Status,
    Truncated,
    Untyped,
)
from tests.exhaustive import first
from tests.world import World, key, text

SCHEDULES, PER_TEST, FEW = 500, 25, 1
OPERATIONS, DEEPEST = 10, 2
COUNTER, TEXT, LEASE = key("counter"), key("text"), key("lease")
FAULTS: tuple[Fault, ...] = (
    Drop(),
    Drop(applied=True),
    Status(502),
    Status(502, applied=True),
    Untyped(),
    Untyped(applied=True),
    SecondaryLimit(403),
    SecondaryLimit(429, retry_after=5),
    SecondaryLimit(200),
    PrimaryExhausted(),
    PrimaryExhausted(already=True),
    Truncated(),
    Malformed(),
    ResourceLimits(),
    StaleRead(1),
    StaleRead(2),
    Lag(),
)


@pytest.fixture
def emulator(tmp_path: Path, clock: FakeClock) -> Iterator[GitHubEmulator]:
    with GitHubEmulator(tmp_path / "github", clock=lambda: clock() / SECOND) as running:
        yield running
        assert running.unexpected == []


class Schedule:
    """One database, some clients, and what chance makes of them."""

    def __init__(self, seed: int, place: GithubPlace, clock: FakeClock) -> None:
        self._chance = random.Random(seed)
        self._emulator = place.emulator
        self.world = World(place, clock)
        self._depth = 0
        self._ops: list[str] = []
        self._open: list[str] = []
        self.numbers: list[int] = []

    def run(self) -> None:
        """Let the clients work, one after the other and inside each other."""
        self._emulator.limits.forget()
        self._emulator.on_request = self._meet
        try:
            while len(self._ops) < OPERATIONS:
                self._act()
        finally:
            self._emulator.on_request = None
        self._emulator.limits.forget()
        for op in self._open:
            self._increment(op, self.world.store)
        self.world.clock.advance(3600)
        Gather().run(self.world.maintenance())

    @property
    def operations(self) -> int:
        return len(self._ops)

    def _meet(self, _logged: Logged) -> Fault | None:
        chance = self._chance.random()
        if chance < 0.12:
            return self._chance.choice(FAULTS)
        if chance < 0.24 and self._depth < DEEPEST:
            return Rival(self._act)
        return None

    def _act(self) -> None:
        self._depth += 1
        store = self.world.place.open()
        try:
            self._chance.choice((self._count, self._count, self._count, self._gather, self._sweep, self._write, self._lease))(store)
        finally:
            self._depth -= 1

    def _count(self, store: Store) -> None:
        op = f"schedule{len(self._ops):04}"
        self._ops.append(op)
        self._increment(op, store)

    def _increment(self, op: str, store: Store) -> None:
        contention = self._chance.choice(("retry", "breadcrumb"))
        answer: Answer | None = None
        try:
            answer = perform(
                self.world.database(store), Incr(key=COUNTER, op=op, contention="retry" if contention == "retry" else "breadcrumb")
            )
        except GitKeyvalError:
            # Whatever became of it, running the step again under the same id must settle it.
            self._open += [op] if op not in self._open else []
        if answer is not None and isinstance(answer.value, int) and op not in self._open:
            self.numbers.append(answer.value)

    def _gather(self, store: Store) -> None:
        self._may_fail(lambda: Gather(grace_period=0).run(self.world.maintenance(store)))

    def _sweep(self, store: Store) -> None:
        self._may_fail(lambda: Sweep().run(self.world.maintenance(store)))

    def _write(self, store: Store) -> None:
        self._may_fail(
            lambda: perform(self.world.database(store), Set(key=TEXT, value=text(str(self._chance.random())), ttl=10**6))
        )

    def _lease(self, store: Store) -> None:
        self._may_fail(lambda: perform(self.world.database(store), Set(key=LEASE, value=text(str(self._chance.random())), ttl=60)))
        self._may_fail(lambda: perform(self.world.database(store), Getdel(key=LEASE)))

    @staticmethod
    def _may_fail(act: object) -> None:
        assert callable(act)
        try:
            act()
        except GitKeyvalError:
            return  # said honestly; what it left must not matter


@pytest.mark.parametrize("start", first(FEW, range(0, SCHEDULES, PER_TEST)))
def test_random_schedules_lose_no_increment_and_double_none(emulator: GitHubEmulator, clock: FakeClock, start: int) -> None:
    for seed in range(start, start + PER_TEST):
        schedule = Schedule(seed, open_github_place(emulator, f"seed{seed}", clock), clock)
        schedule.run()
        world = schedule.world
        scene = f"seed {seed}, {schedule.operations} operations, numbers {schedule.numbers}"
        assert perform(world.database(), Get(key=COUNTER)).value == schedule.operations, scene
        assert len(set(schedule.numbers)) == len(schedule.numbers), scene
        assert world.errors() == [], scene
        assert world.breadcrumbs() == [], scene
