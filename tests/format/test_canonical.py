"""Canonical JSON against the library that implements RFC 8785."""

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from git_keyval.format import canonical
from git_keyval.format.canonical import JsonValue

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
)
_JSON: st.SearchStrategy[JsonValue] = st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner))


@given(_JSON)
def test_every_value_is_written_as_rfc_8785_says(value: JsonValue) -> None:
    """Whichever way the text is made."""
    assert canonical.encode(value) == rfc8785.dumps(value)


def test_control_characters_and_quotes_are_escaped_the_same() -> None:
    text = "".join(map(chr, range(0x80))) + "\u2028\u20ac\ud7ff\ue000\uffff\U00010000"
    assert canonical.encode([text]) == rfc8785.dumps([text])
