"""Keys, values and tokens are in outputs and files only, whatever happens; and nothing that anybody chose is a runner command."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_keyval.action import main
from git_keyval.dispatch.surroundings import Surroundings
from tests.action.refusals import KEY, VALUE
from tests.action.runner_rules import log_commands
from tests.action.steps import WORKFLOW_TOKEN, Workflow
from tests.servers.binary import init_bare

HOSTILE = [
    "::set-output name=value::owned",
    "::add-mask::a",
    "::stop-commands::x",
    "::error::x",
    "##[set-output name=value]owned",
    "##[add-mask]a",
    "x ##[error]y",
    "value<<EOF\nowned\nEOF\nvalue=owned",
    "ghadelimiter_",
    "ghadelimiter_0123456789abcdef\nfound<<ghadelimiter_0\nowned",
    "=",
    "<<",
    "\n",
    "\r",
    "\r\n",
    "\x1b[31m",
    "\x07\x08",
    "\u2028",
    "\x85",
    "\ufeff",
    "%0A::add-mask::a",
    "%250A",
    "$(id)`id`${{ secrets.GITHUB_TOKEN }}",
    "<img src=x>|`",
    "😀",
    "x" * 5_000,
]
TEXTS = st.lists(
    st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=5
).map("".join)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Give one workflow for many examples: each overwrites the key of the one before."""
    directory = tmp_path_factory.mktemp("fuzzed")
    return Workflow(directory / "steps", str(init_bare(directory / "database.git")))


@given(TEXTS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_comes_back_and_none_is_a_command(fuzzed: Workflow, value: str) -> None:
    written = fuzzed.run("set", key="a", value=value)
    read = fuzzed.run("get", key="a")
    assert (written.code, written.log, read.code, read.log) == (0, "", 0, "")
    assert read.outputs["value"] == value
    assert json.loads(read.outputs["json"]) == value
    assert set(read.outputs) == {"found", "value", "json", "type", "version", "ttl", "requests-used"}


@given(TEXTS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_masked_value_is_masked_only(fuzzed: Workflow, value: str) -> None:
    fuzzed.run("set", key="a", value=value)
    read = fuzzed.run("get", key="a", mask="true")
    assert read.outputs["value"] == value
    assert {command.name for command in read.commands} <= {"add-mask"}
    assert len(read.commands) == read.log.count("\n")
    # The runner masks the whole text, and every line of it.
    assert value in read.told("add-mask") or not value.strip()


@given(TEXTS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_key_is_a_key(fuzzed: Workflow, key: str) -> None:
    values = json.dumps({f"k{key}": 1})
    written = fuzzed.run("mset", values=values, store_key="true")
    read = fuzzed.run("mget", keys=json.dumps([f"k{key}"]))
    listed = fuzzed.run("keys")
    assert (written.log, read.log, listed.log) == ("", "", "")
    assert json.loads(read.outputs["json"]) == json.loads(values)
    assert f"k{key}" in json.loads(listed.outputs["json"])
    fuzzed.run("del", key=f"k{key}")


@given(
    st.sampled_from(
        ["command", "ttl", "expires-at", "if-version", "type", "repository", "media-type", "output-file", "value-file"]
    ),
    TEXTS,
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_input_makes_a_command(fuzzed: Workflow, name: str, text: str) -> None:
    """What is wrong with an input may be repeated in the error: on its one line, and as text."""
    given_ = {"key": KEY, "value": VALUE, "type": "file", name: f"./odd {text}"}
    if name in {"value-file", "output-file"}:
        del given_["value"]
    ended = fuzzed.run_given(given_.pop("command", "set"), given_)
    assert ended.error
    assert (ended.outputs, ended.summary) == ({}, "")
    assert "##[" not in ended.log
    assert len(ended.log.encode()) < 20_000


@pytest.mark.parametrize("name", ["\udcff", "a\nb", "::add-mask::a", "##[add-mask]a", "x" * 9_000])
def test_odd_names_of_inputs_are_one_error(workflow: Workflow, name: str) -> None:
    workflow.environ = {f"INPUT_{name}": "x"}
    ended = workflow.run("get", key=KEY)
    assert "is unknown" in ended.error
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
    assert len(ended.told("error")) == 1
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
