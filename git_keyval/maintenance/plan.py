"""A plan: what a job would do, as data that can be counted, printed, and executed once.

What its items say to people is made here, of their kinds and counts. Nothing reads it back.
"""

from collections.abc import Iterable, Iterator
from enum import Enum, StrEnum
from functools import lru_cache
from typing import NamedTuple

from git_keyval.format.names import RefName
from git_keyval.format.times import iso_utc
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.store.port import Transaction


class Kind(Enum):
    """What an action does to what. The value is why, as a report says it."""

    FOLD_BREADCRUMBS = "{increments} added{void_beside}"
    DELETE_VOID_BREADCRUMBS = "{breadcrumbs} void: voided by a set, or counted before"
    DELETE_STRAY_BREADCRUMBS = "{breadcrumbs} void: the key holds no counter"
    SWEEP_KEY = "expired {time}"
    SWEEP_EXPIRY = "an expiry without a key, expired {time}"
    SWEEP_ELEMENTS = "{elements} expired{expiries_beside}"
    SWEEP_ELEMENT_EXPIRIES = "{expiries} without an element"
    SWEEP_STRAY_EXPIRIES = "{expiries} of elements without a key"
    PURGE_PARKED = "parked longer than the retention"
    PURGE_MALFORMED = "malformed: {reason}"
    PUBLISH_EXPIRY = "for keys that expire {time}"
    PARK_DAMAGED = "parked below gc/: {reason}"
    DELETE_DAMAGED = "deleted: {reason}"
    TAKE_OUT_ELEMENT = "an element taken out, and the key parked as it was: {reason}"
    MAKE_ANCHOR = "made as it should be: {reason}"
    REMOVE_LOCK = "removed: {reason}"


class Counts(NamedTuple):
    """What an action adds, removes or publishes, or several do. A void breadcrumb adds nothing, a leftover expiry ends nothing."""

    increments: int = 0
    void_breadcrumbs: int = 0
    keys: int = 0
    elements: int = 0
    collections: int = 0
    leftover_expiries: int = 0
    parked: int = 0
    malformed: int = 0
    published: int = 0
    repaired: int = 0

    @classmethod
    def total(cls, parts: Iterable["Counts"]) -> "Counts":
        """Return the sum."""
        return cls(*map(sum, zip(*parts, strict=True)))


@dataclass(frozen=True, slots=True)
class Action:
    """One independent ref transaction of a job, and the ref that stands for it in the report.

    ``expiry`` is the expiry id that it is about, ``reason`` what is malformed, where it is about one.
    """

    ref: RefName
    kind: Kind
    transaction: Transaction
    counts: Counts
    expiry: int = 0
    reason: str = ""

    @property
    def why(self) -> str:
        """Say in a few words why it is done."""
        return _why(self.kind, self.counts, self.expiry, self.reason)


@lru_cache
def _why(kind: Kind, counts: Counts, expiry: int, reason: str) -> str:
    expiries = counted(counts.leftover_expiries, "expiry", "expiries")
    return kind.value.format(
        increments=counted(counts.increments, "increment"),
        void_beside=f", {counts.void_breadcrumbs:,} void" if counts.void_breadcrumbs else "",
        breadcrumbs=counted(counts.void_breadcrumbs, "breadcrumb"),
        elements=counted(counts.elements, "element"),
        expiries=expiries,
        expiries_beside=f", {expiries} without an element" if counts.leftover_expiries else "",
        time=iso_utc(expiry),
        reason=reason,
    )


class Waiting(StrEnum):
    """Why a ref is left alone for now, as a report says it; ``{}`` is what is known of the case."""

    YOUNG = "younger than the grace period"
    ENDS_WITH_COUNTER = "ends with its expired counter"
    VOIDS_OTHERS = "voids others until its counter can be moved"
    BESIDE_REDIRECT = "beside a redirect, which does not expire"
    PARKED_LATELY = "parked more recently than the retention"
    CHANGED = "changed since it was read"
    UNKNOWN = "it is not known whether it was done: {}"


class Trouble(StrEnum):
    """Why a ref had to be left alone, and will be until somebody looks at it; ``{}`` is what is known of the case."""

    REDIRECTED = "its key is redirected, so it is counted nowhere; docs/repositories.md tells how"
    NO_ROOM = "{}"
    UNREADABLE = "it cannot be read: {}"
    UNREADABLE_COUNTER = "its counter cannot be read: {}"
    UNGATHERABLE = "its breadcrumbs cannot be gathered: {}"
    UNREADABLE_EXPIRY = "its expiry commit cannot be read"
    UNREADABLE_ELEMENTS = "has elements that expired, and cannot be read: {}"
    MISSING = "the object that it points at is missing, or too large"
    MALFORMED = "malformed: {}"
    REFUSED = "the server refused: {}"
    GIVEN_UP = "not tried again: {}"


@dataclass(frozen=True, slots=True)
class Left:
    """A ref that a job leaves alone although it looks like work, and why."""

    ref: RefName
    reason: Waiting | Trouble
    detail: str = ""

    @property
    def notable(self) -> bool:
        """Return whether it is worth a warning; the rest only waits."""
        return isinstance(self.reason, Trouble)

    @property
    def why(self) -> str:
        """Say in a few words why."""
        return self.reason.format(self.detail)


Item = Action | Left


@dataclass(slots=True)
class Plan:
    """What a job would do. ``examined`` counts the refs looked at; ``facts`` are numbers for the report.

    ``expiries`` counts live keys by when they expire, ``ages`` breadcrumbs by how old they were: soonest and youngest first.
    ``batch`` bounds how many actions go into one batch, where that is not left to what the server takes.
    """

    job: str
    examined: int = 0
    actions: list[Action] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)
    expiries: dict[str, int] = field(default_factory=dict)
    ages: dict[str, int] = field(default_factory=dict)
    batch: int | None = None

    def add(self, items: Iterable[Item]) -> None:
        """Take in what is to be done, and what is left alone."""
        for item in items:
            if isinstance(item, Action):
                self.actions.append(item)
            else:
                self.left.append(item)

    def take(self) -> Iterator[Action]:
        """Return the actions in order, and keep none: a plan is executed once."""
        actions, self.actions = self.actions, []
        yield from actions


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun, whose plural has an s unless it is given."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
