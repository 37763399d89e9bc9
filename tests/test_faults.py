"""The store that fails when told to."""

from collections.abc import Callable

import pytest

from git_keyval.errors import UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.store.port import Applied, Conflict, Selection, Store, Unknown
from tests.conftest import FakeClock
from tests.contract.samples import all_refs, branch, create, note, put
from tests.faults import Fault, FaultyStore, Lost, Rival
from tests.memory import MemoryStore

A, B = branch("a"), branch("b")
READS: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read(Selection((A,))),
    "list": all_refs,
    "objects": lambda store: store.objects([note("1").oid]),
}


@pytest.fixture
def real(clock: FakeClock) -> MemoryStore:
    store = MemoryStore(clock)
    store.apply([create(A, note("1"))])
    return store


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize(("fault", "reached"), [(Lost.BEFORE, 0), (Lost.LATE, 0), (Lost.AFTER, 1)])
def test_a_read_that_fails_is_unavailable(real: MemoryStore, read: Callable[[Store], object], fault: Fault, reached: int) -> None:
    store = FaultyStore(real, {2: fault})
    expected = read(store)
    before = real.requests
    with pytest.raises(UnavailableError):
        read(store)
    assert real.requests - before == reached
    assert read(store) == expected


@pytest.mark.parametrize(
    ("fault", "refs"),
    [
        (Lost.BEFORE, {A: note("1").oid}),
        (Lost.AFTER, {A: note("2").oid, B: note("2").oid}),
        (Lost.LATE, {A: note("1").oid}),
    ],
)
def test_an_apply_that_fails_is_unknown(real: MemoryStore, fault: Fault, refs: dict[RefName, Oid]) -> None:
    store = FaultyStore(real, {1: fault})
    outcomes = store.apply([create(B, note("2")), put(A, note("2"), note("1").oid)])
    assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown]
    assert real.refs == refs


def test_a_late_apply_arrives_with_the_next_request(real: MemoryStore) -> None:
    store = FaultyStore(real, {1: Lost.LATE})
    store.apply([create(B, note("2"))])
    assert B not in real.refs
    assert list(store.apply([create(B, note("3"))])) == [Conflict((B,))]
    assert real.refs[B] == note("2").oid


def test_a_late_apply_may_be_made_to_arrive(real: MemoryStore) -> None:
    store = FaultyStore(real, {1: Lost.LATE})
    store.apply([create(B, note("2"))])
    store.arrive()
    store.arrive()
    assert real.refs[B] == note("2").oid


def test_a_rival_acts_just_before_the_request(real: MemoryStore) -> None:
    store = FaultyStore(real, {2: Rival(lambda: real.apply([put(A, note("3"))]))})
    assert store.read(Selection((A,))).refs == {A: note("1").oid}
    assert list(store.apply([put(A, note("2"), note("1").oid)])) == [Conflict((A,))]
    assert list(store.apply([put(A, note("2"), note("3").oid)])) == [Applied()]


def test_a_listing_counts_when_it_is_asked_for_and_breaks_at_its_end(real: MemoryStore) -> None:
    store = FaultyStore(real, {1: Lost.AFTER})
    listed = store.list(["refs/"])
    store.read(Selection((A,)))
    assert [call.verb for call in store.calls] == ["list", "read"]
    assert next(listed) == (A, note("1").oid)
    with pytest.raises(UnavailableError):
        next(listed)


def test_calls_are_logged_with_their_faults(real: MemoryStore) -> None:
    store = FaultyStore(real, {3: Lost.BEFORE, 9: Lost.BEFORE})
    transaction = create(B, note("2"))
    store.read(Selection((A,)))
    store.objects(iter([note("1").oid]))
    store.apply([transaction])
    assert [(call.number, call.verb, call.request) for call in store.calls] == [
        (1, "read", (Selection((A,)),)),
        (2, "objects", (note("1").oid,)),
        (3, "apply", (transaction,)),
    ]
    assert [(call.number, call.fault) for call in store.fired] == [(3, Lost.BEFORE)]


def test_time_and_what_the_store_can_do_pass_through(real: MemoryStore, clock: FakeClock) -> None:
    store = FaultyStore(real, dict.fromkeys(range(1, 100), Lost.BEFORE))
    assert (store.now(), store.capabilities, store.requests) == (clock(), real.capabilities, real.requests)
    assert store.calls == []
