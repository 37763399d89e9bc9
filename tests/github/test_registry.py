"""An expiry registry on GitHub: filled by one push, or within the limits of the API."""

from git_keyval.format.names import REGISTRY_PREFIX
from git_keyval.maintenance.commands import PublishExpiries
from tests.conftest import FakeClock
from tests.emulator import GitHubEmulator
from tests.github.opening import open_emulated
from tests.world import World

ALL = 431
"""A month back, and 400 days ahead."""


def count(world: World) -> int:
    return sum(name.startswith(REGISTRY_PREFIX) for name in world.refs())


def test_all_of_it_is_one_push(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    emulator.reset_log()
    PublishExpiries().run(github.maintenance(open_emulated(emulator, clock)))
    assert [entry.path.rpartition("/")[2] for entry in emulator.requests] == ["refs", "git-upload-pack", "refs", "git-receive-pack"]
    assert count(github) == ALL
    emulator.reset_log()
    PublishExpiries().run(github.maintenance(open_emulated(emulator, clock)))
    assert emulator.count() == 2


def test_the_next_day_is_added_by_one_push(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    """The API would take a request more, and count two of its own as content."""
    PublishExpiries().run(github.maintenance(open_emulated(emulator, clock)))
    clock.advance(86_400)
    emulator.reset_log()
    PublishExpiries().run(github.maintenance(open_emulated(emulator, clock)))
    # Two of them for the push, and one for the entry that is a month and a day old by now.
    assert (emulator.count(), emulator.count("git")) == (5, 5)
    assert count(github) == ALL + 1


def test_a_server_that_limits_pushes_takes_it_by_the_api(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    emulator.options.max_push_refs = 5
    report = PublishExpiries().run(github.maintenance(open_emulated(emulator, clock)))
    assert (report.error, count(github)) == ("", ALL)


def test_the_api_alone_fills_it_in_a_few_runs(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    """Each tag takes two requests that create content, of which GitHub takes 80 a minute and 500 an hour."""
    emulator.options.content_per_minute, emulator.options.content_per_hour = 80, 500
    counts = [0]
    while counts[-1] < ALL:
        report = PublishExpiries().run(github.maintenance(open_emulated(emulator, clock, by_git=False)))
        counts.append(count(github))
        assert counts[-1] >= min(counts[-2] + 100, ALL)
        assert (report.error == "") is (counts[-1] == ALL)
        assert report.jobs[0].deferred == ALL - counts[-1]
        clock.advance(3600)
    assert len(counts) <= 5
