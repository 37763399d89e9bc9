"""The contract of Store.list."""

from collections import Counter
from collections.abc import Iterator

from git_keyval.store.port import Selection, Store
from tests.contract.places import OF_SIZE, Place, places
from tests.contract.samples import all_refs, annotated_tag, branch, create, delete, note, tag


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert list(store.list(["refs/"])) == []


def test_refs_are_listed_by_prefix(store: Store) -> None:
    names = [branch("a1"), branch("a2"), branch("b1"), tag("a1")]
    store.apply([create(name, note(name)) for name in names])
    assert dict(store.list(["refs/heads/kv-0a/a"])) == {name: note(name).oid for name in names[:2]}
    assert dict(store.list(["refs/heads/kv-0a/a1", "refs/tags/kv-"])).keys() == {names[0], names[3]}
    assert dict(store.list([branch("b1")])).keys() == {names[2]}
    assert list(store.list(["refs/heads/gc/", "kv-0a/"])) == []


def test_no_prefix_lists_nothing(store: Store) -> None:
    store.apply([create(branch("a"), note("1"))])
    assert list(store.list([])) == []


def test_a_ref_below_several_prefixes_is_listed_once(store: Store) -> None:
    store.apply([create(branch("a"), note("1")), create(branch("b"), note("2"))])
    listed = list(store.list(["refs/", "refs/heads/", "refs/heads/", branch("a")]))
    assert sorted(listed) == [(branch("a"), note("1").oid), (branch("b"), note("2").oid)]


def test_a_tag_object_is_listed_unpeeled(store: Store) -> None:
    store.apply([create(tag("v1"), annotated_tag(note("1")))])
    assert list(store.list(["refs/tags/"])) == [(tag("v1"), annotated_tag(note("1")).oid)]


def test_a_deleted_ref_is_not_listed(store: Store) -> None:
    store.apply([create(branch("a"), note("1")), create(branch("b"), note("2"))])
    store.apply([delete(branch("a"))])
    assert all_refs(store).keys() == {branch("b")}


def test_a_listing_is_a_stream_that_may_be_left(store: Store) -> None:
    store.apply([create(branch(str(number)), note("1")) for number in range(50)])
    listed = store.list(["refs/heads/"])
    assert isinstance(listed, Iterator)
    assert next(listed)[1] == note("1").oid
    del listed
    assert store.read(Selection((branch("7"),))).refs == {branch("7"): note("1").oid}


@places(OF_SIZE)
def test_thousands_of_refs_are_listed_once_each(place: Place) -> None:
    names = {branch(f"{number:04}") for number in range(1_000)} | {tag(f"{number:04}") for number in range(1_000)}
    place.open().apply([create(name, note("1")) for name in names])
    store = place.open()
    assert Counter(name for name, _ in store.list(["refs/heads/kv-", "refs/tags/kv-"])) == Counter(names)
    # The API is asked first whether both are short enough to be listed together, and then for each of them.
    assert store.requests <= 3
