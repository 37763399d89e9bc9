"""What the input ``repository`` names."""

import re
from urllib.parse import urlsplit

_GITHUB = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+")
_PORTS = {"http": 80, "https": 443}
_WORKFLOW_TOKEN = "ghs_"  # noqa: S105  # how the tokens of workflow runs begin


def locate(repository: str, server_url: str) -> str:
    """Give the git address of a repository: ``owner/name`` on the GitHub server, anything else as it is.

    A relative path with one slash looks like ``owner/name``; written as ``./owner/name`` it is a path.
    """
    if "://" in repository or repository.startswith((".", "/", "~")):
        return repository
    if _GITHUB.fullmatch(repository):
        return f"{server_url.rstrip('/')}/{repository}.git"
    return repository


def token_for(location: str, token: str, server_url: str) -> str:
    """Give the token if it may be sent there.

    The workflow's own token is the default of the input, so it goes to the GitHub server only, whatever host a repository names.
    Any other token was given on purpose.
    """
    return "" if token.startswith(_WORKFLOW_TOKEN) and _origin(location) != _origin(server_url) else token


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
