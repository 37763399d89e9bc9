"""The input ``expiry-registry``, in a step and in a config file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND
from tests.action.steps import WORKFLOW_TOKEN, Workflow, expiry_ref, refs, value_ref
from tests.action.test_maintenance import report_of
from tests.conftest import FakeClock
from tests.contract.places import lose_loose
from tests.emulator import GitHubEmulator, Permission


@pytest.fixture
def cdn(tmp_path: Path, workflow: Workflow, repository: Path, at_noon: FakeClock) -> Iterator[GitHubEmulator]:
    """Fill a registry by a step, and lose the commit that says when the database's one key expires."""
    tokens = {WORKFLOW_TOKEN: Permission.WRITE}
    with GitHubEmulator(tmp_path / "github", tokens=tokens, clock=lambda: at_noon() / SECOND) as emulator:
        emulator.create("org", "expiries")
        emulator.options.public.add("org/expiries")
        workflow.environ |= emulator.environ
        assert workflow.run("publish-expiries", repository="org/expiries", horizon="5d").answers["count"] == "36"
        workflow.run("set", key="k", value="v", ttl="2d", expiry_granularity="1d")
        lose_loose(repository, Oid(refs(repository)[expiry_ref("k")]))
        emulator.reset_log()
        yield emulator
        assert emulator.unexpected == []


def test_a_step_finds_out_when_a_key_expires(cdn: GitHubEmulator, workflow: Workflow, at_noon: FakeClock) -> None:
    assert "is not a valid record" in workflow.run("get", key="k").error
    assert cdn.count() == 0
    ended = workflow.run("get", key="k", expiry_registry="org/expiries")
    assert (ended.answers["value"], ended.answers["expires-at"]) == ("v", "2026-01-04T00:00:00Z")
    assert (cdn.count(), cdn.count("cdn")) == (1, 1)
    at_noon.advance(3 * 86_400)
    assert workflow.run("get", key="k", expiry_registry="org/expiries").answers["found"] == "false"


def test_another_registry_is_no_help(cdn: GitHubEmulator, workflow: Workflow) -> None:
    assert "is not a valid record" in workflow.run("get", key="k", expiry_registry="org/missing").error
    cdn.options.public.clear()
    assert "is not a valid record" in workflow.run("get", key="k", expiry_registry="org/expiries").error


def test_sweep_removes_what_the_registry_knows(
    cdn: GitHubEmulator, workflow: Workflow, repository: Path, at_noon: FakeClock, tmp_path: Path
) -> None:
    """By an input, or a setting for all repositories."""
    at_noon.advance(3 * 86_400)
    ended = workflow.run("sweep")
    assert (ended.answers["count"], len(ended.issued("warning"))) == ("0", 1)
    assert value_ref("k") in refs(repository)
    workflow.environ |= {"GITHUB_WORKSPACE": str(tmp_path)}
    config = tmp_path / "kv.yml"
    config.write_text(f"expiry-registry: org/expiries\nrepositories: [{repository}]\n")
    ended = workflow.run("sweep", repository="", config=str(config))
    assert (ended.code, ended.answers["count"], ended.issued("warning")) == (0, "1", [])
    assert value_ref("k") not in refs(repository)
    assert report_of(ended)["repositories"][0]["error"] is None
    assert cdn.count() == 1


def test_a_malformed_name_is_refused(cdn: GitHubEmulator, workflow: Workflow) -> None:
    error = workflow.run("get", key="k", expiry_registry="https://github.com/org/expiries").error
    assert "owner/name" in error
    assert cdn.count() == 0
