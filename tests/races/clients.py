"""Clients of a database: processes that run steps, and that can be killed while they do."""

import json
import math
import re
import select
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.servers.binary import isolated_environ

_ROOT = Path(__file__).parents[2]
_LONGEST_STEP_SECONDS = 120.0
_OUTPUT = re.compile(r"([a-z-]+)<<(ghadelimiter_\w+)\n(.*?)\n\2\n", re.DOTALL)


class StepFailedError(AssertionError):
    """A step ended with another exit code than 0. ``log`` is what it said."""

    def __init__(self, step: str, log: str) -> None:
        super().__init__(f"{step}: {log}")
        self.log = log


class Killed(Exception):  # noqa: N818  # nothing went wrong: it is what the test asked for
    """The process was killed before it answered; what it had begun goes on without it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step answered."""

    outputs: Mapping[str, str]

    @property
    def applied(self) -> bool:
        return self.outputs["applied"] == "true"

    @property
    def found(self) -> bool:
        return self.outputs["found"] == "true"

    @property
    def value(self) -> str:
        return self.outputs["value"]


class Client(ABC):
    """Runs steps on one repository. Used by one thread at a time; a context manager that ends the process."""

    def __init__(self, place: Mapping[str, str], output_file: Path) -> None:
        """Take the part of a step's environment that says where the repository is."""
        self._place = place
        self._output_file = output_file

    def run(self, command: str, /, **inputs: str) -> Answer:
        """Run one step that has to succeed. Inputs are written with underscores, ``if`` as ``if_``. Raises StepFailedError."""
        return self._answer(command, inputs, math.inf)

    def run_or_kill(self, command: str, seconds: float, /, **inputs: str) -> Answer:
        """Run one step; kill the process by SIGKILL and raise Killed if it has not answered after so many seconds."""
        return self._answer(command, inputs, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """End what still runs."""

    @abstractmethod
    def _run(self, environ: Mapping[str, str], kill_after: float) -> tuple[int, str]:
        """Return the exit code and the log of a step."""

    def _answer(self, command: str, inputs: Mapping[str, str], kill_after: float) -> Answer:
        self._output_file.unlink(missing_ok=True)
        code, log = self._run(self._environ(command, inputs), kill_after)
        if code:
            raise StepFailedError(f"{command} {inputs}", log)
        text = self._output_file.read_text() if self._output_file.exists() else ""
        return Answer({name: value for name, _, value in _OUTPUT.findall(text)})

    def _environ(self, command: str, inputs: Mapping[str, str]) -> dict[str, str]:
        given = {f"INPUT_{name.rstrip('_').replace('_', '-').upper()}": text for name, text in inputs.items()}
        fixed = {"INPUT_COMMAND": command, "GITHUB_OUTPUT": str(self._output_file)}
        return isolated_environ({**self._place, **given, **fixed})


class OneShot(Client):
    """A process for each step, as in a workflow."""

    def close(self) -> None:
        """Do nothing: each step waits for its process."""

    def _run(self, environ: Mapping[str, str], kill_after: float) -> tuple[int, str]:
        with subprocess.Popen(
            [sys.executable, "entrypoint.py"],
            cwd=_ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                log, _ = process.communicate(timeout=min(kill_after, _LONGEST_STEP_SECONDS))
            except subprocess.TimeoutExpired as exc:
                process.kill()
                assert kill_after < _LONGEST_STEP_SECONDS, f"{environ['INPUT_COMMAND']} does not end"
                raise Killed from exc
            return process.returncode, log


class Worker(Client):
    """One process for many steps, started anew after it was killed. Killing hits the step, never the start of the process."""

    def __init__(self, place: Mapping[str, str], output_file: Path) -> None:
        super().__init__(place, output_file)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the process now, so that the next step begins at once."""
        self._running()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _run(self, environ: Mapping[str, str], kill_after: float) -> tuple[int, str]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps(environ), file=process.stdin, flush=True)
        answering = select.poll()
        answering.register(process.stdout, select.POLLIN)
        if not answering.poll(min(kill_after, _LONGEST_STEP_SECONDS) * 1000):
            self.close()
            assert kill_after < _LONGEST_STEP_SECONDS, f"{environ['INPUT_COMMAND']} does not end"
            raise Killed
        answer = json.loads(process.stdout.readline())
        return answer["code"], answer["log"]

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.races.worker"],
                cwd=_ROOT,
                env=isolated_environ(self._place),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert self._process.stdout is not None
            assert self._process.stdout.readline() == "ready\n"
        return self._process
