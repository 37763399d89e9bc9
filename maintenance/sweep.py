"""sweep: remove the refs of keys whose expiry has passed."""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from git_keyval.errors import MalformedRecordError
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.names import (
    BREADCRUMBS_PREFIX,
    KEYS_PREFIX,
    BreadcrumbRef,
    KeyId,
    Naming,
    RefName,
    naming_of,
    parse,
    record_parts,
)
from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND, Micros, iso_utc, timestamp
from git_keyval.store.port import DELETE, RefUpdate, Store, Transaction
from maintenance.execute import Progress
from maintenance.listing import list_refs, quiet
from maintenance.plan import Action, Left, Plan
from maintenance.snapshot import read_refs

_HOUR, _DAY = 3600, 86_400
_HORIZON = (
    ("within 1 hour", _HOUR),
    ("within 1 day", _DAY),
    ("within 7 days", 7 * _DAY),
    ("within 30 days", 30 * _DAY),
)
_LATER, _NEVER = "later", "never"


@dataclass(slots=True)
class _Keyspace:
    """The refs of all keys of one shard length. Ids and oids are kept as bytes: a database may have a million of them."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    expiries: dict[bytes, bytes] = field(default_factory=dict)
    keys: dict[bytes, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Listing:
    """Everything that the sweep listed, and the ids that the expiry commits resolve to (None: unreadable)."""

    keyspaces: dict[int, _Keyspace] = field(default_factory=lambda: defaultdict(_Keyspace))
    breadcrumbs: dict[tuple[Naming, KeyId], list[tuple[BreadcrumbRef, RefName, Oid]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    ids: dict[bytes, int | None] = field(default_factory=dict)
    examined: int = 0


def plan_sweep(store: Store, progress: Progress = quiet) -> Plan:
    """List all keys with their breadcrumbs, resolve the expiry commits, and take every key whose time has passed.

    A key whose expiry cannot be read is kept.
    """
    # The time is taken first: what ends while the listing runs may have breadcrumbs that the listing has missed.
    now = store.now()
    listing = _list(store, progress)
    plan = Plan("sweep", examined=listing.examined)
    due = {raw for raw, expiry in listing.ids.items() if expiry is None or is_expired(expiry, now)}
    orphans: list[Action] = []
    for shard_length, keyspace in listing.keyspaces.items():
        for key_id, expiry_oid in keyspace.expiries.items():
            if expiry_oid not in due:
                continue
            _plan_key(plan, orphans, listing, Naming(shard_length), keyspace, key_id, expiry_oid)
    _confirm_orphans(plan, orphans, store, progress)
    _count(plan, listing, now)
    return plan


def _list(store: Store, progress: Progress) -> _Listing:
    listing = _Listing()
    for name, oid in list_refs(store, [KEYS_PREFIX, BREADCRUMBS_PREFIX], "sweep: listing", progress):
        listing.examined += 1
        if record := record_parts(name):
            shard_length, kind, key_id, element = record
            _file(listing, listing.keyspaces[shard_length], kind, key_id, element, oid)
        elif isinstance(ref := parse(name), BreadcrumbRef):
            listing.breadcrumbs[naming_of(name), ref.key_id].append((ref, name, oid))
    objects = store.objects(Oid(raw.hex()) for raw in listing.ids)
    for raw in listing.ids:
        record_commit = objects.get(Oid(raw.hex()))
        try:
            listing.ids[raw] = None if record_commit is None else decode_expiry(record_commit)
        except MalformedRecordError:
            listing.ids[raw] = None  # unknown means keep: the plan reports every key that has it
    return listing


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


def _plan_key(
    plan: Plan,
    orphans: list[Action],
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
        plan.left.append(Left(name, "its expiry commit cannot be read"))
        return
    ending = RefUpdate(name, Oid(expiry_oid.hex()), DELETE)
    if raw_id not in keyspace.values:
        orphans.append(Action(name, f"an expiry without a key, expired {iso_utc(expiry)}", Transaction((ending,))))
        return
    # The value goes first: without its value a key is absent, whatever else is still there.
    updates = [RefUpdate(naming.value(key_id), Oid(keyspace.values[raw_id].hex()), DELETE), ending]
    if raw_id in keyspace.keys:
        updates.append(RefUpdate(naming.key(key_id), Oid(keyspace.keys[raw_id].hex()), DELETE))
    until = timestamp(Micros(expiry * SECOND))
    crumbs = listing.breadcrumbs.get((naming, key_id), ())
    updates += [RefUpdate(crumb, oid, DELETE) for ref, crumb, oid in crumbs if ref.time <= until]
    plan.actions.append(Action(naming.value(key_id), f"expired {iso_utc(expiry)}", Transaction(tuple(updates))))


def _confirm_orphans(plan: Plan, orphans: Sequence[Action], store: Store, progress: Progress) -> None:
    """Keep those expiries without a key whose key is still absent now.

    A listing is no snapshot: the value may only have been listed too early. Read after its expiry and still absent, it can come
    back with another expiry only, which the deletion by oid then misses.
    """
    values = {action: _value_name(action.ref) for action in orphans}
    present = read_refs(store, list(values.values()), "sweep: listing again", progress)
    plan.actions += [action for action, value in values.items() if value not in present]


def _value_name(expiry_name: RefName) -> RefName:
    return RefName(expiry_name.replace("/exp-", "/val-"))


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
    plan.facts = {"keys": keys, "live": keys - expired, "expired": expired}
    plan.expiries = horizon


def _bucket(left: int) -> str:
    return next((label for label, seconds in _HORIZON if left <= seconds * SECOND), _LATER)
