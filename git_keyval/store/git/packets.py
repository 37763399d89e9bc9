"""Git's packet lines (https://git-scm.com/docs/protocol-common), a million of them if need be: a line costs a slice of a buffer."""

from binascii import Error as NotHexError
from binascii import a2b_hex
from collections.abc import Callable, Iterator
from typing import NamedTuple

_SIZE_DIGITS = 4
_DELIMITER, _UNUSED = 1, 3  # https://git-scm.com/docs/protocol-v2#_packet_line_framing; 3 means nothing yet
_LONGEST = 65520
_CHUNK = 1024 * 1024


class ProtocolError(Exception):
    """What came is not as git's protocol has it."""


class HangupError(ProtocolError):
    """The stream ended in the middle."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The remote server unexpectedly closed the connection.")


def packet(data: bytes) -> bytes:
    """Return a line with its size before it."""
    return b"%04x%b" % (len(data) + _SIZE_DIGITS, data)


class Block(NamedTuple):
    """Whole lines, with their sizes, in a buffer."""

    buffer: bytes
    start: int
    last: int
    """Where the last line begins."""
    end: int


class PacketReader:
    """The lines of one answer. ``read_some`` returns at most so many bytes, and none at the end only."""

    def __init__(self, read_some: Callable[[int], bytes]) -> None:
        """Read from a stream, which is not closed here."""
        self._read_some = read_some
        self._buffer = b""
        self._position = 0
        self.at_delimiter = False
        """Whether what was read last is a delimiter: after it the answer goes on."""

    def peek(self) -> bytes | None:
        """Return the next line, None for a flush or delimiter, and leave it to be read. Raises ProtocolError."""
        self._fill_buffer(_SIZE_DIGITS)
        size = _size(self._buffer[self._position : self._position + _SIZE_DIGITS])
        self._fill_buffer(size)
        return None if size < _SIZE_DIGITS else self._buffer[self._position + _SIZE_DIGITS : self._position + size]

    def read_line(self) -> bytes | None:
        """Return the next line without its size; None for a flush or delimiter. Raises ProtocolError."""
        size = _size(self._read(_SIZE_DIGITS))
        self.at_delimiter = size == _DELIMITER
        return None if size < _SIZE_DIGITS else self._read(size - _SIZE_DIGITS)

    def read_lines(self) -> Iterator[bytes]:
        """Yield the lines up to the next flush or delimiter. Raises ProtocolError."""
        while True:
            buffer, position, end = self._buffer, self._position, len(self._buffer)
            # What is in the buffer is taken without a call for each line.
            while position + _SIZE_DIGITS <= end:
                size = _size(buffer[position : position + _SIZE_DIGITS])
                if size < _SIZE_DIGITS or position + size > end:
                    break
                position += size
                self._position = position
                yield buffer[position - size + _SIZE_DIGITS : position]
            line = self.read_line()
            if line is None:
                return
            yield line

    def pass_lines(self) -> Block | None:
        """Pass over what has come of lines that end with a line feed, but for the last, without a look at their sizes.

        Return where they are; None if there are none.
        """
        buffer, start = self._buffer, self._position
        last = max(start, buffer.rfind(b"\n", start))
        end = buffer.rfind(b"\n", start, last) + 1
        if not end:
            return None
        self._position = end
        return Block(buffer, start, buffer.rfind(b"\n", start, end - 1) + 1 or start, end)

    def _read(self, size: int) -> bytes:
        """Return the next bytes. Where they go on in another chunk, that is not copied."""
        data = self._buffer[self._position : self._position + size]
        missing = size - len(data)
        self._position += size
        while missing > 0:
            self._buffer = b""  # so that the next chunk can be where this one was, which is in the processor's cache
            if not (chunk := self._read_some(_CHUNK)):
                raise HangupError
            data += chunk[:missing]
            self._buffer, self._position = chunk, missing
            missing -= len(chunk)
        return data

    def _fill_buffer(self, size: int) -> None:
        while len(self._buffer) - self._position < size:
            more = self._read_some(_CHUNK)
            if not more:
                raise HangupError
            self._buffer = self._buffer[self._position :] + more
            self._position = 0


def _size(digits: bytes) -> int:
    """Read the size of a line. int() alone would take signs, spaces and underscores, too."""
    try:
        high, low = a2b_hex(digits)
    except (NotHexError, ValueError) as exc:
        raise ProtocolError("a packet line does not begin with its size") from exc
    size = high << 8 | low
    if size == _UNUSED or size > _LONGEST:
        raise ProtocolError("a packet line has a size that none can have")
    return size
