"""Keys, and what one read shows of them, at the time of the read: what is alive, expired, redirected, and of which type."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.errors import MalformedRecordError, RedirectedError, WrongTypeError
from git_keyval.format.counters import (
    MOST_REMEMBERED,
    RECENT_OPERATIONS,
    WAITING_TIME,
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
from git_keyval.format.names import BREADCRUMBS_PREFIX, BreadcrumbRef, KeyId, Naming, RefName, parse
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.records import Record
from git_keyval.format.redirects import Redirect, redirect_of
from git_keyval.format.times import Micros, Timestamp, timestamp
from git_keyval.format.values import Value, ValueType, as_integer
from git_keyval.light_dataclasses import dataclass, field, replace
from git_keyval.store.port import DELETE, Expect, RefUpdate, Snapshot

TYPE_NAMES: dict[ValueType, str] = {
    "String": "string",
    "Number": "number",
    "Boolean": "boolean",
    "JSON": "json",
    "Uint8Array": "bytes",
    "Blob": "file",
}
"""The types of stored values as inputs and outputs call them."""

STORED_TYPES = {shown: stored for stored, shown in TYPE_NAMES.items()}
BINARY_TYPES = {"bytes", "file"}
"""The types whose values are shown as base64."""

COUNTER_TYPE, UNKNOWN_TYPE = "counter", "unknown"

_COLLECTIONS = {"map": "hgetall", "array": "arange"}
"""The categories of many elements, with the command that reads one."""

_CATEGORIES = {"data", COUNTER_TYPE, *_COLLECTIONS}


@dataclass(frozen=True, slots=True)
class Key:
    """A key: what the user calls it, and its id. Its name is known unless it was found by a ref."""

    label: str = field(repr=False)
    id: KeyId
    name: Record | None = None

    @classmethod
    def of(cls, label: str, value: Value, cipher: Cipher = PLAIN) -> "Key":
        """Make the key of a typed value, in a database of this cipher."""
        record = cipher.key(value)
        return cls(label, record.key_id, record)

    @property
    def record(self) -> Record:
        """Return the record of the name, which is stored only where the user asks for it."""
        assert self.name is not None
        return self.name


class MovedError(RedirectedError):
    """Keys that were read are redirected; nothing was written. ``targets`` tells where each of them lives."""

    def __init__(self, targets: Mapping[KeyId, Redirect]) -> None:
        self.targets = targets
        places = {f"{target.repository} (shard-length {target.shard_length})" for target in targets.values()}
        super().__init__(sorted(places))


@dataclass(frozen=True, slots=True)
class KeyView:
    """All refs of one key at one read, and the objects that were read with them."""

    key_id: KeyId
    seen: Snapshot
    now: Micros
    value_name: RefName
    expiry_name: RefName
    key_name: RefName
    breadcrumb_prefix: str
    cipher: Cipher = PLAIN
    crumbs: tuple[RefName, ...] = ()
    """The refs of all breadcrumbs seen, malformed ones included, sorted."""

    @classmethod
    def of(cls, naming: Naming, key_id: KeyId, seen: Snapshot, now: Micros, cipher: Cipher = PLAIN) -> "KeyView":
        """Return what a read shows of a key, but for its breadcrumbs."""
        names = naming.value(key_id), naming.expiry(key_id), naming.key(key_id)
        return cls(key_id, seen, now, *names, naming.breadcrumbs(key_id), cipher)

    @property
    def version(self) -> Oid | None:
        """Return the oid of the value commit; None if the ref does not exist."""
        return self.seen.refs.get(self.value_name)

    def breadcrumb_name(self, time: Timestamp, op: str) -> RefName:
        """Return the name of the ref of an operation's breadcrumb."""
        return RefName(f"{self.breadcrumb_prefix}{time}-{op}")

    def expected(self, name: RefName) -> Oid | Literal[Expect.ABSENT]:
        """Return what a transaction must expect of one of the refs."""
        return self.seen.expected(name)

    def deletions(self, *names: RefName) -> tuple[RefUpdate, ...]:
        """Return the updates that delete those of the refs that exist, by the oids seen."""
        return tuple(RefUpdate(name, self.seen.refs[name], DELETE) for name in names if name in self.seen.refs)

    def expiry(self) -> int | None:
        """Return the expiry id; None for a persistent or absent key. Raises MalformedRecordError."""
        return self.expiry_at(self.expiry_name)

    def expiry_at(self, name: RefName) -> int | None:
        """Return the expiry id of the key or an element by the name of its ref, or None. Raises MalformedRecordError."""
        oid = self.seen.refs.get(name)
        if oid is None:
            return None
        try:
            return decode_expiry(self._object(oid, name))
        except MalformedRecordError as exc:
            raise MalformedRecordError(name, exc.reason) from exc

    def redirect(self) -> Redirect | None:
        """Return where the key lives, if its value is a redirect that can be read."""
        return None if self.version is None else redirect_of(self.seen.objects.get(self.version))

    def expired(self) -> bool:
        """Return whether the key has an expiry that has passed."""
        expiry = self.expiry()
        return expiry is not None and is_expired(expiry, self.now)

    def alive(self) -> bool:
        """Return whether there is a value that has not expired."""
        return self.version is not None and not self.expired()

    def live_expiry(self) -> int | None:
        """Return the expiry id of a live key; None for one that never expires, or is not alive."""
        return self.expiry() if self.alive() else None

    def live_version(self) -> Oid | None:
        """Return the oid of the value commit of a live key; None if what is there has expired."""
        return self.version if self.alive() else None

    def is_at(self, version: Oid | None) -> bool:
        """Return whether the live value is of this version; None asks for none."""
        return version is None or self.live_version() == version

    def exists(self) -> bool:
        """Return whether the key exists: it has a value that has not expired, or increments that wait for a gather."""
        if self.alive():
            return True
        return bool(counting(self._ended_life(), self.breadcrumbs()))

    def breadcrumbs(self) -> list[Breadcrumb]:
        """Return the breadcrumbs that can be read; malformed ones are left to ``check`` and ``purge``."""
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

    def value_commit(self) -> GitObject:
        """Return the commit of the value that is there. Raises MalformedRecordError."""
        oid = self.version
        assert oid is not None
        return self._object(oid, self.value_name)

    def category(self) -> str:
        """Return the category of the value's record: data, counter, map or array. Raises MalformedRecordError."""
        try:
            category = decode_message(self.value_commit())["category"]
        except MalformedRecordError as exc:
            raise MalformedRecordError(self.value_name, exc.reason) from exc
        if category == "redirect":
            raise MalformedRecordError(self.value_name, "it is a redirect that leads nowhere")
        if category not in _CATEGORIES:
            raise MalformedRecordError(self.value_name, "it is of a category that no key can hold")
        return str(category)

    def held_type(self) -> str:
        """Return the type of what a key that exists holds, as inputs call it; increments that wait for a gather are a counter."""
        return self.stored_type() if self.alive() else COUNTER_TYPE

    def stored_type(self) -> str:
        """Return the type of the value that is there, expired or not, as inputs call it. Raises MalformedRecordError."""
        category = self.category()
        if category != "data":
            return category
        members = decode_message(self.value_commit())
        return next((name for stored, name in TYPE_NAMES.items() if stored == members.get("type")), UNKNOWN_TYPE)

    def holds_elements(self) -> bool:
        """Return whether the value is a map or an array, also of an expired key; not if it cannot be read."""
        try:
            return self.version is not None and self.category() in _COLLECTIONS
        except MalformedRecordError:
            return False

    def value(self, command: str) -> Value | int:
        """Return the live value; of a counter its number, breadcrumbs added. Raises WrongTypeError and MalformedRecordError."""
        if self.alive() and self.category() == "data":
            return self._data()
        counter, crumbs = self.counter(command), self.breadcrumbs()
        ops = (counter.op, *(done[0] for done in counter.recent), *(crumb.op for crumb in crumbs))
        try:
            self.cipher.accept_counter(self.key_id, ops)
        except MalformedRecordError as exc:
            raise exc.at(self.value_name) from exc
        return total(counter, crumbs)

    def old_value(self) -> Value | int | None:
        """Return the live value that a write replaces; None where there is none, or one of many elements."""
        if not self.exists() or (self.alive() and self.holds_elements()):
            return None
        return self.value("set")

    def collection(self, category: CollectionCategory, command: str) -> Collection | None:
        """Return the live map or array, or None. Raises WrongTypeError for another category, and MalformedRecordError."""
        if not self.exists():
            return None
        if not self.alive() or self.category() != category:
            raise WrongTypeError(command, self.held_type(), f"a{'n' if category == 'array' else ''} {category}")
        try:
            return self.cipher.read_collection(self.value_commit(), self.seen.objects)
        except MalformedRecordError as exc:
            raise exc.at(self.value_name) from exc

    def held_counter(self) -> Counter | None:
        """Return the counter of a live key or an ended life; None for another value. Raises MalformedRecordError."""
        if not self.alive():
            return self._ended_life()
        try:
            return decode_counter(self.value_commit())
        except OtherCategoryError:
            self.category()  # what is of a category that nobody knows may count some day
            return None
        except MalformedRecordError as exc:
            raise exc.at(self.value_name) from exc

    def counter(self, command: str) -> Counter:
        """Return the counter that an increment starts from; what is no counter yet becomes one.

        An absent key starts at 0, an expired one too, with all that came up to its end void; so does everything older where a
        Number becomes a counter. Raises WrongTypeError for any other value.
        """
        held = self.held_counter()
        if held is not None:
            return held
        category = self.category()
        if category in _COLLECTIONS:
            raise WrongTypeError(command, category, "a single value", f"'{_COLLECTIONS[category]}' reads its elements")
        if "encrypted" in decode_message(self.value_commit()):
            # As a counter it could be read by everybody, which is not for an increment to decide.
            raise WrongTypeError(command, f"{self.held_type()}, encrypted", "a counter")
        number = as_integer(self._data())
        if number is None:
            raise WrongTypeError(command, self.held_type(), "a counter or a number with an integer value")
        return Counter(value=number, set_at=next_time(self.now, Counter(), self.breadcrumbs()))

    def may_be_torn(self) -> bool:
        """Return whether what was read before the value may not belong to it.

        An expiry that has moved since belongs to another value. Without a value, breadcrumbs may have been read just before a
        deletion took both; and more of them than a counter remembers may have been folded, and forgotten, before it was read.
        """
        return self._expiries_moved() or (bool(self.crumbs) and (self.version is None or self._may_be_forgotten()))

    def _may_be_forgotten(self) -> bool:
        """Return whether there are more breadcrumbs than a counter remembers; young ones, which it keeps longer, half as long."""
        young = timestamp(Micros(max(0, self.now - WAITING_TIME // 2)))
        old = bisect_left(self.crumbs, f"{self.breadcrumb_prefix}{young}")
        return old > RECENT_OPERATIONS or len(self.crumbs) > MOST_REMEMBERED

    def adds_breadcrumbs(self) -> bool:
        """Return whether breadcrumbs may add to the value: it is a counter, or there are some."""
        if self.crumbs:
            return True
        try:
            return self.version is not None and self.category() == "counter"
        except MalformedRecordError:
            return False

    def confirmed_by(self, newer: "KeyView") -> bool:
        """Return whether a later read shows that no breadcrumb of this one was folded or deleted before this one read the value."""
        return not self._expiries_moved() and set(self.crumbs) <= set(newer.crumbs)

    def _expiries_moved(self) -> bool:
        """Return whether the expiry of the key or of an element was not the same each time."""
        return any(name.startswith(self.expiry_name) for name in self.seen.moved)

    def _ended_life(self) -> Counter:
        # An expiry without a value means nothing: it must not end what comes after it.
        return ended_life(self.expiry() if self.version is not None and self.expired() else None)

    def _data(self) -> Value:
        try:
            return self.cipher.read_data(self.key_id, self.value_commit(), self.seen.objects)
        except MalformedRecordError as exc:
            raise exc.at(self.value_name) from exc

    def _object(self, oid: Oid, where: RefName) -> GitObject:
        obj = self.seen.objects.get(oid)
        if obj is None:
            raise MalformedRecordError(where, "the object that it points at is missing, or too large")
        return obj

    def at(self, now: Micros) -> "KeyView":
        """Return the same, looked at now."""
        return replace(self, now=now)

    def with_breadcrumbs(self, names: Sequence[RefName]) -> "KeyView":
        """Return it with the refs of all breadcrumbs seen, sorted."""
        return replace(self, crumbs=tuple(names))

    def extended(self, more: object, found: Snapshot) -> "KeyView":  # noqa: ARG002  # whatever was asked for, it was found beside
        """Return it with what was read beside it."""
        return replace(self, seen=self.seen.followed_by(found, frozenset()))


@dataclass(frozen=True, slots=True)
class KeyViews:
    """Several keys at one read. ``beside`` is what a decision asked for beside them, None before it did."""

    keys: tuple[KeyView, ...]
    beside: Snapshot | None = None

    def __iter__(self) -> Iterator[KeyView]:
        """Return the view of each key, in the order asked for."""
        return iter(self.keys)

    @property
    def seen(self) -> Snapshot:
        """The refs and objects of all of them."""
        return self.keys[0].seen if self.keys else Snapshot({})

    def at(self, now: Micros) -> "KeyViews":
        """Return the same, looked at now."""
        return replace(self, keys=tuple(view.at(now) for view in self.keys))

    def may_be_torn(self) -> bool:
        """Return whether what was read of a key may not belong together."""
        return any(view.may_be_torn() for view in self.keys)

    def confirmed_by(self, newer: "KeyViews") -> bool:
        """Return whether a later read confirms all that may be torn."""
        pairs = zip(self.keys, newer.keys, strict=True)
        return all(view.confirmed_by(later) for view, later in pairs if view.may_be_torn())

    def extended(self, more: object, found: Snapshot) -> "KeyViews":  # noqa: ARG002  # there is one thing to ask for
        """Return it with what was read beside the keys."""
        return replace(self, beside=found)


class ListView(NamedTuple):
    """Refs that were listed, and what a decision asked for beside them, in this order."""

    refs: Mapping[RefName, Oid]
    beside: tuple[Snapshot, ...] = ()

    @property
    def seen(self) -> Snapshot:
        """The refs."""
        return Snapshot(self.refs)

    def at(self, now: Micros) -> "ListView":  # noqa: ARG002  # there is no time in it
        """Return the same."""
        return self

    def extended(self, more: object, found: Snapshot) -> "ListView":  # noqa: ARG002  # each in the order asked for
        """Return it with what was found beside."""
        return ListView(self.refs, (*self.beside, found))


def exists_or_unreadable(view: KeyView) -> bool:
    """Return whether a key exists; of what nobody can read, nobody knows that it is of no use."""
    try:
        return view.exists()
    except MalformedRecordError:
        return True


def shown(views: Sequence[KeyView], seen: Snapshot, now: Micros) -> list[KeyView]:
    """Return the views of several keys with what one read shows of each; a ref is looked at once, however many keys there are."""
    crumbs: dict[str, list[RefName]] = defaultdict(list)
    for name in sorted(name for name in seen.refs if name.startswith(BREADCRUMBS_PREFIX)):
        crumbs[f"{name.rpartition('/')[0]}/"].append(name)
    return [replace(view, seen=seen, now=now, crumbs=tuple(crumbs.get(view.breadcrumb_prefix, ()))) for view in views]
