"""The stores under contract, as fixtures. A new adapter joins the suite with one entry in places.PLACES.

``make test`` runs the whole suite where a read or a write differs, and test_every_place.py everywhere; ``make test-all`` runs all.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_keyval.store.port import Store
from tests.conftest import FakeClock
from tests.contract.places import GIT_PLACES, PLACES, READ_DIFFERENTLY, GitPlace, HttpPlace, Place, over_http
from tests.exhaustive import only


@pytest.fixture(params=only(READ_DIFFERENTLY, PLACES))
def place(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Place]:
    with PLACES[request.param](tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()


@pytest.fixture(params=only(READ_DIFFERENTLY, GIT_PLACES))
def git_place(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[GitPlace]:
    with GIT_PLACES[request.param](tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def http_place(tmp_path: Path, clock: FakeClock) -> Iterator[HttpPlace]:
    with over_http(tmp_path, clock) as opened:
        yield opened
