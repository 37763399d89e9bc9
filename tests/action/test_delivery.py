"""What getdel and apop take away reaches the job, or it is not taken away, or the error says where it is."""

import resource
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from git_keyval.dispatch.surroundings import Surroundings
from tests.action.steps import Workflow, refs, value_ref
from tests.replacing import replace
from tests.servers.binary import isolated_environ

BIG = "x" * 300_000
TAKERS = ["getdel", "apop"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "workspace"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def put(workflow: Workflow, workspace: Path, command: str, value: str) -> None:
    """Put a value where the command finds it."""
    (workspace / "given").write_text(value)
    assert workflow.run("set" if command == "getdel" else "apush", key="a", value_file="given").code == 0
    (workspace / "given").unlink()


@contextmanager
def little_room(size: int) -> Iterator[None]:
    """Let no file become larger than so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def after_the_write(repository: Path, script: str) -> None:
    """Have the repository run a script when it has made a change."""
    hook = repository / "hooks" / "post-receive"
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)


@pytest.mark.parametrize("command", TAKERS)
@pytest.mark.parametrize("inputs", [{}, {"output-file": "taken"}], ids=["output", "file"])
def test_what_does_not_fit_on_the_disk_is_not_taken_away(
    workflow: Workflow, repository: Path, workspace: Path, command: str, inputs: dict[str, str]
) -> None:
    put(workflow, workspace, command, BIG)
    before = refs(repository)
    with little_room(100_000):
        ended = workflow.run_given(command, {"key": "a", **inputs})
    assert "File too large); nothing was taken away." in ended.error
    assert (ended.outputs, refs(repository), list(workspace.iterdir())) == ({}, before, [])
    again = workflow.run_given(command, {"key": "a", **inputs})
    assert (again.outputs.get("value") or (workspace / "taken").read_text()) == BIG


@pytest.mark.parametrize("command", TAKERS)
@pytest.mark.parametrize("path", ["", "/dev/full", "/no/such/directory/output"])
def test_without_an_output_file_of_the_runner_nothing_is_taken_away(
    workflow: Workflow, repository: Path, workspace: Path, command: str, path: str
) -> None:
    put(workflow, workspace, command, "value")
    before = refs(repository)
    workflow.environ = {"GITHUB_OUTPUT": path}
    assert "nothing was taken away" in workflow.run(command, key="a").error
    assert refs(repository) == before


@pytest.mark.parametrize("command", TAKERS)
@pytest.mark.parametrize("value", ["x" * 500_001, '"' * 300_000], ids=["as it is", "as JSON"])
def test_what_is_too_large_for_an_output_is_not_taken_away(
    workflow: Workflow, repository: Path, workspace: Path, command: str, value: str
) -> None:
    """In either of the outputs that hold it."""
    put(workflow, workspace, command, value)
    before = refs(repository)
    ended = workflow.run(command, key="a")
    assert "'output-file'" in ended.error
    assert (ended.outputs, refs(repository)) == ({}, before)
    assert workflow.run(command, key="a", output_file="taken").code == 0
    assert (workspace / "taken").read_text() == value


def recovered(error: str, workspace: Path) -> str:
    """Run what an error tells to run, and give the value that is then there."""
    commands = error.partition("To see it: ")[2].partition(" To put it back then: ")[0].rstrip(".")
    environ = isolated_environ({"GIT_TERMINAL_PROMPT": "0"})
    subprocess.run(["sh", "-c", commands], cwd=workspace, env=environ, check=True, capture_output=True, timeout=60)
    return "".join(file.read_text() for file in (workspace / "parked").rglob("*.txt")) or "".join(
        file.read_text() for file in sorted((workspace / "parked" / "elements").iterdir())
    )


@pytest.mark.parametrize("command", TAKERS)
@pytest.mark.parametrize("inputs", [{}, {"output-file": "folder/taken"}], ids=["output", "file"])
def test_what_cannot_be_handed_on_any_more_is_found_where_the_error_says(
    workflow: Workflow, repository: Path, workspace: Path, command: str, inputs: dict[str, str]
) -> None:
    """The folder, or the output file, is gone when the value is taken away."""
    put(workflow, workspace, command, "the value")
    (workspace / "folder").mkdir()
    output = workspace / "output"
    output.touch()
    workflow.environ = {"GITHUB_OUTPUT": str(output)}
    after_the_write(repository, f"rm -r '{workspace}/folder' '{output}'; mkdir '{output}'")
    ended = workflow.run_given(command, {"key": "a", **inputs})
    assert "The command was done, but its answer could not be written to " in ended.error
    (parked,) = (name for name in refs(repository) if "/gc/" in name)
    assert parked.removeprefix("refs/heads/") in ended.error
    assert "the value" not in ended.log
    (repository / "hooks" / "post-receive").unlink()
    assert recovered(ended.error, workspace) == "the value"


def test_what_was_taken_away_is_put_back_as_the_error_says(workflow: Workflow, repository: Path, workspace: Path) -> None:
    put(workflow, workspace, "getdel", "the value")
    output = workspace / "output"
    output.touch()
    workflow.environ = {"GITHUB_OUTPUT": str(output)}
    after_the_write(repository, f"rm '{output}'; mkdir '{output}'")
    ended = workflow.run("getdel", key="a")
    (repository / "hooks" / "post-receive").unlink()
    recovered(ended.error, workspace)
    back = shlex.split(ended.error.partition("To put it back then: ")[2])
    subprocess.run(back, cwd=workspace, env=isolated_environ(), check=True, capture_output=True, timeout=60)
    workflow.environ = {}
    assert workflow.run("getdel", key="a").outputs["value"] == "the value"


@pytest.mark.parametrize("command", TAKERS)
@pytest.mark.parametrize("inputs", [{}, {"output-file": "taken"}], ids=["output", "file"])
def test_a_value_that_was_not_taken_away_is_claimed_nowhere(
    workflow: Workflow, repository: Path, workspace: Path, command: str, inputs: dict[str, str]
) -> None:
    """The write that takes it away is refused, after everything was made ready."""
    put(workflow, workspace, command, "value")
    before = refs(repository)
    hook = repository / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    ended = workflow.run_given(command, {"key": "a", **inputs})
    assert "The server refused the write" in ended.error
    assert (ended.outputs, refs(repository), list(workspace.iterdir())) == ({}, before, [])


@pytest.mark.parametrize("inputs", [{}, {"output-file": "taken"}], ids=["output", "file"])
def test_of_several_values_the_last_is_handed_on(workflow: Workflow, workspace: Path, inputs: dict[str, str]) -> None:
    """A rival is faster, between the read and the write; the longer value was made ready before."""
    put(workflow, workspace, "getdel", BIG)
    calls = iter([True])

    def rival(outside: Surroundings) -> Surroundings:
        def output_or_clock() -> object:
            if next(calls, False):
                workflow.run("set", key="a", value="short")
            return outside.clock()

        return replace(outside, clock=output_or_clock)  # type: ignore[arg-type]

    ended = workflow.run_given("getdel", {"key": "a", **inputs}, rival)
    assert ended.code == 0
    assert ended.outputs["applied"] == "true"
    assert (ended.outputs.get("value") or (workspace / "taken").read_text()) == "short"
    assert [file.name for file in workspace.iterdir()] == (["taken"] if inputs else [])


def test_a_key_that_a_rival_takes_leaves_no_file(workflow: Workflow, workspace: Path) -> None:
    put(workflow, workspace, "getdel", "value")
    calls = iter([True])

    def rival(outside: Surroundings) -> Surroundings:
        def clock() -> object:
            if next(calls, False):
                workflow.run("del", key="a")
            return outside.clock()

        return replace(outside, clock=clock)  # type: ignore[arg-type]

    ended = workflow.run_given("getdel", {"key": "a", "output-file": "taken", "default": "none"}, rival)
    assert (ended.code, ended.outputs["found"], ended.outputs["value"]) == (0, "false", "none")
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize("path", ["/dev/full", "/no/such/directory/output"])
def test_a_write_whose_outputs_cannot_be_told_says_that_it_was_made(workflow: Workflow, path: str) -> None:
    workflow.environ = {"GITHUB_OUTPUT": path}
    error = workflow.run("set", key="a", value="value").error
    assert "The command was done, but its answer could not be written to the runner's output file" in error
    workflow.environ = {}
    assert workflow.run("get", key="a").outputs["value"] == "value"


def test_a_full_disk_is_no_defect_where_nothing_is_taken_away(workflow: Workflow, workspace: Path) -> None:
    put(workflow, workspace, "getdel", BIG)
    (workspace / "taken").write_text("before")
    with little_room(100_000):
        assert "could not be written to the output file (File too large)" in workflow.run("get", key="a", output_file="taken").error
    assert ((workspace / "taken").read_text(), len(list(workspace.iterdir()))) == ("before", 1)


def test_the_outputs_of_a_step_that_took_are_as_those_of_any_other(workflow: Workflow, workspace: Path) -> None:
    put(workflow, workspace, "getdel", "a\n\nb\r\n")
    ended = workflow.run("getdel", key="a")
    assert ended.answers["value"] == "a\n\nb\r\n"
    assert set(ended.answers) == {"found", "applied", "value", "json", "type", "version", "ttl"}
    assert value_ref("a") not in ended.shown
