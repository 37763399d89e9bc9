"""check: maps and arrays, their elements and the expiries of these."""

from collections.abc import Callable, Iterable, Mapping

import pytest

from git_keyval.commands.arrays import Aset
from git_keyval.commands.maps import Hdel, Hget, Hset, Httl
from git_keyval.commands.values import Del, Set
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.errors import MalformedRecordError
from git_keyval.format.elements import Collection, encode_collection
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import Naming
from git_keyval.format.objects import GitObject, Oid, blob, commit, tree
from git_keyval.format.sealed import Encryption, sealed_name
from git_keyval.maintenance.check import check
from git_keyval.maintenance.init import init
from git_keyval.maintenance.report import Problem
from git_keyval.store.port import ABSENT, Depth, RefUpdate, Transaction
from tests.around import StoreAround
from tests.contract.samples import Sample, delete, foreign_commit, note, record
from tests.elements import apply, ended, ending, made, written
from tests.replacing import replace
from tests.summaries import summary_of
from tests.world import World, draft, key, number, text

K = key()
VALUE = Naming().value(K.id)
NOON = 1_767_268_800
SWEPT = "Nothing: sweep removes it once expired."
COUNTED = ("keys", "map", "array", "elements", "elementExpiries", "expiries", "expired")


@pytest.fixture
def world(world: World) -> World:
    init(world.maintenance())
    return world


@pytest.fixture
def memory(memory: World) -> World:
    init(memory.maintenance())
    return memory


def found(world: World) -> list[tuple[str, str]]:
    return [(problem.ref, problem.severity) for problem in check(world.maintenance()).problems]


def only(world: World) -> Problem:
    (problem,) = check(world.maintenance()).problems
    return problem


def test_maps_and_arrays_are_counted_and_have_no_findings(world: World) -> None:
    """Expired elements that were not swept are none."""
    apply(world, written(key("map"), {"a": "1", "..": "2", "é": "3"}, ends={"a": NOON, "é": NOON + 60}))
    apply(world, written(key("array"), {"0": "1", "2": "1"}, length=5, ends={"2": NOON}))
    apply(world, written(key("empty map"), {}), written(key("empty array"), {}, length=3))
    world.put(Naming().expiry(key("map").id), Sample((*DUMMY_OBJECTS, encode_expiry(NOON + 60))))
    assert found(world) == []
    counts = check(world.maintenance()).counts
    assert {name: counts[name] for name in COUNTED} == {
        "keys": 4,
        "map": 2,
        "array": 2,
        "elements": 5,
        "elementExpiries": 3,
        "expiries": 1,
        "expired": 0,
    }
    text = summary_of(check(world.maintenance()))
    assert "| elements of maps and arrays | 5 |" in text
    assert "| elements that expire | 3 |" in text


def _of_numbers(elements: Mapping[str, GitObject], length: int | None = None) -> Sample:
    shape = replace(made({}, length), type="Number", elements={name: data.oid for name, data in elements.items()})
    return Sample((*elements.values(), *encode_collection(shape).objects))


@pytest.mark.parametrize(("length", "repair"), [(None, "'hset' and 'hdel'"), (5, "'aset'")], ids=["map", "array"])
def test_malformed_elements_are_an_error_of_their_key(world: World, length: int | None, repair: str) -> None:
    """How many there are is told; not which: an element key may be a secret."""
    data = {"0": blob(b"1"), "1": blob(b"01"), "2": blob(b"secret"), "3": blob(b"1")}
    world.put(VALUE, _of_numbers(data, length))
    problem = only(world)
    assert (problem.ref, problem.severity, problem.problem) == (VALUE, "error", "it has 2 elements not of its type")
    assert repair in problem.next_step


@pytest.mark.parametrize(("layout", "expected"), [(b"\x01", []), (b"\x02", [(VALUE, "error")])], ids=["good", "of a later layout"])
def test_an_encrypted_map_is_checked_without_a_key(world: World, layout: bytes, expected: list[tuple[str, str]]) -> None:
    """What can be seen from outside: the layout of its elements, the names of their keys, and to which its expiries belong."""
    data = blob(layout + bytes(40))
    names = [sealed_name(bytes([number]) * 20) for number in range(2)]
    encrypted = replace(made({}), elements=dict.fromkeys(names, data.oid), encryption=Encryption("A256GCM", "first"))
    world.put(VALUE, Sample((data, *encode_collection(encrypted).objects)))
    apply(world, ended(K, {names[0]: NOON}))
    assert found(world) == expected


REPAIRS: Mapping[str, Callable[[Database], object]] = {
    "hset": lambda database: perform(database, Hset(key=K, entries={"1": draft(number("7"))})),
    "hdel": lambda database: perform(database, Hdel(key=K, fields=["1"])),
    "del": lambda database: perform(database, Del(keys=[K])),
}


@pytest.mark.parametrize("repair", REPAIRS.values(), ids=REPAIRS)
def test_what_check_advises_repairs_a_map(world: World, repair: Callable[[Database], object]) -> None:
    """Of its two fields one is malformed, which reading it tells."""
    world.put(VALUE, _of_numbers({"0": blob(b"1"), "1": blob(b"01")}))
    assert perform(world.database(), Hget(key=K, field="0")).found
    with pytest.raises(MalformedRecordError):
        perform(world.database(), Hget(key=K, field="1"))
    repair(world.database())
    assert found(world) == []


def test_what_check_advises_repairs_an_array(world: World) -> None:
    world.put(VALUE, _of_numbers({"0": blob(b"1"), "1": blob(b"01")}, 3))
    perform(world.database(), Aset(key=K, index=1, element=draft(number("7"))))
    assert found(world) == []


def test_what_check_advises_repairs_a_malformed_element_expiry(world: World) -> None:
    for label in "ab":
        apply(world, written(key(label), {"x": "1", "y": "2"}, ends={"y": NOON}))
        world.put(ending(key(label), "x"), note("hello\n"))
    perform(world.database(), Del(keys=[key("a")]))
    world.store.apply([delete(ending(key("b"), "x"))])
    assert found(world) == []
    assert perform(world.database(), Httl(key=key("b"), field="x")).ttl == -1


def _map(line: bytes, elements: GitObject, **files: Oid) -> Sample:
    """Make a map or an array of a line and a subtree, whether or not they fit together; with more files beside them."""
    metadata = blob(line)
    root = tree([("metadata.json", metadata.oid), *files.items()], [("elements", elements.oid)])
    return Sample((blob(b"1"), elements, metadata, root, commit(root.oid, line + b"\n")))


GOOD, ARRAY = encode_collection(made({"a": "1"})), encode_collection(made({"3": "1"}, 4))
LINE = GOOD.objects[1].data
MALFORMED = {
    "a file beside the metadata": _map(LINE, GOOD.objects[0], x=blob(b"1").oid),
    "another subtree": _map(LINE, tree([("b", blob(b"1").oid)])),
    "an index beyond the length": _map(ARRAY.objects[1].data.replace(b'"length":4', b'"length":3'), ARRAY.objects[0]),
    "a message alone": note(LINE + b"\n"),
}


@pytest.mark.parametrize("target", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_map_or_array_is_an_error(world: World, target: Sample) -> None:
    """Its element expiries are not blamed for it."""
    apply(world, ended(K, {"a": NOON}))
    world.put(VALUE, target)
    assert found(world) == [(VALUE, "error")]


@pytest.mark.parametrize("lost", ["an element", "the metadata", "the elements", "the tree", "the commit"])
def test_a_missing_object_is_an_error_of_its_key(world: World, lost: str) -> None:
    record_ = encode_collection(made({"a": "one of its own", "b": "2"}))
    oids = {
        "an element": blob(b"one of its own").oid,
        "the elements": record_.objects[0].oid,
        "the metadata": record_.objects[1].oid,
        "the tree": record_.objects[2].oid,
        "the commit": record_.objects[3].oid,
    }
    apply(world, written(K, {"a": "one of its own", "b": "2"}, ends={"a": NOON}), written(key("other"), {"a": "1"}))
    world.place.lose(oids[lost])
    assert found(World(world.place, world.clock)) == [(VALUE, "error")]


@pytest.mark.parametrize("target", [foreign_commit("x"), note("hello\n"), record(b"v")], ids=["foreign", "text", "data"])
def test_a_malformed_element_expiry_is_an_error(world: World, target: Sample) -> None:
    apply(world, written(K, {"a": "1", "b": "2"}, ends={"b": NOON}))
    name = world.put(ending(K, "a"), target)
    assert found(world) == [(name, "error")]
    assert "the element is taken out" in only(world).next_step


def test_a_missing_expiry_commit_of_an_element_is_an_error(world: World) -> None:
    apply(world, written(K, {"a": "1", "b": "2"}, ends={"a": NOON, "b": NOON + 60}))
    world.place.lose(encode_expiry(NOON).oid)
    assert found(World(world.place, world.clock)) == [(ending(K, "a"), "error")]


BESIDE: Mapping[str, Callable[[World], object]] = {
    "a map": lambda world: apply(world, written(K, {"b": "1"}, ends={"b": NOON})),
    "an array": lambda world: apply(world, written(K, {"1": "1"}, length=4)),
    "an empty map": lambda world: apply(world, written(K, {})),
    "a text": lambda world: perform(world.database(), Set(key=K, value=text("v"))),
    "a counter": lambda world: perform(world.database(), Set(key=K, value=5)),
    "nothing": lambda _world: None,
}


@pytest.mark.parametrize("beside", BESIDE)
def test_an_element_expiry_that_belongs_to_nothing_is_a_warning(world: World, beside: str) -> None:
    BESIDE[beside](world)
    apply(world, ended(K, {"a": NOON}))
    problem = only(world)
    assert (problem.ref, problem.severity, problem.next_step) == (ending(K, "a"), "warning", SWEPT)


def test_an_element_expiry_is_told_apart_however_far_it_is_listed_from_its_key(memory: World) -> None:
    apply(memory, ended(K, {"a": NOON, "b": NOON}))
    memory.plant_many(key("many"), 1_100)
    apply(memory, written(K, {"a": "1"}))
    assert found(memory) == [(ending(K, "b"), "warning")]


class Asked(StoreAround):
    """Keeps how many objects each request brought."""

    def __init__(self, world: World) -> None:
        super().__init__(world.store)
        self.brought: list[int] = []

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        objects = self._store.objects(oids, depth)
        self.brought.append(len(objects))
        return objects


def test_large_maps_are_read_a_few_at_a_time_and_not_element_by_element(memory: World) -> None:
    """So many blobs at once that they fit into memory, and a single larger map by itself."""
    sizes = {"a": 6_000, "b": 4_000, "c": 3_000, "d": 12_000, "e": 1}
    for label, size in sizes.items():
        elements = {f"field{number}": blob(f"{label}{number}".encode()) for number in range(size)}
        collection = Collection("map", "String", "text/plain", "txt", {name: data.oid for name, data in elements.items()})
        made_ = encode_collection(collection)
        update = RefUpdate(Naming().value(key(label).id), ABSENT, made_.commit.oid)
        apply(memory, Transaction((update,), (*elements.values(), *made_.objects)))
    store = Asked(memory)
    report = check(memory.maintenance(store))
    assert (report.count, report.counts["map"], report.counts["elements"]) == (0, 5, sum(sizes.values()))
    assert len(store.brought) <= 5
    assert max(store.brought) <= 12_000 + 10


def test_check_of_maps_changes_nothing(world: World) -> None:
    apply(world, written(K, {"a": "1"}, ends={"a": NOON, "b": NOON}))
    before = world.refs()
    check(world.maintenance())
    assert world.refs() == before
