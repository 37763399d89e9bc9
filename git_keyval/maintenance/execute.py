"""Executing a plan once: in batches that adapt, within a budget."""

from collections.abc import Callable, Sequence
from math import inf
from sys import maxsize
from typing import TypeAlias

from git_keyval.database.database import Database
from git_keyval.database.writing import Write, Writer
from git_keyval.errors import OutcomeUnknownError, StoreError, TornWriteError
from git_keyval.format.names import RefName
from git_keyval.light_dataclasses import dataclass, field, replace
from git_keyval.maintenance.plan import Action, Left, Plan, Trouble, Waiting
from git_keyval.store.port import Applied, Conflict, Refused

MAX_BATCH = 50_000
MAX_UPDATES = 150_000
"""How many refs a batch moves, unless a single action has more: a map may lose any number of elements."""
_SAME_REFUSALS = 3
_LOST_REPLIES = 3


@dataclass(slots=True)
class Budget:
    """What a run may still spend: ``writes`` are ref transactions. ``spent`` names the limit that was reached, if one was."""

    elapsed: Callable[[], float]
    writes: int = maxsize
    seconds: float = inf
    spent: str = ""

    def allows(self) -> bool:
        """Return whether another batch may start."""
        if self.writes <= 0:
            self.spent = "max-writes"
        elif self.elapsed() >= self.seconds:
            self.spent = "max-seconds"
        return not self.spent

    def part(self, writes: int) -> "Budget":
        """Return what one job may spend: what is left, and no more than so many writes."""
        return replace(self, writes=min(self.writes, writes))


@dataclass(slots=True)
class Done:
    """What became of a plan. ``deferred`` counts what the budget did not reach."""

    plan: Plan
    planned: int
    applied: list[Action] = field(default_factory=list)
    conflicts: list[Left] = field(default_factory=list)
    failed: list[Left] = field(default_factory=list)
    deferred: int = 0
    error: str = ""

    @property
    def notable(self) -> list[Left]:
        """Return what had to be left alone and will not go away by itself."""
        return [*self.failed, *(left for left in self.plan.left if left.notable)]

    @property
    def waiting(self) -> list[Left]:
        """Return what was left to time, or to the next run."""
        return [*(left for left in self.plan.left if not left.notable), *self.conflicts]

    def numbers(self) -> dict[str, int]:
        """Count it, in this order: refs ``examined`` and ``left`` alone on purpose, and between them ref transactions."""
        return {
            "examined": self.plan.examined,
            "planned": self.planned,
            "applied": len(self.applied),
            "conflicts": len(self.conflicts),
            "failed": len(self.failed),
            "deferred": self.deferred,
            "left": len(self.plan.left),
        }


_Pending: TypeAlias = tuple[Action, Write]


@dataclass(slots=True)
class _Queue:
    waiting: list[_Pending]
    size: int
    most: int
    refusals: list[str] = field(default_factory=list)
    lost: int = 0

    def next_batch(self, limit: int) -> list[_Pending]:
        """Take actions in order, up to the first that depends on one before it, as it touches a ref of it, or that is too much."""
        taken: set[RefName] = set()
        batch: list[_Pending] = []
        for action, write in self.waiting[: min(self.size, self.most, limit)]:
            names = {update.name for update in action.transaction.updates}
            if names & taken or (batch and len(taken) + len(names) > MAX_UPDATES):
                break
            taken |= names
            batch.append((action, write))
        del self.waiting[: len(batch)]
        return batch

    def retry(self, batch: Sequence[_Pending], again: Sequence[_Pending]) -> None:
        """Halve what goes into a batch where a part of it has to be sent again, and grow back where nothing has.

        It goes to the end of the queue: what the server takes is not kept waiting by what it refuses.
        """
        self.size = max(1, len(batch) // 2) if again else self.size * 2
        self.waiting += again

    def hopeless(self) -> str:
        """Return why going on makes no sense: single writes refused for one reason, or replies lost, again and again."""
        if self.lost >= _LOST_REPLIES:
            return "replies were lost again and again"
        if len(self.refusals) >= _SAME_REFUSALS and len(set(self.refusals)) == 1:
            return self.refusals[0]
        return ""


def execute(database: Database, plan: Plan, budget: Budget) -> Done:
    """Apply the plan's transactions; a conflict means that somebody changed what was read, and leaves it to the next run."""
    pending = [(action, Write(action.transaction)) for action in plan.take()]
    queue = _Queue(pending, database.store.capabilities.batch, plan.batch or MAX_BATCH)
    done = Done(plan, planned=len(queue.waiting))
    # Once for each batch: a server may answer what is too large for it so that nobody can read it.
    writer = Writer(replace(database, max_attempts=1))
    while queue.waiting and budget.allows():
        batch = queue.next_batch(budget.writes)
        before = len(done.applied)
        try:
            _write(writer, queue, done, batch)
        except (StoreError, TornWriteError) as exc:
            # What was done so far is worth a report; the next run takes up what is left.
            queue.waiting[:0] = batch
            done.error = exc.text
            break
        queue.most = min(queue.most, writer.most)
        budget.writes -= len(done.applied) - before
        database.progress(f"{plan.job}: writes", done.planned - len(queue.waiting), done.planned)
        if hopeless := queue.hopeless():
            done.failed += [Left(action.ref, Trouble.GIVEN_UP, hopeless) for action, _ in queue.waiting]
            queue.waiting.clear()
    done.deferred = len(queue.waiting)
    return done


def _write(writer: Writer, queue: _Queue, done: Done, batch: Sequence[_Pending]) -> None:
    """Send a batch once, and note what became of each action."""
    again: list[_Pending] = []
    ends = writer.write([write for _, write in batch])
    queue.lost = queue.lost + 1 if any(write.end is None for _, write in batch) else 0
    for (action, write), end in zip(batch, ends, strict=True):
        match end:
            case Applied():
                done.applied.append(action)
                queue.refusals.clear()
            case Conflict():
                done.conflicts.append(Left(action.ref, Waiting.CHANGED))
            case Refused() if len(batch) == 1:
                done.failed.append(Left(action.ref, Trouble.REFUSED, str(end)))
                queue.refusals.append(end.reason)
            case OutcomeUnknownError() if write.end is not None:
                # By whom its refs were moved makes no difference to the next run.
                done.conflicts.append(Left(action.ref, Waiting.UNKNOWN, end.cause))
            case _:
                write.end = None
                again.append((action, write))
    queue.retry(batch, again)
