"""The examples of the help and the docs, run as they are printed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from git_keyval.cli.application import _FIRST_STEPS
from git_keyval.cli.failures import EXIT_CODES
from git_keyval.interface.commands import COMMANDS
from tests.action.steps import ROOT
from tests.cli.conftest import PROGRAM
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
    text = (ROOT / "docs" / "terminal.md").read_text(encoding="utf-8")
    first, lock, _completion = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    inline = [
        "echo pixels > picture.png; git-keyval set picture - --type bytes < picture.png",
        "printf -- - | git-keyval set key -; git-keyval get key | grep -x -e -",
        "git-keyval set balance --type counter -- -5",
    ]
    for line in inline:
        assert re.split("; ", line)[0 if "printf" in line else -1] in text
    printed = run("\n".join([first, lock, *inline]), tmp_path, **QUIET)
    assert "hello" in printed
    assert "mine\n" in printed
    refused = run(f"export GIT_KEYVAL_REPOSITORY=./db.git; ({lock.strip()}) || echo $?", tmp_path)
    assert refused == "4\n"
