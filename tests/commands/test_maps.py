"""hget, hset, hdel, hgetall, hkeys, hlen, hexpire, httl, hpersist: what each promises."""

from functools import partial
from typing import Literal

import pytest

from git_keyval.commands.counters import incr
from git_keyval.commands.expiry import expire, persist, ttl
from git_keyval.commands.keyspace import keys
from git_keyval.commands.maps import hdel, hexpire, hget, hgetall, hkeys, hlen, hpersist, hset, httl
from git_keyval.commands.values import del_, exists, get, getdel, mget, set_, type_
from git_keyval.database.answers import Result
from git_keyval.database.collections import Draft
from git_keyval.database.conditions import Condition
from git_keyval.errors import ContentionError, InputError, MalformedRecordError, WrongTypeError
from git_keyval.format.elements import Collection, element_id, encode_collection
from git_keyval.format.names import Naming
from git_keyval.format.objects import Oid, blob, from_content
from git_keyval.format.values import Value, bytes_value, file_value, parse_value
from maintenance.jobs import sweep
from tests.contract.samples import Sample
from tests.faults import Rival
from tests.world import World, draft, drafts, key, number, text

M = key("m")
VALUE = Naming().value(M.id)


def expiry_of(field: str) -> str:
    return Naming().element_expiry(M.id, element_id(field))


def fields_of(world: World) -> object:
    return hgetall(world.database(), key=M).document


def test_fields_are_written_and_read(world: World) -> None:
    database = world.database()
    written = hset(database, key=M, entries=drafts(a="1", b="2"))
    assert (written.applied, written.count, written.ttl) == (True, 2, -1)
    assert hset(database, key=M, entries=drafts(b="3", c="")).count == 2
    assert fields_of(world) == {"a": "1", "b": "3", "c": ""}
    version = get_version(world)
    assert hget(database, key=M, field="b") == Result(found=True, value=text("3"), type="string", version=version, ttl=-1)
    assert hget(database, key=M, field="c").value == text("")
    assert hget(database, key=M, fields=["c", "nope", "a"]).document == {"c": "", "a": "1"}
    assert hget(database, key=M, fields=["c", "nope", "a"]).found is False
    assert hget(database, key=M, fields=["c", "a", "a"]) == Result(
        found=True, count=2, document={"c": "", "a": "1"}, version=version
    )
    assert hkeys(database, key=M) == Result(found=True, count=3, document=["a", "b", "c"], version=version)
    assert hlen(database, key=M) == Result(found=True, count=3, version=version)
    assert (type_(database, key=M).type, type_(database, key=M).version) == ("map", version)
    assert world.errors() == []


def get_version(world: World) -> Oid | None:
    return world.refs().get(VALUE)


def test_an_absent_map_has_no_fields(world: World) -> None:
    database = world.database()
    assert hget(database, key=M, field="a") == Result(found=False, ttl=-2)
    assert hget(database, key=M, fields=["a"]) == Result(found=False, count=0, document={})
    assert hgetall(database, key=M) == Result(found=False, ttl=-2)
    assert hkeys(database, key=M) == Result(found=False, count=0, document=[])
    assert hlen(database, key=M) == Result(found=False, count=0)
    assert httl(database, key=M, field="a") == Result(found=False, ttl=-2)
    assert hdel(database, key=M, fields=["a"]) == Result(applied=False, count=0)
    assert hexpire(database, key=M, fields=["a"], ttl=60).applied is False
    assert hpersist(database, key=M, fields=["a"]).applied is False
    assert world.refs() == {}


@pytest.mark.parametrize(
    "name", ["..", ".git", "a/b", "é", "g\u200cit", "\uff0egit", "con", "-rf", "%2E", " ", "\n", "\0", "x" * 255, "😀" * 21]
)
def test_any_text_is_a_name(world: World, name: str) -> None:
    hset(world.database(), key=M, entries={name: draft("v"), "other": draft("w")})
    assert hget(world.database(), key=M, field=name).value == text("v")
    assert hkeys(world.database(), key=M).document == sorted([name, "other"])
    assert hdel(world.database(), key=M, fields=[name]).count == 1
    assert fields_of(world) == {"other": "w"}


@pytest.mark.parametrize(
    "value", [number("1.5"), parse_value("Boolean", "true"), parse_value("JSON", "[1]"), bytes_value(b"\0\xff")]
)
def test_fields_of_a_map_are_of_one_type(memory: World, value: Value) -> None:
    database = memory.database()
    hset(database, key=M, entries={"a": draft(value)})
    assert hget(database, key=M, field="a").value == value
    with pytest.raises(WrongTypeError):
        hset(database, key=M, entries=drafts(b="text"))
    assert hlen(database, key=M).count == 1
    hdel(database, key=M, fields=["a"])
    hset(database, key=M, entries=drafts(b="text"))
    assert fields_of(memory) == {"b": "text"}


def test_files_of_a_map_are_of_one_media_type(memory: World) -> None:
    hset(memory.database(), key=M, entries={"a": draft(file_value(b"x", media_type="image/png"))})
    with pytest.raises(WrongTypeError, match="image/png"):
        hset(memory.database(), key=M, entries={"b": draft(file_value(b"x", media_type="image/gif"))})


def test_values_of_several_types_are_json_together(memory: World) -> None:
    def mixed(own: Value, shown: str) -> Draft:
        return lambda kind: parse_value("JSON", shown) if kind == "JSON" else own

    hset(memory.database(), key=M, entries={"a": mixed(text("1"), '"1"'), "b": mixed(number("1"), "1")})
    assert fields_of(memory) == {"a": "1", "b": 1}
    assert hget(memory.database(), key=M, field="a").type == "json"


# --- expiry of fields -----------------------------------------------------------------------------------------------


def test_a_field_that_has_expired_does_not_exist(world: World) -> None:
    database = world.database()
    hset(database, key=M, entries=drafts(a="1", b="2"))
    assert hset(database, key=M, entries=drafts(c="3"), ttl=60).ttl == 60
    assert (httl(database, key=M, field="c").ttl, httl(database, key=M, field="a").ttl) == (60, -1)
    assert hget(database, key=M, field="c").ttl == 60
    world.clock.advance(59)
    assert fields_of(world) == {"a": "1", "b": "2", "c": "3"}
    world.clock.advance(1)
    assert fields_of(world) == {"a": "1", "b": "2"}
    assert hget(database, key=M, field="c").found is False
    assert hget(database, key=M, fields=["a", "c"]).document == {"a": "1"}
    assert (hlen(database, key=M).count, hkeys(database, key=M).document) == (2, ["a", "b"])
    assert httl(database, key=M, field="c").ttl == -2
    assert hdel(database, key=M, fields=["c"]).count == 0
    assert hexpire(database, key=M, fields=["c"], ttl=60).applied is False
    assert hpersist(database, key=M, fields=["c"]).applied is False
    assert exists(database, keys=[M]).found is True


@pytest.mark.parametrize("swept", [False, True])
def test_what_has_expired_fixes_no_type(world: World, *, swept: bool) -> None:
    hset(world.database(), key=M, entries=drafts(a="x"), ttl=60)
    hset(world.database(), key=M, entries=drafts(b="y"), ttl=60)
    world.clock.advance(121)
    if swept:
        sweep(world.maintenance())
    # As the action reads a value without a type: as what the map holds.
    assert hset(world.database(), key=M, entries={"n": lambda kind: text("1") if kind == "String" else number("1")}).count == 1
    assert hgetall(world.database(), key=M).document == {"n": 1}
    assert world.warnings() == []


def test_a_live_field_fixes_the_type_beside_expired_ones(world: World) -> None:
    hset(world.database(), key=M, entries=drafts(a="x"), ttl=60)
    hset(world.database(), key=M, entries=drafts(b="y"))
    world.clock.advance(121)
    with pytest.raises(WrongTypeError):
        hset(world.database(), key=M, entries=drafts(n=number("1")))
    assert hgetall(world.database(), key=M).document == {"b": "y"}


def test_a_field_written_anew_while_the_type_is_looked_at_survives(world: World) -> None:
    """A rival makes an expired field live again, without moving the map: it fixes the type, and is not lost."""
    hset(world.database(), key=M, entries=drafts(a="x"), ttl=60)
    world.clock.advance(121)
    rival = Rival(lambda: hset(world.database(), key=M, entries=drafts(a="x"), ttl=60))
    with pytest.raises(WrongTypeError):
        hset(world.database(world.faulty({3: rival})), key=M, entries=drafts(n=number("1")))
    assert hgetall(world.database(), key=M).document == {"a": "x"}


def test_a_field_written_anew_has_no_expiry_left(world: World) -> None:
    database = world.database()
    hset(database, key=M, entries=drafts(a="1", b="1", c="1"), ttl=60)
    hset(database, key=M, entries=drafts(a="2"))
    hset(database, key=M, entries=drafts(b="2"), keep_ttl=True)
    hset(database, key=M, entries=drafts(c="2"), ttl=600)
    assert [httl(database, key=M, field=name).ttl for name in "abc"] == [-1, 60, 600]
    world.clock.advance(60)
    assert fields_of(world) == {"a": "2", "c": "2"}
    hset(database, key=M, entries=drafts(b="3"), keep_ttl=True)
    assert httl(database, key=M, field="b").ttl == -1


def test_hexpire_and_hpersist_change_fields_that_exist(world: World) -> None:
    database = world.database()
    version = hset(database, key=M, entries=drafts(a="1", b="1", c="1")).version
    assert hexpire(database, key=M, fields=["a", "b", "nope"], ttl=60) == Result(
        found=False, applied=True, count=2, ttl=60, expires_at=httl(database, key=M, field="a").expires_at, version=version
    )
    assert hexpire(database, key=M, fields=["a"], ttl=600).ttl == 600
    again = hpersist(database, key=M, fields=["a", "c"])
    assert (again.found, again.applied, again.count) == (True, True, 1)
    assert [httl(database, key=M, field=name).ttl for name in "abc"] == [-1, 60, -1]
    assert hpersist(database, key=M, fields=["c"]).applied is False


def test_hdel_takes_the_expiry_along(world: World) -> None:
    hset(world.database(), key=M, entries=drafts(a="1"), ttl=60)
    hset(world.database(), key=M, entries=drafts(b="1"))
    assert hdel(world.database(), key=M, fields=["a", "a", "nope"]).count == 1
    assert world.refs().keys() >= {VALUE}
    assert expiry_of("a") not in world.refs()
    assert fields_of(world) == {"b": "1"}


def test_a_map_without_fields_stays(world: World) -> None:
    hset(world.database(), key=M, entries=drafts(a="1"))
    hdel(world.database(), key=M, fields=["a"])
    assert hgetall(world.database(), key=M).document == {}
    assert (exists(world.database(), keys=[M]).found, type_(world.database(), key=M).type) == (True, "map")
    assert world.errors() == []


def test_a_leftover_expiry_does_not_reach_a_later_field(world: World) -> None:
    """``set`` reads nothing, and so leaves the expiries of fields behind."""
    hset(world.database(), key=M, entries=drafts(a="1"), ttl=60)
    set_(world.database(), key=M, value=text("v"))
    del_(world.database(), keys=[M])
    assert expiry_of("a") in world.refs()
    hset(world.database(), key=M, entries=drafts(a="2"))
    world.clock.advance(60)
    assert fields_of(world) == {"a": "2"}
    assert expiry_of("a") not in world.refs()


# --- the key --------------------------------------------------------------------------------------------------------


def test_the_expiry_of_the_key_ends_all_fields(world: World) -> None:
    database = world.database()
    hset(database, key=M, entries=drafts(a="1"))
    hset(database, key=M, entries=drafts(b="1"), ttl=600)
    expire(database, key=M, ttl=60)
    hset(database, key=M, entries=drafts(c="1"))
    assert (ttl(database, key=M).ttl, hgetall(database, key=M).ttl) == (60, 60)
    world.clock.advance(60)
    assert (hgetall(database, key=M).found, hget(database, key=M, field="a").found) == (False, False)
    assert hdel(database, key=M, fields=["a"]).applied is False
    hset(database, key=M, entries=drafts(d="1"))
    assert fields_of(world) == {"d": "1"}
    assert (ttl(database, key=M).ttl, persist(database, key=M).applied) == (-1, False)


def test_other_values_are_no_maps(world: World) -> None:
    database = world.database()
    for value in (text("v"), 5):
        set_(database, key=M, value=value)
        for command in (
            partial(hset, entries=drafts(a="1")),
            partial(hget, field="a"),
            hgetall,
            partial(hdel, fields=["a"]),
            partial(hexpire, fields=["a"], ttl=60),
        ):
            with pytest.raises(WrongTypeError):
                command(database, key=M)
    set_(database, key=M, value=text("v"), ttl=60)
    world.clock.advance(60)
    hset(database, key=M, entries=drafts(a="1"))
    assert (fields_of(world), ttl(database, key=M).ttl) == ({"a": "1"}, -1)


def test_increments_that_wait_are_not_lost_to_a_map(memory: World) -> None:
    memory.plant(M, 5)
    with pytest.raises(WrongTypeError):
        hset(memory.database(), key=M, entries=drafts(a="1"))
    assert get(memory.database(), key=M).value == 5


def test_a_map_is_no_single_value(world: World) -> None:
    database = world.database()
    hset(database, key=M, entries=drafts(a="1"))
    before = world.refs()
    for command in (partial(get, key=M), partial(mget, keys=[M]), partial(getdel, key=M), partial(incr, key=M)):
        with pytest.raises(WrongTypeError, match="hgetall"):
            command(database)
    assert world.refs() == before


def test_set_replaces_a_map(world: World) -> None:
    database = world.database()
    for value in (text("v"), 7):
        hset(database, key=M, entries=drafts(a="1"))
        answer = set_(database, key=M, value=value, condition=Condition("present"))
        assert (answer.applied, answer.old_value) == (True, None)
        assert get(database, key=M).value == value
        del_(database, keys=[M])


def test_del_of_a_map_leaves_nothing(world: World) -> None:
    hset(world.database(), key=M, entries=drafts(a="1", b="1"), ttl=60)
    hset(world.database(), key=key("other"), entries=drafts(a="1"), ttl=60)
    assert del_(world.database(), keys=[M, key("absent")]).count == 1
    assert not [name for name in world.refs() if name.startswith((VALUE, Naming().expiry(M.id)))]
    assert hgetall(world.database(), key=key("other")).count == 1


def test_a_stored_key_is_listed(world: World) -> None:
    hset(world.database(), key=M, entries=drafts(a="1"), store_key=True)
    assert keys(world.database()).document == ["m"]


# --- conditions and rivals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("existence", "fields", "applied"),
    [
        ("absent", "cd", True),
        ("absent", "bc", False),
        ("absent", "x", True),
        ("present", "ab", True),
        ("present", "bc", False),
        ("present", "x", False),
    ],
)
def test_a_condition_is_about_the_fields(
    world: World, existence: Literal["absent", "present"], fields: str, *, applied: bool
) -> None:
    database = world.database()
    hset(database, key=M, entries=drafts(a="1", b="1"))
    hset(database, key=M, entries=drafts(x="1"), ttl=60)
    world.clock.advance(60)
    condition = Condition(existence)
    answer = hset(database, key=M, entries=dict.fromkeys(fields, draft("new")), condition=condition)
    assert answer.applied is applied
    assert (hget(database, key=M, field=fields[-1]).value == text("new")) is applied


def test_a_version_is_that_of_the_map(world: World) -> None:
    database = world.database()
    first = hset(database, key=M, entries=drafts(a="1")).version
    second = hset(database, key=M, entries=drafts(b="1")).version
    old = Condition(version=first)
    assert hset(database, key=M, entries=drafts(a="2"), condition=old) == Result(applied=False, count=0, version=second)
    assert hdel(database, key=M, fields=["a"], condition=old).applied is False
    assert hexpire(database, key=M, fields=["a"], ttl=60, condition=old).applied is False
    assert hdel(database, key=M, fields=["a"], condition=Condition(version=second)).applied is True


def test_writers_of_different_fields_both_win(world: World) -> None:
    hset(world.database(), key=M, entries=drafts(a="1"))
    rival = Rival(lambda: hset(world.database(), key=M, entries=drafts(b="rival's"), ttl=600))
    assert hset(world.database(world.faulty({2: rival})), key=M, entries=drafts(a="ours")).applied is True
    assert fields_of(world) == {"a": "ours", "b": "rival's"}
    assert httl(world.database(), key=M, field="b").ttl == 600


def test_rivals_without_end_are_told(memory: World) -> None:
    counter = iter(range(1_000))

    def write() -> None:
        hset(memory.database(), key=M, entries=drafts(b=str(next(counter))))

    store = memory.faulty({2 * turn: Rival(write) for turn in range(1, 100)})
    with pytest.raises(ContentionError):
        hset(memory.database(store, max_attempts=3), key=M, entries=drafts(a="ours"))
    assert hget(memory.database(), key=M, field="a").found is False


def test_a_field_does_not_come_by_the_expiry_that_a_rival_gave_to_the_one_before(world: World) -> None:
    """The rival moves no value: only the settling of the field's expiry keeps them apart."""
    hset(world.database(), key=M, entries=drafts(a="old"))
    rival = Rival(lambda: hexpire(world.database(), key=M, fields=["a"], ttl=60))
    hset(world.database(world.faulty({2: rival})), key=M, entries=drafts(a="new"))
    world.clock.advance(60)
    assert fields_of(world) == {"a": "new"}


def test_hexpire_does_not_touch_what_a_rival_has_written(world: World) -> None:
    hset(world.database(), key=M, entries=drafts(a="old"))
    rival = Rival(lambda: hset(world.database(), key=M, entries=drafts(a="new")))
    answer = hexpire(world.database(world.faulty({2: rival})), key=M, fields=["a"], ttl=60)
    assert answer.applied is True
    assert answer.version == get_version(world)
    rival = Rival(lambda: hdel(world.database(), key=M, fields=["a"]))
    assert hexpire(world.database(world.faulty({2: rival})), key=M, fields=["a"], ttl=600).applied is False
    assert expiry_of("a") not in world.refs()


def test_writing_the_same_again_writes_nothing(memory: World) -> None:
    hset(memory.database(), key=M, entries=drafts(a="1"), ttl=60)
    store = memory.faulty({})
    assert hset(memory.database(store), key=M, entries=drafts(a="1"), ttl=60).applied is True
    assert [call.verb for call in store.calls] == ["read"]


# --- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [(b'"type":"String"', b'"type":"Number"'), (b"txt", b"text"), (b'"version":2', b'"version":2,"x":1')]
)
def test_a_malformed_map_is_told_and_kept(memory: World, change: tuple[bytes, bytes]) -> None:
    sound = encode_collection(Collection("map", "String", "text/plain", "txt", {"a": blob(b"1").oid}))
    changed = [from_content(one.kind, one.data.replace(*change)) for one in sound.objects]
    assert tuple(changed) != sound.objects
    memory.put(VALUE, Sample((blob(b"1"), *sound.objects, *changed[:-1], changed[-1])))
    before = memory.refs()
    for command in (
        partial(hget, field="a"),
        hgetall,
        partial(hset, entries=drafts(b="1")),
        partial(hdel, fields=["a"]),
        partial(hexpire, fields=["a"], ttl=60),
    ):
        with pytest.raises(MalformedRecordError):
            command(memory.database(), key=M)
    assert memory.refs() == before


def test_a_malformed_element_does_not_hide_the_others(memory: World) -> None:
    elements = {"good": blob(b"1"), "bad": blob(b"one")}
    made = encode_collection(Collection("map", "Number", "text/plain", "txt", {name: one.oid for name, one in elements.items()}))
    memory.put(VALUE, Sample((*elements.values(), *made.objects)))
    assert hget(memory.database(), key=M, field="good").value == number("1")
    with pytest.raises(MalformedRecordError):
        hget(memory.database(), key=M, field="bad")
    hset(memory.database(), key=M, entries={"bad": draft(number("2"))})
    assert fields_of(memory) == {"good": 1, "bad": 2}


def test_a_lifetime_must_be_in_the_future(memory: World) -> None:
    with pytest.raises(InputError):
        hset(memory.database(), key=M, entries=drafts(a="1"), expires_at=memory.clock())
    assert memory.refs() == {}
