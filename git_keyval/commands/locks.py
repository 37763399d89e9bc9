"""lock, unlock: a lock is a map with a ``fence`` that only grows, and an ``owner`` whose element expiry is the lease."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from git_keyval.commands.owners import is_made
from git_keyval.database.answers import PERSISTENT, Result
from git_keyval.database.collections import (
    Change,
    CollectionView,
    Shape,
    change,
    read_elements,
    read_values,
    settled,
    stored_name,
    written,
)
from git_keyval.database.database import Database
from git_keyval.database.keys import Key
from git_keyval.database.lifetimes import FOREVER, chosen, expiry_objects, ttl_of
from git_keyval.errors import InputError, LockHeldError, LockLostError, WrongTypeError
from git_keyval.format.bounds import added
from git_keyval.format.elements import element_id
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.times import MAX_SECONDS, SECOND, Micros
from git_keyval.format.values import as_text, parse_value
from git_keyval.store.port import Depth, Selection

FENCE, OWNER = "fence", "owner"
"""The fields of a lock: how often it was taken, and by whom it was last."""

_NEVER = Micros(0)

MAX_FENCE = 10**19 - 1
"""The largest fence that the format has."""

_FENCE = re.compile(r"[1-9][0-9]{0,18}")
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 15.0


def lock(
    database: Database,
    *,
    key: Key,
    owner: str,
    ttl: int | None = None,
    expires_at: Micros | None = None,
    wait: int = 0,
) -> Result:
    """Take a lock, with a lease that ends by itself; ``fence`` is larger than that of every owner before.

    An owner that holds the lock already renews its lease, and keeps its fence. Where another one holds it, this asks again until
    ``wait`` seconds are over; if it is held then, the answer says by whom and for how long, and its ``failure`` is a LockHeldError.
    Raises WrongTypeError for a key that holds something else, InputError for a lease that is over before it begins, and BoundError
    for a lock that was taken as often as can be written.
    """
    take = partial(_take, database, key, owner, ttl, expires_at)
    answer = take()
    deadline = database.now() + wait * SECOND
    for pause in _pauses(database):
        left = (deadline - database.now()) / SECOND
        if answer.applied or left <= 0:
            break
        database.progress("Waiting for the lock, seconds", round(wait - left), wait)
        database.sleep(min(pause, left, _seconds_left(database, answer)))
        if _seconds_left(database, answer) <= 0 or not _is_as_it_was(database, key, answer):
            answer = take()
    return answer if answer.applied else _not_obtained(database, answer)


def unlock(database: Database, *, key: Key, owner: str) -> Result:
    """Release a lock that this owner holds; the fence stays, so that the next owner's is larger.

    If nobody holds it, nothing is changed and ``warning`` says why that may be. If another owner does, the answer says which, and
    its ``failure`` is a LockLostError. Raises WrongTypeError for a key that holds something else.
    """
    ours = _Lock()

    def decide(view: CollectionView) -> Change | Result:
        nonlocal ours
        seen = _read(database, view, "unlock")
        if seen.held and seen.owner == owner:
            ours = seen
            others = {name: oid for name, oid in view.stored.items() if name != OWNER}
            released = Result(applied=True, owner=owner, fence=seen.fence)
            return Change(released, others, updates=settled(view, (OWNER,), FOREVER), witness=view.view.value_name)
        if view.now < ours.until:
            # Nobody else could take it from this owner: our own request came through, or another one of the same owner.
            return Result(applied=True, owner=owner, fence=ours.fence)
        if seen.held:
            return Result(applied=False, owner=seen.owner, failure=LockLostError(_shown(seen.owner)))
        return Result(applied=False, fence=seen.fence or None, warning=_why_nobody(seen, owner))

    return change(database, partial(_elements, database, key, "unlock"), decide)


@dataclass(frozen=True, slots=True)
class _Lock:
    """A lock at one read. ``owner`` is who took it last, until sweep forgets one whose lease is over; ``until`` ends the lease."""

    held: bool = False
    fence: int = 0
    owner: str = field(default="", repr=False)
    until: Micros = _NEVER


def _elements(database: Database, key: Key, command: str) -> CollectionView:
    return read_elements(database, key, "map", command, FENCE, OWNER)


def _read(database: Database, view: CollectionView, command: str) -> _Lock:
    if view.collection is None:
        return _Lock()
    if view.collection.type != "String" or FENCE not in view.stored:
        raise WrongTypeError(command, "map", "a lock")
    values = {name: as_text(value) for name, value in read_values(database, view, {FENCE, OWNER} & view.stored.keys()).items()}
    if _FENCE.fullmatch(values[FENCE]) is None:
        raise WrongTypeError(command, "map", "a lock")
    until = view.expiry(OWNER)
    # An owner whose expiry somebody took away holds it for good: until it unlocks, or the key is deleted.
    moment = Micros((MAX_SECONDS if until is None else until) * SECOND)
    return _Lock(view.holds(OWNER), int(values[FENCE]), values.get(OWNER, ""), moment)


def _take(database: Database, key: Key, owner: str, ttl: int | None, expires_at: Micros | None) -> Result:
    """Take the lock if it is free or ours; never is one taken whose lease was over before that could be told."""

    def decide(view: CollectionView) -> Change | Result:
        lease = chosen(database, ttl, expires_at)
        if not isinstance(lease, int):
            raise InputError("ttl", "is missing: a lock must end by itself", "a duration, or 'expires-at'")
        seen = _read(database, view, "lock")
        if seen.held and seen.owner != owner:
            return Result(applied=False, owner=seen.owner, version=view.version, expires_at=view.expiry(OWNER))
        # With the key, the fence would end, and the lock before its lease.
        unbound = view.view.deletions(view.view.expiry_name) if view.found else ()
        updates = (*settled(view, (OWNER,), lease), *unbound)
        if seen.held:
            answer = Result(applied=True, owner=owner, fence=seen.fence, expires_at=lease)
            return Change(answer, view.stored, updates=updates, objects=expiry_objects(lease))
        fence = added(seen.fence, 1, MAX_FENCE, "the fence of a lock")
        values = {FENCE: parse_value("String", str(fence)), OWNER: parse_value("String", owner)}
        blobs = written(view, values)
        return Change(
            Result(applied=True, owner=owner, fence=fence, expires_at=lease),
            {**view.stored, **{name: blob.oid for name, blob in blobs.items()}},
            Shape.of(values[OWNER]),
            updates=(*updates, *settled(view, (FENCE,), FOREVER)),
            objects=(*blobs.values(), *expiry_objects(lease)),
            witness=view.view.value_name,
        )

    for _ in range(database.max_attempts):
        answer = change(database, partial(_elements, database, key, "lock"), decide)
        left = ttl_of(answer.expires_at, database.now())
        if not answer.applied or left > 0:
            return replace(answer, ttl=left)
    raise InputError("ttl", "was over each time before the lock was taken", "a longer lease")


def _pauses(database: Database) -> Iterator[float]:
    """Give the seconds until each next look: more each time, and never as many as others wait."""
    most = _FIRST_PAUSE_SECONDS
    while True:
        yield most * (0.5 + database.random() / 2)
        most = min(2 * most, _LONGEST_PAUSE_SECONDS)


def _seconds_left(database: Database, answer: Result) -> float:
    """Give how long the lease of whoever holds the lock still lasts."""
    until = MAX_SECONDS if answer.expires_at is None else answer.expires_at
    return (until * SECOND - database.now()) / SECOND


def _is_as_it_was(database: Database, key: Key, answer: Result) -> bool:
    """Look, in one request, whether the lock was released, taken or renewed since the answer."""
    owner = element_id(stored_name(database.cipher, key.id, "map", OWNER))
    value, lease = database.naming.value(key.id), database.naming.element_expiry(key.id, owner)
    refs = database.store.read(Selection((value, lease)), depth=Depth.OIDS).refs
    until = None if answer.expires_at is None else encode_expiry(answer.expires_at).oid
    return (refs.get(value), refs.get(lease)) == (answer.version, until)


def _not_obtained(database: Database, answer: Result) -> Result:
    left = ttl_of(answer.expires_at, database.now())
    left = left if answer.expires_at is None else max(left, 0)
    failure = LockHeldError(_shown(answer.owner or ""), None if left == PERSISTENT else left)
    return replace(answer, version=None, ttl=left, failure=failure)


def _why_nobody(seen: _Lock, owner: str) -> str:
    if seen.owner == owner:
        return (
            "Nobody holds the lock: its lease ran out before it was released, and nobody took it since. Give 'lock' a longer 'ttl'."
        )
    return "Nobody holds the lock: it was released before, or its lease ran out."


def _shown(owner: str) -> str:
    return owner if is_made(owner) else ""
