"""Under all the limits that GitHub documents: what meets one waits as long as it is asked to, or says when to come back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Get, Mset, Set
from git_keyval.database.perform import perform
from git_keyval.errors import UnavailableError
from git_keyval.format.times import SECOND
from git_keyval.maintenance.commands import Sweep
from tests.conftest import FakeClock
from tests.emulator import GitHubEmulator, Options
from tests.github.opening import open_emulated
from tests.world import World, key, text

COUNTER, TEXT = key("counter"), key("text")


@pytest.fixture
def emulator(tmp_path: Path, clock: FakeClock) -> Iterator[GitHubEmulator]:
    with GitHubEmulator(tmp_path / "github", options=Options.documented(5_000), clock=lambda: clock() / SECOND) as running:
        yield running
        assert running.unexpected == []


def many(turn: int) -> Mset:
    """Return a write that goes by git."""
    return Mset(values={key(f"many {number}"): text(f"value {number} of {turn}") for number in range(20)})


def refused(emulator: GitHubEmulator) -> int:
    """Count the requests that met a limit: GraphQL answers the secondary one with 200 and a few words."""
    return sum(
        entry.status in {403, 429} or (entry.kind == "graphql-mutation" and entry.bytes_out > 100) for entry in emulator.requests
    )


def test_writers_wait_for_the_minute_and_no_increment_is_lost(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    """Each increment creates content twice, which GitHub takes 80 times a minute."""
    perform(github.database(), Incr(key=COUNTER))
    clock.advance(3_600)
    began = clock()
    numbers = [perform(github.database(open_emulated(emulator, clock)), Incr(key=COUNTER)).value for _ in range(85)]
    assert numbers == list(range(2, 87))
    assert 120 <= (clock() - began) / SECOND < 130
    assert refused(emulator) == 2


def test_the_hour_of_content_is_waited_for_only_if_there_is_time(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    perform(github.database(), Set(key=TEXT, value=text("0")))
    emulator.limits.forget()
    emulator.reset_log()
    emulator.options.content_per_hour = 6
    for turn in "12":
        assert perform(github.database(open_emulated(emulator, clock)), Set(key=TEXT, value=text(turn))).applied
    with pytest.raises(UnavailableError, match=r"content creation.*asks to wait 3601 seconds"):
        perform(github.database(open_emulated(emulator, clock)), Set(key=TEXT, value=text("3")))
    assert refused(emulator) == 1
    assert perform(github.database(), Get(key=TEXT)).value == text("2")  # reading creates none
    patient = open_emulated(emulator, clock, max_seconds=4_000)
    assert perform(github.database(patient), Set(key=TEXT, value=text("late"))).applied


@pytest.mark.parametrize("says_when", [True, False])
def test_pushes_wait_for_the_minute(github: World, emulator: GitHubEmulator, clock: FakeClock, *, says_when: bool) -> None:
    """Six writers push, and the seventh and the eighth wait until their repository takes another one."""
    emulator.options.says_when = says_when
    perform(github.database(), Incr(key=COUNTER))
    clock.advance(60)
    began = clock()
    for turn in range(8):
        assert perform(github.database(open_emulated(emulator, clock)), many(turn)).applied
    assert 60 <= (clock() - began) / SECOND < 62
    assert sum(entry.status == 429 for entry in emulator.requests) == 1


def test_a_repository_that_takes_no_push_for_long_is_told(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    emulator.options.pushes_per_minute = 1
    perform(github.database(), many(1))
    with pytest.raises(UnavailableError, match=r"limits the rate of requests.*429.*asks to wait 61 seconds"):
        perform(github.database(open_emulated(emulator, clock, max_seconds=30)), many(2))


def test_a_sweep_that_has_no_time_to_wait_reports_what_is_left(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    """By the API, 400 refs go at once at most. What was swept stays swept, and the next run takes the rest."""
    emulator.options.content_per_minute, emulator.options.content_per_hour = None, 3
    due = {key(f"due {number}"): text("v") for number in range(400)}
    perform(github.database(), Mset(values=due, ttl=60))
    clock.advance(3_600)
    for left in (0, 1):
        report = Sweep().run(github.maintenance(open_emulated(emulator, clock, by_git=False)))
        assert ("asks to wait 36" in report.error) is (left == 0)
        done = report.jobs[0]
        assert len(done.applied) + done.deferred + len(done.failed) == done.planned
        clock.advance(3_601)
    assert done.deferred == len(done.failed) == 0
