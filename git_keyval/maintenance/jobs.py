"""Running jobs one after the other, each as a plan that is executed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from git_keyval.database.database import Database
from git_keyval.errors import AccessDeniedError, GitKeyvalError, NotARepositoryError
from git_keyval.format.times import SECOND, iso_utc
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.maintenance.bulkhead import attempt
from git_keyval.maintenance.commands import Budgeted
from git_keyval.maintenance.execute import Budget, Done, execute
from git_keyval.maintenance.plan import Plan
from git_keyval.maintenance.report import Report


class LockFile(NamedTuple):
    """A lock file that a process of git left behind, by its name in the repository; ``remove`` says whether it was still there."""

    name: str
    remove: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What a maintenance command works with.

    ``elapsed`` returns the seconds since the run began. ``shares`` bounds the writes of single jobs, so that one of them cannot
    spend the budget of all. ``deletion`` returns the command by which people delete a ref with git, ``command`` what they give to
    run a command with these inputs, ``removal`` what removes a file of the repository. ``locks`` finds lock files there that were
    left behind.
    """

    database: Database
    elapsed: Callable[[], float]
    shares: Mapping[str, int] = field(default_factory=dict)
    deletion: Callable[[str], str] = lambda ref: f"git push REPOSITORY --delete {ref}"
    command: Callable[[str, Mapping[str, str]], str] = lambda name, inputs: f"'{name}' with {dict(inputs)}"
    removal: Callable[[str], str] = lambda name: f"rm GIT_DIRECTORY/{name}"
    locks: Callable[[], Sequence[LockFile]] = tuple


def run_jobs(work: Maintenance, command: Budgeted) -> Report:
    """Run the jobs of a command under one budget. What one of them fails at does not keep the others from their turn."""
    # From here on the store's time is the server's: what the jobs delete is due by that, not by this machine's clock.
    started = work.database.store.now(ask=True)
    budget = Budget(work.elapsed, command.max_writes, command.max_seconds)
    parts = command.parts()
    reached = ""
    jobs: list[Done] = []
    failures: list[GitKeyvalError] = []
    for part in parts:
        # With nothing left to spend, a job would list the repository for nothing.
        if not (command.dry_run or budget.allows()):
            break
        share = budget.part(work.shares.get(part.name, budget.writes))
        done = attempt(partial(_plan_and_execute, work.database, part, share, dry_run=command.dry_run))
        if isinstance(done, GitKeyvalError):
            # Nobody knows what there is to do.
            failures.append(done)
            done = Done(Plan(part.name), planned=0, error=str(done))
        jobs.append(done)
        budget.writes -= len(done.applied)
        reached = reached or share.spent
        if failures and isinstance(failures[-1], NotARepositoryError | AccessDeniedError):
            break  # the next job would meet the same
    if failures and len(failures) == len(jobs):
        raise failures[0]  # nothing was planned, so there is nothing to report
    return Report(
        command=command.name,
        dry_run=command.dry_run,
        started_at=iso_utc(started // SECOND),
        seconds=work.elapsed(),
        requests=work.database.store.requests,
        jobs=jobs,
        budget=reached or budget.spent,
        not_started=[part.name for part in parts[len(jobs) :]],
    )


def _plan_and_execute(database: Database, part: Budgeted, budget: Budget, *, dry_run: bool) -> Done:
    plan = part.plan(database)
    database.progress(f"{plan.job}: {plan.examined} refs read, writes", 0, len(plan.actions))
    if dry_run:
        return Done(plan, planned=len(plan.actions), applied=list(plan.take()))
    return execute(database, plan, budget)
