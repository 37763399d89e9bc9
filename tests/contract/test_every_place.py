"""What every place has to answer in a conversation of its own, whatever it shares with others."""

import pytest

from git_keyval.format.objects import Oid, from_content
from git_keyval.store.port import Applied, Conflict, Depth, Selection, Store
from tests.contract.places import PLACES, Place, places
from tests.contract.samples import (
    UNSTORED,
    all_refs,
    annotated_tag,
    assertion,
    branch,
    by_oid,
    conflicts,
    create,
    delete,
    foreign_commit,
    note,
    plain_blob,
    put,
    record,
    tag,
    together,
)

pytestmark = places(PLACES)

ONE, TWO, THREE = note("1"), note("2"), note("3")
A, B = branch("a"), branch("b")


def test_a_transaction_with_a_conflict_is_not_applied_at_all(store: Store) -> None:
    """The conflict has exactly the refs that were not as expected, wherever they stand in the transaction."""
    store.apply([create(A, ONE), create(B, TWO), create(tag("a"), ONE)])
    before = all_refs(store)
    transaction = together(
        create(branch("new"), THREE),
        put(A, TWO, THREE.oid),
        assertion(B, TWO.oid),
        delete(tag("a"), TWO.oid),
        put(tag("any"), ONE),
        delete(tag("absent"), ONE.oid),
    )
    (outcome,) = store.apply([transaction])
    assert conflicts(outcome) == sorted([A, tag("a"), tag("absent")])
    assert all_refs(store) == before


def test_every_kind_of_update_may_go_in_one_call(store: Store) -> None:
    store.apply([create(branch(name), ONE) for name in "abcdef"])
    outcomes = store.apply(
        [
            create(branch("a"), ONE),
            put(branch("b"), TWO, ONE.oid),
            delete(branch("c"), TWO.oid),
            delete(branch("d"), ONE.oid),
            assertion(branch("e"), TWO.oid),
            assertion(branch("f"), ONE.oid),
            delete(branch("g")),
            put(branch("h"), THREE, ONE.oid),
            create(branch("i"), THREE),
        ]
    )
    assert list(outcomes) == [
        Conflict((branch("a"),)),
        Applied(),
        Conflict((branch("c"),)),
        Applied(),
        Conflict((branch("e"),)),
        Applied(),
        Applied(),
        Conflict((branch("h"),)),
        Applied(),
    ]
    assert all_refs(store) == {
        branch("a"): ONE.oid,
        branch("b"): TWO.oid,
        branch("c"): ONE.oid,
        branch("e"): ONE.oid,
        branch("f"): ONE.oid,
        branch("i"): THREE.oid,
    }


def test_only_one_of_two_writers_wins(place: Place) -> None:
    first, second = place.open(), place.open()
    first.apply([create(A, ONE)])
    expect = [store.read(Selection((A,))).expected(A) for store in (first, second)]
    assert list(first.apply([put(A, TWO, expect[0])])) == [Applied()]
    (outcome,) = second.apply([put(A, THREE, expect[1])])
    assert conflicts(outcome) == [A]
    assert all_refs(first) == all_refs(second) == {A: TWO.oid}


def test_objects_are_stored(place: Place) -> None:
    samples = {A: record(b"1"), tag("a"): note("2"), tag("blob"): plain_blob(b"3"), B: foreign_commit("4")}
    place.open().apply([together(*(create(name, sample) for name, sample in samples.items()))])
    told = samples.values() if place.tells_foreign else (samples[A], samples[tag("a")], samples[tag("blob")])
    wanted = by_oid(obj for sample in told for obj in sample.objects)
    assert wanted.items() <= place.open().objects(wanted, Depth.VALUES).items()


def test_a_second_store_reads_what_the_first_one_wrote(place: Place) -> None:
    first, second = place.open(), place.open()
    for text in ("1", "2"):
        first.apply([put(branch("a"), note(text))])
        found = second.read(Selection((branch("a"),)))
        assert found.refs == {branch("a"): note(text).oid}
        assert found.objects[note(text).oid] == note(text).target


@pytest.mark.parametrize("depth", Depth)
def test_foreign_targets_do_no_harm(place: Place, depth: Depth) -> None:
    """A tag object, a blob and a commit with a history are read as what they are, and nothing is peeled."""
    foreign = {
        tag("tag"): annotated_tag(note("1")),
        tag("blob"): plain_blob(b"2"),
        branch("people"): foreign_commit("3"),
    }
    store = place.open()
    store.apply([create(name, sample) for name, sample in foreign.items()])
    store.apply([create(branch("a"), record(b"4"))])
    found = place.open().read(Selection((), ("refs/",)), depth=depth)
    assert found.refs == {name: sample.oid for name, sample in foreign.items()} | {branch("a"): record(b"4").oid}
    assert all(from_content(obj.kind, obj.data) == obj for obj in found.objects.values())
    if depth is not Depth.OIDS:
        assert found.objects[record(b"4").oid] == record(b"4").target
        assert (foreign_commit("3").oid in found.objects) == place.tells_foreign
    if depth is Depth.VALUES:
        assert by_oid(record(b"4").objects).items() <= found.objects.items()


def test_oids_that_are_missing_are_left_out(place: Place) -> None:
    place.open().apply([create(branch("a"), note("1"))])
    missing = [Oid(f"{number:040x}") for number in range(1, 6)]
    found = place.open().objects([*missing, note("1").oid, UNSTORED])
    assert found[note("1").oid] == note("1").target
    assert not found.keys() & {*missing, UNSTORED}


def test_an_object_is_fetched_after_its_ref_is_gone(place: Place) -> None:
    store = place.open()
    store.apply([create(branch("a"), record(b"1")), create(branch("b"), note("2"))])
    store.apply([delete(branch("a")), put(branch("b"), note("3"))])
    found = place.open().objects([record(b"1").oid, note("2").oid], Depth.VALUES)
    assert by_oid(record(b"1").objects + note("2").objects if place.gives_all else ()).items() <= found.items()
