"""The one policy for asking again: what may be repeated, how long to wait in between, and when to give up."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from git_keyval.errors import UnavailableError
from git_keyval.light_dataclasses import dataclass

if TYPE_CHECKING:
    from tenacity import RetryCallState

_MAX_LOST = 5
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 8.0
UNTOLD_WAIT_SECONDS = 60.0
"""How long to wait for a limit at least, if the server does not say how long; GitHub asks to wait longer each time."""

_T = TypeVar("_T")


class LostReplyError(Exception):
    """No answer came, or none that can be read: whether the server did what was asked is not known."""

    def __init__(self, cause: str, *, heavy: bool = False) -> None:
        """Keep the cause; ``heavy`` where the server may have given up because too much was asked for at once."""
        self.cause = cause
        self.heavy = heavy
        super().__init__(cause)


class RateLimitedError(Exception):
    """The server did nothing, because too much was asked of it. ``seconds`` to wait, None if it does not say."""

    def __init__(self, reason: str, seconds: float | None) -> None:
        """Keep what the server said, and for how long."""
        self.reason = reason
        self.seconds = seconds
        super().__init__(reason)


class NotYetError(Exception):
    """The server did nothing, because it does not know something yet that it will know a moment later."""


_PASSING = (LostReplyError, RateLimitedError, NotYetError, UnavailableError)
"""Failures that may be gone a moment later. Any other is final."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on. ``seconds`` is what the whole run may take, ``elapsed`` what it took so far, ``random`` is from 0 to 1."""

    seconds: float
    elapsed: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]

    def repeat(self, send: Callable[[], _T]) -> _T:
        """Send a request that may be sent again: one that reads, or that uploads what is named by its content.

        Raises at once a failure that cannot pass, and, when it gives up, the last one of those that may.
        """
        try:
            return send()
        except _PASSING as exc:
            return self.again(exc, send)

    def again(self, first: Exception, send: Callable[[], _T]) -> _T:
        """Repeat a request that has failed once, with this failure."""
        from tenacity import Retrying, retry_if_exception_type  # noqa: PLC0415  # slow to import, and seldom is anything repeated

        failed = iter([first])

        def attempt() -> _T:
            for failure in failed:
                raise failure
            return send()

        retrying = Retrying(
            retry=retry_if_exception_type(_PASSING), wait=self._pause, stop=self._is_over, sleep=self.sleep, reraise=True
        )
        return retrying(attempt)

    def give_way(self, attempt: int) -> None:
        """Wait a moment, so that one of several writers that are in each other's way gets through."""
        self.sleep(min(0.01 * 2**attempt, 0.5) * (0.5 + self.random() / 2))

    def wait_for_copies(self, attempt: int) -> bool:
        """Wait before a request is sent again that failed because a copy lags behind; return False after the last attempt."""
        if attempt >= _MAX_LOST:
            return False
        self.sleep(self._lost_pause(attempt))
        return True

    def wait_out(self, limit: RateLimitedError, attempt: int) -> bool:
        """Wait until a limit allows the next attempt; return False at once if that would take longer than the run may."""
        pause = self._limit_pause(limit, attempt)
        if self.elapsed() + pause > self.seconds:
            return False
        self.sleep(pause)
        return True

    def _pause(self, state: "RetryCallState") -> float:
        failure = _failure(state)
        if isinstance(failure, RateLimitedError):
            return self._limit_pause(failure, state.attempt_number)
        if isinstance(failure, UnavailableError) and failure.seconds is not None:
            return failure.seconds + self.random()
        return self._lost_pause(state.attempt_number)

    def _lost_pause(self, attempt: int) -> float:
        return min(_FIRST_PAUSE_SECONDS * float(2 ** (attempt - 1)), _LONGEST_PAUSE_SECONDS) * (0.5 + self.random() / 2)

    def _limit_pause(self, limit: RateLimitedError, attempt: int) -> float:
        if limit.seconds is not None:
            return limit.seconds + self.random()
        return UNTOLD_WAIT_SECONDS * float(2 ** (attempt - 1)) + self.random()

    def _is_over(self, state: "RetryCallState") -> bool:
        if not isinstance(_failure(state), RateLimitedError) and state.attempt_number >= _MAX_LOST:
            return True
        return self.elapsed() + self._pause(state) > self.seconds


def _failure(state: "RetryCallState") -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()
