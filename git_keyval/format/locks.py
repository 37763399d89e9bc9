"""The fields of a lock, which is a map of Strings: for each of its slots a fence, and the owner that took it last."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from git_keyval.format.elements import MAX_SLOTS

FENCE, OWNER = "fence", "owner"
"""The fields of a lock, or of its first slot: how often it was taken, and by whom it was last."""


def fence_field(slot: int) -> str:
    """Return the field of the fence of a slot."""
    return FENCE if slot == 1 else f"{FENCE}-{slot}"


def owner_field(slot: int) -> str:
    """Return the field of the owner of a slot."""
    return OWNER if slot == 1 else f"{OWNER}-{slot}"


def slots_of(fields: Iterable[str]) -> list[int]:
    """Return the numbers of the slots that were ever taken, by the fields of a lock."""
    there = frozenset(fields)
    return [number for number in range(1, MAX_SLOTS + 1) if fence_field(number) in there]


def is_lock(fields: AbstractSet[str]) -> bool:
    """Return whether a map of Strings with these fields is a lock, as far as its fields show: it has no other ones.

    Without a fence it is none, whatever is in it.
    """
    return FENCE in fields and fields <= {name for slot in slots_of(fields) for name in (fence_field(slot), owner_field(slot))}
