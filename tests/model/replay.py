"""The product's own code, one request at a time: it is run again from its beginning with the answers that it has had so far.

So nothing of it has to be able to stop. A run that asks for more than that ends there, and is known by its answers alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros
from git_keyval.store.port import Depth, Outcome, Selection, Snapshot, Transaction
from tests.model.database import ANCHOR, OBJECTS, ModelStore, Refs

Reply: TypeAlias = Refs | Outcome | Micros
Replies: TypeAlias = tuple[Reply, ...]
ResultT = TypeVar("ResultT")


class Asked(NamedTuple):
    """What a run asks for next: the time, the refs of one selection, or what becomes of one transaction."""

    what: Literal["now"] | Selection | Transaction


class _Unanswered(BaseException):  # not to be caught where errors are
    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self.asked = asked


@dataclass
class ReplayStore(ModelStore):
    """Gives the replies that it is given. A selection, a prefix of a listing and a transaction are a request each.

    The time is one more question if it is ``asked_for_time``.
    """

    replies: Replies = ()
    asked_for_time: bool = False
    _place: int = 0

    def run(self, act: Callable[[], ResultT], replies: Replies) -> ResultT | Asked:
        """Return what it comes to, or what it asks for after these replies."""
        self.replies, self._place = replies, 0
        try:
            return act()
        except _Unanswered as exc:
            return exc.asked

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:  # noqa: ARG002
        refs: dict[RefName, Oid] = {}
        for selection in selections:
            refs |= self._refs(selection)
        return Snapshot(refs, OBJECTS)

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        for prefix in prefixes:
            yield from self._refs(Selection(prefixes=(prefix,))).items()

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        return [self._reply(transaction) for transaction in transactions]  # type: ignore[misc]

    def now(self, *, ask: bool = False) -> Micros:  # noqa: ARG002
        return self._reply("now") if self.asked_for_time else self.clock  # type: ignore[return-value]

    def _refs(self, selection: Selection) -> dict[RefName, Oid]:
        return dict(self._reply(selection))  # type: ignore[arg-type]

    def _reply(self, what: Literal["now"] | Selection | Transaction) -> Reply:
        if self._place == len(self.replies):
            raise _Unanswered(Asked(what))
        self._place += 1
        return self.replies[self._place - 1]


def selected(refs: Refs, selection: Selection) -> Refs:
    """Return those of the refs, and of what every database has, that a selection names."""
    return tuple(ref for ref in (*refs, ANCHOR) if ref.name in selection.names or ref.name.startswith(selection.prefixes))
