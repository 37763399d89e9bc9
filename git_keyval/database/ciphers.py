"""How keys, values and elements of a database are stored: plainly or, with an encryption key, encrypted."""

from collections.abc import Iterable, Mapping

from git_keyval.errors import MissingEncryptionKeyError
from git_keyval.format.anchors import Mark
from git_keyval.format.elements import Collection, CollectionCategory, decode_collection, element_value
from git_keyval.format.names import KeyId
from git_keyval.format.objects import GitObject, Oid, blob
from git_keyval.format.records import Record, decode_data, encode_data
from git_keyval.format.sealed import Encryption, Sealed
from git_keyval.format.values import Value


class Cipher:
    """Between what commands work with and what is stored. This one encrypts nothing.

    What reads raises MalformedRecordError, of which TamperedError and NotEncryptedError are kinds, and MissingEncryptionKeyError or
    WrongEncryptionKeyError for what was encrypted with a key that was not given.
    """

    __slots__ = ()

    required: bool = False
    """Whether nothing may be read or written in the clear."""

    @property
    def mark(self) -> Mark | None:
        """What tells a database whose keys this cipher encrypts from all others; None if it encrypts none."""
        return None

    def accept(self, mark: Mark | None) -> None:
        """Make sure that the keys of a database with this mark, or none, are encrypted as this cipher does.

        Raises MissingEncryptionKeyError, WrongEncryptionKeyError, KeyOrderError, and UnmarkedError where encryption is required.
        """
        if mark is not None:
            raise MissingEncryptionKeyError(mark.kid, is_first=True)

    @property
    def encryption(self) -> Encryption | None:
        """What a map or an array says of its encryption when it is written."""
        return None

    def op(self, key_id: KeyId, op: str) -> str:
        """Return what stands for an operation id at a key: always the same for the same."""
        return op

    def accept_counter(self, key_id: KeyId, ops: Iterable[str]) -> None:
        """Make sure that one of these operations of a counter was made by this cipher. Raises NotEncryptedError."""

    def key(self, value: Value) -> Record:
        """Return the record of a key: always the same, because its oid is the key id."""
        return encode_data(value)

    def read_key(self, record: GitObject, objects: Mapping[Oid, GitObject]) -> Value:
        """Return the key of a record."""
        return _plain(decode_data(record, objects))

    def data(self, key_id: KeyId, value: Value) -> Record:
        """Return a record of a key's value. If it is encrypted, it is another one each time."""
        return encode_data(value)

    def read_data(self, key_id: KeyId, record: GitObject, objects: Mapping[Oid, GitObject]) -> Value:
        """Return the value of a record."""
        return _plain(decode_data(record, objects))

    def read_collection(self, record: GitObject, objects: Mapping[Oid, GitObject]) -> Collection:
        """Return the map or array of a record, with its element keys as they are stored."""
        collection = decode_collection(record, objects)
        if collection.encryption is not None:
            raise MissingEncryptionKeyError(collection.encryption.kid)
        return collection

    def element_name(self, key_id: KeyId, category: CollectionCategory, name: str) -> str:
        """Return what stands for an element key in the tree and, hashed, in the name of its expiry.

        Raises ValueError with the reason for one that cannot be encrypted.
        """
        return name

    def read_element_name(self, key_id: KeyId, category: CollectionCategory, stored: str) -> str:
        """Return the element key that one in the tree stands for."""
        return stored

    def element(self, key_id: KeyId, category: CollectionCategory, stored: str, value: Value) -> GitObject:
        """Return the blob of an element, by its element key as it is stored."""
        return blob(value.data)

    def read_element(self, key_id: KeyId, collection: Collection, stored: str, data: GitObject) -> Value:
        """Return the element of a blob."""
        return _plain(element_value(collection, data))


PLAIN = Cipher()


def _plain(value: Value | Sealed) -> Value:
    if isinstance(value, Sealed):
        raise MissingEncryptionKeyError(value.encryption.kid)
    return value
