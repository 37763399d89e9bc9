"""Packs in memory: the objects of a push written, the objects of a fetch read."""

from collections.abc import Iterable, Iterator
from typing import IO

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import ShaFile
from dulwich.pack import PackChunkGenerator, PackData, PackInflater, UnpackedObject

from git_keyval.format.objects import TYPE_NUMBERS, GitObject, Kind, Oid

_KINDS: dict[int, Kind] = {number: kind for kind, number in TYPE_NUMBERS.items()}


def write_pack(objects: Iterable[GitObject]) -> Iterator[bytes]:
    """Give the chunks of a pack of these objects, each once. A pack of no objects is valid and sometimes needed."""
    distinct = {obj.oid: obj for obj in objects}
    records = (UnpackedObject(TYPE_NUMBERS[obj.kind], decomp_chunks=[obj.data]) for obj in distinct.values())
    return iter(PackChunkGenerator(DEFAULT_OBJECT_FORMAT, num_records=len(distinct), records=records))


def read_pack(file: IO[bytes]) -> Iterator[GitObject]:
    """Give the objects of a complete, self-contained pack, with oids computed from their content."""
    pack = PackData("fetched.pack", DEFAULT_OBJECT_FORMAT, file=file)
    try:
        for shafile in PackInflater.for_pack_data(pack):
            yield _object(shafile)
    finally:
        pack.close()


def _object(shafile: ShaFile) -> GitObject:
    return GitObject(_KINDS[shafile.type_num], shafile.as_raw_string(), Oid(shafile.id.decode("ascii")))
