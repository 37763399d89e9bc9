"""What a maintenance command works on: the repositories, and the inputs that hold for each."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from git_keyval.dispatch.layout import SHARD, Layout, layout_of
from git_keyval.dispatch.location import GithubServer, github_name, identity, shown_address
from git_keyval.interface.commands import Signature
from git_keyval.interface.inputs import Inputs
from git_keyval.light_dataclasses import dataclass, field

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
    common = [config.settings] if config else []
    listed = _listed(config, inputs, server) if config else {}
    if listed and command.kind.spans and not inputs.repository:
        # A file that nobody named may come from anywhere, so it does not decide to which other server a token goes.
        trusted = inputs.config is not None
        given = {name: inputs if trusted or github_name(name, server) else inputs.but(token=None) for name, _ in listed.values()}
        targets = [_target(command, given[name], name, [*common, settings]) for name, settings in listed.values()]
        return Worklist(tuple(targets), listed=True)
    place = inputs.repository or home
    spread = [each.settings for each in config.repositories if each.repository == place] if config else []
    layout = _layout(place, [*common, *spread], inputs)
    own = {where: [settings] for where, (_, settings) in listed.items()}
    targets = [_target(command, inputs, name, [*common, *own.get(identity(name, server), ())]) for name in layout.all()]
    return Worklist(tuple(targets), listed=bool(layout.digits))


def _listed(config: "Config", inputs: Inputs, server: GithubServer) -> dict[str, tuple[str, "Settings"]]:
    """Return the repositories that the file lists, each once: one that has an entry of its own is not of a database's entry."""
    listed: dict[str, tuple[str, Settings]] = {}
    for each in config.repositories:
        whole = SHARD not in each.repository
        for name in [each.repository] if whole else _layout(each.repository, [config.settings, each.settings], inputs).all():
            where = identity(name, server)
            if whole or where not in listed:
                listed[where] = (name, each.settings)
    return listed


def _layout(repository: str, layers: Iterable["Settings"], inputs: Inputs) -> Layout:
    """Return how a database lies in repositories; what the file says of that counts where it is spread over many."""
    if SHARD in repository:
        inputs = inputs.over({name: value for layer in layers for name, value in layer.common.items()})
    return layout_of(repository, inputs)


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
