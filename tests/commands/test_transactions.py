"""batch and assert: several commands see one read and make one write, all of it or nothing."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial

import pytest

from git_keyval.commands.arrays import Alen, Apop, Apush, Arange
from git_keyval.commands.copies import Copy, Rename
from git_keyval.commands.counters import Decr, Incr
from git_keyval.commands.expiry import Expire, Persist
from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hdel, Hexpire, Hget, Hgetall, Hincr, Hset
from git_keyval.commands.transactions import Assert, Batch, Item
from git_keyval.commands.values import Append, Del, Exists, Get, Getdel, Mget, Set
from git_keyval.database.answers import Answer, said
from git_keyval.database.command import Bound
from git_keyval.database.conditions import Condition
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.database.transaction import perform_each
from git_keyval.errors import (
    ConditionNotMetError,
    ContentionError,
    CounterOverflowError,
    FieldOverflowError,
    GitKeyvalError,
    ItemFailedError,
    OutcomeUnknownError,
    UnavailableError,
    WrongTypeError,
)
from git_keyval.format.canonical import MAX_DEPTH, JsonValue
from git_keyval.format.counters import MAX_TAKEN
from git_keyval.format.names import DEFAULT_NAMING
from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND, Micros
from git_keyval.format.values import Value, parse_value
from git_keyval.maintenance.commands import Sweep
from git_keyval.store.port import Capabilities, Depth, Outcome, Selection, Snapshot, Store, Transaction
from tests.around import StoreAround
from tests.commands.stores import TornReads
from tests.faults import Call, Lost, Rival
from tests.replacing import replace
from tests.world import World, draft, drafts, key, number, text

A, B, C = key("a"), key("b"), key("c")
COUNTER, OTHER = key("counter"), key("other counter")
ABSENT = key("absent")
MAP, ARRAY, LOCK, NUMBER, GONE = key("map"), key("array"), key("lock"), key("number"), key("gone")
LEASE = Micros(1_800_000_000 * SECOND)
KEYS = [A, B, C, COUNTER, OTHER, MAP, ARRAY, LOCK, NUMBER, GONE, ABSENT]


def items(*commands: Bound) -> list[Item]:
    return [Item(str(place), command.form(), command.outputs) for place, command in enumerate(commands, start=1)]


def batch(*commands: Bound, on_failed: str = "ok") -> Batch:
    return Batch(items=items(*commands), on_failed=on_failed)


def filled(world: World) -> World:
    """Fill a database, with a breadcrumb that waits, and a key that has expired."""
    perform(world.database(), Set(key=A, value=text("a")))
    perform(world.database(), Set(key=B, value=text("b"), ttl=600))
    perform(world.database(), Set(key=GONE, value=text("gone"), ttl=60))
    perform(world.database(), Set(key=NUMBER, value=number("7.5")))
    perform(world.database(), Incr(key=COUNTER, by=10))
    perform(world.database(), Incr(key=OTHER, by=20))
    perform(world.database(), Hset(key=MAP, entries=drafts(one="1", two="2")))
    perform(world.database(), Apush(key=ARRAY, elements=[draft("first")]))
    perform(world.database(), Apush(key=ARRAY, elements=[draft("last")]))
    world.clock.advance(120)
    world.plant(COUNTER, 5)
    return world


def results(answer: Answer) -> list[Mapping[str, JsonValue]]:
    assert answer.results is not None
    return [result for result in answer.results.values() if isinstance(result, dict)]


# --- one read, one write --------------------------------------------------------------------------------------------


def test_commands_of_every_kind_are_one_transaction(world: World) -> None:
    filled(world)
    store = world.faulty({})
    answer = perform(
        world.database(store),
        batch(
            Set(key=A, value=text("new"), keep_ttl=True),
            Getdel(key=B),
            Incr(key=COUNTER),
            Decr(key=OTHER, by=2),
            Hset(key=MAP, entries=drafts(three="3")),
            Apop(key=ARRAY),
            Lock(key=LOCK, owner="me", ttl=300),
            Expire(key=NUMBER, ttl=300),
            Set(key=C, value=7),
        ),
    )
    assert (answer.applied, answer.failed) == (True, "")
    assert [call.verb for call in store.calls if call.verb == "apply"] == ["apply"]
    told = results(answer)
    assert [result["applied"] for result in told] == [True] * 9
    assert [told[place].get("value") for place in (1, 2, 3, 5)] == ["b", "16", "18", "last"]
    shown = world.content(KEYS)
    assert {label: one.value for label, one in shown.items()} == {
        "a": "new",
        "c": "7",
        "counter": "16",
        "other counter": "18",
        "map": '[{"one": ["1", null], "three": ["3", null], "two": ["2", null]}, 0]',
        "array": '[{"0": ["first", null]}, 1]',
        "lock": shown["lock"].value,
        "number": "7.5",
    }
    assert perform(world.database(), Unlock(key=LOCK, owner="me")).applied
    assert not [name for name in world.breadcrumbs() if name.startswith(DEFAULT_NAMING.breadcrumbs(COUNTER.id))]
    assert world.errors() == []


def test_every_command_sees_what_was_there_before(world: World) -> None:
    filled(world)
    answer = perform(
        world.database(),
        batch(
            Set(key=A, value=text("new")), Get(key=A), Incr(key=COUNTER), Get(key=COUNTER), Exists(keys=[A, C]), Mget(keys=[A, B])
        ),
    )
    assert [result.get("value") for result in results(answer)[1:4]] == ["a", "16", "15"]
    assert results(answer)[4]["count"] == 1
    assert results(answer)[5]["json"] == {"a": "a", "b": "b"}


def test_a_result_has_what_the_command_answers(memory: World) -> None:
    filled(memory)
    commands: list[Bound] = [
        Get(key=B),
        Get(key=C),
        Hget(key=MAP, field="one"),
        Hgetall(key=MAP),
        Alen(key=ARRAY),
        Arange(key=ARRAY),
    ]
    together = results(perform(memory.database(), batch(*commands)))
    alone = [results(perform(memory.database(), batch(command)))[0] for command in commands]
    assert together == alone
    assert together[0]["ttl"] == 480
    assert together[0]["expires-at"]
    assert together[1] == {"found": False, "ttl": -2}
    assert (together[2]["value"], together[3]["json"], together[5]["json"]) == ("1", {"one": "1", "two": "2"}, ["first", "last"])


def test_a_default_and_a_key_that_is_required(memory: World) -> None:
    one = Item("one", Get(key=C), Get.outputs, default="none")
    two = Item("two", Get(key=C), Get.outputs, required=True)
    answer = perform(memory.database(), Batch(items=[one, *items(Set(key=A, value=text("a")))]))
    assert (answer.applied, results(answer)[0]["value"]) == (True, "none")
    answer = perform(memory.database(), Batch(items=[two, *items(Set(key=A, value=text("b")))]))
    assert (answer.applied, answer.failed) == (False, "two")
    assert memory.content([A])["a"].value == "a"


def test_reads_alone_write_nothing(world: World) -> None:
    filled(world)
    before, store = world.refs(), world.faulty({})
    assert perform(
        world.database(store), batch(Get(key=A), Hgetall(key=MAP), Assert(key=A, condition=Condition("present")))
    ).applied
    assert world.refs() == before
    assert {call.verb for call in store.calls} <= {"read", "objects"}


def test_keys_are_copied_and_renamed_with_others(world: World) -> None:
    """Encrypted or not, what is read of some does not disturb what is read of others."""
    perform(filled(world).database(), Hset(key=MAP, entries=drafts(lives="3"), ttl=600))
    before = world.content(KEYS)
    commands: list[Bound] = [
        Copy(key=MAP, to=C),
        Rename(key=COUNTER, to=LOCK),
        Copy(key=B, to=GONE),
        Del(keys=[ARRAY]),
        Hset(key=key("n"), entries=drafts(a="1")),
    ]
    answer = perform(world.database(), batch(*commands))
    assert [result["applied"] for result in results(answer)] == [True] * 5
    after = world.content([*KEYS, key("n")])
    assert (after["c"], after["lock"], after["gone"]) == (before["map"], before["counter"], before["b"])
    assert not {"counter", "array"} & after.keys()
    assert after["map"] == before["map"]
    assert world.errors() == []


def test_a_deletion_takes_everything_along(world: World) -> None:
    perform(filled(world).database(), Hset(key=MAP, entries=drafts(one="1"), ttl=300))
    answer = perform(world.database(), batch(Del(keys=[A, MAP, C, GONE]), Incr(key=COUNTER)))
    assert [result.get("count") for result in results(answer)] == [2, None]
    assert not {A.label, MAP.label} & world.content(KEYS).keys()
    assert not {DEFAULT_NAMING.value(MAP.id), DEFAULT_NAMING.value(A.id)} & world.refs().keys()
    assert not [name for name in world.refs() if name.startswith(DEFAULT_NAMING.element_expiries(MAP.id))]


def test_a_counter_with_more_breadcrumbs_than_one_may_fold(memory: World) -> None:
    perform(memory.database(), Incr(key=COUNTER))
    memory.plant_many(COUNTER, MAX_TAKEN + 10)
    answer = perform(memory.database(), batch(Incr(key=COUNTER), Set(key=A, value=text("a"))))
    assert results(answer)[0]["value"] == str(MAX_TAKEN + 12)


OP = "sameoperation"


def test_an_increment_that_has_left_its_breadcrumb_before(memory: World) -> None:
    """By a step of its own, under the same operation id: it is folded, in a write of its own where it has to be moved first."""
    perform(memory.database(), Set(key=COUNTER, value=1))
    once = batch(Incr(key=COUNTER, by=5, op=OP), Set(key=A, value=text("a")))
    for ago, counted in ((0, 6), (3600, 6)):
        world = memory.in_memory()
        world.plant(COUNTER, 5, ago=ago, op=OP)
        assert results(perform(world.database(), once))[0]["value"] == str(counted)
        assert {label: one.value for label, one in world.content([A, COUNTER]).items()} == {"a": "a", "counter": "6"}
        assert not [name for name in world.breadcrumbs() if name.endswith(OP)]


@pytest.mark.parametrize(("held", "error"), [(text("x"), WrongTypeError), (2**63 - 1, CounterOverflowError)])
def test_one_whose_breadcrumb_cannot_count_keeps_the_others_from_it(
    memory: World, held: Value | int, error: type[GitKeyvalError]
) -> None:
    """It is taken back, as by a step of its own."""
    perform(memory.database(), Set(key=COUNTER, value=held))
    memory.plant(COUNTER, 5, op=OP)
    with pytest.raises(ItemFailedError) as raised:
        perform(memory.database(), batch(Set(key=A, value=text("a")), Incr(key=COUNTER, by=5, op=OP)))
    assert type(raised.value.cause) is error
    assert A.label not in memory.content([A])
    assert not [name for name in memory.breadcrumbs() if name.endswith(OP)]


def test_counters_with_hundreds_of_breadcrumbs(memory: World) -> None:
    for counter in (COUNTER, OTHER):
        perform(memory.database(), Incr(key=counter))
        memory.plant_many(counter, 500)
    store = memory.faulty({})
    told = results(perform(memory.database(store), batch(Incr(key=COUNTER), Incr(key=OTHER), Set(key=A, value=text("a")))))
    assert [result.get("value") for result in told[:2]] == ["502", "502"]
    assert len([call for call in store.calls if call.verb == "apply"]) <= 2 * 500 // MAX_TAKEN + 2
    assert memory.breadcrumbs() == []


# --- conditions -----------------------------------------------------------------------------------------------------

UNMET: dict[str, Bound] = {
    "set if absent": Set(key=A, value=text("x"), condition=Condition("absent")),
    "set if present": Set(key=C, value=text("x"), condition=Condition("present")),
    "set an expired one": Set(key=GONE, value=text("x"), condition=Condition("present")),
    "set a counter": Set(key=OTHER, value=1, condition=Condition("absent")),
    "set a version": Set(key=A, value=text("x"), condition=Condition("", Oid("1" * 40))),
    "del a version": Del(keys=[A], if_version=Oid("1" * 40)),
    "getdel a version": Getdel(key=A, if_version=Oid("1" * 40)),
    "expire a version": Expire(key=A, ttl=60, if_version=Oid("1" * 40)),
    "expire if longer": Expire(key=B, ttl=60, only_if="longer"),
    "expire if some": Expire(key=A, ttl=60, only_if="some"),
    "hexpire if some": Hexpire(key=MAP, fields=["one"], ttl=60, only_if="some"),
    "append a version": Append(key=A, value=text("x"), if_version=Oid("1" * 40)),
    "hset if absent": Hset(key=MAP, entries=drafts(one="x"), condition=Condition("absent")),
    "apush a version, once": Apush(key=ARRAY, elements=[draft("x")], if_version=Oid("1" * 40), record=key("kv:op:1")),
    "apop a version": Apop(key=ARRAY, from_="first", if_version=Oid("1" * 40)),
    "hdel a version": Hdel(key=MAP, fields=["one"], if_version=Oid("1" * 40)),
    "copy if absent": Copy(key=B, to=A, if_absent=True),
    "rename if absent": Rename(key=NUMBER, to=A, if_absent=True),
    "lock": Lock(key=LOCK, owner="me", ttl=300),
    "unlock": Unlock(key=LOCK, owner="me"),
    "assert absent": Assert(key=A, condition=Condition("absent")),
    "assert present": Assert(key=C, condition=Condition("present")),
    "assert an expired one": Assert(key=GONE, condition=Condition("present")),
    "assert a version": Assert(key=A, condition=Condition("", Oid("1" * 40))),
    "assert equals": Assert(key=A, equals="b"),
    "assert that nothing equals": Assert(key=C, equals=""),
    "assert at least": Assert(key=COUNTER, at_least=Decimal(16)),
    "assert less": Assert(key=COUNTER, less_than=Decimal(15)),
    "assert a number": Assert(key=NUMBER, at_least=Decimal("7.6")),
    "assert nothing is less": Assert(key=C, less_than=Decimal(1)),
    "assert a field": Assert(key=MAP, field="three", condition=Condition("present")),
    "assert a field equals": Assert(key=MAP, field="one", equals="2"),
    "assert no map": Assert(key=C, field="one", condition=Condition("present")),
}


@pytest.mark.parametrize("unmet", UNMET.values(), ids=UNMET)
def test_a_condition_that_is_not_met_keeps_everything_as_it_is(memory: World, unmet: Bound) -> None:
    perform(filled(memory).database(), Lock(key=LOCK, owner="another", ttl=3000))
    before = memory.refs()
    answer = perform(memory.database(), batch(Incr(key=COUNTER), unmet, Set(key=B, value=text("x")), Get(key=A)))
    assert (answer.applied, answer.failed, answer.failure) == (False, "2", None)
    told = results(answer)
    assert (told[0], told[2], told[3]["value"]) == ({"applied": False}, {"applied": False}, "a")
    assert memory.refs() == before
    answer = perform(memory.database(), batch(Set(key=B, value=text("x")), unmet, on_failed="fail"))
    assert isinstance(answer.failure, ConditionNotMetError)
    assert memory.refs() == before


MET: dict[str, Assert] = {
    "present": Assert(key=A, condition=Condition("present")),
    "absent": Assert(key=C, condition=Condition("absent")),
    "expired": Assert(key=GONE, condition=Condition("absent")),
    "equals": Assert(key=A, equals="a"),
    "a counter": Assert(key=COUNTER, equals="15", at_least=Decimal(15), less_than=Decimal(16)),
    "a number": Assert(key=NUMBER, at_least=Decimal("7.5"), less_than=Decimal("7.51")),
    "a field": Assert(key=MAP, field="one", equals="1"),
    "no field": Assert(key=MAP, field="three", condition=Condition("absent")),
    "no map": Assert(key=C, field="one", condition=Condition("absent")),
}


@pytest.mark.parametrize("met", MET.values(), ids=MET)
def test_a_condition_that_is_met(memory: World, met: Assert) -> None:
    filled(memory)
    before = memory.refs()
    answer = perform(memory.database(), met)
    assert (answer.applied, answer.failure) == (True, None)
    assert memory.refs() == before
    assert perform(memory.database(), batch(met, Set(key=B, value=text("x")))).applied
    assert memory.content([B])["b"].value == "x"


def test_json_equals_itself_however_it_is_written(memory: World) -> None:
    perform(memory.database(), Set(key=A, value=parse_value("JSON", '{"a": 1, "b": [1, 2]}')))
    assert perform(memory.database(), Assert(key=A, equals='{ "b":[1,2], "a":1 }')).applied
    assert not perform(memory.database(), Assert(key=A, equals='{"a": 1}')).applied
    assert not perform(memory.database(), Assert(key=A, equals="{")).applied


def test_a_condition_on_its_own_fails_the_step_if_it_is_to(memory: World) -> None:
    answer = perform(memory.database(), Assert(key=A, condition=Condition("present"), on_failed="fail"))
    assert (answer.applied, type(answer.failure)) == (False, ConditionNotMetError)


class BeforeTheWrite(StoreAround):
    """Lets a rival act just before each of the first ``times`` writes."""

    def __init__(self, store: Store, act: Callable[[], object], times: int = 1) -> None:
        super().__init__(store)
        self.writes = 0
        self._act = act
        self._times = times

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        self.writes += 1
        if self.writes <= self._times:
            self._act()
        return self._store.apply(transactions)


RIVALS: dict[str, tuple[Bound, int, bool]] = {
    "set": (Set(key=A, value=text("rival")), 1, False),
    "del": (Del(keys=[A]), 1, False),
    "incr": (Incr(key=COUNTER), 1, False),
    "set counter": (Set(key=COUNTER, value=1), 1, False),
    "hset": (Hset(key=MAP, entries=drafts(one="rival")), 1, False),
    "another field": (Hset(key=MAP, entries=drafts(two="rival")), 2, True),
    "expire": (Expire(key=A, ttl=60), 1, True),
    "set of the key that is written": (Set(key=B, value=text("rival")), 2, True),
}


@pytest.mark.parametrize(("rival", "writes", "applied"), RIVALS.values(), ids=RIVALS)
def test_what_is_asserted_is_compared_again_by_the_write(world: World, rival: Bound, writes: int, *, applied: bool) -> None:
    """A rival that comes between the read and the write makes the batch look again; but that nothing is there is not compared."""
    perform(filled(world).database(), Incr(key=COUNTER))
    asserted = [Assert(key=A, equals="a"), Assert(key=COUNTER, equals="16"), Assert(key=MAP, field="one", equals="1")]
    store = BeforeTheWrite(world.store, lambda: perform(world.database(), rival))
    assert perform(world.database(store), batch(*asserted, Set(key=B, value=text("ours")))).applied is applied
    assert store.writes == writes
    assert (world.content([B])["b"].value == "ours") is applied


def test_a_key_is_asserted_and_written(world: World) -> None:
    """Its version is asserted by the very update that moves it."""
    version = perform(filled(world).database(), Get(key=A)).version
    asserted = Assert(key=A, condition=Condition("", version))
    assert perform(world.database(), batch(asserted, Set(key=A, value=text("x")))).applied
    assert not perform(world.database(), batch(asserted, Set(key=A, value=text("y")))).applied
    assert world.content([A])["a"].value == "x"


# --- what cannot be done --------------------------------------------------------------------------------------------

IMPOSSIBLE: dict[str, tuple[Bound, type[GitKeyvalError]]] = {
    "a map is read as a value": (Get(key=MAP), WrongTypeError),
    "a value is read as a map": (Hget(key=A, field="one"), WrongTypeError),
    "text is incremented": (Incr(key=A), WrongTypeError),
    "text is compared as a number": (Assert(key=A, at_least=Decimal(1)), WrongTypeError),
    "a field is no number": (Hincr(key=MAP, field="one"), WrongTypeError),
    "a field is too large": (Hincr(key=ABSENT, field="n", by=2**53), FieldOverflowError),
    "a counter is too large": (Incr(key=COUNTER, by=2**63 - 10), CounterOverflowError),
    "a number is appended to": (Append(key=NUMBER, value=text("x")), WrongTypeError),
}


@pytest.mark.parametrize(("command", "error"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_command_that_cannot_be_done_keeps_the_others_from_it(memory: World, command: Bound, error: type[GitKeyvalError]) -> None:
    filled(memory)
    before = memory.refs()
    with pytest.raises(ItemFailedError) as raised:
        perform(memory.database(), batch(Set(key=B, value=text("x")), command))
    assert (raised.value.item, type(raised.value.cause)) == ("2", error)
    assert memory.refs() == before


def test_rivals_without_end(memory: World) -> None:
    store = BeforeTheWrite(memory.store, lambda: perform(memory.database(), Incr(key=COUNTER)), times=1000)
    with pytest.raises(ContentionError):
        perform(memory.database(store), batch(Incr(key=COUNTER), Set(key=A, value=text("a"))))
    assert A.label not in memory.content([A])


# --- lost replies ---------------------------------------------------------------------------------------------------

LOSABLE: dict[str, Callable[[], Bound]] = {
    "refs": lambda: batch(Set(key=A, value=text("x")), Hset(key=MAP, entries=drafts(one="x")), Del(keys=[B])),
    "a field": lambda: batch(Hincr(key=ABSENT, field="n"), Append(key=A, value=text("x")), Set(key=B, value=text("x"))),
    "a field and a counter": lambda: batch(Hincr(key=ABSENT, field="n"), Incr(key=COUNTER, ttl=60)),
    "copies": lambda: batch(Copy(key=MAP, to=C), Copy(key=COUNTER, to=LOCK), Set(key=B, value=text("x"))),
    "renames": lambda: batch(Rename(key=MAP, to=C), Rename(key=COUNTER, to=LOCK), Set(key=B, value=text("x"))),
    "the old value": lambda: batch(Set(key=A, value=text("x"), get_old=True), Set(key=B, value=text("x"))),
    "nothing": lambda: batch(Append(key=A, value=text("x")), Set(key=B, value=text("x"))),
    "counters": lambda: batch(Incr(key=COUNTER), Decr(key=OTHER), Set(key=B, value=text("x"))),
    "a new counter": lambda: batch(Incr(key=C), Append(key=A, value=text("x"))),
    "set of a counter": lambda: batch(Set(key=COUNTER, value=1), Append(key=A, value=text("x"))),
    "a witness": lambda: batch(Getdel(key=A), Append(key=B, value=text("x")), Incr(key=COUNTER)),
    "a lock": lambda: batch(Lock(key=LOCK, owner="me", expires_at=LEASE), Append(key=B, value=text("x"))),
    "a slot": lambda: batch(Lock(key=LOCK, owner="me", expires_at=LEASE, slots=3, store_key=True), Append(key=B, value=text("x"))),
    "a record": lambda: Batch(
        items=items(Append(key=A, value=text("x")), Incr(key=COUNTER), Apush(key=ARRAY, elements=[draft("x")])),
        record=key("kv:op:1"),
    ),
    "a record of one": lambda: Apush(key=ARRAY, elements=[draft("x"), draft("y")], record=key("kv:op:1")),
    "a record of one in a batch": lambda: batch(
        Apush(key=ARRAY, elements=[draft("x")], record=key("kv:op:1")), Append(key=A, value=text("x"))
    ),
    "the first of a queue": lambda: batch(Apop(key=ARRAY, from_="first"), Append(key=A, value=text("x"))),
}
KNOWN = LOSABLE.keys() - {"nothing", "renames", "the old value", "a field", "a new counter"}


@pytest.mark.parametrize("lost", Lost)
@pytest.mark.parametrize("name", LOSABLE)
def test_a_lost_reply_at_every_request(memory: World, name: str, lost: Lost) -> None:
    """It is done once, or not at all; who is told that it was done, or was not, is told the truth."""
    before = filled(memory).content(KEYS)
    done = memory.in_memory()
    expected = perform(done.database(), LOSABLE[name]())
    after = done.content(KEYS)
    told = set[str]()
    for number_ in itertools.count(1):
        world = memory.in_memory()
        store = world.faulty({number_: lost})
        try:
            answer: Answer | None = perform(world.database(store), LOSABLE[name]())
        except OutcomeUnknownError:
            answer = None
            told.add("unknown")
        except UnavailableError:
            answer = None
            store.arrive()
            assert world.content(KEYS) == before
        store.arrive()
        if answer is not None:
            told.add("done")
            assert world.content(KEYS) == after
            assert _stable(said(answer)) == _stable(said(expected))
        assert world.content(KEYS) in (before, after)
        assert world.errors() == []
        if not store.fired:
            break
    assert told <= ({"done"} if name in KNOWN else {"done", "unknown"})
    assert "done" in told


def _stable(told: JsonValue) -> JsonValue:
    if not isinstance(told, dict):
        return told
    return {name: _stable(value) for name, value in told.items() if name not in {"version", "ttl"}}


@pytest.mark.parametrize("name", LOSABLE)
def test_a_rival_after_a_lost_reply(memory: World, name: str) -> None:
    """The reply is lost, and a rival writes on before it can be looked for. Whoever is told that it was done is told the truth."""
    filled(memory)
    undone, done = memory.in_memory(), memory.in_memory()
    rivals = [Incr(key=COUNTER, by=1000), Set(key=B, value=text("rival")), Append(key=A, value=text("rival"))]
    perform(done.database(), LOSABLE[name]())
    for world in (undone, done):
        for rival in rivals:
            perform(world.database(), rival)
    for lost in (Lost.AFTER, Lost.BEFORE):
        world = memory.in_memory()
        writes = [call.number for call in _calls(world.in_memory(), LOSABLE[name]()) if call.verb == "apply"]
        store = world.faulty({writes[0]: lost, writes[0] + 1: Rival(partial(_perform_all, world, rivals))})
        try:
            perform(world.database(store), LOSABLE[name]())
        except OutcomeUnknownError:
            continue
        if lost is Lost.AFTER:
            assert world.content(KEYS) == done.content(KEYS)


def _perform_all(world: World, commands: Sequence[Bound]) -> None:
    for command in commands:
        perform(world.database(), command)


def _calls(world: World, command: Bound) -> list[Call]:
    store = world.faulty({})
    perform(world.database(store), command)
    return store.calls


# --- records of operations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a record", "a record of one"])
def test_what_is_recorded_is_done_once(world: World, name: str) -> None:
    filled(world)
    first = perform(world.database(), LOSABLE[name]())
    after = world.refs()
    again = perform(world.database(), LOSABLE[name]())
    assert world.refs() == after
    assert said(again) == said(first)
    world.clock.advance(8 * 86_400)
    perform(world.database(), LOSABLE[name]())
    assert world.refs() != after


def test_whatever_is_answered_can_be_recorded(memory: World) -> None:
    """Also a number that JSON would not hold exactly, and a value that is nested as deeply as one may be."""
    deep = parse_value("JSON", "[" * MAX_DEPTH + "]" * MAX_DEPTH)
    perform(memory.database(), Set(key=A, value=deep))
    perform(memory.database(), Incr(key=COUNTER, by=2**62))
    once = Batch(items=items(Getdel(key=A), Incr(key=COUNTER)), record=key("kv:op:1"))
    first = perform(memory.database(), once)
    assert (results(first)[1]["value"], results(first)[1]["json"]) == (str(2**62 + 1), 2**62 + 1)
    assert said(perform(memory.database(), once)) == said(first)


def test_a_condition_that_is_not_met_is_not_recorded(memory: World) -> None:
    once = Batch(items=items(Set(key=C, value=text("x"), condition=Condition("present"))), record=key("kv:op:1"))
    assert not perform(memory.database(), once).applied
    perform(memory.database(), Set(key=C, value=text("c")))
    assert perform(memory.database(), once).applied


def test_a_record_is_swept_like_any_key(memory: World) -> None:
    perform(memory.database(), LOSABLE["a record of one"]())
    record = {DEFAULT_NAMING.value(key("kv:op:1").id), DEFAULT_NAMING.expiry(key("kv:op:1").id)}
    assert record < memory.refs().keys()
    memory.clock.advance(8 * 86_400)
    Sweep().run(memory.maintenance())
    assert not record & memory.refs().keys()


# --- one moment -----------------------------------------------------------------------------------------------------


class Torn(TornReads):
    """A store that reads one ref after the other, and says so."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(self._store.capabilities, reads_at_once=False)


class TornRefs(Torn):
    """One that reads each ref in a request of its own."""

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        ref_by_ref = [
            *(Selection(prefixes=(prefix,)) for selection in selections[:1] for prefix in selection.prefixes),
            *(Selection((name,)) for selection in selections for name in selection.names),
        ]
        return super().read(*ref_by_ref, depth=depth)


@pytest.mark.parametrize("number_", range(1, 13))
def test_what_is_read_is_of_one_moment(memory: World, number_: int) -> None:
    """Somebody moves an amount from one counter to the other, while they are read: the sum is the same at every moment."""
    filled(memory)
    move = batch(Incr(key=COUNTER, by=3), Decr(key=OTHER, by=3))
    store = TornRefs(memory.faulty({number_: Rival(lambda: perform(memory.database(), move))}))
    told = results(perform(memory.database(store), batch(Get(key=COUNTER), Get(key=OTHER))))
    assert sum(int(str(result["value"])) for result in told) == 35


@pytest.mark.parametrize("number_", range(1, 13))
def test_what_is_asserted_beside_no_write_was_so_at_one_moment(memory: World, number_: int) -> None:
    """One of the two counters has something at any moment, and the other one has nothing."""
    perform(memory.database(), Set(key=COUNTER, value=1))
    perform(memory.database(), Set(key=OTHER, value=0))
    move = batch(Decr(key=COUNTER), Incr(key=OTHER))
    store = TornRefs(memory.faulty({number_: Rival(lambda: perform(memory.database(), move))}))
    both = batch(Assert(key=COUNTER, at_least=Decimal(1)), Assert(key=OTHER, at_least=Decimal(1)))
    assert not perform(memory.database(store), both).applied


@pytest.mark.parametrize("record", [None, key("kv:op:1")], ids=["", "recorded"])
def test_what_never_is_of_one_moment_is_no_answer(memory: World, record: Key | None) -> None:
    filled(memory)
    move = batch(Incr(key=COUNTER, by=3), Decr(key=OTHER, by=3))
    store = Torn(memory.faulty(dict.fromkeys(range(1, 10_000), Rival(lambda: perform(memory.database(), move)))))
    with pytest.raises(UnavailableError):
        perform(memory.database(store), Batch(items=items(Get(key=COUNTER), Get(key=OTHER)), record=record))


# --- each for itself ------------------------------------------------------------------------------------------------


def test_each_for_itself(world: World) -> None:
    store = filled(world).faulty({})
    ends = perform_each(
        world.database(store),
        [
            Set(key=A, value=text("x")),
            Set(key=B, value=text("x"), condition=Condition("absent")),
            Hget(key=NUMBER, field="one"),
            Incr(key=COUNTER),
            Getdel(key=MAP),
            Getdel(key=C),
            Apop(key=ARRAY),
            Del(keys=[OTHER, GONE]),
            Persist(key=NUMBER),
        ],
    )
    assert [end.applied if isinstance(end, Answer) else type(end) for end in ends] == [
        True,
        False,
        WrongTypeError,
        True,
        WrongTypeError,
        False,
        True,
        True,
        False,
    ]
    assert {label: one.value for label, one in world.content(KEYS).items() if label in {"a", "b", "counter", "array"}} == {
        "a": "x",
        "b": "b",
        "counter": "16",
        "array": '[{"0": ["first", null]}, 1]',
    }
    assert world.errors() == []


@pytest.mark.parametrize("rival", [Set(key=A, value=text("rival")), Incr(key=COUNTER), Del(keys=[A, COUNTER, ABSENT])])
def test_a_rival_makes_one_of_them_look_again(world: World, rival: Bound) -> None:
    """What it is about is decided anew, and the others are done."""
    alone = filled(world).in_memory()
    store = BeforeTheWrite(world.store, lambda: perform(world.database(), rival))
    commands: list[Bound] = [
        Append(key=A, value=text("x")),
        Incr(key=COUNTER),
        Hincr(key=ABSENT, field="n", record=key("kv:op:1")),
        Set(key=C, value=text("c")),
    ]
    ends = perform_each(world.database(store), commands)
    assert [end.applied if isinstance(end, Answer) else end for end in ends] == [True] * 4
    for command in (rival, *commands):
        perform(alone.database(), command)
    shown = [{label: one.value for label, one in each.content([*KEYS, ABSENT]).items()} for each in (world, alone)]
    assert shown[0] == shown[1]
    assert world.errors() == []


@pytest.mark.parametrize("lost", Lost)
def test_a_lost_reply_of_commands_that_are_each_for_itself(memory: World, lost: Lost) -> None:
    commands: list[Bound] = [
        Incr(key=COUNTER),
        Set(key=A, value=text("x")),
        Getdel(key=B),
        Append(key=NUMBER, value=number("1")),
        Decr(key=OTHER),
        Hincr(key=ABSENT, field="n", record=key("kv:op:1")),
        Apush(key=ARRAY, elements=[draft("x")], record=key("kv:op:2")),
    ]
    filled(memory)
    before = memory.content(KEYS)
    done = memory.in_memory()
    perform_each(done.database(), commands)
    after = done.content(KEYS)
    for number_ in itertools.count(1):
        world = memory.in_memory()
        store = world.faulty({number_: lost})
        try:
            ends = perform_each(world.database(store), commands)
        except UnavailableError:
            assert world.content(KEYS) == before
            continue
        store.arrive()
        shown = world.content(KEYS)
        for command, end in zip(commands, ends, strict=True):
            (label,) = (used.label for used in command.keys_used)
            if isinstance(end, Answer):
                assert shown.get(label) == after.get(label), (number_, label)
            assert shown.get(label) in (before.get(label), after.get(label))
        if not store.fired:
            break
