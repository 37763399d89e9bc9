"""Rate limits: the primary ones per token and resource, the secondary one on content, all by an injected clock."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.emulator.options import Options

Resource = Literal["core", "graphql"]
_MINUTE = 60
_HOUR = 3_600


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
    _buckets: dict[tuple[str, Resource], _Bucket] = field(default_factory=dict)
    _writes: dict[str, deque[float]] = field(default_factory=dict)
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
                return False
            bucket.used += points
            return True

    def forget(self) -> None:
        """Begin anew, as if nothing had been asked yet."""
        with self._lock:
            self._buckets.clear()
            self._writes.clear()

    def exhaust(self, token: str, resource: Resource) -> None:
        with self._lock:
            self._bucket(token, resource).used = self._limit(resource)

    def write(self, token: str) -> int | None:
        """Count a request that writes. Gives the seconds to wait if it is one too many by the secondary limit, else None."""
        with self._lock:
            now = self.clock()
            times = self._writes.setdefault(token, deque())
            while times and times[0] <= now - _HOUR:
                times.popleft()
            for limit, span in ((self.options.content_per_minute, _MINUTE), (self.options.content_per_hour, _HOUR)):
                recent = [time for time in times if time > now - span]
                if limit is not None and len(recent) >= limit:
                    return max(1, int(recent[0] + span - now) + 1)
            times.append(now)
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
