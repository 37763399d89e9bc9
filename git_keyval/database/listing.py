"""Listing many refs, and showing meanwhile how many there were; reading many by name."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, islice

from git_keyval.database.database import Database
from git_keyval.format.names import KEYS_PREFIX, RefName
from git_keyval.format.objects import Oid
from git_keyval.progress import Progress
from git_keyval.store.port import Depth, Selection

TOLD_EVERY = 50_000
"""After how many refs of a listing its progress is shown."""

_BY_NAME = 2_000
"""Beyond this many names, listing all keys is cheaper for the server than looking each one up."""


def list_refs(database: Database, prefixes: Sequence[str], what: str) -> Iterator[tuple[RefName, Oid]]:
    """Stream all refs below the prefixes, and show every 50,000 how many there were: how many there will be is unknown."""
    # Chained slices instead of a loop of our own: nothing here is run once for each of a million refs.
    return chain.from_iterable(_slices(database.store.list(prefixes), what, database.progress))


def _slices(refs: Iterator[tuple[RefName, Oid]], what: str, progress: Progress) -> Iterator[Iterator[tuple[RefName, Oid]]]:
    done = 0
    for first in refs:
        if done:
            progress(what, done, 0)
        yield chain((first,), islice(refs, TOLD_EVERY - 1))
        done += TOLD_EVERY


def read_refs(database: Database, names: Collection[RefName], what: str) -> Mapping[RefName, Oid]:
    """Return those of these refs (all of keys) that exist; ``what`` is how progress calls a listing, if there is one."""
    if len(names) <= _BY_NAME:
        return database.store.read(Selection(tuple(names)), depth=Depth.OIDS).refs if names else {}
    wanted = frozenset(names)
    return {name: oid for name, oid in list_refs(database, [KEYS_PREFIX], what) if name in wanted}
