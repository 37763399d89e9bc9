"""Counters that several begin at once, and numbers in the fields of one map: each operation counts once, whatever is killed."""

import json
from collections import Counter as Tally
from functools import partial

from tests.races.arena import Arena
from tests.races.jobs import Pace, killed_maintenance, pack_refs
from tests.races.running import at_once, meanwhile

FIRST, WORKERS = 100, 6


def test_of_several_who_begin_a_counter_at_once_one_does(arena: Arena) -> None:
    """Each counter has all numbers from the first one on, once each, and the lifetime and the name that it was begun with."""
    counters = [f"counter {number}" for number in range(4 * arena.scale)]
    paces = [Pace(worker, arena.random(f"worker {number}"), killed=0.1) for number, worker in enumerate(arena.workers(WORKERS))]

    def begin(pace: Pace, name: str) -> dict[str, int]:
        inputs = {"start": str(FIRST), "ttl": "1h", "store_key": "true", "max_attempts": "1000"}
        return {key: int(pace.run_until_done("incr", key=key, op_id=f"{name}{key}", **inputs).value) for key in counters}

    with meanwhile(killed_maintenance(arena, "maintenance", {"command": "maintain"}, {"command": "gather"}), pack_refs(arena)):
        numbers = at_once([partial(begin, pace, f"worker {number}") for number, pace in enumerate(paces)])
    arena.settle()
    reader = arena.worker()
    for key in counters:
        assert sorted(given[key] for given in numbers) == list(range(FIRST, FIRST + WORKERS))
        assert int(reader.run("ttl", key=key).outputs["ttl"]) in range(3000, 3661)
    assert json.loads(reader.run("keys").outputs["json"]) == sorted(counters)
    arena.assert_sound()
    arena.tell(f"{len(counters)} counters, {sum(pace.kills for pace in paces)} kills")


def test_every_operation_counts_once_in_its_field(arena: Arena) -> None:
    """Under its id it may be run again: it has one number, which nobody else has."""
    fields, each = ("linux", "windows"), 4 * arena.scale
    paces = [Pace(worker, arena.random(f"worker {number}"), killed=0.2) for number, worker in enumerate(arena.workers(WORKERS))]

    def count(pace: Pace, name: str) -> list[tuple[str, int]]:
        given = []
        for turn in range(each):
            field = fields[turn % len(fields)]
            inputs = {"key": "downloads", "field": field, "op_id": f"{name}, turn {turn}", "max_attempts": "1000"}
            first, again = (int(pace.run_until_done("hincr", **inputs).value) for _ in range(2))
            assert first == again
            given.append((field, first))
        return given

    with meanwhile(killed_maintenance(arena, "sweep", {"command": "sweep"}), pack_refs(arena)):
        numbers = at_once([partial(count, pace, f"worker {number}") for number, pace in enumerate(paces)])
    arena.settle()
    total = WORKERS * each // len(fields)
    tally = Tally(one for given in numbers for one in given)
    assert tally == Tally((field, number) for field in fields for number in range(1, total + 1))
    assert json.loads(arena.worker().run("hgetall", key="downloads").outputs["json"]) == dict.fromkeys(fields, total)
    arena.assert_sound()
    arena.tell(f"{tally.total()} operations, {sum(pace.kills for pace in paces)} kills")
