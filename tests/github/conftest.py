"""A database on the emulated GitHub."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_keyval.format.times import SECOND
from tests.conftest import FakeClock
from tests.contract.places import GithubPlace, open_github_place
from tests.emulator import GitHubEmulator
from tests.github.stage import Stage, Template, make_template
from tests.world import World


@pytest.fixture
def emulator(tmp_path: Path, clock: FakeClock) -> Iterator[GitHubEmulator]:
    with GitHubEmulator(tmp_path / "github", clock=lambda: clock() / SECOND) as running:
        yield running
        assert running.unexpected == []


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def stage(template: Template, emulator: GitHubEmulator, clock: FakeClock) -> Stage:
    return Stage(template, emulator, clock)


@pytest.fixture
def place(emulator: GitHubEmulator, clock: FakeClock) -> GithubPlace:
    return open_github_place(emulator, "name", clock)


@pytest.fixture
def github(place: GithubPlace, clock: FakeClock) -> World:
    return World(place, clock)
