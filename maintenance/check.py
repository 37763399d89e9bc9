"""check: verify every rule of the format in a repository, and change nothing."""

from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from git_keyval.errors import MalformedRecordError
from git_keyval.format.counters import Counter, decode_counter, decode_delta, is_ahead
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.metadata import NULL_COMMIT, REDIRECT_ANCHOR, decode_message
from git_keyval.format.names import (
    BREADCRUMBS_PREFIX,
    DUMMY_TREE_TAG,
    LITERAL_GC_PREFIX,
    BreadcrumbRef,
    GcRef,
    KeyId,
    Naming,
    RecordRef,
    RefName,
    naming_of,
    parse,
)
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.records import decode_data
from git_keyval.format.times import SECOND, Micros, iso_utc, moment_of
from git_keyval.store.port import Depth, Store
from maintenance.init import is_taken
from maintenance.jobs import Maintenance
from maintenance.listing import list_refs
from maintenance.report import CheckReport, Problem

_OURS = ("refs/heads/kv-", "refs/heads/gc", "refs/tags/kv", LITERAL_GC_PREFIX)
_CATEGORIES = {"data", "counter"}
_RESERVED = {"map", "array", "redirect"}
_AT_ONCE = 1_000

_MOVE = "Rename or delete it."
_IGNORE = "Nothing, if it is meant to be there; else delete it."
_ONE_LENGTH = "Give all writers the same 'shard-length', and 'del' the key with the other one."
_REWRITE = "'del' or 'set' the key."
_DELETE_KEY = "'del' the key; then it can be set again."
_DELETE_REF = "Delete the ref with git."
_PURGED = "Nothing: purge removes it once it is old."
_CLOCK = "Set the clock of the machine that wrote it."

_Found = Iterator[Problem]


def check(run: Maintenance) -> CheckReport:
    """Read all refs that are, or look like, ours, with all that they point at, and report what breaks a rule."""
    started = run.store.now(ask=True)
    refs = dict(list_refs(run.store, _OURS, "check: listing", run.progress))
    counts: Tally[str] = Tally()
    problems = list(_check_names(refs, counts))
    names = [name for name in refs if name == DUMMY_TREE_TAG or parse(name) is not None]
    for done, (name, objects) in enumerate(_with_objects(run.store, refs, names), start=1):
        problems += _check_target(name, refs, objects, started, counts)
        if done % _AT_ONCE == 0:
            run.progress("check: refs", done, len(names))
    return CheckReport(
        started_at=iso_utc(started // SECOND),
        seconds=run.elapsed(),
        requests=run.store.requests,
        counts=dict(counts),
        problems=sorted(problems, key=lambda found: (found.severity, found.ref)),
    )


def _with_objects(
    store: Store, refs: Mapping[RefName, Oid], names: Sequence[RefName]
) -> Iterator[tuple[RefName, Mapping[Oid, GitObject]]]:
    """Give each ref with what it points at, and with a breadcrumb also the commit of its key's value."""
    waiting = iter(names)
    while batch := list(islice(waiting, _AT_ONCE)):
        objects = dict(store.objects({refs[name] for name in batch}, Depth.VALUES))
        values = {value for name in batch if (value := _value_beside(name, refs)) is not None} - objects.keys()
        if values:
            objects |= store.objects(values)
        for name in batch:
            yield name, objects


def _value_beside(breadcrumb: RefName, refs: Mapping[RefName, Oid]) -> Oid | None:
    """Give the oid of the value of a breadcrumb's key; None without a value, and for any other ref."""
    ref = parse(breadcrumb) if breadcrumb.startswith(BREADCRUMBS_PREFIX) else None
    return refs.get(naming_of(breadcrumb).value(ref.key_id)) if isinstance(ref, BreadcrumbRef) else None


def _check_names(refs: Mapping[RefName, Oid], counts: Tally[str]) -> _Found:
    shards: dict[KeyId, Naming] = {}
    for name in refs:
        if is_taken(name):
            yield Problem(name, "error", "its name must be a directory of refs: nothing can be stored below it", _MOVE)
            continue
        ref = parse(name)
        if ref is None:
            if name != DUMMY_TREE_TAG:
                counts["foreign"] += 1
                yield Problem(name, "warning", "it looks like a ref of the database but is none; it is never touched", _IGNORE)
        elif isinstance(ref, RecordRef) and ref.kind == "val":
            counts["keys"] += 1
            if shards.setdefault(ref.key_id, naming_of(name)) != naming_of(name):
                yield Problem(name, "warning", "the same key is stored with two shard lengths", _ONE_LENGTH)
        elif isinstance(ref, RecordRef) and naming_of(name).value(ref.key_id) not in refs:
            end = "Nothing: sweep removes it once expired." if ref.kind == "exp" else "'del' the key."
            yield Problem(name, "warning", "it has no value beside it", end)
    if DUMMY_TREE_TAG not in refs and counts["keys"]:
        yield Problem(DUMMY_TREE_TAG, "warning", "the anchor of the dummy tree is missing", "Run 'init', which creates it.")


def _check_target(
    name: RefName, refs: Mapping[RefName, Oid], objects: Mapping[Oid, GitObject], now: Micros, counts: Tally[str]
) -> _Found:
    target, ref = objects.get(refs[name]), parse(name)
    if target is None:
        way_out = _DELETE_KEY if isinstance(ref, RecordRef) else _PURGED if isinstance(ref, GcRef) else _DELETE_REF
        yield Problem(name, "error", "the object that it points at is missing", way_out)
        return
    try:
        match ref:
            case RecordRef("val"):
                yield from _check_value(name, target, objects, now, counts)
            case RecordRef("key", key_id):
                counts["storedKeys"] += 1
                decode_data(target, objects)
                if KeyId(target.oid) != key_id:
                    yield Problem(name, "error", "it points at the commit of another key", _REWRITE)
            case RecordRef("exp"):
                counts["expiries"] += 1
                counts["expired"] += is_expired(decode_expiry(target), now)
            case BreadcrumbRef(_, time):
                counts["breadcrumbs"] += 1
                yield from _check_breadcrumb(name, target, refs, objects)
                yield from _check_time(name, time, now)
            case GcRef(_, time):
                counts["parked"] += 1
                yield from _check_time(name, time, now)
            case None if target.oid not in {NULL_COMMIT.oid, REDIRECT_ANCHOR.oid}:
                yield Problem(
                    name,
                    "error",
                    "it should point at the null commit or the redirect anchor, or git may collect the dummy tree",
                    "Delete the tag, and run 'init', which creates it.",
                )
    except MalformedRecordError as exc:
        yield Problem(name, "error", exc.reason, _PURGED if isinstance(ref, BreadcrumbRef) else _REWRITE)


def _check_value(name: RefName, target: GitObject, objects: Mapping[Oid, GitObject], now: Micros, counts: Tally[str]) -> _Found:
    category = str(decode_message(target)["category"])
    # Only names of the format get into the report: anybody who may push could put a text of his own there.
    counts[category if category in _CATEGORIES | _RESERVED else "unknown"] += 1
    if category == "data":
        decode_data(target, objects)
    elif category == "counter":
        yield from _check_set_time(name, decode_counter(target), now)
    elif category in _RESERVED:
        reserved = f"it is of category {category}, which this version of the software cannot check"
        yield Problem(name, "warning", reserved, "Use a later version of the software.")
    else:
        yield Problem(name, "error", "it is of a category that no key can hold", _REWRITE)


def _check_set_time(name: RefName, counter: Counter, now: Micros) -> _Found:
    if counter.set_at is not None:
        yield from _check_time(name, counter.set_at, now)


def _check_breadcrumb(name: RefName, target: GitObject, refs: Mapping[RefName, Oid], objects: Mapping[Oid, GitObject]) -> _Found:
    decode_delta(target)
    beside = _value_beside(name, refs)
    value = None if beside is None else objects.get(beside)
    if value is not None and _holds_other_than_counter(value):
        yield Problem(name, "warning", "it is void: its key holds no counter", "Nothing: gather removes it.")


def _holds_other_than_counter(value: GitObject) -> bool:
    try:
        return decode_message(value)["category"] != "counter"
    except MalformedRecordError:
        return False  # reported for the value itself


def _check_time(name: RefName, time: str, now: Micros) -> _Found:
    moment = moment_of(time)
    if moment is not None and is_ahead(moment, now):
        yield Problem(name, "warning", f"its time {time} is more than an hour ahead: some clock was wrong", _CLOCK)
