"""The composition root for the GitHub runner: INPUT_* in, output files, summary, log and exit code out."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from git_keyval.action.runner import LOCK_STATE, Runner
from git_keyval.action.step import run_step
from git_keyval.dispatch.files import Gate, is_below
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.interface.spelling import as_step
from git_keyval.process import new_name, surroundings

__all__ = ["gate_of", "main", "post"]

_BELOW = ("GITHUB_WORKSPACE", "RUNNER_TEMP", "HOME")
_OF_THE_RUNNER = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH")
"""Files by which a runner and a step talk; text that is written there sets variables and outputs of later steps."""

Step = Callable[[Mapping[str, str], Runner, Surroundings], int]


def main(environ: Mapping[str, str] | None = None, log: TextIO | None = None) -> int:
    """Run one step as the environment asks for it, also the post step of one that left a state; return the exit code."""
    given = os.environ if environ is None else environ
    return post(given, log) if given.get(f"STATE_{LOCK_STATE}") else _with_surroundings(run_step, given, log)


def post(environ: Mapping[str, str] | None = None, log: TextIO | None = None) -> int:
    """Run the post step of lock/action.yml, also of a step that ended before it left a state; return the exit code."""
    from git_keyval.action.locking import release

    return _with_surroundings(release, os.environ if environ is None else environ, log)


def gate_of(environ: Mapping[str, str], new_name: Callable[[], str]) -> Gate:
    """Return the gate of a step: the workspace, the runner's temporary folder and home, without the runner's own files.

    Where no runner names a workspace, it is the folder in which the step runs.
    """
    named = {"GITHUB_WORKSPACE": str(Path.cwd()), **{name: environ[name] for name in _BELOW if environ.get(name)}}
    below = tuple(folder for folder in map(os.path.realpath, named.values()) if folder != os.sep)
    files = {os.path.realpath(environ[name]) for name in _OF_THE_RUNNER if environ.get(name)}
    # The whole folder of such files, if it is for them alone and does not hold one of the folders above.
    folders = {str(Path(file).parent) for file in files}
    barred = files | {folder for folder in folders if is_below(folder, *below) and not any(is_below(one, folder) for one in below)}
    return Gate(new_name, below, tuple(sorted(barred - set(below))))


def _with_surroundings(step: Step, environ: Mapping[str, str], log: TextIO | None) -> int:
    runner = Runner(environ, sys.stdout if log is None else log, lambda: os.urandom(16).hex())
    gate = gate_of(environ, new_name)
    return step(environ, runner, surroundings(environ, runner.progress, runner.warning, gate, as_step))
