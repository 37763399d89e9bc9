"""Refnames both ways: from a key id to the refs of its record, and from a refname to its parts.

A name outside the patterns of this module is foreign and is never written, moved or deleted.
"""

import re
from typing import NewType

from git_keyval.format.objects import Oid
from git_keyval.format.times import Timestamp, moment_of
from git_keyval.light_dataclasses import dataclass

RefName = NewType("RefName", str)
"""A fully qualified git reference, ``refs/…``."""

KeyId = NewType("KeyId", str)
"""The oid of a key's data commit: 40 hex digits (computed; the commit need not be stored)."""

ANCHOR_TAG = RefName("refs/tags/kv/dummy-tree")
"""The anchor of a database: it says what holds for all of it, and keeps the dummy tree from git's garbage collection."""
MAIN_BRANCH = RefName("refs/heads/main")

KEYS_PREFIX = "refs/heads/kv-"
BREADCRUMBS_PREFIX = "refs/tags/kv-"
OUR_TAGS_PREFIX = "refs/tags/kv"
"""Breadcrumbs, and the anchor."""
GC_PREFIX = "refs/heads/gc/"
LITERAL_GC_PREFIX = "refs/gc/"
"""The namespace of an earlier design, which plain git servers may hold; purge clears it, too."""

REGISTRY_PREFIX = "refs/tags/expiry-"
"""What the tags of an expiry registry begin with."""

DEFAULT_SHARD_LENGTH = 2
MAX_SHARD_LENGTH = 39
ID_LENGTH = 40

OP_PATTERN = "[a-z0-9]{8,40}"
"""An operation id, as a regular expression."""

_RECORD = re.compile(r"refs/heads/kv-([0-9a-f]+)/(val|key|exp)-([0-9a-f]+)(?:-([0-9a-f]{40}))?")
_BREADCRUMB = re.compile(r"refs/tags/kv-([0-9a-f]+)/bc-([0-9a-f]+)/([^/-]+)-(" + OP_PATTERN + ")")
_GC = re.compile(r"refs/(?:heads/)?gc/([^/-]+)-([0-9a-f]{40})")
_PUBLISHED = re.compile(REGISTRY_PREFIX + "([0-9a-f]{40})")
_OP = re.compile(OP_PATTERN)


@dataclass(frozen=True, slots=True)
class RecordRef:
    """``kv-S/val-R``, ``kv-S/key-R``, ``kv-S/exp-R``; with an element id, ``kv-S/exp-R-E``."""

    kind: str
    key_id: KeyId
    element: Oid | None = None


@dataclass(frozen=True, slots=True)
class BreadcrumbRef:
    """``kv-S/bc-R/T-op`` below refs/tags."""

    key_id: KeyId
    time: Timestamp
    op: str


@dataclass(frozen=True, slots=True)
class GcRef:
    """``gc/T-<keyId>``: a value that GETDEL removed at time T."""

    key_id: KeyId
    time: Timestamp


@dataclass(frozen=True, slots=True)
class PublishedRef:
    """``expiry-<oid>`` below refs/tags: an expiry registry's entry for the expiry commit of that oid."""

    expiry: Oid


def is_op(text: str) -> bool:
    """Return whether the text can stand as an operation id in a refname."""
    return _OP.fullmatch(text) is not None


def parse(name: str) -> RecordRef | BreadcrumbRef | GcRef | PublishedRef | None:
    """Read a refname; None if it is foreign. The shard length is seen from the name: both parts together are 40 digits."""
    if record := record_parts(name):
        _, kind, key_id, element = record
        return RecordRef(kind, KeyId(key_id), None if element is None else Oid(element))
    if crumb := _BREADCRUMB.fullmatch(name):
        shard, rest, time, op = crumb.groups()
        if len(shard) + len(rest) != ID_LENGTH or moment_of(time) is None:
            return None
        return BreadcrumbRef(KeyId(shard + rest), Timestamp(time), op)
    if parked := _GC.fullmatch(name):
        time, key_id = parked.groups()
        return None if moment_of(time) is None else GcRef(KeyId(key_id), Timestamp(time))
    published = _PUBLISHED.fullmatch(name)
    return PublishedRef(Oid(published[1])) if published else None


def record_parts(name: str) -> tuple[int, str, str, str | None] | None:
    """Return shard length, kind, key id and element id of a refname below kv-S/, for code that reads a million; None if foreign."""
    record = _RECORD.fullmatch(name)
    if record is None:
        return None
    shard, kind, rest, element = record.groups()
    if len(shard) + len(rest) != ID_LENGTH or (element is not None and kind != "exp"):
        return None
    return len(shard), kind, shard + rest, element


@dataclass(frozen=True, slots=True)
class Naming:
    """How a database spells its refnames: its shard length, 1 to 39 digits. Raises ValueError for any other."""

    shard_length: int = DEFAULT_SHARD_LENGTH

    def __post_init__(self) -> None:
        """Refuse a length that would leave a name without digits before or after its slash: nobody could read it back."""
        if not 1 <= self.shard_length <= MAX_SHARD_LENGTH:
            raise ValueError(f"a shard length of {self.shard_length} is not between 1 and {MAX_SHARD_LENGTH}")

    def value(self, key_id: KeyId) -> RefName:
        """Name the ref of a key's value: the one mandatory ref of a key."""
        return self._head(key_id, "val")

    def expiry(self, key_id: KeyId) -> RefName:
        """Name the ref of a key's expiry commit; absent for a persistent key."""
        return self._head(key_id, "exp")

    def element_expiry(self, key_id: KeyId, element: Oid) -> RefName:
        """Name the ref of the expiry commit of one element, by the blob oid of its element key."""
        return RefName(f"{self.element_expiries(key_id)}{element}")

    def element_expiries(self, key_id: KeyId) -> str:
        """Return the prefix of the expiry refs of all elements of a key; the key's own does not begin with it."""
        return f"{self.expiry(key_id)}-"

    def key(self, key_id: KeyId) -> RefName:
        """Name the ref of a stored key commit; present only where the user asks to store keys."""
        return self._head(key_id, "key")

    def breadcrumbs(self, key_id: KeyId) -> str:
        """Return the prefix of all breadcrumbs of a key."""
        return f"refs/tags/kv-{key_id[: self.shard_length]}/bc-{key_id[self.shard_length :]}/"

    def breadcrumb(self, key_id: KeyId, time: Timestamp, op: str) -> RefName:
        """Name one breadcrumb."""
        return RefName(f"{self.breadcrumbs(key_id)}{time}-{op}")

    @staticmethod
    def parked(key_id: KeyId, time: Timestamp) -> RefName:
        """Name the gc/ branch of a value removed at a time."""
        return RefName(f"{GC_PREFIX}{time}-{key_id}")

    @staticmethod
    def published(expiry: Oid) -> RefName:
        """Name the tag of an expiry commit in an expiry registry."""
        return RefName(f"{REGISTRY_PREFIX}{expiry}")

    def _head(self, key_id: KeyId, kind: str) -> RefName:
        return RefName(f"refs/heads/kv-{key_id[: self.shard_length]}/{kind}-{key_id[self.shard_length :]}")


DEFAULT_NAMING = Naming()


def naming_of(name: RefName) -> Naming:
    """Return the naming under which a record's ref or a breadcrumb was found, by the length of its shard."""
    shard = name.split("/")[2]
    return Naming(len(shard) - len("kv-"))


def time_of(breadcrumb: RefName) -> Timestamp:
    """Return the time in the name of a breadcrumb."""
    return Timestamp(breadcrumb.rpartition("/")[2].partition("-")[0])
