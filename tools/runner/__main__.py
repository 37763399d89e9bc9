"""``python -m tools.runner [--program PROGRAM] [--image IMAGE] [--jobs IMAGE] [WORKFLOW...]``: run workflows with act.

Each workflow of ``examples/`` and the self-test runs twice, on an emulated GitHub of its own each time: as the tests read it, and
by act with the image of the action. What the jobs gave and printed, and what the repositories hold then, has to be the same.

Where act does otherwise than GitHub, so does our reading here: every run has the number 1, no post step gets the state that its
step has left, and all jobs of a matrix have one result.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path

from tests.action.steps import WORKFLOW_TOKEN, Workflow
from tests.examples.jobs import GitHub
from tests.examples.stage import REPOSITORY, emulated_github, github_at
from tools.runner.act import Job, Runner, read_log
from tools.runner.comparing import content, differences, facts, read_ours
from tools.runner.copies import ACTION, base_image, commit, for_act, head, workflow_of, write_action, write_repository
from tools.runner.scenes import SCENES, Scene, Start

_TOLD = ("GITHUB_SERVER_URL", "GITHUB_API_URL", "GITHUB_GRAPHQL_URL", "GIT_KEYVAL_CDN_URL", "GITHUB_REPOSITORY")
"""What act gets of the environment of steps."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the workflows that are named, or all. Returns the status of the process: 0, or 1 for a difference."""
    parser = argparse.ArgumentParser(prog="python -m tools.runner", description="Run workflows with act, and compare.")
    parser.add_argument("--program", default="", help="what runs act, where it is not act and docker")
    parser.add_argument("--image", default="git-keyval-action", help="the image of the action")
    parser.add_argument("--jobs", default=base_image(), help="the image that jobs run in, where act and docker run them")
    parser.add_argument("workflows", nargs="*", metavar="WORKFLOW", help=f"one of {', '.join(SCENES)}; all if none is named")
    given = parser.parse_args(arguments)
    if shutil.which(given.program or "act") is None:
        parser.error(f"there is no {given.program or 'act'} (pip install --require-hashes -r tools/runner/requirements.txt)")
    runner, failed = Runner(given.program, given.image, given.jobs), []
    for name in given.workflows or SCENES:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="runner-") as directory:
            found = run(name, SCENES[name], runner, Path(directory))
        _print(f"{name:20} {time.monotonic() - begun:6.1f} s  {'differs' if found else 'is the same'}", *found)
        failed += [name] if found else []
    return 1 if failed else 0


def run(name: str, scene: Scene, runner: Runner, directory: Path) -> list[str]:
    """Run a workflow both ways, and return what differs."""
    workflow = workflow_of(name, scene)
    with _staged(directory / "read", scene) as ours, _staged(directory / "run", scene) as theirs:
        write_repository(theirs.workspace, name, for_act(workflow, scene), scene, runner.image)
        shutil.copytree(theirs.workspace, ours.workspace, dirs_exist_ok=True)
        write_action(directory / "action", runner.image)
        commit(directory / "action", "the action")
        context = {"run_id": "1", "run_number": "1", "actor": "nektos/act", "sha": head(theirs.workspace)}
        found: list[str] = []
        for number, start in enumerate(scene.starts, start=1):
            with chdir(ours.workspace):
                wanted = read_ours(ours.start(workflow, start.event, inputs=start.inputs, **context))
            done = _run_act(runner, name, theirs, directory / "action", start)
            read, ran = facts(wanted, ours.workspace, scene.varying), facts(done, theirs.workspace, scene.varying)
            found += differences(f"run {number}", read, ran)
            found += [
                f"run {number}: {job} ends with {wanted[job].result}" for job in wanted if not _is_expected(job, wanted, scene)
            ]
        return found + differences("the repository", *(content(_database(directory / side)) for side in ("read", "run")))


@contextmanager
def _staged(directory: Path, scene: Scene) -> Iterator[GitHub]:
    """Serve a GitHub of its own, in whose repository the steps of the scene have run."""
    workspace = directory / "workspace"
    workspace.mkdir(parents=True)
    with emulated_github(directory / "github", time.time) as emulator:
        if scene.public:
            emulator.options.public.add(REPOSITORY)
        github = github_at(emulator, directory, workspace, Workflow(directory / "steps", REPOSITORY))
        github.secrets |= scene.secrets
        github.keeps_states = False
        for command, inputs in scene.steps:
            assert github.steps.run_given(command, inputs).code == 0, command
        time.sleep(scene.seconds)
        yield github


def _run_act(runner: Runner, name: str, github: GitHub, action: Path, start: Start) -> dict[str, Job]:
    """Have act run the workflow, and return what its log says. What it says else is shown if it says nothing of a job."""
    event = github.directory / "act.json"
    event.parent.mkdir(exist_ok=True)
    event.write_text(json.dumps({**github.context["event"], "inputs": start.inputs}), encoding="utf-8")
    options = [
        "--json",
        f"--workflows=.github/workflows/{name}.yml",
        f"--eventpath={event}",
        f"--local-repository={ACTION}={action}",
    ]
    options += [f"--env={name}={github.steps.environ[name]}" for name in _TOLD]
    options += [f"--secret={name}={text}" for name, text in {"GITHUB_TOKEN": WORKFLOW_TOKEN, **github.secrets}.items()]
    command = runner.command(github.workspace, start.event, options)
    done = subprocess.run(command, cwd=github.workspace, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    jobs = read_log(done.stdout.splitlines())
    if not jobs:
        _print(done.stdout, done.stderr)
    return jobs


def _is_expected(name: str, jobs: Mapping[str, Job], scene: Scene) -> bool:
    return jobs[name].result == scene.results.get(name.partition(" ")[0], "success")


def _database(directory: Path) -> Path:
    return directory / "github" / f"{REPOSITORY}.git"


def _print(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
