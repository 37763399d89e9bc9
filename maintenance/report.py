"""The reports of the maintenance commands, as data. Times are in seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from maintenance.execute import Done


@dataclass(frozen=True, slots=True)
class Report:
    """A maintenance run: its jobs in order; ``budget`` names the limit that ended it early, if one did, before ``not_started``."""

    command: str
    dry_run: bool
    started_at: str
    seconds: float
    requests: int
    jobs: Sequence[Done] = ()
    budget: str = ""
    not_started: Sequence[str] = ()

    @property
    def error(self) -> str:
        """Return what failed, if anything did: of several jobs, each with its name."""
        failed = {done.plan.job: done.error for done in self.jobs if done.error}
        return " ".join(f"{job}: {error}" for job, error in failed.items()) if len(failed) > 1 else "".join(failed.values())

    @property
    def count(self) -> int:
        """Return how many writes were made, or a dry run would make."""
        return sum(len(done.applied) for done in self.jobs)

    def notable(self) -> int:
        """Count what had to be left alone and will not go away by itself."""
        return sum(len(done.notable) for done in self.jobs)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of check, and what to do about it.

    An ``error`` breaks a rule of the format; a ``warning`` is harmless, or ends by itself.
    """

    ref: str
    severity: str
    problem: str
    next_step: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What check found."""

    started_at: str
    seconds: float
    requests: int
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: Sequence[Problem] = ()

    @property
    def count(self) -> int:
        """Return how many findings break a rule."""
        return self.errors()

    def errors(self) -> int:
        """Count the findings that break a rule."""
        return sum(problem.severity == "error" for problem in self.problems)
