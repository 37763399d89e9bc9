"""What reads of maps cost on the wire, with git and without it, counted by the server; and in which order they are made."""

import json
from collections.abc import Callable, Mapping

import pytest

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.format.elements import element_path
from git_keyval.format.objects import GitObject, Oid, blob
from git_keyval.store.github import GithubStore
from git_keyval.store.github.adapter import MAX_FILES
from git_keyval.store.port import ABSENT, Applied, Depth, RefUpdate, Selection, Store, Transaction
from tests.conftest import FakeClock
from tests.contract.places import GithubPlace, open_git_place
from tests.contract.samples import UNSTORED, branch, by_oid, collection, create, note, put, record, tag, texts
from tests.emulator import Fault, GitHubEmulator, ResourceLimits, Rival, Status
from tests.github.opening import id_of, open_emulated
from tests.github.test_faults import FAULTS, faults_of

MAP, EXPIRY, KEY, ELEMENT = branch("val-1"), branch("exp-1"), branch("key-1"), branch("exp-1-1")
BELOW = "refs/heads/kv-0a/exp-1-"
FIELD = (Selection((tag("anchor"), EXPIRY, KEY, ELEMENT)), Selection((EXPIRY, ELEMENT, MAP)))
WHOLE = (Selection((tag("anchor"), EXPIRY, KEY), (BELOW,)), Selection((EXPIRY, MAP)))
QUERY, LISTING, BLOB, ADVERTISEMENT, FETCH = (
    "/graphql",
    "/repos/owner/name/git/matching-refs/heads/kv-0a/exp-1-",
    "/repos/owner/name/git/blobs/",
    "/owner/name.git/info/refs",
    "/owner/name.git/git-upload-pack",
)
ELEMENTS = {**texts(40), "bytes": blob(b"\0\xff"), "more bytes": blob(b"\0\xfe"), "long": blob(b"x" * 600_000)}
"""More texts than a tree has as a small one, and what no query tells."""


@pytest.fixture(autouse=True)
def _map(place: GithubPlace) -> None:
    """Store a map and its expiries."""
    samples = {MAP: collection(ELEMENTS), EXPIRY: note("key"), ELEMENT: note("1"), branch("exp-1-2"): note("2")}
    for name, sample in samples.items():
        assert place.open().apply([create(name, sample)]) == [Applied()]
    place.emulator.reset_log()


@pytest.fixture
def store(place: GithubPlace) -> Store:
    """Return the store as a step opens it."""
    return place.open()


@pytest.fixture
def by_api(place: GithubPlace, clock: FakeClock) -> GithubStore:
    """Return the same without git."""
    return open_emulated(place.emulator, clock, repository_id=id_of(place.emulator, "owner/name"), by_git=False)


@pytest.fixture(params=["auto", "api"])
def either(request: pytest.FixtureRequest) -> Store:
    """Return one after the other."""
    found: Store = request.getfixturevalue({"auto": "store", "api": "by_api"}[request.param])
    return found


def sent(emulator: GitHubEmulator) -> list[str]:
    """Return what was asked for; of a blob, that it was one."""
    return [BLOB if entry.path.startswith(BLOB) else entry.path for entry in emulator.requests]


def oids(elements: Mapping[str, GitObject]) -> list[Oid]:
    return [made.oid for made in elements.values()]


def write_by_path(place: GithubPlace, clock: FakeClock) -> None:
    """Move the map and the expiry of an element, with no request to the emulator."""
    store = open_git_place(place.repository, str(place.repository), clock, {}).open()
    assert store.apply([put(MAP, note("new")), put(ELEMENT, note("new"))]) == [Applied(), Applied()]


@pytest.mark.parametrize("key", ["field 7", "bytes", "long"])
def test_one_element_takes_two_requests_whatever_is_in_it(place: GithubPlace, either: Store, key: str) -> None:
    found = either.read(*FIELD, depth=Depth.TREES)
    assert found.refs.keys() == {MAP, EXPIRY, ELEMENT}
    assert either.objects([ELEMENTS[key].oid]) == by_oid([ELEMENTS[key]])
    assert sent(place.emulator) == [QUERY, BLOB]


def field(*keys: str) -> tuple[Selection, Selection]:
    """Return what is read for these elements, whose values are wanted, too."""
    before, values = FIELD
    return before, Selection(values.names, files=tuple((MAP, element_path(key)) for key in keys))


def test_elements_that_are_wanted_come_with_the_tree(place: GithubPlace, either: Store) -> None:
    found = either.read(*field("field 7", "field 8", "absent"), depth=Depth.TREES)
    assert {ELEMENTS[key].oid for key in ("field 7", "field 8")} <= found.objects.keys()
    assert ELEMENTS["field 9"].oid not in found.objects
    assert sent(place.emulator) == [QUERY]


@pytest.mark.parametrize("keys", [["bytes"], ["long"], ["bytes", "long"]])
def test_what_does_not_come_with_the_tree_takes_one_request_each(place: GithubPlace, either: Store, keys: list[str]) -> None:
    """A query has told already that it does not tell these."""
    wanted = by_oid(ELEMENTS[key] for key in keys)
    found = either.read(*field(*keys), depth=Depth.TREES)
    assert found.objects.keys().isdisjoint(wanted)
    assert either.objects(wanted) == wanted
    assert sent(place.emulator) == [QUERY, *[BLOB] * len(keys)]


def test_much_that_does_not_come_with_the_tree_is_read_by_git(place: GithubPlace, store: Store, by_api: GithubStore) -> None:
    keys = ["bytes", "more bytes", "long"]
    wanted = by_oid(ELEMENTS[key] for key in keys)
    for each, requests in ((store, [ADVERTISEMENT, FETCH]), (by_api, [BLOB] * 3)):
        place.emulator.reset_log()
        each.read(*field(*keys), depth=Depth.TREES)
        assert each.objects(wanted) == wanted
        assert sent(place.emulator) == [QUERY, *requests]


def test_a_path_that_is_not_there_is_no_failure_and_others_are(place: GithubPlace, by_api: GithubStore) -> None:
    """GitHub answers such a path with an error beside the data, and so it does if it gives up on something else."""
    answer: dict[str, object] = {
        "errors": [{"type": "NOT_FOUND", "path": ["repository"], "message": "no"}],
        "data": {"repository": None},
    }
    place.emulator.faults = {1: Status(200, body=json.dumps(answer), content_type="application/json")}
    with pytest.raises(StoreError, match="knows no repository"):
        by_api.read(*field("absent"), depth=Depth.TREES)
    place.emulator.faults = {}
    found = by_api.read(*field("absent", "field 7"), depth=Depth.TREES)
    assert ELEMENTS["field 7"].oid in found.objects
    place.emulator.options.reports_absent_objects = True
    assert by_api.objects([ELEMENTS["field 8"].oid, UNSTORED]).keys() == {ELEMENTS["field 8"].oid}


def test_what_is_lost_since_it_was_named_is_left_out(place: GithubPlace, either: Store) -> None:
    either.read(*field("bytes", "long"), depth=Depth.TREES)
    place.lose(ELEMENTS["bytes"].oid)
    assert either.objects(oids({key: ELEMENTS[key] for key in ("bytes", "long")})) == by_oid([ELEMENTS["long"]])


def test_more_elements_than_come_with_a_tree_are_asked_for(place: GithubPlace, store: Store) -> None:
    many = texts(MAX_FILES + 20)
    place.open().apply([create(branch("many"), collection(many))])
    place.emulator.reset_log()
    found = store.read(
        Selection((branch("many"),), files=tuple((branch("many"), element_path(key)) for key in many)), depth=Depth.TREES
    )
    left = by_oid(many.values()).keys() - found.objects.keys()
    assert len(left) == 20
    assert store.objects(left).keys() == left
    assert sent(place.emulator) == [QUERY, QUERY]


def test_elements_that_are_too_much_for_a_query_are_not_insisted_on(place: GithubPlace, store: Store, by_api: GithubStore) -> None:
    for each, requests in ((store, [ADVERTISEMENT, *[FETCH] * 3]), (by_api, [QUERY])):
        place.emulator.reset_log()
        place.emulator.faults = {1: ResourceLimits(after=0)}
        found = each.read(*field("field 7"), depth=Depth.TREES)
        assert found.refs.keys() == {MAP, EXPIRY, ELEMENT}
        assert ELEMENTS["field 7"].oid not in found.objects
        assert sent(place.emulator) == [QUERY, *requests]
        assert each.objects([ELEMENTS["field 7"].oid]) == by_oid([ELEMENTS["field 7"]])


def test_a_few_elements_take_one_query_if_they_are_texts(place: GithubPlace, either: Store) -> None:
    either.read(*FIELD, depth=Depth.TREES)
    asked = oids(texts(40))
    assert either.objects([*asked, *asked, UNSTORED]).keys() == set(asked)
    assert sent(place.emulator)[:2] == [QUERY, QUERY]


def test_what_a_query_does_not_tell_takes_one_request_each_or_git(place: GithubPlace, store: Store, by_api: GithubStore) -> None:
    odd = {key: ELEMENTS[key] for key in ("bytes", "more bytes", "long")}
    assert store.objects(oids(odd)) == by_oid(odd.values())
    assert sent(place.emulator) == [QUERY, ADVERTISEMENT, FETCH]
    place.emulator.reset_log()
    assert by_api.objects([*oids(odd), UNSTORED]) == by_oid(odd.values())
    assert sent(place.emulator) == [QUERY, BLOB, BLOB, BLOB]


def test_once_git_has_read_it_reads_what_objects_there_are(place: GithubPlace, store: Store) -> None:
    """Which uses up nothing that is limited."""
    list(store.list(["refs/tags/"]))
    place.emulator.reset_log()
    assert store.objects(oids(texts(2))) == by_oid(texts(2).values())
    assert store.objects(oids(texts(1))) == by_oid(texts(1).values())
    assert sent(place.emulator) == [FETCH]


def test_more_objects_than_a_query_takes_are_read_by_git(place: GithubPlace, store: Store, by_api: GithubStore) -> None:
    many = texts(600)
    place.open().apply([create(branch("many"), collection(many))])
    place.emulator.reset_log()
    assert store.objects(oids(many)) == by_oid(many.values())
    assert sent(place.emulator) == [ADVERTISEMENT, FETCH]
    place.emulator.reset_log()
    assert by_api.objects(oids(many)) == by_oid(many.values())
    assert sent(place.emulator) == [QUERY] * 3


def test_objects_that_are_too_much_for_a_query_are_read_by_git_or_in_parts(
    place: GithubPlace, store: Store, by_api: GithubStore
) -> None:
    """What was too much once is not asked for so again."""
    many = texts(400)
    place.open().apply([create(branch("many"), collection(many))])
    place.emulator.reset_log()
    place.emulator.faults = {1: ResourceLimits(after=0)}
    assert store.objects(oids(texts(40))) == by_oid(texts(40).values())
    assert sent(place.emulator) == [QUERY, ADVERTISEMENT, FETCH]
    place.emulator.reset_log()
    place.emulator.faults = {1: ResourceLimits(after=0)}
    assert by_api.objects(oids(many)) == by_oid(many.values())
    assert sent(place.emulator) == [QUERY] * (1 + 4)


def test_all_elements_are_read_by_git_where_it_may(place: GithubPlace, store: Store) -> None:
    """Which is a listing for each selection, because their order matters, the trees and the values."""
    found = store.read(*WHOLE, depth=Depth.TREES)
    assert found.refs.keys() == {MAP, EXPIRY, ELEMENT, branch("exp-1-2")}
    assert found.ordered
    assert store.objects(oids(ELEMENTS)) == by_oid(ELEMENTS.values())
    assert sent(place.emulator) == [ADVERTISEMENT, *[FETCH] * 4]


def test_without_git_all_elements_take_a_listing_and_two_queries(place: GithubPlace, by_api: GithubStore) -> None:
    found = by_api.read(*WHOLE, depth=Depth.TREES)
    assert found.refs.keys() == {MAP, EXPIRY, ELEMENT, branch("exp-1-2")}
    assert not found.ordered
    assert by_oid([note("1").target, note("2").target]).items() <= found.objects.items()
    assert by_api.objects(oids(texts(40))) == by_oid(texts(40).values())
    assert sent(place.emulator) == [LISTING, QUERY, QUERY]


def test_a_listing_is_made_after_what_comes_before_it(place: GithubPlace, by_api: GithubStore, clock: FakeClock) -> None:
    """A prefix that is no folder takes a request of its own, in its turn: not before selections that come before its own."""
    place.emulator.faults = {2: Rival(lambda: write_by_path(place, clock))}
    found = by_api.read(Selection((MAP,)), Selection((EXPIRY,), (BELOW,)), Selection((MAP,)))
    assert (found.refs[MAP], found.refs[ELEMENT], found.moved) == (note("new").oid, note("new").oid, frozenset({MAP}))
    assert sent(place.emulator) == [QUERY, LISTING, QUERY]


def test_what_a_prefix_lists_is_read_before_the_names_of_its_selection(
    place: GithubPlace, by_api: GithubStore, clock: FakeClock
) -> None:
    """As expiries have to be, so that no value is taken for one that expires later than it does."""
    place.emulator.faults = {2: Rival(lambda: write_by_path(place, clock))}
    found = by_api.read(*WHOLE, depth=Depth.TREES)
    assert (found.refs[MAP], found.refs[ELEMENT]) == (note("new").oid, note("1").oid)
    assert found.objects[note("1").oid] == note("1").target


def test_refs_that_are_neither_branches_nor_tags_are_listed(place: GithubPlace, by_api: GithubStore) -> None:
    literal = "refs/gc/1"
    place.open().apply([create(literal, record(b"1")), create("refs/gc/10", note("2"))])  # type: ignore[arg-type]
    place.emulator.reset_log()
    found = by_api.read(Selection((literal, "refs/gc/2", MAP)), depth=Depth.VALUES)  # type: ignore[arg-type]
    assert found.refs == {literal: record(b"1").oid, MAP: collection(ELEMENTS).oid}
    assert by_oid(record(b"1").objects).items() <= found.objects.items()


def test_the_trees_of_many_maps_are_fetched_together(place: GithubPlace, store: Store, by_api: GithubStore) -> None:
    """By git in one fetch, else in queries of many maps each."""
    maps = [collection({str(number): blob(b"%d" % number), "a": blob(b"1")}) for number in range(300)]
    objects = tuple(obj for made in maps for obj in made.objects)
    transaction = Transaction(
        tuple(RefUpdate(branch(f"map-{number}"), ABSENT, made.oid) for number, made in enumerate(maps)), objects
    )
    assert place.open().apply([transaction]) == [Applied()]
    wanted = by_oid(obj for made in maps for obj in made.objects if obj.kind != "blob")
    place.emulator.reset_log()
    assert store.objects([made.oid for made in maps], Depth.TREES) == wanted
    assert sent(place.emulator) == [ADVERTISEMENT, FETCH]
    place.emulator.reset_log()
    assert by_api.objects([made.oid for made in maps], Depth.TREES) == wanted
    assert sent(place.emulator) == [QUERY] * 2


@pytest.mark.parametrize(
    "body", [{"message": "odd"}, ["odd"], "odd", {}, [{"ref": 1}], [{"ref": "refs/heads/x", "object": None}], 7]
)
def test_an_odd_answer_is_no_defect(place: GithubPlace, either: Store, by_api: GithubStore, body: object) -> None:
    """A blob is then asked for in another way; of a listing nothing is known."""
    either.read(*FIELD, depth=Depth.TREES)
    place.emulator.on_request = lambda asked: (
        Status(200, body=json.dumps(body), content_type="application/json") if asked.kind == "rest" else None
    )
    assert either.objects([ELEMENTS["field 7"].oid]) == by_oid([ELEMENTS["field 7"]])
    if body:
        with pytest.raises(UnavailableError, match="not what GitHub answers"):
            by_api.read(*WHOLE, depth=Depth.TREES)
    place.emulator.on_request = None


TRIED = {"dropped", "502", "403 with retry-after", "429", "exhausted", "truncated", "malformed", "too much"}
READS: dict[str, Callable[[Store], object]] = {
    "elements with their tree": lambda store: store.read(*field("field 7", "bytes"), depth=Depth.TREES).refs,
    "one element": lambda store: (store.read(*FIELD, depth=Depth.TREES).refs, store.objects([ELEMENTS["bytes"].oid])),
    "all elements": lambda store: (store.read(*WHOLE, depth=Depth.TREES).refs, store.objects(oids(ELEMENTS))),
    "listing": lambda store: sorted(store.list([BELOW, "refs/tags/"])),
}


@pytest.mark.parametrize("by_git", [True, False])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_request_that_fails_is_made_again(
    place: GithubPlace, clock: FakeClock, read: Callable[[Store], object], *, by_git: bool
) -> None:
    def attempt(faults: Mapping[int, Fault]) -> object:
        name, repository_id = "owner/name", id_of(place.emulator, "owner/name")
        store = open_emulated(place.emulator, clock, name, repository_id=repository_id, by_git=by_git, max_seconds=5_000)
        place.emulator.limits.forget()
        place.emulator.reset_log()
        place.emulator.faults = dict(faults)
        return read(store)

    expected = attempt({})
    requests = list(place.emulator.requests)
    for number, logged in enumerate(requests, start=1):
        for name in TRIED.intersection(faults_of(logged)):
            assert attempt({number: FAULTS[name]}) == expected, (number, logged, name)


def test_a_folder_of_refs_is_read_page_by_page(place: GithubPlace, either: Store) -> None:
    """As the breadcrumbs of a counter are: a query gives a hundred."""
    samples = {tag(f"{number:03}"): note(str(number % 3)) for number in range(250)}
    place.open().apply([create(name, sample) for name, sample in samples.items()])
    place.emulator.reset_log()
    found = either.read(Selection((), ("refs/tags/kv-0a/bc-1/",)))
    assert found.refs == {name: sample.oid for name, sample in samples.items()}
    assert found.objects.keys() == {sample.oid for sample in samples.values()}
    assert sent(place.emulator) == [QUERY] * 3


KEYS, TAGS = "refs/heads/kv-", "refs/tags/kv"
LISTED = {prefix: f"/repos/owner/name/git/matching-{prefix}" for prefix in (KEYS, TAGS)}
HERE = {MAP, EXPIRY, ELEMENT, branch("exp-1-2")}


@pytest.mark.parametrize(
    ("branches", "tags", "first", "again"),
    [
        (0, 0, [QUERY], [QUERY]),
        (0, 120, [QUERY, LISTED[TAGS]], [LISTED[KEYS], LISTED[TAGS]]),
        (120, 1, [QUERY, LISTED[KEYS]], [LISTED[KEYS], LISTED[TAGS]]),
        (120, 120, [QUERY, LISTED[KEYS], LISTED[TAGS]], [LISTED[KEYS], LISTED[TAGS]]),
    ],
)
def test_folders_of_few_refs_are_listed_by_one_query(
    place: GithubPlace, by_api: GithubStore, branches: int, tags: int, first: list[str], again: list[str]
) -> None:
    names = [*(branch(f"val-{number:03}") for number in range(branches)), *(tag(f"{number:03}") for number in range(tags))]
    place.open().apply([create(name, note("1")) for name in names])
    for requests in (first, again):
        place.emulator.reset_log()
        assert {name for name, _oid in by_api.list([KEYS, TAGS])} == HERE | set(names)
        assert sent(place.emulator) == requests


def test_a_list_has_refs_that_point_at_nothing(place: GithubPlace, by_api: GithubStore) -> None:
    """A query does not tell where they point."""
    lost = place.repository / branch("val-lost")
    lost.write_text(f"{UNSTORED}\n")
    assert dict(by_api.list([KEYS, TAGS]))[branch("val-lost")] == UNSTORED


def test_what_a_query_does_not_list_is_asked_for_by_itself(place: GithubPlace, by_api: GithubStore) -> None:
    shown = {"id": "R", "nameWithOwner": "owner/name", "isPrivate": True, "f0": None, "f1": None}
    place.emulator.faults = {1: Status(200, body=json.dumps({"data": {"repository": shown}}), content_type="application/json")}
    assert dict(by_api.list([KEYS, TAGS])).keys() == HERE
    assert sent(place.emulator) == [QUERY, *LISTED.values()]


def test_nothing_is_built_on_another_object_than_was_sent(place: GithubPlace) -> None:
    another = json.dumps({"sha": str(UNSTORED)})
    place.emulator.faults = {1: Status(201, body=another, content_type="application/json; charset=utf-8")}
    with pytest.raises(StoreError, match="stored another object"):
        place.open().apply([create(branch("a"), record(b"1"))])
    assert branch("a") not in place.open().read(Selection((branch("a"),))).refs
