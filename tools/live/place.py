"""A plugin of pytest that adds the real GitHub to the places under contract, and runs nothing else.

The repository has refs that are not ours to touch: what is there before the first test is hidden from the tests, and only what they
wrote themselves is deleted between them.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros
from git_keyval.store.clock import ServerClock
from git_keyval.store.closure import closure
from git_keyval.store.github import GithubPlace, open_github_store
from git_keyval.store.patience import Patience
from git_keyval.store.port import ANY, DELETE, Depth, Outcome, RefUpdate, Selection, Snapshot, Store, Transaction
from tests.around import StoreAround
from tests.conftest import FakeClock
from tests.contract.places import PLACES, Place
from tools.live.target import Target

LIVE = "live"
_FOLDERS = ("refs/heads/kv-0a/", "refs/tags/kv-0a/")


class HidingStore(StoreAround):
    """A store without the refs that are hidden. Tests that would write one of them are skipped; what they write is noted."""

    def __init__(self, store: Store, hidden: frozenset[RefName], written: set[RefName], pause: float) -> None:
        """Wrap a store; ``pause`` seconds are waited after each write, for GitHub to show it."""
        super().__init__(store)
        self._hidden = hidden
        self._written = written
        self._pause = pause

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        """Read refs but the hidden ones, without what only those point at."""
        found = self._store.read(*selections, depth=depth)
        refs = {name: oid for name, oid in found.refs.items() if name not in self._hidden}
        objects = found.objects if refs == found.refs else closure(refs.values(), found.objects, depth)
        return Snapshot(refs, objects, found.moved - self._hidden, found.ordered)

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """List refs but the hidden ones."""
        return ((name, oid) for name, oid in self._store.list(prefixes) if name not in self._hidden)

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Apply transactions that leave the hidden refs alone."""
        names = {update.name for transaction in transactions for update in transaction.updates}
        if taken := names & self._hidden:
            pytest.skip(f"the repository has {min(taken)} of its own")
        self._written |= names
        outcomes = self._store.apply(transactions)
        time.sleep(self._pause)
        return outcomes


@contextmanager
def on_live_github(_directory: Path, clock: FakeClock) -> Iterator[Place]:
    """Yield the repository without a ref that the tests wrote before, and leave it so."""
    target = Target.of(os.environ)
    assert target is not None
    hidden, written = _refs_of_others(target), set[RefName]()

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        clock.advance(seconds)

    def lose(_oid: Oid) -> None:
        pytest.skip("GitHub loses no objects")

    _clean(target, written)
    yield Place(lambda: HidingStore(_open(target, ServerClock(clock), sleep), hidden, written, target.pause), lose)
    _clean(target, written - hidden)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the port on the real GitHub."""
    kept = [item for item in items if isinstance(item, pytest.Function) and _place_of(item) == LIVE]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _place_of(item: pytest.Function) -> object:
    return item.callspec.params.get("place") if hasattr(item, "callspec") else None


@cache
def _refs_of_others(target: Target) -> frozenset[RefName]:
    """Return the refs that are there before the first test."""
    return frozenset(name for name, _ in _real(target).list(["refs/"]) if not name.startswith(_FOLDERS))


def _clean(target: Target, written: set[RefName]) -> None:
    store = _real(target)
    left = [name for name, _ in store.list(["refs/"]) if name in written or name.startswith(_FOLDERS)]
    if left:
        store.apply([Transaction((RefUpdate(name, ANY, DELETE),)) for name in left])
        time.sleep(target.pause)


def _real(target: Target) -> Store:
    return _open(target, ServerClock(lambda: Micros(time.time_ns() // 1000)), time.sleep)


def _open(target: Target, clock: ServerClock, sleep: Callable[[float], None]) -> Store:
    server = target.server
    return open_github_store(
        GithubPlace(target.repository, server.api_url, server.graphql_url, server.server_url),
        by_git=True,
        environ=os.environ,
        token=target.token,
        clock=clock,
        patience=Patience(3_600, lambda: 0.0, sleep, lambda: 0.5),
    )


PLACES[LIVE] = on_live_github
