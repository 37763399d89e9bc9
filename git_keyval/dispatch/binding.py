"""From parsed inputs to the arguments of a command's function."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Literal, cast

from git_keyval.commands.ciphers import Cipher
from git_keyval.commands.conditions import Condition
from git_keyval.commands.views import TYPE_NAMES, Key
from git_keyval.dispatch.encryption import cipher_of
from git_keyval.dispatch.layout import layout_of, shard_length_of
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import InputError
from git_keyval.format.canonical import JsonError, JsonValue, encode
from git_keyval.format.counters import INT64_MAX, INT64_MIN
from git_keyval.format.names import KeyId, is_op
from git_keyval.format.objects import Oid
from git_keyval.format.redirects import Redirect
from git_keyval.format.values import MAX_VALUE_BYTES, Value, bytes_value, file_value, from_json, parse_value
from git_keyval.interface.commands import Command
from git_keyval.interface.inputs import NO_REDIRECT

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
    "max-writes": "max_writes",
    "max-seconds": "max_seconds",
}
_OP_DIGITS = 20


def bind(command: Command, inputs: Mapping[str, object], surroundings: Surroundings) -> dict[str, object]:
    """Give the keyword arguments of the command's function. Raises InputError."""
    arguments = {argument: inputs[name] for name, argument in _PLAIN.items() if name in inputs and name in command.inputs}
    key_type, cipher = str(inputs.get("key-type", "string")), cipher_of(inputs, surroundings)
    if command.name == "keys":
        arguments |= {"pattern": inputs["key"]} if "key" in inputs else {}
    elif "keys" in command.inputs:
        arguments["keys"] = _keys(inputs, key_type, cipher)
    elif "key" in command.inputs:
        arguments["key"] = _key("key", str(inputs["key"]), key_type, cipher)
    if "value" in command.inputs:
        arguments["value"] = _value(inputs, surroundings)
    if "values" in command.inputs:
        arguments["entries"] = _entries(inputs, key_type, cipher)
    if "if-version" in command.inputs:
        existence = cast("Literal['', 'absent', 'present']", inputs.get("if", ""))
        version = inputs.get("if-version")
        arguments["condition"] = Condition(existence, None if version is None else Oid(str(version)))
    if "redirect-to" in command.inputs:
        arguments["targets"] = _targets(inputs, cast("list[Key]", arguments["keys"]))
    if "op-id" in inputs:
        arguments["op"] = _op(str(inputs["op-id"]))
    return arguments


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
    for label, member in members.items():
        key = _key("values", label, key_type, cipher)
        if any(other.id == key.id for other in entries):
            raise InputError("values", "names the same key twice", "each key once")
        entries[key] = _from_json(member) if kind is None else _typed("values", _as_input(member), str(kind))
    return entries


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
