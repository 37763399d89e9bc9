"""An encrypted value without the key that opens it: its bytes, their layout, and its metadata.

Nothing here needs cryptography, so a repository can be maintained and checked without a key.
"""

import base64
import re
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from git_keyval.errors import MalformedRecordError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.metadata import Metadata
from git_keyval.format.values import ValueType, check_media
from git_keyval.light_dataclasses import dataclass, field

Algorithm: TypeAlias = Literal["A256GCM", "AES-SIV"]
"""How bytes are encrypted: values and elements by the first, keys by the second, which makes the same bytes of the same text."""

LAYOUT = b"\x01"
"""The first byte of what is encrypted: the version of the layout."""

SECRET_BYTES = 32
"""How long an encryption key is."""

CHECK_BYTES, NONCE_BYTES, TAG_BYTES = 8, 12, 16

_FIRST_BYTES = len(LAYOUT) + CHECK_BYTES
_LEAST: dict[Algorithm, int] = {"A256GCM": _FIRST_BYTES + NONCE_BYTES + TAG_BYTES, "AES-SIV": _FIRST_BYTES + TAG_BYTES}
_KID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Encryption:
    """How a record is encrypted, by its metadata: the algorithm, and the name of the key."""

    algo: Algorithm
    kid: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A typed value whose bytes are encrypted, as they are stored."""

    type: ValueType
    data: bytes = field(repr=False)
    mime: str
    extension: str
    encryption: Encryption

    @property
    def check(self) -> bytes:
        """The check value of the key that it was encrypted with."""
        return self.data[len(LAYOUT) : _FIRST_BYTES]

    @property
    def body(self) -> bytes:
        """What comes after the check value."""
        return self.data[_FIRST_BYTES:]


def is_kid(text: str) -> bool:
    """Return whether a text can be the name of an encryption key."""
    return _KID.fullmatch(text) is not None


def encryption_members(encryption: Encryption | None) -> dict[str, JsonValue]:
    """Return the members of metadata that are about encryption; none for a record that is not encrypted."""
    if encryption is None:
        return {}
    return {"encrypted": True, "encryption": {"algo": encryption.algo, "kid": encryption.kid}}


def read_encryption(members: Metadata, where: str) -> Encryption | None:
    """Read the members that are about encryption; None where there are none. Raises MalformedRecordError."""
    if "encrypted" not in members and "encryption" not in members:
        return None
    encryption = members.get("encryption")
    if members.get("encrypted") is not True or not isinstance(encryption, Mapping) or set(encryption) != {"algo", "kid"}:
        raise MalformedRecordError(where, "what it says of its encryption is not what this format says")
    kid = encryption["kid"]
    if not isinstance(kid, str) or not is_kid(kid):
        raise MalformedRecordError(where, "its encryption key has no valid name")
    for algo in get_args(Algorithm):
        if algo == encryption["algo"]:
            return Encryption(algo, kid)
    raise MalformedRecordError(where, "it is encrypted by an unknown algorithm")


def check_sealed(value: Sealed) -> None:
    """Refuse an encrypted value that no key can open (read from a repository). Raises ValueError with the reason."""
    check_media(value.type, value.mime, value.extension)
    if not value.data.startswith(LAYOUT):
        raise ValueError("its bytes are not encrypted, or in a later layout than this software knows")
    if len(value.data) < _LEAST[value.encryption.algo]:
        raise ValueError("its bytes are too short to be encrypted")


def sealed_name(data: bytes) -> str:
    """Write the encrypted element key of a map as text that is stored in its place: base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def read_sealed_name(name: str) -> bytes:
    """Read an encrypted element key of a map from its text. Raises ValueError with the reason."""
    try:
        data = base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_", validate=True)
    except ValueError:
        data = b""
    if sealed_name(data) != name or len(data) <= TAG_BYTES:
        raise ValueError("is not that of an encrypted element")
    return data
