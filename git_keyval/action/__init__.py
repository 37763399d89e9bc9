"""The composition root for the GitHub runner: INPUT_* in, output files, summary, log and exit code out."""

import os
import random
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from git_keyval.action.runner import Runner
from git_keyval.action.step import run_step
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.times import Micros

__all__ = ["main", "surroundings"]


def main(environ: Mapping[str, str] | None = None, log: TextIO | None = None) -> int:
    """Run one step as the environment asks for it; give the exit code."""
    told = os.environ if environ is None else environ
    runner = Runner(told, sys.stdout if log is None else log, lambda: secrets.token_hex(16))
    return run_step(told, runner, surroundings(told, runner.log))


def surroundings(environ: Mapping[str, str], progress: Callable[[str], None]) -> Surroundings:
    """Give the real world: clock, sleep, randomness and files of this process."""
    started = time.monotonic()
    chance = random.SystemRandom()
    return Surroundings(
        environ=environ,
        clock=lambda: Micros(time.time_ns() // 1000),
        elapsed=lambda: time.monotonic() - started,
        sleep=time.sleep,
        random=chance.random,
        new_op=lambda: secrets.token_hex(10),
        progress=progress,
        read_file=_read_file,
    )


def _read_file(path: str, limit: int) -> bytes:
    with Path(path).open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(path)
    return data
