"""Typed values and their bytes."""

import base64
import re
from posixpath import splitext
from typing import Literal, get_args

from git_keyval.format import canonical
from git_keyval.format.canonical import JsonError, JsonValue
from git_keyval.format.media_types import EXTENSIONS, MEDIA_TYPES
from git_keyval.light_dataclasses import dataclass, field

ValueType = Literal["String", "Number", "Boolean", "JSON", "Blob", "Uint8Array"]
VALUE_TYPES: tuple[ValueType, ...] = get_args(ValueType)

MAX_VALUE_BYTES = 25 * 1024 * 1024

BINARY: frozenset[ValueType] = frozenset({"Blob", "Uint8Array"})
USUAL_MEDIA: dict[ValueType, tuple[str, str]] = {
    "String": ("text/plain", "txt"),
    "Number": ("text/plain", "txt"),
    "Boolean": ("text/plain", "txt"),
    "JSON": ("application/json", "json"),
    "Uint8Array": ("application/octet-stream", "bin"),
}
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_EXTENSION = re.compile(r"[a-z0-9]{1,32}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_JSON_SPACE = " \t\n\r"
_UNKNOWN_MEDIA_TYPE, _UNKNOWN_EXTENSION = "application/octet-stream", "bin"


@dataclass(frozen=True, slots=True)
class Value:
    """A typed value: its encoded bytes with media type and file extension. Made by the functions of this module."""

    type: ValueType
    data: bytes = field(repr=False)
    mime: str
    extension: str


def parse_value(kind: ValueType, text: str) -> Value:
    """Make a String, Number, Boolean or JSON from what a person typed, untrimmed. Raises ValueError with the reason."""
    if kind == "String":
        return _of_usual_media("String", text.encode())
    if kind == "Boolean":
        if text not in {"true", "false"}:
            raise ValueError("is neither 'true' nor 'false'")
        return _of_usual_media("Boolean", text.encode())
    if kind == "Number" and _NUMBER.fullmatch(text) is None:
        if _NUMBER.fullmatch(text.strip(_JSON_SPACE)):
            raise ValueError("is not a number alone: there is white space around it, and nothing is trimmed")
        raise ValueError("is not a number (as JSON writes them, such as 42, -1.5 or 1e6)")
    try:
        return _of_usual_media(kind, canonical.encode(canonical.decode(text)))
    except JsonError as exc:
        raise ValueError(f"is not accepted: {exc}") from exc


def from_json(value: JsonValue) -> Value:
    """Make the value that fits a JSON value: a String, Number or Boolean, or JSON for anything else. Raises JsonError."""
    if isinstance(value, str):
        try:
            return _of_usual_media("String", value.encode())
        except UnicodeEncodeError as exc:
            raise JsonError("a string has a lone surrogate") from exc
    if isinstance(value, bool):
        return _of_usual_media("Boolean", b"true" if value else b"false")
    return _of_usual_media("Number" if isinstance(value, int | float) else "JSON", canonical.encode(value))


def bytes_value(data: bytes) -> Value:
    """Make a Uint8Array: bytes without a media type."""
    return _of_usual_media("Uint8Array", data)


def file_value(data: bytes, *, media_type: str = "", file_name: str = "") -> Value:
    """Make a Blob: bytes with the media type given, or the one that the table has for the extension of the file name.

    The extension is the table's for that media type, ``bin`` where it has none. Raises ValueError for a malformed media type.
    """
    if media_type and _MEDIA_TYPE.fullmatch(media_type) is None:
        raise ValueError("is not a media type such as image/png (parameters are not stored)")
    if not media_type:
        extension = splitext(f"/{file_name}")[1].removeprefix(".").lower()
        media_type = MEDIA_TYPES.get(extension, _UNKNOWN_MEDIA_TYPE)
    return Value("Blob", data, media_type, EXTENSIONS.get(media_type.lower(), (_UNKNOWN_EXTENSION,))[0])


def check_media(kind: ValueType, mime: str, extension: str) -> None:
    """Refuse a media type or file extension that values of a type cannot have. Raises ValueError with the reason."""
    if kind == "Blob":
        if _MEDIA_TYPE.fullmatch(mime) is None or _EXTENSION.fullmatch(extension) is None:
            raise ValueError("its media type or extension is malformed")
    elif (mime, extension) != USUAL_MEDIA[kind]:
        raise ValueError(f"its media type is not that of a {kind}")


def check_value(value: Value) -> None:
    """Refuse a value whose bytes are not what its type says (read from a repository). Raises ValueError with the reason."""
    check_media(value.type, value.mime, value.extension)
    if value.type in BINARY:
        return
    try:
        text = value.data.decode()
    except UnicodeDecodeError as exc:
        raise ValueError("its bytes are not UTF-8") from exc
    if parse_value(value.type, text).data != value.data:
        raise ValueError(f"its bytes are not the canonical form of a {value.type}")


def as_text(value: Value) -> str:
    """Return the value as a person sees it; bytes as base64."""
    return base64.b64encode(value.data).decode("ascii") if value.type in BINARY else value.data.decode()


def as_json(value: Value) -> JsonValue:
    """Return the value as JSON; bytes as a base64 string."""
    if value.type == "String" or value.type in BINARY:
        return as_text(value)
    return canonical.decode(value.data)


def as_integer(value: Value) -> int | None:
    """Return the integer that a Number holds; None for any other value."""
    if value.type != "Number":
        return None
    from decimal import Decimal  # noqa: PLC0415  # most values are no numbers

    number = Decimal(value.data.decode())
    return int(number) if number == number.to_integral_value() else None


def _of_usual_media(kind: ValueType, data: bytes) -> Value:
    mime, extension = USUAL_MEDIA[kind]
    return Value(kind, data, mime, extension)
