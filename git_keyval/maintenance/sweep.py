"""sweep: remove the refs of keys whose expiry has passed, and the elements of maps and arrays that have expired."""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from struct import iter_unpack

from git_keyval.database.database import Database
from git_keyval.database.keys import KeyView
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import (
    ANCHOR_TAG,
    KEYS_PREFIX,
    OUR_TAGS_PREFIX,
    BreadcrumbRef,
    KeyId,
    Naming,
    RefName,
    naming_of,
    parse,
    record_parts,
)
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.redirects import redirect_of
from git_keyval.format.registry import DAY, with_expiries
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.maintenance.bulkhead import attempt
from git_keyval.maintenance.elements import Ended, plan_elements
from git_keyval.maintenance.listing import list_refs, read_refs
from git_keyval.maintenance.plan import Action, Counts, Kind, Left, Plan, Trouble, Waiting
from git_keyval.store.port import DELETE, RefUpdate, Selection, Snapshot, Store, Transaction

_HORIZON = {"within 1 hour": 3600, "within 1 day": DAY, "within 7 days": 7 * DAY, "within 30 days": 30 * DAY}
_LATER, _NEVER = "later", "never"

_ELEMENT = "20s20s"
"""An element's id and the oid of its expiry commit, in bytes."""

_ONE_KEY, _ONE_LEFTOVER = Counts(keys=1), Counts(leftover_expiries=1)


@dataclass(slots=True)
class _Keyspace:
    """The refs of all keys of one shard length. Ids and oids are kept as bytes: a database may have a million of them.

    ``elements`` has all the element expiries of a key in one row.
    """

    naming: Naming
    values: dict[bytes, bytes] = field(default_factory=dict)
    expiries: dict[bytes, bytes] = field(default_factory=dict)
    keys: dict[bytes, bytes] = field(default_factory=dict)
    elements: dict[bytes, bytearray] = field(default_factory=lambda: defaultdict(bytearray))


@dataclass(frozen=True, slots=True)
class _Orphan:
    """Expiries without the value that they were for, which must still be absent when they are deleted."""

    value_name: RefName
    action: Action


@dataclass(slots=True)
class _Listing:
    """All that the sweep, begun ``now``, listed: keys by shard length, and the ids of expiry commits (None: unreadable)."""

    now: Micros
    keyspaces: dict[int, _Keyspace] = field(default_factory=dict)
    breadcrumbs: dict[tuple[Naming, KeyId], list[tuple[BreadcrumbRef, RefName, Oid]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    ids: dict[bytes, int | None] = field(default_factory=dict)
    examined: int = 0
    redirected: bool = False


_Found = Action | _Orphan | Ended | Left
"""Something due: decided by the listing alone, to be looked at, or unreadable."""


def plan_sweep(database: Database) -> Plan:
    """List all keys with their breadcrumbs, resolve the expiry commits, and take every key and every element whose time has passed.

    What has an expiry that cannot be read is kept.
    """
    # The time is taken first: what ends while the listing runs may have breadcrumbs that the listing has missed.
    now = database.now()
    listing = _list(database, now)
    plan = Plan("sweep", examined=listing.examined)
    due = {raw for raw, expiry in listing.ids.items() if expiry is None or is_expired(expiry, now)}
    if listing.redirected:
        plan.add(_spare_redirects(listing, database.store, due))
    found = [one for keyspace in listing.keyspaces.values() for one in _find_due(listing, keyspace, due)]
    plan.add(one for one in found if isinstance(one, Action))
    plan.add(plan_elements([one for one in found if isinstance(one, Ended)], database.store))
    plan.add(_still_unreadable([one for one in found if isinstance(one, Left)], listing, database.store))
    plan.add(_still_orphans([one for one in found if isinstance(one, _Orphan)], database))
    _count(plan, listing)
    return plan


def _list(database: Database, now: Micros) -> _Listing:
    listing = _Listing(now)
    for name, oid in list_refs(database, [KEYS_PREFIX, OUR_TAGS_PREFIX], "sweep: listing"):
        if name == ANCHOR_TAG:
            # The anchor of an encrypted database may say that keys are redirected, too; only the commit that it points at shows
            # whether it does.
            listing.redirected = oid != NULL_COMMIT.oid
            continue
        listing.examined += 1
        if record := record_parts(name):
            shard_length, kind, key_id, element = record
            if shard_length not in listing.keyspaces:
                listing.keyspaces[shard_length] = _Keyspace(Naming(shard_length))
            _file(listing, listing.keyspaces[shard_length], kind, key_id, element, oid)
        elif isinstance(ref := parse(name), BreadcrumbRef):
            listing.breadcrumbs[naming_of(name), ref.key_id].append((ref, name, oid))
    oids = {Oid(raw.hex()) for raw in listing.ids}
    objects = with_expiries(oids, database.store.objects(oids), database.resolve)
    listing.ids = {raw: _expiry_of(objects.get(Oid(raw.hex()))) for raw in listing.ids}
    return listing


def _file(listing: _Listing, keyspace: _Keyspace, kind: str, key_id: str, element: str | None, oid: Oid) -> None:
    raw_id, raw = bytes.fromhex(key_id), bytes.fromhex(oid)
    if kind == "exp":
        listing.ids.setdefault(raw, None)
    if element is not None:
        keyspace.elements[raw_id] += bytes.fromhex(element) + raw
    else:
        {"val": keyspace.values, "exp": keyspace.expiries, "key": keyspace.keys}[kind][raw_id] = raw


def _expiry_of(target: GitObject | None) -> int | None:
    """Return the id that an expiry commit holds; None for what cannot be read: unknown means keep."""
    expiry = None if target is None else attempt(partial(decode_expiry, target))
    return expiry if isinstance(expiry, int) else None


def _spare_redirects(listing: _Listing, store: Store, due: AbstractSet[bytes]) -> Iterator[Left]:
    """Take from the expiries those beside redirects, which do not expire. Only where keys are redirected, values are looked at."""
    for keyspace in listing.keyspaces.values():
        beside = {
            raw_id: Oid(keyspace.values[raw_id].hex())
            for raw_id, expiry_oid in keyspace.expiries.items()
            if expiry_oid in due and raw_id in keyspace.values
        }
        values = store.objects(set(beside.values()))
        for raw_id, oid in beside.items():
            if redirect_of(values.get(oid)) is not None:
                del keyspace.expiries[raw_id]
                yield Left(keyspace.naming.expiry(KeyId(raw_id.hex())), Waiting.BESIDE_REDIRECT)


def _find_due(listing: _Listing, keyspace: _Keyspace, due: AbstractSet[bytes]) -> Iterator[_Found]:
    for raw_id, expiry_oid in keyspace.expiries.items():
        if expiry_oid in due:
            yield _due_key(listing, keyspace, raw_id, expiry_oid)
    for raw_id, elements in keyspace.elements.items():
        if past := [(element, expiry) for element, expiry in iter_unpack(_ELEMENT, elements) if expiry in due]:
            yield from _due_elements(listing, keyspace, raw_id, past)


def _due_key(listing: _Listing, keyspace: _Keyspace, raw_id: bytes, expiry_oid: bytes) -> _Found:
    expiry = listing.ids[expiry_oid]
    naming, key_id = keyspace.naming, KeyId(raw_id.hex())
    name, value_name = naming.expiry(key_id), naming.value(key_id)
    if expiry is None:
        return Left(name, Trouble.UNREADABLE_EXPIRY)
    ending = RefUpdate(name, Oid(expiry_oid.hex()), DELETE)
    if raw_id not in keyspace.values:
        return _Orphan(value_name, Action(name, Kind.SWEEP_EXPIRY, Transaction((ending,)), _ONE_LEFTOVER, expiry))
    # The value goes first: without its value a key is absent, whatever else is still there.
    updates = [RefUpdate(value_name, Oid(keyspace.values[raw_id].hex()), DELETE), ending]
    if raw_id in keyspace.keys:
        updates.append(RefUpdate(naming.key(key_id), Oid(keyspace.keys[raw_id].hex()), DELETE))
    until = timestamp(Micros(expiry * SECOND))
    crumbs = listing.breadcrumbs.get((naming, key_id), ())
    updates += [RefUpdate(crumb, oid, DELETE) for ref, crumb, oid in crumbs if ref.time <= until]
    # Whatever it says, an element's expiry means nothing without the key.
    updates += (_ending(naming, key_id, *found) for found in iter_unpack(_ELEMENT, keyspace.elements.pop(raw_id, b"")))
    return Action(value_name, Kind.SWEEP_KEY, Transaction(tuple(updates)), _ONE_KEY, expiry)


def _due_elements(
    listing: _Listing, keyspace: _Keyspace, raw_id: bytes, past: Sequence[tuple[bytes, bytes]]
) -> Iterator[_Orphan | Ended | Left]:
    """Say which of a key's element expiries are unreadable, and what to look at for the others."""
    key_id = KeyId(raw_id.hex())
    value_name = keyspace.naming.value(key_id)
    endings: dict[Oid, RefUpdate] = {}
    for element, expiry in past:
        ending = _ending(keyspace.naming, key_id, element, expiry)
        if listing.ids[expiry] is None:
            yield Left(ending.name, Trouble.UNREADABLE_EXPIRY)
        else:
            endings[Oid(element.hex())] = ending
    if endings and raw_id in keyspace.values:
        seen = Snapshot({value_name: Oid(keyspace.values[raw_id].hex())})
        yield Ended(KeyView.of(keyspace.naming, key_id, seen, listing.now), endings)
    elif endings:
        updates = tuple(endings.values())
        counts = Counts(leftover_expiries=len(updates))
        yield _Orphan(value_name, Action(updates[0].name, Kind.SWEEP_STRAY_EXPIRIES, Transaction(updates), counts))


def _ending(naming: Naming, key_id: KeyId, element: bytes, expiry: bytes) -> RefUpdate:
    return RefUpdate(naming.element_expiry(key_id, Oid(element.hex())), Oid(expiry.hex()), DELETE)


def _still_unreadable(left: Sequence[Left], listing: _Listing, store: Store) -> Iterator[Left]:
    """Keep only those expiries that, read again, still point at what cannot be read."""
    seen = store.read(Selection(tuple(one.ref for one in left))) if left else Snapshot({})
    unread = {name for name, oid in seen.refs.items() if listing.ids.get(bytes.fromhex(oid), 0) is None}
    return (one for one in left if one.ref in unread and _expiry_of(seen.objects.get(seen.refs[one.ref])) is None)


def _still_orphans(orphans: Sequence[_Orphan], database: Database) -> Iterator[Action]:
    """Keep those expiries without a key whose key is still absent now.

    A listing is no snapshot: the value may only have been listed too early. Read after its expiry and still absent, it can come
    back with another expiry only, which the deletion by oid then misses. The same holds for its elements.
    """
    present = read_refs(database, [orphan.value_name for orphan in orphans], "sweep: listing again")
    return (orphan.action for orphan in orphans if orphan.value_name not in present)


def _count(plan: Plan, listing: _Listing) -> None:
    keyspaces = listing.keyspaces.values()
    keys = sum(len(keyspace.values) for keyspace in keyspaces)
    expiring = Tally(raw for keyspace in keyspaces for key_id, raw in keyspace.expiries.items() if key_id in keyspace.values)
    plan.expiries = {**dict.fromkeys([*_HORIZON, _LATER], 0), _NEVER: keys - expiring.total()}
    expired = 0
    for raw, count in expiring.items():
        expiry = listing.ids[raw]
        if expiry is not None and is_expired(expiry, listing.now):
            expired += count
        elif expiry is not None:
            left = expiry * SECOND - listing.now
            plan.expiries[next((label for label, most in _HORIZON.items() if left <= most * SECOND), _LATER)] += count
    counts = Counts.total(action.counts for action in plan.actions)
    plan.facts = {
        "keys": keys,
        "live": keys - expired,
        "expired": expired,
        "expiredElements": counts.elements,
        "collections": counts.collections,
    }
