"""The outside world of a real process, for the composition roots."""

import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.times import Micros


def surroundings(
    environ: Mapping[str, str], progress: Callable[[str, int, int], None], warn: Callable[[str], None] = lambda _warning: None
) -> Surroundings:
    """Give clock, sleep, randomness and files of this process."""
    started = time.monotonic()
    return Surroundings(
        environ=environ,
        clock=lambda: Micros(time.time_ns() // 1000),
        elapsed=lambda: time.monotonic() - started,
        sleep=time.sleep,
        random=random.SystemRandom().random,
        new_nonce=lambda: secrets.token_bytes(12),
        new_op=_new_op,
        owner=_owner(environ),
        progress=progress,
        warn=warn,
        read_file=_read_file,
    )


def _new_op() -> str:
    return secrets.token_hex(10)


def _owner(environ: Mapping[str, str]) -> str:
    """Name the job of the workflow run that this process belongs to, or else the process itself."""
    # Not at the top: the terminal's help is told without the commands.
    from git_keyval.commands.owners import owner_of_process, owner_of_run  # noqa: PLC0415

    server, repository, run, attempt, job = (
        environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID", "RUN_ATTEMPT", "JOB")
    )
    if server and repository and run and attempt and job:
        return owner_of_run(server, repository, run, attempt, job, _new_op())
    return owner_of_process(socket.gethostname(), os.getpid(), _new_op())


def _read_file(path: str, limit: int) -> bytes:
    with Path(path).open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(path)
    return data
