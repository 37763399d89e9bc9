"""Room at the end of a file, made before its content is known."""

import os
from contextlib import suppress
from pathlib import Path


class Room:
    """Line feeds at the end of a file, to be written over. Runners pass over empty lines; a full disk says so at once."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._start = 0
        self.size = 0

    def take(self, size: int) -> None:
        """Append so many line feeds, and have them on the disk. Raises OSError."""
        with self._path.open("ab") as file:
            self._start = file.tell()
            self.size = size
            file.write(b"\n" * size)
            file.flush()
            os.fsync(file.fileno())

    def fill(self, data: bytes) -> None:
        """Write over the line feeds, and take away those that are left. Raises OSError."""
        with self._path.open("r+b") as file:
            file.seek(self._start)
            file.write(data)
            file.truncate()
        self.size = 0

    def give_up(self) -> None:
        """Take the line feeds away again, if that is possible."""
        if self.size:
            with suppress(OSError):
                os.truncate(self._path, self._start)
        self.size = 0
