"""What the store tells of a repository being public, without a request to find out."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from git_keyval.commands.values import Get, Set
from git_keyval.database.answers import Answer
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.store.github import GithubStore
from tests.conftest import FakeClock
from tests.contract.places import Place, at_path, in_memory
from tests.emulator import GitHubEmulator
from tests.github.opening import id_of, open_emulated
from tests.world import World, key, text

K = key()


@pytest.fixture
def public(github: World, emulator: GitHubEmulator) -> World:
    perform(github.database(), Set(key=K, value=text("v")))
    emulator.options.public.add("owner/name")
    return github


def opened(emulator: GitHubEmulator, clock: FakeClock, *, is_public: bool = False) -> GithubStore:
    return open_emulated(emulator, clock, repository_id=id_of(emulator, "owner/name"), is_public=is_public)


def test_a_read_tells_it(public: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    store = opened(emulator, clock)
    assert store.public_name is None
    assert perform(public.database(store), Get(key=K)).public_name == store.public_name == "owner/name"
    assert store.requests == 1


def test_a_private_repository_has_no_public_name(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    """Whatever the event said: it may have been public when the run began."""
    perform(github.database(), Set(key=K, value=text("v")))
    store = opened(emulator, clock, is_public=True)
    assert perform(github.database(store), Get(key=K)).public_name is None


def test_a_renamed_repository_is_told_by_its_present_name(public: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    emulator.rename("owner/name", "owner/renamed")
    emulator.options.public.add("owner/renamed")
    store = open_emulated(emulator, clock)
    assert perform(public.database(store), Get(key=K)).public_name == "owner/renamed"


WRITES: dict[str, Callable[[Database], Answer]] = {
    "one that reads nothing": lambda database: perform(database, Set(key=K, value=text("w"))),
    "one that reads first": lambda database: perform(database, Set(key=K, value=text("w"), keep_ttl=True)),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("told", [True, False])
def test_a_write_knows_what_the_event_or_its_read_told(
    public: World, emulator: GitHubEmulator, clock: FakeClock, write: str, *, told: bool
) -> None:
    store = opened(emulator, clock, is_public=told)
    knows = told or write == "one that reads first"
    assert WRITES[write](public.database(store)).public_name == ("owner/name" if knows else None)


@pytest.mark.parametrize("place", [in_memory, at_path])
def test_other_stores_have_none(
    tmp_path: Path, clock: FakeClock, place: Callable[[Path, FakeClock], AbstractContextManager[Place]]
) -> None:
    with place(tmp_path, clock) as there:
        world = World(there, clock)
        perform(world.database(), Set(key=K, value=text("v")))
        assert perform(world.database(), Get(key=K)).public_name is world.store.public_name is None
