"""What is sent of a tree: all its entries or, if these are many, what differs from a tree that the repository has. Pure.

``base_tree`` names the tree that the entries are put into, and ``sha: null`` takes one out of it. The path of an entry may lead
into a subtree, which then is made with the tree around it (https://docs.github.com/rest/git/trees#create-a-tree).
"""

import re
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from git_keyval.errors import MalformedRecordError
from git_keyval.format.elements import read_record_tree
from git_keyval.format.objects import FILE_MODE, FOLDER_MODE, Entries, GitObject, Oid, tree
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.store.github.answers import Json

_INLINE_CHARACTERS = 512 * 1024
"""How much of one text a tree may carry; GitHub gives up on trees of a few megabytes, and of a few hundred texts."""
_MAX_CHARACTERS = 2 * _INLINE_CHARACTERS
_MAX_ENTRIES = 100

_WHOLE_ENTRIES = 16
"""A tree of no more entries is sent as a whole, and is no base for others."""
_SHORTEST_ENTRY = len(b"100644 a\0") + 20
_FOLDER = b"%o " % FOLDER_MODE
_KEPT_BASES = 8
_NAME = re.compile("[A-Za-z0-9_%-][A-Za-z0-9._%-]*")
"""The names that entries of a base may have: those that this format gives to elements, so that GitHub takes them in a removal."""


@dataclass(frozen=True, slots=True)
class _Base:
    """A tree that the repository has, with all that it names; ``around`` is a tree that has it as its subtree, if one is known."""

    files: Mapping[str, Oid]
    oids: frozenset[Oid]
    around: GitObject | None = None


class Bases:
    """The large trees that were read or stored last, on which others can be based."""

    def __init__(self) -> None:
        self._bases: dict[Oid, _Base] = {}

    def add(self, objects: Iterable[GitObject]) -> None:
        """Learn that the repository has these objects, of which the large trees of plain files are kept."""
        trees = [(obj, entries) for obj in objects if obj.kind == "tree" and (entries := _entries(obj)) is not None]
        for obj, entries in trees:
            if len(entries.files) > _WHOLE_ENTRIES and all(map(_NAME.fullmatch, entries.files)):
                self._bases.pop(obj.oid, None)
                self._bases[obj.oid] = _Base(entries.files, frozenset({obj.oid, *entries.files.values()}))
        for oldest in list(self._bases)[:-_KEPT_BASES]:
            del self._bases[oldest]
        for obj, entries in trees:
            for oid in entries.folders.values():
                if oid in self._bases:
                    self._bases[oid] = replace(self._bases[oid], around=obj)

    def hold(self, oid: Oid) -> bool:
        """Return whether the object is one of these trees, or in one of them."""
        return any(oid in base.oids for base in self._bases.values())

    def nearest(self, files: Mapping[str, Oid], *, nested: bool = False) -> tuple[Oid | None, Mapping[str, Oid]]:
        """Return the tree that differs the least from these files, and its own; none where basing on it takes no fewer entries.

        If they are ``nested``, it is the tree around that one.
        """
        if len(files) <= _WHOLE_ENTRIES:
            return None, {}
        differences = {
            oid: len(files.items() - base.files.items()) + len(base.files.keys() - files.keys())
            for oid, base in self._bases.items()
            if base.around is not None or not nested
        }
        best = min(differences, key=differences.__getitem__, default=None)
        if best is None or differences[best] >= len(files):
            return None, {}
        base = self._bases[best]
        return (base.around.oid if nested and base.around is not None else best), base.files


def _entries(obj: GitObject) -> Entries | None:
    """Return the entries of a tree of this format if it is a large one, or has a folder."""
    if len(obj.data) < _WHOLE_ENTRIES * _SHORTEST_ENTRY and _FOLDER not in obj.data:
        return None
    try:
        return read_record_tree(obj)
    except MalformedRecordError:
        return None


def nested_body(target: GitObject, below: GitObject, texts: Mapping[Oid, str], bases: Bases) -> dict[str, Json] | None:
    """Return what to POST for a tree of this format together with its subtree; None if one request does not take that."""
    entries, files = read_record_tree(target), read_record_tree(below).files
    ((folder, _oid),) = entries.folders.items()
    base, base_files = bases.nearest(files, nested=True)
    new = [(f"{folder}/{name}", oid) for name, oid in files.items() if base_files.get(name) != oid]
    edits = [_entry(path, FILE_MODE, oid, texts.get(oid)) for path, oid in (*new, *entries.files.items())]
    edits += [_entry(f"{folder}/{name}", FILE_MODE, None) for name in sorted(base_files.keys() - files.keys())]
    if len(list(islice(_portions(edits), 2))) > 1:
        return None
    return {"tree": edits} if base is None else {"tree": edits, "base_tree": base}


def tree_bodies(target: GitObject, texts: Mapping[Oid, str], bases: Bases) -> Iterator[tuple[dict[str, Json], Oid]]:
    """Yield what to POST for a tree of this format with these texts inline: bodies, each with the oid that its answer must repeat.

    Each builds on the one before.
    """
    entries = read_record_tree(target)
    base, base_files = bases.nearest(entries.files)
    edits = [_entry(name, FILE_MODE, oid, texts.get(oid)) for name, oid in entries.files.items() if base_files.get(name) != oid]
    edits += [_entry(name, FOLDER_MODE, oid) for name, oid in entries.folders.items()]
    # GitHub makes no empty tree, so enough entries of the base are kept that no tree on the way is empty.
    edits += [_entry(name, FILE_MODE, None) for name in sorted(base_files.keys() - entries.files.keys())]
    files, portions = dict(base_files), list(_portions(edits))
    for number, portion in enumerate(portions, 1):
        body: dict[str, Json] = {"tree": portion} if base is None else {"tree": portion, "base_tree": base}
        if number == len(portions):
            base = target.oid
        else:
            names = {entry["path"] for entry in portion}
            files = {name: oid for name, oid in files.items() if name not in names}
            files |= {name: oid for name, oid in entries.files.items() if name in names}
            base = tree(files.items()).oid
        yield body, base


def inlined(trees: Iterable[GitObject], texts: Mapping[Oid, str]) -> dict[Oid, str]:
    """Return the texts that the trees name and can all carry, in each of their files."""
    small, large = set[Oid](), set[Oid]()
    for obj in trees:
        for oid, count in Tally(read_record_tree(obj).files.values()).items():
            if oid in texts:
                (small if len(texts[oid]) * count <= _INLINE_CHARACTERS else large).add(oid)
    return {oid: texts[oid] for oid in small - large}


def _entry(name: str, mode: int, oid: Oid | None, text: str | None = None) -> dict[str, Json]:
    """Return what a tree should have at a name; without an oid, nothing."""
    what = {"sha": oid} if text is None else {"content": text}
    return {"path": name, "mode": f"{mode:06o}", "type": "blob" if mode == FILE_MODE else "tree", **what}


def _portions(entries: Iterable[dict[str, Json]]) -> Iterator[list[dict[str, Json]]]:
    portion: list[dict[str, Json]] = []
    characters = 0
    for entry in entries:
        length = len(entry.get("content", ""))
        if portion and (len(portion) == _MAX_ENTRIES or characters + length > _MAX_CHARACTERS):
            yield portion
            portion, characters = [], 0
        portion.append(entry)
        characters += length
    if portion:
        yield portion
