"""publish-expiries: keep an expiry registry filled, so that readers of any database find ids in it that they cannot fetch."""

from collections.abc import Iterator, Mapping
from functools import partial

from git_keyval.database.database import Database
from git_keyval.database.listing import list_refs
from git_keyval.errors import MalformedRecordError
from git_keyval.format.expiry import expiry_id
from git_keyval.format.names import REGISTRY_PREFIX, PublishedRef, RefName, parse
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.registry import DAY, Entry, decode_entry, encode_entry
from git_keyval.format.times import SECOND, Micros
from git_keyval.maintenance.bulkhead import attempt_record
from git_keyval.maintenance.plan import Action, Counts, Kind, Left, Plan, Trouble
from git_keyval.store.port import ABSENT, Depth, RefUpdate, Snapshot, Store, Transaction
from git_keyval.store.targets import read_targets

JOB = "publish-expiries"
DAYS_BACK = 30
"""Keys that have expired and were not swept yet have ids that are past, and a new registry needs those, too."""


def plan_publish(database: Database, horizon_seconds: int) -> Plan:
    """List the registry, verify what is there, and create what is missing of every day from 30 days ago to the horizon.

    What is wrong is reported and never moved: a CDN that has served it goes on doing so.
    """
    # The server takes the objects of each tag one by one, so a batch costs as much as its tags, and does not grow.
    plan = Plan(JOB, batch=database.store.capabilities.batch)
    now = database.now()
    listed = list_refs(database, [REGISTRY_PREFIX], f"{JOB}: listing")
    published = {name: oid for name, oid in listed if isinstance(parse(name), PublishedRef)}
    plan.examined = len(published)
    entries = dict(_entries(now, horizon_seconds))
    known = {entry.tag: entry.record.commit.oid for entry in entries.values()}
    plan.add(_verify(database.store, {name: oid for name, oid in published.items() if known.get(name) != oid}))
    for expiry, entry in entries.items():
        if entry.tag not in published:
            creation = Transaction((RefUpdate(entry.tag, ABSENT, entry.record.commit.oid),), entry.record.objects)
            plan.actions.append(Action(entry.tag, Kind.PUBLISH_EXPIRY, creation, Counts(published=1), expiry))
    plan.facts = {"wanted": len(entries), "published": len(published.items() & known.items())}
    return plan


def _entries(now: Micros, horizon_seconds: int) -> Iterator[tuple[int, Entry]]:
    """Make the entries that there shall be, the most urgent first: what expires soon, then what has expired."""
    next_day = expiry_id(now, DAY)
    last = expiry_id(Micros(now + horizon_seconds * SECOND), DAY)
    for expiry in (*range(next_day, last + 1, DAY), *range(next_day - DAY, next_day - DAYS_BACK * DAY - 1, -DAY)):
        yield expiry, encode_entry(expiry)


def _verify(store: Store, others: Mapping[RefName, Oid]) -> Iterator[Left]:
    """Report what does not point at the id that it goes by, among tags of other days and those that are not as they should be."""
    seen = read_targets(store, others, Depth.VALUES) if others else Snapshot({})
    for name, oid in seen.refs.items():
        if oid in seen.objects:
            yield from attempt_record(partial(_verify_entry, name, oid, seen.objects), partial(Left, name, Trouble.UNREADABLE))
        else:
            yield Left(name, Trouble.MISSING)


def _verify_entry(name: RefName, oid: Oid, objects: Mapping[Oid, GitObject]) -> Iterator[Left]:
    ref = parse(name)
    assert isinstance(ref, PublishedRef)
    try:
        decode_entry(ref.expiry, objects[oid], objects)
    except MalformedRecordError as exc:
        yield Left(name, Trouble.MALFORMED, exc.reason)
