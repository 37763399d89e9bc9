"""Reading packet lines, however the stream cuts them."""

from collections.abc import Callable

import pytest
from dulwich.protocol import pkt_line
from hypothesis import given
from hypothesis import strategies as st

from git_keyval.store.git.packets import PacketReader, ProtocolError


def cut(data: bytes, size: int) -> Callable[[int], bytes]:
    pieces = iter([data[start : start + size] for start in range(0, len(data), size)])
    return lambda _at_most: next(pieces, b"")


@given(st.lists(st.binary(min_size=1, max_size=40)), st.lists(st.binary(min_size=1, max_size=40)), st.integers(1, 50))
def test_lines_are_those_that_were_written(first: list[bytes], second: list[bytes], size: int) -> None:
    """Up to each flush, whatever the size of the pieces that arrive."""
    data = b"".join(map(pkt_line, [*first, None, *second, None]))
    reader = PacketReader(cut(data, size))
    assert list(reader.read_lines()) == first
    assert reader.peek() == (second[0] if second else None)
    assert list(reader.read_lines()) == second


@pytest.mark.parametrize("data", [b"", b"00", b"0009ab", b"zzzz", b"0009abcde"])
def test_a_stream_that_ends_early_or_is_no_protocol_is_an_error(data: bytes) -> None:
    reader = PacketReader(cut(data, 3))
    with pytest.raises(ProtocolError):
        list(reader.read_lines())
