"""Running steps as a runner does: every input of action.yml in the environment, fresh files for each step, a log in UTF-8."""

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from git_keyval.action import gate_of, main, post
from git_keyval.action.locking import release
from git_keyval.action.runner import Runner
from git_keyval.action.step import run_step
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.names import Naming
from git_keyval.format.records import encode_data
from git_keyval.format.times import SECOND, Micros
from git_keyval.format.values import parse_value
from git_keyval.interface.spelling import as_step
from git_keyval.process import new_name, surroundings
from tests.action.runner_rules import LogCommand, log_commands, read_outputs
from tests.replacing import replace
from tests.servers.binary import git_output, isolated_environ

ROOT = Path(__file__).parent.parent.parent
WORKFLOW_TOKEN = "ghs_markedtoken5e1b"
"""Looks like the token of a workflow run, which is the default of the input."""

Refs = dict[str, str]

STEP, RELEASE = "/app/entrypoint.py", "/app/lock/release.py"
"""The programs in the image: of a step, and of the post step of lock/action.yml."""

_MAINS = {STEP: main, RELEASE: post}
_STEPS = {STEP: run_step, RELEASE: release}


@cache
def action(name: str = "") -> dict[str, Any]:
    """Read action.yml, or that of the action that runs one command."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / name / "action.yml").read_text(encoding="utf-8"))
    return loaded


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of a step that ended."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str
    state: dict[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> dict[str, str]:
        """Return the outputs without the count of requests, which every command has: none where files alone tell the answer."""
        assert self.outputs["requests-used"].isdigit()
        return {name: value for name, value in self.outputs.items() if name != "requests-used"}

    @property
    def commands(self) -> list[LogCommand]:
        """Return what the runner obeys in the log."""
        return log_commands(self.log)

    @property
    def error(self) -> str:
        """Return the one error of a step that failed; there must be one, alone on its line, and no other command."""
        (found,) = self.commands
        assert (self.code, found.name) == (1, "error")
        assert "\n" not in found.data
        return found.data

    def issued(self, name: str) -> list[str]:
        """Return the data of the commands of a name."""
        return [command.data for command in self.commands if command.name == name]

    @property
    def shown(self) -> str:
        """Return everything that people see of the step."""
        return self.log + self.summary


@dataclass(slots=True)
class Workflow:
    """Steps on one repository. ``settings`` are inputs for all of them; ``environ`` adds to the environment."""

    directory: Path
    repository: str
    settings: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    clock: Callable[[], Micros] | None = None
    _numbers: "count[int]" = field(default_factory=count)

    def environ_of(self, command: str, files: Path, inputs: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a step as the runner sets it up."""
        return self._environ(
            {**dict.fromkeys(action()["inputs"], ""), "command": "maintain"}, files, {**inputs, "command": command}
        )

    def _environ(self, empty: Mapping[str, str], files: Path, inputs: Mapping[str, str]) -> dict[str, str]:
        given = {**empty, "repository": self.repository, "token": WORKFLOW_TOKEN, **self.settings, **inputs}
        return isolated_environ(
            {
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_API_URL": "https://api.github.com",
                "GITHUB_OUTPUT": str(files / "output"),
                "GITHUB_STEP_SUMMARY": str(files / "summary"),
                "GITHUB_STATE": str(files / "state"),
                "RUNNER_TEMP": str(self.directory),
                **{f"INPUT_{name.upper().replace(' ', '_')}": value for name, value in given.items()},
                **self.environ,
            }
        )

    def run(self, command: str, /, **inputs: str) -> Ended:
        """Run a step; underscores of the names stand for hyphens, and one at the end for nothing (``if_``)."""
        return self.run_given(command, {name.rstrip("_").replace("_", "-"): value for name, value in inputs.items()})

    def run_given(
        self,
        command: str,
        inputs: Mapping[str, str],
        change: Callable[[Surroundings], Surroundings] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run a step with inputs by their very names, and its ``env``; ``change`` replaces parts of the outside world."""
        files = self._files()
        return self._ended(STEP, {**(env or {}), **self.environ_of(command, files, inputs)}, files, change)

    def run_action(
        self,
        name: str,
        inputs: Mapping[str, str],
        change: Callable[[Surroundings], Surroundings] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run a step of the action that runs one command, and nothing but that, with its own inputs and their defaults."""
        files = self._files()
        return self._ended(STEP, {**(env or {}), **self._environ_of_action(name, files, inputs)}, files, change)

    def take(self, inputs: Mapping[str, str], change: Callable[[Surroundings], Surroundings] | None = None) -> Ended:
        """Run a step of lock/action.yml."""
        return self.run_action("lock", inputs, change)

    def release(
        self,
        taken: Ended,
        inputs: Mapping[str, str],
        change: Callable[[Surroundings], Surroundings] | None = None,
    ) -> Ended:
        """Run the post step of a step of lock/action.yml, with the state that this one left."""
        files = self._files()
        states = {f"STATE_{name}": text for name, text in taken.state.items()}
        return self._ended(RELEASE, self._environ_of_action("lock", files, inputs) | states, files, change)

    def _environ_of_action(self, name: str, files: Path, inputs: Mapping[str, str]) -> dict[str, str]:
        declared = action(name)
        defaults = {each: item.get("default", "") for each, item in declared["inputs"].items()}
        return {**self._environ(defaults, files, inputs), **declared["runs"]["env"]}

    def _files(self) -> Path:
        files = self.directory / f"step-{next(self._numbers)}"
        files.mkdir(parents=True)
        for name in ("output", "summary", "state"):
            (files / name).touch()
        return files

    def _ended(
        self, program: str, environ: Mapping[str, str], files: Path, change: Callable[[Surroundings], Surroundings] | None
    ) -> Ended:
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
        code = self._call(program, environ, stream, change)
        stream.flush()
        log = stream.buffer.getvalue().decode()
        outputs, state = (read_outputs((files / name).read_bytes()) for name in ("output", "state"))
        ended = Ended(code, log, outputs, (files / "summary").read_text(encoding="utf-8"), state)
        assert WORKFLOW_TOKEN not in ended.shown + repr(ended.outputs) + repr(ended.state)
        return ended

    def _call(
        self,
        program: str,
        environ: Mapping[str, str],
        stream: io.TextIOWrapper,
        change: Callable[[Surroundings], Surroundings] | None,
    ) -> int:
        if change is None and self.clock is None:
            return _MAINS[program](environ, stream)
        runner = Runner(environ, stream, lambda: os.urandom(16).hex())
        outside = surroundings(environ, runner.progress, runner.warning, gate_of(environ, new_name), as_step)
        outside = replace(outside, clock=self.clock or outside.clock)
        return _STEPS[program](environ, runner, change(outside) if change else outside)


def unhurried(outside: Surroundings) -> Surroundings:
    """Return an outside world whose time passes in a moment where a step would sleep."""
    slept = 0.0

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds

    return replace(
        outside,
        sleep=sleep,
        elapsed=lambda: outside.elapsed() + slept,
        clock=lambda: Micros(outside.clock() + round(slept * SECOND)),
    )


def refs(repository: Path) -> Refs:
    """Return all refs of a repository."""
    listed = git_output("for-each-ref", "--format=%(refname) %(objectname)", directory=repository)
    return dict(line.split(" ") for line in listed.splitlines())


def value_ref(key: str) -> str:
    """Name the ref of a string key's value."""
    return Naming().value(encode_data(parse_value("String", key)).key_id)


def expiry_ref(key: str) -> str:
    """Name the ref of a string key's expiry."""
    return Naming().expiry(encode_data(parse_value("String", key)).key_id)


def breadcrumb_ref(key: str, name: str) -> str:
    """Name a breadcrumb of a string key."""
    return Naming().breadcrumbs(encode_data(parse_value("String", key)).key_id) + name


def version_of(text: str) -> str:
    """Return the version of a string value."""
    return encode_data(parse_value("String", text)).commit.oid
