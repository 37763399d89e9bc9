"""What an object needs: the trees and blobs of commits, from a mapping of objects."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache

from git_keyval.format.elements import read_record_tree
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid, read_commit
from git_keyval.store.port import Depth

_NAMING = {"commit", "tree"}
_SMALL = 1_000
"""How many bytes an object has, at the most, for which it is remembered what it names."""


def closure(oids: Iterable[Oid], objects: Mapping[Oid, GitObject], depth: Depth) -> dict[Oid, GitObject]:
    """Return the objects that a read of these oids to this depth brings, without those that the mapping lacks."""
    return {oid: objects[oid] for oid in _reached(oids, objects, depth) if oid in objects}


def missing(oids: Iterable[Oid], objects: Mapping[Oid, GitObject], depth: Depth) -> set[Oid]:
    """Return what the mapping lacks for a read of these oids to this depth, as far as its objects say what they need."""
    return {oid for oid in _reached(oids, objects, depth) if oid not in objects}


def incomplete(refs: Mapping[RefName, Oid], objects: Mapping[Oid, GitObject], depth: Depth) -> dict[RefName, Oid]:
    """Return the refs for which the objects lack something that a read to this depth brings."""
    if not missing(refs.values(), objects, depth):
        return {}
    return {name: oid for name, oid in refs.items() if missing([oid], objects, depth)}


def needs(obj: GitObject, depth: Depth) -> Sequence[Oid]:
    """Return the oids that an object names and a read to this depth brings; none for an object that this format does not write."""
    if depth < Depth.TREES or obj.kind not in _NAMING:
        return ()
    # A defect of ours would keep all that is read with it from being read. The code that decodes a foreign object reports it.
    with suppress(Exception):
        return _named_by_small(obj, depth) if len(obj.data) <= _SMALL else _named_by(obj, depth)
    return ()


def _named_by(obj: GitObject, depth: Depth) -> Sequence[Oid]:
    if obj.kind == "commit":
        return (read_commit(obj)[0],)
    entries = read_record_tree(obj)
    return (*entries.folders.values(), *(entries.files.values() if depth is Depth.VALUES else ()))


# Each step of a read asks once more whether anything is missing.
_named_by_small = lru_cache(8_192)(_named_by)


def _reached(oids: Iterable[Oid], objects: Mapping[Oid, GitObject], depth: Depth) -> Iterator[Oid]:
    """Yield these oids and those of all that they need to this depth, each once; nothing where the depth is their oids."""
    waiting, seen = [] if depth is Depth.OIDS else list(oids), set[Oid]()
    while waiting:
        oid = waiting.pop()
        if oid in seen:
            continue
        seen.add(oid)
        yield oid
        if oid in objects:
            waiting += needs(objects[oid], depth)
