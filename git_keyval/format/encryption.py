"""Encryption: from values, keys and element keys to their stored forms, and back (docs/format.md, "Encryption").

Values and elements are encrypted with AES-256 in GCM, under a nonce that the caller chooses; keys and element keys with AES-SIV,
which always makes the same bytes of the same text. The bytes are bound to the slot (the key, the element) and the type, so they can
be opened there only.

This module is needed only with an encryption key: cryptography is slow to import.
"""

import hmac
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from git_keyval.errors import MissingEncryptionKeyError, TamperedError, WrongEncryptionKeyError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.elements import element_key_bytes
from git_keyval.format.metadata import encode_line
from git_keyval.format.names import KeyId
from git_keyval.format.records import typed_value
from git_keyval.format.sealed import CHECK_BYTES, LAYOUT, NONCE_BYTES, Algorithm, Encryption, Sealed, read_sealed_name, sealed_name
from git_keyval.format.values import Value
from git_keyval.light_dataclasses import dataclass, field

MAX_ELEMENT_KEY_BYTES = 175
"""How long an element key may be in UTF-8: with what AES-SIV adds, in base64, it is as long as the name of a file may be."""

_GCM: Algorithm = "A256GCM"
_SIV: Algorithm = "AES-SIV"
_GCM_BYTES, _SIV_BYTES, _OP_BYTES = 32, 64, 32
_OP_HALF_BYTES = 10
_TAMPERED = "it was changed, or moved there from elsewhere, by somebody without the key"


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A named encryption key, with all that is derived from it."""

    kid: str
    check: bytes
    gcm: AESGCM = field(repr=False)
    siv: AESSIV = field(repr=False)
    op: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value is stored: under which key; in a map or an array, under which element key, as it is stored."""

    key_id: KeyId
    category: str = "data"
    element: str | None = None


def derive_key(kid: str, secret: bytes) -> EncryptionKey:
    """Derive from a key of 32 bytes one key for each algorithm, and the value that distinguishes it from other keys."""
    return EncryptionKey(
        kid,
        _derived(secret, "check", CHECK_BYTES),
        AESGCM(_derived(secret, _GCM, _GCM_BYTES)),
        AESSIV(_derived(secret, _SIV, _SIV_BYTES)),
        _derived(secret, "op", _OP_BYTES),
    )


def encryption_of(key: EncryptionKey) -> Encryption:
    """Return the metadata of values and elements that are encrypted with a key."""
    return Encryption(_GCM, key.kid)


def seal_value(key: EncryptionKey, nonce: bytes, value: Value, slot: Slot) -> Sealed:
    """Encrypt a value or an element for its slot. The nonce (12 bytes) must be a new one each time."""
    assert len(nonce) == NONCE_BYTES
    body = nonce + key.gcm.encrypt(nonce, value.data, _associated_data(value, slot))
    return Sealed(value.type, LAYOUT + key.check + body, value.mime, value.extension, encryption_of(key))


def open_value(keys: Sequence[EncryptionKey], sealed: Sealed, slot: Slot, where: str) -> Value:
    """Decrypt a value or an element that was read in its slot, with the one of the keys that encrypted it.

    Raises MissingEncryptionKeyError or WrongEncryptionKeyError if none of them did, and TamperedError if it was changed, or
    encrypted for another slot.
    """
    nonce, ciphertext = sealed.body[:NONCE_BYTES], sealed.body[NONCE_BYTES:]
    return _opened(_GCM, keys, sealed, where, lambda key: key.gcm.decrypt(nonce, ciphertext, _associated_data(sealed, slot)))


def seal_key(key: EncryptionKey, value: Value) -> Sealed:
    """Encrypt a key of the database: always to the same, so that its key id stays what it is."""
    body = key.siv.encrypt(value.data, [_associated_data(value, None)])
    return Sealed(value.type, LAYOUT + key.check + body, value.mime, value.extension, Encryption(_SIV, key.kid))


def open_key(keys: Sequence[EncryptionKey], sealed: Sealed, where: str) -> Value:
    """Decrypt a key of the database. Raises as open_value."""
    return _opened(_SIV, keys, sealed, where, lambda key: key.siv.decrypt(sealed.body, [_associated_data(sealed, None)]))


def seal_name(key: EncryptionKey, key_id: KeyId, name: str) -> str:
    """Encrypt an element key, always to the same text within this map. Raises ValueError with the reason if it cannot be one."""
    data = element_key_bytes(name)
    if len(data) > MAX_ELEMENT_KEY_BYTES:
        raise ValueError(f"has {len(data)} bytes, more than the {MAX_ELEMENT_KEY_BYTES} that an encrypted one may have")
    return sealed_name(key.siv.encrypt(data, [_associated_data_of_name(key_id)]))


def open_name(key: EncryptionKey, key_id: KeyId, stored: str, where: str) -> str:
    """Decrypt an element key of a map. Raises TamperedError."""
    try:
        return key.siv.decrypt(read_sealed_name(stored), [_associated_data_of_name(key_id)]).decode()
    except (InvalidTag, ValueError) as exc:
        raise TamperedError(where, _TAMPERED) from exc


def seal_op(key: EncryptionKey, key_id: KeyId, op: str) -> str:
    """Return the recorded form of an operation id at a key, always the same: 40 hexadecimal digits that only the key can make.

    The first half hides the operation id, the second one proves that the first was made with the key.
    """
    hidden = _op_half(key, "op", key_id, op)
    return hidden + _op_half(key, "proof", key_id, hidden)


def is_sealed_op(key: EncryptionKey, key_id: KeyId, op: str) -> bool:
    """Return whether an operation id was made with the key, for this key id."""
    hidden, proof = op[: 2 * _OP_HALF_BYTES], op[2 * _OP_HALF_BYTES :]
    return hmac.compare_digest(proof, _op_half(key, "proof", key_id, hidden))


def _op_half(key: EncryptionKey, purpose: str, key_id: KeyId, text: str) -> str:
    return hmac.digest(key.op, f"{purpose}\n{key_id}\n{text}".encode(), "sha256")[:_OP_HALF_BYTES].hex()


def _derived(secret: bytes, purpose: str, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=f"git-keyval 2 {purpose}".encode()).derive(secret)


def _associated_data(value: Value | Sealed, slot: Slot | None) -> bytes:
    """Return the associated data: a metadata line without the oid of the blob, and with the slot."""
    members: dict[str, JsonValue] = {
        "category": "data" if slot is None else slot.category,
        "extension": value.extension,
        "mime": value.mime,
        "type": value.type,
    }
    if slot is not None:
        members["key"] = slot.key_id
        if slot.element is not None:
            members["element"] = slot.element
    return encode_line(members)


def _associated_data_of_name(key_id: KeyId) -> bytes:
    return encode_line({"category": "map", "key": key_id})


def _key_of(keys: Sequence[EncryptionKey], sealed: Sealed) -> EncryptionKey:
    """Return the key whose check value is the one that was stored."""
    for key in keys:
        if key.check == sealed.check:
            return key
    kid = sealed.encryption.kid
    if any(key.kid == kid for key in keys):
        raise WrongEncryptionKeyError(kid)
    raise MissingEncryptionKeyError(kid)


def _opened(
    algo: Algorithm, keys: Sequence[EncryptionKey], sealed: Sealed, where: str, decrypt: Callable[[EncryptionKey], bytes]
) -> Value:
    if sealed.encryption.algo != algo:
        raise TamperedError(where, _TAMPERED)
    try:
        data = decrypt(_key_of(keys, sealed))
    except InvalidTag as exc:
        raise TamperedError(where, _TAMPERED) from exc
    value = typed_value(sealed.type, data, sealed.mime, sealed.extension, None, where)
    assert isinstance(value, Value)
    return value
