"""Keys, values and tokens are in outputs and files only, whatever happens."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.action import main
from git_keyval.dispatch.surroundings import Surroundings
from tests.action.refusals import KEY, VALUE
from tests.action.runner_rules import log_commands
from tests.action.steps import WORKFLOW_TOKEN, Workflow
from tests.replacing import replace


@pytest.mark.parametrize("name", ["\udcff", "a\nb", "::add-mask::a", "##[add-mask]a", "x" * 9_000])
def test_odd_names_of_inputs_are_one_warning(workflow: Workflow, name: str) -> None:
    workflow.environ = {f"INPUT_{name}": "x"}
    ended = workflow.run("get", key=KEY)
    assert (ended.code, [command.name for command in ended.commands]) == (0, ["warning"])
    assert "##[" not in ended.log


@pytest.mark.parametrize("repository", ["\udcff", "owner/\udcff", "https://127.0.0.1:1/\udcff", "ssh://127.0.0.1:1/\udcff"])
def test_an_address_that_is_no_text_is_one_error(workflow: Workflow, repository: str) -> None:
    """It cannot be written to a log in UTF-8 as it is."""
    assert "repository" in workflow.run("get", key=KEY, repository=repository).error


def failing(name: str) -> Callable[[Surroundings], Surroundings]:
    def fail(*_: object) -> None:
        raise RuntimeError(f"{WORKFLOW_TOKEN} {KEY}\n::set-output name=value::{VALUE}") from ValueError(f"{KEY} {VALUE}")

    return lambda outside: replace(outside, **{name: fail})  # type: ignore[arg-type]  # one of the callables


@pytest.mark.parametrize(
    ("part", "command"),
    [
        ("clock", "get"),
        ("new_op", "incr"),
        ("read_file", "set"),
        ("clock", "maintain"),
        ("elapsed", "sweep"),
        ("progress", "gather"),
    ],
)
def test_a_defect_tells_where_and_nothing_else(workflow: Workflow, part: str, command: str) -> None:
    """Whatever is in the error of a library, it is not printed."""
    inputs = {"get": {"key": KEY}, "incr": {"key": KEY}, "set": {"key": KEY, "value-file": VALUE}}.get(command, {})
    ended = workflow.run_given(command, inputs, failing(part))
    assert ended.error.startswith("Internal error: RuntimeError at ")
    assert "test_secrecy.py:" in ended.error
    assert ended.outputs == {}
    for secret in (KEY, VALUE, WORKFLOW_TOKEN):
        assert secret not in ended.shown


def test_a_defect_while_waiting_for_a_rival_tells_nothing(workflow: Workflow, repository: Path) -> None:
    workflow.run("incr", key=KEY)
    hook = repository / "hooks" / "update"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    ended = workflow.run_given("incr", {"key": KEY}, failing("sleep"))
    assert KEY not in ended.shown
    assert ended.code == 1


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_files_that_cannot_be_written_are_one_error(workflow: Workflow, tmp_path: Path, name: str) -> None:
    workflow.run("set", key=KEY, value=VALUE)
    workflow.environ = {name: str(tmp_path / "no" / "such" / "file")}
    ended = workflow.run("get" if name == "GITHUB_OUTPUT" else "maintain", **({"key": KEY} if name == "GITHUB_OUTPUT" else {}))
    assert ended.code == 1
    assert len(ended.issued("error")) == 1
    assert VALUE not in ended.shown


def test_without_a_runner_outputs_are_dropped(workflow: Workflow) -> None:
    """Somebody may run the container by hand."""
    workflow.environ = {"GITHUB_OUTPUT": "", "GITHUB_STEP_SUMMARY": ""}
    workflow.run("set", key=KEY, value=VALUE)
    ended = workflow.run("get", key=KEY)
    assert (ended.code, ended.log, ended.outputs) == (0, "", {})


def test_a_log_that_cannot_hold_every_character_is_no_trouble(workflow: Workflow, tmp_path: Path) -> None:
    """Without a locale, a log may be ASCII."""
    environ = workflow.environ_of("get", tmp_path, {"key": "a", "repository": "/nö/repository.git"})
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert main(environ, stream) == 1
    stream.flush()
    written = stream.buffer.getvalue().decode("ascii")
    assert [command.name for command in log_commands(written)] == ["error"]


def test_outputs_of_two_steps_share_no_delimiter(workflow: Workflow, tmp_path: Path) -> None:
    """A value that was made from an earlier output file cannot close the delimiter of a later one."""
    workflow.run("set", key="a", value="1")
    delimiters: list[str] = []
    for number in range(2):
        (tmp_path / f"files-{number}").mkdir()
        environ = workflow.environ_of("get", tmp_path / f"files-{number}", {"key": "a"})
        assert main(environ, io.StringIO()) == 0
        lines = (tmp_path / f"files-{number}" / "output").read_text().splitlines()
        delimiters += [line.partition("<<")[2] for line in lines if "<<" in line]
    assert len(set(delimiters)) == len(delimiters) == 14
    assert all(len(delimiter) > 32 for delimiter in delimiters)
