"""One key of a path: what reading and moving it costs where there are few keys, and where there are many."""

import subprocess
from itertools import product
from pathlib import Path

from benchmarks.measuring import Bench, cpu_of, cpu_ratio, seconds_of
from benchmarks.meter import Sample, parse
from benchmarks.processes import run_git, run_python
from benchmarks.results import Answer, milliseconds, ratio, tell_target

_COMMANDS = ("get", "set", "incr")
_FEW, _MANY = 1_000, 100_000
_TIMES = 10
MAX_RATIO = 1.5
"""How much more CPU a step may cost among a hundred times as many keys: as much, and the noise of a busy machine."""


def scale(bench: Bench) -> Answer:
    """Read, write and increment one key among 1,000 and among 100,000, each with an expiry: packed refs, and a file for each."""
    result = Answer("scale", ("command", "refs", "keys", "time", "CPU", "CPU ratio"))
    sizes = [_FEW if not bench.quick else 10, bench.size(_MANY)]
    places = {(kind, count): _place(bench, kind, count) for kind, count in product(("packed", "loose"), sizes)}
    samples: dict[tuple[str, str, int], list[Sample]] = {}
    for _, command, (kind, count) in product(range(bench.rounds), _COMMANDS, places):
        sample = parse(run_python("-m", "benchmarks.step", command, places[kind, count], str(_TIMES)))
        samples.setdefault((command, kind, count), []).append(sample)
    for (command, kind, count), taken in samples.items():
        grown = cpu_ratio(taken, samples[command, kind, sizes[0]])
        result.samples[f"{command}, {kind}, {count}"] = taken
        result.fact(f"{command}, {kind}, {count}, CPU ratio", grown)
        times = [milliseconds(seconds / _TIMES) for seconds in (seconds_of(taken), cpu_of(taken))]
        result.row(command, kind, f"{count:,}", *times, ratio(grown))
        if count == sizes[-1] and not bench.quick:
            result.notes.append(tell_target(f"{command}, {kind} refs: CPU ratio", grown, MAX_RATIO))
    return result


def _place(bench: Bench, kind: str, count: int) -> Path:
    """Make a repository of so many keys, and the two that the steps use."""
    place = bench.directory / f"scale-{kind}-{count}.git"
    subprocess.run(["cp", "-a", bench.fill("sweep", count), place], check=True)
    for command in ("set", "incr"):
        run_python("-m", "benchmarks.step", command, place, "0")
    run_git("-C", place, "pack-refs", "--all")
    if kind == "loose":
        _unpack(place)
    return place


def _unpack(repository: Path) -> None:
    """Write a file for each ref."""
    packed = repository / "packed-refs"
    for line in packed.read_text(encoding="utf-8").splitlines():
        if line[0] not in "#^":
            oid, name = line.split(" ")
            file = repository / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{oid}\n", encoding="utf-8")
    packed.unlink()
