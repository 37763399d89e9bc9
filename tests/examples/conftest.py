"""An emulated GitHub with a repository ``octo/shop``, in which workflows run.

``EXAMPLES_IN`` names what runs the steps of the action in the container image ``git-keyval-action``: ``docker``, or a program that
is called as ``tools/container.py`` says. Without it they run in this process.
"""

import io
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.times import SECOND
from tests.action.steps import STEP, Workflow
from tests.conftest import FakeClock
from tests.emulator import GitHubEmulator
from tests.examples.jobs import GitHub
from tests.examples.stage import REPOSITORY, emulated_github, github_at
from tests.servers.binary import isolated_environ, run_git
from tools.container import Engine

CONTAINER = os.environ.get("EXAMPLES_IN", "")

_FILES = "/github/file_commands"
_OF_THIS_MACHINE = {*isolated_environ(), "RUNNER_TEMP"}


@dataclass(slots=True)
class Contained(Workflow):
    """Steps in the container, with the workspace and the files of a step mounted where a runner has them."""

    workspace: Path = Path()

    def _call(
        self,
        program: str,
        environ: Mapping[str, str],
        stream: io.TextIOWrapper,
        change: Callable[[Surroundings], Surroundings] | None,
    ) -> int:
        assert change is None
        files, event = Path(environ["GITHUB_OUTPUT"]).parent, Path(environ["GITHUB_EVENT_PATH"])
        (files / event.name).write_bytes(event.read_bytes())
        inside = {name: text for name, text in environ.items() if name not in _OF_THIS_MACHINE}
        inside |= {"GITHUB_EVENT_PATH": f"{_FILES}/{event.name}", "GITHUB_WORKSPACE": "/github/workspace"}
        inside |= {name: f"{_FILES}/{Path(inside[name]).name}" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")}
        engine = Engine("git-keyval-action", "" if CONTAINER == "docker" else CONTAINER, network="host")
        done = subprocess.run(
            engine.command(self.workspace, files, inside, "" if program == STEP else program),
            env=os.environ | {"FILE_COMMANDS": str(files)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        stream.write(done.stdout.decode())
        return done.returncode


@pytest.fixture
def emulator(tmp_path: Path, clock: FakeClock) -> Iterator[GitHubEmulator]:
    """GitHub at noon of 2026-01-01, until the clock is moved, with the limits of a workflow's own token.

    A container has the clock of this machine, so then GitHub has it, too.
    """
    now = time.time if CONTAINER else lambda: clock.moment / SECOND
    with emulated_github(tmp_path / "github", now) as emulator:
        yield emulator


@pytest.fixture
def database(tmp_path: Path, emulator: GitHubEmulator) -> Path:
    """The repository as the server has it."""
    assert emulator.url
    return tmp_path / "github" / f"{REPOSITORY}.git"


@pytest.fixture
def github(tmp_path: Path, emulator: GitHubEmulator, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> GitHub:
    """What starts runs in the repository, with an empty workspace as the current directory."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    steps = tmp_path / "steps"
    place = Contained(steps, REPOSITORY, workspace=workspace) if CONTAINER else Workflow(steps, REPOSITORY)
    place.clock = clock
    return github_at(emulator, tmp_path, workspace, place)


@pytest.fixture
def commits(github: GitHub) -> Callable[[str], str]:
    """Commit to the workspace, as its checkout has it, and give the oid."""
    run_git("init", "--quiet", directory=github.workspace)

    def commit(subject: str) -> str:
        run_git("commit", "--quiet", "--allow-empty", "--message", subject, directory=github.workspace)
        return run_git("rev-parse", "HEAD", directory=github.workspace).stdout.decode().strip()

    return commit
