"""The command on a bare repository of its own, in this process and as the program that is installed."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from git_keyval.cli.application import run
from tests.servers.binary import isolated_environ
from tests.servers.listening import listening  # noqa: F401  # a fixture

PROGRAM = Path(sys.executable).parent / "git-keyval"
MARKED_TOKEN = "ghp_markedtoken8e"


@dataclass(frozen=True, slots=True)
class Said:
    """How a call of the command ended."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode()

    @property
    def answers(self) -> dict[str, str]:
        """Read the lines ``name: value``."""
        return dict(line.split(": ", 1) for line in self.text.splitlines())

    @property
    def json(self) -> dict[str, Any]:
        """Read the one JSON object on standard output, which is one line of ASCII."""
        assert self.stdout.decode("ascii").splitlines(keepends=True)[1:] == []
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    @property
    def error(self) -> dict[str, str]:
        """Read the one JSON object on standard error."""
        (line,) = self.stderr.splitlines()
        document: dict[str, dict[str, str]] = json.loads(line)
        assert document.keys() == {"error"}
        return document["error"]


Command = Callable[..., Said]


@pytest.fixture
def repository(bare_repository: Callable[[str], Path]) -> Path:
    return bare_repository("database.git")


@pytest.fixture
def keyval(repository: Path) -> Command:
    """Call the command in this process."""

    def call(*arguments: str, environ: dict[str, str] | None = None, stdin: bytes = b"") -> Said:
        variables = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository), **(environ or {})})
        with CliRunner().isolation(stdin, env={**dict.fromkeys(os.environ), **variables}) as (stdout, stderr, _):
            code = run(arguments)
        return Said(code, stdout.getvalue(), stderr.getvalue().decode())

    return call


@pytest.fixture
def terminal(repository: Path) -> Command:
    """Call the program with a terminal as its standard output and standard error, which both are in ``stdout``."""

    def call(*arguments: str, environ: dict[str, str] | None = None, typed: bytes = b"") -> Said:
        variables = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository), "TERM": "xterm-256color", **(environ or {})})
        ours, theirs = pty.openpty()
        with subprocess.Popen([PROGRAM, *arguments], env=variables, stdin=theirs, stdout=theirs, stderr=theirs) as running:
            os.close(theirs)
            os.write(ours, typed)
            shown = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        return Said(running.returncode, shown.replace(b"\r\n", b"\n"), "")

    return call


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # what Linux says where the other side is closed
        return b""


@pytest.fixture
def program(repository: Path) -> Command:
    """Call the program that is installed."""

    def call(*arguments: str, environ: dict[str, str] | None = None, stdin: bytes = b"") -> Said:
        variables = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository), **(environ or {})})
        done = subprocess.run([PROGRAM, *arguments], env=variables, input=stdin, capture_output=True, check=False, timeout=60)
        return Said(done.returncode, done.stdout, done.stderr.decode())

    return call


def document(said: Said) -> object:
    """Read the answer ``json``."""
    return json.loads(said.answers["json"])
