"""The lines of an export: all of them are read and checked before anything is done with one."""

from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.errors import InputError, MissingEncryptionKeyError
from git_keyval.format.counters import Counter
from git_keyval.format.expiry import is_expired
from git_keyval.format.exported import (
    MAX_LINE_BYTES,
    Elements,
    Exported,
    ExportError,
    Header,
    decode_exported,
    decode_header,
    is_end,
)
from git_keyval.format.names import KeyId, Naming
from git_keyval.format.redirects import Redirect
from git_keyval.format.sealed import Sealed
from git_keyval.format.times import Micros
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.transfer.placing import placed

SOURCE = "input-file"
"""The input that names the export."""


class Entry(NamedTuple):
    """A line of an export that is about a key: its number and where it begins, the key, and its expiry id."""

    line: int
    begin: int
    key_id: KeyId
    expiry: int | None
    is_redirect: bool

    def __str__(self) -> str:
        """Say which it is, without the name of the key."""
        return f"line {self.line}, key id {self.key_id}"


@dataclass(frozen=True, slots=True)
class Source:
    """An export that was checked: ``cipher`` stores what it holds, where that was opened with an encryption key."""

    file: BinaryIO
    header: Header
    entries: Sequence[Entry]
    cipher: Cipher

    def read(self, entry: Entry, now: Micros) -> Exported:
        """Return what a line says of a key, without the elements that have expired."""
        self.file.seek(entry.begin)
        return living(decode_exported(_line(self.file, entry.line)), now)


def check_lines(file: BinaryIO, cipher: Cipher) -> Source:
    """Read all lines of an export, and make sure that each can be stored by this cipher.

    Raises InputError for the first that cannot, and errors of encryption keys for an export of a database with other ones.
    """
    header = _header(file)
    _check_mark(header, cipher)
    source = Source(file, header, [], cipher if header.mark is not None and not header.sealed else PLAIN)
    entries: list[Entry] = []
    lines: dict[KeyId, int] = {}
    number = 1
    while True:
        number, begin = number + 1, file.tell()
        line = _line(file, number)
        if not line and not file.read(1):
            raise _refused(number, "the text ends before the last line of an export: it was cut off")
        entry = _entry(line, number, begin, source, cipher)
        if entry is None:
            break
        if entry.key_id in lines:
            raise _refused(number, f"it is about the same key as line {lines[entry.key_id]}")
        lines[entry.key_id] = number
        entries.append(entry)
    if file.read(1):
        raise _refused(number + 1, "there is more after the last line of the export")
    return replace(source, entries=entries)


def _header(file: BinaryIO) -> Header:
    line = _line(file, 1)
    try:
        return decode_header(line)
    except ExportError as exc:
        raise _refused(1, str(exc) if line else "there is nothing") from exc


def _line(file: BinaryIO, number: int) -> bytes:
    """Read a line without its line feed. Raises InputError."""
    line = file.readline(MAX_LINE_BYTES + 1)
    if len(line) > MAX_LINE_BYTES:
        raise _refused(number, f"it is longer than {MAX_LINE_BYTES:,} bytes")
    return line.removesuffix(b"\n")


def _refused(number: int, reason: str) -> InputError:
    return InputError(SOURCE, f"is not accepted in line {number}: {reason}", "what 'export' writes")


def _check_mark(header: Header, cipher: Cipher) -> None:
    if cipher.mark is None:
        if header.mark is not None and not header.sealed:
            raise MissingEncryptionKeyError(header.mark.kid, is_first=True)
    elif header.mark is None:
        raise InputError("encryption-key", "is given, but the export is of a database without one", "no encryption key")
    else:
        cipher.accept(header.mark)


def _entry(line: bytes, number: int, begin: int, source: Source, cipher: Cipher) -> Entry | None:
    """Return what a line is about; None for the last line. Raises InputError."""
    try:
        if is_end(line):
            return None
        record = decode_exported(line)
        _refuse_sealed(record, source.cipher)
        _refuse_counter(record, cipher)
        key_id = placed(record, Naming(), source.cipher).key_id
    except ExportError as exc:
        raise _refused(number, str(exc)) from exc
    except ValueError as exc:
        raise _refused(number, f"the name of an element {exc}") from exc
    return Entry(number, begin, key_id, record.expiry, isinstance(record.held, Redirect))


def _refuse_sealed(record: Exported, cipher: Cipher) -> None:
    """Refuse what is encrypted in an export that was opened: nobody has made sure that it is of this database."""
    held = record.held
    sealed = isinstance(record.key, Sealed) or isinstance(held, Sealed)
    if cipher.mark is not None and (sealed or (isinstance(held, Elements) and held.encryption is not None)):
        raise ExportError("it is encrypted, in an export that was opened with the encryption key")


def _refuse_counter(record: Exported, cipher: Cipher) -> None:
    if cipher.required and isinstance(record.held, Counter):
        raise ExportError("it is a counter, whose number is never encrypted, and encryption is required")


def living(record: Exported, now: Micros) -> Exported:
    """Return a record without the elements that have expired."""
    held = record.held
    if not isinstance(held, Elements):
        return record
    left = tuple(element for element in held.elements if element.expiry is None or not is_expired(element.expiry, now))
    return replace(record, held=replace(held, elements=left))
