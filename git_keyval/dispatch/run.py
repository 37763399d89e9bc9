"""Running one command."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from git_keyval.commands.database import DEFAULT_MAX_ATTEMPTS, Database
from git_keyval.commands.results import Result
from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.location import locate, token_for
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import InputError
from git_keyval.format.expiry import DEFAULT_GRANULARITY
from git_keyval.format.names import DEFAULT_SHARD_LENGTH, Naming
from git_keyval.interface.commands import Command
from git_keyval.store.git import open_git_store
from git_keyval.store.port import Store
from maintenance.init import InitReport
from maintenance.jobs import Maintenance
from maintenance.report import CheckReport, Report

_PUBLIC_SERVER = "https://github.com"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answered, and how many requests it took."""

    content: Result | Report | CheckReport | InitReport
    requests: int


def run(command: Command, inputs: Mapping[str, object], surroundings: Surroundings, *, explicit_token: bool = True) -> Answer:
    """Run a command with its parsed inputs. Raises GitKeyvalError.

    ``explicit_token`` tells that the token was given for this repository, so that it may be sent to any host.
    """
    arguments = bind(command, inputs, surroundings)
    store = _open(inputs, surroundings, explicit_token=explicit_token)
    function: Any = getattr(import_module(command.module), command.attribute)
    subject = _maintenance(store, surroundings) if command.maintains else _database(store, inputs, surroundings)
    return Answer(function(subject, **arguments), store.requests)


def _open(inputs: Mapping[str, object], surroundings: Surroundings, *, explicit_token: bool) -> Store:
    repository = str(inputs.get("repository", ""))
    if not repository:
        raise InputError("repository", "is missing", "a git URL, a path, or owner/name")
    server_url = surroundings.environ.get("GITHUB_SERVER_URL") or _PUBLIC_SERVER
    location = locate(repository, server_url)
    return open_git_store(
        location,
        environ=surroundings.environ,
        token=token_for(location, str(inputs.get("token", "")), explicit=explicit_token, server_url=server_url),
        clock=surroundings.clock,
        sleep=surroundings.sleep,
        random=surroundings.random,
    )


def _database(store: Store, inputs: Mapping[str, object], surroundings: Surroundings) -> Database:
    return Database(
        store,
        sleep=surroundings.sleep,
        random=surroundings.random,
        new_op=surroundings.new_op,
        naming=Naming(_number(inputs, "shard-length", DEFAULT_SHARD_LENGTH)),
        granularity=_number(inputs, "expiry-granularity", DEFAULT_GRANULARITY),
        max_attempts=_number(inputs, "max-attempts", DEFAULT_MAX_ATTEMPTS),
    )


def _maintenance(store: Store, surroundings: Surroundings) -> Maintenance:
    return Maintenance(store, new_op=surroundings.new_op, elapsed=surroundings.elapsed, progress=surroundings.progress)


def _number(inputs: Mapping[str, object], name: str, default: int) -> int:
    number = inputs.get(name, default)
    assert isinstance(number, int)
    return number
