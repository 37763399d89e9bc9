"""Every command and job with a rival between any two of its requests: it ends as if one had gone before the other."""

import itertools
from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest

from git_keyval.commands.arrays import Apush
from git_keyval.commands.counters import Incr
from git_keyval.commands.maps import Hset
from git_keyval.commands.values import Del, Set
from git_keyval.database.answers import Answer
from git_keyval.database.keys import Key, MovedError
from git_keyval.database.perform import perform
from git_keyval.errors import GitKeyvalError, WrongTypeError
from git_keyval.maintenance.commands import Gather, Purge, Sweep
from git_keyval.maintenance.report import CheckReport, InitReport, Report
from tests.crash.scenes import (
    ABSENT,
    ARRAY,
    COMMANDS,
    COUNTER,
    EXPIRED,
    EXPIRING,
    IN_STEPS,
    JOBS,
    KEYS,
    MAP,
    NUMBER,
    OF_ANOTHER_KEY,
    TEXT,
    WAITING,
    WITH_RIVAL,
    plain,
)
from tests.emulator import Fault, Rival
from tests.exhaustive import exhaustive, in_turn
from tests.github.stage import Seen, Stage
from tests.world import World, draft, drafts, text


def count(world: World, key: Key = COUNTER) -> None:
    # After the command the key may hold something else: then there is nothing for the rival to do.
    with suppress(WrongTypeError, MovedError):
        perform(world.database(), Incr(key=key, by=1000))


def write_all(world: World) -> None:
    for key in (TEXT, EXPIRING, EXPIRED):
        with suppress(MovedError):
            perform(world.database(), Set(key=key, value=text("the rival's")))
    for key in (COUNTER, WAITING, NUMBER, ABSENT):
        count(world, key)
    with suppress(WrongTypeError):
        perform(world.database(), Hset(key=MAP, entries=drafts(a="the rival's", theirs="too")))
    with suppress(WrongTypeError):
        perform(world.database(), Apush(key=ARRAY, elements=[draft("the rival's")]))


def delete_all(world: World) -> None:
    for key in KEYS:
        with suppress(MovedError):
            perform(world.database(), Del(keys=[key]))


def maintain_all(world: World) -> None:
    Gather(grace_period=0).run(world.maintenance())
    Sweep().run(world.maintenance())
    Purge(retention=0).run(world.maintenance())


RIVALS: Mapping[str, Callable[[World], object]] = {"writes": write_all, "deletes": delete_all, "maintains": maintain_all}
RIVALS_AT_ONE_KEY: Mapping[str, Callable[[World], object]] = {
    "counts": count,
    "deletes a counter": lambda world: perform(world.database(), Del(keys=[COUNTER])),
    "sets": lambda world: perform(world.database(), Set(key=TEXT, value=text("the rival's"))),
    "deletes": lambda world: perform(world.database(), Del(keys=[TEXT])),
    "maintains": maintain_all,
}
"""For commands of several keys, which read and write each of them at its own moment."""
OF_SEVERAL = {"exists", "mget", "keys", "mset", "del of several"}
# In memory every command meets every rival, in tests/crash/test_rivals.py. Here it is about the requests that one comes between.
OTHERS = [name for name in COMMANDS if name not in WITH_RIVAL | IN_STEPS | OF_SEVERAL | OF_ANOTHER_KEY]
CONVERSATIONS = [
    "get",
    "set",
    "set with ttl and key",
    "set if present",
    "redirect",
    "expire",
    "getdel",
    "incr",
    "incr of what waits",
    "hget",
    "hgetall",
    "hset",
    "hset with ttl",
    "apop",
    "set over a map",
    "lock",
    "lock that lapsed",
    "unlock",
]
"""What the other commands do is made of the same requests in the same order, but for how many there are of each kind: each of them
meets one rival, with ``make test-all``."""

Outcome = tuple[Answer | type[GitKeyvalError], Mapping[str, tuple[str | None, str]]]


def outcome(answer: object, seen: Seen) -> Outcome:
    """Return what users are told and see, but for what depends on time and on operations made at random."""
    assert (seen.errors, seen.foreign) == ((), True)
    if isinstance(answer, GitKeyvalError):
        return type(answer), seen.content
    assert isinstance(answer, Answer)
    return plain(answer), seen.content


def one_after_the_other(stage: Stage, name: str, rival: Callable[[World], object]) -> list[Outcome]:
    """Return what a command and its rival may lead to: the command first, and the rival first."""
    world, store = stage.world()
    answer = stage.attempt(world, store, name, {})
    world.at_once(rival)
    command_first = outcome(answer, stage.see(world))
    world, store = stage.world()
    world.at_once(rival)
    answer = stage.attempt(world, store, name, {})
    return [command_first, outcome(answer, stage.see(world))]


class Entrance:
    """When a rival comes: just before one of the requests, if there are so many."""

    def __init__(self, world: World, rival: Callable[[World], object], number: int) -> None:
        self.happened = False
        self._world = world
        self._rival = rival
        self.faults: Mapping[int, Fault] = {number: Rival(self._act)}

    def _act(self) -> None:
        self.happened = True
        self._world.at_once(self._rival)


@pytest.mark.parametrize(
    ("name", "who"),
    in_turn(CONVERSATIONS, RIVALS)
    + [exhaustive(name, who) for name, who in zip(sorted({*OTHERS} - {*CONVERSATIONS}), itertools.cycle(RIVALS), strict=False)]
    + in_turn([name for name in COMMANDS if name in OF_SEVERAL], RIVALS_AT_ONE_KEY),
)
def test_a_command_and_its_rival_seem_to_go_one_after_the_other(stage: Stage, name: str, who: str) -> None:
    rival = (RIVALS_AT_ONE_KEY if name in OF_SEVERAL else RIVALS)[who]
    possible = one_after_the_other(stage, name, rival)
    for number in itertools.count(1):
        world, store = stage.world()
        entrance = Entrance(world, rival, number)
        answer = stage.attempt(world, store, name, entrance.faults)
        if not entrance.happened:
            break
        assert outcome(answer, stage.see(world)) in possible, f"{name}, where the rival {who} before request {number}: {answer!r}"
    assert number > 1


@pytest.mark.parametrize(("name", "who"), in_turn(JOBS, RIVALS))
def test_a_job_takes_nothing_from_its_rival(stage: Stage, name: str, who: str) -> None:
    """What is to be seen afterwards is what the rival left, whenever it came."""
    world, _ = stage.world()
    world.at_once(RIVALS[who])
    left = stage.see(world)
    for number in itertools.count(1):
        world, store = stage.world()
        entrance = Entrance(world, RIVALS[who], number)
        answer = stage.run_job(world, store, name, entrance.faults)
        if not entrance.happened:
            break
        scene = f"{name}, where the rival {who} before request {number}: {answer!r}"
        now = stage.see(world)
        assert isinstance(answer, Report | CheckReport | InitReport), scene
        assert getattr(answer, "error", "") == "", scene
        assert (now.content, now.errors, now.foreign) == (left.content, (), True), scene
    assert number > 1
