"""The contract of Store.objects."""

from git_keyval.store.port import Depth, Store
from tests.contract.places import Place
from tests.contract.samples import UNSTORED, branch, by_oid, create, foreign_commit, note, record


def test_nothing_is_fetched_where_nothing_is_asked_for(store: Store) -> None:
    assert store.objects([]) == {}


def test_commits_are_fetched_by_oid(place: Place) -> None:
    samples = [note("1"), record(b"2"), foreign_commit("3")]
    place.open().apply([create(branch(str(number)), sample) for number, sample in enumerate(samples)])
    found = place.open().objects(iter([sample.oid for sample in samples]))
    told = samples if place.tells_foreign else samples[:2]
    assert by_oid(sample.target for sample in told).items() <= found.items()


def test_values_bring_what_the_commits_hold(place: Place) -> None:
    samples = [record(b"1"), record(b"2")]
    place.open().apply([create(branch(str(number)), sample) for number, sample in enumerate(samples)])
    found = place.open().objects([sample.oid for sample in samples], Depth.VALUES)
    assert by_oid(obj for sample in samples for obj in sample.objects).items() <= found.items()


def test_trees_and_blobs_are_fetched_by_oid(place: Place) -> None:
    place.open().apply([create(branch("a"), record(b"1"))])
    for depth in (Depth.MESSAGES, Depth.VALUES):
        found = place.open().objects([obj.oid for obj in record(b"1").objects], depth)
        given = record(b"1").objects if place.gives_all or depth is Depth.VALUES else [record(b"1").target]
        assert by_oid(given).items() <= found.items()


def test_only_missing_oids_give_nothing(place: Place) -> None:
    place.open().apply([create(branch("a"), note("1"))])
    assert place.open().objects([UNSTORED]) == {}
    assert place.open().objects([UNSTORED], Depth.VALUES) == {}


def test_an_empty_store_has_no_objects(store: Store) -> None:
    assert store.objects([UNSTORED]) == {}


def test_many_objects_are_fetched_in_as_many_requests_as_one(place: Place) -> None:
    samples = [note(str(number)) for number in range(200)]
    place.open().apply([create(branch(str(number)), sample) for number, sample in enumerate(samples)])
    one, many = place.open(), place.open()
    one.objects([samples[0].oid])
    found = many.objects([sample.oid for sample in samples])
    assert by_oid(sample.target for sample in samples).items() <= found.items()
    assert many.requests == one.requests
