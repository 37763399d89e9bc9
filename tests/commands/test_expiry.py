"""ttl, expire, persist; and what an expired key is to all other commands."""

from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.commands.arrays import Aexpire, Aget, Apush
from git_keyval.commands.counters import Decr, Incr
from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.maps import Hexpire, Hset, Httl
from git_keyval.commands.values import Del, Exists, Get, Getdel, Mget, Mset, Set, Type
from git_keyval.database.answers import Answer
from git_keyval.database.command import Command
from git_keyval.database.conditions import Condition
from git_keyval.database.keys import KeyView
from git_keyval.database.perform import perform
from git_keyval.errors import InputError
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import Naming
from git_keyval.format.times import MAX_SECONDS, SECOND, Micros
from git_keyval.format.values import Value
from git_keyval.maintenance.commands import Gather, Sweep
from git_keyval.store.port import ABSENT, RefUpdate, Transaction
from tests.conftest import FakeClock
from tests.contract.places import in_memory
from tests.contract.samples import Sample
from tests.faults import Rival
from tests.replacing import replace
from tests.world import World, draft, drafts, key, show, text

K = key()
EXPIRY = Naming().expiry(K.id)
NOON = 1_767_268_800
HELD: dict[str, Value | int] = {"value": text("v"), "counter": 41}


@pytest.mark.parametrize(
    ("passed", "asked", "granularity", "expected"),
    [
        (0, 60, 60, NOON + 60),
        (0, 1, 60, NOON + 60),
        (0, 61, 60, NOON + 120),
        (0.000001, 60, 60, NOON + 120),
        (59.999999, 1, 60, NOON + 120),
        (0, 7, 1, NOON + 7),
        (0.5, 7, 1, NOON + 8),
        (0, 1, 86_400, NOON + 43_200),
        (0, 43_201, 86_400, NOON + 43_200 + 86_400),
    ],
)
def test_expiry_is_rounded_up_to_the_granularity(memory: World, passed: float, asked: int, granularity: int, expected: int) -> None:
    """No key lives shorter than asked for, and keys share expiry commits."""
    memory.clock.advance(passed)
    database = memory.database(granularity=granularity)
    for answer in (
        perform(database, Set(key=K, value=text("v"), ttl=asked)),
        perform(database, Expire(key=K, ttl=asked)),
        perform(database, Set(key=K, value=7, ttl=asked)),
        perform(database, Ttl(key=K)),
        perform(database, Get(key=K)),
    ):
        assert answer.expires_at == expected
        assert answer.ttl == -(-(expected * SECOND - memory.clock()) // SECOND)


def test_a_key_may_expire_at_a_given_time(world: World) -> None:
    database = world.database()
    moment = Micros((NOON + 90) * SECOND)
    assert perform(database, Set(key=K, value=text("v"), expires_at=moment)).expires_at == NOON + 120
    assert perform(database, Expire(key=K, expires_at=Micros((NOON + 300) * SECOND))).expires_at == NOON + 300
    assert perform(database, Ttl(key=K)) == Answer(
        found=True, ttl=300, expires_at=NOON + 300, version=perform(database, Get(key=K)).version
    )


ONLY_IF = [
    # what is asked for, the seconds there are, the seconds that are given, whether they are
    ("longer", None, 600, False),
    ("longer", 300, 600, True),
    ("longer", 600, 600, False),
    ("longer", 900, 600, False),
    ("shorter", None, 600, True),
    ("shorter", 300, 600, False),
    ("shorter", 600, 600, False),
    ("shorter", 900, 600, True),
    ("none", None, 600, True),
    ("none", 300, 600, False),
    ("some", None, 600, False),
    ("some", 300, 600, True),
]


@pytest.mark.parametrize(("only_if", "held", "given", "applied"), ONLY_IF)
def test_an_expiry_is_changed_only_if(memory: World, only_if: str, held: int | None, given: int, *, applied: bool) -> None:
    """What never expires lasts longer than anything. So it is for keys, fields and elements."""
    database = memory.database()
    version = perform(database, Set(key=K, value=text("v"), ttl=held)).version
    left = given if applied else -1 if held is None else held
    answer = perform(database, Expire(key=K, ttl=given, only_if=only_if))
    assert (answer.found, answer.applied, answer.ttl, answer.version) == (True, applied, left, version)
    assert perform(database, Ttl(key=K)).ttl == left
    perform(database, Hset(key=key("map"), entries=drafts(a="1"), ttl=held))
    perform(database, Hset(key=key("map"), entries=drafts(b="1"), ttl=None if held else 60))
    fields = perform(database, Hexpire(key=key("map"), fields=["a"], ttl=given, only_if=only_if))
    assert (fields.found, fields.applied, fields.count) == (True, applied, int(applied))
    assert perform(database, Httl(key=key("map"), field="a")).ttl == left
    perform(database, Apush(key=key("array"), elements=[draft("1")], ttl=held))
    assert perform(database, Aexpire(key=key("array"), index=0, ttl=given, only_if=only_if)).applied is applied
    assert perform(database, Aget(key=key("array"), index=0)).ttl == left


def test_the_condition_is_about_the_expiry_of_each_field(memory: World) -> None:
    database = memory.database()
    for name, seconds in (("long", 6000), ("short", 60), ("lasts", None)):
        perform(database, Hset(key=K, entries=drafts(**{name: "1"}), ttl=seconds))
    answer = perform(database, Hexpire(key=K, fields=["long", "short", "lasts", "nope"], ttl=600, only_if="longer"))
    assert (answer.found, answer.applied, answer.count) == (False, True, 1)
    assert [perform(database, Httl(key=K, field=name)).ttl for name in ("long", "short", "lasts")] == [6000, 600, -1]


@pytest.mark.parametrize("only_if", ["longer", "shorter", "none", "some"])
def test_what_is_not_there_is_given_no_expiry_whatever_the_condition(memory: World, only_if: str) -> None:
    database = memory.database()
    perform(database, Set(key=K, value=text("v"), ttl=60))
    memory.clock.advance(60)
    for absent in (K, key("another")):
        answer = perform(database, Expire(key=absent, ttl=600, only_if=only_if))
        assert (answer.found, answer.applied, answer.ttl) == (False, False, -2)


@pytest.mark.parametrize("only_if", ["longer", "none"])
def test_the_condition_holds_for_what_a_rival_gives_meanwhile(world: World, only_if: str) -> None:
    perform(world.database(), Set(key=K, value=text("v"), ttl=None if only_if == "none" else 60))
    store = world.faulty({2: Rival(lambda: perform(world.database(), Expire(key=K, ttl=6000)))})
    assert perform(world.database(store), Expire(key=K, ttl=600, only_if=only_if)).applied is False
    assert perform(world.database(), Ttl(key=K)).ttl == 6000


@pytest.mark.parametrize("counter", [False, True], ids=["value", "counter"])
def test_a_time_that_has_passed_or_is_too_far_is_refused_before_anything_is_read(memory: World, *, counter: bool) -> None:
    database = memory.database()
    for moment in (memory.clock(), Micros(memory.clock() - 1), Micros((MAX_SECONDS + 1) * SECOND)):
        with pytest.raises(InputError) as caught:
            perform(database, Set(key=K, value=7 if counter else text("v"), expires_at=moment))
        assert caught.value.name == "expires-at"
        with pytest.raises(InputError):
            perform(database, Expire(key=K, expires_at=moment))
    with pytest.raises(InputError) as caught:
        perform(database, Mset(values={K: text("v")}, ttl=MAX_SECONDS))
    assert caught.value.name == "ttl"
    assert memory.store.requests == 0


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_a_key_exists_up_to_the_microsecond_before_its_expiry(world: World, held: Value | int) -> None:
    """A key is expired when its expiry id is not after now."""
    database = world.database()
    perform(database, Set(key=K, value=held, ttl=60))
    world.clock.advance(59.999999)
    assert (perform(database, Get(key=K)).found, perform(database, Ttl(key=K)).ttl) == (True, 1)
    world.clock.advance(0.000001)
    assert (perform(database, Get(key=K)).found, perform(database, Ttl(key=K)).ttl) == (False, -2)


@pytest.mark.parametrize("swept", [False, True], ids=["not swept", "swept"])
@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_every_read_treats_an_expired_key_as_absent(world: World, held: Value | int, *, swept: bool) -> None:
    database = world.database()
    perform(database, Set(key=K, value=held, ttl=60, store_key=True))
    perform(database, Set(key=key("alive"), value=held, ttl=120, store_key=True))
    world.clock.advance(60)
    if swept:
        Sweep().run(world.maintenance())
    assert perform(database, Get(key=K)) == Answer(found=False, ttl=-2)
    assert perform(database, Type(key=K)) == Answer(found=False)
    assert perform(database, Exists(keys=[K])) == Answer(found=False, count=0)
    assert perform(database, Ttl(key=K)) == Answer(found=False, ttl=-2)
    assert perform(database, Mget(keys=[K, key("alive")])).count == 1
    assert perform(database, Keys()).document == ["alive"]
    assert world.errors() == []


WRITES: dict[str, Callable[[World], Answer]] = {
    "set": lambda world: perform(world.database(), Set(key=K, value=text("new"))),
    "set with ttl": lambda world: perform(world.database(), Set(key=K, value=text("new"), ttl=60)),
    "set if absent": lambda world: perform(world.database(), Set(key=K, value=text("new"), condition=Condition("absent"))),
    "set if absent with ttl": lambda world: perform(
        world.database(), Set(key=K, value=text("new"), ttl=60, condition=Condition("absent"))
    ),
    "set if present": lambda world: perform(world.database(), Set(key=K, value=text("new"), condition=Condition("present"))),
    "set keep-ttl": lambda world: perform(world.database(), Set(key=K, value=text("new"), keep_ttl=True)),
    "set counter": lambda world: perform(world.database(), Set(key=K, value=7)),
    "set counter with ttl": lambda world: perform(world.database(), Set(key=K, value=7, ttl=60)),
    "set counter if absent": lambda world: perform(world.database(), Set(key=K, value=7, condition=Condition("absent"))),
    "set counter if present": lambda world: perform(world.database(), Set(key=K, value=7, condition=Condition("present"))),
    "set counter keep-ttl": lambda world: perform(world.database(), Set(key=K, value=7, keep_ttl=True)),
    "mset": lambda world: perform(world.database(), Mset(values={K: text("new")})),
    "incr": lambda world: perform(world.database(), Incr(key=K, by=5)),
    "decr": lambda world: perform(world.database(), Decr(key=K, by=5)),
    "expire": lambda world: perform(world.database(), Expire(key=K, ttl=600)),
    "persist": lambda world: perform(world.database(), Persist(key=K)),
    "del": lambda world: perform(world.database(), Del(keys=[K])),
    "getdel": lambda world: perform(world.database(), Getdel(key=K)),
}


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_over_an_expired_key_behaves_as_over_an_absent_one(
    tmp_path: Path, clock: FakeClock, write: Callable[[World], Answer], held: Value | int
) -> None:
    """Answer and outcome are the same; the expired refs are replaced or left, never brought back to life."""
    with in_memory(tmp_path, clock) as place, in_memory(tmp_path, clock) as empty:
        expired, absent = World(place, clock), World(empty, clock)
        perform(expired.database(), Set(key=K, value=held, ttl=60))
        expired.plant(K, 3, ago=-1)
        clock.advance(90)
        answers = [replace(write(world), version=None) for world in (expired, absent)]
        assert answers[0] == answers[1]
        assert expired.content([K]) == absent.content([K])
        assert expired.errors() == []
        clock.advance(3600)
        assert expired.content([K]) == absent.content([K])
        Sweep().run(expired.maintenance())
        assert expired.content([K]) == absent.content([K])


def test_expire_changes_the_expiry_and_nothing_else(world: World) -> None:
    database = world.database()
    version = perform(database, Set(key=K, value=text("v"))).version
    assert perform(database, Expire(key=K, ttl=60)) == Answer(
        found=True, applied=True, version=version, ttl=60, expires_at=NOON + 60
    )
    assert perform(database, Expire(key=K, ttl=600)).expires_at == NOON + 600
    assert perform(database, Expire(key=K, ttl=60)).expires_at == NOON + 60
    assert perform(database, Get(key=K)).version == version


def test_expire_with_the_expiry_that_the_key_has_writes_nothing(memory: World) -> None:
    database = memory.database()
    perform(database, Set(key=K, value=text("v"), ttl=60))
    before = memory.refs()
    assert perform(database, Expire(key=K, ttl=60)).applied is True
    assert memory.refs() == before


def test_persist_takes_the_expiry_away(world: World) -> None:
    database = world.database()
    version = perform(database, Set(key=K, value=text("v"), ttl=60)).version
    assert perform(database, Persist(key=K)) == Answer(found=True, applied=True, version=version, ttl=-1)
    assert EXPIRY not in world.refs()
    world.clock.advance(3600)
    assert show(perform(database, Get(key=K)).value) == "v"
    assert perform(database, Persist(key=K)) == Answer(found=True, applied=False, version=version, ttl=-1)


def test_expire_and_persist_of_an_absent_key_do_nothing(world: World) -> None:
    database = world.database()
    assert perform(database, Expire(key=K, ttl=60)) == Answer(found=False, applied=False, ttl=-2)
    assert perform(database, Persist(key=K)) == Answer(found=False, applied=False, ttl=-2)
    assert world.refs() == {}


@pytest.mark.parametrize("after", ["nothing", "an expired value"])
def test_expire_and_persist_find_what_waits_and_change_nothing(world: World, after: str) -> None:
    """A counter that exists only as breadcrumbs exists as for every read, but has no value that an expiry could belong to."""
    database = world.database()
    if after != "nothing":
        perform(database, Set(key=K, value=5, ttl=60))
        world.clock.advance(61)
    world.plant(K, 3)
    before = world.refs()
    assert perform(database, Ttl(key=K)) == Answer(found=True, ttl=-1)
    assert perform(database, Expire(key=K, ttl=60)) == Answer(found=True, applied=False, ttl=-1)
    assert perform(database, Persist(key=K)) == Answer(found=True, applied=False, ttl=-1)
    assert world.refs() == before


def test_an_expiry_without_a_key_brings_nothing_into_being(world: World) -> None:
    """An orphan expiry, left by expire racing del, is harmless: neither the absent key nor its next value has it."""
    database = world.database()
    perform(database, Set(key=K, value=text("v"), ttl=600))
    orphan = world.refs()[EXPIRY]
    perform(database, Del(keys=[K]))
    world.store.apply([Transaction((RefUpdate(EXPIRY, ABSENT, orphan),))])
    assert perform(database, Get(key=K)) == Answer(found=False, ttl=-2)
    assert perform(database, Expire(key=K, ttl=60)).applied is False
    assert perform(database, Set(key=K, value=text("w"), condition=Condition("absent"))).ttl == -1
    assert perform(database, Get(key=K)).ttl == -1
    assert world.errors() == []


@pytest.mark.parametrize("swept", [False, True])
def test_an_expiry_without_a_key_ends_no_increment(world: World, *, swept: bool) -> None:
    """What waits for a gather counts, although an expiry that means nothing has passed, swept or not."""
    world.put(EXPIRY, Sample((*DUMMY_OBJECTS, encode_expiry(world.clock() // SECOND + 60))))
    world.plant(K, 5)
    world.clock.advance(121)
    if swept:
        Sweep().run(world.maintenance())
    assert perform(world.database(), Get(key=K)).value == 5
    Gather(grace_period=0).run(world.maintenance())
    assert (perform(world.database(), Get(key=K)).value, world.breadcrumbs()) == (5, [])


def test_incr_keeps_the_expiry(world: World) -> None:
    database = world.database()
    perform(database, Set(key=K, value=41, ttl=60))
    assert perform(database, Incr(key=K)).value == 42
    assert perform(database, Ttl(key=K)).ttl == 60


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_incr_over_an_expired_key_begins_at_zero_and_is_persistent(world: World, held: Value | int) -> None:
    database = world.database()
    perform(database, Set(key=K, value=held, ttl=60))
    world.clock.advance(60)
    assert perform(database, Incr(key=K, by=5)).value == 5
    assert EXPIRY not in world.refs()
    world.clock.advance(86_400)
    assert show(perform(database, Get(key=K)).value) == "5"


def test_type_and_version_are_those_of_the_next_life(memory: World) -> None:
    """What an expired key held is told by no read, also where increments of its next life wait."""
    database = memory.database()
    expired = perform(database, Set(key=K, value=text("v"), ttl=60)).version
    memory.clock.advance(61)
    memory.plant(K, 3)
    reads: tuple[Command[KeyView], ...] = (Get(key=K), Type(key=K), Ttl(key=K))
    for read in reads:
        answer = perform(database, read)
        assert answer.found is True
        assert answer.version != expired, read.name
        assert answer.type in {"counter", None}, read.name
