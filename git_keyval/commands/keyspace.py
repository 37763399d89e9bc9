"""keys and ls: what is stored, by name, and what each key is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from git_keyval.database.answers import Answer
from git_keyval.database.command import Command, Moment
from git_keyval.database.entries import AllEntries, EntriesView, Entry, Name, State
from git_keyval.errors import GitKeyvalError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.names import KEYS_PREFIX, KeyId
from git_keyval.format.times import SECOND, Micros, iso_utc
from git_keyval.store.port import Depth

_MAP, _LOCK = "map", "lock"


class Keys(Command[EntriesView]):
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

    def reads(self) -> AllEntries:
        tells_locks = self.with_types or _LOCK in self.types
        depth = Depth.TREES if tells_locks else Depth.MESSAGES if self.types else Depth.OIDS
        return AllEntries((KEYS_PREFIX,), depth, self._may_match, self._keeps, shows=_name_and_type)

    def decide(self, view: EntriesView, moment: Moment) -> Answer:
        chosen = sorted(_named(view.entries))
        return _listed([{"key": label, "type": kind} if self.with_types else label for label, kind in chosen])

    def _may_match(self, _key_id: KeyId, name: Name) -> bool:
        """Return whether a name may match: one of another encryption key may, and is an error only if the key is alive."""
        return name is not None and (isinstance(name, GitKeyvalError) or fnmatchcase(name, self.pattern))

    def _keeps(self, entry: Entry, _now: Micros) -> bool:
        return entry.state is State.LIVE and (isinstance(entry.name, GitKeyvalError) or _is_of(self.types, entry))


class Ls(Command[EntriesView]):
    """List everything there is.

    Listed are all live keys, and those whose expiry cannot be read; without a stored name by their key ids, of which ``names`` may
    know the names. They are chosen by what they are listed as, by their types, and with ``expires_within`` (seconds) by when they
    end; with ``expired`` they are those that have ended, and were not swept yet.

    ``long`` answers with an object for each: its ``key`` (name or id), its ``id``, whether it is ``named``, its ``category`` and
    ``type``, its ``size`` in bytes as stored (null for what is not stored as bytes), how many ``elements`` a map or an array has,
    when it ``expires-at``, and how many breadcrumbs wait (``waiting``); and its ``problem``, if a part of it cannot be read. All
    values are read for that.

    Without the encryption key, keys of an encrypted database are listed by their ids. With one, raises WrongEncryptionKeyError,
    MissingEncryptionKeyError or KeyOrderError for a key that is encrypted with another one.
    """

    stands_alone = True
    outputs = ("found", "json", "count")
    examples = (
        "git-keyval ls",
        "git-keyval ls 'feature-*' --long",
        "git-keyval ls --expires-within 7d --type string",
        "git-keyval ls --expired --json",
    )

    pattern: str = "*"
    types: Sequence[str] = ()
    long: bool = False
    expires_within: int | None = None
    expired: bool = False
    names: Mapping[KeyId, str] = {}

    def reads(self) -> AllEntries:
        depth = Depth.VALUES if self.long else Depth.TREES if self.types else Depth.OIDS
        return AllEntries(depth=depth, chooses=self._may_match, keeps=self._keeps, shows=self._shown, names=self.names)

    def decide(self, view: EntriesView, moment: Moment) -> Answer:
        has_key = moment.cipher.mark is not None
        shown = (entry for name, entry in view.entries if not (has_key and _raised(name)) and self._matches(entry))
        return _listed(sorted(shown, key=_place))

    def _may_match(self, key_id: KeyId, name: Name) -> bool:
        """Return whether it may be listed: a name that is encrypted is not known, or an error if there is an encryption key."""
        return isinstance(name, GitKeyvalError) or fnmatchcase(key_id if name is None else name, self.pattern)

    def _shown(self, entry: Entry) -> tuple[Name, JsonValue]:
        """Return an entry as it is listed, after its name if that is an error."""
        return entry.name if isinstance(entry.name, GitKeyvalError) else None, _as_json(entry) if self.long else entry.label

    def _matches(self, shown: JsonValue) -> bool:
        return fnmatchcase(_place(shown)[0], self.pattern)

    def _keeps(self, entry: Entry, now: Micros) -> bool:
        return (
            _is_of(self.types, entry)
            and (entry.state is State.EXPIRED) is self.expired
            and (self.expires_within is None or _ends_before(entry, now + self.expires_within * SECOND))
        )


def _name_and_type(entry: Entry) -> tuple[Name, str]:
    return entry.name, entry.type


def _named(shown: Iterable[tuple[Name, str]]) -> Iterator[tuple[str, str]]:
    """Yield names with their types. Raises the error of one that cannot be read."""
    for name, kind in shown:
        if isinstance(name, str):
            yield name, kind
        _raised(name)


def _raised(name: Name) -> bool:
    """Raise what a name is instead of one, or return that it is none."""
    if isinstance(name, GitKeyvalError):
        raise name
    return False


def _place(shown: JsonValue) -> tuple[str, str]:
    """Return what an entry is sorted by."""
    return (str(shown["key"]), str(shown["id"])) if isinstance(shown, dict) else (str(shown), "")


def _is_of(types: Sequence[str], entry: Entry) -> bool:
    return not types or entry.type in types or (entry.type == _LOCK and _MAP in types)


def _ends_before(entry: Entry, time: int) -> bool:
    return entry.expiry is not None and entry.expiry * SECOND <= time


def _as_json(entry: Entry) -> dict[str, JsonValue]:
    return {
        "key": entry.label,
        "id": entry.key_id,
        "named": isinstance(entry.name, str),
        "category": entry.category,
        "type": entry.type,
        "size": entry.size,
        "elements": entry.elements,
        "expires-at": None if entry.expiry is None else iso_utc(entry.expiry),
        "waiting": entry.waiting,
        **({"problem": entry.problem} if entry.problem else {}),
    }


def _listed(document: Sequence[JsonValue]) -> Answer:
    return Answer(found=bool(document), count=len(document), document=[*document])
