"""The maintenance jobs beside the bare script, and how their cost grows with the number of refs."""

from collections.abc import Sequence
from math import log
from statistics import linear_regression, median

from benchmarks.measuring import Bench, cpu_of, cpu_ratio, seconds_of, time_ratio
from benchmarks.meter import Sample
from benchmarks.results import Answer, megabytes, ratio, seconds, tell_target

MAX_RATIO = 1.5
MAX_MEGABYTES = 300
_HEAD = ("job", "side", "time", "CPU own", "CPU git", "memory", "requests", "lists", "fetches", "pushes", "time ratio", "CPU ratio")
_DAY = 24 * 60
_REFS_PER_KEY = 2
_MEGABYTE = 1_000_000


def sweep(bench: Bench) -> Answer:
    """Remove 10,000 expired keys of 100,000; all keys share the expiry commits of two days."""
    return _compare(bench, "sweep", bench.size(100_000), due=bench.size(10_000), spread=_DAY)


def sweep_spread(bench: Bench) -> Answer:
    """Do the same where lifetimes differ so much that almost every other key has an expiry commit of its own."""
    return _compare(bench, "sweep", bench.size(100_000), due=bench.size(10_000), spread=30 * _DAY)


def elements(bench: Bench) -> Answer:
    """Take 10,000 expired elements out of 1,000 maps of 10,000, all with ten elements that expire."""
    return _compare(bench, "elements", bench.size(10_000), due=bench.size(1_000), spread=_DAY)


def gather(bench: Bench) -> Answer:
    """Fold 10,000 breadcrumbs into 1,000 counters."""
    return _compare(bench, "gather", bench.size(10_000))


def purge(bench: Bench) -> Answer:
    """Delete 10,000 gc/ branches."""
    return _compare(bench, "purge", bench.size(10_000))


def linear(bench: Bench) -> Answer:
    """Sweep a tenth of the keys of repositories with 10,000, 100,000 and 1,000,000 refs.

    All keys share 120 expiry commits, or reading those of the smallest repository would hide how cost grows.
    """
    result = Answer("linear", ("refs", "time", "CPU own", "CPU git", "memory", "pushes"))
    sizes = [bench.size(refs) for refs in (10_000, 100_000, 1_000_000)]
    medians: dict[int, Sample] = {}
    for refs in sizes:
        keys = refs // _REFS_PER_KEY
        repository = bench.fill("sweep", keys, due=keys // 10)
        samples = bench.sides(["ours"], "sweep", repository)["ours"]
        result.samples[f"{refs} refs"] = samples
        medians[refs] = middle = _median(samples)
        result.row(
            f"{refs:,}",
            seconds(middle.seconds),
            seconds(middle.cpu_seconds),
            seconds(middle.git_seconds),
            megabytes(middle.memory_bytes),
            str(middle.pushes),
        )
    for name, times in (
        ("time", [medians[refs].seconds for refs in sizes]),
        ("own CPU time", [medians[refs].cpu_seconds for refs in sizes]),
        ("CPU time with git's", [medians[refs].cpu_seconds + medians[refs].git_seconds for refs in sizes]),
    ):
        exponent = fit_exponent(sizes, times)
        result.fact(f"exponent of {name}", exponent)
        result.notes.append(f"{name} grows with the number of refs to the power of {exponent:.2f}")
    most = max(sample.memory_bytes for sample in medians.values())
    if not bench.quick:
        result.notes.append(tell_target("memory", most / _MEGABYTE, MAX_MEGABYTES, "MB"))
    return result


def fit_exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """Return the slope of the line that fits best through the logarithms: 1 where time is proportional to size."""
    return linear_regression([log(size) for size in sizes], [log(time) for time in times]).slope


def _compare(bench: Bench, job: str, amount: int, *, due: int = 0, spread: int = 60) -> Answer:
    result = Answer(job, _HEAD)
    repository = bench.fill(job, amount, due=due, spread=spread)
    samples = bench.sides(["ours", "bare"], job, repository)
    ours, bare = samples["ours"], samples["bare"]
    for side, taken in samples.items():
        middle = _median(taken)
        counts = (middle.requests, middle.listings, middle.fetches, middle.pushes)
        ratios = (ratio(time_ratio(ours, bare)), ratio(cpu_ratio(ours, bare))) if side == "ours" else ("1", "1")
        times = (seconds_of(taken), middle.cpu_seconds, middle.git_seconds)
        result.row(job, side, *map(seconds, times), megabytes(middle.memory_bytes), *map(str, counts), *ratios)
    result.samples = dict(samples)
    result.fact("time ratio", time_ratio(ours, bare))
    result.fact("CPU ratio", cpu_ratio(ours, bare))
    result.fact("CPU seconds, ours", cpu_of(ours))
    result.fact("CPU seconds, bare", cpu_of(bare))
    if not bench.quick:
        result.notes.append(tell_target("time ratio", time_ratio(ours, bare), MAX_RATIO))
        result.notes.append(tell_target("CPU ratio", cpu_ratio(ours, bare), MAX_RATIO))
    return result


def _median(samples: Sequence[Sample]) -> Sample:
    """Return the medians of times and sizes; the counts are the same in all samples."""
    last = samples[-1]
    return Sample(
        seconds=median(sample.seconds for sample in samples),
        cpu_seconds=median(sample.cpu_seconds for sample in samples),
        git_seconds=median(sample.git_seconds for sample in samples),
        memory_bytes=max(sample.memory_bytes for sample in samples),
        idle_bytes=last.idle_bytes,
        requests=last.requests,
        listings=last.listings,
        fetches=last.fetches,
        pushes=last.pushes,
        writes=last.writes,
    )
