"""Redirects: a key whose object lives under the same key id in another repository of the same server."""

import re

from git_keyval.errors import MalformedRecordError
from git_keyval.format.metadata import decode_message_only, encode_line, expect_members, message_only, text_member
from git_keyval.format.names import MAX_SHARD_LENGTH
from git_keyval.format.objects import GitObject
from git_keyval.light_dataclasses import dataclass

MAX_HOPS = 5
"""How many redirects a reader follows for one key."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}/(?!\.\.?$)[A-Za-z0-9_.-]{1,100}", re.ASCII)
_BEGINNING = b'\n\n{"category":"redirect",'


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a key lives: a repository, and the shard length there. Raises ValueError for what no record may hold."""

    repository: str
    shard_length: int

    def __post_init__(self) -> None:
        """Refuse a text that names no repository beside the one that holds the record, or that could lead elsewhere."""
        if not is_repository_name(self.repository):
            raise ValueError("is not the name of a repository, owner/name")
        if not 1 <= self.shard_length <= MAX_SHARD_LENGTH:
            raise ValueError(f"has a shard length that is not between 1 and {MAX_SHARD_LENGTH}")


def is_repository_name(text: str) -> bool:
    """Return whether a text is ``owner/name`` as a redirect may have it: no address, no path, no ``..``, no ``.git`` at its end."""
    return _NAME.fullmatch(text) is not None and not text.lower().endswith(".git")


def encode_redirect(redirect: Redirect) -> GitObject:
    """Make the redirect commit: the same for every key that goes to this repository."""
    line = encode_line({"category": "redirect", "repository": redirect.repository, "shardLength": redirect.shard_length})
    return message_only(line + b"\n")


def decode_redirect(record: GitObject) -> Redirect:
    """Read a redirect. Raises MalformedRecordError for anything that encode_redirect does not write."""
    members = decode_message_only(record, "redirect")
    expect_members(members, record.oid, {"repository", "shardLength"})
    shard_length = members["shardLength"]
    if type(shard_length) is not int:
        raise MalformedRecordError(record.oid, "its member shardLength is not a whole number")
    try:
        redirect = Redirect(text_member(members, "repository", record.oid), shard_length)
    except ValueError as exc:
        raise MalformedRecordError(record.oid, f"its target {exc}") from exc
    if encode_redirect(redirect).oid != record.oid:
        raise MalformedRecordError(record.oid, "it is not what its target is written as")
    return redirect


def redirect_of(record: GitObject | None) -> Redirect | None:
    """Return the redirect that a value's commit holds; None for any other commit, malformed redirects included."""
    if record is None or _BEGINNING not in record.data[:1024]:
        return None
    try:
        return decode_redirect(record)
    except MalformedRecordError:
        return None
