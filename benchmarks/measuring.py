"""Running what is measured: each in a process of its own, on a fresh copy of its repository."""

import os
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.meter import Sample, parse
from benchmarks.processes import CHECKOUT, isolated_environ, run_python

Side = str
"""``ours`` or ``bare``: a module of this package that does a job and prints a sample."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how often to measure. ``quick`` asks for small sizes: to see that it works, not how fast."""

    directory: Path
    rounds: int
    quick: bool

    def size(self, number: int) -> int:
        """Return a size, or a hundredth of it."""
        return max(1, number // 100) if self.quick else number

    def fill(self, kind: str, amount: int, *, due: int = 0, spread: int = 60) -> Path:
        """Fill a repository in a process of its own: memory that this process had would count as its children's."""
        path = self.directory / f"{kind}-{amount}-{due}-{spread}.git"
        if not path.exists():
            print(f"  filling {path.name}", flush=True)
            run_python("-m", "benchmarks.databases", kind, path, str(amount), str(due), str(spread))
        return path

    def copy(self, repository: Path) -> Path:
        """Return a fresh copy, at the same place each time."""
        place = self.directory / "copy.git"
        subprocess.run(["rm", "-rf", place], check=True)
        subprocess.run(["cp", "-a", repository, place], check=True)
        return place

    def side(self, side: Side, job: str, repository: Path, push: Path | None = None) -> Sample:
        """Let one side do a job on a copy."""
        place = self.copy(repository)
        return parse(run_python("-m", f"benchmarks.{side}", job, place, push or push_of(repository)))

    def sides(self, sides: Sequence[Side], job: str, repository: Path) -> dict[Side, list[Sample]]:
        """Let sides take turns at a job."""
        samples: dict[Side, list[Sample]] = {side: [] for side in sides}
        for number in range(self.rounds):
            for side in sides if number % 2 else reversed(sides):
                samples[side].append(self.side(side, job, repository))
        return samples


def push_of(repository: Path) -> Path:
    """Name the file that holds the push for a repository."""
    return repository.with_name(f"{repository.name}.push.json")


def timed(argv: Sequence[str | Path], *, environ: Mapping[str, str] | None = None, stdin: bytes = b"") -> Sample:
    """Run a command and give its time, and the CPU time of all its processes as ``git_seconds``. Raises CalledProcessError."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        argv, env={**isolated_environ(), **(environ or {})}, cwd=CHECKOUT, input=stdin, stdout=subprocess.DEVNULL, check=True
    )
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Sample(seconds, git_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def seconds_of(samples: Sequence[Sample]) -> float:
    """Return the median time."""
    return median(sample.seconds for sample in samples)


def cpu_of(samples: Sequence[Sample]) -> float:
    """Return the median CPU time of the process and of its git processes."""
    return median(_cpu(sample) for sample in samples)


def memory_of(samples: Sequence[Sample]) -> int:
    """Return the highest resident size of the process, or of one of its git processes if that is more."""
    return max(max(sample.memory_bytes, sample.git_memory_bytes) for sample in samples)


def time_ratio(these: Sequence[Sample], those: Sequence[Sample]) -> float:
    """Return the median of the ratios of the rounds, in which both met the same load."""
    return median(one.seconds / other.seconds for one, other in zip(these, those, strict=True))


def cpu_ratio(these: Sequence[Sample], those: Sequence[Sample]) -> float:
    """Return the same of the CPU times, which other processes of the machine disturb less."""
    return median(_cpu(one) / _cpu(other) for one, other in zip(these, those, strict=True))


def machine(git_version: str, python_version: str) -> dict[str, str | int]:
    """Describe what it was measured with."""
    return {
        "cpus": os.cpu_count() or 0,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "git": git_version,
        "python": python_version,
        **{program: found for program in ("sqlite3", "redis-server") if (found := _version_of(program))},
    }


def _version_of(program: str) -> str:
    """Return the version that a program tells of itself, empty where there is no such program."""
    if not shutil.which(program):
        return ""
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+\.\d+\.\d+", told)
    return found.group() if found else told.strip()


def _cpu(sample: Sample) -> float:
    return sample.cpu_seconds + sample.git_seconds
