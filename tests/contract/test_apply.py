"""The contract of Store.apply."""

import random

import pytest

from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.store.port import (
    ABSENT,
    ANY,
    Applied,
    Conflict,
    Depth,
    Expect,
    RefUpdate,
    Selection,
    Store,
    Transaction,
)
from tests.contract.places import WRITTEN_DIFFERENTLY, Place, places
from tests.contract.samples import (
    UNSTORED,
    Sample,
    all_refs,
    assertion,
    branch,
    by_oid,
    conflicts,
    create,
    delete,
    foreign_commit,
    note,
    put,
    record,
    tag,
    together,
)

pytestmark = places(WRITTEN_DIFFERENTLY)

ONE, TWO, THREE = note("1"), note("2"), note("3")
A, B, C = branch("a"), branch("b"), branch("c")


def test_no_transactions_have_no_outcomes(store: Store) -> None:
    assert list(store.apply([])) == []


@pytest.mark.parametrize("name", [A, tag("a")], ids=["branch", "tag"])
@pytest.mark.parametrize("expect", [ABSENT, ANY], ids=["absent", "any"])
def test_a_ref_is_created(store: Store, name: RefName, expect: Expect) -> None:
    assert list(store.apply([put(name, ONE, expect)])) == [Applied()]
    assert all_refs(store) == {name: ONE.oid}


@pytest.mark.parametrize("name", [A, tag("a")], ids=["branch", "tag"])
@pytest.mark.parametrize("there", [ONE, TWO], ids=["equal", "other"])
def test_a_ref_that_must_be_absent_is_not_overwritten(store: Store, name: RefName, there: Sample) -> None:
    """A ref at the very oid that shall be written is a conflict too: "up to date" is not "applied"."""
    store.apply([create(name, ONE)])
    (outcome,) = store.apply([create(name, there)])
    assert conflicts(outcome) == [name]
    assert all_refs(store) == {name: ONE.oid}


@pytest.mark.parametrize("name", [A, tag("a")], ids=["branch", "tag"])
@pytest.mark.parametrize("expect", [ONE.oid, ANY], ids=["oid", "any"])
def test_a_ref_is_overwritten_though_no_history_connects_both(store: Store, name: RefName, expect: Oid | Expect) -> None:
    store.apply([create(name, ONE)])
    assert list(store.apply([put(name, TWO, expect)])) == [Applied()]
    assert all_refs(store) == {name: TWO.oid}


@pytest.mark.parametrize("expect", [foreign_commit("new").oid, ANY], ids=["oid", "any"])
def test_a_ref_is_wound_back_to_an_ancestor(store: Store, expect: Oid | Expect) -> None:
    people = foreign_commit("new")
    parent = people.objects[-2]
    store.apply([create(A, people)])
    assert list(store.apply([Transaction((RefUpdate(A, expect, parent.oid),))])) == [Applied()]
    assert all_refs(store) == {A: parent.oid}


@pytest.mark.parametrize("expect", [TWO.oid, THREE.oid, UNSTORED], ids=["new", "other", "unstored"])
def test_a_ref_at_another_oid_is_a_conflict(store: Store, expect: Oid) -> None:
    store.apply([create(A, ONE)])
    for transaction in (put(A, TWO, expect), delete(A, expect)):
        (outcome,) = store.apply([transaction])
        assert conflicts(outcome) == [A]
    assert all_refs(store) == {A: ONE.oid}


@pytest.mark.parametrize("expect", [ONE.oid, UNSTORED], ids=["stored", "unstored"])
def test_an_oid_expected_of_an_absent_ref_is_a_conflict(store: Store, expect: Oid) -> None:
    store.apply([create(B, ONE)])
    for transaction in (put(A, TWO, expect), delete(A, expect)):
        (outcome,) = store.apply([transaction])
        assert conflicts(outcome) == [A]
    assert all_refs(store) == {B: ONE.oid}


@pytest.mark.parametrize("name", [A, tag("a")], ids=["branch", "tag"])
@pytest.mark.parametrize("expect", [ONE.oid, ANY], ids=["oid", "any"])
def test_a_ref_is_deleted(store: Store, name: RefName, expect: Oid | Expect) -> None:
    store.apply([create(name, ONE), create(B, ONE)])
    assert list(store.apply([delete(name, expect)])) == [Applied()]
    assert all_refs(store) == {B: ONE.oid}


def test_deleting_what_is_absent_is_fine_with_any(store: Store) -> None:
    assert list(store.apply([delete(A), together(delete(B), create(C, ONE))])) == [Applied(), Applied()]
    assert list(store.apply([delete(A), delete(B)])) == [Applied(), Applied()]
    assert all_refs(store) == {C: ONE.oid}


def test_writing_what_is_there_already_is_fine_with_any(store: Store) -> None:
    store.apply([create(A, ONE)])
    assert list(store.apply([put(A, ONE), together(put(B, ONE), put(C, TWO))])) == [Applied(), Applied()]
    assert list(store.apply([together(put(A, ONE), put(B, ONE), put(C, THREE))])) == [Applied()]
    assert all_refs(store) == {A: ONE.oid, B: ONE.oid, C: THREE.oid}


def test_an_assertion_that_holds_moves_nothing(store: Store) -> None:
    store.apply([create(A, ONE)])
    assert list(store.apply([assertion(A, ONE.oid)])) == [Applied()]
    assert list(store.apply([together(assertion(A, ONE.oid), create(B, TWO))])) == [Applied()]
    assert all_refs(store) == {A: ONE.oid, B: TWO.oid}


def test_an_assertion_that_fails_keeps_the_rest_from_being_applied(store: Store) -> None:
    store.apply([create(A, ONE), create(B, TWO)])
    for failing, ref in ((assertion(A, TWO.oid), A), (assertion(C, ONE.oid), C), (assertion(C, UNSTORED), C)):
        (outcome,) = store.apply([together(failing, put(B, THREE, TWO.oid), create(branch("d"), ONE))])
        assert conflicts(outcome) == [ref]
    assert all_refs(store) == {A: ONE.oid, B: TWO.oid}


def test_a_transaction_is_applied_as_a_whole(store: Store) -> None:
    store.apply([create(A, ONE), create(tag("a"), ONE)])
    whole = together(put(A, TWO, ONE.oid), create(B, record(b"4")), delete(tag("a"), ONE.oid), create(tag("b"), THREE))
    assert list(store.apply([whole])) == [Applied()]
    assert all_refs(store) == {A: TWO.oid, B: record(b"4").oid, tag("b"): THREE.oid}


def test_independent_transactions_do_not_disturb_each_other(store: Store) -> None:
    """Of many transactions in one call, those with a conflict fail alone, each with its own refs."""
    choose = random.Random(1)
    numbers = range(90)
    store.apply([put(branch(f"{number:02}"), note(f"old {number}")) for number in numbers if number % 3])
    before = all_refs(store)
    transactions, outcomes, after = [], [], dict(before)
    for number in numbers:
        name, extra = branch(f"{number:02}"), tag(f"{number:02}")
        old: Oid | Expect = before.get(name, ABSENT)
        wrong = [update for update in (ABSENT, UNSTORED, ONE.oid) if update != old]
        failing = number % 7 == 0
        expect = choose.choice(wrong) if failing else old
        sample = note(f"new {number}")
        transactions.append(together(create(extra, sample), put(name, sample, expect)))
        outcomes.append(Conflict((name,)) if failing else Applied())
        after |= {} if failing else {name: sample.oid, extra: sample.oid}
    assert list(store.apply(transactions)) == outcomes
    assert all_refs(store) == after


def test_a_call_in_which_everything_conflicts_applies_nothing(store: Store) -> None:
    store.apply([create(branch(str(number)), ONE) for number in range(20)])
    before = all_refs(store)
    outcomes = store.apply([create(branch(str(number)), TWO) for number in range(20)])
    assert list(outcomes) == [Conflict((branch(str(number)),)) for number in range(20)]
    assert all_refs(store) == before


def test_a_deleted_ref_can_be_created_again(store: Store) -> None:
    for sample in (ONE, TWO, ONE):
        assert list(store.apply([create(A, sample)])) == [Applied()]
        assert list(store.apply([delete(A, sample.oid)])) == [Applied()]
    assert all_refs(store) == {}


def test_objects_that_are_there_already_need_not_come_again(store: Store) -> None:
    store.apply([create(A, record(b"1"))])
    assert list(store.apply([Transaction((RefUpdate(B, ABSENT, record(b"1").oid),))])) == [Applied()]
    assert all_refs(store) == {A: record(b"1").oid, B: record(b"1").oid}


def test_objects_may_come_again(store: Store) -> None:
    store.apply([create(A, record(b"1"))])
    assert list(store.apply([create(B, record(b"1")), create(C, record(b"1"))])) == [Applied(), Applied()]
    assert all_refs(store).keys() == {A, B, C}


def test_a_value_of_five_megabytes_comes_back(place: Place) -> None:
    big = record(random.Random(5).randbytes(5 * 1024 * 1024))
    assert list(place.open().apply([create(A, big)])) == [Applied()]
    found = place.open().read(Selection((A,)), depth=Depth.VALUES)
    assert found.refs == {A: big.oid}
    assert by_oid(big.objects).items() <= found.objects.items()


def test_thousands_of_transactions_go_in_one_call(store: Store) -> None:
    names = [branch(f"{number:04}") for number in range(1_100)]
    assert set(store.apply([create(name, ONE) for name in names])) == {Applied()}
    transactions = [delete(name, TWO.oid if number == 789 else ONE.oid) for number, name in enumerate(names)]
    outcomes = list(store.apply(transactions))
    assert outcomes.pop(789) == Conflict((names[789],))
    assert set(outcomes) == {Applied()}
    assert all_refs(store) == {names[789]: ONE.oid}


def test_one_large_transaction_is_all_or_nothing(store: Store) -> None:
    updates = [create(branch(f"{number:04}"), ONE) for number in range(600)]
    store.apply([create(branch("0300"), TWO)])
    (outcome,) = store.apply([together(*updates)])
    assert conflicts(outcome) == [branch("0300")]
    assert all_refs(store) == {branch("0300"): TWO.oid}
    assert list(store.apply([together(*updates[:300], *updates[301:])])) == [Applied()]
    assert len(all_refs(store)) == 600


def test_refs_that_no_transaction_names_stay(store: Store) -> None:
    foreign = {RefName(f"refs/{name}"): foreign_commit(name) for name in ("heads/main", "notes/commits", "changes/1/head")}
    store.apply([create(name, sample) for name, sample in foreign.items()])
    store.apply([create(A, ONE), create(tag("a"), TWO)])
    store.apply([delete(A, ONE.oid), create(tag("a"), TWO), put(B, THREE)])
    store.apply([delete(B), delete(tag("a"), TWO.oid)])
    assert all_refs(store) == {name: sample.oid for name, sample in foreign.items()}
