"""The inputs that a command was given, each with its type."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from git_keyval.database.declared import Declared
from git_keyval.format.canonical import JsonValue
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros
from git_keyval.interface.inputs import EncryptionKeys

_KEYWORDS = {"if": "if_"}


class Inputs(Declared):
    """The inputs by their names, with underscores; one that was not given has its default, or None."""

    command: str = ""
    repository: str = ""
    token: str = ""
    transport: Literal["auto", "api", "git"] = "auto"
    key: str | None = None
    keys: list[str] | None = None
    key_type: str = "string"
    field: str | None = None
    fields: list[str] | None = None
    index: int | None = None
    start: int | None = None
    stop: int | None = None
    value: str | None = None
    value_file: str | None = None
    values: dict[str, JsonValue] | None = None
    type: str | None = None
    ttl: int | None = None
    expires_at: Micros | None = None
    keep_ttl: bool | None = None
    if_: Literal["", "absent", "present"] = ""
    if_version: Oid | None = None
    by: int | None = None
    op_id: str | None = None
    contention: Literal["retry", "breadcrumb"] | None = None
    media_type: str = ""
    default: str | None = None
    on_missing: Literal["ok", "fail"] = "ok"
    output_file: str | None = None
    mask: bool = False
    store_key: bool | None = None
    shard_length: int | None = None
    repository_shard_length: int | None = None
    redirect_to: str = ""
    redirect_shard_length: int | None = None
    redirect_allow: list[str] | None = None
    follow_writes: bool = False
    expiry_granularity: int | None = None
    max_attempts: int | None = None
    encryption_key: EncryptionKeys | None = None
    encryption_kid: str | None = None
    encryption: str | None = None
    owner: str | None = None
    wait: int | None = None
    dry_run: bool | None = None
    grace_period: int | None = None
    retention: int | None = None
    expiry_registry: str | None = None
    horizon: int | None = None
    max_writes: int | None = None
    max_seconds: int | None = None
    config: str | None = None

    @classmethod
    def of(cls, parsed: Mapping[str, Any]) -> Self:
        """Return the inputs that were parsed, by the names that people give them."""
        return cls(**{field_name(name): value for name, value in parsed.items()})

    def over(self, settings: Mapping[str, Any]) -> Self:
        """Return these inputs, and beside them settings by the names of inputs; what was given beats what is set."""
        return type(self)(**{**{field_name(name): value for name, value in settings.items()}, **vars(self)})

    def without(self, name: str) -> Self:
        """Return the inputs without one."""
        return type(self)(**{given: value for given, value in vars(self).items() if given != name})


def field_name(name: str) -> str:
    """Return the name of an input as a field has it."""
    return _KEYWORDS.get(name, name.replace("-", "_"))
