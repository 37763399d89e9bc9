"""Files and pipes that a person names, and answers that nobody takes."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.action.steps import refs
from tests.cli.conftest import PROGRAM, Command
from tests.servers.binary import isolated_environ

TAKERS = {"getdel": "set", "apop": "apush"}


def shell(repository: Path, script: str, directory: Path, program: str = "bash") -> subprocess.CompletedProcess[str]:
    """Run a script in which ``$KEYVAL`` is the program."""
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository), "KEYVAL": str(PROGRAM)})
    return subprocess.run(
        [program, "-c", script], cwd=directory, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_value_comes_from_whatever_a_shell_makes_of_a_command(repository: Path, tmp_path: Path) -> None:
    """``<(command)`` is a pipe that has the name of a file."""
    done = shell(repository, "$KEYVAL set a --value-file <(printf secret) >/dev/null && $KEYVAL get a", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "secret", "")


@pytest.mark.parametrize("path", ["/dev/null", "/dev/full", "/dev/zero", "."])
def test_a_device_is_no_file(keyval: Command, repository: Path, path: str) -> None:
    for arguments in (["set", "a", "--value-file", path], ["get", "a", "--output-file", path]):
        said = keyval(*arguments)
        assert (said.code, "not a regular file" in said.stderr or "Is a directory" in said.stderr) == (2, True)
    assert refs(repository) == {}


def test_a_file_that_is_not_there_is_named_by_its_option_and_belongs_into_no_workspace(keyval: Command) -> None:
    said = keyval("set", "a", "--value-file", "none.txt")
    assert (said.code, said.stderr) == (
        2,
        "--value-file cannot be read (No such file or directory). Accepted: the path of a file.\n",
    )


def test_no_value_is_written_to_a_pipe_by_the_name_of_a_file(keyval: Command, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    keyval("set", "a", "1")
    said = keyval("get", "a", "--output-file", str(tmp_path / "fifo"))
    assert (said.code, "not a regular file" in said.stderr) == (2, True)


def test_any_file_is_opened_wherever_it_is(keyval: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever types its name may open it, also by a link."""
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    (tmp_path / "given").write_text("value")
    Path("link").symlink_to("../given")
    assert keyval("set", "a", "--value-file", "link").code == 0
    assert keyval("get", "a", "--output-file", "../taken").code == 0
    assert (tmp_path / "taken").read_text() == "value"


@pytest.mark.parametrize("command", TAKERS)
def test_what_does_not_fit_on_the_disk_is_not_taken_away(repository: Path, tmp_path: Path, command: str) -> None:
    place = tmp_path / "folder"
    place.mkdir()
    script = f"""
        head -c 300000 /dev/zero | tr '\\0' x | $KEYVAL {TAKERS[command]} a - >/dev/null
        (ulimit -f 100; exec $KEYVAL {command} a --output-file taken)
        echo $?
        $KEYVAL {command} a | wc -c
    """
    done = shell(repository, script, place)
    assert done.stdout.split() == ["1", "300000"]
    assert "File too large); nothing was taken away." in done.stderr
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("command", TAKERS)
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("$KEYVAL {} a >/dev/full", 1),
        ("$KEYVAL {} a --json >/dev/full", 1),
        ("($KEYVAL {} a; echo code $? >&2) | exec <&-", 141),
    ],
    ids=["full", "json", "closed"],
)
def test_an_answer_that_nobody_takes_is_found_where_the_error_says(
    repository: Path, tmp_path: Path, command: str, script: str, code: int
) -> None:
    shell(repository, f"$KEYVAL {TAKERS[command]} a value", tmp_path)
    done = shell(repository, script.format(command), tmp_path)
    assert f"code {code}" in done.stderr or done.returncode == code
    (parked,) = (name for name in refs(repository) if "/gc/" in name)
    assert f"--branch {parked.removeprefix('refs/heads/')} {repository} parked" in done.stderr


def test_a_folder_that_is_gone_when_the_value_was_taken_is_told_with_the_branch(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    shell(repository, "$KEYVAL set a value", tmp_path)
    hook = repository / "hooks" / "post-receive"
    hook.write_text(f"#!/bin/sh\nrm -r '{tmp_path}/folder'\n")
    hook.chmod(0o755)
    done = shell(repository, "$KEYVAL getdel a --output-file folder/taken", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "could not be written to the output file (No such file or directory)" in done.stderr
    assert "is on the branch gc/" in done.stderr
