"""The anchor of a database, the tag kv/dummy-tree: its message-only commit says what holds for all of it (docs/format.md)."""

import re

from git_keyval.errors import MalformedRecordError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.metadata import NULL_COMMIT, REDIRECT_ANCHOR, decode_message_only, encode_line, message_only
from git_keyval.format.objects import GitObject
from git_keyval.format.sealed import CHECK_BYTES, is_kid
from git_keyval.light_dataclasses import dataclass

_CATEGORY = "anchor"
_CHECK = re.compile(f"[0-9a-f]{{{2 * CHECK_BYTES}}}")


@dataclass(frozen=True, slots=True)
class Mark:
    """That a database is encrypted: the name of the key that encrypts its keys, and the key's check value as hexadecimal digits."""

    kid: str
    check: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """What holds for a database: whether it is encrypted, and whether keys of it were ever redirected."""

    mark: Mark | None = None
    redirected: bool = False


def encode_anchor(anchor: Anchor) -> GitObject:
    """Make the commit; without encryption it is the null commit, or the redirect anchor."""
    if anchor.mark is None:
        return REDIRECT_ANCHOR if anchor.redirected else NULL_COMMIT
    members: dict[str, JsonValue] = {
        "category": _CATEGORY,
        "encryption": {"check": anchor.mark.check, "kid": anchor.mark.kid},
        **({"redirected": True} if anchor.redirected else {}),
    }
    return message_only(encode_line(members) + b"\n")


def decode_anchor(record: GitObject) -> Anchor:
    """Read the commit. Raises MalformedRecordError for anything that encode_anchor does not write."""
    for anchor in (Anchor(), Anchor(redirected=True)):
        if encode_anchor(anchor).oid == record.oid:
            return anchor
    members = decode_message_only(record, _CATEGORY)
    match members.get("encryption"):
        case {"kid": str(kid), "check": str(check)} if is_kid(kid) and _CHECK.fullmatch(check):
            anchor = Anchor(Mark(kid, check), redirected="redirected" in members)
            if encode_anchor(anchor).oid == record.oid:
                return anchor
    raise MalformedRecordError(record.oid, "its members are not those of an anchor")
