"""The inputs: what each accepts, and how its text becomes a value."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from git_keyval.errors import InputError
from git_keyval.format import canonical
from git_keyval.format.canonical import MAX_SAFE_INTEGER, JsonValue
from git_keyval.format.counters import INT64_MAX, INT64_MIN
from git_keyval.format.elements import MAX_NAME_BYTES, encode_element_key
from git_keyval.format.names import MAX_SHARD_LENGTH
from git_keyval.format.objects import Oid, is_oid
from git_keyval.format.redirects import is_repository_name
from git_keyval.format.sealed import SECRET_BYTES, is_kid
from git_keyval.format.times import Micros, parse_duration
from git_keyval.interface.lines import lines_of

MAX_INLINE_BYTES = 100 * 1024
"""What ``value`` may hold: a little less than a runner can hand to a container. Larger values come in a file."""

MAX_REPOSITORY_DIGITS = 3
"""How many digits of the key id may choose a repository: more would be more repositories than anybody keeps."""

NO_REDIRECT = "none"
"""What ``redirect-to`` says to take a redirect away."""

REQUIRED = "required"
"""What ``encryption`` says."""

MAX_OWNER_CHARACTERS = 1_000

_INTEGER = re.compile(r"-?[0-9]{1,20}")
# https://www.rfc-editor.org/rfc/rfc3339#section-5.6, without leap seconds: none is announced for any time to come.
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:\.[0-9]{1,6}(?P<finer>[0-9]*))?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_YEAR = 366 * 86_400
_SPACE = " \t"
_JSON_SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Input:
    """One input. ``parse`` raises ValueError for what it does not accept; what was given is repeated in the error if ``shown``."""

    name: str
    description: str
    accepted: str
    parse: Callable[[str], object]
    default: str = ""
    shown: bool = True

    def read(self, text: str) -> object:
        """Parse a text. Raises InputError."""
        try:
            text.encode()
        except UnicodeEncodeError as exc:
            raise InputError(self.name, "is not valid UTF-8", self.accepted) from exc
        try:
            return self.parse(text)
        except (ValueError, OverflowError) as exc:
            raise InputError(self.name, self._problem(text, str(exc)), self.accepted) from exc

    def _problem(self, text: str, reason: str) -> str:
        if self.shown:
            shown = text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  # a line that stays readable
            return f"was given {shown!a}, which is not accepted"
        return reason if reason.startswith(("is ", "has ")) else f"has a value that is not accepted: {reason}"


def _text(text: str) -> str:
    return text


def _token(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("is not a token: it has characters that none has")
    return text


def _inline(text: str) -> str:
    if len(text.encode()) > MAX_INLINE_BYTES:
        raise ValueError("is longer than 100 KiB: put the value into a file and give 'value-file'")
    return text


@dataclass(frozen=True, slots=True)
class OneOf:
    """Accepts some words, as they are."""

    words: tuple[str, ...]

    def __call__(self, text: str) -> str:
        """Return the word. Raises ValueError."""
        if text not in self.words:
            raise ValueError(text)
        return text


@dataclass(frozen=True, slots=True)
class Flag:
    """Accepts ``true`` and ``false``."""

    def __call__(self, text: str) -> bool:
        """Return what is meant. Raises ValueError."""
        return OneOf(("true", "false"))(text) == "true"


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """Accepts decimal numbers from ``lowest`` to ``highest``, without those ``excluded``."""

    lowest: int
    highest: int
    excluded: tuple[int, ...] = ()

    def __call__(self, text: str) -> int:
        """Return the number. Raises ValueError."""
        if _INTEGER.fullmatch(text) is None or not self.lowest <= int(text) <= self.highest or int(text) in self.excluded:
            raise ValueError(text)
        return int(text)


@dataclass(frozen=True, slots=True)
class Duration:
    """Accepts durations between two bounds in seconds, both included."""

    shortest: int
    longest: int

    def __call__(self, text: str) -> int:
        """Return the seconds. Raises ValueError."""
        seconds = parse_duration(text)
        if not self.shortest <= seconds <= self.longest:
            raise ValueError(text)
        return seconds


@dataclass(frozen=True, slots=True)
class OwnerAndName:
    """Accepts the name of a repository on GitHub."""

    pattern: str = "[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+"

    def __call__(self, text: str) -> str:
        """Return the name. Raises ValueError."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError(text)
        return text


def _owner(text: str) -> str:
    if len(text) > MAX_OWNER_CHARACTERS:
        raise ValueError(f"is longer than {MAX_OWNER_CHARACTERS} characters")
    return text


def _moment(text: str) -> Micros:
    """Read a time of RFC 3339, as a whole number of microseconds that is not before it. Raises ValueError."""
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError(text)
    from dateutil.parser import isoparse  # noqa: PLC0415  # slow to import, and few commands are given a time

    since_epoch = isoparse(text.upper()) - datetime(1970, 1, 1, tzinfo=UTC)
    finer = bool((found["finer"] or "").strip("0"))
    return Micros(since_epoch // timedelta(microseconds=1) + finer)


def _oid(text: str) -> Oid:
    if not is_oid(text):
        raise ValueError(text)
    return Oid(text)


def _names(text: str) -> list[JsonValue]:
    """Read a JSON list, or one name a line."""
    if not text.lstrip(_JSON_SPACE).startswith("["):
        return [line for line in lines_of(text) if line]
    listed = canonical.decode(text)
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise ValueError("has an entry that is not a string")
    return listed


def _redirect_target(text: str) -> str:
    if text != NO_REDIRECT and not is_repository_name(text.replace("{shard}", "0")):
        raise ValueError(text)
    return text


def _repository_patterns(text: str) -> list[JsonValue]:
    patterns = _names(text)
    for pattern in patterns:
        owner, _, name = str(pattern).partition("/")
        if pattern != "*" and not is_repository_name(f"{owner}/{'any' if name == '*' else name}"):
            raise ValueError(pattern)
    return patterns


def _field(text: str) -> str:
    encode_element_key(text)
    return text


def _fields(text: str) -> list[JsonValue]:
    names = _names(text)
    if not names:
        raise ValueError("is an empty list")
    for name in names:
        _field(str(name))
    return names


def _members(text: str) -> dict[str, JsonValue]:
    members = canonical.decode(text)
    if not isinstance(members, dict) or not members:
        raise ValueError("is not a JSON object with at least one member")
    return members


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


def _encryption_keys(text: str) -> EncryptionKeys:
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


def _kid(text: str) -> str:
    if not is_kid(text):
        raise ValueError(text)
    return text


_DURATION = "a duration such as 90s, 15m, 12h, 30d, 2w or PT15M"
_CENTURIES = 8000 * _YEAR
_FIELD_NAME = f"any text of up to {MAX_NAME_BYTES} bytes, where all but ASCII letters, digits and ._- take three"
_INDEX = WholeNumber(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)

INPUTS: dict[str, Input] = {
    item.name: item
    for item in (
        Input("command", "What to do.", "a command", _text, default="maintain"),
        Input(
            "repository",
            "The database: a git URL, a path, or owner/name on GitHub; with {shard} in it, one spread over many. In a workflow "
            "that names none, maintenance takes the repositories of the config file, and everything else the workflow's own.",
            "a URL, a path or owner/name",
            _text,
        ),
        Input(
            "token",
            "Sent to the server of the repository only, in a header.",
            "a token",
            _token,
            default="${{ github.token }}",
            shown=False,
        ),
        Input(
            "transport",
            "How a repository on GitHub is reached: by its API, by git, or by whichever takes fewer requests.",
            "auto, api or git",
            OneOf(("auto", "api", "git")),
            default="auto",
        ),
        Input("key", "The key; for the command keys, a pattern with *, ? and [...].", "any text", _text, shown=False),
        Input("keys", "Several keys.", "a JSON list of strings, or one key a line", _names, shown=False),
        Input(
            "key-type",
            "The type of the key, which is part of its identity.",
            "string, number, boolean, json or bytes (base64)",
            OneOf(("string", "number", "boolean", "json", "bytes")),
            default="string",
        ),
        Input("field", "The name of a field of a map.", _FIELD_NAME, _field, shown=False),
        Input("fields", "Several fields of a map.", "a JSON list of strings, or one field a line", _fields, shown=False),
        Input("index", "The place in an array, from 0; -1 is the last one.", "a whole number", _INDEX),
        Input("start", "The first index to read; -1 is the last one.", "a whole number", _INDEX, default="0"),
        Input("stop", "The last index to read; -1 is the last one.", "a whole number", _INDEX, default="-1"),
        Input(
            "value",
            "The value to store, up to 100 KiB; bytes and files as base64.",
            "text that fits the type",
            _inline,
            shown=False,
        ),
        Input("value-file", "A file that holds the value to store, up to 25 MB.", "the path of a file", _text, shown=False),
        Input(
            "values", "Several keys, or fields of a map, with their values, all or none.", "a JSON object", _members, shown=False
        ),
        Input(
            "type",
            "The type of the value. Unless given, mset takes it from the JSON, and elements take that of their map or array.",
            "string, number, boolean, json, bytes, file or counter",
            OneOf(("string", "number", "boolean", "json", "bytes", "file", "counter")),
            default="string",
        ),
        Input("ttl", "How long the key, or the element, lives from now on.", _DURATION, Duration(1, _CENTURIES)),
        Input(
            "expires-at",
            "When the key, or the element, stops existing.",
            "a time with its zone as RFC 3339 writes it, such as 2027-01-31T12:00:00Z",
            _moment,
        ),
        Input("keep-ttl", "Keep the expiry that the key, or the element, has.", "true or false", Flag(), default="false"),
        Input(
            "if", "Write only if the key, or the element, is absent, or present.", "absent or present", OneOf(("absent", "present"))
        ),
        Input(
            "if-version",
            "Write only over this version of the value.",
            "the output 'version' of an earlier step (40 hex digits)",
            _oid,
        ),
        Input(
            "by",
            "How much to add or subtract.",
            "a whole number of 64 bits, not 0",
            WholeNumber(INT64_MIN + 1, INT64_MAX, excluded=(0,)),
            default="1",
        ),
        Input(
            "op-id",
            "Makes the step repeatable: the same id counts once.",
            "any text; it reaches back 128 operations of that counter",
            _text,
            default="random",
            shown=False,
        ),
        Input(
            "contention",
            "What incr does when a rival is faster: wait for a number of its own, or leave a breadcrumb for the next gather.",
            "retry or breadcrumb",
            OneOf(("retry", "breadcrumb")),
            default="retry",
        ),
        Input("media-type", "The media type of a value of type file.", "a media type such as image/png", _text),
        Input("default", "The output 'value' if the key, or the element, does not exist.", "any text", _text, shown=False),
        Input(
            "on-missing", "Whether a missing key, or element, fails the step.", "ok or fail", OneOf(("ok", "fail")), default="ok"
        ),
        Input(
            "output-file",
            "Write the value to this file instead of the output 'value'.",
            "the path of a file",
            _text,
            shown=False,
        ),
        Input("mask", "Hide the value in the rest of the log.", "true or false", Flag(), default="false"),
        Input(
            "store-key",
            "Store the key itself, so that the command keys can list it by name.",
            "true or false",
            Flag(),
            default="false",
        ),
        Input(
            "shard-length",
            "How many digits of the key id name the directory of its refs; the same for all writers of a database.",
            f"a whole number from 1 to {MAX_SHARD_LENGTH}",
            WholeNumber(1, MAX_SHARD_LENGTH),
            default="2",
        ),
        Input(
            "repository-shard-length",
            "How many digits of the key id stand for {shard} in the name of a repository: a database over 16, 256 or 4096 of them.",
            f"a whole number from 1 to {MAX_REPOSITORY_DIGITS}; 'shard-length' must be greater",
            WholeNumber(1, MAX_REPOSITORY_DIGITS),
        ),
        Input(
            "redirect-to",
            "The repository where the key lives from now on, on the same server; none takes a redirect away.",
            "owner/name, which may have {shard}, or none",
            _redirect_target,
        ),
        Input(
            "redirect-shard-length",
            "The shard length of that repository, if it is not that of the database.",
            f"a whole number from 1 to {MAX_SHARD_LENGTH}",
            WholeNumber(1, MAX_SHARD_LENGTH),
        ),
        Input(
            "redirect-allow",
            "Repositories to which redirects are followed; by default those of the same owner.",
            "a JSON list, or one a line, of owner/name, owner/* or *",
            _repository_patterns,
        ),
        Input(
            "follow-writes",
            "Write to a redirected key where it lives, instead of refusing it.",
            "true or false",
            Flag(),
            default="false",
        ),
        Input(
            "expiry-granularity",
            "Expiry times are rounded up to multiples of this.",
            f"{_DURATION}, up to 366 days",
            Duration(1, _YEAR),
            default="60s",
        ),
        Input(
            "max-attempts",
            "How often a write that rivals deny is tried.",
            "a whole number from 1 to 1000",
            WholeNumber(1, 1000),
            default="20",
        ),
        Input(
            "encryption-key",
            "Encrypts keys and values. Of several, the first encrypts the names of keys and must stay the first; whatever any of "
            "them encrypted can be read.",
            "32 random bytes in base64, or several such keys, one a line, each as NAME: KEY",
            _encryption_keys,
            shown=False,
        ),
        Input(
            "encryption-kid",
            "The name of the encryption key that encrypts what is written; a key alone gets its name by it.",
            "1 to 64 of A-Z a-z 0-9 . _ -",
            _kid,
            default="the last one",
        ),
        Input(
            "encryption",
            "Fail where anything would be read or written in the clear: without a key, in an unmarked database, and for counters.",
            REQUIRED,
            OneOf((REQUIRED,)),
        ),
        Input(
            "owner",
            "Who takes the lock, or releases it: whoever gives the same text is the same owner. Others can read it.",
            f"text of 1 to {MAX_OWNER_CHARACTERS} characters",
            _owner,
            default="one of this step alone",
            shown=False,
        ),
        Input(
            "wait",
            "How long to wait for a lock that another owner holds.",
            _DURATION,
            Duration(0, _YEAR),
            default="0s",
        ),
        Input("dry-run", "Plan and report only.", "true or false", Flag(), default="false"),
        Input(
            "grace-period",
            "Breadcrumbs younger than this are left for the next gather.",
            _DURATION,
            Duration(0, _YEAR),
            default="2m",
        ),
        Input(
            "retention",
            "How long values removed by getdel stay parked.",
            _DURATION,
            Duration(0, 100 * _YEAR),
            default="7d",
        ),
        Input(
            "expiry-registry",
            "Where to look up, at a CDN and without a token, when keys expire whose expiry the repository does not give.",
            "the name of a public repository on github.com, owner/name",
            OwnerAndName(),
        ),
        Input(
            "horizon",
            "How far ahead publish-expiries fills an expiry registry; no key should live longer.",
            _DURATION,
            Duration(0, 100 * _YEAR),
            default="400d",
        ),
        Input("max-writes", "At most this many ref transactions.", "a whole number, 1 or more", WholeNumber(1, INT64_MAX)),
        Input(
            "max-seconds",
            "Begin no new batch, and wait for no rate limit, beyond this many seconds.",
            "a whole number, 1 or more",
            WholeNumber(1, _YEAR),
        ),
        Input(
            "config",
            "The config file of maintenance (docs/config.md); an input that is given beats what the file says. A workflow step "
            "that names none reads .github/git-keyval.yml if there is one.",
            "the path of a YAML file",
            _text,
        ),
    )
}
"""All inputs by name. ``default`` is what an input that is not given means, in the words of the docs."""
