"""What ``make runner`` gives to act, and what it makes of its log. The log here is one of act 0.2.89, shortened."""

from pathlib import Path

import pytest
import yaml

from git_keyval.format.counters import encode_delta
from tests.action.steps import ROOT, Workflow, breadcrumb_ref, value_ref
from tests.examples.jobs import Job, Step
from tests.servers.binary import git_output, init_bare
from tools.action_files import SUB_ACTIONS
from tools.runner import act
from tools.runner.act import Runner, read_log
from tools.runner.comparing import content, differences, facts, read_ours
from tools.runner.copies import base_image, for_act, workflow_of, write_action, write_repository
from tools.runner.scenes import LEFT_OUT, SCENES, Scene, path_of

LOG = r"""
{"level":"info","msg":"Using docker host"}
{"jobID":"build","matrix":{"os":"a"},"msg":"⭐ Run Set up job","step":"Set up job","stepid":["--setup-job"]}
{"jobID":"build","matrix":{"os":"a"},"msg":"LocalRepositoryCache","stage":"Pre","stepID":["build"]}
{"jobID":"build","matrix":{"os":"a"},"msg":"Success","stage":"Main","stepID":["programs"],"stepResult":"success"}
{"jobID":"build","matrix":{"os":"a"},"msg":"Success","stage":"Main","stepID":["build"],"stepResult":"success"}
{"arg":"1","command":"set-output","jobID":"build","matrix":{"os":"a"},"msg":"value=1","name":"value","stage":"Main","stepID":["build"]}
{"arg":"x","command":"add-mask","jobID":"build","matrix":{"os":"a"},"msg":"***","raw":"::add-mask::x\n","stage":"Main","stepID":["build"]}
{"jobID":"build","matrix":{"os":"a"},"msg":"docker exec","stage":"Main","stepID":["step-2"]}
{"jobID":"build","matrix":{"os":"a"},"msg":"building\n","raw_output":true,"stage":"Main","stepID":["step-2"]}
{"arg":"no","command":"error","jobID":"build","matrix":{"os":"a"},"msg":"no","raw":"::error::no\n","stage":"Main","stepID":["step-2"]}
{"jobID":"build","matrix":{"os":"a"},"msg":"Failure","stage":"Main","stepID":["step-2"],"stepResult":"failure"}
{"command":"summary","content":"sum\n","jobID":"build","matrix":{"os":"a"},"msg":"Summary","stage":"Main","stepID":["step-2"]}
{"jobID":"build","matrix":{"os":"a"},"msg":"released\n","raw_output":true,"stage":"Post","stepID":["build"]}
{"jobID":"build","matrix":{"os":"a"},"msg":"Success","stage":"Post","stepID":["build"],"stepResult":"success"}
{"jobID":"build","jobResult":"failure","matrix":{"os":"a"},"msg":"🏁  Job failed"}
"""


def test_every_example_and_the_self_test_have_a_scene() -> None:
    assert SCENES.keys() == {path.stem for path in (ROOT / "examples").glob("*.yml")} | {"selftest"}
    assert all(path_of(name).is_file() for name in SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_what_a_scene_replaces_is_there(name: str) -> None:
    text = path_of(name).read_text(encoding="utf-8")
    assert all(old in text for old in SCENES[name].replaced)
    assert SCENES[name].results.keys() <= workflow_of(name, SCENES[name])["jobs"].keys()


def test_what_is_left_out_is_in_a_workflow() -> None:
    texts = [path_of(name).read_text(encoding="utf-8") for name in SCENES]
    assert all(any(left in text for text in texts) for left in LEFT_OUT)


def test_a_program_or_act_itself_is_called() -> None:
    folder, options = Path("/w"), ["--json"]
    assert Runner("/bin/program", "image", "jobs").command(folder, "push", options) == [
        *("/bin/program", "act", "/w", "push", "--json"),
    ]
    own = Runner("", "image", "jobs").command(folder, "push", options)
    assert (own[:2], own[-1], "--platform=ubuntu-24.04=jobs" in own) == (["act", "push"], "--json", True)
    assert base_image().startswith("python:3.11")


def test_a_log_tells_of_every_step_what_it_gave_and_printed() -> None:
    assert read_log(LOG.splitlines()) == {
        "build os=a": act.Job(
            "failure",
            {
                "build": act.Step("success", {"value": "1"}),
                "2": act.Step("failure", {}, "building\n::error::no\n", "sum\n"),
                "post build": act.Step("success", {}, "released\n"),
            },
        )
    }


def test_our_own_reading_is_told_as_act_tells_its() -> None:
    steps = {"build": Step("success", {"value": "1", "url": None}), "2": Step("skipped", {})}
    done = {"build": [Job("build", "success", {"os": "a"}, steps)], "other": [Job("other", "skipped")]}
    done["some"] = [
        Job("some", "failure", {"n": 1}, {"x": Step("failure", {})}),
        Job("some", "success", {"n": 2}, {"x": Step("success", {})}),
    ]
    done["called"] = [Job("called", "success", {}, {"inner-0.it": Step("success", {})})]
    assert read_ours(done) == {
        "build os=a": act.Job("success", {"build": act.Step("success", {"value": "1"})}),
        "inner": act.Job("success", {"it": act.Step("success")}),
        "some n=1": act.Job("failure", {"x": act.Step("failure")}),
        "some n=2": act.Job("failure", {"x": act.Step("success")}),
    }


def test_what_differs_is_shown_and_what_varies_is_not() -> None:
    def lines(value: str, folder: str, version: str) -> list[str]:
        outputs = {"value": value, "version": version}
        step = act.Step("success", outputs, f"in {folder} at 2026-01-01T12:00:00Z\n")
        return facts({"build": act.Job("success", {"build": step})}, Path(folder))

    assert differences("run", lines("1", "/a", "x"), lines("1", "/b", "y")) == []
    found = differences("run", lines("1", "/a", "x"), lines("2", "/a", "x"))
    assert [line for line in found if line.startswith(("-build", "+build"))] == [
        "-build / build / value=1",
        "+build / build / value=2",
    ]
    assert differences("run", lines("1", "/a", "x"), []) != []


def test_a_copy_has_the_programs_an_id_for_each_step_and_its_own_action_by_its_path(tmp_path: Path) -> None:
    scene = Scene(packages=["make"], files={"run.sh": "#!/bin/sh\n"})
    workflow = {"on": "push", "jobs": {"a": {"steps": [{"uses": "$/lock"}, {"id": "x", "run": "./run.sh"}]}}}
    write_repository(tmp_path, "name", for_act(workflow, scene), scene, "image:tag")
    written = yaml.safe_load((tmp_path / ".github" / "workflows" / "name.yml").read_text(encoding="utf-8"))
    first, lock, run = written["jobs"]["a"]["steps"]
    assert (first["id"], "install" in first["run"]) == ("programs", True)
    assert (lock, run) == ({"id": "step-0", "uses": "./lock"}, {"id": "x", "run": "./run.sh"})
    assert workflow["jobs"]["a"]["steps"][0] == {"uses": "$/lock"}  # type: ignore[index]
    assert git_output("log", "--format=%s", directory=tmp_path) == "the second\nthe first"
    assert (tmp_path / "run.sh").stat().st_mode & 0o100


def test_the_action_names_its_image_as_a_release_does(tmp_path: Path) -> None:
    write_action(tmp_path, "image:tag")
    for name in ("", *SUB_ACTIONS):
        assert "  image: docker://image:tag\n" in (tmp_path / name / "action.yml").read_text(encoding="utf-8")
    assert "$/" not in (tmp_path / ".github" / "workflows" / "maintenance.yml").read_text(encoding="utf-8")


def increment(repository: Path) -> str:
    """Store the commit of an increment by one."""
    made = encode_delta(1)
    return git_output("hash-object", "-t", "commit", "-w", "--stdin", directory=repository, stdin=made.data)


def test_a_repository_is_told_by_what_its_refs_hold(tmp_path: Path) -> None:
    repository = init_bare(tmp_path / "db.git")
    steps = Workflow(tmp_path / "steps", str(repository))
    for command, inputs in (
        ("set", {"key": "text", "value": "hello", "ttl": "1h"}),
        ("incr", {"key": "number", "by": "41"}),
        ("hset", {"key": "map", "field": "owner", "value": "me"}),
        ("set", {"key": "taken", "value": "once"}),
        ("getdel", {"key": "taken"}),
    ):
        assert steps.run_given(command, inputs).code == 0
    git_output(
        "update-ref", breadcrumb_ref("number", "20260101T110000000000Z-waitingone"), increment(repository), directory=repository
    )
    lines = content(repository)
    assert f"{value_ref('text')}: hello" in lines
    assert f"{value_ref('number')}: 42" in lines
    assert f"{value_ref('map')}: [('owner', '…')] 0" in lines
    assert sum(line.startswith("parked of ") for line in lines) == 1
    assert sum(line.endswith(": …") for line in lines) == 1  # when the text expires
