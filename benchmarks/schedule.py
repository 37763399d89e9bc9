"""When requests are made under GitHub's limits: the second half of the model of a fleet of repositories.

Crews do runs one after the other, beside each other. A request takes its time on the way. If a limit refuses it, it is sent again
when the limit allows that, if the run may wait so long. The limits are those of the emulated GitHub.
"""

import heapq
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from benchmarks.traces import BEFORE_PUSH, FETCH, FETCH_LISTED, IF_TIME, MUTATION, PUSH, QUERY, READ, WRITE, Spent, Trace
from tests.emulator.limits import Limits, Resource
from tests.emulator.options import Options

ROUND_TRIP = 0.3
"""Seconds that a request takes: what the product, too, supposes of GitHub (``Capabilities.round_trip``)."""
RANDOM = 0.5
"""Seconds that a client waits beyond what it is asked to: it adds up to one, by chance."""

GIT_TRIES = 5
"""How often a client of git asks the same; one of the API asks as long as it has the patience."""

_AGAIN: Mapping[str, Trace] = {MUTATION: QUERY + MUTATION, PUSH: BEFORE_PUSH + PUSH, FETCH_LISTED: FETCH + FETCH_LISTED}
"""What is sent once a limit has passed, where that is more than the same request: a write looks first."""
_A_MINUTE = 61
"""What a limit of a minute asks to wait at most."""

_RESOURCES: Mapping[str, Resource] = {READ: "core", WRITE: "core", QUERY: "graphql", MUTATION: "graphql"}


@dataclass(frozen=True, slots=True)
class Run:
    """What one step, or the maintenance of one repository, asks; what fails of a part leaves the later ones.

    It begins ``after`` so many seconds, once its crew is free, and not before the moment ``due``. ``patience`` is for how many
    seconds it may go on waiting for limits.
    """

    repository: str
    token: str
    parts: Sequence[Trace]
    patience: float
    after: float = 0.0
    due: float = 0.0


@dataclass(slots=True)
class _End:
    """Whether a part of a run waited for a limit, and whether it was stopped by one."""

    waited: bool = False
    stopped: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of runs: requests that were answered and that were refused, by letter, and runs that waited or gave up.

    ``met`` says by limit when it was met first, in seconds since the beginning; ``seconds`` is how long all took.
    """

    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    met: dict[str, float] = field(default_factory=dict)
    waited: int = 0
    stopped: int = 0
    seconds: float = 0.0
    busy: list[float] = field(default_factory=list)
    """How long each run took from its beginning."""

    @property
    def spent(self) -> Spent:
        """Return all that was asked for, refused requests among it."""
        return Spent(self.asked + self.refused)

    @property
    def first(self) -> str:
        """Return the limit that was met first; empty if none was."""
        return min(self.met, key=self.met.__getitem__, default="")


def schedule(crews: Sequence[Iterable[Run]], options: Options, start: float) -> Outcome:
    """Return what becomes of the runs of these crews, from a moment on."""
    model, tickets = _Model(options, start), count()
    waiting = [(start, next(tickets), model.crew(runs)) for runs in crews]
    while waiting:
        model.moment, _, crew = heapq.heappop(waiting)
        pause = next(crew, None)
        if pause is not None:
            heapq.heappush(waiting, (model.moment + pause, next(tickets), crew))
    model.outcome.seconds = model.moment - start
    return model.outcome


class _Model:
    """The clock, the limits, and what has become of the runs so far."""

    def __init__(self, options: Options, start: float) -> None:
        self.moment = start
        self.outcome = Outcome()
        self._start = start
        self._limits = Limits(options, lambda: self.moment)

    def crew(self, runs: Iterable[Run]) -> Iterator[float]:
        """Yield the pauses of a crew."""
        for run in runs:
            pause = max(run.after, run.due - self.moment)
            if pause > 0:
                yield pause
            yield from self._run(run)

    def _run(self, run: Run) -> Iterator[float]:
        began, ends = self.moment, list[_End]()
        for part in run.parts:
            ends.append((yield from self._part(run, part, began)))
        self.outcome.waited += any(end.waited for end in ends)
        self.outcome.stopped += any(end.stopped for end in ends)
        self.outcome.busy.append(self.moment - began)

    def _part(self, run: Run, part: Trace, began: float) -> Generator[float, None, "_End"]:
        left, end, tries = deque(part), _End(), 0
        while left:
            letter = left.popleft()
            if letter == IF_TIME:
                if self.moment - began >= run.patience:
                    end.stopped = True
                    break
                continue
            yield ROUND_TRIP
            pause = self._ask(run, letter)
            if pause is None:
                # What is asked again together is counted together.
                tries = tries if left and _AGAIN.get(left[0], "").startswith(letter) else 0
                continue
            end.waited = True
            tries += 1
            given_up = letter not in _RESOURCES and tries == GIT_TRIES
            if given_up or self.moment - began + pause > run.patience:
                end.stopped = True
                break
            yield pause
            left.extendleft(reversed(_AGAIN.get(letter, letter)))
        return end

    def _ask(self, run: Run, letter: str) -> float | None:
        """Return for how long a request has to wait; None if it was answered."""
        met = self._meets(run, letter)
        if met is None:
            self.outcome.asked[letter] += 1
            return None
        limit, pause = met
        self.outcome.refused[letter] += 1
        self.outcome.met.setdefault(limit, self.moment - self._start)
        return pause + RANDOM

    def _meets(self, run: Run, letter: str) -> tuple[str, float] | None:
        resource = _RESOURCES.get(letter)
        if resource is None:
            asks = letter in PUSH + FETCH + FETCH_LISTED
            wait = self._limits.converse(run.repository, "push" if letter == PUSH else "read") if asks else None
            return None if wait is None else ("pushes a minute" if letter == PUSH else "reads by git a second", wait)
        if not self._limits.spend(run.token, resource):
            # The header has whole seconds, and the client waits one more.
            reset = self._limits.quota(run.token, resource).reset
            return f"{resource} requests an hour", max(0.0, reset - self.moment) + 1
        exceeded = self._limits.ask(run.token, resource, writes=letter in WRITE + MUTATION)
        return None if exceeded is None else (_name(exceeded[0], exceeded[1]), exceeded[1])


def _name(kind: str, seconds: int) -> str:
    return f"{kind} {'an hour' if seconds > _A_MINUTE else 'a minute'}"
