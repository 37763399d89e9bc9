"""The outside world of a real process, for the composition roots."""

import random
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.times import Micros


def surroundings(environ: Mapping[str, str], progress: Callable[[str, int, int], None]) -> Surroundings:
    """Give clock, sleep, randomness and files of this process."""
    started = time.monotonic()
    return Surroundings(
        environ=environ,
        clock=lambda: Micros(time.time_ns() // 1000),
        elapsed=lambda: time.monotonic() - started,
        sleep=time.sleep,
        random=random.SystemRandom().random,
        new_op=lambda: secrets.token_hex(10),
        new_nonce=lambda: secrets.token_bytes(12),
        progress=progress,
        read_file=_read_file,
    )


def _read_file(path: str, limit: int) -> bytes:
    with Path(path).open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(path)
    return data
