"""Lock files that a process left behind in a repository on this machine: while they are there, git takes no write."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_OLD_SECONDS = 3600
"""No write of git holds a lock for so long; a process that was killed does for ever."""

_SUFFIX = ".lock"
_FILES = ("packed-refs.lock", "HEAD.lock")
_FOLDERS = ("refs", "reftable")


class StaleLock(NamedTuple):
    """A lock file by its name in the repository, and when it was made, in seconds."""

    directory: Path
    name: str
    made: float

    def remove(self) -> bool:
        """Remove it, and return whether it was removed: one that was made anew meanwhile is held by somebody."""
        try:
            path = self.directory / self.name
            if path.lstat().st_mtime != self.made:
                return False
            path.unlink()
        except OSError:
            return False
        return True


def stale_locks(directory: Path, now: float) -> list[StaleLock]:
    """Return the locks of refs in a git directory that are older than an hour; none of what else git locks."""
    return [lock for name in sorted(_lock_files(directory)) if (lock := _stale(directory, name, now)) is not None]


def _lock_files(directory: Path) -> Iterator[str]:
    yield from _FILES
    for folder in _FOLDERS:
        for path, _, files in os.walk(directory / folder):
            yield from (str((Path(path) / file).relative_to(directory)) for file in files if file.endswith(_SUFFIX))


def _stale(directory: Path, name: str, now: float) -> StaleLock | None:
    try:
        made = (directory / name).lstat().st_mtime
    except OSError:
        return None
    return StaleLock(directory, name, made) if now - made > _OLD_SECONDS else None
