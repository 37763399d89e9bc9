"""A store behind a server that does not want everything, and a log of what it was asked to write."""

from collections.abc import Callable, Sequence

from git_keyval.errors import UnavailableError
from git_keyval.store.port import Capabilities, Outcome, Refused, Store, Transaction
from tests.around import StoreAround
from tests.replacing import replace


class Choosy(StoreAround):
    """Refuses calls of more transactions than ``at_most``, and every transaction that ``declines`` says so of.

    With ``says_why`` it says of the former that they are too large. From the call number ``gone_at`` on it cannot be reached.
    """

    def __init__(
        self,
        store: Store,
        *,
        at_most: int = 1_000_000,
        batch: int = 1_000,
        says_why: bool = False,
        gone_at: int = 1_000_000,
        declines: Callable[[Transaction], bool] = lambda _transaction: False,
    ) -> None:
        super().__init__(store)
        self.batch = batch
        self.sizes: list[int] = []
        """How many transactions each call of apply had."""
        self._at_most = at_most
        self._says_why = says_why
        self._gone_at = gone_at
        self._declines = declines

    @property
    def capabilities(self) -> Capabilities:
        return replace(self._store.capabilities, batch=self.batch)

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        self.sizes.append(len(transactions))
        if len(self.sizes) >= self._gone_at:
            raise UnavailableError("gone")
        if len(transactions) > self._at_most:
            return [Refused("a push of too many refs", too_large=self._says_why) for _ in transactions]
        return [
            Refused("protected") if self._declines(transaction) else self._store.apply([transaction])[0]
            for transaction in transactions
        ]
