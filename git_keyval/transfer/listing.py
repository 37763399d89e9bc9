"""All keys of a repository, each as it was at one moment: two listings show which were not written in between."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from git_keyval.database.database import Database
from git_keyval.database.keys import KeyView
from git_keyval.database.listing import list_refs
from git_keyval.database.ref_table import RefTable, key_at
from git_keyval.errors import MalformedRecordError, UnavailableError
from git_keyval.format.names import KEYS_PREFIX, OUR_TAGS_PREFIX, KeyId, Naming, RefName
from git_keyval.format.objects import Oid
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.store.port import Depth, Selection, Snapshot


class Address(NamedTuple):
    """Where a key is: its id, and the naming of its refs."""

    key_id: KeyId
    naming: Naming

    def view(self, database: Database, seen: Snapshot) -> KeyView:
        """Return what was seen of the key."""
        view = KeyView.of(self.naming, self.key_id, seen, database.now(), database.cipher)
        return replace(view, crumbs=tuple(sorted(name for name in seen.refs if name.startswith(view.breadcrumb_prefix))))

    def own(self, refs: Mapping[RefName, Oid]) -> dict[RefName, Oid]:
        """Return those of the refs that are the key's."""
        names = {self.naming.value(self.key_id), self.naming.expiry(self.key_id), self.naming.key(self.key_id)}
        prefixes = self.naming.element_expiries(self.key_id), self.naming.breadcrumbs(self.key_id)
        return {name: oid for name, oid in refs.items() if name in names or name.startswith(prefixes)}


class Place(NamedTuple):
    """A key with its refs; None where they were not the same in both listings."""

    address: Address
    refs: Mapping[RefName, Oid] | None


@dataclass(frozen=True, slots=True)
class Listed:
    """The refs of all keys, as two listings showed them, one after the other."""

    first: RefTable
    second: RefTable

    def places(self) -> Iterator[Place]:
        """Yield each key, in the order of their ids."""
        for digits in sorted(self.first.digits | self.second.digits):
            before, after = self.first.part(digits).by_key(), self.second.part(digits).by_key()
            for place in sorted(before.keys() | after.keys(), key=_by_id):
                refs = after.get(place)
                naming, key_id = key_at(place)
                yield Place(Address(key_id, naming), refs if refs == before.get(place) else None)

    @property
    def shard_lengths(self) -> set[int]:
        """Return the shard lengths of the keys."""
        return self.second.shard_lengths


def list_keys(database: Database, what: str) -> Listed:
    """List the refs of all keys twice; progress is shown under the name ``what``.

    No listing shows one moment. But a ref that is the same in both was so in between, when the first was over and the second not
    begun, and with it all other refs of its key that were the same.
    """
    return Listed(*(RefTable(list_refs(database, [KEYS_PREFIX, OUR_TAGS_PREFIX], what)) for _ in range(2)))


def _by_id(place: bytes) -> tuple[bytes, bytes]:
    return place[1:], place[:1]


def read_settled(database: Database, addresses: Iterable[Address]) -> dict[Address, Snapshot]:
    """Read keys that rivals write, each with all that it points at, until what was read of it belongs together.

    That is so where two reads agree. Of a counter, which many write, the breadcrumbs are read before the counter, and so it is
    exact without that. Raises UnavailableError for keys that were written each time.
    """
    waiting = list(addresses)
    settled: dict[Address, Snapshot] = {}
    before: Snapshot | None = None
    for attempt in range(database.max_attempts):
        if not waiting:
            break
        if attempt > 1:
            database.pause(attempt)
        now = _read(database, waiting)
        for address in list(waiting):
            found = None if before is None else _agreed(database, address, before, now)
            if found is not None:
                settled[address] = found
                waiting.remove(address)
        before = now
    if waiting:
        raise UnavailableError("A key was written each time that it was read.", "Run it again.")
    return settled


def _read(database: Database, addresses: Iterable[Address]) -> Snapshot:
    before: list[RefName] = []
    values: list[RefName] = []
    prefixes: list[str] = []
    for key_id, naming in addresses:
        before += [naming.expiry(key_id), naming.key(key_id)]
        values += [naming.expiry(key_id), naming.value(key_id)]
        prefixes += [naming.element_expiries(key_id), naming.breadcrumbs(key_id)]
    later = Selection(tuple(values))
    seen = database.read(Selection(tuple(before), tuple(prefixes)), later, depth=Depth.VALUES)
    return seen if seen.ordered else seen.followed_by(database.read(later, depth=Depth.VALUES), frozenset(values))


def _agreed(database: Database, address: Address, before: Snapshot, now: Snapshot) -> Snapshot | None:
    """Return what two reads show of a key; None where it may not belong together."""
    refs = address.own(now.refs)
    if refs == address.own(before.refs):
        return Snapshot(refs, now.objects)
    view = address.view(database, Snapshot(refs, now.objects, now.moved))
    return Snapshot(refs, now.objects) if _is_counter(view) and not view.may_be_torn() else None


def _is_counter(view: KeyView) -> bool:
    try:
        return view.version is not None and view.category() == "counter"
    except MalformedRecordError:
        return False
