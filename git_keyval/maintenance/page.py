"""page: what a database holds and what is wrong in it, of one listing. Values are read, to know their sizes, and not kept."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from git_keyval.database.listing import list_refs
from git_keyval.format.names import LITERAL_GC_PREFIX, KeyId, RefName
from git_keyval.format.objects import Oid
from git_keyval.light_dataclasses import replace
from git_keyval.maintenance.check import check
from git_keyval.maintenance.info import Inventory, read_entries, report_of
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.maintenance.report import PageReport
from git_keyval.store.port import Store

_LISTED = ("refs/heads/", "refs/tags/", LITERAL_GC_PREFIX)


class _ListedOnce:
    """A store whose refs were listed before: what lists them again finds the same."""

    def __init__(self, store: Store, refs: Sequence[tuple[RefName, Oid]]) -> None:
        self._store, self._refs = store, refs

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        if not all(prefix.startswith(_LISTED) for prefix in prefixes):
            return self._store.list(prefixes)
        return ((name, oid) for name, oid in self._refs if name.startswith(tuple(prefixes)))

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def read_page(work: Maintenance, names: Mapping[KeyId, str]) -> PageReport:
    """Read everything that a page shows of a repository; ``names`` are those of keys whose names are not stored."""
    database = work.database
    now = database.store.now(ask=True)
    store = _ListedOnce(database.store, list(list_refs(database, _LISTED, "page: listing")))
    work = replace(work, database=replace(database, store=cast("Store", store)))
    inventory = Inventory(now)
    entries = list(read_entries(work, inventory, names))
    return PageReport(report_of(work, inventory), check(work), entries)
