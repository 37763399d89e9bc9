"""Encrypted maps and arrays: the elements and the names of fields, and what maintenance does with them without a key."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from git_keyval.commands.arrays import aexpire, aget, alen, apop, apush, arange, aset
from git_keyval.commands.locks import lock, unlock
from git_keyval.commands.maps import hdel, hexpire, hget, hgetall, hkeys, hlen, hpersist, hset, httl
from git_keyval.commands.values import del_, set_, type_
from git_keyval.database.answers import Result
from git_keyval.database.ciphers import Cipher
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.keys import Key
from git_keyval.errors import InputError, MissingEncryptionKeyError, NotEncryptedError, TamperedError, WrongEncryptionKeyError
from git_keyval.format.elements import Collection, decode_collection, element_id, encode_collection
from git_keyval.format.names import DEFAULT_NAMING, RefName
from git_keyval.format.objects import GitObject, Oid, blob
from git_keyval.store.port import Depth
from maintenance.jobs import sweep
from tests.contract.samples import Sample
from tests.encrypting import cipher
from tests.faults import Rival
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
    assert hset(database, key=one, entries=drafts(**{FIELD: VALUE, "b": "2"})).count == 2
    assert hset(database, key=one, entries=drafts(b="3", c="")).count == 2
    assert hgetall(database, key=one).document == {FIELD: VALUE, "b": "3", "c": ""}
    assert hget(database, key=one, field=FIELD).value == text(VALUE)
    assert hget(database, key=one, fields=["b", "none"]).document == {"b": "3"}
    assert hkeys(database, key=one).document == ["b", "c", FIELD]
    assert hlen(database, key=one).count == 3
    assert hdel(database, key=one, fields=["b", "none"]).count == 1
    assert hkeys(database, key=one).document == ["c", FIELD]
    assert type_(database, key=one).type == "map"
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
        hset(of(memory, used), key=named(used, label), entries=drafts(a=VALUE))
    one, other = (elements_of(memory, named(used, label)) for label in ("m", "n"))
    assert one.keys().isdisjoint(other)
    before = one.keys()
    hset(of(memory, used), key=named(used), entries=drafts(a=VALUE))
    again = elements_of(memory, named(used))
    assert again.keys() == before
    assert [made.oid for made in again.values()] != [made.oid for made in one.values()]


def test_expiries_of_fields_give_no_name_away_and_sweep_needs_none(world: World) -> None:
    used = cipher()
    database, one = of(world, used), named(used)
    hset(database, key=one, entries=drafts(**{FIELD: VALUE}), ttl=60)
    hset(database, key=one, entries=drafts(stays="1", later="2"))
    assert hexpire(database, key=one, fields=["later"], ttl=10**6).applied is True
    assert httl(database, key=one, field=FIELD).ttl is not None
    assert httl(database, key=one, field="stays").ttl == -1
    names = {name for name in world.refs() if name.startswith(DEFAULT_NAMING.element_expiries(one.id))}
    assert len(names) == 2
    assert DEFAULT_NAMING.element_expiry(one.id, element_id(FIELD)) not in names
    world.clock.advance(3600)
    assert hgetall(database, key=one).document == {"stays": "1", "later": "2"}
    assert hget(database, key=one, field=FIELD).found is False
    sweep(world.maintenance())
    assert len(elements_of(world, one)) == 2
    assert len([name for name in world.refs() if name.startswith(DEFAULT_NAMING.element_expiries(one.id))]) == 1
    assert hgetall(database, key=one).document == {"stays": "1", "later": "2"}
    assert hpersist(database, key=one, fields=["later"]).count == 1
    assert hset(database, key=one, entries=drafts(**{FIELD: VALUE}), condition=Condition("absent")).applied is True
    assert del_(database, keys=[one]).count == 1
    assert not [name for name in world.refs() if one.id[2:] in name]
    assert world.errors() == []


def test_arrays_are_encrypted_and_their_indices_are_not(world: World) -> None:
    used = cipher()
    database, one = of(world, used), named(used)
    for value in ("0", "1", VALUE):
        apush(database, key=one, value=draft(value))
    assert aset(database, key=one, index=1, value=draft("one")).applied is True
    assert arange(database, key=one).document == ["0", "one", VALUE]
    assert aget(database, key=one, index=-1).value == text(VALUE)
    assert aexpire(database, key=one, index=0, ttl=60).applied is True
    assert elements_of(world, one).keys() == {"0", "1", "2"}
    assert VALUE.encode() not in b"".join(made.data for made in elements_of(world, one).values())
    assert apop(database, key=one).value == text(VALUE)
    world.clock.advance(3600)
    sweep(world.maintenance())
    assert arange(database, key=one).document == [None, "one"]
    assert alen(database, key=one).count == 2
    assert world.errors() == []


# --- keys -----------------------------------------------------------------------------------------------------------


def test_a_map_may_hold_elements_of_several_keys(world: World) -> None:
    """After a rotation, what is written is of the new key, and nothing else is written again."""
    old, new = cipher("a"), cipher("a", "b")
    hset(of(world, old), key=named(old), entries=drafts(x="1", y="2"))
    before = {made.oid for made in elements_of(world, named(old)).values()}
    hset(of(world, new), key=named(new), entries=drafts(y="3", z="4"))
    assert hgetall(of(world, new), key=named(new)).document == {"x": "1", "y": "3", "z": "4"}
    collection, _ = stored(world, named(new))
    assert collection.encryption == new.encryption
    assert len(before & set(collection.elements.values())) == 1
    assert hget(of(world, old), key=named(old), field="x").value == text("1")
    with pytest.raises(MissingEncryptionKeyError, match="'b'"):
        hget(of(world, old), key=named(old), field="y")
    with pytest.raises(WrongEncryptionKeyError, match="'b'"):
        hget(of(world, cipher("a", "b", wrong="b")), key=named(new), field="y")
    # Names are of the first key, and so are found by who has that one alone.
    assert hkeys(of(world, old), key=named(old)).document == ["x", "y", "z"]
    assert world.errors() == []


def test_what_changes_no_element_keeps_the_name_of_the_key(memory: World) -> None:
    """Else the one who cannot read a map could make it look as if his key had encrypted it."""
    old, new = cipher("a", "b"), cipher("a")
    hset(of(memory, old), key=named(old), entries=drafts(x="1", y="2"))
    version = hlen(of(memory, old), key=named(old)).version
    assert hexpire(of(memory, new), key=named(new), fields=["x"], ttl=60).version == version
    hdel(of(memory, new), key=named(new), fields=["x"])
    assert stored(memory, named(old))[0].encryption == old.encryption


def test_a_plain_map_is_refused_where_a_key_is_given_and_an_encrypted_one_where_none_is(memory: World) -> None:
    used = cipher()
    plain, encrypted = key("m"), named(used)
    hset(memory.database(), key=plain, entries=drafts(a="1"))
    memory.put(value_ref(encrypted), Sample((blob(b"1"), *encode_collection(stored(memory, plain)[0]).objects)))
    reads: list[Callable[[Database, Key], Result]] = [
        lambda database, one: hget(database, key=one, field="a"),
        lambda database, one: hgetall(database, key=one),
        lambda database, one: hkeys(database, key=one),
        lambda database, one: hlen(database, key=one),
        lambda database, one: hset(database, key=one, entries=drafts(b="2")),
        lambda database, one: hdel(database, key=one, fields=["a"]),
    ]
    for read in reads:
        with pytest.raises(NotEncryptedError, match="refs/heads/kv-"):
            read(of(memory, used), encrypted)
    assert set_(of(memory, used), key=encrypted, value=text("x")).applied is True
    del_(of(memory, used), keys=[encrypted])
    hset(of(memory, used), key=encrypted, entries=drafts(a="1"))
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
    hset(database, key=named(used), entries=drafts(a="1", b="2"))
    collection, _ = stored(memory, named(used))
    a, b = sorted(collection.elements)
    blobs = elements_of(memory, named(used))
    swapped = replace(collection, elements={a: collection.elements[b], b: collection.elements[a]})
    put(memory, named(used), swapped, *blobs.values())
    assert memory.errors() == []
    for field in ("a", "b"):
        with pytest.raises(TamperedError):
            hget(database, key=named(used), field=field)
    put(memory, named(used), replace(collection, type="JSON", mime="application/json", extension="json"), *blobs.values())
    with pytest.raises(TamperedError):
        hget(database, key=named(used), field="a")
    put(memory, named(used, "n"), collection, *blobs.values())
    with pytest.raises(TamperedError):
        hgetall(database, key=named(used, "n"))
    apush(database, key=named(used, "array"), value=draft("1"))
    apush(database, key=named(used, "array"), value=draft("2"))
    array, _ = stored(memory, named(used, "array"))
    elements = elements_of(memory, named(used, "array"))
    put(memory, named(used, "array"), replace(array, elements={"0": array.elements["1"]}), *elements.values())
    with pytest.raises(TamperedError):
        aget(database, key=named(used, "array"), index=0)
    put(memory, named(used, "array"), replace(array, elements={"0": collection.elements[a]}), *blobs.values())
    with pytest.raises(TamperedError):
        aget(database, key=named(used, "array"), index=0)


def test_a_change_of_any_byte_of_an_element_is_noticed(memory: World) -> None:
    used = cipher()
    hset(of(memory, used), key=named(used), entries=drafts(a="xy"))
    collection, _ = stored(memory, named(used))
    ((name, sound),) = elements_of(memory, named(used)).items()
    for place in range(9, len(sound.data)):
        changed = blob(sound.data[:place] + bytes([sound.data[place] ^ 1]) + sound.data[place + 1 :])
        put(memory, named(used), replace(collection, elements={name: changed.oid}), changed)
        with pytest.raises(TamperedError):
            hget(of(memory, used), key=named(used), field="a")


def test_a_name_that_nobody_with_the_key_has_made_is_noticed(memory: World) -> None:
    used = cipher()
    hset(of(memory, used), key=named(used), entries=drafts(a="1"))
    collection, _ = stored(memory, named(used))
    (blob_of_a,) = elements_of(memory, named(used)).values()
    put(memory, named(used), replace(collection, elements={**collection.elements, "A" * 24: blob_of_a.oid}), blob_of_a)
    with pytest.raises(TamperedError):
        hgetall(of(memory, used), key=named(used))


def test_check_finds_an_element_that_no_key_could_open(memory: World) -> None:
    used = cipher()
    hset(of(memory, used), key=named(used), entries=drafts(a="1"))
    collection, _ = stored(memory, named(used))
    plain = blob(b"plain")
    put(memory, named(used), replace(collection, elements=dict.fromkeys(collection.elements, plain.oid)), plain)
    assert len(memory.errors()) == 1
    with pytest.raises(Exception, match="not encrypted"):
        hgetall(of(memory, used), key=named(used))


# --- names, rivals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["..", ".git", "/", "a/b", "é", "\u200c", "\n", "x" * 175])
def test_any_name_can_be_encrypted(memory: World, field: str) -> None:
    used = cipher()
    hset(of(memory, used), key=named(used), entries={field: draft("1")})
    assert hgetall(of(memory, used), key=named(used)).document == {field: "1"}


def test_a_name_that_is_too_long_says_how_long_it_may_be(memory: World) -> None:
    used = cipher()
    with pytest.raises(InputError, match="has 176 bytes, more than the 175 that an encrypted one may have"):
        hset(of(memory, used), key=named(used), entries={"x" * 176: draft("1")})
    hset(memory.database(), key=key("m"), entries={"x" * 176: draft("1")})


def test_rivals_on_other_fields_both_win(world: World) -> None:
    used = cipher()
    database, one = of(world, used), named(used)
    hset(database, key=one, entries=drafts(a="1"))
    rivals = [Rival(lambda turn=turn: hset(database, key=one, entries={f"r{turn}": draft("x")})) for turn in range(3)]  # type: ignore[misc]
    store = world.faulty({2: rivals[0], 4: rivals[1], 6: rivals[2]})
    assert hset(replace(database, store=store), key=one, entries=drafts(b="2")).applied is True
    assert hgetall(database, key=one).document == {"a": "1", "b": "2", "r0": "x", "r1": "x", "r2": "x"}


def test_locks_are_encrypted_and_hold(world: World) -> None:
    used = cipher()
    database, one = of(world, used), named(used)
    taken = lock(database, key=one, owner=FIELD, ttl=600)
    assert (taken.applied, taken.fence) == (True, 1)
    assert lock(database, key=one, owner="another", ttl=600).applied is False
    assert lock(database, key=one, owner=FIELD, ttl=1200).fence == 1
    waiting = lock(database, key=one, owner="another", ttl=600, wait=7200)
    assert (waiting.applied, waiting.fence) == (True, 2)
    assert unlock(database, key=one, owner=FIELD).applied is False
    sweep(world.maintenance())
    assert unlock(database, key=one, owner="another").applied is True
    everything = b"".join(made.data for made in stored(world, one)[1].values())
    assert not any(part.encode() in everything for part in (FIELD, "owner", "fence", "another"))
    assert world.errors() == []
