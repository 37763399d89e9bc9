"""Every command with its Nth request failing, for every N; and some with two requests failing."""

import itertools
from collections.abc import Mapping

import pytest

from git_keyval.database.answers import Answer
from git_keyval.errors import OutcomeUnknownError, PartlyDeletedError, StoreError
from tests.crash.scenes import (
    COMMANDS,
    COUNTER,
    IN_STEPS,
    MAY_BE_UNKNOWN,
    NOT_REPEATABLE,
    RECORDED_FIRST,
    WITH_RIVAL,
    Command,
    State,
    attempt,
    begin,
    look,
    plain,
)
from tests.faults import Call, Fault, Lost
from tests.world import FOREIGN, Shown, World

RETURNED_TWICE = {"getdel", "getdel of a counter", "getdel of what waits"}
"""Commands that cannot give their answer again when they are repeated."""


def judge(
    world: World,
    name: str,
    expected: tuple[Answer, State],
    before: State,
    answer: Answer | Exception,
    fired: tuple[Call, ...],
) -> None:
    """An answer is right, an error is honest, and running the command again leads to where one run would have led."""
    scene = f"{name}, faults {[(call.number, call.verb, call.fault) for call in fired]}, answer {answer!r}"
    told, end = expected
    now = look(world)
    assert (now.errors, now.foreign) == ([], frozenset(FOREIGN)), scene
    if isinstance(answer, Answer):
        assert plain(answer) == plain(told) or (name == RECORDED_FIRST and answer.applied and answer.pending), scene
        assert now.content == end.content, scene
    elif isinstance(answer, StoreError) and name not in IN_STEPS:
        assert now == before or (name in WITH_RIVAL and now.content == by_rival(before)), scene
    elif name in IN_STEPS:
        assert end.content.items() <= now.content.items() <= before.content.items() | by_rival(before).items(), scene
        gone = before.content.keys() - now.content.keys()
        assert (answer.count if isinstance(answer, PartlyDeletedError) else 0) <= len(gone), scene
        assert isinstance(answer, PartlyDeletedError | OutcomeUnknownError) or not gone, scene
    else:
        assert isinstance(answer, OutcomeUnknownError), scene
        assert now.content in (before.content, end.content) or (name in WITH_RIVAL and now.content == by_rival(before)), scene
    if name in NOT_REPEATABLE or (name in RETURNED_TWICE and isinstance(answer, Answer)):
        return
    _, again = attempt(world, COMMANDS[name], {})
    assert isinstance(again, Answer), scene
    after = look(world)
    assert (after.content, after.parked, after.names) == (end.content, end.parked, end.names), scene
    assert (after.errors, after.foreign) == ([], frozenset(FOREIGN)), scene


def by_rival(before: State) -> Mapping[str, Shown]:
    """Return what is there when only the rival was successful."""
    counter = before.content[COUNTER.label]
    return {**before.content, COUNTER.label: counter._replace(value=str(int(counter.value) + 1000))}


def undisturbed(command: Command, *, encrypted: bool = False) -> tuple[tuple[Answer, State], State]:
    world = begin(encrypted=encrypted)
    before = look(world)
    _, answer = attempt(world, command, {})
    assert isinstance(answer, Answer)
    return (answer, look(world)), before


def disturbed(
    name: str, faults: Mapping[int, Fault], *, encrypted: bool = False
) -> tuple[World, Answer | Exception, tuple[Call, ...]]:
    world = begin(encrypted=encrypted)
    store, answer = attempt(world, COMMANDS[name], faults)
    return world, answer, store.fired


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_one_failed_request_does_no_harm(name: str, fault: Lost) -> None:
    """A failed read changes nothing; the lost reply of a write is settled by reading again."""
    fail_each_request(name, fault)


ENCRYPTED = [
    *("get", "mget", "set", "set of an absent key", "set if present", "set keep-ttl", "mset", "del", "getdel"),
    *("hget", "hgetall", "hset", "hset with ttl", "hset if present", "hdel", "hexpire", "aset", "apush", "apop", "arange"),
    *("copy", "copy of a map", "rename", "rename of an array"),
]


@pytest.mark.parametrize("name", ENCRYPTED)
@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_one_failed_request_does_no_harm_to_what_is_encrypted(name: str, fault: Lost) -> None:
    """Where the same value is another record each time: what is sent again is compared with what was sent."""
    fail_each_request(name, fault, encrypted=True)


def fail_each_request(name: str, fault: Lost, *, encrypted: bool = False) -> None:
    expected, before = undisturbed(COMMANDS[name], encrypted=encrypted)
    for number in itertools.count(1):
        world, answer, fired = disturbed(name, {number: fault}, encrypted=encrypted)
        judge(world, name, expected, before, answer, fired)
        if not fired:
            break
        if fired[0].verb == "apply" and name not in MAY_BE_UNKNOWN:
            assert isinstance(answer, Answer), f"request {number}, {fault.value}: {answer!r}"
    assert number > 1


TWO_FAULTS = [
    "incr",
    "incr of an absent key",
    "incr of what waits",
    "incr left as a breadcrumb",
    "incr after a rival",
    "getdel",
    "getdel of a counter",
    "set",
    "set if present",
    "set counter",
]


@pytest.mark.parametrize("name", TWO_FAULTS)
def test_two_failed_requests_do_no_harm(name: str) -> None:
    """The second may be the very request that was to settle the first."""
    expected, before = undisturbed(COMMANDS[name])
    for first in itertools.count(1):
        any_fired = False
        for second, one, other in itertools.product(range(first + 1, first + 3), Lost, Lost):
            world, answer, fired = disturbed(name, {first: one, second: other})
            judge(world, name, expected, before, answer, fired)
            any_fired = any_fired or bool(fired)
        if not any_fired:
            break
    assert first > 1


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in TWO_FAULTS])
@pytest.mark.parametrize("fault", [Lost.BEFORE, Lost.AFTER], ids=lambda fault: fault.value)
def test_a_store_that_breaks_for_good_does_no_harm(name: str, fault: Lost) -> None:
    """From some request on nothing is answered any more, as if the process had been killed there."""
    expected, before = undisturbed(COMMANDS[name])
    for number in itertools.count(1):
        world, answer, fired = disturbed(name, dict.fromkeys(range(number, 200), fault))
        judge(world, name, expected, before, answer, fired)
        if not fired:
            break
        assert isinstance(answer, Exception), f"from request {number} on, {fault.value}: {answer!r}"
