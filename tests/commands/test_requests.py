"""How many requests each command makes: on a local path, processes of git started by a store that knows nothing yet."""

from collections.abc import Callable

import pytest

from git_keyval.commands.copies import Copy, Rename
from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.keyspace import Keys, Ls
from git_keyval.commands.values import Del, Exists, Get, Getdel, Mget, Mset, Set, Type
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.format.names import ANCHOR_TAG
from git_keyval.maintenance.check import check
from git_keyval.maintenance.commands import Gather, Info, Maintain, Purge, Sweep
from git_keyval.maintenance.init import init
from git_keyval.store.port import Store
from tests.world import World, key, number, text

TEXT, COUNTER, ABSENT = key("text"), key("counter"), key("absent")
MANY = [key(str(index)) for index in range(50)]

# A list of refs is none, and a read is one process, which gives all objects. A write is one that is asked for git's settings, one
# that stores objects, and one that moves refs.
COMMANDS: dict[str, tuple[int, Callable[[Database], object]]] = {
    "get": (1, lambda database: perform(database, Get(key=TEXT))),
    "get of an absent key": (1, lambda database: perform(database, Get(key=ABSENT))),
    "get of a counter": (1, lambda database: perform(database, Get(key=COUNTER))),
    "ttl": (1, lambda database: perform(database, Ttl(key=TEXT))),
    "exists": (1, lambda database: perform(database, Exists(keys=[TEXT]))),
    "type": (1, lambda database: perform(database, Type(key=TEXT))),
    "mget of 50": (1, lambda database: perform(database, Mget(keys=MANY))),
    "set": (3, lambda database: perform(database, Set(key=TEXT, value=text("w")))),
    "set with ttl": (3, lambda database: perform(database, Set(key=TEXT, value=text("w"), ttl=60))),
    "set if present": (4, lambda database: perform(database, Set(key=TEXT, value=text("w"), condition=Condition("present")))),
    "set if absent": (3, lambda database: perform(database, Set(key=ABSENT, value=text("w"), condition=Condition("absent")))),
    "set if absent, refused": (
        2,
        lambda database: perform(database, Set(key=TEXT, value=text("w"), condition=Condition("absent"))),
    ),
    "set keep-ttl": (4, lambda database: perform(database, Set(key=TEXT, value=text("w"), keep_ttl=True))),
    "set get-old": (4, lambda database: perform(database, Set(key=TEXT, value=text("w"), get_old=True))),
    "set counter": (4, lambda database: perform(database, Set(key=COUNTER, value=7))),
    "mset of 50": (3, lambda database: perform(database, Mset(values=dict.fromkeys(MANY, text("w")), ttl=60))),
    "expire": (4, lambda database: perform(database, Expire(key=TEXT, ttl=600))),
    "expire if longer": (4, lambda database: perform(database, Expire(key=TEXT, ttl=600, only_if="longer"))),
    "persist": (3, lambda database: perform(database, Persist(key=TEXT))),
    "del": (3, lambda database: perform(database, Del(keys=[TEXT]))),
    "del of 50": (3, lambda database: perform(database, Del(keys=MANY))),
    "del of 50 that do not exist": (1, lambda database: perform(database, Del(keys=[key(f"no {index}") for index in range(50)]))),
    "getdel": (3, lambda database: perform(database, Getdel(key=TEXT))),
    "copy": (4, lambda database: perform(database, Copy(key=TEXT, to=ABSENT))),
    "copy of a counter": (4, lambda database: perform(database, Copy(key=COUNTER, to=ABSENT))),
    "rename": (4, lambda database: perform(database, Rename(key=TEXT, to=ABSENT))),
    "rename of a counter": (4, lambda database: perform(database, Rename(key=COUNTER, to=TEXT))),
    "incr": (4, lambda database: perform(database, Incr(key=COUNTER))),
    "incr of an absent key with ttl": (4, lambda database: perform(database, Incr(key=ABSENT, start=100, ttl=60))),
    "incr that refreshes a ttl": (4, lambda database: perform(database, Incr(key=COUNTER, ttl=60, refresh_ttl=True))),
    "incr of a number": (4, lambda database: perform(database, Incr(key=key("number")))),
    "keys": (1, lambda database: perform(database, Keys())),
    "ls": (1, lambda database: perform(database, Ls())),
    "ls with long": (3, lambda database: perform(database, Ls(long=True))),
    "ls of a type": (2, lambda database: perform(database, Ls(types=["counter"]))),
    "keys with types": (2, lambda database: perform(database, Keys(with_types=True))),
    "keys of a type": (2, lambda database: perform(database, Keys(types=["counter"]))),
    "keys of a type, of which no name matches": (1, lambda database: perform(database, Keys(pattern="none", types=["lock"]))),
}
JOBS: dict[str, tuple[int, Callable[[World, Store], object]]] = {
    "gather": (4, lambda world, store: Gather(grace_period=0).run(world.maintenance(store))),
    "sweep": (3, lambda world, store: Sweep().run(world.maintenance(store))),
    "purge": (3, lambda world, store: Purge(retention=0).run(world.maintenance(store))),
    "maintain": (7, lambda world, store: Maintain(grace_period=0, retention=0).run(world.maintenance(store))),
    "dry-run": (1, lambda world, store: Sweep(dry_run=True).run(world.maintenance(store))),
    "info": (3, lambda world, store: Info().run(world.maintenance(store))),
    "check": (2, lambda world, store: check(world.maintenance(store))),
    "init": (0, lambda world, store: init(world.maintenance(store))),
}


@pytest.fixture
def filled(git: World) -> World:
    """Return a database of which the same is asked whether it holds few keys or many."""
    init(git.maintenance())
    database = git.database()
    perform(database, Mset(values=dict.fromkeys([TEXT, *MANY], text("v")), ttl=120, store_key=True))
    perform(database, Mset(values={key("number"): number("5")}))
    perform(database, Set(key=COUNTER, value=5, ttl=3600))
    git.clock.advance(1)
    git.plant(COUNTER, 3)
    assert ANCHOR_TAG in git.refs()
    return git


@pytest.mark.parametrize(("expected", "command"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_makes_this_many_requests(filled: World, expected: int, command: Callable[[Database], object]) -> None:
    store = filled.place.open()
    command(filled.database(store))
    assert store.requests == expected


@pytest.mark.parametrize(("expected", "job"), JOBS.values(), ids=JOBS)
def test_a_job_makes_this_many_requests_however_much_there_is_to_do(
    filled: World, expected: int, job: Callable[[World, Store], object]
) -> None:
    perform(filled.database(), Getdel(key=MANY[0]))
    filled.clock.advance(200)
    store = filled.place.open()
    job(filled, store)
    assert store.requests == expected
