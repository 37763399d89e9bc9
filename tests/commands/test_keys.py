"""keys: the stored keys by name."""

from collections.abc import Mapping, Sequence
from typing import cast

import pytest

from git_keyval.commands.arrays import Apush
from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hset
from git_keyval.commands.redirects import Redirection
from git_keyval.commands.values import Del, Getdel, Mset, Set, Type
from git_keyval.database.answers import Answer
from git_keyval.database.ciphers import PLAIN
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import GitKeyvalError, MissingEncryptionKeyError
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, decode_message
from git_keyval.format.names import Naming
from git_keyval.format.objects import Oid
from git_keyval.format.redirects import Redirect
from git_keyval.format.times import SECOND
from git_keyval.format.values import Value, bytes_value, file_value, parse_value
from git_keyval.interface.inputs import KEY_TYPES
from tests.commands.test_malformed import VALUES as MALFORMED
from tests.contract.samples import Sample
from tests.elements import apply, written
from tests.encrypting import cipher
from tests.faults import Rival
from tests.world import World, drafts, key, number, text


def test_only_stored_keys_have_a_name(world: World) -> None:
    database = world.database()
    perform(database, Set(key=key("b"), value=text("v"), store_key=True))
    perform(database, Set(key=key("a"), value=7, store_key=True))
    perform(database, Set(key=key("unstored"), value=text("v")))
    perform(database, Mset(values={key("c"): text("v")}, store_key=True))
    perform(database, Set(key=Key.of("5", number("5")), value=text("v"), store_key=True))
    assert perform(database, Keys()) == Answer(found=True, count=4, document=["5", "a", "b", "c"])


def test_maps_and_arrays_are_keys_as_others_are(world: World) -> None:
    """Expired ones are none, and the expiries of elements are none of the keys'."""
    past, future = world.clock() // SECOND, world.clock() // SECOND + 60
    for label, length in (("map", None), ("array", 3), ("gone", None)):
        apply(world, written(key(label), {"1": "a"}, length=length, ends={"1": past}))
        world.put(Naming().key(key(label).id), Sample(key(label).record.objects))
    for label, seconds in (("map", future), ("gone", past)):
        world.put(Naming().expiry(key(label).id), Sample((*DUMMY_OBJECTS, encode_expiry(seconds))))
    assert perform(world.database(), Keys()) == Answer(found=True, count=2, document=["array", "map"])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", ["app/a", "app/b", "appB", "x[1]"]),
        ("app/*", ["app/a", "app/b"]),
        ("app?", ["appB"]),
        ("app/[ab]", ["app/a", "app/b"]),
        ("app/[!a]", ["app/b"]),
        ("APP*", []),
        ("app", []),
        ("x[[]1]", ["x[1]"]),
        ("", []),
    ],
)
def test_keys_are_chosen_by_a_pattern(memory: World, pattern: str, expected: list[str]) -> None:
    for label in ("app/b", "app/a", "appB", "x[1]"):
        perform(memory.database(), Set(key=key(label), value=text("v"), store_key=True))
    answer = perform(memory.database(), Keys(pattern=pattern))
    assert (answer.document, answer.count, answer.found) == (expected, len(expected), bool(expected))


def test_keys_that_are_gone_are_not_listed(world: World) -> None:
    database = world.database()
    for label in ("deleted", "taken", "expired", "alive"):
        perform(database, Set(key=key(label), value=text("v"), ttl=60 if label == "expired" else 120, store_key=True))
    perform(database, Del(keys=[key("deleted")]))
    perform(database, Getdel(key=key("taken")))
    world.clock.advance(60)
    assert perform(database, Keys()).document == ["alive"]


def test_a_stored_key_keeps_its_name_while_its_value_changes(memory: World) -> None:
    database = memory.database()
    perform(database, Set(key=key("k"), value=number("5"), store_key=True))
    perform(database, Incr(key=key("k")))
    perform(database, Set(key=key("k"), value=text("v")))
    assert perform(database, Keys()).document == ["k"]


def test_stored_keys_are_found_whatever_the_shard_length(memory: World) -> None:
    for length in (1, 2, 39):
        perform(memory.database(naming=Naming(length)), Set(key=key(str(length)), value=text("v"), store_key=True))
    assert perform(memory.database(), Keys()).document == ["1", "2", "39"]


def test_foreign_refs_are_no_keys(world: World) -> None:
    world.plant_foreign()
    assert perform(world.database(), Keys()) == Answer(found=False, count=0, document=[])


# --- types ----------------------------------------------------------------------------------------------------------

VALUES: Mapping[str, Value | int] = {
    "string": text("v"),
    "number": number("5"),
    "boolean": parse_value("Boolean", "true"),
    "json": parse_value("JSON", "[1]"),
    "bytes": bytes_value(b"v"),
    "file": file_value(b"v", media_type="image/png"),
    "counter": 5,
}


def of(world: World, label: str) -> Key:
    return Key.of(label, text(label), world.cipher)


def fill(world: World) -> None:
    """Store a key of each type under the name of its type, with ways of a lock to be, and one of each that has expired."""
    database = world.database()
    for label, value in VALUES.items():
        perform(database, Set(key=of(world, label), value=value, store_key=True))
        perform(database, Set(key=of(world, f"expired {label}"), value=value, ttl=60, store_key=True))
    for label in ("map", "array", "redirect"):
        world.put(Naming().key(of(world, label).id), Sample(of(world, label).record.objects))
    perform(database, Hset(key=of(world, "map"), entries=drafts(fence="1", gate="2")))
    perform(database, Apush(key=of(world, "array"), elements=[lambda _type: text("fence")]))
    for label in ("lock", "lock: released", "lock: its lease is over"):
        perform(database, Lock(key=of(world, label), owner="me", ttl=60 if "lease" in label else 600, store_key=True))
    perform(database, Unlock(key=of(world, "lock: released"), owner="me"))
    for owner in ("me", "you"):
        perform(database, Lock(key=of(world, "lock: two slots"), owner=owner, slots=2, ttl=600, store_key=True))
    perform(database, Unlock(key=of(world, "lock: two slots"), owner="me", slots=2))
    moved = of(world, "redirect")
    perform(database, Redirection(keys=[moved], targets={moved.id: Redirect("owner/other", 2)}))
    world.clock.advance(60)


LOCKS = ["lock", "lock: its lease is over", "lock: released", "lock: two slots"]
TYPES = sorted([*((label, label) for label in (*VALUES, "map", "array", "redirect")), *((label, "lock") for label in LOCKS)])


def typed(listed: Sequence[tuple[str, str]]) -> Answer:
    return Answer(found=bool(listed), count=len(listed), document=[{"key": label, "type": kind} for label, kind in listed])


def test_every_type_is_shown_and_chosen(world: World) -> None:
    fill(world)
    database = world.database()
    assert perform(database, Keys(with_types=True)) == typed(TYPES)
    assert perform(database, Keys()).document == [label for label, _ in TYPES]
    assert perform(database, Keys(types=["lock"])) == Answer(found=True, count=4, document=[*LOCKS])
    assert perform(database, Keys(types=["counter", "redirect"])).document == ["counter", "redirect"]


@pytest.mark.parametrize("kind", KEY_TYPES)
def test_keys_are_chosen_by_type(memory: World, kind: str) -> None:
    """A lock is a map, for ``type`` as well."""
    fill(memory)
    kinds = {kind, "lock"} if kind == "map" else {kind}
    chosen = [(label, shown) for label, shown in TYPES if shown in kinds]
    for types in ([kind], [kind, kind], [kind, "unknown"]):
        assert perform(memory.database(), Keys(types=types)).document == [label for label, _ in chosen]
        assert perform(memory.database(), Keys(types=types, with_types=True)) == typed(chosen)
    for label, shown in chosen:
        if shown != "redirect":
            assert perform(memory.database(), Type(key=key(label))).type == ("map" if shown == "lock" else shown)


def test_a_pattern_and_types_choose_together(memory: World) -> None:
    fill(memory)
    assert perform(memory.database(), Keys(pattern="*e*", types=["map", "file", "number"])).document == [
        *("file", "lock: its lease is over", "lock: released", "number")
    ]
    assert perform(memory.database(), Keys(pattern="m*", with_types=True)) == typed([("map", "map")])
    assert perform(memory.database(), Keys(pattern="lock", types=["array"])) == typed([])


def test_keys_of_one_name_and_two_types_are_two_keys(memory: World) -> None:
    perform(memory.database(), Set(key=key("5"), value=text("v"), store_key=True))
    perform(memory.database(), Set(key=Key.of("5", number("5")), value=7, store_key=True))
    assert perform(memory.database(), Keys(with_types=True)) == typed([("5", "counter"), ("5", "string")])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"fence": "1", "owner": "me"}, "lock"),
        ({"fence": "1"}, "lock"),
        ({"fence": "1", "fence-2": "1", "owner-2": "me"}, "lock"),
        ({"fence": "1", "fence-100": "1", "owner-100": "me"}, "lock"),
        ({"owner": "me"}, "map"),
        ({"fence-2": "1", "owner-2": "me"}, "map"),
        ({"fence": "1", "owner-2": "me"}, "map"),
        ({"fence": "1", "fence-101": "1"}, "map"),
        ({"fence": "1", "fence-02": "1"}, "map"),
        ({"fence": "wood", "gate": "iron"}, "map"),
        ({}, "map"),
    ],
)
def test_a_lock_is_told_by_its_fields(memory: World, fields: Mapping[str, str], expected: str) -> None:
    apply(memory, written(key("k"), fields))
    memory.put(Naming().key(key("k").id), Sample(key("k").record.objects))
    assert perform(memory.database(), Keys(with_types=True)) == typed([("k", expected)])
    assert perform(memory.database(), Keys(types=["map"])).document == ["k"]


def test_a_lock_holds_texts(memory: World) -> None:
    perform(memory.database(), Hset(key=key("k"), entries=drafts(fence=number("1"))))
    memory.put(Naming().key(key("k").id), Sample(key("k").record.objects))
    assert perform(memory.database(), Keys(with_types=True)) == typed([("k", "map")])


def test_types_are_told_of_what_is_encrypted(world: World) -> None:
    """Whichever of the keys encrypted a value last, and whether or not it was given."""
    world.cipher = cipher()
    fill(world)
    assert perform(world.database(), Keys(with_types=True)) == typed(TYPES)
    world.cipher = cipher("first", "second")
    perform(world.database(), Lock(key=of(world, "lock"), owner="me", ttl=600))
    world.cipher = cipher()
    assert perform(world.database(), Keys(types=["lock"])).document == LOCKS


def test_a_map_that_cannot_be_opened_is_a_map(memory: World) -> None:
    """Somebody wrote it plainly, or with an encryption key that is not the reader's."""
    perform(memory.database(), Set(key=key("a"), value=text("v")))  # so the database is not marked as encrypted
    for reader, writer in ((PLAIN, cipher()), (cipher(), PLAIN), (cipher(), cipher("other"))):
        memory.cipher = reader
        label = of(memory, "k")
        memory.put(Naming().key(label.id), Sample(label.record.objects))
        memory.cipher = writer
        perform(memory.database(), Lock(key=label, owner="me", ttl=600))
        memory.cipher = reader
        assert perform(memory.database(), Keys(with_types=True)) == typed([("k", "map")])
        perform(memory.database(), Del(keys=[label]))


def test_an_expired_key_of_another_encryption_key_is_left_out(memory: World) -> None:
    """As it is without types: what cannot be read is an error only where it would be listed."""
    perform(memory.database(), Set(key=key("kept"), value=text("v"), store_key=True))
    memory.cipher = cipher()
    perform(memory.database(), Set(key=of(memory, "ends"), value=text("v"), ttl=60, store_key=True))
    memory.cipher = PLAIN
    commands = [Keys(), Keys(with_types=True), Keys(pattern="k*", with_types=True), Keys(pattern="k*", types=["string"])]
    for command in commands:
        with pytest.raises(MissingEncryptionKeyError):
            perform(memory.database(), command)
    memory.clock.advance(60)
    assert [perform(memory.database(), command).count for command in commands] == [1] * 4


@pytest.mark.parametrize("target", MALFORMED.values(), ids=MALFORMED)
def test_a_damaged_value_keeps_no_other_from_being_listed(memory: World, target: Sample) -> None:
    """Its key is listed, of the type that ``type`` tells, or of none that is known."""
    fill(memory)
    damaged = key("damaged")
    memory.put(Naming().key(damaged.id), Sample(damaged.record.objects))
    memory.put(Naming().value(damaged.id), target)
    try:
        kind = perform(memory.database(), Type(key=damaged)).type
    except GitKeyvalError:
        kind = "unknown"
    assert kind is not None
    assert perform(memory.database(), Keys(with_types=True)) == typed(sorted([*TYPES, ("damaged", kind)]))
    assert "damaged" in cast("list[str]", perform(memory.database(), Keys(types=[kind])).document)
    assert memory.errors() != []


def test_what_is_lost_keeps_no_other_from_being_listed(git: World) -> None:
    """A key whose expiry is lost may have ended, and is left out."""
    fill(git)
    for label, lost in (("string", "commit"), ("lock: two slots", "tree"), ("json", "expiry")):
        perform(git.database(), Expire(key=key("json"), ttl=600))
        oid = git.refs()[Naming().expiry(key(label).id) if lost == "expiry" else Naming().value(key(label).id)]
        record = decode_message(git.store.objects([oid])[oid])
        git.place.lose(Oid(str(record["treeOid"])) if lost == "tree" else oid)
    damaged = {"string", "lock: two slots"}
    shown = [(label, "unknown" if label in damaged else kind) for label, kind in TYPES if label != "json"]
    fresh = World(git.place, git.clock)
    assert perform(fresh.database(), Keys(with_types=True)).document == typed(shown).document
    assert perform(fresh.database(), Keys(types=["lock"])).document == LOCKS[:-1]


def test_a_value_that_a_rival_deletes_is_left_out_or_shown_as_it_was(memory: World) -> None:
    for nth in range(1, 5):
        perform(memory.database(), Mset(values={key("k"): text("v"), key("l"): text("v")}, store_key=True))
        store = memory.faulty({nth: Rival(lambda: perform(memory.database(), Del(keys=[key("k")])))})
        document = perform(memory.database(store), Keys(with_types=True)).document
        assert document in (typed([("k", "string"), ("l", "string")]).document, typed([("l", "string")]).document)
        if not store.fired:
            break
    assert nth == 4


def test_nothing_is_read_beside_the_names_of_what_does_not_match(memory: World) -> None:
    perform(memory.database(), Mset(values={key(str(turn)): text(str(turn)) for turn in range(20)}, store_key=True))
    read = {}
    for pattern in ("*", "1?", "none"):
        store = memory.faulty({})
        perform(memory.database(store), Keys(pattern=pattern, types=["string"]))
        read[pattern] = [len(cast("tuple[Oid, ...]", call.request)) for call in store.calls if call.verb == "objects"]
    assert read == {"*": [20, 20], "1?": [20, 10], "none": [20]}
