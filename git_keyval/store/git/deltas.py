"""Objects that a pack has as what differs from others (https://git-scm.com/docs/gitformat-pack, "Deltified representation")."""

from collections.abc import Iterator

_COPIES = 128
_LONGEST_SHIFT = 56
"""Of what a number of 64 bits has before its last byte."""
_WHOLE = 0x10000
"""How much is copied if no length is given."""


class MalformedDeltaError(Exception):
    """A delta that is not valid, or that is against another object."""


def apply_delta(base: bytes, delta: bytes) -> bytes:
    """Return the object that a delta makes of another one: no more bytes than it says. Raises MalformedDeltaError."""
    try:
        size, position = read_number(delta, 0)
        left, position = read_number(delta, position)
        if size != len(base):
            raise MalformedDeltaError
        pieces = []
        for piece in _pieces(base, delta, position):
            left -= len(piece)
            if left < 0:
                raise MalformedDeltaError
            pieces.append(piece)
    except IndexError as exc:
        raise MalformedDeltaError from exc
    if left:
        raise MalformedDeltaError
    return b"".join(pieces)


def read_number(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """Read a number of any length, seven bits a byte, and return where it ends, too. Raises IndexError if it does not."""
    number = shift = 0
    while (byte := data[position]) & 128:
        if shift > _LONGEST_SHIFT:
            raise IndexError(position)
        number |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
    return number | byte << shift, position + 1


def _pieces(base: bytes, delta: bytes, position: int) -> Iterator[bytes]:
    """Yield what each instruction takes, from the base or from the delta itself. Raises IndexError and MalformedDeltaError."""
    while position < len(delta):
        instruction, position = delta[position], position + 1
        if instruction & _COPIES:
            start, position = _given(delta, position, instruction & 15)
            length, position = _given(delta, position, instruction >> 4 & 7)
            length = length or _WHOLE
            piece = base[start : start + length]
        else:
            length = instruction
            piece = delta[position : position + length]
            position += length
        if not length or len(piece) != length:
            raise MalformedDeltaError
        yield piece


def _given(delta: bytes, position: int, bits: int) -> tuple[int, int]:
    """Read a number of which each bit says whether the next byte, the lowest first, is given: it is 0 if not."""
    number = shift = 0
    while bits:
        if bits & 1:
            number |= delta[position] << shift
            position += 1
        bits, shift = bits >> 1, shift + 8
    return number, position
