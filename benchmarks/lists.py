"""What a server lists over HTTP, read and used, beside the same bytes read and thrown away."""

from benchmarks.measuring import Bench, cpu_of, memory_of, seconds_of
from benchmarks.meter import Sample, parse
from benchmarks.processes import run_git, run_python
from benchmarks.results import Answer, megabytes, milliseconds, ratio
from tests.servers.http import GitHttpServer

_SIZES = (100_000, 1_000_000)
_REFS_OF_A_KEY = 2
WAYS = ("push", "all")
MAX_RATIO = 1.5
"""How much more CPU it may take to find the refs of a push than to read the advertisement into nothing."""
NOISE = 1.25
_MORE_ROUNDS = 10  # it is over in no time


def lists(bench: Bench) -> Answer:
    """Read the advertisement before a push for the refs of one key, and the list of all refs; and read both into nothing.

    The CPU is that of the client, without the start of its process.
    """
    result = Answer("lists", ("list", "refs", "time", "CPU", "into nothing", "memory", "CPU ratio"))
    with GitHttpServer(bench.directory) as server:
        for refs in map(bench.size, _SIZES):
            path = bench.fill("scale", refs // _REFS_OF_A_KEY)
            run_git("-C", path, "config", "http.receivepack", "true")
            for way in WAYS:
                used, unread = _in_turns(bench, way, f"{server.url}/{path.name}")
                _tell(result, (way, refs), used, unread)
    return result


def _in_turns(bench: Bench, way: str, url: str) -> tuple[list[Sample], list[Sample]]:
    names = (way, f"{way}, unread")
    rounds = bench.rounds if bench.quick or way == "all" else bench.rounds * _MORE_ROUNDS
    taken = [[parse(run_python("-m", "benchmarks.listed", name, url)) for name in names] for _ in range(rounds)]
    return [used for used, _ in taken], [unread for _, unread in taken]


def _tell(result: Answer, what: tuple[str, int], used: list[Sample], unread: list[Sample]) -> None:
    way, refs = what
    more = cpu_of(used) / cpu_of(unread)  # of medians: a process that is lucky with where its memory is takes half of the time
    result.samples |= {f"{way}, used, {refs}": used, f"{way}, unread, {refs}": unread}
    result.fact(f"{way}, {refs}, CPU ratio", more)
    times = (milliseconds(seconds_of(used)), milliseconds(cpu_of(used)), milliseconds(cpu_of(unread)))
    result.row(way, f"{refs:,}", *times, megabytes(memory_of(used)), ratio(more))
    if (way, refs) == ("push", _SIZES[-1]):
        result.limit("push: CPU ratio", more, MAX_RATIO, MAX_RATIO * NOISE)
