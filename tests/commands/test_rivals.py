"""Rivals between a command's read and its write, torn reads, and lost replies."""

from collections.abc import Callable
from typing import Literal

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist
from git_keyval.commands.values import Del, Get, Getdel, Set
from git_keyval.database.answers import Answer
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.errors import (
    ContentionError,
    GitKeyvalError,
    OutcomeUnknownError,
    PartlyDeletedError,
    RefusedError,
    UnavailableError,
    WrongTypeError,
)
from git_keyval.format.counters import RECENT_OPERATIONS, Counter, decode_counter
from git_keyval.format.names import Naming
from git_keyval.maintenance.commands import Gather, Sweep
from tests.commands.stores import TornReads
from tests.contract.samples import Sample
from tests.faults import Fault, FaultyStore, Lost, Rival
from tests.maintenance.stores import Choosy
from tests.world import World, install_hook, key, number, show, text

K = key()
VALUE = Naming().value(K.id)
EXPIRY = Naming().expiry(K.id)


def value_of(world: World) -> str:
    return show(perform(world.database(), Get(key=K)).value)


def rivals(world: World, act: Callable[[], object], *, times: int = 100) -> FaultyStore:
    """Let a rival act before each of the first writes of a command that reads and writes by turns."""
    return world.faulty({2 * turn: Rival(act) for turn in range(1, times + 1)})


# --- compare-and-set ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counter", [False, True], ids=["value", "counter"])
def test_set_if_absent_lets_exactly_one_win(world: World, *, counter: bool) -> None:
    rival = Rival(lambda: perform(world.database(), Set(key=K, value=text("rival"), condition=Condition("absent"))))
    store = world.faulty({2 if counter else 1: rival})
    answer = perform(world.database(store), Set(key=K, value=7 if counter else text("ours"), condition=Condition("absent")))
    assert answer.applied is False
    assert answer.version == perform(world.database(), Get(key=K)).version
    assert value_of(world) == "rival"


def test_set_if_version_does_not_overwrite_a_rival(world: World) -> None:
    version = perform(world.database(), Set(key=K, value=text("old"))).version
    store = world.faulty({2: Rival(lambda: perform(world.database(), Set(key=K, value=text("rival"))))})
    answer = perform(world.database(store), Set(key=K, value=text("ours"), condition=Condition("", version)))
    assert (answer.applied, answer.old_value) == (False, text("rival"))
    assert value_of(world) == "rival"


@pytest.mark.parametrize("counter", [False, True], ids=["value", "counter"])
def test_the_old_value_is_what_a_rival_wrote_last(world: World, *, counter: bool) -> None:
    """Each value is the old one of exactly one write."""
    perform(world.database(), Set(key=K, value=1 if counter else text("1")))
    store = world.faulty({2: Rival(lambda: perform(world.database(), Set(key=K, value=2 if counter else text("2"))))})
    answer = perform(world.database(store), Set(key=K, value=3 if counter else text("3"), get_old=True))
    assert (answer.applied, answer.old_value) == (True, 2 if counter else text("2"))


def test_no_set_that_tells_the_old_value_is_forced(memory: World) -> None:
    """What is forced replaces what was not read."""
    perform(memory.database(), Set(key=K, value=1))
    store = rivals(memory, lambda: perform(memory.database(), Set(key=K, value=2)))
    with pytest.raises(ContentionError):
        perform(memory.database(store, max_attempts=3), Set(key=K, value=3, get_old=True))
    assert value_of(memory) == "2"


def test_set_keep_ttl_keeps_the_expiry_that_a_rival_gave(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("old"), ttl=60))
    store = world.faulty({2: Rival(lambda: perform(world.database(), Expire(key=K, ttl=600)))})
    assert perform(world.database(store), Set(key=K, value=text("ours"), keep_ttl=True)).ttl == 600
    assert perform(world.database(), Get(key=K)).ttl == 600


@pytest.mark.parametrize("counter", [False, True], ids=["value", "counter"])
def test_a_value_does_not_come_by_the_expiry_that_a_rival_gave_to_the_one_before(world: World, *, counter: bool) -> None:
    """The rival moves no value: only the settling of the key's expiry keeps them apart."""
    perform(world.database(), Set(key=K, value=7 if counter else text("old")))
    store = world.faulty({2: Rival(lambda: perform(world.database(), Expire(key=K, ttl=60)))})
    perform(world.database(store), Set(key=K, value=8 if counter else text("new"), condition=Condition("present")))
    world.clock.advance(60)
    assert value_of(world) == ("8" if counter else "new")


@pytest.mark.parametrize("counter", [False, True], ids=["value", "counter"])
def test_set_keep_ttl_does_not_lose_the_expiry_to_a_sweep(world: World, *, counter: bool) -> None:
    """The kept expiry is asserted: swept in between, the key would live forever with a value that should have ended."""
    perform(world.database(), Set(key=K, value=7 if counter else text("old"), ttl=60))

    def rival() -> None:
        world.clock.advance(60)
        Sweep().run(world.maintenance())

    store = world.faulty({2: Rival(rival)})
    assert perform(world.database(store), Set(key=K, value=8 if counter else text("ours"), keep_ttl=True)).ttl == -1
    assert EXPIRY not in world.refs()


def test_expire_does_not_give_its_expiry_to_a_rivals_value(world: World) -> None:
    """The value is asserted: an expiry never comes to belong to another value, nor outlives its key."""
    version = perform(world.database(), Set(key=K, value=text("ours"))).version
    store = world.faulty({2: Rival(lambda: perform(world.database(), Set(key=K, value=text("rival"))))})
    assert perform(world.database(store), Expire(key=K, ttl=60, if_version=version)).applied is False
    assert perform(world.database(), Get(key=K)).ttl == -1
    store = world.faulty({2: Rival(lambda: perform(world.database(), Del(keys=[K])))})
    assert perform(world.database(store), Expire(key=K, ttl=60)).applied is False
    assert EXPIRY not in world.refs()


def test_persist_does_not_revive_what_was_swept(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("v"), ttl=60))

    def rival() -> None:
        world.clock.advance(60)
        Sweep().run(world.maintenance())

    assert perform(world.database(world.faulty({2: Rival(rival)})), Persist(key=K)).applied is False
    assert perform(world.database(), Get(key=K)).found is False


def test_of_several_getdel_exactly_one_gets_the_value(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("v")))
    answers: list[Answer] = []
    world.clock.advance(1)
    store = world.faulty({2: Rival(lambda: answers.append(perform(world.database(), Getdel(key=K))))})
    answers.append(perform(world.database(store), Getdel(key=K)))
    assert [answer.applied for answer in answers] == [True, False]
    assert len(world.parked()) == 1


def test_getdel_answers_with_what_it_removed(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("old")))
    store = world.faulty({2: Rival(lambda: perform(world.database(), Set(key=K, value=text("rival"))))})
    answer = perform(world.database(store), Getdel(key=K))
    assert show(answer.value) == "rival"
    assert list(world.parked().values()) == [answer.version]


def test_del_removes_what_a_rival_wrote_meanwhile(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("old")))
    store = world.faulty({2: Rival(lambda: perform(world.database(), Set(key=K, value=text("rival"), ttl=60, store_key=True)))})
    assert perform(world.database(store), Del(keys=[K])).count == 1
    assert [name for name in world.refs() if name.startswith("refs/heads/kv-")] == []


SEVERAL = [key(label) for label in "abc"]


def several(world: World) -> None:
    for one in SEVERAL:
        perform(world.database(), Set(key=one, value=text("old")))


def test_del_of_several_keys_tries_those_again_that_a_rival_changed(world: World) -> None:
    """One request for all, and after it one for those in conflict."""
    several(world)
    store = world.faulty({2: Rival(lambda: perform(world.database(), Set(key=SEVERAL[1], value=text("rival"))))})
    assert perform(world.database(store), Del(keys=SEVERAL)) == Answer(applied=True, count=3)
    assert world.content(SEVERAL) == {}
    assert [call.verb for call in store.calls] == ["read", "apply", "read", "apply"]
    sent = store.calls[3].request
    assert isinstance(sent, tuple)
    (again,) = sent
    assert [update.name for update in again.updates] == [Naming().value(SEVERAL[1].id)]


def test_del_of_several_keys_does_not_count_what_a_rival_deleted(world: World) -> None:
    several(world)
    store = world.faulty({2: Rival(lambda: perform(world.database(), Del(keys=[SEVERAL[1]])))})
    assert perform(world.database(store), Del(keys=SEVERAL)).count == 2


def change_one(world: World) -> None:
    perform(world.database(), Set(key=SEVERAL[1], value=text(world.new_op())))


FAILING_LATER: dict[str, tuple[Callable[[World], FaultyStore], type[GitKeyvalError]]] = {
    "no connection": (
        lambda world: world.faulty({2: Rival(lambda: change_one(world)), 3: Lost.BEFORE}),
        UnavailableError,
    ),
    "no end of rivals": (lambda world: rivals(world, lambda: change_one(world)), ContentionError),
    "a reply that is lost for good": (
        lambda world: world.faulty({2: Rival(lambda: change_one(world)), **dict.fromkeys(range(4, 1_000), Lost.BEFORE)}),
        OutcomeUnknownError,
    ),
}


@pytest.mark.parametrize(("failing", "cause"), FAILING_LATER.values(), ids=FAILING_LATER)
def test_del_that_fails_half_way_says_what_is_gone(
    memory: World, failing: Callable[[World], FaultyStore], cause: type[GitKeyvalError]
) -> None:
    """Not what the failure by itself would say, that nothing was written; and the step may be run again."""
    several(memory)
    with pytest.raises(PartlyDeletedError) as caught:
        perform(memory.database(failing(memory)), Del(keys=SEVERAL))
    assert (caught.value.count, type(caught.value.cause)) == (2, cause)
    assert "2 of the keys were deleted" in caught.value.what
    assert caught.value.cause.what in caught.value.what
    assert "again is safe" in caught.value.next_step
    assert memory.content(SEVERAL).keys() == {SEVERAL[1].label}
    assert perform(memory.database(), Del(keys=SEVERAL)).count == 1


def test_del_of_which_the_server_refuses_a_part_says_what_is_gone(memory: World) -> None:
    """What is refused does not keep the others; the reason is the server's."""
    several(memory)
    protected = Naming().value(SEVERAL[0].id)
    store = Choosy(memory.store, declines=lambda wanted: any(update.name == protected for update in wanted.updates))
    with pytest.raises(PartlyDeletedError) as caught:
        perform(memory.database(store), Del(keys=SEVERAL))
    assert (caught.value.count, type(caught.value.cause)) == (2, RefusedError)
    assert memory.content(SEVERAL).keys() == {SEVERAL[0].label}
    with pytest.raises(RefusedError):
        perform(memory.database(store), Del(keys=SEVERAL))


def test_del_that_cannot_clear_what_is_left_of_a_key_says_so(memory: World) -> None:
    """A stored key without a value is deleted with the others, and its refusal is not passed over."""
    several(memory)
    stored = memory.put(Naming().key(K.id), Sample(K.record.objects))
    store = Choosy(memory.store, declines=lambda wanted: any(update.name == stored for update in wanted.updates))
    with pytest.raises(RefusedError):
        perform(memory.database(store), Del(keys=[K]))
    with pytest.raises(PartlyDeletedError) as caught:
        perform(memory.database(store), Del(keys=[K, *SEVERAL]))
    assert caught.value.count == 3


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_del_of_several_keys_settles_each_by_itself(memory: World, fault: Lost) -> None:
    """Of a lost reply those are in doubt that somebody changed before they were read again; the others are not."""
    several(memory)
    store = memory.faulty({2: fault, 3: Rival(lambda: change_one(memory))})
    with pytest.raises(PartlyDeletedError) as caught:
        perform(memory.database(store), Del(keys=SEVERAL))
    assert (caught.value.count, type(caught.value.cause)) == (2, OutcomeUnknownError)
    assert memory.content(SEVERAL).keys() == {SEVERAL[1].label}


COMMANDS: dict[str, Callable[[Database], Answer]] = {
    "incr": lambda database: perform(database, Incr(key=K)),
    "del": lambda database: perform(database, Del(keys=[K])),
    "getdel": lambda database: perform(database, Getdel(key=K)),
    "set": lambda database: perform(database, Set(key=K, value=text("ours"), condition=Condition("present"))),
    "expire": lambda database: perform(database, Expire(key=K, ttl=600)),
    "persist": lambda database: perform(database, Persist(key=K)),
}


TRYING_AGAIN = COMMANDS | {"incr": lambda database: perform(database, Incr(key=K, by=0))}
"""An increment by nothing leaves no breadcrumb."""


@pytest.mark.parametrize("command", TRYING_AGAIN.values(), ids=TRYING_AGAIN)
def test_a_command_that_loses_every_time_gives_up(memory: World, command: Callable[[Database], Answer]) -> None:
    """The number of attempts is bounded, and nothing was written."""
    perform(memory.database(), Set(key=K, value=1, ttl=3600))
    store = rivals(memory, lambda: perform(memory.database(), Set(key=K, value=1, keep_ttl=True)))
    with pytest.raises(ContentionError) as caught:
        command(memory.database(store, max_attempts=4))
    assert caught.value.attempts == 4
    assert [call.verb for call in store.calls] == ["read", "apply"] * 4
    assert value_of(memory) == "1"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_wins_the_last_time_is_done(memory: World, command: Callable[[Database], Answer]) -> None:
    perform(memory.database(), Set(key=K, value=1, ttl=3600))
    store = rivals(memory, lambda: perform(memory.database(), Set(key=K, value=1, keep_ttl=True)), times=3)
    assert command(memory.database(store, max_attempts=4)).applied is True


def test_pauses_between_attempts_grow_and_vary(memory: World) -> None:
    pauses: list[float] = []
    perform(memory.database(), Set(key=K, value=1))
    store = rivals(memory, lambda: perform(memory.database(), Incr(key=K)))
    for random in (lambda: 0.0, lambda: 1.0):
        database = Database(store, sleep=pauses.append, random=random, new_op=memory.new_op, max_attempts=10)
        with pytest.raises(ContentionError):
            perform(database, Incr(key=K, by=0))
    low, high = pauses[:10], pauses[10:]
    assert low == sorted(low)
    assert 0 < low[0] < low[-1]
    assert all(0 < small < large <= 2 for small, large in zip(low, high, strict=True))


# --- SET by force ---------------------------------------------------------------------------------------------------


def test_a_set_that_loses_every_time_is_forced(memory: World) -> None:
    """SET is unconditional in effect, and tells operations in doubt that they cannot know."""
    perform(memory.database(), Set(key=K, value=1))
    store = rivals(memory, lambda: perform(memory.database(), Incr(key=K, by=5)))
    before = _counter(memory).seq
    assert perform(memory.database(store, max_attempts=3), Set(key=K, value=100)).applied is True
    assert value_of(memory) == "100"
    assert _counter(memory).seq > before + RECENT_OPERATIONS
    memory.clock.advance(1)
    Gather(grace_period=0).run(memory.maintenance())
    assert value_of(memory) == "100"
    assert memory.errors() == []


@pytest.mark.parametrize("existence", ["absent", "present"])
def test_a_set_with_a_condition_is_never_forced(memory: World, existence: Literal["absent", "present"]) -> None:
    """A condition means compare-and-set, however long that takes."""

    def there() -> None:
        perform(memory.database(), Set(key=K, value=text("rival")))

    def gone() -> None:
        perform(memory.database(), Del(keys=[K]))

    met, unmet = (gone, there) if existence == "absent" else (there, gone)
    met()
    faults: dict[int, Fault] = {}
    for turn in range(10):
        faults |= {2 * turn + 1: Rival(met), 2 * turn + 2: Rival(unmet)}
    with pytest.raises(ContentionError):
        perform(memory.database(memory.faulty(faults), max_attempts=3), Set(key=K, value=7, condition=Condition(existence)))
    assert perform(memory.database(), Get(key=K)).type != "counter"


def _counter(world: World) -> Counter:
    oid = world.refs()[VALUE]
    return decode_counter(world.store.objects([oid])[oid])


# --- torn reads -----------------------------------------------------------------------------------------------------


def torn(world: World, act: Callable[[], object]) -> Database:
    """Let a rival act between the two halves of the first read."""
    return world.database(TornReads(world.faulty({2: Rival(act)})))


@pytest.mark.parametrize("left", [1, 130, 1001])
def test_a_counter_is_read_exactly_while_its_breadcrumbs_are_gathered(memory: World, left: int) -> None:
    """Breadcrumbs first, the counter after them: what was folded in between is then remembered there."""
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(5000)
    memory.plant_many(K, left, ago=4000)
    expected = 10 + left

    def rival() -> None:
        Gather(grace_period=0).run(memory.maintenance())

    assert perform(torn(memory, rival), Get(key=K)).value == expected
    assert value_of(memory) == str(expected)


def test_a_counter_is_read_exactly_while_it_is_incremented(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)
    memory.plant(K, 5)
    assert perform(torn(memory, lambda: perform(memory.database(), Incr(key=K, by=100))), Get(key=K)).value == 115


def test_a_counter_is_read_exactly_while_it_is_set(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)
    memory.plant(K, 5)
    memory.clock.advance(1)
    assert perform(torn(memory, lambda: perform(memory.database(), Set(key=K, value=100))), Get(key=K)).value == 100


def test_an_increment_on_a_torn_read_is_exact(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)
    memory.plant(K, 5)
    assert perform(torn(memory, lambda: Gather(grace_period=0).run(memory.maintenance())), Incr(key=K)).value == 16
    assert value_of(memory) == "16"


def test_getdel_on_a_torn_read_answers_with_the_whole_total(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)
    memory.plant(K, 5)
    assert perform(torn(memory, lambda: perform(memory.database(), Incr(key=K, by=100))), Getdel(key=K)).value == 115
    assert perform(memory.database(), Get(key=K)).found is False


def _expired(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("old"), ttl=60))
    world.clock.advance(61)


def _counter_with_breadcrumb(world: World) -> None:
    perform(world.database(), Set(key=K, value=10, ttl=600))
    world.clock.advance(1)
    _waiting(world)


def _persistent_counter(world: World) -> None:
    perform(world.database(), Set(key=K, value=10))
    world.clock.advance(1)
    _waiting(world)


def _waiting(world: World) -> None:
    world.plant(K, 5)
    world.clock.advance(1)


BEFORE: dict[str, Callable[[World], object]] = {
    "absent": lambda _world: None,
    "persistent": lambda world: perform(world.database(), Set(key=K, value=text("old"))),
    "expiring": lambda world: perform(world.database(), Set(key=K, value=text("old"), ttl=600)),
    "expired": _expired,
    "counter": _counter_with_breadcrumb,
    "persistent counter": _persistent_counter,
    "waiting": _waiting,
}
MEANWHILE: dict[str, Callable[[World], object]] = {
    "set": lambda world: perform(world.database(), Set(key=K, value=text("new"))),
    "set with ttl": lambda world: perform(world.database(), Set(key=K, value=text("new"), ttl=300)),
    "set the same": lambda world: perform(world.database(), Set(key=K, value=text("old"), ttl=300)),
    "set counter": lambda world: perform(world.database(), Set(key=K, value=7)),
    "expire": lambda world: perform(world.database(), Expire(key=K, ttl=300)),
    "persist": lambda world: perform(world.database(), Persist(key=K)),
    "del": lambda world: perform(world.database(), Del(keys=[K])),
    "getdel": lambda world: perform(world.database(), Getdel(key=K)),
    "sweep": lambda world: Sweep().run(world.maintenance()),
    "gather": lambda world: Gather(grace_period=0).run(world.maintenance()),
    "breadcrumb": lambda world: world.plant(K, 3),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE)
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_a_torn_read_shows_what_was_there_before_or_what_is_there_after(
    memory: World, before: Callable[[World], object], meanwhile: Callable[[World], object]
) -> None:
    """Never the value of one with the expiry, the type or the breadcrumbs of the other."""
    before(memory)
    first = perform(memory.database(), Get(key=K))
    found = perform(torn(memory, lambda: meanwhile(memory)), Get(key=K))
    assert found in (first, perform(memory.database(), Get(key=K)))


@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE)
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_a_write_on_a_torn_read_is_a_write_after_all(
    memory: World, before: Callable[[World], object], meanwhile: Callable[[World], object]
) -> None:
    """What is written was decided on what is there: the number of an increment is the total, without what came later."""
    before(memory)
    try:
        answer = perform(torn(memory, lambda: meanwhile(memory)), Incr(key=K, by=100))
    except WrongTypeError:
        assert perform(memory.database(), Get(key=K)).type == "string"
        return
    late = 3 if meanwhile is MEANWHILE["breadcrumb"] else 0
    assert isinstance(answer.value, int)
    assert perform(memory.database(), Get(key=K)).value == answer.value + late
    assert memory.errors() == []


WRITES: dict[str, Callable[[Database], Answer]] = {
    "set": lambda database: perform(database, Set(key=K, value=text("new"), ttl=300)),
    "set forever": lambda database: perform(database, Set(key=K, value=text("new"))),
    "set if present": lambda database: perform(database, Set(key=K, value=text("new"), ttl=300, condition=Condition("present"))),
    "set counter": lambda database: perform(database, Set(key=K, value=7, ttl=300)),
    "del": lambda database: perform(database, Del(keys=[K])),
    "getdel": lambda database: perform(database, Getdel(key=K)),
    "expire": lambda database: perform(database, Expire(key=K, ttl=300)),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_the_value_moves_before_its_expiry(memory: World, write: Callable[[Database], Answer]) -> None:
    """Where a server shows the refs of a transaction one after the other, no value is seen alive with another one's expiry."""
    perform(memory.database(), Set(key=K, value=text("old"), ttl=600))
    store = memory.faulty({})
    write(memory.database(store))
    (sent,) = [call.request for call in store.calls if call.verb == "apply"]
    assert isinstance(sent, tuple)
    names = [update.name for update in sent[0].updates]
    assert names.index(VALUE) < names.index(EXPIRY)


# --- lost replies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_lost_reply_is_settled_by_reading_again(memory: World, command: Callable[[Database], Answer], fault: Lost) -> None:
    perform(memory.database(), Set(key=K, value=41, ttl=3600))
    memory.clock.advance(1)
    answer = command(memory.database(memory.faulty({2: fault})))
    assert answer.applied is True
    if command is COMMANDS["incr"]:
        assert (answer.value, value_of(memory)) == (42, "42")
    if command is COMMANDS["getdel"]:
        assert answer.value == 41
        assert len(memory.parked()) == 1
    assert memory.errors() == []


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_breadcrumb_whose_reply_is_lost_is_left_once(memory: World, fault: Lost) -> None:
    """It is looked for, and made again under the very same name if it is not there."""
    perform(memory.database(), Set(key=K, value=10))
    store = memory.faulty({2: Rival(lambda: perform(memory.database(), Incr(key=K, by=100))), 4: fault})
    assert perform(memory.database(store), Incr(key=K, by=5, op="deploy42", contention="breadcrumb")).pending is True
    assert sum(name.endswith("deploy42") for name in memory.breadcrumbs()) == 1
    memory.clock.advance(1)
    Gather(grace_period=0).run(memory.maintenance())
    assert value_of(memory) == "115"


@pytest.mark.parametrize("command", [*COMMANDS.values(), *WRITES.values()], ids=[*COMMANDS, *(f"{name}, again" for name in WRITES)])
def test_a_write_that_came_through_is_not_sent_again(memory: World, command: Callable[[Database], Answer]) -> None:
    """Nothing is retried blindly: a transaction is sent again only after reading has shown that it was not applied."""
    perform(memory.database(), Set(key=K, value=41, ttl=3600))
    memory.clock.advance(1)
    writes = memory.faulty({})
    command(memory.database(writes))
    number = next(call.number for call in writes.calls if call.verb == "apply")
    perform(memory.database(), Set(key=K, value=41, ttl=3600))
    memory.clock.advance(1)
    store = memory.faulty({number: Lost.AFTER})
    assert command(memory.database(store)).applied is True
    assert [call.verb for call in store.calls if call.verb == "apply"] == ["apply"]


def test_a_breadcrumb_that_was_gathered_before_it_was_looked_for_is_known(memory: World) -> None:
    """It is looked for by its name first, and in the memory of the counter after."""
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)

    def rival() -> None:
        memory.clock.advance(1)
        Gather(grace_period=0).run(memory.maintenance())

    faults: dict[int, Fault] = {2: Rival(lambda: perform(memory.database(), Incr(key=K, by=100))), 4: Lost.AFTER, 5: Rival(rival)}
    answer = perform(memory.database(memory.faulty(faults)), Incr(key=K, by=5, contention="breadcrumb"))
    assert (answer.applied, answer.pending) == (True, False)
    assert memory.breadcrumbs() == []
    assert value_of(memory) == "115"


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_an_operation_in_doubt_that_was_moved_over_is_told_apart(memory: World, fault: Lost) -> None:
    """Moved by fewer than 128 operations, the memory of the counter proves what happened."""
    perform(memory.database(), Set(key=K, value=10))

    def rival() -> None:
        for _ in range(RECENT_OPERATIONS - 2):
            perform(memory.database(), Incr(key=K))

    store = memory.faulty({2: fault, 3: Rival(rival)})
    answer = perform(memory.database(store), Incr(key=K, by=1000))
    assert answer.applied is True
    assert value_of(memory) == str(10 + 1000 + RECENT_OPERATIONS - 2)
    assert answer.value == (1010 if fault is not Lost.BEFORE else 1010 + RECENT_OPERATIONS - 2)


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_an_operation_in_doubt_that_may_be_forgotten_is_unknown(memory: World, fault: Lost) -> None:
    """After 128 further operations nobody can tell, and nothing is guessed."""
    perform(memory.database(), Set(key=K, value=10))

    def rival() -> None:
        for _ in range(RECENT_OPERATIONS):
            perform(memory.database(), Incr(key=K))

    store = memory.faulty({2: fault, 3: Rival(rival)})
    with pytest.raises(OutcomeUnknownError):
        perform(memory.database(store), Incr(key=K, by=1000))
    assert value_of(memory) in {str(10 + RECENT_OPERATIONS), str(1010 + RECENT_OPERATIONS)}


@pytest.mark.parametrize("before", ["absent", "present", "expired"])
@pytest.mark.parametrize("contention", ["retry", "breadcrumb"])
@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_an_increment_that_somebody_took_away_is_not_counted_again(
    memory: World, before: str, contention: Literal["retry", "breadcrumb"], fault: Lost
) -> None:
    """If the reply is lost and the counter is deleted before it is read again, the increment may have gone with it."""
    database = memory.database()
    if before != "absent":
        perform(database, Set(key=K, value=10, ttl=60))
    if before == "expired":
        memory.clock.advance(60)
    taken: list[Answer] = []
    rival = Rival(lambda: taken.append(perform(database, Getdel(key=K))))
    store = memory.faulty({2: fault, 3: rival})
    try:
        perform(memory.database(store), Incr(key=K, by=5, contention=contention))
        counted = 5
    except OutcomeUnknownError:
        counted = None
    memory.clock.advance(1)
    rest = perform(memory.database(), Get(key=K))
    total = sum(int(show(found.value)) for found in (*taken, rest) if found.found)
    start = 10 if before == "present" else 0
    assert total in ({start + counted} if counted else {start, start + 5})


@pytest.mark.parametrize("before", ["absent", "present"])
@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_breadcrumb_that_somebody_took_away_is_not_left_again(memory: World, before: str, fault: Lost) -> None:
    if before == "present":
        perform(memory.database(), Set(key=K, value=10))
        memory.clock.advance(1)
    taken: list[Answer] = []
    store = memory.faulty(
        {
            2: Rival(lambda: perform(memory.database(), Incr(key=K, by=100))),
            4: fault,
            5: Rival(lambda: taken.append(perform(memory.database(), Getdel(key=K)))),
        }
    )
    try:
        perform(memory.database(store), Incr(key=K, by=5, contention="breadcrumb"))
        known = True
    except OutcomeUnknownError:
        known = False
    memory.clock.advance(1)
    rest = perform(memory.database(), Get(key=K))
    total = sum(int(show(found.value)) for found in (*taken, rest) if found.found)
    start = (10 if before == "present" else 0) + 100
    assert total == start + 5 or (not known and total == start)


def test_a_set_in_doubt_over_a_rivals_write_is_unknown(memory: World) -> None:
    """Conditional writes are never sent again where the refs have moved: nobody can tell who moved them."""
    version = perform(memory.database(), Set(key=K, value=text("old"))).version
    store = memory.faulty({2: Lost.BEFORE, 3: Rival(lambda: perform(memory.database(), Set(key=K, value=text("rival"))))})
    with pytest.raises(OutcomeUnknownError):
        perform(memory.database(store), Set(key=K, value=text("ours"), condition=Condition("", version)))
    assert value_of(memory) == "rival"


def test_a_getdel_in_doubt_knows_its_own_parked_branch(memory: World) -> None:
    """Another GETDEL may have removed the very same value: whose branch is there decides."""
    perform(memory.database(), Set(key=K, value=text("v")))

    def rival() -> None:
        memory.clock.advance(1)
        assert perform(memory.database(), Getdel(key=K)).applied is True

    answer = perform(memory.database(memory.faulty({2: Lost.BEFORE, 3: Rival(rival)})), Getdel(key=K))
    assert (answer.found, answer.applied) == (False, False)
    assert len(memory.parked()) == 1


def test_a_getdel_in_doubt_is_not_made_again_over_a_new_value(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=text("v")))
    store = memory.faulty({2: Lost.AFTER, 3: Rival(lambda: perform(memory.database(), Set(key=K, value=text("next"))))})
    answer = perform(memory.database(store), Getdel(key=K))
    assert show(answer.value) == "v"
    assert value_of(memory) == "next"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_store_that_never_answers_again_leaves_the_outcome_unknown(memory: World, command: Callable[[Database], Answer]) -> None:
    perform(memory.database(), Set(key=K, value=41, ttl=3600))
    for fault in (Lost.BEFORE, Lost.AFTER):
        store = memory.faulty(dict.fromkeys(range(2, 1000), fault))
        with pytest.raises(OutcomeUnknownError):
            command(memory.database(store))
        perform(memory.database(), Set(key=K, value=41, ttl=3600))


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_store_that_never_answers_was_not_written(memory: World, command: Callable[[Database], Answer]) -> None:
    perform(memory.database(), Set(key=K, value=41, ttl=3600))
    before = memory.refs()
    with pytest.raises(UnavailableError):
        command(memory.database(memory.faulty(dict.fromkeys(range(1, 1000), Lost.BEFORE))))
    assert memory.refs() == before


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_write_that_the_server_does_not_want_is_refused(git: World, command: Callable[[Database], Answer]) -> None:
    """A hook that declines is no conflict: the command fails at once with what the server said."""
    perform(git.database(), Set(key=K, value=41, ttl=3600))
    before = git.refs()
    install_hook(git, "update", "#!/bin/sh\necho no writes today >&2\nexit 1\n")
    with pytest.raises(RefusedError) as caught:
        command(git.database())
    assert "hook declined" in caught.value.reason
    assert git.refs() == before


def test_number_keys_are_denied_like_others(memory: World) -> None:
    """A Number that a rival changes is converted from its new value."""
    perform(memory.database(), Set(key=K, value=number("5")))
    store = memory.faulty({2: Rival(lambda: perform(memory.database(), Set(key=K, value=number("50"))))})
    assert perform(memory.database(store), Incr(key=K)).value == 51
