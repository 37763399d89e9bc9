"""What the tag ``kv/dummy-tree`` says of a database: whether its keys are encrypted, and whether any was ever redirected."""

from git_keyval.database.ciphers import Cipher
from git_keyval.errors import AnchorError, MalformedRecordError
from git_keyval.format.anchors import Anchor, Mark, decode_anchor, encode_anchor
from git_keyval.format.metadata import NULL_COMMIT, REDIRECT_ANCHOR
from git_keyval.format.names import ANCHOR_TAG
from git_keyval.format.objects import GitObject
from git_keyval.store.port import RefUpdate, Snapshot

_KNOWN = {NULL_COMMIT.oid: NULL_COMMIT, REDIRECT_ANCHOR.oid: REDIRECT_ANCHOR}


def anchor_of(cipher: Cipher) -> GitObject:
    """Return what the tag points at in a database of this cipher of which no key was ever redirected."""
    return encode_anchor(Anchor(cipher.mark))


def assertion_of(cipher: Cipher) -> RefUpdate:
    """Return the assertion of that.

    It is part of every write over what was not read. So such a write meets neither a redirect nor what another key encrypted.
    """
    anchor = anchor_of(cipher)
    return RefUpdate(ANCHOR_TAG, anchor.oid, anchor.oid)


def mark_of(seen: Snapshot, cipher: Cipher) -> Mark | None:
    """Return the mark of an encrypted database; of one whose tag is not there yet, what this cipher makes of it.

    Raises AnchorError where the tag cannot be read: it may say that the database is encrypted.
    """
    anchor = read_anchor(seen)
    return cipher.mark if anchor is None else anchor.mark


def read_anchor(seen: Snapshot) -> Anchor | None:
    """Return what the tag says; None where there is none. Raises AnchorError where it cannot be read."""
    oid = seen.refs.get(ANCHOR_TAG)
    if oid is None:
        return None
    target = seen.objects.get(oid) or _KNOWN.get(oid)
    if target is None:
        raise AnchorError(ANCHOR_TAG, "the object that it points at is missing, or too large")
    try:
        return decode_anchor(target)
    except MalformedRecordError as exc:
        raise AnchorError(ANCHOR_TAG, exc.reason) from exc
