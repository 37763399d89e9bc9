"""Refs of a repository of this machine, read where git keeps them: a file for each, and the file packed-refs for the others.

So a ref costs the same however many there are: a file is opened by its name, and packed-refs is sorted. Git itself opens all files
of a directory to list a few of them, and all there are before a push. What is not plainly as
https://git-scm.com/docs/gitrepository-layout has it is left to git: a symbolic ref, a damaged one, an unsorted list.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid

# Below heads and tags all worktrees have the same refs. A name that git would not take is none of these.
_PART = r"/(?!\.)[^/\0]+(?<!\.lock)"
_NAME = re.compile(rf"refs/(?:heads|tags)(?:{_PART})+")
_PREFIX = re.compile(rf"refs/(?:heads|tags)(?:{_PART})+/[^/\0]*")
"""Below some directory of heads or tags: all heads are too many to be opened one after the other."""

_FILE = re.compile(rb"([0-9a-f]{40})(?:\s|\Z)")
_LINE = re.compile(rb"([0-9a-f]{40}) ([^\n]+)")
_NEXT_LINE = re.compile(rb"\n[0-9a-f]{40} ([^\n]+)\n")
_HEADER = b"# pack-refs with:"
_PEELED = b"^"
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LONGEST_FILE = 256
_BLOCK = 8192
"""Several lines: the longest path has half of that."""


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
                found = {**dict(packed.below(prefix.encode())), **found}
    return found


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
        name = f"{folder}/{entry.name}"
        if entry.name.startswith(beginning) and _NAME.fullmatch(name):
            if entry.is_dir(follow_symlinks=False):
                yield from _files_in(directory, name)
            else:
                yield RefName(name)


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

    def read(self, names: Iterable[RefName]) -> dict[RefName, Oid]:
        """Return those of these refs that are in it."""
        found = (next(self.below(name.encode()), None) for name in names)
        return {ref[0]: ref[1] for name, ref in zip(names, found, strict=True) if ref is not None and ref[0] == name}

    def below(self, prefix: bytes) -> Iterator[tuple[RefName, Oid]]:
        """Yield the refs whose names begin so, by name."""
        for line in self._lines(self._before(prefix)):
            if (ref := _LINE.fullmatch(line)) is None:
                if line.startswith(_PEELED):
                    continue
                raise NotPlainError
            if ref[2].startswith(prefix):
                yield RefName(ref[2].decode("utf-8", "backslashreplace")), Oid(ref[1].decode())
            elif ref[2] > prefix:
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

    def _lines(self, start: int) -> Iterator[bytes]:
        rest = b""
        while block := os.pread(self._number, _BLOCK, start):
            start += len(block)
            *lines, rest = (rest + block).split(b"\n")
            yield from lines
        if rest:
            raise NotPlainError
