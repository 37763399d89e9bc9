"""sweep: remove the refs of keys whose expiry has passed, and the elements of maps and arrays that have expired."""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from git_keyval.database.database import Database
from git_keyval.database.keys import KeyView
from git_keyval.database.listing import list_refs, read_refs
from git_keyval.database.ref_table import Part, Place, RefTable, in_batches, key_at
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import (
    ANCHOR_TAG,
    KEYS_PREFIX,
    OUR_TAGS_PREFIX,
    KeyId,
    Naming,
    RefName,
    time_of,
)
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.redirects import redirect_of
from git_keyval.format.registry import DAY, with_expiries
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.maintenance.bulkhead import attempt
from git_keyval.maintenance.elements import Ended, plan_elements
from git_keyval.maintenance.plan import Action, Counts, Kind, Left, Plan, Trouble, Waiting
from git_keyval.store.port import DELETE, RefUpdate, Selection, Snapshot, Store, Transaction

_HORIZON = {"within 1 hour": 3600, "within 1 day": DAY, "within 7 days": 7 * DAY, "within 30 days": 30 * DAY}
_LATER, _NEVER = "later", "never"

_COMMITS_AT_ONCE = 16_000
"""How many commits are in memory together when many are read: as many as a request of the git adapter asks for."""

_ONE_KEY, _ONE_LEFTOVER = Counts(keys=1), Counts(leftover_expiries=1)


@dataclass(frozen=True, slots=True)
class _Orphan:
    """Expiries without the value that they were for, which must still be absent when they are deleted."""

    value_name: RefName
    action: Action


@dataclass(frozen=True, slots=True)
class _Listing:
    """All that the sweep, begun ``now``, listed, and the ids of the expiry commits by their oids (None: unreadable).

    ``due`` are the oids of those whose time has passed, or that cannot be read. ``spared`` are the keys that are redirected.
    """

    now: Micros
    table: RefTable
    ids: Mapping[bytes, int | None]
    due: AbstractSet[bytes]
    spared: set[Place] = field(default_factory=set)

    def parts(self) -> Iterator[Part]:
        """Yield the keys, without the expiries that mean nothing."""
        for part in self.table.parts():
            for place in self.spared & part.expiries.keys():
                del part.expiries[place]
            yield part


_Found = Action | _Orphan | Ended | Left
"""Something due: decided by the listing alone, to be looked at, or unreadable."""


def plan_sweep(database: Database) -> Plan:
    """List all keys with their breadcrumbs, resolve the expiry commits, and take every key and every element whose time has passed.

    What has an expiry that cannot be read is kept.
    """
    # The time is taken first: what ends while the listing runs may have breadcrumbs that the listing has missed.
    now = database.now()
    table = RefTable(list_refs(database, [KEYS_PREFIX, OUR_TAGS_PREFIX], "sweep: listing"))
    anchor = dict(table.others).get(ANCHOR_TAG)
    plan = Plan("sweep", examined=len(table) - (anchor is not None))
    ids = _read_ids(table, database)
    listing = _Listing(now, table, ids, {raw for raw, expiry in ids.items() if expiry is None or is_expired(expiry, now)})
    # The anchor of an encrypted database may say that keys are redirected, too; only the commit that it points at shows
    # whether it does.
    if anchor not in {None, NULL_COMMIT.oid}:
        listing.spared.update(_redirected(listing, database.store))
        plan.add(Left(naming.expiry(key_id), Waiting.BESIDE_REDIRECT) for naming, key_id in map(key_at, sorted(listing.spared)))
    found = [one for part in listing.parts() for one in _find_due(listing, part)]
    plan.add(one for one in found if isinstance(one, Action))
    plan.add(plan_elements([one for one in found if isinstance(one, Ended)], database.store))
    plan.add(_still_unreadable([one for one in found if isinstance(one, Left)], listing, database.store))
    plan.add(_still_orphans([one for one in found if isinstance(one, _Orphan)], database))
    _count(plan, listing)
    return plan


def _read_ids(table: RefTable, database: Database) -> Mapping[bytes, int | None]:
    """Read all expiry commits; many keys have one in common."""
    raw = {oid for part in table.parts() for oid in part.expiries.values()}
    raw |= {oid for part in table.parts() for elements in part.elements.values() for _, oid in elements}
    ids: dict[bytes, int | None] = {}
    for oids in in_batches([Oid(oid.hex()) for oid in raw], _COMMITS_AT_ONCE):
        objects = with_expiries(oids, database.store.objects(oids), database.resolve)
        ids |= {bytes.fromhex(oid): _expiry_of(objects.get(oid)) for oid in oids}
    return ids


def _expiry_of(target: GitObject | None) -> int | None:
    """Return the id that an expiry commit holds; None for what cannot be read: unknown means keep."""
    expiry = None if target is None else attempt(partial(decode_expiry, target))
    return expiry if isinstance(expiry, int) else None


def _redirected(listing: _Listing, store: Store) -> Iterator[Place]:
    """Yield the keys that are due, but redirected: these do not expire. Only where keys are redirected, values are looked at."""
    beside: dict[Oid, list[Place]] = defaultdict(list)
    for part in listing.parts():
        for place, expiry_oid in part.expiries.items():
            if expiry_oid in listing.due and place in part.values:
                beside[Oid(part.values[place].hex())].append(place)
    for oids in in_batches([*beside], _COMMITS_AT_ONCE):
        values = store.objects(oids)
        yield from (place for oid in oids if redirect_of(values.get(oid)) is not None for place in beside[oid])


def _find_due(listing: _Listing, part: Part) -> Iterator[_Found]:
    for place, expiry_oid in part.expiries.items():
        if expiry_oid in listing.due:
            yield _due_key(listing, part, place, expiry_oid)
    for place, elements in part.elements.items():
        if past := [(element, expiry) for element, expiry in elements if expiry in listing.due]:
            yield from _due_elements(listing, part, place, past)


def _due_key(listing: _Listing, part: Part, place: Place, expiry_oid: bytes) -> _Found:
    expiry = listing.ids[expiry_oid]
    naming, key_id = key_at(place)
    name, value_name = naming.expiry(key_id), naming.value(key_id)
    if expiry is None:
        return Left(name, Trouble.UNREADABLE_EXPIRY)
    ending = _deletion(name, expiry_oid)
    if place not in part.values:
        return _Orphan(value_name, Action(name, Kind.SWEEP_EXPIRY, Transaction((ending,)), _ONE_LEFTOVER, expiry))
    # The value goes first: without its value a key is absent, whatever else is still there.
    updates = [_deletion(value_name, part.values[place]), ending]
    if place in part.keys:
        updates.append(_deletion(naming.key(key_id), part.keys[place]))
    until = timestamp(Micros(expiry * SECOND))
    crumbs = part.breadcrumbs.get(place, ())
    updates += [_deletion(crumb, oid) for crumb, oid in crumbs if time_of(crumb) <= until]
    # Whatever it says, an element's expiry means nothing without the key.
    updates += (_ending(naming, key_id, *found) for found in part.elements.pop(place, ()))
    return Action(value_name, Kind.SWEEP_KEY, Transaction(tuple(updates)), _ONE_KEY, expiry)


def _due_elements(
    listing: _Listing, part: Part, place: Place, past: Sequence[tuple[bytes, bytes]]
) -> Iterator[_Orphan | Ended | Left]:
    """Say which of a key's element expiries are unreadable, and what to look at for the others."""
    naming, key_id = key_at(place)
    value_name = naming.value(key_id)
    endings: dict[Oid, RefUpdate] = {}
    for element, expiry in past:
        ending = _ending(naming, key_id, element, expiry)
        if listing.ids[expiry] is None:
            yield Left(ending.name, Trouble.UNREADABLE_EXPIRY)
        else:
            endings[Oid(element.hex())] = ending
    if endings and place in part.values:
        seen = Snapshot({value_name: Oid(part.values[place].hex())})
        yield Ended(KeyView.of(naming, key_id, seen, listing.now), endings)
    elif endings:
        updates = tuple(endings.values())
        counts = Counts(leftover_expiries=len(updates))
        yield _Orphan(value_name, Action(updates[0].name, Kind.SWEEP_STRAY_EXPIRIES, Transaction(updates), counts))


def _ending(naming: Naming, key_id: KeyId, element: bytes, expiry: bytes) -> RefUpdate:
    return _deletion(naming.element_expiry(key_id, Oid(element.hex())), expiry)


def _deletion(name: RefName, oid: bytes) -> RefUpdate:
    return RefUpdate(name, Oid(oid.hex()), DELETE)


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
    keys, branches, expiring = 0, 0, Tally[bytes]()
    for part in listing.parts():
        keys += len(part.values)
        branches += part.branches
        expiring.update(raw for place, raw in part.expiries.items() if place in part.values)
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
        "branches": branches,
        "keys": keys,
        "live": keys - expired,
        "expired": expired,
        "expiredElements": counts.elements,
        "collections": counts.collections,
    }
