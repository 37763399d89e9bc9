"""The repository at a path of this machine, and what of it git may run.

A hook, or a command that the configuration of the repository names, runs as the user of this process. That is right in a repository
of that user. In one of another user it would be that other user's program with the rights of this one: a container is root, and its
workspace is not. So git reads and writes such a repository, with settings by which it runs nothing of it.
"""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from git_keyval.errors import StoreError
from git_keyval.light_dataclasses import dataclass
from git_keyval.store.messages import one_line

# Where git's services look below the path they are given, in this order (enter_repo in git's path.c).
_SUFFIXES = ("/.git", "", ".git/.git", ".git")
_GITFILE = "gitdir: "  # https://git-scm.com/docs/gitrepository-layout, as is the file commondir
_MAX_GITFILE_BYTES = 8192
# https://git-scm.com/docs/git-config: each of these settings is, or leads to, a command that upload-pack or receive-pack would run.
# Hooks that are files are below core.hooksPath. A clone without all objects has settings for how to fetch them; it fetches nothing.
_NOTHING_IS_RUN = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "core.alternateRefsCommand=true",
    "receive.denyCurrentBranch=refuse",
    "receive.autogc=false",
)
_NOTHING_IS_FETCHED = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
# Compiled where they are used: few repositories are another user's.
_COMMANDS = r"core\.(hookspath|fsmonitor|alternaterefscommand)|hook\.[^\0]+\.command"
_CONFIGURED_HOOK = r"(hook\.[^\0]+)\.(?:command|event)"
_OF_THE_REPOSITORY = {"local", "worktree"}


class Setting(NamedTuple):
    """One setting of git, of a file of the repository (``local``, ``worktree``) or of another one; a switch may have no value."""

    scope: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ServiceStart:
    """How a service is started: settings for ``git -c``, the path to give it, and variables beside those of every child."""

    settings: Sequence[str]
    path: str
    environ: Mapping[str, str]
    left_out: bool
    """Whether the repository has a hook, or a command in its configuration, that is not run."""
    common: Path | None = None
    """The directory with refs, objects and settings; None where git finds no repository. ``path`` is that of a worktree, then."""
    is_own: bool = False
    """Whether the repository is of this user, so that git runs what it says."""


def service_at(path: str, environ: Mapping[str, str]) -> ServiceStart:
    """Return how the services of the repository at a path are started. Raises StoreError if its settings cannot be read.

    The repository is of this user if its directory is, and the one that worktrees share; links are followed. Where git finds no
    repository, it is left to git to say so.
    """
    directory = _git_directory(path)
    if directory is None:
        return ServiceStart(_NOTHING_IS_RUN, path, _NOTHING_IS_FETCHED, left_out=False)
    common = _common_directory(directory)
    if all(each.stat().st_uid == os.geteuid() for each in {directory, common}):
        return ServiceStart((), str(directory), {}, left_out=False, common=common, is_own=True)
    names = [setting.name for setting in settings_of(directory, environ) if setting.scope in _OF_THE_REPOSITORY]
    return ServiceStart(
        # Git has a check of its own: this setting says that the user named this very repository.
        (f"safe.directory={directory}", *_NOTHING_IS_RUN),
        str(directory),
        _NOTHING_IS_FETCHED | _disabled(names),
        left_out=_has_hooks(common / "hooks") or any(re.fullmatch(_COMMANDS, name) for name in names),
        common=common,
    )


def _git_directory(path: str) -> Path | None:
    base = path.rstrip("/") or "/"
    for candidate in (Path(f"{base}{suffix}") for suffix in _SUFFIXES):
        try:
            found = _target(candidate) if candidate.is_file() else candidate
            if (found / "HEAD").exists() and ((found / "objects").is_dir() or (found / "commondir").is_file()):
                return found.resolve(strict=True)
        except (OSError, ValueError):  # another user's directories, a loop of links; no text, or a NUL in it
            continue
    return None


def _target(gitfile: Path) -> Path:
    """Return the directory that a file ``.git`` names, as those of worktrees and submodules do."""
    with gitfile.open(encoding="utf-8") as file:
        text = file.read(_MAX_GITFILE_BYTES)
    if not text.startswith(_GITFILE):
        raise ValueError(gitfile)
    return gitfile.parent / text.removeprefix(_GITFILE).rstrip("\r\n")


def _common_directory(directory: Path) -> Path:
    try:
        return (directory / (directory / "commondir").read_text(encoding="utf-8").rstrip("\r\n")).resolve()
    except FileNotFoundError:
        return directory


def _has_hooks(directory: Path) -> bool:
    try:
        return any(os.access(hook, os.X_OK) for hook in directory.iterdir() if hook.suffix != ".sample")
    except OSError:
        return False


def settings_of(directory: Path, environ: Mapping[str, str]) -> list[Setting]:
    """Return what git reads in a repository: its own files, those that they include, the user's and the machine's.

    Raises StoreError.
    """
    argv = ["git", f"--git-dir={directory}", "config", "--list", "--null", "--show-scope"]
    try:
        done = subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return []  # the start of the service fails then, and says that there is no git
    if done.returncode:
        raise StoreError(
            f"The configuration of {directory} cannot be read ({one_line(done.stderr.decode('utf-8', 'replace'))}).",
            "Repair the file config in it.",
        )
    words = done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    return [
        Setting(scope, name, value)
        for scope, (name, _, value) in zip(words[::2], (word.partition("\n") for word in words[1::2]), strict=True)
    ]


def _disabled(names: Sequence[str]) -> dict[str, str]:
    """Return the variables that switch off hooks of the configuration, which git has since 2.54; a name may hold any character."""
    hooks = dict.fromkeys(found[1] for name in names if (found := re.fullmatch(_CONFIGURED_HOOK, name)))
    settings = {"GIT_CONFIG_COUNT": str(len(hooks))} if hooks else {}
    for number, hook in enumerate(hooks):
        settings |= {f"GIT_CONFIG_KEY_{number}": f"{hook}.enabled", f"GIT_CONFIG_VALUE_{number}": "false"}
    return settings
