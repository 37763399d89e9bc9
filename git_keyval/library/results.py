"""What a command answers, as Python's types."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from git_keyval.database.keys import BINARY_TYPES
from git_keyval.errors import GitKeyvalError
from git_keyval.format.canonical import JsonValue

T_co = TypeVar("T_co", covariant=True)


class PendingError(GitKeyvalError):
    """A result of a transaction was read before the transaction was done."""

    def __init__(self) -> None:
        super().__init__("The transaction is not done yet.", "Read its results after the block.")


class Result(Generic[T_co]):
    """The answer of a command. What it does not say is None; docs/commands.md says what each command answers."""

    def __init__(self, members: Mapping[str, JsonValue] | None = None, default: object = None) -> None:
        """Take the members of an answer by the names of outputs; without any, they are to come."""
        self._members = members
        self._default = default

    @property
    def value(self) -> T_co:
        """Return the value: of a counter an ``int``, of several keys or elements a ``dict`` or ``list``; bytes are ``bytes``."""
        value: Any = self._said("report") if "report" in self._all() else self._said("json")
        if self._said("type") in BINARY_TYPES and isinstance(value, str):
            value = base64.b64decode(value)
        return cast("T_co", self._default if value is None and self.found is False else value)

    @property
    def found(self) -> bool | None:
        """Return whether the key, or all of them, exist."""
        return self._flag("found")

    @property
    def met(self) -> bool | None:
        """Return whether what was waited for is so."""
        return self._flag("met")

    @property
    def applied(self) -> bool | None:
        """Return whether the write was made; false where a condition was not met."""
        return self._flag("applied")

    @property
    def pending(self) -> bool | None:
        """Return whether the increment counts later; then there is no value."""
        return self._flag("pending")

    @property
    def padded(self) -> str | None:
        """Return the number with leading zeros, where that was asked for."""
        return self._text("padded")

    @property
    def type(self) -> str | None:
        """Return the type of the value."""
        return self._text("type")

    @property
    def version(self) -> str | None:
        """Return the oid of the value, for ``if_version``."""
        return self._text("version")

    @property
    def old_value(self) -> str | None:
        """Return the value before the write, as text, where the command had to read it."""
        return self._text("old-value")

    @property
    def owner(self) -> str | None:
        """Return who holds the lock."""
        return self._text("owner")

    @property
    def ttl(self) -> int | None:
        """Return the seconds that are left; -1 forever, -2 where there is nothing."""
        return self._number("ttl")

    @property
    def count(self) -> int | None:
        """Return how many there were."""
        return self._number("count")

    @property
    def fence(self) -> int | None:
        """Return the fence of the lock."""
        return self._number("fence")

    @property
    def slot(self) -> int | None:
        """Return which slot of the lock the owner has, from 1."""
        return self._number("slot")

    @property
    def expires_at(self) -> datetime | None:
        """Return when it expires, in UTC."""
        text = self._text("expires-at")
        return None if text is None else datetime.fromisoformat(text)

    def __repr__(self) -> str:
        shown = "to come" if self._members is None else ", ".join(self._members)
        return f"Result({shown})"  # no values: they may be secrets

    def done(self, members: Mapping[str, JsonValue]) -> None:
        """Take the members that were to come."""
        self._members = members

    def _all(self) -> Mapping[str, JsonValue]:
        if self._members is None:
            raise PendingError
        return self._members

    def _said(self, name: str) -> JsonValue:
        return self._all().get(name)

    def _text(self, name: str) -> str | None:
        said = self._said(name)
        return said if isinstance(said, str) else None

    def _number(self, name: str) -> int | None:
        said = self._said(name)
        return said if isinstance(said, int) else None

    def _flag(self, name: str) -> bool | None:
        said = self._said(name)
        return said if isinstance(said, bool) else None
