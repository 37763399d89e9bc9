"""What maps and arrays cost on the wire, counted by the server: only what differs from a tree that is there is sent."""

import json
import re
from collections.abc import Mapping

import pytest

from git_keyval.format.objects import GitObject, blob
from git_keyval.store.github import GithubStore
from git_keyval.store.port import ANY, Applied, Depth, RefUpdate, Refused, Selection, Transaction
from tests.conftest import FakeClock
from tests.contract.places import GithubPlace
from tests.contract.samples import UNSTORED, Sample, branch, by_oid, collection, create, note, put, texts
from tests.emulator import GitHubEmulator, ResourceLimits, Status
from tests.exhaustive import only
from tests.github.opening import id_of, open_emulated
from tests.github.test_faults import FAULTS
from tests.servers.binary import run_git

NAME = branch("map")
ONE = Selection((NAME,))
LARGE, MIDDLING = texts(10_000), texts(1_000)
QUERY, TREE, COMMIT, BLOB = (
    "/graphql",
    "/repos/owner/name/git/trees",
    "/repos/owner/name/git/commits",
    "/repos/owner/name/git/blobs",
)
BASE_TREE_CHANGES: dict[str, dict[str, GitObject]] = {
    "a field is changed": {**LARGE, "field 5000": blob(b"changed")},
    "a field is added": {**LARGE, "new": blob(b"added")},
    "a field is removed": {key: made for key, made in LARGE.items() if key != "field 0"},
    "fields are changed, added and removed": {
        **{key: made for key, made in LARGE.items() if key not in {"field 1", "field 2"}},
        "field 3": blob(b"changed"),
        "field 4": LARGE["field 5"],
        "..": blob(b"added"),
    },
}


@pytest.fixture
def store(place: GithubPlace) -> GithubStore:
    """Return the repository with a branch in it, opened as a step does."""
    place.open().apply([create(branch("other"), note("1"))])
    store = place.open()
    assert isinstance(store, GithubStore)
    place.emulator.reset_log()
    return store


@pytest.fixture
def by_api(place: GithubPlace, clock: FakeClock) -> GithubStore:
    """Return the same without git."""
    place.open().apply([create(branch("other"), note("1"))])
    place.emulator.reset_log()
    place.emulator.options.max_tree_entries = 100
    return open_emulated(place.emulator, clock, repository_id=id_of(place.emulator, "owner/name"), by_git=False)


def write(place: GithubPlace, elements: Mapping[str, GitObject]) -> Sample:
    """Store a map behind the back of the store that is looked at."""
    sample = collection(elements)
    assert place.open().apply([put(NAME, sample)]) == [Applied()]
    place.emulator.reset_log()
    return sample


def change(before: Sample, elements: Mapping[str, GitObject]) -> Sample:
    """Return the map with other elements, and of its objects those that are new."""
    stored = by_oid(before.objects)
    return Sample(tuple(obj for obj in collection(elements).objects if obj.oid not in stored))


def sent(emulator: GitHubEmulator) -> list[str]:
    return [entry.path for entry in emulator.requests]


def assert_stored(place: GithubPlace, elements: Mapping[str, GitObject]) -> None:
    checked = run_git("fsck", "--strict", "--no-dangling", "--no-progress", directory=place.repository)
    assert checked.stdout == b""
    assert place.open().read(ONE, depth=Depth.VALUES).objects == by_oid(collection(elements).objects)


@pytest.mark.parametrize("name", BASE_TREE_CHANGES)
def test_changing_one_of_ten_thousand_fields_takes_four_small_requests(place: GithubPlace, store: GithubStore, name: str) -> None:
    elements = BASE_TREE_CHANGES[name]
    before = write(place, LARGE)
    found = store.read(ONE, depth=Depth.TREES)
    assert store.apply([put(NAME, change(before, elements), found.refs[NAME])]) == [Applied()]
    assert sent(place.emulator) == [QUERY, TREE, COMMIT, QUERY]
    assert store.requests == 4
    assert sum(entry.bytes_in for entry in place.emulator.requests) < 4_000
    assert_stored(place, elements)


@pytest.mark.parametrize(
    "before", [None, {}, texts(3), texts(16), texts(17), texts(150)], ids=lambda found: f"{found and len(found)}"
)
def test_writing_fields_takes_four_requests_whatever_there_was(
    place: GithubPlace, store: GithubStore, before: dict[str, GitObject] | None
) -> None:
    """A query, the texts in their tree with the tree around it, the commit, and the refs."""
    sample = Sample(()) if before is None else write(place, before)
    elements = {**(before or {}), "new": blob(b"added"), "field 1": blob(b"changed"), "..": blob(b"hostile")}
    found = store.read(ONE, depth=Depth.TREES)
    assert store.apply([put(NAME, change(sample, elements), found.expected(NAME))]) == [Applied()]
    assert sent(place.emulator) == [QUERY, TREE, COMMIT, QUERY]
    assert sum(entry.bytes_in for entry in place.emulator.requests) < 5_000
    assert_stored(place, elements)


@pytest.mark.parametrize("with_expiry", [False, True])
@pytest.mark.parametrize("with_bytes", [False, True])
def test_what_takes_two_requests_more_goes_by_git(
    place: GithubPlace, store: GithubStore, *, with_expiry: bool, with_bytes: bool
) -> None:
    """A field of bytes with a lifetime of its own: a query and a push are fewer requests, and count less."""
    before = write(place, texts(3))
    store.read(ONE, depth=Depth.TREES)
    elements = {**texts(3), "new": blob(b"\0\xff" if with_bytes else b"added")}
    extra = note("an expiry").objects if with_expiry else ()
    transaction = put(NAME, Sample((*extra, *change(before, elements).objects)), before.oid)
    assert store.apply([transaction]) == [Applied()]
    by_git = with_expiry and with_bytes
    assert place.emulator.count() == (3 if by_git else 4 + with_expiry + with_bytes)
    assert place.emulator.count("git") == (2 if by_git else 0)
    assert_stored(place, elements)


def test_a_subtree_of_two_trees_is_made_once(place: GithubPlace, by_api: GithubStore) -> None:
    one, other = collection(texts(3)), collection(texts(3), of_json=True)
    updates = (RefUpdate(NAME, ANY, one.oid), RefUpdate(branch("other-map"), ANY, other.oid))
    objects = by_oid((*one.objects, *other.objects)).values()
    assert by_api.apply([Transaction(updates, tuple(objects))]) == [Applied()]
    assert sorted(sent(place.emulator)) == sorted([TREE, TREE, COMMIT, COMMIT, QUERY])
    assert_stored(place, texts(3))
    assert place.open().read(Selection((branch("other-map"),)), depth=Depth.VALUES).objects == by_oid(other.objects)


def refused(message: str) -> Status:
    return Status(422, body=json.dumps({"message": message}), content_type="application/json; charset=utf-8")


UNNESTED: dict[str, tuple[Status, int]] = {
    "another object": (Status(201, body=json.dumps({"sha": UNSTORED}), content_type="application/json; charset=utf-8"), 1),
    "a path that is refused": (refused("tree.path contains a malformed path component"), 1),
    "a base that is not known": (refused("base_tree is not a valid tree: 1"), 5),
    "a state": (refused("GitRPC::BadObjectState"), 5),
}
"""What a server may make of a tree with its subtree, and how often it is asked before it is believed."""


@pytest.mark.parametrize("before", [texts(3), texts(40)], ids=["small", "large"])
@pytest.mark.parametrize("name", UNNESTED)
def test_where_a_server_does_not_make_two_trees_at_once_they_are_made_one_by_one(
    place: GithubPlace, store: GithubStore, name: str, before: dict[str, GitObject]
) -> None:
    """And so for the rest of the run."""
    sample = write(place, before)
    found = store.read(ONE, depth=Depth.TREES)
    fault, times = UNNESTED[name]
    place.emulator.faults = dict.fromkeys(range(2, 2 + times), fault)
    first = {**before, "new": blob(b"added")}
    assert store.apply([put(NAME, change(sample, first), found.refs[NAME])]) == [Applied()]
    assert sent(place.emulator) == [QUERY, *[TREE] * times, TREE, TREE, COMMIT, QUERY]
    assert_stored(place, first)
    place.emulator.faults = {}
    place.emulator.reset_log()
    second = {**first, "newer": blob(b"added")}
    assert store.apply([put(NAME, change(collection(first), second))]) == [Applied()]
    assert sent(place.emulator) == [TREE, TREE, COMMIT, QUERY]
    assert_stored(place, second)


def test_what_a_rule_refuses_is_not_tried_in_parts(place: GithubPlace, store: GithubStore) -> None:
    sample = write(place, texts(3))
    found = store.read(ONE, depth=Depth.TREES)
    place.emulator.options.secrets = re.compile(b"s3cret")
    elements = {**texts(3), "new": blob(b"s3cret")}
    (outcome,) = store.apply([put(NAME, change(sample, elements), found.refs[NAME])])
    assert isinstance(outcome, Refused)
    assert sent(place.emulator) == [QUERY, TREE]


def test_what_a_run_has_stored_is_a_base_for_what_it_stores_next(place: GithubPlace, store: GithubStore) -> None:
    before = write(place, MIDDLING)
    store.read(ONE, depth=Depth.TREES)
    first, second = {**MIDDLING, "new": blob(b"1")}, {**MIDDLING, "new": blob(b"2"), "newer": blob(b"3")}
    middle = collection(first)
    store.apply([put(NAME, change(before, first), before.oid)])
    place.emulator.reset_log()
    store.apply([put(NAME, change(middle, second), middle.oid)])
    assert sent(place.emulator) == [TREE, COMMIT, QUERY]
    assert_stored(place, second)


def test_what_is_known_to_be_stored_is_not_sent_again(place: GithubPlace, store: GithubStore) -> None:
    """A caller may hand over all objects of the changed map; what the tree that was read names is there."""
    before = {**MIDDLING, "bytes": blob(b"\0\xff")}
    write(place, before)
    store.read(ONE, depth=Depth.TREES)
    elements = {**before, "new": MIDDLING["field 1"], "again": before["bytes"]}
    store.apply([put(NAME, collection(elements))])
    assert sent(place.emulator) == [QUERY, TREE, COMMIT, QUERY]
    assert_stored(place, elements)


def test_the_tree_that_differs_the_least_is_the_base(place: GithubPlace, by_api: GithubStore) -> None:
    trees = [texts(90), texts(99), {f"other {number}": blob(b"%d" % number) for number in range(99)}]
    for elements in trees:
        by_api.apply([put(NAME, collection(elements))])
    place.emulator.reset_log()
    elements = texts(100)
    by_api.apply([put(NAME, collection(elements))])
    trees_sent = [entry.bytes_in for entry in place.emulator.requests if entry.path == TREE]
    assert len(trees_sent) == 1
    assert trees_sent[0] < 600
    assert_stored(place, elements)


def test_a_tree_that_has_little_in_common_with_those_seen_is_sent_whole(place: GithubPlace, by_api: GithubStore) -> None:
    by_api.apply([put(NAME, collection(texts(90)))])
    place.emulator.reset_log()
    elements = {f"other {number}": blob(b"%d" % number) for number in range(40)}
    by_api.apply([put(NAME, collection(elements))])
    assert sent(place.emulator) == [TREE, COMMIT, QUERY]
    assert_stored(place, elements)


def test_without_git_a_large_map_is_made_in_portions(place: GithubPlace, by_api: GithubStore) -> None:
    """GitHub gives up on trees of a few hundred texts; each portion is put into the tree that the one before it made."""
    elements = texts(250)
    by_api.apply([put(NAME, collection(elements))])
    assert sent(place.emulator) == [TREE] * 4 + [COMMIT, QUERY]
    assert_stored(place, elements)
    place.emulator.reset_log()
    fewer = {"field 249": elements["field 249"], **{f"other {number}": blob(b"%d" % number) for number in range(20)}}
    by_api.apply([put(NAME, collection(fewer))])
    assert_stored(place, fewer)


def test_without_git_many_changes_and_removals_are_made_in_portions(place: GithubPlace, by_api: GithubStore) -> None:
    by_api.apply([put(NAME, collection(texts(400)))])
    place.emulator.reset_log()
    elements = {**texts(250), **{f"field {number}": blob(b"changed %d" % number) for number in range(60)}}
    by_api.apply([put(NAME, collection(elements))])
    # 60 changes and 150 removals, the tree around them, the commit and the ref.
    assert sent(place.emulator) == [TREE] * 3 + [TREE, COMMIT, QUERY]
    assert_stored(place, elements)


@pytest.mark.parametrize(
    "fault",
    only(
        {"dropped", "truncated", "403 with retry-after"},
        ["dropped", "dropped after", "502 after", "truncated", "malformed", "403 with retry-after", "429"],
    ),
)
def test_a_tree_is_made_although_each_of_its_requests_fails_once(
    place: GithubPlace, by_api: GithubStore, clock: FakeClock, fault: str
) -> None:
    """Each portion is named by its content, so it is sent again; only of the mutation it may not be known what became of it."""
    before = collection(texts(40))
    by_api.apply([put(NAME, before)])
    elements = {**texts(20), **{f"field {number}": blob(b"changed %d" % number) for number in range(200, 400)}}
    for number, path in enumerate([TREE] * 3 + [TREE, COMMIT], start=1):
        place.open().apply([put(NAME, before)])
        name = f"{number} {fault}"
        changed = {**elements, name: blob(name.encode())}
        store = open_emulated(
            place.emulator, clock, repository_id=id_of(place.emulator, "owner/name"), by_git=False, max_seconds=900
        )
        store.read(ONE, depth=Depth.TREES)
        place.emulator.reset_log()
        place.emulator.faults = {number: FAULTS[fault]}
        assert store.apply([put(NAME, collection(changed), before.oid)]) == [Applied()]
        assert sent(place.emulator)[number - 1 : number + 1] == [path, path]
        assert_stored(place, changed)


def test_long_texts_are_divided_by_their_length(place: GithubPlace, by_api: GithubStore) -> None:
    elements = {str(number): blob(b"%d" % number * 300_000) for number in range(6)} | {"long": blob(b"x" * 600_000)}
    by_api.apply([put(NAME, collection(elements))])
    assert sent(place.emulator) == [BLOB, TREE, TREE, TREE, COMMIT, QUERY]
    assert max(entry.bytes_in for entry in place.emulator.requests) < 1_200_000
    assert_stored(place, elements)


def test_without_git_values_are_read_by_few_queries(place: GithubPlace, by_api: GithubStore) -> None:
    """The subtree, then its texts by queries of 256, then one by one what is no text."""
    elements = {**texts(300), "bytes": blob(b"\0\xff")}
    by_api.apply([put(NAME, collection(elements))])
    place.emulator.reset_log()
    found = by_api.read(ONE, depth=Depth.VALUES)
    assert found.objects == by_oid(collection(elements).objects)
    assert sent(place.emulator) == [QUERY] * 4 + [f"{BLOB}/{blob(bytes([0, 255])).oid}"]


def test_reading_a_map_takes_one_query_and_all_its_values_two_git_requests_more(place: GithubPlace, store: GithubStore) -> None:
    write(place, LARGE)
    store.read(ONE, depth=Depth.TREES)
    assert sent(place.emulator) == [QUERY]
    place.emulator.reset_log()
    store.read(ONE, depth=Depth.VALUES)
    assert (sent(place.emulator)[0], place.emulator.count(), place.emulator.count("git")) == (QUERY, 3, 2)


def test_a_map_that_is_too_large_for_a_query_is_read_by_git(place: GithubPlace, store: GithubStore) -> None:
    before = write(place, MIDDLING)
    place.emulator.faults = {1: ResourceLimits(after=0)}
    found = store.read(ONE, depth=Depth.TREES)
    assert found.objects == by_oid(obj for obj in before.objects if obj.kind != "blob")
    assert (place.emulator.count(), place.emulator.count("git")) == (4, 3)
    elements = {**MIDDLING, "new": blob(b"added")}
    place.emulator.reset_log()
    store.apply([put(NAME, change(before, elements), before.oid)])
    assert sent(place.emulator) == [TREE, COMMIT, QUERY]


def test_without_git_a_query_that_was_too_much_once_is_sent_again(place: GithubPlace, by_api: GithubStore) -> None:
    before = write(place, texts(20))
    place.emulator.faults = {1: ResourceLimits(after=0)}
    assert by_api.read(ONE, depth=Depth.TREES).objects == by_oid(obj for obj in before.objects if obj.kind != "blob")
    assert sent(place.emulator) == [QUERY, QUERY]


def test_a_change_that_goes_by_git_sends_the_trees_in_full(place: GithubPlace, store: GithubStore) -> None:
    """A pack without deltas: of 10,000 fields their oids and names, a few hundred kilobytes."""
    before = write(place, LARGE)
    elements = {**LARGE, "field 5000": blob(b"\0\xff"), "field 6000": blob(b"\0\xfe")}
    assert store.apply([put(NAME, change(before, elements), before.oid)]) == [Applied()]
    assert (place.emulator.count(), place.emulator.count("git")) == (2, 2)
    assert 200_000 < sum(entry.bytes_in for entry in place.emulator.requests) < 400_000
    assert_stored(place, elements)
