"""What a maintenance command works on: the repositories, and the inputs that hold for each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from git_keyval.dispatch.location import GithubServer, github_name, identity
from git_keyval.interface.commands import Command

if TYPE_CHECKING:
    from git_keyval.interface.config import Config, Settings

_SHARE = "max-writes"


@dataclass(frozen=True, slots=True)
class Target:
    """One repository, with the inputs that hold for it, and what single jobs may write of the whole."""

    repository: str
    inputs: Mapping[str, object]
    shares: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Worklist:
    """The repositories of one run, in order. Where they are ``listed`` by the config file, each is reported under its name."""

    targets: tuple[Target, ...]
    listed: bool = False


def worklist(
    command: Command, inputs: Mapping[str, object], config: "Config | None", home: str, environ: Mapping[str, str]
) -> Worklist:
    """Give the work of a command: the repository of the inputs, or those of the config file if it spans them, or else ``home``.

    Of settings the narrower holds: that of the inputs before that of a repository before that of the file, and in the latter two
    that of a job before that of all jobs.
    """
    server = GithubServer.of(environ)
    named = str(inputs.get("repository", ""))
    if config is None:
        return Worklist((Target(named or home, {**inputs, "repository": named or home}),))
    if named or not config.repositories or not command.spans:
        place = identity(named or home, server)
        own = [listed.settings for listed in config.repositories if identity(listed.repository, server) == place]
        return Worklist((_target(command, inputs, named or home, [config.settings, *own]),))
    # A file that nobody named may come from anywhere, so it does not decide to which other server a token goes.
    trusted = "config" in inputs
    return Worklist(
        tuple(
            _target(
                command,
                inputs if trusted or github_name(listed.repository, server) else _without_token(inputs),
                listed.repository,
                [config.settings, listed.settings],
            )
            for listed in config.repositories
        ),
        listed=True,
    )


def _target(command: Command, inputs: Mapping[str, object], repository: str, layers: Iterable["Settings"]) -> Target:
    settings: dict[str, object] = {}
    shares: dict[str, int] = {}
    for layer in layers:
        settings |= layer.common
        for job in command.jobs:
            of_job = dict(layer.jobs.get(job, {}))
            if isinstance(share := of_job.pop(_SHARE, None), int):
                shares[job] = share
            settings |= of_job
    return Target(repository, {**settings, **inputs, "repository": repository}, {} if _SHARE in inputs else shares)


def _without_token(inputs: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in inputs.items() if name != "token"}
