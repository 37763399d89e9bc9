"""What commands and jobs cost on the wire, counted by the server."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.commands.arrays import Aget, Apop, Apush, Aset
from git_keyval.commands.copies import Copy, Rename
from git_keyval.commands.counters import Decr, Incr
from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hdel, Hexpire, Hget, Hgetall, Hincr, Hkeys, Hlen, Hpersist, Hset, Httl
from git_keyval.commands.transactions import Batch, Item
from git_keyval.commands.values import Del, Exists, Get, Getdel, Mget, Mset, Set, Type
from git_keyval.database.collections import NewElement
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.format.names import DEFAULT_NAMING
from git_keyval.format.times import SECOND
from git_keyval.format.values import bytes_value
from git_keyval.maintenance.commands import Gather, Maintain, Purge, Sweep
from git_keyval.maintenance.init import init
from git_keyval.maintenance.jobs import Maintenance
from tests.conftest import FakeClock
from tests.contract.places import GithubPlace, open_git_place, open_github_place
from tests.elements import apply, made, stored, written
from tests.emulator import GitHubEmulator, Rival
from tests.github.opening import open_emulated
from tests.servers.binary import init_bare, run_git
from tests.world import World, draft, key, number, text

FREE, HELD = key("free"), key("held")
TEXT, EXPIRING, COUNTER, NEW = key("text"), key("expiring"), key("counter"), key("new")
MAP, BYTES, ARRAY, NUMBERS = key("map"), key("bytes"), key("array"), key("numbers")
MANY = [key(str(index)) for index in range(50)]
SOON = 1_800
"""The lifetime of something else, which ends in the same minute."""
NAMES = [str(index) for index in range(30)]

BUDGETS: dict[str, tuple[int, Callable[[Database], object]]] = {
    "get": (1, lambda database: perform(database, Get(key=TEXT))),
    "get of an absent key": (1, lambda database: perform(database, Get(key=NEW))),
    "get of a counter": (2, lambda database: perform(database, Get(key=COUNTER))),
    "ttl": (1, lambda database: perform(database, Ttl(key=EXPIRING))),
    "exists": (1, lambda database: perform(database, Exists(keys=[TEXT]))),
    "type": (1, lambda database: perform(database, Type(key=TEXT))),
    "mget of 50": (1, lambda database: perform(database, Mget(keys=MANY))),
    "set": (3, lambda database: perform(database, Set(key=TEXT, value=text("w")))),
    "set of a new key": (3, lambda database: perform(database, Set(key=NEW, value=text("w")))),
    "set with ttl": (4, lambda database: perform(database, Set(key=TEXT, value=text("w"), ttl=60))),
    "set if absent": (3, lambda database: perform(database, Set(key=NEW, value=text("w"), condition=Condition("absent")))),
    "set if present": (4, lambda database: perform(database, Set(key=TEXT, value=text("w"), condition=Condition("present")))),
    "set if present with ttl": (
        5,
        lambda database: perform(database, Set(key=TEXT, value=text("w"), ttl=60, condition=Condition("present"))),
    ),
    "set if present with ttl, in a minute that others end in": (
        4,
        lambda database: perform(database, Set(key=TEXT, value=text("w"), ttl=SOON, condition=Condition("present"))),
    ),
    "set if present, to what others hold": (
        2,
        lambda database: perform(database, Set(key=TEXT, value=text("o"), condition=Condition("present"))),
    ),
    "set get-old": (4, lambda database: perform(database, Set(key=TEXT, value=text("w"), get_old=True))),
    "set of a counter get-old": (3, lambda database: perform(database, Set(key=COUNTER, value=5, get_old=True))),
    "set of bytes": (4, lambda database: perform(database, Set(key=TEXT, value=bytes_value(b"\0\xff")))),
    "mset of one": (3, lambda database: perform(database, Mset(values={NEW: text("w")}))),
    "mset of 20": (2, lambda database: perform(database, Mset(values={each: text(f"w{each.label}") for each in MANY[:20]}))),
    "expire": (3, lambda database: perform(database, Expire(key=TEXT, ttl=90))),
    "expire, in a minute that others end in": (2, lambda database: perform(database, Expire(key=TEXT, ttl=SOON))),
    "expire if longer": (3, lambda database: perform(database, Expire(key=EXPIRING, ttl=9000, only_if="longer"))),
    "expire that is not longer": (1, lambda database: perform(database, Expire(key=EXPIRING, ttl=60, only_if="longer"))),
    "persist": (2, lambda database: perform(database, Persist(key=EXPIRING))),
    "del": (2, lambda database: perform(database, Del(keys=[EXPIRING]))),
    "del of 10": (2, lambda database: perform(database, Del(keys=MANY[:10]))),
    "getdel": (2, lambda database: perform(database, Getdel(key=EXPIRING))),
    "getdel of a counter": (2, lambda database: perform(database, Getdel(key=COUNTER))),
    "copy": (2, lambda database: perform(database, Copy(key=EXPIRING, to=NEW))),
    "copy of a counter": (3, lambda database: perform(database, Copy(key=COUNTER, to=NEW))),
    "copy of a map": (3, lambda database: perform(database, Copy(key=MAP, to=NEW))),
    "rename": (2, lambda database: perform(database, Rename(key=TEXT, to=EXPIRING))),
    "rename of a counter": (3, lambda database: perform(database, Rename(key=COUNTER, to=TEXT))),
    "rename of a map": (3, lambda database: perform(database, Rename(key=MAP, to=NEW))),
    "lock": (5, lambda database: perform(database, Lock(key=FREE, owner="us", ttl=60))),
    "lock of a new key": (5, lambda database: perform(database, Lock(key=NEW, owner="us", ttl=60))),
    "lock that is held": (1, lambda database: perform(database, Lock(key=HELD, owner="others", ttl=60))),
    "lock that is held, with ten looks": (11, lambda database: perform(database, Lock(key=HELD, owner="others", ttl=60, wait=75))),
    "lock, in a minute that others end in": (4, lambda database: perform(database, Lock(key=FREE, owner="us", ttl=SOON))),
    "lock renewed, in a minute that others end in": (2, lambda database: perform(database, Lock(key=HELD, owner="us", ttl=SOON))),
    "lock renewed": (3, lambda database: perform(database, Lock(key=HELD, owner="us", ttl=60))),
    "unlock": (4, lambda database: perform(database, Unlock(key=HELD, owner="us"))),
    "unlock of what nobody holds": (1, lambda database: perform(database, Unlock(key=FREE, owner="us"))),
    "incr": (3, lambda database: perform(database, Incr(key=COUNTER))),
    "decr": (3, lambda database: perform(database, Decr(key=COUNTER))),
    "incr of a new key": (3, lambda database: perform(database, Incr(key=NEW))),
    "incr of a new key with ttl": (4, lambda database: perform(database, Incr(key=NEW, start=100, ttl=60))),
    "incr with ttl": (3, lambda database: perform(database, Incr(key=COUNTER, ttl=60))),
    "incr that refreshes a ttl": (4, lambda database: perform(database, Incr(key=COUNTER, ttl=60, refresh_ttl=True))),
    "incr that refreshes a ttl, in a minute that others end in": (
        3,
        lambda database: perform(database, Incr(key=COUNTER, ttl=SOON, refresh_ttl=True)),
    ),
    "batch, in a minute that others end in": (
        2,
        lambda database: perform(
            database,
            Batch(items=[Item(id=one.label, command=Expire(key=one, ttl=SOON), outputs=("applied",)) for one in MANY[:20]]),
        ),
    ),
    "set of a counter": (3, lambda database: perform(database, Set(key=COUNTER, value=5))),
    "hget": (1, lambda database: perform(database, Hget(key=MAP, field="7"))),
    "hget of a field that expires": (1, lambda database: perform(database, Hget(key=MAP, field="lives"))),
    "hget of an absent field": (1, lambda database: perform(database, Hget(key=MAP, field="absent"))),
    "hget of bytes": (2, lambda database: perform(database, Hget(key=BYTES, field="a"))),
    "hget of 30 fields": (1, lambda database: perform(database, Hget(key=MAP, fields=NAMES))),
    "httl": (1, lambda database: perform(database, Httl(key=MAP, field="lives"))),
    "hset": (4, lambda database: perform(database, Hset(key=MAP, entries={"7": draft("w")}))),
    "hset of 20 fields": (
        4,
        lambda database: perform(database, Hset(key=MAP, entries={name: draft(f"w{name}") for name in NAMES[:20]})),
    ),
    "hset of a new map": (4, lambda database: perform(database, Hset(key=NEW, entries={"a": draft("w"), "b": draft("x")}))),
    "hset that leaves its type to the map": (4, lambda database: perform(database, Hset(key=MAP, entries={"7": following("w")}))),
    "hset of a new field that leaves its type to the map": (
        5,
        lambda database: perform(database, Hset(key=MAP, entries={"n": following("w")})),
    ),
    "hset with ttl": (5, lambda database: perform(database, Hset(key=MAP, entries={"7": draft("w")}, ttl=60))),
    "hset of 200 fields": (
        4,
        lambda database: perform(database, Hset(key=MAP, entries={f"n{n}": draft(f"{n}") for n in range(200)})),
    ),
    "hset of bytes": (5, lambda database: perform(database, Hset(key=BYTES, entries={"a": draft(bytes_value(b"\xfe"))}))),
    "hincr": (4, lambda database: perform(database, Hincr(key=NUMBERS, field="few"))),
    "hincr of a new field": (4, lambda database: perform(database, Hincr(key=NUMBERS, field="new"))),
    "hincr of a new map": (4, lambda database: perform(database, Hincr(key=NEW, field="new"))),
    "hincr of a large number": (4, lambda database: perform(database, Hincr(key=NUMBERS, field="many"))),
    "hincr with ttl": (5, lambda database: perform(database, Hincr(key=NUMBERS, field="few", ttl=60))),
    "hincr with op-id": (3, lambda database: perform(database, Hincr(key=NUMBERS, field="few", record=key("kv:op:1")))),
    "hdel": (4, lambda database: perform(database, Hdel(key=MAP, fields=["7", "lives"]))),
    "hexpire": (3, lambda database: perform(database, Hexpire(key=MAP, fields=["7"], ttl=90))),
    "hexpire, in a minute that others end in": (2, lambda database: perform(database, Hexpire(key=MAP, fields=["7"], ttl=SOON))),
    "hset, in a minute that others end in": (
        4,
        lambda database: perform(database, Hset(key=MAP, entries={"7": draft("w")}, ttl=SOON)),
    ),
    "hpersist": (2, lambda database: perform(database, Hpersist(key=MAP, fields=["lives"]))),
    "hgetall": (5, lambda database: perform(database, Hgetall(key=MAP))),
    "hkeys": (4, lambda database: perform(database, Hkeys(key=MAP))),
    "hlen": (4, lambda database: perform(database, Hlen(key=MAP))),
    "aget": (1, lambda database: perform(database, Aget(key=ARRAY, index=1))),
    "aset": (4, lambda database: perform(database, Aset(key=ARRAY, index=1, element=draft("w")))),
    "apop": (5, lambda database: perform(database, Apop(key=ARRAY))),
    "apop of the first": (5, lambda database: perform(database, Apop(key=ARRAY, from_="first"))),
    "apush": (4, lambda database: perform(database, Apush(key=ARRAY, elements=[draft("w")]))),
}
BY_GIT = {
    "mset of 20": 2,
    "hincr with op-id": 2,
    "hset of 200 fields": 2,
    "hgetall": 5,
    "hkeys": 4,
    "hlen": 4,
}
"""How many requests go by git; the others go by the API alone."""


def following(value: str) -> NewElement:
    """Return a value that is a number where the elements are no texts."""
    return lambda kind: text(value) if kind == "String" else number("1")


def fill(world: World) -> None:
    database = world.database()
    perform(database, Mset(values=dict.fromkeys([TEXT, *MANY], text("v"))))
    perform(database, Set(key=EXPIRING, value=text("v"), ttl=3600))
    perform(database, Set(key=key("soon"), value=text("o"), ttl=SOON + 1))
    perform(database, Incr(key=COUNTER, by=5))
    perform(database, Lock(key=FREE, owner="others", ttl=60))
    perform(database, Unlock(key=FREE, owner="others"))
    perform(database, Lock(key=HELD, owner="us", ttl=3600))
    perform(database, Hset(key=MAP, entries={name: draft(name) for name in NAMES}))
    perform(database, Hset(key=MAP, entries={"lives": draft("v")}, ttl=10**8))
    perform(database, Hset(key=BYTES, entries={"a": draft(bytes_value(b"\0\xff"))}))
    perform(database, Hset(key=NUMBERS, entries={"few": draft(number("41")), "many": draft(number("123456789"))}))
    for name in NAMES[:3]:
        perform(database, Apush(key=ARRAY, elements=[draft(name)]))


@pytest.fixture
def warm(emulator: GitHubEmulator, clock: FakeClock) -> World:
    """Return a database in use, whose GraphQL id the event of the run tells."""
    world = World(open_github_place(emulator, "name", clock), clock)
    init(world.maintenance())
    world.at_once(fill)
    clock.advance(1)
    world.plant(COUNTER, 3)
    return world


def opened(world: World) -> Database:
    """Open the database as a step does, and forget what was asked before."""
    assert isinstance(world.place, GithubPlace)
    database = world.database(world.place.open())
    world.place.emulator.reset_log()
    return database


@pytest.mark.parametrize("name", BUDGETS)
def test_a_command_keeps_its_budget(warm: World, name: str) -> None:
    assert isinstance(warm.place, GithubPlace)
    budget, command = BUDGETS[name]
    database = opened(warm)
    command(database)
    emulator = warm.place.emulator
    sent = [f"{entry.kind} {entry.method} {entry.path}" for entry in emulator.requests]
    assert len(sent) == budget == database.store.requests, sent
    assert emulator.count("git") == BY_GIT.get(name, 0)


@pytest.mark.parametrize("by_git", [True, False])
def test_types_cost_a_request(emulator: GitHubEmulator, clock: FakeClock, *, by_git: bool) -> None:
    """The expiries come with the names, and so types cost a request."""
    world = World(open_github_place(emulator, "name", clock, by_git=by_git), clock)
    init(world.maintenance())
    perform(world.database(), Mset(values={each: text(each.label) for each in MANY}, store_key=True))
    perform(world.database(), Lock(key=FREE, owner="us", ttl=60, store_key=True))
    used = []
    for _ in range(2):
        for command in (Keys(), Keys(with_types=True), Keys(types=["lock"]), Keys(pattern="none", types=["lock"])):
            database = opened(world)
            perform(database, command)
            used.append(database.store.requests)
        perform(world.database(), Set(key=EXPIRING, value=text("v"), ttl=3600, store_key=True))
    more = 1 if by_git else 0
    assert used == [count + more for count in (2, 3, 3, 2, 2, 3, 3, 2)]


def test_init_takes_four_requests_of_the_api_and_one_where_all_is_there(emulator: GitHubEmulator, clock: FakeClock) -> None:
    """A list of branches and tags, a tree, a commit, a move of the anchor."""
    world = World(open_github_place(emulator, "name", clock), clock)
    emulator.create("owner", "fresh")
    used = []
    for _ in range(2):
        store = open_emulated(emulator, clock, "owner/fresh", by_git=False)
        init(world.maintenance(store))
        used.append(store.requests)
    assert used == [4, 1]


def test_the_id_of_the_repository_is_asked_for_once_where_no_event_tells_it(warm: World) -> None:
    assert isinstance(warm.place, GithubPlace)
    database = warm.database(warm.place.open_unknown())
    warm.place.emulator.reset_log()
    perform(database, Set(key=TEXT, value=text("w")))
    assert database.store.requests == 4
    perform(database, Set(key=NEW, value=text("x")))
    assert database.store.requests == 7


def test_a_rival_costs_six_requests_more(warm: World) -> None:
    """The refusal is explained by one read; a breadcrumb takes two requests; then it looks for its number, and folds it."""
    assert isinstance(warm.place, GithubPlace)
    database = opened(warm)
    emulator = warm.place.emulator
    others = warm.database(warm.place.open())
    emulator.faults = {3: Rival(lambda: perform(others, Incr(key=COUNTER, by=1000)))}
    assert perform(database, Incr(key=COUNTER)).value == 1009
    assert database.store.requests == 3 + 6


DUE = 2_000
"""Enough to see what ten thousand take, without the minutes that git needs to delete those."""
EACH = 10
"""How many elements of a map are due."""


@pytest.fixture(scope="module")
def due(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database in which many keys have expired."""
    clock = FakeClock()
    repository = init_bare(tmp_path_factory.mktemp("due") / "due.git")
    world = World(open_git_place(repository, str(repository), clock, {}), clock)
    init(world.maintenance())
    perform(world.database(), Mset(values={key(f"due {number}"): text("v") for number in range(DUE)}, ttl=60))
    run_git("pack-refs", "--all", directory=repository)
    return repository


@pytest.mark.parametrize("pushes_are_limited", [False, True])
def test_maintenance_of_many_keys_is_cheap(
    due: Path, emulator: GitHubEmulator, clock: FakeClock, *, pushes_are_limited: bool
) -> None:
    """Pushes count against no limit of the API. Without them 400 refs go in one request: 10,000 keys in fewer than sixty.

    All that within the limits that GitHub documents.
    """
    emulator.options.core_limit = emulator.options.graphql_limit = 1_000
    emulator.options.content_per_minute, emulator.options.content_per_hour = 80, 500
    emulator.options.max_push_refs = 5 if pushes_are_limited else None
    place = open_github_place(emulator, "name", clock)
    shutil.rmtree(place.repository)
    shutil.copytree(due, place.repository)
    world = World(place, clock)
    clock.advance(3600)
    emulator.reset_log()
    report = Sweep().run(world.maintenance())
    assert (report.error, len(report.jobs[0].applied)) == ("", DUE)
    pushes = sum(entry.path.endswith("/git-receive-pack") for entry in emulator.requests)
    by_api = emulator.count() - emulator.count("git")
    assert (by_api, pushes) == ((13, 2) if pushes_are_limited else (0, 2))
    assert not any(entry.status in {403, 429} for entry in emulator.requests)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database of maps, of which most elements have expired."""
    clock = FakeClock()
    repository = init_bare(tmp_path_factory.mktemp("ended") / "ended.git")
    world = World(open_git_place(repository, str(repository), clock, {}), clock)
    init(world.maintenance())
    gone = {f"field {number}": str(number) for number in range(EACH)}
    ends = dict.fromkeys(gone, clock() // SECOND + 60)
    apply(world, *(written(key(f"map {number}"), {**gone, "stays": f"in {number}"}, ends=ends) for number in range(DUE // EACH)))
    run_git("pack-refs", "--all", directory=repository)
    return repository


def test_sweeping_many_elements_is_cheap(ended: Path, emulator: GitHubEmulator, clock: FakeClock) -> None:
    """All expiries in one request, all maps in one, and what is left of them in one push; none to the API."""
    place = open_github_place(emulator, "name", clock)
    shutil.rmtree(place.repository)
    shutil.copytree(ended, place.repository)
    world = World(place, clock)
    clock.advance(3600)
    emulator.reset_log()
    job = Sweep().run(world.maintenance()).jobs[0]
    assert (job.error, len(job.applied), sum(action.counts.elements for action in job.applied)) == ("", DUE // EACH, DUE)
    assert [entry.path.partition(".git/")[2] for entry in emulator.requests] == [
        "info/refs",
        "git-upload-pack",  # the listing
        "git-upload-pack",  # the expiries
        "git-upload-pack",  # the maps
        "info/refs",
        "git-receive-pack",
    ]
    assert stored(world, key("map 7")) == made({"stays": "in 7"})


JOBS: dict[str, tuple[int, int, Callable[[Maintenance], object]]] = {
    # All requests, and those of them to the API, none of which creates content: what is written is pushed.
    "gather": (6, 1, Gather().run),
    "sweep": (6, 0, Sweep().run),  # one key, and one field of a map, whose tree is stored anew
    "purge": (5, 0, Purge().run),
    "maintain": (14, 1, Maintain().run),
}


@pytest.mark.parametrize(("requests", "by_api", "job"), JOBS.values(), ids=JOBS)
def test_a_job_with_little_to_do_costs_this(warm: World, requests: int, by_api: int, job: Callable[[Maintenance], object]) -> None:
    assert isinstance(warm.place, GithubPlace)
    perform(warm.database(), Getdel(key=MANY[0]))
    perform(warm.database(), Getdel(key=MANY[1]))
    warm.clock.advance(30 * 86_400)
    warm.place.emulator.reset_log()
    job(warm.maintenance(warm.place.open()))
    emulator = warm.place.emulator
    assert (emulator.count(), emulator.count() - emulator.count("git")) == (requests, by_api)
    assert DEFAULT_NAMING.value(TEXT.id) in warm.refs()
