"""As much of JSON Schema as docs/report.schema.json uses; a keyword that is not known here fails."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from git_keyval.format.canonical import JsonValue

Schema = Mapping[str, JsonValue]
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SAID_ELSEWHERE = {"$schema", "title", "description", "$defs", "additionalProperties"}


def violations(value: JsonValue, schema: Schema, root: Schema, where: str = "$") -> Iterator[str]:
    """Yield where a value breaks a schema."""
    for keyword, rule in schema.items():
        if keyword not in _SAID_ELSEWHERE:
            yield from _CHECKS[keyword](value, rule, root, where)
    extra = schema.get("additionalProperties", True)
    if isinstance(value, dict) and extra is not True:
        for name in value.keys() - _object(schema.get("properties", {})).keys():
            if extra is False:
                yield f"{where}.{name} is not expected"
            else:
                yield from violations(value[name], _object(extra), root, f"{where}.{name}")


def _object(value: JsonValue) -> dict[str, JsonValue]:
    assert isinstance(value, dict)
    return value


def _list(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list)
    return value


def _reference(value: JsonValue, rule: JsonValue, root: Schema, where: str) -> Iterator[str]:
    schema: JsonValue = dict(root)
    for part in str(rule).removeprefix("#/").split("/"):
        schema = _object(schema)[part]
    return violations(value, _object(schema), root, where)


def _one_of(value: JsonValue, rule: JsonValue, root: Schema, where: str) -> Iterator[str]:
    found = [list(violations(value, _object(one), root, where)) for one in _list(rule)]
    if sum(not problems for problems in found) != 1:
        yield f"{where} is not exactly one of: {found}"


def _type(value: JsonValue, rule: JsonValue, _root: Schema, where: str) -> Iterator[str]:
    names = [rule] if isinstance(rule, str) else _list(rule)
    kinds = {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "null": value is None,
    }
    if not any(kinds[str(name)] for name in names):
        yield f"{where} is not of type {rule}: {value!r}"


def _properties(value: JsonValue, rule: JsonValue, root: Schema, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, schema in _object(rule).items():
            if name in value:
                yield from violations(value[name], _object(schema), root, f"{where}.{name}")


def _required(value: JsonValue, rule: JsonValue, _root: Schema, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{where}.{name} is missing" for name in _list(rule) if name not in value)


def _items(value: JsonValue, rule: JsonValue, root: Schema, where: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from violations(one, _object(rule), root, f"{where}[{index}]")


def _simple(holds: Callable[[JsonValue, JsonValue], bool]) -> "_Check":
    def check(value: JsonValue, rule: JsonValue, _root: Schema, where: str) -> Iterator[str]:
        if not holds(value, rule):
            yield f"{where} is {value!r}, not {rule!r}"

    return check


_Check = Callable[[JsonValue, JsonValue, Schema, str], Iterator[str]]
_CHECKS: dict[str, _Check] = {
    "$ref": _reference,
    "oneOf": _one_of,
    "type": _type,
    "properties": _properties,
    "required": _required,
    "items": _items,
    "enum": _simple(lambda value, rule: value in _list(rule)),
    "const": _simple(lambda value, rule: value == rule),
    "minimum": _simple(lambda value, rule: cast("float", value) >= cast("float", rule)),
    "maxItems": _simple(lambda value, rule: len(_list(value)) <= cast("int", rule)),
    "format": _simple(lambda value, rule: rule == "date-time" and _DATE_TIME.fullmatch(str(value)) is not None),
}
