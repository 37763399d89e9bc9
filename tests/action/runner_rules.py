"""What a GitHub runner makes of the files and the log of a step: a small reading of its own parsers.

Files: https://github.com/actions/runner/blob/main/src/Runner.Worker/FileCommandManager.cs
Log: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs, with the commands that ActionCommandManager.cs
(in Runner.Worker) registers: names of commands and of their properties in any case.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_SUMMARY_BYTES = 1024 * 1024
MAX_ANNOTATION_CHARACTERS = 4096

REGISTERED = frozenset(
    {
        "add-mask",
        "add-matcher",
        "add-path",
        "debug",
        "echo",
        "endgroup",
        "error",
        "group",
        "internal-set-repo-path",
        "notice",
        "remove-matcher",
        "save-state",
        "set-env",
        "set-output",
        "stop-commands",
        "warning",
    }
)
"""The commands that a runner obeys, in lower case; anything else is a plain line."""

_BOM = "\ufeff"
_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
_OLD = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))


class FileCommandError(ValueError):
    """The file is malformed: the runner fails the step."""


@dataclass(frozen=True, slots=True)
class LogCommand:
    """A command that the runner found in a line of the log."""

    name: str
    data: str
    properties: dict[str, str] = field(default_factory=dict)


def read_outputs(data: bytes) -> dict[str, str]:
    """Read an output file; of a name that comes twice, the last value counts. Raises FileCommandError."""
    return dict(_pairs(data.decode("utf-8", "replace").removeprefix(_BOM)))


def log_commands(log: str) -> list[LogCommand]:
    """Return the commands in a log, which the runner reads line by line (LF, CR or both)."""
    found = (command_of(line) for line in re.split(r"\r\n|\r|\n", log))
    return [command for command in found if command is not None]


def command_of(line: str) -> LogCommand | None:
    """Return the command of one line: ``::name::`` where the trimmed line begins, otherwise ``##[name]`` anywhere in it."""
    return _new_style(line) or _old_style(line)


def escaped(text: str) -> str:
    """Escape text as the data of a command, as the toolkit does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    # Only LF ends a line: on Linux a CR is part of the value.
    *lines, last = text.split("\n")
    waiting = iter([*lines, last] if last else lines)
    for line in waiting:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
        elif heredoc >= 0:
            name, _, delimiter = line.partition("<<")
            if not delimiter:
                raise FileCommandError("the delimiter is empty")
            value = "\n".join(_until(waiting, delimiter))
        else:
            raise FileCommandError("a line is neither NAME=value nor NAME<<DELIMITER")
        if not name:
            raise FileCommandError("a name is empty")
        yield name, value


def _until(lines: Iterator[str], delimiter: str) -> Iterator[str]:
    for line in lines:
        if line == delimiter:
            return
        yield line
    raise FileCommandError("the closing delimiter is missing")


def _new_style(line: str) -> LogCommand | None:
    trimmed = line.lstrip()
    end = trimmed.find("::", 2)
    if not trimmed.startswith("::") or end < 0:
        return None
    name, _, properties = trimmed[2:end].partition(" ")
    if name.lower() not in REGISTERED:
        return None
    return LogCommand(name.lower(), _unescaped(trimmed[end + 2 :], _DATA), _properties(properties.strip(), ",", _PROPERTY))


def _old_style(line: str) -> LogCommand | None:
    begin = line.find("##[")
    end = line.find("]", begin)
    if begin < 0 or end < 0:
        return None
    name, _, properties = line[begin + 3 : end].partition(" ")
    if name.lower() not in REGISTERED:
        return None
    return LogCommand(name.lower(), _unescaped(line[end + 1 :], _OLD), _properties(properties, ";", _OLD))


def _properties(text: str, separator: str, escapes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(separator) if pair]
    return {name.lower(): _unescaped(value, escapes) for name, _, value in pairs if name and value}


def _unescaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for code, character in escapes:
        text = text.replace(code, character)
    return text
