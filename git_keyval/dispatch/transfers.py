"""Running export and import: over all repositories of a database, and from or to files."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

from git_keyval.database.database import DEFAULT_MAX_ATTEMPTS, Database
from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.layout import Layout, layout_of, shard_length_of
from git_keyval.dispatch.location import git_address
from git_keyval.dispatch.opening import Stores, cipher_of
from git_keyval.dispatch.steps import as_outputs
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import GitKeyvalError, InputError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.names import DEFAULT_NAMING, KeyId, Naming
from git_keyval.interface.advice import advised
from git_keyval.interface.commands import Signature
from git_keyval.interface.inputs import Inputs
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.transfer.commands import Export
from git_keyval.transfer.report import AnyReport, ExportReport, ImportReport, to_json
from git_keyval.transfer.source import SOURCE
from git_keyval.transfer.whole import export_lines, import_lines

_CHUNK_BYTES = 256 * 1024


class Transfer:
    """A database as the inputs name it, in all of its repositories."""

    def __init__(self, inputs: Inputs, surroundings: Surroundings) -> None:
        """Read the encryption keys; nothing is opened before it is needed. Raises InputError."""
        self._inputs = inputs
        self._surroundings = surroundings
        self._layout: Layout = layout_of(inputs.repository or "", inputs)
        self.cipher = cipher_of(inputs, surroundings)
        self.stores = Stores(inputs, surroundings)

    def _databases(self, naming: Naming = DEFAULT_NAMING) -> Mapping[str, Database]:
        """Open the database of each repository, in the order of their digits."""
        return {
            name: replace(
                self.stores.database(name),
                naming=naming,
                max_attempts=self._inputs.max_attempts or DEFAULT_MAX_ATTEMPTS,
                address=git_address(name, self._surroundings.server),
                cipher=self.cipher,
            )
            for name in self._layout.all()
        }

    def lines(self, end: Callable[[ExportReport], None], names: Mapping[KeyId, str] | None = None) -> Iterator[bytes]:
        """Yield the lines of an export, and at the end report how many keys it has. Raises GitKeyvalError."""
        return export_lines([*self._databases().values()], end, names)

    def read(self, file: BinaryIO) -> ImportReport:
        """Import an export. Raises GitKeyvalError; what fails at single keys, when all others are written, is in the report."""
        return import_lines(
            file,
            self._databases(Naming(shard_length_of(self._inputs, self._layout))),
            self._layout.of_key,
            self.cipher,
            if_exists=self._inputs.if_exists or "fail",
            dry_run=bool(self._inputs.dry_run),
        )


@dataclass(frozen=True, slots=True)
class Transferred:
    """What became of an export or an import: its outputs, a sentence for people, and the error with which it ends."""

    outputs: Mapping[str, str]
    sentence: str
    failure: GitKeyvalError | None


def run_export(command: Signature, inputs: Inputs, surroundings: Surroundings, write: Callable[[bytes], object]) -> Transferred:
    """Export a database, and write it bit by bit, each bit ending with a line. Raises GitKeyvalError."""
    transfer = Transfer(inputs, surroundings)
    export = bind(Export, inputs, surroundings, transfer.cipher)
    done: list[ExportReport] = []
    with _advising(command):
        for chunk in _chunks(transfer.lines(done.append, export.names)):
            write(chunk)
    return _transferred(command, done[0], transfer.stores, surroundings)


def run_import(command: Signature, inputs: Inputs, surroundings: Surroundings) -> Transferred:
    """Import the export that the inputs name. Raises GitKeyvalError."""
    transfer = Transfer(inputs, surroundings)
    try:
        file = surroundings.copy_file(inputs.input_file or "")
    except OSError as exc:
        raise InputError(SOURCE, f"cannot be read ({exc.strerror})", "the path of a file in the workspace") from exc
    with _advising(command), file:
        report = transfer.read(file)
    return _transferred(command, report, transfer.stores, surroundings)


@contextmanager
def _advising(command: Signature) -> Iterator[None]:
    """Let errors advise only inputs that the command takes."""
    try:
        yield
    except GitKeyvalError as exc:
        advised(exc, command)
        raise


def _transferred(command: Signature, report: AnyReport, stores: Stores, outside: Surroundings) -> Transferred:
    failure = None if report.failure is None else advised(report.failure, command)
    return Transferred(as_outputs(command, outputs_of(report, stores, outside)), str(report), failure)


def outputs_of(report: AnyReport, stores: Stores, outside: Surroundings) -> dict[str, JsonValue]:
    """Return the outputs of a transfer."""
    applied = {"applied": report.count > 0 and not report.dry_run} if isinstance(report, ImportReport) else {}
    return {
        **applied,
        "count": report.count,
        "report": to_json(report, outside.elapsed(), stores.requests),
        "requests-used": stores.requests,
        "rate-remaining": stores.rate_remaining,
    }


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield b"".join(chunk)
            chunk, size = [], 0
    yield b"".join(chunk)
