"""The one policy for asking again: what may be repeated, how long to wait in between, and when to give up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from git_keyval.errors import UnavailableError
from git_keyval.store.github.failures import LostReplyError, RateLimitedError, gave_up

_MAX_LOST = 5
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 8.0
_UNTOLD_WAIT_SECONDS = 60.0
"""What GitHub asks to wait at the least where it does not say how long; longer each time."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on. ``seconds`` is what the whole run may take, ``elapsed`` what it took so far, ``random`` is from 0 to 1."""

    seconds: float
    elapsed: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]

    def repeat(self, send: Callable[[], _T]) -> _T:
        """Send a request that may be sent again: one that reads, or that uploads what is named by its content.

        Raises StoreError when it gives up, and at once what is no accident.
        """
        retrying = Retrying(
            retry=retry_if_exception_type((LostReplyError, RateLimitedError)),
            wait=self._pause,
            stop=self._is_over,
            sleep=self.sleep,
            reraise=True,
        )
        try:
            return retrying(send)
        except (LostReplyError, RateLimitedError) as exc:
            raise gave_up(exc) from exc

    def by_git(self, send: Callable[[], _T]) -> _T:
        """Do the same with what git does: a server that cannot be reached, or has no time, is asked again."""

        def attempt() -> _T:
            try:
                return send()
            except UnavailableError as exc:
                raise LostReplyError(exc.what) from exc

        return self.repeat(attempt)

    def wait_out(self, limit: RateLimitedError, attempt: int) -> None:
        """Wait until a limit allows the next attempt. Raises StoreError if that would take longer than the run may."""
        pause = self._limit_pause(limit, attempt)
        if self.elapsed() + pause > self.seconds:
            raise gave_up(limit)
        self.sleep(pause)

    def _pause(self, state: RetryCallState) -> float:
        failure = _failure(state)
        if isinstance(failure, RateLimitedError):
            return self._limit_pause(failure, state.attempt_number)
        longest = min(_FIRST_PAUSE_SECONDS * float(2 ** (state.attempt_number - 1)), _LONGEST_PAUSE_SECONDS)
        return longest * (0.5 + self.random() / 2)

    def _limit_pause(self, limit: RateLimitedError, attempt: int) -> float:
        if limit.seconds is not None:
            return limit.seconds + self.random()
        return _UNTOLD_WAIT_SECONDS * float(2 ** (attempt - 1)) + self.random()

    def _is_over(self, state: RetryCallState) -> bool:
        if isinstance(_failure(state), LostReplyError) and state.attempt_number >= _MAX_LOST:
            return True
        return self.elapsed() + self._pause(state) > self.seconds


def _failure(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()
