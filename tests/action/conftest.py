"""Workflows on bare repositories of their own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.action.steps import Workflow
from tests.conftest import FakeClock
from tests.servers.http import GitHttpServer
from tests.servers.listening import listening  # noqa: F401  # a fixture


@pytest.fixture
def repository(bare_repository: Callable[[str], Path]) -> Path:
    return bare_repository("database.git")


@pytest.fixture
def workflow(tmp_path: Path, repository: Path) -> Workflow:
    return Workflow(tmp_path / "steps", str(repository))


@pytest.fixture
def at_noon(workflow: Workflow, clock: FakeClock) -> FakeClock:
    """Let the workflow's steps run at noon of 2026-01-01, until the clock is moved."""
    workflow.clock = clock
    return clock


@dataclass(frozen=True, slots=True)
class Served:
    """A server that asks for a token, its repository ``owner/name``, and a workflow that has both."""

    server: GitHttpServer
    repository: Path
    workflow: Workflow


SERVER_TOKEN = "markedpassword7c2d"


@pytest.fixture
def served(tmp_path: Path, bare_repository: Callable[[str], Path]) -> Iterator[Served]:
    (tmp_path / "served" / "owner").mkdir(parents=True)
    repository = bare_repository("served/owner/name.git")
    with GitHttpServer(tmp_path / "served", token=SERVER_TOKEN, config={"uploadpack.allowFilter": "true"}) as server:
        url = f"{server.url}/owner/name.git"
        yield Served(server, repository, Workflow(tmp_path / "steps", url, {"token": SERVER_TOKEN}))
