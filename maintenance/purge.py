"""purge: delete what was parked below gc/, and breadcrumbs that no gather can ever use, once they are old."""

from git_keyval.errors import MalformedRecordError
from git_keyval.format.counters import decode_delta
from git_keyval.format.names import (
    BREADCRUMBS_PREFIX,
    GC_PREFIX,
    LITERAL_GC_PREFIX,
    BreadcrumbRef,
    GcRef,
    RefName,
    parse,
)
from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND, Micros, Timestamp, timestamp
from git_keyval.store.port import DELETE, RefUpdate, Store, Transaction
from git_keyval.store.targets import read_targets
from maintenance.execute import Progress
from maintenance.listing import list_refs, quiet
from maintenance.plan import Action, Left, Plan


def plan_purge(store: Store, retention_seconds: int, progress: Progress = quiet) -> Plan:
    """List what is parked and all breadcrumbs; take by the time in the name what is older than the retention."""
    plan = Plan("purge")
    old = timestamp(Micros(max(0, store.now() - retention_seconds * SECOND)))
    doubtful: dict[RefName, Oid] = {}
    for name, oid in list_refs(store, [GC_PREFIX, LITERAL_GC_PREFIX, BREADCRUMBS_PREFIX], "purge: listing", progress):
        ref = parse(name)
        if ref is None:
            continue
        plan.examined += 1
        if isinstance(ref, GcRef):
            _plan_parked(plan, name, oid, ref.time, old)
        elif isinstance(ref, BreadcrumbRef) and ref.time <= old:
            doubtful[name] = oid
    seen = read_targets(store, doubtful)
    for name, oid in seen.refs.items():
        if oid not in seen.objects:
            plan.left.append(Left(name, "the object that it points at is missing, or too large"))
            continue
        try:
            decode_delta(seen.objects[oid])
        except MalformedRecordError as exc:
            plan.actions.append(_deletion(name, oid, f"malformed: {exc.reason}"))
    plan.facts = {"parked": sum(action.ref.startswith((GC_PREFIX, LITERAL_GC_PREFIX)) for action in plan.actions)}
    return plan


def _plan_parked(plan: Plan, name: RefName, oid: Oid, time: Timestamp, old: Timestamp) -> None:
    if time <= old:
        plan.actions.append(_deletion(name, oid, "parked longer than the retention"))
    else:
        plan.left.append(Left(name, "parked more recently than the retention", notable=False))


def _deletion(name: RefName, oid: Oid, why: str) -> Action:
    return Action(name, why, Transaction((RefUpdate(name, oid, DELETE),)))
