"""What one measured process tells about itself, as one line of JSON."""

import gc
import json
import resource
import time
from dataclasses import asdict, dataclass
from typing import Self

from benchmarks.resident import highest_resident


@dataclass(slots=True)
class Sample:
    """One measurement. ``cpu_seconds`` and ``memory_bytes`` are of the process itself, without the git processes that it starts.

    ``memory_bytes`` is the highest resident size that the process ever had; ``idle_bytes`` what it had before the work began;
    ``git_memory_bytes``, where it is measured, that of the largest of its git processes.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    git_seconds: float = 0.0
    memory_bytes: int = 0
    git_memory_bytes: int = 0
    idle_bytes: int = 0
    requests: int = 0
    listings: int = 0
    fetches: int = 0
    pushes: int = 0
    writes: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


class Meter:
    """Measures what happens in its with-statement; the work fills in the counts of ``sample``."""

    def __init__(self) -> None:
        """Prepare."""
        self.sample = Sample()

    def __enter__(self) -> Self:
        """Begin."""
        gc.collect()
        self.sample.idle_bytes = highest_resident()
        self._cpu, self._git = _cpu(resource.RUSAGE_SELF), _cpu(resource.RUSAGE_CHILDREN)
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: object, *_exc: object) -> None:
        """End, and print the sample unless the work failed."""
        self.sample.seconds = time.perf_counter() - self._started
        self.sample.cpu_seconds = _cpu(resource.RUSAGE_SELF) - self._cpu
        self.sample.git_seconds = _cpu(resource.RUSAGE_CHILDREN) - self._git
        self.sample.memory_bytes = highest_resident()
        if kind is None:
            print(json.dumps(asdict(self.sample)))


def parse(line: str) -> Sample:
    """Read what a measured process printed."""
    return Sample(**json.loads(line))


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime
