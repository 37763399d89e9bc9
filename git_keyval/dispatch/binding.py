"""From parsed inputs to the arguments of a command's function."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Literal, cast

from git_keyval.database.ciphers import Cipher
from git_keyval.database.collections import Draft
from git_keyval.database.conditions import Condition
from git_keyval.database.keys import TYPE_NAMES, Key
from git_keyval.dispatch.layout import layout_of, shard_length_of
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import InputError
from git_keyval.format.canonical import JsonError, JsonValue, encode
from git_keyval.format.counters import INT64_MAX, INT64_MIN
from git_keyval.format.names import KeyId, is_op
from git_keyval.format.objects import Oid
from git_keyval.format.redirects import Redirect
from git_keyval.format.values import MAX_VALUE_BYTES, Value, ValueType, bytes_value, file_value, from_json, parse_value
from git_keyval.interface.commands import Command
from git_keyval.interface.inputs import INPUTS, NO_REDIRECT

_STORED_TYPES = {shown: stored for stored, shown in TYPE_NAMES.items()}
_PLAIN = {
    "ttl": "ttl",
    "expires-at": "expires_at",
    "keep-ttl": "keep_ttl",
    "store-key": "store_key",
    "by": "by",
    "contention": "contention",
    "dry-run": "dry_run",
    "grace-period": "grace_period",
    "retention": "retention",
    "horizon": "horizon",
    "owner": "owner",
    "wait": "wait",
    "max-writes": "max_writes",
    "max-seconds": "max_seconds",
    "index": "index",
    "start": "start",
    "stop": "stop",
}
_OF_THE_TYPE = "a value of that type, or another key"
_ONE_FIELD = {"hget", "httl"}
_OP_DIGITS = 20


def bind(command: Command, inputs: Mapping[str, object], surroundings: Surroundings, cipher: Cipher) -> dict[str, object]:
    """Give the keyword arguments of the command's function, in a database of this cipher. Raises InputError."""
    arguments = _as_they_are(command, inputs, surroundings)
    key_type = str(inputs.get("key-type", "string"))
    arguments |= _keyed(command, inputs, key_type, cipher) | _fielded(command, inputs)
    if "values" in command.inputs:
        of_map = "field" in command.inputs
        arguments["entries"] = _drafts(inputs, surroundings) if of_map else _entries(inputs, key_type, cipher)
    elif "value" in command.inputs:
        arguments["value"] = _value(inputs, surroundings) if command.name == "set" else _draft(inputs, surroundings)
    if "if-version" in command.inputs:
        existence = cast("Literal['', 'absent', 'present']", inputs.get("if", ""))
        version = inputs.get("if-version")
        arguments["condition"] = Condition(existence, None if version is None else Oid(str(version)))
    if "redirect-to" in command.inputs:
        arguments["targets"] = _targets(inputs, cast("list[Key]", arguments["keys"]))
    if command.name == "init":
        arguments["mark"] = cipher.mark
    if "op-id" in inputs:
        arguments["op"] = _op(str(inputs["op-id"]))
    return arguments


def _keyed(command: Command, inputs: Mapping[str, object], key_type: str, cipher: Cipher) -> dict[str, object]:
    if command.name == "keys":
        return {"pattern": inputs["key"]} if "key" in inputs else {}
    if "keys" in command.inputs:
        return {"keys": _keys(inputs, key_type, cipher)}
    return {"key": _key("key", str(inputs["key"]), key_type, cipher)} if "key" in command.inputs else {}


def _fielded(command: Command, inputs: Mapping[str, object]) -> dict[str, object]:
    if "field" in inputs and command.name in _ONE_FIELD:
        return {"field": inputs["field"]}
    return {"fields": inputs.get("fields", [inputs.get("field")])} if "fields" in command.inputs else {}


def _as_they_are(command: Command, inputs: Mapping[str, object], surroundings: Surroundings) -> dict[str, object]:
    """Give the arguments that are inputs just as they were parsed; an owner who gave no name is this process."""
    given = {"owner": surroundings.owner, **inputs}
    return {argument: given[name] for name, argument in _PLAIN.items() if name in given and name in command.inputs}


def _key(name: str, text: str, key_type: str, cipher: Cipher) -> Key:
    return Key.of(text, _typed(name, text, key_type), cipher)


def _keys(inputs: Mapping[str, object], key_type: str, cipher: Cipher) -> list[Key]:
    if "key" in inputs:
        return [_key("key", str(inputs["key"]), key_type, cipher)]
    listed = cast("list[str]", inputs["keys"])
    if not listed:
        raise InputError("keys", "is an empty list", "at least one key")
    return list({key.id: key for key in (_key("keys", text, key_type, cipher) for text in listed)}.values())


def _targets(inputs: Mapping[str, object], keys: list[Key]) -> dict[KeyId, Redirect]:
    named = str(inputs["redirect-to"])
    if named == NO_REDIRECT:
        return {}
    layout = layout_of(named, inputs)
    shard_length = shard_length_of(inputs, layout, "redirect-shard-length")
    return {key.id: Redirect(layout.of_key(key.id), shard_length) for key in keys}


def _value(inputs: Mapping[str, object], surroundings: Surroundings) -> Value | int:
    kind = str(inputs.get("type", "string"))
    if "value-file" not in inputs:
        text = str(inputs["value"])
        return (
            _counter_value("value", text) if kind == "counter" else _typed("value", text, kind, str(inputs.get("media-type", "")))
        )
    path = str(inputs["value-file"])
    try:
        data = surroundings.read_file(path, MAX_VALUE_BYTES)
    except OSError as exc:
        raise InputError("value-file", f"cannot be read ({exc.strerror})", "the path of a file in the workspace") from exc
    except ValueError as exc:
        raise InputError("value-file", "names a file that is larger than 25 MB", "a file of at most 25 MB") from exc
    if kind == "bytes":
        return bytes_value(data)
    if kind == "file":
        return _file("media-type", data, str(inputs.get("media-type", "")), path)
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        raise InputError(
            "value-file", f"is not UTF-8 text, which a value of type {kind} must be", "text, or 'type: bytes'"
        ) from exc
    return _counter_value("value-file", text) if kind == "counter" else _typed("value-file", text, kind)


def _entries(inputs: Mapping[str, object], key_type: str, cipher: Cipher) -> dict[Key, Value]:
    members = cast("dict[str, JsonValue]", inputs["values"])
    kind = inputs.get("type")
    if kind == "counter":
        raise InputError("type", "cannot be counter for mset", "set for each counter")
    entries: dict[Key, Value] = {}
    known: set[KeyId] = set()
    for label, member in members.items():
        key = _key("values", label, key_type, cipher)
        if key.id in known:
            raise InputError("values", "names the same key twice", "each key once")
        known.add(key.id)
        entries[key] = _from_json(member) if kind is None else _typed("values", _as_input(member), str(kind))
    return entries


def _draft(inputs: Mapping[str, object], surroundings: Surroundings) -> Draft:
    """Give the value of an element: without ``type`` it is text that is read as what its map or array holds."""
    if inputs.get("type") == "counter":
        raise InputError("type", "cannot be counter for an element", "incr on a key of its own")
    own = _value(inputs, surroundings)
    assert isinstance(own, Value)

    def draft(kind: ValueType | None) -> Value:
        if "type" in inputs or kind in {None, own.type}:
            return own
        try:
            read = _value({**inputs, "type": TYPE_NAMES[kind]}, surroundings)
        except InputError as exc:
            raise InputError(exc.name, f"cannot be read as a {TYPE_NAMES[kind]}, which the elements are", _OF_THE_TYPE) from exc
        assert isinstance(read, Value)
        return read

    return draft


def _drafts(inputs: Mapping[str, object], surroundings: Surroundings) -> dict[str, Draft]:
    if "values" not in inputs:
        return {str(inputs["field"]): _draft(inputs, surroundings)}
    members = cast("dict[str, JsonValue]", inputs["values"])
    kind = inputs.get("type")
    if kind == "counter":
        raise InputError("type", "cannot be counter for an element", "incr on a key of its own")
    for name in members:
        INPUTS["field"].read(name)
    return {name: _member(member, None if kind is None else str(kind)) for name, member in members.items()}


def _member(member: JsonValue, given: str | None) -> Draft:
    """Give a member of ``values`` as an element: of the type given, else of that of its map, as far as JSON shows it to be."""
    own = _from_json(member) if given is None else _typed("values", _as_input(member), given)

    def draft(kind: ValueType | None) -> Value:
        if given is not None or kind in {None, own.type}:
            return own
        if kind == "JSON":
            return parse_value("JSON", encode(member).decode())
        assert kind is not None
        raise InputError("values", f"has a {TYPE_NAMES[own.type]}, but the elements are of type {TYPE_NAMES[kind]}", _OF_THE_TYPE)

    return draft


def _from_json(member: JsonValue) -> Value:
    try:
        return from_json(member)
    except JsonError as exc:
        raise InputError("values", f"has a value that cannot be stored: {exc}") from exc


def _as_input(member: JsonValue) -> str:
    return member if isinstance(member, str) else encode(member).decode()


def _typed(name: str, text: str, kind: str, media_type: str = "") -> Value:
    if kind in {"bytes", "file"}:
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise InputError(name, "is not base64, in which bytes are given", "base64, or a file by 'value-file'") from exc
        return bytes_value(data) if kind == "bytes" else _file("media-type", data, media_type, "")
    try:
        return parse_value(_STORED_TYPES[kind], text)
    except UnicodeEncodeError as exc:
        raise InputError(name, "is not valid UTF-8", "text in UTF-8") from exc
    except ValueError as exc:
        raise InputError(name, str(exc)) from exc


def _file(name: str, data: bytes, media_type: str, path: str) -> Value:
    try:
        return file_value(data, media_type=media_type, file_name=path)
    except ValueError as exc:
        raise InputError(name, str(exc)) from exc


def _counter_value(name: str, text: str) -> int:
    try:
        number = int(text) if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() else None
    except ValueError:
        number = None  # more digits than Python converts
    if number is None or not INT64_MIN <= number <= INT64_MAX:
        raise InputError(name, "is not a whole number of 64 bits, which a counter holds", "a number such as 42 or -7")
    return number


def _op(text: str) -> str:
    return text if is_op(text) else hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_OP_DIGITS]
