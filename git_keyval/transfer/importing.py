"""From the lines of an export to the keys of repositories: all is checked first, then written in batches of transactions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from git_keyval.database.anchors import mark_of, read_anchor
from git_keyval.database.database import Database
from git_keyval.database.writing import Write, Writer
from git_keyval.errors import (
    ContentionError,
    GitKeyvalError,
    ImportUnknownError,
    InputError,
    KeysChangedError,
    OutcomeUnknownError,
    PartlyImportedError,
    StoreError,
)
from git_keyval.format.anchors import Anchor, encode_anchor
from git_keyval.format.expiry import is_expired
from git_keyval.format.exported import (
    Exported,
    encode_exported,
)
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import ANCHOR_TAG, KeyId
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.store.port import (
    Applied,
    Conflict,
    Depth,
    Expect,
    RefUpdate,
    Refused,
    Selection,
    Transaction,
    refusal_of,
)
from git_keyval.transfer.exporting import Kept, kept
from git_keyval.transfer.listing import Address, Place, list_keys
from git_keyval.transfer.placing import Placed, Seen, placed, transaction_of
from git_keyval.transfer.source import SOURCE, Entry, Source

_BATCH_KEYS = 5_000
"""How many keys go into one batch at the most, so that they fit into memory."""

_BATCH_BYTES = 32 * 1024 * 1024
"""How many bytes of new objects go into one batch, unless a single key has more."""


@dataclass(slots=True)
class Tally:
    """What became of the keys of an export. ``changed`` were written by others meanwhile, of ``unknown`` ones nobody knows."""

    written: int = 0
    overwritten: int = 0
    same: int = 0
    skipped: int = 0
    expired: int = 0
    existing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    cause: str = ""

    @property
    def done(self) -> int:
        """Return how many keys were written, or would be."""
        return self.written + self.overwritten


@dataclass(frozen=True, slots=True)
class Part:
    """What of an export comes to one repository: the lines to write, what there is of their keys, and the anchor that it needs."""

    database: Database
    entries: Sequence[Entry]
    seen: Mapping[KeyId, Seen]
    anchor_before: Oid | Literal[Expect.ABSENT]
    anchor: Anchor


class _Pending(NamedTuple):
    """A key on its way into a repository, and what there was of it."""

    entry: Entry
    key: Placed
    seen: Seen


class Importing:
    """An import on its way: an export that was checked, what to do about keys that exist, and what became of its keys so far."""

    def __init__(self, source: Source, if_exists: str) -> None:
        self._source = source
        self._if_exists = if_exists
        self.tally = Tally()

    def plan(self, database: Database, entries: Sequence[Entry]) -> Part:
        """Return what is to be written of these lines in a repository, and count what is not.

        Raises InputError where its keys have another shard length, and errors of encryption keys where it is another database.
        """
        before, anchor = self._anchor(database)
        now = database.now()
        listed = list_keys(database, "import: listing")
        lengths = listed.shard_lengths
        if lengths - {database.naming.shard_length}:
            raise InputError("shard-length", "is another one than that of the keys in the repository", ", ".join(map(str, lengths)))
        left = {entry.key_id: entry for entry in entries if entry.expiry is None or not is_expired(entry.expiry, now)}
        self.tally.expired += len(entries) - len(left)
        seen: dict[KeyId, Seen] = {}
        places = (place for place in listed.places() if place.address.key_id in left)
        for there in kept(database, places, "import: keys that exist"):
            entry = left[there.address.key_id]
            if self._is_to_be_written(entry, there, now):
                seen[entry.key_id] = Seen(there.refs, there.record is not None)
            else:
                del left[entry.key_id]
        redirected = any(entry.is_redirect for entry in left.values())
        wanted = self._wanted(anchor, redirected=redirected, has_keys=bool(lengths))
        return Part(database, [*left.values()], seen, before, wanted)

    def _is_to_be_written(self, entry: Entry, there: Kept, now: Micros) -> bool:
        """Return whether a line is to be written over what there is of its key, and count it if not."""
        if there.record is None:
            return True
        if self._is_same(entry, there, now):
            self.tally.same += 1
        elif self._if_exists == "skip":
            self.tally.skipped += 1
        elif self._if_exists != "overwrite":
            self.tally.existing.append(str(entry))
        else:
            return True
        return False

    def _is_same(self, entry: Entry, there: Kept, now: Micros) -> bool:
        if not isinstance(there.record, Exported):
            return False
        return encode_exported(self._source.read(entry, now)) == encode_exported(there.record)

    def _anchor(self, database: Database) -> tuple[Oid | Literal[Expect.ABSENT], Anchor | None]:
        """Return the anchor of a repository, and what it says; None where there is none. Raises for that of another database."""
        seen = database.read(Selection((ANCHOR_TAG,)), depth=Depth.MESSAGES)
        anchor, mark = read_anchor(seen), self._source.header.mark
        if mark is None or not self._source.header.sealed:
            database.cipher.accept(mark_of(seen, database.cipher))
        elif anchor is not None and anchor.mark is not None and anchor.mark.check != mark.check:
            raise InputError(SOURCE, "is of a database with another encryption key than that of the repository")
        return seen.expected(ANCHOR_TAG), anchor

    def _wanted(self, anchor: Anchor | None, *, redirected: bool, has_keys: bool) -> Anchor:
        """Return the anchor that a repository needs. One with keys that was not marked as encrypted before is not marked now."""
        mark = self._source.header.mark
        if anchor is None:
            return Anchor(mark, redirected)
        if anchor.mark is None and mark is not None and has_keys:
            if self._source.header.sealed:
                raise InputError(SOURCE, "is of an encrypted database, and the repository has keys of another one")
            mark = None
        return Anchor(anchor.mark or mark, anchor.redirected or redirected)

    def write(self, part: Part) -> None:
        """Write a part: the anchor first, then its lines in batches. What rivals changed meanwhile is looked at again.

        Raises StoreError, OutcomeUnknownError for the anchor, and PartlyImportedError where something was written before.
        """
        try:
            self._prepare(part)
            done = 0
            for batch in self._batches(part):
                self._write(part, batch)
                done += len(batch)
                if done < len(part.entries):
                    part.database.progress("import: keys", done, len(part.entries))
        except GitKeyvalError as exc:
            if self.tally.unknown:
                raise ImportUnknownError(self.tally.unknown, self.tally.cause) from exc
            if self.tally.done:
                raise PartlyImportedError(self.tally.done, exc) from exc
            raise

    def _prepare(self, part: Part) -> None:
        """Make the anchor say what the keys need, before they are there: readers and writers look at it."""
        before, wanted = part.anchor_before, part.anchor
        for attempt in range(part.database.max_attempts):
            commit = encode_anchor(wanted)
            if before == commit.oid:
                return
            transaction = Transaction((RefUpdate(ANCHOR_TAG, before, commit.oid),), (*DUMMY_OBJECTS, commit))
            (end,) = Writer(part.database).write([Write(transaction)])
            if isinstance(end, Applied):
                return
            if isinstance(end, Refused):
                raise refusal_of(transaction, end)
            if isinstance(end, GitKeyvalError):
                raise end
            part.database.pause(attempt)
            before, anchor = self._anchor(part.database)
            wanted = wanted if anchor is None else Anchor(anchor.mark or wanted.mark, anchor.redirected or wanted.redirected)
        raise ContentionError(part.database.max_attempts)

    def _batches(self, part: Part) -> Iterator[list[_Pending]]:
        """Yield what is to be written together: as much as the server takes at first, and not too many bytes."""
        batch: list[_Pending] = []
        size = 0
        most = min(part.database.store.capabilities.batch, _BATCH_KEYS)
        for entry in part.entries:
            key = placed(self._source.read(entry, part.database.now()), part.database.naming, self._source.cipher)
            bytes_of_key = sum(len(made.data) for made in key.objects)
            if batch and (len(batch) >= most or size + bytes_of_key > _BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(_Pending(entry, key, part.seen.get(entry.key_id, Seen({}))))
            size += bytes_of_key
        if batch:
            yield batch

    def _write(self, part: Part, batch: Sequence[_Pending]) -> None:
        """Write a batch until each of its keys has come to an end."""
        database = part.database
        writer = Writer(database)
        for attempt in range(database.max_attempts):
            transactions = [transaction_of(each.key, database.naming, each.seen) for each in batch]
            ends = list(zip(batch, transactions, writer.write([Write(each) for each in transactions]), strict=True))
            for each, _, end in ends:
                if isinstance(end, Applied):
                    self._count_written(each)
            self._settle(database, [(each, end) for each, _, end in ends if isinstance(end, OutcomeUnknownError)])
            for _, transaction, end in ends:
                if isinstance(end, Refused):
                    raise refusal_of(transaction, end)
            batch = self._again(database, [each for each, _, end in ends if isinstance(end, Conflict)])
            if not batch:
                return
            database.pause(attempt)
        self.tally.changed += [str(each.entry) for each in batch]

    def _count_written(self, each: _Pending) -> None:
        if each.seen.exists:
            self.tally.overwritten += 1
        else:
            self.tally.written += 1

    def _settle(self, database: Database, doubtful: Sequence[tuple[_Pending, OutcomeUnknownError]]) -> None:
        """Look at keys whose replies were lost: one that is as it shall be is done, whoever made it so; of others nobody knows."""
        try:
            there = self._there(database, [each for each, _ in doubtful]) if doubtful else {}
        except StoreError:
            there = {}
        for each, end in doubtful:
            found = there.get(each.entry.key_id)
            if found is not None and self._is_same(each.entry, found, database.now()):
                self._count_written(each)
            else:
                self.tally.unknown.append(str(each.entry))
                self.tally.cause = end.cause

    def _again(self, database: Database, denied: Sequence[_Pending]) -> list[_Pending]:
        """Look again at keys that rivals changed, and return those that are still to be written."""
        there = self._there(database, denied) if denied else {}
        again: list[_Pending] = []
        for each in denied:
            found = there[each.entry.key_id]
            if self._is_to_be_written(each.entry, found, database.now()):
                again.append(each._replace(seen=Seen(found.refs, found.record is not None)))
        self.tally.changed += self.tally.existing
        self.tally.existing = []
        return again

    def _there(self, database: Database, pending: Sequence[_Pending]) -> dict[KeyId, Kept]:
        places = [Place(Address(each.entry.key_id, database.naming), None) for each in pending]
        return {found.address.key_id: found for found in kept(database, places, "import: keys that exist")}

    def count_planned(self, part: Part) -> None:
        """Count what would be written."""
        over = sum(part.seen[entry.key_id].exists for entry in part.entries if entry.key_id in part.seen)
        self.tally.overwritten += over
        self.tally.written += len(part.entries) - over

    def failure(self) -> GitKeyvalError | None:
        """Return the error with which an import that is over ends, if it does."""
        tally = self.tally
        if tally.unknown:
            return ImportUnknownError([*tally.unknown, *tally.changed], tally.cause)
        return KeysChangedError(tally.changed) if tally.changed else None
