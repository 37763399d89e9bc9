"""The cipher of a database with an encryption key. Imported only where there is one: cryptography is slow to import."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from git_keyval.database.ciphers import Cipher
from git_keyval.errors import KeyOrderError, MissingEncryptionKeyError, NotEncryptedError, UnmarkedError, WrongEncryptionKeyError
from git_keyval.format.anchors import Mark
from git_keyval.format.elements import Collection, CollectionCategory, decode_collection, element_value
from git_keyval.format.encryption import (
    EncryptionKey,
    Slot,
    encryption_of,
    is_sealed_op,
    open_key,
    open_name,
    open_value,
    seal_key,
    seal_name,
    seal_op,
    seal_value,
)
from git_keyval.format.names import KeyId
from git_keyval.format.objects import GitObject, Oid, blob
from git_keyval.format.records import Record, decode_data, encode_data
from git_keyval.format.sealed import Encryption, Sealed
from git_keyval.format.values import Value
from git_keyval.light_dataclasses import dataclass, field

_PLAIN_VALUE = "it is not encrypted, although an encryption key was given; so somebody without the key wrote it"

_FOREIGN_COUNTER = "it is a counter of which no operation was made with the encryption key"
_REQUIRED = "it is a counter, whose number is not encrypted, although encryption is required"


@dataclass(frozen=True, slots=True)
class Encrypting(Cipher):
    """Encrypts with one of several keys, and reads what any of them encrypted.

    The first of them encrypts keys and element keys, ``kid`` names the one for values and elements. ``new_nonce`` gives 12 random
    bytes. Where encryption is ``required``, no counter is read, and no database that is not marked as encrypted.
    """

    keys: Sequence[EncryptionKey] = field(repr=False)
    kid: str
    new_nonce: Callable[[], bytes] = field(repr=False)
    required: bool = False

    @property
    def mark(self) -> Mark:
        return Mark(self._naming.kid, self._naming.check.hex())

    def accept(self, mark: Mark | None) -> None:
        """Refuse a database whose keys are encrypted with any but the first of the keys."""
        if mark is None:
            if self.required:
                raise UnmarkedError
            return
        if mark.check == self._naming.check.hex():
            return
        if any(mark.check == key.check.hex() for key in self.keys):
            raise KeyOrderError(mark.kid)
        if any(mark.kid == key.kid for key in self.keys):
            raise WrongEncryptionKeyError(mark.kid)
        raise MissingEncryptionKeyError(mark.kid, is_first=True)

    def op(self, key_id: KeyId, op: str) -> str:
        return seal_op(self._naming, key_id, op)

    def accept_counter(self, key_id: KeyId, ops: Iterable[str]) -> None:
        """Refuse a counter of which no operation is ours: anybody may have put it in the place of a value."""
        if self.required:
            raise NotEncryptedError(key_id, _REQUIRED)
        if not any(is_sealed_op(self._naming, key_id, op) for op in ops):
            raise NotEncryptedError(key_id, _FOREIGN_COUNTER)

    @property
    def encryption(self) -> Encryption:
        return encryption_of(self._writing)

    @property
    def _naming(self) -> EncryptionKey:
        return self.keys[0]

    @property
    def _writing(self) -> EncryptionKey:
        return next(key for key in self.keys if key.kid == self.kid)

    def key(self, value: Value) -> Record:
        return encode_data(seal_key(self._naming, value))

    def read_key(self, record: GitObject, objects: Mapping[Oid, GitObject]) -> Value:
        """Read the record of a key. Raises KeyOrderError for one whose id another key would not find."""
        sealed = _encrypted(decode_data(record, objects), record.oid)
        value = open_key(self.keys, sealed, record.oid)
        if encode_data(seal_key(self._naming, value)).commit.oid != record.oid:
            raise KeyOrderError(sealed.encryption.kid)
        return value

    def data(self, key_id: KeyId, value: Value) -> Record:
        return encode_data(seal_value(self._writing, self.new_nonce(), value, Slot(key_id)))

    def read_data(self, key_id: KeyId, record: GitObject, objects: Mapping[Oid, GitObject]) -> Value:
        return open_value(self.keys, _encrypted(decode_data(record, objects), record.oid), Slot(key_id), record.oid)

    def read_collection(self, record: GitObject, objects: Mapping[Oid, GitObject]) -> Collection:
        collection = decode_collection(record, objects)
        if collection.encryption is None:
            raise NotEncryptedError(record.oid, _PLAIN_VALUE)
        return collection

    def element_name(self, key_id: KeyId, category: CollectionCategory, name: str) -> str:
        """Encrypt the element key of a map; an index stays as it is."""
        return seal_name(self._naming, key_id, name) if category == "map" else name

    def read_element_name(self, key_id: KeyId, category: CollectionCategory, stored: str) -> str:
        """Decrypt the element key of a map."""
        return open_name(self._naming, key_id, stored, key_id) if category == "map" else stored

    def element(self, key_id: KeyId, category: CollectionCategory, stored: str, value: Value) -> GitObject:
        return blob(seal_value(self._writing, self.new_nonce(), value, Slot(key_id, category, stored)).data)

    def read_element(self, key_id: KeyId, collection: Collection, stored: str, data: GitObject) -> Value:
        sealed = _encrypted(element_value(collection, data), data.oid)
        return open_value(self.keys, sealed, Slot(key_id, collection.category, stored), data.oid)


def _encrypted(value: Value | Sealed, where: str) -> Sealed:
    if isinstance(value, Value):
        raise NotEncryptedError(where, _PLAIN_VALUE)
    return value
