"""A plan: what a job would do, as data that can be printed, counted, and executed once."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from git_keyval.format.names import RefName
from git_keyval.store.port import Transaction


@dataclass(frozen=True, slots=True)
class Action:
    """One independent ref transaction of a job, the ref that stands for it in the report, and why it is done.

    ``elements`` counts the expired elements that it takes out of a map or an array.
    """

    ref: RefName
    why: str
    transaction: Transaction
    elements: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """A ref that a job leaves alone although it looks like work, and why. ``notable`` is worth a warning; the rest only waits."""

    ref: RefName
    why: str
    notable: bool = True


@dataclass(slots=True)
class Plan:
    """What a job would do. ``examined`` counts the refs looked at; ``facts`` are numbers for the report.

    ``expiries`` counts live keys by when they expire, ``ages`` breadcrumbs by how old they were: soonest and youngest first.
    ``batch`` bounds how many actions go into one batch, where that is not left to what the server takes.
    """

    job: str
    examined: int = 0
    actions: list[Action] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)
    expiries: dict[str, int] = field(default_factory=dict)
    ages: dict[str, int] = field(default_factory=dict)
    batch: int | None = None

    def take(self) -> Iterator[Action]:
        """Give the actions away, in order: a plan is executed once."""
        actions, self.actions = self.actions, []
        yield from actions


def counted(count: int, one: str, many: str = "") -> str:
    """Give a number with its noun, whose plural has an s unless it is given."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
