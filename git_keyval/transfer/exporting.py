"""From the keys of a repository to the records of an export."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

from git_keyval.database.anchors import mark_of
from git_keyval.database.ciphers import PLAIN
from git_keyval.database.database import Database
from git_keyval.database.keys import KeyView
from git_keyval.errors import (
    CounterOverflowError,
    GitKeyvalError,
    KeyOrderError,
    MalformedRecordError,
    MissingEncryptionKeyError,
    UnavailableError,
    WrongEncryptionKeyError,
)
from git_keyval.format.anchors import Mark
from git_keyval.format.counters import Breadcrumb, Counter, counting, fold, horizon, total
from git_keyval.format.elements import Collection, decode_collection, element_id, element_value
from git_keyval.format.expiry import is_expired
from git_keyval.format.exported import MAX_LINE_BYTES, Element, Elements, Exported, Header, encode_exported, in_order
from git_keyval.format.names import ANCHOR_TAG, KeyId, RefName, naming_of
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.records import decode_data
from git_keyval.format.sealed import Sealed
from git_keyval.format.times import moment_of
from git_keyval.format.values import Value
from git_keyval.store.closure import missing
from git_keyval.store.port import Depth, Selection, Snapshot
from git_keyval.store.targets import divided, read_targets
from git_keyval.transfer.listing import Address, Place, read_settled

_AT_ONCE = 2_000
_TOLD_EVERY = 10_000
_BLOBS_AT_ONCE = 2_000
_MOVED_AT_ONCE = 25
_FOLDED_AT_ONCE = 1_000
_OP_DIGITS = 20


class LeftOut(NamedTuple):
    """A key that exists, or may, and is not in an export: the ref of its value, and why."""

    ref: RefName
    why: str


class Kept(NamedTuple):
    """What there is of a key: the record of it, None if it does not exist; and its refs, expired ones included."""

    address: Address
    record: Exported | LeftOut | None
    refs: Mapping[RefName, Oid]


_Read: TypeAlias = tuple[Address, Snapshot]


def header_of(databases: Iterable[Database]) -> Header:
    """Return the first line of an export of the repositories of a database: of its encryption key, or else of their anchors.

    Raises AnchorError, MarksDifferError, and what ``Cipher.accept`` raises of a database of other keys.
    """
    marks: list[Mark | None] = []
    own: Mark | None = None
    for database in databases:
        own = database.cipher.mark
        seen = database.read(Selection((ANCHOR_TAG,)), depth=Depth.MESSAGES)
        if own is not None:
            database.cipher.accept(mark_of(seen, database.cipher))
        marks.append(mark_of(seen, PLAIN))
    if own is not None:
        return Header(own)
    found = {mark.check: mark for mark in marks if mark is not None}
    if len(found) > 1:
        raise MarksDifferError
    return Header(next(iter(found.values()), None), sealed=bool(found))


class MarksDifferError(GitKeyvalError):
    """The repositories of one database are encrypted with different keys."""

    def __init__(self) -> None:
        super().__init__(
            "The repositories are encrypted with different keys, so they are not one database.", "Export each of them by itself."
        )


def kept(database: Database, places: Iterable[Place], what: str) -> Iterator[Kept]:
    """Yield what there is of each key, in order; keys that cannot be read are ``LeftOut``. Progress is shown as ``what``."""
    waiting = iter(places)
    done = 0
    while batch := list(islice(waiting, _AT_ONCE)):
        yield from (_kept(database, address, seen) for address, seen in _read(database, batch))
        done += len(batch)
        if done % _TOLD_EVERY == 0:
            database.progress(what, done, 0)


def _read(database: Database, places: Sequence[Place]) -> Iterator[_Read]:
    """Yield keys in order, each with all that it points at: trees are read first, and then as many blobs as go together."""
    refs = {name: oid for place in places for name, oid in (place.refs or {}).items()}
    seen = database.with_lost_expiries(read_targets(database.store, refs, Depth.TREES))
    lacking = ((place, len(_lacking((place.refs or {}).values(), seen))) for place in places)
    for group in divided(lacking, _BLOBS_AT_ONCE):
        unread = {name: oid for place in group for name, oid in (place.refs or {}).items() if _lacking([oid], seen)}
        values = read_targets(database.store, unread, Depth.VALUES) if unread else Snapshot({})
        whole = seen.followed_by(values, frozenset(unread))
        again = _read_again(database, [place.address for place in group if _has_moved(place, whole)])
        for place in group:
            yield place.address, again.get(place.address) or Snapshot(place.refs or {}, whole.objects)


def _has_moved(place: Place, seen: Snapshot) -> bool:
    return place.refs is None or any(seen.refs.get(name) != oid for name, oid in place.refs.items())


def _lacking(oids: Iterable[Oid], seen: Snapshot) -> set[Oid]:
    return missing(oids, seen.objects, Depth.VALUES)


def _read_again(database: Database, addresses: Sequence[Address]) -> dict[Address, Snapshot]:
    found: dict[Address, Snapshot] = {}
    waiting = iter(addresses)
    while batch := list(islice(waiting, _MOVED_AT_ONCE)):
        found |= read_settled(database, batch)
    return found


def _kept(database: Database, address: Address, seen: Snapshot) -> Kept:
    """Return what there is of a key. One read never condemns: what cannot be read is read again, and then once more."""
    first = _attempt(database, address, seen)
    if not isinstance(first.record, LeftOut):
        return first
    try:
        return _attempt(database, address, read_settled(database, [address])[address])
    except UnavailableError as exc:
        return Kept(address, LeftOut(address.naming.value(address.key_id), exc.what.removesuffix(".")), seen.refs)


def _attempt(database: Database, address: Address, seen: Snapshot) -> Kept:
    view = address.view(database, seen)
    try:
        record = exported(view)
        if record is not None and len(encode_exported(record)) > MAX_LINE_BYTES:
            return Kept(address, LeftOut(view.value_name, f"its line would be longer than {MAX_LINE_BYTES:,} bytes"), seen.refs)
    except (MissingEncryptionKeyError, WrongEncryptionKeyError, KeyOrderError):
        raise
    except (MalformedRecordError, CounterOverflowError) as exc:
        return Kept(address, LeftOut(view.value_name, exc.reason), seen.refs)
    return Kept(address, record, seen.refs)


def exported(view: KeyView) -> Exported | None:
    """Return the record of a key with all that was read of it; None if it does not exist.

    With an encryption key it is opened, and else as it is stored. Raises MalformedRecordError, CounterOverflowError where a
    counter with its breadcrumbs leaves its range, and errors of encryption keys.
    """
    redirect = view.redirect()
    if redirect is not None:
        return Exported(_key(view), redirect)
    if not view.exists():
        return None
    if not view.alive():
        # Increments that wait for a gather; the expiry was that of a life before.
        return Exported(_key(view), _counter(view))
    match view.category():
        case "counter":
            return Exported(_key(view), _counter(view), view.expiry())
        case "data":
            return Exported(_key(view), _value(view, view.value_commit()), view.expiry())
    return Exported(_key(view), _elements(view), view.expiry())


def _is_opened(view: KeyView) -> bool:
    return view.cipher.mark is not None


def _key(view: KeyView) -> KeyId | Value | Sealed:
    """Return the key itself where it is stored; its id where it is not, or where something else is in its place."""
    oid = view.seen.refs.get(view.key_name)
    record = None if oid is None else view.seen.objects.get(oid)
    if record is None or KeyId(record.oid) != view.key_id:
        return view.key_id
    try:
        if _is_opened(view):
            return view.cipher.read_key(record, view.seen.objects)
        return decode_data(record, view.seen.objects)
    except MalformedRecordError:
        return view.key_id


def _value(view: KeyView, record: GitObject) -> Value | Sealed:
    try:
        if _is_opened(view):
            return view.cipher.read_data(view.key_id, record, view.seen.objects)
        return decode_data(record, view.seen.objects)
    except MalformedRecordError as exc:
        raise exc.at(view.value_name) from exc


def _counter(view: KeyView) -> Counter:
    if view.cipher.required:
        view.cipher.accept_counter(view.key_id, ())
    counter = view.held_counter()
    assert counter is not None
    return gathered(counter, view.breadcrumbs())


def gathered(counter: Counter, crumbs: Sequence[Breadcrumb]) -> Counter:
    """Return a counter with its breadcrumbs, as gathers make it that fold all of them; the same for the same breadcrumbs.

    Raises CounterOverflowError where one of them has no room.
    """
    value = total(counter, crumbs)
    while counting(counter, crumbs) or horizon(counter, crumbs) != counter.set_at:
        now = moment_of(max(crumb.time for crumb in crumbs))
        assert now is not None
        taking = counting(counter, crumbs)[:_FOLDED_AT_ONCE]
        folded = fold(counter, crumbs, taking=taking, op=_op(counter, crumbs), now=now)
        if len(folded.taken) < len(taking):
            raise CounterOverflowError
        taken = {crumb.name for crumb in folded.taken}
        counter, crumbs = folded.counter, [crumb for crumb in crumbs if crumb.name not in taken]
    if counter.value != value:
        raise CounterOverflowError
    return counter


def _op(counter: Counter, crumbs: Iterable[Breadcrumb]) -> str:
    """Return the operation id of a fold: no other one folds these breadcrumbs into this counter."""
    state = "\n".join([counter.op, str(counter.seq), *sorted(f"{crumb.name} {crumb.oid}" for crumb in crumbs)])
    return hashlib.sha256(state.encode()).hexdigest()[:_OP_DIGITS]


def _elements(view: KeyView) -> Elements:
    """Return a map or an array with the elements that are alive."""
    try:
        collection = decode_collection(view.value_commit(), view.seen.objects)
        if _is_opened(view):
            collection = view.cipher.read_collection(view.value_commit(), view.seen.objects)
        elements = in_order(collection.category, list(_living(view, collection)))
    except MalformedRecordError as exc:
        raise exc.at(view.value_name) from exc
    return Elements(
        collection.category,
        collection.type,
        collection.mime,
        collection.extension,
        elements,
        collection.length,
        None if _is_opened(view) else collection.encryption,
    )


def _living(view: KeyView, collection: Collection) -> Iterator[Element]:
    naming = naming_of(view.value_name)
    for stored, oid in collection.elements.items():
        expiry = view.expiry_at(naming.element_expiry(view.key_id, element_id(stored)))
        if expiry is None or not is_expired(expiry, view.now):
            yield _element(view, collection, stored, oid, expiry)


def _element(view: KeyView, collection: Collection, stored: str, oid: Oid, expiry: int | None) -> Element:
    data = view.seen.objects.get(oid)
    if data is None:
        raise MalformedRecordError(view.value_name, f"the blob of an element ({oid}) is missing")
    if not _is_opened(view):
        return Element(stored, element_value(collection, data).data, expiry)
    name = view.cipher.read_element_name(view.key_id, collection.category, stored)
    return Element(name, view.cipher.read_element(view.key_id, collection, stored, data).data, expiry)
