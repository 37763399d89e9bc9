"""Fleets of repositories on the emulated GitHub: steps and maintenance of the product, counted, in time that is not slept."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import cycle, islice
from pathlib import Path
from sys import maxsize
from typing import Any

from benchmarks.databases import Contents, key_ids, write
from benchmarks.schedule import RANDOM, ROUND_TRIP, Run
from benchmarks.timeline import Timeline
from benchmarks.traces import (
    BATCH,
    BEFORE_FETCH,
    BEFORE_PUSH,
    FETCH,
    MUTATION,
    PUSH,
    QUERY,
    READ,
    WRITE,
    Shape,
    Trace,
    Transport,
)
from benchmarks.workload import MOMENTS, OWNER, Kind, day, name_of, night
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.counters import Counter as KeptCounter
from git_keyval.format.counters import encode_counter, encode_delta
from git_keyval.format.elements import Collection, element_id, encode_collection
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.names import KeyId, Naming
from git_keyval.format.objects import blob
from git_keyval.format.records import encode_data
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.format.values import parse_value
from tests.action.steps import WORKFLOW_TOKEN, Workflow
from tests.emulator import GitHubEmulator, Logged, Options, Permission
from tests.replacing import replace

START = 1_767_268_800.0
"""Noon of 2026-01-01, UTC."""
_MINUTE, _DAY = 60, 86_400
_VALUES = 20


@lru_cache(maxsize=1)
def dealt(kind: Kind, keys: int) -> Mapping[str, list[tuple[int, KeyId]]]:
    """Return the keys ``key-0`` and so on, with their ids, by shard."""
    hands: dict[str, list[tuple[int, KeyId]]] = {shard: [] for shard in kind.shards}
    turns = cycle(kind.shards)
    for number, key_id in enumerate(key_ids(keys)):
        hands[key_id[: kind.digits] if kind.digits else next(turns)].append((number, key_id))
    return hands


@dataclass(slots=True)
class Fleet:
    """Repositories on an emulated GitHub, with what they hold, and the time that passes there."""

    kind: Kind
    github: GitHubEmulator
    timeline: Timeline
    workflow: Workflow
    begun: float = START
    shapes: dict[str, Shape] = field(default_factory=dict)
    keys: dict[str, dict[str, list[int]]] = field(default_factory=dict)

    def fill(self, filled: "Filled") -> None:
        """Take repositories as they were filled before."""
        self.shapes, self.keys = filled.shapes, filled.keys
        shutil.copytree(filled.directory, self.github.repositories.root / OWNER)

    def maintained(self, transport: Transport, patience: float, max_writes: int = maxsize) -> Iterator["Job"]:
        """Yield the maintenance of each repository as a job of its own, as the reusable workflow does it."""
        budget = {"max-writes": str(max_writes)} if max_writes < maxsize else {}
        for run in night(self.shapes, transport, patience, each=False, tokens=(WORKFLOW_TOKEN,), max_writes=max_writes):
            inputs = {"repository": run.repository, "transport": transport, "max-seconds": f"{patience:.0f}", **budget}
            yield Job([run], "maintain", inputs)

    def maintained_at_once(self, transport: Transport, patience: float) -> "Job":
        """Return the maintenance of all repositories in one step, one after the other."""
        runs = list(night(self.shapes, transport, patience, each=True, tokens=(WORKFLOW_TOKEN,)))
        inputs = {"transport": transport, "max-seconds": f"{patience:.0f}"}
        if self.kind.digits:
            inputs |= {"repository": name_of("{shard}"), "repository-shard-length": str(self.kind.digits)}
        else:
            config = self.workflow.directory / "git-keyval.yml"
            config.parent.mkdir(parents=True, exist_ok=True)
            config.write_text(json.dumps({"repositories": [run.repository for run in runs]}))
            inputs |= {"repository": "", "config": str(config)}
        return Job(runs, "maintain", inputs)

    def steps(
        self, mix: Mapping[str, int], transport: Transport, patience: float, *, spacing: float, begin: float
    ) -> Iterator["Job"]:
        """Yield steps of a mix for ever, each so many seconds after the one before, from repository to repository."""
        taken: Counter[tuple[str, str]] = Counter()
        days = day(self.kind, mix, transport, patience, spacing=spacing, begin=begin, tokens=(WORKFLOW_TOKEN,))
        for number, (step, shard, run) in enumerate(days):
            command, inputs = _step(step, partial(self._key, taken, shard), number)
            place = {"repository": name_of("{shard}"), "repository-shard-length": str(self.kind.digits)}
            where = (
                {"shard-length": str(self.kind.naming.shard_length), **place}
                if self.kind.digits
                else {"repository": run.repository}
            )
            yield Job([run], command, {"transport": transport, **where, **inputs})

    def _key(self, taken: Counter[tuple[str, str]], shard: str, step: str) -> str:
        """Return a key for a step of this kind, one after the other."""
        own = self.keys[shard][step]
        taken[shard, step] += 1
        return f"key-{own[taken[shard, step] % len(own)]}"

    def count(self, crews: Sequence[Iterable["Job"]]) -> "Counted":
        """Have crews do jobs, and count what is asked of GitHub."""
        self.github.reset_log()
        self.github.limits.forget()
        begun, counted = self.timeline.now(), Counted()
        self.timeline.run([lambda jobs=jobs: self._work(jobs, counted) for jobs in crews])  # type: ignore[misc]
        counted.seconds = self.timeline.now() - begun
        counted.asked = Counter(_letter(entry) for entry in self.github.requests)
        counted.refused = Counter(self.github.limits.exceeded)
        return counted

    def _work(self, jobs: Iterable["Job"], counted: "Counted") -> None:
        for job in jobs:
            first = job.runs[0]
            pause = max(first.after, first.due - self.timeline.now())
            if pause > 0:
                self.timeline.wait(pause)
            begun = self.timeline.now()

            def outside(real: Surroundings, begun: float = begun) -> Surroundings:
                return replace(
                    real,
                    clock=self.timeline.micros,
                    elapsed=lambda: self.timeline.now() - begun,
                    sleep=self.timeline.wait,
                    random=lambda: RANDOM,
                )

            ended = self.workflow.run_given(job.command, job.inputs, outside)
            counted.stopped += _failures(ended.code, ended.outputs.get("report", ""))
            counted.busy.append(self.timeline.now() - begun)


@dataclass(frozen=True, slots=True)
class Filled:
    """Repositories in a directory, with what they hold: their shapes, and by kind of step the keys on which it may be done."""

    directory: Path
    shapes: dict[str, Shape]
    keys: dict[str, dict[str, list[int]]]


def filled(directory: Path, kind: Kind, keys: int, proportions: Callable[[int], Shape]) -> Filled:
    """Fill the repositories of a fleet, each as ``proportions`` says for the number of keys that it is to have."""
    made = Filled(directory, {}, {})
    directory.mkdir(parents=True)
    for shard, own in dealt(kind, keys).items():
        made.shapes[shard] = proportions(len(own))
        contents = Contents(Micros(round(START * SECOND)))
        made.keys[shard] = _fill(contents, kind.naming, own, made.shapes[shard])
        write(directory / f"kv-{shard}.git", contents)
    return made


@dataclass(frozen=True, slots=True)
class Job:
    """One step of the product, and what the model says that it asks: of one repository, or of one after the other."""

    runs: Sequence[Run]
    command: str
    inputs: Mapping[str, str]


@dataclass(slots=True)
class Counted:
    """What was counted: requests by letter, refused ones among them, and refusals by what was exceeded."""

    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    stopped: int = 0
    seconds: float = 0.0
    busy: list[float] = field(default_factory=list)


@contextmanager
def fleet_of(directory: Path, repositories: int, per_hour: int, *, limited: bool = True) -> Iterator[Fleet]:
    """Open a fleet of repositories that are empty, on a GitHub that enforces all its limits, or none but those of an hour."""
    timeline = Timeline(START)
    options = Options.documented(per_hour) if limited else Options(core_limit=per_hour, graphql_limit=per_hour)
    tokens = {WORKFLOW_TOKEN: Permission.WRITE}
    with GitHubEmulator(directory / "github", tokens=tokens, options=options, clock=timeline.now) as github:
        github.on_request = lambda _entry: timeline.wait(ROUND_TRIP)
        yield Fleet(Kind(repositories), github, timeline, Workflow(directory / "steps", "", environ=github.environ))
        if github.unexpected:
            raise AssertionError(github.unexpected)


def _letter(entry: Logged) -> Trace:
    pushes = "receive-pack" in entry.path + entry.query
    match entry.kind:
        case "rest":
            return READ if entry.method == "GET" else WRITE
        case "graphql-query":
            return QUERY
        case "graphql-mutation":
            return MUTATION
    if entry.method == "GET":
        return BEFORE_PUSH if pushes else BEFORE_FETCH
    return PUSH if pushes else FETCH


def _failures(code: int, report: str) -> int:
    """Count the repositories that were not maintained to the end; of any other step, whether it failed."""
    if not report:
        return int(code != 0)
    document = json.loads(report)
    several = document.get("repositories", [{"report": document, "error": None}])
    return sum(bool(one["error"]) or _is_unfinished(one["report"]) for one in several)


def _is_unfinished(report: Mapping[str, Any]) -> bool:
    return report["budgetReached"] == "max-seconds" or any(job["error"] for job in report["jobs"])


def _step(kind: str, key: Callable[[str], str], number: int) -> tuple[str, dict[str, str]]:
    """Return a step: its command and inputs."""
    match kind:
        case "set with ttl":
            return "set", {"key": key(kind), "value": f"value of step {number}", "ttl": "30d"}
        case "hset":
            return "hset", {"key": key(kind), "field": "field-0", "value": f"value of step {number}"}
        case "batch":
            written = [_step(each, key, number) for each in BATCH for _ in range(BATCH[each])]
            return "batch", {"commands": json.dumps([{"command": command, **inputs} for command, inputs in written])}
    return kind, {"key": key(kind)}


def _fill(contents: Contents, naming: Naming, keys: Sequence[tuple[int, KeyId]], shape: Shape) -> dict[str, list[int]]:
    """Add the keys of one repository; return by kind of step the numbers of those that it may be done on."""
    minute = int(contents.now // SECOND) // _MINUTE
    values = [encode_data(parse_value("String", f"value {number}")).objects for number in range(_VALUES)]
    rest = iter(keys)
    counters, maps = (list(islice(rest, count)) for count in (shape.counters, shape.maps))
    texts = list(rest)
    for _, key_id in counters:
        contents.point(naming.value(key_id), encode_counter(KeptCounter(value=1, op=contents.op(), seq=1, recent=())))
        for turn in range(shape.crumbs):
            left = Micros(contents.now - (3_600 + turn) * SECOND)
            contents.point(naming.breadcrumb(key_id, timestamp(left), contents.op()), encode_delta(1))
    for number, key_id in maps:
        fields = {f"field-{turn}": blob(f"value {turn} of {number}".encode()) for turn in range(shape.ended + 1)}
        record = encode_collection(
            Collection("map", "String", "text/plain", "txt", {name: made.oid for name, made in fields.items()})
        )
        contents.point(naming.value(key_id), *fields.values(), *record.objects)
        for turn in range(shape.ended):
            contents.point(naming.element_expiry(key_id, element_id(f"field-{turn}")), encode_expiry((minute - MOMENTS) * _MINUTE))
    for turn, (number, key_id) in enumerate(texts):
        contents.point(naming.value(key_id), *values[number % _VALUES])
        if turn < shape.expiring:
            away = -1 - turn % MOMENTS if turn < shape.expired else _DAY // _MINUTE + turn % MOMENTS
            contents.point(naming.expiry(key_id), encode_expiry((minute + away) * _MINUTE))
    for turn in range(shape.parked):
        old = Micros(contents.now - 30 * _DAY * SECOND + turn)
        contents.point(naming.parked(KeyId(f"{turn:040x}"), timestamp(old)), *values[turn % _VALUES])
    alive = [number for number, _ in texts[shape.expired :]]
    third = len(alive) // 3
    return {
        "get": alive[:third],
        "set with ttl": alive[third : 2 * third],
        "getdel": alive[2 * third :],
        "incr": [number for number, _ in counters],
        "hset": [number for number, _ in maps],
    }
