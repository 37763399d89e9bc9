"""Records of operations: what a command answered when it was done, as a value, and back."""

import base64
import json
from collections.abc import Mapping
from typing import TypeVar

from git_keyval.database.answers import Answer, said, shown_value
from git_keyval.database.keys import BINARY_TYPES, COUNTER_TYPE, STORED_TYPES, TYPE_NAMES, KeyView
from git_keyval.errors import MalformedRecordError
from git_keyval.format.bounds import added
from git_keyval.format.canonical import JsonValue
from git_keyval.format.objects import Oid
from git_keyval.format.times import seconds_at
from git_keyval.format.values import MAX_VALUE_BYTES, Value, bytes_value, file_value, from_json, parse_value

RECORD_SECONDS = 7 * 86_400
"""How long it is remembered what an operation answered."""

_OLD_TYPE = "old-type"

T = TypeVar("T")


def recorded(answer: Answer) -> Value:
    """Return the record of an answer: text, which holds any number, and is nested as deeply as what was answered.

    Raises BoundError where the record would be larger than a value may be.
    """
    members = said(answer)
    if answer.value is not None:
        del members["json"]
    if isinstance(answer.old_value, Value):
        members[_OLD_TYPE] = TYPE_NAMES[answer.old_value.type]
    record = from_json(json.dumps(members, ensure_ascii=False, separators=(",", ":")))
    added(0, len(record.data), MAX_VALUE_BYTES, "the size of a record of an operation in bytes")
    return record


def recorded_answer(record: KeyView) -> Answer:
    """Return the answer that a record holds. Raises MalformedRecordError."""
    value = record.value("op-id")
    try:
        members = json.loads(shown_value(value))
        if isinstance(members, dict):
            return _answer(members)
    except (ValueError, RecursionError):
        pass
    raise MalformedRecordError(record.value_name, "it is no record of an operation")


def _answer(members: Mapping[str, JsonValue]) -> Answer:
    """Raise ValueError for a member that is not what it has to be."""

    def of(kind: type[T], name: str) -> T | None:
        member: object = members.get(name)
        if member is None or (isinstance(member, kind) and type(member) is kind):
            return member
        raise ValueError(name)

    version, ending, value, old_value = (of(str, name) for name in ("version", "expires-at", "value", "old-value"))
    document = members.get("json")
    return Answer(
        met=of(bool, "met"),
        found=of(bool, "found"),
        applied=of(bool, "applied"),
        value=None if value is None else _value(of(str, "type"), value),
        document=document if isinstance(document, dict | list) else None,
        type=of(str, "type"),
        version=None if version is None else Oid(version),
        ttl=of(int, "ttl"),
        expires_at=None if ending is None else seconds_at(ending),
        old_value=None if old_value is None else _value(of(str, _OLD_TYPE), old_value),
        pending=of(bool, "pending"),
        padded=of(str, "padded") or "",
        count=of(int, "count"),
        failed=of(str, "failed") or "",
        results=of(dict, "results"),
        owner=of(str, "owner"),
        fence=of(int, "fence"),
        slot=of(int, "slot"),
    )


def _value(kind: str | None, text: str) -> Value | int:
    """Return a value that is shown as a text; without a type it is a number, as that of a counter. Raises ValueError."""
    if kind in {None, COUNTER_TYPE}:
        return int(text)
    if kind in BINARY_TYPES:
        data = base64.b64decode(text, validate=True)
        return bytes_value(data) if kind == "bytes" else file_value(data)
    if kind not in STORED_TYPES:
        raise ValueError(kind)
    return parse_value(STORED_TYPES[kind], text)
