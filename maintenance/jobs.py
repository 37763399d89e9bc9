"""The maintenance commands: gather, sweep, purge, maintain, which is the three in this order, and publish-expiries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from git_keyval.errors import AccessDeniedError, GitKeyvalError, NotARepositoryError
from git_keyval.format.registry import Resolve, unresolved
from git_keyval.format.times import SECOND, iso_utc
from git_keyval.progress import Progress
from git_keyval.store.port import Store
from maintenance.bulkhead import attempt
from maintenance.commands import DEFAULT_GRACE_SECONDS, DEFAULT_HORIZON_SECONDS, DEFAULT_RETENTION_SECONDS
from maintenance.execute import Budget, Done, execute, plan_only
from maintenance.gather import plan_gather
from maintenance.plan import Plan
from maintenance.publish import JOB as PUBLISH
from maintenance.publish import plan_publish
from maintenance.purge import plan_purge
from maintenance.report import Report
from maintenance.sweep import plan_sweep


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What a job works with.

    ``new_op`` returns a fresh operation id, ``elapsed`` the seconds since the run began. ``shares`` bounds the writes of single
    jobs, so that one of them cannot spend the budget of all. ``resolve`` looks up expiry ids whose commits the repository does not
    give. ``deletion`` returns the command by which people delete a ref with git.
    """

    store: Store
    new_op: Callable[[], str]
    elapsed: Callable[[], float]
    progress: Progress
    shares: Mapping[str, int] = field(default_factory=dict)
    resolve: Resolve = unresolved
    deletion: Callable[[str], str] = lambda ref: f"git push REPOSITORY --delete {ref}"


def gather(
    run: Maintenance,
    *,
    grace_period: int = DEFAULT_GRACE_SECONDS,
    dry_run: bool = False,
    max_writes: int | None = None,
    max_seconds: float | None = None,
) -> Report:
    """Fold the breadcrumbs that are older than the grace period (seconds) into their counters."""
    return _run(run, "gather", {"gather": _gather(run, grace_period)}, dry_run=dry_run, writes=max_writes, seconds=max_seconds)


def sweep(run: Maintenance, *, dry_run: bool = False, max_writes: int | None = None, max_seconds: float | None = None) -> Report:
    """Remove all keys and all elements of maps and arrays whose time has passed, however long ago."""
    return _run(run, "sweep", {"sweep": _sweep(run)}, dry_run=dry_run, writes=max_writes, seconds=max_seconds)


def purge(
    run: Maintenance,
    *,
    retention: int = DEFAULT_RETENTION_SECONDS,
    dry_run: bool = False,
    max_writes: int | None = None,
    max_seconds: float | None = None,
) -> Report:
    """Delete what was parked longer ago than the retention (seconds)."""
    return _run(run, "purge", {"purge": _purge(run, retention)}, dry_run=dry_run, writes=max_writes, seconds=max_seconds)


def maintain(
    run: Maintenance,
    *,
    grace_period: int = DEFAULT_GRACE_SECONDS,
    retention: int = DEFAULT_RETENTION_SECONDS,
    dry_run: bool = False,
    max_writes: int | None = None,
    max_seconds: float | None = None,
) -> Report:
    """Gather, then sweep, then purge, under one budget."""
    planners = {"gather": _gather(run, grace_period), "sweep": _sweep(run), "purge": _purge(run, retention)}
    return _run(run, "maintain", planners, dry_run=dry_run, writes=max_writes, seconds=max_seconds)


def publish_expiries(
    run: Maintenance,
    *,
    horizon: int = DEFAULT_HORIZON_SECONDS,
    dry_run: bool = False,
    max_writes: int | None = None,
    max_seconds: float | None = None,
) -> Report:
    """Publish the expiry ids of all days up to the horizon (seconds from now) in an expiry registry."""
    planners = {PUBLISH: lambda: plan_publish(run.store, horizon, run.progress)}
    return _run(run, PUBLISH, planners, dry_run=dry_run, writes=max_writes, seconds=max_seconds)


_Planner = Callable[[], Plan]


def _gather(run: Maintenance, grace_period: int) -> _Planner:
    return lambda: plan_gather(run.store, grace_period, run.new_op, run.progress, run.resolve)


def _sweep(run: Maintenance) -> _Planner:
    return lambda: plan_sweep(run.store, run.progress, run.resolve)


def _purge(run: Maintenance, retention: int) -> _Planner:
    return lambda: plan_purge(run.store, retention, run.progress)


def _run(
    run: Maintenance,
    command: str,
    planners: Mapping[str, _Planner],
    *,
    dry_run: bool,
    writes: int | None,
    seconds: float | None,
) -> Report:
    # From here on the store's time is the server's: what the jobs delete is due by that, not by this machine's clock.
    started = run.store.now(ask=True)
    budget = Budget(writes, seconds, run.elapsed)
    reached = ""
    jobs: list[Done] = []
    failures: list[GitKeyvalError] = []
    for job, planner in planners.items():
        # With nothing left to spend, a job would list the repository for nothing.
        if not (dry_run or budget.allows()):
            break
        part = budget.part(run.shares.get(job))
        done = attempt(partial(_plan_and_execute, run, planner, part, dry_run=dry_run))
        if isinstance(done, GitKeyvalError):
            # Nobody knows what there is to do.
            failures.append(done)
            done = Done(Plan(job), planned=0, error=str(done))
        jobs.append(done)
        budget.charge(len(done.applied))
        reached = reached or part.spent
        if failures and isinstance(failures[-1], NotARepositoryError | AccessDeniedError):
            break  # the next job would meet the same
    if failures and len(failures) == len(jobs):
        raise failures[0]  # nothing was planned, so there is nothing to report
    return Report(
        command=command,
        dry_run=dry_run,
        started_at=iso_utc(started // SECOND),
        seconds=run.elapsed(),
        requests=run.store.requests,
        jobs=jobs,
        budget=reached or budget.spent,
        not_started=list(planners)[len(jobs) :],
    )


def _plan_and_execute(run: Maintenance, planner: _Planner, budget: Budget, *, dry_run: bool) -> Done:
    plan = planner()
    run.progress(f"{plan.job}: {plan.examined} refs read, writes", 0, len(plan.actions))
    return plan_only(plan) if dry_run else execute(run.store, plan, budget, run.progress)
