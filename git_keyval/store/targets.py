"""What listed refs point at, where a ref may have moved since it was listed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.store.closure import incomplete
from git_keyval.store.port import Depth, Selection, Snapshot, Store

_T = TypeVar("_T")


def read_targets(store: Store, refs: Mapping[RefName, Oid], depth: Depth = Depth.MESSAGES) -> Snapshot:
    """Return these refs with what they point at.

    A ref whose objects cannot all be fetched is read again, and is in the answer as it is then, or not at all if it is
    gone. So an object that the answer lacks is lost; its ref has not only moved.
    """
    objects = store.objects(set(refs.values()), depth)
    lacking = incomplete(refs, objects, depth)
    if not lacking:
        return Snapshot(refs, objects)
    again = store.read(Selection(tuple(lacking)), depth=depth)
    kept = {name: oid for name, oid in refs.items() if name not in lacking}
    return Snapshot({**kept, **again.refs}, {**objects, **again.objects})


def divided(items: Iterable[tuple[_T, int]], most: int) -> Iterator[list[_T]]:
    """Divide items, each with how many blobs are still to be read of it, into what is read together.

    That is at most so many blobs, unless a single item has more.
    """
    group: list[_T] = []
    blobs = 0
    for item, count in items:
        if group and blobs + count > most:
            yield group
            group, blobs = [], 0
        group.append(item)
        blobs += count
    if group:
        yield group
