"""The model of many repositories, beside the product on a few: nothing may differ, or the model has to learn what has changed."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from sys import maxsize

import pytest

from benchmarks.fleet import WAYS, Night, differing, minutes, model_night, most_a_day, shared
from benchmarks.fleets import Fleet, Job, filled, fleet_of
from benchmarks.schedule import Outcome, schedule
from benchmarks.traces import MIX, Shape, Transport, maintenance, spent
from benchmarks.workload import Kind, busy, idle
from tests.exhaustive import in_turn, only

FULL = Shape(60, expiring=40, expired=20, counters=3, crumbs=2, maps=2, ended=2, parked=5, moments=41)
SHAPES = {
    "all that there is": FULL,
    "nothing to do": Shape(20),
    "nothing yet": Shape(20, expiring=10, moments=10),
    "many to sweep by the API": Shape(260, expiring=250, expired=250, moments=60, parked=130),
    "many counters": Shape(20, counters=12, crumbs=20),
}


def agreed(
    directory: Path,
    repositories: int,
    keys: int,
    shape_of: Callable[[int], Shape],
    crews: Callable[[Fleet], Sequence[Iterable[Job]]],
    **limits: int,
) -> Outcome:
    """Count runs of the product, and return what the model says of them, which must be the same."""
    with fleet_of(directory, repositories, 5_000) as fleet:
        for name, limit in limits.items():
            setattr(fleet.github.options, name, limit)
        fleet.fill(filled(directory / "filled", Kind(repositories), keys * repositories, shape_of))
        counted = fleet.count(crews(fleet))
        outcome = schedule(shared(crews(fleet)), fleet.github.options, fleet.begun)
    assert differing(counted, outcome) == []
    assert counted.asked.total() > 0
    return outcome


@pytest.mark.parametrize(("name", "transport"), in_turn(SHAPES, ["auto", "git", "api"]))
def test_a_nights_maintenance_asks_what_the_model_says(tmp_path: Path, name: str, transport: Transport) -> None:
    shape = SHAPES[name]
    agreed(tmp_path, 1, shape.keys, lambda _keys: shape, lambda fleet: [fleet.maintained(transport, 3_000)])


@pytest.mark.parametrize(("transport", "at_once"), in_turn(["auto", "api"], [2, 0]))
def test_limits_are_met_and_waited_for_when_the_model_says(tmp_path: Path, transport: Transport, at_once: int) -> None:
    """Four repositories of a config file, or in two jobs at a time; the third push and the sixth write wait."""

    def crews(fleet: Fleet) -> Sequence[Iterable[Job]]:
        return [fleet.maintained(transport, 300)] * at_once if at_once else [[fleet.maintained_at_once(transport, 300)]]

    outcome = agreed(tmp_path, 4, 60, lambda _keys: FULL, crews, pushes_per_minute=2, content_per_minute=5)
    assert outcome.first == {"auto": "pushes a minute", "api": "content a minute"}[transport]
    assert outcome.waited > 0


def test_what_has_no_time_to_wait_stops_when_the_model_says(tmp_path: Path) -> None:
    outcome = agreed(tmp_path, 4, 60, lambda _keys: FULL, lambda fleet: [fleet.maintained("api", 300)], content_per_hour=9)
    assert outcome.stopped == 4


@pytest.mark.parametrize(("limit", "most"), [("core_limit", 30), ("graphql_limit", 20)])
def test_the_hours_requests_are_waited_for_until_the_model_says(tmp_path: Path, limit: str, most: int) -> None:
    """The hour begins with the first request."""
    outcome = agreed(tmp_path, 4, 60, lambda _keys: FULL, lambda fleet: [fleet.maintained("api", 4_000)] * 2, **{limit: most})
    assert outcome.stopped == 0
    assert 3_600 < outcome.seconds < 3_700


@pytest.mark.parametrize("seconds", [3_603, 3_604])
def test_what_has_used_its_time_begins_nothing_more_as_the_model_says(tmp_path: Path, seconds: int) -> None:
    """The wait for the hour of content just fits, and what comes after it does not."""
    outcome = agreed(tmp_path, 1, 60, lambda _keys: FULL, lambda fleet: [fleet.maintained("api", seconds)], content_per_hour=6)
    assert (outcome.stopped, outcome.waited) == (1, 1)
    assert outcome.seconds < seconds + 40


@pytest.mark.parametrize("most", only([4, 27], [2, 4, 27, 30]))
def test_a_budget_of_writes_leaves_to_the_next_night_what_the_model_says(tmp_path: Path, most: int) -> None:
    agreed(tmp_path, 1, 60, lambda _keys: FULL, lambda fleet: [fleet.maintained("api", 300, most)])


@pytest.mark.parametrize("way", WAYS)
def test_steps_ask_and_wait_as_the_model_says(tmp_path: Path, way: str) -> None:
    """Twenty steps within four seconds, of a GitHub that takes few of them."""
    mix, transport, does = WAYS[way]

    def crews(fleet: Fleet) -> Sequence[Iterable[Job]]:
        return [islice(fleet.steps(mix, transport, 300, spacing=0.2 * does, begin=fleet.begun), 20 // does)] * 5

    outcome = agreed(tmp_path, 1, 200, idle, crews, content_per_minute=20, pushes_per_minute=1)
    assert outcome.waited > 0


@pytest.mark.exhaustive  # test_limits_are_met_and_waited_for_when_the_model_says counts one step for many repositories
def test_a_sharded_database_is_counted_too(tmp_path: Path) -> None:
    outcome = agreed(tmp_path, 16, 20, busy, lambda fleet: [[fleet.maintained_at_once("auto", 300)]])
    assert outcome.first == ""


def test_what_limits_have_room_for_is_what_they_count() -> None:
    for way in WAYS:
        mix, transport, does = WAYS[way]
        most = most_a_day(way, 1)
        assert all(number > 0 for number in most.values())
        assert most_a_day(way, 2).get("pushes", 0) == pytest.approx(2 * most.get("pushes", 0), abs=1)
        assert most_a_day(way, 1, 10_000).get("GraphQL", 0) == pytest.approx(2 * most.get("GraphQL", 0), abs=1)
        assert ("content" in most) is (way in {"auto", "api"}), (mix, transport, does)


def test_minutes_of_each_job_are_rounded_up() -> None:
    jobs, one = Night(16, at_once=4, keys=100), Night(16, at_once=0, keys=100)
    assert minutes(model_night(jobs), jobs) == 16
    assert minutes(model_night(one), one) == 2


def test_more_writes_take_more_and_none_take_none() -> None:
    full, nothing = (maintenance(FULL, "api", most) for most in (maxsize, 0))
    assert spent(nothing).content == 0
    assert spent(maintenance(FULL, "api", 10)).content < spent(full).content
    assert sum(MIX.values()) == 20
    assert [Kind.for_keys(keys).repositories for keys in (1_000, 3_900, 4_100, 60_000, 70_000)] == [1, 1, 16, 16, 256]
