"""append: text, or bytes, behind what a key holds."""

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.maps import Hset
from git_keyval.commands.values import Append, Get, Set
from git_keyval.database.answers import Answer
from git_keyval.database.perform import perform
from git_keyval.errors import BoundError, InputError, OutcomeUnknownError, WrongTypeError
from git_keyval.format.values import MAX_VALUE_BYTES, bytes_value
from tests.faults import Lost, Rival
from tests.world import World, drafts, key, number, show, text

K = key()


def appended(world: World, value: str, **faults: object) -> Answer:
    store = world.faulty({int(turn.removeprefix("at_")): fault for turn, fault in faults.items()})  # type: ignore[misc]
    return perform(world.database(store), Append(key=K, value=text(value)))


def held(world: World) -> str:
    return show(perform(world.database(), Get(key=K)).value)


def test_a_value_grows_at_its_end(world: World) -> None:
    first = appended(world, "naïve ")
    assert (first.applied, first.count, first.ttl) == (True, 7, -1)
    second = appended(world, "\N{SNOWMAN}")
    assert (second.count, held(world)) == (10, "naïve \N{SNOWMAN}")
    assert second.version == perform(world.database(), Get(key=K)).version
    assert world.errors() == []


def test_bytes_grow_by_bytes(memory: World) -> None:
    for part in (b"\xff", b"\x00\xfe"):
        perform(memory.database(), Append(key=K, value=bytes_value(part)))
    assert perform(memory.database(), Get(key=K)).value == bytes_value(b"\xff\x00\xfe")


def test_the_lifetime_stays(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("a"), ttl=600))
    before = perform(world.database(), Get(key=K)).expires_at
    assert appended(world, "b").expires_at == before
    world.clock.advance(660)
    assert (appended(world, "c").ttl, held(world)) == (-1, "c")


def test_only_what_is_alike_can_be_appended(world: World) -> None:
    database = world.database()
    for wrong in (number("1"), 5):
        with pytest.raises(InputError, match="string or bytes"):
            perform(database, Append(key=K, value=wrong))
    perform(database, Set(key=K, value=number("1")))
    with pytest.raises(WrongTypeError, match="number"):
        appended(world, "x")
    perform(database, Set(key=K, value=text("x")))
    with pytest.raises(WrongTypeError, match="bytes"):
        perform(database, Append(key=K, value=bytes_value(b"x")))
    perform(database, Incr(key=key("n")))
    with pytest.raises(WrongTypeError, match="counter"):
        perform(database, Append(key=key("n"), value=text("x")))
    perform(database, Hset(key=key("m"), entries=drafts(a="1")))
    with pytest.raises(WrongTypeError, match="hgetall"):
        perform(database, Append(key=key("m"), value=text("x")))


def test_increments_that_wait_are_not_lost_to_text(memory: World) -> None:
    memory.plant(K, 5)
    with pytest.raises(WrongTypeError):
        appended(memory, "x")
    assert held(memory) == "5"


def test_no_value_grows_beyond_what_a_value_may_be(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=text("x" * (MAX_VALUE_BYTES - 1))))
    assert appended(memory, "y").count == MAX_VALUE_BYTES
    with pytest.raises(BoundError):
        appended(memory, "z")


def test_a_version_is_compared(memory: World) -> None:
    version = appended(memory, "a").version
    appended(memory, "b")
    answer = perform(memory.database(), Append(key=K, value=text("c"), if_version=version))
    assert (answer.applied, held(memory)) == (False, "ab")


def test_a_rivals_text_is_kept(world: World) -> None:
    appended(world, "a")
    assert appended(world, "c", at_2=Rival(lambda: appended(world, "b"))).count == 3
    assert held(world) == "abc"


@pytest.mark.parametrize("lost", [Lost.BEFORE, Lost.LATE])
def test_what_a_rival_added_is_not_taken_for_our_own(memory: World, lost: Lost) -> None:
    """It makes the very same value; so nobody knows whose it is."""
    appended(memory, "a")
    with pytest.raises(OutcomeUnknownError):
        appended(memory, "b", at_2=lost, at_3=Rival(lambda: appended(memory, "b")))


def test_a_lost_request_is_never_sent_again(world: World) -> None:
    """That all is as before shows nothing: a rival may have undone it."""
    appended(world, "a")
    with pytest.raises(OutcomeUnknownError):
        appended(world, "b", at_2=Lost.BEFORE)
    assert held(world) == "a"
