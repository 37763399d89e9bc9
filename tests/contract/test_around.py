"""The contract of what a store tells about itself: time, capabilities, requests."""

import time

import pytest

from git_keyval.format.times import SECOND
from git_keyval.store.port import Selection, Store
from tests.conftest import FakeClock
from tests.contract.places import PLACES, GithubPlace, Place, places
from tests.contract.samples import branch, create, note

pytestmark = places(PLACES)


@pytest.mark.parametrize("asks", [False, True])
def test_the_time_is_this_machines_unless_the_server_tells_it(place: Place, clock: FakeClock, *, asks: bool) -> None:
    """It tells it with any answer; who deletes by the time asks for one first."""
    store = place.open()
    if not asks:
        store.read(Selection((branch("a"),)))
    assert store.now(ask=asks) == store.now()
    if isinstance(place, GithubPlace):
        assert store.now() == clock()  # of which the emulated server tells the time
    elif store.capabilities.clock_is_servers:
        assert store.now() == pytest.approx(time.time() * SECOND, abs=60 * SECOND)
    else:
        assert store.now() == clock()


def test_the_time_goes_on_between_requests(store: Store, clock: FakeClock) -> None:
    store.read(Selection((branch("a"),)))
    before = store.now()
    clock.advance(90)
    assert store.now() == before + 90 * SECOND


def test_a_batch_holds_at_least_one_update(store: Store) -> None:
    assert store.capabilities.batch >= 1


def test_requests_are_counted_from_none_on(store: Store) -> None:
    assert store.requests == 0
    counts = []
    for request in (
        lambda: store.apply([create(branch("a"), note("1"))]),
        lambda: store.read(Selection((branch("a"),))),
        lambda: list(store.list(["refs/"])),
        lambda: store.objects([note("2").oid]),
    ):
        request()
        counts.append(store.requests)
    assert counts == sorted(set(counts))
    assert counts[0] > 0
