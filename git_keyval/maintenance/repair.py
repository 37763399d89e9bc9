"""repair: take what is damaged out of a database, and touch nothing that can be read.

Like the jobs: what check found is looked at again, planned as data, and executed once. Every transaction says what it expects of
all refs that it moves, so what somebody wrote since is not touched.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import count, islice
from typing import TypeAlias

from git_keyval.database.database import Database
from git_keyval.database.keys import KeyView
from git_keyval.database.ref_table import RefTable
from git_keyval.database.writing import Write, Writer
from git_keyval.format.anchors import Anchor, encode_anchor
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import ANCHOR_TAG, BreadcrumbRef, KeyId, Naming, RecordRef, RefName, naming_of, parse
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros, Timestamp, timestamp
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.maintenance.bulkhead import attempt_record
from git_keyval.maintenance.check import LOST, Inspected, inspect
from git_keyval.maintenance.elements import Ended, plan_elements
from git_keyval.maintenance.execute import Budget, Done, execute
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.maintenance.plan import Action, Counts, Item, Kind, Left, Plan, Trouble, Waiting
from git_keyval.maintenance.report import Mend, Problem
from git_keyval.store.closure import closure, missing
from git_keyval.store.port import ABSENT, DELETE, Depth, RefUpdate, Selection, Snapshot, Store, Transaction, joined

_AT_ONCE = 1_000
"""How many keys are looked at again together."""

_ONE = Counts(repaired=1)
_WITH_ELEMENTS = {Mend.KEY, Mend.ELEMENT, Mend.LEFTOVER, Mend.ORPHAN}
_ELSEWHERE = {None, Mend.ANCHOR, Mend.LOCK}
"""What is mended by nobody, or not where it was found."""

_Place: TypeAlias = tuple[Naming, KeyId] | RefName
"""What is repaired together: a key with all its refs, or another ref."""


def repair_all(work: Maintenance, inspected: Inspected, found: Sequence[Problem], *, dry_run: bool) -> tuple[Done, list[Problem]]:
    """Mend what can be mended, or in a dry run only plan it; return what became of that, and the findings that are left."""
    locks = {lock.name: lock for lock in work.locks()}
    plan, still = plan_repair(work, inspected, found)
    found = [problem for problem in found if problem.mend in _ELSEWHERE or problem.ref in still]
    if dry_run:
        removals = [Action(RefName(name), Kind.REMOVE_LOCK, Transaction(()), _ONE, reason=_reason(found, name)) for name in locks]
        actions = [*removals, *plan.take()]
        return Done(plan, planned=len(actions), applied=actions), found
    removed = [RefName(name) for name, lock in locks.items() if lock.remove()]
    done = execute(work.database, plan, Budget(work.elapsed))
    _put_back(work.database, done)
    mended = {update.name for action in done.applied for update in action.transaction.updates}
    done.planned += len(locks)
    done.applied += [Action(name, Kind.REMOVE_LOCK, Transaction(()), _ONE, reason=_reason(found, name)) for name in removed]
    return done, [problem for problem in found if not _is_mended(problem, mended | set(removed))]


def _put_back(database: Database, done: Done) -> None:
    """Put back what is whole again: somebody wrote it meanwhile, with the very oids that lacked objects, so no ref had moved."""
    lost = [(action, _deleted(action)) for action in done.applied if action.reason.endswith(LOST)]
    found = database.store.objects({oid for _, refs in lost for oid in refs.values()}, Depth.VALUES) if lost else {}
    whole = [(action, refs) for action, refs in lost if not missing(refs.values(), found, Depth.VALUES)]
    for action, refs in whole:
        objects = tuple(closure(refs.values(), found, Depth.VALUES).values())
        Writer(database).write([Write(Transaction(tuple(RefUpdate(name, ABSENT, oid) for name, oid in refs.items()), objects))])
        done.applied.remove(action)
        done.conflicts.append(Left(action.ref, Waiting.CHANGED))


def _deleted(action: Action) -> Mapping[RefName, Oid]:
    return {
        update.name: update.expect
        for update in action.transaction.updates
        if update.new is DELETE and isinstance(update.expect, str)
    }


def _is_mended(problem: Problem, mended: set[RefName]) -> bool:
    return problem.mend is not None and (ANCHOR_TAG if problem.mend is Mend.ANCHOR else problem.ref) in mended


def _reason(found: Iterable[Problem], name: str) -> str:
    return next((problem.problem for problem in found if problem.ref == name), "")


def plan_repair(work: Maintenance, inspected: Inspected, found: Sequence[Problem]) -> tuple[Plan, set[str]]:
    """Look again at what can be mended, and plan what mends it; return with the plan the refs that are still damaged."""
    still: set[str] = set()
    plan = Plan("repair", examined=len(found))
    plan.add(_plan_anchor(work.database.store, inspected, [problem for problem in found if problem.mend is Mend.ANCHOR]))
    places: dict[_Place, list[Problem]] = defaultdict(list)
    for problem in found:
        if problem.mend not in _ELSEWHERE:
            places[_place(RefName(problem.ref))].append(problem)
    waiting = iter(places.items())
    while batch := dict(islice(waiting, _AT_ONCE)):
        again = _read_again(work.database.store, batch)
        now = work.database.now()
        _, problems = inspect(work.database, RefTable(again.items()), now)
        still.update(problem.ref for problem in problems)
        plan.add(_plan_batch(work.database.store, again, now, problems, batch))
    return plan, still


def _place(name: RefName) -> _Place:
    """Return the key that a ref of a record belongs to; any other ref stands for itself."""
    ref = parse(name)
    return (naming_of(name), ref.key_id) if isinstance(ref, RecordRef | BreadcrumbRef) else name


def _read_again(store: Store, places: Mapping[_Place, Sequence[Problem]]) -> Mapping[RefName, Oid]:
    """Return all refs that say whether these findings are still so: all of their keys, but only those breadcrumbs."""
    names: list[RefName] = [ANCHOR_TAG]
    prefixes: list[str] = []
    for place, problems in places.items():
        names += [RefName(problem.ref) for problem in problems]
        if isinstance(place, tuple):
            naming, key_id = place
            names += [naming.expiry(key_id), naming.key(key_id), naming.value(key_id)]
            prefixes += [naming.element_expiries(key_id)] if _WITH_ELEMENTS & {problem.mend for problem in problems} else []
    return store.read(Selection(tuple(dict.fromkeys(names)), tuple(prefixes)), depth=Depth.OIDS).refs


def _plan_anchor(store: Store, inspected: Inspected, problems: Sequence[Problem]) -> Iterator[Item]:
    """Make the anchor say what holds for the database: that keys are redirected, if any is; what it says of encryption stays."""
    if not problems:
        return
    before = inspected.anchor or Anchor()
    anchor = encode_anchor(replace(before, redirected=before.redirected or "redirected" in inspected.noticed))
    expect = inspected.refs.get(ANCHOR_TAG, ABSENT)
    if store.read(Selection((ANCHOR_TAG,)), depth=Depth.OIDS).expected(ANCHOR_TAG) != expect:
        yield Left(ANCHOR_TAG, Waiting.CHANGED)
        return
    update = RefUpdate(ANCHOR_TAG, expect, anchor.oid)
    yield Action(ANCHOR_TAG, Kind.MAKE_ANCHOR, Transaction((update,), (*DUMMY_OBJECTS, anchor)), _ONE, reason=problems[0].problem)


def _plan_batch(
    store: Store, fresh: Mapping[RefName, Oid], now: Micros, found: Sequence[Problem], places: Mapping[_Place, Sequence[Problem]]
) -> Iterator[Item]:
    """Plan what mends those of the findings that are still there."""
    still: dict[_Place, dict[RefName, Problem]] = defaultdict(dict)
    # What breaks a rule says more of a ref than what is only worth a look: it comes last, and counts.
    for problem in sorted(found, key=lambda problem: problem.severity, reverse=True):
        still[_place(RefName(problem.ref))][RefName(problem.ref)] = problem
    refs: dict[_Place, dict[RefName, Oid]] = defaultdict(dict)
    for name, oid in fresh.items():
        refs[_place(name)][name] = oid
    commits = {oid for oid, target in store.objects(set(fresh.values())).items() if target.kind == "commit"}
    for place in places:
        damaged = _Damaged(place, refs[place], still[place], commits, now, _times(now))
        yield from attempt_record(
            partial(_plan, damaged, store), partial(Left, next(iter(refs[place]), ANCHOR_TAG), Trouble.UNREADABLE)
        )


def _times(now: Micros) -> Iterator[Timestamp]:
    return (timestamp(Micros(now + number)) for number in count())


@dataclass(frozen=True, slots=True)
class _Damaged:
    """A key, or another ref, that is damaged: its refs as they are now, and what is wrong with them.

    ``commits`` can be parked, each at another one of the ``times``: they make names.
    """

    place: _Place
    refs: Mapping[RefName, Oid]
    found: Mapping[RefName, Problem]
    commits: AbstractSet[Oid]
    now: Micros
    times: Iterator[Timestamp]

    def to_mend(self, *ways: Mend) -> list[RefName]:
        """Return the refs that are mended in one of these ways."""
        return [name for name, problem in self.found.items() if problem.mend in ways]

    def deletions(self, names: Iterable[RefName]) -> tuple[RefUpdate, ...]:
        """Return what deletes those of the refs that are there, as they are now."""
        return tuple(RefUpdate(name, self.refs[name], DELETE) for name in names if name in self.refs)

    def parked(self, names: Iterable[RefName], key_id: KeyId) -> tuple[RefUpdate, ...]:
        """Return what parks what these refs point at, as far as it is a commit, under a name for each."""
        oids = list(dict.fromkeys(self.refs[name] for name in names if self.refs.get(name) in self.commits))
        return tuple(RefUpdate(Naming.parked(key_id, next(self.times)), ABSENT, oid) for oid in oids)

    def action(self, name: RefName, *updates: RefUpdate) -> Action:
        """Return the action that moves these refs because of what is wrong with one of them."""
        parks = any(update.expect is ABSENT for update in updates)
        kind = Kind.PARK_DAMAGED if parks else Kind.DELETE_DAMAGED
        return Action(name, kind, Transaction(updates), _ONE, reason=self.found[name].problem)


def _plan(damaged: _Damaged, store: Store) -> Iterator[Item]:
    for name in damaged.to_mend(Mend.VOID, Mend.PARKED, Mend.PUBLISHED):
        yield damaged.action(name, *damaged.deletions([name]))
    if isinstance(damaged.place, tuple):
        yield from _plan_breadcrumbs(damaged, damaged.place[1])
        yield from _plan_key(damaged, *damaged.place, store)


def _plan_breadcrumbs(damaged: _Damaged, key_id: KeyId) -> Iterator[Action]:
    for name in damaged.to_mend(Mend.BREADCRUMB):
        yield damaged.action(name, *damaged.parked([name], key_id), *damaged.deletions([name]))


def _plan_key(damaged: _Damaged, naming: Naming, key_id: KeyId, store: Store) -> Iterator[Item]:
    """Plan for a key without a readable value or expiry that it goes; else what is wrong beside its value.

    A key of which anything may be of a later release, or is for a person to decide, is left as it is.
    """
    if any(found.mend is None and found.severity == "error" and _record_ref(name) for name, found in damaged.found.items()):
        return
    value = naming.value(key_id)
    if unreadable := damaged.to_mend(Mend.KEY):
        # Where it is the expiry that nobody can read, nobody may see the value either. Increments that wait stay: they count.
        whole = [value, *(name for name in damaged.refs if isinstance(parse(name), RecordRef) and name != value)]
        parked = damaged.parked([value, *unreadable, *damaged.to_mend(Mend.NAME)], key_id)
        yield damaged.action(unreadable[0], *parked, *damaged.deletions(whole))
        return
    there = damaged.refs.get(value)
    asserted = () if there is None else (RefUpdate(value, there, there),)
    for name in damaged.to_mend(Mend.NAME):
        yield damaged.action(name, *damaged.parked([name], key_id), *asserted, *damaged.deletions([name]))
    expiries = damaged.to_mend(Mend.ELEMENT, Mend.LEFTOVER, Mend.ORPHAN)
    if there is None:
        yield from (damaged.action(name, *damaged.deletions([name])) for name in expiries if _is_over(damaged, name, store))
    elif expiries:
        yield from _plan_elements(damaged, KeyView.of(naming, key_id, Snapshot({value: there}), damaged.now), expiries, store)


def _is_over(damaged: _Damaged, name: RefName, store: Store) -> bool:
    """Return whether an expiry without a value can go: a key that is written just now may have the same, if it is still to come."""
    if damaged.found[name].mend is not Mend.ORPHAN:
        return True
    commit = store.objects([damaged.refs[name]]).get(damaged.refs[name])
    return commit is not None and is_expired(decode_expiry(commit), damaged.now)


def _plan_elements(damaged: _Damaged, view: KeyView, expiries: Sequence[RefName], store: Store) -> Iterator[Item]:
    """Plan that elements go whose expiry nobody can read, as those whose time has passed do, and expiries that belong to none."""
    endings = {ref.element: update for update in damaged.deletions(expiries) if (ref := _record_ref(update.name)) and ref.element}
    for item in plan_elements([Ended(view, endings)], store):
        if isinstance(item, Left):
            yield item
            continue
        moves = any(update.name == view.value_name and update.new != update.expect for update in item.transaction.updates)
        kind = Kind.TAKE_OUT_ELEMENT if moves else Kind.DELETE_DAMAGED
        parked = damaged.parked([view.value_name], view.key_id) if moves else ()
        whole = joined(Transaction(parked), item.transaction) if parked else item.transaction
        yield Action(expiries[0], kind, whole, _ONE, reason=damaged.found[expiries[0]].problem)


def _record_ref(name: RefName) -> RecordRef | None:
    ref = parse(name)
    return ref if isinstance(ref, RecordRef) else None
