"""Locks: at most one holds one, whoever is killed, and however the clocks differ within what the leases allow for."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from git_keyval.format.locks import fence_field
from tests.races.arena import Arena
from tests.races.holder import MOST_SKEW_SECONDS, read_log
from tests.races.jobs import killed_maintenance, pack_refs
from tests.races.running import at_once, meanwhile
from tests.servers.binary import isolated_environ

SECONDS = 5
HOLDERS = 4
ENOUGH = 5
"""How often the lock is released at least: a busy machine takes longer for that."""
_LONGEST_WAIT_SECONDS = 120
_ROOT = Path(__file__).parents[2]


def test_at_most_one_holds_a_lock(arena: Arena) -> None:
    race_for_a_lock(arena)


def test_at_most_one_holds_a_slot(arena: Arena) -> None:
    race_for_a_lock(arena, slots=2)


@pytest.mark.exhaustive  # what differs there from a path, the race for a counter meets as well
def test_at_most_one_holds_a_lock_on_github(github_arena: Arena) -> None:
    race_for_a_lock(github_arena)


def race_for_a_lock(arena: Arena, slots: int = 1) -> None:
    """Holders write into one log, each with its fence: one that comes after a larger one of its slot would be of a second holder.

    They are killed at any moment, the one that holds the lock included, and some hang until their lease is over. Their clocks
    differ, and sweeps forget who held what.
    """
    log, until = arena.repository.with_name("log"), time.monotonic() + SECONDS * arena.scale
    with meanwhile(killed_maintenance(arena, "sweep", {"command": "sweep"}, killed=0.1), pack_refs(arena)):
        kills = sum(at_once([partial(_drive, arena, log, number, slots, until) for number in range(HOLDERS)]))
    arena.settle()

    lines = read_log(log)
    fields = json.loads(arena.one_shot().run("hgetall", key="lock").outputs["json"])
    assert {line["slot"] for line in lines} == set(range(1, slots + 1))
    for slot in range(1, slots + 1):
        of_slot = [line for line in lines if line["slot"] == slot]
        under_lock = [line for line in of_slot if line["what"] in {"enter", "work"}]
        assert [pair for pair in pairwise(under_lock) if pair[0]["fence"] > pair[1]["fence"]] == []
        assert int(fields[fence_field(slot)]) >= max(line["fence"] for line in of_slot)
    owners: dict[tuple[int, int], set[str]] = {}
    for line in lines:
        owners.setdefault((line["slot"], line["fence"]), set()).add(line["owner"])
    assert {len(names) for names in owners.values()} == {1}
    entered = [(line["slot"], line["fence"]) for line in lines if line["what"] == "enter"]
    assert len(entered) == len(set(entered))
    ends = Counter(line["what"] for line in lines)
    assert ends["released"] >= ENOUGH
    arena.assert_sound()
    arena.tell(f"{len(entered)} times held, {kills} killed, {dict(ends)}")


def _drive(arena: Arena, log: Path, number: int, slots: int, until: float) -> int:
    """Run a holder, and a new one after each that was killed; give how many were."""
    random, kills = arena.random(f"holder {number}"), 0
    while time.monotonic() < until or sum(line["what"] == "released" for line in read_log(log)) < ENOUGH:
        assert time.monotonic() < until + _LONGEST_WAIT_SECONDS
        told = {
            "log": str(log),
            "outputs": str(log.with_name(f"outputs-{number}-{kills}")),
            "skew": random.uniform(-MOST_SKEW_SECONDS, MOST_SKEW_SECONDS),
            "slots": slots,
            "seed": random.random(),
        }
        command = [sys.executable, "-m", "tests.races.holder", json.dumps(told)]
        environ = isolated_environ(dict(arena.place))
        with subprocess.Popen(command, cwd=_ROOT, env=environ, stderr=subprocess.PIPE, text=True) as process:
            try:
                _, said = process.communicate(timeout=random.uniform(2, 10))
            except subprocess.TimeoutExpired:
                process.kill()
                _, said = process.communicate()
            assert (process.returncode, said) == (-signal.SIGKILL, ""), said
        kills += 1
    return kills
