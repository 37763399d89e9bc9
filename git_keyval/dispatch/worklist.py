"""What a maintenance command works on: the repositories, and the inputs that hold for each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from git_keyval.dispatch.layout import SHARD, layout_of
from git_keyval.dispatch.location import GithubServer, github_name, identity, shown_address
from git_keyval.interface.commands import Signature
from git_keyval.interface.inputs import Inputs

if TYPE_CHECKING:
    from git_keyval.interface.config import Config, Settings

_SHARE = "max-writes"


@dataclass(frozen=True, slots=True)
class Target:
    """One repository, with the inputs that hold for it, and what single jobs may write of the whole."""

    repository: str
    inputs: Inputs
    shares: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Worklist:
    """The repositories of one run, in order.

    Where they are ``listed``, by the config file or as the shards of one database, each is reported under its name.
    """

    targets: tuple[Target, ...]
    listed: bool = False


def worklist(command: Signature, inputs: Inputs, config: "Config | None", home: str, environ: Mapping[str, str]) -> Worklist:
    """Return the work of a command: the repository of the inputs, or those of the config file if it spans them, or else ``home``.

    Of settings the narrower holds: that of the inputs before that of a repository before that of the file, and in the latter two
    that of a job before that of all jobs. A repository with ``{shard}`` in its name stands for all that it is spread over. Raises
    InputError.
    """
    server = GithubServer.of(environ)
    listed = _listed(config, inputs, server) if config else {}
    if config is None or not listed or inputs.repository or not command.kind.spans:
        return _of_place(inputs.repository or home, command, inputs, config, server)
    # A file that nobody named may come from anywhere, so it does not decide to which other server a token goes.
    trusted = inputs.config is not None
    given = {name: inputs if trusted or github_name(name, server) else inputs.but(token=None) for name, _ in listed.values()}
    layers = {name: [config.settings, settings] for name, settings in listed.values()}
    return Worklist(tuple(_target(command, given[name], name, layers[name]) for name in given), listed=True)


def _of_place(place: str, command: Signature, inputs: Inputs, config: "Config | None", server: GithubServer) -> Worklist:
    """Return the work on one repository, or on all that one database is spread over, with what the file says of each."""
    if config is None:
        layout = layout_of(place, inputs)
        return Worklist(tuple(_target(command, inputs, name, ()) for name in layout.all()), listed=bool(layout.digits))
    entries = [each.settings for each in config.repositories if each.repository == place]
    layout = layout_of(place, _lengths(place, [config.settings, *entries], inputs))
    own = {of: [settings] for of, (_, settings) in _listed(config, inputs, server).items()}
    layers = {name: [config.settings, *own.get(identity(name, server), ())] for name in layout.all()}
    return Worklist(tuple(_target(command, inputs, name, layers[name]) for name in layers), listed=bool(layout.digits))


def _listed(config: "Config", inputs: Inputs, server: GithubServer) -> dict[str, tuple[str, "Settings"]]:
    """Return the repositories that the file lists, each once: one that has an entry of its own is not of a database's entry."""
    listed: dict[str, tuple[str, Settings]] = {}
    for each in config.repositories:
        whole = SHARD not in each.repository
        names = (
            [each.repository]
            if whole
            else layout_of(each.repository, _lengths(each.repository, [config.settings, each.settings], inputs)).all()
        )
        for name in names:
            place = identity(name, server)
            if whole or place not in listed:
                listed[place] = (name, each.settings)
    return listed


def _lengths(repository: str, layers: Iterable["Settings"], inputs: Inputs) -> Inputs:
    """Return the inputs with what the file says of a repository that is spread over many; of any other, its lengths say nothing."""
    if SHARD not in repository:
        return inputs
    settings: dict[str, object] = {}
    for layer in layers:
        settings |= layer.common
    return inputs.over(settings)


def _target(command: Signature, inputs: Inputs, repository: str, layers: Iterable["Settings"]) -> Target:
    settings: dict[str, object] = {}
    shares: dict[str, int] = {}
    for layer in layers:
        settings |= layer.common
        for job in command.kind.jobs:
            of_job = dict(layer.jobs.get(job, {}))
            if isinstance(share := of_job.pop(_SHARE, None), int):
                shares[job] = share
            settings |= of_job
    # The repository's name is whole.
    given = inputs.over(settings).but(repository=repository, repository_shard_length=None)
    return Target(shown_address(repository), given, {} if inputs.max_writes is not None else shares)
