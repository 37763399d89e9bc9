"""Anchors: what the tag of the dummy tree tells of a database."""

import pytest

from git_keyval.errors import MalformedRecordError
from git_keyval.format.anchors import Anchor, Mark, decode_anchor, encode_anchor
from git_keyval.format.metadata import NULL_COMMIT, REDIRECT_ANCHOR, encode_line, message_only
from git_keyval.format.objects import GitObject, blob, commit, tree

MARK = Mark("2026", "0123456789abcdef")
WHOLE = {"category": "anchor", "encryption": {"check": "0123456789abcdef", "kid": "2026"}}


@pytest.mark.parametrize("anchor", [Anchor(), Anchor(redirected=True), Anchor(MARK), Anchor(MARK, redirected=True)])
def test_an_anchor_is_read_as_it_was_written(anchor: Anchor) -> None:
    assert decode_anchor(encode_anchor(anchor)) == anchor


def test_anchors_are_known_commits() -> None:
    """Clients of other languages make the very same, or they would not find their own assertions."""
    assert encode_anchor(Anchor()) == NULL_COMMIT
    assert encode_anchor(Anchor(redirected=True)) == REDIRECT_ANCHOR
    line = '{"category":"anchor","encryption":{"check":"0123456789abcdef","kid":"2026"},"version":2}\n'
    assert encode_anchor(Anchor(MARK)) == message_only(line.encode())
    line = '{"category":"anchor","encryption":{"check":"0123456789abcdef","kid":"2026"},"redirected":true,"version":2}\n'
    assert encode_anchor(Anchor(MARK, redirected=True)) == message_only(line.encode())


def anchored(**members: object) -> GitObject:
    return message_only(encode_line({**WHOLE, **members}) + b"\n")  # type: ignore[dict-item]


MALFORMED = {
    "no anchor": anchored(category="data"),
    "another member": anchored(size=1),
    "no encryption": message_only(encode_line({"category": "anchor"}) + b"\n"),
    "a short check value": anchored(encryption={"check": "0123", "kid": "2026"}),
    "a check value in capitals": anchored(encryption={"check": "0123456789ABCDEF", "kid": "2026"}),
    "a name that is none": anchored(encryption={"check": "0123456789abcdef", "kid": "a b"}),
    "a member more": anchored(encryption={"algo": "x", "check": "0123456789abcdef", "kid": "2026"}),
    "not redirected": anchored(redirected=False),
    "another message": message_only(b"hello\n"),
    "a tree of its own": commit(tree([("a", blob(b"").oid)]).oid, encode_line(WHOLE) + b"\n"),  # type: ignore[arg-type]
    "a blob": blob(b""),
}


@pytest.mark.parametrize("record", MALFORMED.values(), ids=MALFORMED)
def test_anything_else_is_no_anchor(record: GitObject) -> None:
    with pytest.raises(MalformedRecordError):
        decode_anchor(record)
