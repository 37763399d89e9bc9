"""What a command answers."""

from typing import TypeAlias

from git_keyval.errors import GitKeyvalError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.objects import Oid
from git_keyval.format.times import iso_utc
from git_keyval.format.values import Value, as_json, as_text
from git_keyval.light_dataclasses import dataclass, field

PERSISTENT, NO_KEY = -1, -2
"""What ``ttl`` is beside seconds: the key never expires; there is no key."""

Delivered: TypeAlias = Value | int | dict[str, JsonValue]
"""What is handed over: a typed value, a counter's number, or the results of several commands."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outputs of one command; None is an output that the command does not have, or not this time.

    ``warning`` is for people beside the answer, and ``failure`` what the command ends with after it is given. ``parked`` tells
    people where to find what the command took away, should the answer not reach them.
    ``value`` and ``old_value`` are a typed value or a counter's number; ``document`` is JSON for commands that answer about many
    keys; ``results`` is what the commands of a batch answer, of which ``failed`` is the first whose condition is not met.
    ``public_name`` is the name of the repository that has ``version``, where it is known to be public.
    """

    met: bool | None = None
    found: bool | None = None
    applied: bool | None = None
    value: Value | int | None = None
    document: dict[str, JsonValue] | list[JsonValue] | None = field(default=None, repr=False)
    type: str | None = None
    version: Oid | None = None
    ttl: int | None = None
    expires_at: int | None = None
    old_value: Value | int | None = None
    pending: bool | None = None
    padded: str = ""
    count: int | None = None
    public_name: str | None = None
    failed: str = ""
    results: dict[str, JsonValue] | None = field(default=None, repr=False)
    owner: str | None = field(default=None, repr=False)
    fence: int | None = None
    slot: int | None = None
    warning: str = ""
    parked: str = field(default="", compare=False)
    failure: GitKeyvalError | None = field(default=None, compare=False)


def said(answer: Answer) -> dict[str, JsonValue]:
    """Return what an answer says by the names of outputs, without what it does not say; ``json`` may be null."""
    members: dict[str, JsonValue] = {
        "met": answer.met,
        "found": answer.found,
        "applied": answer.applied,
        "type": answer.type,
        "version": answer.version,
        "ttl": NO_KEY if answer.found is False and answer.ttl is None else answer.ttl,
        "pending": answer.pending,
        "padded": answer.padded or None,
        "count": answer.count,
        "failed": answer.failed or None,
        "results": answer.results,
        "owner": answer.owner,
        "fence": answer.fence,
        "slot": answer.slot,
        "json": answer.document,
        "old-value": None if answer.old_value is None else shown_value(answer.old_value),
        "expires-at": None if answer.expires_at is None else iso_utc(answer.expires_at),
    }
    members = {name: value for name, value in members.items() if value is not None}
    if answer.value is not None:
        members |= {"value": shown_value(answer.value), "json": json_value(answer.value)}
    return members


def shown_value(value: Value | int) -> str:
    """Return a value, or the number of a counter, as the output ``value`` shows it."""
    return str(value) if isinstance(value, int) else as_text(value)


def json_value(value: Value | int) -> JsonValue:
    """Return a value, or the number of a counter, as the output ``json`` shows it."""
    return value if isinstance(value, int) else as_json(value)
