"""get, set, del, getdel, exists, type, mget, mset."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from git_keyval.commands import counters
from git_keyval.database.answers import NO_KEY, Result
from git_keyval.database.conditions import ALWAYS, IF_ABSENT, Condition
from git_keyval.database.database import Database, End
from git_keyval.database.keys import Key, KeyView, read_view, read_views
from git_keyval.database.lifetimes import KEEP, Lifetime, chosen, expiry_objects, expiry_update, ttl_of
from git_keyval.database.parking import whereabouts
from git_keyval.errors import (
    ContentionError,
    GitKeyvalError,
    MalformedRecordError,
    OutcomeUnknownError,
    PartlyDeletedError,
    RefusedError,
    TooLargeError,
)
from git_keyval.format.canonical import JsonValue
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import KeyId, RefName, record_parts
from git_keyval.format.objects import Oid
from git_keyval.format.records import DataRecord
from git_keyval.format.times import Micros, timestamp
from git_keyval.format.values import Value, as_json
from git_keyval.store.port import ABSENT, ANY, DELETE, Applied, Conflict, Depth, Expect, RefUpdate, Selection, Transaction


def get(database: Database, *, key: Key) -> Result:
    """Read a key: its value, type, version and what is left of its lifetime."""
    view = read_view(database, key)
    now = database.now()
    if not view.exists(now):
        return Result(found=False, ttl=NO_KEY)
    return _shown(view, now, Result(found=True, value=view.value("get", now), public_name=database.store.public_name))


def exists(database: Database, *, keys: Sequence[Key]) -> Result:
    """Count which of the keys exist; ``found`` says whether all of them do."""
    views = read_views(database, keys, Depth.MESSAGES, exact=False)
    now = database.now()
    count = sum(view.exists(now) for view in views)
    return Result(found=count == len(views), count=count)


def type_(database: Database, *, key: Key) -> Result:
    """Tell the type of a key's value."""
    view = read_view(database, key, Depth.MESSAGES, exact=False)
    now = database.now()
    if not view.exists(now):
        return Result(found=False)
    return Result(found=True, type=view.held_type(now), version=view.live_version(now))


def mget(database: Database, *, keys: Sequence[Key]) -> Result:
    """Read several keys at once, as a JSON object by key; absent keys are left out of it."""
    views = read_views(database, keys)
    now = database.now()
    document: dict[str, JsonValue] = {}
    for key, view in zip(keys, views, strict=True):
        if view.exists(now):
            value = view.value("mget", now)
            document[key.label] = value if isinstance(value, int) else as_json(value)
    return Result(found=len(document) == len(keys), count=len(document), document=document)


def set_(
    database: Database,
    *,
    key: Key,
    value: Value | int,
    ttl: int | None = None,
    expires_at: Micros | None = None,
    keep_ttl: bool = False,
    condition: Condition = ALWAYS,
    store_key: bool = False,
    op: str = "",
) -> Result:
    """Write a key; an ``int`` sets a counter. Without ``ttl``, ``expires_at`` or ``keep_ttl`` the key is persistent afterwards.

    A condition that is not met is no error: ``applied`` is false, ``version`` and ``old_value`` tell what is there instead.
    """
    lifetime = chosen(database, ttl, expires_at, keep_ttl=keep_ttl)
    extra = key_update(database, key) if store_key else Transaction(())
    if isinstance(value, int):
        return counters.assign(database, key, value, lifetime, condition=condition, extra=extra, op=op)
    record = database.cipher.data(key.id, value)  # once: what is sent again must be the same
    if condition == IF_ABSENT and lifetime is not KEEP:
        # Most often there is nothing, so nothing is read first; what is there is looked at only if it is in the way.
        if _wrote_unread(database, _whole(database, key, record, lifetime, expect=ABSENT), extra):
            return replace(_written(database, record.commit.oid, lifetime), found=False)
    elif lifetime is not KEEP and not condition:
        _write_unread(database, {key: record}, lifetime, extra)
        return _written(database, record.commit.oid, lifetime)
    return _set_after_reading(database, key, record, lifetime, condition, extra)


def _write_unread(database: Database, records: Mapping[Key, DataRecord], lifetime: int | Lifetime, extra: Transaction) -> None:
    """Write keys over whatever they hold, all or none; nothing is read first where no key can be redirected.

    Where one may be, and where nobody has anchored the dummy tree yet, the keys are read, and compared.
    """
    unread = [_whole(database, key, record, lifetime, expect=ANY) for key, record in records.items()]
    if _wrote_unread(database, *unread, extra):
        return
    for attempt in range(database.max_attempts):
        views = read_views(database, list(records), Depth.MESSAGES, exact=False)
        read = [
            Transaction(
                (
                    RefUpdate(view.value_name, view.expected(view.value_name), record.commit.oid),
                    *expiry_update(view, lifetime, alive=False),
                ),
                (*record.objects, *expiry_objects(lifetime)),
            )
            for view, record in zip(views, records.values(), strict=True)
        ]
        if isinstance(database.write(_joined([*read, extra]), views[0].seen), Applied):
            return
        database.pause(attempt)
    raise ContentionError(database.max_attempts)


def _wrote_unread(database: Database, *parts: Transaction) -> bool:
    """Write what is in these parts as one, over what was not read; false where it has to be read first."""
    # A rule for tags may forbid to assert one; what is refused for any other reason is refused once more.
    try:
        return isinstance(database.write(_joined([*parts, Transaction((database.unread(),))])), Applied)
    except TooLargeError:
        raise
    except RefusedError:
        return False


def _joined(transactions: Sequence[Transaction]) -> Transaction:
    """Give one transaction of several, which do not share a ref."""
    return Transaction(
        tuple(update for transaction in transactions for update in transaction.updates),
        tuple(obj for transaction in transactions for obj in transaction.objects),
    )


def _whole(database: Database, key: Key, record: DataRecord, lifetime: int | Lifetime, *, expect: Expect) -> Transaction:
    # The value moves first: a reader that comes in between may find the new value with the old expiry, never the reverse.
    updates = (
        RefUpdate(database.naming.value(key.id), expect, record.commit.oid),
        _forced_expiry(database, key, lifetime),
    )
    return Transaction(updates, (*record.objects, *expiry_objects(lifetime)))


def mset(
    database: Database,
    *,
    entries: Mapping[Key, Value],
    ttl: int | None = None,
    expires_at: Micros | None = None,
    store_key: bool = False,
) -> Result:
    """Write several keys in one transaction: all or none."""
    lifetime = chosen(database, ttl, expires_at)
    stored = [key_update(database, key) for key in entries] if store_key else []
    _write_unread(database, {key: database.cipher.data(key.id, value) for key, value in entries.items()}, lifetime, _joined(stored))
    return Result(applied=True, count=len(entries))


def del_(database: Database, *, keys: Sequence[Key], condition: Condition = ALWAYS) -> Result:
    """Delete keys, all in one request and each in a transaction of its own; ``count`` says how many existed and are gone now.

    Raises PartlyDeletedError for whatever goes wrong when some of them are gone already.
    """
    waiting = {key.id: key for key in keys}
    count = 0
    try:
        for attempt in range(database.max_attempts):
            ends, others = _delete_once(database, list(waiting.values()), condition)
            count += sum(isinstance(end, Applied) for end in ends.values())
            _raise_gravest([*ends.values(), *others])
            waiting = {key_id: waiting[key_id] for key_id, end in ends.items() if isinstance(end, Conflict)}
            if not waiting:
                return Result(applied=count > 0, count=count)
            database.pause(attempt)
        raise ContentionError(database.max_attempts)
    except GitKeyvalError as exc:
        if not count:
            raise
        raise PartlyDeletedError(count, exc) from exc


def getdel(database: Database, *, key: Key, condition: Condition = ALWAYS) -> Result:
    """Delete a key and answer with its value: of several callers exactly one gets it. The value is parked below gc/."""
    # One time for the whole command: if the reply is lost, the branch of that name tells that the write came through.
    parked: RefName | None = None
    for attempt in range(database.max_attempts):
        view = read_view(database, key, exact=False)
        now = database.now()
        parked = parked or database.naming.parked(key.id, timestamp(now))
        if not view.exists(now):
            return Result(found=False, applied=False, ttl=NO_KEY)
        value = view.value("getdel", now)
        answer = _shown(view, now, Result(found=True, value=value))
        if not condition.met(view, now):
            return Result(found=True, applied=False, version=view.live_version(now))
        # What cannot be handed over must not be taken away.
        database.prepare_delivery(value)
        park = RefUpdate(parked, ABSENT, view.version or NULL_COMMIT.oid)
        objects = () if view.version else (*DUMMY_OBJECTS, NULL_COMMIT)
        told = whereabouts(database, parked, view.value_name)
        try:
            outcome = database.write(Transaction((park, *_all_deletions(view)), objects), view.seen, witness=parked)
        except OutcomeUnknownError as exc:
            raise OutcomeUnknownError(exc.cause, told) from exc
        if isinstance(outcome, Applied):
            return replace(answer, applied=True, parked=told)
        database.pause(attempt)
    raise ContentionError(database.max_attempts)


def _set_after_reading(
    database: Database, key: Key, record: DataRecord, lifetime: int | Lifetime, condition: Condition, extra: Transaction
) -> Result:
    for attempt in range(database.max_attempts):
        view = read_view(database, key)
        now = database.now()
        alive = view.alive(now)
        found = view.exists(now)
        old_value = view.old_value(now)
        if not condition.met(view, now):
            return Result(found=found, applied=False, version=view.live_version(now), old_value=old_value)
        updates = (
            RefUpdate(view.value_name, view.expected(view.value_name), record.commit.oid),
            *expiry_update(view, lifetime, alive=alive),
            *extra.updates,
        )
        objects = (*record.objects, *expiry_objects(lifetime), *extra.objects)
        if isinstance(database.write(Transaction(updates, objects), view.seen), Applied):
            kept = view.expiry() if lifetime is KEEP and alive else None
            return replace(
                _written(database, record.commit.oid, kept if kept is not None else lifetime),
                found=alive,
                old_value=old_value,
            )
        database.pause(attempt)
    raise ContentionError(database.max_attempts)


def _delete_once(database: Database, keys: Sequence[Key], condition: Condition) -> tuple[dict[KeyId, End], list[End]]:
    """Try to delete those of the keys that exist and meet the condition; give what became of each of these, and of leftovers."""
    views = read_views(database, keys, Depth.MESSAGES, exact=False)
    now = database.now()
    expiries = _element_expiries(database, views)
    deletions: dict[KeyId, Transaction] = {}
    leftovers: list[Transaction] = []
    for view in views:
        if _deletable(view, now) and (not condition or condition.met(view, now)):
            deletions[view.key_id] = Transaction((*_all_deletions(view), *expiries.get(view.key_id, ())))
        elif view.version is None and (stored := view.deletions(view.key_name)):
            leftovers.append(Transaction(stored))  # a stored key without a value, which nothing else ever removes
    transactions = [*deletions.values(), *leftovers]
    ends = database.write_each(transactions, views[0].seen) if transactions else []
    return dict(zip(deletions, ends, strict=False)), ends[len(deletions) :]


def _element_expiries(database: Database, views: Sequence[KeyView]) -> Mapping[KeyId, Sequence[RefUpdate]]:
    """Delete the expiries of all elements of those keys that are maps or arrays. Whoever adds one meanwhile leaves an orphan."""
    prefixes = tuple(database.naming.element_expiries(view.key_id) for view in views if view.holds_elements())
    found: dict[KeyId, list[RefUpdate]] = defaultdict(list)
    for name, oid in database.store.read(Selection(prefixes=prefixes), depth=Depth.OIDS).refs.items() if prefixes else ():
        if (record := record_parts(name)) is not None:
            found[KeyId(record[2])].append(RefUpdate(name, oid, DELETE))
    return found


def _raise_gravest(ends: Sequence[End]) -> None:
    """Raise what went wrong, if anything did; an error that says that nothing was written must not hide that nobody knows."""
    errors = [end for end in ends if isinstance(end, GitKeyvalError)]
    if errors:
        raise next((error for error in errors if isinstance(error, OutcomeUnknownError)), errors[0])


def _deletable(view: KeyView, now: Micros) -> bool:
    try:
        return view.exists(now)
    except MalformedRecordError:
        return True  # nobody can read what is there, and deleting it is how a person repairs it


def _all_deletions(view: KeyView) -> tuple[RefUpdate, ...]:
    # The value goes first: without its value a key is absent, whatever else is still there.
    return view.deletions(view.value_name, view.expiry_name, view.key_name, *view.crumbs)


def key_update(database: Database, key: Key) -> Transaction:
    """Give the update that stores a key itself, with its objects."""
    update = RefUpdate(database.naming.key(key.id), ANY, key.record.commit.oid)
    return Transaction((update,), key.record.objects)


def _forced_expiry(database: Database, key: Key, lifetime: int | Lifetime) -> RefUpdate:
    return RefUpdate(database.naming.expiry(key.id), ANY, encode_expiry(lifetime).oid if isinstance(lifetime, int) else DELETE)


def _written(database: Database, version: Oid, lifetime: int | Lifetime) -> Result:
    expiry = lifetime if isinstance(lifetime, int) else None
    ttl = ttl_of(expiry, database.now())
    return Result(applied=True, version=version, ttl=ttl, expires_at=expiry, public_name=database.store.public_name)


def _shown(view: KeyView, now: Micros, result: Result) -> Result:
    expiry = view.expiry() if view.alive(now) else None
    return replace(result, type=view.held_type(now), version=view.live_version(now), ttl=ttl_of(expiry, now), expires_at=expiry)
