"""What the linters of the workflows do not look at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from git_keyval.interface.commands import COMMANDS, COMMON
from git_keyval.interface.inputs import INPUTS
from tests.action.steps import ROOT, WORKFLOW_TOKEN, refs
from tests.emulator import GitHubEmulator, Permission
from tests.examples.expressions import Context, filled
from tests.examples.jobs import GitHub, read_workflow

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(name: str) -> dict[Any, Any]:
    """Read a workflow. YAML 1.1 takes the key ``on`` for a truth value."""
    loaded: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))
    return loaded | {"on": loaded[True]}


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in read(path.name)["jobs"].items():
            yield f"{path.stem}.{name}", job


def own_steps() -> list[tuple[str, dict[str, Any]]]:
    """Return the steps of the actions, each with its command also where the action implies it."""
    steps = [(name, step) for name, job in jobs() for step in job.get("steps", ()) if step.get("uses") in {"$/", "$/lock"}]
    return [(name, {"with": {"command": "lock"} | step["with"]} if step["uses"] == "$/lock" else step) for name, step in steps]


@pytest.mark.parametrize(("name", "job"), [pytest.param(*one, id=one[0]) for one in jobs()])
def test_a_job_has_its_own_permissions_and_an_end(name: str, job: dict[str, Any]) -> None:
    assert isinstance(job["permissions"], dict), name
    assert "uses" in job or job["timeout-minutes"] <= 60


def test_steps_give_the_action_inputs_that_their_command_takes() -> None:
    assert {name for name, _ in own_steps()} == {"selftest.steps", "selftest.released", "maintenance.maintain"}
    for name, step in own_steps():
        given = step["with"]
        assert given.keys() <= {*COMMON, *COMMANDS[given["command"]].inputs}, name
        assert all(isinstance(value, str) for value in given.values()), name
        fixed = {key: value for key, value in given.items() if "${{" not in value}
        assert all(INPUTS[key].read(value) is not None for key, value in fixed.items()), name


def keys_of(given: dict[str, str]) -> list[str]:
    listed: list[str] = yaml.safe_load(given["keys"]) if "keys" in given else [given["key"]] if "key" in given else []
    return listed


def test_the_self_test_touches_keys_of_its_own_run_only() -> None:
    """Maintenance would touch others', so there it only plans."""
    given = [step["with"] for name, step in own_steps() if name.startswith("selftest.")]
    assert all(key.startswith("${{ env.RUN }}-") for item in given for key in keys_of(item))
    without = [item for item in given if not keys_of(item)]
    assert [(item["command"], item["dry-run"]) for item in without] == [("maintain", "true")]


@pytest.fixture
def self_test() -> dict[str, Any]:
    """The self-test without its last step, which asks GitHub to delete the refs that point at the version that it wrote."""
    workflow = read_workflow(ROOT / ".github" / "workflows" / "selftest.yml")
    assert "gh api" in workflow["jobs"]["steps"]["steps"].pop()["run"]
    return workflow


def test_the_self_test_passes_and_leaves_branches_that_it_knows(self_test: dict[str, Any], github: GitHub, database: Path) -> None:
    before = refs(database)
    done = github.start(self_test)
    assert {job.result for job in done["released"]} == {"success"}
    jobs = done["steps"]
    assert [(job.matrix["transport"], job.result) for job in jobs] == [("api", "success"), ("git", "success")]
    assert {job.steps["post lock"].log for job in jobs} == {"The lock is released.\n"}
    left = {name: oid for name, oid in refs(database).items() if name not in before and name != "refs/tags/kv/dummy-tree"}
    assert set(left.values()) == {job.value("set", "version") for job in jobs}
    assert all(name.startswith("refs/heads/gc/") for name in left)


def test_the_self_test_fails_if_an_output_is_wrong(self_test: dict[str, Any], github: GitHub) -> None:
    """And cleans up all the same."""
    self_test["jobs"]["steps"]["steps"][4]["with"]["command"] = "incr"
    jobs = github.start(self_test)["steps"]
    assert {job.result for job in jobs} == {"failure"}
    assert {list(job.steps.values())[-1].outcome for job in jobs} == {"success"}


def test_maintenance_started_by_hand_only_plans_unless_told_otherwise() -> None:
    triggers = read("maintenance.yml")["on"]
    assert triggers["workflow_dispatch"]["inputs"]["dry-run"]["default"] is True
    assert triggers["workflow_call"]["inputs"]["dry-run"]["default"] is False
    assert triggers["workflow_call"]["inputs"].keys() == triggers["workflow_dispatch"]["inputs"].keys()


def test_crons_keep_away_from_the_full_hour() -> None:
    """https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule"""
    crons = [item["cron"] for path in WORKFLOWS for item in read(path.name)["on"].get("schedule", ())]
    assert crons
    assert all(int(cron.split()[0]) % 5 for cron in crons)


def test_maintenance_has_a_job_for_each_shard(github: GitHub, emulator: GitHubEmulator) -> None:
    for digit in "0123456789abcdef":
        emulator.create("org", f"kv-{digit}")
        emulator.access.grant(WORKFLOW_TOKEN, Permission.WRITE, f"org/kv-{digit}")
    workflow = read_workflow(ROOT / ".github" / "workflows" / "maintenance.yml")
    given = {"repositories": '["org/kv-{shard}"]', "repository-shard-length": "1", "dry-run": True}
    jobs = github.start(workflow, "workflow_dispatch", inputs=given)["maintain"]
    assert [(job.matrix["first"], job.result) for job in jobs] == [(digit, "success") for digit in "0123456789abcdef"]
    assert [job.value("repository", "name") for job in jobs] == [f"org/kv-{digit}" for digit in "0123456789abcdef"]


@pytest.mark.parametrize("length", ["3", "0", "one"])
def test_maintenance_of_more_shards_than_jobs_is_refused(github: GitHub, length: str) -> None:
    """Rather than of repositories that the digits do not name."""
    workflow = read_workflow(ROOT / ".github" / "workflows" / "maintenance.yml")
    given = {"repositories": '["org/kv-{shard}"]', "repository-shard-length": length}
    (*_, job) = github.start(workflow, "workflow_dispatch", inputs=given)["maintain"]
    assert job.result == "failure"
    assert "Accepted: 1 or 2" in job.log


def test_two_digits_make_as_many_jobs_as_a_matrix_takes() -> None:
    """https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix"""
    matrix = read("maintenance.yml")["jobs"]["maintain"]["strategy"]["matrix"]
    inputs = Context({"repositories": '["org/kv-{shard}"]', "repository-shard-length": "2"})
    lengths = [len(filled(matrix[name], {"inputs": inputs})) for name in ("repository", "first", "second")]
    assert lengths == [1, 16, 16]


@pytest.mark.parametrize(
    ("given", "uploads"),
    [
        ({}, []),
        ({"page": "artifact"}, ["actions/upload-artifact"]),
        ({"page": "pages"}, ["actions/upload-pages-artifact"]),
        ({"page": "artifact", "repositories": '["octo/shop"]'}, ["actions/upload-artifact"]),
        ({"page": "pages", "repositories": '["octo/shop"]'}, []),
    ],
)
def test_maintenance_makes_a_page_if_asked(github: GitHub, given: dict[str, str], uploads: list[str]) -> None:
    """For everybody only where there is one page to be published."""
    workflow = read_workflow(ROOT / ".github" / "workflows" / "maintenance.yml")
    ((job,),) = github.start(workflow, "workflow_dispatch", inputs=given).values()
    assert job.result == "success"
    steps = workflow["jobs"]["maintain"]["steps"]
    done = [
        step["uses"].partition("@")[0]
        for key, step in zip(job.steps, steps, strict=True)
        if job.steps[key].outcome == "success" and "uses" in step
    ]
    assert [name for name in done if name.startswith("actions/upload")] == uploads
    page = github.workspace / "page" / "index.html"
    assert page.exists() is bool(uploads)
    assert not uploads or page.read_text(encoding="utf-8").startswith("<!doctype html>")
