"""info: what there is, how large it is, when it ends, what waits, and how much room is left. It reads all, and changes nothing."""

from collections import Counter as Tally
from collections.abc import Iterator, Mapping

from git_keyval.database.entries import Entry, State, entries, sized
from git_keyval.database.listing import list_refs
from git_keyval.database.ref_table import RefTable
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import LITERAL_GC_PREFIX, OUR_TAGS_PREFIX, BreadcrumbRef, GcRef, KeyId, RefName, parse
from git_keyval.format.objects import Oid
from git_keyval.format.registry import DAY
from git_keyval.format.times import SECOND, Micros, iso_utc
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.maintenance.report import InfoReport
from git_keyval.store.port import Depth

HORIZON = {"within a day": DAY, "within a week": 7 * DAY, "within a month": 30 * DAY, "within a year": 365 * DAY}
LATER, NEVER = "later", "never"

_BRANCHES = "refs/heads/"
_PREFIXES = (_BRANCHES, OUR_TAGS_PREFIX, LITERAL_GC_PREFIX)


@dataclass(slots=True)
class Inventory:
    """What there is, counted while it is read."""

    now: Micros
    branches: int = 0
    parked: int = 0
    breadcrumbs: int = 0
    keys: Tally[State] = field(default_factory=Tally)
    named: int = 0
    elements: int = 0
    unreadable: int = 0
    types: Tally[str] = field(default_factory=Tally)
    bytes: Tally[str] = field(default_factory=Tally)
    largest: int = 0
    expiries: dict[str, int] = field(default_factory=lambda: dict.fromkeys([*HORIZON, LATER, NEVER], 0))

    def passing(self, refs: Iterator[tuple[RefName, Oid]]) -> Iterator[tuple[RefName, Oid]]:
        """Yield the refs of a listing, and count what is no key among them."""
        for name, oid in refs:
            if name.startswith(_BRANCHES):
                self.branches += 1
            elif oid != NULL_COMMIT.oid and isinstance(parse(name), BreadcrumbRef):
                self.breadcrumbs += 1  # on the null commit there is none that is added
            if "/gc/" in name and isinstance(parse(name), GcRef):
                self.parked += 1
            yield name, oid

    def living(self, found: Iterator[Entry]) -> Iterator[Entry]:
        """Yield the entries of keys that live, and count the others."""
        for entry in found:
            self.keys[entry.state] += 1
            if entry.state is State.LIVE:
                yield entry
            else:
                self.unreadable += bool(entry.problem)

    def count(self, entry: Entry) -> None:
        """Count a key that lives, of which all was read."""
        self.named += entry.name is not None
        self.types[entry.type] += 1
        self.elements += entry.elements or 0
        self.bytes[entry.type] += entry.size or 0
        self.largest = max(self.largest, entry.size or 0)
        self.unreadable += bool(entry.problem)
        self.expiries[horizon_of(entry, self.now)] += 1


def horizon_of(entry: Entry, now: Micros) -> str:
    """Return in which part of the time to come a key ends."""
    if entry.expiry is None:
        return NEVER
    left = entry.expiry * SECOND - now
    return next((label for label, most in HORIZON.items() if left <= most * SECOND), LATER)


def read_entries(work: Maintenance, inventory: Inventory, names: Mapping[KeyId, str] | None = None) -> Iterator[Entry]:
    """Yield an entry for each key that lives, with its size, and count everything on the way.

    ``names`` are those of keys whose names are not stored.
    """
    refs = inventory.passing(list_refs(work.database, _PREFIXES, "info: listing"))
    found = entries(work.database, RefTable(refs), inventory.now, depth=Depth.TREES, names=names)
    for entry in sized(work.database, inventory.living(found)):
        inventory.count(entry)
        yield entry


def info(work: Maintenance) -> InfoReport:
    """Read all keys, and report what there is."""
    inventory = Inventory(work.database.store.now(ask=True))
    for _ in read_entries(work, inventory):
        pass
    return report_of(work, inventory)


def report_of(work: Maintenance, inventory: Inventory) -> InfoReport:
    """Return the report of what was counted."""
    store = work.database.store
    return InfoReport(
        started_at=iso_utc(inventory.now // SECOND),
        seconds=work.elapsed(),
        requests=store.requests,
        keys=inventory.keys[State.LIVE],
        named=inventory.named,
        elements=inventory.elements,
        types=_by_number(inventory.types),
        bytes={name: size for name, size in _by_number(inventory.bytes).items() if size},
        largest=inventory.largest,
        expiries=inventory.expiries,
        waiting={"breadcrumbs": inventory.breadcrumbs, "expired": inventory.keys[State.EXPIRED], "parked": inventory.parked},
        unreadable=inventory.unreadable,
        branches=inventory.branches,
        rate_remaining=store.rate_remaining,
    )


def _by_number(counts: Tally[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
