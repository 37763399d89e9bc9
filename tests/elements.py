"""Maps and arrays of Strings, written and read as the format says, past all commands."""

from collections.abc import Mapping
from types import MappingProxyType

from git_keyval.database.keys import Key
from git_keyval.format.elements import Collection, decode_collection, element_id, encode_collection
from git_keyval.format.expiry import decode_expiry, encode_expiry, is_expired
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import DEFAULT_NAMING, Naming, RefName
from git_keyval.format.objects import blob
from git_keyval.format.sealed import Encryption
from git_keyval.store.port import ANY, Applied, Depth, RefUpdate, Transaction
from tests.replacing import replace
from tests.world import World

NOTHING: Mapping[str, int] = MappingProxyType({})


def made(elements: Mapping[str, str], length: int | None = None) -> Collection:
    """Make a map; an array if a length is given."""
    oids = {name: blob(text.encode()).oid for name, text in elements.items()}
    return Collection("map" if length is None else "array", "String", "text/plain", "txt", oids, length or 0)


def ending(key: Key, element: str, naming: Naming = DEFAULT_NAMING) -> RefName:
    """Name the ref of an element's expiry."""
    return naming.element_expiry(key.id, element_id(element))


def written(
    key: Key,
    elements: Mapping[str, str],
    *,
    length: int | None = None,
    ends: Mapping[str, int] = NOTHING,
    naming: Naming = DEFAULT_NAMING,
    encryption: Encryption | None = None,
) -> Transaction:
    """Write a map or an array, and when (in Unix seconds) which elements expire, those that are not there among them.

    Where there is an ``encryption``, the elements are taken to be encrypted already.
    """
    record = encode_collection(replace(made(elements, length), encryption=encryption))
    expiries = {ending(key, element, naming): encode_expiry(seconds) for element, seconds in ends.items()}
    blobs = (blob(text.encode()) for text in elements.values())
    updates = (RefUpdate(naming.value(key.id), ANY, record.commit.oid), *ended(key, ends, naming).updates)
    return Transaction(updates, (*DUMMY_OBJECTS, *expiries.values(), *blobs, *record.objects))


def ended(key: Key, ends: Mapping[str, int], naming: Naming = DEFAULT_NAMING) -> Transaction:
    """Write when elements expire, and nothing else."""
    expiries = {ending(key, element, naming): encode_expiry(seconds) for element, seconds in ends.items()}
    return Transaction(
        tuple(RefUpdate(name, ANY, expiry.oid) for name, expiry in expiries.items()), (*DUMMY_OBJECTS, *expiries.values())
    )


def apply(world: World, *transactions: Transaction) -> None:
    """Have it stored, behind the back of all commands."""
    assert set(world.store.apply(transactions)) == {Applied()}


def stored(world: World, key: Key, naming: Naming = DEFAULT_NAMING) -> Collection:
    """Read what is in the repository, expired or not."""
    oid = world.refs()[naming.value(key.id)]
    objects = world.store.objects([oid], Depth.VALUES)
    return decode_collection(objects[oid], objects)


def alive(world: World, key: Key) -> dict[str, str]:
    """Read the elements as a reader sees them, whose key has not expired."""
    refs = world.refs()
    oid = refs.get(DEFAULT_NAMING.value(key.id))
    if oid is None:
        return {}
    objects = world.store.objects([oid, *refs.values()], Depth.VALUES)
    return {
        element: objects[blob_oid].data.decode()
        for element, blob_oid in decode_collection(objects[oid], objects).elements.items()
        if not ((name := ending(key, element)) in refs and is_expired(decode_expiry(objects[refs[name]]), world.clock()))
    }
