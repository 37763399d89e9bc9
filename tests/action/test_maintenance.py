"""The maintenance commands: outputs, report, job summary and log."""

import json
import re
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from git_keyval.action.runner import Runner
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.maintenance.report import CheckReport, Problem
from tests.action.conftest import Served
from tests.action.runner_rules import MAX_SUMMARY_BYTES
from tests.action.steps import ROOT, Ended, Workflow, breadcrumb_ref, expiry_ref, refs, unhurried, value_ref
from tests.conftest import FakeClock
from tests.maintenance.schema import Schema, violations
from tests.replacing import replace
from tests.servers.binary import git_output
from tests.servers.http import RECEIVE_PACK, Status
from tests.summaries import summary_of

DAY = 86_400
SCHEMA: Schema = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))


def report_of(ended: Ended) -> dict[str, Any]:
    """Read the report, which must be as its schema says."""
    report: dict[str, Any] = json.loads(ended.outputs["report"])
    assert list(violations(report, SCHEMA, SCHEMA)) == []
    return report


def job_of(ended: Ended, name: str) -> dict[str, Any]:
    (found,) = [job for job in report_of(ended)["jobs"] if job["job"] == name]
    assert isinstance(found, dict)
    return found


def tables(lines: list[str]) -> list[list[dict[str, str]]]:
    """Read the tables of a summary: rows by the names of their columns."""
    found: list[list[dict[str, str]]] = []
    head: list[str] = []
    for before, line in pairwise(["", *lines]):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if line.startswith("|") and not before.startswith("|"):
            head = cells
            found.append([])
        elif line.startswith("|") and not line.startswith("| ---"):
            found[-1].append(dict(zip(head, cells, strict=True)))
    return found


def foreign_commit(repository: Path) -> str:
    tree = git_output("hash-object", "-t", "tree", "-w", "--stdin", directory=repository)
    return git_output("commit-tree", "-m", "not ours", tree, directory=repository)


@pytest.fixture
def busy(workflow: Workflow, repository: Path, at_noon: FakeClock) -> Workflow:
    """Return a database where each job has work: at noon of the ninth day."""
    workflow.run("init")
    workflow.run("set", key="gone", value="1")
    workflow.run("getdel", key="gone")
    workflow.run("mset", values='{"old 1":1,"old 2":2}', ttl="1h", store_key="true")
    workflow.run("set", key="forever", value="1")
    workflow.run("incr", key="n")
    crumb = breadcrumb_ref("n", "20260101T130000000000Z-rival123")
    delta = "tree {}\nauthor a a <a@a.a> 1735689600 +0000\ncommitter a a <a@a.a> 1735689600 +0000\n\n+5\n"
    tree = git_output("rev-parse", f"{NULL_COMMIT.oid}^{{tree}}", directory=repository)
    oid = git_output("hash-object", "-t", "commit", "-w", "--stdin", directory=repository, stdin=delta.format(tree).encode())
    git_output("update-ref", crumb, oid, directory=repository)
    at_noon.advance(8 * DAY)
    workflow.run("set", key="soon", value="1", ttl="20m")
    workflow.run("set", key="later", value="1", ttl="3d")
    return workflow


def test_maintain_does_the_three_jobs_and_tells_about_them(busy: Workflow, repository: Path) -> None:
    ended = busy.run("maintain")
    assert (ended.code, ended.commands, ended.answers["count"]) == (0, [], "4")
    report = report_of(ended)
    assert (report["command"], report["dryRun"], report["budgetReached"]) == ("maintain", False, None)
    assert report["startedAt"] == "2026-01-09T12:00:00Z"
    assert str(report["requests"]) == ended.outputs["requests-used"]
    assert [(job["job"], job["planned"], job["applied"]) for job in report["jobs"]] == [
        ("gather", 1, 1),
        ("sweep", 2, 2),
        ("purge", 1, 1),
    ]
    sweep = report["jobs"][1]
    assert sweep["facts"] == {"branches": 12, "keys": 6, "live": 4, "expired": 2, "expiredElements": 0, "collections": 0}
    assert sweep["expiries"] == {
        "within 1 hour": 1,
        "within 1 day": 0,
        "within 7 days": 1,
        "within 30 days": 0,
        "later": 0,
        "never": 2,
    }
    assert {item["ref"] for item in sweep["changed"]} == {value_ref("old 1"), value_ref("old 2")}
    assert {item["why"] for item in sweep["changed"]} == {"expired 2026-01-01T13:00:00Z"}
    assert busy.run("get", key="n").outputs["value"] == "6"
    assert not [name for name in refs(repository) if "/gc/" in name or "/bc-" in name]
    again = busy.run("maintain")
    assert (again.code, again.answers["count"]) == (0, "0")


@pytest.mark.parametrize(("command", "done"), [("gather", 1), ("sweep", 2), ("purge", 1)])
def test_each_job_runs_alone(busy: Workflow, command: str, done: int) -> None:
    ended = busy.run(command)
    assert (ended.code, ended.commands, ended.answers["count"]) == (0, [], str(done))
    report = report_of(ended)
    assert (report["command"], [job["job"] for job in report["jobs"]]) == (command, [command])


def test_a_registry_is_filled_and_told_about(workflow: Workflow, repository: Path, at_noon: FakeClock) -> None:
    assert at_noon() > 0
    dry = workflow.run("publish-expiries", horizon="3d", dry_run="true")
    assert "**34 writes planned**: 34 expiry ids to publish." in dry.summary
    assert refs(repository) == {}
    ended = workflow.run("publish-expiries", horizon="3d")
    assert (ended.code, ended.commands, ended.answers["count"]) == (0, [], "34")
    assert "**34 writes made**: 34 expiry ids published." in ended.summary
    assert report_of(ended)["jobs"][0]["facts"] == {"wanted": 34, "published": 0}
    assert len(refs(repository)) == 34
    assert workflow.run("publish-expiries", horizon="3d").answers["count"] == "0"
    assert "| expiry ids published for readers | 34 |" in workflow.run("check").summary


def test_a_wrong_tag_of_a_registry_is_told_about(workflow: Workflow, repository: Path, at_noon: FakeClock) -> None:
    assert at_noon() > 0
    workflow.run("publish-expiries", horizon="3d")
    one, other, *_ = refs(repository).items()
    git_output("update-ref", one[0], other[1], directory=repository)
    ended = workflow.run("publish-expiries", horizon="3d")
    (warning,) = ended.issued("warning")
    assert warning == "publish-expiries: 1 ref had to be left alone; the job summary says why."
    assert one[0] in ended.summary
    assert refs(repository)[one[0]] == other[1]
    checked = workflow.run("check")
    assert (checked.code, checked.answers["count"]) == (1, "1")
    assert "the next 'publish-expiries' makes it again" in checked.summary
    assert workflow.run("check", repair="true").code == 0
    assert "Nothing had to be done" not in workflow.run("publish-expiries", horizon="3d").summary
    assert refs(repository)[one[0]] == one[1]


def test_progress_is_plain_lines(busy: Workflow) -> None:
    """People see in the log how far the work is."""
    lines = busy.run("maintain").log.splitlines()
    assert lines
    assert all(re.fullmatch(r"(gather|sweep|purge): [\w ,]+: \d+ of \d+", line) for line in lines)
    assert "sweep: writes: 2 of 2" in lines


@pytest.mark.parametrize(
    ("done", "total", "line"),
    [(0, 0, "sweep: listing: 0 of 0"), (50_000, 0, "sweep: listing: 50000"), (3, 7, "sweep: listing: 3 of 7")],
)
def test_progress_of_which_the_end_is_not_known_names_none(done: int, total: int, line: str) -> None:
    log = StringIO()
    Runner({}, log, lambda: "").progress("sweep: listing", done, total)
    assert log.getvalue() == f"{line}\n"


def test_the_summary_tells_first_what_happened(busy: Workflow) -> None:
    """Then what each job did, with columns for what is rare only where it happened."""
    lines = busy.run("maintain").summary.splitlines()
    assert lines[0] == "## ✅ git-keyval maintain: fine"
    did = "**4 writes made**: 1 breadcrumb of 1 counter gathered, 2 expired keys removed, 1 parked value deleted."
    assert lines[2] == f"`{busy.repository}`: {did}"
    assert lines[4] == "**Room:** 12 branches of the 5,000 that GitHub recommends at most."
    assert re.fullmatch(r"It took \d+\.\d s and \d+ requests, and began at 2026-01-09T12:00:00Z\.", lines[6])
    assert lines[8] == "| job | refs read | planned | made |"
    rows = {row["job"]: row for row in tables(lines)[0]}
    assert [(job, row["planned"], row["made"]) for job, row in rows.items()] == [
        ("gather", "1", "1"),
        ("sweep", "2", "2"),
        ("purge", "1", "1"),
    ]


def test_the_summary_tells_why(busy: Workflow) -> None:
    """By reason: a list of two thousand refs would tell nobody anything."""
    summary = busy.run("maintain").summary
    reasons = [row for table in tables(summary.splitlines()) for row in table if "why" in row]
    assert {row["why"]: row["writes"] for row in reasons} == {
        "1 increment added": "1",
        "expired 2026-01-01T13:00:00Z": "2",
        "parked longer than the retention": "1",
    }
    (expired,) = [row["for example"] for row in reasons if row["why"].startswith("expired")]
    assert expired in {f"`{value_ref('old 1')}`", f"`{value_ref('old 2')}`"}


def charts(ended: Ended) -> list[list[str]]:
    found = re.findall(r"```mermaid\n(.*?)\n```\n", ended.summary, re.DOTALL)
    return [[line.strip() for line in chart.splitlines()] for chart in found]


def numbers_of(ended: Ended, axis: str) -> dict[str, str]:
    """Return the table of numbers that a chart is made of: who reads the summary as plain text reads that."""
    (found,) = [table for table in tables(ended.summary.splitlines()) if table and next(iter(table[0])) == axis]
    return {row[axis]: next(reversed(row.values())) for row in found}


def test_the_summary_draws_when_live_keys_expire(busy: Workflow) -> None:
    """https://mermaid.js.org/syntax/xyChart.html"""
    ended = busy.run("sweep")
    (chart,) = charts(ended)
    assert chart == [
        "xychart-beta",
        'x-axis ["within 1 hour", "within 7 days", "never"]',
        'y-axis "keys" 0 --> 2',
        "bar [1, 1, 2]",
    ]
    assert numbers_of(ended, "when") == {"within 1 hour": "1", "within 7 days": "1", "never": "2"}


def test_the_summary_draws_how_far_counters_are_behind(busy: Workflow, repository: Path) -> None:
    """As they were found, by age; a time ahead of the clock is no age."""
    crumb = breadcrumb_ref("n", "20260101T130000000000Z-rival123")
    times = ["20260109T115500000000Z", "20260109T115459999999Z", "20260109T080000000000Z", "20260102T120000000000Z"]
    for turn, time in enumerate([*times, "20260109T115900000000Z", "20260109T123000000000Z"]):
        git_output("update-ref", breadcrumb_ref("n", f"{time}-another{turn}"), crumb, directory=repository)
    ended = busy.run("gather", dry_run="true")
    (chart,) = charts(ended)
    assert chart[1:] == [
        'x-axis ["up to 5 minutes", "up to 1 hour", "up to 6 hours", "up to 7 days", "older"]',
        'y-axis "breadcrumbs" 0 --> 3',
        "bar [3, 1, 1, 1, 1]",
    ]
    assert list(numbers_of(ended, "age").values()) == ["3", "1", "1", "1", "1"]
    ages = job_of(ended, "gather")["ages"]
    assert {label: count for label, count in ages.items() if count} == {
        label: int(count) for label, count in numbers_of(ended, "age").items()
    }


def test_check_shows_what_kinds_of_keys_there_are(busy: Workflow) -> None:
    """A drawing of it would say no more."""
    ended = busy.run("check")
    assert charts(ended) == []
    assert numbers_of(ended, "what")["keys"] == "6"
    assert numbers_of(ended, "what")["keys of category data"] == "5"


def test_two_bars_are_no_chart(workflow: Workflow) -> None:
    """Their numbers say as much."""
    workflow.run("set", key="b", value="1", ttl="40d")
    workflow.run("set", key="a", value="1")
    for command, axis, label in (("sweep", "when", "never"), ("check", "what", "keys of category data")):
        ended = workflow.run(command)
        assert numbers_of(ended, axis)[label] in {"1", "2"}
        assert "mermaid" not in ended.summary


@pytest.mark.parametrize("command", ["maintain", "check"])
def test_an_empty_database_has_nothing_to_show(workflow: Workflow, command: str) -> None:
    ended = workflow.run(command)
    outcome = ended.summary.splitlines()[2]
    did = {"maintain": "**Nothing had to be done.**", "check": "**No problems found** in 0 keys."}[command]
    assert outcome == f"`{workflow.repository}`: {did}"
    assert "|" not in ended.summary
    assert ended.summary.count("###") == 0


@pytest.mark.parametrize("command", ["init", "get", "set", "incr", "keys"])
def test_other_steps_leave_the_summary_to_others(workflow: Workflow, command: str) -> None:
    """A workflow may have a hundred of them."""
    given = {"get": {"key": "a"}, "set": {"key": "a", "value": "1"}, "incr": {"key": "n"}}.get(command, {})
    assert workflow.run_given(command, given).summary == ""


def test_a_dry_run_tells_the_same_and_changes_nothing(busy: Workflow, repository: Path) -> None:
    before = refs(repository)
    ended = busy.run("maintain", dry_run="true")
    assert (ended.code, ended.answers["count"]) == (0, "4")
    assert refs(repository) == before
    assert report_of(ended)["dryRun"] is True
    assert "(dry run)" in ended.summary
    assert (
        "**4 writes planned**: 1 breadcrumb of 1 counter to gather, 2 expired keys to remove, 1 parked value to delete."
        in ended.summary
    )
    assert "| made |" not in ended.summary
    assert "### sweep: planned (2)" in ended.summary
    assert busy.run("maintain").answers["count"] == "4"


def test_a_budget_of_writes_is_a_notice(busy: Workflow) -> None:
    ended = busy.run("maintain", max_writes="2")
    assert (ended.code, ended.answers["count"]) == (0, "2")
    (notice,) = ended.issued("notice")
    assert "max-writes" in notice
    assert [command.name for command in ended.commands] == ["notice"]
    assert report_of(ended)["budgetReached"] == "max-writes"
    assert "The budget max-writes was reached" in ended.summary
    assert "Not started: purge." in ended.summary
    assert tables(ended.summary.splitlines())[0][1]["left for the next run"] == "1"
    assert busy.run("maintain").answers["count"] == "2"


def test_a_budget_of_time_is_a_notice(busy: Workflow) -> None:
    times = iter([0.0, 10.0, *[60.0] * 100])

    def slowly(outside: Surroundings) -> Surroundings:
        return replace(outside, elapsed=lambda: next(times))

    ended = busy.run_given("maintain", {"max-seconds": "30"}, slowly)
    assert (ended.code, len(ended.issued("notice"))) == (0, 1)
    assert report_of(ended)["budgetReached"] == "max-seconds"


def test_periods_are_inputs(busy: Workflow, repository: Path) -> None:
    assert busy.run("purge", retention="9d").answers["count"] == "0"
    assert busy.run("gather", grace_period="P9D").answers["count"] == "0"
    kept = job_of(busy.run("purge", retention="30d"), "purge")
    assert (kept["left"], kept["leftAlone"][0]["why"]) == (1, "parked more recently than the retention")
    assert len([name for name in refs(repository) if "/gc/" in name or "/bc-" in name]) == 2


def test_what_waits_is_no_warning(busy: Workflow) -> None:
    ended = busy.run("maintain", retention="30d", grace_period="30d")
    assert (ended.code, ended.commands) == (0, [])
    assert "### purge: waiting (1)" in ended.summary
    assert "worth a look" not in ended.summary


def test_items_that_are_left_alone_are_one_warning(busy: Workflow, repository: Path) -> None:
    """What nobody can read stays, and the summary names it."""
    odd = foreign_commit(repository)
    names = [expiry_ref("odd"), expiry_ref("odder"), breadcrumb_ref("n", "20260109T110000000000Z-malformed")]
    for name in names:
        git_output("update-ref", name, odd, directory=repository)
    ended = busy.run("maintain")
    assert (ended.code, ended.answers["count"]) == (0, "4")
    (warning,) = ended.issued("warning")
    assert [command.name for command in ended.commands] == ["warning"]
    assert "3" in warning
    assert all(refs(repository)[name] == odd for name in names)
    assert all(f"`{name}`" in ended.summary for name in names)
    assert "### sweep: left alone, and worth a look (2)" in ended.summary
    assert "The command check tells" in ended.summary
    assert job_of(ended, "sweep")["left"] == 2


def test_a_run_that_ends_early_is_told_with_what_was_done(served: Served) -> None:
    """The next run takes up what is left."""
    run = served.workflow.run
    run("set", key="a", value="1")
    run("getdel", key="a")
    served.server.fail(1, Status(503), service=RECEIVE_PACK, forever=True)
    ended = served.workflow.run_given("purge", {"retention": "0s"}, unhurried)
    assert "ended early" in ended.error
    assert report_of(ended)["jobs"][0]["error"]
    assert "**Nothing was done.**" in ended.summary or "**0 writes made**" in ended.summary
    assert "**Ended early:**" in ended.summary
    served.server.heal()
    assert run("purge", retention="0s").answers["count"] == "1"


def test_init_creates_what_is_missing_once(workflow: Workflow, repository: Path) -> None:
    first = workflow.run("init")
    assert (first.code, first.answers, first.log) == (0, {"applied": "true", "count": "2"}, "")
    assert set(refs(repository)) == {"refs/heads/main", "refs/tags/kv/dummy-tree"}
    assert workflow.run("init").answers == {"applied": "false", "count": "0"}


def test_init_refuses_a_repository_whose_names_are_taken(workflow: Workflow, repository: Path) -> None:
    git_output("update-ref", "refs/heads/gc", foreign_commit(repository), directory=repository)
    ended = workflow.run("init")
    assert "refs/heads/gc" in ended.error
    assert set(refs(repository)) == {"refs/heads/gc"}


def test_check_finds_nothing_in_a_sound_database(busy: Workflow, repository: Path) -> None:
    before = refs(repository)
    ended = busy.run("check")
    assert (ended.code, ended.commands, ended.answers["count"]) == (0, [], "0")
    report = report_of(ended)
    assert (report["errors"], report["problems"], report["problemCount"]) == (0, [], 0)
    assert report["counts"]["keys"] == 6
    assert ended.summary.startswith("## ✅ git-keyval check: fine\n")
    assert refs(repository) == before


def test_check_fails_on_what_breaks_a_rule(busy: Workflow, repository: Path) -> None:
    git_output("update-ref", value_ref("odd"), foreign_commit(repository), directory=repository)
    ended = busy.run("check")
    assert "found 1 error;" in ended.error
    assert ended.answers["count"] == "1"
    (found,) = report_of(ended)["problems"]
    assert (found["ref"], found["severity"]) == (value_ref("odd"), "error")
    assert f"| error | `{value_ref('odd')}` |" in ended.summary
    (row,) = tables(ended.summary.splitlines())[0]
    assert row["severity"] == "error"
    assert found["nextStep"].endswith(f": 'command: check' 'repair: true' 'repository: {repository}'")
    assert found["nextStep"] in row["what to do"]
    assert ended.summary.splitlines()[0] == "## ❌ git-keyval check: failed"
    assert ended.summary.splitlines()[2] == f"`{busy.repository}`: **1 error and 0 warnings** in 7 keys."


def test_check_warns_of_what_is_harmless(busy: Workflow, repository: Path) -> None:
    git_output("update-ref", "refs/heads/kv-notes/idea", foreign_commit(repository), directory=repository)
    ended = busy.run("check")
    assert (ended.code, ended.answers["count"], len(ended.issued("warning"))) == (0, "0", 1)
    assert report_of(ended)["problems"][0]["severity"] == "warning"


@pytest.mark.parametrize("name", ["a|b", "a`b", "a`|<b>&c"])
def test_odd_branch_names_do_not_break_the_tables_of_the_summary(name: str) -> None:
    """Anybody who may push can choose such a name."""
    report = CheckReport("2026-01-01T12:00:00Z", 0.1, 1, {}, [Problem(f"refs/heads/kv-0a/{name}", "warning", "odd|er", "")])
    (row,) = [line for line in summary_of(report).splitlines() if "refs/heads/kv-0a" in line]
    cells = re.split(r"(?<!\\)\|", row)[1:-1]
    assert len(cells) == 4
    code = re.fullmatch(r" (`+)(.*?)\1 ", cells[1])
    assert code[1] not in code[2] if code else not re.search("[`<]", cells[1].replace("<code>", "").replace("</code>", ""))


class Summarizing:
    """A step of which only the summary matters."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "summary"
        self.file.touch()
        self.runner = Runner({"GITHUB_STEP_SUMMARY": str(self.file)}, StringIO(), lambda: "x")

    def text(self) -> str:
        """Return what was written, which a runner must take."""
        data = self.file.read_bytes()
        assert len(data) <= MAX_SUMMARY_BYTES
        return data.decode()


@pytest.fixture
def step(tmp_path: Path) -> Summarizing:
    return Summarizing(tmp_path)


LEFT_OUT = "The rest is left out: a job summary has no room for it. The output `report` has the numbers."


def test_a_summary_is_cut_where_a_runner_would_refuse_it(step: Summarizing) -> None:
    step.runner.summarize("| é😀 |\n" * 200_000)
    lines = step.text().splitlines()
    assert set(lines[:-2]) == {"| é😀 |"}
    assert lines[-2:] == ["", LEFT_OUT]
    assert len(step.text().encode()) > 900_000


def test_the_size_counts_for_all_that_a_step_writes(step: Summarizing) -> None:
    """Maintenance of many repositories writes one report after the other."""
    for _ in range(300):
        step.runner.summarize("## a report\n" + "x" * 9_000 + "\n")
    assert step.text().count(LEFT_OUT) == 1
    assert step.text().rstrip().endswith(LEFT_OUT)
    assert len(step.text().encode()) > 900_000


@pytest.mark.parametrize("command", ["maintain", "check"])
@pytest.mark.parametrize("taken", [999_600, 999_995, 1_000_050])
def test_a_run_whose_summary_has_no_room_is_a_run_all_the_same(busy: Workflow, tmp_path: Path, command: str, taken: int) -> None:
    (tmp_path / "nearly full").write_text("x" * (taken - 1) + "\n")
    busy.environ = {"GITHUB_STEP_SUMMARY": str(tmp_path / "nearly full")}
    assert busy.run(command).code == 0
    written = (tmp_path / "nearly full").read_text(encoding="utf-8")
    assert len(written.encode()) <= MAX_SUMMARY_BYTES
    assert written.endswith(LEFT_OUT + "\n") == (taken == 999_600)


@pytest.mark.parametrize("lines", range(1, 8))
def test_no_chart_is_cut_open(step: Summarizing, lines: int) -> None:
    """Everything after it would be part of the chart, and nothing of it would be drawn."""
    chart = '```mermaid\npie showData\n    "data" : 1\n    "counter" : 1\n```\n'
    step.runner.summarize("x" * 999_890 + "\n" * lines + chart + "more\n" * 100)
    assert step.text().count("```") in {0, 2}
    assert step.text().rstrip().endswith(LEFT_OUT)


def test_a_summary_that_fits_is_whole(step: Summarizing) -> None:
    step.runner.summarize("é\n" * 300_000)
    assert step.text() == "é\n" * 300_000


def test_long_lists_are_bounded(busy: Workflow, repository: Path, at_noon: FakeClock) -> None:
    """The counts are complete, the lists are not: 201 keys expired."""
    busy.run("maintain")
    busy.run("mset", values=json.dumps({f"key {number}": number for number in range(201)}), ttl="1m")
    at_noon.advance(60)
    ended = busy.run("sweep")
    job = job_of(ended, "sweep")
    assert (ended.answers["count"], job["applied"], len(job["changed"])) == ("201", 201, 200)
    assert "| expired 2026-01-09T12:01:00Z | " in ended.summary
    assert "| 201 |" in ended.summary
    assert len(ended.summary) < MAX_SUMMARY_BYTES
    assert "key 7" not in ended.shown
    assert len(refs(repository)) > 1


def test_the_check_of_reports_finds_what_is_wrong(busy: Workflow) -> None:
    for command in ("maintain", "check"):
        report = report_of(busy.run(command))
        for name in report:
            assert list(violations({member: value for member, value in report.items() if member != name}, SCHEMA, SCHEMA))
        assert list(violations({**report, "more": 1}, SCHEMA, SCHEMA))


def test_what_changed_since_an_earlier_report_is_shown(busy: Workflow) -> None:
    """A file that is not there is the first run's; one that is no report is told."""
    file = busy.directory / "report.json"
    first = busy.run("info", previous_report=str(file))
    assert "Since" not in first.summary
    file.write_text(first.outputs["report"], encoding="utf-8")
    busy.run("set", key="another", value="1")
    assert "| keys | 4 | 5 | +1 |" in busy.run("info", previous_report=str(file)).summary
    file.write_text("{", encoding="utf-8")
    told = busy.run("info", previous_report=str(file))
    assert (told.code, "The earlier report cannot be read" in told.summary) == (0, True)


def test_a_page_is_written_to_a_file(busy: Workflow) -> None:
    file = busy.directory / "page.html"
    ended = busy.run("page", output_file=str(file))
    assert (ended.code, ended.answers["count"]) == (0, "4")
    page = file.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert f"<h1>{busy.repository}</h1>" in page
    assert "**A page of 4 keys is written**" in ended.summary
    assert "output-file" in busy.run("page").error
