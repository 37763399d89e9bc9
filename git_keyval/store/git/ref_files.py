"""Refs of a repository of this machine, read where git keeps them: a file for each, and the file packed-refs for the others.

So a ref costs the same however many there are: a file is opened by its name, and packed-refs is sorted. Git itself opens all files
of a directory to list a few of them, and all there are before a push. To list all refs, git maps packed-refs, which of a million
keys has 200 MB; here a piece of it is in memory at a time. What is not plainly as https://git-scm.com/docs/gitrepository-layout
has it is left to git: a symbolic ref, a damaged one, an unsorted list.
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from heapq import merge
from itertools import islice
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid

# Below these all worktrees have the same refs. A name that git would not take is none of these.
_SHARED = "refs/(?:heads|tags|gc)"
_PART = r"/(?!\.)[^/\0]+(?<!\.lock)"
_NAME = re.compile(rf"{_SHARED}(?:{_PART})+")
_PREFIX = re.compile(rf"{_SHARED}(?:{_PART})+/[^/\0]*")
"""Below some directory of heads or tags: all heads are too many to be opened one after the other."""
_WIDE_PREFIX = re.compile(rf"{_SHARED}/[^\0]*")

_FILE = re.compile(rb"([0-9a-f]{40})(?:\s|\Z)")
_LINES = re.compile(r"^([0-9a-f]{40}) ([^\n]+)$", re.MULTILINE)
_NEXT_LINE = re.compile(rb"\n[0-9a-f]{40} ([^\n]+)\n")
_HEADER = b"# pack-refs with:"
_PEELED = "^"
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LONGEST_FILE = 256
_BLOCK, _LONGEST_BLOCK = 8192, 256 * 1024
"""Several lines: the longest path has half of that. Where many are read, they are read in longer blocks."""
_SOUGHT = 3
"""How many blocks cost as much to read as one ref does to be sought."""
_MANY_FILES = 10_000
"""What has more files of refs than this is left to git when it is listed: all of them would be in memory."""


class NotPlainError(Exception):
    """Something is not as this module knows it: git has to be asked."""


def is_narrow(names: Iterable[str], prefixes: Iterable[str]) -> bool:
    """Return whether these refs, and those below these prefixes, are few and can be read here."""
    return all(map(_NAME.fullmatch, names)) and all(map(_PREFIX.fullmatch, prefixes))


def read_refs(directory: Path, names: Sequence[RefName], prefixes: Sequence[str]) -> dict[RefName, Oid]:
    """Return those of these refs that exist, and those below these prefixes. Raises NotPlainError.

    The file of a ref comes first: git removes it only once the ref is in packed-refs, or is no more in there if it is deleted.
    """
    found = dict(_files(directory, dict.fromkeys([*names, *_files_below(directory, prefixes)])))
    with _packed_refs(directory / "packed-refs") as packed:
        if packed is not None:
            found |= packed.read([name for name in names if name not in found])
            for prefix in prefixes:
                found = {**dict(packed.below(prefix)), **found}
    return found


def can_list(prefixes: Iterable[str]) -> bool:
    """Return whether the refs below these prefixes can be listed here, however many there are."""
    return all(map(_WIDE_PREFIX.fullmatch, prefixes))


def list_refs(directory: Path, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
    """Yield the refs below these prefixes by name, each once. Raises NotPlainError, which may be after some of them."""
    for prefix in sorted(set(prefixes)):
        if not prefix.startswith(tuple(other for other in prefixes if other != prefix)):
            yield from _list_below(directory, prefix)


def _list_below(directory: Path, prefix: str) -> Iterator[tuple[RefName, Oid]]:
    names = list(islice(_files_below(directory, [prefix]), _MANY_FILES + 1))
    if len(names) > _MANY_FILES:
        raise NotPlainError
    files = dict(_files(directory, names))
    with _packed_refs(directory / "packed-refs") as packed:
        refs = iter(()) if packed is None else packed.below(prefix)
        # Most often there are no files among a million refs, and then these need not be compared with any.
        yield from merge(sorted(files.items()), (ref for ref in refs if ref[0] not in files)) if files else refs


def _files(directory: Path, names: Iterable[RefName]) -> Iterator[tuple[RefName, Oid]]:
    for name in names:
        with _opened(directory / name) as number:
            if number is not None:
                yield name, _oid_in(os.read(number, _LONGEST_FILE))


def _oid_in(content: bytes) -> Oid:
    if (found := _FILE.match(content)) is None:
        raise NotPlainError
    return Oid(found[1].decode())


def _files_below(directory: Path, prefixes: Iterable[str]) -> Iterator[RefName]:
    for prefix in prefixes:
        folder, _, beginning = prefix.rpartition("/")
        yield from _files_in(directory, folder, beginning)


def _files_in(directory: Path, folder: str, beginning: str = "") -> Iterator[RefName]:
    for entry in _entries(directory / folder):
        if not _is_text(entry.name):
            raise NotPlainError
        name = f"{folder}/{entry.name}"
        if entry.name.startswith(beginning) and _NAME.fullmatch(name):
            if entry.is_dir(follow_symlinks=False):
                yield from _files_in(directory, name)
            else:
                yield RefName(name)


def _is_text(name: str) -> bool:
    """Return whether the name of a file is text: of any other bytes Python makes half characters, which no ref name here has."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as exc:
        raise NotPlainError from exc


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """Open a file; None if there is none, or a directory in its place. Raises NotPlainError for a link, or a device."""
    try:
        number = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    except OSError as exc:
        raise NotPlainError from exc
    try:
        mode = os.fstat(number).st_mode
        if not (S_ISREG(mode) or S_ISDIR(mode)):
            raise NotPlainError
        yield number if S_ISREG(mode) else None
    finally:
        os.close(number)


@contextmanager
def _packed_refs(path: Path) -> Iterator["_PackedRefs | None"]:
    """Open the file as it is now: it is never written, but replaced. None if there is none. Raises NotPlainError."""
    with _opened(path) as number:
        yield None if number is None or not os.fstat(number).st_size else _PackedRefs(number)


class _PackedRefs:
    """The file packed-refs: a line for each ref, sorted by name, and perhaps another one for what it peels to."""

    def __init__(self, number: int) -> None:
        """Read the header. Raises NotPlainError where it does not say that the lines are sorted."""
        header = os.pread(number, _BLOCK, 0).partition(b"\n")[0]
        if not header.startswith(_HEADER) or b"sorted" not in header.split():
            raise NotPlainError
        self._number = number
        self._start, self._size = len(header) + 1, os.fstat(number).st_size

    def read(self, names: Collection[RefName]) -> dict[RefName, Oid]:
        """Return those of these refs that are in it: each is sought, unless they are so many that all may as well be read."""
        if len(names) * _SOUGHT > self._size // _BLOCK:
            wanted = frozenset(names)
            return {name: oid for name, oid in self.below("") if name in wanted}
        found = (next(self.below(name), None) for name in names)
        return {ref[0]: ref[1] for name, ref in zip(names, found, strict=True) if ref is not None and ref[0] == name}

    def below(self, prefix: str) -> Iterator[tuple[RefName, Oid]]:
        """Yield the refs whose names begin so, by name."""
        for text in self._texts(self._before(prefix.encode())):
            refs = _LINES.findall(text)
            if len(refs) + text.count(f"\n{_PEELED}") + text.startswith(_PEELED) != text.count("\n"):
                raise NotPlainError
            for oid, name in refs:
                if name.startswith(prefix):
                    yield RefName(name), Oid(oid)
                elif name > prefix:
                    return

    def _before(self, name: bytes) -> int:
        """Return where a line begins that is not far before the first one whose ref has this name, or a later one."""
        low, high = self._start, self._size
        while high - low > _BLOCK:
            middle = (low + high) // 2
            line = _NEXT_LINE.search(os.pread(self._number, _BLOCK, middle))
            if line is None or middle + line.start() + 1 >= high:
                break
            if line[1] < name:
                low = middle + line.start() + 1
            else:
                high = middle + line.start() + 1
        return low

    def _texts(self, start: int) -> Iterator[str]:
        """Yield whole lines from there on, a few at first."""
        rest, size = b"", _BLOCK
        while block := os.pread(self._number, size, start):
            start += len(block)
            lines, end, rest = (rest + block).rpartition(b"\n")
            yield (lines + end).decode("utf-8", "backslashreplace")
            size = min(size * 2, _LONGEST_BLOCK)
        if rest:
            raise NotPlainError
