"""aget, aset, apush, apop, alen, arange, aexpire.

Indices count from 0, and never shift. An element that was removed, or has expired, leaves a hole, which reads as null. A negative
index counts from the end: -1 is the last one.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from git_keyval.commands.values import key_update
from git_keyval.database.answers import NO_KEY, Result
from git_keyval.database.collections import (
    Change,
    CollectionView,
    Draft,
    Shape,
    change,
    changed_lifetime,
    read_all,
    read_elements,
    read_one,
    read_to_write,
    read_values,
    settled,
    typed,
    version_met,
    without_expired,
    written,
)
from git_keyval.database.conditions import ALWAYS, Condition
from git_keyval.database.database import Database
from git_keyval.database.keys import TYPE_NAMES, Key
from git_keyval.database.lifetimes import FOREVER, Lifetime, chosen, expiry_objects, ttl_of
from git_keyval.database.parking import whereabouts
from git_keyval.errors import IndexOutOfRangeError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.elements import longer
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.times import Micros, timestamp
from git_keyval.format.values import as_json
from git_keyval.store.port import ABSENT, ANY, DELETE, RefUpdate, Transaction

MAX_RANGE = 100_000
"""How many elements, holes among them, a range answers with at the most: an array may be as long as its writer says."""


def aget(database: Database, *, key: Key, index: int) -> Result:
    """Read one element: its value, type and what is left of its lifetime. A hole is not found, nor is an index beyond the end."""
    if index < 0:
        view = read_all(database, key, "array", "aget")
        index += view.length
    else:
        view = read_elements(database, key, "array", "aget", str(index))
    return read_one(database, view, str(index))


def aset(
    database: Database,
    *,
    key: Key,
    index: int,
    value: Draft,
    ttl: int | None = None,
    expires_at: Micros | None = None,
    keep_ttl: bool = False,
    condition: Condition = ALWAYS,
) -> Result:
    """Write one element, or fill a hole; an array grows by ``apush`` only.

    Without a lifetime the element never expires, but with the key itself. The condition is about the element. Raises
    IndexOutOfRangeError.
    """
    lifetime = chosen(database, ttl, expires_at, keep_ttl=keep_ttl)

    def decide(view: CollectionView) -> Change | Result:
        place = _place(index, view)
        unmet = (condition.existence == "absent") == view.holds(place) if condition.existence else False
        if unmet or not version_met(condition, view):
            return Result(applied=False, version=view.version)
        added = _written(view, place, view.length, "aset", value, lifetime)
        return replace(added, updates=settled(view, [place], lifetime))

    if index >= 0:
        return change(database, partial(read_to_write, database, key, "array", "aset", [value], str(index)), decide)
    return change(database, lambda: without_expired(read_all(database, key, "array", "aset", exact=False)), decide)


def apush(
    database: Database,
    *,
    key: Key,
    value: Draft,
    ttl: int | None = None,
    expires_at: Micros | None = None,
    condition: Condition = ALWAYS,
    store_key: bool = False,
) -> Result:
    """Add an element at the end; ``count`` tells how long the array is then. An absent key becomes an array of one element.

    A lost reply may leave it open whether the element was added: a rival who adds the same one makes the same array. Then
    OutcomeUnknownError is raised. Raises BoundError for an array that cannot be longer.
    """
    lifetime = chosen(database, ttl, expires_at)
    extra = key_update(database, key) if store_key else Transaction(())

    def decide(view: CollectionView) -> Change | Result:
        if not version_met(condition, view):
            return Result(applied=False, count=view.length, version=view.version)
        place = str(view.length)
        # Its expiry was not read: the index was not known. Whatever there is means nothing, as there is no such element yet.
        expiry = encode_expiry(lifetime).oid if isinstance(lifetime, int) else DELETE
        updates = (RefUpdate(view.expiry_name(place), ANY, expiry), *extra.updates)
        length = longer(view.length)
        pushed = _written(view, place, length, "apush", value, lifetime)
        return replace(pushed, updates=updates, objects=(*pushed.objects, *extra.objects), idempotent=False)

    return change(database, partial(read_to_write, database, key, "array", "apush", [value]), decide)


def apop(database: Database, *, key: Key, condition: Condition = ALWAYS) -> Result:
    """Remove the last element that there is, with the holes behind it, and answer with it: of several callers one only gets it.

    The array as it was before is parked below gc/. ``count`` tells how long the array is then; with no element left it is empty,
    and stays.
    """

    def decide(view: CollectionView) -> Change | Result:
        live = view.live()
        # If the reply is lost, the branch of that name tells that the write came through.
        parked = database.naming.parked(key.id, timestamp(view.now))
        if not live or not version_met(condition, view):
            return Result(found=bool(live), applied=False, count=view.length, ttl=NO_KEY, version=view.version)
        place = max(live, key=int)
        value = read_values(database, view, [place])[place]
        # What cannot be handed over must not be taken away.
        database.prepare_delivery(value)
        expiry = view.expiry(place)
        gone = [element for element in view.stored if int(element) >= int(place)]
        assert view.version is not None
        return Change(
            Result(
                found=True,
                applied=True,
                value=value,
                type=TYPE_NAMES[value.type],
                count=int(place),
                ttl=ttl_of(expiry, view.now),
                expires_at=expiry,
                parked=whereabouts(database, parked),
            ),
            elements={element: oid for element, oid in view.stored.items() if int(element) < int(place)},
            length=int(place),
            updates=(*settled(view, gone, FOREVER), RefUpdate(parked, ABSENT, view.version)),
            witness=parked,
        )

    return change(database, partial(read_all, database, key, "array", "apop", exact=False), decide)


def alen(database: Database, *, key: Key) -> Result:
    """Tell how long an array is, holes included: one more than its last index."""
    view = read_elements(database, key, "array", "alen")
    return Result(found=view.found, count=view.length, version=view.version)


def arange(database: Database, *, key: Key, start: int = 0, stop: int = -1) -> Result:
    """Read the elements from one index to another, both included, as a JSON list, in which holes are null."""
    view = read_all(database, key, "array", "arange")
    first, last = (index + view.length if index < 0 else index for index in (start, stop))
    wanted = range(max(0, first), min(last, view.length - 1) + 1)
    if len(wanted) > MAX_RANGE:
        raise IndexOutOfRangeError(f"The range has {len(wanted)} elements, more than {MAX_RANGE}.", "Read it in parts.")
    live = view.live()
    values = read_values(database, view, (str(index) for index in wanted if str(index) in live))
    document: list[JsonValue] = [as_json(values[str(index)]) if str(index) in values else None for index in wanted]
    return Result(found=view.found, count=len(document), document=document, version=view.version)


def aexpire(
    database: Database,
    *,
    key: Key,
    index: int,
    ttl: int | None = None,
    expires_at: Micros | None = None,
    condition: Condition = ALWAYS,
) -> Result:
    """Give an element a new time to expire; ``applied`` is false if there is a hole."""
    lifetime = chosen(database, ttl, expires_at)

    def decide(view: CollectionView) -> Change | Result:
        return changed_lifetime(view, [_place(index, view)], lifetime, condition)

    return change(database, _reading(database, key, "aexpire", index), decide)


def _reading(database: Database, key: Key, command: str, index: int) -> Callable[[], CollectionView]:
    """Give the read that brings the expiry of an element: of all, where its place is not known before the length is."""
    if index < 0:
        return partial(read_all, database, key, "array", command, exact=False)
    return partial(read_elements, database, key, "array", command, str(index))


def _place(index: int, view: CollectionView) -> str:
    """Give the element key of an index. Raises IndexOutOfRangeError."""
    place = index + view.length if index < 0 else index
    if not 0 <= place < view.length:
        raise IndexOutOfRangeError(
            f"The array has no index {index}: its length is {view.length}.", "Use an index below it, or 'apush' to add an element."
        )
    return str(place)


def _written(view: CollectionView, place: str, length: int, command: str, draft: Draft, lifetime: int | Lifetime) -> Change:
    """Put a value at a place; the updates that settle its expiry are left to the caller."""
    (value,) = typed(view, command, {place: draft}).values()
    blobs = written(view, {place: value})
    expiry = lifetime if isinstance(lifetime, int) else None
    return Change(
        Result(applied=True, count=length, ttl=ttl_of(expiry, view.now), expires_at=expiry),
        elements={**view.stored, place: blobs[place].oid},
        shape=Shape.of(value),
        length=length,
        objects=(*blobs.values(), *expiry_objects(lifetime)),
    )
