"""How a command waits that looks again and again: at first after about a second, then less and less often."""

from collections.abc import Sequence

from git_keyval.database.command import Moment, Wait
from git_keyval.format.times import SECOND, Micros
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.store.port import Selection

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 15.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a command that waits remembers: for how long it waits in all, until when, and how long the next pause is (seconds).

    ``first`` is what it saw when it began, and ``longest`` how long a pause becomes.
    """

    seconds: int
    deadline: Micros
    first: object = None
    pause: float = _FIRST_PAUSE_SECONDS
    longest: float = _LONGEST_PAUSE_SECONDS

    @classmethod
    def of(cls, moment: Moment, seconds: int, first: object = None, interval: int | None = None) -> "Waiting":
        """Return what it remembers, or begin; each pause takes the ``interval``, if there is one."""
        begun = moment.memory if isinstance(moment.memory, cls) else None
        pauses = () if interval is None else (interval, interval)
        return begun or cls(seconds, Micros(moment.now + seconds * SECOND), first, *pauses)

    def is_over(self, now: Micros) -> bool:
        """Return whether its time is over."""
        return self.deadline <= now

    def paused(self, now: Micros, what: str, watched: Selection, endings: Sequence[Micros]) -> Wait:
        """Return the next pause, which is over when any of the ``endings`` comes: then the same refs mean something else."""
        left = (self.deadline - now) / SECOND
        return Wait(
            self.pause,
            most=min(left, *((ending - now) / SECOND for ending in endings)) if endings else left,
            watched=watched,
            progress=(f"Waiting for the {what}, seconds", round(self.seconds - left), self.seconds),
            memory=replace(self, pause=min(2 * self.pause, self.longest)),
        )
