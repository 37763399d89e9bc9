"""Many callers at once in time that is made up: each request takes some of it, and only one caller runs at any moment.

So a race of hundreds is the same each time, however slow the machine is, and nothing sleeps.
"""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import TypeVar

from git_keyval.format.objects import GitObject, Oid
from git_keyval.store.port import Depth, Outcome, Selection, Snapshot, Store, Transaction
from tests.around import StoreAround

T = TypeVar("T")


class Turns:
    """Turns for callers, each in a thread of its own, by the time at which each wants to go on."""

    def __init__(self, seed: int = 0) -> None:
        self.seconds = 0.0
        self.random = Random(seed)
        self._waiting: list[tuple[float, int, threading.Semaphore]] = []
        self._numbers = itertools.count()
        self._yielded = threading.Semaphore(0)

    def sleep(self, seconds: float) -> None:
        """Let others go on until so many seconds have passed. For callers only."""
        turn = threading.Semaphore(0)
        heapq.heappush(self._waiting, (self.seconds + seconds, next(self._numbers), turn))
        self._yielded.release()
        turn.acquire()

    def run(self, callers: Sequence[Callable[[], T]]) -> list[T]:
        """Run all callers, begun at the same moment, and return what each returned. Raises what the first of them raised."""
        results: dict[int, T] = {}
        failures: list[BaseException] = []

        def play(number: int, caller: Callable[[], T]) -> None:
            self.sleep(0)
            try:
                results[number] = caller()
            except BaseException as exc:  # noqa: BLE001  # raised below, in the thread of the test
                failures.append(exc)
            self._yielded.release()

        for number, caller in enumerate(callers):
            threading.Thread(target=play, args=(number, caller), daemon=True).start()
            self._yielded.acquire()
        while self._waiting:
            self.seconds, _, turn = heapq.heappop(self._waiting)
            turn.release()
            self._yielded.acquire()
        if failures:
            raise failures[0]
        return [results[number] for number in range(len(callers))]


class Killed(BaseException):
    """The caller was killed while a request was on its way, there or back."""


class DistantStore(StoreAround):
    """A store to which each request takes about so many seconds: half of them on the way there, half on the way back.

    Whoever makes the request is killed on the way with the number ``dies_at``, if that is not 0.
    """

    def __init__(self, store: Store, turns: Turns, round_trip: float, dies_at: int = 0) -> None:
        super().__init__(store)
        self._turns = turns
        self._round_trip = round_trip
        self._dies_at = dies_at

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        return self._request(lambda: self._store.read(*selections, depth=depth))

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        asked = tuple(oids)
        return self._request(lambda: self._store.objects(asked, depth))

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        self._travel()  # what stores the objects
        return self._request(lambda: self._store.apply(transactions))

    def _request(self, act: Callable[[], T]) -> T:
        self._travel()
        result = act()
        self._travel()
        return result

    def _travel(self) -> None:
        self._dies_at -= 1
        if self._dies_at == 0:
            raise Killed
        self._turns.sleep(self._round_trip / 2 * (0.7 + 0.6 * self._turns.random.random()))
