"""One step on an element: ``python -m benchmarks.field COMMAND REPOSITORY TRANSPORT`` does it and tells what it took.

A token and GitHub's addresses are in the environment, as in a step.
"""

import os
import sys
from typing import Final

from benchmarks.meter import Meter
from git_keyval.commands.arrays import Aget, Apush
from git_keyval.commands.maps import Hget, Hset
from git_keyval.database.database import Database
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.dispatch.opening import open_store
from git_keyval.format.values import Value, parse_value
from git_keyval.interface.inputs import Inputs
from git_keyval.process import surroundings

MAP: Final = "map"
ARRAY: Final = "array"
FIELD, INDEX = "field-7", 7


def main(command: str, repository: str, transport: str) -> None:
    """Read the element, or write one."""
    outside = surroundings(os.environ, lambda _what, _done, _total: None)
    inputs = Inputs({"repository": repository, "transport": transport, "token": os.environ.get("TOKEN", "")})
    label = MAP if command in {"hget", "hset"} else ARRAY
    key = Key.of(label, parse_value("String", label))
    meter = Meter()
    with meter:
        store = open_store(inputs, outside)
        database = Database(store, outside.sleep, outside.random, outside.new_op)
        match command:
            case "hget":
                assert perform(database, Hget(key=key, field=FIELD)).found
            case "hset":
                assert perform(database, Hset(key=key, entries={FIELD: _written})).applied
            case "aget":
                assert perform(database, Aget(key=key, index=INDEX)).found
            case "apush":
                assert perform(database, Apush(key=key, elements=[_written])).applied
        meter.sample.requests = store.requests


def _written(_type: object) -> Value:
    return parse_value("String", "written")


if __name__ == "__main__":
    main(*sys.argv[1:])
