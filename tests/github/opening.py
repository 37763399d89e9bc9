"""Opening a repository on the emulated GitHub as a step does, with time that passes only where a client sleeps."""

from git_keyval.store.clock import ServerClock
from git_keyval.store.github import GithubPlace, GithubStore, open_github_store
from git_keyval.store.patience import Patience
from tests.conftest import FakeClock
from tests.emulator import GitHubEmulator
from tests.emulator.server import DEFAULT_TOKEN
from tests.emulator.shapes import node_id
from tests.servers.binary import isolated_environ

_PATIENCE_SECONDS, _TIMEOUT_SECONDS = 300.0, 30.0


def open_emulated(
    emulator: GitHubEmulator,
    clock: FakeClock,
    name: str = "owner/name",
    *,
    repository_id: str = "",
    is_public: bool = False,
    by_git: bool = True,
    token: str = DEFAULT_TOKEN,
    max_seconds: float = _PATIENCE_SECONDS,
    timeout: float = _TIMEOUT_SECONDS,
) -> GithubStore:
    """Open a repository; without its id the store asks for it. ``timeout`` passes in earnest."""
    slept = 0.0

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds
        clock.advance(seconds)

    return open_github_store(
        GithubPlace(name, emulator.api_url, emulator.graphql_url, emulator.url, repository_id, is_public),
        by_git=by_git,
        environ=isolated_environ(),
        token=token,
        clock=ServerClock(clock),
        patience=Patience(max_seconds, lambda: slept, sleep, lambda: 0.5),
        timeout=timeout,
        git_timeout=timeout,
    )


def id_of(emulator: GitHubEmulator, name: str) -> str:
    """Return the id that the event of a run tells of its repository."""
    found = emulator.repositories.find(name)
    assert found is not None
    return node_id("R", found.number)
