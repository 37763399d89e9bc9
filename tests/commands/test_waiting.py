"""wait: what is waited for, when that is noticed, and what a look costs."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from git_keyval.commands.arrays import Apush
from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist
from git_keyval.commands.maps import Hdel, Hexpire, Hset
from git_keyval.commands.values import Del, Get, Set
from git_keyval.commands.waiting import WaitUntil
from git_keyval.database.answers import Answer
from git_keyval.database.keys import MovedError
from git_keyval.database.perform import perform
from git_keyval.errors import InputError, MalformedRecordError, NotMetInTimeError, UnavailableError, WrongTypeError
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.objects import Oid
from git_keyval.format.redirects import Redirect, encode_redirect
from git_keyval.format.times import SECOND
from git_keyval.format.values import parse_value
from git_keyval.maintenance.commands import Gather, Sweep
from tests.contract.samples import Sample, foreign_commit
from tests.faults import Fault, Lost, Rival
from tests.replacing import replace
from tests.world import World, draft, drafts, key, number, text

K, OTHER = key("k"), key("other")
WAITED = 600
Act = Callable[[World], object]


def put(value: str, ttl: int | None = None) -> Act:
    return lambda world: perform(world.database(), Set(key=K, value=text(value), ttl=ttl))


def put_number(value: str) -> Act:
    return lambda world: perform(world.database(), Set(key=K, value=number(value)))


def put_fields(ttl: int | None = None, **fields: str) -> Act:
    return lambda world: perform(world.database(), Hset(key=K, entries=drafts(**fields), ttl=ttl))


def count(by: int = 1) -> Act:
    return lambda world: perform(world.database(), Incr(key=K, by=by))


def crumb(by: int) -> Act:
    return lambda world: world.plant(K, by)


def delete(world: World) -> None:
    perform(world.database(), Del(keys=[K]))


def nothing(_world: World) -> None:
    pass


def waited(world: World, until: str, act: Act = nothing, wait: int = WAITED, **fields: Any) -> tuple[Answer, float]:  # noqa: ANN401
    """Wait, while somebody else acts just before a request; return the answer, and how many seconds it took."""
    begun = world.clock()
    store = world.faulty({4: Rival(lambda: act(world))})
    answer = perform(world.database(store), WaitUntil(key=K, until=until, wait=wait, **fields))
    return answer, (world.clock() - begun) / SECOND


CASES: dict[str, tuple[Act, str, dict[str, Any], Act]] = {
    "present": (nothing, "present", {}, put("v")),
    "a counter is present": (nothing, "present", {}, count()),
    "an increment is present": (nothing, "present", {}, crumb(1)),
    "a map is present": (nothing, "present", {}, put_fields(a="1")),
    "absent": (put("v"), "absent", {}, delete),
    "changed": (put("v"), "changed", {}, put("w")),
    "changed to nothing": (put("v"), "changed", {}, delete),
    "changed from nothing": (nothing, "changed", {}, put("v")),
    "a counter changed": (count(), "changed", {}, count()),
    "a counter changed by a breadcrumb": (count(), "changed", {}, crumb(2)),
    "a map changed": (put_fields(a="1"), "changed", {}, put_fields(b="1")),
    "equals": (put("v"), "equals", {"equals": "w"}, put("w")),
    "equals at last": (nothing, "equals", {"equals": ""}, put("")),
    "a counter equals": (count(), "equals", {"equals": "3"}, count(2)),
    "at least": (put_number("1.5"), "at-least", {"at_least": Decimal(2)}, put_number("2")),
    "a counter is at least": (count(), "at-least", {"at_least": Decimal(3)}, count(5)),
    "a counter is at least, with what waits": (count(), "at-least", {"at_least": Decimal(3)}, crumb(2)),
    "what waits is at least": (nothing, "at-least", {"at_least": Decimal(3)}, crumb(3)),
    "less than": (count(9), "less-than", {"less_than": Decimal(3)}, count(-7)),
    "a field is present": (put_fields(b="1"), "present", {"field": "a"}, put_fields(a="1")),
    "a field of no map is present": (nothing, "present", {"field": "a"}, put_fields(a="1")),
    "a field is absent": (
        put_fields(a="1", b="1"),
        "absent",
        {"field": "a"},
        lambda world: perform(world.database(), Hdel(key=K, fields=["a"])),
    ),
    "a field changed": (put_fields(a="1"), "changed", {"field": "a"}, put_fields(a="2")),
    "a field equals": (put_fields(a="1"), "equals", {"field": "a", "equals": "2"}, put_fields(a="2")),
}


@pytest.mark.parametrize(("before", "until", "fields", "act"), CASES.values(), ids=CASES)
def test_what_is_waited_for_is_noticed_soon(world: World, before: Act, until: str, fields: dict[str, Any], act: Act) -> None:
    before(world)
    once, took = waited(world, until, wait=0, **fields)
    assert (once.met, took) == (False, 0)
    answer, took = waited(world, until, act, **fields)
    assert answer.met is True
    assert 0 < took < 20
    assert replace(waited(world, until, wait=0, **fields)[0], met=True) == answer if until != "changed" else True
    assert (
        perform(world.database(), WaitUntil(key=K, until=until, on_failed="fail", **fields)).failure is None or until == "changed"
    )


@pytest.mark.parametrize(("before", "until", "fields", "_act"), CASES.values(), ids=CASES)
def test_what_does_not_happen_is_waited_for_until_the_time_is_over(
    world: World, before: Act, until: str, fields: dict[str, Any], _act: Act
) -> None:
    before(world)
    answer, took = waited(world, until, wait=90, **fields)
    assert (answer.met, answer.failure, took) == (False, None, 90)
    answer, _ = waited(world, until, wait=90, on_failed="fail", **fields)
    assert (answer.met, type(answer.failure)) == (False, NotMetInTimeError)


def test_the_answer_is_what_get_says(world: World) -> None:
    absent, _ = waited(world, "present", wait=0)
    assert absent == replace(perform(world.database(), Get(key=K)), met=False)
    for act in (put("v"), put("v", ttl=120), put_number("7"), count(3), crumb(5)):
        act(world)
        assert waited(world, "present")[0] == replace(perform(world.database(), Get(key=K)), met=True)


def test_a_key_of_many_values_has_no_value_of_its_own(world: World) -> None:
    put_fields(a="1")(world)
    answer, _ = waited(world, "present")
    assert (answer.met, answer.found, answer.type, answer.value) == (True, True, "map", None)
    for comparison in ({"until": "equals", "equals": "1"}, {"until": "at-least", "at_least": Decimal(1)}):
        with pytest.raises(WrongTypeError):
            perform(world.database(), WaitUntil(key=K, **comparison))
    answer, _ = waited(world, "present", field="a")
    assert (answer.met, answer.value, answer.type, answer.ttl) == (True, text("1"), "string", -1)


def test_what_cannot_be_compared_is_an_error(memory: World) -> None:
    put("v")(memory)
    with pytest.raises(WrongTypeError, match="a number"):
        waited(memory, "at-least", at_least=Decimal(1))
    with pytest.raises(WrongTypeError, match="map"):
        waited(memory, "present", field="a")
    perform(memory.database(), Set(key=K, value=parse_value("JSON", '{"a": [1, 2]}')))
    assert waited(memory, "equals", wait=0, equals='{ "a":[1,2] }')[0].met


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_key_that_expires_is_absent_from_then_on(world: World) -> None:
    put("v", ttl=100)(world)
    answer, took = waited(world, "absent")
    assert (answer.met, answer.found) == (True, False)
    assert 120 <= took < 121
    put("v", ttl=100)(world)
    answer, took = waited(world, "changed")
    assert (answer.met, answer.found) == (True, False)
    assert 120 <= took < 121


def test_a_field_that_expires_is_absent_from_then_on(world: World) -> None:
    put_fields(b="1")(world)
    put_fields(ttl=100, a="1")(world)
    assert 120 <= waited(world, "absent", field="a")[1] < 121
    put_fields(a="1")(world)
    ends = perform(world.database(), Expire(key=K, ttl=60)).ttl
    assert ends is not None
    assert ends - 1 <= waited(world, "absent", field="a")[1] < ends + 1


def test_a_life_that_is_made_longer_or_shorter_is_noticed(world: World) -> None:
    put("v", ttl=60)(world)
    answer, took = waited(world, "absent", lambda world: perform(world.database(), Persist(key=K)), wait=300)
    assert (answer.met, took, answer.ttl) == (False, 300, -1)
    answer, took = waited(world, "absent", lambda world: perform(world.database(), Expire(key=K, ttl=60)), wait=300)
    assert answer.met
    assert took <= 130


def test_a_field_that_lives_longer_is_waited_for(world: World) -> None:
    put_fields(ttl=60, a="1")(world)
    longer: Act = lambda world: perform(world.database(), Hexpire(key=K, fields=["a"], ttl=200))  # noqa: E731
    answer, took = waited(world, "absent", longer, field="a")
    assert answer.met
    assert 200 <= took <= 270


def test_sweep_and_gather_change_nothing_that_is_waited_for(world: World) -> None:
    put("v", ttl=60)(world)
    world.clock.advance(60)
    answer, took = waited(world, "present", lambda world: Sweep().run(world.maintenance()), wait=60)
    assert (answer.met, took) == (False, 60)
    count()(world)
    crumb(2)(world)
    world.clock.advance(600)
    answer, took = waited(world, "changed", lambda world: Gather().run(world.maintenance()), wait=60)
    assert (answer.met, answer.value, took) == (False, 3, 60)


# --- versions ---------------------------------------------------------------------------------------------------------


def test_a_version_is_waited_for_until_it_is_another(world: World) -> None:
    put("v")(world)
    version = perform(world.database(), Get(key=K)).version
    assert waited(world, "changed", wait=30, if_version=version)[0].met is False
    answer, took = waited(world, "changed", put("w"), if_version=version)
    assert (answer.met, answer.value) == (True, text("w"))
    assert 0 < took < 20
    assert waited(world, "changed", wait=0, if_version=version)[0].met is True
    delete(world)
    assert waited(world, "changed", wait=0, if_version=version)[0].met is True


def test_with_a_field_the_version_is_that_of_the_map(memory: World) -> None:
    version = perform(memory.database(), Hset(key=K, entries=drafts(a="1"))).version
    assert waited(memory, "changed", wait=0, if_version=version, field="a")[0].met is False
    assert waited(memory, "changed", put_fields(b="1"), if_version=version, field="a")[0].met is True
    assert waited(memory, "changed", put_fields(b="2"), wait=60, field="a")[0].met is False


# --- what it costs ----------------------------------------------------------------------------------------------------


LOOKS: dict[str, tuple[Act, dict[str, Any]]] = {
    "nothing": (nothing, {}),
    "a value": (put("v"), {}),
    "a counter": (count(), {}),
    "a field": (put_fields(a="1"), {"field": "a"}),
    "no map": (nothing, {"field": "a"}),
}


@pytest.mark.parametrize(("before", "fields"), LOOKS.values(), ids=LOOKS)
def test_each_look_is_one_request_and_the_looks_get_rare(world: World, before: Act, fields: dict[str, Any]) -> None:
    before(world)
    command = WaitUntil(key=K, until="equals", equals="another", **fields)
    once, store = world.faulty({}), world.faulty({})
    perform(world.database(once), command)
    perform(world.database(store), command.but(wait=WAITED))
    looks = store.calls[len(once.calls) :]
    assert [call.verb for call in looks] == ["read"] * len(looks)
    assert 40 <= len(looks) <= 60


def test_what_others_write_makes_no_look_dearer(memory: World) -> None:
    put("v")(memory)
    act: Act = lambda world: perform(world.database(), Apush(key=OTHER, elements=[draft("x")]))  # noqa: E731
    store = memory.faulty({turn: Rival(lambda: act(memory)) for turn in range(2, 60, 3)})
    perform(memory.database(store), WaitUntil(key=K, until="absent", wait=WAITED))
    assert len(store.calls) <= 60


def test_progress_is_shown(memory: World) -> None:
    shown: list[tuple[str, int, int]] = []
    database = replace(memory.database(), progress=lambda *told: shown.append(told))
    perform(database, WaitUntil(key=K, until="present", wait=60))
    assert {(what, total) for what, _, total in shown} == {("Waiting for the key, seconds", 60)}
    done = [seconds for _, seconds, _ in shown]
    assert done == sorted(done)
    assert done[0] == 0 < done[-1] < 60


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "fields", "named"),
    [
        ("equals", {}, "equals"),
        ("at-least", {}, "at-least"),
        ("less-than", {}, "less-than"),
        ("present", {"equals": "v"}, "equals"),
        ("equals", {"equals": "v", "at_least": Decimal(1)}, "at-least"),
        ("absent", {"if_version": Oid("1" * 40)}, "if-version"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_read(
    memory: World, until: str, fields: dict[str, Any], named: str
) -> None:
    store = memory.faulty({})
    with pytest.raises(InputError) as raised:
        perform(memory.database(store), WaitUntil(key=K, until=until, **fields))
    assert (raised.value.name, len(store.calls)) == (named, 0)


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_look_that_fails_is_told(memory: World, fault: Fault) -> None:
    for turn in range(1, 6):
        with pytest.raises(UnavailableError):
            perform(memory.database(memory.faulty({turn: fault})), WaitUntil(key=K, until="present", wait=WAITED))


def test_what_cannot_be_read_is_an_error(memory: World) -> None:
    memory.put(memory.database().naming.value(K.id), foreign_commit("foreign"))
    with pytest.raises(MalformedRecordError):
        waited(memory, "present")


def test_a_key_that_moves_away_meanwhile_is_found_to_have_moved(memory: World) -> None:
    value = memory.database().naming.value(K.id)
    moved = Sample((*DUMMY_OBJECTS, encode_redirect(Redirect("owner/other", 2))))
    with pytest.raises(MovedError):
        waited(memory, "present", lambda world: world.put(value, moved))
