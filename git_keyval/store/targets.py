"""What listed refs point at, where a ref may have moved since it was listed."""

from collections.abc import Mapping

from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.store.closure import incomplete
from git_keyval.store.port import Depth, Selection, Snapshot, Store


def read_targets(store: Store, refs: Mapping[RefName, Oid], depth: Depth = Depth.MESSAGES) -> Snapshot:
    """Return these refs with what they point at.

    Those of which something is not to be had are read again, and are in the answer as they are then, or not at all if they are
    gone. So what the answer lacks is lost; it is not only that the ref has moved.
    """
    objects = store.objects(set(refs.values()), depth)
    lacking = incomplete(refs, objects, depth)
    if not lacking:
        return Snapshot(refs, objects)
    again = store.read(Selection(tuple(lacking)), depth=depth)
    kept = {name: oid for name, oid in refs.items() if name not in lacking}
    return Snapshot({**kept, **again.refs}, {**objects, **again.objects})
