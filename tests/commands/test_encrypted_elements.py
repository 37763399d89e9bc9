"""Encrypted maps and arrays: the elements and the names of fields, and what maintenance does with them without a key."""

from collections.abc import Callable, Mapping

import pytest

from git_keyval.commands.arrays import Aexpire, Aget, Alen, Apop, Apush, Arange, Aset
from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hdel, Hexpire, Hget, Hgetall, Hincr, Hkeys, Hlen, Hpersist, Hset, Httl
from git_keyval.commands.values import Del, Set, Type
from git_keyval.database.answers import Answer
from git_keyval.database.ciphers import Cipher
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import (
    GitKeyvalError,
    InputError,
    MissingEncryptionKeyError,
    NotEncryptedError,
    TamperedError,
    WrongEncryptionKeyError,
)
from git_keyval.format.elements import Collection, decode_collection, element_id, encode_collection
from git_keyval.format.names import DEFAULT_NAMING, RefName
from git_keyval.format.objects import GitObject, Oid, blob
from git_keyval.maintenance.commands import Sweep
from git_keyval.store.port import Depth
from tests.contract.samples import Sample
from tests.encrypting import cipher
from tests.faults import Rival
from tests.replacing import replace
from tests.world import World, draft, drafts, key, text

FIELD, VALUE = "markedfield6a", "markedvalue9d"


def of(world: World, used: Cipher) -> Database:
    return replace(world.database(), cipher=used)


def named(used: Cipher, label: str = "m") -> Key:
    return Key.of(label, text(label), used)


def value_ref(one: Key) -> RefName:
    return DEFAULT_NAMING.value(one.id)


def stored(world: World, one: Key) -> tuple[Collection, Mapping[Oid, GitObject]]:
    """Read a map or an array as it is stored, without a key, and all of its objects."""
    oid = world.refs()[value_ref(one)]
    objects = world.store.objects([oid], Depth.VALUES)
    return decode_collection(objects[oid], objects), objects


def put(world: World, one: Key, collection: Collection, *blobs: GitObject) -> None:
    """Store a map or an array that is sound for everybody without the encryption key."""
    world.put(value_ref(one), Sample((*blobs, *encode_collection(collection).objects)))


def elements_of(world: World, one: Key) -> dict[str, GitObject]:
    collection, objects = stored(world, one)
    return {name: objects[oid] for name, oid in collection.elements.items()}


def test_fields_are_read_with_the_key_and_nothing_of_them_is_seen_without(world: World) -> None:
    used = cipher()
    database, one = of(world, used), named(used)
    assert perform(database, Hset(key=one, entries=drafts(**{FIELD: VALUE, "b": "2"}))).count == 2
    assert perform(database, Hset(key=one, entries=drafts(b="3", c=""))).count == 2
    assert perform(database, Hgetall(key=one)).document == {FIELD: VALUE, "b": "3", "c": ""}
    assert perform(database, Hget(key=one, field=FIELD)).value == text(VALUE)
    assert perform(database, Hget(key=one, fields=["b", "none"])).document == {"b": "3"}
    assert perform(database, Hkeys(key=one)).document == ["b", "c", FIELD]
    assert perform(database, Hlen(key=one)).count == 3
    assert perform(database, Hdel(key=one, fields=["b", "none"])).count == 1
    assert perform(database, Hkeys(key=one)).document == ["c", FIELD]
    assert perform(database, Type(key=one)).type == "map"
    collection, objects = stored(world, one)
    assert collection.encryption == used.encryption
    everything = b"".join(made.data for made in objects.values())
    for part in (FIELD, VALUE):
        assert part.encode() not in everything
        assert not any(part in name for name in world.refs())
    assert world.errors() == []


def test_the_same_field_has_another_name_in_another_map(memory: World) -> None:
    used = cipher()
    for label in ("m", "n"):
        perform(of(memory, used), Hset(key=named(used, label), entries=drafts(a=VALUE)))
    one, other = (elements_of(memory, named(used, label)) for label in ("m", "n"))
    assert one.keys().isdisjoint(other)
    before = one.keys()
    perform(of(memory, used), Hset(key=named(used), entries=drafts(a=VALUE)))
    again = elements_of(memory, named(used))
    assert again.keys() == before
    assert [made.oid for made in again.values()] != [made.oid for made in one.values()]


def test_expiries_of_fields_give_no_name_away_and_sweep_needs_none(world: World) -> None:
    used = cipher()
    database, one = of(world, used), named(used)
    perform(database, Hset(key=one, entries=drafts(**{FIELD: VALUE}), ttl=60))
    perform(database, Hset(key=one, entries=drafts(stays="1", later="2")))
    assert perform(database, Hexpire(key=one, fields=["later"], ttl=10**6)).applied is True
    assert perform(database, Httl(key=one, field=FIELD)).ttl is not None
    assert perform(database, Httl(key=one, field="stays")).ttl == -1
    names = {name for name in world.refs() if name.startswith(DEFAULT_NAMING.element_expiries(one.id))}
    assert len(names) == 2
    assert DEFAULT_NAMING.element_expiry(one.id, element_id(FIELD)) not in names
    world.clock.advance(3600)
    assert perform(database, Hgetall(key=one)).document == {"stays": "1", "later": "2"}
    assert perform(database, Hget(key=one, field=FIELD)).found is False
    Sweep().run(world.maintenance())
    assert len(elements_of(world, one)) == 2
    assert len([name for name in world.refs() if name.startswith(DEFAULT_NAMING.element_expiries(one.id))]) == 1
    assert perform(database, Hgetall(key=one)).document == {"stays": "1", "later": "2"}
    assert perform(database, Hpersist(key=one, fields=["later"])).count == 1
    assert perform(database, Hset(key=one, entries=drafts(**{FIELD: VALUE}), condition=Condition("absent"))).applied is True
    assert perform(database, Del(keys=[one])).count == 1
    assert not [name for name in world.refs() if one.id[2:] in name]
    assert world.errors() == []


def test_arrays_are_encrypted_and_their_indices_are_not(world: World) -> None:
    used = cipher()
    database, one = of(world, used), named(used)
    for value in ("0", "1", VALUE):
        perform(database, Apush(key=one, elements=[draft(value)]))
    assert perform(database, Aset(key=one, index=1, element=draft("one"))).applied is True
    assert perform(database, Arange(key=one)).document == ["0", "one", VALUE]
    assert perform(database, Aget(key=one, index=-1)).value == text(VALUE)
    assert perform(database, Aexpire(key=one, index=0, ttl=60)).applied is True
    assert elements_of(world, one).keys() == {"0", "1", "2"}
    assert VALUE.encode() not in b"".join(made.data for made in elements_of(world, one).values())
    assert perform(database, Apop(key=one)).value == text(VALUE)
    world.clock.advance(3600)
    Sweep().run(world.maintenance())
    assert perform(database, Arange(key=one)).document == [None, "one"]
    assert perform(database, Alen(key=one)).count == 2
    assert world.errors() == []


# --- keys -----------------------------------------------------------------------------------------------------------


def test_a_map_may_hold_elements_of_several_keys(world: World) -> None:
    """After a rotation, what is written is of the new key, and nothing else is written again."""
    old, new = cipher("a"), cipher("a", "b")
    perform(of(world, old), Hset(key=named(old), entries=drafts(x="1", y="2")))
    before = {made.oid for made in elements_of(world, named(old)).values()}
    perform(of(world, new), Hset(key=named(new), entries=drafts(y="3", z="4")))
    assert perform(of(world, new), Hgetall(key=named(new))).document == {"x": "1", "y": "3", "z": "4"}
    collection, _ = stored(world, named(new))
    assert collection.encryption == new.encryption
    assert len(before & set(collection.elements.values())) == 1
    assert perform(of(world, old), Hget(key=named(old), field="x")).value == text("1")
    with pytest.raises(MissingEncryptionKeyError, match="'b'"):
        perform(of(world, old), Hget(key=named(old), field="y"))
    with pytest.raises(WrongEncryptionKeyError, match="'b'"):
        perform(of(world, cipher("a", "b", wrong="b")), Hget(key=named(new), field="y"))
    # Names are of the first key, and so are found by who has that one alone.
    assert perform(of(world, old), Hkeys(key=named(old))).document == ["x", "y", "z"]
    assert world.errors() == []


def test_what_changes_no_element_keeps_the_name_of_the_key(memory: World) -> None:
    """Else the one who cannot read a map could make it look as if his key had encrypted it."""
    old, new = cipher("a", "b"), cipher("a")
    perform(of(memory, old), Hset(key=named(old), entries=drafts(x="1", y="2")))
    version = perform(of(memory, old), Hlen(key=named(old))).version
    assert perform(of(memory, new), Hexpire(key=named(new), fields=["x"], ttl=60)).version == version
    perform(of(memory, new), Hdel(key=named(new), fields=["x"]))
    assert stored(memory, named(old))[0].encryption == old.encryption


def test_a_plain_map_is_refused_where_a_key_is_given_and_an_encrypted_one_where_none_is(memory: World) -> None:
    used = cipher()
    plain, encrypted = key("m"), named(used)
    perform(memory.database(), Hset(key=plain, entries=drafts(a="1")))
    memory.put(value_ref(encrypted), Sample((blob(b"1"), *encode_collection(stored(memory, plain)[0]).objects)))
    reads: list[Callable[[Database, Key], Answer]] = [
        lambda database, one: perform(database, Hget(key=one, field="a")),
        lambda database, one: perform(database, Hgetall(key=one)),
        lambda database, one: perform(database, Hkeys(key=one)),
        lambda database, one: perform(database, Hlen(key=one)),
        lambda database, one: perform(database, Hset(key=one, entries=drafts(b="2"))),
        lambda database, one: perform(database, Hdel(key=one, fields=["a"])),
    ]
    for read in reads:
        with pytest.raises(NotEncryptedError, match="refs/heads/kv-"):
            read(of(memory, used), encrypted)
    assert perform(of(memory, used), Set(key=encrypted, value=text("x"))).applied is True
    perform(of(memory, used), Del(keys=[encrypted]))
    perform(of(memory, used), Hset(key=encrypted, entries=drafts(a="1")))
    record = encode_collection(stored(memory, encrypted)[0])
    memory.put(value_ref(plain), Sample((*elements_of(memory, encrypted).values(), *record.objects)))
    for read in reads:
        with pytest.raises(MissingEncryptionKeyError, match="'first'"):
            read(memory.database(), plain)


# --- tampering ------------------------------------------------------------------------------------------------------


def test_an_element_is_read_in_its_place_only(memory: World) -> None:
    """Neither under another name, nor in another map or array, nor as another type."""
    used = cipher()
    database = of(memory, used)
    perform(database, Hset(key=named(used), entries=drafts(a="1", b="2")))
    collection, _ = stored(memory, named(used))
    a, b = sorted(collection.elements)
    blobs = elements_of(memory, named(used))
    swapped = replace(collection, elements={a: collection.elements[b], b: collection.elements[a]})
    put(memory, named(used), swapped, *blobs.values())
    assert memory.errors() == []
    for field in ("a", "b"):
        with pytest.raises(TamperedError):
            perform(database, Hget(key=named(used), field=field))
    put(memory, named(used), replace(collection, type="JSON", mime="application/json", extension="json"), *blobs.values())
    with pytest.raises(TamperedError):
        perform(database, Hget(key=named(used), field="a"))
    put(memory, named(used, "n"), collection, *blobs.values())
    with pytest.raises(TamperedError):
        perform(database, Hgetall(key=named(used, "n")))
    perform(database, Apush(key=named(used, "array"), elements=[draft("1")]))
    perform(database, Apush(key=named(used, "array"), elements=[draft("2")]))
    array, _ = stored(memory, named(used, "array"))
    elements = elements_of(memory, named(used, "array"))
    put(memory, named(used, "array"), replace(array, elements={"0": array.elements["1"]}), *elements.values())
    with pytest.raises(TamperedError):
        perform(database, Aget(key=named(used, "array"), index=0))
    put(memory, named(used, "array"), replace(array, elements={"0": collection.elements[a]}), *blobs.values())
    with pytest.raises(TamperedError):
        perform(database, Aget(key=named(used, "array"), index=0))


def test_a_change_of_any_byte_of_an_element_is_noticed(memory: World) -> None:
    used = cipher()
    perform(of(memory, used), Hset(key=named(used), entries=drafts(a="xy")))
    collection, _ = stored(memory, named(used))
    ((name, sound),) = elements_of(memory, named(used)).items()
    for place in range(9, len(sound.data)):
        changed = blob(sound.data[:place] + bytes([sound.data[place] ^ 1]) + sound.data[place + 1 :])
        put(memory, named(used), replace(collection, elements={name: changed.oid}), changed)
        with pytest.raises(TamperedError):
            perform(of(memory, used), Hget(key=named(used), field="a"))


def test_a_plain_number_in_an_encrypted_map_is_not_counted_on(memory: World) -> None:
    """However well its oid is known."""
    used = cipher()
    perform(of(memory, used), Hincr(key=named(used), field="a"))
    collection, _ = stored(memory, named(used))
    plain = blob(b"41")
    put(memory, named(used), replace(collection, elements=dict.fromkeys(collection.elements, plain.oid)), plain)
    with pytest.raises(GitKeyvalError):
        perform(of(memory, used), Hincr(key=named(used), field="a"))


def test_a_name_that_nobody_with_the_key_has_made_is_noticed(memory: World) -> None:
    used = cipher()
    perform(of(memory, used), Hset(key=named(used), entries=drafts(a="1")))
    collection, _ = stored(memory, named(used))
    (blob_of_a,) = elements_of(memory, named(used)).values()
    put(memory, named(used), replace(collection, elements={**collection.elements, "A" * 24: blob_of_a.oid}), blob_of_a)
    with pytest.raises(TamperedError):
        perform(of(memory, used), Hgetall(key=named(used)))


def test_check_finds_an_element_that_no_key_could_open(memory: World) -> None:
    used = cipher()
    perform(of(memory, used), Hset(key=named(used), entries=drafts(a="1")))
    collection, _ = stored(memory, named(used))
    plain = blob(b"plain")
    put(memory, named(used), replace(collection, elements=dict.fromkeys(collection.elements, plain.oid)), plain)
    assert len(memory.errors()) == 1
    with pytest.raises(Exception, match="not encrypted"):
        perform(of(memory, used), Hgetall(key=named(used)))


# --- names, rivals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["..", ".git", "/", "a/b", "é", "\u200c", "\n", "x" * 175])
def test_any_name_can_be_encrypted(memory: World, field: str) -> None:
    used = cipher()
    perform(of(memory, used), Hset(key=named(used), entries={field: draft("1")}))
    assert perform(of(memory, used), Hgetall(key=named(used))).document == {field: "1"}


def test_a_name_that_is_too_long_says_how_long_it_may_be(memory: World) -> None:
    used = cipher()
    with pytest.raises(InputError, match="has 176 bytes, more than the 175 that an encrypted one may have"):
        perform(of(memory, used), Hset(key=named(used), entries={"x" * 176: draft("1")}))
    perform(memory.database(), Hset(key=key("m"), entries={"x" * 176: draft("1")}))


def test_rivals_on_other_fields_both_win(world: World) -> None:
    used = cipher()
    database, one = of(world, used), named(used)
    perform(database, Hset(key=one, entries=drafts(a="1")))
    rivals = [Rival(lambda turn=turn: perform(database, Hset(key=one, entries={f"r{turn}": draft("x")}))) for turn in range(3)]  # type: ignore[misc]
    store = world.faulty({2: rivals[0], 4: rivals[1], 6: rivals[2]})
    assert perform(replace(database, store=store), Hset(key=one, entries=drafts(b="2"))).applied is True
    assert perform(database, Hgetall(key=one)).document == {"a": "1", "b": "2", "r0": "x", "r1": "x", "r2": "x"}


def test_locks_are_encrypted_and_hold(world: World) -> None:
    used = cipher()
    database, one = of(world, used), named(used)
    taken = perform(database, Lock(key=one, owner=FIELD, ttl=600))
    assert (taken.applied, taken.fence) == (True, 1)
    assert perform(database, Lock(key=one, owner="another", ttl=600)).applied is False
    assert perform(database, Lock(key=one, owner=FIELD, ttl=1200)).fence == 1
    waiting = perform(database, Lock(key=one, owner="another", ttl=600, wait=7200))
    assert (waiting.applied, waiting.fence) == (True, 2)
    assert perform(database, Unlock(key=one, owner=FIELD)).applied is False
    Sweep().run(world.maintenance())
    assert perform(database, Unlock(key=one, owner="another")).applied is True
    everything = b"".join(made.data for made in stored(world, one)[1].values())
    assert not any(part.encode() in everything for part in (FIELD, "owner", "fence", "another"))
    assert world.errors() == []
