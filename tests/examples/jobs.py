"""Runs of workflows, job by job and step by step, on the emulated GitHub: a strict reading of what a runner does.

Whatever the workflows here do not use is refused, so that no key is passed over. Steps of the action run in this process, or in
the container (see ``conftest.py``); the scripts of ``run`` in a real bash; other actions only if they are listed here.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, product
from pathlib import Path
from typing import Any

import yaml

from git_keyval.interface.commands import COMMANDS
from tests.action.runner_rules import read_outputs
from tests.action.steps import ROOT, Ended, Workflow, action
from tests.examples.expressions import Context, as_text, condition, filled
from tests.replacing import replace
from tools.action_files import SUB_ACTIONS

OURS = ("org/git-keyval-action@v1", "$/")
_OF_ONE_COMMAND = {form.format(name): name for name in SUB_ACTIONS for form in ("org/git-keyval-action/{}@v1", "$/{}")}
"""How workflows name the actions: by the placeholder of their public name, or as the repository that they are in."""

SKIPPED = ("actions/checkout@", "actions/upload-artifact@", "actions/upload-pages-artifact@")
"""Actions that are not run: the test has put into the workspace what they would, and nobody looks at artifacts."""

_REUSABLE = "org/git-keyval-action/.github/workflows/"
_WORKFLOW_KEYS = {"name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
_JOB_KEYS = {
    *("name", "runs-on", "needs", "if", "permissions", "env", "outputs", "steps", "strategy", "timeout-minutes"),
    *("concurrency", "environment", "uses", "with", "secrets"),
}
_STEP_KEYS = {"id", "name", "if", "uses", "with", "run", "env", "shell", "continue-on-error", "timeout-minutes"}
_SHELLS = {"": ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"]}


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is over. ``outcome`` is success, failure or skipped; ``ended`` tells more of a step of the action."""

    outcome: str
    outputs: dict[str, Any]
    conclusion: str = ""
    log: str = ""
    summary: str = ""
    ended: Ended | None = None

    @property
    def context(self) -> Context:
        """Return what later steps see."""
        return Context(outcome=self.outcome, conclusion=self.conclusion or self.outcome, outputs=self.outputs)


@dataclass(frozen=True, slots=True)
class Job:
    """A job that is over, one for each combination of its matrix.

    Steps without an id are known by their position, post steps by that of theirs, such as ``post lock``.
    """

    name: str
    result: str
    matrix: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def value(self, step: str, output: str) -> Any:  # noqa: ANN401
        """Return an output of a step."""
        return self.steps[step].outputs[output]

    @property
    def log(self) -> str:
        """Return all that the steps printed."""
        return "".join(step.log for step in self.steps.values())


@dataclass(slots=True)
class GitHub:
    """Starts runs in one repository. ``tokens`` says which token a job gets for its permission on ``contents``.

    ``keeps_states`` says whether post steps get the state that their step has left.
    """

    steps: Workflow
    directory: Path
    workspace: Path
    tokens: Mapping[str, str]
    context: Mapping[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    keeps_states: bool = True
    _numbers: "count[int]" = field(default_factory=count)

    def start(
        self,
        workflow: Mapping[Any, Any],
        event: str = "push",
        /,
        *,
        inputs: Mapping[str, Any] | None = None,
        **github: Any,  # noqa: ANN401
    ) -> dict[str, list[Job]]:
        """Start a run and give its jobs by name. ``github`` replaces members of that context, such as the number of the run."""
        workflow = _by_name(workflow)
        triggers = _triggers(workflow["on"])
        assert event in triggers, f"the workflow is not started by {event}"
        declared = {name for known in triggers.values() for name in known.get("inputs", {})}
        values = dict.fromkeys(declared) if event not in {"workflow_dispatch", "workflow_call"} else {}
        values |= {name: item.get("default") for name, item in triggers[event].get("inputs", {}).items()}
        assert (inputs or {}).keys() <= values.keys(), "an input is not declared"
        number = next(self._numbers)
        told = Context(self.context) | {"event_name": event, "run_id": str(1000 + number), "run_number": str(number + 1)} | github
        contexts = {
            "github": Context(told),
            "inputs": Context(values | dict(inputs or {})),
            "secrets": dict(self.secrets),
        }
        return _Run(self, workflow, contexts).all()

    def folder(self) -> Path:
        """Make a directory for the files of one step."""
        folder = self.directory / f"run-{next(self._numbers)}"
        folder.mkdir(parents=True)
        return folder


@dataclass(slots=True)
class _Run:
    github: GitHub
    workflow: Mapping[str, Any]
    contexts: dict[str, Any]
    done: dict[str, list[Job]] = field(default_factory=dict)

    def all(self) -> dict[str, list[Job]]:
        assert self.workflow.keys() <= _WORKFLOW_KEYS, self.workflow.keys() - _WORKFLOW_KEYS
        filled(_group(self.workflow), self.contexts)
        for name, job in self.workflow["jobs"].items():
            assert job.keys() <= _JOB_KEYS, job.keys() - _JOB_KEYS
            self.done[name] = self._job(name, job)
        return self.done

    def _job(self, name: str, job: Mapping[str, Any]) -> list[Job]:
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        results = [one.result for need in needs for one in self.done[need]]
        status = _status(all(result == "success" for result in results), "failure" in results)
        contexts = self.contexts | {"needs": Context({need: _needed(self.done[need]) for need in needs})}
        if not condition(job.get("if", "true"), contexts, status):
            return [Job(name, "skipped")]
        combinations = _matrix(job.get("strategy", {}), contexts)
        with ThreadPoolExecutor(max(len(combinations), 1)) as pool:
            run = self._called if "uses" in job else self._steps
            return list(pool.map(lambda matrix: run(name, job, contexts | {"matrix": Context(matrix)}), combinations))

    def _called(self, name: str, job: Mapping[str, Any], contexts: Mapping[str, Any]) -> Job:
        """Run the jobs of a reusable workflow of this repository."""
        path, _, version = job["uses"].removeprefix(_REUSABLE).partition("@")
        assert (job["uses"].startswith(_REUSABLE), version) == (True, "v1"), job["uses"]
        called = read_workflow(ROOT / ".github" / "workflows" / path)
        trigger = _triggers(called["on"])["workflow_call"]
        secrets = {key: filled(value, contexts) for key, value in job.get("secrets", {}).items()}
        assert secrets.keys() <= trigger.get("secrets", {}).keys(), "a secret is not declared"
        for one in called["jobs"].values():
            _assert_within(one["permissions"], job["permissions"])
        inside = replace(self.github, secrets={**dict.fromkeys(trigger.get("secrets", {}), ""), **secrets})
        given = {key: filled(value, contexts) for key, value in job.get("with", {}).items()}
        # What is called sees the context of its caller, the name of the event included.
        done = inside.start(called, "workflow_call", inputs=given, **contexts["github"])
        jobs = [one for all_of in done.values() for one in all_of]
        steps = {f"{one.name}-{number}.{key}": step for number, one in enumerate(jobs) for key, step in one.steps.items()}
        return Job(name, "success" if all(one.result == "success" for one in jobs) else "failure", contexts["matrix"], steps)

    def _steps(self, name: str, job: Mapping[str, Any], given: Mapping[str, Any]) -> Job:
        permissions = job.get("permissions", self.workflow.get("permissions"))
        assert isinstance(permissions, dict), f"the job {name} says nothing of its permissions"
        token = self.github.tokens[permissions.get("contents", "none")]
        contexts: dict[str, Any] = {**given, "github": Context(given["github"] | {"token": token, "job": name})}
        contexts |= {"env": Context(), "steps": Context()}
        for level in (self.workflow, job):
            contexts["env"] |= {key: as_text(filled(value, contexts)) for key, value in level.get("env", {}).items()}
        for text in (job["runs-on"], _group(job), job.get("name"), job.get("environment")):
            filled(text, contexts)
        done: dict[str, Step] = {}
        for number, step in enumerate(job["steps"]):
            key = step.get("id", str(number))
            assert key not in done, f"two steps have the id {key}"
            failed = any((one.conclusion or one.outcome) == "failure" for one in done.values())
            done[key] = self._step(step, contexts, _status(not failed, failed))
            if "id" in step:
                contexts["steps"] = Context(contexts["steps"] | {key: done[key].context})
        self._post_steps(job, contexts, done)
        failed = any((one.conclusion or one.outcome) == "failure" for one in done.values())
        outputs = {key: as_text(filled(value, contexts)) for key, value in job.get("outputs", {}).items()}
        return Job(name, "failure" if failed else "success", contexts["matrix"], done, outputs)

    def _post_steps(self, job: Mapping[str, Any], contexts: Mapping[str, Any], done: dict[str, Step]) -> None:
        """Run the post steps of those that have run, the last one first, whatever became of the job.

        Their inputs are evaluated once more: https://github.com/actions/runner/blob/main/src/Runner.Worker/ActionRunner.cs
        """
        for number, step in reversed(list(enumerate(job["steps"]))):
            key = step.get("id", str(number))
            taken = done[key].ended
            name = _OF_ONE_COMMAND.get(step.get("uses", ""), "")
            if "post-entrypoint" in action(name)["runs"] and taken is not None:
                left = taken if self.github.keeps_states else replace(taken, state={})
                ended = self.github.steps.release(left, _given(action(name), step, contexts))
                done[f"post {key}"] = _over({}, ended)

    def _step(self, step: Mapping[str, Any], contexts: dict[str, Any], status: Mapping[str, Any]) -> Step:
        assert step.keys() <= _STEP_KEYS, step.keys() - _STEP_KEYS
        filled(step.get("name"), contexts)
        inside = {**contexts, "env": Context(contexts["env"])}
        inside["env"] |= {key: as_text(filled(value, contexts)) for key, value in step.get("env", {}).items()}
        if not condition(step.get("if", "true"), inside, status):
            return Step("skipped", _declared(step))
        if "run" in step:
            done = self._run(step, inside, contexts)
        elif step["uses"] in OURS:
            told = _given(action(), step, inside)
            done = _over(step, self.github.steps.run_given(told.pop("command"), told, env=inside["env"]))
        elif name := _OF_ONE_COMMAND.get(step["uses"], ""):
            done = _over(step, self.github.steps.run_action(name, _given(action(name), step, inside), env=inside["env"]))
        else:
            assert step["uses"].startswith(SKIPPED), f"{step['uses']} is not known here"
            done = Step("success", {})
        forgiven = filled(step.get("continue-on-error", False), inside) is True and done.outcome == "failure"
        return replace(done, conclusion="success") if forgiven else done

    def _run(self, step: Mapping[str, Any], contexts: Mapping[str, Any], job: dict[str, Any]) -> Step:
        folder, github = self.github.folder(), contexts["github"]
        script = folder / "script.sh"
        script.write_text(filled(step["run"], contexts), encoding="utf-8")
        files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.touch()
        shell = step.get("shell", self.workflow.get("defaults", {}).get("run", {}).get("shell", ""))
        environ = {
            "PATH": os.environ["PATH"],
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "HOME": str(folder),
            "RUNNER_TEMP": str(folder),
            **{f"GITHUB_{name.upper()}": value for name, value in github.items() if isinstance(value, str) and name != "token"},
            **{name: str(file) for name, file in files.items()},
            **contexts["env"],
        }
        done = subprocess.run(
            [*_SHELLS[shell], str(script)],
            cwd=self.github.workspace,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=60,
        )
        job["env"] = Context(job["env"] | read_outputs(files["GITHUB_ENV"].read_bytes()))
        outputs = Context(read_outputs(files["GITHUB_OUTPUT"].read_bytes()))
        summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        return Step("failure" if done.returncode else "success", outputs, log=done.stdout.decode(), summary=summary)


def read_workflow(path: Path) -> dict[str, Any]:
    """Read a workflow."""
    return _by_name(yaml.safe_load(path.read_text(encoding="utf-8")))


def commands_of(job: Mapping[str, Any]) -> set[str]:
    """Return the commands that a job runs."""
    return {_command_of(step) for step in job.get("steps", ()) if _is_ours(step)}


def _command_of(step: Mapping[str, Any]) -> str:
    told = step.get("with", {}).get("command", action()["inputs"]["command"]["default"])
    return _OF_ONE_COMMAND.get(step["uses"], str(told))


def _is_ours(step: Mapping[str, Any]) -> bool:
    return step.get("uses") in (*OURS, *_OF_ONE_COMMAND)


def _given(action: Mapping[str, Any], step: Mapping[str, Any], contexts: Mapping[str, Any]) -> dict[str, str]:
    """Return all inputs of an action, evaluated, as a runner hands them over."""
    inputs, given = action["inputs"], step.get("with", {})
    assert given.keys() <= inputs.keys(), f"unknown inputs {given.keys() - inputs.keys()}"
    return {name: as_text(filled(given.get(name, item.get("default", "")), contexts)) for name, item in inputs.items()}


def _over(step: Mapping[str, Any], ended: Ended) -> Step:
    outputs = Context(_declared(step) | ended.outputs)
    # A runner shows nothing of a line that has it hide something.
    log = "".join(line for line in ended.log.splitlines(keepends=True) if not line.startswith("::add-mask::"))
    return Step("failure" if ended.code else "success", outputs, log=log, summary=ended.summary, ended=ended)


def _by_name(workflow: Mapping[Any, Any]) -> dict[str, Any]:
    """Undo what YAML 1.1 makes of the key ``on``."""
    return {"on" if key is True else key: value for key, value in workflow.items()}


def _triggers(on: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """Return what is said of each event; of a schedule that are its times, which nothing here asks for."""
    named = {on: None} if isinstance(on, str) else dict.fromkeys(on) if isinstance(on, list) else on
    return {event: told if isinstance(told, dict) else {} for event, told in named.items()}


def _group(level: Mapping[str, Any]) -> str:
    group = level.get("concurrency", "")
    return str(group["group"] if isinstance(group, dict) else group)


def _declared(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs that a step may have: for the action those of its command, for a script whatever is asked for."""
    if not _is_ours(step):
        return {}
    return Context(dict.fromkeys(COMMANDS[_command_of(step)].outputs))


def _status(success: bool, failure: bool) -> dict[str, Any]:  # noqa: FBT001
    return {"success": lambda: success, "failure": lambda: failure, "always": lambda: True, "cancelled": lambda: False}


def _needed(jobs: Sequence[Job]) -> Context:
    results = {job.result for job in jobs}
    result = next((one for one in ("failure", "skipped") if one in results), "success")
    outputs = {name: value for job in jobs for name, value in job.outputs.items()}
    return Context(result=result, outputs=Context(outputs) if result != "skipped" else {})


def _matrix(strategy: Mapping[str, Any], contexts: Mapping[str, Any]) -> list[dict[str, Any]]:
    assert strategy.keys() <= {"matrix", "fail-fast", "max-parallel"}
    lists = {name: filled(values, contexts) for name, values in strategy.get("matrix", {}).items()}
    assert not lists.keys() & {"include", "exclude"}
    return [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]


def _assert_within(wanted: Mapping[str, str], granted: Mapping[str, str]) -> None:
    levels = ("none", "read", "write")
    for scope, level in wanted.items():
        assert levels.index(level) <= levels.index(granted.get(scope, "none")), f"the caller does not grant {scope}: {level}"


def event_file(directory: Path, repository: Mapping[str, Any]) -> Path:
    """Write what tells a step of the event, as far as the action looks at it."""
    file = directory / "event.json"
    file.write_text(json.dumps({"repository": repository}), encoding="utf-8")
    return file
