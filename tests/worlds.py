"""The databases that commands and jobs are tried on, as fixtures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tests.contract.places import PLACES, at_path, in_memory
from tests.exhaustive import only
from tests.world import World


@pytest.fixture(params=only({"memory"}, ["memory", "path", "github"]))
def world(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A database in memory, and with ``make test-all`` elsewhere, too: that stores are alike is what the contract suite shows."""
    with PLACES[request.param](tmp_path, clock) as place:
        yield World(place, clock)


@pytest.fixture
def memory(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    with in_memory(tmp_path, clock) as place:
        yield World(place, clock)


@pytest.fixture
def git(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    with at_path(tmp_path, clock) as place:
        yield World(place, clock)
