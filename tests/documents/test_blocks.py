"""Every code block of the documents works as printed.

Blocks of ``sh`` are run by a real shell, with the real program and real git; those of one document one after the other, beginning
in an empty directory. Blocks of ``yaml`` are workflows, or parts of one, and are run step by step on the emulated GitHub, those of
one document in the same repository. What a block of ``text`` right below shows is what they print. Blocks of ``console`` are
only shown, because they need GitHub itself, or are the examples of the terminal's help, which tests/cli/test_examples.py runs.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from git_keyval.interface.commands import COMMANDS
from tests.action.steps import ROOT
from tests.documents.markdown import DOCUMENTS, Block, blocks
from tests.examples.jobs import GitHub
from tests.servers.binary import isolated_environ

# These have tests of their own: tests/format/test_documentation.py, tests/interface/test_config.py, tests/cli/test_examples.py.
TESTED = [path for path in DOCUMENTS if path.name not in {"format.md", "config.md", "terminal.md"}]
LANGUAGES = {"sh", "python", "yaml", "text", "json", "console", "mermaid"}

_BETWEEN = "-- the next block --"

PROGRAM = Path(sys.executable).parent / "git-keyval"


def of_language(language: str) -> pytest.MarkDecorator:
    """Parametrise by the documents that have such blocks."""
    found = [path for path in TESTED if any(block.language == language for block in blocks(path))]
    return pytest.mark.parametrize("document", found, ids=lambda path: path.name)


@pytest.mark.parametrize("document", TESTED, ids=lambda path: path.name)
def test_every_block_says_what_it_is(document: Path) -> None:
    assert {block.language for block in blocks(document)} <= LANGUAGES


@of_language("sh")
def test_commands_work_as_printed(document: Path, tmp_path: Path) -> None:
    environ = isolated_environ({"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"})
    for block in blocks(document):
        if block.language == "sh":
            done = subprocess.run(
                ["sh", "-eu", "-c", block.body], cwd=tmp_path, env=environ, capture_output=True, check=False, timeout=60
            )
            assert done.returncode == 0, (block, done.stderr)
            assert block.shown is None or done.stdout.decode().rstrip("\n") == block.shown.rstrip("\n"), block


@of_language("python")
def test_programs_work_as_printed(document: Path, tmp_path: Path) -> None:
    """The blocks of a document are one program, and its types are right."""
    written = [block for block in blocks(document) if block.language == "python"]
    program = tmp_path / "program.py"
    program.write_text("".join(f"{block.body}print({_BETWEEN!r})\n" for block in written))
    subprocess.run(["git", "init", "--quiet", "--bare", "db.git"], cwd=tmp_path, check=True)
    done = subprocess.run([sys.executable, program], cwd=tmp_path, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    printed = done.stdout.decode().split(f"{_BETWEEN}\n")
    assert printed[:-1] == [block.shown or "" for block in written]
    checked = subprocess.run([sys.executable, "-m", "mypy", "--strict", program], cwd=ROOT, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout.decode()


@of_language("yaml")
def test_workflows_work_as_printed(document: Path, github: GitHub) -> None:
    for block in blocks(document):
        if block.language == "yaml":
            workflow = whole(block)
            event = next(iter(workflow[True]))
            jobs = [job for all_of in github.start(workflow, event).values() for job in all_of]
            assert {job.result for job in jobs} == {"success"}, (block, jobs)
            assert block.shown is None or "".join(job.log for job in jobs) == block.shown, block


def whole(block: Block) -> dict[Any, Any]:
    """Return a block as a workflow: it may be one, or a job that may write, or just its steps."""
    read = yaml.safe_load(block.body)
    if isinstance(read, list):
        read = {"permissions": {"contents": "write"}, "steps": read}
    if "jobs" not in read:
        read = {True: {"push": None}, "jobs": {"job": {"runs-on": "ubuntu-24.04", **read}}}
    return {name: value if name is not True else _events(value) for name, value in read.items()}


def _events(on: Any) -> dict[str, Any]:  # noqa: ANN401
    return {on: None} if isinstance(on, str) else on


def test_every_command_has_an_example() -> None:
    shown = "".join(block.body for block in blocks(ROOT / "docs" / "commands.md"))
    assert [name for name in COMMANDS if not re.search(rf"command: {name}\n|git-keyval -r \S+ {name}\b", shown)] == []
