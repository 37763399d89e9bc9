"""All refs of a database in little memory: some 45 bytes for each, where its name and its oid take 300 as text.

What looks at all keys lists the refs once, files them in a ``RefTable``, and goes through the keys part by part::

    table = RefTable(database.store.list([KEYS_PREFIX, OUR_TAGS_PREFIX]))
    for part in table.parts():
        ...  # read and decide what is to be said of these keys, and let it go

All refs of a key are in one part, in whatever order the store lists them. There are at most 256 parts, each with as many keys as
have ids that begin alike. A request for each part would be a request too many, where requests are counted: what is to be read of
many keys is collected by a first walk over the parts, and read in large batches.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from struct import calcsize, iter_unpack
from typing import TypeAlias

from git_keyval.format.names import BREADCRUMBS_PREFIX, BreadcrumbRef, KeyId, Naming, RefName, naming_of, parse, record_parts
from git_keyval.format.objects import Oid

Place: TypeAlias = bytes
"""Where a key is: its shard length as one byte, and its id."""

_PLACE, _OID = 21, 20
_RECORD, _ELEMENT = f"{_PLACE}s{_OID}s", f"{_PLACE}s{_OID}s{_OID}s"
_ELEMENTS, _BREADCRUMBS = "exp-", "bc"
_ROW_BYTES = {**dict.fromkeys(("val", "exp", "key"), calcsize(_RECORD)), _ELEMENTS: calcsize(_ELEMENT)}
_FIRST_DIGITS = 2

naming_by_length = cache(Naming)
"""Return the naming of a shard length, one and the same each time."""


def key_at(place: Place) -> tuple[Naming, KeyId]:
    """Return how the refs of a key are named, and its id."""
    return naming_by_length(place[0]), KeyId(place[1:].hex())


class RefTable:
    """The refs of a listing, each of which comes once."""

    def __init__(self, refs: Iterable[tuple[RefName, Oid]]) -> None:
        """File all of them."""
        self._rows: dict[tuple[str, str], bytearray] = defaultdict(bytearray)
        self.others: list[tuple[RefName, Oid]] = []
        """The refs that belong to no key: the anchor, what is parked, and foreign ones."""
        self._count = 0
        for name, oid in refs:
            self._count += 1
            self._file(name, oid)

    def __len__(self) -> int:
        """Return how many refs there are."""
        return self._count

    @property
    def keys(self) -> int:
        """Count the keys that have a value."""
        return sum(len(rows) for (kind, _), rows in self._rows.items() if kind == "val") // (_PLACE + _OID)

    @property
    def shard_lengths(self) -> set[int]:
        """Return the shard lengths of the keys; those of which there are breadcrumbs alone do not count."""
        return {length for (kind, _), rows in self._rows.items() if kind in _ROW_BYTES for length in rows[:: _ROW_BYTES[kind]]}

    def parts(self) -> Iterator["Part"]:
        """Yield the keys in parts, which are made one after the other, in the order of their ids. May be called again."""
        yield from (self.part(digits) for digits in sorted(self.digits))

    @property
    def digits(self) -> set[str]:
        """Return the first digits of the ids of keys: those of one part have the same."""
        return {digits for _, digits in self._rows}

    def part(self, digits: str) -> "Part":
        """Return the keys whose ids begin so."""
        return Part({kind: rows for (kind, these), rows in self._rows.items() if these == digits})

    def groups(self, least: int) -> Iterator[dict[RefName, Oid]]:
        """Yield the refs as they were listed, those of as many parts together as have so many. First come those of no key."""
        group = dict(self.others)
        for part in self.parts():
            group |= part.refs()
            if len(group) >= least:
                yield group
                group = {}
        if group:
            yield group

    def _file(self, name: RefName, oid: Oid) -> None:
        if record := record_parts(name):
            shard_length, kind, key_id, element = record
            row = f"{shard_length:02x}{key_id}{element or ''}{oid}"
            self._rows[_ELEMENTS if element else kind, key_id[:_FIRST_DIGITS]] += bytes.fromhex(row)
        elif name.startswith(BREADCRUMBS_PREFIX) and isinstance(ref := parse(name), BreadcrumbRef):
            end = name.rpartition("/")[2].encode()
            head = bytes.fromhex(f"{naming_of(name).shard_length:02x}{ref.key_id}{oid}{len(end):02x}")
            self._rows[_BREADCRUMBS, ref.key_id[:_FIRST_DIGITS]] += head + end
        else:
            self.others.append((name, oid))


class Part:
    """Some keys with all their refs, by where they are; oids are bytes."""

    def __init__(self, rows: Mapping[str, bytearray]) -> None:
        """Read rows of a table, by kind."""
        self._rows = rows

    @cached_property
    def values(self) -> dict[Place, bytes]:
        """The oids of values."""
        return self._records("val")

    @cached_property
    def expiries(self) -> dict[Place, bytes]:
        """The oids of the expiries of keys."""
        return self._records("exp")

    @cached_property
    def keys(self) -> dict[Place, bytes]:
        """The oids of stored keys."""
        return self._records("key")

    @cached_property
    def elements(self) -> dict[Place, list[tuple[bytes, bytes]]]:
        """The expiries of the elements of a key, each as the element's id and the oid of its expiry."""
        found: dict[Place, list[tuple[bytes, bytes]]] = defaultdict(list)
        for place, element, oid in iter_unpack(_ELEMENT, self._rows.get(_ELEMENTS, b"")):
            found[place].append((element, oid))
        return dict(found)

    @cached_property
    def breadcrumbs(self) -> dict[Place, list[tuple[RefName, bytes]]]:
        """The breadcrumbs of a key, by name."""
        found: dict[Place, list[tuple[RefName, bytes]]] = defaultdict(list)
        rows, start = bytes(self._rows.get(_BREADCRUMBS, b"")), 0
        while start < len(rows):
            place, after = rows[start : start + _PLACE], start + _PLACE + _OID
            naming, key_id = key_at(place)
            start = after + 1 + rows[after]
            name = RefName(f"{naming.breadcrumbs(key_id)}{rows[after + 1 : start].decode()}")
            found[place].append((name, rows[after - _OID : after]))
        return {place: sorted(crumbs) for place, crumbs in found.items()}

    @property
    def branches(self) -> int:
        """How many branches the keys have: a row each."""
        return sum(len(rows) // _ROW_BYTES[kind] for kind, rows in self._rows.items() if kind in _ROW_BYTES)

    def refs(self) -> dict[RefName, Oid]:
        """Return all of them as the store has listed them."""
        return {name: Oid(oid.hex()) for _, name, oid in self._named()}

    def by_key(self) -> dict[Place, dict[RefName, Oid]]:
        """Return all of them, by where their keys are."""
        found: dict[Place, dict[RefName, Oid]] = defaultdict(dict)
        for place, name, oid in self._named():
            found[place][name] = Oid(oid.hex())
        return dict(found)

    def _named(self) -> Iterator[tuple[Place, RefName, bytes]]:
        for records, name_of in ((self.values, Naming.value), (self.expiries, Naming.expiry), (self.keys, Naming.key)):
            yield from ((place, name_of(*key_at(place)), oid) for place, oid in records.items())
        for place, elements in self.elements.items():
            naming, key_id = key_at(place)
            yield from ((place, naming.element_expiry(key_id, Oid(element.hex())), oid) for element, oid in elements)
        for place, crumbs in self.breadcrumbs.items():
            yield from ((place, name, oid) for name, oid in crumbs)

    def _records(self, kind: str) -> dict[Place, bytes]:
        return dict(iter_unpack(_RECORD, self._rows.get(kind, b"")))


def in_batches(oids: Sequence[Oid], size: int) -> Iterator[Sequence[Oid]]:
    """Divide oids into what is read together."""
    return (oids[start : start + size] for start in range(0, len(oids), size))
