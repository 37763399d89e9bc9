"""A database in all of its repositories: taken out line by line, and put in once all lines are checked."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from git_keyval.database.ciphers import Cipher
from git_keyval.database.database import Database
from git_keyval.errors import KeysExistError
from git_keyval.format.exported import END, Exported, encode_exported, encode_header
from git_keyval.format.names import KeyId
from git_keyval.format.values import parse_value
from git_keyval.light_dataclasses import replace
from git_keyval.transfer.exporting import LeftOut, header_of, kept
from git_keyval.transfer.importing import Importing
from git_keyval.transfer.listing import list_keys
from git_keyval.transfer.report import ExportReport, ImportReport
from git_keyval.transfer.source import Entry, Source, check_lines


def export_lines(
    databases: Sequence[Database], end: Callable[[ExportReport], None], names: Mapping[KeyId, str] | None = None
) -> Iterator[bytes]:
    """Yield the lines of an export, with their line feeds, and at the end report how many keys it has.

    ``names`` are those of keys that are Strings and are not stored; other keys that are not stored go by their ids.
    The repositories are in the order of the digits of their keys, so the lines are in that of the key ids. Raises GitKeyvalError.
    """
    yield encode_header(header_of(databases)) + b"\n"
    count = 0
    left_out: list[LeftOut] = []
    for database in databases:
        for found in kept(database, list_keys(database, "export: listing").places(), "export: keys"):
            if isinstance(found.record, LeftOut):
                left_out.append(found.record)
            elif found.record is not None:
                count += 1
                yield encode_exported(_named(found.record, names or {})) + b"\n"
    yield END + b"\n"
    end(ExportReport(count, tuple(left_out)))


def _named(record: Exported, names: Mapping[KeyId, str]) -> Exported:
    name = names.get(record.key) if isinstance(record.key, str) else None
    return record if name is None else replace(record, key=parse_value("String", name))


def import_lines(
    file: BinaryIO,
    databases: Mapping[str, Database],
    place_of: Callable[[KeyId], str],
    cipher: Cipher,
    *,
    if_exists: str = "fail",
    dry_run: bool = False,
) -> ImportReport:
    """Import an export into the repositories of a database; ``place_of`` names that of a key.

    Raises GitKeyvalError; what fails at single keys, when all others are written, is in the report.
    """
    source = check_lines(file, cipher)
    importing = Importing(source, if_exists)
    divided = _divided(source, databases, place_of)
    parts = [importing.plan(replace(databases[name], cipher=source.cipher), entries) for name, entries in divided.items()]
    if importing.tally.existing:
        raise KeysExistError(importing.tally.existing)
    for part in parts:
        (importing.count_planned if dry_run else importing.write)(part)
    return ImportReport(importing.tally, dry_run, importing.failure())


def _divided(source: Source, names: Iterable[str], place_of: Callable[[KeyId], str]) -> Mapping[str, Sequence[Entry]]:
    """Return the lines of each repository that has some; if the database is encrypted, all repositories are to be marked."""
    divided: dict[str, list[Entry]] = {} if source.header.mark is None else {name: [] for name in names}
    for entry in source.entries:
        divided.setdefault(place_of(entry.key_id), []).append(entry)
    return divided
