"""One step on a field of a map: ``python -m benchmarks.field COMMAND REPOSITORY TRANSPORT`` does it and tells what it took.

A token and GitHub's addresses are in the environment, as in a step.
"""

import os
import sys

from benchmarks.meter import Meter
from git_keyval.commands.maps import Hget, Hset
from git_keyval.database.database import Database
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.dispatch.opening import open_store
from git_keyval.format.values import parse_value
from git_keyval.interface.inputs import Inputs
from git_keyval.process import surroundings

KEY, FIELD = "map", "field-7"


def main(command: str, repository: str, transport: str) -> None:
    """Read the field, or write it."""
    outside = surroundings(os.environ, lambda _what, _done, _total: None)
    inputs = Inputs({"repository": repository, "transport": transport, "token": os.environ.get("TOKEN", "")})
    key = Key.of(KEY, parse_value("String", KEY))
    meter = Meter()
    with meter:
        store = open_store(inputs, outside)
        database = Database(store, outside.sleep, outside.random, outside.new_op)
        if command == "hget":
            assert perform(database, Hget(key=key, field=FIELD)).found
        else:
            assert perform(database, Hset(key=key, entries={FIELD: lambda _type: parse_value("String", "written")})).applied
        meter.sample.requests = store.requests


if __name__ == "__main__":
    main(*sys.argv[1:])
