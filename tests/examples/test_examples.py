"""Every example is run as it stands, and does what its first two lines promise."""

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from git_keyval.format.expiry import encode_expiry
from git_keyval.interface.commands import COMMANDS
from tests.action.steps import ROOT, refs, value_ref
from tests.conftest import FakeClock
from tests.emulator import Drop, Fault, GitHubEmulator, Logged
from tests.encrypting import secret
from tests.examples.conftest import CONTAINER
from tests.examples.jobs import GitHub, Job, commands_of, read_workflow
from tests.examples.stage import REPOSITORY
from tests.servers.binary import run_git

EXAMPLES = sorted((ROOT / "examples").glob("*.yml"))

injected_time = pytest.mark.skipif(bool(CONTAINER), reason="a container has the clock of this machine")
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="hosted runners have jq, and this machine has not")


def example(name: str) -> dict[str, Any]:
    return read_workflow(ROOT / "examples" / f"{name}.yml")


def script(github: GitHub, name: str, body: str) -> None:
    """Put a program into the workspace, as a checkout would."""
    file = github.workspace / name
    file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    file.chmod(0o755)


def only(jobs: dict[str, list[Job]]) -> Job:
    ((job,),) = jobs.values()
    return job


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_begins_with_two_lines_that_say_what_it_shows(path: Path) -> None:
    first, second, third, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ")
    assert second.startswith("# ")
    assert second.endswith(".")
    assert third.startswith("name: ")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_asks_for_no_more_than_it_needs(path: Path) -> None:
    """Nothing for the workflow, and of the contents write access only where a step writes."""
    workflow = read_workflow(path)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"].keys() == {"contents"}
        commands = commands_of(job)
        if "uses" not in job:
            writes = any("applied" in COMMANDS[command].outputs or "dry-run" in COMMANDS[command].inputs for command in commands)
            assert job["permissions"]["contents"] == ("write" if writes else "read"), commands


def test_build_numbers_have_no_gaps_and_a_run_keeps_its_own(github: GitHub, commits: Callable[[str], str]) -> None:
    commits("first")
    (github.workspace / "Makefile").write_text("dist:\n\t@echo building $(VERSION)\n", encoding="utf-8")
    runs = [only(github.start(example("build-number"), run_id=run)) for run in ("501", "502", "501", "503")]
    assert [run.result for run in runs] == ["success"] * 4
    assert [run.value("build", "value") for run in runs] == ["1", "2", "1", "3"]
    assert runs[3].outputs == {"version": "1.4.3"}
    assert "building 1.4.3" in runs[3].log


def test_a_release_is_recorded_as_a_whole_or_not_at_all(github: GitHub, commits: Callable[[str], str]) -> None:
    commits("first")
    (github.workspace / "Makefile").write_text("dist:\n\t@echo building $(VERSION)\n", encoding="utf-8")
    title = 'fix: "quotes"\n- command: del\n  key: release/number'
    runs = [
        only(github.start(example("release"), "workflow_dispatch", inputs={"title": title}, run_id=run))
        for run in ("501", "501", "502")
    ]
    assert [run.result for run in runs] == ["success"] * 3
    assert ["building 2.1" in runs[0].log, "building 2.1" in runs[1].log, "building 2.2" in runs[2].log] == [True] * 3
    history = github.steps.run("hgetall", key="release/history").outputs["json"]
    assert list(json.loads(history).values()) == [title]
    github.steps.run("set", key="release/frozen", value="yes")
    frozen = only(github.start(example("release"), "workflow_dispatch", inputs={"title": "x"}, run_id="503"))
    assert frozen.result == "failure"
    assert github.steps.run("get", key="release/number").outputs["value"] == "2"


def test_build_numbers_are_exact_when_a_reply_is_lost(github: GitHub, emulator: GitHubEmulator) -> None:
    (github.workspace / "Makefile").write_text("dist:\n", encoding="utf-8")
    assert only(github.start(example("build-number"))).value("build", "value") == "1"
    left = [Drop(applied=True)]

    def drop(asked: Logged) -> Fault | None:
        return left.pop() if asked.kind == "graphql-mutation" and left else None

    emulator.on_request = drop
    runs = [only(github.start(example("build-number"))) for _ in range(2)]
    assert [run.value("build", "value") for run in runs] == ["2", "3"]
    assert not left


def test_state_is_of_the_last_run_that_succeeded(github: GitHub, commits: Callable[[str], str]) -> None:
    commits("zero")
    shown = []
    for subjects, ends in (("one", "success"), ("two", "failure"), ("three", "success")):
        sha = commits(subjects)
        bad = "2" * 40
        job = only(github.start(example("state-between-runs"), "schedule", sha=sha if ends == "success" else bad))
        assert job.result == ends
        shown.append([line for line in job.log.splitlines() if line.startswith("- ")])
    assert shown == [["- one"], [], ["- three", "- two"]]


@injected_time
def test_state_ends_after_a_month(github: GitHub, commits: Callable[[str], str], clock: FakeClock) -> None:
    commits("zero")
    only(github.start(example("state-between-runs"), "schedule", sha=commits("one")))
    clock.advance(30 * 86_400 + 60)
    sha = commits("two")
    job = only(github.start(example("state-between-runs"), "workflow_dispatch", sha=commits("three")))
    assert job.value("last", "found") == "false"
    assert job.value("last", "value") != sha
    assert [line for line in job.log.splitlines() if line.startswith("- ")] == ["- three"]


def test_a_deployment_is_recorded_once_and_not_repeated(github: GitHub) -> None:
    script(github, "deploy.sh", 'echo "deploying $1"')
    one, again, other = (only(github.start(example("deploy"), "workflow_dispatch", sha=sha * 40)) for sha in ("1", "1", "2"))
    assert [job.steps["deploy"].outcome for job in (one, again, other)] == ["success", "skipped", "success"]
    assert [job.result for job in (one, again, other)] == ["success"] * 3
    assert f"deploying {'2' * 40}" in other.log
    assert other.value("record", "applied") == "true"


@pytest.mark.parametrize("earlier", [False, True], ids=["the first ever", "over an earlier one"])
def test_a_deployment_does_not_overwrite_the_record_of_a_rival(github: GitHub, earlier: bool) -> None:  # noqa: FBT001
    """The rival deploys, and records it, while this run deploys."""
    script(github, "deploy.sh", "exit 0")
    if earlier:
        assert only(github.start(example("deploy"), "workflow_dispatch", sha="3" * 40)).result == "success"
    rival = '{"commit":"4444444444444444444444444444444444444444","run":1}'
    place = f"{github.context['server_url']}/{REPOSITORY}"
    workflow = example("deploy")
    steps = workflow["jobs"]["deploy"]["steps"]
    wins = {
        "uses": "org/git-keyval-action@v1",
        "with": {"command": "set", "key": "production/live", "type": "json", "value": rival, "repository": place},
    }
    steps.insert(3, wins)
    job = only(github.start(workflow, "workflow_dispatch", sha="5" * 40))
    assert (job.result, job.value("record", "applied")) == ("failure", "false")
    assert "::error::Another run deployed meanwhile." in job.log
    assert github.steps.run("get", key="production/live").outputs["json"] == rival


@pytest.fixture
def page(github: GitHub) -> Path:
    """A page to watch, reached without a network."""
    page = github.workspace / "there.html"
    page.write_text("hello", encoding="utf-8")
    return page


def watching(page: Path) -> dict[str, Any]:
    return example("once-a-day") | {"env": {"PAGE": page.as_uri()}}


def test_nothing_is_told_while_all_is_well(github: GitHub, page: Path) -> None:
    job = only(github.start(watching(page), "schedule"))
    assert (job.result, job.steps["first"].outcome, " is down" in job.log) == ("success", "skipped", False)
    assert page.exists()


@injected_time
def test_a_page_that_is_down_is_told_once_a_day(github: GitHub, page: Path, clock: FakeClock) -> None:
    page.unlink()
    told = []
    for _ in range(26):
        told.append(" is down." in only(github.start(watching(page), "schedule")).log)
        clock.advance(3600)
    # After 24 hours, rounded up to the minute.
    assert [index for index, one in enumerate(told) if one] == [0, 24]


def test_of_many_that_find_the_page_down_one_tells_it(github: GitHub, page: Path) -> None:
    page.unlink()
    workflow = watching(page)
    workflow["jobs"]["watch"]["strategy"] = {"matrix": {"rival": [1, 2, 3, 4]}}
    workflow["jobs"]["watch"]["steps"][1]["with"]["value"] = "by run ${{ github.run_id }} ${{ matrix.rival }}"
    (jobs,) = github.start(workflow, "schedule").values()
    assert sum(" is down." in job.log for job in jobs) == 1
    assert {job.result for job in jobs} == {"success"}


@pytest.fixture
def public(emulator: GitHubEmulator) -> GitHubEmulator:
    """Make the repository public, before a run's event tells of it."""
    emulator.options.public.add(REPOSITORY)
    return emulator


def test_a_badge_is_shown_by_its_link(public: GitHubEmulator, github: GitHub) -> None:
    for _ in range(2):
        job = only(github.start(example("badge")))
        assert job.result == "success"
        percent = job.value("coverage", "percent")
        shown = (
            job.steps["show"].summary if "show" in job.steps else next(step.summary for step in job.steps.values() if step.summary)
        )
        url = job.value("badge", "url")
        assert shown == f"![coverage]({url}) {percent} %\n"
        answer = requests.get(url, timeout=10)
        assert answer.headers["Content-Type"] == "image/svg+xml"
        assert f">coverage {percent} %</text>" in answer.text
    assert public.count("cdn") == 2


def test_a_private_badge_has_no_link(github: GitHub, emulator: GitHubEmulator) -> None:
    job = only(github.start(example("badge")))
    assert (job.result, job.steps["badge"].outputs.get("url")) == ("success", None)
    assert [step.summary for step in job.steps.values() if step.summary] == [f" {job.value('coverage', 'percent')} %\n"]
    assert emulator.count("cdn") == 0


def test_a_registry_is_filled_and_serves_ids(public: GitHubEmulator, github: GitHub, database: Path) -> None:
    assert only(github.start(example("expiry-registry"), "schedule")).result == "success"
    tags = [name.removeprefix("refs/tags/") for name in refs(database) if name.startswith("refs/tags/expiry-")]
    assert len(tags) == 431
    answer = requests.get(f"{public.cdn_url}/{REPOSITORY}@{tags[0]}/view.txt", timeout=10)
    assert f"expiry-{encode_expiry(int(answer.text)).oid}" == tags[0]


def test_flags_are_set_together_and_read_by_a_job_that_may_only_read(github: GitHub) -> None:
    jobs = github.start(example("feature-flags"), "workflow_dispatch")
    (use,) = jobs["use"]
    assert use.result == "success"
    assert use.log == "The beta is on.\nThe dark mode is off.\n"
    jobs = github.start(
        example("feature-flags"), "workflow_dispatch", inputs={"flags": '{"flags/beta": false, "flags/dark-mode": "on"}'}
    )
    (use,) = jobs["use"]
    assert use.log == ""
    jobs = github.start(example("feature-flags"), "workflow_dispatch", inputs={"flags": "flags/beta"})
    assert [job.result for (job,) in jobs.values()] == ["failure", "skipped"]


def test_every_run_of_the_tests_is_counted(github: GitHub) -> None:
    (github.workspace / "Makefile").write_text("test-unit test-browser:\n\ntest-integration:\n\t@exit 1\n", encoding="utf-8")
    for number in (1, 2):
        jobs = github.start(example("test-statistics"))
        assert sorted(job.result for job in jobs["test"]) == ["failure", "success", "success"]
        (total,) = jobs["total"]
        assert f"{number} failed so far on main." in total.log
    assert github.steps.run("get", key="tests/main/success").outputs["value"] == "4"


@needs_jq
def test_jobs_of_a_matrix_write_their_fields_of_one_map(github: GitHub) -> None:
    script(github, "coverage.sh", 'case "$1" in unit) echo 91 ;; browser) echo 64.5 ;; *) echo 78 ;; esac')
    jobs = github.start(example("coverage-of-a-matrix"))
    assert [job.result for job in jobs["measure"]] == ["success"] * 3
    (lowest,) = jobs["lowest"]
    assert lowest.log == "browser covers the least, 64.5 %.\n"
    assert github.steps.run("hlen", key="coverage/main").outputs["count"] == "3"


@needs_jq
@injected_time
def test_failures_are_listed_for_a_week(github: GitHub, clock: FakeClock) -> None:
    makefile = github.workspace / "Makefile"
    makefile.write_text("test:\n\t@exit 1\n", encoding="utf-8")
    first, second = (only(github.start(example("recent-failures"))) for _ in range(2))
    assert (first.result, first.log.count(" failed."), second.log.count(" failed.")) == ("failure", 1, 2)
    clock.advance(8 * 86_400)
    third = only(github.start(example("recent-failures")))
    assert third.log.count(" failed.") == 1
    makefile.write_text("test:\n", encoding="utf-8")
    sound = only(github.start(example("recent-failures")))
    assert (sound.result, sound.log.count(" failed.")) == ("success", 1)


def test_a_task_is_handed_over_to_one_run(github: GitHub) -> None:
    script(github, "rebuild.sh", 'echo "rebuilding $1"')
    asked = github.start(example("hand-over"), "workflow_dispatch", inputs={"dataset": 'sales "2026"; $(exit)'})
    assert [job.result for (job,) in asked.values()] == ["success", "skipped"]
    workflow = example("hand-over")
    workflow["jobs"]["rebuild"]["strategy"] = {"matrix": {"rival": [1, 2, 3]}}
    taken = github.start(workflow, "schedule")["rebuild"]
    assert sorted(job.log for job in taken) == ["", "", 'rebuilding sales "2026"; $(exit)\n']
    assert {job.result for job in taken} == {"success"}


def deploying(github: GitHub, wait: str, body: str) -> dict[str, Any]:
    """Let deployments do something, and wait less long for each other than in earnest."""
    (github.workspace / "Makefile").write_text("dist:\n", encoding="utf-8")
    script(github, "deploy.sh", body)
    workflow = example("lock")
    workflow["jobs"]["deploy"]["steps"][2]["with"]["wait"] = wait
    return workflow


def test_of_deployments_at_once_only_one_goes_on_at_a_time(github: GitHub) -> None:
    alone = 'mkdir under-lock && echo "deploying $2"; rmdir under-lock'
    workflow = deploying(github, "1m", alone)
    workflow["jobs"]["deploy"]["strategy"] = {"matrix": {"rival": [1, 2, 3]}}
    jobs = github.start(workflow, "workflow_dispatch")["deploy"]
    assert {job.result for job in jobs} == {"success"}
    assert sorted(line for job in jobs for line in job.log.splitlines() if line.startswith("deploying")) == [
        f"deploying {fence}" for fence in (1, 2, 3)
    ]
    assert all(job.log.endswith("The lock is released.\n") for job in jobs)


def test_a_deployment_that_fails_releases_the_lock(github: GitHub) -> None:
    job = only(github.start(deploying(github, "0s", "exit 1"), "workflow_dispatch"))
    assert (job.result, job.steps["post lock"].log) == ("failure", "The lock is released.\n")
    job = only(github.start(deploying(github, "0s", 'echo "deploying $2"'), "workflow_dispatch"))
    assert (job.result, job.value("lock", "fence")) == ("success", "2")


def test_a_deployment_that_does_not_get_the_lock_fails_and_leaves_it_alone(github: GitHub) -> None:
    github.steps.run("lock", key="locks/production", owner="somebody", ttl="1h")
    job = only(github.start(deploying(github, "0s", "echo deploying"), "workflow_dispatch"))
    assert job.result == "failure"
    assert "The lock is held by another owner" in job.log
    assert "deploying" not in job.log
    assert github.steps.run("hget", key="locks/production", field="owner").outputs["value"] == "somebody"


def test_each_job_has_a_testbed_of_its_own(github: GitHub) -> None:
    script(github, "test.sh", 'mkdir "$1" && echo "testing on $1"; sleep 2; rmdir "$1"')
    workflow = example("testbeds")
    workflow["jobs"]["test"]["steps"][1]["with"]["slots"] = 2
    workflow["jobs"]["test"]["strategy"] = {"matrix": {"rival": [1, 2, 3]}}
    jobs = github.start(workflow)["test"]
    assert {job.result for job in jobs} == {"success"}
    assert {job.value("testbed", "slot") for job in jobs} == {"1", "2"}
    assert all(f"testing on testbed-{job.value('testbed', 'slot')}.example.org\n" in job.log for job in jobs)
    assert all(job.log.endswith("The lock is released.\n") for job in jobs)


@injected_time
def test_tasks_are_taken_in_order_and_one_that_fails_goes_back(github: GitHub, clock: FakeClock) -> None:
    script(github, "rebuild.sh", '[ "$1" != bad ] && echo "rebuilding $1"')
    workflow = example("work-queue")
    asked = github.start(workflow, "workflow_dispatch", inputs={"datasets": '["bad", "$(exit)"]'})
    assert [job.result for (job, *_) in asked.values()] == ["success", "skipped"]
    workflow["jobs"]["rebuild"]["strategy"] = {"matrix": {"worker": [1]}}
    ends = []
    for _ in range(3):
        clock.advance(60)
        (job,) = github.start(workflow, "schedule")["rebuild"]
        ends.append((job.result, job.log))
    assert ends == [("failure", ""), ("success", "rebuilding $(exit)\n"), ("failure", "")]
    assert github.steps.run("arange", key="queues/rebuild").outputs["json"] == '[null,null,null,"bad"]'


def test_machines_begin_when_all_of_them_are_ready(github: GitHub) -> None:
    script(github, "prepare.sh", 'sleep "$1"; touch "ready-$1"')
    script(github, "load.sh", "echo $(ls -d ready-* | wc -l) are ready")
    jobs = github.start(example("barrier"), "workflow_dispatch")["load"]
    assert [job.result for job in jobs] == ["success"] * 3
    assert all("3 are ready\n" in job.log for job in jobs)


def test_machines_do_not_wait_for_one_that_does_not_come(github: GitHub) -> None:
    script(github, "prepare.sh", '[ "$1" != 3 ]')
    script(github, "load.sh", "echo loading")
    workflow = example("barrier")
    workflow["jobs"]["load"]["steps"][3]["with"]["wait"] = "0s"
    jobs = github.start(workflow, "workflow_dispatch")["load"]
    assert [job.result for job in jobs] == ["failure"] * 3
    assert not any("loading" in job.log for job in jobs)
    assert sum("the time to wait for it is over" in job.log for job in jobs) == 2


@injected_time
def test_maintenance_removes_what_is_due_and_by_hand_only_plans(github: GitHub, database: Path, clock: FakeClock) -> None:
    kept = refs(database)
    github.steps.run("set", key="short", value="lived", ttl="1m")
    github.steps.run("set", key="taken", value="once")
    github.steps.run("getdel", key="taken")
    clock.advance(8 * 86_400)
    assert value_ref("short") in refs(database)
    planned = refs(database)
    job = only(github.start(example("maintenance"), "workflow_dispatch"))
    assert (job.result, refs(database)) == ("success", planned)
    assert "dry run" in job.steps["maintain-0.2"].summary
    job = only(github.start(example("maintenance"), "schedule"))
    assert job.result == "success"
    assert refs(database).keys() - kept.keys() == {"refs/tags/kv/dummy-tree"}
    assert job.steps["maintain-0.2"].outputs["count"] == "2"


def test_encrypted_state_is_read_by_the_secret_alone_also_after_a_rotation(github: GitHub, database: Path) -> None:
    first, second = (f"{name}: {base64.b64encode(secret(name)).decode()}\n" for name in ("2026", "2027"))
    github.secrets["DATABASE_KEYS"] = first
    written = only(github.start(example("encrypted-state"), "workflow_dispatch", inputs={"customer": "acme", "note": "markednote"}))
    assert (written.result, written.value("last", "value")) == ("success", "markednote")
    dump = run_git("cat-file", "--batch-all-objects", "--batch", directory=database).stdout
    assert b"acme" not in dump
    assert b"markednote" not in dump
    github.secrets["DATABASE_KEYS"] = first + second
    for note in ("", "another"):
        read = only(github.start(example("encrypted-state"), "workflow_dispatch", inputs={"customer": "acme", "note": note}))
        assert read.value("last", "value") == (note or "markednote")
    github.secrets["DATABASE_KEYS"] = first
    missing = only(github.start(example("encrypted-state"), "workflow_dispatch", inputs={"customer": "acme", "note": ""}))
    assert (missing.result, "'2027'" in missing.log) == ("failure", True)
    github.secrets["DATABASE_KEYS"] = second
    other = only(github.start(example("encrypted-state"), "workflow_dispatch", inputs={"customer": "acme", "note": ""}))
    assert (other.result, "'2026'" in other.log) == ("failure", True)


def test_a_page_of_the_database_is_made(github: GitHub) -> None:
    github.steps.run("set", key="greeting", value="markednote", store_key="true")
    job = only(github.start(example("page"), "schedule"))
    assert job.result == "success"
    page = (github.workspace / "page.html").read_text(encoding="utf-8")
    assert "<td>greeting<td>data/string<td>10<td>never" in page
    assert "markednote" not in page
