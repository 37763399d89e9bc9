"""Objects that a step is about to store: they are looked for in the query that reads, and sent only if they are not there."""

import re

import pytest

from git_keyval.format.objects import Oid, blob
from git_keyval.store.port import ANY, Applied, Depth, RefUpdate, Refused, Selection, Store, Transaction
from tests.contract.places import GithubPlace, lose_loose
from tests.contract.samples import Sample, branch, by_oid, collection, create, delete, note, put, record, texts
from tests.emulator import GitHubEmulator, Rival
from tests.servers.binary import run_git

NAME, OTHER = branch("exp-1"), branch("exp-2")
QUERY, BLOB, TREE, COMMIT = "/graphql", *(f"/repos/owner/name/git/{kind}" for kind in ("blobs", "trees", "commits"))
SAMPLES = {"an expiry": note("1"), "a text": record(b"text"), "bytes": record(b"\0\xff"), "a map": collection(texts(3))}


@pytest.fixture
def store(place: GithubPlace) -> Store:
    """Return the repository with other keys in it, opened as a step does."""
    place.open().apply([create(branch("other"), note("other"))])
    place.emulator.reset_log()
    return place.open()


def sent(emulator: GitHubEmulator) -> list[str]:
    return [entry.path for entry in emulator.requests]


def store_elsewhere(place: GithubPlace, sample: Sample, *, keeps_ref: bool = True) -> None:
    assert place.open().apply([create(OTHER, sample)]) == [Applied()]
    if not keeps_ref:
        assert place.open().apply([delete(OTHER)]) == [Applied()]
    place.emulator.reset_log()


def assert_stored(place: GithubPlace, sample: Sample) -> None:
    checked = run_git("fsck", "--strict", "--no-dangling", "--no-progress", directory=place.repository)
    assert checked.stdout == b""
    assert by_oid(sample.objects).items() <= place.open().read(Selection((NAME,)), depth=Depth.VALUES).objects.items()


@pytest.mark.parametrize("depth", [Depth.OIDS, Depth.MESSAGES, Depth.TREES, Depth.VALUES])
@pytest.mark.parametrize("keeps_ref", [True, False])
@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_there_is_not_sent(place: GithubPlace, store: Store, name: str, depth: Depth, *, keeps_ref: bool) -> None:
    sample = SAMPLES[name]
    store_elsewhere(place, sample, keeps_ref=keeps_ref)
    found = store.read(Selection((NAME,), planned=(sample.oid,)), depth=depth)
    assert (found.refs, found.objects.keys() & {sample.oid}) == ({}, set())
    assert store.apply([put(NAME, sample)]) == [Applied()]
    assert sent(place.emulator) == [QUERY, QUERY]
    assert_stored(place, sample)


@pytest.mark.parametrize("reports", [False, True])
def test_what_is_not_there_is_sent(place: GithubPlace, store: Store, *, reports: bool) -> None:
    place.emulator.options.reports_absent_objects = reports
    store.read(Selection((NAME,), planned=(note("1").oid, note("2").oid)))
    assert store.apply([put(NAME, note("1"))]) == [Applied()]
    assert sent(place.emulator) == [QUERY, COMMIT, QUERY]
    assert_stored(place, note("1"))


def test_what_was_there_and_is_lost_before_the_write_is_sent(place: GithubPlace, store: Store) -> None:
    """No ref need have pointed at it: GitHub may have removed it."""
    for sample, lost, expected in (
        (note("1"), [0], [COMMIT]),
        (record(b"text"), [0], [TREE, COMMIT]),
        (record(b"more"), [0, 1, 2], [TREE, COMMIT]),
    ):
        store_elsewhere(place, sample, keeps_ref=False)
        store.read(Selection((NAME,), planned=(sample.oid,)))
        own = [obj for obj in reversed(sample.objects) if obj.oid not in by_oid(note("other").objects)]

        def lose(oids: list[Oid] = [own[index].oid for index in lost]) -> None:  # noqa: B006
            for oid in oids:
                lose_loose(place.repository, oid)

        place.emulator.faults = {2: Rival(lose)}
        assert store.apply([put(NAME, sample)]) == [Applied()]
        assert sent(place.emulator) == [QUERY, QUERY, *expected, QUERY]
        assert_stored(place, sample)


def test_what_another_object_needs_is_sent_for_that(place: GithubPlace, store: Store) -> None:
    """That a commit was there says nothing for sure of what it needs once it may be lost."""
    one, other = record(b"text"), collection({"a": blob(b"text")})
    store_elsewhere(place, one, keeps_ref=False)
    store.read(Selection((NAME,), planned=(one.oid,)))
    for obj in by_oid(one.objects).values():
        lose_loose(place.repository, obj.oid)
    updates = (RefUpdate(NAME, ANY, one.oid), RefUpdate(branch("val-1"), ANY, other.oid))
    objects = tuple(by_oid((*one.objects, *other.objects)).values())
    assert store.apply([Transaction(updates, objects)]) == [Applied()]
    assert sent(place.emulator) == [QUERY, TREE, COMMIT, QUERY, TREE, COMMIT, QUERY]
    assert_stored(place, one)


def test_a_look_is_left_out_where_it_would_take_a_request_more(place: GithubPlace, store: Store) -> None:
    names = tuple(branch(f"val-{number}") for number in range(255))
    store.read(Selection(names, planned=(note("1").oid, note("2").oid)))
    assert sent(place.emulator) == [QUERY]
    assert store.apply([put(NAME, note("other"))]) == [Applied()]


def test_what_is_refused_when_it_is_sent_after_all_is_refused(place: GithubPlace, store: Store) -> None:
    sample = record(b"s3cret")
    store_elsewhere(place, sample, keeps_ref=False)
    store.read(Selection((NAME,), planned=(sample.oid,)))

    def lose() -> None:
        lose_loose(place.repository, sample.oid)
        place.emulator.options.secrets = re.compile(b"s3cret")

    place.emulator.faults = {2: Rival(lose)}
    (outcome,) = store.apply([put(NAME, sample)])
    assert isinstance(outcome, Refused)
