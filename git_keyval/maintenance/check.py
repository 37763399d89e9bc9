"""check: verify every rule of the format in a repository, and change nothing."""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import islice

from git_keyval.database.keys import KeyView
from git_keyval.errors import MalformedRecordError
from git_keyval.format.anchors import Anchor, decode_anchor
from git_keyval.format.counters import decode_counter, decode_delta, is_ahead
from git_keyval.format.elements import Collection, decode_collection, element_id, element_value
from git_keyval.format.expiry import decode_expiry
from git_keyval.format.metadata import NULL_COMMIT, REDIRECT_ANCHOR, decode_message
from git_keyval.format.names import (
    ANCHOR_TAG,
    BREADCRUMBS_PREFIX,
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
from git_keyval.format.registry import decode_entry
from git_keyval.format.sealed import Algorithm, Sealed
from git_keyval.format.times import SECOND, Micros, iso_utc
from git_keyval.format.values import Value
from git_keyval.light_dataclasses import dataclass, field, replace
from git_keyval.maintenance.bulkhead import attempt_record
from git_keyval.maintenance.init import is_taken
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.maintenance.listing import list_refs
from git_keyval.maintenance.plan import counted
from git_keyval.maintenance.report import CheckReport, Problem
from git_keyval.store.closure import missing
from git_keyval.store.port import Depth, Snapshot, Store
from git_keyval.store.targets import read_targets

_LISTED = ("refs/heads/", "refs/tags/", LITERAL_GC_PREFIX)
_OURS = ("refs/heads/kv-", "refs/heads/gc", "refs/tags/kv", LITERAL_GC_PREFIX, REGISTRY_PREFIX)
_CATEGORIES = {"data", "counter", "map", "array", "redirect"}
_AT_ONCE = 1_000
_BLOBS_AT_ONCE = 10_000
"""How many blobs are read together, unless a single map or array has more."""

_DELETE = "{delete}"
"""Stands in a next step for the command that deletes the ref, as it can be typed."""

_IF_KNOWN = "if you know its name"
_MOVE = f"Rename it, or delete it: {_DELETE}"
_IGNORE = f"Nothing, if it is meant to be there; else delete it: {_DELETE}"
_ONE_LENGTH = "Give all writers the same 'shard-length', and 'del' the key with the other one."
_REWRITE = f"'del' or 'set' the key, {_IF_KNOWN}; else delete the ref: {_DELETE}"
_DELETE_KEY = f"'del' the key, {_IF_KNOWN}, then it can be set again; else delete the ref: {_DELETE}"
_DELETE_REF = f"Delete the ref: {_DELETE}"
_REPUBLISH = f"No reader believes it. Delete the tag, then 'publish-expiries' makes it again as it should be: {_DELETE}"
_NEVER_EXPIRES = f"'del' the key, {_IF_KNOWN}; else delete the ref, so that the element never expires: {_DELETE}"
_SWEPT = "Nothing: sweep removes it once expired."
_REPAIR = {
    "map": f"'hget' tells which; 'hset' or 'hdel' them. With an unknown key, delete the ref and so all fields: {_DELETE}",
    "array": f"'aget' tells which; 'aset' them. With an unknown key, delete the ref and so all elements: {_DELETE}",
}
_PURGED = "Nothing: purge removes it once it is old."
_ANCHOR = "Run 'redirect' for the key again, with the same 'redirect-to'."
_CARRY_OVER = "Carry it over by hand: docs/repositories.md tells how."
_REANCHOR = "Delete the tag, and run 'init', which creates it; of an encrypted database, with its 'encryption-key'."
_BROKEN = "git cannot read this ref, and refuses every write until it can"
_RESTORE = "Delete the file of that name in the git directory of the repository, or restore it."
_CLOCK = "Set the clock of the machine that wrote it."

_Found = Iterator[Problem]


@dataclass(frozen=True, slots=True)
class _Database:
    """All refs, and what is counted on the way.

    ``anchor`` is what the anchor says, if it can be read. ``expiries`` has the expiries of elements, with the
    ids of these, by the ref of their key's value.
    """

    refs: Mapping[RefName, Oid]
    anchor: Anchor | None
    expiries: Mapping[RefName, Sequence[tuple[RefName, Oid]]]
    now: Micros
    counts: Tally[str] = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class _Target:
    """A ref and what it points at, among other objects."""

    name: RefName
    oid: Oid
    objects: Mapping[Oid, GitObject]

    def view(self, key_id: KeyId, database: "_Database") -> KeyView:
        return KeyView.of(naming_of(self.name), key_id, Snapshot(database.refs, self.objects), database.now)

    def error(self, problem: str, next_step: str) -> Problem:
        return Problem(self.name, "error", problem, next_step)

    def warning(self, problem: str, next_step: str) -> Problem:
        return Problem(self.name, "warning", problem, next_step)


def check(work: Maintenance) -> CheckReport:
    """Read all refs that are, or look like, ours, with all that they point at, and report what breaks a rule.

    A foreign ref that git cannot read is reported, too: while there is one, git takes no write.
    """
    started = work.database.store.now(ask=True)
    refs: dict[RefName, Oid] = {}
    problems: list[Problem] = []
    for name, oid in list_refs(work.database, _LISTED, "check: listing"):
        if name.startswith(_OURS):
            refs[name] = oid
        elif oid == ZERO_OID:
            problems.append(Problem(name, "error", _BROKEN, _RESTORE))
    database = _Database(refs, _anchor(work.database.store, refs), _element_expiries(refs), started)
    problems += _check_names(refs, database.counts)
    names = [name for name in refs if name == ANCHOR_TAG or parse(name) is not None]
    for done, target in enumerate(_read(work.database.store, refs, names), start=1):
        problems += attempt_record(partial(_check_target, database, target), partial(_unchecked, target.name))
        if done % _AT_ONCE == 0:
            work.database.progress("check: refs", done, len(names))
    return CheckReport(
        started_at=iso_utc(started // SECOND),
        seconds=work.elapsed(),
        requests=work.database.store.requests,
        counts=dict(database.counts),
        problems=[
            replace(found, next_step=found.next_step.replace(_DELETE, work.deletion(found.ref)))
            for found in sorted(problems, key=lambda found: (found.severity, found.ref))
        ],
    )


def _unchecked(name: RefName, why: str) -> Problem:
    return Problem(name, "error", f"it cannot be checked: {why}", "Please report it.")


def _anchor(store: Store, refs: Mapping[RefName, Oid]) -> Anchor | None:
    """Read what the anchor says; two well-known commits need no reading."""
    oid = refs.get(ANCHOR_TAG)
    if oid is None:
        return None
    known = {commit.oid: commit for commit in (NULL_COMMIT, REDIRECT_ANCHOR)}
    try:
        return decode_anchor(known.get(oid) or store.objects([oid])[oid])
    except (KeyError, MalformedRecordError):
        return None


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
        for group in _groups(lacking):
            unread = {name: refs[name] for name in group if lacking[name]}
            seen = read_targets(store, unread, Depth.VALUES)
            objects = {**trees, **seen.objects}
            yield from (_Target(name, refs[name], objects) for name in group if name not in unread)
            yield from (_Target(name, oid, objects) for name, oid in seen.refs.items())


def _groups(lacking: Mapping[RefName, AbstractSet[Oid]]) -> Iterator[list[RefName]]:
    """Divide refs by what is still to be read of each."""
    group: list[RefName] = []
    blobs = 0
    for name, oids in lacking.items():
        if group and blobs + len(oids) > _BLOBS_AT_ONCE:
            yield group
            group, blobs = [], 0
        group.append(name)
        blobs += len(oids)
    yield group


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
                yield Problem(name, "warning", "it has no value beside it", _SWEPT if kind == "exp" else _REWRITE)
    if ANCHOR_TAG not in refs and counts["keys"]:
        yield Problem(ANCHOR_TAG, "warning", "the anchor of the dummy tree is missing", "Run 'init', which creates it.")


def _check_target(database: _Database, target: _Target) -> _Found:
    lacking = missing([target.oid], target.objects, Depth.VALUES)
    if_missing, if_malformed = _ways_out(target.name)
    if lacking:
        what = "the object that it points at" if target.oid in lacking else "an object that it needs"
        yield target.error(f"{what} is missing, or too large", if_missing)
        return
    try:
        yield from _check_record(database, target, target.objects[target.oid])
    except MalformedRecordError as exc:
        yield target.error(exc.reason, if_malformed)


def _ways_out(name: RefName) -> tuple[str, str]:
    """Say what to do where an object is missing, and where it is malformed."""
    match parse(name):
        case RecordRef(element=str()):
            return _NEVER_EXPIRES, _NEVER_EXPIRES
        case RecordRef():
            return _DELETE_KEY, _REWRITE
        case BreadcrumbRef():
            return _DELETE_REF, _PURGED
        case GcRef():
            return _PURGED, _PURGED
        case PublishedRef():
            return _DELETE_REF, _REPUBLISH
    return _DELETE_REF, _REWRITE


def _check_record(database: _Database, target: _Target, record: GitObject) -> _Found:
    """Check what a ref points at. Raises MalformedRecordError."""
    counts = database.counts
    match parse(target.name):
        case RecordRef("val"):
            yield from _check_value(database, target, record)
        case RecordRef("key", key_id):
            counts["storedKeys"] += 1
            yield from _check_key(target, record, key_id)
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
            yield from _check_counter_of(target, target.view(key_id, database))
            yield from _check_time(target, time, database.now)
        case GcRef(_, time):
            counts["parked"] += 1
            yield from _check_time(target, time, database.now)
        case PublishedRef(expiry):
            counts["published"] += 1
            decode_entry(expiry, record, target.objects)
        case None if database.anchor is None:
            what = "it should point at the null commit or another anchor, or git may collect the dummy tree"
            yield target.error(what, _REANCHOR)


def _check_key(target: _Target, record: GitObject, key_id: KeyId) -> _Found:
    if _algorithm(decode_data(record, target.objects)) == "A256GCM":
        yield target.error("it is encrypted as values are, not as keys", _REWRITE)
    if KeyId(target.oid) != key_id:
        yield target.error("it points at the commit of another key", _REWRITE)


def _algorithm(value: Value | Sealed) -> Algorithm | None:
    return value.encryption.algo if isinstance(value, Sealed) else None


def _check_value(database: _Database, target: _Target, record: GitObject) -> _Found:
    category = str(decode_message(record)["category"])
    # Only names of the format get into the report: anybody who may push could put another text there.
    database.counts[category if category in _CATEGORIES else "unknown"] += 1
    elements: Mapping[str, Oid] = {}
    match category:
        case "data":
            if _algorithm(decode_data(record, target.objects)) == "AES-SIV":
                yield target.error("it is encrypted as keys are, not as values", _REWRITE)
        case "counter":
            yield from _check_time(target, decode_counter(record).set_at, database.now)
        case "redirect":
            yield from _check_redirect(target, decode_redirect(record), database)
        case "map" | "array":
            collection = decode_collection(record, target.objects)
            elements = collection.elements
            database.counts["elements"] += len(elements)
            yield from _check_elements(target, collection)
        case _:
            yield target.error("it is of a category that no key can hold", _REWRITE)
            return
    yield from _check_belonging(database.expiries.get(target.name, ()), elements)


def _check_elements(target: _Target, collection: Collection) -> _Found:
    """Read each element. The report does not say which of them are malformed, because an element key may be a secret."""
    malformed = sum(not _is_readable(collection, target.objects[oid]) for oid in collection.elements.values())
    if malformed:
        yield target.error(f"it has {counted(malformed, 'element')} not of its type", _REPAIR[collection.category])


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
            yield Problem(name, "warning", "it belongs to no element of its key", _SWEPT)


def _check_redirect(target: _Target, redirect: Redirect, database: _Database) -> _Found:
    if database.anchor is None or not database.anchor.redirected:
        what = f"a plain 'set' would overwrite its redirect to {redirect.repository}: the tag does not tell of it"
        yield target.error(what, _ANCHOR)
    expiry = RefName(target.name.replace("/val-", "/exp-"))
    if expiry in database.refs:
        yield Problem(expiry, "warning", "it is beside a redirect, which does not expire", "Nothing: it means nothing.")


def _check_counter_of(breadcrumb: _Target, view: KeyView) -> _Found:
    try:
        if view.redirect() is not None:
            yield breadcrumb.warning("it was left for a counter that is redirected, and is counted nowhere", _CARRY_OVER)
        elif view.held_counter() is None:
            yield breadcrumb.warning("it is void: its key holds no counter", "Nothing: gather removes it.")
    except MalformedRecordError:
        return  # reported for the value itself, or the expiry


def _check_time(target: _Target, time: str | None, now: Micros) -> _Found:
    if time is not None and is_ahead(time, now):
        yield target.warning(f"its time {time} is more than an hour ahead: some clock was wrong", _CLOCK)
