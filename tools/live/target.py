"""The throw-away repository that the environment names."""

from collections.abc import Mapping
from dataclasses import dataclass

from git_keyval.dispatch.location import GithubServer

TOKEN, REPOSITORY, PAUSE = "GIT_KEYVAL_LIVE_TOKEN", "GIT_KEYVAL_LIVE_REPOSITORY", "GIT_KEYVAL_LIVE_PAUSE"  # a name


@dataclass(frozen=True, slots=True)
class Target:
    """A repository on GitHub, a token that may write to it, and how long to wait after each write."""

    repository: str
    token: str
    server: GithubServer
    pause: float

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Target | None":
        """Read the environment; None if it names no repository or no token."""
        repository, token = environ.get(REPOSITORY, ""), environ.get(TOKEN, "")
        if not (repository and token):
            return None
        return cls(repository, token, GithubServer.of(environ), float(environ.get(PAUSE) or 1))

    @property
    def git_url(self) -> str:
        """Return the address for git."""
        return f"{self.server.server_url}/{self.repository}.git"
