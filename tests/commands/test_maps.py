"""hget, hset, hdel, hgetall, hkeys, hlen, hexpire, httl, hpersist: what each promises."""

from typing import Literal

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.maps import Hdel, Hexpire, Hget, Hgetall, Hincr, Hkeys, Hlen, Hpersist, Hset, Httl
from git_keyval.commands.values import Del, Exists, Get, Getdel, Mget, Set, Type
from git_keyval.database.answers import Answer
from git_keyval.database.collections import CollectionView, NewElement
from git_keyval.database.command import Bound, Command
from git_keyval.database.conditions import Condition
from git_keyval.database.perform import perform
from git_keyval.errors import ContentionError, InputError, MalformedRecordError, WrongTypeError
from git_keyval.format.elements import Collection, element_id, encode_collection
from git_keyval.format.names import Naming
from git_keyval.format.objects import Oid, blob, from_content
from git_keyval.format.values import Value, bytes_value, file_value, parse_value
from git_keyval.maintenance.commands import Sweep
from tests.contract.samples import Sample
from tests.faults import Rival
from tests.world import World, draft, drafts, key, number, text

M = key("m")
VALUE = Naming().value(M.id)


def expiry_of(field: str) -> str:
    return Naming().element_expiry(M.id, element_id(field))


def fields_of(world: World) -> object:
    return perform(world.database(), Hgetall(key=M)).document


def test_fields_are_written_and_read(world: World) -> None:
    database = world.database()
    written = perform(database, Hset(key=M, entries=drafts(a="1", b="2")))
    assert (written.applied, written.count, written.ttl) == (True, 2, -1)
    assert perform(database, Hset(key=M, entries=drafts(b="3", c=""))).count == 2
    assert fields_of(world) == {"a": "1", "b": "3", "c": ""}
    version = get_version(world)
    assert perform(database, Hget(key=M, field="b")) == Answer(found=True, value=text("3"), type="string", version=version, ttl=-1)
    assert perform(database, Hget(key=M, field="c")).value == text("")
    assert perform(database, Hget(key=M, fields=["c", "nope", "a"])).document == {"c": "", "a": "1"}
    assert perform(database, Hget(key=M, fields=["c", "nope", "a"])).found is False
    assert perform(database, Hget(key=M, fields=["c", "a", "a"])) == Answer(
        found=True, count=2, document={"c": "", "a": "1"}, version=version
    )
    assert perform(database, Hkeys(key=M)) == Answer(found=True, count=3, document=["a", "b", "c"], version=version)
    assert perform(database, Hlen(key=M)) == Answer(found=True, count=3, version=version)
    assert (perform(database, Type(key=M)).type, perform(database, Type(key=M)).version) == ("map", version)
    assert world.errors() == []


def get_version(world: World) -> Oid | None:
    return world.refs().get(VALUE)


def test_an_absent_map_has_no_fields(world: World) -> None:
    database = world.database()
    assert perform(database, Hget(key=M, field="a")) == Answer(found=False, ttl=-2)
    assert perform(database, Hget(key=M, fields=["a"])) == Answer(found=False, count=0, document={})
    assert perform(database, Hgetall(key=M)) == Answer(found=False, ttl=-2)
    assert perform(database, Hkeys(key=M)) == Answer(found=False, count=0, document=[])
    assert perform(database, Hlen(key=M)) == Answer(found=False, count=0)
    assert perform(database, Httl(key=M, field="a")) == Answer(found=False, ttl=-2)
    assert perform(database, Hdel(key=M, fields=["a"])) == Answer(applied=False, count=0)
    assert perform(database, Hexpire(key=M, fields=["a"], ttl=60)).applied is False
    assert perform(database, Hpersist(key=M, fields=["a"])).applied is False
    assert world.refs() == {}


@pytest.mark.parametrize(
    "name", ["..", ".git", "a/b", "é", "g\u200cit", "\uff0egit", "con", "-rf", "%2E", " ", "\n", "\0", "x" * 255, "😀" * 21]
)
def test_any_text_is_a_name(world: World, name: str) -> None:
    perform(world.database(), Hset(key=M, entries={name: draft("v"), "other": draft("w")}))
    assert perform(world.database(), Hget(key=M, field=name)).value == text("v")
    assert perform(world.database(), Hkeys(key=M)).document == sorted([name, "other"])
    assert perform(world.database(), Hdel(key=M, fields=[name])).count == 1
    assert fields_of(world) == {"other": "w"}


@pytest.mark.parametrize(
    "value", [number("1.5"), parse_value("Boolean", "true"), parse_value("JSON", "[1]"), bytes_value(b"\0\xff")]
)
def test_fields_of_a_map_are_of_one_type(memory: World, value: Value) -> None:
    database = memory.database()
    perform(database, Hset(key=M, entries={"a": draft(value)}))
    assert perform(database, Hget(key=M, field="a")).value == value
    with pytest.raises(WrongTypeError):
        perform(database, Hset(key=M, entries=drafts(b="text")))
    assert perform(database, Hlen(key=M)).count == 1
    perform(database, Hdel(key=M, fields=["a"]))
    perform(database, Hset(key=M, entries=drafts(b="text")))
    assert fields_of(memory) == {"b": "text"}


def test_files_of_a_map_are_of_one_media_type(memory: World) -> None:
    perform(memory.database(), Hset(key=M, entries={"a": draft(file_value(b"x", media_type="image/png"))}))
    with pytest.raises(WrongTypeError, match="image/png"):
        perform(memory.database(), Hset(key=M, entries={"b": draft(file_value(b"x", media_type="image/gif"))}))


def test_values_of_several_types_are_json_together(memory: World) -> None:
    def mixed(own: Value, shown: str) -> NewElement:
        return lambda kind: parse_value("JSON", shown) if kind == "JSON" else own

    perform(memory.database(), Hset(key=M, entries={"a": mixed(text("1"), '"1"'), "b": mixed(number("1"), "1")}))
    assert fields_of(memory) == {"a": "1", "b": 1}
    assert perform(memory.database(), Hget(key=M, field="a")).type == "json"


# --- expiry of fields -----------------------------------------------------------------------------------------------


def test_a_field_that_has_expired_does_not_exist(world: World) -> None:
    database = world.database()
    perform(database, Hset(key=M, entries=drafts(a="1", b="2")))
    assert perform(database, Hset(key=M, entries=drafts(c="3"), ttl=60)).ttl == 60
    assert (perform(database, Httl(key=M, field="c")).ttl, perform(database, Httl(key=M, field="a")).ttl) == (60, -1)
    assert perform(database, Hget(key=M, field="c")).ttl == 60
    world.clock.advance(59)
    assert fields_of(world) == {"a": "1", "b": "2", "c": "3"}
    world.clock.advance(1)
    assert fields_of(world) == {"a": "1", "b": "2"}
    assert perform(database, Hget(key=M, field="c")).found is False
    assert perform(database, Hget(key=M, fields=["a", "c"])).document == {"a": "1"}
    assert (perform(database, Hlen(key=M)).count, perform(database, Hkeys(key=M)).document) == (2, ["a", "b"])
    assert perform(database, Httl(key=M, field="c")).ttl == -2
    assert perform(database, Hdel(key=M, fields=["c"])).count == 0
    assert perform(database, Hexpire(key=M, fields=["c"], ttl=60)).applied is False
    assert perform(database, Hpersist(key=M, fields=["c"])).applied is False
    assert perform(database, Exists(keys=[M])).found is True


@pytest.mark.parametrize("swept", [False, True])
def test_what_has_expired_fixes_no_type(world: World, *, swept: bool) -> None:
    perform(world.database(), Hset(key=M, entries=drafts(a="x"), ttl=60))
    perform(world.database(), Hset(key=M, entries=drafts(b="y"), ttl=60))
    world.clock.advance(121)
    if swept:
        Sweep().run(world.maintenance())
    # As the action reads a value without a type: as what the map holds.
    assert (
        perform(world.database(), Hset(key=M, entries={"n": lambda kind: text("1") if kind == "String" else number("1")})).count
        == 1
    )
    assert perform(world.database(), Hgetall(key=M)).document == {"n": 1}
    assert world.warnings() == []


def test_a_live_field_fixes_the_type_beside_expired_ones(world: World) -> None:
    perform(world.database(), Hset(key=M, entries=drafts(a="x"), ttl=60))
    perform(world.database(), Hset(key=M, entries=drafts(b="y")))
    world.clock.advance(121)
    with pytest.raises(WrongTypeError):
        perform(world.database(), Hset(key=M, entries=drafts(n=number("1"))))
    assert perform(world.database(), Hgetall(key=M)).document == {"b": "y"}


def test_a_field_written_anew_while_the_type_is_looked_at_survives(world: World) -> None:
    """A rival makes an expired field live again, without moving the map: it fixes the type, and is not lost."""
    perform(world.database(), Hset(key=M, entries=drafts(a="x"), ttl=60))
    world.clock.advance(121)
    rival = Rival(lambda: perform(world.database(), Hset(key=M, entries=drafts(a="x"), ttl=60)))
    with pytest.raises(WrongTypeError):
        perform(world.database(world.faulty({3: rival})), Hset(key=M, entries=drafts(n=number("1"))))
    assert perform(world.database(), Hgetall(key=M)).document == {"a": "x"}


def test_a_field_written_anew_has_no_expiry_left(world: World) -> None:
    database = world.database()
    perform(database, Hset(key=M, entries=drafts(a="1", b="1", c="1"), ttl=60))
    perform(database, Hset(key=M, entries=drafts(a="2")))
    perform(database, Hset(key=M, entries=drafts(b="2"), keep_ttl=True))
    perform(database, Hset(key=M, entries=drafts(c="2"), ttl=600))
    assert [perform(database, Httl(key=M, field=name)).ttl for name in "abc"] == [-1, 60, 600]
    world.clock.advance(60)
    assert fields_of(world) == {"a": "2", "c": "2"}
    perform(database, Hset(key=M, entries=drafts(b="3"), keep_ttl=True))
    assert perform(database, Httl(key=M, field="b")).ttl == -1


def test_hexpire_and_hpersist_change_fields_that_exist(world: World) -> None:
    database = world.database()
    version = perform(database, Hset(key=M, entries=drafts(a="1", b="1", c="1"))).version
    assert perform(database, Hexpire(key=M, fields=["a", "b", "nope"], ttl=60)) == Answer(
        found=False, applied=True, count=2, ttl=60, expires_at=perform(database, Httl(key=M, field="a")).expires_at, version=version
    )
    assert perform(database, Hexpire(key=M, fields=["a"], ttl=600)).ttl == 600
    again = perform(database, Hpersist(key=M, fields=["a", "c"]))
    assert (again.found, again.applied, again.count) == (True, True, 1)
    assert [perform(database, Httl(key=M, field=name)).ttl for name in "abc"] == [-1, 60, -1]
    assert perform(database, Hpersist(key=M, fields=["c"])).applied is False


def test_hdel_takes_the_expiry_along(world: World) -> None:
    perform(world.database(), Hset(key=M, entries=drafts(a="1"), ttl=60))
    perform(world.database(), Hset(key=M, entries=drafts(b="1")))
    assert perform(world.database(), Hdel(key=M, fields=["a", "a", "nope"])).count == 1
    assert world.refs().keys() >= {VALUE}
    assert expiry_of("a") not in world.refs()
    assert fields_of(world) == {"b": "1"}


def test_a_map_without_fields_stays(world: World) -> None:
    perform(world.database(), Hset(key=M, entries=drafts(a="1")))
    perform(world.database(), Hdel(key=M, fields=["a"]))
    assert perform(world.database(), Hgetall(key=M)).document == {}
    assert (perform(world.database(), Exists(keys=[M])).found, perform(world.database(), Type(key=M)).type) == (True, "map")
    assert world.errors() == []


def test_a_leftover_expiry_does_not_reach_a_later_field(world: World) -> None:
    """``set`` reads nothing, and so leaves the expiries of fields behind."""
    perform(world.database(), Hset(key=M, entries=drafts(a="1"), ttl=60))
    perform(world.database(), Set(key=M, value=text("v")))
    perform(world.database(), Del(keys=[M]))
    assert expiry_of("a") in world.refs()
    perform(world.database(), Hset(key=M, entries=drafts(a="2")))
    world.clock.advance(60)
    assert fields_of(world) == {"a": "2"}
    assert expiry_of("a") not in world.refs()


# --- the key --------------------------------------------------------------------------------------------------------


def test_the_expiry_of_the_key_ends_all_fields(world: World) -> None:
    database = world.database()
    perform(database, Hset(key=M, entries=drafts(a="1")))
    perform(database, Hset(key=M, entries=drafts(b="1"), ttl=600))
    perform(database, Expire(key=M, ttl=60))
    perform(database, Hset(key=M, entries=drafts(c="1")))
    assert (perform(database, Ttl(key=M)).ttl, perform(database, Hgetall(key=M)).ttl) == (60, 60)
    world.clock.advance(60)
    assert (perform(database, Hgetall(key=M)).found, perform(database, Hget(key=M, field="a")).found) == (False, False)
    assert perform(database, Hdel(key=M, fields=["a"])).applied is False
    perform(database, Hset(key=M, entries=drafts(d="1")))
    assert fields_of(world) == {"d": "1"}
    assert (perform(database, Ttl(key=M)).ttl, perform(database, Persist(key=M)).applied) == (-1, False)


def test_other_values_are_no_maps(world: World) -> None:
    database = world.database()
    for value in (text("v"), 5):
        perform(database, Set(key=M, value=value))
        commands: tuple[Command[CollectionView], ...] = (
            Hset(key=M, entries=drafts(a="1")),
            Hget(key=M, field="a"),
            Hgetall(key=M),
            Hdel(key=M, fields=["a"]),
            Hexpire(key=M, fields=["a"], ttl=60),
        )
        for command in commands:
            with pytest.raises(WrongTypeError):
                perform(database, command)
    perform(database, Set(key=M, value=text("v"), ttl=60))
    world.clock.advance(60)
    perform(database, Hset(key=M, entries=drafts(a="1")))
    assert (fields_of(world), perform(database, Ttl(key=M)).ttl) == ({"a": "1"}, -1)


def test_increments_that_wait_are_not_lost_to_a_map(memory: World) -> None:
    memory.plant(M, 5)
    with pytest.raises(WrongTypeError):
        perform(memory.database(), Hset(key=M, entries=drafts(a="1")))
    assert perform(memory.database(), Get(key=M)).value == 5


def test_a_map_is_no_single_value(world: World) -> None:
    database = world.database()
    perform(database, Hset(key=M, entries=drafts(a="1")))
    before = world.refs()
    commands: tuple[Bound, ...] = (Get(key=M), Mget(keys=[M]), Getdel(key=M), Incr(key=M))
    for command in commands:
        with pytest.raises(WrongTypeError, match="hgetall"):
            perform(database, command)
    assert world.refs() == before


def test_set_replaces_a_map(world: World) -> None:
    database = world.database()
    for value in (text("v"), 7):
        perform(database, Hset(key=M, entries=drafts(a="1")))
        answer = perform(database, Set(key=M, value=value, condition=Condition("present")))
        assert (answer.applied, answer.old_value) == (True, None)
        assert perform(database, Get(key=M)).value == value
        perform(database, Del(keys=[M]))


def test_del_of_a_map_leaves_nothing(world: World) -> None:
    perform(world.database(), Hset(key=M, entries=drafts(a="1", b="1"), ttl=60))
    perform(world.database(), Hset(key=key("other"), entries=drafts(a="1"), ttl=60))
    assert perform(world.database(), Del(keys=[M, key("absent")])).count == 1
    assert not [name for name in world.refs() if name.startswith((VALUE, Naming().expiry(M.id)))]
    assert perform(world.database(), Hgetall(key=key("other"))).count == 1


def test_a_stored_key_is_listed(world: World) -> None:
    perform(world.database(), Hset(key=M, entries=drafts(a="1"), store_key=True))
    assert perform(world.database(), Keys()).document == ["m"]


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
    perform(database, Hset(key=M, entries=drafts(a="1", b="1")))
    perform(database, Hset(key=M, entries=drafts(x="1"), ttl=60))
    world.clock.advance(60)
    condition = Condition(existence)
    answer = perform(database, Hset(key=M, entries=dict.fromkeys(fields, draft("new")), condition=condition))
    assert answer.applied is applied
    assert (perform(database, Hget(key=M, field=fields[-1])).value == text("new")) is applied


def test_a_version_is_that_of_the_map(world: World) -> None:
    database = world.database()
    first = perform(database, Hset(key=M, entries=drafts(a="1"))).version
    second = perform(database, Hset(key=M, entries=drafts(b="1"))).version
    old = Condition(version=first)
    assert perform(database, Hset(key=M, entries=drafts(a="2"), condition=old)) == Answer(applied=False, count=0, version=second)
    assert perform(database, Hdel(key=M, fields=["a"], if_version=first)).applied is False
    assert perform(database, Hexpire(key=M, fields=["a"], ttl=60, if_version=first)).applied is False
    assert perform(database, Hdel(key=M, fields=["a"], if_version=second)).applied is True


def test_writers_of_different_fields_both_win(world: World) -> None:
    perform(world.database(), Hset(key=M, entries=drafts(a="1")))
    rival = Rival(lambda: perform(world.database(), Hset(key=M, entries=drafts(b="rival's"), ttl=600)))
    assert perform(world.database(world.faulty({2: rival})), Hset(key=M, entries=drafts(a="ours"))).applied is True
    assert fields_of(world) == {"a": "ours", "b": "rival's"}
    assert perform(world.database(), Httl(key=M, field="b")).ttl == 600


def test_rivals_without_end_are_told(memory: World) -> None:
    counter = iter(range(1_000))

    def write() -> None:
        perform(memory.database(), Hset(key=M, entries=drafts(b=str(next(counter)))))

    store = memory.faulty({2 * turn: Rival(write) for turn in range(1, 100)})
    with pytest.raises(ContentionError):
        perform(memory.database(store, max_attempts=3), Hset(key=M, entries=drafts(a="ours")))
    assert perform(memory.database(), Hget(key=M, field="a")).found is False


def test_a_field_does_not_come_by_the_expiry_that_a_rival_gave_to_the_one_before(world: World) -> None:
    """The rival moves no value: only the settling of the field's expiry keeps them apart."""
    perform(world.database(), Hset(key=M, entries=drafts(a="old")))
    rival = Rival(lambda: perform(world.database(), Hexpire(key=M, fields=["a"], ttl=60)))
    perform(world.database(world.faulty({2: rival})), Hset(key=M, entries=drafts(a="new")))
    world.clock.advance(60)
    assert fields_of(world) == {"a": "new"}


def test_hexpire_does_not_touch_what_a_rival_has_written(world: World) -> None:
    perform(world.database(), Hset(key=M, entries=drafts(a="old")))
    rival = Rival(lambda: perform(world.database(), Hset(key=M, entries=drafts(a="new"))))
    answer = perform(world.database(world.faulty({2: rival})), Hexpire(key=M, fields=["a"], ttl=60))
    assert answer.applied is True
    assert answer.version == get_version(world)
    rival = Rival(lambda: perform(world.database(), Hdel(key=M, fields=["a"])))
    assert perform(world.database(world.faulty({2: rival})), Hexpire(key=M, fields=["a"], ttl=600)).applied is False
    assert expiry_of("a") not in world.refs()


def test_writing_the_same_again_writes_nothing(memory: World) -> None:
    perform(memory.database(), Hset(key=M, entries=drafts(a="1"), ttl=60))
    store = memory.faulty({})
    assert perform(memory.database(store), Hset(key=M, entries=drafts(a="1"), ttl=60)).applied is True
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
    commands: tuple[Command[CollectionView], ...] = (
        Hget(key=M, field="a"),
        Hgetall(key=M),
        Hset(key=M, entries=drafts(b="1")),
        Hincr(key=M, field="b"),
        Hdel(key=M, fields=["a"]),
        Hexpire(key=M, fields=["a"], ttl=60),
    )
    for command in commands:
        with pytest.raises(MalformedRecordError):
            perform(memory.database(), command)
    assert memory.refs() == before


def test_a_malformed_element_does_not_hide_the_others(memory: World) -> None:
    elements = {"good": blob(b"1"), "bad": blob(b"one")}
    made = encode_collection(Collection("map", "Number", "text/plain", "txt", {name: one.oid for name, one in elements.items()}))
    memory.put(VALUE, Sample((*elements.values(), *made.objects)))
    assert perform(memory.database(), Hget(key=M, field="good")).value == number("1")
    with pytest.raises(MalformedRecordError):
        perform(memory.database(), Hget(key=M, field="bad"))
    with pytest.raises(MalformedRecordError):
        perform(memory.database(), Hincr(key=M, field="bad"))
    perform(memory.database(), Hset(key=M, entries={"bad": draft(number("2"))}))
    assert fields_of(memory) == {"good": 1, "bad": 2}


def test_an_answer_has_the_lifetime_that_is_kept(memory: World) -> None:
    """Of several fields only if it is the same."""
    perform(memory.database(), Hset(key=M, entries=drafts(a="1", b="1"), ttl=600))
    perform(memory.database(), Hset(key=M, entries=drafts(c="1")))
    kept = [
        perform(memory.database(), Hset(key=M, entries=drafts(**fields), keep_ttl=True))
        for fields in ({"a": "2"}, {"a": "3", "b": "3"}, {"c": "2"}, {"d": "2"}, {"a": "4", "c": "4"})
    ]
    assert [answer.ttl for answer in kept] == [600, 600, -1, -1, None]


def test_a_lifetime_must_be_in_the_future(memory: World) -> None:
    with pytest.raises(InputError):
        perform(memory.database(), Hset(key=M, entries=drafts(a="1"), expires_at=memory.clock()))
    assert memory.refs() == {}
