"""An emulated GitHub with one repository, and what starts runs in it: for tests, and for whoever compares these with a runner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.action.steps import WORKFLOW_TOKEN, Workflow
from tests.emulator import GitHubEmulator
from tests.emulator.access import Permission
from tests.emulator.options import Options
from tests.examples.jobs import GitHub, event_file

REPOSITORY = "octo/shop"
READ_TOKEN = "ghs_markedreader91f0"


@contextmanager
def emulated_github(directory: Path, clock: Callable[[], float]) -> Iterator[GitHubEmulator]:
    """Serve the repository, below the directory, with the limits of a workflow's own token; nothing unexpected may be asked."""
    options = Options(core_limit=1_000, graphql_limit=1_000)
    with GitHubEmulator(directory, tokens={}, options=options, clock=clock) as emulator:
        emulator.create(*REPOSITORY.split("/"))
        emulator.access.grant(WORKFLOW_TOKEN, Permission.WRITE, REPOSITORY)
        emulator.access.grant(READ_TOKEN, Permission.READ, REPOSITORY)
        yield emulator
        assert emulator.unexpected == []


def github_at(emulator: GitHubEmulator, directory: Path, workspace: Path, steps: Workflow) -> GitHub:
    """Return what starts runs in the repository; the environment of the steps is completed."""
    answer = requests.get(
        f"{emulator.api_url}/repos/{REPOSITORY}", headers={"Authorization": f"Bearer {WORKFLOW_TOKEN}"}, timeout=10
    )
    answer.raise_for_status()
    steps.environ |= emulator.environ
    steps.environ |= {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_WORKSPACE": str(workspace)}
    steps.environ |= {"GITHUB_EVENT_PATH": str(event_file(directory, answer.json()))}
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
    return GitHub(steps, directory / "runs", workspace, {"write": WORKFLOW_TOKEN, "read": READ_TOKEN, "none": ""}, context)
