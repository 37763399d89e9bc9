"""What is sent of a tree: all its entries or, if these are many, what differs from a tree that the repository has. Pure.

``base_tree`` names the tree that the entries are put into, and ``sha: null`` takes one out of it
(https://docs.github.com/rest/git/trees#create-a-tree).
"""

import re
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from git_keyval.errors import MalformedRecordError
from git_keyval.format.elements import read_record_tree
from git_keyval.format.objects import FILE_MODE, FOLDER_MODE, GitObject, Oid, tree
from git_keyval.store.github.answers import Json

_INLINE_CHARACTERS = 512 * 1024
"""How much of one text a tree may carry; GitHub gives up on trees of a few megabytes, and of a few hundred texts."""
_MAX_CHARACTERS = 2 * _INLINE_CHARACTERS
_MAX_ENTRIES = 100

_WHOLE_ENTRIES = 16
"""A tree of no more entries is sent as a whole, and is no base for others."""
_SHORTEST_ENTRY = len(b"100644 a\0") + 20
_KEPT_BASES = 8
_NAME = re.compile("[A-Za-z0-9_%-][A-Za-z0-9._%-]*")
"""The names that entries of a base may have: those that this format gives to elements, so that GitHub takes them in a removal."""


@dataclass(frozen=True, slots=True)
class _Base:
    """A tree that the repository has, with all that it names."""

    files: Mapping[str, Oid]
    oids: frozenset[Oid]


class Bases:
    """The large trees that were read or stored last, on which others can be based."""

    def __init__(self) -> None:
        self._bases: dict[Oid, _Base] = {}

    def add(self, objects: Iterable[GitObject]) -> None:
        """Learn that the repository has these objects, of which the large trees of plain files are kept."""
        for obj in objects:
            if obj.kind != "tree" or len(obj.data) < _WHOLE_ENTRIES * _SHORTEST_ENTRY:
                continue
            try:
                files = read_record_tree(obj).files
            except MalformedRecordError:
                continue
            if len(files) > _WHOLE_ENTRIES and all(map(_NAME.fullmatch, files)):
                self._bases.pop(obj.oid, None)
                self._bases[obj.oid] = _Base(files, frozenset({obj.oid, *files.values()}))
        for oldest in list(self._bases)[:-_KEPT_BASES]:
            del self._bases[oldest]

    def hold(self, oid: Oid) -> bool:
        """Return whether the object is one of these trees, or in one of them."""
        return any(oid in base.oids for base in self._bases.values())

    def nearest(self, files: Mapping[str, Oid]) -> tuple[Oid | None, Mapping[str, Oid]]:
        """Return the tree that differs the least from these files, and its own; none where basing on it takes no fewer entries."""
        if len(files) <= _WHOLE_ENTRIES:
            return None, {}
        differences = {
            oid: len(files.items() - base.files.items()) + len(base.files.keys() - files.keys())
            for oid, base in self._bases.items()
        }
        best = min(differences, key=differences.__getitem__, default=None)
        return (None, {}) if best is None or differences[best] >= len(files) else (best, self._bases[best].files)


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
