"""What all tests share: hypothesis profiles, a clock that tests move, and bare repositories of their own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from git_keyval.format.times import SECOND, Micros
from git_keyval.store.patience import Patience
from tests.servers.binary import init_bare

# `HYPOTHESIS_PROFILE=deep` searches with other random choices at every run, and longer.
settings.register_profile("default", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("deep", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Have tests that compare with a file that is made by them write it anew."""
    parser.addoption("--write-golden", action="store_true", help="write golden files anew instead of comparing with them")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the races: they mostly wait, and what waits last keeps nobody else busy."""
    items.sort(key=lambda item: "tests/races/" not in item.nodeid)


class FakeClock:
    """A clock that stands still until a test moves it. It starts at noon of 2026-01-01, UTC."""

    def __init__(self) -> None:
        self.moment = Micros(1_767_268_800 * SECOND)

    def __call__(self) -> Micros:
        return self.moment

    def advance(self, seconds: float) -> None:
        """Move the clock; it serves as a ``sleep`` too."""
        self.moment = Micros(self.moment + round(seconds * SECOND))


def patience(clock: FakeClock) -> Patience:
    """Return the policy for asking again, by a clock that moves where the store sleeps."""
    return Patience(300.0, lambda: 0.0, clock.advance, lambda: 0.5)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def bare_repository(tmp_path: Path) -> Callable[[str], Path]:
    """Make bare repositories by name, with no configuration but git's defaults."""
    return lambda name: init_bare(tmp_path / name)
