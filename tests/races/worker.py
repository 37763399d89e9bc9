"""A process that runs step after step, because starting Python costs more than a step: one line in asks for one, one line answers.

A line in is the environment of the step, as JSON; a line out its exit code and its log. The first line out says that the process is
ready.
"""

import io
import json
import sys

from git_keyval.action import main


def serve() -> None:
    _say("ready")
    for line in sys.stdin:
        log = io.StringIO()
        code = main(json.loads(line), log)
        _say(json.dumps({"code": code, "log": log.getvalue()}))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
