"""The repository of the model: the refs of one counter as a sorted tuple, and transactions on them, all or nothing.

Oids are the product's own: two counters share one only if their commits are equal byte for byte.
"""

from functools import cache
from typing import Final, NamedTuple

from git_keyval.format.counters import NULL, Breadcrumb, Counter, Void, encode_counter, encode_delta
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import BreadcrumbRef, KeyId, Naming, RefName, parse
from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND, Micros, Timestamp, timestamp

NAMES = Naming()
KEY = KeyId("5eed" * 10)
VALUE = NAMES.value(KEY)
EXPIRY = NAMES.expiry(KEY)
BREADCRUMBS = NAMES.breadcrumbs(KEY)

START = Micros(1_790_000_000 * SECOND)
"""What all clocks show before the counter expires, but for their skew."""
EXPIRES = START // SECOND + 60
AFTERWARDS = Micros((EXPIRES + 60) * SECOND)
EXPIRY_TIME = timestamp(Micros(EXPIRES * SECOND))
EXPIRY_OID = encode_expiry(EXPIRES).oid

ABSENT: Final = "absent"
ANY: Final = "any"


class Ref(NamedTuple):
    """A ref and the oid it points at."""

    name: RefName
    oid: Oid


class Update(NamedTuple):
    """One ref of a transaction: what it must be (an oid, ABSENT, ANY) and what it shall be (an oid, ABSENT)."""

    name: RefName
    expect: str
    new: str


Refs = tuple[Ref, ...]
Transaction = tuple[Update, ...]

_counters: dict[str, Counter] = {ABSENT: Counter()}
_deltas: dict[Oid, int | Void] = {NULL_COMMIT.oid: NULL}


@cache
def store(counter: Counter) -> Oid:
    """Return the oid of a counter's commit; from then on ``load`` knows it."""
    oid = encode_counter(counter).oid if counter.op else Oid(f"bare {counter!r}")
    _counters[oid] = counter
    return oid


def load(oid: str) -> Counter:
    """Return the counter of an oid; of ABSENT, the counter that has counted nothing."""
    return _counters[oid]


def breadcrumb(time: Timestamp, op: str, delta: int | Void) -> Ref:
    """Return the ref of a breadcrumb."""
    oid = NULL_COMMIT.oid if isinstance(delta, Void) else encode_delta(delta).oid
    _deltas[oid] = delta
    return Ref(NAMES.breadcrumb(KEY, time, op), oid)


@cache
def read_breadcrumb(ref: Ref) -> Breadcrumb:
    """Read a breadcrumb back."""
    parsed = parse(ref.name)
    assert isinstance(parsed, BreadcrumbRef)
    return Breadcrumb(ref.name, ref.oid, parsed.time, parsed.op, _deltas[ref.oid])


def parked(op: str) -> RefName:
    """Name the gc/ branch that tells a GETDEL that it was applied."""
    return RefName(f"refs/heads/gc/{op}")


def breadcrumbs(refs: Refs) -> Refs:
    """Select the breadcrumbs."""
    return tuple(ref for ref in refs if ref.name.startswith(BREADCRUMBS))


def target(refs: Refs, name: RefName) -> str:
    """Return the oid that a ref points at, or ABSENT."""
    return next((ref.oid for ref in refs if ref.name == name), ABSENT)


def apply(refs: Refs, transaction: Transaction) -> Refs | None:
    """Return the refs after a transaction, or None if it is denied.

    A ref that has the new oid already is taken for updated, whatever was expected: servers that answer "up to date" do so, and
    nothing in the protocol may depend on a stricter one. To delete a ref that is gone is a conflict.
    """
    after: dict[RefName, str] = dict(refs)
    for name, expect, new in transaction:
        found = after.get(name, ABSENT)
        if expect not in {found, ANY} and (found != new or new == ABSENT):
            return None
        after[name] = new
    return tuple(sorted(Ref(name, Oid(oid)) for name, oid in after.items() if oid != ABSENT))
