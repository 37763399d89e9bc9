"""From the arguments of a method to the inputs of a command: they are read as what people type is."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Final, Literal, TypeAlias

from git_keyval.errors import InputError
from git_keyval.format.canonical import JsonError, JsonValue, encode
from git_keyval.interface.commands import Signature
from git_keyval.interface.inputs import INPUTS
from git_keyval.interface.parsing import check_together
from git_keyval.light_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands for a key whose name is not known: a ref of it, such as ``refs/heads/kv-1c/val-...``, or its key id."""

    name: str


Key: TypeAlias = "str | int | float | bool | bytes | list[JsonValue] | dict[str, JsonValue] | Ref"
"""A key, whose type is part of its identity: 1 and "1" are two keys."""

Data: TypeAlias = "JsonValue | bytes"
"""A value: text, a number, a boolean, bytes or JSON."""

KeyType: TypeAlias = Literal[
    "string", "number", "boolean", "json", "bytes", "file", "counter", "map", "array", "lock", "redirect", "unknown"
]
"""What a key holds, as ``keys`` tells it."""

Span: TypeAlias = int | str | timedelta
"""Seconds, a duration as people write it (``15m``), or a timedelta."""


_SPANS = {"ttl", "wait", "grace-period", "retention", "horizon"}


class Unset(Enum):
    """The type of UNSET."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
"""Stands for an argument that is not given, where None is a value."""


def inputs_of(command: Signature, arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the inputs that a command is given by the arguments of its method. Raises InputError."""
    given = {name: value for name, value in arguments.items() if value is not UNSET and (value is not None or name == "value")}
    parsed: dict[str, object] = {}
    for name, value in given.items():
        parsed |= _read(command, name.rstrip("_").replace("_", "-"), value, given)
    check_together(command, parsed)
    return parsed


def _read(command: Signature, name: str, value: object, given: Mapping[str, object]) -> dict[str, object]:
    match name, value:
        case "key" | "to" | "keys", _:
            return _named(command, name, value, given)
        case "value", _:
            kind, text = _typed(name, value)
            return {"value": text, "type": given.get("type") or ("file" if given.get("media_type") else kind)}
        case "type", str():
            return {name: command.input(name).read(value)} if "value" not in given else {}
        case "values", Mapping() | list():
            return {name: dict(value) if isinstance(value, Mapping) else value}
    return {name: command.input(name).read(_text(name, value))}


def _named(command: Signature, name: str, value: object, given: Mapping[str, object]) -> dict[str, object]:
    match name, value:
        case ("key", Ref(ref)) | ("keys", [Ref(ref)]) if "ref" in command.inputs:
            return {"ref": command.input("ref").read(ref)}
        case "keys", Sequence():
            return _keys(value)
    kind, text = _typed(name, value)
    if not isinstance(given["key"], Ref) and kind != _typed("key", given["key"])[0]:
        raise InputError(name, "is of another type than the key", "two keys of one type")
    return {name: text, "key-type": kind}


def _keys(keys: Sequence[object]) -> dict[str, object]:
    typed = [_typed("keys", key) for key in keys]
    kinds = {kind for kind, _ in typed} or {"string"}
    if len(kinds) > 1:
        raise InputError("keys", "are of several types", "keys of one type in a call")
    return {"keys": [text for _, text in typed], "key-type": kinds.pop()}


def _typed(name: str, value: object) -> tuple[str, str]:
    """Return the type that a value is stored as, and its text."""
    match value:
        case str():
            return "string", value
        case bytes():
            return "bytes", base64.b64encode(value).decode()
        case bool():
            return "boolean", "true" if value else "false"
        case int() | float():
            return "number", _json(name, value)
        case list() | dict() | None:
            return "json", _json(name, value)
    raise InputError(name, f"is of the type {type(value).__name__}", "str, int, float, bool, bytes, or what JSON has")


def _json(name: str, value: JsonValue) -> str:
    try:
        return encode(value).decode()
    except JsonError as exc:
        raise InputError(name, f"cannot be stored: {exc}") from exc


def _text(name: str, value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return f"{value}s" if name in _SPANS else str(value)
        case timedelta():
            return f"{value // timedelta(seconds=1)}s"
        case datetime():
            return value.isoformat()
        case list() | tuple():
            return json.dumps(value)
    raise InputError(name, f"is of the type {type(value).__name__}", INPUTS[name].accepted)
