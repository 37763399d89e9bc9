"""get, set, del, getdel, exists, type, mget, mset of plain values."""

from typing import Literal

import pytest

from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.maps import Hset
from git_keyval.commands.values import Del, Exists, Get, Getdel, Mget, Mset, Set, Type
from git_keyval.database.answers import Answer
from git_keyval.database.command import Bound
from git_keyval.database.conditions import Condition
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import RefusedError
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import ANCHOR_TAG, Naming, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.records import encode_data
from git_keyval.format.times import timestamp
from git_keyval.format.values import Value, bytes_value, file_value, parse_value
from git_keyval.maintenance.init import init
from tests.contract.samples import foreign_commit
from tests.replacing import replace
from tests.world import World, drafts, install_hook, key, number, show, text

K = key()
VALUE = Naming().value(K.id)
EXPIRY = Naming().expiry(K.id)
STORED_KEY = Naming().key(K.id)
OTHER_VERSION = Oid("0a" * 20)

VALUES: dict[str, tuple[Value, str]] = {
    "string": (text("naïve \N{SNOWMAN}\n"), "string"),
    "empty string": (text(""), "string"),
    "number": (number("-1.50"), "number"),
    "boolean": (parse_value("Boolean", "true"), "boolean"),
    "JSON": (parse_value("JSON", '{"b": [1, null], "a": "x"}'), "json"),
    "bytes": (bytes_value(bytes(range(256))), "bytes"),
    "no bytes": (bytes_value(b""), "bytes"),
    "file": (file_value(b"\x89PNG", media_type="image/png"), "file"),
}


@pytest.mark.parametrize(("value", "type"), VALUES.values(), ids=VALUES)
def test_what_was_set_is_read(world: World, value: Value, type: str) -> None:
    """A value comes back with its type and media type, byte for byte; its version is the oid of its commit."""
    database = world.database()
    version = encode_data(value).commit.oid
    assert perform(database, Set(key=K, value=value)) == Answer(applied=True, version=version, ttl=-1)
    assert perform(database, Get(key=K)) == Answer(found=True, value=value, type=type, version=version, ttl=-1)
    assert perform(database, Type(key=K)) == Answer(found=True, type=type, version=version)
    assert world.errors() == []


@pytest.mark.parametrize("old", [None, number("5"), text(""), 41], ids=["absent", "number", "text", "counter"])
@pytest.mark.parametrize("new", [text("new"), 42], ids=["value", "counter"])
def test_the_old_value_is_told_whatever_the_conditions(world: World, old: Value | int | None, new: Value | int) -> None:
    database = world.database()
    if old is not None:
        perform(database, Set(key=K, value=old, ttl=60))
    answer = perform(database, Set(key=K, value=new, get_old=True))
    assert (answer.found, answer.applied, answer.old_value, answer.ttl) == (old is not None, True, old, -1)
    unmet = perform(database, Set(key=K, value=new, get_old=True, condition=Condition("absent")))
    assert (unmet.applied, unmet.old_value) == (False, new)


@pytest.mark.parametrize("new", [text("new"), 42], ids=["value", "counter"])
def test_of_an_expired_key_and_of_a_map_there_is_no_old_value(memory: World, new: Value | int) -> None:
    perform(memory.database(), Set(key=K, value=text("old"), ttl=60))
    memory.clock.advance(60)
    assert perform(memory.database(), Set(key=K, value=new, get_old=True)).old_value is None
    perform(memory.database(), Hset(key=key("map"), entries=drafts(a="1")))
    answer = perform(memory.database(), Set(key=key("map"), value=new, get_old=True))
    assert (answer.found, answer.applied, answer.old_value) == (True, True, None)


def test_the_old_value_of_a_counter_has_what_waits_and_is_forgotten_once_it_was_told(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=41))
    memory.clock.advance(1)
    memory.plant(K, 5)
    swap = Set(key=K, value=7, get_old=True, op="deploy42")
    assert perform(memory.database(), swap).old_value == 46
    again = perform(memory.database(), swap)
    assert (again.applied, again.old_value) == (True, None)


def test_an_absent_key_is_found_by_no_read(world: World) -> None:
    database = world.database()
    perform(database, Set(key=key("another"), value=text("v")))
    assert perform(database, Get(key=K)) == Answer(found=False, ttl=-2)
    assert perform(database, Type(key=K)) == Answer(found=False)
    assert perform(database, Exists(keys=[K])) == Answer(found=False, count=0)
    assert perform(database, Ttl(key=K)) == Answer(found=False, ttl=-2)
    assert perform(database, Mget(keys=[K])) == Answer(found=False, count=0, document={})


def test_keys_of_different_types_are_different_keys(world: World) -> None:
    database = world.database()
    as_text, as_number = Key.of("1", text("1")), Key.of("1", number("1"))
    perform(database, Set(key=as_text, value=text("text")))
    perform(database, Set(key=as_number, value=text("number")))
    assert show(perform(database, Get(key=as_text)).value) == "text"
    assert show(perform(database, Get(key=as_number)).value) == "number"


@pytest.mark.parametrize("shard_length", [1, 3, 39])
def test_the_shard_length_decides_the_directory_of_the_refs(memory: World, shard_length: int) -> None:
    database = memory.database(naming=Naming(shard_length))
    perform(database, Set(key=K, value=text("v"), ttl=60, store_key=True))
    head, rest = K.id[:shard_length], K.id[shard_length:]
    names = {f"refs/heads/kv-{head}/{kind}-{rest}" for kind in ("val", "exp", "key")}
    assert memory.refs().keys() == {*names, ANCHOR_TAG}
    assert show(perform(database, Get(key=K)).value) == "v"
    assert perform(memory.database(), Get(key=K)).found is False
    assert perform(database, Del(keys=[K])).count == 1
    assert names.isdisjoint(memory.refs())


def test_a_value_is_replaced(world: World) -> None:
    database = world.database()
    perform(database, Set(key=K, value=text("old")))
    perform(database, Set(key=K, value=number("2")))
    assert perform(database, Get(key=K)).value == number("2")


@pytest.mark.parametrize("condition", [Condition(), Condition("present")], ids=["always", "if present"])
def test_a_set_without_lifetime_makes_the_key_persistent(world: World, condition: Condition) -> None:
    """Without ttl, expires-at or keep-ttl the key is persistent afterwards."""
    database = world.database()
    perform(database, Set(key=K, value=text("old"), ttl=600))
    answer = perform(database, Set(key=K, value=text("new"), condition=condition))
    assert (answer.applied, answer.ttl, answer.expires_at) == (True, -1, None)
    assert perform(database, Get(key=K)).ttl == -1
    assert EXPIRY not in world.refs()


def test_the_same_value_may_be_set_again(world: World) -> None:
    database = world.database()
    first = perform(database, Set(key=K, value=text("v")))
    assert perform(database, Set(key=K, value=text("v"))) == first
    assert perform(database, Set(key=K, value=text("v"), condition=Condition("present"))).applied is True


# --- conditions -----------------------------------------------------------------------------------------------------

State = Literal["absent", "present", "expired", "expiring", "breadcrumb"]


def arrange(world: World, state: State) -> Oid | None:
    """Bring K into a state, and give its version if it exists in one."""
    database = world.database()
    if state == "absent":
        return None
    if state == "breadcrumb":
        world.plant(K, 5)
        world.clock.advance(1)
        return None
    perform(database, Set(key=K, value=number("5"), ttl=None if state == "present" else 60))
    if state == "expired":
        world.clock.advance(120)
        return None
    return perform(database, Get(key=K)).version


CONDITIONS: dict[str, tuple[Literal["", "absent", "present"], Literal["", "current", "other"], frozenset[State]]] = {
    "if absent": ("absent", "", frozenset({"absent", "expired"})),
    "if present": ("present", "", frozenset({"present", "expiring", "breadcrumb"})),
    "if-version current": ("", "current", frozenset({"present", "expiring"})),
    "if-version other": ("", "other", frozenset()),
    "if present and if-version": ("present", "current", frozenset({"present", "expiring"})),
    "if absent and if-version": ("absent", "current", frozenset()),
}


@pytest.mark.parametrize("counter", [False, True], ids=["value", "counter"])
@pytest.mark.parametrize("state", ["absent", "present", "expired", "expiring", "breadcrumb"])
@pytest.mark.parametrize(("existence", "version", "applied_in"), CONDITIONS.values(), ids=CONDITIONS)
def test_set_is_applied_where_its_condition_is_met(
    memory: World,
    state: State,
    existence: Literal["", "absent", "present"],
    version: Literal["", "current", "other"],
    applied_in: frozenset[State],
    *,
    counter: bool,
) -> None:
    """A condition that is not met is no error, and changes nothing: the answer tells what is there instead."""
    init(memory.maintenance())
    database = memory.database()
    current = arrange(memory, state)
    before = memory.refs()
    asked = {"": None, "current": current or OTHER_VERSION, "other": OTHER_VERSION}[version]
    answer = perform(database, Set(key=K, value=7 if counter else text("7"), condition=Condition(existence, asked)))
    # A value that must be the first is written without reading, and so over increments of a deleted counter.
    blind = not counter and (existence, version, state) == ("absent", "", "breadcrumb")
    assert answer.applied is (state in applied_in or blind)
    if answer.applied:
        assert show(perform(database, Get(key=K)).value) == "7"
        assert perform(database, Get(key=K)).ttl == -1
    else:
        assert memory.refs() == before
        assert answer.version == current
    assert memory.errors() == []


@pytest.mark.parametrize("waiting", [False, True], ids=["expired", "next life"])
def test_the_version_of_an_expired_value_is_no_version(memory: World, *, waiting: bool) -> None:
    """`if-version` is not met by what has expired, also where increments of the next life make the key exist."""
    version = perform(memory.database(), Set(key=K, value=text("v"), ttl=60)).version
    memory.clock.advance(61)
    if waiting:
        memory.plant(K, 3)
    before = memory.refs()
    condition = Condition("", version)
    assert perform(memory.database(), Set(key=K, value=text("w"), condition=condition)).applied is False
    assert perform(memory.database(), Set(key=K, value=7, condition=condition)).applied is False
    assert perform(memory.database(), Getdel(key=K, if_version=version)).applied is False
    assert perform(memory.database(), Del(keys=[K], if_version=version)).applied is False
    assert perform(memory.database(), Expire(key=K, ttl=60, if_version=version)).applied is False
    assert memory.refs() == before


@pytest.mark.parametrize("counter", [False, True], ids=["value", "counter"])
@pytest.mark.parametrize("state", ["present", "absent", "expired"])
def test_conditional_set_tells_what_was_there(memory: World, state: State, *, counter: bool) -> None:
    """A write that had to read the key first answers with its old value, whatever it writes."""
    current = arrange(memory, state)
    there = state == "present"
    value = 7 if counter else text("v")
    refused = perform(memory.database(), Set(key=K, value=value, condition=Condition("", OTHER_VERSION)))
    assert refused == Answer(found=there, applied=False, version=current, old_value=number("5") if there else None)
    done = perform(memory.database(), Set(key=K, value=value, condition=Condition("present" if there else "absent")))
    assert done.applied is True
    assert done.found is there
    assert done.old_value == (number("5") if there else None)


@pytest.mark.parametrize("met", [True, False])
def test_the_other_writes_follow_if_version(world: World, *, met: bool) -> None:
    database = world.database()
    for write in (Expire, Persist, Getdel, Del):
        version = perform(database, Set(key=K, value=text("v"), ttl=600)).version
        before = world.refs()
        asked = version if met else OTHER_VERSION
        commands: dict[object, Bound] = {
            Expire: Expire(key=K, ttl=60, if_version=asked),
            Persist: Persist(key=K, if_version=asked),
            Getdel: Getdel(key=K, if_version=asked),
            Del: Del(keys=[K], if_version=asked),
        }
        answer = perform(database, commands[write])
        assert answer.applied is met, write.__name__
        assert (world.refs() != before) is met, write.__name__
        world.clock.advance(1)


# --- keep-ttl and store-key -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("counter", [False, True], ids=["value", "counter"])
@pytest.mark.parametrize("state", ["absent", "present", "expired", "expiring", "breadcrumb"])
def test_keep_ttl_keeps_the_expiry_of_a_live_key_only(memory: World, state: State, *, counter: bool) -> None:
    arrange(memory, state)
    expected = perform(memory.database(), Get(key=K)).expires_at
    answer = perform(memory.database(), Set(key=K, value=7 if counter else text("7"), keep_ttl=True))
    assert (answer.applied, answer.expires_at) == (True, expected)
    found = perform(memory.database(), Get(key=K))
    assert (show(found.value), found.expires_at, found.ttl) == ("7", expected, 60 if state == "expiring" else -1)


@pytest.mark.parametrize("counter", [False, True], ids=["value", "counter"])
def test_keep_ttl_does_not_keep_an_expiry_that_has_passed(memory: World, *, counter: bool) -> None:
    """A write over an expired key behaves as over an absent one, also where increments of its next life wait."""
    arrange(memory, "expired")
    memory.clock.advance(1)
    memory.plant(K, 3)
    memory.clock.advance(1)
    perform(memory.database(), Set(key=K, value=7 if counter else text("7"), keep_ttl=True))
    found = perform(memory.database(), Get(key=K))
    assert (found.found, found.ttl) == (True, -1)
    assert show(found.value) == "7"


def test_store_key_stores_the_commit_of_the_key(world: World) -> None:
    database = world.database()
    perform(database, Set(key=K, value=text("v"), store_key=True))
    assert world.refs()[STORED_KEY] == K.record.commit.oid
    perform(database, Set(key=K, value=text("w")))
    assert world.refs()[STORED_KEY] == K.record.commit.oid
    perform(database, Del(keys=[K]))
    assert STORED_KEY not in world.refs()
    perform(database, Set(key=K, value=7, store_key=True, condition=Condition("absent")))
    assert world.refs()[STORED_KEY] == K.record.commit.oid
    assert world.errors() == []


# --- del and getdel -------------------------------------------------------------------------------------------------


def test_del_leaves_nothing_of_the_key(world: World) -> None:
    world.plant_foreign()
    database = world.database()
    perform(database, Set(key=K, value=7, ttl=600, store_key=True))
    world.clock.advance(1)
    world.plant(K, 3)
    perform(database, Set(key=key("other"), value=text("v")))
    foreign, others = world.foreign(), {Naming().value(key("other").id), ANCHOR_TAG}
    assert perform(database, Del(keys=[K])) == Answer(applied=True, count=1)
    assert world.refs().keys() == foreign.keys() | others
    assert world.foreign() == foreign


def test_del_counts_the_keys_that_existed(world: World) -> None:
    database = world.database()
    perform(database, Set(key=key("a"), value=text("v")))
    perform(database, Set(key=key("b"), value=text("v")))
    arrange(world, "expired")
    assert perform(database, Del(keys=[K, key("a"), key("b"), key("absent")])) == Answer(applied=True, count=2)
    assert perform(database, Del(keys=[key("a")])) == Answer(applied=False, count=0)


def test_a_key_that_is_named_twice_is_deleted_once(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("v"), ttl=60))
    assert perform(world.database(), Del(keys=[K, key("absent"), K])) == Answer(applied=True, count=1)
    assert perform(world.database(), Get(key=K)).found is False


def test_getdel_answers_with_the_value_and_parks_it(world: World) -> None:
    """What GETDEL removed stays parked below gc/ under the time of the command, for whoever needs it back."""
    database = world.database()
    perform(database, Set(key=K, value=text("v"), ttl=600, store_key=True))
    shown = perform(database, Get(key=K))
    name = RefName(f"refs/heads/gc/{timestamp(world.clock())}-{K.id}")
    assert perform(database, Getdel(key=K)) == replace(shown, applied=True)
    assert world.refs() == {name: shown.version, ANCHOR_TAG: NULL_COMMIT.oid}
    assert perform(database, Getdel(key=K)) == Answer(found=False, applied=False, ttl=-2)
    assert world.errors() == []


@pytest.mark.parametrize("state", ["absent", "expired"])
def test_getdel_of_what_does_not_exist_parks_nothing(world: World, state: State) -> None:
    arrange(world, state)
    assert perform(world.database(), Getdel(key=K)) == Answer(found=False, applied=False, ttl=-2)
    assert world.parked() == {}


# --- several keys ---------------------------------------------------------------------------------------------------


def test_several_keys_are_read_at_once(world: World) -> None:
    database = world.database()
    perform(database, Set(key=key("text"), value=text("v")))
    perform(database, Set(key=key("json"), value=parse_value("JSON", '{"a":[1]}')))
    perform(database, Set(key=key("counter"), value=2**62))
    world.clock.advance(1)
    world.plant(key("counter"), 1)
    arrange(world, "expired")
    labels = ["text", "json", "counter", "absent", K.label]
    answer = perform(database, Mget(keys=[key(label) for label in labels]))
    assert answer == Answer(found=False, count=3, document={"text": "v", "json": {"a": [1]}, "counter": 2**62 + 1})
    assert perform(database, Mget(keys=[key("text")])).found is True
    assert perform(database, Exists(keys=[key(label) for label in labels])) == Answer(found=False, count=3)
    assert perform(database, Exists(keys=[key("text"), key("json")])) == Answer(found=True, count=2)


def test_several_keys_are_written_as_one(world: World) -> None:
    database = world.database()
    perform(database, Set(key=key("a"), value=text("old"), ttl=60))
    entries = {key("a"): text("1"), key("b"): number("2")}
    assert perform(database, Mset(values=entries)) == Answer(applied=True, count=2)
    assert perform(database, Mget(keys=list(entries))).document == {"a": "1", "b": 2}
    assert perform(database, Ttl(key=key("a"))).ttl == -1
    perform(database, Mset(values=entries, ttl=60, store_key=True))
    assert [perform(database, Ttl(key=one)).ttl for one in entries] == [60, 60]
    assert {Naming().key(one.id) for one in entries} <= world.refs().keys()
    assert world.errors() == []


def test_mset_writes_no_key_where_one_of_them_cannot_be_written(world: World) -> None:
    """One transaction: a ref that has the name of a directory keeps all keys away. (git refuses it, memory does not know it.)"""
    blocked = key("b")
    perform(world.database(), Set(key=key("a"), value=text("old"), ttl=600))
    world.put(RefName(f"{Naming().value(blocked.id)}/x"), foreign_commit("x"))
    before = world.refs()
    with pytest.raises((RefusedError, ValueError)):
        perform(
            world.database(), Mset(values={key("a"): text("1"), blocked: text("2"), key("c"): text("3")}, ttl=60, store_key=True)
        )
    assert world.refs() == before


@pytest.mark.parametrize("refused", range(3))
def test_mset_writes_no_key_where_the_server_refuses_one_of_them(git: World, refused: int) -> None:
    keys = [key(label) for label in "abc"]
    perform(git.database(), Set(key=keys[0], value=text("old"), ttl=600))
    before = git.refs()
    install_hook(git, "update", f"#!/bin/sh\ntest $1 != {Naming().value(keys[refused].id)}\n")
    with pytest.raises(RefusedError):
        perform(git.database(), Mset(values=dict.fromkeys(keys, text("new"))))
    assert git.refs() == before


def test_mset_is_one_transaction(memory: World) -> None:
    """Whatever a store makes of several transactions, it is given one."""
    entries = {key(label): text("v") for label in "abc"}
    init(memory.maintenance())
    store = memory.faulty({})
    perform(memory.database(store), Mset(values=entries, ttl=60, store_key=True))
    (call,) = store.calls
    assert isinstance(call.request, tuple)
    written = [{update.name for update in transaction.updates} for transaction in call.request]
    names = {spell(one.id) for one in entries for spell in (Naming().value, Naming().expiry, Naming().key)}
    assert written == [{*names, ANCHOR_TAG}]


# --- around ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", [Condition(), Condition("absent")], ids=["always", "if absent"])
def test_a_writer_that_does_not_see_the_anchor_makes_it(world: World, condition: Condition) -> None:
    """The dummy tree is anchored beside the write that was asked for; there may be an anchor already."""
    for label in ("a", "b"):
        assert perform(world.database(), Set(key=key(label), value=text("v"), condition=condition)).applied is True
    assert world.refs()[ANCHOR_TAG] == NULL_COMMIT.oid


def test_no_command_touches_foreign_refs(world: World) -> None:
    world.plant_foreign()
    foreign = world.foreign()
    database = world.database()
    perform(database, Set(key=K, value=text("v"), ttl=60, store_key=True))
    perform(database, Mset(values={key("a"): text("v")}))
    perform(database, Getdel(key=key("a")))
    perform(database, Expire(key=K, ttl=600))
    perform(database, Persist(key=K))
    perform(database, Del(keys=[K]))
    perform(database, Set(key=K, value=7))
    assert world.foreign() == foreign
