"""Counters: no increment is lost, none counts twice, and every number is given once."""

import threading
import time
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.races.arena import Arena
from tests.races.clients import Client
from tests.races.jobs import Pace, killed_maintenance, pack_refs
from tests.races.running import at_once, meanwhile

BUILDS = "builds"


@dataclass(frozen=True, slots=True)
class Increment:
    """One operation, from its first attempt to its acknowledgement; ``number`` is 0 if it was given none."""

    contention: str
    began: float
    ended: float
    number: int


@dataclass(frozen=True, slots=True)
class Reading:
    began: float
    ended: float
    value: int


class Ledger:
    """What all that race have seen of one counter."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: list[float] = []
        self.increments: list[Increment] = []
        self.readings: list[list[Reading]] = []

    def begin(self) -> float:
        with self._lock:
            self._begun.append(time.monotonic())
            return self._begun[-1]

    def acknowledge(self, increment: Increment) -> None:
        with self._lock:
            self.increments.append(increment)

    def assert_exact(self) -> None:
        """Assert that every number lies between what was acknowledged before its step began and what was begun before it ended."""
        for done in self.increments:
            if done.number:
                assert self._acknowledged(done.began) < done.number <= self._begun_before(done.ended), done
        for readings in self.readings:
            for reading in readings:
                assert self._acknowledged(reading.began) <= reading.value <= self._begun_before(reading.ended), reading
            values = [reading.value for reading in readings]
            assert values == sorted(values)

    def _acknowledged(self, moment: float) -> int:
        return sum(done.ended < moment for done in self.increments)

    def _begun_before(self, moment: float) -> int:
        return sum(began <= moment for began in self._begun)


def test_every_increment_counts_once_whatever_is_killed(arena: Arena) -> None:
    """Eight workers and four that start a process for each step, with gathers, readers and housekeeping beside them."""
    race_increments(arena, workers=8, one_shots=4, each=10, each_one_shot=2, killed=0.1)


def test_every_increment_counts_once_on_github(github_arena: Arena) -> None:
    """The same by GitHub's API, and by git where that takes fewer requests."""
    race_increments(github_arena, workers=4, one_shots=2, each=3, each_one_shot=1, killed=0.3)


def race_increments(arena: Arena, *, workers: int, one_shots: int, each: int, each_one_shot: int, killed: float) -> None:
    """Let so many clients of each kind increment one counter, each so often; the share ``killed`` of all steps is killed."""
    ledger = Ledger()
    paces = [
        *(Pace(worker, arena.random(f"worker {number}"), killed=killed) for number, worker in enumerate(arena.workers(workers))),
        *(Pace(arena.one_shot(), arena.random(f"one-shot {number}"), killed=killed) for number in range(one_shots)),
    ]
    turns = [each * arena.scale] * workers + [each_one_shot * arena.scale] * one_shots
    racing = [
        partial(_increment, arena, ledger, pace, f"client{number:02}", times)
        for number, (pace, times) in enumerate(zip(paces, turns, strict=True))
    ]
    gathers = [
        killed_maintenance(
            arena,
            f"gather {number}",
            {"command": "gather", "grace_period": "0s"},
            {"command": "gather", "grace_period": "1s"},
            {"command": "maintain"},
        )
        for number in range(2)
    ]
    with meanwhile(*gathers, _reader(arena, ledger), pack_refs(arena)):
        at_once(racing)
    arena.settle()

    total = sum(turns)
    reader = arena.worker()
    assert len(ledger.increments) == total
    assert reader.run("get", key=BUILDS).value == str(total)
    reader.run("gather", grace_period="0s")
    assert reader.run("get", key=BUILDS).value == str(total)
    assert arena.refs("refs/tags/kv-") == {}
    ledger.assert_exact()
    numbers = [done.number for done in ledger.increments if done.number]
    assert len(numbers) == len(set(numbers))
    assert all(done.number for done in ledger.increments if done.contention == "retry")
    arena.assert_sound()
    arena.tell(
        f"{total} increments, {total - len(numbers)} without a number, {sum(pace.kills for pace in paces)} kills, "
        f"{sum(map(len, ledger.readings))} readings"
    )


def _increment(arena: Arena, ledger: Ledger, pace: Pace, name: str, times: int) -> None:
    random = arena.random(f"increments of {name}")
    for turn in range(times):
        contention = random.choice(["retry", "breadcrumb"])
        began = ledger.begin()
        # A dozen at once is more than the default number of attempts is meant for.
        answer = pace.run_until_done("incr", key=BUILDS, op_id=f"{name}x{turn:08}", contention=contention, max_attempts="1000")
        ended = time.monotonic()
        assert answer.applied
        ledger.acknowledge(Increment(contention, began, ended, int(answer.outputs.get("value", "0"))))


def _reader(arena: Arena, ledger: Ledger) -> Callable[[], None]:
    client: Client = arena.worker()
    readings: list[Reading] = []
    ledger.readings.append(readings)

    def job() -> None:
        began = time.monotonic()
        answer = client.run("get", key=BUILDS, default="0")
        readings.append(Reading(began, time.monotonic(), int(answer.value)))
        time.sleep(0.3)

    return job


def test_values_taken_by_getdel_add_up_to_the_increments(arena: Arena) -> None:
    """Nobody is killed here: an operation id is forgotten with the life of its counter."""
    each = 6 * arena.scale
    takers = arena.workers(2)
    taken: list[int] = []

    def take(client: Client) -> None:
        answer = client.run("getdel", key=BUILDS, max_attempts="1000")
        if answer.applied:
            taken.append(int(answer.value))
        time.sleep(0.1)

    def increment(number: int, client: Client) -> None:
        for turn in range(each):
            contention = "breadcrumb" if (number + turn) % 2 else "retry"
            client.run("incr", key=BUILDS, contention=contention, max_attempts="1000")

    gather = killed_maintenance(arena, "gather", {"command": "gather", "grace_period": "0s"})
    with meanwhile(gather, pack_refs(arena), *(partial(take, client) for client in takers)):
        at_once([partial(increment, number, client) for number, client in enumerate(arena.workers(6))])
    arena.settle()

    left = int(takers[0].run("get", key=BUILDS, default="0").value)
    assert sum(taken) + left == 6 * each
    takers[0].run("gather", grace_period="0s")
    assert int(takers[0].run("get", key=BUILDS, default="0").value) == left
    assert arena.refs("refs/tags/kv-") == {}
    assert len(arena.refs("refs/heads/gc/")) == len(taken)
    arena.assert_sound()


def test_a_counter_that_expires_under_increments_begins_its_next_life_at_one(arena: Arena) -> None:
    """Each life gives the numbers from 1 on, each once: none is lost where a sweep takes away the life before.

    Who waits for a number while a sweep takes the counter that had it learns that it was counted, and no number.
    """
    each = 6 * arena.scale
    workers = arena.workers(6)
    workers[0].run("set", key=BUILDS, type="counter", value="0", ttl="2s", expiry_granularity="1s")
    over = time.monotonic() + 4  # a second more than it may live, rounded up

    def increment(client: Client) -> list[int]:
        given: list[int] = []
        while len(given) < each or time.monotonic() < over:
            answer = client.run("incr", key=BUILDS, max_attempts="1000")
            assert answer.applied
            given.append(int(answer.outputs.get("value", "0")))
        return given

    with meanwhile(killed_maintenance(arena, "sweep", {"command": "sweep"}, {"command": "maintain", "grace_period": "0s"})):
        numbers = at_once([partial(increment, client) for client in workers])
    arena.settle()

    final = int(workers[0].run("get", key=BUILDS).value)
    tally = Tally(number for given in numbers for number in given)
    unknown = tally.pop(0, 0)
    last_life = Tally(range(1, final + 1))
    first_life = tally - last_life
    assert set(first_life.values()) == {1}
    assert (last_life - tally).total() + max(first_life) - first_life.total() <= unknown
    assert workers[0].run("ttl", key=BUILDS).outputs["ttl"] == "-1"
    arena.assert_sound()
