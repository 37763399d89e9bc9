"""Exports and imports of databases under test, in one repository or in several."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.database.database import Database
from git_keyval.format.names import KeyId, Naming
from git_keyval.store.port import Store
from git_keyval.transfer.report import ExportReport, ImportReport
from git_keyval.transfer.whole import export_lines, import_lines
from tests.conftest import FakeClock
from tests.contract.places import Place
from tests.memory import MemoryStore
from tests.replacing import replace
from tests.world import World


def empty(clock: FakeClock, cipher: Cipher = PLAIN) -> World:
    """Return a database in memory, with nothing in it."""
    store = MemoryStore(clock)
    return World(Place(lambda: store, lambda _oid: None), clock, cipher)


def exported(*worlds: World, store: Store | None = None, cipher: Cipher | None = None) -> str:
    """Return the text of a database, all of whose keys can be read. Another cipher than the database's may be taken."""
    text, report = export(*worlds, store=store, cipher=cipher)
    assert report.failure is None, report.left_out
    return text


def export(*worlds: World, store: Store | None = None, cipher: Cipher | None = None) -> tuple[str, ExportReport]:
    reports: list[ExportReport] = []
    databases = [replace(world.database(store), cipher=world.cipher if cipher is None else cipher) for world in worlds]
    text = b"".join(export_lines(databases, reports.append)).decode()
    return text, reports[0]


def imported(
    world: World,
    text: str | bytes,
    *,
    store: Store | None = None,
    shard_length: int = 2,
    if_exists: str = "fail",
    dry_run: bool = False,
    max_attempts: int = 20,
) -> ImportReport:
    database = world.database(store, naming=Naming(shard_length), max_attempts=max_attempts)
    return import_into({"": database}, lambda _key_id: "", text, world.cipher, if_exists=if_exists, dry_run=dry_run)


def imported_into_shards(worlds: Sequence[World], text: str, *, digits: int, shard_length: int) -> ImportReport:
    """Import into as many repositories as the first digits of key ids can be."""
    assert len(worlds) == 16**digits
    databases = {f"{number:0{digits}x}": world.database(naming=Naming(shard_length)) for number, world in enumerate(worlds)}
    return import_into(databases, lambda key_id: key_id[:digits], text, worlds[0].cipher)


def import_into(
    databases: dict[str, Database],
    place_of: Callable[[KeyId], str],
    text: str | bytes,
    cipher: Cipher,
    *,
    if_exists: str = "fail",
    dry_run: bool = False,
) -> ImportReport:
    file = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return import_lines(file, databases, place_of, cipher, if_exists=if_exists, dry_run=dry_run)


def records(text: str) -> list[dict[str, Any]]:
    """Return the lines about keys."""
    first, *lines, last = text.splitlines()
    assert (json.loads(first)["category"], json.loads(last)["category"]) == ("export", "end")
    return [json.loads(line) for line in lines]


def text_of(*lines: Mapping[str, object], **header: object) -> str:
    """Return an export with these lines about keys."""
    first = {"category": "export", "layout": 1, "version": 2, **header}
    return "".join(f"{json.dumps(line)}\n" for line in (first, *lines, {"category": "end"}))
