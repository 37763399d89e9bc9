"""Opening the store that the inputs name."""

from collections.abc import Mapping

from git_keyval.dispatch.location import locate, token_for
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import InputError
from git_keyval.store.git import open_git_store
from git_keyval.store.port import Store

_PUBLIC_SERVER = "https://github.com"


def open_store(inputs: Mapping[str, object], surroundings: Surroundings) -> Store:
    """Open the repository; nothing is read yet. Raises GitKeyvalError."""
    repository = str(inputs.get("repository", ""))
    if not repository:
        raise InputError("repository", "is missing", "a git URL, a path, or owner/name")
    server_url = surroundings.environ.get("GITHUB_SERVER_URL") or _PUBLIC_SERVER
    location = locate(repository, server_url)
    try:
        token = token_for(location, str(inputs.get("token", "")), server_url)
    except ValueError as exc:
        raise InputError("repository", "is not a valid address", "a git URL, a path, or owner/name") from exc
    return open_git_store(
        location,
        environ=surroundings.environ,
        token=token,
        clock=surroundings.clock,
        sleep=surroundings.sleep,
        random=surroundings.random,
    )
