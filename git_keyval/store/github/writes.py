"""Writes: by the API what takes few requests there, by one push what does not."""

from collections.abc import Sequence

from git_keyval.errors import StoreError
from git_keyval.format.names import MAIN_BRANCH
from git_keyval.store.git import GitStore
from git_keyval.store.github.failures import EmptyRepositoryError, RejectedError
from git_keyval.store.github.moves import FIRST_BATCH, Moves
from git_keyval.store.github.queries import RESOLVED
from git_keyval.store.github.repository import Repository
from git_keyval.store.github.uploads import Uploads
from git_keyval.store.port import Outcome, Refused, Transaction

MAX_REQUESTS = 4
"""What a write may take on the API; git does any write in two requests, but may push only a few times a minute."""


class Writes:
    """Applies transactions to one repository; without ``git`` by its API only."""

    def __init__(self, repository: Repository, uploads: Uploads, git: GitStore | None) -> None:
        """Write to the repository, by the API and by git."""
        self._repository = repository
        self._uploads = uploads
        self._moves = Moves(repository, uploads)
        self._git = git
        self._push_refused = False

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Apply the transactions; one outcome each. Raises StoreError where nothing was applied."""
        if not self._git or self._push_refused or self._cost(transactions) <= MAX_REQUESTS:
            return self._apply_by_api(transactions)
        return self._retried(transactions, list(self._git.apply(transactions)))

    def _apply_by_api(self, transactions: Sequence[Transaction]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        try:
            for index, transaction in enumerate(transactions):
                try:
                    self._uploads.store(transaction.objects)
                except RejectedError as exc:
                    outcomes[index] = Refused(str(exc))
        except EmptyRepositoryError as exc:
            return self._apply_to_empty(transactions, exc)
        left = [index for index in range(len(transactions)) if index not in outcomes]
        outcomes |= zip(left, self._moves.apply([transactions[index] for index in left]), strict=True)
        return [outcomes[index] for index in range(len(transactions))]

    def _apply_to_empty(self, transactions: Sequence[Transaction], cause: EmptyRepositoryError) -> list[Outcome]:
        """Push the first branch, which is all that an empty repository takes."""
        makes_main = any(update.name == MAIN_BRANCH for transaction in transactions for update in transaction.updates)
        if not (makes_main and self._git):
            raise StoreError(
                f"The repository {self._repository.name} is empty, and GitHub stores nothing in such a one.",
                "Run the command 'init' first, with 'transport' as it is by default.",
            ) from cause
        return list(self._git.apply(transactions))

    def _retried(self, transactions: Sequence[Transaction], outcomes: list[Outcome]) -> list[Outcome]:
        """Try by the API what a push was refused for: a rule may be about pushes of many refs only."""
        refused = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Refused) and not outcome.too_large]
        if not refused:
            return outcomes
        first, *others = refused
        (probe,) = self._apply_by_api([transactions[first]])
        if isinstance(probe, Refused):
            return outcomes
        self._push_refused = True
        outcomes[first] = probe
        for index, outcome in zip(others, self._apply_by_api([transactions[index] for index in others]), strict=True):
            outcomes[index] = outcome
        return outcomes

    def _cost(self, transactions: Sequence[Transaction]) -> int:
        """Count the API requests that the transactions take if nothing goes wrong; too many for what only git can do."""
        names = [update.name for transaction in transactions for update in transaction.updates]
        uploads = self._uploads.cost(obj for transaction in transactions for obj in transaction.objects)
        if uploads is None or not all(name.startswith(RESOLVED) for name in names):
            return MAX_REQUESTS + 1
        return uploads + -(-len(names) // FIRST_BATCH)
