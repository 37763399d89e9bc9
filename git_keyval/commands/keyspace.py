"""keys: the stored keys by name."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from git_keyval.database.answers import Answer
from git_keyval.database.ciphers import Cipher
from git_keyval.database.command import Command, Moment, UnreadError
from git_keyval.database.keys import ListView
from git_keyval.database.reading import Listing, MoreTargets
from git_keyval.errors import MalformedRecordError
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.names import KEYS_PREFIX, KeyId, RecordRef, RefName, parse
from git_keyval.format.times import Micros
from git_keyval.format.values import as_text
from git_keyval.store.port import Depth, Snapshot


class Keys(Command[ListView]):
    """List the stored keys by name.

    Listed are the live keys that were stored with ``store-key`` and whose name matches the pattern (``*``, ``?``, ``[…]``), sorted.
    Keys that were not stored have no name here: only their ids are in the repository. Malformed key records are left out (``check``
    reports them), and with an encryption key those that are not encrypted. Raises MissingEncryptionKeyError,
    WrongEncryptionKeyError or KeyOrderError for one that is encrypted with another key, or the list would look complete, or empty.
    """

    stands_alone = True
    outputs = ("found", "json", "count")
    examples = ("git-keyval keys", "git-keyval keys 'feature-*' --json")

    pattern: str = "*"

    def reads(self) -> Listing:
        return Listing((KEYS_PREFIX,))

    def decide(self, view: ListView, moment: Moment) -> Answer:
        by_kind = _by_kind(view.refs)
        present = {key_id: name for key_id, name in by_kind["key"].items() if key_id in by_kind["val"]}
        endings = {key_id: name for key_id, name in by_kind["exp"].items() if key_id in present}
        if not view.beside:
            raise UnreadError(MoreTargets({name: view.refs[name] for name in present.values()}, Depth.VALUES))
        if len(view.beside) == 1:
            raise UnreadError(MoreTargets({name: view.refs[name] for name in endings.values()}, Depth.MESSAGES))
        stored, expiries = view.beside
        living = [name for key_id, name in present.items() if _is_alive(endings.get(key_id), expiries, moment.now)]
        labels = (_label(name, stored, moment.cipher) for name in living)
        names = sorted(label for label in labels if label is not None and fnmatchcase(label, self.pattern))
        return Answer(found=bool(names), count=len(names), document=[*names])


def _by_kind(refs: Mapping[RefName, object]) -> dict[str, dict[KeyId, RefName]]:
    """Return the refs of values, expiries and stored keys by key id, without those of elements."""
    found: dict[str, dict[KeyId, RefName]] = {"val": {}, "exp": {}, "key": {}}
    for name in refs:
        ref = parse(name)
        if isinstance(ref, RecordRef) and ref.element is None:
            found[ref.kind][ref.key_id] = name
    return found


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
