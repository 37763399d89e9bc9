"""Those who race, and the history of what all of them have done: it is told what a step says, and what a kill leaves open."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random
from threading import Lock

from tests.races.clients import Answer, Killed, StepFailedError
from tests.races.histories import Effect, Operation
from tests.races.jobs import Pace

_NOTHING_WRITTEN = ["were written each time that they were read", "did not answer"]


class UnknownError(Exception):
    """A step says that it cannot know what became of its write."""


@dataclass(slots=True)
class Ledger:
    """What all that race have done and seen."""

    operations: list[Operation] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _numbers: Iterator[int] = field(default_factory=count)

    def begin(self, effects: Mapping[str, Effect]) -> Operation:
        with self._lock:
            operation = Operation(f"op{next(self._numbers)}", time.monotonic(), effects)
            self.operations.append(operation)
            return operation


@dataclass(frozen=True, slots=True)
class Caller:
    """One of those who race, with a process of its own."""

    pace: Pace
    random: Random
    ledger: Ledger

    def until_done(self, command: str, **inputs: str) -> Answer:
        """Run what may be run again until it answers."""
        while True:
            try:
                if (answer := self.once(command, **inputs)) is not None:
                    return answer
            except (Killed, UnknownError):
                continue

    def once(self, command: str, **inputs: str) -> Answer | None:
        """Run a step; None where it says that it has written nothing. Raises Killed, or UnknownError where it says that."""
        try:
            return self.pace.run(command, **inputs)
        except StepFailedError as exc:
            if "It cannot be known whether" in exc.log:
                raise UnknownError from exc
            if not any(words in exc.log for words in _NOTHING_WRITTEN):
                raise
            return None
