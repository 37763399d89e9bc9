"""A ref that moves after it was listed: what it pointed at may be gone, and nothing is damaged for that."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.maps import Hset
from git_keyval.commands.values import Del, Mset, Set
from git_keyval.database.perform import perform
from git_keyval.format.names import KEYS_PREFIX
from git_keyval.format.objects import Oid
from git_keyval.maintenance.check import check
from git_keyval.maintenance.commands import Gather, Purge, Sweep
from tests.conftest import FakeClock
from tests.contract.places import GitPlace, at_path, over_old_ssh
from tests.faults import Rival
from tests.servers.binary import run_git
from tests.world import World, key, text

COUNTER, TEXT, MAP = key("counter"), key("text"), key("map")
HOUR, DAY = 3600, 86_400
PLACES: dict[str, Callable[[Path, FakeClock], AbstractContextManager[GitPlace]]] = {"path": at_path, "old-ssh": over_old_ssh}
"""Before protocol version 2 git gives what a ref points at, and nothing that one has pointed at."""


@pytest.fixture(params=PLACES)
def moving(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    with PLACES[request.param](tmp_path, clock) as place:
        world = World(place, clock)
        database = world.database()
        perform(database, Mset(values={TEXT: text("v")}, ttl=HOUR, store_key=True))
        perform(database, Set(key=COUNTER, value=5, ttl=DAY))
        perform(database, Hset(key=MAP, entries={"field": lambda _type: text("v")}, ttl=HOUR))
        world.plant(COUNTER, 3, ago=HOUR)
        yield world


def rivals(world: World) -> Iterator[Rival]:
    """Yield somebody who writes everything anew, again and again, and has git forget what was there."""
    assert isinstance(world.place, GitPlace)
    repository, times = world.place.repository, itertools.count(1)

    def act() -> None:
        database, turn = world.database(world.place.open()), next(times)
        perform(database, Expire(key=TEXT, ttl=HOUR + 600 * turn))
        perform(database, Incr(key=COUNTER))
        perform(database, Hset(key=MAP, entries={"field": lambda _type: text(f"v{turn}")}, ttl=HOUR + 600 * turn))
        run_git("prune", "--expire=now", directory=repository)

    yield from itertools.repeat(Rival(act))


@pytest.mark.parametrize("job", [Gather().run, Sweep().run, Purge().run])
def test_no_job_reports_what_has_only_moved(moving: World, job: Callable[..., object]) -> None:
    options = {"gather": {"grace_period": 0}, "purge": {"retention": 0}}.get(job.__name__, {})
    for nth, rival in enumerate(rivals(moving), start=1):
        moving.plant(COUNTER, 1, ago=HOUR)
        store = moving.faulty({nth: rival})
        report = job(moving.maintenance(store), **options)
        assert report.notable() == 0  # type: ignore[attr-defined]
        if not store.fired:
            break
    assert nth > 2
    assert moving.errors() == []


def test_check_finds_no_error_in_what_has_only_moved(moving: World) -> None:
    for nth, rival in enumerate(rivals(moving), start=1):
        store = moving.faulty({nth: rival})
        assert [problem for problem in check(moving.maintenance(store)).problems if problem.severity == "error"] == []
        if not store.fired:
            break
    assert nth > 2


def test_keys_lists_what_has_only_moved(moving: World) -> None:
    for nth, rival in enumerate(rivals(moving), start=1):
        store = moving.faulty({nth: rival})
        assert perform(moving.database(store), Keys()).document == ["text"]
        if not store.fired:
            break
    assert nth > 2


@pytest.mark.parametrize("is_deleted", [False, True])
def test_keys_tells_the_type_of_what_has_moved(moving: World, *, is_deleted: bool) -> None:
    """What it was or what it is; nothing of what is gone, and never that it cannot be read."""
    assert isinstance(moving.place, GitPlace)
    repository = moving.place.repository

    def act() -> None:
        database = moving.database(moving.place.open())
        if is_deleted:
            perform(database, Del(keys=[TEXT]))
        else:
            perform(database, Set(key=TEXT, value=5))
        run_git("prune", "--expire=now", directory=repository)

    for nth in itertools.count(1):
        perform(moving.database(), Set(key=TEXT, value=text("v"), ttl=HOUR, store_key=True))
        store = moving.faulty({nth: Rival(act)})
        shown = perform(moving.database(store), Keys(with_types=True)).document
        assert shown in ([{"key": "text", "type": "string"}], [] if is_deleted else [{"key": "text", "type": "counter"}])
        if not store.fired:
            break
    assert nth > 3


@pytest.mark.parametrize("lost", [1, 30])
def test_what_is_lost_is_reported_and_the_others_are_swept(tmp_path: Path, clock: FakeClock, lost: int) -> None:
    """Each of 120 keys has an expiry commit of its own."""

    def fill(there: World) -> None:
        for turn in range(120):
            perform(there.database(), Set(key=key(str(turn)), value=text("v"), ttl=60 * (turn + 1)))

    with at_path(tmp_path, clock) as place:
        world = World(place, clock)
        world.at_once(fill)
        clock.advance(DAY)
        run_git("pack-refs", "--all", directory=place.repository)
        file = place.repository / "packed-refs"
        lines = file.read_text().splitlines()
        expiries = [at for at, line in enumerate(lines) if KEYS_PREFIX in line and "/exp-" in line][:lost]
        for number, at in enumerate(expiries):
            lines[at] = f"{Oid(f'{number + 1:040x}'[::-1])} {lines[at].split()[1]}"
        file.write_text("\n".join([*lines, ""]))
        names = {lines[at].split()[1] for at in expiries}
        report = Sweep().run(world.maintenance(place.open()))
        assert {left.ref for job in report.jobs for left in job.plan.left if left.notable} == names
        assert sum(len(job.applied) for job in report.jobs) == 120 - lost
        problems = check(world.maintenance(place.open())).problems
        assert {problem.ref for problem in problems if problem.severity == "error"} == names
