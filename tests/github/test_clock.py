"""Whose clock counts: that of GitHub, whatever the machine believes that runs a step."""

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Get, Getdel, Set
from git_keyval.database.perform import perform
from git_keyval.format.names import GC_PREFIX
from git_keyval.format.times import SECOND
from git_keyval.maintenance.check import check
from git_keyval.maintenance.commands import Gather, Purge, Sweep
from tests.conftest import FakeClock
from tests.emulator import GitHubEmulator
from tests.github.opening import open_emulated
from tests.world import World, key, text

LEASE, COUNTER, PARKED = key("lease"), key("counter"), key("parked")
A_MONTH = 30 * 86_400


@pytest.fixture(params=[A_MONTH, -A_MONTH], ids=["ahead", "behind"])
def wrong(request: pytest.FixtureRequest, clock: FakeClock) -> FakeClock:
    """A clock that is wrong, beside that of the server."""
    machine = FakeClock()
    machine.moment = clock.moment
    machine.advance(request.param)
    return machine


@pytest.mark.parametrize("by_git", [True, False], ids=["by git", "by the API"])
def test_maintenance_deletes_by_the_clock_of_github(
    github: World, emulator: GitHubEmulator, clock: FakeClock, wrong: FakeClock, *, by_git: bool
) -> None:
    database = github.database()
    perform(database, Set(key=LEASE, value=text("held"), ttl=3600))
    perform(database, Set(key=PARKED, value=text("v")))
    perform(database, Getdel(key=PARKED))
    perform(database, Incr(key=COUNTER))
    github.plant(COUNTER, 1, ago=60)
    before = github.refs()
    for job in (Sweep().run, Purge().run, Gather().run):
        report = job(github.maintenance(open_emulated(emulator, wrong, by_git=by_git)))
        assert (report.error, report.started_at, github.refs()) == ("", "2026-01-01T12:00:00Z", before)
    assert check(github.maintenance(open_emulated(emulator, wrong, by_git=by_git))).counts["expired"] == 0
    clock.advance(10 * 86_400)
    for job in (Sweep().run, Purge().run, Gather().run):
        job(github.maintenance(open_emulated(emulator, wrong, by_git=by_git)))
    assert perform(database, Get(key=LEASE)).found is False
    assert [name for name in github.refs() if name.startswith(GC_PREFIX)] == github.breadcrumbs() == []


@pytest.mark.usefixtures("github")
def test_asking_for_the_time_costs_maintenance_nothing(emulator: GitHubEmulator, clock: FakeClock) -> None:
    """What tells it is an answer that reading needs anyway."""
    store = open_emulated(emulator, clock)
    assert store.now(ask=True) == store.now(ask=True) == clock()
    assert emulator.count() == 1
    list(store.list(["refs/heads/kv-"]))
    assert emulator.count() == 2


def test_a_value_is_parked_by_the_clock_of_github(github: World, emulator: GitHubEmulator, wrong: FakeClock) -> None:
    """Or purge would delete it at once, or never."""
    perform(github.database(), Set(key=PARKED, value=text("v")))
    perform(github.database(open_emulated(emulator, wrong)), Getdel(key=PARKED))
    (parked,) = [name for name in github.refs() if name.startswith(GC_PREFIX)]
    assert parked.startswith(f"{GC_PREFIX}20260101T12000")
    assert github.clock() % SECOND == 0
