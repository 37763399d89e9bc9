"""What a fleet of repositories has to do in a night and in a day, as runs of the model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from sys import maxsize

from benchmarks.schedule import Run
from benchmarks.traces import STEPS, Shape, Transport, maintenance
from git_keyval.format.names import Naming

JOB_START = 30.0
"""Seconds from a job's beginning until its first request: a runner that begins, and a container that starts. Supposed."""
MOMENTS = 60
"""At how many different minutes things expire in a night, and as many of what expires later."""
BRANCHES = 5_000
"""https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits#repository-size"""
OWNER = "org"

_HEX = "0123456789abcdef"
_PAIRS = tuple(first + second for first in _HEX for second in _HEX)


@dataclass(frozen=True, slots=True)
class Kind:
    """A fleet of so many repositories: 16 and 256 are one database, of which each key has its place; others are many databases."""

    repositories: int

    @property
    def digits(self) -> int:
        """Return the ``repository-shard-length``, 0 where there is none."""
        return {16: 1, 256: 2}.get(self.repositories, 0)

    @classmethod
    def for_keys(cls, keys: int) -> "Kind":
        """Return the smallest fleet whose repositories stay below GitHub's 5,000 branches."""
        return next(kind for kind in map(cls, (1, 16, 256)) if busy(keys // kind.repositories).branches <= BRANCHES)

    @property
    def shards(self) -> Sequence[str]:
        """Return what stands for each repository in its name."""
        return {16: _HEX, 256: _PAIRS}.get(self.repositories, [str(number) for number in range(self.repositories)])

    @property
    def naming(self) -> Naming:
        """Return how keys are named: by one digit more than repositories."""
        return Naming(max(2, self.digits + 1))


def name_of(shard: str) -> str:
    """Return the full name of a repository."""
    return f"{OWNER}/kv-{shard}"


def busy(keys: int) -> Shape:
    """Return the shape of a repository of which one key in four has a lifetime, of 25 days.

    Ten keys are taken out of it a day by ``getdel``, and two counters have increments that wait.
    """
    expiring, expired = keys // 4, keys // 100
    soon, later = min(MOMENTS, expired), min(MOMENTS, expiring - expired)
    return Shape(keys, expiring, expired, counters=2, crumbs=2, maps=1, ended=2, parked=10, moments=soon + later + (soon < MOMENTS))


def idle(keys: int) -> Shape:
    """Return the shape of a repository for steps of all kinds, in which nothing expires."""
    return Shape(keys, counters=keys // 4, maps=keys // 8)


def night(
    shapes: Mapping[str, Shape],
    transport: Transport,
    patience: float,
    *,
    each: bool,
    tokens: Sequence[str] = ("",),
    max_writes: int = maxsize,
) -> Iterator[Run]:
    """Yield the maintenance of each repository, by shard: in a job of its own, or ``each`` after the other in one.

    ``tokens`` are used in turn. ``max_writes`` is for each repository.
    """
    for number, ((shard, shape), token) in enumerate(zip(shapes.items(), cycle(tokens))):
        after = 0.0 if each and number else JOB_START
        yield Run(name_of(shard), token, maintenance(shape, transport, max_writes), patience, after=after)


def day(
    kind: Kind,
    mix: Mapping[str, int],
    transport: Transport,
    patience: float,
    *,
    spacing: float,
    begin: float,
    tokens: Sequence[str] = ("",),
) -> Iterator[tuple[str, str, Run]]:
    """Yield steps of a mix for ever, each so many seconds after the one before: their kind, shard and run.

    They go from repository to repository.
    """
    order = zip(cycle(_spread(mix)), cycle(kind.shards), cycle(tokens))
    for number, (step, shard, token) in enumerate(order):
        yield step, shard, Run(name_of(shard), token, [STEPS[step][transport]], patience, due=begin + number * spacing)


def _spread(mix: Mapping[str, int]) -> list[str]:
    """Return the kinds of a mix, each spread over the whole."""
    places = [((turn + 0.5) / count, kind) for kind, count in mix.items() for turn in range(count)]
    return [kind for _, kind in sorted(places)]
