"""The commands of a batch as people write them: a list in JSON or YAML, each with what a step of it takes.

Values are taken as they are written: ``1.10`` stays ``1.10``. It is imported only where there is a batch to read.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from git_keyval.format import canonical
from git_keyval.format.canonical import JsonValue
from git_keyval.interface.yaml_nodes import (
    BOOLEAN,
    NULL,
    STRING,
    MappingNode,
    Mistake,
    Node,
    NotReadError,
    ScalarNode,
    SequenceNode,
    compose,
    line_of,
    members,
)

_LISTS = {"keys", "fields"}
_VALUES = "values"


class _Scalar(NamedTuple):
    """A text as it is written; ``is_text`` if it cannot be meant for anything else, ``is_null`` for nothing at all."""

    text: str
    is_text: bool = False
    is_null: bool = False


def read_batch(text: str) -> list[dict[str, str]]:
    """Return what is given for each command, by the names of inputs. Raises ValueError with the line, or place, of a mistake."""
    try:
        commands = _of_json(text) if text.lstrip().startswith("[") else None
        if commands is None:
            commands = _of_yaml(text)
        if not isinstance(commands, list) or not commands:
            raise ValueError("is not a list of commands, at least one")
        return [_given(where, command) for where, command in commands]
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _of_json(text: str) -> object:
    """Return a tree of lists with the place of each member, mappings and scalars; None if it is not JSON."""
    try:
        read = json.loads(text, parse_int=_Scalar, parse_float=_Scalar, object_pairs_hook=_unique)
    except ValueError as exc:
        if isinstance(exc, _RepeatedError):
            raise
        return None
    return _marked(read)


class _RepeatedError(ValueError):
    """A name stands twice in a JSON object."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(names := dict(pairs)) < len(pairs):
        raise _RepeatedError("has an object in which a name is given twice")
    return names


def _marked(read: object) -> object:
    match read:
        case list():
            return [(f"command {place}", _marked(member)) for place, member in enumerate(read, start=1)]
        case dict():
            return {name: _marked(member) for name, member in read.items()}
        case bool():
            return _Scalar("true" if read else "false")
        case None:
            return _Scalar("", is_null=True)
        case str():
            return _Scalar(read, is_text=True)
    return read


def _of_yaml(text: str) -> object:
    try:
        return _tree(compose(text))
    except NotReadError as exc:
        line, reason = exc.mistake
    raise ValueError(f"has a mistake in line {line}: {reason.removesuffix('.')}")  # not from that error, which may hold a token


def _tree(node: Node | None) -> object:
    if isinstance(node, SequenceNode):
        return [(f"line {line_of(member)}", _tree(member)) for member in node.value]
    if isinstance(node, MappingNode):
        mistakes: list[Mistake] = []
        tree = {name: _tree(value) for name, _, value in members(node, mistakes)}
        if mistakes:
            raise NotReadError(*mistakes[0])
        return tree
    if not isinstance(node, ScalarNode):
        return None
    text = node.value.lower() if node.tag == BOOLEAN else node.value
    return _Scalar(text, is_text=node.tag == STRING, is_null=node.tag == NULL)


def _given(where: str, command: object) -> dict[str, str]:
    match command:
        case dict():
            return {name: _text(f"{where}, '{name}',", name, value) for name, value in command.items()}
    raise ValueError(f"has in {where} no mapping with a 'command' and its inputs")


def _text(where: str, name: str, value: object) -> str:
    match value:
        case _Scalar(text, is_null=False):
            return text
        case list() if name in _LISTS:
            return canonical.encode([*_texts(where, value)]).decode()
        case dict() if name == _VALUES:
            return canonical.encode({member: _json(f"{where} {member!a}", each) for member, each in value.items()}).decode()
        case list() if name == _VALUES:
            return canonical.encode(_json(where, value)).decode()
    raise ValueError(f"has in {where} not a text: an empty one is written ''")


def _texts(where: str, values: list[tuple[str, object]]) -> Iterator[str]:
    for _, value in values:
        if not isinstance(value, _Scalar) or value.is_null:
            raise ValueError(f"has in {where} something that is not a text")
        yield value.text


def _json(where: str, value: object) -> JsonValue:
    """Return a member of ``values`` as JSON. Raises ValueError for a number that JSON would write in another way."""
    match value:
        case _Scalar(text, is_text=True):
            return text
        case _Scalar(is_null=True):
            return None
        case _Scalar(text):
            return _number(where, text)
        case list():
            return [_json(where, member) for _, member in value]
        case dict():
            return {name: _json(where, member) for name, member in value.items()}
    raise ValueError(f"has in {where} what cannot be read")


def _number(where: str, text: str) -> JsonValue:
    try:
        read = canonical.decode(text)
    except ValueError:
        read = None
    if read is None or canonical.encode(read).decode() != text:
        raise ValueError(f"has in {where} a number that JSON writes in another way: in quotes it stays as it is")
    return read
