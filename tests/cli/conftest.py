"""The command on a bare repository of its own, in this process and as the program that is installed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from git_keyval.cli.application import application
from tests.servers.binary import isolated_environ

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


Command = Callable[..., Said]


@pytest.fixture
def repository(bare_repository: Callable[[str], Path]) -> Path:
    return bare_repository("database.git")


@pytest.fixture
def keyval(repository: Path) -> Command:
    """Call the command in this process."""

    def call(*arguments: str, environ: dict[str, str] | None = None) -> Said:
        told = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository), **(environ or {})})
        result = CliRunner().invoke(application, arguments, env={**dict.fromkeys(os.environ), **told})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout_bytes, result.stderr)

    return call


@pytest.fixture
def program(repository: Path) -> Command:
    """Call the program that is installed."""

    def call(*arguments: str, environ: dict[str, str] | None = None) -> Said:
        told = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository), **(environ or {})})
        done = subprocess.run([PROGRAM, *arguments], env=told, capture_output=True, check=False, timeout=60)
        return Said(done.returncode, done.stdout, done.stderr.decode())

    return call


def document(said: Said) -> object:
    """Read the answer ``json``."""
    return json.loads(said.answers["json"])
