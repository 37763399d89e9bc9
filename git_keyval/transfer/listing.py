"""All keys of a repository, each as it was at one moment: two listings show which were not written in between."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from git_keyval.database.database import Database
from git_keyval.database.keys import KeyView
from git_keyval.errors import MalformedRecordError, UnavailableError
from git_keyval.format.names import KEYS_PREFIX, OUR_TAGS_PREFIX, BreadcrumbRef, KeyId, Naming, RecordRef, RefName, naming_of, parse
from git_keyval.format.objects import Oid
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.store.port import Depth, Selection, Snapshot

_TOLD_EVERY = 50_000
"""After how many refs of a listing its progress is shown."""

_ID_BYTES = 20
_ADDRESS_BYTES = _ID_BYTES + 1
_KINDS = {"val": b"v", "exp": b"e", "key": b"k"}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_CRUMB = b"c"


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
    """The refs of all keys, sorted by key id, each in a row of bytes, because there may be a million of them.

    ``moved`` are keys whose refs were not the same in both listings.
    """

    rows: list[bytes]
    moved: frozenset[bytes]

    def places(self) -> Iterator[Place]:
        """Yield each key, in the order of their ids."""
        moved = deque(sorted(self.moved))
        for row, rows in groupby(self.rows, key=_address_of):
            while moved and moved[0] < row:
                yield Place(_address(moved.popleft()), None)
            if row not in self.moved:
                yield Place(_address(row), dict(map(_ref, rows)))
        yield from (Place(_address(row), None) for row in moved)

    def shard_lengths(self) -> set[int]:
        """Return the shard lengths of the keys."""
        return {row[_ID_BYTES] for row in (*self.rows, *self.moved)}


def list_keys(database: Database, what: str) -> Listed:
    """List the refs of all keys twice, and return what both listings agree on.

    No listing shows one moment. But a ref that is the same in both was so in between, when the first was over and the second not
    begun, and with it all other refs of its key that were the same. Progress is shown under the name ``what``.
    """
    once = set(_rows(database, what))
    rows: list[bytes] = []
    moved: set[bytes] = set()
    for row in _rows(database, what):
        if row in once:
            once.remove(row)
            rows.append(row)
        else:
            moved.add(_address_of(row))
    moved.update(map(_address_of, once))
    rows.sort()
    return Listed(rows, frozenset(moved))


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


def _rows(database: Database, what: str) -> Iterator[bytes]:
    for done, (name, oid) in enumerate(database.store.list([KEYS_PREFIX, OUR_TAGS_PREFIX]), start=1):
        if done % _TOLD_EVERY == 0:
            database.progress(what, done, 0)
        row = _row(name, oid)
        if row is not None:
            yield row


def _row(name: RefName, oid: Oid) -> bytes | None:
    """Pack a ref of a key: its id, the length of its shard, which of its refs it is, the oid, and what else is in the name."""
    match parse(name):
        case RecordRef(kind, key_id, element):
            return _packed(name, key_id, _KINDS[kind], oid, bytes.fromhex(element or ""))
        case BreadcrumbRef(key_id):
            return _packed(name, key_id, _CRUMB, oid, name.rpartition("/")[2].encode())
    return None


def _packed(name: RefName, key_id: KeyId, kind: bytes, oid: Oid, rest: bytes) -> bytes:
    return bytes.fromhex(key_id) + bytes([naming_of(name).shard_length]) + kind + bytes.fromhex(oid) + rest


def _address_of(row: bytes) -> bytes:
    return row[:_ADDRESS_BYTES]


def _address(row: bytes) -> Address:
    return Address(KeyId(row[:_ID_BYTES].hex()), Naming(row[_ID_BYTES]))


def _ref(row: bytes) -> tuple[RefName, Oid]:
    key_id, naming = _address(row)
    kind, oid, rest = row[_ADDRESS_BYTES : _ADDRESS_BYTES + 1], row[_ADDRESS_BYTES + 1 :][:_ID_BYTES], row[_ADDRESS_BYTES + 21 :]
    return _name(naming, key_id, kind, rest), Oid(oid.hex())


def _name(naming: Naming, key_id: KeyId, kind: bytes, rest: bytes) -> RefName:
    if kind == _CRUMB:
        return RefName(f"{naming.breadcrumbs(key_id)}{rest.decode()}")
    if rest:
        return naming.element_expiry(key_id, Oid(rest.hex()))
    return {"val": naming.value, "exp": naming.expiry, "key": naming.key}[_NAMES[kind]](key_id)
