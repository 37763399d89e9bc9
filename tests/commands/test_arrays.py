"""aget, aset, apush, apop, alen, arange, aexpire: what each promises."""

from functools import partial

import pytest

from git_keyval.commands.arrays import MAX_RANGE, aexpire, aget, alen, apop, apush, arange, aset
from git_keyval.commands.expiry import expire
from git_keyval.commands.keyspace import keys
from git_keyval.commands.maps import hset
from git_keyval.commands.values import del_, exists, get, set_, type_
from git_keyval.database.answers import Result
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.errors import IndexOutOfRangeError, OutcomeUnknownError, WrongTypeError
from git_keyval.format.elements import Collection, element_id, encode_collection
from git_keyval.format.names import Naming
from git_keyval.format.values import Value
from maintenance.jobs import sweep
from tests.contract.samples import Sample
from tests.faults import Lost, Rival
from tests.world import World, draft, drafts, key, number, text

A = key("a")
VALUE = Naming().value(A.id)


def push(world: World, *elements: str, ttl: int | None = None) -> None:
    for element in elements:
        apush(world.database(), key=A, value=draft(element), ttl=ttl)


def elements_of(world: World) -> object:
    return arange(world.database(), key=A).document


def test_elements_are_added_and_read(world: World) -> None:
    database = world.database()
    first = apush(database, key=A, value=draft("x"))
    assert (first.applied, first.count, first.ttl) == (True, 1, -1)
    assert apush(database, key=A, value=draft("")).count == 2
    version = apush(database, key=A, value=draft("z")).version
    assert elements_of(world) == ["x", "", "z"]
    assert aget(database, key=A, index=1) == Result(found=True, value=text(""), type="string", version=version, ttl=-1)
    assert [aget(database, key=A, index=index).value for index in (-1, -3)] == [text("z"), text("x")]
    for index in (3, -4, 2**53 - 1):
        assert aget(database, key=A, index=index) == Result(found=False, ttl=-2, version=version)
    assert alen(database, key=A) == Result(found=True, count=3, version=version)
    assert type_(database, key=A).type == "array"
    assert world.errors() == []


def test_an_absent_array_has_no_elements(world: World) -> None:
    database = world.database()
    for index in (0, -1):
        assert aget(database, key=A, index=index) == Result(found=False, ttl=-2)
    assert alen(database, key=A) == Result(found=False, count=0)
    assert arange(database, key=A) == Result(found=False, count=0, document=[])
    assert apop(database, key=A) == Result(found=False, applied=False, count=0, ttl=-2)
    for command in (partial(aset, value=draft("x")), partial(aexpire, ttl=60)):
        with pytest.raises(IndexOutOfRangeError):
            command(database, key=A, index=0)
    assert world.refs() == {}


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, -1, ["0", "1", "2", "3"]),
        (1, 2, ["1", "2"]),
        (-2, -1, ["2", "3"]),
        (-100, 100, ["0", "1", "2", "3"]),
        (2, 1, []),
        (4, 9, []),
        (-9, -5, []),
        (3, 3, ["3"]),
    ],
)
def test_a_range_includes_both_ends(memory: World, start: int, stop: int, expected: list[str]) -> None:
    push(memory, "0", "1", "2", "3")
    answer = arange(memory.database(), key=A, start=start, stop=stop)
    assert (answer.document, answer.count, answer.found) == (expected, len(expected), True)


def test_aset_writes_over_elements_only(world: World) -> None:
    push(world, "x", "y", ttl=60)
    answer = aset(world.database(), key=A, index=-1, value=draft("new"))
    assert (answer.applied, answer.ttl) == (True, -1)
    assert aset(world.database(), key=A, index=0, value=draft("kept"), keep_ttl=True).applied is True
    assert [aget(world.database(), key=A, index=index).ttl for index in (0, 1)] == [60, -1]
    for index in (2, -3):
        with pytest.raises(IndexOutOfRangeError, match="length is 2"):
            aset(world.database(), key=A, index=index, value=draft("x"))
    assert elements_of(world) == ["kept", "new"]


def test_an_element_that_has_expired_leaves_a_hole(world: World) -> None:
    database = world.database()
    push(world, "x")
    push(world, "y", ttl=60)
    push(world, "z")
    world.clock.advance(60)
    assert elements_of(world) == ["x", None, "z"]
    assert (alen(database, key=A).count, aget(database, key=A, index=1).found) == (3, False)
    assert aexpire(database, key=A, index=1, ttl=60).applied is False
    assert aset(database, key=A, index=1, value=draft("w"), condition=Condition("present")).applied is False
    assert aset(database, key=A, index=1, value=draft("w"), condition=Condition("absent")).applied is True
    assert aset(database, key=A, index=1, value=draft("v"), condition=Condition("absent")).applied is False
    assert elements_of(world) == ["x", "w", "z"]
    assert world.errors() == []


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("index", [0, -1])
def test_what_has_expired_fixes_no_type(world: World, index: int, *, swept: bool) -> None:
    """Holes stay holes, and the array as long as it was, whatever is written next."""
    for value in ("x", "y"):
        apush(world.database(), key=A, value=draft(value), ttl=60)
    world.clock.advance(61)
    if swept:
        sweep(world.maintenance())
    assert aset(world.database(), key=A, index=index, value=draft(number("1"))).count == 2
    assert apush(world.database(), key=A, value=draft(number("2"))).count == 3
    assert arange(world.database(), key=A).document == ([1, None, 2] if index == 0 else [None, 1, 2])
    assert world.warnings() == []


def test_a_push_counts_from_the_length_whatever_has_expired(world: World) -> None:
    apush(world.database(), key=A, value=draft("x"), ttl=60)
    world.clock.advance(61)
    assert apush(world.database(), key=A, value=draft(number("2"))).count == 2
    assert arange(world.database(), key=A).document == [None, 2]


def test_aexpire_gives_an_element_a_new_time(world: World) -> None:
    push(world, "x", "y")
    answer = aexpire(world.database(), key=A, index=-1, ttl=60)
    assert (answer.found, answer.applied, answer.count, answer.ttl) == (True, True, 1, 60)
    assert aget(world.database(), key=A, index=1).ttl == 60
    world.clock.advance(60)
    assert elements_of(world) == ["x", None]


def test_apop_takes_the_last_element(world: World) -> None:
    database = world.database()
    push(world, "x", "y")
    push(world, "z", ttl=60)
    answer = apop(database, key=A)
    assert (answer.found, answer.applied, answer.value, answer.count, answer.ttl) == (True, True, text("z"), 2, 60)
    assert len(world.parked()) == 1
    assert not [name for name in world.refs() if name.startswith(Naming().element_expiries(A.id))]
    push(world, "new")
    world.clock.advance(60)
    assert elements_of(world) == ["x", "y", "new"]


def test_apop_passes_over_holes(world: World) -> None:
    database = world.database()
    push(world, "x")
    push(world, "y", "z", ttl=60)
    world.clock.advance(60)
    answer = apop(database, key=A)
    assert (answer.value, answer.count) == (text("x"), 0)
    assert (elements_of(world), exists(database, keys=[A]).found) == ([], True)
    assert apop(database, key=A).found is False
    assert world.errors() == []
    push(world, "new")
    assert elements_of(world) == ["new"]


def test_a_leftover_expiry_does_not_reach_a_later_element(world: World) -> None:
    push(world, "x", ttl=60)
    set_(world.database(), key=A, value=text("v"))
    del_(world.database(), keys=[A])
    assert Naming().element_expiry(A.id, element_id("0")) in world.refs()
    push(world, "new")
    world.clock.advance(60)
    assert elements_of(world) == ["new"]


def test_elements_are_of_one_type(memory: World) -> None:
    apush(memory.database(), key=A, value=draft(number("1")))
    with pytest.raises(WrongTypeError, match="array of number"):
        push(memory, "x")
    assert elements_of(memory) == [1]


def test_other_values_are_no_arrays(world: World) -> None:
    database = world.database()
    hset(database, key=A, entries=drafts(a="1"))
    for command in (
        partial(apush, value=draft("x")),
        apop,
        alen,
        arange,
        partial(aget, index=0),
        partial(aset, index=0, value=draft("x")),
        partial(aexpire, index=0, ttl=60),
    ):
        with pytest.raises(WrongTypeError, match="array"):
            command(database, key=A)
    del_(database, keys=[A])
    push(world, "x")
    with pytest.raises(WrongTypeError, match="arange"):
        get(database, key=A)


def test_the_expiry_of_the_key_ends_all_elements(world: World) -> None:
    push(world, "x")
    expire(world.database(), key=A, ttl=60)
    push(world, "y")
    world.clock.advance(60)
    assert arange(world.database(), key=A).found is False
    push(world, "z")
    assert elements_of(world) == ["z"]


def test_a_stored_key_is_listed(memory: World) -> None:
    apush(memory.database(), key=A, value=draft("x"), store_key=True)
    assert keys(memory.database()).document == ["a"]


def test_a_long_array_of_holes_is_no_long_answer(memory: World) -> None:
    made = encode_collection(Collection("array", "String", "text/plain", "txt", {}, 2**53 - 1))
    memory.put(VALUE, Sample(made.objects))
    assert alen(memory.database(), key=A).count == 2**53 - 1
    with pytest.raises(IndexOutOfRangeError, match=str(MAX_RANGE)):
        arange(memory.database(), key=A)
    assert arange(memory.database(), key=A, start=-3).document == [None, None, None]


# --- rivals ---------------------------------------------------------------------------------------------------------


def test_two_pushes_both_win(world: World) -> None:
    push(world, "x")
    rival = Rival(lambda: push(world, "rival's"))
    assert apush(world.database(world.faulty({2: rival})), key=A, value=draft("ours")).count == 3
    assert elements_of(world) == ["x", "rival's", "ours"]
    same = Rival(lambda: push(world, "same"))
    assert apush(world.database(world.faulty({2: same})), key=A, value=draft("same")).count == 5
    assert elements_of(world) == ["x", "rival's", "ours", "same", "same"]


def test_one_caller_only_pops_an_element(world: World) -> None:
    push(world, "x", "y")
    taken: list[object] = []
    store = world.faulty({3: Rival(lambda: taken.append(apop(world.database(), key=A).value))})
    taken.append(apop(world.database(store), key=A).value)
    assert taken == [text("y"), text("x")]


@pytest.mark.parametrize("lost", [Lost.BEFORE, Lost.AFTER])
def test_a_lost_reply_pops_once(world: World, lost: Lost) -> None:
    """The parked branch tells whose it was; the array is the same whoever popped."""
    push(world, "x", "y")
    store = world.faulty({3: lost})
    assert apop(world.database(store), key=A).value == text("y")
    assert elements_of(world) == ["x"]


def test_a_lost_reply_does_not_take_a_rivals_pop_for_our_own(world: World) -> None:
    push(world, "x", "y", "z")
    ours = world.faulty({3: Lost.BEFORE, 4: Rival(lambda: apop(world.database(), key=A))})
    assert apop(world.database(ours), key=A).value == text("y")
    assert elements_of(world) == ["x"]


def test_a_lost_push_is_sent_again_where_nothing_happened(world: World) -> None:
    push(world, "x")
    assert apush(world.database(world.faulty({2: Lost.BEFORE})), key=A, value=draft("y")).count == 2
    assert elements_of(world) == ["x", "y"]


def test_a_lost_push_is_not_taken_for_that_of_a_rival(world: World) -> None:
    push(world, "x")
    ours = world.faulty({2: Lost.BEFORE, 3: Rival(lambda: push(world, "same"))})
    with pytest.raises(OutcomeUnknownError):
        apush(world.database(ours), key=A, value=draft("same"))
    assert elements_of(world) == ["x", "same"]


def test_what_cannot_be_handed_over_is_not_popped(memory: World) -> None:
    push(memory, "x")

    def refuse(_value: Value | int) -> None:
        raise WrongTypeError("apop", "huge", "small")

    database = memory.database()
    strict = Database(memory.store, database.sleep, database.random, database.new_op, prepare_delivery=refuse)
    with pytest.raises(WrongTypeError):
        apop(strict, key=A)
    assert elements_of(memory) == ["x"]
