"""Bad input: one error that names the input, nothing read, nothing written, and nothing secret said."""

import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_keyval.action.variables import read_inputs
from git_keyval.dispatch.steps import run_command
from git_keyval.dispatch.upkeep import run_maintenance
from git_keyval.dispatch.worklist import worklist
from git_keyval.errors import GitKeyvalError, InputError
from git_keyval.interface.inputs import Inputs
from git_keyval.interface.parsing import find_command, parse_inputs
from git_keyval.process import surroundings
from tests.action.refusals import KEY, REFUSALS, VALUE, Refusal
from tests.action.steps import Workflow


@pytest.fixture
def nowhere(tmp_path: Path) -> Workflow:
    """Return a workflow that would say so if it looked for its repository: there is none."""
    return Workflow(tmp_path / "steps", str(tmp_path / "no" / "repository.git"))


def run(environ: Mapping[str, str]) -> None:
    """Run what an environment asks for, and let it raise."""
    given = read_inputs(environ).inputs
    command = find_command(given["command"])
    inputs = Inputs(parse_inputs(command, given, {}))
    outside = surroundings(environ, lambda *_: None)
    if command.maintains:
        run_maintenance(command, worklist(command, inputs, None, "", environ), outside)
    else:
        run_command(command, inputs, outside, prepare_delivery=lambda _value: None)


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_bad_input_is_refused_before_anything_is_read(nowhere: Workflow, tmp_path: Path, refusal: Refusal) -> None:
    """The error names the input and what would be accepted, in one line."""
    ended = nowhere.run_given(refusal.command, refusal.inputs)
    assert f"'{refusal.name}'" in ended.error
    assert refusal.accepted in ended.error
    assert "repository.git" not in ended.log
    assert len(ended.error) < 1_000
    assert (ended.outputs, ended.summary) == ({}, "")
    assert not (tmp_path / "no").exists()
    for secret in (KEY, VALUE):
        assert secret not in ended.log


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_what_is_raised_holds_no_secret(nowhere: Workflow, tmp_path: Path, refusal: Refusal) -> None:
    """Neither the error nor anything that it is raised from shows a key, a value or a token, wherever it is printed."""
    environ = nowhere.environ_of(refusal.command, tmp_path, refusal.inputs)
    with pytest.raises(GitKeyvalError) as raised:
        run(environ)
    assert isinstance(raised.value, InputError) or refusal.name == "repository"
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    for secret in (KEY, VALUE, environ["INPUT_TOKEN"]):
        assert secret not in shown


@pytest.mark.parametrize("depth", [400, 900, 930, 945, 950, 955, 960, 965, 970, 975, 985, 1_000, 3_000])
def test_nested_json_is_refused_or_can_be_read(workflow: Workflow, depth: int) -> None:
    """However deep: what is stored comes back, and what cannot be stored is bad input, not a defect."""
    value = "[" * depth + "]" * depth
    written = workflow.run("set", key="a", value=value, type="json")
    if written.code:
        assert "'value'" in written.error
    else:
        assert workflow.run("get", key="a").outputs["value"] == value


@pytest.mark.parametrize("name", ["gett", "sett", "incrr", "maintian", "mgett", "Expire"])
def test_a_misspelt_command_is_met_with_the_one_that_was_meant(nowhere: Workflow, name: str) -> None:
    error = nowhere.run(name).error
    assert "was that meant?" in error or "maintain" in error
