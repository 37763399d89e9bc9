"""Commands on many keys at once, on a path: how their cost grows with the number of keys."""

from benchmarks.measuring import Bench, cpu_of, cpu_ratio, seconds_of
from benchmarks.meter import Sample, parse
from benchmarks.processes import run_git, run_python
from benchmarks.results import Answer, milliseconds, ratio, tell_target

_COMMANDS = ("mset", "mget", "exists", "del")
_FEW, _MANY = 1_000, 5_000
MAX_RATIO = 6
"""How much more CPU five times as many keys may cost."""


def keys(bench: Bench) -> Answer:
    """Write, read, look for and delete 5,000 keys, and 1,000: each time all of them in one step."""
    result = Answer("keys", ("command", "keys", "time", "CPU", "CPU ratio"))
    samples: dict[tuple[str, int], list[Sample]] = {}
    sizes = [bench.size(_FEW), bench.size(_MANY)]
    for turn in range(bench.rounds):
        for count in sizes:
            path = bench.directory / f"keys-{count}-{turn}.git"
            run_git("init", "--quiet", "--bare", str(path))
            for command in _COMMANDS:
                samples.setdefault((command, count), []).append(
                    parse(run_python("-m", "benchmarks.key", command, str(path), str(count)))
                )
    for (command, count), taken in samples.items():
        grown = cpu_ratio(taken, samples[command, sizes[0]])
        result.samples[f"{command} of {count}"] = taken
        result.fact(f"{command} of {count}, CPU ratio", grown)
        result.row(command, f"{count:,}", milliseconds(seconds_of(taken)), milliseconds(cpu_of(taken)), ratio(grown))
        if count == sizes[-1] and not bench.quick:
            result.notes.append(tell_target(f"{command}: CPU ratio", grown, MAX_RATIO))
    return result
