"""git's settings and hooks on the server's side: what of a database works under each, and what is refused with which words."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Getdel, Mset, Set
from git_keyval.database.perform import perform
from git_keyval.maintenance.init import init
from tests.conftest import FakeClock
from tests.contract.places import open_git_place
from tests.races.clients import Client, StepFailedError, Worker
from tests.servers.apache import apache
from tests.servers.binary import git_output, init_bare, run_git
from tests.servers.site import served_directory
from tests.world import World, key, text

EXPIRED = 12
_FORBIDDEN, _KNOWN_TO_A_HOOK = "forbidden", "write several, one of them known to a hook"
_LARGE = json.dumps({f"large {number}": f"{number}" * 30 for number in range(60)})


@dataclass(frozen=True, slots=True)
class Act:
    """Something that people do: a command, its inputs with underscores, and those of its outputs that are compared."""

    command: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an act: what it said, which is empty if it worked, whether a ref changed, and how many requests it took."""

    said: str
    changed: bool
    requests: int


ACTS: Mapping[str, Act] = {
    "read": Act("mget", {"keys": "old\nleased\nbuilds"}, {"count": "3"}),
    "create": Act("set", {"key": "new", "value": "v"}, {"applied": "true"}),
    "create with `ttl`": Act("set", {"key": "short", "value": "v", "ttl": "1h"}, {"applied": "true"}),
    "overwrite": Act("set", {"key": "old", "value": "w"}, {"applied": "true"}),
    "overwrite without `ttl`": Act("set", {"key": "leased", "value": "w"}, {"applied": "true", "ttl": "-1"}),
    "count": Act("incr", {"key": "builds"}, {"value": "2"}),
    "write many": Act("mset", {"values": _LARGE}, {"applied": "true"}),
    _KNOWN_TO_A_HOOK: Act("mset", {"values": f'{{"{_FORBIDDEN}": 1, "allowed": 2}}'}, {"applied": "true"}),
    "delete": Act("del", {"key": "gone"}, {"applied": "true"}),
    "sweep": Act("sweep", {}, {"count": f"{EXPIRED}"}),
    "purge": Act("purge", {"retention": "0s"}, {"count": "1"}),
    "check": Act("check", {}, {"count": "0"}),
}
_ALL = frozenset(ACTS)
_WRITES = _ALL - {"read", "check"}
_OVERWRITES = frozenset({"overwrite", "overwrite without `ttl`", "count"})
_DELETIONS = frozenset({"overwrite without `ttl`", "delete", "sweep", "purge"})
_ONE_REF = frozenset({"count", "delete", "purge"})
_READS_FIRST = frozenset({"read", "count", "delete", "sweep", "purge", "check"})


@dataclass(frozen=True, slots=True)
class Setting:
    """What is set up on the server: configuration, hooks by name, more by a function of the repository's path.

    ``refused`` has the acts that do not work, with a pattern of what is said then; all others work. ``place`` is the only one where
    it means anything, any if empty.
    """

    title: str
    config: Mapping[str, str] = field(default_factory=dict)
    hooks: Mapping[str, str] = field(default_factory=dict)
    more: Callable[[Path], object] = lambda _: None
    refused: Mapping[str, str] = field(default_factory=dict)
    place: str = ""

    def differing(self, tried: Mapping[str, Tried]) -> dict[str, str]:
        """Return what acts said that are not as told here: those refused say so and change nothing."""
        return {name: one.said or "works" for name, one in tried.items() if not self._is_told(name, one)}

    def _is_told(self, name: str, one: Tried) -> bool:
        pattern = self.refused.get(name)
        if pattern is None:
            return not one.said
        return not one.changed and re.search(pattern, one.said or "works", re.IGNORECASE) is not None


def _all(acts: frozenset[str], words: str) -> dict[str, str]:
    return dict.fromkeys(acts, words)


def _read_only(repository: Path) -> None:
    for path in (repository, *repository.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)


def _sha256(repository: Path) -> None:
    shutil.rmtree(repository)
    run_git("init", "--quiet", "--bare", "--object-format=sha256", repository)


_TALKS = "yes 'A hook that has much to say.' | head -c 200000 >&2"
_FROZEN = "Nothing is written on Fridays."
_REFUSES = f"echo '{_FROZEN}' >&2; exit 1"
_FORBIDS = f'case "$1" in *{key(_FORBIDDEN).id[2:]}) exit 1;; esac'
_UNSEEN = r"hidden|'(count|applied)': '(0|false)'"

SETTINGS: Sequence[Setting] = (
    Setting("git's defaults"),
    Setting(
        "`receive.denyNonFastForwards`",
        {"receive.denyNonFastForwards": "true"},
        refused=_all(_OVERWRITES, "receive.denyNonFastForwards"),
    ),
    Setting("`receive.denyDeletes`", {"receive.denyDeletes": "true"}, refused=_all(_DELETIONS, "deletion prohibited")),
    Setting("`receive.advertiseAtomic=false`", {"receive.advertiseAtomic": "false"}, refused=_all(_WRITES - _ONE_REF, "atomic")),
    Setting("object ids of SHA-256", more=_sha256, refused=_all(_ALL, "SHA-1")),
    Setting("an `update` hook that refuses one ref", hooks={"update": _FORBIDS}, refused={_KNOWN_TO_A_HOOK: "hook declined"}),
    Setting(
        "a `pre-receive` hook that refuses",
        hooks={"pre-receive": f"echo '{_FROZEN}' >&2; exit 1"},
        refused=_all(_WRITES, _FROZEN),
    ),
    Setting("hooks that have much to say", hooks=dict.fromkeys(("pre-receive", "post-receive", "post-update"), _TALKS)),
    Setting(
        "`receive.maxInputSize`",
        {"receive.maxInputSize": "2000"},
        refused={"write many": "too large|maxInputSize"},
    ),
    Setting("`transfer.hideRefs` for branches", {"transfer.hideRefs": "refs/heads"}, refused=_all(_ALL - {"check"}, _UNSEEN)),
    Setting("`transfer.hideRefs` for others", {"transfer.hideRefs": "refs/changes"}),
    Setting("`transfer.fsckObjects`", {"transfer.fsckObjects": "true"}),
    Setting("`transfer.unpackLimit=1`", {"transfer.unpackLimit": "1"}),
    Setting("`receive.advertisePushOptions`", {"receive.advertisePushOptions": "true"}),
    Setting("`gc.auto=1`", {"gc.auto": "1", "gc.autoDetach": "false"}),
    Setting("`uploadpack.allowFilter=false`", {"uploadpack.allowFilter": "false"}),
    Setting("`core.logAllRefUpdates=always`", {"core.logAllRefUpdates": "always"}),
    Setting("`protocol.version=0`", {"protocol.version": "0"}),
    Setting("`extensions.worktreeConfig`", {"core.repositoryFormatVersion": "1", "extensions.worktreeConfig": "true"}),
    Setting("`http.receivepack=false`", {"http.receivepack": "false"}, refused=_all(_WRITES, "403"), place="http"),
    Setting("`http.uploadpack=false`", {"http.uploadpack": "false"}, refused=_all(_READS_FIRST, "403"), place="http"),
    Setting(
        "no right to write",
        more=_read_only,
        refused=_all(_WRITES, "unable to create|permission denied"),
        place="http",
    ),
)


@dataclass(frozen=True, slots=True)
class Stand:
    """Where settings are tried: by a path, or behind a server, which counts the ``requests``."""

    root: Path
    template: Path
    client: Client
    address: Callable[[Path], str]
    shared: bool = False
    requests: Callable[[], int] = lambda: 0

    def try_acts(self, setting: Setting) -> dict[str, Tried]:
        """Do every act on a copy of the template that is set up so."""
        repository = self.root / f"{SETTINGS.index(setting)}.git"
        set_up(self.template, repository, setting, shared=self.shared)
        return {name: self._try(repository, act) for name, act in ACTS.items()}

    def _try(self, repository: Path, act: Act) -> Tried:
        before, asked = _refs(repository), self.requests()
        said = _do(self.client, self.address(repository), act)
        return Tried(said, _refs(repository) != before, self.requests() - asked)


@contextmanager
def by_path() -> Iterator[Stand]:
    """Open databases by the path of their repositories."""
    with served_directory() as root, Worker({}, root / "outputs") as client:
        yield Stand(root, make_template(root / "template"), client, str)


@contextmanager
def by_http() -> Iterator[Stand]:
    """Open databases behind Apache."""
    with served_directory() as root, apache(root) as server, Worker(server.site.environ, root / "outputs") as client:
        site = server.site
        yield Stand(site.root, make_template(root / "template"), client, site.address, site.shared, lambda: len(server.requests()))


def cases(*, over_http: bool) -> Sequence[Setting]:
    """Return the settings to try: by a path all that mean something there, over HTTP those that refuse."""
    return [setting for setting in SETTINGS if (setting.refused if over_http else not setting.place)]


def make_template(path: Path) -> Path:
    """Make a database with something to do for every act."""
    repository, clock = init_bare(path), FakeClock()
    run_git("config", "http.receivepack", "true", directory=repository)
    world = World(open_git_place(repository, str(repository), clock, {}), clock)
    init(world.maintenance())
    database = world.database()
    perform(database, Mset(values={key(label): text("v") for label in ("old", "gone", "taken")}))
    perform(database, Getdel(key=key("taken")))
    perform(database, Incr(key=key("builds")))
    perform(database, Mset(values={key(f"expired {number}"): text("v") for number in range(EXPIRED)}, ttl=60))
    perform(database, Set(key=key("leased"), value=text("v"), ttl=10**9))
    return repository


def set_up(template: Path, repository: Path, setting: Setting, *, shared: bool) -> None:
    """Copy the template, and set it up; all may write to one that is ``shared``."""
    shutil.copytree(template, repository)
    if shared:
        run_git("config", "core.sharedRepository", "0777", directory=repository)
        for path in (repository, *repository.rglob("*")):
            path.chmod(0o777)
    for name, value in setting.config.items():
        run_git("config", name, value, directory=repository)
    for name, script in setting.hooks.items():
        hook = repository / "hooks" / name
        hook.write_text(f"#!/bin/sh\n{script}\n")
        hook.chmod(0o755)
    setting.more(repository)


def _do(client: Client, address: str, act: Act) -> str:
    """Do an act. Returns what it said if it failed or did less than it should, and nothing if it worked."""
    try:
        answer = client.run(act.command, repository=address, **act.inputs)
    except StepFailedError as exc:
        return exc.log
    found = {name: answer.outputs.get(name) for name in act.outputs}
    return "" if found == act.outputs else f"{found} {answer.outputs.get('report', '')}"


def _refs(repository: Path) -> str:
    return git_output("-c", "safe.directory=*", "for-each-ref", directory=repository)
