"""The composition root for the GitHub runner: INPUT_* in, output files, summary, log and exit code out."""

import os
import secrets
import sys
from collections.abc import Mapping
from typing import TextIO

from git_keyval.action.runner import Runner
from git_keyval.action.step import run_step
from git_keyval.process import surroundings

__all__ = ["main"]


def main(environ: Mapping[str, str] | None = None, log: TextIO | None = None) -> int:
    """Run one step as the environment asks for it; give the exit code."""
    told = os.environ if environ is None else environ
    runner = Runner(told, sys.stdout if log is None else log, lambda: secrets.token_hex(16))
    return run_step(told, runner, surroundings(told, runner.progress))
