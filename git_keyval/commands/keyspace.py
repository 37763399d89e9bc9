"""keys: the stored keys by name, and of which type each is."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from git_keyval.database.answers import Answer
from git_keyval.database.ciphers import Cipher
from git_keyval.database.command import Command, Moment, UnreadError
from git_keyval.database.keys import UNKNOWN_TYPE, KeyView, ListView
from git_keyval.database.reading import Listing, MoreTargets
from git_keyval.errors import GitKeyvalError, MalformedRecordError, MissingEncryptionKeyError, NotEncryptedError, TamperedError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.names import KEYS_PREFIX, KeyId, RecordRef, RefName, naming_of, parse
from git_keyval.format.times import Micros
from git_keyval.format.values import as_text
from git_keyval.store.port import Depth, Snapshot

_MAP, _LOCK, _REDIRECT = "map", "lock", "redirect"


class Keys(Command[ListView]):
    """List the stored keys by name.

    Listed are the live keys that were stored with ``store-key`` and whose name matches the pattern (``*``, ``?``, ``[…]``), sorted;
    with ``types`` those of these types only. Keys that were not stored have no name here: only their ids are in the repository.
    Malformed key records are left out (``check`` reports them), and with an encryption key those that are not encrypted. Raises
    MissingEncryptionKeyError, WrongEncryptionKeyError or KeyOrderError for one that is encrypted with another key, or the list
    would look complete, or empty.

    ``with_types`` answers with the type of each key, too. Beside the types of values there are ``map`` and ``array``; ``lock``, a
    map that has the fields of a lock and no others; ``redirect``, where the value is in another repository; and ``unknown``, where
    its record cannot be read. A lock is a map, so whoever asks for maps gets it, too.
    """

    stands_alone = True
    outputs = ("found", "json", "count")
    examples = (
        "git-keyval keys",
        "git-keyval keys 'feature-*' --json",
        "git-keyval keys --type counter --type lock --with-types",
    )

    pattern: str = "*"
    types: Sequence[str] = ()
    with_types: bool = False

    def reads(self) -> Listing:
        return Listing((KEYS_PREFIX,))

    def decide(self, view: ListView, moment: Moment) -> Answer:
        stored = _stored_keys(view.refs)
        if not view.beside:
            raise UnreadError(_targets(view, [of_key.key for of_key in stored], Depth.VALUES))
        if len(view.beside) == 1:
            raise UnreadError(self._beside(view, stored, moment.cipher))
        records, beside = view.beside
        asked = [of_key for of_key in stored if of_key.value in beside.refs] if self._needs_types else stored
        living = [of_key for of_key in asked if _is_alive(of_key.expiry, beside, moment.now)]
        labels = ((of_key, _label(of_key.key, records, moment.cipher)) for of_key in living)
        named = [(label, of_key) for of_key, label in labels if label is not None and fnmatchcase(label, self.pattern)]
        if not self._needs_types:
            return _listed(sorted(label for label, _ in named))
        types = ((label, _type(of_key.view(beside, moment), tells_locks=self._tells_locks)) for label, of_key in named)
        chosen = sorted((label, kind) for label, kind in types if self._chooses(kind))
        return _listed([{"key": label, "type": kind} if self.with_types else label for label, kind in chosen])

    def _beside(self, view: ListView, stored: Sequence["_StoredKey"], cipher: Cipher) -> MoreTargets:
        """Return what has to be read beside the names: when keys expire, and where types are asked for, the values that match."""
        if not self._needs_types:
            return _targets(view, [of_key.expiry for of_key in stored], Depth.MESSAGES)
        (records,) = view.beside
        matching = [of_key for of_key in stored if self.pattern == "*" or self._may_match(of_key, records, cipher)]
        depth = Depth.TREES if self._tells_locks else Depth.MESSAGES
        return _targets(view, [name for of_key in matching for name in (of_key.expiry, of_key.value)], depth)

    def _may_match(self, of_key: "_StoredKey", records: Snapshot, cipher: Cipher) -> bool:
        """Return whether a name may match: one of another encryption key may, and is an error only if the key is alive."""
        try:
            label = _label(of_key.key, records, cipher)
        except GitKeyvalError:
            return True
        return label is not None and fnmatchcase(label, self.pattern)

    @property
    def _needs_types(self) -> bool:
        return self.with_types or bool(self.types)

    @property
    def _tells_locks(self) -> bool:
        """Return whether locks are told from other maps, which takes the fields of each."""
        return self.with_types or _LOCK in self.types

    def _chooses(self, kind: str) -> bool:
        return not self.types or kind in self.types or (kind == _LOCK and _MAP in self.types)


class _StoredKey(NamedTuple):
    """The refs of a key that was stored and has a value, and of its expiry, if it has one."""

    key_id: KeyId
    key: RefName
    value: RefName
    expiry: RefName | None

    def view(self, seen: Snapshot, moment: Moment) -> KeyView:
        """Return the view of what was read of it."""
        return KeyView.of(naming_of(self.value), self.key_id, seen, moment.now, moment.cipher)


def _listed(document: Sequence[JsonValue]) -> Answer:
    return Answer(found=bool(document), count=len(document), document=[*document])


def _targets(view: ListView, names: Iterable[RefName | None], depth: Depth) -> MoreTargets:
    return MoreTargets({name: view.refs[name] for name in names if name is not None}, depth)


def _stored_keys(refs: Mapping[RefName, object]) -> list[_StoredKey]:
    """Return the keys that were stored and have a value; the refs of elements are none of theirs."""
    found: dict[str, dict[KeyId, RefName]] = {"val": {}, "exp": {}, "key": {}}
    for name in refs:
        ref = parse(name)
        if isinstance(ref, RecordRef) and ref.element is None:
            found[ref.kind][ref.key_id] = name
    values, expiries = found["val"], found["exp"]
    return [
        _StoredKey(key_id, name, values[key_id], expiries.get(key_id)) for key_id, name in found["key"].items() if key_id in values
    ]


def _is_alive(name: RefName | None, expiries: Snapshot, now: Micros) -> bool:
    """Return whether an expiry has not passed; one that cannot be read says nothing that could be shown of its key."""
    oid = None if name is None else expiries.refs.get(name)
    if oid is None:
        return True
    try:
        return not is_expired(decode_expiry(expiries.objects[oid]), now)
    except (MalformedRecordError, KeyError):
        return False


def _label(name: RefName, stored: Snapshot, cipher: Cipher) -> str | None:
    """Return the key that a ref stores as text; None if there is none that fits its name."""
    oid = stored.refs.get(name)
    if oid is None or oid not in stored.objects:
        return None
    try:
        label = as_text(cipher.read_key(stored.objects[oid], stored.objects))
    except MalformedRecordError:
        return None
    ref = parse(name)
    return label if isinstance(ref, RecordRef) and KeyId(oid) == ref.key_id else None


def _type(view: KeyView, *, tells_locks: bool) -> str:
    """Return the type of the value that was read, whatever its lifetime."""
    if view.redirect() is not None:
        return _REDIRECT
    try:
        kind = view.stored_type()
        return _LOCK if tells_locks and kind == _MAP and _is_lock(view) else kind
    except MalformedRecordError:
        return UNKNOWN_TYPE


def _is_lock(view: KeyView) -> bool:
    """Return whether a map is a lock; not if the encryption key that is given does not fit it. Raises MalformedRecordError."""
    from git_keyval.commands.locks import is_lock  # noqa: PLC0415  # where there are no maps, nobody asks

    try:
        found = view.cipher.read_collection(view.value_commit(), view.seen.objects)
        fields = {view.cipher.read_element_name(view.key_id, found.category, name) for name in found.elements}
    except (MissingEncryptionKeyError, NotEncryptedError, TamperedError):
        return False
    return found.type == "String" and is_lock(fields)
