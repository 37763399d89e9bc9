"""Commands and jobs in databases of 1,000 to 1,000,000 keys, beside git alone and what people use on one machine."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks.alternatives import REDIS_COMMANDS, fill_sqlite, has_redis, has_sqlite, redis, run_sqlite
from benchmarks.bare_git import BareGit
from benchmarks.measuring import Bench, cpu_of, cpu_ratio, memory_of, seconds_of
from benchmarks.meter import Sample, parse
from benchmarks.processes import run_git, run_python
from benchmarks.results import Answer, megabytes, milliseconds, ratio, tell_target
from tests.servers.http import GitHttpServer

STEPS = ("get", "set", "incr", "hset", "mget")
JOBS = ("keys", "sweep", "gather", "check")
PATH, HTTP, GIT, SQLITE, REDIS = "path", "HTTP", "git", "sqlite3", "redis"
_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_QUICK_SIZES = (100, 1_000)
_FEW, _MANY, _MOST = 1_000, 50_000, 500_000
_MOST_OVER_HTTP = 100_000
"""Above it jobs are measured on a path only."""
_MOST_IN_TURNS = 10_000
"""Above it a job has one turn."""
_TIMES = 10
_DUE = 100
_SPREAD = 60
MAX_RATIO = 1.3
"""How much more CPU a step may cost among a thousand times as many keys."""
NOISE = 1.25
"""By how much more a busy machine may miss that before the benchmark fails."""
MAX_MEGABYTES = 200
_MEGABYTE = 1_000_000

Run = Callable[[str], Sample]


def scale(bench: Bench) -> Answer:
    """Run commands and jobs on a path and over HTTP, and the same with git alone, sqlite3 and redis: a process for each.

    Every key expires and every hundredth has; every tenth has a stored name; refs are packed. CPU is that of the whole process and
    of those it starts, for redis with the server's. The ratio is that to the smallest database, of steps on a path where one
    process runs many: without what every process begins with.
    """
    result = Answer("scale", ("command", "with", "keys", "time", "CPU", "CPU of git", "memory", "CPU ratio"))
    sizes = _QUICK_SIZES if bench.quick else _SIZES
    with ExitStack() as stack:
        for count in sizes:
            for command, side, sample in _measured(bench, count, stack):
                result.samples.setdefault(f"{command}, {side}, {count}", []).append(sample)
        warm = _warm(bench, sizes)
    for name, taken in sorted(result.samples.items(), key=lambda item: _order(item[0])):
        command, side, keys = name.split(", ")
        grown = cpu_ratio(warm[command, int(keys)], warm[command, sizes[0]]) if side == PATH and command in STEPS else 0.0
        _tell(result, (command, side, int(keys)), taken, grown)
    result.samples |= {f"{command}, in one process, {count}": taken for (command, count), taken in warm.items()}
    _compare(bench, result, warm, sizes)
    return result


def loose(bench: Bench) -> Answer:
    """Read, write, make and increment one key among 1,000 to 500,000, of two refs each, where each ref is a file."""
    result = Answer("loose", ("command", "keys", "time", "CPU", "CPU ratio"))
    sizes = (_QUICK_SIZES[0] if bench.quick else _FEW, bench.size(_MANY), bench.size(_MOST))
    for count in sizes:
        _unpack(_place(bench, count, "loose"))
    samples: dict[tuple[str, int], list[Sample]] = {}
    for _, command, count in product(range(bench.rounds), ("get", "set", "set of a new key", "incr"), sizes):
        samples.setdefault((command, count), []).append(_in_one_process(command, _place(bench, count, "loose"), count))
    for (command, count), taken in samples.items():
        grown = cpu_ratio(taken, samples[command, sizes[0]])
        result.samples[f"{command}, {count}"] = taken
        result.fact(f"{command}, {count}, CPU ratio", grown)
        result.row(command, f"{count:,}", *_each(taken), ratio(grown))
        if count == sizes[-1] and not bench.quick:
            result.notes.append(tell_target(f"{command}: CPU ratio", grown, MAX_RATIO))
    return result


def _measured(bench: Bench, count: int, stack: ExitStack) -> Iterator[tuple[str, str, Sample]]:
    """Let all sides take turns at all commands in databases of so many keys."""
    sides = _sides(bench, count, stack)
    for number, command in product(range(bench.rounds), (*STEPS, *JOBS)):
        for side, run in sides.items():
            if _takes_part(side, command, count) and not (number and command in JOBS and count > _MOST_IN_TURNS):
                yield command, side, run(command)
        if not number:
            print(f"  {command} of {count}", flush=True)


def _takes_part(side: str, command: str, count: int) -> bool:
    if side == REDIS:
        return command in REDIS_COMMANDS
    return side != HTTP or command in STEPS or count <= _MOST_OVER_HTTP


def _sides(bench: Bench, count: int, stack: ExitStack) -> Mapping[str, Run]:
    due = count // _DUE
    server = stack.enter_context(GitHttpServer(bench.directory, config={"uploadpack.allowFilter": "true"}))
    sides: dict[str, Run] = {
        PATH: lambda command: _step(command, _for(bench, command, PATH, count), count),
        HTTP: lambda command: _over_http(server, command, _for(bench, command, HTTP, count), count),
        GIT: lambda command: BareGit(_for(bench, command, GIT, count), count, due).run(command),
    }
    if has_sqlite():
        database = bench.directory / f"scale-{count}.sqlite"
        fill_sqlite(database, count, due)
        sides[SQLITE] = lambda command: run_sqlite(_copy_of(database) if command in JOBS else database, command, count)
    if has_redis():
        store = stack.enter_context(redis(bench.directory / f"redis-{count}"))
        store.fill(count, due)
        sides[REDIS] = partial(store.run, amount=count)
    return sides


def _step(command: str, repository: Path | str, count: int) -> Sample:
    started = time.perf_counter()
    sample = parse(run_python("-m", "benchmarks.step", command, str(repository), str(count)))
    sample.seconds = time.perf_counter() - started
    return sample


def _over_http(server: GitHttpServer, command: str, repository: Path, count: int) -> Sample:
    return _step(command, f"{server.url}/{repository.name}", count)


def _in_one_process(command: str, place: Path, count: int) -> Sample:
    return parse(run_python("-m", "benchmarks.step", command, place, str(count), str(_TIMES)))


def _warm(bench: Bench, sizes: Sequence[int]) -> dict[tuple[str, int], list[Sample]]:
    samples: dict[tuple[str, int], list[Sample]] = {}
    for _, command, count in product(range(bench.rounds), STEPS, sizes):
        samples.setdefault((command, count), []).append(_in_one_process(command, _place(bench, count, PATH), count))
    return samples


def _compare(bench: Bench, result: Answer, warm: Mapping[tuple[str, int], Sequence[Sample]], sizes: Sequence[int]) -> None:
    for command in STEPS:
        grown = cpu_ratio(warm[command, sizes[-1]], warm[command, sizes[0]])
        result.fact(f"{command}, CPU ratio", grown)
        if not bench.quick:
            result.limit(f"{command}: CPU ratio", grown, MAX_RATIO, MAX_RATIO * NOISE)
    most = {name: memory_of(taken) / _MEGABYTE for name, taken in result.samples.items()}
    for name, found in most.items():
        if found > MAX_MEGABYTES:
            result.notes.append(tell_target(f"{name}: memory", found, MAX_MEGABYTES, "MB"))


def _tell(result: Answer, what: tuple[str, str, int], taken: Sequence[Sample], grown: float) -> None:
    command, side, count = what
    git = milliseconds(sorted(sample.git_seconds for sample in taken)[len(taken) // 2]) if side == PATH else ""
    memory = megabytes(memory_of(taken)) if side in {PATH, HTTP} else ""
    times = (milliseconds(seconds_of(taken)), milliseconds(cpu_of(taken)))
    result.row(command, side, f"{count:,}", *times, git, memory, ratio(grown) if grown else "")


def _each(taken: Sequence[Sample]) -> Sequence[str]:
    return [milliseconds(seconds / _TIMES) for seconds in (seconds_of(taken), cpu_of(taken))]


def _order(name: str) -> tuple[int, int, str]:
    command, side, count = name.split(", ")
    return (*STEPS, *JOBS).index(command), int(count), side


def _template(bench: Bench, count: int) -> Path:
    return bench.fill("scale", count, due=count // _DUE, spread=_SPREAD)


def _place(bench: Bench, count: int, use: str) -> Path:
    """Return the repository of so many keys that steps change, made when it is first asked for."""
    place = bench.directory / f"scale-{use}-{count}.git"
    if not place.exists():
        subprocess.run(["cp", "-a", _template(bench, count), place], check=True)
        run_git("-C", place, "config", "http.receivepack", "true")
    return place


def _for(bench: Bench, command: str, side: str, count: int) -> Path:
    """Return where a side runs a command: what a job removes, it removes from a copy."""
    if command in STEPS:
        return _place(bench, count, side)
    template = _template(bench, count)
    return bench.copy(template) if command in {"sweep", "gather"} else template


def _copy_of(database: Path) -> Path:
    return Path(shutil.copy(database, database.with_suffix(".copy")))


def _unpack(repository: Path) -> None:
    """Make a file for each ref; those of the same content are one, of many names, which git replaces where it moves a ref."""
    packed = repository / "packed-refs"
    made: dict[str, Path] = {}
    for line in packed.read_text(encoding="utf-8").splitlines():
        if line[0] not in "#^":
            oid, name = line.split(" ")
            file = repository / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if oid in made:
                file.hardlink_to(made[oid])
            else:
                file.write_text(f"{oid}\n", encoding="utf-8")
                made[oid] = file
    packed.unlink()
