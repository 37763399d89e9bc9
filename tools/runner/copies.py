"""What act is given: a repository with the workflow in it, and one with the action as a release has it."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.examples.jobs import read_workflow
from tools.action_files import SUB_ACTIONS
from tools.image_name import actions, with_image
from tools.runner.act import POSITION, PROGRAMS
from tools.runner.scenes import LEFT_OUT, ROOT, Scene, path_of

ACTION = "org/git-keyval-action@v1"
_OWN = {"$/": "./", **{f"$/{name}": f"./{name}" for name in SUB_ACTIONS}}
"""act does not know a repository's own action by ``$/``, and by ``./`` where the repository is checked out."""

_PEOPLE = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_DATES = {f"GIT_{who}_DATE": "2026-01-01T12:00:00Z" for who in ("AUTHOR", "COMMITTER")}


def workflow_of(name: str, scene: Scene) -> dict[str, Any]:
    """Read a workflow as it is run here, with the texts that the scene replaces and without the steps that are left out."""
    return _without_left_out(_mapped(read_workflow(path_of(name)), lambda text: _replaced(text, scene.replaced)))


def _without_left_out(workflow: dict[str, Any]) -> dict[str, Any]:
    for job in workflow["jobs"].values():
        if "steps" in job:
            job["steps"] = [step for step in job["steps"] if not _is_left_out(step)]
    return workflow


def _is_left_out(step: Mapping[str, Any]) -> bool:
    return any(text in step.get("run", step.get("uses", "")) for text in LEFT_OUT)


def base_image() -> str:
    """Return the image that the action's own is built on: jobs run in that, where there is no other."""
    found = re.search(r"^FROM (\S+) AS action$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def for_act(workflow: Mapping[str, Any], scene: Scene) -> dict[str, Any]:
    """Return the workflow as act is to run it: each step with an id, after one that installs the packages of the scene."""
    copy: dict[str, Any] = _mapped(workflow, lambda text: text)
    install = f"apt-get update -qq && apt-get install -qq -y --no-install-recommends {' '.join(scene.packages)} >/dev/null 2>&1"
    first = [{"id": PROGRAMS, "run": install}] if scene.packages else []
    for job in copy["jobs"].values():
        steps = [{"id": f"{POSITION}{number}", **step} for number, step in enumerate(job.get("steps", ()))]
        for step in steps:
            step["uses"] = _OWN.get(step.get("uses", ""), step.get("uses"))
        if steps:
            job["steps"] = [*first, *({name: item for name, item in step.items() if item is not None} for step in steps)]
    return copy


def write_repository(folder: Path, name: str, workflow: Mapping[str, Any], scene: Scene, image: str) -> None:
    """Write the repository of a workflow and commit it twice, so that its second commit has a log."""
    write_action(folder, image)
    commit(folder, "the first")
    files = {f".github/workflows/{name}.yml": yaml.safe_dump(dict(workflow), sort_keys=False, width=10_000), **scene.files}
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        if text.startswith("#!"):
            file.chmod(0o755)
    commit(folder, "the second")


def write_action(folder: Path, image: str) -> None:
    """Write the actions and the reusable workflows, which name the image as a release does."""
    workflow = ROOT / ".github" / "workflows" / "maintenance.yml"
    texts = {path: with_image(path.read_text(encoding="utf-8"), f"docker://{image}") for path in actions(ROOT)}
    called = yaml.safe_dump(_without_left_out(read_workflow(workflow)), sort_keys=False, width=10_000)
    texts[workflow] = called.replace("uses: $/", f"uses: {ACTION}")
    for source, text in texts.items():
        target = folder / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def commit(folder: Path, subject: str) -> None:
    """Commit all that is in a folder, at a time that is always the same."""
    environ = {**os.environ, **_PEOPLE, **_DATES, "GIT_CONFIG_GLOBAL": os.devnull}
    begin = [] if (folder / ".git").exists() else [["init", "--quiet", "--initial-branch=main"]]
    for arguments in (*begin, ["add", "--all"], ["commit", "--quiet", "--message", subject]):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, env=environ)


def head(folder: Path) -> str:
    """Return the oid of the last commit."""
    done = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _replaced(text: str, replaced: Mapping[str, str]) -> str:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


def _mapped(item: Any, change: Any) -> Any:  # noqa: ANN401  # whatever YAML holds
    if isinstance(item, dict):
        return {name: _mapped(value, change) for name, value in item.items()}
    if isinstance(item, list):
        return [_mapped(value, change) for value in item]
    return change(item) if isinstance(item, str) else item
