"""Past one machine: many repositories on the emulated GitHub under the limits that GitHub documents, counted and modelled."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from math import ceil
from pathlib import Path

from benchmarks.fleets import Counted, Filled, Fleet, Job, filled, fleet_of
from benchmarks.measuring import Bench
from benchmarks.results import Answer
from benchmarks.schedule import Outcome, Run, schedule
from benchmarks.traces import FETCH, FETCH_LISTED, MIX, Shape, Spent, Transport, spent
from benchmarks.traces import STEPS as STEPS_ASK
from benchmarks.workload import JOB_START, Kind, busy, day, idle, night
from tests.emulator import Options

KEYS = 1_000_000
REPOSITORIES = 256
KEYS_OF_ONE = KEYS // REPOSITORIES
STEPS = 50_000
"""The database, and a day of it."""
DAY, WORKING_DAY = 24, 8
"""Hours in which a day's steps come."""
NIGHT_PATIENCE, STEP_PATIENCE = 3_000.0, 300.0
"""``max-seconds`` of maintenance.yml, and what a step waits without that input."""
RUNNERS = 20
"""How many jobs a free plan runs at once (https://docs.github.com/en/actions/reference/limits)."""
PERSON, APP, WORKFLOW = 5_000, 12_500, 1_000
"""Requests an hour of REST, and points an hour of GraphQL: a personal token, an App installed in 256 repositories, GITHUB_TOKEN.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-primary-rate-limits
"""
WAYS: Mapping[str, tuple[Mapping[str, int], Transport, int]] = {
    "auto": (MIX, "auto", 1),
    "api": (MIX, "api", 1),
    "git": (MIX, "git", 1),
    "batch": ({"batch": 1}, "auto", 10),
}
"""Ways to make steps: their mix, the transport, and what one does."""
SIZES = (1_000, 3_500, 50_000, 250_000, KEYS)
"""Numbers of keys for which the page on sizing says what a night costs."""
_HOUR, _MINUTE = 3_600, 60
_LEAST_KEYS = 200
"""So many keys of a repository that no two steps meet at one; what a step asks does not depend on the others."""


@dataclass(frozen=True, slots=True)
class Night:
    """The maintenance of a fleet: ``at_once`` jobs of one repository each at a time, or 0 for one job that takes all in turn.

    ``own`` says that each repository has a token of its own.
    """

    repositories: int
    transport: Transport = "auto"
    at_once: int = 4
    keys: int = KEYS_OF_ONE
    """Of each repository."""
    per_hour: int = PERSON
    patience: float = NIGHT_PATIENCE
    own: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """Steps of a fleet, so many in so many hours, all made in one way; ``tokens`` are used in turn."""

    repositories: int
    way: str
    steps: int
    hours: float
    keys: int = KEYS_OF_ONE
    per_hour: int = PERSON
    tokens: int = 1

    @property
    def spacing(self) -> float:
        """Return the seconds from one step to the next."""
        return self.hours * _HOUR / self.made

    @property
    def made(self) -> int:
        """Return how many steps are made: a batch does ten."""
        return self.steps // WAYS[self.way][2]


def fleet(bench: Bench) -> Answer:
    """Maintain 1, 4, 16 and 256 repositories of 3,906 keys each, and run steps on them, on the emulated GitHub with all limits.

    Time passes where a client waits for an answer or a limit, and is not slept. The model has to say the same of every run: each
    request, each refusal, each wait. Then it is asked what was not run.
    """
    result = Answer("fleet", ("what", "counted", "REST", "GraphQL", "git", "content", "pushes", "refused", "stopped", "seconds"))
    result.records = {"checks": [], "nights": [], "days": [], "rooms": [], "sizes": []}
    keys, most = bench.size(KEYS_OF_ONE), 16 if bench.quick else REPOSITORIES
    for one in _nights(keys, most):
        _count_night(bench.directory, one, result)
    for number, whole in _days(most, bench.size(STEPS // DAY // 4)):
        _count_day(bench.directory, whole, number, result)
    for one in _modelled_nights():
        _tell_night(result, one, model_night(one), counted=False, branches=busy(one.keys).branches)
    for whole in _modelled_days():
        _tell_day(result, whole, model_day(whole))
    result.records["rooms"] = [
        {"way": way, "repositories": number, "most": most_a_day(way, number)} for way in WAYS for number in (1, 16, REPOSITORIES)
    ]
    result.records["sizes"] = [size_of(keys) for keys in SIZES]
    return result


def _nights(keys: int, most: int) -> Iterator[Night]:
    """Yield the nights that are counted."""
    for repositories in (1, 4, 16):
        for transport in ("auto", "git", "api"):
            for at_once in (4, 0):
                yield Night(repositories, transport, at_once, keys)
    yield Night(most, "auto", 4, keys)
    yield Night(most, "auto", 0, keys)
    yield Night(most, "git", 4, keys)
    yield Night(most, "api", 4, keys)
    yield Night(most, "api", 0, keys)


def _days(most: int, steps: int) -> Iterator[tuple[int, Day]]:
    """Yield the days of which some steps are counted, and how many."""
    for repositories, count, hours in ((1, 100, 1.0), (1, 100, 0.02), (4, 200, 0.04), (16, 640, 0.2)):
        for way in WAYS:
            yield count // WAYS[way][2], Day(repositories, way, count, hours, _LEAST_KEYS)
    for way in ("auto", "git", "batch"):
        yield steps // WAYS[way][2], Day(most, way, STEPS, DAY, _LEAST_KEYS)


def _modelled_nights() -> Iterator[Night]:
    yield Night(REPOSITORIES, "auto", 16)
    yield Night(REPOSITORIES, "api", 4, patience=6 * _HOUR)
    yield Night(REPOSITORIES, "api", 4, per_hour=APP)
    yield Night(REPOSITORIES, "api", 4, per_hour=WORKFLOW, own=True)


def _modelled_days() -> Iterator[Day]:
    for hours in (DAY, WORKING_DAY):
        for way in WAYS:
            yield Day(REPOSITORIES, way, STEPS, hours)
    yield Day(REPOSITORIES, "auto", STEPS, DAY, per_hour=APP)
    yield Day(REPOSITORIES, "auto", STEPS, DAY, tokens=7)
    yield Day(REPOSITORIES, "auto", min(most_a_day("auto", REPOSITORIES).values()), DAY)


def model_night(one: Night) -> Outcome:
    """Return what the model says of a night in which all repositories are of one shape."""
    shapes = {shard: busy(one.keys) for shard in Kind(one.repositories).shards}
    runs = night(shapes, one.transport, one.patience, each=not one.at_once, tokens=tuple(shapes) if one.own else ("",))
    return schedule([runs] * max(1, one.at_once), Options.documented(one.per_hour), 0.0)


def model_day(one: Day, number: int | None = None) -> Outcome:
    """Return what the model says of the first steps of a day, or of all."""
    mix, transport, _ = WAYS[one.way]
    tokens = tuple(map(str, range(one.tokens)))
    steps = day(Kind(one.repositories), mix, transport, STEP_PATIENCE, spacing=one.spacing, begin=0.0, tokens=tokens)
    runs = (run for _, _, run in islice(steps, number or one.made))
    return schedule([runs] * RUNNERS, Options.documented(one.per_hour), 0.0)


def minutes(outcome: Outcome, one: Night) -> int:
    """Return the minutes of runners that are paid for: those of each job are rounded up.

    https://docs.github.com/en/billing/concepts/product-billing/github-actions
    """
    jobs = [JOB_START + taken for taken in outcome.busy] if one.at_once else [outcome.seconds]
    return sum(ceil(seconds / _MINUTE) for seconds in jobs)


def most_a_day(way: str, repositories: int, per_hour: int = PERSON) -> dict[str, int]:
    """Return how many steps a day each limit has room for, where they are all made in one way and come evenly."""
    mix, transport, does = WAYS[way]
    taken = spent(STEPS_ASK[step][transport] * count for step, count in mix.items())
    options, many = Options.documented(per_hour), does * sum(mix.values())
    day = DAY * _HOUR
    windows = {
        "content": (taken.content, options.content_per_hour, _HOUR),
        "REST": (taken.rest, options.core_limit, _HOUR),
        "GraphQL": (taken.graphql, options.graphql_limit, _HOUR),
        "pushes": (taken.pushes, (options.pushes_per_minute or 0) * repositories, _MINUTE),
    }
    return {name: (limit or 0) * day * many // (window * cost) for name, (cost, limit, window) in windows.items() if cost}


def _count_night(directory: Path, one: Night, result: Answer) -> None:
    def crews(some: Fleet) -> Sequence[Iterable[Job]]:
        if not one.at_once:
            return [[some.maintained_at_once(one.transport, one.patience)]]
        return [some.maintained(one.transport, one.patience)] * one.at_once

    name = f"night, {one.repositories} repositories, {one.transport}, {one.at_once or 'one job'}"
    outcome, shapes = _compared(name, directory, one.repositories, one.keys, busy, crews, result)
    _tell_night(result, one, outcome, counted=True, branches=max(shape.branches for shape in shapes))


def _count_day(directory: Path, one: Day, number: int, result: Answer) -> None:
    def crews(some: Fleet) -> Sequence[Iterable[Job]]:
        mix, transport, _ = WAYS[one.way]
        steps = some.steps(mix, transport, STEP_PATIENCE, spacing=one.spacing, begin=some.begun)
        return [islice(steps, number)] * RUNNERS

    name = f"{number} steps, {one.repositories} repositories, {one.way}, one in {one.spacing:.2f} s"
    outcome, _ = _compared(name, directory, one.repositories, one.keys, idle, crews, result)
    _tell(result, name, outcome, counted=True)


def _compared(
    name: str,
    directory: Path,
    repositories: int,
    keys: int,
    proportions: Callable[[int], Shape],
    crews: Callable[[Fleet], Sequence[Iterable[Job]]],
    result: Answer,
) -> tuple[Outcome, Sequence[Shape]]:
    """Count runs, and have the model say the same of them; return what it says, and of what."""
    place, template = directory / "fleet", directory / f"{proportions.__name__}-{repositories}-{keys}"
    contents = _template(template, repositories, keys, proportions)
    with fleet_of(place, repositories, PERSON) as some:
        some.fill(contents)
        counted = some.count(crews(some))
        outcome = schedule(shared(crews(some)), some.github.options, some.begun)
        shapes = list(some.shapes.values())
    shutil.rmtree(place)
    differences = differing(counted, outcome)
    result.failures += [f"{name}: {difference}" for difference in differences]
    result.records["checks"].append(
        {
            "what": name,
            "requests": counted.asked.total(),
            "refused": counted.refused.total(),
            "stopped": counted.stopped,
            "seconds": round(counted.seconds, 1),
            "differences": len(differences),
        }
    )
    return outcome, shapes


@lru_cache(maxsize=1)
def _template(directory: Path, repositories: int, keys: int, proportions: Callable[[int], Shape]) -> Filled:
    """Fill repositories once for all runs on them that follow each other."""
    shutil.rmtree(directory, ignore_errors=True)
    return filled(directory, Kind(repositories), keys * repositories, proportions)


def shared(crews: Sequence[Iterable[Job]]) -> list[Iterator[Run]]:
    """Return the runs of jobs; crews that share their jobs share the runs."""
    shared = {id(jobs): (run for job in jobs for run in job.runs) for jobs in crews}
    return [shared[id(jobs)] for jobs in crews]


def differing(counted: Counted, outcome: Outcome) -> list[str]:
    """Return where the model and what was counted differ: there is no tolerance but of a tenth of a second."""
    said: Sequence[tuple[str, object, object]] = (
        ("requests", +counted.asked, _letters(outcome)),
        ("refusals", counted.refused.total(), outcome.refused.total()),
        ("runs that gave up", counted.stopped, outcome.stopped),
        ("seconds", round(counted.seconds, 1), round(outcome.seconds, 1)),
    )
    return [f"{what}: counted {one}, the model says {other}" for what, one, other in said if one != other]


def _letters(outcome: Outcome) -> Counter[str]:
    """Return the requests by letter; of a read by git nobody sees what it is for."""
    asked = outcome.asked + outcome.refused
    return asked - Counter({FETCH_LISTED: asked[FETCH_LISTED]}) + Counter({FETCH: asked[FETCH_LISTED]})


def _tell_night(result: Answer, one: Night, outcome: Outcome, *, counted: bool, branches: int) -> None:
    name = f"night, {one.repositories} repositories, {one.transport}, {one.at_once or 'one job'}"
    _tell(result, name, outcome, counted=counted)
    result.records["nights"].append(
        {**asdict(one), "counted": counted, "branches": branches, "minutes": minutes(outcome, one), **numbers_of(outcome)}
    )


def _tell_day(result: Answer, one: Day, outcome: Outcome) -> None:
    _tell(result, f"day, {one.repositories} repositories, {one.steps:,} by {one.way}, {one.hours:g} h", outcome, counted=False)
    result.records["days"].append({**asdict(one), "made": one.made, "waited": outcome.waited, **numbers_of(outcome)})


def _tell(result: Answer, name: str, outcome: Outcome, *, counted: bool) -> None:
    spent = outcome.spent
    numbers = (spent.rest, spent.graphql, spent.git, spent.content, spent.pushes, outcome.refused.total(), outcome.stopped)
    result.row(name, "yes" if counted else "no", *(f"{number:,}" for number in numbers), f"{outcome.seconds:,.0f}")


def size_of(keys: int) -> dict[str, object]:
    """Return what the maintenance of so many keys costs, in jobs of their own, and in one job."""
    kind = Kind.for_keys(keys)
    shape = busy(keys // kind.repositories)
    jobs, whole = (Night(kind.repositories, "auto", at_once, shape.keys) for at_once in (4, 0))
    by_jobs, at_once = model_night(jobs), model_night(whole)
    asked = Spent(by_jobs.asked)
    return {
        "keys": keys,
        "repositories": kind.repositories,
        "branches": shape.branches,
        "api": asked.rest + asked.graphql,
        "git": asked.git,
        "pushes": asked.pushes,
        "seconds": round(by_jobs.seconds),
        "minutes": minutes(by_jobs, jobs),
        "seconds_in_one": round(at_once.seconds),
        "minutes_in_one": minutes(at_once, whole),
    }


def numbers_of(outcome: Outcome) -> dict[str, object]:
    """Return what is recorded of an outcome."""
    answered, refused = Spent(outcome.asked), Counter(outcome.refused)
    return {
        "seconds": round(outcome.seconds, 1),
        "rest": answered.rest,
        "graphql": answered.graphql,
        "git": answered.git,
        "content": answered.content,
        "pushes": answered.pushes,
        "refused": refused.total(),
        "stopped": outcome.stopped,
        "first": outcome.first,
    }
