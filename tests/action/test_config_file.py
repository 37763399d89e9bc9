"""The config file, from the workspace to the databases: which file, which repositories, which settings hold, and what is told."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from git_keyval.dispatch.config_file import DEFAULT_PATH
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.upkeep import Outcome, outputs_of
from git_keyval.dispatch.worklist import Worklist
from git_keyval.errors import InputError
from git_keyval.format.metadata import DUMMY_TREE
from git_keyval.format.times import Micros
from git_keyval.interface.parsing import find_command
from tests.action.conftest import SERVER_TOKEN, Served
from tests.action.steps import ROOT, WORKFLOW_TOKEN, Ended, Workflow, breadcrumb_ref, refs, unhurried, value_ref
from tests.action.test_maintenance import foreign_commit, report_of
from tests.conftest import FakeClock
from tests.emulator import Fault, GitHubEmulator, Logged, Permission, SecondaryLimit
from tests.replacing import replace
from tests.servers.binary import git_output, init_bare, isolated_environ
from tests.servers.http import RECEIVE_PACK, Status
from tests.servers.listening import Listening

DAY = 86_400
NAMES = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace with three databases beside it, of which each has parked values, expired keys and waiting breadcrumbs."""

    directory: Path
    workflow: Workflow

    def place(self, name: str) -> str:
        return str(self.directory.parent / f"{name}.git")

    def write(self, text: str, path: str = DEFAULT_PATH) -> None:
        """Write a config file; ``{one}`` stands for the first database."""
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(**{name: self.place(name) for name in (*NAMES, "none")}))

    def parked(self, name: str) -> int:
        return sum("/gc/" in ref for ref in refs(Path(self.place(name))))

    def run(self, command: str, **inputs: str) -> Ended:
        """Run a step that names no repository, unless it is among the inputs."""
        return self.workflow.run(command, **{"repository": "", **inputs})


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the databases of eight days ago."""
    directory = tmp_path_factory.mktemp("databases")
    made = Workspace(directory / "workspace", Workflow(directory / "steps", "", clock=FakeClock()))
    for name in NAMES:
        init_bare(Path(made.place(name)))
        for key in ("a", "b"):
            made.workflow.run("set", repository=made.place(name), key=key, value=name)
            made.workflow.run("getdel", repository=made.place(name), key=key)
        made.workflow.run("mset", repository=made.place(name), values='{"x":1,"y":2,"z":3}', ttl="1h")
    return directory


@pytest.fixture
def workspace(databases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Workspace:
    """At noon of the ninth day; steps run in the workspace, as in the container."""
    directory = tmp_path / "workspace"
    directory.mkdir()
    for name in NAMES:
        shutil.copytree(databases / f"{name}.git", tmp_path / f"{name}.git")
    made = Workspace(directory, Workflow(tmp_path / "steps of the workspace", "", clock=clock))
    clock.advance(8 * DAY)
    made.workflow.environ = {"GITHUB_WORKSPACE": str(directory)}
    monkeypatch.chdir(directory)
    return made


def of(ended: Ended) -> dict[str, Any]:
    """Return the reports, or the errors, by the last part of each repository's name."""
    report = report_of(ended)
    return {Path(one["repository"]).stem: one["report"] or one["error"] for one in report["repositories"]}


ALL = "repositories: ['{one}', '{two}', '{three}']\n"


# --- which file -----------------------------------------------------------------------------------------------------


def test_the_usual_file_is_read_if_there_is_one_and_the_log_says_so(workspace: Workspace) -> None:
    workspace.write(ALL)
    ended = workspace.run("maintain")
    assert (ended.code, ended.commands) == (0, [])
    assert ended.log.splitlines()[0] == f"maintain: settings of {DEFAULT_PATH}, 3 repositories"
    assert [workspace.parked(name) for name in NAMES] == [0, 0, 0]


def test_without_a_workspace_no_file_is_looked_for(workspace: Workspace) -> None:
    """Somebody may run the container by hand, anywhere."""
    workspace.write("dry-run: true")
    workspace.workflow.environ = {}
    assert "(dry run)" not in workspace.run("maintain", repository=workspace.place("one")).summary
    workspace.workflow.environ = {"GITHUB_WORKSPACE": str(workspace.directory / "missing")}
    assert "(dry run)" not in workspace.run("maintain", repository=workspace.place("one")).summary


def test_a_named_file_is_read_instead_of_the_usual_one(workspace: Workspace) -> None:
    workspace.write("not: read")
    workspace.write("repositories: ['{two}']", "settings/purge only.yml")
    ended = workspace.run("purge", config="settings/purge only.yml")
    assert ended.log.splitlines()[0] == "purge: settings of settings/purge only.yml, 1 repositories"
    assert (ended.code, list(of(ended))) == (0, ["two"])


def test_a_named_file_that_is_missing_is_told_with_what_to_do(workspace: Workspace) -> None:
    workspace.write(ALL)
    error = workspace.run("maintain", config="conf/kv.yml").error
    assert error.startswith("Input 'config' names conf/kv.yml, which does not exist.")
    assert "actions/checkout" in error
    assert workspace.parked("one") == 2


def test_a_file_that_cannot_be_read_is_told(workspace: Workspace) -> None:
    assert "Is a directory" in workspace.run("maintain", config=".").error
    (workspace.directory / DEFAULT_PATH).mkdir(parents=True)
    assert f"names {DEFAULT_PATH}, which cannot be read (Is a directory)" in workspace.run("maintain").error
    workspace.write("# " + "x" * 65_535, "huge.yml")
    assert "larger than 64 KiB" in workspace.run("maintain", config="huge.yml").error


def test_mistakes_are_told_before_anything_is_done(workspace: Workspace) -> None:
    workspace.write(ALL + "retenton: 7d\nmax-writes: many\n")
    before = refs(Path(workspace.place("one")))
    ended = workspace.run("maintain")
    assert ended.error.startswith(f"{DEFAULT_PATH}:2: 'retenton' is unknown here. Accepted: 'retention' (was that meant?).")
    assert f"{DEFAULT_PATH}:3: 'max-writes' is text. Accepted: a whole number, 1 or more." in ended.error
    assert (ended.outputs, ended.summary) == ({}, "")
    assert refs(Path(workspace.place("one"))) == before


def test_what_a_file_says_is_no_runner_command(workspace: Workspace) -> None:
    workspace.write('"::add-mask::x\\n##[add-mask]y": 1\nrepositories: ["a\\n::add-mask::x"]\ntransport: "##[add-mask]a"')
    ended = workspace.run("maintain")
    assert ended.error
    assert "##[" not in ended.log


def test_names_that_look_like_runner_commands_are_printed_as_text(workspace: Workspace) -> None:
    for name in ("##[add-mask]x", "::add-mask::y"):
        init_bare(workspace.directory / name)
    workspace.write("repositories: ['##[add-mask]x', '::add-mask::y', './##[add-mask]none']", "##[add-mask]z.yml")
    ended = workspace.run("sweep", config="##[add-mask]z.yml")
    assert [command.name for command in ended.commands] == ["error"]
    assert [isinstance(report, dict) for report in of(ended).values()] == [True, True, False]


def test_steps_that_do_not_maintain_read_no_file(workspace: Workspace) -> None:
    workspace.write("not: read")
    workspace.workflow.environ |= {"GITHUB_REPOSITORY": workspace.place("one")}
    assert workspace.run("set", key="a", value="1").code == 0
    assert "is not taken by the command 'get'." in workspace.run("get", key="a", config=DEFAULT_PATH).error


def test_a_step_that_forgot_its_command_learns_which_one_runs(workspace: Workspace) -> None:
    said = "Input 'key' is not taken by the command 'maintain', which runs where no 'command' is given."
    assert said in workspace.run("maintain", key="a").error


# --- which repository -----------------------------------------------------------------------------------------------


def test_without_any_the_repository_is_the_workflows_own(workspace: Workspace) -> None:
    workspace.workflow.environ |= {"GITHUB_REPOSITORY": workspace.place("two")}
    assert workspace.run("set", key="a", value="1").code == 0
    assert value_ref("a") in refs(Path(workspace.place("two")))
    assert workspace.run("purge").answers["count"] == "2"
    workspace.write("retention: 30d")
    ended = workspace.run("purge")
    assert report_of(ended)["command"] == "purge"
    assert ended.log.splitlines()[0] == f"purge: settings of {DEFAULT_PATH}"
    assert [workspace.parked(name) for name in NAMES] == [2, 0, 2]


def test_without_any_and_without_a_workflow_it_is_missing(workspace: Workspace) -> None:
    for command in ("maintain", "check", "init"):
        assert "'repository' is missing" in workspace.run(command).error
    workspace.write("retention: 30d")
    assert "'repository' is missing" in workspace.run("maintain").error.rstrip(".")


def test_the_list_comes_before_the_workflows_own(workspace: Workspace) -> None:
    workspace.write("repositories: ['{one}', '{three}']")
    workspace.workflow.environ |= {"GITHUB_REPOSITORY": workspace.place("two")}
    assert list(of(workspace.run("purge"))) == ["one", "three"]
    assert [workspace.parked(name) for name in NAMES] == [0, 2, 0]


def test_a_repository_that_is_named_is_the_only_one_and_has_its_settings(workspace: Workspace) -> None:
    """So a matrix can run one in each of its jobs."""
    workspace.write("repositories: ['{one}', {{repository: '{two}', retention: 30d}}]\nretention: 1d\ndry-run: true\n")
    for name, planned in (("one", "2"), ("two", "0"), ("three", "2")):
        ended = workspace.run("purge", repository=workspace.place(name))
        assert (ended.answers["count"], report_of(ended)["dryRun"]) == (planned, True)
    assert [workspace.parked(name) for name in NAMES] == [2, 2, 2]


def test_the_list_is_not_for_an_expiry_registry(workspace: Workspace) -> None:
    """It names databases, into which nobody wants hundreds of tags; the settings hold."""
    workspace.write("repositories: ['{one}', '{three}']\nhorizon: 2d")
    workspace.workflow.environ |= {"GITHUB_REPOSITORY": workspace.place("two")}
    assert report_of(workspace.run("publish-expiries"))["jobs"][0]["applied"] == 33
    assert [sum("/expiry-" in ref for ref in refs(Path(workspace.place(name)))) for name in NAMES] == [0, 33, 0]


def test_a_name_on_github_is_the_same_in_any_spelling(workspace: Workspace) -> None:
    """Or a repository would be maintained with the settings of others."""
    workspace.write("repositories:\n- org/Data\n- https://github.com/Org/data.git\n")
    assert "listed twice, first in line 2" in workspace.run("purge").error
    workspace.write("repositories:\n- {{repository: org/Data, transport: api}}\n")
    error = workspace.run("purge", repository="https://github.com/Org/data", token="").error
    assert "GitHub's API needs" in error


def test_an_address_with_a_password_is_not_shown(workspace: Workspace) -> None:
    """It is allowed as an input, where it may be a secret."""
    workspace.write("retention: 1d")
    ended = workspace.workflow.run_given("purge", {"repository": "http://user:markedpassword@127.0.0.1:1/x.git"}, unhurried)
    assert ended.code == 1
    assert "markedpassword" not in ended.shown


# --- which setting --------------------------------------------------------------------------------------------------


def counts(ended: Ended) -> dict[str, int]:
    return {name: sum(job["applied"] for job in report["jobs"]) for name, report in of(ended).items()}


def test_the_narrower_setting_holds(workspace: Workspace) -> None:
    """Retention: of the file 30d, of its job 1d; of the second repository 30d, of the third one's job 1d."""
    workspace.write(
        "retention: 30d\npurge: {{retention: 1d}}\nrepositories: ['{one}', {{repository: '{two}', retention: 30d}}, "
        "{{repository: '{three}', retention: 30d, purge: {{retention: 1d}}}}]\ndry-run: true"
    )
    assert counts(workspace.run("purge")) == {"one": 2, "two": 0, "three": 2}
    assert counts(workspace.run("maintain")) == {"one": 5, "two": 3, "three": 5}
    assert counts(workspace.run("maintain", retention="30d")) == {"one": 3, "two": 3, "three": 3}
    assert counts(workspace.run("purge", retention="1d")) == {"one": 2, "two": 2, "three": 2}


def test_an_input_beats_the_file_also_where_it_says_no(workspace: Workspace) -> None:
    workspace.write(ALL + "dry-run: true")
    assert all(report["dryRun"] for report in of(workspace.run("purge")).values())
    assert workspace.run("purge", dry_run="false").answers["count"] == "6"
    assert [workspace.parked(name) for name in NAMES] == [0, 0, 0]


def test_budgets_are_for_each_repository(workspace: Workspace) -> None:
    """The first of the list cannot keep the last one from its turn."""
    workspace.write(ALL + "max-writes: 4")
    ended = workspace.run("maintain")
    assert counts(ended) == {"one": 4, "two": 4, "three": 4}
    assert ended.answers["count"] == "12"
    (notice,) = ended.issued("notice")
    assert notice.count("the budget max-writes was reached") == 3
    assert counts(workspace.run("maintain")) == {"one": 1, "two": 1, "three": 1}


def test_a_jobs_part_of_the_writes_leaves_the_rest_to_the_others(workspace: Workspace) -> None:
    """Unless the step says how many there may be."""
    workspace.write("repositories: ['{one}', {{repository: '{two}', sweep: {{max-writes: 2}}}}]\nsweep: {{max-writes: 1}}")
    ended = workspace.run("maintain")
    jobs = {name: [job["applied"] for job in report["jobs"]] for name, report in of(ended).items()}
    assert jobs == {"one": [0, 1, 2], "two": [0, 2, 2]}
    assert counts(workspace.run("sweep", max_writes="5")) == {"one": 2, "two": 1}


def test_seconds_count_from_the_turn_of_each(workspace: Workspace) -> None:
    """Those that the first took are not missing to the others."""
    workspace.write(ALL + "max-seconds: 100")

    def slowly(outside: Surroundings) -> Surroundings:
        """Let a minute pass with each repository that is purged."""
        return replace(outside, elapsed=lambda: 60.0 * sum(not workspace.parked(name) for name in NAMES))

    ended = workspace.workflow.run_given("purge", {"repository": ""}, slowly)
    assert (ended.code, ended.issued("notice"), counts(ended)) == (0, [], {"one": 2, "two": 2, "three": 2})
    assert [report["seconds"] for report in of(ended).values()] == [60, 60, 60]


def test_the_seconds_of_each_are_its_own_where_it_waits_for_limits_too(tmp_path: Path) -> None:
    """Two waits of 200 seconds are more than one repository may take, which is 300."""
    with GitHubEmulator(tmp_path / "github", tokens={WORKFLOW_TOKEN: Permission.WRITE}) as emulator:
        waiting = ["/repos/org/a/", "/repos/org/b/"]
        for name in "ab":
            emulator.create("org", name)

        def limit(entry: Logged) -> Fault | None:
            met = [path for path in waiting if entry.path.startswith(path)]
            waiting[:] = [path for path in waiting if path not in met]
            return SecondaryLimit(retry_after=200) if met else None

        emulator.on_request = limit
        config = tmp_path / "steps" / "config.yml"
        config.parent.mkdir()
        config.write_text("repositories: [org/a, org/b]\ntransport: api\n")
        workflow = Workflow(tmp_path / "steps", "", environ=dict(emulator.environ))
        ended = workflow.run_given("maintain", {"config": str(config)}, unhurried)
        assert (ended.code, waiting) == (0, [])


def test_settings_of_other_commands_do_no_harm(workspace: Workspace) -> None:
    """One file serves all of them."""
    workspace.write(ALL + "retention: 1d\ngrace-period: 1m\nmax-writes: 1\ndry-run: true\ngather: {{max-writes: 1}}")
    assert set(of(workspace.run("check"))) == set(NAMES)
    init_bare(Path(workspace.place("none")))
    workspace.write("repositories: ['{one}', '{none}']\nretention: 1d")
    ended = workspace.run("init")
    assert (ended.code, ended.answers) == (0, {"applied": "true", "count": "2"})
    assert "Nothing had to be created: all was there." in ended.summary
    assert "| ref |\n| --- |\n| `refs/heads/main` |\n| `refs/tags/kv/dummy-tree` |\n" in ended.summary
    assert workspace.run("init").answers == {"applied": "false", "count": "0"}


def test_grace_periods_of_the_file_hold(workspace: Workspace) -> None:
    one = Path(workspace.place("one"))
    workspace.workflow.run("incr", repository=str(one), key="n")
    message = f"tree {DUMMY_TREE.oid}\nauthor a a <a@a.a> 1735689600 +0000\ncommitter a a <a@a.a> 1735689600 +0000\n\n+5\n"
    oid = git_output("hash-object", "-t", "commit", "-w", "--stdin", directory=one, stdin=message.encode())
    git_output("update-ref", breadcrumb_ref("n", "20260109T120100000000Z-rival123"), oid, directory=one)
    assert isinstance(workspace.workflow.clock, FakeClock)
    workspace.workflow.clock.advance(120)
    for text, folded in (("gather: {{grace-period: 90s}}", 0), ("grace-period: 90s", 0), ("gather: {{grace-period: 30s}}", 1)):
        workspace.write(f"repositories: ['{{one}}']\n{text}")
        assert counts(workspace.run("gather")) == {"one": folded}


# --- several repositories -------------------------------------------------------------------------------------------


def test_one_that_fails_keeps_none_of_the_others_from_its_turn(workspace: Workspace) -> None:
    workspace.write("repositories: ['{one}', '{none}', '{three}']")
    ended = workspace.run("maintain")
    assert ended.code == 1
    (error,) = ended.issued("error")
    assert error.startswith(f"maintain: {workspace.place('none')}: ")
    assert "is not a git repository" in error
    assert len(ended.commands) == 1
    reports = of(ended)
    assert [isinstance(reports[name], dict) for name in ("one", "none", "three")] == [True, False, True]
    assert (ended.answers["count"], counts_of(reports)) == ("10", [5, 5])
    requests = sum(reports[name]["requests"] for name in ("one", "three"))
    assert requests <= int(ended.outputs["requests-used"]) <= requests + 1
    assert [workspace.parked(name) for name in NAMES] == [0, 2, 0]


@pytest.mark.parametrize(("command", "inputs"), [("maintain", {"dry-run": "true"}), ("check", {})])
def test_a_defect_of_ours_in_one_keeps_none_of_the_others_from_its_turn(
    workspace: Workspace, command: str, inputs: dict[str, str]
) -> None:
    times: list[Micros] = []

    def run(*, failing: int) -> Ended:
        """Run a step in which the clock fails at this call."""

        def clock() -> Micros:
            times.append(FakeClock().moment)
            if len(times) == failing:
                raise ValueError("secret")
            return times[0]

        return workspace.workflow.run_given(command, {"repository": "", **inputs}, lambda outside: replace(outside, clock=clock))

    workspace.write("transport: git\nrepositories: ['{one}']")
    assert run(failing=0).code == 0
    of_each = len(times)
    times.clear()
    workspace.write(f"transport: git\n{ALL}")
    ended = run(failing=of_each + 1)
    (error,) = ended.issued("error")
    assert error.startswith(f"{command}: {workspace.place('two')}: Internal error: ValueError at ")
    assert (ended.code, "secret" in ended.shown) == (1, False)
    assert [isinstance(report, dict) for report in of(ended).values()] == [True, False, True]


def counts_of(reports: dict[str, Any]) -> list[int]:
    return [sum(job["applied"] for job in report["jobs"]) for report in reports.values() if isinstance(report, dict)]


def test_all_that_fail_are_named_in_one_error(workspace: Workspace) -> None:
    workspace.write("repositories: ['{none}', '{one}', '{none}2']\ntransport: git")
    (error,) = workspace.run("check").issued("error")
    assert f"check: {workspace.place('none')}: " in error
    assert f"; {workspace.place('none')}2: " in error
    assert workspace.place("one") not in error


def test_what_is_refused_of_the_settings_of_one_is_its_own_failure(workspace: Workspace) -> None:
    workspace.write("repositories: [{{repository: '{one}', transport: api}}, '{two}']")
    ended = workspace.run("purge")
    assert f"{workspace.place('one')}: Input 'transport' is 'api'" in ended.issued("error")[0]
    assert workspace.parked("two") == 0


def test_requests_are_summed_up_and_the_lowest_rate_is_told() -> None:
    """Also those of repositories that failed; some tell no rate."""
    failed = InputError("repository", "is missing")
    done = [Outcome("a", failed, 2, 10), Outcome("b", failed, 3, None), Outcome("c", failed, 1, 5), Outcome("d", failed, 1, 7)]
    outputs = outputs_of(find_command("purge"), Worklist((), listed=True), done)
    assert (outputs["requests-used"], outputs["rate-remaining"], outputs["count"]) == ("7", "5", "0")
    assert "rate-remaining" not in outputs_of(find_command("purge"), Worklist((), listed=True), done[1:2])


def test_the_summary_has_a_section_for_each(workspace: Workspace) -> None:
    workspace.write("repositories: ['{one}', '{none}', '{three}']")
    summary = workspace.run("maintain").summary
    lines = summary.splitlines()
    assert lines[:3] == ["# ❌ git-keyval maintain", "", "3 repositories: 2 fine, 1 failed."]
    rows = [line for line in lines if line.startswith("| `")]
    assert [row.split(" | ")[:2] for row in rows[:3]] == [
        [f"| `{workspace.place(name)}`", state] for name, state in (("one", "✅ fine"), ("none", "❌ failed"), ("three", "✅ fine"))
    ]
    assert summary.count("## ✅ git-keyval maintain: fine\n") == 2


@pytest.mark.parametrize("name", ["a`b", "<img src=x>", "a``b`", "[x](y)"])
def test_odd_names_are_shown_as_they_are(workspace: Workspace, name: str) -> None:
    workspace.write(f"repositories: ['./{name}']")
    ended = workspace.run("purge")
    (head,) = [line for line in ended.summary.splitlines() if line.startswith("| `")]
    shown = re.match(r"\| (`+)( ?)(.+?)\2\1 \|", head)
    assert shown
    assert shown[3] == f"./{name}"
    assert shown[1] not in shown[3]


def test_progress_names_the_repository(workspace: Workspace) -> None:
    workspace.write("repositories: ['{one}', '{two}']")
    _, *lines = workspace.run("sweep").log.splitlines()
    assert f"{workspace.place('one')}: sweep: writes: 3 of 3" in lines
    assert all(line.startswith((workspace.place("one"), workspace.place("two"))) for line in lines)


def test_what_check_finds_is_summed_up(workspace: Workspace) -> None:
    for name in ("one", "three"):
        place = Path(workspace.place(name))
        git_output("update-ref", value_ref("odd"), foreign_commit(place), directory=place)
    workspace.write(ALL)
    ended = workspace.run("check")
    assert (ended.code, ended.answers["count"]) == (1, "2")
    (error,) = ended.issued("error")
    assert error.count("found 1 error;") == 2
    assert workspace.place("two") not in error


def test_a_run_that_ends_early_is_a_failure_of_its_repository(served: Served, workspace: Workspace) -> None:
    served.workflow.clock = workspace.workflow.clock
    served.workflow.run("set", key="a", value="1")
    served.workflow.run("getdel", key="a")
    served.server.fail(1, Status(503), service=RECEIVE_PACK, forever=True)
    workspace.write(f"repositories: ['{served.workflow.repository}', '{{two}}']\nretention: 0s", "kv.yml")
    ended = workspace.workflow.run_given("purge", {"repository": "", "config": "kv.yml", "token": SERVER_TOKEN}, unhurried)
    (error,) = ended.issued("error")
    assert error.startswith(f"purge: {served.workflow.repository}: ended early: ")
    assert report_of(ended)["repositories"][0]["report"]["jobs"][0]["error"]
    assert workspace.parked("two") == 0


def test_a_report_that_no_output_can_hold_is_left_out(workspace: Workspace) -> None:
    """What was done is done, and the other outputs and the summary tell of it."""
    refused = "".join(f"- ./{number}\n" for number in range(4_500))  # at once, and without a process each
    workspace.write(f"transport: api\nrepositories:\n{refused}- {{{{repository: '{{one}}', transport: git}}}}\n")
    ended = workspace.run("purge")
    assert ended.code == 1
    assert "report" not in ended.outputs
    assert ended.answers["count"] == "2"
    assert any("'report' is left out" in notice for notice in ended.issued("notice"))
    assert workspace.parked("one") == 0


def test_lists_of_many_reports_are_short(workspace: Workspace) -> None:
    """Together they are as long as those of one."""
    values = json.dumps({f"key {number}": number for number in range(150)})
    for name in NAMES:
        workspace.workflow.run("mset", repository=workspace.place(name), values=values, expires_at="2026-01-09T12:01:00Z")
    assert isinstance(workspace.workflow.clock, FakeClock)
    workspace.workflow.clock.advance(3600)
    workspace.write(ALL)
    ended = workspace.run("sweep")
    for report in of(ended).values():
        (job,) = report["jobs"]
        assert (job["applied"], len(job["changed"])) == (153, 66)


# --- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("named", "sent"), [("", False), (DEFAULT_PATH, True)])
def test_a_file_that_nobody_named_does_not_decide_who_is_given_a_token(
    workspace: Workspace,
    listening: Listening,  # the fixture
    named: str,
    sent: bool,  # noqa: FBT001  # a column of the table
) -> None:
    """It may have come with the checkout of somebody's branch."""
    workspace.write(f"repositories: ['{listening.url}/owner/name.git']")
    ended = workspace.run("check", config=named, token="ghp_given")
    assert ended.code == 0
    assert any(listening.credentials) == sent
    assert "ghp_given" not in ended.shown


def test_the_token_goes_to_the_github_server_of_the_workflow(workspace: Workspace, listening: Listening) -> None:  # the fixture
    workspace.workflow.environ |= {"GITHUB_SERVER_URL": listening.url}
    workspace.write("repositories: [owner/name]\ntransport: git")
    assert workspace.run("check", token="ghp_given").code == 0
    assert all(listening.credentials)


# --- start-up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("write", "imported"), [(False, False), (True, True)])
def test_yaml_is_imported_only_to_read_a_file(workspace: Workspace, write: bool, imported: bool) -> None:  # noqa: FBT001  # columns
    """Every step is a process."""
    if write:
        workspace.write("retention: 1d")
    code = "import sys; from git_keyval.action import main; code = main(); print('yaml' in sys.modules, code)"
    environ = {"INPUT_COMMAND": "maintain", "INPUT_REPOSITORY": workspace.place("one"), **workspace.workflow.environ}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=isolated_environ({**environ, "PYTHONPATH": str(ROOT)}),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.decode().splitlines()[-1] == f"{imported} 0"
