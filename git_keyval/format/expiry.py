"""Expiry ids and their commits. An id is the absolute Unix second at which a key stops existing."""

from functools import lru_cache

from git_keyval.errors import MalformedRecordError
from git_keyval.format.metadata import decode_message_only, encode_line, expect_members, message_only
from git_keyval.format.objects import GitObject
from git_keyval.format.times import MAX_SECONDS, SECOND, Micros

DEFAULT_GRANULARITY = 60


def expiry_id(moment: Micros, granularity: int = DEFAULT_GRANULARITY) -> int:
    """Round a moment up to whole multiples of the granularity (in seconds), so that no key lives shorter than asked for.

    Raises ValueError for a moment outside 1970 to 9999.
    """
    step = granularity * SECOND
    seconds = -(-moment // step) * granularity
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(seconds)
    return seconds


def is_expired(expiry: int, now: Micros) -> bool:
    """Return whether a key with this expiry id has stopped existing."""
    return expiry * SECOND <= now


def encode_expiry(expiry: int) -> GitObject:
    """Make the expiry commit: the same for every key that expires in that second."""
    return message_only(encode_line({"category": "expiry", "id": expiry}) + b"\n")


@lru_cache(1_024)
def decode_expiry(record: GitObject) -> int:
    """Read the expiry id. Raises MalformedRecordError for anything that encode_expiry does not write."""
    members = decode_message_only(record, "expiry")
    expect_members(members, record.oid, {"id"})
    expiry = members["id"]
    if type(expiry) is not int or not 0 < expiry <= MAX_SECONDS:
        raise MalformedRecordError(record.oid, "its expiry id is not a Unix time in whole seconds")
    return expiry
