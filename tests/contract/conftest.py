"""The stores under contract, as fixtures. A new adapter joins the suite with one entry in places.PLACES."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_keyval.store.port import Store
from tests.conftest import FakeClock
from tests.contract.places import GIT_PLACES, PLACES, GitPlace, HttpPlace, Place, over_http


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Place]:
    with PLACES[request.param](tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()


@pytest.fixture(params=GIT_PLACES)
def git_place(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[GitPlace]:
    with GIT_PLACES[request.param](tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def http_place(tmp_path: Path, clock: FakeClock) -> Iterator[HttpPlace]:
    with over_http(tmp_path, clock) as opened:
        yield opened
