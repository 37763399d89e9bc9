"""What the contract means over HTTP, where replies get lost and rivals write in between."""

import gc
from collections.abc import Mapping, Sequence

import pytest
from urllib3.connection import HTTPConnection

from git_keyval.errors import AccessDeniedError, NotARepositoryError, StoreError
from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.store.port import Applied, Conflict, Outcome, Selection, Transaction, Unknown
from tests.conftest import FakeClock
from tests.contract.places import TOKEN, HttpPlace, open_git_place
from tests.contract.samples import all_refs, assertion, branch, create, delete, note, put, record, tag, together
from tests.servers.binary import run_git
from tests.servers.http import RECEIVE_PACK, UPLOAD_PACK, Cut, Fault, GitHttpServer, Redirect, Status

ONE, TWO, THREE = note("1"), note("2"), note("3")
FAULTS = [
    Cut.BEFORE,
    Cut.AFTER,
    Cut.TRUNCATE,
    Status(401),
    Status(403),
    Status(404),
    Status(429),
    Status(429, retry_after="3"),
    Status(500),
    Status(502),
    Status(502, applied=True),
    Status(503),
]
LOST_REPLIES = [Cut.AFTER, Status(502, applied=True), Cut.TRUNCATE]


def after(refs: Mapping[RefName, Oid], transaction: Transaction) -> dict[RefName, Oid]:
    """Return what the refs of a transaction are once it is applied."""
    own = {update.name for update in transaction.updates}
    written = {update.name: update.new for update in transaction.updates if isinstance(update.new, str)}
    return {name: oid for name, oid in refs.items() if name not in own} | written


def believe(before: Mapping[RefName, Oid], found: Mapping[RefName, Oid], done: Sequence[tuple[Transaction, Outcome]]) -> None:
    """Check that every outcome is true: Applied as a whole, not at all where it failed, one of both if Unknown."""
    for transaction, outcome in done:
        names = {update.name for update in transaction.updates}
        new = {name: oid for name, oid in after(before, transaction).items() if name in names}
        old = {name: oid for name, oid in before.items() if name in names}
        now = {name: oid for name, oid in found.items() if name in names}
        allowed = {Applied: [new], Unknown: [old, new]}.get(type(outcome), [old])
        assert now in allowed, (transaction, outcome)


@pytest.fixture
def before(http_place: HttpPlace) -> dict[RefName, Oid]:
    http_place.open().apply([create(branch(name), ONE) for name in "abcde"])
    found = all_refs(http_place.open())
    http_place.server.log.clear()
    return found


TRANSACTIONS = [
    put(branch("a"), TWO, ONE.oid),
    together(create(tag("b"), record(b"4")), put(branch("b"), TWO, ONE.oid), delete(branch("c"), ONE.oid)),
    put(branch("d"), THREE, TWO.oid),
    together(assertion(branch("e"), ONE.oid), create(tag("e"), TWO)),
    create(tag("f"), THREE),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("times", ["once", "forever"])
def test_outcomes_are_true_whichever_request_fails(http_place: HttpPlace, clock: FakeClock, fault: Fault, times: str) -> None:
    """Fail the Nth request of one apply, for every N until none is left to fail."""
    nth = 0
    while True:
        nth += 1
        reset = http_place.open()
        reset.apply([delete(name) for name in all_refs(reset)])
        reset.apply([create(branch(name), ONE) for name in "abcde"])
        before = all_refs(reset)
        with GitHttpServer(http_place.repository.parent, token=TOKEN) as server:
            server.fail(nth, fault, forever=times == "forever")
            store = open_git_place(http_place.repository, f"{server.url}/database.git", clock, {}, TOKEN).open()
            try:
                outcomes: Sequence[Outcome] = store.apply(TRANSACTIONS)
            except StoreError:
                # "Nothing of this request was applied."
                assert all_refs(http_place.open()) == before
                outcomes = []
            believe(before, all_refs(http_place.open()), list(zip(TRANSACTIONS, outcomes, strict=False)))
            if server.count() < nth:
                break
    assert nth > 2
    assert [type(outcome) for outcome in outcomes] == [Applied, Applied, Conflict, Applied, Applied]


@pytest.mark.parametrize("fault", [Status(503), Cut.BEFORE, Status(403)], ids=str)
def test_what_was_applied_is_told_though_a_later_request_fails(
    http_place: HttpPlace, before: dict[RefName, Oid], fault: Fault
) -> None:
    """Without atomic pushes one ref may be refused beside another that is applied; to ask again about the first may fail."""
    run_git("config", "receive.advertiseAtomic", "false", directory=http_place.repository)
    rival = put(branch("a"), THREE)
    http_place.server.between(lambda: http_place.open().apply([rival]))
    # The first is this store's, the second the rival's.
    http_place.server.fail(3, fault, method="GET", service=RECEIVE_PACK, forever=True)
    transactions = [put(branch("a"), TWO, ONE.oid), put(branch("b"), TWO, ONE.oid)]
    try:
        outcomes: Sequence[Outcome] = http_place.open().apply(transactions)
    except StoreError:
        outcomes = [Conflict(()), Conflict(())]
    http_place.server.heal()
    believe(after(before, rival), all_refs(http_place.open()), list(zip(transactions, outcomes, strict=True)))


@pytest.mark.parametrize("fault", [Status(502), Cut.BEFORE, Cut.TRUNCATE], ids=str)
def test_a_push_that_could_not_begin_is_begun_again(http_place: HttpPlace, before: dict[RefName, Oid], fault: Fault) -> None:
    """Also where an earlier one was sent and lost a race, so that an error would tell of it as refused."""
    http_place.server.between(lambda: http_place.open().apply([put(branch("a"), TWO)]))
    http_place.server.fail(1, fault, method="GET", service=RECEIVE_PACK)
    http_place.server.fail(4, fault, method="GET", service=RECEIVE_PACK)
    outcomes = http_place.open().apply([put(branch("a"), THREE, ONE.oid), put(branch("b"), TWO, ONE.oid)])
    assert list(outcomes) == [Conflict((branch("a"),)), Applied()]
    assert http_place.server.count(method="GET", service=RECEIVE_PACK) == 5
    assert all_refs(http_place.open()) == before | {branch("a"): TWO.oid, branch("b"): TWO.oid}


@pytest.mark.parametrize("fault", LOST_REPLIES, ids=str)
def test_a_lost_reply_is_unknown_and_nothing_is_sent_twice(http_place: HttpPlace, before: dict[RefName, Oid], fault: Fault) -> None:
    http_place.server.fail(1, fault, method="POST", service=RECEIVE_PACK)
    outcomes = http_place.open().apply([put(branch("a"), TWO, ONE.oid), create(tag("new"), THREE)])
    assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown]
    assert http_place.server.count(method="POST", service=RECEIVE_PACK) == 1
    assert all_refs(http_place.open()) == before | {branch("a"): TWO.oid, tag("new"): THREE.oid}


def test_a_transaction_that_never_arrived_is_not_sent_again(http_place: HttpPlace, before: dict[RefName, Oid]) -> None:
    http_place.server.fail(1, Cut.BEFORE, method="POST", service=RECEIVE_PACK)
    (outcome,) = http_place.open().apply([put(branch("a"), TWO, ONE.oid)])
    assert isinstance(outcome, Unknown)
    assert http_place.server.count(method="POST", service=RECEIVE_PACK) == 1
    assert all_refs(http_place.open()) == before


def test_a_conflict_that_is_known_already_is_told_though_the_reply_is_lost(
    http_place: HttpPlace, before: dict[RefName, Oid]
) -> None:
    http_place.server.fail(1, Cut.AFTER, method="POST", service=RECEIVE_PACK)
    outcomes = http_place.open().apply([create(branch("a"), TWO), put(branch("b"), TWO, ONE.oid)])
    assert outcomes[0] == Conflict((branch("a"),))
    assert isinstance(outcomes[1], Unknown)
    assert all_refs(http_place.open()) == before | {branch("b"): TWO.oid}


@pytest.mark.parametrize("rival", [put(branch("b"), THREE), delete(branch("b"))], ids=["moves", "deletes"])
def test_a_rival_between_advertisement_and_push_is_a_conflict(
    http_place: HttpPlace, before: dict[RefName, Oid], rival: Transaction
) -> None:
    """The transactions that the rival did not touch are applied all the same."""
    http_place.server.between(lambda: http_place.open().apply([rival]))
    transactions = [
        put(branch("a"), TWO, ONE.oid),
        together(put(branch("b"), TWO, ONE.oid), create(tag("b"), TWO)),
        delete(branch("c"), ONE.oid),
        create(tag("d"), TWO),
    ]
    outcomes = http_place.open().apply(transactions)
    assert list(outcomes) == [Applied(), Conflict((branch("b"),)), Applied(), Applied()]
    expected = after(before, rival)
    for transaction in (transactions[0], transactions[2], transactions[3]):
        expected = after(expected, transaction)
    assert all_refs(http_place.open()) == expected


def test_what_is_deleted_unseen_is_gone_although_a_rival_creates_it(http_place: HttpPlace, before: dict[RefName, Oid]) -> None:
    """A value without an expiry must not come by the one that a rival is just giving to the value before it."""
    http_place.server.between(lambda: http_place.open().apply([create(branch("new"), ONE)]))
    transaction = together(put(branch("a"), TWO, ONE.oid), delete(branch("new")))
    assert list(http_place.open().apply([transaction])) == [Applied()]
    assert all_refs(http_place.open()) == before | {branch("a"): TWO.oid}


def test_a_rival_that_creates_the_very_same_is_a_conflict(http_place: HttpPlace) -> None:
    http_place.server.between(lambda: http_place.open().apply([create(branch("new"), ONE)]))
    assert list(http_place.open().apply([create(branch("new"), ONE)])) == [Conflict((branch("new"),))]


def test_a_rival_that_moves_what_is_only_asserted_is_a_conflict(http_place: HttpPlace, before: dict[RefName, Oid]) -> None:
    http_place.server.between(lambda: http_place.open().apply([put(branch("a"), TWO)]))
    (outcome,) = http_place.open().apply([together(assertion(branch("a"), ONE.oid), put(branch("b"), TWO, ONE.oid))])
    assert outcome == Conflict((branch("a"),))
    assert all_refs(http_place.open()) == before | {branch("a"): TWO.oid}


def test_a_rival_does_not_keep_an_unconditional_write_from_being_applied(http_place: HttpPlace) -> None:
    http_place.open().apply([create(branch("a"), ONE)])
    http_place.server.between(lambda: http_place.open().apply([put(branch("a"), TWO)]))
    assert list(http_place.open().apply([put(branch("a"), THREE)])) == [Applied()]
    assert all_refs(http_place.open()) == {branch("a"): THREE.oid}


@pytest.mark.parametrize("fault", [*LOST_REPLIES, Cut.BEFORE, Status(500)], ids=str)
def test_reads_are_whole_or_an_error(http_place: HttpPlace, before: dict[RefName, Oid], fault: Fault) -> None:
    nth = 0
    while True:
        nth += 1
        http_place.server.log.clear()
        http_place.server.fail(nth, fault, forever=True)
        try:
            found = http_place.open().read(Selection((), ("refs/heads/",)), Selection((), ("refs/tags/",)))
            listed = dict(http_place.open().list(["refs/"]))
        except StoreError:
            http_place.server.heal()
            continue
        assert found.refs == listed == before
        assert found.objects[ONE.oid] == ONE.target
        break
    assert http_place.server.count() < nth


MANY_REFS = 8_000
"""Many chunks of an answer."""


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize("times", [1, 3])
def test_a_long_listing_that_breaks_off_goes_on_where_it_was(http_place: HttpPlace, times: int) -> None:
    """Each ref once, those that others made meanwhile or not, and none that was there all the time left out."""
    names = [f"refs/heads/many/{number:05}" for number in range(MANY_REFS)]
    lines = ["# pack-refs with: peeled fully-peeled sorted ", *(f"{ONE.oid} {name}" for name in names)]
    (http_place.repository / "packed-refs").write_text("\n".join([*lines, ""]))
    for nth in range(1, times + 1):
        http_place.server.fail(nth, Cut.TRUNCATE, method="POST", service=UPLOAD_PACK)
    listing = http_place.open().list(["refs/"])
    found = [next(listing)]
    http_place.open().apply([delete(branch("a"), ONE.oid), create(RefName("refs/heads/many/99999"), TWO)])
    found += listing
    assert len(dict(found)) == len(found)
    assert dict(found).items() >= {RefName(name): ONE.oid for name in names}.items()
    assert http_place.server.count(method="POST", service=UPLOAD_PACK) == times + 1


def test_a_wrong_or_missing_token_is_denied(http_place: HttpPlace, clock: FakeClock) -> None:
    http_place.open().apply([create(branch("a"), ONE)])
    for token in ("", "wrong"):
        url = f"{http_place.server.url}/database.git"
        store = open_git_place(http_place.repository, url, clock, {}, token).open()
        with pytest.raises(AccessDeniedError) as denied:
            store.read(Selection((branch("a"),)))
        assert not token or token not in str(denied.value)
        with pytest.raises(AccessDeniedError):
            store.apply([put(branch("a"), TWO)])
    assert all_refs(http_place.open()) == {branch("a"): ONE.oid}


def test_a_path_without_repository_is_named_so(http_place: HttpPlace, clock: FakeClock) -> None:
    url = f"{http_place.server.url}/other.git"
    store = open_git_place(http_place.repository, url, clock, {}, TOKEN).open()
    with pytest.raises(NotARepositoryError):
        store.read(Selection((branch("a"),)))
    with pytest.raises(NotARepositoryError):
        store.apply([create(branch("a"), ONE)])


def test_the_token_does_not_follow_a_redirect_to_another_host(http_place: HttpPlace) -> None:
    with GitHttpServer(http_place.repository.parent) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        http_place.server.fail(1, Redirect(elsewhere), forever=True)
        store = http_place.open()
        for request in (lambda: store.read(Selection((branch("a"),))), lambda: store.apply([create(branch("a"), ONE)])):
            try:
                request()
            except StoreError:
                continue
        assert not any(seen.authorization for seen in other.log)


def test_a_store_that_nobody_uses_any_more_keeps_no_connection(http_place: HttpPlace) -> None:
    """Connections are kept between requests; what leads from one back to its pool would keep it open forever."""

    def connections() -> int:
        gc.collect()
        return sum(isinstance(found, HTTPConnection) for found in gc.get_objects())

    there = connections()
    store = http_place.open()
    store.read(Selection((branch("a"),)))
    assert connections() == there + 1
    del store
    assert connections() == there


def test_requests_over_http_are_those_that_the_server_saw(http_place: HttpPlace) -> None:
    store = http_place.open()
    store.apply([create(branch("a"), note("1")), create(branch("b"), note("2"))])
    store.read(Selection((branch("a"),)), Selection((), ("refs/tags/",)))
    store.apply([create(branch("a"), note("1")), create(branch("c"), note("3"))])
    list(store.list(["refs/"]))
    assert store.requests == http_place.server.count()
