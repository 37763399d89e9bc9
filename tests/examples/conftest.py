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
import requests

from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.times import SECOND
from tests.action.steps import STEP, WORKFLOW_TOKEN, Workflow
from tests.conftest import FakeClock
from tests.emulator import GitHubEmulator
from tests.emulator.access import Permission
from tests.emulator.options import Options
from tests.examples.jobs import GitHub, event_file
from tests.servers.binary import run_git
from tools.container import Engine

REPOSITORY = "octo/shop"
READ_TOKEN = "ghs_markedreader91f0"
CONTAINER = os.environ.get("EXAMPLES_IN", "")

_FILES = "/github/file_commands"
_TOLD = ("CI", "GITHUB_", "GIT_KEYVAL_", "INPUT_", "STATE_")


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
        inside = {name: text for name, text in environ.items() if name.startswith(_TOLD)}
        inside |= {"GITHUB_EVENT_PATH": f"{_FILES}/{event.name}"}
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
    options = Options(core_limit=1_000, graphql_limit=1_000)
    with GitHubEmulator(tmp_path / "github", tokens={}, options=options, clock=now) as emulator:
        emulator.create(*REPOSITORY.split("/"))
        emulator.access.grant(WORKFLOW_TOKEN, Permission.WRITE, REPOSITORY)
        emulator.access.grant(READ_TOKEN, Permission.READ, REPOSITORY)
        yield emulator
        assert emulator.unexpected == []


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
    answer = requests.get(
        f"{emulator.api_url}/repos/{REPOSITORY}", headers={"Authorization": f"Bearer {WORKFLOW_TOKEN}"}, timeout=10
    )
    answer.raise_for_status()
    told = {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_WORKSPACE": str(workspace)}
    environ = emulator.environ | told | {"GITHUB_EVENT_PATH": str(event_file(tmp_path, answer.json()))}
    steps = tmp_path / "steps"
    place = (
        Contained(steps, REPOSITORY, {}, environ, workspace=workspace) if CONTAINER else Workflow(steps, REPOSITORY, {}, environ)
    )
    place.clock = clock
    context = {
        "repository": REPOSITORY,
        "repository_owner": "octo",
        "server_url": emulator.url,
        "api_url": emulator.api_url,
        "ref": "refs/heads/main",
        "ref_name": "main",
        "sha": "1111111111111111111111111111111111111111",
        "run_attempt": "1",
        "workflow": "example",
        "actor": "octocat",
        "workspace": str(workspace),
        "event": {"repository": answer.json()},
    }
    return GitHub(place, tmp_path / "runs", workspace, {"write": WORKFLOW_TOKEN, "read": READ_TOKEN, "none": ""}, context)


@pytest.fixture
def commits(github: GitHub) -> Callable[[str], str]:
    """Commit to the workspace, as its checkout has it, and give the oid."""
    run_git("init", "--quiet", directory=github.workspace)

    def commit(subject: str) -> str:
        run_git("commit", "--quiet", "--allow-empty", "--message", subject, directory=github.workspace)
        return run_git("rev-parse", "HEAD", directory=github.workspace).stdout.decode().strip()

    return commit
