"""gather: fold counter breadcrumbs into their counters."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from operator import itemgetter
from typing import TypeAlias

from git_keyval.database.database import Database
from git_keyval.database.keys import KeyView
from git_keyval.database.listing import list_refs, read_refs
from git_keyval.errors import BoundError, CounterOverflowError, MalformedRecordError
from git_keyval.format.counters import Breadcrumb, Counter, counting, encode_counter, fold, is_ahead, read_breadcrumb
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import BREADCRUMBS_PREFIX, BreadcrumbRef, KeyId, Naming, RefName, naming_of, parse
from git_keyval.format.objects import Oid
from git_keyval.format.registry import DAY, with_expiries
from git_keyval.format.times import SECOND, Micros, Timestamp, timestamp
from git_keyval.light_dataclasses import replace
from git_keyval.maintenance.bulkhead import attempt_record
from git_keyval.maintenance.plan import Action, Counts, Item, Kind, Left, Plan, Trouble, Waiting
from git_keyval.store.port import RefUpdate, Snapshot, Transaction
from git_keyval.store.targets import read_targets

FIRST_FOLDED, MAX_FOLDED = 1_000, 5_000
"""How many breadcrumbs of a counter the first transaction folds, and each later one.

The counter remembers all that one transaction folds: with the longest operation ids, 5,000 are 470 KB of its message. Where a
server takes no such push, the first one still goes through, so that every run takes the counter further.
"""

_HOUR = 3600
_AGES = {"up to 5 minutes": 300, "up to 1 hour": _HOUR, "up to 6 hours": 6 * _HOUR, "up to 1 day": DAY, "up to 7 days": 7 * DAY}
_OLDER = "older"
_NO_ROOM = CounterOverflowError().reason

_Trail: TypeAlias = list[tuple[RefName, Oid, BreadcrumbRef]]
"""The breadcrumbs of one key as listed."""


def plan_gather(database: Database, grace_seconds: int) -> Plan:
    """List the breadcrumbs, then read their counters, and decide for each counter what to fold.

    The order matters: what another gather folds in between is then found in the counter.
    """
    trails = _list_trails(database)
    plan = Plan("gather", examined=sum(map(len, trails.values())))
    if not trails:
        return plan
    keys = [name for naming, key_id in trails for name in (naming.expiry(key_id), naming.value(key_id))]
    refs = read_refs(database, keys, "gather: listing the keys")
    crumbs = {name: oid for trail in trails.values() for name, oid, _ in trail}
    seen = read_targets(database.store, {**crumbs, **refs})
    expiries = [seen.refs[name] for naming, key_id in trails if (name := naming.expiry(key_id)) in seen.refs]
    seen = replace(seen, objects=with_expiries(expiries, seen.objects, database.resolve))
    now = database.now()
    old = timestamp(Micros(now - grace_seconds * SECOND))
    for (naming, key_id), trail in trails.items():
        view = KeyView.of(naming, key_id, seen, now)
        work = partial(_plan_trail, view, trail, old, database.new_op)
        plan.add(attempt_record(work, partial(Left, view.value_name, Trouble.UNGATHERABLE)))
    plan.facts = {"counters": len(trails)}
    plan.ages = _ages((ref.time for trail in trails.values() for _, _, ref in trail), now)
    return plan


def _list_trails(database: Database) -> Mapping[tuple[Naming, KeyId], _Trail]:
    trails: dict[tuple[Naming, KeyId], _Trail] = defaultdict(list)
    for name, oid in list_refs(database, [BREADCRUMBS_PREFIX], "gather: listing"):
        ref = parse(name)
        if isinstance(ref, BreadcrumbRef):
            trails[naming_of(name), ref.key_id].append((name, oid, ref))
    return trails


def _ages(times: Iterable[Timestamp], now: Micros) -> dict[str, int]:
    """Count the breadcrumbs by age: how far the counters are behind. A time ahead counts as none at all."""
    counts = dict.fromkeys([*_AGES, _OLDER], 0)
    labels = list(counts)
    # A time sorts as its text does, so that none has to be parsed; the oldest first.
    limits = [timestamp(Micros(max(0, now - seconds * SECOND))) for seconds in reversed(_AGES.values())]
    for time in times:
        counts[labels[-1 - bisect_right(limits, time)]] += 1
    return counts


def _plan_trail(view: KeyView, trail: _Trail, old: Timestamp, new_op: Callable[[], str]) -> Iterator[Item]:
    crumbs: list[Breadcrumb] = []
    ripe: list[Breadcrumb] = []
    for found in _read_breadcrumbs(trail, view.seen):
        if isinstance(found, Left):
            yield found
            continue
        crumbs.append(found)
        # A time far ahead comes from a wrong clock; waiting for it could take years.
        if found.time <= old or is_ahead(found.time, view.now):
            ripe.append(found)
        else:
            yield Left(found.name, Waiting.YOUNG)
    if ripe:
        yield from _plan_ripe(view, crumbs, ripe, new_op)


def _plan_ripe(
    view: KeyView, crumbs: Sequence[Breadcrumb], ripe: Sequence[Breadcrumb], new_op: Callable[[], str]
) -> Iterator[Item]:
    if view.redirect() is not None:
        yield from (Left(crumb.name, Trouble.REDIRECTED) for crumb in ripe)
        return
    try:
        alive = view.alive()
        base = view.held_counter()
    except MalformedRecordError as exc:
        yield from (Left(crumb.name, Trouble.UNREADABLE_COUNTER, exc.reason) for crumb in ripe)
        return
    if base is None:
        yield from _deletions(view, Kind.DELETE_STRAY_BREADCRUMBS, ripe)
    elif view.version is not None and not alive and not counting(base, crumbs):
        yield from (Left(crumb.name, Waiting.ENDS_WITH_COUNTER) for crumb in ripe)
    else:
        yield from _fold(view, base, crumbs, ripe, new_op)


def _names(crumbs: Iterable[Breadcrumb]) -> set[RefName]:
    return {crumb.name for crumb in crumbs}


def _fold(
    view: KeyView, base: Counter, crumbs: Sequence[Breadcrumb], ripe: Sequence[Breadcrumb], new_op: Callable[[], str]
) -> Iterator[Item]:
    """Plan the transactions that fold the ripe breadcrumbs; where they start a new life, the old expiry goes."""
    expect, waiting, stored = view.expected(view.value_name), list(crumbs), base
    endings = () if view.alive() else view.deletions(view.expiry_name)
    for start, taking in _portions(ripe):
        counts = _names(counting(base, waiting)) & _names(taking)
        if not counts:
            yield _deletion(view, Kind.DELETE_VOID_BREADCRUMBS, taking)
            continue
        try:
            folded, taken = fold(base, waiting, taking=taking, op=new_op(), now=view.now)
        except BoundError as exc:
            yield from _plan_stuck(view, ripe[start:], _names(counting(base, waiting)), stored, exc.reason)
            return
        added = folded.seq - base.seq
        if not added:
            yield from _plan_stuck(view, taking, counts, stored, _NO_ROOM)
            continue
        gone = _names(taken)
        yield from (Left(name, Trouble.NO_ROOM, _NO_ROOM) for name in sorted(counts - gone))
        commit = encode_counter(folded)
        updates = (RefUpdate(view.value_name, expect, commit.oid), *endings, *view.deletions(*(crumb.name for crumb in taken)))
        transaction = Transaction(updates, (*DUMMY_OBJECTS, commit))
        yield Action(view.value_name, Kind.FOLD_BREADCRUMBS, transaction, Counts(added, len(taken) - added))
        base, expect, endings = folded, commit.oid, ()
        waiting = [crumb for crumb in waiting if crumb.name not in gone]


def _plan_stuck(
    view: KeyView, stuck: Sequence[Breadcrumb], counts: AbstractSet[RefName], stored: Counter, why: str
) -> Iterator[Item]:
    """Leave the increments that a counter has no room for; what is void goes all the same.

    A null breadcrumb goes only if the counter as it is stored knows of its time: otherwise the breadcrumbs that it voids would
    count again.
    """
    void: list[Breadcrumb] = []
    for crumb in stuck:
        if crumb.name in counts:
            yield Left(crumb.name, Trouble.NO_ROOM, why)
        elif crumb.delta is None and (stored.set_at is None or crumb.time > stored.set_at):
            yield Left(crumb.name, Waiting.VOIDS_OTHERS)
        else:
            void.append(crumb)
    yield from _deletions(view, Kind.DELETE_VOID_BREADCRUMBS, void)


def _portions(crumbs: Sequence[Breadcrumb]) -> Iterator[tuple[int, Sequence[Breadcrumb]]]:
    """Divide breadcrumbs into what one transaction takes; each portion with the place where it begins."""
    begin, end = 0, FIRST_FOLDED
    while begin < len(crumbs):
        yield begin, crumbs[begin:end]
        begin, end = end, end + MAX_FOLDED


def _read_breadcrumbs(trail: _Trail, seen: Snapshot) -> Iterator[Breadcrumb | Left]:
    for name, oid, ref in sorted(trail, key=itemgetter(0)):
        if seen.refs.get(name) != oid:
            continue  # folded by another gather since it was listed
        target = seen.objects.get(oid)
        if target is None:
            yield Left(name, Trouble.MISSING)
            continue
        try:
            yield read_breadcrumb(name, ref.time, ref.op, target)
        except MalformedRecordError as exc:
            yield Left(name, Trouble.MALFORMED, exc.reason)


def _deletions(view: KeyView, kind: Kind, crumbs: Sequence[Breadcrumb]) -> Iterator[Action]:
    return (_deletion(view, kind, taking) for _, taking in _portions(crumbs))


def _deletion(view: KeyView, kind: Kind, void: Sequence[Breadcrumb]) -> Action:
    gone = view.deletions(*(crumb.name for crumb in void))
    return Action(view.value_name, kind, Transaction(gone), Counts(void_breadcrumbs=len(void)))
