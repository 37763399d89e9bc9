"""One command on a repository of so many keys: what the benchmark of scale measures of ours.

``python -m benchmarks.step COMMAND REPOSITORY AMOUNT TIMES`` runs a step so often in one process, each time anew;
the first time is not measured.
``python -m benchmarks.step COMMAND REPOSITORY AMOUNT`` is a step as a runner starts it, measured from the start of its process.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.resident import highest_resident
from entrypoint import main as run_as_action  # type: ignore[attr-defined]  # as the container runs it

NEW = "set of a new key"
SOME = "key-9*"
"""The pattern that the listed keys match: a ninth of them."""
_MANY = 50
_KIB = 1024


def inputs_of(command: str, amount: int, value: str) -> Mapping[str, str]:
    """Return what the command is given, in a database of the kind ``scale``."""
    names = [f"key-{number}" for number in range(amount - _MANY, amount)]
    given: Mapping[str, Mapping[str, str]] = {
        "get": {"key": names[-1]},
        "set": {"key": "text", "value": value},
        NEW: {"key": f"new {time.time_ns()}", "value": value},
        "incr": {"key": "counter"},
        "hset": {"key": "map", "field": "field-7", "value": value},
        "mget": {"keys": json.dumps(names)},
        "keys": {"key": SOME},  # the names of a million keys are more than an output of a step holds
    }
    return given.get(command, {})


def run_whole(command: str, repository: str, amount: int) -> None:
    """Run the step of a workflow and print what its process and those of git have taken until then."""
    given = {"command": command, "repository": repository, **inputs_of(command, amount, f"by {os.getpid()}")}
    environ = {**os.environ, **{f"INPUT_{name.upper()}": text for name, text in given.items()}}
    with Path(os.devnull).open("w", encoding="utf-8") as log:
        code = run_as_action(environ, log)
    assert code == 0, command
    own, git = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    sample = {
        "cpu_seconds": own.ru_utime + own.ru_stime,
        "git_seconds": git.ru_utime + git.ru_stime,
        "memory_bytes": highest_resident(),
        "git_memory_bytes": git.ru_maxrss * _KIB,
    }
    print(json.dumps(sample))


def run_warm(command: str, repository: str, amount: int, times: int) -> None:
    """Run it so often in one process: without what every process begins with, that costs the same whatever it does."""
    from benchmarks.meter import Meter  # noqa: PLC0415  # a step as a runner starts it loads none of these
    from git_keyval.dispatch.steps import run_command  # noqa: PLC0415
    from git_keyval.interface.commands import COMMANDS  # noqa: PLC0415
    from git_keyval.interface.inputs import Inputs  # noqa: PLC0415
    from git_keyval.interface.parsing import parse_inputs  # noqa: PLC0415
    from git_keyval.process import surroundings  # noqa: PLC0415

    kind = COMMANDS[command.partition(" ")[0]]
    outside = surroundings({}, lambda _what, _done, _total: None)

    def run(number: int) -> None:
        given = {"repository": repository, **inputs_of(command, amount, f"{number}")}
        inputs = Inputs(parse_inputs(kind, given, {}))
        run_command(kind, inputs, outside, prepare_delivery=lambda _value: None)

    run(-1)
    with Meter():
        for number in range(times):
            run(number)


def main(command: str, repository: str, amount: str, times: str = "") -> None:
    """Run the command."""
    if times:
        run_warm(command, repository, int(amount), int(times))
    else:
        run_whole(command, repository, int(amount))


if __name__ == "__main__":
    main(*sys.argv[1:])
