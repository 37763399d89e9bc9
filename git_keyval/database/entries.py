"""What a database holds, key by key, and never a value: of one listing, read in bounded batches.

Whatever goes through all keys (``ls``, ``keys``, reports of what is there) reads them here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, islice
from typing import Any, NamedTuple, TypeAlias

from git_keyval.database.ciphers import Cipher
from git_keyval.database.database import Database
from git_keyval.database.keys import COUNTER_TYPE, UNKNOWN_TYPE, KeyView
from git_keyval.database.reading import MoreTargets
from git_keyval.database.ref_table import Part, RefTable, key_at
from git_keyval.errors import (
    GitKeyvalError,
    MalformedRecordError,
    MissingEncryptionKeyError,
    NotEncryptedError,
    TamperedError,
)
from git_keyval.format.elements import decode_collection
from git_keyval.format.locks import is_lock
from git_keyval.format.metadata import NULL_COMMIT, decode_message
from git_keyval.format.names import (
    ANCHOR_TAG,
    KEYS_PREFIX,
    OUR_TAGS_PREFIX,
    KeyId,
    Naming,
    RefName,
)
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros
from git_keyval.format.values import as_text
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.store.port import Depth, Snapshot
from git_keyval.store.targets import divided

_KEYS_AT_ONCE = 5_000
_BLOBS_AT_ONCE = 10_000
"""How many blobs are read together, unless a single map or array has more."""

_MAP, _LOCK, _REDIRECT = "map", "lock", "redirect"
_COLLECTIONS = {"map", "array"}
_LOST = "an object that it needs is missing, or too large"

Name: TypeAlias = str | GitKeyvalError | None
"""What a key is called; the error says which encryption key would tell."""


class State(StrEnum):
    """Whether a key exists: ``UNKNOWN`` where its expiry cannot be read."""

    LIVE = "live"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Entry(NamedTuple):
    """A key as listings show it.

    ``category`` and ``type`` are empty where values were not read; a lock is of the category map. ``size`` is that of the value as
    it is stored, in bytes, of all elements together; None where it was not read, and for what is not stored as bytes. ``elements``
    is how many a map or an array has. ``expiry`` is when it ends, or ended, in seconds. ``waiting`` counts the breadcrumbs beside
    it, and ``version`` is None for a counter of which there is nothing else yet. ``problem`` is what cannot be read of it.
    """

    key_id: KeyId
    naming: Naming
    name: Name
    version: Oid | None
    state: State
    category: str = ""
    type: str = ""
    size: int | None = None
    elements: int | None = None
    expiry: int | None = None
    waiting: int = 0
    problem: str = ""

    @property
    def label(self) -> str:
        """Return what people are shown: the name, or the key id where that is not known."""
        return self.name if isinstance(self.name, str) else self.key_id


def _batches(table: RefTable, chooses: Callable[[KeyId], bool]) -> Iterator[list["_Listed"]]:
    """Yield the keys, and counters of which there are only breadcrumbs yet, a few thousand at a time.

    Those whose names are not stored are ``chosen`` before anything is read of them.
    """
    listed = chain.from_iterable(map(_keys_of, table.parts()))
    keys = (each for each in listed if "key" in each.oids or chooses(each.key_id))
    while batch := list(islice(keys, _KEYS_AT_ONCE)):
        yield batch


def _keys_of(part: Part) -> Iterator["_Listed"]:
    kinds = {"val": part.values, "exp": part.expiries, "key": part.keys}
    for place in dict.fromkeys(chain(*kinds.values(), part.breadcrumbs)):
        oids = {kind: Oid(these[place].hex()) for kind, these in kinds.items() if place in these}
        crumbs = [(name, Oid(oid.hex())) for name, oid in part.breadcrumbs.get(place, ())]
        yield _Listed(*key_at(place), oids, crumbs)


def _may_be_redirected(table: RefTable) -> bool:
    """Return whether keys may be: not where the anchor was listed, and says that none was."""
    return dict(table.others).get(ANCHOR_TAG) != NULL_COMMIT.oid


class _Listed(NamedTuple):
    """The refs of one key, by their kinds; and its breadcrumbs."""

    naming: Naming
    key_id: KeyId
    oids: Mapping[str, Oid]
    breadcrumbs: Sequence[tuple[RefName, Oid]]

    def refs(self, *kinds: str) -> dict[RefName, Oid]:
        """Return those of the refs of these kinds that were listed."""
        names = {"val": self.naming.value, "exp": self.naming.expiry, "key": self.naming.key}
        return {names[kind](self.key_id): self.oids[kind] for kind in kinds if kind in self.oids}

    def view(self, seen: Snapshot, now: Micros, cipher: Cipher) -> KeyView:
        """Return the view of what was read of it."""
        view = KeyView.of(self.naming, self.key_id, seen, now, cipher)
        names = sorted(name for name, _ in self.breadcrumbs if name in seen.refs)
        return view.with_breadcrumbs(names) if names else view


def entries(
    database: Database,
    table: RefTable,
    now: Micros,
    *,
    depth: Depth = Depth.OIDS,
    chooses: Callable[[KeyId, Name], bool] = lambda _key_id, _name: True,
    names: Mapping[KeyId, str] | None = None,
) -> Iterator[Entry]:
    """Yield an entry for each key that is ``chosen`` by what it is called, as it is ``now``; in no particular order.

    What keys have ended is always read. Of the others' values nothing is read with OIDS, types with MESSAGES, and with TREES also
    how many elements they have and which are locks. ``names`` are those of keys whose names are not stored.
    """
    known = names or {}
    done, redirected = 0, _may_be_redirected(table)
    for batch in _batches(table, lambda key_id: chooses(key_id, known.get(key_id))):
        seen = Snapshot({name: oid for each in batch for name, oid in each.refs("val", "exp", "key").items()})
        seen = _with(database, seen, {name: oid for each in batch for name, oid in each.refs("exp", "key").items()}, Depth.VALUES)
        stored = ((each, _name(each, seen, database.cipher)) for each in batch)
        called = ((each, known.get(each.key_id) if name is None else name) for each, name in stored)
        chosen = [(each, name) for each, name in called if chooses(each.key_id, name)]
        read = [_to_be_read(each, each.view(seen, now, database.cipher), depth, redirected=redirected) for each, _ in chosen]
        values = {name: oid for refs in read for name, oid in refs.items()}
        seen = _with(database, seen, values, max(depth, Depth.MESSAGES))
        for each, name in chosen:
            if entry := _entry(each.view(seen, now, database.cipher), each, name, depth):
                yield entry
        done += len(batch)
        if len(batch) == _KEYS_AT_ONCE:
            database.progress("reading keys", done, table.keys)


def sized(database: Database, found: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries, each with its size, for which values are read: a bounded number of them at a time."""
    for group in divided(((entry, entry.elements or 1) for entry in found), _BLOBS_AT_ONCE):
        refs = {each.naming.value(each.key_id): each.version for each in group if each.version is not None and _has_bytes(each)}
        seen = MoreTargets(refs, Depth.VALUES).fetch(database) if refs else Snapshot({})
        yield from (_with_size(each, seen) if _has_bytes(each) else each for each in group)


def _has_bytes(entry: Entry) -> bool:
    return entry.category == "data" or entry.category in _COLLECTIONS


def _with_size(entry: Entry, seen: Snapshot) -> Entry:
    """Return an entry with its size; one that was written or deleted meanwhile is of the size that it has by now, or of none."""
    oid = seen.refs.get(entry.naming.value(entry.key_id))
    if oid is None:
        return entry
    try:
        record = seen.objects[oid]
        category = decode_message(record)["category"]
        if category == "data":
            return entry._replace(size=len(seen.objects[Oid(str(decode_message(record)["blobOid"]))].data))
        blobs = decode_collection(record, seen.objects).elements.values()
        return entry._replace(size=sum(len(seen.objects[blob].data) for blob in blobs))
    except KeyError:
        return entry._replace(problem=_LOST)
    except MalformedRecordError as exc:
        return entry._replace(problem=exc.reason)


def _with(database: Database, seen: Snapshot, refs: Mapping[RefName, Oid], depth: Depth) -> Snapshot:
    """Return what was seen, and what these refs point at."""
    return seen.followed_by(MoreTargets(refs, depth).fetch(database), frozenset(refs)) if refs else seen


def _name(listed: _Listed, seen: Snapshot, cipher: Cipher) -> Name:
    """Return the name that is stored with a key; None if there is none that fits it."""
    oid = seen.refs.get(listed.naming.key(listed.key_id))
    if oid is None or KeyId(oid) != listed.key_id or oid not in seen.objects:
        return None
    try:
        return as_text(cipher.read_key(seen.objects[oid], seen.objects))
    except MalformedRecordError:
        return None
    except GitKeyvalError as exc:
        return exc


def _to_be_read(listed: _Listed, view: KeyView, depth: Depth, *, redirected: bool) -> dict[RefName, Oid]:
    """Return what is read beside the name and the expiry of a key.

    A value that has expired may be a redirect, which has not; and after its end, or without a value, breadcrumbs may be a counter.
    """
    is_over = view.version is None or _is_over(view)
    value = listed.refs("val") if depth or (is_over and redirected) else {}
    return {**value, **(dict(listed.breadcrumbs) if is_over else {})}


def _is_over(view: KeyView) -> bool:
    try:
        return view.expired()
    except MalformedRecordError:
        return False


def _entry(view: KeyView, listed: _Listed, name: Name, depth: Depth) -> Entry | None:
    """Return the entry of a key; None if it is gone, or never was."""
    # A set leaves one on the null commit, which only voids others.
    waiting = sum(oid != NULL_COMMIT.oid for _, oid in listed.breadcrumbs)
    entry = Entry(view.key_id, listed.naming, name, view.version, State.UNKNOWN, waiting=waiting)
    if view.redirect() is not None:  # which does not expire
        return entry._replace(state=State.LIVE, category=_REDIRECT, type=_REDIRECT)
    try:
        exists, expiry, ended = view.exists(), view.expiry(), not view.alive()
    except MalformedRecordError as exc:
        return None if view.version is None else _typed(entry, view, depth)._replace(problem=exc.reason)
    if exists and ended:  # a counter's next life, which no gather has begun yet
        return entry._replace(state=State.LIVE, category=COUNTER_TYPE, type=COUNTER_TYPE)
    if view.version is None:
        return None
    return _typed(entry._replace(state=State.LIVE if exists else State.EXPIRED, expiry=expiry), view, depth)


def _typed(entry: Entry, view: KeyView, depth: Depth) -> Entry:
    """Return an entry with what its value is, as far as that was read."""
    if depth is Depth.OIDS:
        return entry
    try:
        category, kind = view.category(), view.stored_type()
        if category not in _COLLECTIONS or depth is Depth.MESSAGES:
            return entry._replace(category=category, type=kind)
        elements = len(decode_collection(view.value_commit(), view.seen.objects).elements)
        return entry._replace(category=category, type=_LOCK if kind == _MAP and _is_lock(view) else kind, elements=elements)
    except MalformedRecordError as exc:
        return entry._replace(category=UNKNOWN_TYPE, type=UNKNOWN_TYPE, problem=exc.reason)


def _is_lock(view: KeyView) -> bool:
    """Return whether a map is a lock; not if the encryption key that is given does not fit it. Raises MalformedRecordError."""
    try:
        found = view.cipher.read_collection(view.value_commit(), view.seen.objects)
        fields = {view.cipher.read_element_name(view.key_id, found.category, name) for name in found.elements}
    except (MissingEncryptionKeyError, NotEncryptedError, TamperedError):
        return False
    return found.type == "String" and is_lock(fields)


@dataclass(frozen=True, slots=True)
class EntriesView:
    """What is shown of the entries of a database, as they were when it was listed."""

    entries: Sequence[Any]

    @property
    def seen(self) -> Snapshot:
        """No refs: nothing is decided on them."""
        return Snapshot({})

    def at(self, now: Micros) -> "EntriesView":  # noqa: ARG002  # they are as they were
        """Return the same."""
        return self

    def extended(self, more: object, found: Snapshot) -> "EntriesView":  # noqa: ARG002  # there is nothing to ask for
        """Return the same."""
        return self


@dataclass(frozen=True, slots=True)
class AllEntries:
    """Reads of all keys below some prefixes: those that are chosen by what they are called, and are to be kept.

    ``depth`` is how far values are read; with VALUES, sizes are, too. ``names`` are those of keys whose names are not stored.
    ``shows`` is what is kept of each entry: a database may have a million of them.
    """

    prefixes: Sequence[str] = (KEYS_PREFIX, OUR_TAGS_PREFIX)
    depth: Depth = Depth.OIDS
    chooses: Callable[[KeyId, Name], bool] = lambda _key_id, _name: True
    keeps: Callable[[Entry, Micros], bool] = lambda _entry, _now: True
    shows: Callable[[Entry], object] = lambda entry: entry
    names: Mapping[KeyId, str] = field(default_factory=dict)

    def fetch(self, database: Database) -> EntriesView:
        """Read them."""
        table = RefTable(database.store.list(self.prefixes))
        now = database.now()
        depth = min(self.depth, Depth.TREES)
        found = entries(database, table, now, depth=depth, chooses=self.chooses, names=self.names)
        kept = (entry for entry in found if self.keeps(entry, now))
        return EntriesView([self.shows(entry) for entry in (sized(database, kept) if self.depth is Depth.VALUES else kept)])
