"""The files that the inputs of a step may name: those of its job."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from git_keyval.dispatch.files import Gate, is_below

_BELOW = ("GITHUB_WORKSPACE", "RUNNER_TEMP", "HOME")
_OF_THE_RUNNER = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH")
"""Files by which a runner and a step talk; text that is written there sets variables and outputs of later steps."""


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
