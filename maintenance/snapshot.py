"""Reading many refs by name, in one listing however many there are."""

from collections.abc import Collection, Mapping

from git_keyval.format.names import KEYS_PREFIX, RefName
from git_keyval.format.objects import Oid
from git_keyval.progress import Progress
from git_keyval.store.port import Depth, Selection, Store
from maintenance.listing import list_refs

_BY_NAME = 2_000
"""Beyond this many names, listing all keys is cheaper for the server than looking each one up."""


def read_refs(store: Store, names: Collection[RefName], what: str, progress: Progress) -> Mapping[RefName, Oid]:
    """Give those of these refs (all of keys) that exist; ``what`` is how progress calls a listing, if there is one."""
    if len(names) <= _BY_NAME:
        return store.read(Selection(tuple(names)), depth=Depth.OIDS).refs if names else {}
    wanted = frozenset(names)
    return {name: oid for name, oid in list_refs(store, [KEYS_PREFIX], what, progress) if name in wanted}
