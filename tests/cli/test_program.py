"""The program that is installed, as processes of their own."""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from textwrap import dedent

import pytest
from rich.console import Console
from rich.progress import Progress

from git_keyval.cli.progress import bar
from tests.action.steps import ROOT
from tests.cli.conftest import MARKED_TOKEN, PROGRAM, Command
from tests.servers.binary import isolated_environ, run_git
from tests.servers.http import GitHttpServer

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_first_block_of_the_readme_works_as_printed(tmp_path: Path) -> None:
    """And then the key answers as the sentence below it says."""
    environ = isolated_environ({"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"})
    sentence = re.search(r"`(git-keyval [^`]+)` now answers `([^`]+)`", README)
    assert sentence
    for script, last in ((blocks("sh")[0], ""), (sentence[1], sentence[2])):
        done = subprocess.run(["sh", "-eu", "-c", script], cwd=tmp_path, env=environ, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert not last or done.stdout.decode().rstrip("\n") == last


def test_a_binary_value_in_a_pipe_is_exact(program: Command, tmp_path: Path) -> None:
    (tmp_path / "given").write_bytes(bytes(range(256)))
    assert program("set", "a", "--value-file", str(tmp_path / "given"), "--type", "bytes").code == 0
    said = program("get", "a")
    assert (said.code, said.stdout, said.stderr) == (0, bytes(range(256)), "")


def test_there_is_no_colour_in_a_pipe(program: Command) -> None:
    """Neither in answers, nor in tables, nor in errors."""
    for arguments in (
        ["incr", "n"],
        ["maintain"],
        ["check"],
        ["get", "n", "--defualt"],
        ["set", "a", "b", "--ttl", "x"],
        ["--help"],
    ):
        said = program(*arguments, environ={"TERM": "xterm-256color", "COLUMNS": "200"})
        assert b"\x1b" not in said.stdout
        assert "\x1b" not in said.stderr


def test_exit_codes_tell_refusal_from_misuse(program: Command) -> None:
    assert program("set", "a", "text").code == 0
    assert program("get", "missing", "--on-missing", "fail").code == 3
    assert program("incr", "a").code == 1
    assert program("get", "a", "--unknown").code == 2
    assert program("set", "a", "b", "--ttl", "x").code == 2
    assert program("get", "a", environ={"GIT_KEYVAL_REPOSITORY": ""}).code == 2


def test_what_cannot_be_delivered_is_one_line_and_no_traceback(program: Command) -> None:
    program("set", "a", "1")
    said = program("getdel", "a", "--output-file", "/no/such/directory/taken")
    assert said.code != 0
    assert "Traceback" not in said.stderr
    assert "output-file" in said.stderr
    assert program("exists", "a").answers["found"] == "true" or "gc/" in said.stderr


def test_a_value_that_is_no_text_is_refused_in_one_line(repository: Path) -> None:
    """Arguments are bytes, and these are not UTF-8."""
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository)})
    for arguments in (
        [b"set", b"a", b"\xff"],
        [b"get", b"\xff"],
        [b"get", b"a", b"--default", b"\xff"],
        [b"-r", b"\xff", b"get", b"a"],
    ):
        done = subprocess.run([os.fsencode(PROGRAM), *arguments], env=environ, capture_output=True, check=False, timeout=60)
        assert done.returncode in {0, 1, 2}
        assert b"Traceback" not in done.stderr
        assert done.stderr.count(b"\n") <= 1


def test_git_is_not_told_the_token(tmp_path: Path, repository: Path, program: Command) -> None:
    """Neither in its environment nor in its arguments."""
    seen = tmp_path / "seen"
    hook = repository / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nenv > '{seen}'\ntr '\\0' '\\n' < /proc/$PPID/cmdline >> '{seen}'\n")
    hook.chmod(0o755)
    assert program("incr", "n", environ={"GIT_KEYVAL_TOKEN": MARKED_TOKEN}).code == 0
    assert "receive-pack" in seen.read_text()
    assert MARKED_TOKEN not in seen.read_text()


def test_a_token_of_the_environment_is_used(tmp_path: Path, repository: Path, program: Command) -> None:
    with GitHttpServer(repository.parent, token=MARKED_TOKEN) as server:
        environ = {"GIT_KEYVAL_REPOSITORY": f"{server.url}/{repository.name}", "GIT_KEYVAL_TOKEN": MARKED_TOKEN}
        assert program("incr", "n", environ=environ).stdout == b"1"
        denied = program("incr", "n", environ={**environ, "GIT_KEYVAL_TOKEN": "wrong"})
    assert denied.code == 1
    assert "refuses access" in denied.stderr
    assert not list(tmp_path.glob("*.log"))


@pytest.mark.parametrize("module", ["click", "rich"])
def test_without_the_extra_the_program_says_what_to_install(repository: Path, module: str) -> None:
    """The Action's image has no click."""
    code = f"import sys; sys.modules['{module}'] = None; from git_keyval.cli import main; main()"
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository)})
    call = [sys.executable, "-c", code, "maintain"]
    done = subprocess.run(call, cwd=ROOT, env=environ, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert b"git-keyval-action[cli]" in done.stderr
    assert b"Traceback" not in done.stderr
    assert run_git("for-each-ref", directory=repository).stdout == b""


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_defect_tells_where_and_nothing_else(repository: Path, flags: tuple[str, ...]) -> None:
    """What was done is not known then, and what a library says could hold what users stored."""
    code = """
        import os
        from git_keyval.cli import main
        os.urandom = lambda _: {}["markedvalue"]
        main()
    """
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository)})
    command = [sys.executable, "-c", dedent(code), "incr", "n", *flags]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (5, b"")
    assert b"Internal error: KeyError at " in done.stderr
    assert (b'"kind": "internal"' in done.stderr) == bool(flags)
    assert b"markedvalue" not in done.stderr
    assert done.stderr.count(b"\n") == 1


FAR = {
    *("git_keyval.store.git", "git_keyval.store.github", "git_keyval.maintenance.jobs", "git_keyval.database.collections"),
    *("click", "decimal", "dulwich.pack", "logging", "random", "rfc8785", "rich", "secrets", "socket", "subprocess", "urllib3"),
}
"""What is loaded only once it is known where the database is, and which command it is."""


@pytest.mark.parametrize(
    ("module", "others"),
    [
        ("git_keyval.action", FAR),
        ("entrypoint", FAR),
        (
            "git_keyval.store.github",
            {"github.Auth", "github.Repository", "jwt", "cryptography", "nacl", "click", "git_keyval.maintenance", "tenacity"}
            | {"git_keyval.store.git", "dulwich.pack"},
        ),
    ],
)
def test_a_step_imports_only_what_it_needs(module: str, others: set[str]) -> None:
    """Every step is a process, and what it imports is most of what it costs."""
    code = f"import sys, {module}; print(*sorted({others} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == (b"\n", b"")


@pytest.mark.parametrize(
    ("arguments", "others"),
    [
        ("--help", {"git_keyval.store.git", "git_keyval.maintenance.jobs", "rich", "dulwich.pack", "subprocess", "urllib3"}),
        ("get --help", {"git_keyval.store.git", "git_keyval.maintenance.jobs", "rich", "dulwich.pack", "subprocess", "urllib3"}),
        (
            "get a",
            {
                "git_keyval.maintenance.jobs",
                "git_keyval.database.collections",
                "rich",
                "urllib3",
                "github",
                "dateutil",
                "git_keyval.store.github",
                "importlib.metadata",
                "tenacity",
                "decimal",
                "dulwich.pack",
                "git_keyval.store.git.http",
                "git_keyval.store.git.upload",
                "rfc8785",
            },
        ),
        ("maintain", {"rich.progress", "urllib3", "github", "git_keyval.store.github"}),
    ],
)
def test_a_call_imports_only_what_it_needs(repository: Path, arguments: str, others: set[str]) -> None:
    code = f"""
        import atexit, sys
        from git_keyval.cli import main
        atexit.register(lambda: print(*sorted({others} & set(sys.modules)), file=sys.stderr))
        main()
    """
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository), "PYTHONPATH": str(ROOT)})
    command = [sys.executable, "-c", dedent(code), *arguments.split()]
    done = subprocess.run(command, env=environ, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0
    assert done.stderr.replace(b"There is no such key.\n", b"") == b"\n"


@pytest.mark.parametrize(("command", "others"), [("get", {"git_keyval.store.git.pushes"}), ("set", set())])
def test_a_step_at_a_path_imports_no_more_than_it_did(repository: Path, command: str, others: set[str]) -> None:
    """A ``get`` is to cost at most seven times what Python costs itself, and each of these is a tenth of that, or more."""
    slow = {"dataclasses", "dulwich", "email", "inspect", "logging", "random", "socket", "tempfile", "urllib3"}
    unused = slow | others | {"git_keyval.store.git.upload", "git_keyval.store.git.packs"}
    code = f"""
        import atexit, sys
        from git_keyval.action import main
        atexit.register(lambda: print(*sorted({unused} & set(sys.modules)), file=sys.stderr))
        main()
    """
    inputs = {"INPUT_COMMAND": command, "INPUT_REPOSITORY": str(repository), "INPUT_KEY": "k", "GITHUB_OUTPUT": os.devnull}
    environ = isolated_environ({**inputs, **({"INPUT_VALUE": "v"} if command == "set" else {}), "PYTHONPATH": str(ROOT)})
    done = subprocess.run([sys.executable, "-c", dedent(code)], env=environ, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"\n")


_CHUNK_WORDS = 2_048


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="frames have other sizes than in the image's Python")
def test_a_step_on_github_imports_from_a_short_stack() -> None:
    """Python takes memory for frames in chunks, and gives one back with its first frame.

    A pattern that is compiled across that edge has each call of a function do both: it took a quarter of the step. An import
    needs some words more than are counted here.
    """
    code = """
        import sys
        from git_keyval.action import main
        def words(frame):
            total = 0
            while frame is not None:
                code, frame = frame.f_code, frame.f_back
                total += code.co_nlocals + len(code.co_cellvars) + len(code.co_freevars) + code.co_stacksize + 9
            return total
        most = [0]
        def look(event, _arguments):
            if event == "import":
                most[0] = max(most[0], words(sys._getframe()))
        sys.addaudithook(look)
        main()
        print("urllib3" in sys.modules, most[0])
    """
    inputs = {"INPUT_COMMAND": "get", "INPUT_REPOSITORY": "owner/name", "INPUT_KEY": "k", "INPUT_TOKEN": "token"}
    network = {"GITHUB_API_URL": "http://api.example", "HTTP_PROXY": "ftp://cannot-be-used.example"}
    environ = isolated_environ({**inputs, **network, "PYTHONPATH": str(ROOT)})
    done = subprocess.run([sys.executable, "-c", dedent(code)], env=environ, capture_output=True, check=False, timeout=60)
    assert b"HTTP_PROXY names a proxy of the kind ftp" in done.stdout, done
    is_loaded, words = done.stdout.split()[-2:]
    assert is_loaded == b"True"
    assert int(words) < _CHUNK_WORDS * 0.92


def test_progress_of_which_the_end_is_not_known_is_a_number() -> None:
    """A bar cannot be filled then; it is, as soon as there is an end."""
    with Progress(console=Console(file=StringIO(), force_terminal=True, width=100)) as bars:
        progress = bar(bars)
        progress("sweep: listing", 50_000, 0)
        progress("sweep: writes", 3, 7)
        listing, writes = bars.tasks
        assert (listing.description, listing.total) == ("sweep: listing: 50000", None)
        assert (writes.description, writes.completed, writes.total) == ("sweep: writes", 3, 7)
        progress("sweep: listing", 100_000, 0)
        progress("sweep: writes", 7, 7)
        assert (listing.description, len(bars.tasks)) == ("sweep: listing: 100000", 2)
        assert writes.finished
