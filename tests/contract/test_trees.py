"""The contract of reads that bring trees: maps and arrays without, or with, the blobs of their elements."""

import pytest

from git_keyval.errors import MalformedRecordError
from git_keyval.format.elements import decode_collection
from git_keyval.format.objects import GitObject, Oid, blob, commit, from_content, tree
from git_keyval.store.closure import closure
from git_keyval.store.port import Depth, Selection, Snapshot, Store
from tests.contract.places import OF_SIZE, Place, places
from tests.contract.samples import (
    UNSTORED,
    Sample,
    branch,
    by_oid,
    collection,
    create,
    delete,
    foreign_commit,
    note,
    put,
    record,
    texts,
)

SMALL = collection({"a": blob(b"text"), "b": blob(b"\0\xff"), "..": blob(b"text"), "é": blob(b"")})
EMPTY = collection({})
LARGE = collection(texts(10_000))
ANY_COMMIT = Selection((), ("refs/heads/",))


def without_blobs(*samples: Sample) -> dict[str, GitObject]:
    return {obj.oid: obj for sample in samples for obj in sample.objects if obj.kind != "blob"}


def brought(found: Snapshot) -> dict[Oid, GitObject]:
    """Return what a read of trees has to bring; before protocol version 2 it brings the blobs, too."""
    return closure(found.refs.values(), found.objects, Depth.TREES)


def write(place: Place, *samples: Sample) -> None:
    for number, sample in enumerate(samples):
        place.open().apply([create(branch(str(number)), sample)])


def test_trees_come_with_the_commits_and_without_blobs(place: Place) -> None:
    write(place, SMALL, EMPTY, record(b"1"), note("2"))
    found = place.open().read(ANY_COMMIT, depth=Depth.TREES)
    assert brought(found) == without_blobs(SMALL, EMPTY, record(b"1"), note("2"))
    for sample in (SMALL, EMPTY):
        decode_collection(found.objects[sample.oid], found.objects)


def test_trees_are_fetched_by_the_oids_of_their_commits(place: Place) -> None:
    write(place, SMALL, record(b"1"), note("2"))
    found = place.open().objects([SMALL.oid, record(b"1").oid, note("2").oid, UNSTORED], Depth.TREES)
    assert found == without_blobs(SMALL, record(b"1"), note("2"))


def test_a_tree_brings_its_subtree_and_a_blob_itself(place: Place) -> None:
    *blobs, subtree, metadata, root, _ = SMALL.objects
    if not place.gives_all:
        pytest.skip("no ref points at a tree")
    write(place, SMALL)
    asked = [root.oid, metadata.oid, *(made.oid for made in blobs)]
    assert place.open().objects(asked, Depth.TREES) == by_oid([root, subtree, metadata, *blobs])
    assert place.open().objects([subtree.oid], Depth.TREES) == by_oid([subtree])


def test_values_bring_what_is_in_the_subtree(place: Place) -> None:
    write(place, SMALL, EMPTY, record(b"1"))
    everything = by_oid([*SMALL.objects, *EMPTY.objects, *record(b"1").objects])
    assert place.open().read(ANY_COMMIT, depth=Depth.VALUES).objects == everything
    assert place.open().objects([SMALL.oid, EMPTY.oid, record(b"1").oid], Depth.VALUES) == everything


@places(OF_SIZE)
def test_ten_thousand_elements_are_read(place: Place) -> None:
    write(place, LARGE)
    found = place.open().read(ANY_COMMIT, depth=Depth.TREES)
    assert brought(found) == without_blobs(LARGE)
    assert len(decode_collection(found.objects[LARGE.oid], found.objects).elements) == 10_000
    assert place.open().objects([LARGE.oid], Depth.VALUES) == by_oid(LARGE.objects)


@places(OF_SIZE)
def test_one_element_of_ten_thousand_is_changed(place: Place) -> None:
    """What is written are the changed blob, two trees and the commit; all else is there."""
    changed = collection({**texts(10_000), "field 5000": blob(b"another text")})
    stored = by_oid(LARGE.objects)
    sent = tuple(obj for obj in changed.objects if obj.oid not in stored)
    write(place, LARGE)
    store = place.open()
    store.read(Selection((branch("0"),)), depth=Depth.TREES)
    store.apply([put(branch("0"), Sample(sent), LARGE.oid)])
    assert len(sent) == 5
    assert place.open().read(ANY_COMMIT, depth=Depth.VALUES).objects == by_oid(changed.objects)


def test_elements_come_and_go(place: Place) -> None:
    """Each step builds on what the one before it left, down to no element and up again."""
    store = place.open()
    steps = [texts(300), texts(299), texts(1), {}, texts(250), {**texts(250), "field 7": blob(b"\0")}, {"a": blob(b"")}]
    for elements in steps:
        store.apply([put(branch("0"), collection(elements))])
        store.read(Selection((branch("0"),)), depth=Depth.TREES)
        assert place.open().read(ANY_COMMIT, depth=Depth.VALUES).objects == by_oid(collection(elements).objects)


def test_a_store_that_read_messages_or_trees_still_brings_the_rest(store: Store) -> None:
    store.apply([create(branch("0"), SMALL)])
    for depth in (Depth.MESSAGES, Depth.TREES, Depth.VALUES):
        found = store.read(ANY_COMMIT, depth=depth)
    assert found.objects == by_oid(SMALL.objects)


def test_trees_are_read_where_an_element_is_lost(place: Place, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["place"] == "ssh" or not place.gives_all:
        pytest.skip("a server that cannot leave blobs out sends nothing of a map that lacks one")
    write(place, SMALL)
    place.lose(blob(b"text").oid)
    assert place.open().read(ANY_COMMIT, depth=Depth.TREES).objects == without_blobs(SMALL)


def test_what_is_lost_below_a_subtree_hides_no_other_commit(place: Place) -> None:
    write(place, SMALL, record(b"1"))
    place.lose(blob(b"text").oid)
    found = brought(place.open().read(ANY_COMMIT, depth=Depth.TREES))
    assert without_blobs(record(b"1")).items() <= found.items()
    assert found.items() <= without_blobs(SMALL, record(b"1")).items()
    found = dict(place.open().read(ANY_COMMIT, depth=Depth.VALUES).objects)
    assert by_oid(record(b"1").objects).items() <= found.items()
    assert blob(b"text").oid not in found


@pytest.mark.parametrize("lost", [4, 6], ids=["subtree", "tree"])
def test_a_tree_that_is_lost_is_left_out(place: Place, lost: int) -> None:
    write(place, SMALL, record(b"1"))
    place.lose(SMALL.objects[lost].oid)
    for depth in (Depth.TREES, Depth.VALUES):
        found = place.open().read(ANY_COMMIT, depth=depth).objects
        assert without_blobs(record(b"1")).items() <= found.items()
        assert SMALL.objects[lost].oid not in found
        with pytest.raises((MalformedRecordError, KeyError)):
            decode_collection(found[SMALL.oid], found)


def test_folders_that_the_format_does_not_write_bring_nothing_along(place: Place) -> None:
    leaf, line = tree([("a", blob(b"1").oid)]), blob(b"{}")
    odd = [
        tree([("metadata.json", line.oid)], [("other", leaf.oid)]),
        tree([("metadata.json", line.oid)], [("elements", leaf.oid), ("other", leaf.oid)]),
        tree([], [("elements", leaf.oid)]),
        from_content("tree", b"100755 x\0" + bytes.fromhex(line.oid)),
    ]
    samples = [Sample((blob(b"1"), line, leaf, root, commit(root.oid, b"{}\n"))) for root in odd]
    write(place, *samples, foreign_commit("people"), SMALL)
    found = place.open().read(ANY_COMMIT, depth=Depth.TREES)
    assert without_blobs(SMALL).items() <= found.objects.items()
    assert all(sample.oid in found.objects for sample in samples)
    assert leaf.oid not in found.objects
    assert found.refs[branch(str(len(samples)))] == foreign_commit("people").oid


def test_a_map_is_deleted_like_any_value(place: Place) -> None:
    write(place, SMALL, note("1"))
    place.open().apply([delete(branch("0"), SMALL.oid)])
    assert brought(place.open().read(ANY_COMMIT, depth=Depth.TREES)) == without_blobs(note("1"))
    assert place.open().objects([SMALL.oid], Depth.TREES) == (without_blobs(SMALL) if place.gives_all else {})
