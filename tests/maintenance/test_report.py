"""The reports, as JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.commands.values import Mset, Set
from git_keyval.database.perform import perform
from git_keyval.errors import GitKeyvalError
from git_keyval.format.canonical import JsonValue
from git_keyval.maintenance.check import check
from git_keyval.maintenance.commands import Gather, Info, Maintain, Purge, Sweep
from git_keyval.maintenance.report import MAX_LISTED, AnyReport, several_to_json, to_json
from tests.contract.samples import note
from tests.faults import Lost, Rival
from tests.maintenance.schema import violations
from tests.maintenance.stores import Choosy
from tests.maintenance.test_jobs import fill
from tests.world import World, key, text

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "report.schema.json"
K = key()

REPORTS: dict[str, Callable[[World], AnyReport]] = {
    "gather": lambda world: Gather().run(world.maintenance()),
    "sweep": lambda world: Sweep().run(world.maintenance()),
    "purge": lambda world: Purge().run(world.maintenance()),
    "maintain": lambda world: Maintain().run(world.maintenance()),
    "dry run": lambda world: Maintain(dry_run=True).run(world.maintenance()),
    "budget": lambda world: Maintain(max_writes=1).run(world.maintenance()),
    "refused": lambda world: Maintain().run(world.maintenance(Choosy(world.store, declines=lambda _transaction: True))),
    "failed": lambda world: Sweep().run(world.maintenance(world.faulty(dict.fromkeys(range(4, 100), Lost.BEFORE)))),
    "conflict": lambda world: Sweep().run(
        world.maintenance(
            world.faulty({4: Rival(lambda: perform(world.database(), Set(key=key("expired"), value=text("w"), ttl=60)))})
        )
    ),
    "check": lambda world: check(world.maintenance()),
    "info": lambda world: Info().run(world.maintenance()),
}


@pytest.mark.parametrize("made", REPORTS.values(), ids=REPORTS)
def test_reports_are_as_their_schema_says(memory: World, made: Callable[[World], AnyReport]) -> None:
    fill(memory)
    schema = json.loads(SCHEMA_FILE.read_text())
    report = json.loads(json.dumps(to_json(made(memory))))
    assert list(violations(report, schema, schema)) == []


def test_the_reports_of_several_repositories_are_as_their_schema_says(memory: World) -> None:
    fill(memory)
    schema = json.loads(SCHEMA_FILE.read_text())
    reports = [(name, made(memory)) for name, made in REPORTS.items()]
    several = json.loads(json.dumps(several_to_json("maintain", [*reports, ("gone", GitKeyvalError("It is not there."))])))
    assert list(violations(several, schema, schema)) == []
    assert [one["repository"] for one in several["repositories"]] == [*REPORTS, "gone"]
    assert several["repositories"][-1] == {"repository": "gone", "report": None, "error": "It is not there."}
    wrong: list[dict[str, JsonValue]] = [{"report": {}}, {"error": 1}, {"surplus": 1}, {"repository": None}]
    for broken in wrong:
        several["repositories"][0] |= broken
        assert list(violations(several, schema, schema)) != []
        several["repositories"][0] = {"repository": "a", "report": None, "error": None}


def test_a_report_lists_no_more_than_it_is_asked_for(memory: World) -> None:
    fill(memory)
    for report in (to_json(Maintain().run(memory.maintenance()), 1), to_json(check(memory.maintenance()), 1)):
        document = json.loads(json.dumps(report))
        lists = [
            document.get("problems", []),
            *(job[name] for job in document.get("jobs", []) for name in ("changed", "leftAlone")),
        ]
        assert max(map(len, lists)) == 1


@pytest.mark.parametrize("broken", [{"jobs": 1}, {"surplus": 1}, {"seconds": -1}, {"startedAt": "today"}, {"command": "get"}])
def test_a_report_that_is_not_as_its_schema_says_is_noticed(memory: World, broken: dict[str, JsonValue]) -> None:
    schema = json.loads(SCHEMA_FILE.read_text())
    report = to_json(Maintain().run(memory.maintenance())) | broken
    assert list(violations(report, schema, schema)) != []


def test_a_report_counts_everything_and_lists_the_first_of_each_kind(memory: World) -> None:
    perform(memory.database(), Mset(values={key(str(index)): text("v") for index in range(MAX_LISTED + 5)}, ttl=60))
    memory.clock.advance(60)
    report = json.loads(json.dumps(to_json(Sweep().run(memory.maintenance()))))
    (job,) = report["jobs"]
    assert (job["planned"], job["applied"], len(job["changed"])) == (MAX_LISTED + 5, MAX_LISTED + 5, MAX_LISTED)


def test_a_report_tells_what_happened(memory: World) -> None:
    fill(memory)
    report = json.loads(json.dumps(to_json(Maintain().run(memory.maintenance()))))
    assert (report["command"], report["dryRun"], report["budgetReached"]) == ("maintain", False, None)
    assert report["startedAt"] == "2026-01-09T12:00:01Z"
    gathered, swept, purged = report["jobs"]
    assert (gathered["applied"], gathered["left"]) == (2, 3)
    assert (swept["applied"], swept["facts"]) == (
        3,
        {"branches": 11, "keys": 5, "live": 3, "expired": 2, "expiredElements": 0, "collections": 0},
    )
    assert (purged["applied"], purged["facts"]) == (3, {"parked": 2})


def test_what_had_to_be_left_is_told_before_what_only_waits(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=5))
    memory.clock.advance(1)
    malformed = memory.plant(K, note("hello\n"))
    report = Gather().run(memory.maintenance())
    assert report.notable() == 1
    assert malformed in {item["ref"] for item in json.loads(json.dumps(to_json(report)))["jobs"][0]["leftAlone"]}


def test_the_report_of_check_counts_everything_and_lists_errors_first(memory: World) -> None:
    fill(memory)
    for index in range(MAX_LISTED + 5):
        memory.plant(K, note("hello\n"), ago=index)
    report = json.loads(json.dumps(to_json(check(memory.maintenance()))))
    assert report["errors"] == MAX_LISTED + 6
    assert report["problemCount"] > report["errors"]
    assert {problem["severity"] for problem in report["problems"]} == {"error"}
    assert len(report["problems"]) == MAX_LISTED
