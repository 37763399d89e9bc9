"""One key of a repository: ``python -m benchmarks.step COMMAND REPOSITORY TIMES`` runs a step on it so often, each time anew."""

import sys

from benchmarks.meter import Meter
from git_keyval.dispatch.steps import run_command
from git_keyval.interface.commands import COMMANDS
from git_keyval.interface.inputs import Inputs
from git_keyval.interface.parsing import parse_inputs
from git_keyval.process import surroundings

KEYS = {"get": "text", "set": "text", "incr": "counter"}


def main(command: str, repository: str, times: str) -> None:
    """Run the step; the first time is not measured."""
    outside = surroundings({}, lambda _what, _done, _total: None)

    def run(number: int) -> None:
        given = {"repository": repository, "key": KEYS[command], **({"value": f"{number}"} if command == "set" else {})}
        inputs = Inputs(parse_inputs(COMMANDS[command], given, {}))
        run_command(COMMANDS[command], inputs, outside, prepare_delivery=lambda _value: None)

    run(-1)
    meter = Meter()
    with meter:
        for number in range(int(times)):
            run(number)


if __name__ == "__main__":
    main(*sys.argv[1:])
