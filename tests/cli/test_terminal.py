"""What differs at a terminal, from a pipe: line feeds, colours, progress, and values that would control it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from git_keyval.cli.running import _message_if_interrupted
from git_keyval.cli.terminal import harmless, harmless_line
from git_keyval.interface.commands import COMMANDS
from git_keyval.interface.inputs import INPUTS, Inputs
from tests.cli.conftest import PROGRAM, Command
from tests.servers.binary import isolated_environ, run_git

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\r\x7f".encode()


def hook(repository: Path, name: str, script: str) -> None:
    file = repository / "hooks" / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_at_a_terminal_a_value_ends_with_a_line_feed(program: Command, terminal: Command) -> None:
    """Or the prompt would follow on the same line; in a pipe nothing is added, to counters neither."""
    for value, shown in ((b"hello", b"hello\n"), (b"two\nlines\n", b"two\nlines\n"), (b"", b"\n")):
        program("set", "a", "-", stdin=value)
        assert terminal("get", "a").stdout == shown
        assert program("get", "a").stdout == value
    assert (terminal("incr", "n").stdout, program("incr", "n").stdout) == (b"1\n", b"2")
    assert terminal("get", "none", "--default", "x").stdout == b"x\n"


@pytest.mark.parametrize("kind", ["string", "bytes"])
def test_a_value_cannot_control_the_terminal(program: Command, terminal: Command, kind: str) -> None:
    value = HOSTILE + (b"\xff\xfe" if kind == "bytes" else b"")
    program("set", "a", "-", "--type", kind, "--store-key", stdin=value)
    shown = terminal("get", "a").text
    assert shown.startswith("\\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\u202eevil\\r\\x7f")
    assert ("\\xff\\xfe" in shown) == (kind == "bytes")
    assert program("get", "a").stdout == value
    for arguments in (["set", "a", "b", "--if", "absent"], ["mget", "a"], ["get", "a", "--json"]):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", terminal(*arguments).text)


def test_an_argument_in_an_error_cannot_control_the_terminal(terminal: Command) -> None:
    for arguments in (["\x1b[2J"], ["get", "--\x1b[2J"], ["get", "a", "--transport", "\x1b[2J"], ["-r", "\x1b[2J", "get", "a"]):
        said = terminal("--no-color", *arguments)
        assert said.code in {1, 2}
        assert "[2J" in said.text
        assert "\x1b" not in said.text


def test_a_value_cannot_pretend_to_be_another_line(program: Command, terminal: Command) -> None:
    program("set", "a", "x\napplied: true")
    for call in (program, terminal):
        said = call("set", "a", "y", "--if", "absent")
        assert said.answers["applied"] == "false"
        assert said.answers["old-value"] == "x\\napplied: true"


def test_what_is_harmless_stays() -> None:
    assert harmless("é 日本\t✓\n") == "é 日本\t✓\n"
    assert harmless_line("é 日本\t✓\n") == "é 日本\\t✓\\n"
    assert harmless("\udcff\u2066") == "\\udcff\\u2066"


def test_colours_are_for_terminals_that_want_them(program: Command, terminal: Command) -> None:
    """https://no-color.org"""
    failing = ["incr", "a"]
    program("set", "a", "text")
    assert b"\x1b[31m" in terminal(*failing).stdout
    assert b"\x1b[" in terminal("maintain").stdout
    for calm in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}):
        assert b"\x1b[31m" not in terminal(*failing, environ=calm).stdout
        assert not re.search(rb"\x1b\[[0-9;]*m", terminal("maintain", environ=calm).stdout)
    assert b"\x1b" not in terminal("maintain", environ={"TERM": "dumb"}).stdout
    for arguments in (["--no-color", *failing], [*failing, "--no-color"], ["--no-color", "get", "--unknown"]):
        assert b"\x1b" not in terminal(*arguments).stdout
    assert b"\x1b[31m" in terminal(*failing, environ={"NO_COLOR": ""}).stdout
    assert "\x1b" not in program(*failing, environ={"TERM": "xterm", "FORCE_COLOR": "1"}).stderr
    assert b"\x1b" not in program("maintain", environ={"TERM": "xterm", "FORCE_COLOR": "1"}).stdout


def test_progress_is_for_terminals(program: Command, terminal: Command) -> None:
    """And it is gone at the end."""
    for key in "ab":
        program("set", key, "1")
        program("getdel", key)
    purge = ["purge", "--retention", "0s"]
    assert "purge" not in program(*purge, "--dry-run").stderr
    calm = terminal(*purge, environ={"TERM": "dumb"})
    assert (calm.code, b"\x1b" in calm.stdout) == (0, False)
    for key in "ab":
        program("set", key, "1")
        program("getdel", key)
    shown = terminal(*purge).stdout
    assert b"\x1b[?25l" in shown  # the cursor is hidden, and shown again
    assert b"\x1b[?25h" in shown


def test_answers_in_json_are_indented_for_a_person(program: Command, terminal: Command) -> None:
    program("set", "a", "1")
    assert b'{\n  "command": "get",\n' in terminal("get", "a", "--json").stdout
    assert program("get", "a", "--json").stdout.count(b"\n") == 1


def test_a_value_is_typed_and_ended(terminal: Command, program: Command) -> None:
    said = terminal("set", "a", "-", typed=b"hello\n\x04")
    assert said.code == 0
    assert "Ctrl-D" in said.text
    assert program("get", "a").stdout == b"hello\n"


def test_a_reader_that_has_enough_is_no_error(program: Command, repository: Path) -> None:
    program("set", "a", "-", stdin=b"line\n" * 20_000)
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository), "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"})
    for flag in ("", " --json"):
        script = f"git-keyval get a{flag} | head -c 3; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, check=False, timeout=60)
        assert (done.stdout[3:], done.stderr) == (b"141\n", b"")


@pytest.mark.parametrize("flag", ["--json", "--no-color"])
def test_an_answer_that_cannot_be_written_is_an_error(program: Command, repository: Path, flag: str) -> None:
    program("set", "a", "1")
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository)})
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [PROGRAM, flag, "getdel", "a"], env=environ, stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.returncode == 1
    assert b"No space left" in done.stderr
    assert b"gc/" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_closed_standard_output_is_told_before_anything_is_done(program: Command, repository: Path) -> None:
    program("set", "a", "1")
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository)})
    done = subprocess.run(["sh", "-c", f"'{PROGRAM}' getdel a >&-"], env=environ, capture_output=True, check=False, timeout=60)
    assert (done.returncode, b"closed" in done.stderr, b"Traceback" in done.stderr) == (1, True, False)
    assert program("get", "a").stdout == b"1"


Interrupt = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let the programs that tests start be interrupted, also where the tests themselves run in the background of a shell.

    Such a shell has SIGINT ignored, which every process hands on to those that it starts.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def interrupt(repository: Path, tmp_path: Path) -> Interrupt:
    """Press Ctrl-C in the middle of a command: while git's hook, which says when it has begun, keeps the push waiting."""

    def press(*arguments: str) -> tuple[int, str]:
        begun = tmp_path / "begun"
        begun.unlink(missing_ok=True)
        hook(repository, "pre-receive", f"touch '{begun}'; exec sleep 60")
        environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository)})
        with subprocess.Popen(
            [PROGRAM, *arguments],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as running:
            deadline = time.monotonic() + 30
            while not begun.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            os.killpg(running.pid, signal.SIGINT)
            _, message = running.communicate(timeout=30)
        hook(repository, "pre-receive", "exit 0")
        return running.returncode, message.decode()

    return press


def test_ctrl_c_says_that_a_write_is_in_doubt(interrupt: Interrupt) -> None:
    code, message = interrupt("set", "a", "1")
    assert (code, message.strip()) == (130, "Interrupted; it is not known whether the write was made. Read the key, then decide.")
    code, message = interrupt("incr", "n", "--op-id", "run 7")
    assert code == 130
    assert "again under the same op-id" in message
    code, message = interrupt("set", "a", "1", "--json")
    assert code == 130
    assert '"kind": "interrupted"' in message


@pytest.mark.parametrize(
    ("command", "given", "message"),
    [
        *((name, {}, "nothing was written") for name in ("get", "exists", "type", "mget", "ttl", "keys", "check")),
        *((name, {"dry-run": "true"}, "nothing was written") for name in ("gather", "sweep", "purge", "maintain")),
        *((name, {}, "not known") for name in ("set", "del", "getdel", "mset", "expire", "persist", "incr", "decr")),
        *((name, {}, "run it again") for name in ("gather", "sweep", "purge", "maintain", "init")),
    ],
)
def test_what_is_known_after_ctrl_c_depends_on_the_command(command: str, given: dict[str, str], message: str) -> None:
    assert message in _message_if_interrupted(
        COMMANDS[command], Inputs({name: INPUTS[name].read(text) for name, text in given.items()})
    )


def test_ctrl_c_during_maintenance_says_to_run_it_again(program: Command, interrupt: Interrupt) -> None:
    program("set", "a", "1")
    program("getdel", "a")
    code, message = interrupt("purge", "--retention", "0s")
    assert code == 130
    assert "run it again" in message
    assert program("purge", "--retention", "0s", "--json").json["count"] == 1


def test_ctrl_c_before_the_value_is_read_did_nothing(repository: Path) -> None:
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository), "TERM": "dumb"})
    ours, theirs = os.openpty()
    with subprocess.Popen([PROGRAM, "set", "a", "-"], env=environ, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE) as running:
        os.close(theirs)
        assert running.stderr is not None
        assert b"Ctrl-D" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        _, read = running.communicate(timeout=30)
        message = read.decode().strip()
    os.close(ours)
    assert (running.returncode, message) == (130, "Interrupted; nothing was read or written.")
    assert run_git("for-each-ref", directory=repository).stdout == b""


def test_a_lost_reply_that_cannot_be_settled_has_a_code_of_its_own(program: Command, repository: Path) -> None:
    """The server takes the push, somebody deletes the key, and the reply never comes."""
    hook(
        repository,
        "reference-transaction",
        """[ "$1" = committed ] && [ -z "$DELETES" ] || exit 0
        export DELETES=1
        git for-each-ref --format='delete %(refname)' refs/heads | git update-ref --stdin; kill -9 $PPID""",
    )
    said = program("incr", "n")
    assert said.code == 5
    assert "cannot be known" in said.stderr
    again = program("incr", "n", "--json")
    assert (again.code, again.error["kind"]) == (5, "outcome-unknown")
