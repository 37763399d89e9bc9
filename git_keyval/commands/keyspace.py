"""keys: the stored keys by name."""

from dataclasses import replace
from fnmatch import fnmatchcase

from git_keyval.database.answers import Result
from git_keyval.database.database import Database
from git_keyval.errors import MalformedRecordError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.names import KEYS_PREFIX, KeyId, RecordRef, RefName, parse
from git_keyval.format.objects import Oid
from git_keyval.format.registry import with_expiries
from git_keyval.format.values import as_text
from git_keyval.store.port import Depth
from git_keyval.store.targets import read_targets


def keys(database: Database, *, pattern: str = "*") -> Result:
    """List the live keys that were stored with ``store-key`` and whose name matches the pattern (``*``, ``?``, ``[…]``), sorted.

    Keys that were not stored have no name here: only their ids are in the repository. Malformed key records are left out (``check``
    reports them), and with an encryption key those that are not encrypted. Raises MissingEncryptionKeyError,
    WrongEncryptionKeyError or KeyOrderError for one that is encrypted with another key, or the list would look complete, or empty.
    """
    refs: dict[RefName, Oid] = {}
    stored: dict[KeyId, RefName] = {}
    expiries: dict[KeyId, RefName] = {}
    values: set[KeyId] = set()
    for name, oid in database.store.list([KEYS_PREFIX]):
        ref = parse(name)
        if not isinstance(ref, RecordRef) or ref.element is not None:
            continue
        if ref.kind == "key":
            stored[ref.key_id], refs[name] = name, oid
        elif ref.kind == "exp":
            expiries[ref.key_id], refs[name] = name, oid
        else:
            values.add(ref.key_id)
    present = {key_id: name for key_id, name in stored.items() if key_id in values}
    seen = read_targets(database.store, {name: refs[name] for name in present.values()}, Depth.VALUES)
    ending = {name: refs[name] for key_id, name in expiries.items() if key_id in present}
    times = read_targets(database.store, ending)
    times = replace(times, objects=with_expiries(times.refs.values(), times.objects, database.resolve))
    now = database.now()
    names: list[str] = []
    for key_id, name in present.items():
        expiry = times.refs.get(expiries.get(key_id, name))
        try:
            if expiry is not None and is_expired(decode_expiry(times.objects[expiry]), now):
                continue
            oid = seen.refs[name]
            label = as_text(database.cipher.read_key(seen.objects[oid], seen.objects))
        except (MalformedRecordError, KeyError):
            continue
        if KeyId(oid) == key_id and fnmatchcase(label, pattern):
            names.append(label)
    document: list[JsonValue] = [*sorted(names)]
    return Result(found=bool(names), count=len(names), document=document)
