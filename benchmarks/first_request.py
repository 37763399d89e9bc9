"""A step on GitHub, from the start of its process to its first request: what it costs before the network does."""

import os
import resource
import socket
import subprocess
import sys
import time

from benchmarks.measuring import Bench, cpu_of, seconds_of, timed
from benchmarks.meter import Sample
from benchmarks.processes import CHECKOUT, isolated_environ
from benchmarks.results import Answer, milliseconds, ratio, tell_target

_MORE_ROUNDS = 4  # it is over in no time
_FLOOR, _REQUESTER = "python -c pass", "import of PyGithub"
_COMMANDS = {"get": {}, "set": {"VALUE": "v"}, "incr": {}}
_LONGEST_SECONDS = 60.0
MAX_RATIO = 13
"""How much more CPU than Python itself a `get` may cost, in a plain install: a development environment adds to both."""


def first_request(bench: Bench) -> Answer:
    """Run steps on GitHub up to their first request, which is never answered."""
    result = Answer("first-request", ("what", "time", "CPU", "CPU over Python's own"))
    samples: dict[str, list[Sample]] = {_FLOOR: [], _REQUESTER: [], **{command: [] for command in _COMMANDS}}
    _until_request("get", {})  # what was never read from disk is slow
    for _ in range(bench.rounds if bench.quick else bench.rounds * _MORE_ROUNDS):
        samples[_FLOOR].append(timed([sys.executable, "-I", "-c", "pass"]))
        samples[_REQUESTER].append(timed([sys.executable, "-I", "-c", "import github.Requester"]))
        for command, inputs in _COMMANDS.items():
            samples[command].append(_until_request(command, inputs))
    for what, taken in samples.items():
        over = ratio(cpu_of(taken) / cpu_of(samples[_FLOOR]))
        result.row(what, milliseconds(seconds_of(taken)), milliseconds(cpu_of(taken)), over)
        result.fact(f"{what}, seconds", seconds_of(taken))
        result.fact(f"{what}, CPU seconds", cpu_of(taken))
    result.samples = samples
    if not bench.quick:
        multiple = cpu_of(samples["get"]) / cpu_of(samples[_FLOOR])
        result.notes.append(tell_target("get: CPU to the first request, as a multiple of Python's own", multiple, MAX_RATIO))
    return result


def _until_request(command: str, inputs: dict[str, str]) -> Sample:
    """Start a step and kill it when the first bytes of its first request are there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_LONGEST_SECONDS)
        given = {"COMMAND": command, "REPOSITORY": "owner/name", "TOKEN": "t", "KEY": "k", **inputs}
        environ = {
            "GITHUB_API_URL": f"http://127.0.0.1:{server.getsockname()[1]}",
            "GITHUB_OUTPUT": os.devnull,
            **{f"INPUT_{name}": text for name, text in given.items()},
        }
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-I", "-B", "entrypoint.py"], env={**isolated_environ(), **environ}, cwd=CHECKOUT
        ) as process:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(1)
                seconds = time.perf_counter() - started
                process.kill()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Sample(seconds, git_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
