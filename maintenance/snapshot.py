"""Reading many refs by name, in one listing however many there are."""

from collections.abc import Collection, Mapping

from git_keyval.format.names import KEYS_PREFIX, RefName
from git_keyval.format.objects import Oid
from git_keyval.store.port import Depth, Selection, Store

_BY_NAME = 2_000
"""Beyond this many names, listing all keys is cheaper for the server than looking each one up."""


def read_refs(store: Store, names: Collection[RefName]) -> Mapping[RefName, Oid]:
    """Give those of these refs (all of keys) that exist."""
    if len(names) <= _BY_NAME:
        return store.read(Selection(tuple(names)), depth=Depth.OIDS).refs if names else {}
    wanted = frozenset(names)
    return {name: oid for name, oid in store.list([KEYS_PREFIX]) if name in wanted}
