"""check: every finding, and none in a database that is as it should be."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Get, Getdel, Set
from git_keyval.database.perform import perform
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, encode_line
from git_keyval.format.names import ANCHOR_TAG, Naming, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.values import Value, parse_value
from git_keyval.maintenance.check import check
from git_keyval.maintenance.init import init
from tests.conftest import FakeClock
from tests.contract.places import GitPlace, at_path, over_http
from tests.contract.samples import Sample, annotated_tag, delete, foreign_commit, note, plain_blob, record
from tests.world import FOREIGN, World, key, number, text

PlaceAt = Callable[[Path, FakeClock], AbstractContextManager[GitPlace]]

K = key()
VALUE = Naming().value(K.id)
EXPIRY = Naming().expiry(K.id)
STORED_KEY = Naming().key(K.id)


def fill(world: World) -> None:
    """Make a database with everything in it that belongs there."""
    init(world.maintenance())
    database = world.database()
    perform(database, Set(key=K, value=text("v"), ttl=60, store_key=True))
    for label, value in (("a", number("1.5")), ("b", parse_value("JSON", "[1]")), ("c", 5), ("d", parse_value("Boolean", "true"))):
        perform(database, Set(key=key(label), value=value, ttl=10**6, store_key=True))
    perform(database, Incr(key=key("c")))
    perform(database, Set(key=key("taken"), value=text("v")))
    perform(database, Getdel(key=key("taken")))
    world.clock.advance(1)
    world.plant(key("c"), 5)
    world.plant(key("waiting"), 5)


def found(world: World) -> list[tuple[str, str]]:
    return [(problem.ref, problem.severity) for problem in check(world.maintenance()).problems]


def test_a_database_that_is_as_it_should_be_has_no_findings(world: World) -> None:
    """An expired key that was not swept is none, nor is an increment that waits."""
    fill(world)
    world.clock.advance(3600)
    report = check(world.maintenance())
    assert (report.problems, report.count) == ([], 0)
    assert {name: report.counts[name] for name in ("keys", "data", "counter", "expiries", "expired", "storedKeys", "parked")} == {
        "keys": 5,
        "data": 4,
        "counter": 1,
        "expiries": 5,
        "expired": 1,
        "storedKeys": 5,
        "parked": 1,
    }


def test_an_empty_repository_has_no_findings(world: World) -> None:
    assert found(world) == []


@pytest.mark.parametrize("place_at", [at_path, over_http])
@pytest.mark.parametrize("content", ["", "no oid"])
def test_a_foreign_ref_that_git_cannot_read_is_reported(place_at: PlaceAt, content: str, tmp_path: Path, clock: FakeClock) -> None:
    """While it is there, git takes no write of anybody."""
    with place_at(tmp_path, clock) as place:
        world = World(place, clock)
        fill(world)
        broken = place.repository / "refs" / "heads" / "broken"
        broken.write_text(content)
        assert found(world) == [("refs/heads/broken", "error")]
        broken.unlink()  # as the next step says
        assert found(world) == []


def test_check_changes_nothing(world: World) -> None:
    fill(world)
    world.put(VALUE, foreign_commit("x"))
    before = world.refs()
    check(world.maintenance())
    assert world.refs() == before


def test_foreign_refs_are_at_most_warnings(world: World) -> None:
    fill(world)
    world.plant_foreign()
    findings = found(world)
    assert {severity for _, severity in findings} == {"warning"}
    assert {name for name, _ in findings} == {
        name for name in FOREIGN if name.startswith(("refs/heads/kv-", "refs/heads/gc", "refs/tags/kv"))
    }
    assert check(world.maintenance()).counts["foreign"] == len(findings)


FINDINGS: dict[str, tuple[RefName, Sample, str]] = {
    "a foreign value": (VALUE, foreign_commit("x"), "error"),
    "a value without metadata": (VALUE, note("hello\n"), "error"),
    "an expiry as value": (VALUE, Sample((*DUMMY_OBJECTS, encode_expiry(60))), "error"),
    "a malformed redirect": (VALUE, note(encode_line({"category": "redirect"}) + b"\n"), "error"),
    "a value as expiry": (EXPIRY, record(b"v"), "error"),
    "a malformed expiry": (EXPIRY, note(encode_line({"category": "expiry", "id": 0}) + b"\n"), "error"),
    "a stored key of another": (STORED_KEY, Sample(key("other").record.objects), "error"),
    "a malformed stored key": (STORED_KEY, note("hello\n"), "error"),
    "an anchor that is none": (ANCHOR_TAG, record(b"v"), "error"),
    "an expiry without a value": (Naming().expiry(key("x").id), Sample((*DUMMY_OBJECTS, encode_expiry(60))), "warning"),
    "a stored key without a value": (Naming().key(key("x").id), Sample(key("x").record.objects), "warning"),
    "another shard length": (Naming(3).value(K.id), record(b"v"), "warning"),
    "a parked value of the future": (
        RefName(f"refs/heads/gc/20300101T000000000000Z-{K.id}"),
        Sample(K.record.objects),
        "warning",
    ),
    "a name that must be a directory": (RefName("refs/heads/kv-ff"), foreign_commit("x"), "error"),
}


@pytest.mark.parametrize(("name", "target", "severity"), FINDINGS.values(), ids=FINDINGS)
def test_a_finding_names_its_ref(memory: World, name: RefName, target: Sample, severity: str) -> None:
    fill(memory)
    memory.put(name, target)
    assert found(memory) == [(name, severity)]


@pytest.mark.parametrize(
    "target",
    [foreign_commit("x"), annotated_tag(note("+1\n")), plain_blob(b"+1\n"), note("+0\n"), record(b"v")],
    ids=["foreign commit", "annotated tag", "blob", "zero", "data"],
)
def test_a_malformed_breadcrumb_is_an_error(world: World, target: Sample) -> None:
    fill(world)
    name = world.plant(key("c"), target)
    assert found(world) == [(name, "error")]


def test_a_void_breadcrumb_is_a_warning(memory: World) -> None:
    fill(memory)
    name = memory.plant(K, 5)
    assert found(memory) == [(name, "warning")]


@pytest.mark.parametrize("value", [text("v"), parse_value("JSON", "[1]"), 5, None], ids=["string", "JSON", "counter", "none"])
def test_a_void_breadcrumb_is_found_however_far_its_key_is_listed_from_it(world: World, value: Value | int | None) -> None:
    init(world.maintenance())
    if value is not None:
        perform(world.database(), Set(key=K, value=value))
    world.clock.advance(1)
    world.plant_many(key("many"), 1_100)
    voids = [world.plant(K, 5), world.plant(K, 6)]
    world.plant_many(key("more"), 1_100)
    assert found(world) == ([(name, "warning") for name in voids] if isinstance(value, Value) else [])


def test_a_breadcrumb_beside_a_value_that_has_expired_is_not_void(memory: World) -> None:
    """It counts from 0, as every reader says."""
    init(memory.maintenance())
    perform(memory.database(), Set(key=K, value=text("v"), ttl=60))
    memory.clock.advance(120)
    name = memory.plant(K, 5)
    assert found(memory) == []
    assert perform(memory.database(), Get(key=K)).value == 5
    perform(memory.database(), Set(key=K, value=text("v")))
    assert found(memory) == ([(name, "warning")] if name in memory.refs() else [])


def test_only_keys_are_counted_as_expired(memory: World) -> None:
    fill(memory)
    memory.put(Naming().expiry(key("none").id), Sample((*DUMMY_OBJECTS, encode_expiry(60))))
    assert check(memory.maintenance()).counts["expired"] == 0
    memory.clock.advance(3600)
    assert check(memory.maintenance()).counts["expired"] == 1


def test_a_breadcrumb_is_not_blamed_for_its_value(memory: World) -> None:
    """A good breadcrumb of a counter that cannot be read is not what breaks the format."""
    fill(memory)
    memory.put(Naming().value(key("c").id), note("hello\n"))
    assert found(memory) == [(Naming().value(key("c").id), "error")]


@pytest.mark.parametrize("seconds", [3600, 3601])
def test_times_far_ahead_are_warnings(memory: World, seconds: int) -> None:
    """Some clock was wrong by more than an hour."""
    fill(memory)
    crumb = memory.plant(key("c"), 5, ago=-seconds)
    assert found(memory) == ([] if seconds == 3600 else [(crumb, "warning")])


def test_a_counter_that_was_set_far_ahead_is_a_warning(memory: World) -> None:
    fill(memory)
    memory.clock.advance(4000)
    perform(memory.database(), Set(key=key("ahead"), value=5))
    memory.clock.advance(-4000)
    assert Naming().value(key("ahead").id) in {ref for ref, severity in found(memory) if severity == "warning"}


def test_a_missing_anchor_is_a_warning(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=text("v")))
    memory.store.apply([delete(ANCHOR_TAG)])
    assert found(memory) == [(ANCHOR_TAG, "warning")]


LOST: dict[str, Callable[[World], tuple[RefName, Oid]]] = {
    "the value commit": lambda world: (VALUE, world.refs()[VALUE]),
    "the expiry commit": lambda world: (EXPIRY, world.refs()[EXPIRY]),
    "the data": lambda _world: (VALUE, _blob_of(text("v").data)),
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_a_missing_object_is_an_error(world: World, lost: Callable[[World], tuple[RefName, Oid]]) -> None:
    fill(world)
    name, oid = lost(world)
    world.place.lose(oid)
    fresh = World(world.place, world.clock)
    assert (name, "error") in found(fresh)


def test_many_refs_are_all_looked_at(memory: World) -> None:
    fill(memory)
    memory.plant_many(key("many"), 1_100)
    malformed = {memory.plant(key("many"), note("hello\n"), ago=turn) for turn in (1, 2)}
    assert {ref for ref, severity in found(memory) if severity == "error"} == malformed
    assert check(memory.maintenance()).counts["breadcrumbs"] == len(memory.breadcrumbs())


def _blob_of(data: bytes) -> Oid:
    return plain_blob(data).oid
