"""Where a counter begins: its first number, its lifetime and who gives it, and numbers with leading zeros."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from git_keyval.commands.counters import Decr, Incr
from git_keyval.commands.expiry import Expire, Persist
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.transactions import Batch, Item
from git_keyval.commands.values import Del, Get, Getdel, Set
from git_keyval.database.answers import Answer
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import CounterOverflowError, InputError, OutcomeUnknownError, UnavailableError, WrongTypeError
from git_keyval.format.counters import INT64_MAX, INT64_MIN
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import DEFAULT_NAMING
from git_keyval.format.times import SECOND, Micros
from git_keyval.maintenance.commands import Gather, Sweep
from git_keyval.store.port import DELETE, Applied, RefUpdate, Transaction
from tests.commands.stores import TornReads
from tests.contract.samples import Sample
from tests.encrypting import cipher
from tests.faults import Fault, Lost, Rival
from tests.world import World, key, number, show, text

K = key()
OP = "deploy42"
EXPIRY = DEFAULT_NAMING.expiry(K.id)
FIRST_WRITE, AFTER_IT = 2, 3
LATER = Micros(1_800_000_000 * SECOND)


def value_of(world: World) -> str:
    return show(perform(world.database(), Get(key=K)).value)


def left(world: World) -> int | None:
    """Return how many seconds the key has left; -1 if it never expires."""
    return perform(world.database(), Get(key=K)).ttl


def incr(world: World, **fields: Any) -> Answer:  # noqa: ANN401  # those of the command
    return perform(world.database(), Incr(key=K, **fields))


# --- the first number -----------------------------------------------------------------------------------------------


def test_a_counter_begins_with_its_first_number(world: World) -> None:
    assert [incr(world, start=100, by=7).value for _ in range(3)] == [100, 107, 114]
    assert perform(world.database(), Decr(key=key("down"), start=10)).value == 10
    assert perform(world.database(), Decr(key=key("down"), start=10)).value == 9
    assert world.errors() == []


@pytest.mark.parametrize("start", [0, -1, INT64_MIN, INT64_MAX])
@pytest.mark.parametrize("by", [1, -1, INT64_MAX, INT64_MIN + 1])
def test_any_number_may_be_the_first(memory: World, start: int, by: int) -> None:
    """However far it is from what is added: the number before it does not exist."""
    assert incr(memory, start=start, by=by).value == start
    assert value_of(memory) == str(start)
    if not INT64_MIN <= start + by <= INT64_MAX:
        with pytest.raises(CounterOverflowError):
            incr(memory, start=start, by=by)
    assert memory.errors() == []


def test_what_is_there_does_not_begin(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=number("5")))
    assert incr(memory, start=100, ttl=60).value == 6
    assert left(memory) == -1
    perform(memory.database(), Set(key=K, value=text("v")))
    with pytest.raises(WrongTypeError):
        incr(memory, start=100)


def test_the_same_operation_begins_once(memory: World) -> None:
    first = incr(memory, start=100, ttl=600, op=OP)
    incr(memory)
    before = memory.refs()
    again = incr(memory, start=100, ttl=600, op=OP, pad=5)
    assert (again.value, again.padded, again.ttl) == (first.value, "00100", first.ttl)
    assert memory.refs() == before


def test_an_expired_counter_begins_again(world: World) -> None:
    assert [incr(world, start=100, ttl=60).value for _ in range(2)] == [100, 101]
    world.clock.advance(60)
    assert perform(world.database(), Get(key=K)).found is False
    answer = incr(world, start=100, ttl=60)
    assert (answer.value, answer.ttl, left(world)) == (100, 60, 60)
    world.clock.advance(60)
    assert (incr(world).value, left(world)) == (1, -1)
    assert EXPIRY not in world.refs()
    assert world.errors() == []


def test_increments_that_wait_without_a_counter_begin_it(memory: World) -> None:
    """The oldest of them has the first number, the others follow: whoever makes the counter says where it begins."""
    memory.plant(K, 5, ago=2)
    memory.plant(K, 7, ago=1)
    answer = incr(memory, start=100, by=2, ttl=60)
    assert (answer.value, answer.ttl, left(memory), value_of(memory)) == (109, 60, 60, "109")
    assert memory.breadcrumbs() == []
    assert memory.errors() == []


def test_a_gather_begins_a_counter_at_what_waits(memory: World) -> None:
    memory.plant(K, 5, ago=500)
    Gather().run(memory.maintenance())
    assert (incr(memory, start=100, ttl=60).value, left(memory)) == (6, -1)


# --- the lifetime ---------------------------------------------------------------------------------------------------


def test_a_lifetime_is_given_where_the_counter_begins(world: World) -> None:
    answer = incr(world, ttl=600)
    assert (answer.value, answer.ttl, answer.expires_at) == (1, 600, world.clock() // SECOND + 600)
    world.clock.advance(60)
    later = incr(world, ttl=600)
    assert (later.value, later.ttl, later.expires_at) == (2, 540, answer.expires_at)
    assert left(world) == 540
    plain = incr(world)
    assert (plain.value, plain.ttl, plain.expires_at) == (3, None, None)
    assert incr(world, expires_at=LATER).expires_at == answer.expires_at
    assert world.errors() == []


def test_a_counter_that_never_expires_is_given_no_lifetime_later(memory: World) -> None:
    incr(memory)
    answer = incr(memory, ttl=600)
    assert (answer.value, answer.ttl, left(memory)) == (2, -1, -1)


def test_every_increment_may_refresh_the_lifetime(world: World) -> None:
    incr(world, ttl=600, refresh_ttl=True)
    world.clock.advance(300)
    answer = incr(world, ttl=600, refresh_ttl=True)
    assert (answer.value, answer.ttl, left(world)) == (2, 600, 600)
    perform(world.database(), Persist(key=K))
    assert incr(world, ttl=120, refresh_ttl=True).ttl == left(world) == 120
    assert world.errors() == []


def test_a_lifetime_that_is_the_same_is_not_written_again(memory: World) -> None:
    incr(memory, expires_at=LATER, refresh_ttl=True)
    store = memory.faulty({})
    perform(memory.database(store), Incr(key=K, expires_at=LATER, refresh_ttl=True))
    (_, written) = store.calls
    assert EXPIRY not in str(written.request)


def test_to_refresh_a_lifetime_there_has_to_be_one(memory: World) -> None:
    with pytest.raises(InputError):
        incr(memory, refresh_ttl=True)
    with pytest.raises(InputError):
        incr(memory, expires_at=Micros(memory.clock() - 1))
    assert memory.refs() == {}


def test_an_expiry_without_a_counter_means_nothing(memory: World) -> None:
    incr(memory, ttl=60)
    value = DEFAULT_NAMING.value(K.id)
    expiry = memory.refs()[EXPIRY]
    perform(memory.database(), Del(keys=[K]))
    incr(memory, ttl=60)
    assert (memory.refs()[EXPIRY], left(memory)) == (expiry, 60)
    assert value in memory.refs()


def test_a_counter_may_be_encrypted_around(memory: World) -> None:
    """Its key is, its number never."""
    memory.cipher = cipher("first")
    sealed = Key.of("k", text("k"), memory.cipher)
    answer = perform(memory.database(), Incr(key=sealed, start=100, ttl=60))
    assert (answer.value, perform(memory.database(), Get(key=sealed)).ttl) == (100, 60)


def test_a_counter_in_a_batch_begins_too(memory: World) -> None:
    begun = Incr(key=K, start=7, ttl=60, pad=3)
    answer = perform(memory.database(), Batch(items=[Item("n", begun, Incr.outputs)]))
    assert answer.results is not None
    told = answer.results["n"]
    assert isinstance(told, dict)
    assert (told["value"], told["padded"], told["ttl"], left(memory)) == ("7", "007", 60, 60)


# --- leading zeros --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "padded"), [(42, "00042"), (-42, "-0042"), (0, "00000"), (123456, "123456")])
def test_a_number_has_leading_zeros(memory: World, start: int, padded: str) -> None:
    answer = incr(memory, start=start, pad=5)
    assert (answer.value, answer.padded) == (start, padded)


# --- the key itself -------------------------------------------------------------------------------------------------


def names_of(world: World) -> object:
    return perform(world.database(), Keys()).document


def test_a_counter_is_listed_by_name(world: World) -> None:
    incr(world)
    assert names_of(world) == []
    perform(world.database(), Incr(key=K, store_key=True))
    perform(world.database(), Decr(key=key("down"), store_key=True))
    assert names_of(world) == ["down", "k"]
    perform(world.database(), Getdel(key=K))
    assert names_of(world) == ["down"]
    assert world.errors() == []


def test_a_key_that_is_stored_is_not_stored_again(memory: World) -> None:
    incr(memory, store_key=True, ttl=60)
    store = memory.faulty({})
    perform(memory.database(store), Incr(key=K, store_key=True))
    assert DEFAULT_NAMING.key(K.id) not in str(store.calls[-1].request)
    memory.clock.advance(60)
    Sweep().run(memory.maintenance())
    incr(memory, store_key=True)
    assert names_of(memory) == ["k"]


def test_a_key_that_was_left_without_a_value_is_stored_again(memory: World) -> None:
    """Somebody may be about to take it away."""
    incr(memory, store_key=True)
    memory.put(DEFAULT_NAMING.value(K.id), Sample((*DUMMY_OBJECTS, NULL_COMMIT)))
    left_over = memory.refs()[DEFAULT_NAMING.value(K.id)]
    assert list(memory.store.apply([Transaction((RefUpdate(DEFAULT_NAMING.value(K.id), left_over, DELETE),))])) == [Applied()]
    rival = Rival(lambda: perform(memory.database(), Del(keys=[K])))
    perform(memory.database(memory.faulty({FIRST_WRITE: rival})), Incr(key=K, store_key=True))
    assert names_of(memory) == ["k"]


def test_a_key_is_stored_by_who_moves_the_counter(memory: World) -> None:
    """A breadcrumb stores nothing."""
    incr(memory)
    rival = {FIRST_WRITE: Rival(lambda: incr(memory))}
    left_behind = Incr(key=K, store_key=True, contention="breadcrumb")
    assert perform(memory.database(memory.faulty(rival)), left_behind).pending is True
    incr(memory)
    assert names_of(memory) == []
    folded = perform(memory.database(memory.faulty(rival)), Incr(key=K, store_key=True))
    assert (folded.value, names_of(memory)) == (6, ["k"])


# --- rivals ---------------------------------------------------------------------------------------------------------


def test_of_several_who_begin_a_counter_one_does(world: World) -> None:
    """The others add to it: nobody begins what a rival has begun, and nobody is denied."""
    rival = Rival(lambda: incr(world, start=100, ttl=6000))
    answer = perform(world.database(world.faulty({FIRST_WRITE: rival})), Incr(key=K, start=100, ttl=600))
    assert (answer.value, answer.ttl, value_of(world)) == (101, left(world), "101")
    assert answer.ttl in range(5000, 6061)
    assert world.breadcrumbs() == []


def ended(world: World, act: Callable[[], object]) -> None:
    world.clock.advance(6000)
    act()


RIVALS: dict[str, Callable[[World], object]] = {
    "incr": lambda world: incr(world, by=1000),
    "expire": lambda world: perform(world.database(), Expire(key=K, ttl=6000)),
    "persist": lambda world: perform(world.database(), Persist(key=K)),
    "refresh": lambda world: incr(world, by=1000, ttl=6000, refresh_ttl=True),
    "set": lambda world: perform(world.database(), Set(key=K, value=1000)),
    "del": lambda world: perform(world.database(), Del(keys=[K])),
    "the end": lambda world: world.clock.advance(6000),
    "a sweep": lambda world: ended(world, lambda: Sweep().run(world.maintenance())),
}


@pytest.mark.parametrize("at", range(FIRST_WRITE, 7))
@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("denied", [False, True], ids=["", "denied"])
def test_a_rival_before_each_request_of_a_refresh(memory: World, name: str, at: int, *, denied: bool) -> None:
    """It counts once, and where the counter has ended meanwhile, it begins with the first number and a lifetime."""
    incr(memory, start=10, ttl=600)
    memory.clock.advance(1)
    faults: dict[int, Fault] = {FIRST_WRITE: Rival(lambda: incr(memory, by=10))} if denied else {}
    store = memory.faulty({**faults, at + denied: Rival(lambda: RIVALS[name](memory))})
    answer = perform(memory.database(store), Incr(key=K, start=10, ttl=600, refresh_ttl=True, op=OP))
    assert answer.applied is True
    assert not [name for name in memory.breadcrumbs() if name.endswith(OP)]
    assert memory.errors() == []
    found = perform(memory.database(), Get(key=K))
    if found.found and answer.value is not None:
        assert answer.ttl is None or found.ttl in (answer.ttl, -1) or answer.ttl in range(600, 661)
        ended = name in {"the end", "a sweep"} and len(store.fired) > denied
        assert not ended or answer.value == found.value == 10
        assert incr(memory, start=10, ttl=600, refresh_ttl=True, op=OP).value == answer.value


def test_who_waits_while_the_counter_ends_begins_it_again(memory: World) -> None:
    """Its breadcrumb is void by then: it moves it, and folds it into a counter that begins with the first number."""
    incr(memory, start=100, ttl=60)
    store = memory.faulty(
        {FIRST_WRITE: Rival(lambda: incr(memory)), 4: Rival(lambda: memory.clock.advance(60))},
    )
    answer = perform(memory.database(store), Incr(key=K, start=100, ttl=60))
    assert (answer.value, answer.ttl, value_of(memory)) == (100, left(memory), "100")
    assert answer.ttl in range(60, 121)
    assert memory.breadcrumbs() == []


def fold_and_end(world: World) -> None:
    incr(world)
    world.clock.advance(120)


def test_a_number_that_is_found_in_a_counter_that_has_ended_has_no_lifetime(memory: World) -> None:
    incr(memory, ttl=60)
    faults: dict[int, Fault] = {
        FIRST_WRITE: Rival(lambda: incr(memory)),
        4: Rival(lambda: fold_and_end(memory)),
    }
    answer = perform(memory.database(memory.faulty(faults)), Incr(key=K, ttl=60))
    assert (answer.value, answer.ttl, answer.expires_at) == (3, None, None)


def test_a_breadcrumb_refreshes_nothing(memory: World) -> None:
    """Only who moves the counter itself does; so does who folds its own breadcrumb."""
    incr(memory, ttl=600)
    memory.clock.advance(300)
    rival = {FIRST_WRITE: Rival(lambda: incr(memory))}
    refreshing = Incr(key=K, ttl=600, refresh_ttl=True, op=OP)
    pending = perform(memory.database(memory.faulty(rival)), refreshing.but(contention="breadcrumb"))
    assert (pending.pending, pending.ttl, left(memory)) == (True, None, 300)
    assert incr(memory).value == 4
    found = perform(memory.database(), refreshing)
    assert (found.value, found.ttl, left(memory)) == (3, 300, 300)
    folded = perform(memory.database(memory.faulty(rival)), refreshing.but(op="another1"))
    assert (folded.value, folded.ttl) == (6, left(memory))
    assert left(memory) in range(600, 661)


def test_a_refresh_is_no_reason_to_read_once_more(memory: World) -> None:
    incr(memory, ttl=600)
    memory.clock.advance(300)
    store = memory.faulty({})
    perform(memory.database(store), Incr(key=K, ttl=600, refresh_ttl=True))
    assert [call.verb for call in store.calls] == ["read", "apply"]


def test_torn_reads_give_no_lifetime_to_another_counter(memory: World) -> None:
    """The expiry is read before the value: a counter that has begun in between is not taken for one that has expired."""
    for turn in range(1, 6):
        world = memory.in_memory()
        incr(world, ttl=60)
        world.clock.advance(120)
        store = TornReads(world.faulty({turn: Rival(partial(incr, world, start=50, ttl=6000))}))
        answer = perform(world.database(store), Incr(key=K, start=50, ttl=600))
        assert answer.value in {50, 51}
        assert answer.ttl == left(world)
        assert world.errors() == []


# --- lost replies ---------------------------------------------------------------------------------------------------


def expired(world: World) -> None:
    incr(world, ttl=60)
    world.clock.advance(60)


SCENES: dict[str, Callable[[World], object]] = {
    "absent": lambda _world: None,
    "there": lambda world: incr(world, start=10, expires_at=LATER),
    "expired": expired,
    "waiting": lambda world: world.plant(K, 5, ago=3),
    "forever": lambda world: incr(world, start=10),
}
KNOWN = {"there", "forever"}
END = Micros(LATER + 600 * SECOND)


@pytest.mark.parametrize("lost", Lost)
@pytest.mark.parametrize("scene", SCENES)
def test_a_lost_reply_at_every_request(memory: World, scene: str, lost: Lost) -> None:
    """It counts once, or not at all, with number and lifetime together; who is told that it counted is told the truth."""
    SCENES[scene](memory)
    command = Incr(key=K, start=100, expires_at=END, refresh_ttl=True, op=OP, store_key=True)
    before, done = memory.content([K]), memory.in_memory()
    expected = perform(done.database(), command)
    after = done.content([K])
    told = set[str]()
    for turn in itertools.count(1):
        world = memory.in_memory()
        store = world.faulty({turn: lost})
        try:
            answer = perform(world.database(store), command)
        except OutcomeUnknownError:
            told.add("unknown")
            store.arrive()
            assert world.content([K]) in (before, after)
            continue
        except UnavailableError:
            store.arrive()
            assert world.content([K]) == before
            continue
        store.arrive()
        told.add("done")
        assert (answer.value, answer.expires_at, answer.pending) == (expected.value, expected.expires_at, False)
        assert (world.content([K]), names_of(world)) == (after, ["k"])
        assert world.errors() == []
        if not store.fired:
            break
    assert told == {"done"} if scene in KNOWN else {"done"} <= told
