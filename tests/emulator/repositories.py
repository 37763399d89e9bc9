"""The bare repositories of a directory, under their names and under those they once had."""

import threading
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.emulator.objects import Objects, Oid
from tests.emulator.refs import Refs
from tests.servers.binary import git_output, init_bare, run_git

HISTORY = 32
_ID_FILE = "emulated-id"
_FORMER_FILE = "emulated-former-names"
_README = b"# A repository of the emulated GitHub\n"


@dataclass(slots=True)
class Repository:
    """One bare repository. Who reads or writes holds ``lock``, so that each request sees one instant."""

    full_name: str
    path: Path
    number: int
    lock: threading.RLock = field(default_factory=threading.RLock)
    _past: deque[dict[str, Oid | None]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    _objects: Objects | None = None

    @property
    def objects(self) -> Objects:
        self._objects = self._objects or Objects(self.path)
        return self._objects

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]

    @property
    def name(self) -> str:
        return self.full_name.partition("/")[2]

    def refs(self, writes_ago: int = 0) -> Refs:
        """Return the refs as they are, or as they were before the last few writes that went through the emulator."""
        past: dict[str, Oid | None] = {}
        for number in range(1, min(writes_ago, len(self._past)) + 1):
            past |= self._past[-number]
        return Refs(self.path, past)

    def remember(self, names: Iterable[str]) -> None:
        """Keep what refs are now, before a write of them."""
        refs = self.refs()
        self._past.append({name: refs.get(name) for name in names})

    def close(self) -> None:
        if self._objects:
            self._objects.close()
        self._objects = None


class Repositories:
    """All bare repositories ``{owner}/{name}.git`` below a directory. Names are compared without case, as GitHub does.

    Number and former names are files of the repository, so that another emulator of the same directory knows them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.RLock()
        self._open: dict[str, Repository] = {}
        for path in sorted(root.glob("*/*.git")):
            self._add(path)

    def close(self) -> None:
        for repository in self._open.values():
            repository.close()

    def create(self, owner: str, name: str, *, empty: bool) -> Path:
        path = self.root / owner / f"{name}.git"
        path.parent.mkdir(parents=True, exist_ok=True)
        init_bare(path)
        if not empty:
            blob = git_output("hash-object", "-w", "--stdin", directory=path, stdin=_README)
            tree = git_output("mktree", directory=path, stdin=f"100644 blob {blob}\tREADME.md\n".encode())
            commit = git_output("commit-tree", tree, "-m", "Initial commit", directory=path)
            run_git("update-ref", "refs/heads/main", commit, directory=path)
        with self._lock:
            self._add(path)
        return path

    def rename(self, old_full_name: str, new_full_name: str) -> None:
        with self._lock:
            repository = self._open.pop(old_full_name.lower())
            repository.close()
            with (repository.path / _FORMER_FILE).open("a") as former:
                former.write(f"{old_full_name}\n")
            path = self.root / f"{new_full_name}.git"
            path.parent.mkdir(parents=True, exist_ok=True)
            repository.path.rename(path)
            self._add(path)

    def find(self, full_name: str) -> Repository | None:
        """Return the repository of this name; None if there is none now, whatever there once was."""
        with self._lock:
            found = self._open.get(full_name.lower())
            path = self.root / f"{full_name}.git"
            if found is None and full_name.count("/") == 1 and ".." not in full_name and (path / "HEAD").is_file():
                found = self._add(path)
            return found

    def find_renamed(self, full_name: str) -> Repository | None:
        """Return the repository that once had this name."""
        with self._lock:
            return next((one for one in self._open.values() if full_name.lower() in _former_names(one.path)), None)

    def numbered(self, number: int) -> Repository | None:
        with self._lock:
            return next((one for one in self._open.values() if one.number == number), None)

    def _add(self, path: Path) -> Repository:
        full_name = path.relative_to(self.root).as_posix().removesuffix(".git")
        number_file = path / _ID_FILE
        if not number_file.exists():
            number_file.write_text(f"{zlib.crc32(full_name.encode()) >> 2 or 1}\n")
        repository = Repository(full_name, path, int(number_file.read_text()))
        self._open[full_name.lower()] = repository
        return repository


def _former_names(path: Path) -> set[str]:
    file = path / _FORMER_FILE
    return set(file.read_text().lower().split()) if file.exists() else set()
