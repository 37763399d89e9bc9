"""expire, persist, ttl."""

from git_keyval.database.answers import NO_KEY, PERSISTENT, Result
from git_keyval.database.conditions import ALWAYS, Condition
from git_keyval.database.database import Database
from git_keyval.database.keys import Key, read_view
from git_keyval.database.lifetimes import FOREVER, Lifetime, chosen, expiry_objects, expiry_update, ttl_of
from git_keyval.errors import ContentionError
from git_keyval.format.times import Micros
from git_keyval.store.port import Applied, Depth, RefUpdate, Transaction


def ttl(database: Database, *, key: Key) -> Result:
    """Tell how many seconds a key has left: -1 if it never expires, -2 if it does not exist."""
    view = read_view(database, key, Depth.MESSAGES, exact=False)
    now = database.now()
    if not view.exists(now):
        return Result(found=False, ttl=NO_KEY)
    expiry = view.expiry() if view.alive(now) else None
    return Result(found=True, ttl=ttl_of(expiry, now), expires_at=expiry, version=view.live_version(now))


def expire(
    database: Database,
    *,
    key: Key,
    ttl: int | None = None,
    expires_at: Micros | None = None,
    condition: Condition = ALWAYS,
) -> Result:
    """Give a key a new time to expire; ``applied`` is false if the key does not exist, or only as increments that wait."""
    return _change(database, key, chosen(database, ttl, expires_at), condition)


def persist(database: Database, *, key: Key, condition: Condition = ALWAYS) -> Result:
    """Take a key's expiry away; ``applied`` is false if the key does not exist or had none."""
    return _change(database, key, FOREVER, condition)


def _change(database: Database, key: Key, lifetime: int | Lifetime, condition: Condition) -> Result:
    for attempt in range(database.max_attempts):
        view = read_view(database, key, Depth.MESSAGES, exact=False)
        now = database.now()
        version = view.live_version(now)
        if version is None:
            # Increments that wait for a gather are a key without a value, and an expiry belongs to a value.
            found = view.exists(now)
            return Result(found=found, applied=False, ttl=PERSISTENT if found else NO_KEY)
        before = view.expiry()
        unmet = not condition.met(view, now) or (lifetime is FOREVER and before is None)
        after = lifetime if isinstance(lifetime, int) else None
        if unmet or before == after:
            return Result(found=True, applied=not unmet, version=version, ttl=ttl_of(before, now), expires_at=before)
        # The value is asserted: an expiry must not come to belong to another value, nor outlive its key.
        updates = (RefUpdate(view.value_name, version, version), *expiry_update(view, lifetime, alive=True))
        if isinstance(database.write(Transaction(updates, expiry_objects(lifetime)), view.seen), Applied):
            return Result(found=True, applied=True, version=version, ttl=ttl_of(after, now), expires_at=after)
        database.pause(attempt)
    raise ContentionError(database.max_attempts)
