"""The contract of Store.read."""

import pytest

from git_keyval.format.objects import blob
from git_keyval.store.closure import closure
from git_keyval.store.port import ABSENT, Applied, Depth, Selection, Snapshot, Store
from tests.contract.places import Place
from tests.contract.samples import (
    branch,
    by_oid,
    collection,
    create,
    note,
    record,
    tag,
)


def test_an_empty_store_has_no_refs(store: Store) -> None:
    found = store.read(Selection((branch("a"),), ("refs/",)))
    assert found == Snapshot({}, {})
    assert found.expected(branch("a")) is ABSENT


def test_nothing_is_found_where_nothing_is_asked_for(store: Store) -> None:
    store.apply([create(branch("a"), note("1"))])
    assert store.read() == Snapshot({}, {})
    assert store.read(Selection()) == Snapshot({}, {})


def test_refs_are_read_by_full_name(store: Store) -> None:
    names = [branch("a"), branch("a1"), branch("a-"), tag("a")]
    store.apply([create(name, note(name)) for name in names])
    found = store.read(Selection((branch("a"), tag("a"), branch("absent"))))
    assert found.refs == {branch("a"): note(branch("a")).oid, tag("a"): note(tag("a")).oid}
    assert found.expected(branch("a")) == note(branch("a")).oid
    assert found.expected(branch("absent")) is ABSENT


def test_refs_are_read_by_prefix(store: Store) -> None:
    names = [branch("a1"), branch("a2"), branch("b1"), tag("a1")]
    store.apply([create(name, note(name)) for name in names])
    assert store.read(Selection((), ("refs/heads/kv-0a/a",))).refs.keys() == {branch("a1"), branch("a2")}
    assert store.read(Selection((), ("refs/heads/kv-0a/a1", "refs/tags/"))).refs.keys() == {branch("a1"), tag("a1")}
    assert store.read(Selection((), ("refs/heads/kv-0a/c", "kv-0a/"))).refs == {}
    assert store.read(Selection((), ("ref",))).refs.keys() == set(names)


@pytest.mark.parametrize("depth", Depth)
def test_prefixes_that_are_no_folders_are_read_in_several_selections(place: Place, depth: Depth) -> None:
    """As the elements of a map are: all their expiries first, by a prefix of names, and the map after them."""
    elements = collection({"a": blob(b"1"), "b": blob(b"\0\xff")})
    samples = {branch("val-1"): elements, branch("exp-1"): note("key"), tag("exp-1-a"): note("tag")}
    expiries = {branch(f"exp-1-{number}"): note(str(number % 2)) for number in range(5)}
    others = [branch("exp-10"), branch("exp-2-1"), branch("exp"), tag("exp-2")]
    place.open().apply([create(name, sample) for name, sample in (samples | expiries).items()])
    place.open().apply([create(name, record(b"other")) for name in others])
    found = place.open().read(
        Selection((branch("exp-1"), branch("absent")), ("refs/heads/kv-0a/exp-1-", "refs/heads/kv-0b/")),
        Selection((branch("exp-1"), branch("val-1")), ("refs/tags/kv-0a/bc-1/exp-1", "refs/heads/kv-0a/nothing-")),
        depth=depth,
    )
    wanted = samples | expiries
    assert found.refs == {name: sample.oid for name, sample in wanted.items()}
    assert found.moved == frozenset()
    brought = closure(found.refs.values(), found.objects, depth)
    assert brought == closure(found.refs.values(), by_oid(obj for sample in wanted.values() for obj in sample.objects), depth)


def test_a_name_that_a_prefix_covers_too_is_found_once(store: Store) -> None:
    store.apply([create(branch("a"), note("1"))])
    found = store.read(Selection((branch("a"), branch("a")), ("refs/heads/", "refs/heads/kv-0a/")))
    assert found.refs == {branch("a"): note("1").oid}


def test_several_selections_make_one_snapshot(store: Store) -> None:
    store.apply([create(branch("a"), note("1")), create(tag("b"), note("2")), create(tag("c"), note("3"))])
    found = store.read(Selection((), ("refs/tags/",)), Selection((branch("a"), branch("absent"))))
    assert found.refs == {branch("a"): note("1").oid, tag("b"): note("2").oid, tag("c"): note("3").oid}
    assert found.objects[note("1").oid] == note("1").target
    assert found.objects[note("3").oid] == note("3").target


def test_messages_are_the_default_depth_and_bring_the_commits(store: Store) -> None:
    samples = [note("1"), record(b"2")]
    store.apply([create(branch("a"), samples[0]), create(branch("b"), samples[1])])
    found = store.read(Selection((branch("a"), branch("b"))))
    assert by_oid(sample.target for sample in samples).items() <= found.objects.items()


@pytest.mark.parametrize("depth", Depth)
def test_every_depth_gives_the_refs(store: Store, depth: Depth) -> None:
    store.apply([create(branch("a"), record(b"1"))])
    assert store.read(Selection((branch("a"),)), depth=depth).refs == {branch("a"): record(b"1").oid}


def test_values_bring_trees_and_blobs(place: Place) -> None:
    samples = [record(b"1"), record(b"2"), note("3")]
    place.open().apply([create(branch(str(number)), sample) for number, sample in enumerate(samples)])
    found = place.open().read(Selection((), ("refs/heads/",)), depth=Depth.VALUES)
    assert found.objects == by_oid(obj for sample in samples for obj in sample.objects)


@pytest.mark.parametrize("depth", Depth)
def test_files_may_come_along_with_their_trees(place: Place, depth: Depth) -> None:
    """Whatever comes is what the trees name there; and what does not exist is nothing."""
    elements = {"a": blob(b"1"), "b": blob(b"\0\xff"), "%": blob(b"2"), "c": blob(b"3")}
    made = collection(elements)
    place.open().apply([create(branch("a"), made), create(branch("b"), note("1"))])
    names = (branch("a"), branch("b"), branch("c"))
    paths = ("elements/a", "elements/b", "elements/%25", "elements/absent", "elements", "a", "metadata.json", "elements/a/b")
    found = place.open().read(Selection(names, files=tuple((name, path) for name in names for path in paths)), depth=depth)
    plain = place.open().read(Selection(names), depth=depth)
    assert (found.refs, found.moved) == (plain.refs, plain.moved)
    assert plain.objects.items() <= found.objects.items()
    beside = found.objects.keys() - plain.objects.keys()
    assert {oid: found.objects[oid] for oid in beside}.items() <= by_oid(made.objects).items()
    assert elements["c"].oid not in beside


@pytest.mark.parametrize("depth", Depth)
def test_what_is_planned_changes_nothing_of_what_is_read(place: Place, depth: Depth) -> None:
    place.open().apply([create(branch("a"), record(b"1")), create(branch("b"), note("1"))])
    names, planned = (branch("a"), branch("c")), (note("1").oid, note("2").oid, record(b"1").oid)
    store = place.open()
    assert store.read(Selection(names, planned=planned), depth=depth) == place.open().read(Selection(names), depth=depth)
    assert store.apply([create(branch("c"), note("1")), create(branch("d"), note("2"))]) == [Applied(), Applied()]
    assert place.open().read(Selection((branch("c"), branch("d")))).objects.keys() == {note("1").oid, note("2").oid}


def test_a_store_that_read_messages_still_brings_values(store: Store) -> None:
    store.apply([create(branch("a"), record(b"1"))])
    store.read(Selection((branch("a"),)))
    found = store.read(Selection((branch("a"),)), depth=Depth.VALUES)
    assert by_oid(record(b"1").objects).items() <= found.objects.items()


@pytest.mark.parametrize("message", ["ключ 🗝 \u202e\n", "", "no line feed", b"\xff\xfe no text\n", "\n\n two\n\n"])
def test_a_message_is_kept_byte_for_byte(place: Place, message: str | bytes) -> None:
    place.open().apply([create(branch("a"), note(message))])
    found = place.open().read(Selection((branch("a"),)))
    assert found.refs == {branch("a"): note(message).oid}
    is_told = place.tells_foreign or not isinstance(message, bytes)
    assert found.objects == (by_oid([note(message).target]) if is_told else {})


@pytest.mark.parametrize("depth", [Depth.MESSAGES, Depth.TREES, Depth.VALUES])
def test_a_commit_that_is_lost_is_left_out(place: Place, depth: Depth) -> None:
    place.open().apply([create(branch("a"), note("1")), create(branch("b"), record(b"2"))])
    place.lose(note("1").oid)
    found = place.open().read(Selection((branch("a"), branch("b"))), depth=depth)
    assert found.refs[branch("b")] == record(b"2").oid
    assert found.objects[record(b"2").oid] == record(b"2").target
    assert note("1").oid not in found.objects


@pytest.mark.parametrize("depth", [Depth.MESSAGES, Depth.TREES, Depth.VALUES])
@pytest.mark.parametrize("position", [0, 2], ids=["blob", "tree"])
def test_damage_below_one_commit_does_not_hide_another(place: Place, position: int, depth: Depth) -> None:
    """A server may be unable to send a commit that lacks something; then it is left out, and all else is read."""
    damaged, whole = record(b"1"), record(b"2")
    place.open().apply([create(branch("a"), damaged), create(branch("b"), whole)])
    lost = damaged.objects[position].oid
    place.lose(lost)
    found = place.open().read(Selection((branch("a"), branch("b"))), depth=depth)
    assert found.refs == {branch("a"): damaged.oid, branch("b"): whole.oid}
    assert found.objects[whole.oid] == whole.target
    assert lost not in found.objects


def test_many_refs_are_read_in_as_many_requests_as_one(place: Place) -> None:
    names = [branch(f"{number:03}") for number in range(150)]
    place.open().apply([create(name, note(name)) for name in names])
    one, many = place.open(), place.open()
    one.read(Selection(tuple(names[:1])))
    found = many.read(Selection(tuple(names)))
    assert found.refs == {name: note(name).oid for name in names}
    assert by_oid(note(name).target for name in names).items() <= found.objects.items()
    assert many.requests == one.requests
