"""Steps on maps whose fields are named like what git, a file system or a shell would obey, by every transport."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_keyval.format.elements import encode_element_key
from tests.action.conftest import Served
from tests.action.steps import Workflow, refs, value_ref
from tests.element_keys import HOSTILE, REFUSED, check_out
from tests.emulator import GitHubEmulator
from tests.emulator.server import DEFAULT_TOKEN

FIELDS = {field: f"of {field}" for field in HOSTILE}


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[GitHubEmulator]:
    with GitHubEmulator(tmp_path / "github") as running:
        yield running
        assert running.unexpected == []


@pytest.fixture(params=["path", "http", "auto", "api", "git"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Workflow, Path]:
    """Return a workflow and the repository that it works on: a path, a git server, and GitHub by each transport."""
    if request.param == "path":
        return request.getfixturevalue("workflow"), request.getfixturevalue("repository")
    if request.param == "http":
        served: Served = request.getfixturevalue("served")
        return served.workflow, served.repository
    github: GitHubEmulator = request.getfixturevalue("emulator")
    repository = github.create("owner", "name")
    addresses = {"GITHUB_SERVER_URL": github.url, "GITHUB_API_URL": github.api_url, "GITHUB_GRAPHQL_URL": github.graphql_url}
    settings = {"token": DEFAULT_TOKEN, "transport": request.param}
    return Workflow(tmp_path / "steps", "owner/name", settings, addresses), repository


def test_hostile_fields_are_fields_like_any_other(anywhere: tuple[Workflow, Path], tmp_path: Path) -> None:
    workflow, repository = anywhere
    assert workflow.run("hset", key="map", values=json.dumps(FIELDS)).answers["count"] == str(len(FIELDS))
    some = {field: FIELDS[field] for field in ("..", ".git", "a/b", "\0", "%2E", "x" * 255)}
    assert json.loads(workflow.run("hget", key="map", fields=json.dumps(list(some))).answers["json"]) == some
    assert workflow.run("hdel", key="map", fields=json.dumps(list(some))).answers["count"] == str(len(some))
    assert workflow.run("hset", key="map", values=json.dumps(some), ttl="1h").answers["applied"] == "true"
    assert json.loads(workflow.run("hgetall", key="map").answers["json"]) == FIELDS
    assert workflow.run("check").code == 0
    assert check_out(repository, value_ref("map"), tmp_path) == {encode_element_key(key): FIELDS[key].encode() for key in FIELDS}


@pytest.mark.parametrize("field", REFUSED, ids=lambda field: f"{len(field)} characters, {field[:2]!a}")
def test_fields_that_the_format_does_not_have_are_refused_before_anything_is_sent(
    workflow: Workflow, repository: Path, field: str
) -> None:
    error = workflow.run("hset", key="map", values=json.dumps({"fine": "1", field: "2"})).error
    assert "Accepted: any text of up to 255 bytes" in error
    assert refs(repository) == {}
