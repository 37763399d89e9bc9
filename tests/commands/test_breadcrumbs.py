"""Increments left as breadcrumbs, what reads make of them, and what ends them."""

from collections.abc import Callable

import pytest

from git_keyval.commands.copies import Copy, Rename
from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Del, Exists, Get, Getdel, Mget, Set, Type
from git_keyval.database.answers import Answer
from git_keyval.database.command import Bound
from git_keyval.database.conditions import Condition
from git_keyval.database.perform import perform
from git_keyval.errors import GitKeyvalError
from git_keyval.format.counters import RECENT_OPERATIONS, Counter, decode_counter, encode_counter
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import DEFAULT_NAMING, BreadcrumbRef, parse
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.format.values import Value
from git_keyval.maintenance.commands import Gather, Sweep
from git_keyval.maintenance.init import init
from tests.contract.samples import Sample
from tests.faults import FaultyStore, Rival
from tests.world import World, key, number, show, text

K, OTHER = key(), key("other")
FIRST_WRITE = 2
"""The request that writes, of a command that reads once before it."""


def value_of(world: World) -> str:
    return show(perform(world.database(), Get(key=K)).value)


def denied(world: World, *, by: int = 1) -> FaultyStore:
    """Return a store on which a rival increments the counter just before our first write."""
    return world.faulty({FIRST_WRITE: Rival(lambda: perform(world.database(), Incr(key=K, by=by)))})


def gather_now(world: World) -> None:
    Gather(grace_period=0).run(world.maintenance())


# --- contention -----------------------------------------------------------------------------------------------------


def test_a_denied_increment_is_left_as_a_breadcrumb(world: World) -> None:
    """With `contention: breadcrumb` a caller that meets a rival does not wait, gets no number, and is not lost."""
    perform(world.database(), Set(key=K, value=10))
    store = denied(world, by=100)
    answer = perform(world.database(store), Incr(key=K, by=5, op="deploy42", contention="breadcrumb"))
    assert answer == Answer(applied=True, value=None, pending=True, version=perform(world.database(), Get(key=K)).version)
    left = [parse(name) for name in world.breadcrumbs()]
    assert [ref.op for ref in left if isinstance(ref, BreadcrumbRef)][-1] == "deploy42"
    assert value_of(world) == "115"
    assert world.errors() == []


def test_an_increment_that_meets_nobody_gets_its_number(world: World) -> None:
    answer = perform(world.database(), Incr(key=K, by=5, contention="breadcrumb"))
    assert (answer.value, answer.pending) == (5, False)
    assert world.breadcrumbs() == []


def test_a_denied_increment_that_retries_gets_a_number_of_its_own(world: World) -> None:
    perform(world.database(), Set(key=K, value=10))
    answer = perform(world.database(denied(world, by=100)), Incr(key=K, by=5))
    assert (answer.value, answer.pending) == (115, False)
    assert value_of(world) == "115"


def test_a_breadcrumb_is_left_for_a_counter_that_a_rival_made(memory: World) -> None:
    assert perform(memory.database(denied(memory)), Incr(key=K, contention="breadcrumb")).pending is True
    assert value_of(memory) == "2"


def test_a_breadcrumb_is_later_than_every_time_seen(memory: World) -> None:
    """Times form a hybrid logical clock: one microsecond after the latest seen where the clock is behind."""
    memory.clock.advance(600)
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(-500)

    def rival() -> None:
        perform(memory.database(), Incr(key=K, by=100))
        memory.plant(K, 1, ago=-700, op="aheadofus")

    store = memory.faulty({FIRST_WRITE: Rival(rival)})
    assert perform(memory.database(store), Incr(key=K, by=5, op="deploy42", contention="breadcrumb")).pending is True
    ours, latest = (next(name for name in memory.breadcrumbs() if name.endswith(op)) for op in ("deploy42", "aheadofus"))
    assert ours.removesuffix("deploy42") > latest.removesuffix("aheadofus")
    assert value_of(memory) == "116"


def test_a_time_more_than_an_hour_ahead_is_not_followed(memory: World) -> None:
    """One wrong clock must not drag all others along."""
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)
    memory.plant(K, 1, ago=-3700)

    def rival() -> None:
        perform(memory.database(), Set(key=K, value=20))
        memory.plant(K, 1, ago=-3700)

    store = memory.faulty({FIRST_WRITE: Rival(rival)})
    assert perform(memory.database(store), Incr(key=K, op="deploy42", contention="breadcrumb")).pending is True
    ours = next(name for name in memory.breadcrumbs() if name.endswith("deploy42"))
    ref = parse(ours)
    assert isinstance(ref, BreadcrumbRef)
    assert ref.time <= timestamp(Micros(memory.clock() + SECOND))


@pytest.mark.parametrize("before", [True, False], ids=["number", "absent"])
def test_no_increment_is_left_on_a_key_that_holds_a_number(memory: World, *, before: bool) -> None:
    """Breadcrumbs of a key that holds no counter are void, so an increment left there would be lost."""
    if before:
        perform(memory.database(), Set(key=K, value=number("5")))
    store = memory.faulty({FIRST_WRITE: Rival(lambda: perform(memory.database(), Set(key=K, value=number("6"))))})
    answer = perform(memory.database(store), Incr(key=K, contention="breadcrumb"))
    assert answer.applied is True
    assert value_of(memory) == "7"
    gather_now(memory)
    assert value_of(memory) == "7"


@pytest.mark.parametrize(("waiting", "writes"), [(127, 1), (128, 1), (129, 2), (300, 3)])
def test_an_increment_folds_128_breadcrumbs_at_a_time_and_numbers_all(world: World, waiting: int, writes: int) -> None:
    """The oldest are numbered first, and itself last: where more than 128 wait, it folds the oldest without itself before."""
    perform(world.database(), Incr(key=K, by=1000, op="beginning"))
    world.clock.advance(1)
    world.plant_many(K, waiting)
    refs = [ref for ref in map(parse, world.breadcrumbs()) if isinstance(ref, BreadcrumbRef)]
    store = world.faulty({})
    answer = perform(world.database(store), Incr(key=K, op="deploy42"))
    assert answer.value == 1000 + waiting + 1
    assert world.breadcrumbs() == []
    assert value_of(world) == str(1000 + waiting + 1)
    assert answer.version is not None
    counter = decode_counter(world.store.objects([answer.version])[answer.version])
    assert (counter.value, counter.seq) == (1000 + waiting + 1, 1 + waiting + 1)
    numbers = ((ref.op, 1001 + place, ref.time) for place, ref in enumerate(refs))
    assert counter.recent[-waiting - 1 :] == (*numbers, ("deploy42", answer.value))
    assert [call.verb for call in store.calls].count("apply") == writes


def test_no_increment_is_left_where_it_would_be_void(memory: World) -> None:
    """A SET by a client with a wrong clock voids what is earlier than it; an increment must not be left there and be lost."""
    memory.clock.advance(7200)
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(-7200)
    try:
        answer = perform(memory.database(denied(memory, by=100)), Incr(key=K, by=5, contention="breadcrumb"))
    except GitKeyvalError:
        assert value_of(memory) == "110"
    else:
        assert answer.applied is True
        assert value_of(memory) == "115"


def test_a_pending_operation_stays_pending_until_it_was_gathered(world: World) -> None:
    """The op-id of a breadcrumb is known while it waits, and after it was folded: then with its number."""
    perform(world.database(), Set(key=K, value=10))
    perform(world.database(denied(world)), Incr(key=K, op="deploy42", contention="breadcrumb"))
    before = world.refs()
    again = perform(world.database(), Incr(key=K, op="deploy42", contention="breadcrumb"))
    assert (again.applied, again.value, again.pending) == (True, None, True)
    assert world.refs() == before
    world.clock.advance(1)
    gather_now(world)
    before = world.refs()
    again = perform(world.database(), Incr(key=K, op="deploy42"))
    assert (again.applied, again.value, again.pending) == (True, 12, False)
    assert world.refs() == before
    assert value_of(world) == "12"


def test_what_an_earlier_release_folded_has_no_number(memory: World) -> None:
    """It remembered the operation of a breadcrumb without one: applied it is, and it counts once."""
    counter = Counter(12, "gathered", 2, (("beginning", 11), ("deploy42", None)))
    memory.put(DEFAULT_NAMING.value(K.id), Sample((*DUMMY_OBJECTS, encode_counter(counter))))
    again = perform(memory.database(), Incr(key=K, op="deploy42"))
    assert (again.applied, again.value, again.pending) == (True, None, False)
    assert perform(memory.database(), Incr(key=K)).value == 13


# --- reading --------------------------------------------------------------------------------------------------------


def test_breadcrumbs_belong_to_the_value(world: World) -> None:
    database = world.database()
    perform(database, Set(key=K, value=10))
    world.clock.advance(1)
    world.plant(K, 5)
    world.plant(K, -20)
    assert perform(database, Get(key=K)).value == -5
    assert perform(database, Mget(keys=[K])).document == {"k": -5}


def test_an_operation_counts_once_whatever_it_left(memory: World) -> None:
    """Of two breadcrumbs with one op the earlier counts; none counts whose op the counter remembers."""
    database = memory.database()
    perform(database, Incr(key=K, op="deploy42"))
    memory.clock.advance(10)
    memory.plant(K, 100, op="deploy42")
    assert value_of(memory) == "1"
    memory.plant(K, 5, op="release1", ago=2)
    memory.plant(K, 1000, op="release1", ago=1)
    assert value_of(memory) == "6"
    assert perform(database, Incr(key=K)).value == 7
    assert value_of(memory) == "7"
    assert memory.breadcrumbs() == []


def test_breadcrumbs_up_to_the_last_set_are_void(memory: World) -> None:
    """SET voids every breadcrumb with an earlier time, also one that arrives late."""
    database = memory.database()
    perform(database, Set(key=K, value=1))
    memory.clock.advance(10)
    memory.plant(K, 5)
    memory.clock.advance(1)
    perform(database, Set(key=K, value=100))
    assert value_of(memory) == "100"
    memory.plant(K, 7, ago=0)
    memory.plant(K, 7, ago=5)
    assert value_of(memory) == "100"
    memory.clock.advance(1)
    memory.plant(K, 1)
    assert value_of(memory) == "101"
    memory.clock.advance(1)
    gather_now(memory)
    assert value_of(memory) == "101"
    memory.plant(K, 7, ago=8)
    assert value_of(memory) == "101"


def test_a_null_breadcrumb_alone_voids_what_is_earlier(memory: World) -> None:
    """A reader that sees a SET's null breadcrumb and not yet its counter must not add what it voids."""
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(10)
    memory.plant(K, 5, ago=3)
    memory.plant(K, None, ago=2)
    memory.plant(K, 1, ago=1)
    assert value_of(memory) == "11"
    assert perform(memory.database(), Incr(key=K)).value == 12
    memory.plant(K, 5, ago=3)
    assert value_of(memory) == "12"


def test_set_leaves_a_null_breadcrumb_at_its_time(world: World) -> None:
    perform(world.database(), Set(key=K, value=1, op="release1"))
    name = DEFAULT_NAMING.breadcrumb(K.id, timestamp(world.clock()), "release1")
    assert world.breadcrumbs() == [name]
    assert world.refs()[name] == NULL_COMMIT.oid


def test_set_deletes_the_breadcrumbs_that_it_voids(world: World) -> None:
    """Left behind, they could outlive the counter that knows that they are void."""
    perform(world.database(), Set(key=K, value=10))
    world.clock.advance(1)
    world.plant(K, 5)
    world.clock.advance(1)
    perform(world.database(), Set(key=K, value=1, op="release1"))
    assert [name.rpartition("-")[2] for name in world.breadcrumbs()] == ["release1"]


def test_an_increment_folds_the_breadcrumbs_that_it_saw(world: World) -> None:
    """The number given is the whole total, and what was counted is deleted in the same transaction."""
    perform(world.database(), Set(key=K, value=10))
    world.clock.advance(1)
    world.plant(K, 5, op="deploy42")
    assert perform(world.database(), Incr(key=K)).value == 16
    assert world.breadcrumbs() == []
    assert value_of(world) == "16"
    world.plant(K, 5, op="deploy42")
    assert value_of(world) == "16"


def test_an_increment_of_many_breadcrumbs_counts_each_of_them_once(memory: World) -> None:
    perform(memory.database(), Incr(key=K, by=1000))
    memory.clock.advance(1000)
    planted = [memory.plant(K, 1, ago=500 - turn) for turn in range(RECENT_OPERATIONS + 72)]
    assert value_of(memory) == "1200"
    assert perform(memory.database(), Incr(key=K, op="deploy42")).value == 1201
    assert memory.breadcrumbs() == []
    memory.plant(K, 1, op=planted[0].rpartition("-")[2])  # the oldest that was folded, seen late
    assert value_of(memory) == "1201"
    assert perform(memory.database(), Incr(key=K, op="deploy42")).value == 1201
    assert perform(memory.database(), Incr(key=K)).value == 1202
    assert memory.breadcrumbs() == []
    assert memory.errors() == []


def test_what_voids_a_breadcrumb_is_not_forgotten_while_it_is_there(memory: World) -> None:
    """An operation stays in the memory of the counter as long as a breadcrumb of it is seen, however much is folded."""
    perform(memory.database(), Incr(key=K, by=10, op="deploy42"))
    memory.clock.advance(1000)
    memory.plant_many(K, RECENT_OPERATIONS, ago=500)
    double = memory.plant(K, 10_000, op="deploy42")
    assert perform(memory.database(), Incr(key=K)).value == 11 + RECENT_OPERATIONS
    assert double not in memory.breadcrumbs()
    memory.plant(K, 10_000, op="deploy42")  # as a listing begun before shows it
    assert value_of(memory) == str(11 + RECENT_OPERATIONS)


def test_breadcrumbs_of_another_value_are_void(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("v")))
    world.plant(K, 5)
    assert value_of(world) == "v"
    assert perform(world.database(), Type(key=K)).type == "string"


def test_increments_that_wait_make_a_key_that_exists(world: World) -> None:
    """A breadcrumb that arrives after the end of a counter belongs to its next life."""
    database = world.database()
    world.plant(K, 5)
    world.plant(K, 2)
    assert perform(database, Get(key=K)) == Answer(found=True, value=7, type="counter", ttl=-1)
    assert perform(database, Exists(keys=[K])).found is True
    assert perform(database, Type(key=K)) == Answer(found=True, type="counter")
    assert perform(database, Set(key=K, value=9, condition=Condition("absent"))).applied is False
    assert perform(database, Incr(key=K)).value == 8


IF_ABSENT: dict[str, Callable[[], Bound]] = {
    "set": lambda: Set(key=K, value=100, condition=Condition("absent")),
    "copy": lambda: Copy(key=OTHER, to=K, if_absent=True),
    "rename": lambda: Rename(key=OTHER, to=K, if_absent=True),
}


@pytest.mark.parametrize("command", IF_ABSENT.values(), ids=IF_ABSENT)
@pytest.mark.parametrize("ago", [0, 30])
def test_what_begins_a_counter_that_has_to_be_absent_voids_nothing(world: World, command: Callable[[], Bound], ago: int) -> None:
    """What a slow step leaves meanwhile, for the counter before, was in no number that was taken: it counts in the new one."""
    perform(world.database(), Set(key=OTHER, value=100))
    perform(world.database(), Set(key=K, value=1))
    assert perform(world.database(), Getdel(key=K)).value == 1
    world.clock.advance(60)
    store = world.faulty({FIRST_WRITE: Rival(lambda: world.plant(K, 5, ago=ago))})
    assert perform(world.database(store), command()).applied is True
    assert value_of(world) == "105"
    gather_now(world)
    assert (value_of(world), world.errors()) == ("105", [])


@pytest.mark.parametrize("command", IF_ABSENT.values(), ids=IF_ABSENT)
def test_what_is_void_stays_void_in_it(memory: World, command: Callable[[], Bound]) -> None:
    perform(memory.database(), Set(key=OTHER, value=100))
    memory.clock.advance(10)
    memory.plant(K, 5, ago=5)
    memory.plant(K, None, ago=2)
    assert perform(memory.database(), command()).applied is True
    memory.plant(K, 7, ago=3)
    assert value_of(memory) == "100"
    memory.plant(K, 7, ago=1)
    assert value_of(memory) == "107"


def test_if_absent_writes_a_value_over_increments_that_wait(world: World) -> None:
    """It looks at the value alone, and writes without having read: what waits belongs to a counter that somebody deleted."""
    init(world.maintenance())
    world.plant(K, 5)
    assert perform(world.database(), Set(key=K, value=text("v"), condition=Condition("absent"))).applied is True
    assert perform(world.database(), Get(key=K)).value == text("v")


def test_voided_increments_alone_make_no_key(memory: World) -> None:
    memory.clock.advance(10)
    memory.plant(K, 5, ago=5)
    memory.plant(K, None, ago=2)
    assert perform(memory.database(), Get(key=K)) == Answer(found=False, ttl=-2)
    assert perform(memory.database(), Getdel(key=K)).found is False


def test_increments_after_the_expiry_begin_a_new_life(world: World) -> None:
    database = world.database()
    perform(database, Set(key=K, value=10, ttl=60))
    world.plant(K, 100, ago=-30)
    world.clock.advance(60)
    world.plant(K, 1000)
    assert perform(database, Get(key=K)).found is False
    world.clock.advance(1)
    world.plant(K, 5)
    world.clock.advance(1)
    assert (value_of(world), perform(database, Get(key=K)).ttl) == ("5", -1)
    Sweep().run(world.maintenance())
    assert value_of(world) == "5"
    assert perform(database, Incr(key=K)).value == 6
    assert world.errors() == []


# --- ends -----------------------------------------------------------------------------------------------------------


def test_getdel_answers_with_the_breadcrumbs_added_in(world: World) -> None:
    database = world.database()
    perform(database, Set(key=K, value=10))
    world.clock.advance(1)
    world.plant(K, 5)
    assert show(perform(database, Getdel(key=K)).value) == "15"
    assert world.breadcrumbs() == []
    assert perform(database, Get(key=K)).found is False
    world.plant(K, 3)
    assert value_of(world) == "3"
    world.clock.advance(1)
    assert show(perform(database, Getdel(key=K)).value) == "3"
    assert world.breadcrumbs() == []
    assert len(world.parked()) == 2
    assert world.errors() == []


ENDS: dict[str, Callable[[World, FaultyStore], Answer]] = {
    "del": lambda world, store: perform(world.database(store), Del(keys=[K])),
    "getdel": lambda world, store: perform(world.database(store), Getdel(key=K)),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_breadcrumb_that_arrives_after_it_was_looked_for_is_not_deleted(
    world: World, end: Callable[[World, FaultyStore], Answer]
) -> None:
    """DEL and GETDEL delete exactly the breadcrumbs they saw; a later one belongs to the next life."""
    perform(world.database(), Set(key=K, value=10))
    world.clock.advance(1)
    world.plant(K, 5)
    store = world.faulty({FIRST_WRITE: Rival(lambda: world.plant(K, 3, op="latecomer"))})
    assert end(world, store).applied is True
    assert value_of(world) == "3"
    world.clock.advance(1)
    gather_now(world)
    assert perform(world.database(), Incr(key=K, op="latecomer")).pending is False
    assert value_of(world) == "3"


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_rival_between_read_and_delete_is_not_lost(world: World, end: Callable[[World, FaultyStore], Answer]) -> None:
    perform(world.database(), Set(key=K, value=10))
    store = denied(world, by=5)
    answer = end(world, store)
    assert answer.applied is True
    if answer.value is not None:
        assert answer.value == 15
    assert perform(world.database(), Get(key=K)).found is False


@pytest.mark.parametrize("value", [text("v"), number("3"), 7], ids=["string", "number", "counter"])
def test_what_was_counted_before_a_set_never_comes_back(memory: World, value: Value | int) -> None:
    """Not by another SET, a deletion, a new counter, or a gather of what is left."""
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)
    memory.plant(K, 100)
    memory.clock.advance(1)
    perform(memory.database(), Set(key=K, value=value))
    assert value_of(memory) == show(value)
    gather_now(memory)
    assert value_of(memory) == show(value)
    perform(memory.database(), Del(keys=[K]))
    assert perform(memory.database(), Get(key=K)).found is False
    assert perform(memory.database(), Incr(key=K)).value == 1
    assert memory.errors() == []
