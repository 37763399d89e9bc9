"""Running one maintenance command, on one repository after the other, and its reports as outputs."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.location import deletion, git_directory, github_name, path_of, removal
from git_keyval.dispatch.opening import Stores, cipher_of
from git_keyval.dispatch.steps import as_outputs
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.worklist import Target, Worklist
from git_keyval.errors import GitKeyvalError
from git_keyval.format.times import SECOND
from git_keyval.interface.advice import advised
from git_keyval.interface.commands import Signature
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.maintenance.bulkhead import attempt
from git_keyval.maintenance.commands import Upkeep
from git_keyval.maintenance.jobs import LockFile, Maintenance
from git_keyval.maintenance.report import AnyReport, InitReport, several_to_json, to_json


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one repository: its report, or the error that kept it from one; ``address`` is its page, if it has one."""

    repository: str
    report: AnyReport | GitKeyvalError
    requests: int
    rate_remaining: int | None
    address: str | None = None


def run_maintenance(command: Signature, work: Worklist, surroundings: Surroundings) -> list[Outcome]:
    """Run a maintenance command on each repository; what one of them refuses does not keep it from the others.

    Raises GitKeyvalError where the repository is the only one, and not from a list.
    """
    done = [_attempt(command, target, surroundings, listed=work.listed) for target in work.targets]
    if not work.listed and isinstance(done[0].report, GitKeyvalError):
        raise done[0].report
    return done


def outputs_of(command: Signature, work: Worklist, done: Sequence[Outcome]) -> dict[str, str]:
    """Return the outputs of a command as text: counts are summed up, and the lowest remaining rate counts."""
    reports = [upkeep.report for upkeep in done if not isinstance(upkeep.report, GitKeyvalError)]
    outputs = {
        "count": sum(report.count for report in reports),
        "applied": any(report.created for report in reports if isinstance(report, InitReport)),
        "report": several_to_json(command.name, [(upkeep.repository, upkeep.report) for upkeep in done])
        if work.listed
        else to_json(reports[0]),
        "requests-used": sum(upkeep.requests for upkeep in done),
        "rate-remaining": min((upkeep.rate_remaining for upkeep in done if upkeep.rate_remaining is not None), default=None),
    }
    return as_outputs(command, outputs)


def _of_its_own(target: Target, surroundings: Surroundings) -> Surroundings:
    """Count the seconds of a repository from its own beginning, and tell its progress under its name."""
    begun = surroundings.elapsed()
    return replace(
        surroundings,
        elapsed=lambda: surroundings.elapsed() - begun,
        progress=lambda what, done, total: surroundings.progress(f"{target.repository}: {what}", done, total),
    )


def _attempt(command: Signature, target: Target, surroundings: Surroundings, *, listed: bool) -> Outcome:
    own = _of_its_own(target, surroundings) if listed else surroundings
    stores = Stores(target.inputs, own)
    report = attempt(lambda: _maintain(command, target, stores, own))
    outcome = advised(report, command) if isinstance(report, GitKeyvalError) else report
    name = github_name(target.repository, surroundings.server)
    address = name and f"{surroundings.server.server_url}/{name}"
    return Outcome(target.repository, outcome, stores.requests, stores.rate_remaining, address)


def _maintain(command: Signature, target: Target, stores: Stores, surroundings: Surroundings) -> AnyReport:
    assert issubclass(command.kind, Upkeep)
    cipher = cipher_of(target.inputs, surroundings)
    database = replace(stores.database(target.repository), progress=surroundings.progress, cipher=cipher)
    server = surroundings.server
    work = Maintenance(
        database,
        surroundings.elapsed,
        target.shares,
        partial(deletion, target.repository, server),
        partial(surroundings.spelling, target.repository),
        partial(removal, target.repository, server),
        partial(_locks, target.repository, surroundings),
    )
    return bind(command.kind, target.inputs, surroundings, cipher).run(work)


def _locks(repository: str, surroundings: Surroundings) -> list[LockFile]:
    """Return the lock files that were left behind, if the repository is on this machine."""
    path = path_of(repository, surroundings.server)
    if path is None:
        return []
    from git_keyval.store.git.lock_files import stale_locks  # noqa: PLC0415  # only check looks at them

    return [LockFile(lock.name, lock.remove) for lock in stale_locks(git_directory(Path(path)), surroundings.clock() / SECOND)]
