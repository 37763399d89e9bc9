"""ls: everything there is, by name or by id."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Ttl
from git_keyval.commands.keyspace import Keys, Ls
from git_keyval.commands.maps import Hset
from git_keyval.commands.redirects import Redirection
from git_keyval.commands.values import Del, Exists, Mset, Set, Type
from git_keyval.database import entries
from git_keyval.database.ciphers import PLAIN
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import GitKeyvalError, KeyOrderError, MissingEncryptionKeyError, WrongEncryptionKeyError
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import Naming
from git_keyval.format.objects import Oid, blob
from git_keyval.format.redirects import Redirect
from git_keyval.format.times import iso_utc
from tests.commands.test_keys import LOCKS, TYPES, VALUES, fill, of
from tests.commands.test_malformed import VALUES as MALFORMED
from tests.contract.samples import Sample
from tests.encrypting import cipher
from tests.faults import Rival
from tests.world import World, drafts, key, number, text


def listed(world: World, command: Ls) -> list[Any]:
    answer = perform(world.database(), command)
    assert isinstance(answer.document, list)
    assert (answer.count, answer.found) == (len(answer.document), bool(answer.document))
    return cast("list[Any]", answer.document)


def entry(world: World, label: str) -> Mapping[str, Any]:
    (found,) = [each for each in listed(world, Ls(long=True)) if each["key"] == label]
    return cast("Mapping[str, Any]", found)


def test_everything_is_listed(world: World) -> None:
    """What was not stored by name is listed by its id; what has expired is not."""
    fill(world)
    perform(world.database(), Set(key=of(world, "unnamed"), value=text("v")))
    unnamed = of(world, "unnamed").id
    assert listed(world, Ls()) == sorted([*(label for label, _ in TYPES), unnamed])
    assert [(each["key"], each["type"]) for each in listed(world, Ls(long=True))] == sorted([*TYPES, (unnamed, "string")])
    assert listed(world, Ls(expired=True)) == sorted(f"expired {label}" for label in VALUES)
    assert listed(world, Ls(pattern="*e*", types=["map", "file", "number"])) == [
        *("file", "lock: its lease is over", "lock: released", "number")
    ]
    assert listed(world, Ls(types=["lock"])) == LOCKS
    assert listed(world, Ls(pattern=f"{unnamed[:5]}*")) == [unnamed]
    assert listed(world, Ls(pattern="no*", long=True)) == []


def test_an_entry_says_what_a_key_is(world: World) -> None:
    """Its size is that of what is stored, of all elements together."""
    perform(world.database(), Set(key=of(world, "text"), value=text("four"), ttl=120, store_key=True))
    perform(world.database(), Set(key=of(world, "number"), value=41, store_key=True))
    perform(world.database(), Hset(key=of(world, "map"), entries=drafts(a="1", b="234")))
    world.put(Naming().key(of(world, "map").id), Sample(of(world, "map").record.objects))
    world.plant(of(world, "number"), 1)
    found = entry(world, "text")
    assert found == {
        "key": "text",
        "id": of(world, "text").id,
        "named": True,
        "category": "data",
        "type": "string",
        "size": 4,
        "elements": None,
        "expires-at": found["expires-at"],
        "waiting": 0,
    }
    assert found["expires-at"] == iso_utc(perform(world.database(), Ttl(key=of(world, "text"))).expires_at or 0)
    assert {**entry(world, "number"), "id": ""} == {
        **found,
        "key": "number",
        "id": "",
        "category": "counter",
        "type": "counter",
        "size": None,
        "expires-at": None,
        "waiting": 1,
    }
    shown = entry(world, "map")
    assert (shown["category"], shown["type"], shown["size"], shown["elements"]) == ("map", "map", 4, 2)


def test_names_that_are_not_stored_can_be_given(world: World) -> None:
    perform(world.database(), Mset(values={of(world, label): text("v") for label in ("a", "b", "c")}))
    names = {of(world, label).id: label for label in ("b", "c", "absent", "")}
    perform(world.database(), Set(key=of(world, ""), value=text("v")))
    assert listed(world, Ls(names=names)) == sorted(["", "b", "c", of(world, "a").id])
    assert listed(world, Ls(names=names, pattern="[bc]")) == ["b", "c"]
    assert [each["named"] for each in listed(world, Ls(names=names, pattern="b", long=True))] == [True]


def test_keys_are_chosen_by_when_they_end(memory: World) -> None:
    for label, ttl in (("soon", 60), ("later", 3600), ("much later", 86_400)):
        perform(memory.database(), Set(key=key(label), value=text("v"), ttl=ttl, store_key=True))
    perform(memory.database(), Set(key=key("never"), value=text("v"), store_key=True))
    for seconds, expected in ((1, []), (120, ["soon"]), (7200, ["later", "soon"]), (10**9, ["later", "much later", "soon"])):
        assert listed(memory, Ls(expires_within=seconds)) == expected
    memory.clock.advance(3600 * 2)
    assert listed(memory, Ls()) == ["much later", "never"]
    assert listed(memory, Ls(expired=True)) == ["later", "soon"]
    assert [each["expires-at"] is None for each in listed(memory, Ls(expired=True, long=True))] == [False, False]


def test_a_redirect_does_not_expire(memory: World) -> None:
    """Whatever expiry is beside it: a reader follows it."""
    moved = key("moved")
    perform(memory.database(), Set(key=moved, value=text("v"), store_key=True))
    perform(memory.database(), Redirection(keys=[moved], targets={moved.id: Redirect("owner/other", 2)}))
    memory.put(Naming().expiry(moved.id), Sample((*DUMMY_OBJECTS, encode_expiry(1))))
    assert listed(memory, Ls()) == ["moved"]
    assert perform(memory.database(), Keys()).document == ["moved"]
    assert listed(memory, Ls(expired=True)) == []
    assert (entry(memory, "moved")["type"], entry(memory, "moved")["expires-at"]) == ("redirect", None)


def test_a_counter_that_no_gather_has_begun_is_there(memory: World) -> None:
    """An increment waits for it, so it exists; one that was counted in the life before is none."""
    perform(memory.database(), Incr(key=key("ended"), ttl=60, store_key=True))
    memory.plant(key("ended"), 1)
    memory.clock.advance(120)
    assert listed(memory, Ls()) == []
    memory.plant(key("ended"), 1)
    memory.plant(key("begins"), 1)
    for each in ("ended", "begins"):
        assert perform(memory.database(), Exists(keys=[key(each)])).found
        assert perform(memory.database(), Type(key=key(each))).type == "counter"
    assert listed(memory, Ls()) == sorted(["ended", key("begins").id])
    assert listed(memory, Ls(expired=True)) == []
    assert {each["type"] for each in listed(memory, Ls(long=True))} == {"counter"}
    assert entry(memory, "ended")["expires-at"] is None
    assert (entry(memory, "ended")["waiting"], entry(memory, key("begins").id)["waiting"]) == (2, 1)


def test_without_the_encryption_key_ids_are_listed(world: World) -> None:
    world.cipher = cipher()
    fill(world)
    ids = {label: of(world, label).id for label, _ in TYPES}
    world.cipher = PLAIN
    assert listed(world, Ls()) == sorted(ids.values())
    assert listed(world, Ls(pattern="map")) == []
    assert listed(world, Ls(pattern=ids["map"])) == [ids["map"]]
    shown = {each["id"]: (each["type"], each["named"]) for each in listed(world, Ls(long=True))}
    assert shown == {ids[label]: ("map" if kind == "lock" else kind, False) for label, kind in TYPES}


@pytest.mark.parametrize(
    ("reader", "error"),
    [
        (cipher("first", wrong="first"), WrongEncryptionKeyError),
        (cipher("other"), MissingEncryptionKeyError),
        (cipher("other", "first"), KeyOrderError),
    ],
    ids=["wrong", "missing", "order"],
)
def test_another_encryption_key_is_an_error(memory: World, reader: Any, error: type[GitKeyvalError]) -> None:  # noqa: ANN401
    """Or names would seem not to be stored."""
    memory.cipher = cipher()
    perform(memory.database(), Set(key=of(memory, "k"), value=text("v"), store_key=True))
    memory.cipher = reader
    for command in (Ls(), Ls(long=True), Ls(pattern="no*")):
        with pytest.raises(error):
            perform(memory.database(), command)


@pytest.mark.parametrize("target", MALFORMED.values(), ids=MALFORMED)
def test_a_damaged_value_is_listed_with_its_problem(memory: World, target: Sample) -> None:
    fill(memory)
    memory.put(Naming().key(key("damaged").id), Sample(key("damaged").record.objects))
    memory.put(Naming().value(key("damaged").id), target)
    assert listed(memory, Ls()) == sorted([*(label for label, _ in TYPES), "damaged"])
    shown = entry(memory, "damaged")
    try:
        kind = perform(memory.database(), Type(key=key("damaged"))).type
    except GitKeyvalError:
        kind = "unknown"
    assert shown["type"] == kind or shown["problem"]


def test_a_key_whose_expiry_is_lost_is_listed_with_its_problem(memory: World) -> None:
    """Nobody knows whether it has ended."""
    perform(memory.database(), Set(key=key("k"), value=text("v"), store_key=True))
    memory.put(Naming().expiry(key("k").id), Sample((*DUMMY_OBJECTS, encode_expiry(5))))
    odd = Naming().expiry(key("l").id)
    perform(memory.database(), Set(key=key("l"), value=text("v"), store_key=True))
    memory.put(odd, Sample(key("l").record.objects))
    assert listed(memory, Ls()) == ["l"]
    assert entry(memory, "l")["problem"]
    assert entry(memory, "l")["expires-at"] is None
    assert perform(memory.database(), Keys()).document == []


def test_what_a_rival_deletes_is_left_out_or_shown_as_it_was(memory: World) -> None:
    for nth in range(1, 7):
        perform(memory.database(), Mset(values={key("k"): text("v"), key("l"): text("v")}, store_key=True))
        store = memory.faulty({nth: Rival(lambda: perform(memory.database(), Del(keys=[key("k")])))})
        document = perform(memory.database(store), Ls(long=True)).document
        assert isinstance(document, list)
        assert [each["key"] for each in document if isinstance(each, dict)] in (["k", "l"], ["l"])
        assert not any("problem" in each for each in document if isinstance(each, dict))
        if not store.fired:
            break
    assert nth == 5


def test_a_large_database_is_read_in_parts(memory: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts change nothing of the answer."""
    fill(memory)
    perform(memory.database(), Hset(key=key("large"), entries=drafts(**{f"f{turn}": "v" for turn in range(7)})))
    whole = listed(memory, Ls(long=True))
    monkeypatch.setattr(entries, "_KEYS_AT_ONCE", 3)
    monkeypatch.setattr(entries, "_BLOBS_AT_ONCE", 2)
    assert listed(memory, Ls(long=True)) == whole
    assert listed(memory, Ls()) == [each["key"] for each in whole]


def test_foreign_refs_are_no_keys(world: World) -> None:
    world.plant_foreign()
    assert listed(world, Ls(long=True)) == []


def test_one_name_of_two_types_is_two_keys(memory: World) -> None:
    perform(memory.database(), Set(key=key("5"), value=text("v"), store_key=True))
    other = Key.of("5", number("5"))
    perform(memory.database(), Set(key=other, value=7, store_key=True))
    assert listed(memory, Ls()) == ["5", "5"]
    assert {each["id"] for each in listed(memory, Ls(long=True))} == {key("5").id, other.id}


def test_a_name_that_is_not_the_keys_own_is_none(memory: World) -> None:
    """Somebody put it beside another key's value."""
    perform(memory.database(), Set(key=key("k"), value=text("v")))
    memory.put(Naming().key(key("k").id), Sample(key("other").record.objects))
    assert listed(memory, Ls()) == [key("k").id]
    assert perform(memory.database(), Keys()).document == []


def test_a_lost_blob_keeps_no_other_from_being_listed(git: World) -> None:
    perform(git.database(), Mset(values={key("k"): text("lost"), key("l"): text("v")}, store_key=True))
    git.place.lose(blob(b"lost").oid)
    fresh = World(git.place, git.clock)
    assert [(each["key"], each["size"], "problem" in each) for each in listed(fresh, Ls(long=True))] == [
        ("k", None, True),
        ("l", 1, False),
    ]


def test_the_elements_of_many_maps_are_read_a_bounded_number_at_a_time(memory: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "_BLOBS_AT_ONCE", 10)
    for turn in range(9):
        perform(memory.database(), Hset(key=key(str(turn)), entries=drafts(**{f"f{place}": f"{turn}" for place in range(4)})))
    store = memory.faulty({})
    perform(memory.database(store), Ls(long=True))
    reads = [len(cast("tuple[Oid, ...]", call.request)) for call in store.calls if call.verb == "objects"]
    assert reads == [9, 2, 2, 2, 2, 1]
