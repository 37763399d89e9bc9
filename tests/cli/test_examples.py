"""The examples of the help and the docs, run as they are printed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from git_keyval.cli.application import _FIRST_STEPS
from git_keyval.cli.failures import EXIT_CODES
from git_keyval.cli.project import SETTINGS
from git_keyval.interface.commands import COMMANDS
from tests.action.steps import ROOT
from tests.cli.conftest import PROGRAM
from tests.documents.markdown import blocks
from tests.servers.binary import init_bare, isolated_environ

QUIET = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "init.defaultBranch", "GIT_CONFIG_VALUE_0": "main"}
BEFORE = "git-keyval set colour green; git-keyval set inbox 'a message'; git-keyval incr slots --by 5"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("db.git", "team/db.git"):
        init_bare(tmp_path / name)
    (tmp_path / "logo.png").write_bytes(bytes(range(256)))
    (tmp_path / "settings.json").write_text('{"feature-a": true, "feature-b": false}')
    return tmp_path


def run(script: str, directory: Path, **extra: str) -> str:
    environ = isolated_environ({"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", **extra})
    done = subprocess.run(["bash", "-euc", script], cwd=directory, env=environ, capture_output=True, check=False, timeout=60)
    assert (done.returncode, re.sub(rb"There is no such (key|field|element)\.\n", b"", done.stderr)) == (0, b""), script
    return done.stdout.decode()


def test_every_example_works_as_printed(directory: Path) -> None:
    environ = {"GIT_KEYVAL_REPOSITORY": "./team/db.git", "HOSTNAME": "here", "RUN_ID": "7"}
    run(BEFORE, directory, **environ)
    # What is read in the examples of `get` is written in those of `set`, and so with maps and arrays.
    first, last = ("set", "hset", "apush"), ("apop", "hdel", "del")
    for name in (*first, *(name for name in COMMANDS if name not in {*first, *last}), *last):
        for line in COMMANDS[name].kind.examples:
            assert re.search(rf"\bgit-keyval {name}\b", line)
            run(line if shutil.which("jq") else line.partition(" | jq")[0], directory, **environ)
    assert (directory / "message.txt").read_text() == "a message"
    assert (directory / "logo.png").read_bytes() == bytes(range(256))


def test_the_first_steps_of_the_help_work_as_printed(tmp_path: Path) -> None:
    assert run("\n".join(_FIRST_STEPS), tmp_path, **QUIET).endswith("hello1")


def test_every_command_has_an_example_and_the_docs_show_it() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for command in COMMANDS.values():
        assert command.kind.examples
        assert "\n".join(command.kind.examples) in text


def test_the_docs_tell_the_exit_codes_that_there_are() -> None:
    text = (ROOT / "docs" / "terminal.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d+) \| (.*) \|$", text, re.MULTILINE) == [
        (str(int(code)), meaning) for code, meaning in EXIT_CODES.items()
    ]


def test_the_blocks_of_the_docs_work_as_printed(tmp_path: Path) -> None:
    """One after the other; the last ones are for the files of shells, which tests/cli/test_completion.py tries."""
    document = ROOT / "docs" / "terminal.md"
    scripts = [block for block in blocks(document) if block.language == "sh" and "completion" not in block.body]
    assert len(scripts) >= 8
    environ = isolated_environ({"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", **QUIET})
    for block in scripts:
        done = subprocess.run(
            ["bash", "-euc", block.body], cwd=tmp_path, env=environ, capture_output=True, check=False, text=True, timeout=60
        )
        assert done.returncode == 0, (block, done.stderr)
        assert block.shown is None or re.sub("[0-9a-f]{40}", "…", done.stdout) == block.shown, block
        environ["GIT_KEYVAL_REPOSITORY"] = "./db.git"  # as the first one exports it


def test_the_calls_of_the_docs_work_as_printed(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "terminal.md").read_text(encoding="utf-8")
    inline = [
        "echo pixels > picture.png; git-keyval set picture - --type bytes < picture.png",
        "printf -- - | git-keyval set key -; git-keyval get key | grep -x -e -",
        "git-keyval set balance --type counter -- -5",
        "git-keyval decr balance --by -5",
    ]
    for line in inline:
        assert re.split("; ", line)[0 if "printf" in line else -1] in text
    init_bare(tmp_path / "db.git")
    run("\n".join(inline), tmp_path, GIT_KEYVAL_REPOSITORY="./db.git")


def test_the_docs_list_the_settings_of_a_project() -> None:
    """And the file that they show is one."""
    text = (ROOT / "docs" / "terminal.md").read_text(encoding="utf-8")
    sentence = text.partition("Beside `repository`, the file")[2].partition("An option of the call")[0]
    assert set(re.findall(r"`([a-z-]+)(?: = required)?`", sentence)) | {"repository"} == {*SETTINGS}
    (shown,) = (block.body for block in blocks(ROOT / "docs" / "terminal.md") if block.language == "ini")
    assert re.findall(r"^ +([a-z-]+) =", shown, re.MULTILINE) == ["repository", "shard-length"]
