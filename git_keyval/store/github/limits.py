"""GitHub's rate limits: how an answer shows them, and how much is left.

The primary limit counts requests of an hour; ``x-ratelimit-*`` headers show it. The secondary one is about requests in a short
time, and about writes: its state cannot be asked for, and its answers need not say how long to wait. Both come as status 403 or
429, and from GraphQL as errors with status 200, too
(https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit).
"""

import re
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any

from git_keyval.format.times import SECOND
from git_keyval.store.clock import ServerClock
from git_keyval.store.patience import RateLimitedError

# "API rate limit exceeded for …", "… already exceeded for …", "You have exceeded a secondary rate limit", "… temporarily blocked
# from content creation": the texts that GitHub is known to send.
_TEXT = re.compile(r"rate limit|secondary rate|blocked from content creation|abuse detection", re.IGNORECASE)
_TYPES = {"RATE_LIMITED", "RATE_LIMIT"}
_STATUSES = {0, 403, 429}


class RateLimits:
    """What is left of the primary limits, by resource, as far as answers said."""

    def __init__(self) -> None:
        self._remaining: dict[str, int] = {}

    def learn(self, headers: Mapping[str, Any]) -> None:
        """Learn from the headers of an answer."""
        remaining = _number(headers, "x-ratelimit-remaining")
        if remaining is not None:
            self._remaining[str(headers.get("x-ratelimit-resource", ""))] = int(remaining)

    @property
    def remaining(self) -> int | None:
        """Return the least that is left of a limit that was used; None before any answer said so."""
        return min(self._remaining.values(), default=None)


def limited(
    status: int, headers: Mapping[str, Any], message: str, kinds: Collection[str], clock: ServerClock
) -> RateLimitedError | None:
    """Return the error if an answer says that a rate limit was exceeded.

    ``status`` is 0 for GraphQL errors that came with status 200; ``kinds`` are their types.
    """
    if status not in _STATUSES:
        return None
    used_up = headers.get("x-ratelimit-remaining") == "0" and status != 0
    if not (status == HTTPStatus.TOO_MANY_REQUESTS or used_up or _TYPES.intersection(kinds) or _TEXT.search(message)):
        return None
    return RateLimitedError(message or "no reason given", _seconds(headers, clock))


def _seconds(headers: Mapping[str, Any], clock: ServerClock) -> float | None:
    """Return how long to wait: as the server asks, or until the limit that is used up starts anew; None if neither is known."""
    asked = _number(headers, "retry-after")
    if asked is not None:
        return asked
    reset = _number(headers, "x-ratelimit-reset")
    if reset is None or headers.get("x-ratelimit-remaining") != "0":
        return None
    # A second more, because the header has whole seconds.
    return max(0.0, reset - clock.now() / SECOND) + 1


def _number(headers: Mapping[str, Any], name: str) -> float | None:
    try:
        return float(headers[name])
    except (KeyError, ValueError):
        return None
