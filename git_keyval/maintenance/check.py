"""check: verify every rule of the format in a repository, and say what to do about what breaks one."""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import islice

from git_keyval.database.database import Database
from git_keyval.database.keys import KeyView
from git_keyval.database.listing import list_refs
from git_keyval.database.ref_table import RefTable
from git_keyval.errors import MalformedRecordError
from git_keyval.format.anchors import Anchor, decode_anchor
from git_keyval.format.counters import decode_counter, decode_delta, is_ahead
from git_keyval.format.elements import Collection, decode_collection, element_id, element_value
from git_keyval.format.expiry import decode_expiry
from git_keyval.format.metadata import FORMAT_VERSION, NULL_COMMIT, REDIRECT_ANCHOR, claimed, decode_message
from git_keyval.format.names import (
    ANCHOR_TAG,
    BREADCRUMBS_PREFIX,
    DEFAULT_NAMING,
    LITERAL_GC_PREFIX,
    REGISTRY_PREFIX,
    BreadcrumbRef,
    GcRef,
    KeyId,
    Naming,
    PublishedRef,
    RecordRef,
    RefName,
    naming_of,
    parse,
    record_parts,
)
from git_keyval.format.objects import ZERO_OID, GitObject, Oid
from git_keyval.format.records import decode_data
from git_keyval.format.redirects import Redirect, decode_redirect
from git_keyval.format.registry import Resolve, decode_entry, with_expiries
from git_keyval.format.sealed import Algorithm, Sealed
from git_keyval.format.times import SECOND, Micros, Timestamp, iso_utc, timestamp
from git_keyval.format.values import Value
from git_keyval.light_dataclasses import dataclass, field, replace
from git_keyval.maintenance.bulkhead import attempt_record
from git_keyval.maintenance.commands import DEFAULT_GRACE_SECONDS
from git_keyval.maintenance.execute import Done
from git_keyval.maintenance.init import is_taken
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.maintenance.plan import counted
from git_keyval.maintenance.report import CheckReport, Mend, Problem
from git_keyval.store.closure import missing
from git_keyval.store.port import Depth, Snapshot, Store
from git_keyval.store.targets import divided, read_targets

_LISTED = ("refs/heads/", "refs/tags/", LITERAL_GC_PREFIX)
_OURS = ("refs/heads/kv-", "refs/heads/gc", "refs/tags/kv", LITERAL_GC_PREFIX, REGISTRY_PREFIX)
_AT_ONCE = 1_000
_REFS_AT_ONCE = 16_000
"""How many refs, at the least, are there as text at a time."""
_BLOBS_AT_ONCE = 10_000
"""How many blobs are read together, unless a single map or array has more."""

_DELETE, _DEL, _REMOVE, _INIT, _REPAIR = "{delete}", "{del}", "{remove}", "{init}", "{repair}"
"""Stand in a next step for what people type: what deletes the ref, its key or its file, and runs init, or check with repair."""

_MOVE = f"Rename it, or delete it: {_DELETE}"
_IGNORE = f"Nothing, if it is meant to be there; else delete it: {_DELETE}"
_ONE_LENGTH = f"Give all writers the same `shard-length`, and delete the key where none of them writes: {_DEL}"
_NAME_ONLY = f"'set' the key again, or delete what is left of it: {_DEL}"
_IS_LATER = "A later release may have written it, so repair leaves it alone: update git-keyval. If none was used here, delete it: "
_MALFORMED = {
    "map": f"'hget' fails for these fields, 'hset' and 'hdel' mend them. Or delete the whole map: {_DEL}",
    "array": f"'aget' fails for these elements, 'aset' mends them. Or delete the whole array: {_DEL}",
}
_SWEPT = "Nothing: sweep removes it once expired."
_PURGED = "Nothing: purge removes it once it is old."
_GATHERED = "Nothing: gather removes it."
_CARRY_OVER = "Carry it over by hand: docs/repositories.md tells how."
_MARKED = f"The database is encrypted: make the tag with its `encryption-key` (GIT_KEYVAL_ENCRYPTION_KEY at a terminal): {_INIT}"
_BROKEN = "git cannot read this ref, and refuses every write until it can"
_RESTORE = f"Restore the file from a backup, or remove it: {_REMOVE}"
_CLOCK = "Set the clock of the machine that wrote it."
LOST = "is missing, or too large"
_LOCKED = "it was left behind more than an hour ago, and git refuses writes while it is there"

_FITTING = {"val": {"data", "counter", "map", "array", "redirect"}, "key": {"data"}, "exp": {"expiry"}}
"""The categories of what the refs of a record point at."""

_APART = {BreadcrumbRef: Mend.BREADCRUMB, GcRef: Mend.PARKED, PublishedRef: Mend.PUBLISHED}
"""What repair does about broken refs that are no record's."""

_CATEGORY_NAMES = {*_FITTING["val"], "expiry", "anchor"}

_Found = Iterator[Problem]


@dataclass(frozen=True, slots=True)
class Inspected:
    """Refs that are looked at, with what is counted and noticed on the way.

    ``anchor`` is what the anchor says, if it can be read. ``expiries`` has the expiries of elements, with the
    ids of these, by the ref of their key's value. ``noticed`` says whether anything is "encrypted", or "redirected".
    """

    refs: Mapping[RefName, Oid]
    anchor: Anchor | None
    expiries: Mapping[RefName, Sequence[tuple[RefName, Oid]]]
    now: Micros
    counts: Tally[str] = field(default_factory=Tally)
    noticed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Target:
    """A ref and what it points at, among other objects."""

    name: RefName
    oid: Oid
    objects: Mapping[Oid, GitObject]

    def view(self, key_id: KeyId, database: Inspected) -> KeyView:
        return KeyView.of(naming_of(self.name), key_id, Snapshot(database.refs, self.objects), database.now)

    def error(self, problem: str, way_out: "Mend | str") -> Problem:
        return _problem(self.name, "error", problem, way_out)

    def warning(self, problem: str, next_step: str) -> Problem:
        return Problem(self.name, "warning", problem, next_step)


def check(work: Maintenance, *, repair: bool = False, dry_run: bool = False) -> CheckReport:
    """Read all refs that are, or look like, ours, with all that they point at, and report what breaks a rule.

    A foreign ref that git cannot read is reported, too: while there is one, git takes no write. With ``repair`` what can be mended
    is mended, or with ``dry_run`` planned; the report has what is left.
    """
    started = work.database.store.now(ask=True)
    problems = [Problem(lock.name, "error", _LOCKED, _by_repair(Mend.LOCK), Mend.LOCK) for lock in work.locks()]
    table = RefTable(_ours(list_refs(work.database, _LISTED, "check: listing"), problems))
    inspected, found = inspect(work.database, table, started)
    problems += found
    done: Done | None = None
    if repair:
        from git_keyval.maintenance.repair import repair_all  # noqa: PLC0415  # most runs repair nothing

        done, problems = repair_all(work, inspected, problems, dry_run=dry_run)
    return CheckReport(
        started_at=iso_utc(started // SECOND),
        seconds=work.elapsed(),
        requests=work.database.store.requests,
        counts=dict(inspected.counts),
        problems=[
            replace(found, next_step=_typed(found, work))
            for found in sorted(problems, key=lambda found: (found.severity, found.ref))
        ],
        repair=done,
        dry_run=dry_run,
    )


def _ours(refs: Iterable[tuple[RefName, Oid]], problems: list[Problem]) -> Iterator[tuple[RefName, Oid]]:
    """Yield the refs that are looked at. One that git cannot read is a problem, whosever it is."""
    for name, oid in refs:
        if oid == ZERO_OID:
            problems.append(Problem(name, "error", _BROKEN, _RESTORE))
        elif name.startswith(_OURS):
            yield name, oid


def inspect(database: Database, table: RefTable, now: Micros) -> tuple[Inspected, list[Problem]]:
    """Read what these refs point at, and return what breaks a rule; all refs of a key are among them, or none."""
    others = dict(table.others)
    anchored, anchor = _anchor(database.store, others)
    inspected = Inspected(others, anchor, {}, now)
    problems: list[Problem] = []
    done = 0
    for refs in table.groups(_REFS_AT_ONCE):
        problems += _inspect_group(database, replace(inspected, refs=refs, expiries=_element_expiries(refs)))
        done += len(refs)
        if len(refs) >= _REFS_AT_ONCE:
            database.progress("check: refs", done, len(table))
    problems += _check_anchor(inspected, anchored)
    return inspected, problems


def _inspect_group(database: Database, group: Inspected) -> _Found:
    yield from _check_names(group.refs, group.counts)
    names = [name for name in group.refs if parse(name) is not None]
    for target in _read(database.store, group.refs, names):
        whole = _with_expiry(target, database.resolve)
        yield from attempt_record(partial(_check_target, group, whole), partial(_unchecked, target.name))


def _with_expiry(target: _Target, resolve: Resolve) -> _Target:
    """Return the target with an expiry that the repository lacks, where a registry has it: then the key can be read."""
    if target.oid in target.objects or "/exp-" not in target.name:
        return target
    return replace(target, objects=with_expiries({target.oid}, target.objects, resolve))


def _problem(name: str, severity: str, problem: str, way_out: Mend | str) -> Problem:
    """Return a finding with what repair does about it, or else with what a person can do."""
    if isinstance(way_out, Mend):
        return Problem(name, severity, problem, _by_repair(way_out), way_out)
    return Problem(name, severity, problem, way_out)


def _by_repair(mend: Mend) -> str:
    return f"Repair mends it ({mend.value}): {_REPAIR}"


def _typed(found: Problem, work: Maintenance) -> str:
    """Return the next step of a finding with what people type in it."""
    ways: Mapping[str, Callable[[], str]] = {
        _DELETE: lambda: work.deletion(found.ref),
        _DEL: lambda: work.command("del", _by_ref(RefName(found.ref))),
        _REMOVE: lambda: work.removal(found.ref),
        _INIT: lambda: work.command("init", {}),
        _REPAIR: lambda: work.command("check", {"repair": "true"}),
    }
    return next((found.next_step.replace(mark, way()) for mark, way in ways.items() if mark in found.next_step), found.next_step)


def _by_ref(name: RefName) -> Mapping[str, str]:
    """Return the inputs that say which key a ref belongs to, as refs of a key and of its elements do."""
    naming, ref = naming_of(name), parse(name)
    assert isinstance(ref, RecordRef)
    given = {"ref": name if ref.element is None else naming.value(ref.key_id)}
    return given if naming == DEFAULT_NAMING else {**given, "shard-length": str(naming.shard_length)}


def _unchecked(name: RefName, why: str) -> Problem:
    return Problem(name, "error", f"it cannot be checked: {why}", "Please report it.")


def _anchor(store: Store, refs: Mapping[RefName, Oid]) -> tuple[GitObject | None, Anchor | None]:
    """Read the anchor, and return what it says as well; two well-known commits need no reading."""
    oid = refs.get(ANCHOR_TAG)
    if oid is None:
        return None, None
    known = {commit.oid: commit for commit in (NULL_COMMIT, REDIRECT_ANCHOR)}
    seen = Snapshot({}, known) if oid in known else read_targets(store, {ANCHOR_TAG: oid})
    anchored = seen.objects.get(seen.refs.get(ANCHOR_TAG, oid))
    try:
        return anchored, None if anchored is None else decode_anchor(anchored)
    except MalformedRecordError:
        return anchored, None


def _check_anchor(inspected: Inspected, anchored: GitObject | None) -> _Found:
    """Check the anchor last: what it has to say shows in all else."""
    way_out: Mend | str = _MARKED if "encrypted" in inspected.noticed else Mend.ANCHOR
    if ANCHOR_TAG not in inspected.refs:
        if inspected.counts["keys"]:
            yield _problem(ANCHOR_TAG, "warning", "the anchor of the dummy tree is missing", way_out)
    elif inspected.anchor is None:
        what = "it should point at the null commit or another anchor, or git may collect the dummy tree"
        is_later = anchored is not None and _may_be_later(anchored, {"anchor"})
        yield _problem(ANCHOR_TAG, "error", what, _IS_LATER + _DELETE if is_later else way_out)


def _element_expiries(refs: Iterable[RefName]) -> Mapping[RefName, Sequence[tuple[RefName, Oid]]]:
    found: dict[RefName, list[tuple[RefName, Oid]]] = defaultdict(list)
    for name in refs:
        record = record_parts(name)
        if record and record[3] is not None:
            found[naming_of(name).value(KeyId(record[2]))].append((name, Oid(record[3])))
    return found


def _trees(store: Store, refs: Mapping[RefName, Oid], names: Sequence[RefName]) -> dict[Oid, GitObject]:
    """Return what these refs point at, and what is beside breadcrumbs, to the depth of trees."""
    found = store.objects({refs[name] for name in names}, Depth.TREES)
    beside = {oid for name in names for oid in _beside(name, refs)} - found.keys()
    return {**found, **(store.objects(beside) if beside else {})}


def _read(store: Store, refs: Mapping[RefName, Oid], names: Sequence[RefName]) -> Iterator[_Target]:
    """Read what these refs point at, and with a breadcrumb also the commits of its key's value and expiry.

    The trees are read first: they show how many blobs there are, and so how many of the refs can be read to the end together.
    """
    waiting = iter(names)
    while batch := list(islice(waiting, _AT_ONCE)):
        trees = _trees(store, refs, batch)
        lacking = {name: missing([refs[name]], trees, Depth.VALUES) for name in batch}
        for group in divided(((name, len(oids)) for name, oids in lacking.items()), _BLOBS_AT_ONCE):
            unread = {name: refs[name] for name in group if lacking[name]}
            seen = read_targets(store, unread, Depth.VALUES)
            objects = {**trees, **seen.objects}
            yield from (_Target(name, refs[name], objects) for name in group if name not in unread)
            yield from (_Target(name, oid, objects) for name, oid in seen.refs.items())


def _beside(breadcrumb: RefName, refs: Mapping[RefName, Oid]) -> list[Oid]:
    """Return the oids of the value and the expiry of a breadcrumb's key; none for any other ref."""
    ref = parse(breadcrumb) if breadcrumb.startswith(BREADCRUMBS_PREFIX) else None
    if not isinstance(ref, BreadcrumbRef):
        return []
    naming = naming_of(breadcrumb)
    return [refs[name] for name in (naming.value(ref.key_id), naming.expiry(ref.key_id)) if name in refs]


def _check_foreign(name: RefName, counts: Tally[str]) -> _Found:
    """Report a name that no ref of ours has. Anybody's tag may begin with "expiry-"."""
    if is_taken(name):
        yield Problem(name, "error", "its name must be a directory of refs: nothing can be stored below it", _MOVE)
    elif name != ANCHOR_TAG and not name.startswith(REGISTRY_PREFIX):
        counts["foreign"] += 1
        yield Problem(name, "warning", "it looks like a ref of the database but is none; it is never touched", _IGNORE)


def _check_names(refs: Mapping[RefName, Oid], counts: Tally[str]) -> _Found:
    shards: dict[KeyId, Naming] = {}
    for name in refs:
        match None if is_taken(name) else parse(name):
            case None:
                yield from _check_foreign(name, counts)
            case RecordRef("val", key_id):
                counts["keys"] += 1
                if shards.setdefault(key_id, naming_of(name)) != naming_of(name):
                    yield Problem(name, "warning", "the same key is stored with two shard lengths", _ONE_LENGTH)
            case RecordRef(kind, key_id) if naming_of(name).value(key_id) not in refs:
                what_to_do, mend = (_NAME_ONLY, None) if kind == "key" else (_SWEPT, Mend.ORPHAN)
                yield Problem(name, "warning", "it has no value beside it", what_to_do, mend)


def _check_target(database: Inspected, target: _Target) -> _Found:
    if lacking := missing([target.oid], target.objects, Depth.VALUES):
        yield from _check_lost(target, lacking, _way_out(target.name, database.refs))
        return
    record = target.objects[target.oid]
    try:
        yield from _check_record(database, target, record)
    except MalformedRecordError as exc:
        is_later = _may_be_later(record, _fitting(target.name))
        yield target.error(exc.reason, _later(target.name) if is_later else _way_out(target.name, database.refs))


def _check_lost(target: _Target, lacking: AbstractSet[Oid], way_out: Mend) -> _Found:
    problem = f"{'the object that it points at' if target.oid in lacking else 'an object that it needs'} {LOST}"
    record = target.objects.get(target.oid)
    if record is not None and (claim := claimed(record)) and claim[0] > FORMAT_VERSION:
        yield target.error(problem, _later(target.name))  # who wrote it may know where the rest is
    elif record is not None and way_out is Mend.PARKED:
        yield target.warning(problem, _PURGED)  # it may be whole again once somebody fetches what it lacks
    else:
        yield target.error(problem, way_out)


def _way_out(name: RefName, refs: Mapping[RefName, Oid]) -> Mend:
    """Return what repair does about a ref whose object is missing or malformed."""
    ref = parse(name)
    if not isinstance(ref, RecordRef):
        return _APART[type(ref)]
    if ref.kind == "exp" and naming_of(name).value(ref.key_id) not in refs:
        return Mend.LEFTOVER
    return Mend.NAME if ref.kind == "key" else Mend.KEY if ref.element is None else Mend.ELEMENT


def _fitting(name: RefName) -> AbstractSet[str]:
    match parse(name):
        case RecordRef(kind):
            return _FITTING[kind]
    return frozenset()


def _may_be_later(record: GitObject, fitting: AbstractSet[str]) -> bool:
    """Return whether a record that this release cannot read may be one of a later release, in its right place."""
    claim = claimed(record)
    return claim is not None and (claim[0] > FORMAT_VERSION or claim[1] in fitting or claim[1] not in _CATEGORY_NAMES)


def _later(name: RefName) -> str:
    return _IS_LATER + (_DEL if isinstance(parse(name), RecordRef) else _DELETE)


def _check_record(database: Inspected, target: _Target, record: GitObject) -> _Found:
    """Check what a ref points at. Raises MalformedRecordError."""
    counts = database.counts
    match parse(target.name):
        case RecordRef("val"):
            yield from _check_value(database, target, record)
        case RecordRef("key", key_id):
            counts["storedKeys"] += 1
            yield from _check_key(database, target, record, key_id)
        case RecordRef("exp", key_id, element=None):
            view = target.view(key_id, database)
            counts["expiries"] += 1
            counts["expired"] += view.expired() and view.version is not None
        case RecordRef("exp"):
            counts["elementExpiries"] += 1
            decode_expiry(record)
        case BreadcrumbRef(key_id, time):
            counts["breadcrumbs"] += 1
            decode_delta(record)
            yield from _check_counter_of(target, target.view(key_id, database), time)
            yield from _check_time(target, time, database.now)
        case GcRef(_, time):
            counts["parked"] += 1
            yield from _check_time(target, time, database.now)
        case PublishedRef(expiry):
            counts["published"] += 1
            decode_entry(expiry, record, target.objects)


def _check_key(database: Inspected, target: _Target, record: GitObject, key_id: KeyId) -> _Found:
    if (algorithm := _algorithm(decode_data(record, target.objects))) is not None:
        database.noticed.add("encrypted")
    if algorithm == "A256GCM":
        yield target.error("it is encrypted as values are, not as keys", Mend.NAME)
    if KeyId(target.oid) != key_id:
        yield target.error("it points at the commit of another key", Mend.NAME)


def _algorithm(value: Value | Sealed) -> Algorithm | None:
    return value.encryption.algo if isinstance(value, Sealed) else None


def _check_value(database: Inspected, target: _Target, record: GitObject) -> _Found:
    members = decode_message(record)
    category = str(members["category"])
    # Only names of the format get into the report: anybody who may push could put another text there.
    database.counts[category if category in _FITTING["val"] else "unknown"] += 1
    database.noticed.update({"encrypted"}.intersection(members))
    elements: Mapping[str, Oid] = {}
    match category:
        case "data":
            if _algorithm(decode_data(record, target.objects)) == "AES-SIV":
                yield target.error("it is encrypted as keys are, not as values", Mend.KEY)
        case "counter":
            yield from _check_time(target, decode_counter(record).set_at, database.now)
        case "redirect":
            database.noticed.add("redirected")
            yield from _check_redirect(target, decode_redirect(record), database)
        case "map" | "array":
            collection = decode_collection(record, target.objects)
            elements = collection.elements
            database.counts["elements"] += len(elements)
            yield from _check_elements(target, collection)
        case _:
            raise MalformedRecordError(target.name, "it is of a category that no key can hold")
    yield from _check_belonging(database.expiries.get(target.name, ()), elements)


def _check_elements(target: _Target, collection: Collection) -> _Found:
    """Read each element. The report does not say which of them are malformed, because an element key may be a secret."""
    malformed = sum(not _is_readable(collection, target.objects[oid]) for oid in collection.elements.values())
    if malformed:
        yield target.error(f"it has {counted(malformed, 'element')} not of its type", _MALFORMED[collection.category])


def _is_readable(collection: Collection, data: GitObject) -> bool:
    try:
        element_value(collection, data)
    except MalformedRecordError:
        return False
    return True


def _check_belonging(expiries: Sequence[tuple[RefName, Oid]], elements: Iterable[str]) -> _Found:
    there = set(map(element_id, elements)) if expiries else ()
    for name, element in expiries:
        if element not in there:
            yield Problem(name, "warning", "it belongs to no element of its key", _SWEPT, Mend.LEFTOVER)


def _check_redirect(target: _Target, redirect: Redirect, database: Inspected) -> _Found:
    if database.anchor is None or not database.anchor.redirected:
        what = f"a plain 'set' would overwrite its redirect to {redirect.repository}: the tag does not tell of it"
        yield target.error(what, Mend.ANCHOR)
    expiry = RefName(target.name.replace("/val-", "/exp-"))
    if expiry in database.refs:
        yield Problem(expiry, "warning", "it is beside a redirect, which does not expire", "Nothing: it means nothing.")


def _check_counter_of(breadcrumb: _Target, view: KeyView, time: Timestamp) -> _Found:
    try:
        if view.redirect() is not None:
            yield breadcrumb.warning("it was left for a counter that is redirected, and is counted nowhere", _CARRY_OVER)
        elif view.held_counter() is None:
            is_old = time <= timestamp(Micros(max(0, view.now - DEFAULT_GRACE_SECONDS * SECOND)))
            what = "it is void: its key holds no counter"
            yield Problem(breadcrumb.name, "warning", what, _GATHERED, Mend.VOID if is_old else None)
    except MalformedRecordError:
        return  # reported for the value itself, or the expiry


def _check_time(target: _Target, time: str | None, now: Micros) -> _Found:
    if time is not None and is_ahead(time, now):
        yield target.warning(f"its time {time} is more than an hour ahead: some clock was wrong", _CLOCK)
