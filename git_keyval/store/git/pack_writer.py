"""The objects of a push as a pack (https://git-scm.com/docs/gitformat-pack): each in full, one after the other."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator

from git_keyval.format.objects import TYPE_NUMBERS, GitObject

_VERSION = 2
# A pack is sent once and the server packs again what it keeps: a few percent of size cost less than the time to save them.
_COMPRESSION_LEVEL = 1


def write_pack(objects: Iterable[GitObject]) -> Iterator[bytes]:
    """Yield the chunks of a pack of these objects, each once. A pack of no objects is valid and sometimes needed."""
    distinct = {obj.oid: obj for obj in objects}
    checksum = hashlib.sha1(usedforsecurity=False)
    for chunk in _chunks(distinct.values(), len(distinct)):
        checksum.update(chunk)
        yield chunk
    yield checksum.digest()


def _chunks(objects: Iterable[GitObject], count: int) -> Iterator[bytes]:
    yield b"PACK" + _VERSION.to_bytes(4, "big") + count.to_bytes(4, "big")
    for obj in objects:
        yield _head(TYPE_NUMBERS[obj.kind], len(obj.data)) + zlib.compress(obj.data, _COMPRESSION_LEVEL)


def _head(number: int, size: int) -> bytes:
    """Write type and size: the last four bits of the size with the type before them, then seven bits in each byte."""
    head, byte, size = bytearray(), number << 4 | size & 15, size >> 4
    while size:
        head.append(byte | 128)
        byte, size = size & 127, size >> 7
    head.append(byte)
    return bytes(head)
