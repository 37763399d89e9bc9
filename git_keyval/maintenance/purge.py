"""purge: delete what was parked below gc/, and breadcrumbs that no gather can ever use, once they are old."""

from collections.abc import Iterator
from functools import partial

from git_keyval.database.database import Database
from git_keyval.database.listing import list_refs
from git_keyval.errors import MalformedRecordError
from git_keyval.format.counters import decode_delta
from git_keyval.format.names import BREADCRUMBS_PREFIX, GC_PREFIX, LITERAL_GC_PREFIX, BreadcrumbRef, GcRef, RefName, parse
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.maintenance.bulkhead import attempt_record
from git_keyval.maintenance.plan import Action, Counts, Item, Kind, Left, Plan, Trouble, Waiting
from git_keyval.store.port import DELETE, RefUpdate, Transaction
from git_keyval.store.targets import read_targets


def plan_purge(database: Database, retention_seconds: int) -> Plan:
    """List what is parked and all breadcrumbs; take by the time in the name what is older than the retention."""
    plan = Plan("purge")
    old = timestamp(Micros(max(0, database.now() - retention_seconds * SECOND)))
    doubtful: dict[RefName, Oid] = {}
    for name, oid in list_refs(database, [GC_PREFIX, LITERAL_GC_PREFIX, BREADCRUMBS_PREFIX], "purge: listing"):
        match parse(name):
            case None:
                continue
            case GcRef(time=time) if time > old:
                plan.left.append(Left(name, Waiting.PARKED_LATELY))
            case GcRef():
                plan.actions.append(Action(name, Kind.PURGE_PARKED, _deletion(name, oid), Counts(parked=1)))
            case BreadcrumbRef(time=time) if time <= old:
                doubtful[name] = oid
        plan.examined += 1
    seen = read_targets(database.store, doubtful)
    for name, oid in seen.refs.items():
        work = partial(_plan_breadcrumb, name, oid, seen.objects.get(oid))
        plan.add(attempt_record(work, partial(Left, name, Trouble.UNREADABLE)))
    plan.facts = {"parked": Counts.total(action.counts for action in plan.actions).parked}
    return plan


def _plan_breadcrumb(name: RefName, oid: Oid, target: GitObject | None) -> Iterator[Item]:
    if target is None:
        yield Left(name, Trouble.MISSING)
        return
    try:
        decode_delta(target)
    except MalformedRecordError as exc:
        yield Action(name, Kind.PURGE_MALFORMED, _deletion(name, oid), Counts(malformed=1), reason=exc.reason)


def _deletion(name: RefName, oid: Oid) -> Transaction:
    return Transaction((RefUpdate(name, oid, DELETE),))
