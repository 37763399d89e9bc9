"""A database on the emulated GitHub."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_keyval.format.times import SECOND
from tests.conftest import FakeClock
from tests.contract.places import GithubPlace, open_github_place
from tests.emulator import GitHubEmulator
from tests.github.stage import Stage
from tests.world import World


@pytest.fixture
def emulator(tmp_path: Path, clock: FakeClock) -> Iterator[GitHubEmulator]:
    with GitHubEmulator(tmp_path / "github", clock=lambda: clock() / SECOND) as running:
        yield running
        assert running.unexpected == []


@pytest.fixture
def stage(tmp_path: Path, emulator: GitHubEmulator, clock: FakeClock) -> Stage:
    return Stage(tmp_path, emulator, clock)


@pytest.fixture
def place(emulator: GitHubEmulator, clock: FakeClock) -> GithubPlace:
    return open_github_place(emulator, "name", clock)


@pytest.fixture
def github(place: GithubPlace, clock: FakeClock) -> World:
    return World(place, clock)
