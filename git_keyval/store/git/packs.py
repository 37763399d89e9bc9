"""Packs: the objects of a fetch (https://git-scm.com/docs/gitformat-pack).

A pack that is fetched comes from a server that nobody here knows. So its checksum is compared before anything in it is believed,
and the size that an object says it has is checked before the object is inflated: dulwich's own reader inflates whatever it is sent.
"""

import hashlib
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from mmap import ACCESS_READ, mmap
from typing import IO, NamedTuple

from git_keyval.format.objects import TYPE_NUMBERS, GitObject, Kind, Oid, from_content
from git_keyval.store.git.sizes import LARGEST

_KINDS: dict[int, Kind] = {number: kind for kind, number in TYPE_NUMBERS.items()}
_OFFSET_DELTA, _OID_DELTA = 6, 7

_MIB = 1024 * 1024
_HEADER, _MAGIC = 12, b"PACK"
_VERSIONS = {2, 3}
_CHECKSUM = _OID = 20
_FIRST_PIECE, _PIECE = 4096, 64 * 1024


class MalformedPackError(Exception):
    """The server sent a pack that is not valid: cut off, changed on the way, or never right."""


def read_pack(file: IO[bytes]) -> "PackReader":
    """Begin to read a pack that is all that a file holds. Raises MalformedPackError."""
    file.flush()
    # Mapped, because an object is read where it is, and again for each that builds on it; nothing else of the file is in memory.
    return PackReader(memoryview(mmap(file.fileno(), 0, access=ACCESS_READ) if file.tell() else b""))


class _Entry(NamedTuple):
    """One object as it is stored: ``size`` bytes, inflated from ``start`` on, of an object or of a delta against ``base``."""

    offset: int
    type: int
    size: int
    base: int | bytes | None
    start: int


class PackReader:
    """The objects of a complete, self-contained pack, with oids computed from their content."""

    def __init__(self, pack: memoryview) -> None:
        """Check the header and the checksum. Raises MalformedPackError."""
        if len(pack) < _HEADER + _CHECKSUM or pack[:4] != _MAGIC or int.from_bytes(pack[4:8], "big") not in _VERSIONS:
            raise MalformedPackError("what the server sent does not begin as a pack does")
        self._pack = pack[:-_CHECKSUM]
        if hashlib.sha1(self._pack, usedforsecurity=False).digest() != pack[-_CHECKSUM:]:
            raise MalformedPackError("the pack that the server sent has another checksum than it should")
        self._deltas: dict[int | bytes, list[_Entry]] = defaultdict(list)
        self.too_large = 0
        """How many objects were left out because they are larger than any of this format; what builds on them is left out, too."""

    def __iter__(self) -> Iterator[GitObject]:
        """Yield each object; those that others build on are inflated again. Raises MalformedPackError."""
        bases: list[tuple[_Entry, Oid]] = []
        position = _HEADER
        for _ in range(int.from_bytes(self._pack[8:_HEADER], "big")):
            entry = self._entry(position)
            kind = _KINDS.get(entry.type)
            if kind is None and entry.base is None:
                raise MalformedPackError("the pack that the server sent has an object of an unknown type")
            if kind is not None and entry.size <= LARGEST[kind]:
                data, position = self._inflate(entry)
                obj = from_content(kind, data)
                bases.append((entry, obj.oid))
                yield obj
                continue
            _, position = self._inflate(entry, keep=False)
            if kind is not None or entry.size > LARGEST["blob"]:
                self.too_large += 1
            elif entry.base is not None:
                self._deltas[entry.base].append(entry)
        if position != len(self._pack):
            raise MalformedPackError("the pack that the server sent has more in it than it says")
        yield from self._resolve(bases)

    def _resolve(self, bases: Iterable[tuple[_Entry, Oid]]) -> Iterator[GitObject]:
        """Yield the objects that are stored as deltas, each after the object that it builds on; ``bases`` are stored in full."""
        for base, oid in bases if self._deltas else ():
            deltas = self._deltas_of(base.offset, oid)
            waiting = [(deltas, GitObject(_KINDS[base.type], self._inflate(base)[0], oid))] if deltas else []
            while waiting:
                deltas, built = waiting.pop()
                for entry in deltas:
                    if (grown := self._grow(entry, built)) is not None:
                        yield grown
                        waiting.append((self._deltas_of(entry.offset, grown.oid), grown))
        if self._deltas and not self.too_large:
            raise MalformedPackError("the pack that the server sent has a delta without the object that it is against")

    def _deltas_of(self, offset: int, oid: Oid) -> list[_Entry]:
        return self._deltas.pop(offset, []) + self._deltas.pop(bytes.fromhex(oid), [])

    def _grow(self, entry: _Entry, base: GitObject) -> GitObject | None:
        """Apply a delta; None if the result is too large."""
        from dulwich.errors import ApplyDeltaError  # noqa: PLC0415  # slow to import, and few answers have deltas
        from dulwich.pack import apply_delta  # noqa: PLC0415

        delta, _ = self._inflate(entry)
        if _result_size(delta) > LARGEST[base.kind]:
            self.too_large += 1
            return None
        try:
            return from_content(base.kind, b"".join(apply_delta(base.data, delta)))
        except ApplyDeltaError as exc:
            raise MalformedPackError("the pack that the server sent has a delta that does not fit its base") from exc

    def _entry(self, offset: int) -> _Entry:
        """Read where an object begins: its type and size, and what a delta is against."""
        pack = self._pack
        try:
            # The type is in the middle of the number that is the size: three bits before the last four.
            number, position = _number(pack, offset)
            kind, size = number >> 4 & 7, number >> 7 << 4 | number & 15
            base: int | bytes | None = None
            if kind == _OFFSET_DELTA:
                byte, position = pack[position], position + 1
                distance = byte & 127
                while byte & 128:
                    byte, position = pack[position], position + 1
                    distance = (distance + 1) << 7 | byte & 127
                base = offset - distance
            elif kind == _OID_DELTA:
                base, position = bytes(pack[position : position + _OID]), position + _OID
        except IndexError as exc:
            raise MalformedPackError("the pack that the server sent ends in the middle of an object") from exc
        return _Entry(offset, kind, size, base, position)

    def _inflate(self, entry: _Entry, *, keep: bool = True) -> tuple[bytes, int]:
        """Return the bytes of an object (none without ``keep``), and where the next one begins, which no header says."""
        inflater = zlib.decompressobj()
        position, length, inflated, chunks = entry.start, _FIRST_PIECE, 0, list[bytes]()
        while not inflater.eof:
            piece: bytes | memoryview = inflater.unconsumed_tail
            if not piece:
                piece = self._pack[position : position + length]
                position, length = position + len(piece), _PIECE
            try:
                chunk = inflater.decompress(piece, min(entry.size - inflated + 1, _MIB))
            except zlib.error as exc:
                raise MalformedPackError("the pack that the server sent has an object that cannot be inflated") from exc
            inflated += len(chunk)
            if inflated > entry.size or not piece:
                break
            if keep:
                chunks.append(chunk)
        if inflated != entry.size or not inflater.eof:
            raise MalformedPackError("the pack that the server sent has an object of another size than it says")
        return b"".join(chunks), position - len(inflater.unused_data)


def _result_size(delta: bytes) -> int:
    """Return the size that a delta says its result has: the second of the two numbers that it begins with."""
    try:
        return _number(delta, _number(delta, 0)[1])[0]
    except IndexError as exc:
        raise MalformedPackError("the pack that the server sent has a delta without sizes") from exc


def _number(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """Read a number of any length, seven bits a byte, and return where it ends, too. Raises IndexError if it does not."""
    number = shift = 0
    while (byte := data[position]) & 128:
        number |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
    return number | byte << shift, position + 1
