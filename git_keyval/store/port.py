"""The port: what a store of refs and objects can do, in git's own words.

Adapters implement Store; nothing above them knows which one it has. Absent, unchecked and deleted each have a name of their own:
None means none of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum, IntEnum
from typing import Final, Literal, Protocol

from git_keyval.errors import RefusedError, TooLargeError
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import Micros
from git_keyval.light_dataclasses import dataclass, field, replace


class Expect(Enum):
    """What a ref must be before an update, where that is no oid."""

    ABSENT = "absent"
    ANY = "any"


class New(Enum):
    """What a ref must be after an update, where that is no oid."""

    DELETE = "delete"


ABSENT: Final = Expect.ABSENT
"""The ref must not exist."""
ANY: Final = Expect.ANY
"""Whatever the ref is, or is not: the update is unconditional."""
DELETE: Final = New.DELETE
"""The ref must not exist afterwards. With ANY, a ref that does not exist is fine."""


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One ref of a transaction. With ``new`` equal to ``expect`` it is an assertion: checked with the rest, and nothing moves."""

    name: RefName
    expect: Oid | Expect
    new: Oid | Literal[New.DELETE]

    def fits(self, refs: Mapping[RefName, Oid]) -> bool:
        """Return whether the ref is as it must be before the update."""
        return self.expect is ANY or refs.get(self.name, ABSENT) == self.expect

    def is_made(self, refs: Mapping[RefName, Oid]) -> bool:
        """Return whether the ref is as it must be after the update."""
        return refs.get(self.name, DELETE) == self.new


@dataclass(frozen=True, slots=True)
class Transaction:
    """Objects to store and ref updates to apply, all or nothing; at least one update, and a ref at most once.

    The order of the updates is kept where a server makes them visible one after the other.
    """

    updates: tuple[RefUpdate, ...]
    objects: tuple[GitObject, ...] = ()


def joined(*parts: Transaction) -> Transaction:
    """Return one transaction of several that were made of one read. A ref that one moves, others may assert.

    Raises ValueError for a ref that two of them move in different ways.
    """
    updates: dict[RefName, RefUpdate] = {}
    for update in (update for part in parts for update in part.updates):
        updates[update.name] = _one_of(updates[update.name], update) if update.name in updates else update
    objects = {obj.oid: obj for part in parts for obj in part.objects}
    return Transaction(tuple(updates.values()), tuple(objects.values()))


def _one_of(one: RefUpdate, other: RefUpdate) -> RefUpdate:
    moving, asserted = (other, one) if one.expect == one.new else (one, other)
    if asserted != moving and asserted.expect != asserted.new:
        raise ValueError(f"{one.name} is to be moved twice")
    return replace(moving, expect=asserted.expect) if moving.expect is ANY else moving


@dataclass(frozen=True, slots=True)
class Applied:
    """The transaction was applied."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nothing was applied, because these refs were not what was expected."""

    refs: tuple[RefName, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was applied, because the server does not want it: a hook, a rule, a permission, a limit.

    ``reason`` is the server's verdict; ``ref`` is the ref that it names, if it names one; ``words`` are what a hook, or the server,
    said beside it; ``next_step`` is a sentence on what to do, if that is known. All are safe to print. With ``too_large`` the
    server may accept a part of what was sent at once: callers halve what may be applied in parts.
    """

    reason: str
    ref: RefName | None = None
    words: str = ""
    next_step: str = ""
    too_large: bool = False

    def __str__(self) -> str:
        """Return it in one line: verdict, ref and words."""
        about = f" for {self.ref}" if self.ref else ""
        return f"{self.reason}{about}{f' ({self.words})' if self.words else ''}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """The transaction was sent and its reply lost: it was applied as a whole, or not at all, or may still be."""

    cause: str


Outcome = Applied | Conflict | Refused | Unknown


def refusal_of(transaction: Transaction, outcome: Refused) -> RefusedError:
    """Return the refusal of a transaction as an error for the caller."""
    refs = [update.name for update in transaction.updates]
    if outcome.too_large:
        return TooLargeError(refs, str(outcome), outcome.next_step, sum(len(obj.data) for obj in transaction.objects))
    return RefusedError(refs, str(outcome), outcome.next_step)


class Depth(IntEnum):
    """How much of what the refs point at a read brings along."""

    OIDS = 0
    MESSAGES = 1
    """The commits: enough for expiries, counters, breadcrumbs and metadata."""
    TREES = 2
    """The commits with their trees, and no blobs: which elements maps and arrays have, and the oid of each."""
    VALUES = 3
    """The commits with their trees and blobs."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Refs to read: by full name, and all whose name starts with a prefix.

    ``files`` are paths in the trees of refs that it names: the blobs there will most likely be asked for next. A store may bring
    them along, as they are in these trees; none has to. Nor has any to look whether it has the objects that are ``planned``, which
    will most likely be stored next.
    """

    names: tuple[RefName, ...] = ()
    prefixes: tuple[str, ...] = ()
    files: tuple[tuple[RefName, str], ...] = ()
    planned: tuple[Oid, ...] = ()

    def of(self, refs: Mapping[RefName, Oid]) -> dict[RefName, Oid]:
        """Return those of the refs that it names."""
        names = frozenset(self.names)
        return {name: oid for name, oid in refs.items() if name in names or name.startswith(self.prefixes)}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a read found: the refs that exist, and objects by oid. It may hold more objects than the depth asked for.

    ``moved`` are refs named in more than one selection that were not the same each time; ``refs`` has them as they were last.
    Without ``ordered``, several selections went into one request: the server was asked for them in order, and may have kept it.
    """

    refs: Mapping[RefName, Oid]
    objects: Mapping[Oid, GitObject] = field(default_factory=dict)
    moved: frozenset[RefName] = frozenset()
    ordered: bool = True

    def expected(self, name: RefName) -> Oid | Literal[Expect.ABSENT]:
        """Return what a transaction based on this snapshot must expect of a ref."""
        return self.refs.get(name, ABSENT)

    def followed_by(self, later: "Snapshot", again: AbstractSet[RefName]) -> "Snapshot":
        """Return one snapshot of two that were read in this order; the refs named in ``again`` were asked for in both."""
        kept = {name: oid for name, oid in self.refs.items() if name not in again}
        moved = {name for name in again if self.refs.get(name) != later.refs.get(name)}
        return Snapshot({**kept, **later.refs}, {**self.objects, **later.objects}, self.moved | later.moved | moved)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between stores, as data.

    ``batch``: how many ref updates to put into one request at first; callers grow and halve from there.
    ``clock_is_servers``: whether ``now()`` is the server's time, once an answer had it, or this machine's.
    ``bundles``: whether several independent transactions in one call cost no more than one, even if some are in conflict.
    ``reads_at_once``: whether a read shows all refs as they were at one moment.
    ``reads_prefixes``: whether a read costs no request more for a prefix that is no folder, as that of the expiries of elements.
    ``round_trip``: how many seconds a request takes, about. Rivals are given so much time to be done.
    """

    batch: int
    clock_is_servers: bool = False
    bundles: bool = True
    reads_at_once: bool = False
    reads_prefixes: bool = True
    round_trip: float = 0.01


class Store(Protocol):
    """A repository's refs and objects. All methods raise StoreError; none of them retries a ref transaction blindly."""

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        """Read some refs and what they point at.

        A selection is read once the one before it is read completely, unless the snapshot is not ``ordered``. Within one
        selection the refs may be torn: no git server reads several refs at one instant. Trees that this format does not write bring
        nothing along. An object that the repository lacks, or cannot send, is left out, but only after its ref was read again and
        still pointed at it: an object may be gone as soon as no ref points at it.
        """

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """Stream all refs below the prefixes, each once, in no particular order."""

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        """Fetch objects by oid, in one request where the server can; with TREES and VALUES also what they hold.

        An oid that the repository lacks, or cannot send because of what it lacks, is left out of the answer; so is one that no ref
        points at now, where a server gives nothing else (git's before protocol version 2). With OIDS there is nothing to fetch.
        """

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Apply independent transactions, each all or nothing; one outcome each, in the order given.

        They must not share a ref. A Conflict or Refused outcome says that nothing of that transaction was applied.
        """

    def now(self, *, ask: bool = False) -> Micros:
        """Return the time: the server's where its answers have it.

        Before the first answer it is this machine's, unless a request may be made to ``ask``: code that deletes by the time has to.
        """

    @property
    def capabilities(self) -> Capabilities:
        """Return what this store can do."""

    @property
    def requests(self) -> int:
        """Count the requests made so far: processes started for a local path, HTTP requests otherwise."""

    @property
    def rate_remaining(self) -> int | None:
        """Return how many requests the server still allows; None where it sets no such limit, or no answer had it yet."""

    @property
    def public_name(self) -> str | None:
        """Return the name ``owner/name`` of a repository on GitHub that anybody may read.

        None for any other repository, and while it is not known to be public: no request is made to find out.
        """
