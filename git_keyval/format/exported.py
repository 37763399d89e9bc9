"""An export: a database as text, one line of canonical JSON for each live key (docs/export.md)."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from git_keyval.errors import MalformedRecordError
from git_keyval.format.anchors import Mark, decode_anchor
from git_keyval.format.canonical import JsonError, JsonValue, decode, encode
from git_keyval.format.counters import Counter, decode_counter, encode_counter
from git_keyval.format.elements import Collection, CollectionCategory, encode_collection
from git_keyval.format.metadata import FORMAT_VERSION, Metadata, decode_message, encode_line, message_only
from git_keyval.format.names import KeyId
from git_keyval.format.objects import blob, is_oid
from git_keyval.format.records import typed_value
from git_keyval.format.redirects import Redirect
from git_keyval.format.sealed import Algorithm, Encryption, Sealed, encryption_members, read_encryption
from git_keyval.format.times import MAX_SECONDS, iso_utc, seconds_at
from git_keyval.format.values import BINARY, USUAL_MEDIA, VALUE_TYPES, Value, ValueType, parse_value
from git_keyval.light_dataclasses import dataclass, field

LAYOUT = 1
"""The version of what the lines of an export look like."""

MAX_LINE_BYTES = 256 * 1024 * 1024
"""How long a line may be: no longer one is read or written."""

_LAST: Metadata = {"category": "end"}
END = encode(_LAST)
"""The last line: without it, a text was cut off."""

_HERE = "export"
_LONGEST_END = 100
_MISSING: object = object()

T = TypeVar("T")


class ExportError(Exception):
    """A line is none of an export; the text says why, without what it holds."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line.

    ``mark`` is that of the database, if it is encrypted. What is ``sealed`` was exported without its encryption key: values are as
    they are stored, encrypted or not.
    """

    mark: Mark | None = None
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a map or an array: its element key, its bytes, and its expiry id; both may be as they are encrypted."""

    name: str = field(repr=False)
    data: bytes = field(repr=False)
    expiry: int | None = None


@dataclass(frozen=True, slots=True)
class Elements:
    """A map or an array with all of its elements, in the order in which they are written."""

    category: CollectionCategory
    type: ValueType
    mime: str
    extension: str
    elements: Sequence[Element]
    length: int = 0
    encryption: Encryption | None = None

    def collection(self) -> Collection:
        """Return it without the bytes of its elements."""
        oids = {element.name: blob(element.data).oid for element in self.elements}
        return Collection(self.category, self.type, self.mime, self.extension, oids, self.length, self.encryption)


Held: TypeAlias = Value | Sealed | Elements | Counter | Redirect


@dataclass(frozen=True, slots=True)
class Exported:
    """A key and all that makes it: the key itself where it is stored, its id elsewhere; what it holds; its expiry id."""

    key: KeyId | Value | Sealed = field(repr=False)
    held: Held = field(repr=False)
    expiry: int | None = None


def encode_header(header: Header) -> bytes:
    """Return the first line, without its line feed."""
    members: dict[str, JsonValue] = {"category": _HERE, "layout": LAYOUT, "version": FORMAT_VERSION}
    if header.mark is not None:
        members["encryption"] = {"check": header.mark.check, "kid": header.mark.kid}
    if header.sealed:
        members["sealed"] = True
    return encode(members)


def decode_header(line: bytes) -> Header:
    """Read the first line. Raises ExportError."""
    members = _object(line)
    if members.get("category") != _HERE:
        raise ExportError("it is not the first line of an export")
    for name, known in (("layout", LAYOUT), ("version", FORMAT_VERSION)):
        number = members.pop(name, None)
        if type(number) is not int or number != known:
            later = " a later" if type(number) is int and number > known else " another"
            raise ExportError(f"it is of{later} {name} than this software reads, which is {known}")
    del members["category"]
    mark = _mark(members.pop("encryption")) if "encryption" in members else None
    sealed = mark is not None and "sealed" in members and _taken(members, "sealed", bool)
    _refuse_more(members)
    return Header(mark, sealed)


def encode_exported(record: Exported) -> bytes:
    """Return the line of a key, without its line feed: always the same for the same key."""
    key: dict[str, JsonValue] = {"id": record.key} if isinstance(record.key, str) else {"key": _typed_members(record.key)}
    return encode({**key, **_expiry_members(record.expiry), **_held_members(record.held)})


def decode_exported(line: bytes) -> Exported:
    """Read the line of a key. Values are taken as people write them, and members in any order. Raises ExportError."""
    members = _object(line)
    try:
        record = Exported(_key(members), _held(members), _expiry(members))
    except MalformedRecordError as exc:
        raise ExportError(exc.reason) from exc
    except ValueError as exc:
        raise ExportError(str(exc)) from exc
    if isinstance(record.held, Redirect) and record.expiry is not None:
        raise ExportError("it is a redirect, which does not expire")
    _refuse_more(members)
    return record


def is_end(line: bytes) -> bool:
    """Return whether a line is the last one, however it is written. Raises ExportError for a line that is no JSON object."""
    return line == END or (len(line) <= _LONGEST_END and _object(line) == _LAST)


def _object(line: bytes) -> Metadata:
    try:
        members = decode(line.decode())
    except UnicodeDecodeError as exc:
        raise ExportError("it is not UTF-8") from exc
    except JsonError as exc:
        raise ExportError(str(exc)) from exc
    if not isinstance(members, dict):
        raise ExportError("it is not a JSON object")
    return members


def _refuse_more(members: Metadata) -> None:
    if members:
        raise ExportError("it has a member that does not belong there")


def _taken(members: Metadata, name: str, kind: type[T]) -> T:
    """Take a member out of an object. Raises ExportError if it is missing, or of another type."""
    value: object = members.pop(name, _MISSING)
    if value is _MISSING:
        raise ExportError(f"its member '{name}' is missing")
    if type(value) is not kind:
        raise ExportError(f"its member '{name}' is not of the type that it must have")
    return value


def _text(members: Metadata, name: str) -> str:
    return _taken(members, name, str)


def _mark(encryption: JsonValue) -> Mark:
    """Read the mark of a database as its anchor has it."""
    anchor = message_only(encode_line({"category": "anchor", "encryption": encryption}) + b"\n")
    try:
        mark = decode_anchor(anchor).mark
    except MalformedRecordError as exc:
        raise ExportError("what it says of its encryption is not what this format says") from exc
    assert mark is not None
    return mark


def _expiry_members(expiry: int | None) -> dict[str, JsonValue]:
    return {} if expiry is None else {"expiresAt": iso_utc(expiry)}


def _expiry(members: Metadata) -> int | None:
    if "expiresAt" not in members:
        return None
    text = _text(members, "expiresAt")
    try:
        expiry = seconds_at(text)
    except ValueError:
        expiry = 0
    if not 0 < expiry <= MAX_SECONDS or iso_utc(expiry) != text:
        raise ExportError("its member 'expiresAt' is not a time such as 2027-01-31T12:00:00Z")
    return expiry


def _content_members(kind: ValueType, data: bytes, encryption: Encryption | None) -> dict[str, JsonValue]:
    """Return the member that holds the bytes of a value: as text where they are one."""
    if encryption is None and kind not in BINARY:
        return {"value": data.decode()}
    return {"base64": base64.b64encode(data).decode("ascii")}


def _content(members: Metadata, kind: ValueType, encryption: Encryption | None) -> bytes:
    if encryption is None and kind not in BINARY:
        try:
            return parse_value(kind, _text(members, "value")).data
        except UnicodeEncodeError as exc:
            raise ExportError("its value has a lone surrogate, which UTF-8 cannot hold") from exc
        except ValueError as exc:
            raise ExportError(f"its value {exc}") from exc
    text = _text(members, "base64")
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if base64.b64encode(data).decode("ascii") != text:
        raise ExportError("its member 'base64' is not base64")
    return data


def _shape_members(shape: Value | Sealed | Elements) -> dict[str, JsonValue]:
    """Return the members that say of which type something is, and how it is encrypted; of a Blob also its media type."""
    encryption = None if isinstance(shape, Value) else shape.encryption
    members: dict[str, JsonValue] = {"type": shape.type}
    if shape.type == "Blob":
        members |= {"mime": shape.mime, "extension": shape.extension}
    return members | {name: value for name, value in encryption_members(encryption).items() if name == "encryption"}


def _shape(members: Metadata, algo: Algorithm) -> tuple[ValueType, str, str, Encryption | None]:
    text = _text(members, "type")
    kind = next((kind for kind in VALUE_TYPES if kind == text), None)
    if kind is None:
        raise ExportError("its type is unknown")
    mime, extension = USUAL_MEDIA.get(kind) or (_text(members, "mime"), _text(members, "extension"))
    encryption = None
    if "encryption" in members:
        encryption = read_encryption({"encrypted": True, "encryption": members.pop("encryption")}, _HERE)
        if encryption is not None and encryption.algo != algo:
            raise ExportError("it is encrypted by an algorithm that is for something else")
    return kind, mime, extension, encryption


def _typed_members(value: Value | Sealed) -> dict[str, JsonValue]:
    encryption = None if isinstance(value, Value) else value.encryption
    return {**_shape_members(value), **_content_members(value.type, value.data, encryption)}


def _typed(members: Metadata, algo: Algorithm) -> Value | Sealed:
    kind, mime, extension, encryption = _shape(members, algo)
    return typed_value(kind, _content(members, kind, encryption), mime, extension, encryption, _HERE)


def _key(members: Metadata) -> KeyId | Value | Sealed:
    if ("id" in members) is ("key" in members):
        raise ExportError("it must have either a key or its id")
    if "id" in members:
        text = _text(members, "id")
        if not is_oid(text):
            raise ExportError("its member 'id' is no key id")
        return KeyId(text)
    of_key: Metadata = _taken(members, "key", dict)
    key = _typed(of_key, "AES-SIV")
    _refuse_more(of_key)
    return key


def _held_members(held: Held) -> dict[str, JsonValue]:
    match held:
        case Value() | Sealed():
            return {"category": "data", **_typed_members(held)}
        case Redirect():
            return {"category": "redirect", "repository": held.repository, "shardLength": held.shard_length}
        case Counter():
            return {name: member for name, member in decode_message(encode_counter(held)).items() if name != "version"}
    length: dict[str, JsonValue] = {"length": held.length} if held.category == "array" else {}
    return {"category": held.category, **length, **_shape_members(held), "elements": _listed(held)}


def _listed(held: Elements) -> list[JsonValue]:
    listed: list[JsonValue] = []
    for element in held.elements:
        name: dict[str, JsonValue] = {"index": int(element.name)} if held.category == "array" else {"field": element.name}
        content = _content_members(held.type, element.data, held.encryption)
        listed.append({**name, **content, **_expiry_members(element.expiry)})
    return listed


def _held(members: Metadata) -> Held:
    category = _text(members, "category")
    if category not in _HELD:
        raise ExportError("it is of no category that a key can hold")
    return _HELD[category](members)


def _data(members: Metadata) -> Held:
    return _typed(members, "A256GCM")


def _counter(members: Metadata) -> Held:
    own: Metadata = {name: members.pop(name) for name in ("op", "recent", "seq", "setAt", "value") if name in members}
    return decode_counter(message_only(encode_line({"category": "counter", **own}) + b"\n"))


def _redirect(members: Metadata) -> Held:
    try:
        return Redirect(_text(members, "repository"), _taken(members, "shardLength", int))
    except ValueError as exc:
        raise ExportError(f"its target {exc}") from exc


def _map(members: Metadata) -> Held:
    return _elements(members, "map", 0)


def _array(members: Metadata) -> Held:
    return _elements(members, "array", _taken(members, "length", int))


def _elements(members: Metadata, category: CollectionCategory, length: int) -> Elements:
    kind, mime, extension, encryption = _shape(members, "A256GCM")
    elements: dict[str, Element] = {}
    for listed in _taken(members, "elements", list):
        element = _element(listed, category, kind, encryption)
        if element.name in elements:
            raise ExportError("it has the same element twice")
        typed_value(kind, element.data, mime, extension, encryption, _HERE)
        elements[element.name] = element
    held = Elements(category, kind, mime, extension, in_order(category, elements.values()), length, encryption)
    encode_collection(held.collection())
    return held


def in_order(category: CollectionCategory, elements: Iterable[Element]) -> tuple[Element, ...]:
    """Return elements in the order in which an export has them: of a map by name, of an array by index."""
    place: Callable[[Element], str | int] = _index if category == "array" else _name
    return tuple(sorted(elements, key=place))


def _name(element: Element) -> str:
    return element.name


def _index(element: Element) -> int:
    return int(element.name)


def _element(listed: JsonValue, category: str, kind: ValueType, encryption: Encryption | None) -> Element:
    if not isinstance(listed, dict):
        raise ExportError("one of its elements is not a JSON object")
    members = dict(listed)
    name = str(_taken(members, "index", int)) if category == "array" else _text(members, "field")
    element = Element(name, _content(members, kind, encryption), _expiry(members))
    _refuse_more(members)
    return element


_HELD: Mapping[str, Callable[[Metadata], Held]] = {
    "data": _data,
    "counter": _counter,
    "map": _map,
    "array": _array,
    "redirect": _redirect,
}
