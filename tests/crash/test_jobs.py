"""Every job with its Nth request failing, for every N."""

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_keyval.errors import GitKeyvalError, StoreError
from git_keyval.maintenance.report import CheckReport, InitReport, Report
from tests.conftest import FakeClock
from tests.contract.places import at_path
from tests.crash.scenes import JOBS, State, begin, fill, look
from tests.faults import Fault, FaultyStore, Lost
from tests.world import FOREIGN, World


def run(world: World, name: str, faults: Mapping[int, Fault]) -> tuple[FaultyStore, object]:
    store = world.faulty(faults)
    answer: object
    try:
        answer = JOBS[name](world.maintenance(store))
    except GitKeyvalError as exc:
        answer = exc
    store.arrive()
    return store, answer


def judge(world: World, name: str, before: State, end: State, answer: object, scene: str) -> None:
    """What readers see never changes; a run that says it did all did; and another run brings the rest to its end."""
    now = look(world)
    assert (now.errors, now.foreign) == ([], frozenset(FOREIGN)), scene
    assert now.content == before.content, scene
    if isinstance(answer, StoreError):
        # Raised by a job that was still reading: nothing of what it was to write is there.
        assert now == before or name in {"maintain", "init"}, scene
    if isinstance(answer, Report) and not answer.error:
        assert sum(job.deferred for job in answer.jobs) == 0, scene
        if not answer.notable() and not any(job.conflicts for job in answer.jobs):
            assert now.refs == end.refs, scene
    again = run(world, name, {})[1]
    assert isinstance(again, Report | CheckReport | InitReport), scene
    assert look(world) == end, scene
    if isinstance(again, Report):
        assert again.error == "", scene


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_one_failed_request_does_no_harm(name: str, fault: Lost) -> None:
    """Killed at any request and run again, a job ends where one run would have ended."""
    before, end = undisturbed(name)
    for number in itertools.count(1):
        world = begin()
        store, answer = run(world, name, {number: fault})
        judge(world, name, before, end, answer, f"{name}, request {number}, {fault.value}, answer {answer!r}")
        if not store.fired:
            break
    assert number > 1


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("fault", [Lost.BEFORE, Lost.AFTER], ids=lambda fault: fault.value)
def test_a_store_that_breaks_for_good_does_no_harm(name: str, fault: Lost) -> None:
    before, end = undisturbed(name)
    for number in itertools.count(1):
        world = begin()
        store, answer = run(world, name, dict.fromkeys(range(number, 200), fault))
        judge(world, name, before, end, answer, f"{name}, from request {number} on, {fault.value}, answer {answer!r}")
        if not store.fired:
            break


@pytest.mark.parametrize("name", ["gather", "maintain"])
def test_two_failed_requests_do_no_harm(name: str) -> None:
    before, end = undisturbed(name)
    for first in itertools.count(1):
        any_fired = False
        for second, one, other in itertools.product(range(first + 1, first + 3), Lost, Lost):
            world = begin()
            store, answer = run(world, name, {first: one, second: other})
            scene = f"{name}, requests {first} {one.value} and {second} {other.value}, answer {answer!r}"
            judge(world, name, before, end, answer, scene)
            any_fired = any_fired or bool(store.fired)
        if not any_fired:
            break


@pytest.mark.parametrize("fault", [Lost.AFTER, Lost.LATE], ids=lambda fault: fault.value)
def test_lost_replies_of_a_real_repository_do_no_harm(tmp_path: Path, fault: Lost) -> None:
    """The same on git, at the requests that write."""
    clock = FakeClock()
    with at_path(tmp_path, clock) as place:
        world = World(place, clock)
        fill(world)
        before = look(world)
        for number in itertools.count(1):
            store, _ = run(world, "maintain", {number: fault})
            assert look(world).content == before.content
            if not store.fired:
                break
        end = begin()
        run(end, "maintain", {})
        assert look(world) == look(end)


def undisturbed(name: str) -> tuple[State, State]:
    world = begin()
    before = look(world)
    run(world, name, {})
    end = look(world)
    assert end.content == before.content
    return before, end
