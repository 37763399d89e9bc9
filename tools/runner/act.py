"""How ``act`` is called, and what its log says that it did.

``act --json`` writes an object a line: what a step printed has ``raw_output``, a command that it found in that or in a file of the
step has ``command``, and the end of a step has ``stepResult``. A step that is skipped has no line at all.
(https://github.com/nektos/act/blob/master/pkg/runner/logger.go)
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

POSITION = "step-"
"""How a step without an id is named in the copy of a workflow, with its position: act counts those that were added, too."""

PROGRAMS = "programs"
"""The id of the step that is added: it installs what a hosted runner has and the image has not."""

_SHOWN = {"error", "warning", "notice", "debug", "group", "endgroup"}
_POST = {"Post": "post "}


@dataclass(frozen=True, slots=True)
class Runner:
    """What runs act: a program that is called as ``PROGRAM act FOLDER EVENT OPTION...``, or act itself beside Docker.

    ``image`` is that of the action, ``jobs`` the one in which scripts run, which the program has of its own.
    """

    program: str
    image: str
    jobs: str

    def command(self, folder: Path, event: str, options: Sequence[str]) -> list[str]:
        """Return the command that runs the workflows of a folder, in that folder."""
        if self.program:
            return [self.program, "act", str(folder), event, *options]
        own = ["--bind", "--network=host", "--pull=false", "--no-cache-server", f"--platform=ubuntu-24.04={self.jobs}"]
        return ["act", event, *own, *options]


@dataclass(slots=True)
class Step:
    """What became of a step: success, failure or skipped, its outputs, what it printed, and what it added to the job summary."""

    outcome: str = "skipped"
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""


@dataclass(slots=True)
class Job:
    """What became of a job, of one combination of its matrix."""

    result: str = "skipped"
    steps: dict[str, Step] = field(default_factory=dict)


def read_log(lines: Iterable[str]) -> dict[str, Job]:
    """Return the jobs by name, each with its steps by id. Lines that are not of a job are left out, and jobs without a step."""
    jobs: dict[str, Job] = {}
    for line in lines:
        entry = json.loads(line) if line.startswith("{") else {}
        if "jobID" not in entry:
            continue
        job = jobs.setdefault(job_name(entry["jobID"], entry.get("matrix") or {}), Job())
        job.result = entry.get("jobResult", job.result)
        if isinstance(entry.get("stepID"), list):
            _read_step(job.steps, entry)
    return {name: job for name, job in jobs.items() if job.steps}


def job_name(job: str, matrix: Mapping[str, Any]) -> str:
    """Return the name of a job with the values of its matrix that are not empty."""
    return " ".join([job, *(f"{name}={value}" for name, value in sorted(matrix.items()) if value != "")])


def _read_step(steps: dict[str, Step], entry: Mapping[str, Any]) -> None:
    name = _POST.get(entry.get("stage", ""), "") + entry["stepID"][-1].removeprefix(POSITION)
    if entry.get("stage") == "Pre" or name.endswith(PROGRAMS):
        return
    step = steps.setdefault(name, Step())
    step.outcome = entry.get("stepResult", step.outcome)
    command = entry.get("command")
    if command == "set-output":
        step.outputs[entry["name"]] = entry["arg"]
    elif command == "summary":
        step.summary += entry["content"]
    elif entry.get("raw_output"):
        step.log += entry["msg"]
    elif command in _SHOWN:
        step.log += entry["raw"]
