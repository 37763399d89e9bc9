"""Some refs in an advertisement of all of them, which may be a million.

It is sorted by name (https://git-scm.com/docs/gitprotocol-pack, "Reference Discovery"). So of most of what comes only a line
here and there is looked at, and a ref is searched for between two of them. That lines end with a line feed is usual, not sure:
where they do not, and in the beginning, they are read one by one.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence

from git_keyval.store.git.packets import Block, PacketReader, ProtocolError

_SAMPLE = 200
"""So many lines are read one by one, and have to be in order, before any is passed over."""
_STEP = 256 * 1024
"""How many bytes lie between two lines that are looked at."""
_LINE = re.compile(rb"[0-9a-f]{40} (refs/[^\0\n]+)")
"""What else is told (``.have``, ``shallow``) has no order."""
_SIZE_DIGITS, _OID_DIGITS = 4, 40


class UnusualOrderError(ProtocolError):
    """Lines are not as they usually are, and one may have been passed over."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("the server lists refs in another way than git does")


def lines_of(packets: PacketReader, names: Collection[bytes]) -> Iterator[bytes]:
    """Yield the lines of those of these refs that are there, and some others, up to the flush. Raises ProtocolError.

    Raises UnusualOrderError if that is seen late: then all lines of another advertisement have to be read.
    """
    wanted, last, count = sorted(names), b"", 0
    while (line := packets.read_line()) is not None:
        yield line
        name = _name(line) or last
        if name < last:
            if count > _SAMPLE:
                raise UnusualOrderError
            yield from packets.read_lines()
            return
        last, count = name, count + 1
        if count > _SAMPLE and (block := packets.pass_lines()) is not None:
            marks = [_name(_line(block, at)) for at in _some_lines(block)]
            known = [last, *filter(None, marks)]
            if known != sorted(known):
                raise UnusualOrderError
            high = bisect_right(wanted, marks[-1]) if marks[-1] else None
            yield from _found(block, wanted[bisect_left(wanted, marks[0] or last) : high])
            last, block = known[-1], None


def _some_lines(block: Block) -> Iterator[int]:
    """Yield where some lines begin: the first, the last, and a few between them."""
    for at in range(block.start, block.last, _STEP):
        yield block.buffer.rfind(b"\n", block.start, at) + 1 or block.start
    yield block.last


def _found(block: Block, names: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the lines of these refs that are in a block. Raises UnusualOrderError."""
    for name in names:
        at = block.buffer.find(b" %b\n" % name, block.start, block.end)
        if at >= 0:
            yield _line(block, max(block.start, at - _OID_DIGITS - _SIZE_DIGITS))


def _line(block: Block, start: int) -> bytes:
    """Return the line that begins here, without its size. Raises UnusualOrderError if it has not that size."""
    end = block.buffer.index(b"\n", start, block.end) + 1
    if block.buffer[start : start + _SIZE_DIGITS] != b"%04x" % (end - start):
        raise UnusualOrderError
    return block.buffer[start + _SIZE_DIGITS : end]


def _name(line: bytes) -> bytes:
    """Return the name of the ref that a line is about; empty if it is about something else."""
    found = _LINE.match(line)
    return found[1] if found else b""
