"""The database of a project: what git's configuration, or a file ``.git-keyval`` in the project, says of it.

It is looked for only where neither the call nor the environment names a database. What came with a project is not trusted: it
names a database on a server, and no token that is not bound to that server goes there; it names no path and runs nothing.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from stat import S_ISREG

from git_keyval.dispatch.location import shown_address
from git_keyval.errors import InputError, quoted
from git_keyval.interface.commands import COMMON, Signature
from git_keyval.interface.inputs import INPUTS
from git_keyval.interface.parsing import meant
from git_keyval.light_dataclasses import dataclass
from git_keyval.store.git.configured import configured, configured_in
from git_keyval.store.git.owners import Setting

FILE_NAME = ".git-keyval"
_REPOSITORY = "repository"
SETTINGS = (
    _REPOSITORY,
    *("repository-shard-length", "shard-length", "transport", "expiry-granularity", "expiry-registry", "names-from", "encryption"),
)
"""What has to be the same for all who use a database. In git's configuration their names may have hyphens, or not."""

_SECTION = "keyval."
_OF_A_PERSON = {"system", "global", "command"}
"""Scopes of git's configuration that no project brings along."""

_HOST = r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?"
_PATH = r"[A-Za-z0-9_.~/+%@={}-]+"
# No path on this machine, no other way to run something: git's helpers (ext::), options of ssh, words that a shell would read.
_ON_A_SERVER = re.compile(
    rf"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.{{}}-]+|https?://{_HOST}/{_PATH}|ssh://(?:[A-Za-z0-9_][\w.-]*@)?{_HOST}/{_PATH}"
    rf"|[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?![-/:]){_PATH}",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Project:
    """The database of a project: its settings by the names of inputs, and what said so, for errors.

    It ``is_own`` if a person has configured it, so that any token of theirs may go there.
    """

    settings: Mapping[str, str]
    said_by: str
    is_own: bool = False

    @property
    def repository(self) -> str:
        """Return the repository."""
        return self.settings[_REPOSITORY]

    def settings_of(self, command: Signature) -> dict[str, str]:
        """Return the settings that a command takes, beside the repository."""
        taken = {*COMMON, *command.inputs} - {_REPOSITORY}
        return {name: text for name, text in self.settings.items() if name in taken}

    def origins(self) -> dict[str, str]:
        """Return by the names of inputs where they come from."""
        return {name: f"{_SECTION}{name} in {self.said_by}" for name in self.settings}


def project_of(directory: Path, environ: Mapping[str, str], uid: int) -> Project | None:
    """Return the database of the project in which a directory is; None if nothing says which.

    What a person has configured for git beats the file. Raises InputError for what is not accepted, and StoreError.
    """
    variables = {name: value for name, value in environ.items() if not name.startswith(("GIT_KEYVAL_", "GIT_TRACE"))}
    found = configured(variables)
    scopes = [setting.scope for setting in found if setting.name == f"{_SECTION}{_REPOSITORY}"]
    if scopes:
        is_own = scopes[-1] in _OF_A_PERSON
        settings = _settings(found, "git's configuration")
        return Project(settings if is_own else _below(_top(directory), settings), f"git's configuration ({scopes[-1]})", is_own)
    file = _file_above(directory)
    return None if file is None else _of_file(file, variables, uid)


def _of_file(file: Path, environ: Mapping[str, str], uid: int) -> Project:
    if file.lstat().st_uid != uid:
        raise InputError("repository", f"is not taken from {file}, a file of another user", "the option, or GIT_KEYVAL_REPOSITORY")
    settings = _settings(configured_in(file, environ), str(file))
    repository = settings.get(_REPOSITORY)
    if repository is None:
        raise InputError("repository", f"is missing in {file}", "a section [keyval] with repository = owner/name")
    if not _ON_A_SERVER.fullmatch(repository):
        accepted = "a database on a server: owner/name, https:// or ssh://; any other is named by the option or the environment"
        problem = f"is {quoted(shown_address(repository))} in {file}, which is not accepted there"
        raise InputError("repository", problem, accepted)
    return Project(_below(file.parent, settings), str(file))


def _top(directory: Path) -> Path:
    """Return the top of the work tree in which a directory is; the directory itself where there is none."""
    return next((each for each in (directory, *directory.parents) if (each / ".git").exists()), directory)


def _below(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings in which relative paths are meant from a folder."""
    paths = {name for name in settings if name == "names-from" or (name == _REPOSITORY and settings[name].startswith("."))}
    return {**settings, **{name: str(folder / settings[name]) for name in paths}}


def _settings(found: Iterable[Setting], where: str) -> dict[str, str]:
    by_git = {f"{_SECTION}{name.replace('-', '')}": name for name in SETTINGS if name in INPUTS}
    settings: dict[str, str] = {}
    for setting in found:
        name = by_git.get(setting.name.replace("-", ""))
        if name is None:
            unknown = InputError("repository", "is unknown", meant(setting.name.removeprefix(_SECTION), list(by_git.values())))
            unknown.what = f"{quoted(setting.name)} in {where} is unknown."
            raise unknown
        _check(name, setting.value, where)
        settings[name] = setting.value
    return settings


def _check(name: str, text: str, where: str) -> None:
    try:
        INPUTS[name].read(text)
    except InputError as exc:
        refused = InputError(name, exc.problem, exc.accepted)
        refused.what = f"{_SECTION}{name} in {where} {exc.problem}."
        raise refused from exc


def _file_above(directory: Path) -> Path | None:
    """Return the file in the directory or above it: up to the top of the work tree, and on this file system, as git looks."""
    device = directory.stat().st_dev
    for each in (directory, *directory.parents):
        if each.stat().st_dev != device:
            return None
        file = each / FILE_NAME
        try:
            if S_ISREG(file.lstat().st_mode):
                return file
        except OSError:
            pass
        if (each / ".git").exists():
            return None
    return None
