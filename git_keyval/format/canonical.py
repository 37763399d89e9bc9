"""Canonical JSON (RFC 8785) both ways, refusing what a double cannot hold."""

import json
from collections.abc import Iterable
from math import isfinite
from typing import NoReturn, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_DEPTH = 500
"""How deeply arrays and objects may be nested: what every reader must accept, and so what a writer may write."""

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that JSON may hold: beyond it, readers lose digits."""

_SHALLOW = 5
_TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"


class JsonError(ValueError):
    """The text is no JSON, or holds a number or a string that RFC 8785 cannot represent."""


def encode(value: JsonValue) -> bytes:
    """Return the RFC 8785 form. Raises JsonError for integers beyond 2**53 - 1, infinities, NaN and lone surrogates."""
    try:
        if _is_plain(value):
            # Where all names sort the same in every encoding and all numbers are integers, json writes the very same, far faster.
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        return _encode_any(value)
    except RecursionError as exc:
        raise JsonError("it is nested too deeply") from exc
    except UnicodeEncodeError as exc:
        raise JsonError("a string has a lone surrogate") from exc


def _encode_any(value: JsonValue) -> bytes:
    import rfc8785  # noqa: PLC0415  # most JSON is plain

    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as exc:
        raise JsonError(str(exc)) from exc


def decode(text: str | bytes) -> JsonValue:
    """Parse JSON strictly: no NaN or Infinity, no repeated member names, no number that a double would change or overflow.

    Fractions and exponents are rounded to the nearest double as JSON readers everywhere do; integers must be kept exactly.
    """
    try:
        parsed: JsonValue = json.loads(
            text, parse_int=_integer, parse_float=_number, parse_constant=_constant, object_pairs_hook=_members
        )
    except RecursionError as exc:
        raise JsonError(_TOO_DEEP) from exc
    except ValueError as exc:
        raise exc if isinstance(exc, JsonError) else JsonError(f"it is not JSON: {exc}") from exc
    if isinstance(text, bytes):
        text = text.decode()
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(parsed)
    return parsed


def decode_canonical(text: bytes) -> JsonValue:
    """Parse JSON that must already be in RFC 8785 form, byte for byte."""
    value = decode(text)
    if encode(value) != text:
        raise JsonError("it is JSON, but not in canonical form (RFC 8785)")
    return value


def _is_plain(value: JsonValue) -> bool:
    """Return whether a value is shallow and holds no floats, no integer beyond a double's and only ASCII member names."""
    level = [value]
    for _ in range(_SHALLOW):
        below: list[JsonValue] = []
        for member in level:
            if isinstance(member, str) or member is None:
                continue
            if isinstance(member, list):
                below += member
            elif isinstance(member, dict):
                if not all(map(str.isascii, member)):
                    return False
                below += member.values()
            elif isinstance(member, float) or not -MAX_SAFE_INTEGER <= member <= MAX_SAFE_INTEGER:
                return False
        if not below:
            return True
        level = below
    return False


def _check_depth(value: JsonValue) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [member for container in level for member in _members_of(container)]
        if not level:
            return
    raise JsonError(_TOO_DEEP)


def _members_of(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _integer(literal: str) -> int | float:
    number = _number(literal)
    if isinstance(number, int):
        return number
    from decimal import Decimal  # noqa: PLC0415  # most integers are not that large

    # What counts is the canonical text: 2**60 is a double, but RFC 8785 writes it as another integer.
    if Decimal(_encode_any(number).decode()) != Decimal(literal):
        raise JsonError("an integer cannot be held exactly by a double; store it as a string")
    return number


def _number(literal: str) -> int | float:
    number = float(literal)
    if not isfinite(number):
        raise JsonError("a number is beyond the range of a double")
    return int(number) if number.is_integer() and abs(number) <= MAX_SAFE_INTEGER else number


def _constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not JSON")


def _members(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonError("an object has the same member name twice")
    return members
