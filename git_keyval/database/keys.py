"""Keys, and what a read shows of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.database.database import Database
from git_keyval.errors import MalformedRecordError, RedirectedError, WrongTypeError
from git_keyval.format.counters import (
    RECENT_OPERATIONS,
    Breadcrumb,
    Counter,
    counting,
    decode_counter,
    ended_life,
    next_time,
    read_breadcrumb,
    total,
)
from git_keyval.format.elements import Collection, CollectionCategory
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.metadata import OtherCategoryError, decode_message
from git_keyval.format.names import ANCHOR_TAG, BREADCRUMBS_PREFIX, BreadcrumbRef, KeyId, Naming, RefName, parse
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.records import DataRecord
from git_keyval.format.redirects import Redirect, redirect_of
from git_keyval.format.times import Micros
from git_keyval.format.values import Value, ValueType, as_integer
from git_keyval.store.port import DELETE, Depth, Expect, RefUpdate, Selection, Snapshot

TYPE_NAMES: dict[ValueType, str] = {
    "String": "string",
    "Number": "number",
    "Boolean": "boolean",
    "JSON": "json",
    "Uint8Array": "bytes",
    "Blob": "file",
}
"""The types of stored values as inputs and outputs call them."""

COUNTER_TYPE = "counter"

_COLLECTIONS = {"map": "hgetall", "array": "arange"}
"""The categories of many elements, with the command that reads one."""

_CATEGORIES = {"data", COUNTER_TYPE, *_COLLECTIONS}


@dataclass(frozen=True, slots=True)
class Key:
    """A key: what the user calls it, and its id. ``record`` is stored only where the user asks for it."""

    label: str = field(repr=False)
    record: DataRecord

    @classmethod
    def of(cls, label: str, value: Value, cipher: Cipher = PLAIN) -> "Key":
        """Make the key of a typed value, in a database of this cipher."""
        return cls(label, cipher.key(value))

    @property
    def id(self) -> KeyId:
        """Give the key id."""
        return self.record.key_id


class MovedError(RedirectedError):
    """Keys that were read are redirected; nothing was written. ``targets`` tells where each of them lives."""

    def __init__(self, targets: Mapping[KeyId, Redirect]) -> None:
        """Keep where they live."""
        self.targets = targets
        told = {f"{target.repository} (shard-length {target.shard_length})" for target in targets.values()}
        super().__init__(sorted(told))


@dataclass(frozen=True, slots=True)
class KeyView:
    """All refs of one key at one read, and the objects that were read with them."""

    key_id: KeyId
    seen: Snapshot
    value_name: RefName
    expiry_name: RefName
    key_name: RefName
    breadcrumb_prefix: str
    cipher: Cipher = PLAIN
    crumbs: tuple[RefName, ...] = ()
    """The refs of all breadcrumbs seen, malformed ones included, sorted."""

    @classmethod
    def of(cls, naming: Naming, key_id: KeyId, seen: Snapshot, cipher: Cipher = PLAIN) -> "KeyView":
        """Return what a read shows of a key, but for its breadcrumbs."""
        names = naming.value(key_id), naming.expiry(key_id), naming.key(key_id)
        return cls(key_id, seen, *names, naming.breadcrumbs(key_id), cipher)

    @property
    def version(self) -> Oid | None:
        """Give the oid of the value commit; None if the ref does not exist."""
        return self.seen.refs.get(self.value_name)

    def expected(self, name: RefName) -> Oid | Literal[Expect.ABSENT]:
        """Give what a transaction must expect of one of the refs."""
        return self.seen.expected(name)

    def deletions(self, *names: RefName) -> tuple[RefUpdate, ...]:
        """Give the updates that delete those of the refs that exist, by the oids seen."""
        return tuple(RefUpdate(name, self.seen.refs[name], DELETE) for name in names if name in self.seen.refs)

    def expiry(self) -> int | None:
        """Give the expiry id; None for a persistent or absent key. Raises MalformedRecordError."""
        return self.expiry_at(self.expiry_name)

    def expiry_at(self, name: RefName) -> int | None:
        """Give the expiry id of the key or of an element by the name of its ref; None without one. Raises MalformedRecordError."""
        oid = self.seen.refs.get(name)
        if oid is None:
            return None
        try:
            return decode_expiry(self._object(oid, name))
        except MalformedRecordError as exc:
            raise MalformedRecordError(name, exc.reason) from exc

    def redirect(self) -> Redirect | None:
        """Give where the key lives, if its value is a redirect that can be read."""
        return None if self.version is None else redirect_of(self.seen.objects.get(self.version))

    def expired(self, now: Micros) -> bool:
        """Tell whether the key has an expiry that has passed."""
        expiry = self.expiry()
        return expiry is not None and is_expired(expiry, now)

    def alive(self, now: Micros) -> bool:
        """Tell whether there is a value that has not expired."""
        return self.version is not None and not self.expired(now)

    def live_version(self, now: Micros) -> Oid | None:
        """Give the oid of the value commit of a live key; None if what is there has expired."""
        return self.version if self.alive(now) else None

    def exists(self, now: Micros) -> bool:
        """Tell whether the key exists: it has a value that has not expired, or increments that wait for a gather."""
        if self.alive(now):
            return True
        return bool(counting(self._ended_life(now), self.breadcrumbs()))

    def breadcrumbs(self) -> list[Breadcrumb]:
        """Give the breadcrumbs that can be read; malformed ones are left to ``check`` and ``purge``."""
        found = []
        for name in self.crumbs:
            ref = parse(name)
            obj = self.seen.objects.get(self.seen.refs[name])
            if isinstance(ref, BreadcrumbRef) and obj is not None:
                try:
                    found.append(read_breadcrumb(name, ref.time, ref.op, obj))
                except MalformedRecordError:
                    continue
        return found

    def category(self) -> str:
        """Give the category of the value's record: data, counter, map or array. Raises MalformedRecordError."""
        try:
            category = decode_message(self._value_commit())["category"]
        except MalformedRecordError as exc:
            raise MalformedRecordError(self.value_name, exc.reason) from exc
        if category == "redirect":
            raise MalformedRecordError(self.value_name, "it is a redirect that leads nowhere")
        if category not in _CATEGORIES:
            raise MalformedRecordError(self.value_name, "it is of a category that no key can hold")
        return str(category)

    def held_type(self, now: Micros) -> str:
        """Give the type of what a key that exists holds, as inputs call it; increments that wait for a gather are a counter."""
        if not self.alive(now):
            return COUNTER_TYPE
        category = self.category()
        if category != "data":
            return category
        members = decode_message(self._value_commit())
        return next((name for stored, name in TYPE_NAMES.items() if stored == members.get("type")), "unknown")

    def holds_elements(self) -> bool:
        """Tell whether the value is a map or an array, also of an expired key; not if it cannot be read."""
        try:
            return self.version is not None and self.category() in _COLLECTIONS
        except MalformedRecordError:
            return False

    def value(self, command: str, now: Micros) -> Value | int:
        """Give the live value; for a counter its number with the breadcrumbs added in.

        Raises WrongTypeError for a map or an array, and MalformedRecordError.
        """
        if self.alive(now) and self.category() == "data":
            return self._data()
        counter, crumbs = self.counter(command, now), self.breadcrumbs()
        ops = (counter.op, *(done[0] for done in counter.recent), *(crumb.op for crumb in crumbs))
        try:
            self.cipher.accept_counter(self.key_id, ops)
        except MalformedRecordError as exc:
            raise exc.at(self.value_name) from exc
        return total(counter, crumbs)

    def old_value(self, now: Micros) -> Value | int | None:
        """Give the live value that a write replaces; None where there is none, or one of many elements."""
        if not self.exists(now) or (self.alive(now) and self.holds_elements()):
            return None
        return self.value("set", now)

    def collection(self, category: CollectionCategory, command: str, now: Micros) -> Collection | None:
        """Give the live map or array, read with its trees; None if the key does not exist.

        Raises WrongTypeError for a value of any other category, and MalformedRecordError.
        """
        if not self.exists(now):
            return None
        if not self.alive(now) or self.category() != category:
            raise WrongTypeError(command, self.held_type(now), f"a{'n' if category == 'array' else ''} {category}")
        try:
            return self.cipher.read_collection(self._value_commit(), self.seen.objects)
        except MalformedRecordError as exc:
            raise exc.at(self.value_name) from exc

    def held_counter(self, now: Micros) -> Counter | None:
        """Return the counter that a live key holds, or that an ended life leaves; None for any other value.

        Raises MalformedRecordError.
        """
        if not self.alive(now):
            return self._ended_life(now)
        try:
            return decode_counter(self._value_commit())
        except OtherCategoryError:
            self.category()  # what is of a category that nobody knows may count some day
            return None
        except MalformedRecordError as exc:
            raise exc.at(self.value_name) from exc

    def counter(self, command: str, now: Micros) -> Counter:
        """Give the counter that an increment starts from; what is no counter yet becomes one.

        An absent key starts at 0, an expired one too, with all that came up to its end void; so does everything older where a
        Number becomes a counter. Raises WrongTypeError for any other value.
        """
        held = self.held_counter(now)
        if held is not None:
            return held
        category = self.category()
        if category in _COLLECTIONS:
            raise WrongTypeError(command, category, "a single value", f"'{_COLLECTIONS[category]}' reads its elements")
        if "encrypted" in decode_message(self._value_commit()):
            # As a counter it could be read by everybody, which is not for an increment to decide.
            raise WrongTypeError(command, f"{self.held_type(now)}, encrypted", "a counter")
        number = as_integer(self._data())
        if number is None:
            raise WrongTypeError(command, self.held_type(now), "a counter or a number with an integer value")
        return Counter(value=number, set_at=next_time(now, Counter(), self.breadcrumbs()))

    def doubtful(self) -> bool:
        """Tell whether what was read before the value may not belong to it.

        An expiry that is another one when the value is read belongs to another value.
        Without a value, they may have been read just before a deletion took both. And more of them than a counter remembers may
        have been folded, and forgotten, before the counter was read.
        """
        names = self.crumbs
        return self._expiries_moved() or (bool(names) and (self.version is None or len(names) > RECENT_OPERATIONS))

    def counts(self) -> bool:
        """Tell whether breadcrumbs may add to the value: it is a counter, or there are some."""
        if self.crumbs:
            return True
        try:
            return self.version is not None and self.category() == "counter"
        except MalformedRecordError:
            return False

    def confirmed_by(self, newer: "KeyView") -> bool:
        """Tell from a later read that no breadcrumb of this one was folded or deleted before this one read the value."""
        return not self._expiries_moved() and set(self.crumbs) <= set(newer.crumbs)

    def _expiries_moved(self) -> bool:
        """Tell whether the expiry of the key or of an element was not the same each time."""
        return any(name.startswith(self.expiry_name) for name in self.seen.moved)

    def _ended_life(self, now: Micros) -> Counter:
        # An expiry without a value means nothing: it must not end what comes after it.
        return ended_life(self.expiry() if self.version is not None and self.expired(now) else None)

    def _value_commit(self) -> GitObject:
        oid = self.version
        assert oid is not None
        return self._object(oid, self.value_name)

    def _data(self) -> Value:
        try:
            return self.cipher.read_data(self.key_id, self._value_commit(), self.seen.objects)
        except MalformedRecordError as exc:
            raise exc.at(self.value_name) from exc

    def _object(self, oid: Oid, where: RefName) -> GitObject:
        obj = self.seen.objects.get(oid)
        if obj is None:
            raise MalformedRecordError(where, "the object that it points at is missing, or too large")
        return obj


NO_REFS = Selection()


def read_views(
    database: Database, keys: Sequence[Key], depth: Depth = Depth.VALUES, *, exact: bool = True, expiries: Selection = NO_REFS
) -> list[KeyView]:
    """Read keys, in one read for all of them; ``expiries`` are refs of elements to read with the keys' own.

    What qualifies a value (its expiry, its breadcrumbs) is read before the value itself, and the expiry once more with it. So a
    rival's write in between is never taken half: a value is not seen with the expiry of another one, and a breadcrumb that a gather
    folds in between is found in the counter that is read after it. Where the store does both in one request, in an order that it
    does not promise, counters take a second one; not ``exact`` is enough for those whose write compares what they have read.

    Raises MovedError for keys that live elsewhere; with OIDS, redirects are not seen.
    """
    views = read_where_stored(database, keys, depth, exact=exact, expiries=expiries)
    moved = {view.key_id: redirect for view in views if (redirect := view.redirect()) is not None}
    if moved:
        raise MovedError(moved)
    return views


def read_where_stored(
    database: Database, keys: Sequence[Key], depth: Depth = Depth.VALUES, *, exact: bool = True, expiries: Selection = NO_REFS
) -> list[KeyView]:
    """Read keys as they are stored here, redirects included; otherwise as ``read_views``."""
    views = _read_once(database, keys, depth, expiries, exact=exact)
    if views:
        database.check_mark(views[0].seen)
    for _ in range(database.max_attempts):
        doubtful = [number for number, view in enumerate(views) if view.doubtful()]
        if not doubtful:
            break
        newer = _read_once(database, keys, depth, expiries, exact=exact)
        if all(views[number].confirmed_by(newer[number]) for number in doubtful):
            break
        views = newer
    return views


def _read_once(database: Database, keys: Sequence[Key], depth: Depth, expiries: Selection, *, exact: bool) -> list[KeyView]:
    views = [KeyView.of(database.naming, key.id, Snapshot({}), database.cipher) for key in keys]
    seen = database.read(
        Selection(
            (ANCHOR_TAG, *(name for view in views for name in (view.expiry_name, view.key_name)), *expiries.names),
            (*(view.breadcrumb_prefix for view in views), *expiries.prefixes),
        ),
        values := Selection((*(name for view in views for name in (view.expiry_name, view.value_name)), *expiries.names)),
        depth=depth,
    )
    views = _shown_by(views, seen)
    if seen.ordered or not exact or not any(view.counts() for view in views):
        return views
    return _shown_by(views, seen.followed_by(database.read(values, depth=depth), frozenset(values.names)))


def _shown_by(views: Sequence[KeyView], seen: Snapshot) -> list[KeyView]:
    """Return the views with what one read of all of them has seen; each ref is looked at once, however many keys there are."""
    crumbs: dict[str, list[RefName]] = defaultdict(list)
    for name in sorted(name for name in seen.refs if name.startswith(BREADCRUMBS_PREFIX)):
        crumbs[f"{name.rpartition('/')[0]}/"].append(name)
    return [replace(view, seen=seen, crumbs=tuple(crumbs.get(view.breadcrumb_prefix, ()))) for view in views]


def read_view(
    database: Database, key: Key, depth: Depth = Depth.VALUES, *, exact: bool = True, expiries: Selection = NO_REFS
) -> KeyView:
    """Read one key."""
    return read_views(database, [key], depth, exact=exact, expiries=expiries)[0]
