"""Listing many refs, and telling meanwhile how many there were."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.progress import Progress
from git_keyval.store.port import Store

TOLD_EVERY = 50_000
"""After how many refs of a listing its progress is told."""


def quiet(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def list_refs(store: Store, prefixes: Sequence[str], what: str, progress: Progress) -> Iterator[tuple[RefName, Oid]]:
    """Stream all refs below the prefixes, and tell every 50,000 how many there were: how many there will be is unknown."""
    # Chained slices instead of a loop of our own: nothing here is run once for each of a million refs.
    return chain.from_iterable(_slices(store.list(prefixes), what, progress))


def _slices(refs: Iterator[tuple[RefName, Oid]], what: str, progress: Progress) -> Iterator[Iterator[tuple[RefName, Oid]]]:
    done = 0
    for first in refs:
        if done:
            progress(what, done, 0)
        yield chain((first,), islice(refs, TOLD_EVERY - 1))
        done += TOLD_EVERY
