"""The repository of the model: its refs as a sorted tuple, and a store that shows a client what it has read of them.

Objects are the product's own, kept for good: two counters share an oid only if their commits are equal byte for byte.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from git_keyval.errors import UnavailableError
from git_keyval.format.anchors import Anchor, encode_anchor
from git_keyval.format.counters import Counter, encode_counter, encode_delta
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import ANCHOR_TAG, DEFAULT_NAMING, RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.records import encode_data
from git_keyval.format.times import SECOND, Micros, Timestamp
from git_keyval.format.values import parse_value
from git_keyval.store.port import ABSENT, ANY, DELETE, Applied, Capabilities, Depth, Outcome, Selection, Snapshot, Transaction
from tests.world import key

KEY = key()
VALUE = DEFAULT_NAMING.value(KEY.id)
EXPIRY = DEFAULT_NAMING.expiry(KEY.id)
BREADCRUMBS = DEFAULT_NAMING.breadcrumbs(KEY.id)

START = Micros(1_790_000_000 * SECOND)
"""What all clocks show before the counter expires, but for their skew."""
EXPIRES = START // SECOND + 60
AFTERWARDS = Micros((EXPIRES + 60) * SECOND)


class Ref(NamedTuple):
    """A ref and the oid it points at."""

    name: RefName
    oid: Oid


Refs = tuple[Ref, ...]
OBJECTS: dict[Oid, GitObject] = {obj.oid: obj for obj in (*DUMMY_OBJECTS, NULL_COMMIT)}


def kept(obj: GitObject) -> Oid:
    """Keep an object, and return its oid."""
    OBJECTS[obj.oid] = obj
    return obj.oid


ANCHOR = Ref(ANCHOR_TAG, kept(encode_anchor(Anchor(None))))
"""What a database has from the beginning; no state shows it."""
EXPIRY_REF = Ref(EXPIRY, kept(encode_expiry(EXPIRES)))
DATA_REF = Ref(VALUE, [kept(obj) for obj in encode_data(parse_value("String", "data")).objects][-1])


def counter_ref(counter: Counter) -> Ref:
    return Ref(VALUE, kept(encode_counter(counter)))


def breadcrumb(time: Timestamp, op: str, delta: int | None) -> Ref:
    target = NULL_COMMIT if delta is None else encode_delta(delta)
    return Ref(DEFAULT_NAMING.breadcrumb(KEY.id, time, op), kept(target))


def apply(refs: Refs, transaction: Transaction) -> Refs | None:
    """Return the refs after a transaction, or None if it is denied.

    A ref that has the new oid already is taken for updated, whatever was expected: servers that answer "up to date" do so, and
    nothing in the protocol may depend on a stricter one. To delete a ref that is gone is a conflict.
    """
    after: dict[RefName, Oid] = {**dict(refs), ANCHOR.name: ANCHOR.oid}
    for name, expect, new in ((update.name, update.expect, update.new) for update in transaction.updates):
        found = after.get(name, ABSENT)
        if expect not in {found, ANY} and (new is DELETE or found != new):
            return None
        if new is DELETE:
            after.pop(name, None)
        else:
            after[name] = new
    for obj in transaction.objects:
        kept(obj)
    del after[ANCHOR.name]
    return tuple(sorted(Ref(name, oid) for name, oid in after.items()))


@dataclass
class ModelStore:
    """Shows one client what it reads: of the first selection what was there ``before``, of the others what is there ``now_there``.

    Every transaction gets the ``outcome``; those that were sent are in ``sent``. A read while it is ``unreachable`` fails.
    """

    clock: Micros = START
    before: Refs = ()
    now_there: Refs = ()
    outcome: Outcome = field(default_factory=Applied)
    sent: tuple[Transaction, ...] = ()
    unreachable: bool = False
    capabilities = Capabilities(batch=1_000, round_trip=0.0)
    requests = 0
    rate_remaining = None
    public_name = None

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:  # noqa: ARG002
        if self.unreachable:
            raise UnavailableError("nobody answers")
        refs: dict[RefName, Oid] = {}
        for number, selection in enumerate(selections):
            first = number == 0 and len(selections) > 1
            there = (*(self.before if first else self.now_there), ANCHOR)
            refs |= {ref.name: ref.oid for ref in there if ref.name in selection.names or ref.name.startswith(selection.prefixes)}
        return Snapshot(refs, OBJECTS)

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        return iter([(ref.name, ref.oid) for ref in self.before if ref.name.startswith(tuple(prefixes))])

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:  # noqa: ARG002
        return {oid: OBJECTS[oid] for oid in oids}

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        self.sent = tuple(transactions)
        return [self.outcome] * len(transactions)

    def now(self, *, ask: bool = False) -> Micros:  # noqa: ARG002
        return self.clock
