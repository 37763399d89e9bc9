"""Operation ids with a record: whatever becomes of replies, a step that is run again is done once, and answers the same."""

import itertools
import json
from contextlib import suppress
from typing import Any

import pytest

from git_keyval.commands.arrays import Aexpire, Apop, Apush, Aset
from git_keyval.commands.copies import Copy, Rename
from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist
from git_keyval.commands.keyed import Recorded
from git_keyval.commands.maps import Hdel, Hexpire, Hincr, Hpersist, Hset
from git_keyval.commands.values import Append, Del, Getdel, Mset, Set
from git_keyval.database.answers import Answer, said
from git_keyval.database.command import Bound
from git_keyval.database.conditions import Condition
from git_keyval.database.perform import perform
from git_keyval.errors import BoundError, MalformedRecordError, OutcomeUnknownError, UnavailableError
from git_keyval.format.times import SECOND, Micros
from git_keyval.format.values import MAX_VALUE_BYTES, Value, bytes_value, file_value, parse_value
from git_keyval.interface.commands import COMMANDS
from tests.faults import Lost, Rival
from tests.world import World, draft, drafts, key, number, text

A, B, ABSENT, COUNTER, MAP, ARRAY = key("a"), key("b"), key("absent"), key("counter"), key("map"), key("array")
KEYS = [A, B, ABSENT, COUNTER, MAP, ARRAY]
RECORD = key("kv:op:a run")
LATER = Micros(1_900_000_000 * SECOND)

OPERATIONS: dict[str, Recorded[Any]] = {
    "set": Set(key=ABSENT, value=text("new"), condition=Condition("absent"), expires_at=LATER),
    "append": Append(key=A, value=text("+")),
    "del": Del(keys=[A, MAP, ABSENT]),
    "getdel": Getdel(key=COUNTER),
    "mset": Mset(values={A: text("new"), ABSENT: number("7")}, store_key=True),
    "expire": Expire(key=A, expires_at=LATER),
    "persist": Persist(key=B),
    "copy": Copy(key=MAP, to=B),
    "rename": Rename(key=COUNTER, to=ABSENT),
    "hset": Hset(key=MAP, entries=drafts(one="1", three="3"), condition=Condition()),
    "hincr": Hincr(key=ABSENT, field="n", by=3, expires_at=LATER),
    "hdel": Hdel(key=MAP, fields=["one"]),
    "hexpire": Hexpire(key=MAP, fields=["one"], expires_at=LATER),
    "hpersist": Hpersist(key=MAP, fields=["two"]),
    "aset": Aset(key=ARRAY, index=0, element=draft("new")),
    "apush": Apush(key=ARRAY, elements=[draft("x"), draft("y")]),
    "apop": Apop(key=ARRAY, from_="first"),
    "aexpire": Aexpire(key=ARRAY, index=0, expires_at=LATER),
}
every_operation = pytest.mark.parametrize("command", [one.but(record=RECORD) for one in OPERATIONS.values()], ids=OPERATIONS)


def filled(world: World) -> World:
    perform(world.database(), Set(key=A, value=text("a"), store_key=True))
    perform(world.database(), Set(key=B, value=text("b"), ttl=3600))
    perform(world.database(), Set(key=COUNTER, value=5))
    world.plant(COUNTER, 2)
    perform(world.database(), Hset(key=MAP, entries=drafts(one="1")))
    perform(world.database(), Hset(key=MAP, entries=drafts(two="2"), ttl=3600))
    perform(world.database(), Apush(key=ARRAY, elements=[draft("first"), draft("last")]))
    return world


def stable(answer: Answer) -> dict[str, object]:
    """Return what an answer says that does not depend on when it is asked for, nor on a random operation id."""
    return {name: value for name, value in said(answer).items() if name not in {"version", "ttl"}}


def test_every_write_that_remembers_nothing_itself_can_be_recorded() -> None:
    own = {"incr", "decr", "lock", "unlock", "redirect", "batch"} | {"import"}  # which finds what it wrote before, and leaves it
    writing = {name for name, command in COMMANDS.items() if "applied" in command.outputs and not command.maintains}
    assert OPERATIONS.keys() == writing - own - {"assert"}
    assert {name for name, command in COMMANDS.items() if "record" in command.kind.declared} == {*OPERATIONS, "batch"}


@every_operation
def test_an_operation_is_done_once(world: World, command: Recorded[Any]) -> None:
    """For seven days; after them it is another one."""
    plain = filled(world).in_memory()
    expected = perform(plain.database(), command.but(record=None))
    first = perform(world.database(), command)
    assert stable(first) == stable(expected)
    assert world.content(KEYS) == plain.content(KEYS)
    after = world.refs()
    world.clock.advance(60)
    again = perform(world.database(), command)
    assert (stable(again), again.version) == (stable(first), first.version)
    assert world.refs() == after
    assert world.errors() == []


@every_operation
def test_an_operation_takes_no_more_requests(memory: World, command: Recorded[Any]) -> None:
    """Its record is read and written with what it is about; a write that reads nothing has to read."""
    plain, recorded = filled(memory).in_memory().faulty({}), memory.faulty({})
    perform(memory.in_memory().database(plain), command.but(record=None))
    perform(memory.database(recorded), command)
    blind = command.name == "mset" or (command.name == "set" and len(plain.calls) == 1)
    assert len(recorded.calls) == len(plain.calls) + blind


@pytest.mark.parametrize("lost", Lost)
@every_operation
def test_an_operation_that_is_run_again_after_a_lost_reply_is_done_once(memory: World, lost: Lost, command: Recorded[Any]) -> None:
    done = filled(memory).in_memory()
    expected = stable(perform(done.database(), command))
    for turn in itertools.count(1):
        world = memory.in_memory()
        store = world.faulty({turn: lost})
        answer: Answer | None = None
        with suppress(OutcomeUnknownError, UnavailableError):
            answer = perform(world.database(store), command)
        store.arrive()
        assert answer is None or stable(answer) == expected
        assert stable(perform(world.database(), command)) == expected
        assert world.content(KEYS) == done.content(KEYS)
        assert world.errors() == []
        if not store.fired:
            break
    assert turn > 2


@every_operation
def test_of_two_at_once_one_is_done_and_both_answer_the_same(memory: World, command: Recorded[Any]) -> None:
    done = filled(memory).in_memory()
    expected = stable(perform(done.database(), command))
    for turn in itertools.count(1):
        world = memory.in_memory()
        other: list[Answer] = []
        store = world.faulty({turn: Rival(lambda world=world, other=other: other.append(perform(world.database(), command)))})  # type: ignore[misc]
        told = [stable(perform(world.database(store), command)), *map(stable, other)]
        assert told == [expected] * len(told)
        assert world.content(KEYS) == done.content(KEYS)
        if not store.fired:
            break
    assert turn > 2


UNDONE: dict[str, tuple[Bound, Bound]] = {
    "append": (Append(key=A, value=text("+")), Set(key=A, value=text("a"))),
    "apush": (Apush(key=ARRAY, elements=[draft("x")]), Apop(key=ARRAY)),
}


@pytest.mark.parametrize(("command", "undo"), UNDONE.values(), ids=UNDONE)
def test_without_one_nothing_is_sent_again(memory: World, command: Bound, undo: Bound) -> None:
    """Its reply is lost, and a rival would undo it: then all refs would be as they were before."""
    done = filled(memory).in_memory()
    perform(done.database(), command)
    store = memory.faulty({2: Lost.AFTER, 3: Rival(lambda: perform(memory.database(), undo))})
    with pytest.raises(OutcomeUnknownError):
        perform(memory.database(store), command)
    assert memory.content(KEYS) == done.content(KEYS)


# --- what a record holds --------------------------------------------------------------------------------------------

VALUES = [
    text("ü\n::x"),
    number("1.5e3"),
    parse_value("Boolean", "true"),
    parse_value("JSON", '{"a": [1, null]}'),
    bytes_value(b"\x00\xff"),
    file_value(b"\x89PNG", media_type="image/png"),
    2**63 - 1,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.type if isinstance(value, Value) else "counter")
def test_a_value_is_answered_as_it_was(memory: World, value: Value | int) -> None:
    perform(memory.database(), Set(key=A, value=value))
    command = Getdel(key=A, record=RECORD)
    first, again = (perform(memory.database(), command) for _ in range(2))
    assert said(again) == said(first)
    assert isinstance(again.value, Value) == isinstance(value, Value)
    assert not isinstance(again.value, Value) or not isinstance(value, Value) or again.value.data == value.data
    perform(memory.database(), Set(key=B, value=value))
    swap = Set(key=B, value=text("new"), get_old=True, record=key("kv:op:swap"))
    old = [perform(memory.database(), swap).old_value for _ in range(2)]
    assert [one.data if isinstance(one, Value) else one for one in old] == [value.data if isinstance(value, Value) else value] * 2


def test_what_makes_too_large_a_record_is_not_taken(memory: World) -> None:
    perform(memory.database(), Set(key=A, value=bytes_value(bytes(MAX_VALUE_BYTES - 1))))
    with pytest.raises(BoundError):
        perform(memory.database(), Getdel(key=A, record=RECORD))
    assert A.label in memory.content([A])


MALFORMED = [
    "text",
    "[]",
    "5",
    '{"applied": 1}',
    '{"count": true}',
    '{"version": 5}',
    '{"value": 5}',
    '{"value": "x"}',
    '{"value": "x", "type": "number"}',
    '{"value": "x", "type": "bytes"}',
    '{"value": "x", "type": "map"}',
    '{"results": []}',
    '{"expires-at": "2026-01-01"}',
    '{"expires-at": "2026-02-30T00:00:00Z"}',
    "[" * 100_000,
]


@pytest.mark.parametrize("stored", MALFORMED)
def test_what_is_no_record_is_named(memory: World, stored: str) -> None:
    perform(memory.database(), Set(key=RECORD, value=text(stored)))
    with pytest.raises(MalformedRecordError):
        perform(memory.database(), Append(key=A, value=text("x"), record=RECORD))
    assert A.label not in memory.content([A])


def test_what_nobody_knows_yet_is_left_out(memory: World) -> None:
    """A later version may answer more."""
    perform(memory.database(), Set(key=RECORD, value=text(json.dumps({"applied": True, "later": 1}))))
    assert said(perform(memory.database(), Append(key=A, value=text("x"), record=RECORD))) == {"applied": True}


def test_a_record_of_a_counter_is_none(memory: World) -> None:
    """A counter remembers its operations itself: setting it makes no record."""
    perform(memory.database(), Set(key=COUNTER, value=5, op="run12345", record=RECORD))
    perform(memory.database(), Incr(key=COUNTER))
    assert perform(memory.database(), Set(key=COUNTER, value=5, op="run12345", record=RECORD)).applied
    assert memory.content([COUNTER, RECORD])[COUNTER.label].value == "6"
    assert RECORD.label not in memory.content([RECORD])
