"""The methods of the library, written from the commands: git_keyval/library/methods.py."""

import json

from git_keyval.interface.commands import COMMANDS, OF_DATABASE, Signature
from git_keyval.interface.forms import Duration, Flag, OneOf, WholeNumber
from git_keyval.interface.inputs import INPUTS, Input

_NAMES = {"del": "delete", "assert": "require"}
"""Commands that are words of Python, or would hide one."""

_BY_HAND = {"keys", "ls", "lock", "batch", "export", "import"}
_FIRST = ("key", "until", "keys", "to", "field", "fields", "index", "value", "values")
_LEFT_OUT = {
    *("repository", *OF_DATABASE, "ref", "key-type"),
    *("on-missing", "on-failed", "output-file", "mask", "config", "previous-report", "value-file"),
}
_TYPES = {"key": "Key", "to": "Key", "value": "Data", "default": "Data", "values": "Mapping[str, Data]", "fields": "list[str]"}
_SEVERAL = {"keys": "Key", "fields": "str"}
_FORMS: dict[type, str] = {Flag: "bool", WholeNumber: "int", Duration: "Span"}
_FUNCTIONS = {"expires-at": "datetime | str", **dict.fromkeys(("less-than", "at-least"), "float | Decimal")}
_RUN = (
    "    def _run(self, name: str, default: object = None, **arguments: object) -> Result[Any]:",
    "        raise NotImplementedError",
)

_HEAD = '''"""The commands as methods. Written by `make documents` from the commands; edit them there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from git_keyval.library.arguments import UNSET, Data, Key, Span, Unset
from git_keyval.library.results import Result

'''


def library_methods() -> str:
    """Return the text of the module."""
    steps = [command for command in COMMANDS.values() if not command.maintains and command.name not in _BY_HAND]
    jobs = [command for command in COMMANDS.values() if command.maintains]
    classes = _class("Commands", "The commands of step mode.", steps), _class("Jobs", "The commands that maintain.", jobs)
    return "\n\n\n".join([_HEAD.rstrip(), *("\n".join(lines) for lines in classes)]) + "\n"


def _class(name: str, about: str, commands: list[Signature]) -> list[str]:
    lines = [f"class {name}:", f'    """{about}"""', "", *_RUN, ""]
    for command in commands:
        lines += [*_method(command), ""]
    return lines[:-1]


def _method(command: Signature) -> list[str]:
    given = [name for name in command.inputs if name not in _LEFT_OUT and not name.endswith("-env")]
    if "keys" in given:
        given = [name for name in given if name != "key"]
    if "fields" in given and "value" not in command.outputs:
        given.remove("field")
    first = [name for name in _FIRST if name in given and not (name in _SEVERAL and "field" in given)]
    several = [name for name in first if name in _SEVERAL]
    lines = [f"    def {_NAMES.get(command.name, _variable(command.name))}(", "        self,"]
    lines += [f"        {_positional(command, name)}," for name in first if name not in several]
    lines += [f"        *{name}: {_SEVERAL[name]}," for name in several]
    named = [name for name in given if name not in first]
    if named and not several:
        lines += ["        *,"]
    lines += [f"        {_variable(name)}: {_type(command.input(name))} | None = None," for name in named]
    passed = [f"{_variable(name)}={_passed(name, several)}" for name in (*first, *named)]
    lines += [f"    ) -> Result[{_answer(command)}]:", f'        """{command.summary}"""']
    return [
        *lines,
        "        return self._run(",
        f'            "{command.name}",',
        *(f"            {each}," for each in passed),
        "        )",
    ]


def _passed(name: str, several: list[str]) -> str:
    return f"list({name})" if name in several else _variable(name)


def _positional(command: Signature, name: str) -> str:
    kind = "list[Data]" if (command.name, name) == ("apush", "values") else _type(INPUTS[name])
    is_needed = any(set(group) - {f"{name}-env", "ref", "value-file"} == {name} for group in command.needs)
    return f"{_variable(name)}: {kind}" if is_needed else f"{_variable(name)}: {kind} | Unset = UNSET"


def _variable(name: str) -> str:
    return f"{name}_" if name in {"if", "from"} else name.replace("-", "_")


def _type(item: Input[object]) -> str:
    """Return the type of an argument."""
    if item.name in _TYPES:
        return _TYPES[item.name]
    match item.parse:
        case OneOf(words):
            return f"Literal[{', '.join(map(json.dumps, words))}]"
        case Flag() | WholeNumber() | Duration():
            return _FORMS[type(item.parse)]
    return _FUNCTIONS.get(item.name, "str")


def _answer(command: Signature) -> str:
    """Return the type of what a result has as its value."""
    lists = command.name in {"hkeys", "arange"}
    kinds = (
        ("by" in command.inputs, "int"),
        ("report" in command.outputs, "dict[str, Any]"),
        ("value" in command.outputs, "Any"),
        ("json" in command.outputs, "list[Any]" if lists else "dict[str, Any]"),
    )
    return next((kind for holds, kind in kinds if holds), "None")
