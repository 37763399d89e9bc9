"""Shell completion: the scripts, and what they ask the program."""

import os
import shutil
import subprocess

import pytest

from tests.cli.conftest import PROGRAM, Command
from tests.servers.binary import isolated_environ


def completed(line: str) -> list[str]:
    """Ask as the script of bash asks: with the words so far, of which the last one is being typed."""
    words = line.split(" ")
    environ = isolated_environ({"_GIT_KEYVAL_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)})
    done = subprocess.run([PROGRAM], env=environ, capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    return done.stdout.decode().splitlines()


def test_commands_options_and_words_are_completed() -> None:
    assert completed("git-keyval mg") == ["plain,mget"]
    assert {"plain,get", "plain,maintain", "plain,completion"} <= set(completed("git-keyval "))
    assert completed("git-keyval set a b --keep") == ["plain,--keep-ttl"]
    assert completed("git-keyval set a b --if ") == ["plain,absent", "plain,present"]
    assert completed("git-keyval set a b --type b") == ["plain,boolean", "plain,bytes"]
    assert completed("git-keyval keys --type lock --type ma") == ["plain,map"]
    assert completed("git-keyval --transport a") == ["plain,auto", "plain,api"]
    assert completed("git-keyval completion ") == ["plain,bash", "plain,zsh", "plain,fish"]


def test_files_are_completed_by_the_shell_and_keys_not_at_all() -> None:
    assert completed("git-keyval set a --value-file x") == ["file,x"]
    assert completed("git-keyval -r x") == ["dir,x"]
    assert completed("git-keyval get ") == [""]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_ask_this_program(program: Command, shell: str) -> None:
    said = program("completion", shell)
    assert (said.code, said.stderr) == (0, "")
    assert f"_GIT_KEYVAL_COMPLETE={shell}_complete" in said.text
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=said.stdout, check=True, timeout=60)


def test_bash_completes_with_the_script() -> None:
    """As a person does who presses the key: the function that the script registers fills COMPREPLY."""
    script = """
        eval "$(git-keyval completion bash)"
        COMP_WORDS=(git-keyval set a b --if p) COMP_CWORD=5
        "$(complete -p git-keyval | sed 's/.*-F \\([^ ]*\\).*/\\1/')" git-keyval p --if
        echo "${COMPREPLY[@]}"
    """
    environ = isolated_environ({"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"})
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == (b"present\n", b"")


def test_another_shell_is_refused(program: Command) -> None:
    said = program("completion", "tcsh")
    assert said.code == 2
    assert "'bash', 'zsh', 'fish'" in said.stderr
