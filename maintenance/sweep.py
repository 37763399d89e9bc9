"""sweep: remove the refs of keys whose expiry has passed, and the elements of maps and arrays that have expired."""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from struct import iter_unpack

from git_keyval.errors import MalformedRecordError
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import (
    DUMMY_TREE_TAG,
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
from git_keyval.format.registry import Resolve, unresolved, with_expiries
from git_keyval.format.times import SECOND, Micros, iso_utc, timestamp
from git_keyval.store.port import DELETE, RefUpdate, Selection, Snapshot, Store, Transaction
from maintenance.elements import Ended, plan_elements
from maintenance.execute import Progress
from maintenance.listing import list_refs, quiet
from maintenance.plan import Action, Left, Plan, counted
from maintenance.snapshot import read_refs

_HOUR, _DAY = 3600, 86_400
_HORIZON = (
    ("within 1 hour", _HOUR),
    ("within 1 day", _DAY),
    ("within 7 days", 7 * _DAY),
    ("within 30 days", 30 * _DAY),
)
_LATER, _NEVER = "later", "never"

_UNREADABLE = "its expiry commit cannot be read"

_ELEMENT = "20s20s"
"""An element's id and the oid of its expiry commit, in bytes."""


@dataclass(slots=True)
class _Keyspace:
    """The refs of all keys of one shard length. Ids and oids are kept as bytes: a database may have a million of them.

    ``elements`` has all the element expiries of a key in one row.
    """

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
class _Open:
    """What the listing alone does not decide."""

    orphans: list[_Orphan] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)


@dataclass(slots=True)
class _Listing:
    """Everything that the sweep listed, and the ids that the expiry commits resolve to (None: unreadable)."""

    keyspaces: dict[int, _Keyspace] = field(default_factory=lambda: defaultdict(_Keyspace))
    breadcrumbs: dict[tuple[Naming, KeyId], list[tuple[BreadcrumbRef, RefName, Oid]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    ids: dict[bytes, int | None] = field(default_factory=dict)
    examined: int = 0
    redirected: bool = False


def plan_sweep(store: Store, progress: Progress = quiet, resolve: Resolve = unresolved) -> Plan:
    """List all keys with their breadcrumbs, resolve the expiry commits, and take every key and every element whose time has passed.

    What has an expiry that cannot be read is kept.
    """
    # The time is taken first: what ends while the listing runs may have breadcrumbs that the listing has missed.
    now = store.now()
    listing = _list(store, progress, resolve)
    plan = Plan("sweep", examined=listing.examined)
    due = {raw for raw, expiry in listing.ids.items() if expiry is None or is_expired(expiry, now)}
    if listing.redirected:
        _spare_redirects(plan, listing, store, due)
    open_ = _Open()
    for shard_length, keyspace in listing.keyspaces.items():
        naming = Naming(shard_length)
        for raw_id, expiry_oid in keyspace.expiries.items():
            if expiry_oid in due:
                _plan_key(plan, open_, listing, naming, keyspace, raw_id, expiry_oid)
        for raw_id, elements in keyspace.elements.items():
            if past := [(element, expiry) for element, expiry in iter_unpack(_ELEMENT, elements) if expiry in due]:
                _sort_elements(plan, open_, listing, naming, keyspace, raw_id, past)
    plan_elements(plan, open_.ended, store)
    _confirm_unreadable(plan, listing, store)
    _confirm_orphans(plan, open_.orphans, store, progress)
    _count(plan, listing, now)
    return plan


def _list(store: Store, progress: Progress, resolve: Resolve) -> _Listing:
    listing = _Listing()
    for name, oid in list_refs(store, [KEYS_PREFIX, OUR_TAGS_PREFIX], "sweep: listing", progress):
        if name == DUMMY_TREE_TAG:
            # Of an encrypted database the tag may tell of redirects, too; whether it does, only what it points at says.
            listing.redirected = oid != NULL_COMMIT.oid
            continue
        listing.examined += 1
        if record := record_parts(name):
            shard_length, kind, key_id, element = record
            _file(listing, listing.keyspaces[shard_length], kind, key_id, element, oid)
        elif isinstance(ref := parse(name), BreadcrumbRef):
            listing.breadcrumbs[naming_of(name), ref.key_id].append((ref, name, oid))
    oids = {Oid(raw.hex()) for raw in listing.ids}
    objects = with_expiries(oids, store.objects(oids), resolve)
    for raw in listing.ids:
        record_commit = objects.get(Oid(raw.hex()))
        try:
            listing.ids[raw] = None if record_commit is None else decode_expiry(record_commit)
        except MalformedRecordError:
            listing.ids[raw] = None  # unknown means keep: the plan reports every key that has it
    return listing


def _spare_redirects(plan: Plan, listing: _Listing, store: Store, due: AbstractSet[bytes]) -> None:
    """Take from the expiries those beside redirects, which do not expire. Only where keys are redirected, values are looked at."""
    for shard_length, keyspace in listing.keyspaces.items():
        beside = {
            raw_id: Oid(keyspace.values[raw_id].hex())
            for raw_id, expiry_oid in keyspace.expiries.items()
            if expiry_oid in due and raw_id in keyspace.values
        }
        values = store.objects(set(beside.values()))
        for raw_id, oid in beside.items():
            if redirect_of(values.get(oid)) is not None:
                del keyspace.expiries[raw_id]
                name = Naming(shard_length).expiry(KeyId(raw_id.hex()))
                plan.left.append(Left(name, "beside a redirect, which does not expire", notable=False))


def _file(listing: _Listing, keyspace: _Keyspace, kind: str, key_id: str, element: str | None, oid: Oid) -> None:
    raw = bytes.fromhex(oid)
    match kind:
        case "val":
            keyspace.values[bytes.fromhex(key_id)] = raw
        case "exp" if element is None:
            listing.ids.setdefault(raw, None)
            keyspace.expiries[bytes.fromhex(key_id)] = raw
        case "key":
            keyspace.keys[bytes.fromhex(key_id)] = raw
        case "exp":
            listing.ids.setdefault(raw, None)
            keyspace.elements[bytes.fromhex(key_id)] += bytes.fromhex(f"{element}{oid}")


def _plan_key(
    plan: Plan,
    open_: _Open,
    listing: _Listing,
    naming: Naming,
    keyspace: _Keyspace,
    raw_id: bytes,
    expiry_oid: bytes,
) -> None:
    expiry = listing.ids[expiry_oid]
    key_id = KeyId(raw_id.hex())
    name = naming.expiry(key_id)
    if expiry is None:
        plan.left.append(Left(name, _UNREADABLE))
        return
    ending = RefUpdate(name, Oid(expiry_oid.hex()), DELETE)
    if raw_id not in keyspace.values:
        orphan = Action(name, f"an expiry without a key, expired {iso_utc(expiry)}", Transaction((ending,)))
        open_.orphans.append(_Orphan(naming.value(key_id), orphan))
        return
    # The value goes first: without its value a key is absent, whatever else is still there.
    updates = [RefUpdate(naming.value(key_id), Oid(keyspace.values[raw_id].hex()), DELETE), ending]
    if raw_id in keyspace.keys:
        updates.append(RefUpdate(naming.key(key_id), Oid(keyspace.keys[raw_id].hex()), DELETE))
    until = timestamp(Micros(expiry * SECOND))
    crumbs = listing.breadcrumbs.get((naming, key_id), ())
    updates += [RefUpdate(crumb, oid, DELETE) for ref, crumb, oid in crumbs if ref.time <= until]
    # Whatever it says, an element's expiry means nothing without the key.
    updates += (_ending(naming, key_id, *found) for found in iter_unpack(_ELEMENT, keyspace.elements.pop(raw_id, b"")))
    plan.actions.append(Action(naming.value(key_id), f"expired {iso_utc(expiry)}", Transaction(tuple(updates))))


def _sort_elements(
    plan: Plan,
    open_: _Open,
    listing: _Listing,
    naming: Naming,
    keyspace: _Keyspace,
    raw_id: bytes,
    past: Sequence[tuple[bytes, bytes]],
) -> None:
    """Leave alone which of a key's element expiries are unreadable; note what to look at for the others."""
    key_id = KeyId(raw_id.hex())
    endings: dict[Oid, RefUpdate] = {}
    for element, expiry in past:
        ending = _ending(naming, key_id, element, expiry)
        if listing.ids[expiry] is None:
            plan.left.append(Left(ending.name, _UNREADABLE))
        else:
            endings[Oid(element.hex())] = ending
    value_name = naming.value(key_id)
    if endings and raw_id in keyspace.values:
        open_.ended.append(Ended(value_name, Oid(keyspace.values[raw_id].hex()), endings))
    elif endings:
        updates = tuple(endings.values())
        why = f"{counted(len(updates), 'expiry', 'expiries')} of elements without a key"
        open_.orphans.append(_Orphan(value_name, Action(updates[0].name, why, Transaction(updates))))


def _ending(naming: Naming, key_id: KeyId, element: bytes, expiry: bytes) -> RefUpdate:
    return RefUpdate(naming.element_expiry(key_id, Oid(element.hex())), Oid(expiry.hex()), DELETE)


def _confirm_unreadable(plan: Plan, listing: _Listing, store: Store) -> None:
    """Report as unreadable only those expiries that, read again, still point at what cannot be read."""
    names = tuple(RefName(left.ref) for left in plan.left if left.why == _UNREADABLE)
    seen = store.read(Selection(names)) if names else Snapshot({})
    still = {name for name, oid in seen.refs.items() if bytes.fromhex(oid) in listing.ids and not _is_expiry(seen.objects.get(oid))}
    plan.left = [left for left in plan.left if left.why != _UNREADABLE or left.ref in still]


def _is_expiry(target: GitObject | None) -> bool:
    try:
        return target is not None and decode_expiry(target) is not None
    except MalformedRecordError:
        return False


def _confirm_orphans(plan: Plan, orphans: Sequence[_Orphan], store: Store, progress: Progress) -> None:
    """Keep those expiries without a key whose key is still absent now.

    A listing is no snapshot: the value may only have been listed too early. Read after its expiry and still absent, it can come
    back with another expiry only, which the deletion by oid then misses. The same holds for its elements.
    """
    present = read_refs(store, [orphan.value_name for orphan in orphans], "sweep: listing again", progress)
    plan.actions += [orphan.action for orphan in orphans if orphan.value_name not in present]


def _count(plan: Plan, listing: _Listing, now: Micros) -> None:
    horizon: dict[str, int] = dict.fromkeys([*(label for label, _ in _HORIZON), _LATER, _NEVER], 0)
    keys = expired = 0
    for keyspace in listing.keyspaces.values():
        expiring = Tally(raw for key_id, raw in keyspace.expiries.items() if key_id in keyspace.values)
        keys += len(keyspace.values)
        horizon[_NEVER] += len(keyspace.values) - expiring.total()
        for raw, count in expiring.items():
            expiry = listing.ids[raw]
            if expiry is None:
                continue
            if is_expired(expiry, now):
                expired += count
            else:
                horizon[_bucket(expiry * SECOND - now)] += count
    taken = [action.elements for action in plan.actions if action.elements]
    plan.facts = {
        "keys": keys,
        "live": keys - expired,
        "expired": expired,
        "expiredElements": sum(taken),
        "collections": len(taken),
    }
    plan.expiries = horizon


def _bucket(left: int) -> str:
    return next((label for label, seconds in _HORIZON if left <= seconds * SECOND), _LATER)
