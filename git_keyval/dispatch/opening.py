"""Opening the stores that the inputs name, and what belongs to a database in them."""

import json
from functools import cached_property

from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.database.database import Database
from git_keyval.dispatch.location import GithubServer, cdn_url, github_name, token_for
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import InputError
from git_keyval.format.registry import Resolve, unresolved
from git_keyval.interface.inputs import REQUIRED, Inputs
from git_keyval.store.clock import ServerClock
from git_keyval.store.patience import Patience
from git_keyval.store.port import Store

DEFAULT_PATIENCE_SECONDS = 300.0
"""How long a run may wait for GitHub's rate limits where ``max-seconds`` says nothing."""

_MAX_EVENT_BYTES = 25 * 1024 * 1024
_ACCEPTED = "a git URL, a path, or owner/name"


class Stores:
    """The repositories of one command, each opened once, when it is first needed."""

    def __init__(self, inputs: Inputs, surroundings: Surroundings) -> None:
        """Open them as the inputs say, but for ``repository``."""
        self._inputs = inputs
        self._surroundings = surroundings
        self._open: dict[str, Store] = {}

    def of(self, repository: str) -> Store:
        """Return the store of a repository. Raises GitKeyvalError."""
        if repository not in self._open:
            self._open[repository] = open_store(self._inputs.but(repository=repository), self._surroundings)
        return self._open[repository]

    def database(self, repository: str) -> Database:
        """Return the database in a repository, with what is the same for all commands. Raises GitKeyvalError."""
        outside = self._surroundings
        store = self.of(repository)
        return Database(store, outside.sleep, outside.random, outside.new_op, resolve=self._resolve, progress=outside.progress)

    @cached_property
    def _resolve(self) -> Resolve:
        repository = self._inputs.expiry_registry
        if repository is None:
            return unresolved
        # Slow to import, and few databases have one.
        from git_keyval.store.network import Network  # noqa: PLC0415
        from git_keyval.store.registry import ExpiryRegistry  # noqa: PLC0415

        environ = self._surroundings.environ
        return ExpiryRegistry(cdn_url(environ), repository, network=Network(environ)).resolve

    @property
    def requests(self) -> int:
        """Count the requests made to all of them."""
        return sum(store.requests for store in self._open.values())

    @property
    def rate_remaining(self) -> int | None:
        """Return the lowest of what their servers still allow; None where no answer has said."""
        limits = [store.rate_remaining for store in self._open.values()]
        return min((left for left in limits if left is not None), default=None)


def open_store(inputs: Inputs, surroundings: Surroundings) -> Store:
    """Open the repository; nothing is read from it yet. Raises GitKeyvalError."""
    repository, token, transport = inputs.repository, inputs.token or "", inputs.transport or "auto"
    if not repository:
        raise InputError("repository", "is missing", _ACCEPTED)
    server = surroundings.server
    name = github_name(repository, server)
    if name is not None and server.has_github_api and transport != "git" and (token or transport == "api"):
        return _open_github(name, server, token, transport, inputs, surroundings)
    if transport == "api" and not server.has_github_api:
        raise InputError("transport", f"is 'api', but {server.api_url} is not GitHub's (it looks like Gitea's)", "auto or git")
    if transport == "api":
        raise InputError("transport", "is 'api', but the repository is not on the GitHub server", "auto or git")
    location = f"{server.server_url}/{name}.git" if name is not None else repository
    try:
        allowed = token_for(location, token, server)
    except ValueError as exc:
        raise InputError("repository", "is not a valid address", _ACCEPTED) from exc
    from git_keyval.store.git import open_git_store  # noqa: PLC0415  # slow to import, and by GitHub's API it is seldom needed

    return open_git_store(
        location,
        environ=surroundings.environ,
        token=allowed,
        clock=ServerClock(surroundings.clock),
        patience=_patience(inputs, surroundings),
        warn=surroundings.warn,
    )


def cipher_of(inputs: Inputs, surroundings: Surroundings) -> Cipher:
    """Return the cipher of a database: plain, unless there is an encryption key."""
    keys = inputs.encryption_key
    if keys is None:
        return PLAIN
    from git_keyval.database.encrypting import Encrypting  # noqa: PLC0415  # slow to import, and most databases are plain
    from git_keyval.format.encryption import derive_key  # noqa: PLC0415

    kid = inputs.encryption_kid or keys.names[-1]
    derived = [derive_key(name or kid, secret) for name, secret in keys.named]
    return Encrypting(derived, kid, surroundings.new_nonce, required=inputs.encryption == REQUIRED)


def _open_github(name: str, server: GithubServer, token: str, transport: str, inputs: Inputs, surroundings: Surroundings) -> Store:
    from git_keyval.store.github import GithubPlace, open_github_store  # noqa: PLC0415  # slow to import, and no other place needs it

    if not token:
        raise InputError("token", "is missing, and GitHub's API needs one", "a token that may use the repository")
    return open_github_store(
        GithubPlace(name, server.api_url, server.graphql_url, server.server_url, *_from_event(name, surroundings)),
        by_git=transport == "auto",
        environ=surroundings.environ,
        token=token,
        clock=ServerClock(surroundings.clock),
        patience=_patience(inputs, surroundings),
    )


def _patience(inputs: Inputs, surroundings: Surroundings) -> Patience:
    allowed = DEFAULT_PATIENCE_SECONDS if inputs.max_seconds is None else float(inputs.max_seconds)
    return Patience(allowed, surroundings.elapsed, surroundings.sleep, surroundings.random)


def _from_event(name: str, surroundings: Surroundings) -> tuple[str, bool]:
    """Return what the run's event says of this repository, which saves asking: its GraphQL id, and whether it is public.

    Whatever is wrong with the file, both can be asked for: the id is empty then, and public is only what is said to be.
    """
    try:
        event = json.loads(surroundings.read_event(_MAX_EVENT_BYTES))
        repository = event["repository"]
        if str(repository["full_name"]).lower() != name.lower():
            return "", False
        return str(repository["node_id"]), repository.get("private") is False and repository.get("visibility", "public") == "public"
    except (AttributeError, KeyError, TypeError, ValueError, OSError):
        return "", False
