"""One workflow step: from the start of the process to its exit."""

import sys
from pathlib import Path

from benchmarks.measuring import Bench, cpu_of, seconds_of, timed
from benchmarks.meter import Sample
from benchmarks.results import Answer, milliseconds, tell_target

_MORE_ROUNDS = 4  # it is over in no time
_FLOOR, _IMPORTS = "python -I -c pass", "imports of get and set"
MAX_RATIO = 7
"""How much more CPU than Python itself a `get` may cost, with git, in a plain install: a development environment adds to both."""
_IMPORTING = "from git_keyval.action import main; import git_keyval.commands.values"


def start(bench: Bench) -> Answer:
    """Run ``get`` and ``set`` on a local repository of 1,000 keys."""
    result = Answer("start", ("what", "time", "CPU", "requests"))
    repository = bench.copy(bench.fill("sweep", 1_000, due=10))
    samples: dict[str, list[Sample]] = {_FLOOR: [], _IMPORTS: [], "get": [], "set": []}
    _step(bench, repository, "set", "warm")
    for number in range(bench.rounds if bench.quick else bench.rounds * _MORE_ROUNDS):
        samples[_FLOOR].append(timed([sys.executable, "-I", "-c", "pass"]))
        samples[_IMPORTS].append(timed([sys.executable, "-c", _IMPORTING]))
        samples["get"].append(_step(bench, repository, "get"))
        samples["set"].append(_step(bench, repository, "set", str(number)))
    for what, taken in samples.items():
        requests = str(taken[-1].requests) if what in {"get", "set"} else ""
        result.row(what, milliseconds(seconds_of(taken)), milliseconds(cpu_of(taken)), requests)
        result.fact(f"{what}, seconds", seconds_of(taken))
        result.fact(f"{what}, CPU seconds", cpu_of(taken))
    result.samples = samples
    floor, imports = cpu_of(samples[_FLOOR]), cpu_of(samples[_IMPORTS])
    for command in ("get", "set"):
        share = (imports - floor) / cpu_of(samples[command])
        result.notes.append(
            f"{command}: {share:.0%} of the CPU time are imports, {floor / cpu_of(samples[command]):.0%} Python itself"
        )
    if not bench.quick:
        result.notes.append(tell_target("get: CPU, as a multiple of Python's own", cpu_of(samples["get"]) / floor, MAX_RATIO))
    return result


def _step(bench: Bench, repository: Path, command: str, value: str = "") -> Sample:
    outputs = bench.directory / "outputs"
    outputs.unlink(missing_ok=True)
    inputs = {"COMMAND": command, "REPOSITORY": str(repository), "KEY": "key-500", **({"VALUE": value} if value else {})}
    environ = {"GITHUB_OUTPUT": str(outputs), **{f"INPUT_{name}": text for name, text in inputs.items()}}
    sample = timed([sys.executable, "entrypoint.py"], environ=environ)
    lines = outputs.read_text().splitlines()
    sample.requests = int(lines[next(number for number, line in enumerate(lines) if line.startswith("requests-used<<")) + 1])
    return sample
