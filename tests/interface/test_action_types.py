"""action-types.yml against its format, action.yml, and what steps take and answer.

Format: https://github.com/typesafegithub/github-actions-typing#available-types
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from git_keyval.interface.inputs import INPUTS
from tests.action.steps import ROOT, Workflow, action
from tests.interface.test_registry import SAMPLES
from tools.action_files import SUB_ACTIONS, action_yml, image_of, sub_action_yml

TYPES: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((ROOT / "action-types.yml").read_text(encoding="utf-8"))
MEMBERS = {
    "string": {"type"},
    "boolean": {"type"},
    "integer": {"type"},
    "enum": {"type", "allowed-values"},
    "list": {"type", "separator", "list-item"},
}
PUBLISHED = "docker://ghcr.io/owner/name@sha256:" + "0123456789abcdef" * 4

every_sub_action = pytest.mark.parametrize("name", SUB_ACTIONS)


def fits(text: str, typed: dict[str, Any]) -> bool:
    match typed["type"]:
        case "boolean":
            return text in {"true", "false"}
        case "integer":
            return str(int(text)) == text
        case "enum":
            return text in typed["allowed-values"]
    return True


def test_everything_in_action_yml_has_a_type_of_the_format() -> None:
    assert list(TYPES) == ["inputs", "outputs"]
    for part, typed in TYPES.items():
        assert list(typed) == list(action()[part])
        assert all(item.keys() == MEMBERS[item["type"]] for item in typed.values())


def test_inputs_have_the_types_that_they_accept() -> None:
    typed = TYPES["inputs"]
    assert {name for name, item in typed.items() if item["type"] == "list"} == {"keys"}
    assert INPUTS["keys"].read("a\nb") == ["a", "b"]
    assert typed["keys"]["separator"] == "\n"
    assert all(fits(text, typed[name]) for name, text in SAMPLES.items())
    for name, item in typed.items():
        assert all(INPUTS[name].read(word) == word for word in item.get("allowed-values", ()))
        if item["type"] == "boolean":
            assert (INPUTS[name].read("true"), INPUTS[name].read("false")) == (True, False)
    untyped = {name for name, item in typed.items() if item["type"] == "string"}
    assert not [name for name in untyped if INPUTS[name].accepted.startswith(("true or", "a whole number"))]


def test_outputs_have_the_types_that_steps_answer_with(tmp_path: Path, bare_repository: Callable[[str], Path]) -> None:
    workflow = Workflow(tmp_path / "steps", str(bare_repository("database.git")))
    steps: list[tuple[str, dict[str, str]]] = [
        ("set", {"key": "a", "value": "1", "ttl": "1h", "if": "absent"}),
        ("set", {"key": "b", "value": "true", "keep-ttl": "true"}),
        ("get", {"key": "a"}),
        ("get", {"key": "none"}),
        ("mget", {"keys": "a\nb"}),
        ("wait", {"key": "none", "until": "present"}),
        ("ttl", {"key": "a"}),
        ("incr", {"key": "n"}),
        ("lock", {"key": "l", "owner": "1", "ttl": "1h"}),
        ("lock", {"key": "m", "ttl": "1h"}),
        ("getdel", {"key": "b"}),
        ("del", {"keys": "a\nn"}),
        ("maintain", {}),
    ]
    answered = [pair for command, inputs in steps for pair in workflow.run_given(command, inputs).outputs.items()]
    assert not [(name, text) for name, text in answered if not fits(text, TYPES["outputs"][name])]
    typed = {name for name, item in TYPES["outputs"].items() if item["type"] != "string"}
    # Only a server with a quota tells what is left of it.
    assert typed - {name for name, _ in answered} == {"rate-remaining"}
    # And no other output always is what a type would say.
    for kind in ({"type": "boolean"}, {"type": "integer"}):
        always = {name for name, _ in answered} - {name for name, text in answered if not is_of(text, kind)}
        assert always <= typed, kind


def is_of(text: str, typed: dict[str, Any]) -> bool:
    try:
        return fits(text, typed)
    except ValueError:
        return False


@pytest.mark.parametrize("image", ["Dockerfile", PUBLISHED])
def test_the_image_of_action_yml_is_kept(image: str) -> None:
    """A release tag names the published one; there, too, the documents are current."""
    text = action_yml(image)
    assert yaml.safe_load(text)["runs"] == {"using": "docker", "image": image}
    assert image_of(text) == image


@every_sub_action
def test_everything_in_a_sub_action_has_the_same_type(name: str) -> None:
    typed = yaml.safe_load((ROOT / name / "action-types.yml").read_text(encoding="utf-8"))
    for part, items in typed.items():
        assert list(items) == list(action(name)[part])
        assert items.items() <= TYPES[part].items()


@every_sub_action
def test_a_sub_action_runs_the_image_of_action_yml(name: str) -> None:
    """Here that is what the Dockerfile one folder up makes, on a release tag the published one."""
    here, released = sub_action_yml(name), sub_action_yml(name, PUBLISHED)
    assert yaml.safe_load(here)["runs"]["image"] == "../Dockerfile"
    assert yaml.safe_load(released)["runs"]["image"] == PUBLISHED
    assert released == here.replace("../Dockerfile", PUBLISHED)
