"""A stand-in for ssh: reads its arguments as OpenSSH does, checks whom it is asked to reach, and runs the command here.

Run as a program it is that ssh; it then uses the standard library only and finds its settings in the file named first.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# The options of ssh(1) by whether they take an argument.
_FLAGS = frozenset("46AaCfGgKkMNnqsTtVvXxYy")
_OPTIONS = frozenset("BbcDEeFIiJLlmOopPQRSWw")
_FAILURE = 255  # what ssh ends with where it, and not the command, failed
_ACCEPTED_ENVIRONMENT = frozenset({"GIT_PROTOCOL"})  # what a server's AcceptEnv lets through


class UsageError(ValueError):
    """The arguments are none that ssh takes."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one call of ssh asked for. ``environ`` is what it sends along, accepted by the server or not."""

    host: str
    user: str
    port: str
    command: str
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SshStandIn:
    """An executable ssh below a directory that reaches one host, as one user or any.

    A server that accepts no environment never hears of protocol version 2, and answers as git did before it.
    """

    directory: Path
    host: str = "git.example"
    user: str = ""
    accepts_environ: bool = True

    def install(self) -> dict[str, str]:
        """Write the executable and give the environment with which git uses it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        accepted = sorted(_ACCEPTED_ENVIRONMENT) if self.accepts_environ else []
        settings = {"host": self.host, "user": self.user, "accepted": accepted, "log": str(self._log)}
        (self.directory / "settings.json").write_text(json.dumps(settings))
        # -I keeps this directory, with its module http, out of the module search path.
        words = [sys.executable, "-I", "-S", __file__, str(self.directory / "settings.json")]
        program = self.directory / "ssh"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        program.chmod(0o700)
        return {"GIT_SSH_COMMAND": shlex.quote(str(program))}

    def url(self, path: Path, *, user: str = "git") -> str:
        """Return the address of a repository of this machine on the host."""
        return f"ssh://{user}@{self.host}{path}"

    def calls(self) -> list[Call]:
        """Return the calls made so far, refused ones included."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [Call(**json.loads(line)) for line in lines]

    @property
    def _log(self) -> Path:
        return self.directory / "calls.jsonl"


def shell_ssh(directory: Path, *, passes_protocol: bool) -> dict[str, str]:
    """Write an ssh that reaches any host, and give the environment that uses it.

    It is a shell script, which starts ten times as fast as the stand-in: for what makes thousands of conversations. Unless it
    ``passes_protocol``, no server hears of protocol version 2.
    """
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "shell-ssh"
    forgets = "" if passes_protocol else "unset GIT_PROTOCOL\n"
    program.write_text(f'#!/bin/sh\n{forgets}for last; do :; done\nexec sh -c "$last"\n')
    program.chmod(0o700)
    return {"GIT_SSH_COMMAND": shlex.quote(str(program))}


def parse_arguments(arguments: Sequence[str], environ: Mapping[str, str]) -> Call:
    """Read the arguments of ssh: options, host, more options, command. Raises UsageError.

    Options may be written together and with their argument attached; the words of the command are joined with spaces.
    """
    given: dict[str, str] = {}
    sent: dict[str, str] = {}
    host = ""
    waiting = list(arguments)
    while waiting and (not host or waiting[0].startswith("-")):
        word = waiting.pop(0)
        if word == "--":
            host = host or (waiting.pop(0) if waiting else "")
            break
        if not word.startswith("-"):
            host = word
            continue
        for letter, value in _options(word[1:], waiting):
            given[letter] = value
            if letter == "o":
                sent |= _environment(value, environ)
    if not host:
        raise UsageError("no host is given")
    user, _, name = host.rpartition("@")
    return Call(name, user or given.get("l", ""), given.get("p", ""), " ".join(waiting), sent)


def _options(letters: str, waiting: list[str]) -> list[tuple[str, str]]:
    found = []
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter in _FLAGS:
            found.append((letter, ""))
        elif letter in _OPTIONS and (letters or waiting):
            found.append((letter, letters or waiting.pop(0)))
            letters = ""
        else:
            raise UsageError(f"unknown option, or one without its argument: -{letter}")
    return found


def _environment(option: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a SetEnv or SendEnv option sends; ssh takes ``Name=value`` and ``Name value`` alike."""
    name, _, value = re.sub(r"[ =]", "\n", option, count=1).partition("\n")
    if name.lower() == "setenv":
        return dict(word.split("=", 1) for word in shlex.split(value) if "=" in word)
    if name.lower() == "sendenv":
        return {word: environ[word] for word in value.split() if word in environ}
    return {}


def main(settings_file: str, arguments: Sequence[str]) -> int:
    """Be ssh: log the call, refuse a wrong host or user as ssh does, run the command in the server's environment."""
    settings = json.loads(Path(settings_file).read_text())
    try:
        call = parse_arguments(arguments, os.environ)
    except UsageError as exc:
        return _fail(f"{exc}\nusage: ssh [options] destination [command]")
    with Path(settings["log"]).open("a") as log:
        log.write(f"{json.dumps(asdict(call))}\n")
    if call.host != settings["host"]:
        return _fail(f"ssh: Could not resolve hostname {call.host}: Name or service not known")
    if settings["user"] not in {"", call.user}:
        return _fail(f"{call.user}@{call.host}: Permission denied (publickey).")
    sent = {name: value for name, value in call.environ.items() if name in settings["accepted"]}
    server = {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return subprocess.run(["sh", "-c", call.command], env=server | sent, check=False).returncode


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return _FAILURE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
