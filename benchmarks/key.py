"""One command on many keys: ``python -m benchmarks.key COMMAND REPOSITORY COUNT`` does it through the inputs of a step."""

import json
import sys

from benchmarks.meter import Meter
from git_keyval.dispatch.steps import run_command
from git_keyval.interface.commands import COMMANDS
from git_keyval.interface.inputs import Inputs
from git_keyval.interface.parsing import parse_inputs
from git_keyval.process import surroundings


def main(command: str, repository: str, count: str) -> None:
    """Write the keys, read them, or delete them."""
    names = [f"key-{number}" for number in range(int(count))]
    values = {name: f"value of {name}" for name in names}
    given = {"values": json.dumps(values)} if command == "mset" else {"keys": json.dumps(names)}
    outside = surroundings({}, lambda _what, _done, _total: None)
    meter = Meter()
    with meter:
        inputs = Inputs(parse_inputs(COMMANDS[command], {"repository": repository, **given}, {}))
        result, _ = run_command(COMMANDS[command], inputs, outside, prepare_delivery=lambda _value: None)
    assert result.count == len(names), result


if __name__ == "__main__":
    main(*sys.argv[1:])
