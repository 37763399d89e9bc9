"""What an object needs: the trees and blobs of commits, from a mapping of objects."""

from collections.abc import Iterable, Mapping

from git_keyval.format.elements import read_record_tree
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid, read_commit
from git_keyval.store.port import Depth


def closure(oids: Iterable[Oid], objects: Mapping[Oid, GitObject], depth: Depth) -> dict[Oid, GitObject]:
    """Return the objects that a read of these oids to this depth brings, without those that the mapping lacks."""
    found: dict[Oid, GitObject] = {}
    if depth is Depth.OIDS:
        return found
    waiting = list(oids)
    while waiting:
        oid = waiting.pop()
        if oid in found or oid not in objects:
            continue
        found[oid] = objects[oid]
        waiting += needs(objects[oid], depth)
    return found


def missing(oids: Iterable[Oid], objects: Mapping[Oid, GitObject], depth: Depth) -> set[Oid]:
    """Return what the mapping lacks for a read of these oids to this depth, as far as its objects say what they need."""
    waiting, lacking, seen = list(oids), set[Oid](), set[Oid]()
    while waiting:
        oid = waiting.pop()
        if oid in seen:
            continue
        seen.add(oid)
        if oid not in objects:
            lacking.add(oid)
        else:
            waiting += needs(objects[oid], depth)
    return lacking


def incomplete(refs: Mapping[RefName, Oid], objects: Mapping[Oid, GitObject], depth: Depth) -> dict[RefName, Oid]:
    """Return the refs for which the objects lack something that a read to this depth brings."""
    if depth is Depth.OIDS or not missing(refs.values(), objects, depth):
        return {}
    return {name: oid for name, oid in refs.items() if missing([oid], objects, depth)}


def needs(obj: GitObject, depth: Depth) -> list[Oid]:
    """Return the oids that an object names and a read to this depth brings; none for an object that this format does not write."""
    if depth < Depth.TREES:
        return []
    try:
        if obj.kind == "commit":
            return [read_commit(obj)[0]]
        if obj.kind == "tree":
            entries = read_record_tree(obj)
            return [*entries.folders.values(), *(entries.files.values() if depth is Depth.VALUES else ())]
    except Exception:  # noqa: BLE001  # a defect of ours would keep all that is read with it from being read
        # The code that decodes a foreign object reports it; here it brings nothing along.
        return []
    return []
