"""The server's clock, as far as the answers to requests show it."""

from collections.abc import Callable

from git_keyval.format.times import SECOND, Micros


class ServerClock:
    """This machine's time, corrected by the server's where the two differ by more than the precision of its header."""

    def __init__(self, clock: Callable[[], Micros]) -> None:
        self._clock = clock
        self._offset = 0
        self.is_known = False
        """Whether an answer has had the server's time."""

    def now(self) -> Micros:
        """Return the time."""
        return Micros(self._clock() + self._offset)

    def learn(self, date: str) -> None:
        """Learn the time from a Date header, which has whole seconds: within the second nothing is corrected.

        Where the server sends no time, or no readable one, the time stays this machine's.
        """
        from email.utils import parsedate_to_datetime  # noqa: PLC0415  # slow to import, and a path has no such header

        try:
            server = int(parsedate_to_datetime(date).timestamp()) * SECOND
        except ValueError:
            return
        self.is_known = True
        here = self._clock()
        self._offset = 0 if server - SECOND <= here <= server + 2 * SECOND else server + SECOND // 2 - here
