"""Executing a plan once: in batches that adapt, within a budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from git_keyval.errors import StoreError, TornWriteError
from git_keyval.format.names import RefName
from git_keyval.progress import Progress
from git_keyval.store.port import ABSENT, DELETE, Applied, Conflict, Depth, Outcome, Refused, Selection, Store, Unknown
from maintenance.plan import Action, Left, Plan, Reason

MAX_BATCH = 50_000
MAX_UPDATES = 150_000
"""How many refs a batch moves, unless a single action has more: a map may lose any number of elements."""
_SAME_REFUSALS = 3
_LOST_REPLIES = 3


@dataclass(slots=True)
class Budget:
    """What a run may still spend: ``writes`` are ref transactions. ``spent`` names the limit that was reached, if one was."""

    writes: int | None
    seconds: float | None
    elapsed: Callable[[], float]
    spent: str = ""

    def allows(self) -> bool:
        """Return whether another batch may start."""
        if self.writes is not None and self.writes <= 0:
            self.spent = "max-writes"
        elif self.seconds is not None and self.elapsed() >= self.seconds:
            self.spent = "max-seconds"
        return not self.spent

    def part(self, writes: int | None) -> "Budget":
        """Return what one job may spend: what is left, and no more than so many writes (None for no bound of its own)."""
        return Budget(
            min((bound for bound in (self.writes, writes) if bound is not None), default=None), self.seconds, self.elapsed
        )

    def charge(self, writes: int) -> None:
        """Take off what a job has spent."""
        if self.writes is not None:
            self.writes -= writes


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


@dataclass(slots=True)
class _Queue:
    waiting: list[Action]
    size: int
    most: int
    refusals: list[str] = field(default_factory=list)
    lost: int = 0

    def next_batch(self, limit: int) -> list[Action]:
        """Take actions in order, up to the first that depends on one before it, as it touches a ref of it, or that is too much."""
        taken: set[RefName] = set()
        batch: list[Action] = []
        for action in self.waiting[: min(self.size, limit)]:
            names = {update.name for update in action.transaction.updates}
            if names & taken or (batch and len(taken) + len(names) > MAX_UPDATES):
                break
            taken |= names
            batch.append(action)
        del self.waiting[: len(batch)]
        return batch

    def hopeless(self) -> str:
        """Return why going on makes no sense: single writes refused for one reason, or replies lost, again and again."""
        if self.lost >= _LOST_REPLIES:
            return "replies were lost again and again"
        if len(self.refusals) >= _SAME_REFUSALS and len(set(self.refusals)) == 1:
            return self.refusals[0]
        return ""


def execute(store: Store, plan: Plan, budget: Budget, progress: Progress) -> Done:
    """Apply the plan's transactions; a conflict means that somebody changed what was read, and leaves it to the next run."""
    queue = _Queue(list(plan.take()), store.capabilities.batch, plan.batch or MAX_BATCH)
    done = Done(plan, planned=len(queue.waiting))
    while queue.waiting and budget.allows():
        batch = queue.next_batch(len(queue.waiting) if budget.writes is None else budget.writes)
        before = len(done.applied)
        try:
            _take(store, queue, done, batch, store.apply([action.transaction for action in batch]))
        except (StoreError, TornWriteError) as exc:
            # What was done so far is worth a report; the next run takes up what is left.
            queue.waiting[:0] = batch
            done.error = str(exc)
            break
        budget.charge(len(done.applied) - before)
        progress(f"{plan.job}: writes", done.planned - len(queue.waiting), done.planned)
        if hopeless := queue.hopeless():
            done.failed += [Left(action.ref, Reason.GIVEN_UP, hopeless) for action in queue.waiting]
            queue.waiting.clear()
    done.deferred = len(queue.waiting)
    return done


def plan_only(plan: Plan) -> Done:
    """Return what executing the plan would aim at: a dry run."""
    done = Done(plan, planned=len(plan.actions))
    done.applied = list(plan.take())
    return done


def _take(store: Store, queue: _Queue, done: Done, batch: Sequence[Action], outcomes: Sequence[Outcome]) -> None:
    retry: list[Action] = []
    settled = _settle_unknown(store, batch, outcomes)
    queue.lost = queue.lost + 1 if any(isinstance(outcome, Unknown) for outcome in settled) else 0
    for action, outcome in zip(batch, settled, strict=True):
        match outcome:
            case Applied():
                done.applied.append(action)
            case Conflict():
                done.conflicts.append(Left(action.ref, Reason.CHANGED))
            case Refused() if len(batch) == 1:
                done.failed.append(Left(action.ref, Reason.REFUSED, str(outcome)))
                queue.refusals.append(outcome.reason)
            case _:
                retry.append(action)
    if retry:
        queue.size = max(1, len(batch) // 2)
        if any(isinstance(outcome, Refused) and outcome.too_large for outcome in settled):
            # To grow again would be to be refused again.
            queue.most = queue.size
        # At the end of the queue: what the server takes is not kept waiting by what it refuses.
        queue.waiting += retry
    else:
        queue.size = min(queue.most, queue.size * 2)
    if any(isinstance(outcome, Applied) for outcome in settled):
        queue.refusals.clear()


def _settle_unknown(store: Store, batch: Sequence[Action], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Read again what a lost reply left open: all as it shall be is applied, all as it was may be tried again."""
    if not any(isinstance(outcome, Unknown) for outcome in outcomes):
        return list(outcomes)
    names = {
        update.name
        for action, outcome in zip(batch, outcomes, strict=True)
        if isinstance(outcome, Unknown)
        for update in action.transaction.updates
    }
    refs = store.read(Selection(tuple(sorted(names))), depth=Depth.OIDS).refs
    settled: list[Outcome] = []
    for action, outcome in zip(batch, outcomes, strict=True):
        updates = action.transaction.updates
        if not isinstance(outcome, Unknown):
            settled.append(outcome)
        elif all(refs.get(update.name, DELETE) == update.new for update in updates):
            settled.append(Applied())
        elif all(refs.get(update.name, ABSENT) == update.expect for update in updates):
            settled.append(outcome)
        else:
            settled.append(Conflict(()))
    return settled
