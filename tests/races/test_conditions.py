"""Conditions and several keys at once: exactly one wins, no update is lost, and a write is made as a whole or not at all."""

import json
import time
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from tests.races.arena import Arena
from tests.races.clients import Client, Killed
from tests.races.jobs import Pace, killed_maintenance, pack_refs
from tests.races.running import at_once, meanwhile


def test_exactly_one_of_eight_sets_an_absent_key(arena: Arena) -> None:
    """A key is absent because it never was, was deleted, or has expired, swept or not."""
    workers = arena.workers(8)
    rounds = 6 * arena.scale
    for turn in range(1, rounds, 3):
        workers[0].run("set", key=f"leader {turn}", value="before")
        workers[0].run("del", key=f"leader {turn}")
    for turn in range(2, rounds, 3):
        workers[0].run("set", key=f"leader {turn}", value="before", ttl="1s", expiry_granularity="1s")
    time.sleep(2)  # a time to live of one second ends within two
    with meanwhile(killed_maintenance(arena, "sweep", {"command": "sweep"}), pack_refs(arena)):
        for turn in range(rounds):
            key = f"leader {turn}"
            jobs = [partial(worker.run, "set", key=key, value=f"{number}", if_="absent") for number, worker in enumerate(workers)]

            winners = [number for number, answer in enumerate(at_once(jobs)) if answer.applied]

            assert len(winners) == 1, key
            assert workers[0].run("get", key=key).value == str(winners[0])
    arena.assert_sound()


def test_no_update_of_a_compare_and_set_chain_is_lost(arena: Arena) -> None:
    """Each step reads a number and writes the next one over the version that it has read; some are killed in between."""
    each = 3 * arena.scale
    paces = [Pace(worker, arena.random(number), killed=0.1) for number, worker in enumerate(arena.workers(6))]
    paces[0].run_until_done("set", key="chain", value="0", type="number")
    arena.settle()
    doubtful = []

    def add(pace: Pace) -> list[int]:
        written: list[int] = []
        while len(written) < each:
            try:
                seen = pace.run("get", key="chain")
            except Killed:
                continue
            number = int(seen.value) + 1
            version = seen.outputs["version"]
            try:
                answer = pace.run("set", key="chain", value=str(number), type="number", if_version=version)
            except Killed:
                doubtful.append(number)
                continue
            if answer.applied:
                written.append(number)
        return written

    with meanwhile(pack_refs(arena)):
        numbers = [number for written in at_once([partial(add, pace) for pace in paces]) for number in written]
    arena.settle()

    final = int(paces[0].run_until_done("get", key="chain").value)
    assert len(numbers) == len(set(numbers))
    # What nobody was told to have written was written by one who was killed.
    assert set(range(1, final + 1)) - set(numbers) <= set(doubtful)
    assert max(numbers) <= final
    arena.assert_sound()


KEYS = ("color", "shape", "size")


@dataclass(frozen=True, slots=True)
class Write:
    """An mset of a number to all keys that was made; it ended when it was acknowledged, or found to have been made."""

    number: int
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Reading:
    began: float
    ended: float
    numbers: list[int]


def test_mset_writes_all_keys_or_none(arena: Arena) -> None:
    """Whatever is killed, all keys have the same number when all is quiet.

    While a write goes on, a reader may find some keys written and others not yet: no git server reads several refs at one instant.
    What holds then, and is asserted: no key is ever absent, goes back, is behind a write that ended before the read began, or shows
    a number that was not written. So a read that no write overlaps finds one number for all.
    """
    writer, checker = Pace(arena.worker(), arena.random("writer"), killed=0.3), arena.worker()
    readings: list[list[Reading]] = [[], []]
    writes: list[Write] = []
    checker.run("mset", values=json.dumps(dict.fromkeys(KEYS, 0)))
    writes.append(Write(0, 0, time.monotonic()))

    with meanwhile(*(partial(_read, arena.worker(), found) for found in readings), pack_refs(arena)):
        for number in range(1, 15 * arena.scale):
            began = time.monotonic()
            try:
                writer.run("mset", values=json.dumps(dict.fromkeys(KEYS, number)))
            except Killed:
                arena.settle()
            (present,) = set(_numbers(checker))
            assert present in {number, writes[-1].number}
            if present == number:
                writes.append(Write(number, began, time.monotonic()))

    for found in readings:
        for reading in found:
            assert set(reading.numbers) <= _visible(writes, reading), reading
        for one, other in pairwise(found):
            assert all(before <= after for before, after in zip(one.numbers, other.numbers, strict=True))
    arena.assert_sound()
    torn = sum(len(set(reading.numbers)) > 1 for found in readings for reading in found)
    arena.tell(f"{len(writes)} writes, {sum(map(len, readings))} readings, {torn} torn")


def _numbers(client: Client) -> list[int]:
    answer = client.run("mget", keys=json.dumps(KEYS))
    assert answer.found
    document = json.loads(answer.outputs["json"])
    return [document[key] for key in KEYS]


def _read(client: Client, readings: list[Reading]) -> None:
    began = time.monotonic()
    numbers = _numbers(client)
    readings.append(Reading(began, time.monotonic(), numbers))


def _visible(writes: list[Write], reading: Reading) -> set[int]:
    last = max(write.number for write in writes if write.ended < reading.began)
    return {write.number for write in writes if write.number >= last and write.began <= reading.ended}
