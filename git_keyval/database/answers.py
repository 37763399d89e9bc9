"""What a command answers."""

from dataclasses import dataclass, field

from git_keyval.errors import GitKeyvalError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.objects import Oid
from git_keyval.format.values import Value

PERSISTENT, NO_KEY = -1, -2
"""What ``ttl`` is beside seconds: the key never expires; there is no key."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outputs of one command; None is an output that the command does not have, or not this time.

    ``warning`` is for people beside the answer, and ``failure`` what the command ends with after it is given. ``parked`` tells
    people where to find what the command took away, should the answer not reach them.
    ``value`` and ``old_value`` are a typed value or a counter's number; ``document`` is JSON for commands that answer about many
    keys; ``public_name`` is the name of the repository that has ``version``, where it is known to be public.
    """

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
    count: int | None = None
    public_name: str | None = None
    owner: str | None = field(default=None, repr=False)
    fence: int | None = None
    warning: str = ""
    parked: str = field(default="", compare=False)
    failure: GitKeyvalError | None = field(default=None, compare=False)
