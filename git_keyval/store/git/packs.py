"""Packs in memory: the objects of a push written, the objects of a fetch read."""

from collections.abc import Iterable, Iterator
from typing import IO

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.pack import DeltaChainIterator, PackChunkGenerator, PackData, UnpackedObject

from git_keyval.format.objects import TYPE_NUMBERS, GitObject, Kind, Oid

_KINDS: dict[int, Kind] = {number: kind for kind, number in TYPE_NUMBERS.items()}

# A pack is sent once and the server packs again what it keeps: a few percent of size cost less than the time to save them.
_COMPRESSION_LEVEL = 1


def write_pack(objects: Iterable[GitObject]) -> Iterator[bytes]:
    """Give the chunks of a pack of these objects, each once. A pack of no objects is valid and sometimes needed."""
    distinct = {obj.oid: obj for obj in objects}
    records = (UnpackedObject(TYPE_NUMBERS[obj.kind], decomp_chunks=[obj.data]) for obj in distinct.values())
    return iter(
        PackChunkGenerator(DEFAULT_OBJECT_FORMAT, num_records=len(distinct), records=records, compression_level=_COMPRESSION_LEVEL)
    )


def read_pack(file: IO[bytes]) -> Iterator[GitObject]:
    """Give the objects of a complete, self-contained pack, with oids computed from their content."""
    pack = PackData("fetched.pack", DEFAULT_OBJECT_FORMAT, file=file)
    try:
        yield from _Objects.for_pack_data(pack)
    finally:
        pack.close()


class _Objects(DeltaChainIterator[GitObject]):
    """The objects of a pack as they are: whoever wants to know what is in one, parses it."""

    def _result(self, unpacked: UnpackedObject) -> GitObject:
        assert unpacked.obj_type_num is not None
        assert unpacked.obj_chunks is not None
        return GitObject(_KINDS[unpacked.obj_type_num], b"".join(unpacked.obj_chunks), Oid(unpacked.sha().hex()))
