"""Maintenance twice at once, killed anywhere, and run again: nothing that lives is lost, and the end is as if it had run once."""

import json
import time
from dataclasses import dataclass, field
from functools import partial

from git_keyval.database.keys import Key
from git_keyval.format.counters import encode_delta
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import DEFAULT_NAMING, RefName
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.format.values import parse_value
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import open_git_store
from git_keyval.store.patience import Patience
from git_keyval.store.port import ABSENT, Applied, RefUpdate, Transaction
from tests.races.arena import Arena
from tests.races.clients import Client
from tests.races.jobs import Pace, pack_refs
from tests.races.running import at_once, meanwhile
from tests.servers.binary import isolated_environ


@dataclass(slots=True)
class Expected:
    """What must be there after maintenance."""

    live: dict[str, str] = field(default_factory=dict)
    leased: int = 0
    maps: dict[str, dict[str, str]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    young: set[RefName] = field(default_factory=set)


def test_two_maintain_runs_at_once_killed_anywhere(arena: Arena) -> None:
    client = arena.worker()
    paces = [Pace(worker, arena.random(number), killed=0.5) for number, worker in enumerate(arena.workers(2))]
    expected = Expected()
    client.run("set", key="taken", value="value")
    with meanwhile(pack_refs(arena)):
        for turn in range(3 * arena.scale):
            _fill(arena, client, turn, expected)
            inputs = [{}, {"max_writes": "3"}] if turn % 2 else [{}, {}]
            at_once(
                [
                    partial(pace.run_until_done, "maintain", retention="0s", **given)
                    for pace, given in zip(paces, inputs, strict=True)
                ]
            )
            arena.settle()
            _check(arena, client, expected)
    arena.settle()
    report = json.loads(client.run("maintain", retention="0s").outputs["report"])
    assert [job["planned"] for job in report["jobs"]] == [0, 0, 0]
    arena.assert_sound()


def _fill(arena: Arena, client: Client, turn: int, expected: Expected) -> None:
    """Add keys and fields that live or are about to expire, counters with old and young breadcrumbs, and something to purge."""
    live = {f"live {turn}.{number}": f"{number}" for number in range(20)}
    leased = {f"leased {turn}.{number}": f"{number}" for number in range(20)}
    client.run("mset", values=json.dumps(live), store_key="true")
    client.run("mset", values=json.dumps(leased), ttl="1h")
    dying = {f"dying {turn}.{number}": "x" for number in range(20)}
    client.run("mset", values=json.dumps(dying), ttl="1s", expiry_granularity="1s", store_key="true")
    for number in range(5):
        fields = {f"field {which}": f"{turn}.{number}.{which}" for which in range(4)}
        client.run("hset", key=f"map {turn}.{number}", values=json.dumps(fields))
        client.run("hset", key=f"map {turn}.{number}", values=json.dumps({"x": "1", "y": "2"}), ttl="1s", expiry_granularity="1s")
        expected.maps[f"map {turn}.{number}"] = fields
    client.run("set", key="taken", value=f"{turn}")
    client.run("getdel", key="taken")
    if turn == 0:  # later, an increment would fold the young breadcrumbs of the turns before
        for number in range(3):
            client.run("incr", key=f"counter {number}", by="100")
            expected.counters[f"counter {number}"] = 100
    expected.live |= live | leased
    expected.leased += len(leased)
    _leave_breadcrumbs(arena, turn, expected)
    time.sleep(2)  # a time to live of one second ends within two


def _leave_breadcrumbs(arena: Arena, turn: int, expected: Expected) -> None:
    """Leave old breadcrumbs and some that stay young for as long as the test runs; one counter has nothing but breadcrumbs."""
    now = time.time_ns() // 1000
    commit = encode_delta(+1)
    names = []
    for number in range(4):
        key = Key.of("", parse_value("String", f"counter {number}"))
        for which in range(20):
            young = which % 4 == 0
            age = -1800 if young else 3600 + turn
            names.append(
                DEFAULT_NAMING.breadcrumb(key.id, timestamp(Micros(now - age * SECOND + which)), f"turn{turn:04}op{which:04}")
            )
            expected.young |= {names[-1]} if young else set()
        counter = f"counter {number}"
        expected.counters[counter] = expected.counters.get(counter, 0) + 20
    updates = tuple(RefUpdate(name, ABSENT, commit.oid) for name in names)
    store = open_git_store(
        str(arena.repository),
        environ=isolated_environ(),
        clock=ServerClock(lambda: Micros(now)),
        patience=Patience(300, lambda: 0.0, time.sleep, lambda: 0.5),
    )
    assert store.apply([Transaction(updates, (*DUMMY_OBJECTS, commit))]) == [Applied()]


def _check(arena: Arena, client: Client, expected: Expected) -> None:
    found = client.run("mget", keys=json.dumps([*expected.live, *expected.counters]))
    assert json.loads(found.outputs["json"]) == expected.live | expected.counters
    heads = arena.refs("refs/heads/kv-")
    assert sum("/val-" in name for name in heads) == len(expected.live) + len(expected.counters) + len(expected.maps)
    assert sum("/exp-" in name for name in heads) == expected.leased
    for key, fields in expected.maps.items():
        assert json.loads(client.run("hgetall", key=key).outputs["json"]) == fields
    assert set(arena.refs("refs/tags/kv-")) == expected.young
    assert arena.refs("refs/heads/gc/") == {}
