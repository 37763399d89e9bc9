"""keys: the stored keys by name."""

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.values import Del, Getdel, Mset, Set
from git_keyval.database.answers import Answer
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import Naming
from git_keyval.format.times import SECOND
from tests.contract.samples import Sample
from tests.elements import apply, written
from tests.world import World, key, number, text


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
