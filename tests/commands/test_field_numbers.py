"""hincr: numbers in fields of a map, exactly once where an operation has an id, and never told untruly where it has none."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from git_keyval.commands.expiry import Expire
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.maps import Hdel, Hexpire, Hget, Hgetall, Hincr, Hset, Httl
from git_keyval.commands.transactions import Batch, Item
from git_keyval.commands.values import Append, Del, Set
from git_keyval.database.answers import Answer, said
from git_keyval.database.command import Bound
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import FieldOverflowError, GitKeyvalError, OutcomeUnknownError, UnavailableError, WrongTypeError
from git_keyval.format.canonical import MAX_SAFE_INTEGER
from git_keyval.format.times import SECOND, Micros
from git_keyval.format.values import parse_value
from git_keyval.maintenance.commands import Sweep
from tests.encrypting import cipher
from tests.faults import Fault, Lost, Rival
from tests.world import World, draft, drafts, key, number, text

M, OTHER, RECORD = key("m"), key("other"), key("kv:op:1")
LATER = Micros(1_800_000_000 * SECOND)


def hincr(world: World, field: str = "n", **fields: Any) -> Answer:  # noqa: ANN401  # those of the command
    return perform(world.database(), Hincr(key=M, field=field, **fields))


def fields_of(world: World) -> object:
    return perform(world.database(), Hgetall(key=M)).document


# --- numbers --------------------------------------------------------------------------------------------------------


def test_a_field_is_counted(world: World) -> None:
    answer = hincr(world)
    assert (answer.applied, answer.value, answer.ttl) == (True, 1, -1)
    assert [hincr(world, by=by).value for by in (10, -4)] == [11, 7]
    assert hincr(world, "other").value == 1
    assert fields_of(world) == {"n": 7, "other": 1}
    found = perform(world.database(), Hget(key=M, field="n"))
    assert (found.value, found.type, found.version) == (number("7"), "number", perform(world.database(), Hgetall(key=M)).version)
    assert world.errors() == []


def test_a_field_begins_with_its_first_number(memory: World) -> None:
    assert [hincr(memory, start=100, by=7).value for _ in range(3)] == [100, 107, 114]
    assert hincr(memory, "zero", start=0).value == 0
    perform(memory.database(), Hdel(key=M, fields=["n"]))
    assert hincr(memory, start=-5).value == -5


@pytest.mark.parametrize("held", ["0", "-1", "9999", "10000", "-101", "1e3", "123456789012"])
def test_a_number_that_was_set_is_counted_on(memory: World, held: str) -> None:
    """Whether it is recognised by its oid, or read."""
    perform(memory.database(), Hset(key=M, entries={"n": draft(number(held)), "other": draft(number("1.5"))}))
    assert hincr(memory).value == int(float(held)) + 1


@pytest.mark.parametrize(("held", "by"), [(MAX_SAFE_INTEGER, 1), (-MAX_SAFE_INTEGER, -1), (1, MAX_SAFE_INTEGER), (0, 2**63 - 1)])
def test_a_number_that_cannot_be_held_exactly_is_refused(memory: World, held: int, by: int) -> None:
    perform(memory.database(), Hset(key=M, entries={"n": draft(number(str(held)))}))
    before = memory.refs()
    with pytest.raises(FieldOverflowError):
        hincr(memory, by=by)
    with pytest.raises(FieldOverflowError):
        hincr(memory, "new", start=MAX_SAFE_INTEGER + 1)
    assert memory.refs() == before
    assert hincr(memory, by=-1 if by > 0 else 1).value == held - (1 if by > 0 else -1)


def test_a_number_comes_back_from_beyond(memory: World) -> None:
    perform(memory.database(), Hset(key=M, entries={"n": draft(number("1e18"))}))
    with pytest.raises(FieldOverflowError):
        hincr(memory, by=-1)
    assert hincr(memory, by=-(10**18)).value == 0


JSON = partial(parse_value, "JSON")
UNCOUNTABLE: dict[str, Callable[[World], object]] = {
    "a fraction": lambda world: perform(world.database(), Hset(key=M, entries={"n": draft(number("1.5"))})),
    "text": lambda world: perform(world.database(), Hset(key=M, entries=drafts(n="1"))),
    "other fields are text": lambda world: perform(world.database(), Hset(key=M, entries=drafts(other="1"))),
    "JSON that is text": lambda world: perform(world.database(), Hset(key=M, entries={"n": draft(JSON('"1"'))})),
    "JSON that is a list": lambda world: perform(world.database(), Hset(key=M, entries={"n": draft(JSON("[1]"))})),
    "JSON that is true": lambda world: perform(world.database(), Hset(key=M, entries={"n": draft(JSON("true"))})),
    "no map": lambda world: perform(world.database(), Set(key=M, value=number("1"))),
    "a counter": lambda world: perform(world.database(), Set(key=M, value=1)),
}


@pytest.mark.parametrize("name", UNCOUNTABLE)
def test_what_is_no_whole_number_is_not_counted_on(memory: World, name: str) -> None:
    UNCOUNTABLE[name](memory)
    before = memory.refs()
    with pytest.raises(WrongTypeError):
        hincr(memory)
    assert memory.refs() == before


def test_a_map_of_json_counts_too(memory: World) -> None:
    perform(memory.database(), Hset(key=M, entries={"name": draft(JSON('"x"')), "n": draft(JSON("41"))}))
    assert [hincr(memory).value, hincr(memory, "new").value] == [42, 1]
    assert fields_of(memory) == {"name": "x", "n": 42, "new": 1}


def test_a_map_whose_fields_have_all_expired_becomes_one_of_numbers(memory: World) -> None:
    perform(memory.database(), Hset(key=M, entries=drafts(n="text"), ttl=60))
    memory.clock.advance(60)
    assert hincr(memory, "count").value == 1
    assert fields_of(memory) == {"count": 1}
    assert memory.errors() == []


def test_a_map_that_has_expired_begins_anew(memory: World) -> None:
    hincr(memory, by=5)
    perform(memory.database(), Expire(key=M, ttl=60))
    memory.clock.advance(60)
    assert hincr(memory).value == 1
    assert fields_of(memory) == {"n": 1}


def test_encrypted_fields_are_counted(memory: World) -> None:
    memory.cipher = cipher("first")
    sealed: Key = Key.of("m", text("m"), memory.cipher)
    command = Hincr(key=sealed, field="n", by=3)
    assert [perform(memory.database(), command).value for _ in range(3)] == [3, 6, 9]
    assert perform(memory.database(), Hgetall(key=sealed)).document == {"n": 9}
    assert memory.errors() == []


# --- lifetimes ------------------------------------------------------------------------------------------------------


def left(world: World, field: str = "n") -> int | None:
    return perform(world.database(), Httl(key=M, field=field)).ttl


def test_a_field_has_the_lifetime_that_it_is_given_last(world: World) -> None:
    assert hincr(world, ttl=600).ttl == left(world) == 600
    world.clock.advance(60)
    assert hincr(world, keep_ttl=True).ttl == left(world) == 540
    assert hincr(world, ttl=600).ttl == left(world) == 600
    assert hincr(world).ttl == left(world) == -1
    assert hincr(world, keep_ttl=True).ttl == left(world) == -1
    assert hincr(world, expires_at=LATER).expires_at == LATER // SECOND
    assert hincr(world, "other", keep_ttl=True).ttl == -1
    assert world.errors() == []


def test_a_field_that_has_expired_begins_anew(memory: World) -> None:
    hincr(memory, "stays")
    hincr(memory, by=5, ttl=60)
    memory.clock.advance(60)
    answer = hincr(memory, keep_ttl=True)
    assert (answer.value, answer.ttl, left(memory)) == (1, -1, -1)
    hincr(memory, by=4, ttl=60)
    memory.clock.advance(120)
    assert hincr(memory, start=5, ttl=60).value == 5
    assert left(memory) in range(60, 121)
    assert memory.errors() == []


def test_its_key_is_stored_if_asked_for(memory: World) -> None:
    hincr(memory, store_key=True)
    assert perform(memory.database(), Keys()).document == ["m"]


# --- rivals ---------------------------------------------------------------------------------------------------------


def end(world: World) -> None:
    perform(world.database(), Hexpire(key=M, fields=["n"], ttl=60))
    world.clock.advance(60)
    Sweep().run(world.maintenance())


RIVALS: dict[str, tuple[Callable[[World], object], int]] = {
    "the same field": (lambda world: hincr(world, by=100), 111),
    "another field": (lambda world: hincr(world, "other"), 11),
    "hset": (lambda world: perform(world.database(), Hset(key=M, entries={"n": draft(number("50"))})), 51),
    "hdel": (lambda world: perform(world.database(), Hdel(key=M, fields=["n"])), 1),
    "hexpire": (lambda world: perform(world.database(), Hexpire(key=M, fields=["n"], ttl=600)), 11),
    "del": (lambda world: perform(world.database(), Del(keys=[M])), 1),
    "its end": (end, 1),
}


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_before_the_write_is_counted_with(world: World, name: str) -> None:
    """Whatever it did, and whether it moved the map or the lifetime of the field."""
    hincr(world, by=10)
    act, expected = RIVALS[name]
    store = world.faulty({_write(world): Rival(lambda: act(world))})
    assert perform(world.database(store), Hincr(key=M, field="n")).value == expected
    assert len(store.fired) == 1
    found = perform(world.database(), Hget(key=M, field="n"))
    assert (found.value, found.ttl) == (number(str(expected)), -1)
    assert world.errors() == []


def _write(world: World) -> int:
    copy = world.in_memory()
    return _writes(copy, Hincr(key=M, field="n"))[0]


def _writes(world: World, command: Bound) -> list[int]:
    store = world.faulty({})
    perform(world.database(store), command)
    return [call.number for call in store.calls if call.verb == "apply"]


# --- lost replies ---------------------------------------------------------------------------------------------------

PLAIN: dict[str, Hincr] = {
    "a field that is there": Hincr(key=M, field="n", by=3, expires_at=LATER),
    "a new field": Hincr(key=M, field="new", by=3, keep_ttl=True),
    "a new map": Hincr(key=OTHER, field="new", by=3, start=0),
    "what has expired": Hincr(key=M, field="gone", by=3, store_key=True),
}
COMMANDS: dict[str, Bound] = {
    **PLAIN,
    **{f"{name}, once": command.but(record=RECORD) for name, command in PLAIN.items()},
    "an item": Batch(
        items=[
            Item("1", PLAIN["a field that is there"], Hincr.outputs),
            Item("2", Append(key=OTHER, value=text("x")), Append.outputs),
        ]
    ),
    "an item, once": Batch(items=[Item("1", PLAIN["a field that is there"], Hincr.outputs)], record=RECORD),
    "an item that is done once": Batch(
        items=[
            Item("1", PLAIN["a new field"].but(record=RECORD).form(), Hincr.outputs),
            Item("2", Set(key=OTHER, value=text("x")), Set.outputs),
        ]
    ),
}
KEYS = [M, OTHER]


def filled(world: World) -> World:
    hincr(world, "gone", by=7, ttl=60)
    world.clock.advance(60)
    hincr(world, by=10)
    return world


@pytest.mark.parametrize("lost", Lost)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_lost_reply_at_every_request(memory: World, name: str, lost: Lost) -> None:
    """It counts once, or not at all; who is told that it counted is told the truth, and with an id it is always known."""
    before, done = filled(memory).content(KEYS), memory.in_memory()
    expected = perform(done.database(), COMMANDS[name])
    after, told = done.content(KEYS), set[str]()
    for turn in itertools.count(1):
        world = memory.in_memory()
        store = world.faulty({turn: lost})
        answer: Answer | None = None
        try:
            answer = perform(world.database(store), COMMANDS[name])
        except OutcomeUnknownError:
            told.add("unknown")
        except UnavailableError:
            store.arrive()
            assert world.content(KEYS) == before
        store.arrive()
        assert world.content(KEYS) in (before, after)
        if answer is not None:
            told.add("done")
            assert world.content(KEYS) == after
            assert _stable(said(answer)) == _stable(said(expected))
        if "once" in name:
            perform(world.database(), COMMANDS[name])
            assert world.content(KEYS) == after
        assert world.errors() == []
        if not store.fired:
            break
    assert told == ({"done"} if "once" in name else {"done", "unknown"})


def _stable(told: object) -> object:
    if not isinstance(told, dict):
        return told
    return {name: _stable(value) for name, value in told.items() if name not in {"version", "ttl"}}


@pytest.mark.parametrize("lost", Lost)
def test_what_a_rival_has_undone_is_not_done_twice(memory: World, lost: Lost) -> None:
    """The map is as it was before: nothing shows whether it was applied, and so it is not sent again."""
    filled(memory)
    (write,) = _writes(memory.in_memory(), Hincr(key=M, field="n"))
    faults: dict[int, Fault] = {write: lost, write + 1: Rival(lambda: hincr(memory, by=-1))}
    store = memory.faulty(faults)
    with pytest.raises(OutcomeUnknownError):
        perform(memory.database(store), Hincr(key=M, field="n"))
    assert [call.number for call in store.calls if call.verb == "apply"] == [write]
    store.arrive()
    assert perform(memory.database(), Hget(key=M, field="n")).value in {number("10"), number("11")}


@pytest.mark.parametrize("lost", Lost)
def test_with_an_id_a_rival_may_undo_it(memory: World, lost: Lost) -> None:
    filled(memory)
    once = Hincr(key=M, field="n", record=RECORD)
    (write,) = _writes(memory.in_memory(), once)
    faults: dict[int, Fault] = {write: lost, write + 1: Rival(lambda: hincr(memory, by=-1))}
    answer = perform(memory.database(memory.faulty(faults)), once)
    value = said(answer)["value"]
    assert value == ("11" if lost is Lost.AFTER else value)
    assert perform(memory.database(), Hget(key=M, field="n")).value == number("10")
    assert said(perform(memory.database(), once))["value"] == value


# --- operations -----------------------------------------------------------------------------------------------------


def test_the_same_operation_counts_once(world: World) -> None:
    first = hincr(world, by=5, record=RECORD, ttl=600)
    hincr(world)
    before = world.refs()
    again = hincr(world, by=5, record=RECORD, ttl=600)
    assert (said(again)["value"], said(again)) == ("5", said(first))
    assert world.refs() == before
    world.clock.advance(8 * 86_400)
    assert said(hincr(world, by=5, record=RECORD))["value"] == "11"


def test_of_two_runs_of_one_operation_one_counts(memory: World) -> None:
    once = Hincr(key=M, field="n", record=RECORD)
    for turn in range(1, 5):
        world = memory.in_memory()
        store = world.faulty({turn: Rival(partial(perform, world.database(), once))})
        assert said(perform(world.database(store), once))["value"] == "1"
        assert fields_of(world) == {"n": 1}


def test_what_cannot_be_counted_is_not_recorded(memory: World) -> None:
    perform(memory.database(), Hset(key=M, entries=drafts(n="text")))
    with pytest.raises(GitKeyvalError):
        hincr(memory, record=RECORD)
    perform(memory.database(), Del(keys=[M]))
    assert hincr(memory, record=RECORD).value == 1
