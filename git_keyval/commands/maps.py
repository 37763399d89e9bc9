"""hget, hset, hdel, hgetall, hkeys, hlen, hexpire, httl, hpersist."""

from collections.abc import Mapping, Sequence
from functools import partial

from git_keyval.commands.values import key_update
from git_keyval.database.answers import NO_KEY, Result
from git_keyval.database.collections import (
    Change,
    CollectionView,
    Draft,
    Shape,
    change,
    changed_lifetime,
    read_all,
    read_elements,
    read_one,
    read_to_write,
    read_values,
    settled,
    typed,
    version_met,
    written,
)
from git_keyval.database.conditions import ALWAYS, Condition
from git_keyval.database.database import Database
from git_keyval.database.keys import Key
from git_keyval.database.lifetimes import FOREVER, Lifetime, chosen, expiry_objects, ttl_of
from git_keyval.format.times import Micros
from git_keyval.format.values import as_json
from git_keyval.store.port import Transaction


def hget(database: Database, *, key: Key, field: str = "", fields: Sequence[str] = ()) -> Result:
    """Read one field: its value, type and what is left of its lifetime; or several, as a JSON object of those that exist."""
    if not fields:
        return read_one(database, read_elements(database, key, "map", "hget", field), field)
    view = read_elements(database, key, "map", "hget", *fields)
    values = read_values(database, view, filter(view.holds, fields))
    document = {name: as_json(value) for name, value in values.items()}
    return Result(found=len(document) == len(set(fields)), count=len(document), document=document, version=view.version)


def hset(
    database: Database,
    *,
    key: Key,
    entries: Mapping[str, Draft],
    ttl: int | None = None,
    expires_at: Micros | None = None,
    keep_ttl: bool = False,
    condition: Condition = ALWAYS,
    store_key: bool = False,
) -> Result:
    """Write fields, all or none; others stay as they are. What is not given a lifetime never expires, but with the key itself.

    The condition is about the fields: that none of them exists, or that all do; a version is that of the map. One that is not met
    is no error. ``count`` tells how many fields were written.
    """
    lifetime = chosen(database, ttl, expires_at, keep_ttl=keep_ttl)
    extra = key_update(database, key) if store_key else Transaction(())

    def decide(view: CollectionView) -> Change | Result:
        if not _met(condition, view, list(entries)):
            return Result(applied=False, count=0, version=view.version)
        values = typed(view, "hset", entries)
        blobs = written(view, values)
        expiry = lifetime if isinstance(lifetime, int) else None
        return Change(
            Result(applied=True, count=len(values), ttl=ttl_of(expiry, view.now), expires_at=expiry),
            elements={**view.stored, **{name: blob.oid for name, blob in blobs.items()}},
            shape=Shape.of(next(iter(values.values()))),
            updates=(*settled(view, values, lifetime), *extra.updates),
            objects=(*blobs.values(), *expiry_objects(lifetime), *extra.objects),
        )

    return change(database, partial(read_to_write, database, key, "map", "hset", entries.values(), *entries), decide)


def hdel(database: Database, *, key: Key, fields: Sequence[str], condition: Condition = ALWAYS) -> Result:
    """Remove fields; ``count`` tells how many of them existed. The map stays, also with no field left."""

    def decide(view: CollectionView) -> Change | Result:
        there = [name for name in fields if view.holds(name)]
        stored = {name for name in fields if name in view.stored}
        if not there or not version_met(condition, view):
            return Result(applied=False, count=0, version=view.version)
        return Change(
            Result(applied=True, count=len(there)),
            elements={name: oid for name, oid in view.stored.items() if name not in stored},
            updates=settled(view, stored, FOREVER),
        )

    fields = list(dict.fromkeys(fields))
    return change(database, partial(read_elements, database, key, "map", "hdel", *fields), decide)


def hgetall(database: Database, *, key: Key) -> Result:
    """Read all fields, as a JSON object; ``found`` tells whether the key exists."""
    view = read_all(database, key, "map", "hgetall")
    if not view.found:
        return Result(found=False, ttl=NO_KEY)
    values = read_values(database, view, view.live())
    expiry = view.view.expiry()
    return Result(
        found=True,
        count=len(values),
        document={name: as_json(values[name]) for name in sorted(values)},
        version=view.version,
        ttl=ttl_of(expiry, view.now),
        expires_at=expiry,
    )


def hkeys(database: Database, *, key: Key) -> Result:
    """List the names of all fields, as a sorted JSON list."""
    view = read_all(database, key, "map", "hkeys")
    names = sorted(view.live())
    return Result(found=view.found, count=len(names), document=[*names], version=view.version)


def hlen(database: Database, *, key: Key) -> Result:
    """Count the fields."""
    view = read_all(database, key, "map", "hlen")
    return Result(found=view.found, count=len(view.live()), version=view.version)


def hexpire(
    database: Database,
    *,
    key: Key,
    fields: Sequence[str],
    ttl: int | None = None,
    expires_at: Micros | None = None,
    condition: Condition = ALWAYS,
) -> Result:
    """Give fields a new time to expire; ``count`` tells how many of them exist and have it now."""
    return _change_lifetime(database, key, fields, chosen(database, ttl, expires_at), condition, "hexpire")


def httl(database: Database, *, key: Key, field: str) -> Result:
    """Tell how many seconds a field has left: -1 if it never expires, -2 if it does not exist."""
    view = read_elements(database, key, "map", "httl", field)
    if not view.holds(field):
        return Result(found=False, ttl=NO_KEY, version=view.version)
    expiry = view.expiry(field)
    return Result(found=True, ttl=ttl_of(expiry, view.now), expires_at=expiry, version=view.version)


def hpersist(database: Database, *, key: Key, fields: Sequence[str], condition: Condition = ALWAYS) -> Result:
    """Take the expiry of fields away; ``count`` tells how many of them had one."""
    return _change_lifetime(database, key, fields, FOREVER, condition, "hpersist")


def _change_lifetime(
    database: Database, key: Key, fields: Sequence[str], lifetime: int | Lifetime, condition: Condition, command: str
) -> Result:
    return change(
        database,
        partial(read_elements, database, key, "map", command, *fields),
        lambda view: changed_lifetime(view, fields, lifetime, condition),
    )


def _met(condition: Condition, view: CollectionView, fields: Sequence[str]) -> bool:
    there = [view.holds(name) for name in fields]
    if (condition.existence == "absent" and any(there)) or (condition.existence == "present" and not all(there)):
        return False
    return version_met(condition, view)
