"""The config file of maintenance: which repositories, with which settings (docs/config.md).

A setting has the name, the form and the parser of the input of the same name. It is imported only where there is a file to read.
"""

import re
from collections.abc import Callable, Mapping

from git_keyval.errors import ConfigError, InputError, as_inputs
from git_keyval.interface.commands import COMMANDS, COMMON, JOBS
from git_keyval.interface.forms import Flag, WholeNumber
from git_keyval.interface.inputs import INPUTS, Input
from git_keyval.interface.parsing import meant
from git_keyval.interface.yaml_nodes import (
    BOOLEAN,
    INTEGER,
    STRING,
    MappingNode,
    Mistake,
    Node,
    NotReadError,
    ScalarNode,
    SequenceNode,
    compose,
    line_of,
    members,
)
from git_keyval.light_dataclasses import dataclass, field

REPOSITORIES, REPOSITORY = "repositories", "repository"
_CREDENTIALS = r"[hH][tT][tT][pP][sS]?://[^/?#]*@|[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*:[^/?#]*@"
REPOSITORY_PATTERN = rf"^(?!{_CREDENTIALS})[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$"
"""What a repository may look like here: no credentials, and nothing that breaks a line. ECMA 262 reads it in the same way."""

_FILES = ("previous-report", "names-from", "output-file")
_ENCRYPTION = ("encryption-key", "encryption-kid", "encryption")
_NOT_SETTINGS = {"command", REPOSITORY, "token", "config", "repair", *_FILES, *_ENCRYPTION}
_WHOLE_RUN = {"transport", "dry-run", "max-seconds", "expiry-registry"}

_TAKEN = {name for command in COMMANDS.of_family("maintenance") for name in (*COMMON, *command.inputs)}

SETTINGS: tuple[str, ...] = tuple(name for name in INPUTS if name in _TAKEN - _NOT_SETTINGS)
"""The settings by name: the inputs of the maintenance commands, without those that say what to do, where, and as whom."""

JOB_SETTINGS: Mapping[str, tuple[str, ...]] = {
    job: tuple(name for name in SETTINGS if name in COMMANDS[job].inputs and name not in _WHOLE_RUN) for job in JOBS
}
"""The settings that each job may have for itself."""

_NOT_HERE = (
    "a token does not belong in a file that everybody may read. Take it out, revoke it, and give the input 'token' from a secret."
)
_A_LIST = "a list of repositories, at least one, each a URL, a path or owner/name, or a mapping with 'repository' and settings"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings by name with their parsed values: ``common`` for all jobs, ``jobs`` for single ones."""

    common: Mapping[str, object] = field(default_factory=dict)
    jobs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listed:
    """A repository of the list, with the settings that it has for itself."""

    repository: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class Config:
    """A config file: ``settings`` for all repositories; ``repositories`` is empty if the file lists none."""

    path: str
    settings: Settings
    repositories: tuple[Listed, ...]


def read_config(data: bytes, path: str, identity: Callable[[str], str]) -> Config:
    """Read a config file. ``identity`` gives the same text for two names of one repository.

    Raises ConfigError with everything that is wrong, each with its line.
    """
    reader = _Reader(identity)
    try:
        settings, repositories = reader.root(compose(_text(data)))
    except NotReadError as exc:
        raise ConfigError(path, [exc.mistake]) from exc
    if reader.problems:
        raise ConfigError(path, sorted(reader.problems, key=lambda problem: problem[0]))
    return Config(path, settings, repositories)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
    raise NotReadError(line, "is not UTF-8 text.")  # not from that error, which holds all of the file


class _Reader:
    """Reads nodes as what they must be, and keeps what is wrong."""

    def __init__(self, identity: Callable[[str], str]) -> None:
        self.problems: list[Mistake] = []
        self._identity = identity
        self._lines: dict[str, int] = {}

    def root(self, node: Node | None) -> tuple[Settings, tuple[Listed, ...]]:
        if not isinstance(node, MappingNode):
            raise NotReadError(line_of(node) if node else 1, f"there must be settings, one a line, such as '{REPOSITORIES}:'.")
        values = self._members(node, (REPOSITORIES, *SETTINGS, *JOBS))
        listed = values.pop(REPOSITORIES, None)
        return self._settings(values), self._repositories(listed) if listed else ()

    def _members(self, node: MappingNode, known: tuple[str, ...]) -> dict[str, Node]:
        values: dict[str, Node] = {}
        for name, key, value in members(node, self.problems):
            if name in known:
                values[name] = value
            elif name == "token":
                self._refuse(key, f"'token' is not taken: {_NOT_HERE}")
            elif name in _WHOLE_RUN:
                self._refuse(key, f"'{name}' is for the whole run. Write it beside the jobs, not below one.")
            else:
                self._refuse(key, f"'{ascii(name[:60])[1:-1]}' is unknown here. Accepted: {meant(name, list(known))}.")
        return values

    def _settings(self, values: Mapping[str, Node]) -> Settings:
        jobs = {job: self._job(job, values[job]) for job in JOBS if job in values}
        return Settings(self._values({name: node for name, node in values.items() if name not in JOBS}), jobs)

    def _job(self, job: str, node: Node) -> Mapping[str, object]:
        if not isinstance(node, MappingNode):
            self._refuse(node, f"'{job}' {_kind(node)}. Accepted: a mapping with {' or '.join(JOB_SETTINGS[job])}.")
            return {}
        return self._values(self._members(node, JOB_SETTINGS[job]))

    def _values(self, nodes: Mapping[str, Node]) -> dict[str, object]:
        values: dict[str, object] = {}
        for name, node in nodes.items():
            try:
                values[name] = INPUTS[name].read(_scalar(INPUTS[name], node))
            except InputError as exc:
                self._refuse(node, f"'{name}' {as_inputs(exc.problem)}. Accepted: {as_inputs(exc.accepted)}.")
        return values

    def _repositories(self, node: Node) -> tuple[Listed, ...]:
        if not isinstance(node, SequenceNode):
            self._refuse(node, f"'{REPOSITORIES}' {_kind(node)}. Accepted: {_A_LIST}.")
            return ()
        if not node.value:
            self._refuse(node, f"'{REPOSITORIES}' is an empty list. Accepted: {_A_LIST}.")
        return tuple(self._listed(item) for item in node.value)

    def _listed(self, node: Node) -> Listed:
        if not isinstance(node, MappingNode):
            return Listed(self._repository(node), Settings())
        values = self._members(node, (REPOSITORY, *SETTINGS, *JOBS))
        named = values.pop(REPOSITORY, None)
        if named is None:
            self._refuse(node, f"'{REPOSITORY}' is missing. Accepted: {INPUTS[REPOSITORY].accepted}.")
        return Listed(self._repository(named) if named else "", self._settings(values))

    def _repository(self, node: Node) -> str:
        accepted = INPUTS[REPOSITORY].accepted
        if not isinstance(node, ScalarNode) or node.tag != STRING:
            return self._refuse(node, f"a repository {_kind(node)}. Accepted: {accepted}.")
        try:
            repository = str(INPUTS[REPOSITORY].read(node.value))
        except InputError as exc:
            return self._refuse(node, f"a repository {exc.problem}. Accepted: {accepted}.")
        if re.match(_CREDENTIALS, repository):
            return self._refuse(node, f"a repository's address has credentials: {_NOT_HERE}")
        if not re.fullmatch(REPOSITORY_PATTERN, repository):
            return self._refuse(node, f"a repository is empty, or has a line break or control character. Accepted: {accepted}.")
        identity = self._identity(repository)
        if identity in self._lines:
            return self._refuse(node, f"this repository is listed twice, first in line {self._lines[identity]}.")
        self._lines[identity] = line_of(node)
        return repository

    def _refuse(self, node: Node, problem: str) -> str:
        self.problems.append((line_of(node), problem))
        return ""


def _scalar(item: Input[object], node: Node) -> str:
    """Return the text of a node of the kind that an input has, in the one form that its parser reads. Raises InputError."""
    wanted = BOOLEAN if isinstance(item.parse, Flag) else INTEGER if isinstance(item.parse, WholeNumber) else STRING
    if not isinstance(node, ScalarNode) or node.tag != wanted:
        unquoted = "" if wanted == STRING or not getattr(node, "style", None) else ", without quotes"
        raise InputError(item.name, _kind(node), item.accepted + unquoted)
    if wanted == BOOLEAN:
        return str(node.value).lower()
    return _plain(node.value) if wanted == INTEGER else str(node.value)


def _plain(digits: str) -> str:
    """Write a number without a plus and leading zeros."""
    sign, number = digits[: digits.startswith("-")], digits.lstrip("+-").lstrip("0")
    return f"{sign}{number or '0'}"


def _kind(node: Node) -> str:
    if isinstance(node, SequenceNode):
        return "is a list"
    if isinstance(node, MappingNode):
        return "is a mapping"
    return {STRING: "is text", BOOLEAN: "is true or false", INTEGER: "is a whole number"}.get(
        node.tag, "is a number" if node.tag.endswith("float") else "is empty"
    )
