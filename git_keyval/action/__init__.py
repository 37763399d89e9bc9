"""The composition root for the GitHub runner: INPUT_* in, output files, summary, log and exit code out."""

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from typing import TextIO

from git_keyval.action.folders import gate_of
from git_keyval.action.runner import LOCK_STATE, Runner
from git_keyval.action.step import run_step
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.process import new_name, surroundings

__all__ = ["main", "post"]

Step = Callable[[Mapping[str, str], Runner, Surroundings], int]


def main(environ: Mapping[str, str] | None = None, log: TextIO | None = None) -> int:
    """Run one step as the environment asks for it, also the post step of one that left a state; return the exit code."""
    given = os.environ if environ is None else environ
    return post(given, log) if given.get(f"STATE_{LOCK_STATE}") else _with_surroundings(run_step, given, log)


def post(environ: Mapping[str, str] | None = None, log: TextIO | None = None) -> int:
    """Run the post step of lock/action.yml, also of a step that ended before it left a state; return the exit code."""
    from git_keyval.action.locking import release

    return _with_surroundings(release, os.environ if environ is None else environ, log)


def _with_surroundings(step: Step, environ: Mapping[str, str], log: TextIO | None) -> int:
    runner = Runner(environ, sys.stdout if log is None else log, lambda: secrets.token_hex(16))
    gate = gate_of(environ, new_name)
    return step(environ, runner, surroundings(environ, runner.progress, runner.warning, gate))
