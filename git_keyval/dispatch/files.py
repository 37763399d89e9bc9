"""The files that inputs name: one gate to all of them.

A step runs as root in a container, on paths that a pull request may have filled with links. So what is opened is a regular file,
below folders that are the job's own, with no link followed that could lead out of them: a path is resolved first, and then opened
folder by folder without following anything, so that a path that somebody changes meanwhile is an error.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from git_keyval.errors import GitKeyvalError, InputError, UndeliverableError, UndeliveredError
from git_keyval.light_dataclasses import dataclass

WHERE = "the output file"
_GIT = ".git"
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Gate:
    """Which files may be opened: those below the folders ``below``, none in a folder ``.git``, none that is (in) ``barred``.

    Without ``below``, a person at a terminal names the files: any regular file then, and for reading also a pipe, which a shell
    makes of ``<(command)``. ``new_name`` returns a part of a file's name that there was never before.
    """

    new_name: Callable[[], str]
    below: tuple[str, ...] | None = None
    barred: tuple[str, ...] = ()

    def read(self, path: str, limit: int) -> bytes:
        """Return the content of a file of at most so many bytes. Raises OSError, and ValueError if the file is larger."""
        with self._opened(path) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise ValueError(path)
        return data

    def copy(self, path: str) -> BinaryIO:
        """Return the content of a file as a temporary one, which has no name and is gone once it is closed. Raises OSError."""
        with self._opened(path) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
            return copied(file)

    def output(self, path: str) -> "OutputFile":
        """Return a file to be written, once it is sure that it can be. Raises InputError."""
        file = OutputFile(self, path)
        file.try_out()
        return file

    @contextmanager
    def folder_of(self, path: str) -> Iterator[tuple[int, str]]:
        """Open the folder of a path; yield its descriptor, and the name of the file in there, which is no link. Raises OSError."""
        folder, name = os.path.split(self._resolved(path))
        descriptor = os.open(os.sep, _FOLDER)
        try:
            for part in Path(folder).parts[1:]:
                inner = os.open(part, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor, name
        finally:
            os.close(descriptor)

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        if self.below is None:
            descriptor = os.open(_named(path), os.O_RDONLY | os.O_CLOEXEC)
        else:
            with self.folder_of(path) as (folder, name):
                _check_regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
                descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            _check_regular(os.fstat(descriptor), pipes=self.below is None)
            yield descriptor
        finally:
            os.close(descriptor)

    def _resolved(self, path: str) -> str:
        real = os.path.realpath(_named(path))
        if self.below is None:
            return real
        folder = next((folder for folder in self.below if real == folder or is_below(real, folder)), None)
        if folder is None:
            raise _refused("it is outside the workspace, the runner's temporary folder and home")
        if real in self.barred or is_below(real, *self.barred):
            raise _refused("it is one of the runner's own files")
        if _GIT in Path(real.removeprefix(folder).lower()).parts:
            raise _refused("it is in a .git folder")
        return real


class OutputFile:
    """A file that is written as a whole: beside its place first, and then moved there.

    It belongs to the owner of its folder, where we may say so, or keeps the owner and the permissions of the file that it replaces.
    """

    def __init__(self, gate: Gate, path: str) -> None:
        self._gate = gate
        self._path = path
        self._ready = ""

    def try_out(self) -> None:
        """Make sure, before anything is read or taken away, that the file can be written. Raises InputError."""
        with self._refusing(
            lambda reason: InputError("output-file", f"cannot be written ({reason})", "the path of a file in the workspace")
        ):
            self._write(b"")
        self.discard()

    def prepare(self, data: bytes) -> None:
        """Write the content to the disk, beside the place where it shall be. Raises UndeliverableError."""
        self.discard()
        with self._refusing(partial(UndeliverableError, WHERE)):
            self._write(data)

    def commit(self, data: bytes) -> None:
        """Put the content in its place, also if it was not prepared. Raises UndeliveredError."""
        with self._refusing(partial(UndeliveredError, WHERE)):
            if not self._ready:
                self._write(data)
            self._replace()

    @contextmanager
    def writing(self) -> Iterator[Callable[[bytes], object]]:
        """Yield what writes the content bit by bit; at the end it is put in its place. After an error nothing is left of it.

        Raises UndeliveredError.
        """
        with self._refusing(partial(UndeliveredError, WHERE)):
            try:
                with self._temporary() as file:
                    yield file.write
                self._replace()
            finally:
                self.discard()

    def discard(self) -> None:
        """Remove what was prepared and not put in its place."""
        if self._ready:
            with suppress(OSError), self._gate.folder_of(self._path) as (folder, _):
                os.unlink(self._ready, dir_fd=folder)
        self._ready = ""

    @contextmanager
    def _refusing(self, error: Callable[[str], GitKeyvalError]) -> Iterator[None]:
        """Raise an error, with the reason, where something fails; nothing is left behind then."""
        try:
            yield
        except OSError as exc:
            self.discard()
            raise error(exc.strerror or type(exc).__name__) from exc

    def _replace(self) -> None:
        with self._gate.folder_of(self._path) as (folder, name):
            os.replace(self._ready, name, src_dir_fd=folder, dst_dir_fd=folder)
        self._ready = ""

    def _write(self, data: bytes) -> None:
        with self._temporary() as file:
            file.write(data)

    @contextmanager
    def _temporary(self) -> Iterator[BinaryIO]:
        """Yield a new file beside the place of this one, whose content is on the disk at the end."""
        with self._gate.folder_of(self._path) as (folder, name):
            replaced = _regular_at(folder, name)
            temporary = f".git-keyval-{self._gate.new_name()}"
            with os.fdopen(os.open(temporary, _CREATE, 0o666, dir_fd=folder), "wb") as file:
                self._ready = temporary
                _own(file.fileno(), replaced or os.fstat(folder), keeps_mode=replaced is not None)
                yield file
                file.flush()
                os.fsync(file.fileno())


def copied(file: BinaryIO) -> BinaryIO:
    """Return what is left of a file as a temporary one, from its beginning. Raises OSError."""
    from shutil import copyfileobj  # noqa: PLC0415  # slow to import, and only an import of a database needs it
    from tempfile import TemporaryFile  # noqa: PLC0415

    copy = TemporaryFile()  # noqa: SIM115  # whoever gets it closes it
    try:
        copyfileobj(file, copy)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return copy


def is_below(real: str, *folders: str) -> bool:
    """Whether a resolved path lies below one of the folders."""
    return real.startswith(tuple(f"{folder}{os.sep}" for folder in folders))


def _regular_at(folder: int, name: str) -> os.stat_result | None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    _check_regular(found)
    return found


def _own(descriptor: int, like: os.stat_result, *, keeps_mode: bool) -> None:
    """Set the owner of a file to that of another file or folder, if this process may: only root may change owners."""
    with suppress(PermissionError):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    if keeps_mode:
        os.fchmod(descriptor, stat.S_IMODE(like.st_mode))


def _check_regular(found: os.stat_result, *, pipes: bool = False) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not (stat.S_ISREG(found.st_mode) or (pipes and stat.S_ISFIFO(found.st_mode))):
        raise _refused("it is not a regular file")


def _named(path: str) -> str:
    if "\0" in path:
        raise _refused("its name has a NUL in it")
    return path


def _refused(reason: str) -> OSError:
    return OSError(errno.EACCES, reason)
