"""incr, decr, and set of a counter: numbers, types, range, and operation ids."""

import pytest

from git_keyval.commands.counters import Decr, Incr
from git_keyval.commands.values import Get, Mset, Set, Type
from git_keyval.database.answers import Answer
from git_keyval.database.perform import perform
from git_keyval.errors import CounterOverflowError, WrongTypeError
from git_keyval.format.counters import INT64_MAX, INT64_MIN, RECENT_OPERATIONS
from git_keyval.format.values import Value, bytes_value, parse_value
from tests.world import World, key, number, show, text

K = key()


def value_of(world: World) -> str:
    return show(perform(world.database(), Get(key=K)).value)


def test_an_absent_counter_begins_at_zero(world: World) -> None:
    database = world.database()
    first = perform(database, Incr(key=K))
    assert first == Answer(applied=True, value=1, pending=False, version=perform(database, Get(key=K)).version)
    assert perform(database, Incr(key=K, by=10)).value == 11
    assert perform(database, Decr(key=K, by=4)).value == 7
    assert perform(database, Decr(key=K, by=-1)).value == 8
    assert perform(database, Incr(key=K, by=-20)).value == -12
    assert perform(database, Get(key=K)).value == -12
    assert perform(database, Type(key=K)).type == "counter"
    assert world.errors() == []


def test_every_increment_makes_a_version_of_its_own(memory: World) -> None:
    """Two clients that go from 4 to 5 must never make the same commit, or one increment would be lost."""
    database = memory.database()
    versions = [perform(database, Incr(key=K, by=1 if step % 2 else -1)).version for step in range(6)]
    assert len(set(versions)) == 6


def test_counters_of_different_keys_are_apart(memory: World) -> None:
    database = memory.database()
    perform(database, Incr(key=key("a")))
    perform(database, Incr(key=key("b"), by=5))
    assert [perform(database, Get(key=key(label))).value for label in "ab"] == [1, 5]


def test_a_set_value_is_counted_on(world: World) -> None:
    database = world.database()
    answer = perform(database, Set(key=K, value=41))
    assert (answer.applied, answer.ttl, answer.expires_at) == (True, -1, None)
    assert answer.version == perform(database, Get(key=K)).version
    assert perform(database, Incr(key=K)).value == 42
    assert perform(database, Set(key=K, value=-3)).applied is True
    assert perform(database, Decr(key=K)).value == -4
    assert world.errors() == []


def test_the_same_value_may_be_set_again(memory: World) -> None:
    database = memory.database()
    first, second = (perform(database, Set(key=K, value=5)) for _ in range(2))
    assert second.applied is True
    assert first.version != second.version
    assert value_of(memory) == "5"


@pytest.mark.parametrize("old", [41, text("v"), number("41")], ids=["counter", "string", "number"])
@pytest.mark.parametrize("new", [7, text("7"), number("7")], ids=["counter", "string", "number"])
def test_set_replaces_a_value_of_any_type(memory: World, old: Value | int, new: Value | int) -> None:
    """SET of a counter over a string, and of a string over a counter, leaves nothing of what was there."""
    database = memory.database()
    perform(database, Set(key=K, value=old))
    memory.clock.advance(1)
    memory.plant(K, 3)
    memory.clock.advance(1)
    perform(database, Set(key=K, value=new))
    assert perform(database, Get(key=K)).value == new
    memory.clock.advance(1)
    assert memory.errors() == []


@pytest.mark.parametrize("written", ["41", "41.0", "4.1e1", "-0", "-9007199254740991", "1e18"])
def test_a_whole_number_becomes_a_counter_by_its_first_incr(memory: World, written: str) -> None:
    database = memory.database()
    perform(database, Set(key=K, value=number(written), ttl=600))
    answer = perform(database, Incr(key=K))
    assert answer.value == int(float(written)) + 1
    assert perform(database, Get(key=K)).type == "counter"
    assert perform(database, Get(key=K)).ttl == 600
    assert perform(database, Incr(key=K)).value == int(float(written)) + 2


@pytest.mark.parametrize("by_op", [False, True], ids=["", "same op"])
def test_a_number_that_became_a_counter_voids_older_breadcrumbs(memory: World, *, by_op: bool) -> None:
    """Breadcrumbs of a key that holds no counter are void, and stay so."""
    database = memory.database()
    perform(database, Set(key=K, value=number("10")))
    memory.plant(K, 100, op="oldoperation")
    assert perform(database, Get(key=K)).value == number("10")
    assert perform(database, Incr(key=K, op="firstincrement" if by_op else "")).value == 11
    if by_op:
        assert perform(database, Incr(key=K, op="firstincrement")).value == 11
    assert value_of(memory) == "11"
    assert memory.errors() == []


@pytest.mark.parametrize(
    ("held", "name"),
    [
        (text("5"), "string"),
        (text(""), "string"),
        (number("1.5"), "number"),
        (parse_value("Boolean", "true"), "boolean"),
        (parse_value("JSON", "5"), "json"),
        (bytes_value(b"5"), "bytes"),
    ],
    ids=str,
)
def test_what_is_no_whole_number_is_not_counted_on(memory: World, held: Value, name: str) -> None:
    database = memory.database()
    perform(database, Set(key=K, value=held))
    before = memory.refs()
    with pytest.raises(WrongTypeError) as caught:
        perform(database, Incr(key=K))
    assert caught.value.held == name
    assert memory.refs() == before


def test_a_number_beyond_the_range_of_a_counter_is_not_counted_on(memory: World) -> None:
    database = memory.database()
    perform(database, Set(key=K, value=number("1e30")))
    before = memory.refs()
    with pytest.raises(CounterOverflowError):
        perform(database, Incr(key=K))
    assert memory.refs() == before


@pytest.mark.parametrize(("start", "step"), [(INT64_MAX, 1), (INT64_MIN, -1), (INT64_MAX - 1, 2), (-2, INT64_MIN + 1)])
def test_a_counter_does_not_leave_the_64_bit_range(memory: World, start: int, step: int) -> None:
    """Overflow is an error, and nothing is written."""
    database = memory.database()
    perform(database, Set(key=K, value=start))
    before = memory.refs()
    for contention in ("retry", "breadcrumb"):
        with pytest.raises(CounterOverflowError):
            perform(database, Incr(key=K, by=step, contention=contention))
    assert memory.refs() == before
    assert perform(database, Incr(key=K, by=-step)).value == start - step


def test_a_counter_reaches_both_ends_of_its_range(memory: World) -> None:
    database = memory.database()
    perform(database, Set(key=K, value=INT64_MAX - 1))
    assert perform(database, Incr(key=K)).value == INT64_MAX
    assert perform(database, Incr(key=K, by=-INT64_MAX)).value == 0
    perform(database, Set(key=K, value=INT64_MIN + 1))
    assert perform(database, Decr(key=K)).value == INT64_MIN
    assert memory.errors() == []


def test_a_sum_beyond_the_range_is_shown_and_not_written(memory: World) -> None:
    """A read shows the sum as it is; a write that would store it is an error."""
    database = memory.database()
    perform(database, Set(key=K, value=INT64_MAX))
    memory.clock.advance(1)
    memory.plant(K, 5)
    before = memory.refs()
    assert value_of(memory) == str(INT64_MAX + 5)
    with pytest.raises(CounterOverflowError):
        perform(database, Incr(key=K))
    assert memory.refs() == before


# --- operation ids --------------------------------------------------------------------------------------------------


def test_the_same_operation_counts_once(world: World) -> None:
    """A step that is run again under the same op-id gets the number it was given, and changes nothing."""
    database = world.database()
    first = perform(database, Incr(key=K, by=5, op="deploy42"))
    perform(database, Incr(key=K))
    before = world.refs()
    again = perform(database, Incr(key=K, by=5, op="deploy42"))
    assert (again.applied, again.value, again.pending) == (True, first.value, False)
    assert perform(database, Decr(key=K, by=1, op="deploy42")).value == 5
    assert world.refs() == before


def test_the_same_operation_counts_once_per_counter(memory: World) -> None:
    database = memory.database()
    perform(database, Incr(key=key("a"), op="deploy42"))
    assert perform(database, Incr(key=key("b"), op="deploy42")).value == 1
    assert perform(database, Get(key=key("b"))).value == 1


def test_operations_without_an_id_all_count(memory: World) -> None:
    database = memory.database()
    for _ in range(3):
        perform(database, Incr(key=K))
    assert value_of(memory) == "3"


def test_a_set_under_the_same_operation_is_made_once(memory: World) -> None:
    database = memory.database()
    first = perform(database, Set(key=K, value=5, ttl=600, op="release1"))
    perform(database, Incr(key=K))
    before = memory.refs()
    again = perform(database, Set(key=K, value=5, ttl=600, op="release1"))
    assert (again.applied, again.ttl) == (first.applied, first.ttl)
    assert memory.refs() == before
    assert value_of(memory) == "6"


def test_an_operation_is_remembered_for_127_further_ones_and_not_for_ever(memory: World) -> None:
    """Idempotence by op-id reaches back 128 operations of that counter."""
    database = memory.database()
    perform(database, Incr(key=K, op="deploy42"))
    for _ in range(RECENT_OPERATIONS - 1):
        perform(database, Incr(key=K))
    assert perform(database, Incr(key=K, op="deploy42")).value == 1
    assert value_of(memory) == "128"
    perform(database, Incr(key=K))
    assert perform(database, Incr(key=K, op="deploy42")).value == 130


def test_set_keeps_the_memory_of_operations(memory: World) -> None:
    """SET carries `recent` on: an increment from before it, run again after it, still counts once."""
    database = memory.database()
    perform(database, Incr(key=K, op="deploy42"))
    perform(database, Set(key=K, value=100))
    assert perform(database, Incr(key=K, op="deploy42")).value == 1
    assert value_of(memory) == "100"


def test_another_value_in_between_ends_the_memory(memory: World) -> None:
    """The memory belongs to the counter: a key that held something else meanwhile begins anew."""
    database = memory.database()
    perform(database, Incr(key=K, op="deploy42"))
    perform(database, Mset(values={K: number("10")}))
    assert perform(database, Incr(key=K, op="deploy42")).value == 11
