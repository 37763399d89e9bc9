"""The registry against action.yml, the functions that do the work, the docs and the terminal command."""

import re
import types
import typing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from git_keyval.cli.application import application
from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.opening import cipher_of
from git_keyval.interface.commands import COMMANDS, COMMON, Signature
from git_keyval.interface.config import SETTINGS
from git_keyval.interface.forms import OneOf
from git_keyval.interface.inputs import INPUTS, Input, Inputs
from git_keyval.interface.outputs import OUTPUTS
from git_keyval.interface.parsing import parse_inputs
from git_keyval.process import surroundings
from tests.action.steps import action
from tools.action_files import SUB_ACTIONS, group_of
from tools.documents import documents, main

ROOT = Path(__file__).parent.parent.parent

SAMPLES = {
    "key": "true",
    "key-env": "A_KEY",
    "ref": "refs/heads/kv-1c/val-4a8f8bc5b0c8f4a1b5c3d2e1f0a9b8c7d6e5f4",
    "keys": '["true", "false"]',
    "to": "false",
    "to-env": "ANOTHER_KEY",
    "key-type": "boolean",
    "value": "AP8K",
    "value-env": "A_VALUE",
    "value-file": __file__,
    "values": '{"true": "AP8K"}',
    "field": "colour",
    "field-env": "A_FIELD",
    "fields": '["colour", "size"]',
    "index": "2",
    "from": "first",
    "start": "1",
    "stop": "3",
    "type": "file",
    "with-types": "true",
    "long": "true",
    "names-from": __file__,
    "expires-within": "7d",
    "expired": "true",
    "ttl": "15m",
    "expires-at": "2099-01-31T12:00:00Z",
    "keep-ttl": "true",
    "get-old": "true",
    "if": "present",
    "if-version": "0123456789abcdef0123456789abcdef01234567",
    "equals": "a text",
    "equals-env": "A_TEXT",
    "less-than": "7.5",
    "at-least": "-3",
    "commands": '[{"command": "get", "key": "true"}]',
    "atomic": "false",
    "on-failed": "fail",
    "refresh-ttl": "true",
    "by": "-3",
    "pad": "5",
    "op-id": "a run",
    "contention": "breadcrumb",
    "media-type": "image/png",
    "default": "none",
    "on-missing": "fail",
    "output-file": "taken",
    "input-file": __file__,
    "if-exists": "skip",
    "mask": "true",
    "store-key": "true",
    "shard-length": "3",
    "redirect-to": "owner/other",
    "redirect-shard-length": "4",
    "redirect-allow": "owner/*",
    "follow-writes": "true",
    "expiry-granularity": "1h",
    "max-attempts": "7",
    "owner": "a run",
    "until": "changed",
    "slots": "3",
    "wait": "5m",
    "repair": "true",
    "dry-run": "true",
    "grace-period": "5m",
    "retention": "1d",
    "horizon": "30d",
    "expiry-registry": "org/expiries",
    "max-writes": "10",
    "previous-report": "report.json",
    "max-seconds": "60",
    "config": "settings.yml",
    "encryption-key": f"first: {'A' * 43}=\nsecond: {'/' * 42}8=",
    "encryption-kid": "first",
    "encryption": "required",
}
"""A text that each input accepts, other than its default."""

VARIABLES = {"A_KEY": "false", "ANOTHER_KEY": "true", "A_VALUE": "AAAA", "A_FIELD": "size", "A_TEXT": "another text"}
"""What the environment has of the variables that inputs name."""

# What decides how a key or the database is made, or what becomes of an answer, and so is no field of its own.
NOT_FIELDS = {
    *("key-type", "type", "media-type", "shard-length", "expiry-granularity", "max-attempts"),
    *(
        "default",
        "on-missing",
        "output-file",
        "mask",
        "config",
        "encryption-key",
        "encryption-kid",
        "encryption",
        "previous-report",
    ),
    *("redirect-allow", "follow-writes", "expiry-registry"),
}

every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)


def sample(command: Signature, name: str) -> str:
    """Return a text that the command accepts of an input."""
    words = command.forms[name].words if name in command.forms else (SAMPLES[name],)
    return SAMPLES[name] if SAMPLES[name] in words else words[-1]


def bound(command: Signature, names: set[str]) -> dict[str, object]:
    """Return the fields of a command that is made from samples of some inputs, and of those that it needs."""
    missing = {group[0] for group in command.needs if not names & set(group)}
    given = {name: sample(command, name) for name in names | missing}
    if command.name == "apush" and "values" in given:
        given["values"] = '["AP8K", "AAAA"]'
    if "media-type" in given or given.keys() & {"value", "values"}:
        given["type"] = SAMPLES["type"]
    if "media-type" not in command.inputs:
        given.pop("media-type", None)
    if command.kind.of_counter or given.get("type") == "counter":
        given.pop("encryption", None)  # the number of a counter is not encrypted
    if given.keys() & {"encryption-kid", "encryption"}:
        given["encryption-key"] = SAMPLES["encryption-key"]
    return made_of(command, given)


def made_of(command: Signature, given: dict[str, str]) -> dict[str, object]:
    """Return the fields of a command that is made from texts."""
    inputs, outside = Inputs(parse_inputs(command, given, VARIABLES)), surroundings({}, lambda *_: None)
    return vars(bind(command.kind, inputs, outside, cipher_of(inputs, outside)))


def fits(value: object, hint: Any) -> bool:  # noqa: ANN401  # an annotation can be anything
    """Return whether a value is of an annotated type, as far as annotations of commands go."""
    hint = getattr(hint, "__supertype__", hint)  # what a NewType is made of
    if typing.get_origin(hint) is typing.Literal:
        return value in typing.get_args(hint)
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return any(fits(value, option) for option in typing.get_args(hint))
    kind = typing.get_origin(hint) or hint
    return isinstance(value, (int, float) if kind is float else kind)


def test_every_document_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    """``make documents`` writes them."""
    assert main(["--check"]) == 0, capsys.readouterr().out
    assert {path.name for path in documents()} == {
        "action.yml",
        "action-types.yml",
        "commands.md",
        "config.md",
        "config.schema.json",
        "methods.py",
        "operations.md",
        "performance.md",
        "sizing.md",
        "night.svg",
        "get.svg",
        "set.svg",
        "jobs.svg",
        "README.md",
    }
    actions = {path.parent.relative_to(ROOT) for path in documents() if path.name == "action.yml"}
    assert {str(path) for path in actions} == {".", *SUB_ACTIONS}
    assert {path.parent.relative_to(ROOT) for path in documents() if path.name == "action-types.yml"} == actions


def test_action_yml_says_what_the_registry_says() -> None:
    told = action()
    assert list(told["inputs"]) == list(INPUTS)
    assert list(told["outputs"]) == list(OUTPUTS)
    assert told["runs"]["using"] == "docker"
    for name, item in told["inputs"].items():
        assert item["required"] is False
        assert item["description"].startswith(f"{group_of(name)}: {INPUTS[name].description}\n")
        assert_accepted(item["description"], INPUTS[name])
        # A default here would be given to every command, and those that do not take the input would refuse it; and it would beat
        # what a config file says.
        assert item.get("default", "") == (INPUTS[name].default if name in {"command", "token"} else "")
    for name, item in told["outputs"].items():
        assert item["description"] == OUTPUTS[name]


def assert_accepted(description: str, item: Input[object]) -> None:
    """Words stand in lines of their own, as far as they are not explained."""
    lines = description.splitlines()
    listed = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    if item.name == "command":
        families = [line.partition(": ") for line in listed]
        assert [command for _, _, names in families for command in names.split(", ")] == list(COMMANDS)
    elif listed:
        assert isinstance(item.parse, OneOf)
        assert tuple(listed) == item.parse.words
    else:
        assert f"Takes {item.accepted}." in lines


def test_action_yml_says_which_commands_take_an_input() -> None:
    for name, item in action()["inputs"].items():
        (told,) = [line for line in item["description"].splitlines() if line.startswith("For ")] or [""]
        named = set(re.sub(r"^For (all commands but )?", "", told).rstrip(".").split(", ")) - {""}
        taking = set(COMMANDS) - named if told.startswith("For all") else named
        assert taking == {command.name for command in COMMANDS.values() if name in command.inputs}, name


@pytest.mark.parametrize("name", SUB_ACTIONS)
def test_a_sub_action_has_the_inputs_of_its_command_and_their_defaults_mean_nothing_else(name: str) -> None:
    told, command = action(name), COMMANDS[name]
    assert set(told["inputs"]) == {*COMMON, *command.inputs} - {"command"}
    assert list(told["outputs"]) == list(command.outputs)
    assert told["runs"]["env"] == {"INPUT_COMMAND": name}
    defaults = {each: item["default"] for each, item in told["inputs"].items() if each != "token" and "default" in item}
    assert defaults.keys() == {
        each for each in told["inputs"] if INPUTS[each].default and each not in {"token", "owner", "encryption-kid", *SETTINGS}
    }
    needed = {name: sample(command, name) for name in {group[0] for group in command.needs} | {"owner"} & set(command.inputs)}
    if not command.maintains:
        with_defaults, without = ({**command.kind.declared, **made_of(command, given)} for given in (needed | defaults, needed))
        assert re.sub("0x[0-9a-f]+", "", repr(with_defaults)) == re.sub("0x[0-9a-f]+", "", repr(without))


def test_names_are_what_runners_take() -> None:
    """https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax"""
    for name in (*INPUTS, *OUTPUTS, *COMMANDS):
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    for table in (INPUTS, COMMANDS):
        assert all(name == item.name for name, item in table.items())


@every_command
def test_a_command_names_inputs_and_outputs_that_exist(command: Signature) -> None:
    assert set(command.inputs) <= set(INPUTS) - set(COMMON)
    assert set(command.outputs) <= set(OUTPUTS)
    assert len(set(command.inputs)) == len(command.inputs)
    assert len(set(command.outputs)) == len(command.outputs)
    assert {name for group in command.needs for name in group} <= set(command.inputs)
    assert "requests-used" in command.outputs


@every_command
def test_a_command_of_keys_follows_redirects_and_writes_to_them_if_asked(command: Signature) -> None:
    """But for the one that makes them, which works where they are, and listings, which take a pattern."""
    of_keys = command.is_step and command.name not in {"keys", "ls"}
    assert ("redirect-allow" in command.inputs) is of_keys
    assert ("follow-writes" in command.inputs) is (of_keys and "applied" in command.outputs and command.name != "redirect")


@every_command
def test_text_of_others_can_come_by_the_environment(command: Signature) -> None:
    for name in (name.removesuffix("-env") for name in INPUTS if name.endswith("-env")):
        assert (name in command.inputs) is (f"{name}-env" in command.inputs)


def test_every_input_and_output_is_of_some_command() -> None:
    assert {name for command in COMMANDS.values() for name in command.inputs} == set(INPUTS) - set(COMMON) == set(SAMPLES)
    assert {name for command in COMMANDS.values() for name in command.outputs} == set(OUTPUTS)


@every_command
def test_every_field_is_made_from_an_input(command: Signature) -> None:
    """Each input alone, and none of them, makes a command, and every field is reached by one."""
    reached = {field for name in ("", *command.inputs) for field in bound(command, {name} - {""})}
    assert reached == command.kind.declared.keys()


@every_command
def test_every_input_makes_a_difference(command: Signature) -> None:
    """An input that a command takes changes what is performed, or is known to be about something else."""
    for name in set(command.inputs) - NOT_FIELDS:
        if (name,) in command.needs:
            continue  # it is always there
        other = {"key": "keys", "value": "value-file", "ttl": "expires-at", "field": "fields", "to": "to-env"}.get(name)
        without = bound(command, {other} if other in command.inputs and other is not None else set())
        assert bound(command, {name}) != without or name in {"key", "keys", "values", "value", "field", "index", "owner", "if"}, (
            name
        )


@every_command
def test_fields_are_of_the_types_that_the_class_declares(command: Signature) -> None:
    hints = typing.get_type_hints(command.kind)
    for name in command.inputs:
        for argument, value in bound(command, {name}).items():
            assert fits(value, hints[argument]), (name, argument, value)


@every_command
def test_defaults_of_inputs_are_the_defaults_of_the_fields(command: Signature) -> None:
    """What the docs call the default is what happens if nothing is given."""
    for name, argument in (
        ("by", "by"),
        ("stop", "stop"),
        ("from", "from_"),
        ("slots", "slots"),
        ("contention", "contention"),
        ("grace-period", "grace_period"),
        ("retention", "retention"),
        ("horizon", "horizon"),
    ):
        if name in command.inputs:
            assert INPUTS[name].read(INPUTS[name].default) == command.kind.declared[argument]
    flags = ("keep-ttl", "get-old", "refresh-ttl", "store-key", "with-types", "long", "expired", "dry-run")
    for name, argument in ((name, name.replace("-", "_")) for name in flags):
        if name in command.inputs:
            assert INPUTS[name].default == "false"
            assert command.kind.declared[argument] is False


def test_what_an_input_says_of_its_default_is_so() -> None:
    """It differs from command to command."""
    assert "0 unless given" in INPUTS["start"].description
    assert COMMANDS["arange"].kind.declared["start"] == 0
    assert COMMANDS["incr"].kind.declared["start"] is None


def test_the_tables_of_the_docs_name_everything() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = {match[1]: match[0] for match in re.finditer(r"^\| `([a-z-]+)` \|.*$", text.partition("## Tables")[2], re.MULTILINE)}
    assert set(rows) == {*COMMANDS, *INPUTS, *OUTPUTS}


def test_the_readme_lists_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.search(r"The commands: (.*?)\.\sSee", text, re.DOTALL)
    assert listed
    assert re.findall(r"`([a-z-]+)`", listed[1]) == list(COMMANDS)


def test_the_terminal_has_every_command() -> None:
    assert application.list_commands(click.Context(application)) == [*COMMANDS, "watch", "help", "completion"]


@every_command
def test_the_terminal_explains_every_command_and_input(command: Signature) -> None:
    shown = CliRunner().invoke(application, [command.name, "--help"])
    assert shown.exit_code == 0
    assert command.summary in shown.output
    text = " ".join(shown.output.split())
    for name in set(command.inputs) - {
        "mask",
        "atomic",
        "commands",
        "input-file",
        *(name for name in INPUTS if name.endswith("-env")),
    }:
        assert f"--{name}" in text or name.upper() in text, name
