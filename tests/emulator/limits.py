"""Rate limits, by an injected clock: the primary ones per token and resource, and what else is limited in a short time."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.emulator.options import Options

Resource = Literal["core", "graphql"]
Operation = Literal["push", "read"]
_SECOND, _MINUTE, _HOUR = 1, 60, 3_600
_MUTATION_POINTS, _WRITE_POINTS, _READ_POINTS = 5, 5, 1
"""What a request counts for the limits on points; those of a query are others than its points of the primary limit."""

_Window = tuple[int | None, int]
"""How much is allowed, if it is limited, in how many seconds."""


@dataclass(slots=True)
class _Bucket:
    reset: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """A primary limit at one moment."""

    resource: Resource
    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (
            ("X-RateLimit-Limit", str(self.limit)),
            ("X-RateLimit-Remaining", str(self.remaining)),
            ("X-RateLimit-Used", str(self.used)),
            ("X-RateLimit-Reset", str(self.reset)),
            ("X-RateLimit-Resource", self.resource),
        )

    @property
    def members(self) -> dict[str, int]:
        return {"limit": self.limit, "remaining": self.remaining, "reset": self.reset, "used": self.used}


@dataclass(slots=True)
class Limits:
    """What tokens have used. A window starts with the first request in it."""

    options: Options
    clock: Callable[[], float]
    exceeded: Counter[str] = field(default_factory=Counter)
    """How many requests were refused, by what they exceeded: a resource, ``points``, ``content``, ``push`` or ``read``."""
    _buckets: dict[tuple[str, Resource], _Bucket] = field(default_factory=dict)
    _recent: dict[tuple[str, str], deque[tuple[float, int]]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def quota(self, token: str, resource: Resource) -> Quota:
        with self._lock:
            bucket = self._bucket(token, resource)
            return Quota(resource, self._limit(resource), bucket.used, int(bucket.reset))

    def spend(self, token: str, resource: Resource, points: int = 1) -> bool:
        """Take points from the primary limit. False, and nothing taken, if there are none left."""
        with self._lock:
            bucket = self._bucket(token, resource)
            if bucket.used >= self._limit(resource):
                self.exceeded[resource] += 1
                return False
            bucket.used += points
            return True

    def forget(self) -> None:
        """Begin anew, as if nothing had been asked yet."""
        with self._lock:
            self._buckets.clear()
            self._recent.clear()

    def exhaust(self, token: str, resource: Resource) -> None:
        with self._lock:
            self._bucket(token, resource).used = self._limit(resource)

    def ask(self, token: str, resource: Resource, *, writes: bool) -> tuple[str, int] | None:
        """Count a request for the secondary limits. Give which of them it exceeds, and the seconds to wait; None if none."""
        options = self.options
        per_minute = options.graphql_points_per_minute if resource == "graphql" else options.rest_points_per_minute
        points = (_MUTATION_POINTS if resource == "graphql" else _WRITE_POINTS) if writes else _READ_POINTS
        content = ((options.content_per_minute, _MINUTE), (options.content_per_hour, _HOUR))
        with self._lock:
            wait = self._take(token, resource, points, (per_minute, _MINUTE))
            what = "points"
            if wait is None and writes:
                what, wait = "content", self._take(token, "content", 1, *content)
            if wait is None:
                return None
            self.exceeded[what] += 1
            return what, wait

    def converse(self, repository: str, operation: Operation) -> int | None:
        """Count a push to a repository, or a read by git. Give the seconds to wait if it is one too many, else None."""
        options = self.options
        allowed = {"push": (options.pushes_per_minute, _MINUTE), "read": (options.git_reads_per_second, _SECOND)}
        with self._lock:
            wait = self._take(repository, operation, 1, allowed[operation])
            self.exceeded[operation] += wait is not None
            return wait

    def _take(self, who: str, what: str, amount: int, *windows: _Window) -> int | None:
        now = self.clock()
        taken = self._recent.setdefault((who, what), deque())
        while taken and taken[0][0] <= now - max(span for _, span in windows):
            taken.popleft()
        for limit, span in windows:
            if limit is None or _WRITE_POINTS * len(taken) + amount <= limit:
                continue
            recent = [(time, number) for time, number in taken if time > now - span]
            excess = sum(number for _, number in recent) + amount - limit
            for time, number in recent:
                excess -= number
                if excess <= 0 < excess + number:
                    return max(1, int(time + span - now) + 1)
        taken.append((now, amount))
        return None

    def _limit(self, resource: Resource) -> int:
        return self.options.core_limit if resource == "core" else self.options.graphql_limit

    def _bucket(self, token: str, resource: Resource) -> _Bucket:
        now = self.clock()
        bucket = self._buckets.get((token, resource))
        if bucket is None or now >= bucket.reset:
            # Whole seconds, so that waiting until the announced moment is enough.
            bucket = _Bucket(float(int(now + self.options.window)))
            self._buckets[token, resource] = bucket
        return bucket
