"""A key of an export as it is stored, and the transaction that makes a key what it shall be."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from git_keyval.database.ciphers import Cipher
from git_keyval.format.counters import Counter, encode_counter
from git_keyval.format.elements import element_id, encode_collection
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.exported import Elements, Exported
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import KeyId, Naming, RefName
from git_keyval.format.objects import GitObject, Oid, blob
from git_keyval.format.records import encode_data
from git_keyval.format.redirects import Redirect, encode_redirect
from git_keyval.format.sealed import Sealed
from git_keyval.format.values import Value
from git_keyval.light_dataclasses import replace
from git_keyval.store.port import ABSENT, ANY, DELETE, RefUpdate, Transaction


class Placed(NamedTuple):
    """A key as it is stored: all of its refs, that of its value first, and the objects that they need."""

    key_id: KeyId
    refs: Mapping[RefName, Oid]
    objects: tuple[GitObject, ...]
    element_expiries: tuple[RefName, ...] = ()
    """The refs of the expiries of all of its elements, of those without one, too."""


class Seen(NamedTuple):
    """The refs that there are of a key, and whether it exists: it may have expired."""

    refs: Mapping[RefName, Oid]
    exists: bool = False


def placed(record: Exported, naming: Naming, cipher: Cipher) -> Placed:
    """Return a key as it is stored in a database of this cipher; what is encrypted stays as it is.

    Raises ValueError with the reason for the name of an element that cannot be encrypted.
    """
    of_key = _key_objects(record, cipher)
    key_id = record.key if isinstance(record.key, str) else KeyId(of_key[-1].oid)
    held = record.held
    names = _stored_names(held, key_id, cipher) if isinstance(held, Elements) else []
    expiries = [naming.element_expiry(key_id, element_id(name)) for name in names]
    endings = {naming.expiry(key_id): record.expiry}
    endings |= zip(expiries, [element.expiry for element in held.elements] if isinstance(held, Elements) else [], strict=True)
    commits = {name: encode_expiry(expiry) for name, expiry in endings.items() if expiry is not None}
    objects = _element_objects(held, names, key_id, cipher) if isinstance(held, Elements) else _value_objects(held, key_id, cipher)
    refs = {naming.value(key_id): objects[-1].oid, **{name: commit.oid for name, commit in commits.items()}}
    refs |= {naming.key(key_id): of_key[-1].oid} if of_key else {}
    ends = {commit.oid: commit for commit in commits.values()}
    return Placed(key_id, refs, (*DUMMY_OBJECTS, *of_key, *ends.values(), *objects), tuple(expiries))


def _key_objects(record: Exported, cipher: Cipher) -> tuple[GitObject, ...]:
    match record.key:
        case Value() as key:
            return cipher.key(key).objects
        case Sealed() as key:
            return encode_data(key).objects
    return ()


def _value_objects(held: Value | Sealed | Counter | Redirect, key_id: KeyId, cipher: Cipher) -> tuple[GitObject, ...]:
    match held:
        case Value():
            return cipher.data(key_id, held).objects
        case Sealed():
            return encode_data(held).objects
        case Counter():
            return (encode_counter(held),)
    return (encode_redirect(held),)


def _stored_names(held: Elements, key_id: KeyId, cipher: Cipher) -> list[str]:
    """Return the names of elements as they are stored."""
    if held.encryption is not None:
        return [element.name for element in held.elements]
    return [cipher.element_name(key_id, held.category, element.name) for element in held.elements]


def _element_objects(held: Elements, names: Sequence[str], key_id: KeyId, cipher: Cipher) -> tuple[GitObject, ...]:
    blobs: dict[str, GitObject] = {}
    for name, element in zip(names, held.elements, strict=True):
        value = Value(held.type, element.data, held.mime, held.extension)
        blobs[name] = blob(element.data) if held.encryption is not None else cipher.element(key_id, held.category, name, value)
    stored = replace(held.collection(), encryption=held.encryption or cipher.encryption)
    record = encode_collection(replace(stored, elements={name: data.oid for name, data in blobs.items()}))
    return (*blobs.values(), *record.objects)


def transaction_of(key: Placed, naming: Naming, seen: Seen) -> Transaction:
    """Return the transaction that makes a key what it shall be, and leaves nothing else of it: by the oids of the refs seen.

    The value moves first, as in every write. Where a rival may be giving an expiry to what is replaced, or to an element of it,
    that is deleted, whatever it is.
    """
    updates = {name: RefUpdate(name, seen.refs.get(name, ABSENT), oid) for name, oid in key.refs.items()}
    updates |= {name: RefUpdate(name, oid, DELETE) for name, oid in seen.refs.items() if name not in key.refs}
    endless = [naming.expiry(key.key_id), *(key.element_expiries if seen.exists else ())]
    updates |= {name: RefUpdate(name, ANY, DELETE) for name in endless if name not in updates}
    return Transaction(tuple(updates.values()), key.objects)
