"""Moving refs: ref transactions by the GraphQL mutation ``updateRefs``, which applies all of its updates or none.

Its errors do not say which ref was in the way, so after a refusal that is not final the refs are read again: those that are not as
expected are in conflict, and the rest is sent again. A reply that is lost leaves the outcome unknown; nothing is sent again then.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate, takewhile

from git_keyval.errors import StoreError
from git_keyval.format.names import RefName
from git_keyval.format.objects import ZERO_OID, Oid
from git_keyval.store.github.answers import Json
from git_keyval.store.github.failures import RejectedError, gave_up
from git_keyval.store.github.queries import Wanted
from git_keyval.store.github.repository import Repository
from git_keyval.store.github.uploads import Uploads
from git_keyval.store.patience import LostReplyError, RateLimitedError
from git_keyval.store.port import ABSENT, ANY, DELETE, Applied, Conflict, Depth, Outcome, RefUpdate, Refused, Transaction, Unknown

FIRST_BATCH, MAX_BATCH = 100, 400
"""How many refs one mutation moves. GitHub names no limit but ten seconds."""

# What GitHub says, or is likely to say, about a ref that is not as expected
# (https://docs.github.com/graphql/reference/input-objects says nothing of it). If it says so, and a read shows no ref that has
# moved, the read is older than the refusal.
_STALE = re.compile(r"stale|expected|but is|is at|already exists|cannot lock|lock ref|reference update failed", re.IGNORECASE)


class Moves:
    """Applies transactions to one repository, many in one mutation."""

    def __init__(self, repository: Repository, uploads: Uploads) -> None:
        """Move refs of this repository to objects that the uploads have stored."""
        self._repository = repository
        self._uploads = uploads
        self._size = FIRST_BATCH
        self._sent = 0
        self._absent_deletions_fail = False

    def apply(self, transactions: Sequence[Transaction]) -> list[Outcome]:
        """Apply the transactions, whose objects are stored. Raises StoreError where nothing at all was applied."""
        work = _Work(transactions)
        limits = 0
        while batch := work.take(self._size):
            try:
                if self._absent_deletions_fail and any(_is_forced_deletion(update) for update in work.of(batch)):
                    self._leave_out_absent(work, batch, self._read_refs(work, batch))
                self._send(work, batch)
            except RateLimitedError as exc:
                limits += 1
                if not self._repository.patience.wait_out(exc, limits):
                    return work.finish(gave_up(exc))
                # Nothing was done, and yet it is sent again only after a look.
                self._end_conflicts(work, batch, self._read_refs(work, batch))
                work.again(batch)
            except StoreError as exc:
                return work.finish(exc)
        return work.finish(None)

    def _send(self, work: "_Work", batch: list[int]) -> None:
        updates = work.of(batch)
        if not updates:
            work.end(batch, Applied())
            return
        arguments = {"repositoryId": self._repository.id(), "refUpdates": [_ref_update(update) for update in updates]}
        self._sent += 1
        try:
            self._repository.client.mutate("updateRefs", arguments, f"{_new_oid(updates[0])}-{self._sent}")
        except LostReplyError as exc:
            self._size = max(1, len(updates) // 2)
            work.end(batch, Unknown(exc.cause))
        except RejectedError as exc:
            self._refused(work, batch, exc)
        else:
            self._size = min(MAX_BATCH, self._size * 2) if len(updates) >= self._size else self._size
            work.end(batch, Applied())

    def _may_find_objects(self, work: "_Work") -> bool:
        """Store what seemed to be there, or wait for copies that lag; false if neither is left to be done."""
        if self._uploads.store_left_out():
            return True
        work.lags += 1
        return self._repository.patience.wait_for_copies(work.lags)

    def _refused(self, work: "_Work", batch: list[int], refusal: RejectedError) -> None:
        """Find out what was in the way; a transaction that has no outcome afterwards is sent again."""
        expecting = [update.name for update in work.of(batch) if update.expect is not ANY]
        if refusal.is_final or refusal.kind.isdigit():  # a status is about the request, and not about refs
            self._end_or_halve(work, batch, refusal.outcome)
        elif refusal.lacks and self._may_find_objects(work):
            work.again(batch)
        elif refusal.is_stale and len(batch) == len(expecting) == 1:
            work.end(batch, Conflict((expecting[0],)))
        elif self._finds_what_is_in_the_way(work, batch):
            work.again(batch)
        else:
            is_conflict = refusal.is_stale or _STALE.search(refusal.message)
            self._end_or_halve(work, batch, Conflict(tuple(expecting)) if is_conflict else refusal.outcome)

    def _finds_what_is_in_the_way(self, work: "_Work", batch: list[int]) -> bool:
        refs = self._read_refs(work, batch)
        return self._end_conflicts(work, batch, refs) or self._leave_out_absent(work, batch, refs) or self._uploads.store_left_out()

    def _end_or_halve(self, work: "_Work", batch: list[int], outcome: Outcome) -> None:
        """End a batch of one with this outcome; halve a larger one, of which it is not known what was refused."""
        if len(batch) == 1:
            work.end(batch, outcome)
            return
        self._size = max(1, self._size // 2)
        middle = len(batch) // 2
        work.again(batch[:middle], batch[middle:])

    @staticmethod
    def _end_conflicts(work: "_Work", batch: list[int], refs: Mapping[RefName, Oid]) -> bool:
        any_moved = False
        for index in batch:
            updates = work.updates[index]
            if moved := tuple(update.name for update in updates if not update.fits(refs)):
                any_moved = True
                work.end([index], Conflict(moved))
        return any_moved

    def _leave_out_absent(self, work: "_Work", batch: list[int], refs: Mapping[RefName, Oid]) -> bool:
        """Leave out deletions of refs that are not there, which the server may refuse; return whether there were any."""
        absent = {update.name for update in work.of(batch) if _is_forced_deletion(update)} - refs.keys()
        for index in batch:
            work.updates[index] = tuple(update for update in work.updates[index] if update.name not in absent)
        self._absent_deletions_fail |= bool(absent)
        return bool(absent)

    def _read_refs(self, work: "_Work", batch: list[int]) -> dict[RefName, Oid]:
        return self._repository.ask([Wanted("ref", update.name) for update in work.of(batch)], Depth.OIDS).refs


class _Work:
    """Transactions on their way, by index: what is left to send of each, in which batches, and their outcomes."""

    def __init__(self, transactions: Sequence[Transaction]) -> None:
        self.updates = [transaction.updates for transaction in transactions]
        self.lags = 0
        self._outcomes: dict[int, Outcome] = {}
        self._waiting = [list(range(len(transactions)))]

    def take(self, size: int) -> list[int]:
        """Take the next batch without an outcome: at most ``size`` updates, but at least one transaction."""
        while self._waiting:
            batch = [index for index in self._waiting.pop(0) if index not in self._outcomes]
            if batch:
                totals = accumulate(len(self.updates[index]) for index in batch)
                taken = max(1, sum(1 for _ in takewhile(lambda total: total <= size, totals)))
                self.again(batch[taken:])
                return batch[:taken]
        return []

    def of(self, batch: Sequence[int]) -> list[RefUpdate]:
        """Return all updates of a batch that are left to send."""
        return [update for index in batch for update in self.updates[index]]

    def again(self, *batches: list[int]) -> None:
        """Have batches taken next, one after the other."""
        self._waiting[:0] = batches

    def end(self, batch: Sequence[int], outcome: Outcome) -> None:
        self._outcomes |= dict.fromkeys(batch, outcome)

    def finish(self, failure: StoreError | None) -> list[Outcome]:
        """Return all outcomes. Without one, a transaction was not applied because of the failure; it is raised if none has one."""
        if failure is not None and not self._outcomes:
            raise failure
        return [self._outcomes.get(index, Refused(str(failure))) for index in range(len(self.updates))]


def _ref_update(update: RefUpdate) -> dict[str, Json]:
    """Return the update as GraphQL's RefUpdate: values share no history, so every overwrite has to be forced."""
    fields: dict[str, Json] = {"name": update.name, "afterOid": _new_oid(update), "force": True}
    if update.expect is not ANY:
        fields["beforeOid"] = ZERO_OID if update.expect is ABSENT else update.expect
    return fields


def _new_oid(update: RefUpdate) -> str:
    return ZERO_OID if update.new is DELETE else str(update.new)


def _is_forced_deletion(update: RefUpdate) -> bool:
    return update.expect is ANY and update.new is DELETE
