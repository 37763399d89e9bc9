"""The expiry registry: ids by the oids of their expiry commits, as files that a CDN serves by tag.

What a registry says is proved by the oid that it is asked about: an id whose expiry commit has another oid is not believed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

from git_keyval.errors import MalformedRecordError
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.names import Naming, RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.records import Record, decode_data, encode_data
from git_keyval.format.times import MAX_SECONDS
from git_keyval.format.values import parse_value
from git_keyval.light_dataclasses import dataclass

DAY = 86_400
"""The granularity of what a registry publishes, in seconds."""

ENTRY_FILE = "view.txt"
"""The file that holds the id."""

Resolve = Callable[[AbstractSet[Oid]], Mapping[Oid, int]]
"""Returns the ids of the expiry commits that are known among these."""

_ID = re.compile(rb"[1-9][0-9]{0,11}")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a registry holds of one expiry id: a tag, and the record that it points at."""

    tag: RefName
    record: Record


def encode_entry(expiry: int) -> Entry:
    """Make the entry of an expiry id."""
    return Entry(Naming.published(encode_expiry(expiry).oid), encode_data(parse_value("Number", str(expiry))))


def decode_entry(expiry_oid: Oid, record: GitObject, objects: Mapping[Oid, GitObject]) -> int:
    """Read the id that an entry for an expiry commit points at. Raises MalformedRecordError if it is not that commit's id."""
    value = decode_data(record, objects)
    expiry = read_entry(expiry_oid, value.data) if value.type == "Number" else None
    if expiry is None:
        raise MalformedRecordError(record.oid, "it is not the id of the expiry commit that the tag names")
    return expiry


def read_entry(expiry_oid: Oid, text: bytes) -> int | None:
    """Return the id that an entry's file holds; None if the text is not the id of that expiry commit."""
    if _ID.fullmatch(text) is None or int(text) > MAX_SECONDS or encode_expiry(int(text)).oid != expiry_oid:
        return None
    return int(text)


def unresolved(_oids: AbstractSet[Oid]) -> Mapping[Oid, int]:
    """Resolve nothing, where there is no registry."""
    return {}


def with_expiries(oids: Iterable[Oid], objects: Mapping[Oid, GitObject], resolve: Resolve) -> Mapping[Oid, GitObject]:
    """Return the objects, and the expiry commits that are missing among them, made anew from their ids.

    A commit that is made of another id has another oid, so a wrong answer recovers nothing.
    """
    missing = {oid for oid in oids if oid not in objects}
    if not missing:
        return objects
    made = [encode_expiry(expiry) for expiry in resolve(missing).values()]
    return {**objects, **{commit.oid: commit for commit in made}} if made else objects
