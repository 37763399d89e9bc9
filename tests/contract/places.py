"""Where a store can be: in memory, in a bare repository reached in each of the ways that git knows, and on GitHub."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import open_git_store
from git_keyval.store.port import Outcome, Refused, Store, Transaction
from tests.around import StoreAround
from tests.conftest import FakeClock, patience
from tests.emulator import GitHubEmulator
from tests.exhaustive import only
from tests.faults import FaultyStore
from tests.github.opening import id_of, open_emulated
from tests.memory import MemoryStore
from tests.replacing import replace
from tests.servers.binary import init_bare, isolated_environ, run_git
from tests.servers.dulwich import serve_by_dulwich
from tests.servers.http import GitHttpServer
from tests.servers.ssh import shell_ssh

TOKEN = "s3cret"
_MANY_OBJECTS = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """One repository. ``open`` gives a store for it; every one but memory's knows nothing of those opened before."""

    open: Callable[[], Store]
    lose: Callable[[Oid], None]
    """Remove an object from the repository behind the back of every store."""
    tells_foreign: bool = field(default=True, kw_only=True)
    """Whether it sends objects that this format does not write, such as people's commits, or leaves them out."""
    gives_all: bool = field(default=True, kw_only=True)
    """Whether it gives any object by its oid, or only what a ref points at, with what that needs."""


@dataclass(frozen=True, slots=True)
class GitPlace(Place):
    """A place that is a bare repository on this machine."""

    repository: Path


@dataclass(frozen=True, slots=True)
class HttpPlace(GitPlace):
    """A bare repository behind a server, which asks for TOKEN."""

    server: GitHttpServer


@dataclass(frozen=True, slots=True)
class GithubPlace(GitPlace):
    """A repository on the emulated GitHub. A run's event need not tell the repository's id; then ``open_unknown`` is like it."""

    emulator: GitHubEmulator
    open_unknown: Callable[[], Store]


def open_git_place(
    repository: Path, location: str, clock: FakeClock, environ: Mapping[str, str], token: str = "", *, gives_all: bool = True
) -> GitPlace:
    """Return the place of a repository that is reached at a location."""

    def open_store() -> Store:
        return open_git_store(
            location,
            environ=isolated_environ(environ),
            token=token,
            clock=ServerClock(clock),
            patience=patience(clock),
        )

    return GitPlace(open_store, lambda oid: lose_loose(repository, oid), repository, gives_all=gives_all)


def lose_loose(repository: Path, oid: Oid) -> None:
    """Remove an object that no pack holds."""
    (repository / "objects" / oid[:2] / oid[2:]).unlink()


@contextmanager
def in_memory(_directory: Path, clock: FakeClock) -> Iterator[Place]:
    store = MemoryStore(clock)

    def lose(oid: Oid) -> None:
        del store._objects[oid]

    yield Place(lambda: store, lose)


@contextmanager
def without_faults(directory: Path, clock: FakeClock) -> Iterator[Place]:
    """Hold the decorator that other tests put faults into to the contract, too."""
    with in_memory(directory, clock) as place:
        yield Place(lambda: FaultyStore(place.open(), {}), place.lose)


@contextmanager
def at_path(directory: Path, clock: FakeClock) -> Iterator[GitPlace]:
    repository = init_bare(directory / "database.git")
    yield open_git_place(repository, str(repository), clock, {})


@contextmanager
def at_file_url(directory: Path, clock: FakeClock) -> Iterator[GitPlace]:
    repository = init_bare(directory / "data base.git")
    yield open_git_place(repository, f"file://{repository}", clock, {})


@contextmanager
def over_ssh(directory: Path, clock: FakeClock) -> Iterator[GitPlace]:
    repository = init_bare(directory / "data base.git")
    yield open_git_place(repository, f"ssh://git@host{repository}", clock, shell_ssh(directory / "ssh", passes_protocol=True))


@contextmanager
def over_old_ssh(directory: Path, clock: FakeClock) -> Iterator[GitPlace]:
    """Reach a server as most are by default: it does not let the client ask for protocol version 2."""
    repository = init_bare(directory / "database.git")
    ssh = shell_ssh(directory / "ssh", passes_protocol=False)
    yield open_git_place(repository, f"ssh://host{repository}", clock, ssh, gives_all=False)


@contextmanager
def over_generous_ssh(directory: Path, clock: FakeClock) -> Iterator[GitPlace]:
    """Reach a server that was told to give any object by its oid, as those of version 2 do, and to leave out what is not needed."""
    repository = init_bare(directory / "database.git")
    run_git("config", "uploadpack.allowAnySHA1InWant", "true", directory=repository)
    run_git("config", "uploadpack.allowFilter", "true", directory=repository)
    yield open_git_place(repository, f"ssh://host{repository}", clock, shell_ssh(directory / "ssh", passes_protocol=False))


@contextmanager
def over_old_http(directory: Path, clock: FakeClock) -> Iterator[GitPlace]:
    """Reach a server, or one behind a proxy, that does not pass on which version of the protocol the client asks for."""
    repository = init_bare(directory / "database.git")
    with GitHttpServer(directory, passes_protocol=False) as server:
        yield open_git_place(repository, f"{server.url}/database.git", clock, {}, gives_all=False)


@contextmanager
def from_dulwich(directory: Path, clock: FakeClock) -> Iterator[GitPlace]:
    """Reach dulwich's own server, which speaks the protocol before version 2 and insists on thin-pack."""
    repository = init_bare(directory / "database.git")

    def lose(_oid: Oid) -> None:
        pytest.skip("dulwich keeps what it is sent in packs")

    with serve_by_dulwich(directory) as url:
        place = open_git_place(repository, f"{url}/database.git", clock, {}, gives_all=False)
        yield replace(place, lose=lose)


@contextmanager
def over_http(directory: Path, clock: FakeClock) -> Iterator[HttpPlace]:
    repository = init_bare(directory / "database.git")
    with GitHttpServer(directory, token=TOKEN, config={"uploadpack.allowFilter": "true"}) as server:
        place = open_git_place(repository, f"{server.url}/database.git", clock, {}, TOKEN)
        yield HttpPlace(place.open, place.lose, repository, server)


def open_github_place(emulator: GitHubEmulator, name: str, clock: FakeClock, *, by_git: bool = True) -> GithubPlace:
    """Make a repository on the emulated GitHub, and give its place.

    Without ``by_git`` only what the API cannot make, or not in little time, goes by git: tag objects, commits as people make them.
    """
    # As after its last branch was deleted: the tests compare all refs.
    full_name = f"owner/{name}"
    repository = emulator.create("owner", name, empty=True)
    emulator.options.empty_refuses = False

    def open_store(repository_id: str) -> Store:
        both = open_emulated(emulator, clock, full_name, repository_id=repository_id)
        if by_git:
            return both
        return _MadeByGit(open_emulated(emulator, clock, full_name, repository_id=repository_id, by_git=False), both)

    def lose(_oid: Oid) -> None:
        pytest.skip("GitHub loses no objects")

    repository_id = id_of(emulator, full_name)
    return GithubPlace(lambda: open_store(repository_id), lose, repository, emulator, lambda: open_store(""), tells_foreign=by_git)


class _MadeByGit(StoreAround):
    """A store that has another one store what it cannot make, and what would take it a hundred requests."""

    def __init__(self, store: Store, by_git: Store) -> None:
        super().__init__(store)
        self._by_git = by_git

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        if any(len(transaction.objects) > _MANY_OBJECTS for transaction in transactions):
            return self._by_git.apply(transactions)
        outcomes = list(self._store.apply(transactions))
        unmade = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Refused) and "git can" in outcome.reason]
        made = self._by_git.apply([transactions[number] for number in unmade]) if unmade else ()
        for number, outcome in zip(unmade, made, strict=True):
            outcomes[number] = outcome
        return outcomes


@contextmanager
def on_github(directory: Path, clock: FakeClock) -> Iterator[GithubPlace]:
    with GitHubEmulator(directory / "github", clock=lambda: clock() / SECOND) as emulator:
        yield open_github_place(emulator, "name", clock)
        assert emulator.unexpected == []


@contextmanager
def on_github_by_api(directory: Path, clock: FakeClock) -> Iterator[GithubPlace]:
    with GitHubEmulator(directory / "github", clock=lambda: clock() / SECOND) as emulator:
        yield open_github_place(emulator, "name", clock, by_git=False)
        assert emulator.unexpected == []


GIT_PLACES: Mapping[str, Callable[[Path, FakeClock], AbstractContextManager[GitPlace]]] = {
    "path": at_path,
    "file-url": at_file_url,
    "ssh": over_ssh,
    "old-ssh": over_old_ssh,
    "generous-ssh": over_generous_ssh,
    "http": over_http,
    "old-http": over_old_http,
}
OTHER_SERVERS: Mapping[str, Callable[[Path, FakeClock], AbstractContextManager[GitPlace]]] = {"dulwich": from_dulwich}
"""Servers that are not git: the contract holds for them as far as they can."""
PLACES: dict[str, Callable[[Path, FakeClock], AbstractContextManager[Place]]] = {
    "memory": in_memory,
    "faulty": without_faults,
    **GIT_PLACES,
    **OTHER_SERVERS,
    "github": on_github,
    "github-api": on_github_by_api,
}

READ_DIFFERENTLY = {"memory", "path", "ssh", "generous-ssh", "http", "old-http", "github", "github-api"}
"""A read depends on the protocol, of version 2 or before; on whether the server leaves out what is not needed; and on a pipe or
HTTP. These places have every pair of two of them."""
WRITTEN_DIFFERENTLY = {"memory", "path", "http", "github", "github-api"}
"""A push has one protocol: git takes it from a pipe or over HTTP."""

OF_SIZE = {"memory", "path", "http", "github"}
"""How much goes at once is decided by an adapter, and over HTTP by the server, too."""


def places(kept: Collection[str]) -> pytest.MarkDecorator:
    """Have tests of the contract run at these places, and with ``make test-all`` at all."""
    return pytest.mark.parametrize("place", only(kept, PLACES), indirect=True)
