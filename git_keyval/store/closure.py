"""What an object needs: the trees and blobs of commits, from a mapping of objects."""

from collections.abc import Iterable, Mapping

from git_keyval.errors import MalformedRecordError
from git_keyval.format.objects import GitObject, Oid, read_commit, read_tree
from git_keyval.store.port import Depth


def closure(oids: Iterable[Oid], objects: Mapping[Oid, GitObject], depth: Depth) -> dict[Oid, GitObject]:
    """Give those of the objects that a read of these oids to this depth brings; what the mapping lacks is left out."""
    found: dict[Oid, GitObject] = {}
    if depth is Depth.OIDS:
        return found
    waiting = list(oids)
    while waiting:
        oid = waiting.pop()
        if oid in found or oid not in objects:
            continue
        found[oid] = objects[oid]
        if depth is Depth.VALUES:
            waiting += needs(objects[oid])
    return found


def missing(oids: Iterable[Oid], objects: Mapping[Oid, GitObject], depth: Depth) -> set[Oid]:
    """Give what the mapping lacks for a read of these oids to this depth, as far as it tells what they need."""
    waiting, lacking, seen = list(oids), set[Oid](), set[Oid]()
    while waiting:
        oid = waiting.pop()
        if oid in seen:
            continue
        seen.add(oid)
        if oid not in objects:
            lacking.add(oid)
        elif depth is Depth.VALUES:
            waiting += needs(objects[oid])
    return lacking


def needs(obj: GitObject) -> list[Oid]:
    """Give the oids that an object of this format names; none for a blob, or for an object that this format does not write."""
    try:
        if obj.kind == "commit":
            return [read_commit(obj)[0]]
        if obj.kind == "tree":
            return list(read_tree(obj).values())
    except MalformedRecordError:
        # A foreign object is reported by whoever decodes it; here it simply brings nothing along.
        return []
    return []
