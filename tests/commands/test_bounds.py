"""What commands and jobs do with a record that has no successor: it is refused by name, and left as it is."""

from collections.abc import Callable

import pytest

from git_keyval.commands.arrays import Apush, Arange, Aset
from git_keyval.commands.counters import Incr
from git_keyval.commands.locks import MAX_FENCE, Lock, Unlock
from git_keyval.commands.maps import Hget
from git_keyval.commands.values import Del, Get, Set
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.errors import BoundError, IndexOutOfRangeError
from git_keyval.format.canonical import MAX_SAFE_INTEGER
from git_keyval.format.counters import Counter, encode_counter
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import Naming
from git_keyval.maintenance.commands import Gather
from tests.contract.samples import Sample
from tests.elements import apply, written
from tests.world import World, draft, key, text

K = key("k")
VALUE = Naming().value(K.id)


def put_counter(world: World, seq: int) -> None:
    world.put(VALUE, Sample((*DUMMY_OBJECTS, encode_counter(Counter(7, "operation", seq, (("operation", 7),))))))


COMMANDS: dict[str, Callable[[Database], object]] = {
    "incr": lambda database: perform(database, Incr(key=K)),
    "set of a counter": lambda database: perform(database, Set(key=K, value=1)),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_counter_that_has_counted_all_it_can_is_left_as_it_is(world: World, name: str) -> None:
    put_counter(world, MAX_SAFE_INTEGER)
    before = world.refs()
    with pytest.raises(BoundError, match=r"\(seq\) cannot be larger than 9007199254740991"):
        COMMANDS[name](world.database())
    assert world.refs() == before
    assert perform(world.database(), Get(key=K)).value == 7
    perform(world.database(), Del(keys=[K]))  # as the error says
    COMMANDS[name](world.database())


def test_a_counter_counts_up_to_its_bound(world: World) -> None:
    put_counter(world, MAX_SAFE_INTEGER - 1)
    assert perform(world.database(), Incr(key=K)).value == 8
    assert world.errors() == []
    with pytest.raises(BoundError):
        perform(world.database(), Incr(key=K))


def test_gather_leaves_a_counter_at_its_bound_alone_while_others_go_on(world: World) -> None:
    put_counter(world, MAX_SAFE_INTEGER)
    perform(world.database(), Incr(key=key("other")))
    world.clock.advance(1)
    stuck = world.plant(K, 5)
    world.plant(key("other"), 5)
    world.clock.advance(3_600)
    (job,) = Gather().run(world.maintenance()).jobs
    assert [(left.ref, left.why) for left in job.plan.left] == [
        (stuck, "the number of operations of a counter (seq) cannot be larger than 9007199254740991")
    ]
    assert perform(world.database(), Get(key=key("other"))).value == 6
    assert perform(world.database(), Get(key=K)).value == 12


def test_a_lock_that_was_taken_as_often_as_can_be_written_is_refused(world: World) -> None:
    apply(world, written(K, {"fence": str(MAX_FENCE - 1)}))
    assert perform(world.database(), Lock(key=K, owner="a", ttl=60)).fence == MAX_FENCE
    assert perform(world.database(), Lock(key=K, owner="a", ttl=90)).fence == MAX_FENCE
    assert perform(world.database(), Unlock(key=K, owner="a")).applied is True
    with pytest.raises(BoundError, match="fence of a lock cannot be larger than 9999999999999999999"):
        perform(world.database(), Lock(key=K, owner="b", ttl=60))
    assert perform(world.database(), Hget(key=K, field="fence")).value == text(str(MAX_FENCE))
    perform(world.database(), Del(keys=[K]))  # as the error says
    assert perform(world.database(), Lock(key=K, owner="b", ttl=60)).fence == 1


def test_an_array_that_cannot_be_longer_is_refused(world: World) -> None:
    apply(world, written(K, {}, length=MAX_SAFE_INTEGER - 1))
    assert perform(world.database(), Apush(key=K, elements=[draft("x")])).count == MAX_SAFE_INTEGER
    before = world.refs()
    with pytest.raises(BoundError, match="length of an array cannot be larger than 9007199254740991"):
        perform(world.database(), Apush(key=K, elements=[draft("y")]))
    assert world.refs() == before
    assert perform(world.database(), Aset(key=K, index=-1, element=draft("z"))).applied is True
    assert perform(world.database(), Arange(key=K, start=-1)).document == ["z"]
    with pytest.raises(IndexOutOfRangeError):
        perform(world.database(), Aset(key=K, index=MAX_SAFE_INTEGER, element=draft("z")))
