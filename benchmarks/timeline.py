"""Time that passes only where somebody waits: threads that take turns, the one whose time is earliest first."""

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence

from git_keyval.format.times import SECOND, Micros


class Timeline:
    """One clock for threads of which one runs at a time. Seconds are since 1970.

    What runs holds the only turn. It gives it up where it waits, and gets it back when the clock has come there. So the same work
    takes the same time at every run, however busy the machine is.
    """

    def __init__(self, start: float) -> None:
        """Begin at a moment; nobody waits yet."""
        self._moment = start
        self._turns = threading.Condition()
        self._waiting: list[tuple[float, int]] = []
        self._turn: tuple[float, int] | None = None
        self._tickets = itertools.count()

    def now(self) -> float:
        """Return the time."""
        return self._moment

    def micros(self) -> Micros:
        """Return the time as the product's clocks do."""
        return Micros(round(self._moment * SECOND))

    def wait(self, seconds: float) -> None:
        """Let time pass for whoever has the turn; it serves as a ``sleep``."""
        with self._turns:
            ticket = self._queue(self._moment + max(0.0, seconds))
            self._give_turn()
            self._turns.wait_for(lambda: self._turn == ticket)

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Do works at once, each in a thread, from now on; return at the end of the last. Raises the first error of one."""
        errors: list[BaseException] = []
        with self._turns:
            tickets = [self._queue(self._moment) for _ in works]
        threads = [
            threading.Thread(target=self._work, args=(work, ticket, errors)) for work, ticket in zip(works, tickets, strict=True)
        ]
        for thread in threads:
            thread.start()
        with self._turns:
            self._give_turn()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _work(self, work: Callable[[], None], ticket: tuple[float, int], errors: list[BaseException]) -> None:
        with self._turns:
            self._turns.wait_for(lambda: self._turn == ticket)
        try:
            work()
        except BaseException as exc:  # noqa: BLE001  # another thread raises it
            errors.append(exc)
        finally:
            with self._turns:
                self._give_turn()

    def _queue(self, moment: float) -> tuple[float, int]:
        ticket = (moment, next(self._tickets))
        heapq.heappush(self._waiting, ticket)
        return ticket

    def _give_turn(self) -> None:
        """Give the turn to the earliest that waits; the clock is there then."""
        self._turn = heapq.heappop(self._waiting) if self._waiting else None
        if self._turn is not None:
            self._moment = max(self._moment, self._turn[0])
            self._turns.notify_all()
