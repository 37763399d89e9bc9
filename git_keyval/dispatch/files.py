"""The file of the input ``output-file``."""

from pathlib import Path

from git_keyval.errors import InputError


def check_writable(path: str) -> None:
    """Make sure, before anything is read or deleted, that the file can be written. Raises InputError."""
    file = Path(path)
    existed = file.exists()
    try:
        with file.open("ab"):
            pass
        if not existed:
            file.unlink()
    except (OSError, ValueError) as exc:
        raise _unwritable(exc) from exc


def write_file(path: str, data: bytes) -> None:
    """Write a value to the file. Raises InputError."""
    try:
        Path(path).write_bytes(data)
    except OSError as exc:
        raise _unwritable(exc) from exc


def _unwritable(exc: Exception) -> InputError:
    reason = getattr(exc, "strerror", None) or "not a path"
    return InputError("output-file", f"cannot be written ({reason})", "a path in the workspace")
