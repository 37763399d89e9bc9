"""Redirects between two databases: rivals, lost replies, and a command that finds its keys elsewhere."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire
from git_keyval.commands.maps import Hget, Hincr, Hset
from git_keyval.commands.redirects import Redirection
from git_keyval.commands.transactions import Batch, Item
from git_keyval.commands.values import Append, Del, Get, Getdel, Mget, Mset, Set
from git_keyval.database.answers import Answer
from git_keyval.database.command import Bound
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.keys import Key, MovedError
from git_keyval.database.perform import perform
from git_keyval.dispatch.location import GithubServer
from git_keyval.dispatch.routing import Place, Policy, Routes
from git_keyval.errors import (
    ContentionError,
    GitKeyvalError,
    OutcomeUnknownError,
    PartlyDeletedError,
    RedirectedError,
    RedirectRefusedError,
    StoreError,
)
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT, REDIRECT_ANCHOR
from git_keyval.format.names import ANCHOR_TAG, Naming
from git_keyval.format.redirects import Redirect, encode_redirect
from git_keyval.maintenance.commands import Gather, Sweep
from git_keyval.maintenance.init import init
from tests.conftest import FakeClock
from tests.contract.places import Place as StorePlace
from tests.contract.samples import Sample, note
from tests.faults import Fault, FaultyStore, Lost, Rival
from tests.memory import MemoryStore
from tests.world import World, drafts, install_hook, key, show, text

K, L = key("k"), key("l")
OLD, NEW = "owner/old", "owner/new"
TO_NEW = {each.id: Redirect(NEW, 2) for each in (K, L)}
VALUE, EXPIRY = Naming().value(K.id), Naming().expiry(K.id)


def move(world: World, *, keys: tuple[str, ...] = ("k",)) -> None:
    perform(world.database(), Redirection(keys=[key(label) for label in keys], targets=TO_NEW))


def value_of(world: World, name: str = "k") -> str:
    return show(perform(world.database(), Get(key=key(name))).value)


# --- what every command says of a redirected key --------------------------------------------------------------------

READS: dict[str, Callable[[Database], Answer]] = {
    "get": lambda database: perform(database, Get(key=K)),
    "mget": lambda database: perform(database, Mget(keys=[L, K])),
    "getdel": lambda database: perform(database, Getdel(key=K)),
    "del": lambda database: perform(database, Del(keys=[L, K])),
    "set": lambda database: perform(database, Set(key=K, value=text("w"))),
    "set if absent": lambda database: perform(database, Set(key=K, value=text("w"), condition=Condition("absent"))),
    "set counter": lambda database: perform(database, Set(key=K, value=7)),
    "mset": lambda database: perform(database, Mset(values={L: text("w"), K: text("w")})),
    "expire": lambda database: perform(database, Expire(key=K, ttl=60)),
    "incr": lambda database: perform(database, Incr(key=K)),
    "incr with ttl": lambda database: perform(database, Incr(key=K, ttl=60, start=100, refresh_ttl=True, store_key=True)),
    "hincr": lambda database: perform(database, Hincr(key=K, field="n")),
    "hincr once": lambda database: perform(database, Hincr(key=K, field="n", record=key("kv:op:1"))),
    "incr breadcrumb": lambda database: perform(database, Incr(key=K, contention="breadcrumb")),
}


@pytest.mark.parametrize("name", READS)
def test_a_command_says_where_the_keys_live_and_writes_nothing(world: World, name: str) -> None:
    perform(world.database(), Set(key=L, value=text("here")))
    move(world)
    before = world.refs()
    with pytest.raises(MovedError) as caught:
        READS[name](world.database())
    assert caught.value.targets == {K.id: Redirect(NEW, 2)}
    assert world.refs() == before
    assert world.errors() == []


def test_all_keys_that_live_elsewhere_are_told_at_once(memory: World) -> None:
    move(memory, keys=("k", "l"))
    with pytest.raises(MovedError) as caught:
        perform(memory.database(), Mget(keys=[K, key("m"), L]))
    assert caught.value.targets.keys() == {K.id, L.id}


@pytest.mark.parametrize("name", [name for name in READS if name not in {"get", "mget"}])
def test_a_write_does_not_overwrite_a_redirect_that_is_made_before_any_of_its_requests(world: World, name: str) -> None:
    """Whatever it has read, or not read."""
    for number in itertools.count(1):
        world.store.apply([])
        perform(world.database(), Redirection(keys=[K], targets={}))
        old = Set(key=K, value=text("old") if "incr" not in name else 5)
        made: Bound = Hincr(key=K, field="n") if "hincr" in name else old
        perform(world.database(), made)
        perform(world.database(), Set(key=L, value=text("here")))
        store = world.faulty({number: Rival(lambda: move(world))})
        try:
            answer = READS[name](world.database(store))
            assert isinstance(answer, Answer)
        except (MovedError, PartlyDeletedError):
            answer = None
        if not store.fired:
            break
        assert world.refs().get(VALUE) == encode_redirect(Redirect(NEW, 2)).oid or answer is not None
        assert answer is not None or world.refs().get(VALUE) == encode_redirect(Redirect(NEW, 2)).oid
        if answer is not None:
            # The rival came when all was done; what it found then, it has redirected.
            assert world.refs()[VALUE] == encode_redirect(Redirect(NEW, 2)).oid
        assert world.errors() == []
    assert number > 1


def test_a_forced_set_does_not_overwrite_a_redirect(memory: World) -> None:
    """A counter's SET that loses to rivals every time is forced, but not where a redirect may be."""
    turns = itertools.count()

    def rival() -> None:
        perform(memory.database(), Set(key=K, value=next(turns)))

    perform(memory.database(), Set(key=K, value=1))
    every = {2 * turn: Rival(rival) for turn in range(1, 100)}
    assert perform(memory.database(memory.faulty(every), max_attempts=3), Set(key=K, value=99)).applied is True
    move(memory, keys=("l",))
    with pytest.raises(ContentionError):
        perform(memory.database(memory.faulty(every), max_attempts=3), Set(key=K, value=99))
    # The last attempt comes upon the first redirect of the database.
    fresh = World(memory.place, memory.clock)
    perform(fresh.database(), Del(keys=[K]))
    fresh.put(ANCHOR_TAG, Sample((*DUMMY_OBJECTS, NULL_COMMIT)))
    perform(fresh.database(), Set(key=K, value=1))
    last = {**{2 * turn: Rival(rival) for turn in range(1, 4)}, 8: Rival(lambda: move(fresh))}
    with pytest.raises((ContentionError, MovedError)):
        perform(fresh.database(fresh.faulty(last), max_attempts=3), Set(key=K, value=99))
    assert fresh.refs()[VALUE] == encode_redirect(Redirect(NEW, 2)).oid


@pytest.mark.parametrize("anchored", [True, False], ids=["redirect anchor", "no anchor"])
def test_a_write_that_read_what_it_overwrites_repairs_what_nobody_can_read(memory: World, *, anchored: bool) -> None:
    """A plain set still needs nothing to be readable."""
    if anchored:
        move(memory, keys=("l",))
    memory.put(VALUE, note("no record\n"))
    memory.put(EXPIRY, note("no expiry\n"))
    assert perform(memory.database(), Set(key=K, value=text("v"))).applied is True
    assert value_of(memory) == "v"
    assert EXPIRY not in memory.refs()
    assert memory.refs()[ANCHOR_TAG] == (REDIRECT_ANCHOR if anchored else NULL_COMMIT).oid


def test_a_rule_that_forbids_to_touch_the_tag_keeps_nobody_from_writing(git: World) -> None:
    """Such as one for all tags of a repository: then the keys are read and compared."""
    perform(git.database(), Set(key=L, value=text("here")))
    install_hook(git, "update", f"#!/bin/sh\ntest $1 != {ANCHOR_TAG}\n")
    assert perform(git.database(), Set(key=K, value=text("v"), ttl=60)).applied is True
    assert perform(git.database(), Mset(values={K: text("w"), L: text("w")})).applied is True
    assert (value_of(git), value_of(git, "l")) == ("w", "w")


# --- making one -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["value", "counter", "expired", "absent"])
def test_a_redirect_takes_the_place_of_whatever_is_there(world: World, kind: str) -> None:
    if kind != "absent":
        perform(world.database(), Set(key=K, value=5 if kind == "counter" else text("v"), ttl=60, store_key=True))
    if kind == "expired":
        world.clock.advance(61)
    if kind == "counter":
        Gather(grace_period=0).run(world.maintenance())
    answer = perform(world.database(), Redirection(keys=[K], targets=TO_NEW))
    assert answer == Answer(applied=True, count=1)
    refs = world.refs()
    assert refs[VALUE] == encode_redirect(Redirect(NEW, 2)).oid
    assert EXPIRY not in refs
    assert refs[ANCHOR_TAG] == REDIRECT_ANCHOR.oid
    assert not world.breadcrumbs()
    assert world.errors() == []


def test_a_rival_that_writes_before_the_redirect_is_seen_by_it(world: World) -> None:
    """A value that the target does not hold is not lost to a decision that was made before it came."""
    rival = Rival(lambda: perform(world.database(), Set(key=K, value=text("new"))))
    asked: list[object] = []

    def nothing_there(targets: object) -> frozenset[str]:
        asked.append(targets)
        return frozenset()

    database = world.database(world.faulty({2: rival}))
    object.__setattr__(database, "held_at_target", nothing_there)
    with pytest.raises(RedirectRefusedError):
        perform(database, Redirection(keys=[K], targets=TO_NEW))
    assert asked == [{K: TO_NEW[K.id]}]
    assert value_of(world) == "new"


def test_increments_that_wait_keep_a_key_where_it_is(memory: World) -> None:
    for prepare in (
        lambda: None,
        lambda: perform(memory.database(), Incr(key=K)),
        lambda: perform(memory.database(), Set(key=K, value=3, ttl=60)),
    ):
        prepare()
        memory.clock.advance(1)
        crumb = memory.plant(K, 4)
        before = memory.refs()
        with pytest.raises(RedirectRefusedError, match="gather"):
            perform(memory.database(), Redirection(keys=[K], targets=TO_NEW))
        assert memory.refs() == before
        assert crumb in before
    memory.clock.advance(200)  # it has expired, and ends with its counter
    assert perform(memory.database(), Redirection(keys=[K], targets=TO_NEW)).applied is True
    assert memory.breadcrumbs() == []


def test_breadcrumbs_that_count_for_nothing_go_with_the_value(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=text("v")))
    memory.clock.advance(1)
    memory.plant(K, 4)
    assert perform(memory.database(), Redirection(keys=[K], targets=TO_NEW)).applied is True
    assert memory.breadcrumbs() == []


def test_a_breadcrumb_that_comes_late_is_kept_and_told(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=3))
    Gather(grace_period=0).run(memory.maintenance())
    move(memory)
    memory.clock.advance(1)
    late = [memory.plant(K, 4, ago=600), memory.plant(K, None, ago=600)]
    memory.put(EXPIRY, Sample((*DUMMY_OBJECTS, encode_expiry(60))))
    report = Gather(grace_period=0).run(memory.maintenance())
    assert report.notable() == len(late)
    assert {left.ref for left in report.jobs[0].plan.left} == set(late)
    assert Sweep().run(memory.maintenance()).jobs[0].applied == []
    assert set(late) <= memory.refs().keys()
    assert memory.refs()[VALUE] == encode_redirect(Redirect(NEW, 2)).oid
    assert set(memory.warnings()) == {*late, EXPIRY}
    assert memory.errors() == []


def test_redirects_taken_away_leave_an_absent_key(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("v"), store_key=True))
    move(world)
    assert perform(world.database(), Redirection(keys=[K, L], targets={})) == Answer(applied=True, count=1)
    assert world.refs() == {ANCHOR_TAG: REDIRECT_ANCHOR.oid}
    assert perform(world.database(), Get(key=K)).found is False


# --- running where the keys live ------------------------------------------------------------------------------------


@dataclass
class Two:
    """Two databases, of which the first redirects to the second, and routes between them with faults in each."""

    old: World
    new: World

    def run(self, command: Bound, faults: Mapping[str, Mapping[int, Fault]]) -> tuple[object, list[FaultyStore]]:
        stores = {OLD: self.old.faulty(faults.get(OLD, {})), NEW: self.new.faulty(faults.get(NEW, {}))}
        worlds = {OLD: self.old, NEW: self.new}
        routes = Routes(
            Policy(GithubServer.of({})),
            lambda _key_id: Place(OLD, 2),
            lambda place: worlds[place.repository].database(stores[place.repository]),
        )
        answer: object
        try:
            answer = routes.run(command)
        except GitKeyvalError as exc:
            answer = exc
        for store in stores.values():
            store.arrive()
        return answer, list(stores.values())


@pytest.fixture
def two(clock: FakeClock) -> Two:
    worlds = []
    for _ in range(2):
        store = MemoryStore(clock)
        worlds.append(World(StorePlace(lambda store=store: store, lambda _oid: None), clock))  # type: ignore[misc]
    made = Two(*worlds)
    for world in worlds:
        init(world.maintenance())
    perform(made.new.database(), Incr(key=K, by=10))
    perform(made.old.database(), Redirection(keys=[K], targets=TO_NEW))
    perform(made.old.database(), Set(key=L, value=text("here")))
    return made


@pytest.mark.parametrize("where", [OLD, NEW])
@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_failed_request_on_the_way_does_no_harm(two: Two, where: str, fault: Lost) -> None:
    """An increment is counted once however often it is run under one id, and a read answers right or not at all."""
    for number in itertools.count(1):
        read, stores = two.run(Get(key=K), {where: {number: fault}})
        assert isinstance(read, StoreError) or (isinstance(read, Answer) and show(read.value) == str(9 + number))
        end, more = two.run(Incr(key=K, op=f"operation{number:03}"), {where: {number: fault}})
        assert isinstance(end, StoreError | OutcomeUnknownError) or (isinstance(end, Answer) and end.value == 10 + number)
        again, _ = two.run(Incr(key=K, op=f"operation{number:03}"), {})
        assert isinstance(again, Answer)
        assert value_of(two.new) == str(10 + number)
        if not any(store.fired for store in (*stores, *more)):
            break
    assert number > 1
    assert two.old.errors() == two.new.errors() == []


@pytest.mark.parametrize("number", range(1, 7))
def test_commands_each_for_itself_follow_what_is_moved_meanwhile(two: Two, number: int) -> None:
    """At whichever request that is: what finds itself denied has written nothing, and goes on where the key lives."""
    perform(two.new.database(), Set(key=L, value=text("there")))
    commands = [Append(key=L, value=text("!")), Set(key=key("another"), value=text("x"))]
    items = [Item(str(place), command, command.outputs) for place, command in enumerate(commands)]

    def moves() -> None:
        perform(two.old.database(), Redirection(keys=[L], targets={L.id: TO_NEW[L.id]}))

    answer, _ = two.run(Batch(items=items, atomic=False), {OLD: {number: Rival(moves)}})
    assert isinstance(answer, Answer)
    assert (answer.applied, answer.failure) == (True, None)
    assert perform(two.new.database(), Get(key=L)).value in {text("there"), text("there!")}
    assert perform(two.old.database(), Get(key=key("another"))).value == text("x")


@pytest.mark.parametrize("lost", [Lost.BEFORE, Lost.AFTER, Lost.LATE])
def test_what_has_begun_to_write_is_not_run_again_elsewhere(two: Two, lost: Lost) -> None:
    """The reply to an increment is lost, and before it can look again the key is redirected: it must not be counted there, too."""
    perform(two.old.database(), Incr(key=L)) if perform(two.old.database(), Get(key=L)).type == "counter" else perform(
        two.old.database(), Set(key=L, value=1)
    )
    perform(two.new.database(), Incr(key=L, by=100))

    def rival() -> None:
        Gather(grace_period=0).run(two.old.maintenance())
        move(two.old, keys=("l",))

    Gather(grace_period=0).run(two.old.maintenance())
    answer, _ = two.run(Incr(key=L, op="operation"), {OLD: {2: lost, 3: Rival(rival)}})
    assert isinstance(answer, OutcomeUnknownError)
    assert value_of(two.new, "l") == "100"


def test_a_rival_that_redirects_between_read_and_write_is_followed(two: Two) -> None:
    """Nothing was written then, so the increment is made where the counter lives now."""
    perform(two.old.database(), Set(key=L, value=1))
    Gather(grace_period=0).run(two.old.maintenance())
    perform(two.new.database(), Incr(key=L, by=100))
    answer, _ = two.run(Incr(key=L, op="operation"), {OLD: {2: Rival(lambda: move(two.old, keys=("l",)))}})
    assert isinstance(answer, Answer)
    assert answer.value == 101
    assert value_of(two.new, "l") == "101"


def test_an_increment_that_was_folded_before_its_key_moved_is_not_made_again(two: Two) -> None:
    """It waited for its number, and is a part of what was copied."""
    perform(two.old.database(), Set(key=L, value=1))
    perform(two.new.database(), Incr(key=L, by=100))

    def fold_and_move() -> None:
        Gather(grace_period=0).run(two.old.maintenance())
        assert perform(two.old.database(), Get(key=L)).value == 13
        move(two.old, keys=("l",))

    denied = Rival(lambda: perform(two.old.database(), Incr(key=L, by=10)))
    answer, _ = two.run(Incr(key=L, by=2, op="operation"), {OLD: {2: denied, 4: Rival(fold_and_move)}})
    assert answer == Answer(applied=True, pending=False)
    assert value_of(two.new, "l") == "100"
    assert two.old.breadcrumbs() == []


def test_deletions_that_were_made_before_a_redirect_was_met_are_told(two: Two) -> None:
    """Some keys are gone when another turns out to have moved meanwhile."""
    keys = [key("m"), L]
    for each in keys:
        perform(two.old.database(), Set(key=each, value=text("v")))
    answer, _ = two.run(Del(keys=keys), {OLD: {2: Rival(lambda: move(two.old, keys=("l",)))}})
    assert isinstance(answer, PartlyDeletedError)
    assert (answer.count, type(answer.cause)) == (1, MovedError)
    assert issubclass(MovedError, RedirectedError)


def test_a_counter_that_others_count_on_moves_without_losing_an_increment(two: Two) -> None:
    """Copy, then redirect if it is still the version that was copied; a rival counts before any of the requests."""
    for number in itertools.count(1):
        mover = key(f"moves {number}")
        targets = {mover.id: Redirect(NEW, 2)}
        perform(two.old.database(), Incr(key=mover, by=5))

        def rival(mover: Key = mover, number: int = number) -> None:
            answer, _ = two.run(Incr(key=mover, op=f"rival{number:04}"), {})
            assert isinstance(answer, Answer)

        store = two.old.faulty({number: Rival(rival)})
        database = two.old.database(store)
        while True:
            shown = perform(database, Get(key=mover))
            assert isinstance(shown.value, int)
            perform(two.new.database(), Set(key=mover, value=shown.value))
            if perform(database, Redirection(keys=[mover], targets=targets, if_version=shown.version)).applied:
                break
        assert value_of(two.new, mover.label) == ("6" if store.fired else "5")
        if not store.fired:
            break
    assert number > 2


def test_expiries_of_elements_that_a_map_leaves_behind_are_swept(world: World) -> None:
    """What they were for is at the target; here a sweep takes them once they are over, and nothing else."""
    perform(world.database(), Hset(key=K, entries=drafts(a="1", b="2"), ttl=60))
    move(world)
    left = [name for name in world.refs() if name.startswith(f"{EXPIRY}-")]
    assert len(left) == 2
    assert Sweep().run(world.maintenance()).jobs[0].applied == []
    world.clock.advance(200)
    assert len(Sweep().run(world.maintenance()).jobs[0].applied) == 1
    assert world.refs() == {VALUE: encode_redirect(Redirect(NEW, 2)).oid, ANCHOR_TAG: REDIRECT_ANCHOR.oid}
    with pytest.raises(MovedError):
        perform(world.database(), Hget(key=K, field="a"))
    with pytest.raises(MovedError):
        perform(world.database(), Hset(key=K, entries=drafts(a="3")))
