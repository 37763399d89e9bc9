"""The outside world of a real process, for the composition roots."""

import os
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

from git_keyval.dispatch.files import Gate
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.times import Micros
from git_keyval.interface.spelling import Spelling, as_call
from git_keyval.progress import Progress


def surroundings(
    environ: Mapping[str, str],
    progress: Progress,
    warn: Callable[[str], None] = lambda _warning: None,
    gate: Gate | None = None,
    spelling: Spelling = as_call,
) -> Surroundings:
    """Return clock, sleep, randomness and files of this process; without a gate, all files that a person names."""
    started = time.monotonic()
    gate = gate or Gate(new_name)
    return Surroundings(
        environ=environ,
        clock=lambda: Micros(time.time_ns() // 1000),
        elapsed=lambda: time.monotonic() - started,
        sleep=time.sleep,
        random=_random,
        new_nonce=lambda: os.urandom(12),
        new_op=new_name,
        owner=cache(partial(_owner, environ)),
        progress=progress,
        warn=warn,
        read_file=gate.read,
        copy_file=gate.copy,
        output_file=gate.output,
        spelling=spelling,
        read_event=lambda limit: _read_file(environ["GITHUB_EVENT_PATH"], limit),
    )


def new_name() -> str:
    """Return a name that there never was before."""
    return os.urandom(10).hex()


def _random() -> float:
    """Return a number from 0 to below 1, with all the bits that a float of that size has."""
    return (int.from_bytes(os.urandom(7)) >> 3) * 2.0**-53


def _owner(environ: Mapping[str, str]) -> str:
    """Name the job of the workflow run that this process belongs to or, outside a run, the process itself."""
    # Not at the top: the terminal's help needs no commands.
    from git_keyval.commands.owners import owner_of_process, owner_of_run  # noqa: PLC0415

    server, repository, run, attempt, job = (
        environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID", "RUN_ATTEMPT", "JOB")
    )
    if server and repository and run and attempt and job:
        return owner_of_run(server, repository, run, attempt, job, new_name())
    from socket import gethostname  # noqa: PLC0415  # slow to import, and a run has a name

    return owner_of_process(gethostname(), os.getpid(), new_name())


def _read_file(path: str, limit: int) -> bytes:
    with Path(path).open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(path)
    return data
