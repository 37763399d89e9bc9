"""From inputs to the fields of a command."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from git_keyval.database.ciphers import Cipher
from git_keyval.database.conditions import Condition
from git_keyval.database.declared import Described
from git_keyval.database.keys import BINARY_TYPES, STORED_TYPES, TYPE_NAMES, Key
from git_keyval.dispatch.layout import layout_of, shard_length_of
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import InputError
from git_keyval.format.canonical import JsonError, JsonValue, encode
from git_keyval.format.counters import INT64_MAX, INT64_MIN
from git_keyval.format.names import DEFAULT_SHARD_LENGTH, KeyId, Naming, is_op
from git_keyval.format.redirects import Redirect
from git_keyval.format.values import MAX_VALUE_BYTES, Value, ValueType, bytes_value, file_value, from_json, parse_value
from git_keyval.interface.forms import NO_REDIRECT, KeyRef, WordList, WordMap, lines_of
from git_keyval.interface.inputs import INPUTS, Inputs
from git_keyval.light_dataclasses import dataclass

if TYPE_CHECKING:
    from git_keyval.commands.transactions import Item
    from git_keyval.database.collections import NewElement  # most commands are not about elements

_OF_THE_TYPE = "a value of that type, or another key"
_OP_DIGITS = 20

CommandT = TypeVar("CommandT", bound=Described)


@dataclass(frozen=True, slots=True)
class _Given:
    """What the fields of a command are made of: the inputs, where files are read and owners named, the cipher of the database."""

    kind: type[Described]
    inputs: Inputs
    surroundings: Surroundings
    cipher: Cipher

    def key(self, name: str, label: str) -> Key:
        """Return a key that an input names. Raises InputError."""
        return Key.of(label, _typed(name, label, self.inputs.key_type or "string"), self.cipher)

    def key_of_ref(self, ref: KeyRef) -> Key:
        """Return the key that a ref belongs to. Raises InputError for one of another shard length than that of the database."""
        length = self.inputs.shard_length or DEFAULT_SHARD_LENGTH
        if ref.shard_length not in {None, length}:
            raise InputError(
                "ref",
                f"has {ref.shard_length} digits after 'kv-', but `shard-length` is {length}",
                f"`shard-length: {ref.shard_length}` for what this ref belongs to, or {Naming(length).value(ref.key_id)} for the "
                "same key as this database stores it",
            )
        return Key(ref.key_id, ref.key_id)


def bind(kind: type[CommandT], inputs: Inputs, surroundings: Surroundings, cipher: Cipher) -> CommandT:
    """Return the command with its fields, for a database of this cipher. Raises InputError."""
    given = _Given(kind, inputs, surroundings, cipher)
    fields = {name: _FIELDS[name](given) if name in _FIELDS else getattr(inputs, name) for name in kind.declared}
    return kind(**{name: value for name, value in fields.items() if value is not None})


def _one_key(given: _Given) -> Key:
    ref = given.inputs.ref
    return given.key("key", given.inputs.key or "") if ref is None else given.key_of_ref(ref)


def _other_key(given: _Given) -> Key:
    return given.key("to", given.inputs.to or "")


def _keys(given: _Given) -> list[Key]:
    if given.inputs.keys is None:
        return [_one_key(given)]
    if not given.inputs.keys:
        raise InputError("keys", "is an empty list", "at least one key")
    return list({key.id: key for key in (given.key("keys", text) for text in given.inputs.keys)}.values())


def _names(given: _Given) -> list[str] | None:
    """Return the fields of a map that are named, or the only one; a command may have that in a field of its own."""
    if given.inputs.field is not None and "field" not in given.kind.declared:
        return [given.inputs.field]
    return given.inputs.fields


def _op(given: _Given) -> str | None:
    text = given.inputs.op_id
    if text is None or is_op(text):
        return text
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_OP_DIGITS]


def _targets(given: _Given) -> dict[KeyId, Redirect]:
    if given.inputs.redirect_to == NO_REDIRECT:
        return {}
    layout = layout_of(given.inputs.redirect_to or "", given.inputs)
    shard_length = shard_length_of(given.inputs, layout, redirected=True)
    return {key.id: Redirect(layout.of_key(key.id), shard_length) for key in _keys(given)}


def _value(given: _Given, kind: str | None = None) -> Value | int:
    """Return the value of the type that the inputs, or else ``kind``, say."""
    inputs = given.inputs
    kind = inputs.type or kind or "string"
    name, text = "value", inputs.value or ""
    if inputs.value_file is not None:
        data = _read(given, "value-file", inputs.value_file)
        if kind in BINARY_TYPES:
            return _binary(kind, data, inputs.media_type, inputs.value_file)
        try:
            name, text = "value-file", data.decode()
        except UnicodeDecodeError as exc:
            raise InputError(
                "value-file", f"is not UTF-8 text, which a value of type {kind} must be", "text, or `type: bytes`"
            ) from exc
    return _counter_value(name, text) if kind == "counter" else _typed(name, text, kind, inputs.media_type)


def _read(given: _Given, name: str, path: str) -> bytes:
    try:
        return given.surroundings.read_file(path, MAX_VALUE_BYTES)
    except OSError as exc:
        raise InputError(name, f"cannot be read ({exc.strerror})", "the path of a file in the workspace") from exc
    except ValueError as exc:
        raise InputError(name, "names a file that is larger than 25 MB", "a file of at most 25 MB") from exc


def _known_names(given: _Given) -> dict[KeyId, str] | None:
    """Return the names of a file by the ids of their keys."""
    path = given.inputs.names_from
    if path is None:
        return None
    try:
        text = _read(given, "names-from", path).decode()
    except UnicodeDecodeError as exc:
        raise InputError("names-from", "is not UTF-8 text", "a file of names, one a line") from exc
    return {given.key("names-from", name).id: name for name in lines_of(text) if name}


def _values(given: _Given) -> dict[Key, Value]:
    kind = given.inputs.type
    if kind == "counter":
        raise InputError("type", "cannot be counter for mset", "set for each counter")
    made: dict[Key, Value] = {}
    known: set[KeyId] = set()
    for label, member in _members(given).items():
        key = given.key("values", label)
        if key.id in known:
            raise InputError("values", "names the same key twice", "each key once")
        known.add(key.id)
        made[key] = _from_json(member) if kind is None else _typed("values", _as_input(member), kind)
    return made


def _element(given: _Given) -> "NewElement":
    """Return the value of an element: without ``type`` it is text that is read as what its map or array holds."""
    _refuse_counter(given)
    return _text_element(given.inputs.type, lambda kind: cast("Value", _value(given, kind)))


def _entries(given: _Given) -> dict[str, "NewElement"]:
    if given.inputs.values is None:
        return {given.inputs.field or "": _element(given)}
    _refuse_counter(given)
    members = _members(given)
    for name in members:
        INPUTS["field"].read(name)
    new = _word if isinstance(members, WordMap) else _member
    return {name: new(member, given.inputs.type) for name, member in members.items()}


def _elements(given: _Given) -> list["NewElement"]:
    values = given.inputs.values
    if values is None:
        return [_element(given)]
    if not isinstance(values, list):
        raise InputError("values", "is a JSON object", "a JSON list")
    _refuse_counter(given)
    new = _word if isinstance(values, WordList) else _member
    return [new(member, given.inputs.type) for member in values]


def _members(given: _Given) -> Mapping[str, JsonValue]:
    if not isinstance(given.inputs.values, dict):
        raise InputError("values", "is a JSON list", "a JSON object")
    return given.inputs.values


def _record(given: _Given) -> Key | None:
    """Return the key that records what the operation answered: a reserved name.

    It is another one for each command, for its keys and its elements, as a counter remembers its own operations.
    """
    if given.inputs.op_id is None:
        return None
    if given.inputs.atomic is False:
        raise InputError("op-id", "does not go with `atomic: false`", "an op-id for each command that takes one")
    key_ids = _keys_about(given)
    about = [*key_ids, given.kind.name, *_elements_about(given)] if key_ids else []
    name = ":".join(["kv:op", *about, given.inputs.op_id])
    return Key.of(name, _typed("op-id", name, "string"), given.cipher)


def _keys_about(given: _Given) -> list[str]:
    """Return the ids of the keys that a command is about."""
    declared = given.kind.declared
    keys = [*([_one_key(given)] if "key" in declared else []), *([_other_key(given)] if "to" in declared else [])]
    keys += _keys(given) if "keys" in declared else []
    keys += [given.key("values", label) for label in _members(given)] if "values" in declared else []
    return [key.id for key in keys]


def _elements_about(given: _Given) -> list[str]:
    """Return the ids of the elements that a command is about: their names may have colons, as an operation id may."""
    from git_keyval.format.elements import element_id  # noqa: PLC0415  # few commands are about elements

    inputs = given.inputs
    fields = [inputs.field] if inputs.field is not None else inputs.fields or []
    members = _members(given) if "entries" in given.kind.declared and inputs.values is not None else ()
    index = [] if inputs.index is None else [str(inputs.index)]
    return [element_id(element) for element in (*fields, *members, *index)]


def _items(given: _Given) -> "list[Item]":
    from git_keyval.dispatch.batches import items_of  # noqa: PLC0415  # no other command needs it

    return items_of(given.inputs.commands or [], given.inputs, given.surroundings, given.cipher)


def _refuse_counter(given: _Given) -> None:
    if given.inputs.type == "counter":
        raise InputError("type", "cannot be counter for an element", "incr on a key of its own")


def _member(member: JsonValue, given: str | None) -> "NewElement":
    """Return a member of ``values`` as an element: of the type given, else of that of its map, as far as JSON shows it to be."""
    own = _from_json(member) if given is None else _typed("values", _as_input(member), given)

    def read_as(kind: ValueType) -> Value:
        if kind == "JSON":
            return parse_value("JSON", encode(member).decode())
        raise InputError("values", f"has a {TYPE_NAMES[own.type]}, but the elements are of type {TYPE_NAMES[kind]}", _OF_THE_TYPE)

    return _new_element(own, given, read_as)


def _word(member: JsonValue, given: str | None) -> "NewElement":
    """Return a member that was typed as an element: text, as a single value is."""
    return _text_element(given, lambda kind: _typed("value", _as_input(member), kind or given or "string"))


def _text_element(given: str | None, read: Callable[[str | None], Value]) -> "NewElement":
    """Return what is made into an element of text, which is read as the type given, or else that of its map or array."""

    def read_as(kind: ValueType) -> Value:
        try:
            return read(TYPE_NAMES[kind])
        except InputError as exc:
            raise InputError(exc.name, f"cannot be read as a {TYPE_NAMES[kind]}, which the elements are", _OF_THE_TYPE) from exc

    return _new_element(read(None), given, read_as)


def _new_element(own: Value, given: str | None, read_as: Callable[[ValueType], Value]) -> "NewElement":
    """Return what is made into an element: the value that it is by itself if its type is given, or is that of the others."""
    return lambda kind: own if given is not None or kind is None or kind == own.type else read_as(kind)


def _from_json(member: JsonValue) -> Value:
    try:
        return from_json(member)
    except JsonError as exc:
        raise InputError("values", f"has a value that cannot be stored: {exc}") from exc


def _as_input(member: JsonValue) -> str:
    return member if isinstance(member, str) else encode(member).decode()


def _typed(name: str, text: str, kind: str, media_type: str | None = None) -> Value:
    if kind in BINARY_TYPES:
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError as exc:
            raise InputError(name, "is not base64, in which bytes are given", "base64, or a file by `value-file`") from exc
        return _binary(kind, data, media_type)
    try:
        return parse_value(STORED_TYPES[kind], text)
    except UnicodeEncodeError as exc:
        raise InputError(name, "is not valid UTF-8", "text in UTF-8") from exc
    except ValueError as exc:
        raise InputError(name, str(exc)) from exc


def _binary(kind: str, data: bytes, media_type: str | None, path: str = "") -> Value:
    if kind == "bytes":
        return bytes_value(data)
    try:
        return file_value(data, media_type=media_type or "", file_name=path)
    except ValueError as exc:
        raise InputError("media-type", str(exc)) from exc


def _counter_value(name: str, text: str) -> int:
    try:
        number = int(text) if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() else None
    except ValueError:
        number = None  # more digits than Python converts
    if number is None or not INT64_MIN <= number <= INT64_MAX:
        raise InputError(name, "is not a whole number of 64 bits, which a counter holds", "a number such as 42 or -7")
    return number


_FIELDS: Mapping[str, Callable[[_Given], object]] = {
    "key": _one_key,
    "keys": _keys,
    "pattern": lambda given: given.inputs.key,
    "names": _known_names,
    "types": lambda given: given.inputs.parsed.get("type"),
    "value": _value,
    "values": _values,
    "element": _element,
    "elements": _elements,
    "entries": _entries,
    "fields": _names,
    "condition": lambda given: Condition(given.inputs.if_ or "", given.inputs.if_version),
    "to": _other_key,
    "if_absent": lambda given: given.inputs.if_ is not None,
    "only_if": lambda given: given.inputs.if_,
    "owner": lambda given: given.surroundings.owner() if given.inputs.owner is None else given.inputs.owner,
    "op": _op,
    "targets": _targets,
    "items": _items,
    "record": _record,
    "mark": lambda given: given.cipher.mark,
    "cipher": lambda given: given.cipher,
}
"""The fields that are not an input just as it was parsed, by their names."""
