"""Expired elements: which maps and arrays they are taken out of, and what becomes of element expiries that belong to nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from git_keyval.errors import MalformedRecordError
from git_keyval.format.elements import Collection, decode_collection, element_id, encode_collection
from git_keyval.format.metadata import decode_message
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.store.port import Depth, RefUpdate, Snapshot, Store, Transaction
from git_keyval.store.targets import read_targets
from maintenance.bulkhead import attempt_record
from maintenance.plan import Action, Counts, Item, Kind, Left, Reason

_COLLECTIONS = {"map", "array"}
_WITHOUT_ELEMENTS = {"data", "counter", "redirect"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A key's value and the deletions of those of its element expiries whose time has passed, by the ids of the elements."""

    value_name: RefName
    value: Oid
    endings: Mapping[Oid, RefUpdate]


def plan_elements(ended: Sequence[Ended], store: Store) -> Iterator[Item]:
    """Read the values of these keys, all at once and without their blobs, and plan one transaction for each key.

    It moves a map or an array to what is left of it, and deletes the expiries of the elements that are gone. The oids of the value
    and of the expiries together say that these elements have expired. Nothing else has to be compared, not even the key's expiry:
    whoever writes an element, also into a new life of its key, settles the element's expiry in the same transaction.

    Expiries of elements that are not there go, too, while the value is what was read: where it does not move, it is asserted,
    because a listing is no snapshot and may have seen a value older than the expiry. A value that cannot be read keeps all of them.
    """
    seen = read_targets(store, {key.value_name: key.value for key in ended}, Depth.TREES) if ended else Snapshot({})
    for key in ended:
        if seen.refs.get(key.value_name) == key.value:  # else it was written since it was listed
            left = partial(Left, key.value_name, Reason.UNREADABLE_ELEMENTS)
            yield from attempt_record(partial(_plan_key, key, seen.objects), left)


def _plan_key(key: Ended, objects: Mapping[Oid, GitObject]) -> list[Item]:
    return [_ending(key, _read(key.value, objects))]


def _read(oid: Oid, objects: Mapping[Oid, GitObject]) -> Collection | None:
    """Read a map or an array; None for a value that has no elements."""
    record = objects.get(oid)
    if record is None:
        raise MalformedRecordError(oid, "the object that it points at is missing, or too large")
    category = decode_message(record)["category"]
    if category in _WITHOUT_ELEMENTS:
        return None
    if category not in _COLLECTIONS:
        raise MalformedRecordError(oid, "it is of a category that this version of the software does not know")
    return decode_collection(record, objects)


def _ending(key: Ended, collection: Collection | None) -> Action:
    there = {} if collection is None else {element_id(name): name for name in collection.elements}
    gone = [update for element, update in key.endings.items() if element in there]
    leftovers = [update for element, update in key.endings.items() if element not in there]
    counts = Counts(elements=len(gone), collections=bool(gone), leftover_expiries=len(leftovers))
    if collection is None or not gone:
        asserted = RefUpdate(key.value_name, key.value, key.value)
        return Action(leftovers[0].name, Kind.SWEEP_ELEMENTS, Transaction((asserted, *leftovers)), counts)
    left = {name: collection.elements[name] for element, name in there.items() if element not in key.endings}
    record = encode_collection(replace(collection, elements=left))
    # The value goes first: without its expiry, an element would be alive again.
    updates = (RefUpdate(key.value_name, key.value, record.commit.oid), *gone, *leftovers)
    return Action(key.value_name, Kind.SWEEP_ELEMENTS, Transaction(updates, record.objects), counts)
