"""Writes: by the API if it takes few requests there, by one push otherwise."""

from collections.abc import Mapping, Sequence

from git_keyval.errors import StoreError
from git_keyval.format.names import ANCHOR_TAG, MAIN_BRANCH
from git_keyval.light_dataclasses import replace
from git_keyval.store.github.answers import Json
from git_keyval.store.github.beginning import first_file, oid_in
from git_keyval.store.github.failures import EmptyRepositoryError, RejectedError
from git_keyval.store.github.late_git import LateGit
from git_keyval.store.github.moves import FIRST_BATCH, Moves
from git_keyval.store.github.queries import RESOLVED, Wanted
from git_keyval.store.github.repository import Repository
from git_keyval.store.github.uploads import Uploads
from git_keyval.store.patience import LostReplyError
from git_keyval.store.port import ABSENT, Applied, Conflict, Depth, Outcome, Refused, Transaction, Unknown

MAX_REQUESTS = 4
"""What a write may take on the API; git does any write in two requests, but may push only a few times a minute.

A run that has listed refs by git, as jobs do, pushes whatever it writes. A push is a request more than the smallest write, but what
the API writes is content, of which GitHub takes 500 requests an hour for all repositories of a token.
"""


class Writes:
    """Applies transactions to one repository; without ``git`` by its API only."""

    def __init__(self, repository: Repository, uploads: Uploads, git: LateGit | None) -> None:
        """Write to the repository, by the API and by git."""
        self._repository = repository
        self._uploads = uploads
        self._moves = Moves(repository, uploads)
        self._git = git
        self._push_refused = False

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Apply the transactions; one outcome each. Raises StoreError where nothing was applied."""
        if not self._git or self._push_refused or (not self._git.has_listed and self._cost(transactions) <= MAX_REQUESTS):
            return self._apply_by_api(transactions)
        return self._retried(transactions, list(self._git.store.apply(transactions)))

    def _apply_by_api(self, transactions: Sequence[Transaction]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        anchors = any(map(_anchors, transactions))
        try:
            for index, transaction in enumerate(transactions):
                try:
                    if (begun := self._begun(transaction)) is not None:
                        outcomes[index] = begun
                        continue
                    if anchors:
                        self._uploads.store_assumed()
                    self._uploads.store(transaction.objects)
                except RejectedError as exc:
                    outcomes[index] = exc.outcome
        except EmptyRepositoryError as exc:
            # What became of the first commit, became of all that has to come after it.
            if outcomes:
                return [next(iter(outcomes.values()))] * len(transactions)
            raise StoreError(
                f"The repository {self._repository.name} is empty, and GitHub stores nothing in such a one.",
                "Run the command 'init' first.",
            ) from exc
        left = [index for index in range(len(transactions)) if index not in outcomes]
        outcomes |= zip(left, self._moves.apply([transactions[index] for index in left]), strict=True)
        return [outcomes[index] for index in range(len(transactions))]

    def _begun(self, transaction: Transaction) -> Outcome | None:
        """Make the first branch, which is all that an empty repository takes; None for any other transaction."""
        first = first_file(transaction)
        return None if first is None else self._begin(transaction, *first)

    def _begin(self, transaction: Transaction, path: str, body: Mapping[str, Json]) -> Outcome | None:
        """Let GitHub make a commit of the same file, and move the branch to ours if that is another commit.

        None where it makes none so, because the repository has other branches.
        """
        try:
            made = oid_in(self._repository.begin(path, body))
        except LostReplyError as exc:
            return Unknown(exc.cause)
        except RejectedError as exc:
            return self._not_begun(transaction, exc)
        if made is None:
            return Unknown("GitHub does not say which commit it made")
        (update,) = transaction.updates
        if made == update.new:
            return Applied()
        update = replace(update, expect=made)
        (outcome,) = self._apply_by_api([replace(transaction, updates=(update,))])
        return outcome

    def _not_begun(self, transaction: Transaction, refusal: RejectedError) -> Outcome | None:
        if self._repository.ask([Wanted("ref", MAIN_BRANCH)], Depth.OIDS).refs:
            self._repository.has_commits = True
            return Conflict((MAIN_BRANCH,))
        try:
            self._uploads.store(transaction.objects)
        except EmptyRepositoryError:
            return refusal.outcome
        return None

    def _retried(self, transactions: Sequence[Transaction], outcomes: list[Outcome]) -> list[Outcome]:
        """Try by the API the transactions of a push that was refused: a rule may be about pushes of many refs only."""
        refused = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Refused) and not outcome.too_large]
        if not refused:
            return outcomes
        first, *others = refused
        # The API's words say more, for example which part of a value looks like a credential.
        (outcomes[first],) = self._apply_by_api([transactions[first]])
        if isinstance(outcomes[first], Refused):
            return outcomes
        self._push_refused = True
        for index, outcome in zip(others, self._apply_by_api([transactions[index] for index in others]), strict=True):
            outcomes[index] = outcome
        return outcomes

    def _cost(self, transactions: Sequence[Transaction]) -> int:
        """Count the API requests that the transactions take if nothing goes wrong; what only git can do counts as too many."""
        names = [update.name for transaction in transactions for update in transaction.updates]
        anchors = any(map(_anchors, transactions))
        # Git makes a first branch together with all else; and where it has listed the refs already, what every database has.
        if any(map(first_file, transactions)) or (anchors and self._git is not None and self._git.has_read):
            return MAX_REQUESTS + 1
        objects = (obj for transaction in transactions for obj in transaction.objects)
        uploads = self._uploads.cost(objects, MAX_REQUESTS + 1, anchors=anchors)
        if uploads is None or not all(name.startswith(RESOLVED) for name in names):
            return MAX_REQUESTS + 1
        return uploads + -(-len(names) // FIRST_BATCH)


def _anchors(transaction: Transaction) -> bool:
    """Return whether a transaction makes the repository a database: then the repository has nothing of what every database has."""
    return any(update.name == ANCHOR_TAG and update.expect is ABSENT for update in transaction.updates)
