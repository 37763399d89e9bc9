"""What reports say: the state first, what changed since, and nothing that is zero."""

import json

import pytest

from git_keyval.commands.values import Getdel, Set
from git_keyval.database.perform import perform
from git_keyval.errors import GitKeyvalError
from git_keyval.format.names import Naming, RefName
from git_keyval.maintenance.commands import Check, Info, Init, Maintain, Sweep
from git_keyval.maintenance.presenter import Around, Code, Status, overview, present, size_in_words
from git_keyval.maintenance.report import AnyReport, CheckReport, Problem, to_json
from tests.contract.samples import note
from tests.faults import Lost
from tests.maintenance.test_jobs import fill
from tests.summaries import summary_of
from tests.world import World, key, text

JOBS = (Maintain(), Maintain(dry_run=True), Check(), Info(), Init())


def around(earlier: AnyReport) -> Around:
    return Around(previous=json.loads(json.dumps(to_json(earlier))))


def test_the_state_comes_first(memory: World) -> None:
    """What nobody has to look at is fine; what does not go away by itself asks for attention."""
    assert present("maintain", Maintain(dry_run=True).run(memory.maintenance())).status is Status.FINE
    memory.put(RefName("refs/heads/kv-notes/idea"), note(b"x"))
    assert present("check", Check().run(memory.maintenance())).status is Status.ATTENTION
    memory.put(Naming().value(key("odd").id), note(b"x"))
    assert present("check", Check().run(memory.maintenance())).status is Status.FAILED
    assert present("sweep", GitKeyvalError("It is not there.")).status is Status.FAILED
    perform(memory.database(), Set(key=key("ends"), value=text("v"), ttl=60))
    memory.clock.advance(120)
    broken = Maintain().run(memory.maintenance(memory.faulty(dict.fromkeys(range(3, 100), Lost.BEFORE))))
    assert present("maintain", broken).status is Status.FAILED


@pytest.mark.parametrize("command", JOBS, ids=lambda command: f"{command.name}{' dry' * getattr(command, 'dry_run', False)}")
def test_no_row_is_all_zeros(memory: World, command: Maintain) -> None:
    fill(memory)
    for _ in range(2):
        for section in present(command.name, command.run(memory.maintenance())).sections:
            for row in section.rows:
                assert len(row) == len(section.heads)
                numbers = [cell for cell in row if isinstance(cell, int)]
                assert any(numbers) or not numbers, section
        Maintain(retention=0, grace_period=0).run(memory.maintenance())


@pytest.mark.parametrize("command", JOBS, ids=lambda command: f"{command.name}{' dry' * getattr(command, 'dry_run', False)}")
def test_a_column_has_numbers_or_none(memory: World, command: Maintain) -> None:
    fill(memory)
    for section in present(command.name, command.run(memory.maintenance())).sections:
        for column in zip(*section.rows, strict=True):
            assert len({isinstance(cell, int) for cell in column}) == 1


def test_a_dry_run_says_planned(memory: World) -> None:
    fill(memory)
    dry = summary_of(Maintain(dry_run=True).run(memory.maintenance()))
    done = summary_of(Maintain().run(memory.maintenance()))
    assert "writes planned**" in dry
    assert not [word for word in ("writes made", " gathered", " removed", " deleted") if word in dry]
    assert "writes made**" in done
    assert "planned**" not in done


def test_what_changed_since_is_shown(memory: World) -> None:
    fill(memory)
    earlier = Maintain(dry_run=True).run(memory.maintenance())
    assert "### Since" not in summary_of(Maintain(dry_run=True).run(memory.maintenance()), around(earlier))
    for label in "xyz":
        perform(memory.database(), Set(key=key(label), value=text("v")))
    perform(memory.database(), Getdel(key=key("x")))
    later = Maintain(dry_run=True).run(memory.maintenance())
    (section,) = [each for each in present("maintain", later, around(earlier)).sections if each.title.startswith("Since")]
    changed = {row[0]: row[3] for row in section.rows}
    assert changed == {"keys": "+2"}
    assert section.title == f"Since {earlier.started_at}"
    for command in (Check(), Info()):
        again = command.run(memory.maintenance())
        assert "### Since" not in summary_of(again, around(again))
    checked = Check().run(memory.maintenance())
    perform(memory.database(), Getdel(key=key("y")))
    changed = {row[0]: row[3] for row in present("check", Check().run(memory.maintenance()), around(checked)).sections[0].rows}
    assert changed == {"keys": "-1", "parked values": "+1"}
    assert "### Since" not in summary_of(Info().run(memory.maintenance()), around(checked))  # it counts other things


@pytest.mark.parametrize("document", [{}, {"command": "check"}, {"jobs": [1, {"job": "sweep"}]}, {"command": "info", "waiting": 3}])
def test_an_odd_earlier_report_is_compared_with_nothing(memory: World, document: dict[str, object]) -> None:
    fill(memory)
    report = Info().run(memory.maintenance())
    assert "### Since" not in summary_of(report, Around(previous=document))  # type: ignore[arg-type]


def test_the_summary_names_the_repository_with_a_link(memory: World) -> None:
    line = summary_of(Info().run(memory.maintenance())).splitlines()[2]
    assert line.startswith("[`org/db`](https://github.com/org/db): **")


def test_the_room_is_told(memory: World) -> None:
    fill(memory)
    for command in (Sweep(), Check(), Info()):
        report = command.run(memory.maintenance())
        assert "of the 5,000 that GitHub recommends at most; 4,812 API requests left this hour." in summary_of(
            report, Around(rate_remaining=4812)
        )


def test_several_are_summed_up() -> None:
    failed = present("sweep", GitKeyvalError("It is not there."))
    fine = failed._replace(status=Status.FINE, did="Nothing had to be done.", rest="")
    odd = failed._replace(status=Status.ATTENTION)
    sentence, section = overview([("a", fine), ("b", failed), ("c", fine), ("d", odd)])
    assert sentence == "4 repositories: 2 fine, 1 needs attention, 1 failed."
    assert section.rows[1] == (Code("b"), "failed", "Failed: It is not there.")
    assert section.rows[3][1] == "needs attention"
    assert overview([("a", odd), ("b", odd)])[0] == "2 repositories: 2 need attention."


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (5 * 10**12, "5000.0 GB")],
)
def test_sizes_are_said_as_people_do(size: int, words: str) -> None:
    assert size_in_words(size) == words


def test_many_problems_are_counted_by_kind_too() -> None:
    """Each has its own next step, which can be taken as it is printed."""
    few = [Problem(f"refs/{place}", "warning", "it is odd", f"Delete refs/{place}.") for place in range(3)]
    many = [
        Problem(f"refs/{place}", "warning" if place % 3 else "error", "it is odd", f"Delete refs/{place}.") for place in range(300)
    ]
    (section,) = present("check", CheckReport("2026-01-01T12:00:00Z", 0.0, 1, {}, few)).sections
    assert section.rows[2] == ("warning", Code("refs/2"), "it is odd", "Delete refs/2.")
    counts, refs = present("check", CheckReport("2026-01-01T12:00:00Z", 0.0, 1, {}, many)).sections
    assert counts.rows == [("error", "it is odd", 100), ("warning", "it is odd", 200)]
    assert (len(refs.rows), refs.more) == (200, 100)
