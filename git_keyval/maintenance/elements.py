"""Expired elements: which maps and arrays they are taken out of, and what becomes of element expiries that belong to nothing."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from git_keyval.database.keys import KeyView
from git_keyval.format.elements import Collection, decode_collection, element_id, encode_collection
from git_keyval.format.objects import Oid
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.maintenance.bulkhead import attempt_record
from git_keyval.maintenance.plan import Action, Counts, Item, Kind, Left, Trouble
from git_keyval.store.port import Depth, RefUpdate, Snapshot, Store, Transaction
from git_keyval.store.targets import read_targets


@dataclass(frozen=True, slots=True)
class Ended:
    """A key's value and the deletions of those of its element expiries whose time has passed, by the ids of the elements."""

    view: KeyView
    endings: Mapping[Oid, RefUpdate]


def plan_elements(ended: Sequence[Ended], store: Store) -> Iterator[Item]:
    """Read the values of these keys, all at once and without their blobs, and plan one transaction for each key.

    It moves a map or an array to what is left of it, and deletes the expiries of the elements that are gone. The oids of the value
    and of the expiries together say that these elements have expired. Nothing else has to be compared, not even the key's expiry:
    every writer of an element, also in a new life of its key, settles the element's expiry in the same transaction.

    Expiries of elements that are not there go, too, while the value is what was read: where it does not move, it is asserted,
    because a listing is no snapshot and may have seen a value older than the expiry. A value that cannot be read keeps all of them.
    """
    values = {name: oid for key in ended for name, oid in key.view.seen.refs.items()}
    seen = read_targets(store, values, Depth.TREES) if values else Snapshot({})
    for key in ended:
        name = key.view.value_name
        if seen.refs.get(name) == key.view.version:  # if it does not, it was written since it was listed
            work = partial(_plan_key, replace(key.view, seen=seen), key.endings)
            yield from attempt_record(work, partial(Left, name, Trouble.UNREADABLE_ELEMENTS))


def _plan_key(view: KeyView, endings: Mapping[Oid, RefUpdate]) -> Iterator[Item]:
    value = view.version
    assert value is not None
    collection = _read(view, value)
    there = {} if collection is None else {element_id(name): name for name in collection.elements}
    gone = [update for element, update in endings.items() if element in there]
    leftovers = [update for element, update in endings.items() if element not in there]
    counts = Counts(elements=len(gone), collections=bool(gone), leftover_expiries=len(leftovers))
    if collection is None or not gone:
        asserted = RefUpdate(view.value_name, value, value)
        yield Action(leftovers[0].name, Kind.SWEEP_ELEMENT_EXPIRIES, Transaction((asserted, *leftovers)), counts)
        return
    left = {name: collection.elements[name] for element, name in there.items() if element not in endings}
    record = encode_collection(replace(collection, elements=left))
    # The value goes first: without its expiry, an element would be alive again.
    updates = (RefUpdate(view.value_name, value, record.commit.oid), *gone, *leftovers)
    yield Action(view.value_name, Kind.SWEEP_ELEMENTS, Transaction(updates, record.objects), counts)


def _read(view: KeyView, value: Oid) -> Collection | None:
    """Read a map or an array, with its element keys as they are stored; None for a value that has no elements."""
    if view.redirect() is not None or view.category() not in {"map", "array"}:
        return None
    return decode_collection(view.seen.objects[value], view.seen.objects)
