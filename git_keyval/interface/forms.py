"""The forms of inputs: how a text becomes a value. What a form does not accept raises ValueError, with the reason."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from git_keyval.format import canonical
from git_keyval.format.canonical import JsonValue
from git_keyval.format.elements import encode_element_key
from git_keyval.format.names import BreadcrumbRef, GcRef, KeyId, RecordRef, RefName, naming_of, parse
from git_keyval.format.objects import Oid, is_oid
from git_keyval.format.redirects import is_repository_name
from git_keyval.format.sealed import SECRET_BYTES, is_kid
from git_keyval.format.times import Micros, parse_duration
from git_keyval.format.values import as_text, parse_value
from git_keyval.light_dataclasses import dataclass, field

if TYPE_CHECKING:
    from decimal import Decimal

NO_REDIRECT = "none"
"""What ``redirect-to`` says to take a redirect away."""

MAX_INLINE_BYTES = 100 * 1024
"""What ``value`` may hold: a little less than a runner can hand to a container. Larger values come in a file."""

MAX_OWNER_CHARACTERS = 1_000

YEAR = 366 * 86_400
"""In seconds."""

_INTEGER = re.compile(r"-?[0-9]{1,20}")
# https://www.rfc-editor.org/rfc/rfc3339#section-5.6, without leap seconds: none is announced for any time to come.
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:\.[0-9]{1,6}(?P<finer>[0-9]*))?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_LINE_END = re.compile(r"\r?\n")
_SPACE = " \t"
_JSON_SPACE = " \t\r\n"


class WordMap(dict[str, JsonValue]):
    """Members that were typed as words: each is text that is read as what its map holds, as a single value is."""


class WordList(list[JsonValue]):
    """The same for the elements of an array."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """Some words, as they are."""

    words: tuple[str, ...]

    def __call__(self, text: str) -> str:
        """Return the word."""
        if text not in self.words:
            raise ValueError(text)
        return text

    def __str__(self) -> str:
        return " or ".join(part for part in (", ".join(self.words[:-1]), self.words[-1]) if part)


@dataclass(frozen=True, slots=True)
class SomeOf:
    """One or several of some words."""

    words: tuple[str, ...]

    def __call__(self, text: str) -> list[str]:
        """Return the words, at least one."""
        if not (listed := names(text)):
            raise ValueError(text)
        return [OneOf(self.words)(word) for word in listed]

    def __str__(self) -> str:
        return f"{OneOf(self.words)}, or several of them as a JSON list or one a line"


@dataclass(frozen=True, slots=True)
class Flag:
    """Whether something is so."""

    def __call__(self, text: str) -> bool:
        """Return what is meant."""
        return OneOf(("true", "false"))(text) == "true"

    def __str__(self) -> str:
        return "true or false"


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """Decimal numbers from ``lowest`` to ``highest``, without those ``excluded``."""

    lowest: int
    highest: int
    excluded: tuple[int, ...] = ()

    def __call__(self, text: str) -> int:
        """Return the number."""
        if _INTEGER.fullmatch(text) is None or not self.lowest <= int(text) <= self.highest or int(text) in self.excluded:
            raise ValueError(text)
        return int(text)

    def __str__(self) -> str:
        return f"a whole number from {self.lowest} to {self.highest}"


@dataclass(frozen=True, slots=True)
class Duration:
    """Durations between two bounds in seconds, both included."""

    shortest: int
    longest: int

    def __call__(self, text: str) -> int:
        """Return the seconds."""
        seconds = parse_duration(text)
        if not self.shortest <= seconds <= self.longest:
            raise ValueError(text)
        return seconds

    def __str__(self) -> str:
        return "a duration such as 90s, 15m, 12h, 30d, 2w or PT15M"


@dataclass(frozen=True, slots=True)
class OwnerAndName:
    """The name of a repository on GitHub."""

    pattern: str = "[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+"

    def __call__(self, text: str) -> str:
        """Return the name."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError(text)
        return text


def lines_of(text: str) -> list[str]:
    """Return the lines of a text without their ends, LF or CR LF. Other line separators of Unicode are part of a line."""
    return _LINE_END.split(text)


def token(text: str) -> str:
    """Return a token, which goes into a header."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("is not a token: it has characters that none has")
    return text


def inline(text: str) -> str:
    """Return a value that is not too long to be given."""
    if len(text.encode()) > MAX_INLINE_BYTES:
        raise ValueError("is longer than 100 KiB: put the value into a file and give `value-file`")
    return text


def owner(text: str) -> str:
    """Return the owner of a lock."""
    if len(text) > MAX_OWNER_CHARACTERS:
        raise ValueError(f"is longer than {MAX_OWNER_CHARACTERS} characters")
    return text


def moment(text: str) -> Micros:
    """Read a time of RFC 3339, as a whole number of microseconds that is not before it."""
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError(text)
    from dateutil.parser import isoparse  # noqa: PLC0415  # slow to import, and few commands are given a time

    since_epoch = isoparse(text.upper()) - datetime(1970, 1, 1, tzinfo=UTC)
    finer = bool((found["finer"] or "").strip("0"))
    return Micros(since_epoch // timedelta(microseconds=1) + finer)


def oid(text: str) -> Oid:
    """Return an oid."""
    if not is_oid(text):
        raise ValueError(text)
    return Oid(text)


class KeyRef(NamedTuple):
    """A key by its id. ``shard_length`` is that of the ref by which it was named, None of the id itself."""

    key_id: KeyId
    shard_length: int | None = None


def key_ref(text: str) -> KeyRef:
    """Read a ref of a key's own, with or without ``refs/heads/``, or a key id.

    What belongs to a part of a key only is refused: who sees it in a report and deletes by it does not mean the whole key.
    """
    if is_oid(text):
        return KeyRef(KeyId(text))
    name = RefName(text if text.startswith("refs/") else f"refs/heads/{text}")
    match parse(name):
        case RecordRef(_, key_id, None):
            return KeyRef(key_id, naming_of(name).shard_length)
        case RecordRef(_, key_id) | BreadcrumbRef(key_id) | GcRef(key_id):
            raise ValueError(f"is not a branch of a key, but of something that belongs to the key with the id {key_id}")
    raise ValueError("is not a ref of a key")


def kid(text: str) -> str:
    """Return the name of an encryption key."""
    if not is_kid(text):
        raise ValueError(text)
    return text


def names(text: str) -> list[str]:
    """Read a JSON list, or one name a line."""
    if not text.lstrip(_JSON_SPACE).startswith("["):
        return [line for line in lines_of(text) if line]
    listed = canonical.decode(text)
    read = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    if read != listed:
        raise ValueError("has an entry that is not a string")
    return read


def redirect_target(text: str) -> str:
    """Return where a key lives: a repository, which may have a place for digits in its name, or NO_REDIRECT."""
    if text != NO_REDIRECT and not is_repository_name(text.replace("{shard}", "0")):
        raise ValueError(text)
    return text


def repository_patterns(text: str) -> list[str]:
    """Read names of repositories, of all repositories of an owner, or of all."""
    patterns = names(text)
    for pattern in patterns:
        owner_, _, name = pattern.partition("/")
        if pattern != "*" and not is_repository_name(f"{owner_}/{'any' if name == '*' else name}"):
            raise ValueError(pattern)
    return patterns


def field_name(text: str) -> str:
    """Return the name of a field of a map."""
    encode_element_key(text)
    return text


def variable(text: str) -> str:
    """Return the name of an environment variable."""
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError(text)
    return text


def number(text: str) -> "Decimal":
    """Read a number as JSON writes it."""
    from decimal import Decimal  # noqa: PLC0415  # few inputs are numbers that may have a fraction

    return Decimal(as_text(parse_value("Number", text)))


def commands(text: str) -> list[dict[str, str]]:
    """Read the commands of a batch."""
    from git_keyval.interface.batches import read_batch  # noqa: PLC0415  # YAML is slow to import, and few steps have any

    return read_batch(text)


def field_names(text: str) -> list[str]:
    """Read the names of fields, at least one."""
    listed = [field_name(name) for name in names(text)]
    if not listed:
        raise ValueError("is an empty list")
    return listed


def members(text: str) -> dict[str, JsonValue] | list[JsonValue]:
    """Read a JSON object or list with at least one member."""
    read = canonical.decode(text)
    if not isinstance(read, dict | list) or not read:
        raise ValueError("is not a JSON object, or for apush a list, with at least one member")
    return read


@dataclass(frozen=True, slots=True)
class EncryptionKeys:
    """Encryption keys in the order given, each with its name; that of a key alone may be missing (empty)."""

    named: tuple[tuple[str, bytes], ...] = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names."""
        return tuple(name for name, _ in self.named)

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the keys as they were given, to be hidden in logs."""
        return tuple(base64.b64encode(secret).decode() for _, secret in self.named)


def encryption_keys(text: str) -> EncryptionKeys:
    """Read one key, or several with a name each, one a line; what is around a name or a key is white space at most."""
    named: dict[str, bytes] = {}
    lines = [line.strip(_SPACE) for line in lines_of(text) if line.strip(_SPACE)]
    for number, line in enumerate(lines, start=1):
        name, separator, encoded = line.rpartition(":")
        name, place = name.rstrip(_SPACE), f"in line {number} " if len(lines) > 1 else ""
        if (separator or len(lines) > 1) and not is_kid(name):
            raise ValueError(f"has {place}no name of a key before a colon (1 to 64 of A-Z a-z 0-9 . _ -)")
        if name in named:
            raise ValueError(f"has {place}the name of an earlier key")
        named[name] = _secret(encoded.lstrip(_SPACE), place)
    if not named:
        raise ValueError("has no key in it")
    return EncryptionKeys(tuple(named.items()))


def _secret(encoded: str, place: str) -> bytes:
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    # Only one spelling, so that all of them can be hidden in a log.
    if len(secret) != SECRET_BYTES or base64.b64encode(secret).decode() != encoded:
        raise ValueError(f"has {place}no key of {SECRET_BYTES} bytes in base64")
    return secret
