"""aget, aset, apush, apop, alen, arange, aexpire: what each promises."""

import itertools
from contextlib import suppress

import pytest

from git_keyval.commands.arrays import MAX_RANGE, Aexpire, Aget, Alen, Apop, Apush, Arange, Aset
from git_keyval.commands.expiry import Expire
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.maps import Hset
from git_keyval.commands.values import Del, Exists, Get, Set, Type
from git_keyval.database.answers import Answer, Delivered, said
from git_keyval.database.collections import CollectionView, NewElement
from git_keyval.database.command import Command
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.errors import BoundError, IndexOutOfRangeError, OutcomeUnknownError, UnavailableError, WrongTypeError
from git_keyval.format.elements import Collection, element_id, encode_collection
from git_keyval.format.names import Naming
from git_keyval.format.objects import Oid
from git_keyval.format.values import Value, parse_value
from git_keyval.maintenance.commands import Sweep
from tests.commands.stores import WithoutPrefixes
from tests.contract.samples import Sample
from tests.faults import Lost, Rival
from tests.world import World, draft, drafts, key, number, text

A = key("a")
VALUE = Naming().value(A.id)


def push(world: World, *elements: str, ttl: int | None = None) -> None:
    for element in elements:
        perform(world.database(), Apush(key=A, elements=[draft(element)], ttl=ttl))


def elements_of(world: World) -> object:
    return perform(world.database(), Arange(key=A)).document


def test_elements_are_added_and_read(world: World) -> None:
    database = world.database()
    first = perform(database, Apush(key=A, elements=[draft("x")]))
    assert (first.applied, first.count, first.ttl) == (True, 1, -1)
    assert perform(database, Apush(key=A, elements=[draft("")])).count == 2
    version = perform(database, Apush(key=A, elements=[draft("z")])).version
    assert elements_of(world) == ["x", "", "z"]
    assert perform(database, Aget(key=A, index=1)) == Answer(found=True, value=text(""), type="string", version=version, ttl=-1)
    assert [perform(database, Aget(key=A, index=index)).value for index in (-1, -3)] == [text("z"), text("x")]
    for index in (3, -4, 2**53 - 1):
        assert perform(database, Aget(key=A, index=index)) == Answer(found=False, ttl=-2, version=version)
    assert perform(database, Alen(key=A)) == Answer(found=True, count=3, version=version)
    assert perform(database, Type(key=A)).type == "array"
    assert world.errors() == []


def test_an_absent_array_has_no_elements(world: World) -> None:
    database = world.database()
    for index in (0, -1):
        assert perform(database, Aget(key=A, index=index)) == Answer(found=False, ttl=-2)
    assert perform(database, Alen(key=A)) == Answer(found=False, count=0)
    assert perform(database, Arange(key=A)) == Answer(found=False, count=0, document=[])
    assert perform(database, Apop(key=A)) == Answer(found=False, applied=False, count=0, ttl=-2)
    for command in (Aset(key=A, index=0, element=draft("x")), Aexpire(key=A, index=0, ttl=60)):
        with pytest.raises(IndexOutOfRangeError):
            perform(database, command)
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
    answer = perform(memory.database(), Arange(key=A, start=start, stop=stop))
    assert (answer.document, answer.count, answer.found) == (expected, len(expected), True)


def test_aset_writes_over_elements_only(world: World) -> None:
    push(world, "x", "y", ttl=60)
    answer = perform(world.database(), Aset(key=A, index=-1, element=draft("new")))
    assert (answer.applied, answer.ttl) == (True, -1)
    answer = perform(world.database(), Aset(key=A, index=0, element=draft("kept"), keep_ttl=True))
    assert (answer.applied, answer.ttl) == (True, 60)
    assert [perform(world.database(), Aget(key=A, index=index)).ttl for index in (0, 1)] == [60, -1]
    for index in (2, -3):
        with pytest.raises(IndexOutOfRangeError, match="length is 2"):
            perform(world.database(), Aset(key=A, index=index, element=draft("x")))
    assert elements_of(world) == ["kept", "new"]


def test_an_element_that_has_expired_leaves_a_hole(world: World) -> None:
    database = world.database()
    push(world, "x")
    push(world, "y", ttl=60)
    push(world, "z")
    world.clock.advance(60)
    assert elements_of(world) == ["x", None, "z"]
    assert (perform(database, Alen(key=A)).count, perform(database, Aget(key=A, index=1)).found) == (3, False)
    assert perform(database, Aexpire(key=A, index=1, ttl=60)).applied is False
    assert perform(database, Aset(key=A, index=1, element=draft("w"), condition=Condition("present"))).applied is False
    assert perform(database, Aset(key=A, index=1, element=draft("w"), condition=Condition("absent"))).applied is True
    assert perform(database, Aset(key=A, index=1, element=draft("v"), condition=Condition("absent"))).applied is False
    assert elements_of(world) == ["x", "w", "z"]
    assert world.errors() == []


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("index", [0, -1])
def test_what_has_expired_fixes_no_type(world: World, index: int, *, swept: bool) -> None:
    """Holes stay holes, and the array as long as it was, whatever is written next."""
    for value in ("x", "y"):
        perform(world.database(), Apush(key=A, elements=[draft(value)], ttl=60))
    world.clock.advance(61)
    if swept:
        Sweep().run(world.maintenance())
    assert perform(world.database(), Aset(key=A, index=index, element=draft(number("1")))).count == 2
    assert perform(world.database(), Apush(key=A, elements=[draft(number("2"))])).count == 3
    assert perform(world.database(), Arange(key=A)).document == ([1, None, 2] if index == 0 else [None, 1, 2])
    assert world.warnings() == []


def test_a_push_counts_from_the_length_whatever_has_expired(world: World) -> None:
    perform(world.database(), Apush(key=A, elements=[draft("x")], ttl=60))
    world.clock.advance(61)
    assert perform(world.database(), Apush(key=A, elements=[draft(number("2"))])).count == 2
    assert perform(world.database(), Arange(key=A)).document == [None, 2]


def test_aexpire_gives_an_element_a_new_time(world: World) -> None:
    push(world, "x", "y")
    answer = perform(world.database(), Aexpire(key=A, index=-1, ttl=60))
    assert (answer.found, answer.applied, answer.count, answer.ttl) == (True, True, 1, 60)
    assert perform(world.database(), Aget(key=A, index=1)).ttl == 60
    world.clock.advance(60)
    assert elements_of(world) == ["x", None]


def test_apop_takes_the_last_element(world: World) -> None:
    database = world.database()
    push(world, "x", "y")
    push(world, "z", ttl=60)
    answer = perform(database, Apop(key=A))
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
    answer = perform(database, Apop(key=A))
    assert (answer.value, answer.count) == (text("x"), 0)
    assert (elements_of(world), perform(database, Exists(keys=[A])).found) == ([], True)
    assert perform(database, Apop(key=A)).found is False
    assert world.errors() == []
    push(world, "new")
    assert elements_of(world) == ["new"]


def test_several_elements_are_added_in_one_write(world: World) -> None:
    push(world, "x")
    store = world.faulty({})
    answer = perform(world.database(store), Apush(key=A, elements=[draft("y"), draft(""), draft("z")], ttl=60))
    assert (answer.applied, answer.count, answer.ttl) == (True, 4, 60)
    assert [call.verb for call in store.calls].count("apply") == 1
    assert elements_of(world) == ["x", "y", "", "z"]
    world.clock.advance(60)
    assert elements_of(world) == ["x", None, None, None]
    push(world, "new")
    assert elements_of(world) == ["x", None, None, None, "new"]
    assert world.errors() == []


def test_elements_of_several_types_are_json_and_none_is_added_if_one_does_not_fit(memory: World) -> None:
    def member(own: Value, as_json: str) -> NewElement:
        return lambda kind: parse_value("JSON", as_json) if kind == "JSON" else own

    perform(memory.database(), Apush(key=A, elements=[member(text("x"), '"x"'), member(number("1"), "1")]))
    assert [perform(memory.database(), Aget(key=A, index=index)).type for index in (0, 1)] == ["json", "json"]
    perform(memory.database(), Del(keys=[A]))
    push(memory, "x")
    with pytest.raises(WrongTypeError, match="array of string"):
        perform(memory.database(), Apush(key=A, elements=[draft("y"), draft(number("1"))]))
    assert elements_of(memory) == ["x"]


def test_an_array_is_no_longer_than_the_format_has_it(memory: World) -> None:
    made = encode_collection(Collection("array", "String", "text/plain", "txt", {}, 2**53 - 2))
    memory.put(VALUE, Sample(made.objects))
    with pytest.raises(BoundError):
        perform(memory.database(), Apush(key=A, elements=[draft("x"), draft("y")]))
    assert perform(memory.database(), Alen(key=A)).count == 2**53 - 2


def test_the_first_element_is_taken_and_all_others_keep_their_index(world: World) -> None:
    push(world, "x", "y")
    push(world, "z", ttl=60)
    answer = perform(world.database(), Apop(key=A, from_="first"))
    assert (answer.found, answer.applied, answer.value, answer.count, answer.ttl) == (True, True, text("x"), 3, -1)
    assert elements_of(world) == [None, "y", "z"]
    assert len(world.parked()) == 1
    assert perform(world.database(), Apop(key=A)).value == text("z")
    assert perform(world.database(), Apop(key=A, from_="first")).value == text("y")
    assert perform(world.database(), Apop(key=A, from_="first")).found is False
    push(world, "new")
    assert elements_of(world) == [None, None, "new"]
    assert world.errors() == []


def test_what_has_expired_is_passed_over_and_goes_along(world: World) -> None:
    push(world, "a", "b", ttl=60)
    push(world, "c", ttl=300)
    push(world, "d", ttl=60)
    world.clock.advance(60)
    answer = perform(world.database(), Apop(key=A, from_="first"))
    assert (answer.value, answer.count, answer.ttl) == (text("c"), 4, 240)
    assert [name for name in world.refs() if name.startswith(Naming().element_expiries(A.id))] == [
        Naming().element_expiry(A.id, element_id("3"))
    ]
    assert perform(world.database(), Apop(key=A, from_="first")).found is False
    push(world, "e")
    assert elements_of(world) == [None, None, None, None, "e"]
    assert world.errors() == []


def test_a_leftover_expiry_does_not_reach_a_later_element(world: World) -> None:
    push(world, "x", ttl=60)
    perform(world.database(), Set(key=A, value=text("v")))
    perform(world.database(), Del(keys=[A]))
    assert Naming().element_expiry(A.id, element_id("0")) in world.refs()
    push(world, "new")
    world.clock.advance(60)
    assert elements_of(world) == ["new"]


def test_elements_are_of_one_type(memory: World) -> None:
    perform(memory.database(), Apush(key=A, elements=[draft(number("1"))]))
    with pytest.raises(WrongTypeError, match="array of number"):
        push(memory, "x")
    assert elements_of(memory) == [1]


def test_other_values_are_no_arrays(world: World) -> None:
    database = world.database()
    perform(database, Hset(key=A, entries=drafts(a="1")))
    commands: tuple[Command[CollectionView], ...] = (
        Apush(key=A, elements=[draft("x")]),
        Apop(key=A),
        Alen(key=A),
        Arange(key=A),
        Aget(key=A, index=0),
        Aset(key=A, index=0, element=draft("x")),
        Aexpire(key=A, index=0, ttl=60),
    )
    for command in commands:
        with pytest.raises(WrongTypeError, match="array"):
            perform(database, command)
    perform(database, Del(keys=[A]))
    push(world, "x")
    with pytest.raises(WrongTypeError, match="arange"):
        perform(database, Get(key=A))


def test_the_expiry_of_the_key_ends_all_elements(world: World) -> None:
    push(world, "x")
    perform(world.database(), Expire(key=A, ttl=60))
    push(world, "y")
    world.clock.advance(60)
    assert perform(world.database(), Arange(key=A)).found is False
    push(world, "z")
    assert elements_of(world) == ["z"]


def test_a_stored_key_is_listed(memory: World) -> None:
    perform(memory.database(), Apush(key=A, elements=[draft("x")], store_key=True))
    assert perform(memory.database(), Keys()).document == ["a"]


def test_a_long_array_of_holes_is_no_long_answer(memory: World) -> None:
    made = encode_collection(Collection("array", "String", "text/plain", "txt", {}, 2**53 - 1))
    memory.put(VALUE, Sample(made.objects))
    assert perform(memory.database(), Alen(key=A)).count == 2**53 - 1
    with pytest.raises(IndexOutOfRangeError, match=str(MAX_RANGE)):
        perform(memory.database(), Arange(key=A))
    assert perform(memory.database(), Arange(key=A, start=-3)).document == [None, None, None]


# --- rivals ---------------------------------------------------------------------------------------------------------


def test_two_pushes_both_win(world: World) -> None:
    push(world, "x")
    rival = Rival(lambda: push(world, "rival's"))
    assert perform(world.database(world.faulty({2: rival})), Apush(key=A, elements=[draft("ours")])).count == 3
    assert elements_of(world) == ["x", "rival's", "ours"]
    same = Rival(lambda: push(world, "same"))
    assert perform(world.database(world.faulty({2: same})), Apush(key=A, elements=[draft("same")])).count == 5
    assert elements_of(world) == ["x", "rival's", "ours", "same", "same"]


@pytest.mark.parametrize(("end", "taken", "left"), [("last", "z", ["y"]), ("first", "y", [None, "z"])])
@pytest.mark.parametrize("expired", [0, 1, 49, 50, 51, 120])
def test_where_all_expiries_cost_a_request_more_few_are_read(
    memory: World, end: str, taken: str, left: list[str | None], expired: int
) -> None:
    """Those of fifty elements by name, and all only where these have expired."""
    pushed = ["y", "z"]
    if end == "last":
        push(memory, *pushed)
    perform(memory.database(), Apush(key=A, elements=[draft(f"{number}") for number in range(expired)] or [draft("0")], ttl=60))
    if end == "first":
        push(memory, *pushed)
    memory.clock.advance(60)
    store = WithoutPrefixes(memory.store)
    before = memory.store.requests
    answer = perform(memory.database(store), Apop(key=A, from_=end))
    assert (answer.value, answer.count) == (text(taken), 1 if end == "last" else max(1, expired) + 2)
    assert memory.store.requests - before == (5 if expired >= 50 else 4)
    assert elements_of(memory) == (left if end == "last" else [*[None] * max(1, expired), *left])
    assert not [name for name in memory.refs() if name.startswith(Naming().element_expiries(A.id))]
    assert perform(memory.database(store), Apop(key=A, from_=end)).found is True
    again = perform(memory.database(store), Apop(key=A, from_=end))
    assert (again.found, again.applied) == (False, False)
    assert memory.errors() == []


RIVALS: dict[str, tuple[Command[CollectionView], str, list[str | None]]] = {
    "the element is written anew": (Aset(key=A, index=1, element=draft("new")), "new", ["x"]),
    "with a lifetime": (Aset(key=A, index=1, element=draft("y"), ttl=600), "y", ["x"]),
    "it gets a lifetime": (Aexpire(key=A, index=1, ttl=600), "y", ["x"]),
    "it is taken": (Apop(key=A), "x", []),
    "another is added": (Apush(key=A, elements=[draft("z")]), "z", ["x", "y"]),
    "the other is written": (Aset(key=A, index=0, element=draft("new")), "y", ["new"]),
}


@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize("number", [2, 3, 4])
@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_while_the_expiries_are_read_one_after_the_other(memory: World, name: str, number: int, *, expired: bool) -> None:
    """What was decided on is compared, and not what the array is by then."""
    command, taken, left = RIVALS[name]
    push(memory, "x", "y")
    if expired:
        push(memory, "gone", ttl=60)
        memory.clock.advance(60)
    store = memory.faulty({number: Rival(lambda: perform(memory.database(), command))})
    answer = perform(memory.database(WithoutPrefixes(store)), Apop(key=A))
    assert store.fired
    hole = [None] if expired and name == "another is added" else []
    assert (answer.value, elements_of(memory)) == (text(taken), [*left, *hole])
    assert answer.ttl == (600 if "lifetime" in name and number == 2 else -1)
    assert memory.errors() == []


def test_one_caller_only_pops_an_element(world: World) -> None:
    push(world, "x", "y")
    taken: list[object] = []
    store = world.faulty({3: Rival(lambda: taken.append(perform(world.database(), Apop(key=A)).value))})
    taken.append(perform(world.database(store), Apop(key=A)).value)
    assert taken == [text("y"), text("x")]


def test_of_two_who_take_the_first_element_each_gets_another(world: World) -> None:
    push(world, "x", "y", "z")
    taken: list[object] = []
    first = Apop(key=A, from_="first")
    store = world.faulty({3: Rival(lambda: taken.append(perform(world.database(), first).value))})
    taken.append(perform(world.database(store), first).value)
    assert taken == [text("x"), text("y")]
    pushed = world.faulty({3: Rival(lambda: push(world, "last"))})
    assert perform(world.database(pushed), first).value == text("z")
    assert elements_of(world) == [None, None, None, "last"]


@pytest.mark.parametrize("lost", [Lost.BEFORE, Lost.AFTER])
@pytest.mark.parametrize(("end", "taken", "left"), [("last", "y", ["x"]), ("first", "x", [None, "y"])])
def test_a_lost_reply_pops_once(world: World, lost: Lost, end: str, taken: str, left: list[str | None]) -> None:
    """The parked branch tells whose it was; the array is the same whoever popped."""
    push(world, "x", "y")
    store = world.faulty({3: lost})
    assert perform(world.database(store), Apop(key=A, from_=end)).value == text(taken)
    assert elements_of(world) == left


@pytest.mark.parametrize("lost", Lost)
def test_an_operation_adds_its_elements_once(memory: World, lost: Lost) -> None:
    """Whatever reply is lost, and whoever pushes the same meanwhile, the step that is run again adds nothing."""
    push(memory, "same")
    command = Apush(key=A, elements=[draft("same"), draft("y")], ttl=600, record=key("kv:op:a run"))
    for turn in itertools.count(1):
        world = memory.in_memory()
        store = world.faulty({turn: lost, turn + 1: Rival(lambda world=world: push(world, "same"))})  # type: ignore[misc]
        with suppress(OutcomeUnknownError, UnavailableError):
            assert said(perform(world.database(store), command))["applied"] is True
        store.arrive()
        fired = {call.number for call in store.fired}
        told = said(perform(world.database(), command))
        assert told == said(perform(world.database(), command))
        assert told["applied"] is True
        elements = elements_of(world)
        assert isinstance(elements, list)
        assert elements.count("y") == 1, turn
        assert elements.count("same") == 2 + (turn + 1 in fired), turn
        assert world.errors() == []
        if turn not in fired:
            break
    assert turn > 2


def test_an_operation_whose_condition_is_not_met_is_not_recorded(memory: World) -> None:
    push(memory, "x")
    record = key("kv:op:a run")
    refused = Apush(key=A, elements=[draft("y")], if_version=Oid("1" * 40), record=record)
    assert perform(memory.database(), refused).applied is False
    assert said(perform(memory.database(), Apush(key=A, elements=[draft("y")], record=record)))["count"] == 2


def test_a_lost_reply_does_not_take_a_rivals_pop_for_our_own(world: World) -> None:
    push(world, "x", "y", "z")
    ours = world.faulty({3: Lost.BEFORE, 4: Rival(lambda: perform(world.database(), Apop(key=A)))})
    assert perform(world.database(ours), Apop(key=A)).value == text("y")
    assert elements_of(world) == ["x"]


def test_a_lost_push_is_never_sent_again(world: World) -> None:
    """That all is as before shows nothing: somebody may have popped it already."""
    push(world, "x")
    with pytest.raises(OutcomeUnknownError):
        perform(world.database(world.faulty({2: Lost.BEFORE})), Apush(key=A, elements=[draft("y")]))
    assert elements_of(world) == ["x"]


def test_what_cannot_be_handed_over_is_not_popped(memory: World) -> None:
    push(memory, "x")

    def refuse(_value: Delivered) -> None:
        raise WrongTypeError("apop", "huge", "small")

    database = memory.database()
    strict = Database(memory.store, database.sleep, database.random, database.new_op, prepare_delivery=refuse)
    with pytest.raises(WrongTypeError):
        perform(strict, Apop(key=A))
    assert elements_of(memory) == ["x"]
