"""The action.yml of the action that runs any command, and of the actions that run one; and their types."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from git_keyval.interface.commands import COMMANDS, COMMON, Signature
from git_keyval.interface.config import SETTINGS
from git_keyval.interface.forms import Flag, OneOf, WholeNumber
from git_keyval.interface.inputs import INPUTS, Input
from git_keyval.interface.outputs import FLAGS, OUTPUTS, WHOLE_NUMBERS

SOURCE = "Dockerfile"
"""What makes the image, where no release has published one."""

_GROUPS = {
    "command": "Step",
    "repository": "Database",
    "key": "Key",
    "field": "Element",
    "value": "Value",
    "with-types": "Listing",
    "ttl": "Lifetime",
    "if": "Condition",
    "by": "Counter",
    "op-id": "Retries",
    "default": "Answer",
    "commands": "Batch",
    "shard-length": "Layout",
    "redirect-to": "Redirect",
    "encryption-key": "Encryption",
    "owner": "Lock",
    "until": "Waiting",
    "input-file": "Import",
    "dry-run": "Maintenance",
}
"""The groups that readers meet: each begins with an input, and goes on to the next group."""

_IN_WORDS = {"encryption-kid", "owner"}
"""The inputs whose default is explained, and cannot be given."""

_HEAD = """\
# Inputs and outputs are written by `make documents` from git_keyval/interface; edit them there.
name: {name}
description: {description}
author: git-keyval contributors
branding:
  icon: {icon}
  color: green
"""
_RUNS = """\
runs:
  using: docker
  image: """
_POST_STEP = """\
  post-entrypoint: /app/lock/release.py
  post-if: always()
"""
_TYPES_HEAD = """\
# The types of the inputs and outputs, for tools that write workflows: https://github.com/typesafegithub/github-actions-typing
# Written by `make documents` from git_keyval/interface; edit them there.
"""


class SubAction(NamedTuple):
    """What people are told of an action that runs one command."""

    description: str
    icon: str


_ACTION = SubAction("A key-value database in a git repository, with exact counters, times to live and atomic writes.", "database")
SUB_ACTIONS: Mapping[str, SubAction] = {
    "get": SubAction("Reads a value from a key-value database in a git repository.", "download"),
    "set": SubAction("Stores a value in a key-value database in a git repository, with a time to live and conditions.", "save"),
    "incr": SubAction("Counts exactly, such as build numbers, in a key-value database in a git repository.", "plus-circle"),
    "batch": SubAction("Does many commands in one transaction of a key-value database in a git repository.", "layers"),
    "lock": SubAction(
        "Takes a lock that a git repository keeps, and releases it at the end of the job, also if the job fails or is cancelled.",
        "lock",
    ),
    "maintain": SubAction(
        "Counts what waits and removes what has expired, in key-value databases in git repositories.", "settings"
    ),
}
"""The actions that run one command, by its name, which is that of their folder, too."""


def action_yml(image: str = SOURCE) -> str:
    """Return the text of action.yml that runs this image: what the Dockerfile makes, or a published one."""
    declared = [line for item in INPUTS.values() for line in _declared(item, scope=_scope(item.name))]
    return _text("git-keyval", _ACTION, declared, OUTPUTS, image)


def sub_action_yml(name: str, image: str = SOURCE) -> str:
    """Return the text of the action.yml of an action that runs one command; the Dockerfile is one folder up."""
    command = COMMANDS[name]
    declared = [line for each in sub_inputs(name) for line in _declared(command.input(each), command=command)]
    own = f"{_POST_STEP if command.kind.has_post_step else ''}  env:\n    INPUT_COMMAND: {name}\n"
    source = f"../{image}" if image == SOURCE else image
    return _text(f"git-keyval {name}", SUB_ACTIONS[name], declared, command.outputs, source) + own


def sub_inputs(name: str) -> list[str]:
    """Return the inputs of an action that runs one command: those of the command."""
    return [each for each in INPUTS if each in {*COMMON, *COMMANDS[name].inputs} - {"command"}]


def action_types_yml(inputs: Iterable[str] = INPUTS, outputs: Iterable[str] = OUTPUTS) -> str:
    """Return the text of an action-types.yml."""
    lines = [f"{_TYPES_HEAD}inputs:"]
    for name in inputs:
        lines += [f"  {name}:", *(f"    {line}" for line in _type_of_input(INPUTS[name]))]
    lines += ["", "outputs:"]
    for name in outputs:
        lines += [f"  {name}:", f"    type: {_type_of_output(name)}"]
    return "\n".join(lines) + "\n"


def image_of(action: str) -> str:
    """Return the image that the text of action.yml runs: release tags name a published one, and keep it."""
    return action.partition(_RUNS)[2].partition("\n")[0] or SOURCE


def _text(name: str, told: SubAction, declared: Iterable[str], outputs: Iterable[str], image: str) -> str:
    head = _HEAD.format(name=name, description=told.description, icon=told.icon)
    answered = [f"  {output}:\n    description: >-\n      {OUTPUTS[output]}" for output in outputs]
    return "\n".join([head, "inputs:", *declared, "", "outputs:", *answered, "", f"{_RUNS}{image}\n"])


def _declared(item: Input[object], *, command: Signature | None = None, scope: str = "") -> list[str]:
    """Return the lines of an input: of the action that runs one command, or else of the one that runs any.

    A runner hands a default over as if it were given. So action.yml has those alone that mean nothing to a command that takes
    no such input, and no action has one that a config file may set.
    """
    given = item.default if _has_default(item, command) else ""
    meant = f"Default: {item.default}." if item.default and not given else ""
    told = [f"{group_of(item.name)}: {item.description}", *_accepted(item), scope, meant]
    return [
        f"  {item.name}:",
        "    description: |",
        *(f"      {line}" for line in told if line),
        "    required: false",
        *([f"    default: {_quoted(given)}"] if given else []),
    ]


def _has_default(item: Input[object], command: Signature | None) -> bool:
    return item.name in {"command", "token"} or (command is not None and item.name not in {*SETTINGS, *_IN_WORDS})


def _quoted(default: str) -> str:
    return default if default.startswith("${{") else f'"{default}"'


def _accepted(item: Input[object]) -> Iterator[str]:
    if isinstance(item.parse, OneOf) and item.accepted == str(item.parse) and len(item.parse.words) > 1:
        yield "One of:"
        yield from (f"- {word}" for word in item.parse.words)
    elif item.name == "command":
        yield "One of:"
        families: dict[str, list[str]] = {}
        for command in COMMANDS.values():
            families.setdefault(command.family, []).append(command.name)
        yield from (f"- {family}: {', '.join(names)}" for family, names in families.items())
    else:
        yield f"Takes {item.accepted}."


def _scope(name: str) -> str:
    """Say which commands take an input, or which do not, whatever is shorter; of what all take, nothing is said."""
    taking = [command.name for command in COMMANDS.values() if name in command.inputs]
    others = [command.name for command in COMMANDS.values() if name not in command.inputs]
    if not taking:
        return ""
    return f"For {', '.join(taking)}." if len(taking) <= len(others) else f"For all commands but {', '.join(others)}."


def group_of(name: str) -> str:
    """Return the group of an input."""
    begun = [group for first, group in _GROUPS.items() if list(INPUTS).index(first) <= list(INPUTS).index(name)]
    return begun[-1]


def _type_of_input(item: Input[object]) -> list[str]:
    match item.parse:
        case Flag():
            return ["type: boolean"]
        case WholeNumber():
            return ["type: integer"]
        case OneOf(words):
            return _enum(words)
    if item.name == "command":
        return _enum(COMMANDS)
    if item.name == "keys":
        return ["type: list", 'separator: "\\n"', "list-item:", "  type: string"]
    return ["type: string"]


def _enum(words: Iterable[str]) -> list[str]:
    return ["type: enum", "allowed-values:", *(f"  - {word}" for word in words)]


def _type_of_output(name: str) -> str:
    return "boolean" if name in FLAGS else "integer" if name in WHOLE_NUMBERS else "string"
