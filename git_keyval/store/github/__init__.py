"""The github adapter: a repository on GitHub as a store, by its API, and by git where that is cheaper."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

# These two first, and from here: what they import is nested deeply, and Python's stack has a costly edge (docs/decisions.md, Code).
import requests  # noqa: F401

import git_keyval.store.github.pygithub  # noqa: F401
from git_keyval.light_dataclasses import dataclass
from git_keyval.store.clock import ServerClock
from git_keyval.store.github.adapter import GithubStore
from git_keyval.store.github.client import TIMEOUT_SECONDS, GithubClient
from git_keyval.store.github.late_git import LateGit
from git_keyval.store.github.repository import Repository
from git_keyval.store.network import Network
from git_keyval.store.patience import Patience

if TYPE_CHECKING:
    from git_keyval.store.git import GitStore

__all__ = ["GithubPlace", "GithubStore", "open_github_store"]


@dataclass(frozen=True, slots=True)
class GithubPlace:
    """Where a repository is: ``owner/name`` on the server of these three addresses.

    ``repository_id`` is its GraphQL id, if that is known, and ``is_public`` whether it is known that anybody may read it.
    """

    name: str
    api_url: str
    graphql_url: str
    server_url: str
    repository_id: str = ""
    is_public: bool = False

    @property
    def git_url(self) -> str:
        """Return the address for git."""
        return f"{self.server_url.rstrip('/')}/{self.name}.git"


def open_github_store(
    place: GithubPlace,
    *,
    by_git: bool,
    environ: Mapping[str, str],
    token: str,
    clock: ServerClock,
    patience: Patience,
    timeout: float = TIMEOUT_SECONDS,
    git_timeout: float | None = None,
) -> GithubStore:
    """Open a repository on GitHub; nothing is sent yet.

    ``by_git`` allows git for what it does in fewer requests. ``timeout`` is how long an answer of the API is waited for,
    ``git_timeout`` one of git, if not as long as usual.
    """
    client = GithubClient(
        api_url=place.api_url,
        graphql_url=place.graphql_url,
        token=token,
        clock=clock,
        network=Network(environ),
        timeout=timeout,
    )
    repository = Repository(client, patience, place.name, place.repository_id, is_public=place.is_public)
    if not by_git:
        return GithubStore(repository, None, clock)

    def open_git() -> "GitStore":
        from git_keyval.store.git import TIMEOUT_SECONDS, open_git_store  # noqa: PLC0415  # slow to import

        return open_git_store(
            place.git_url,
            environ=environ,
            token=token,
            clock=clock,
            patience=patience,
            timeout=git_timeout or TIMEOUT_SECONDS,
            deletes_unseen=False,  # whether GitHub takes that is not known
        )

    return GithubStore(repository, LateGit(open_git), clock)
