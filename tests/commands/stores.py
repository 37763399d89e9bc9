"""Stores that are as bad as a git server may be, or count their requests as GitHub's API does."""

from git_keyval.format.names import RefName
from git_keyval.store.port import Capabilities, Depth, Selection, Snapshot
from tests.around import StoreAround
from tests.replacing import replace


class TornReads(StoreAround):
    """Reads one selection after the other, each in a request of its own: between two of them anything may happen."""

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        seen = Snapshot({})
        asked: set[RefName] = set()
        for selection in selections:
            seen = seen.followed_by(self._store.read(selection, depth=depth), asked & set(selection.names))
            asked |= set(selection.names)
        return seen


class WithoutPrefixes(StoreAround):
    """Takes a request more for a prefix that is no folder, and says so."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(self._store.capabilities, reads_prefixes=False)
