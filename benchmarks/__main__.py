"""``python -m benchmarks``: run the benchmarks, print their tables, write their numbers."""

import argparse
import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from inspect import getdoc
from pathlib import Path

from benchmarks import jobs
from benchmarks.deletions import deletions
from benchmarks.fields import fields
from benchmarks.first_request import first_request
from benchmarks.fleet import fleet
from benchmarks.keys import keys
from benchmarks.library import library
from benchmarks.lists import lists
from benchmarks.measuring import Bench, machine
from benchmarks.processes import CHECKOUT, run_git
from benchmarks.results import Answer
from benchmarks.scale import loose, scale
from benchmarks.start import start

BENCHMARKS: dict[str, Callable[[Bench], Answer]] = {
    "sweep": jobs.sweep,
    "sweep-spread": jobs.sweep_spread,
    "elements": jobs.elements,
    "gather": jobs.gather,
    "purge": jobs.purge,
    "linear": jobs.linear,
    "deletions": deletions,
    "fields": fields,
    "keys": keys,
    "library": library,
    "lists": lists,
    "scale": scale,
    "loose": loose,
    "start": start,
    "first-request": first_request,
    "fleet": fleet,
}
_MEMORY_DISK = Path("/dev/shm")  # noqa: S108  # nothing is shared there: a directory of one's own is made below it
_NOTE = """\
Medians of {rounds} rounds. "Time" is what a clock says; "CPU" is the time that processors spent, which other work on the machine
disturbs less, of the measured process itself ("own") and of the git processes it started ("git"). "Memory" is the highest resident
size of the measured process. A ratio is the median of the ratios of the rounds. Repositories are on {disk}.
"""


def main() -> None:
    """Run what is asked for."""
    options = _parser().parse_args()
    on_memory = options.directory is None and _MEMORY_DISK.is_dir()
    parent = _MEMORY_DISK if on_memory else options.directory
    directory = Path(tempfile.mkdtemp(prefix="benchmarks-", dir=parent))
    bench = Bench(directory, rounds=1 if options.quick and not options.rounds else options.rounds or 5, quick=options.quick)
    disk = "a disk in memory,\nwhere git is fastest, so that all else weighs most" if on_memory else "disk"
    print(_NOTE.format(rounds=bench.rounds, disk=disk))
    results: dict[str, object] = {}
    failures: list[str] = []
    try:
        for name in options.only or BENCHMARKS:
            answer = _run(name, bench)
            results[name] = answer.document()
            failures += answer.failures
            _write(options.json, bench, results)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if failures:
        sys.exit("\n".join(failures))


def _run(name: str, bench: Bench) -> Answer:
    benchmark = BENCHMARKS[name]
    print(f"\n{name}: {getdoc(benchmark)}", flush=True)
    result = benchmark(bench)
    print(result.text(), flush=True)
    return result


def _write(path: Path, bench: Bench, results: dict[str, object]) -> None:
    """Write after each benchmark: what is measured is kept if a later one fails."""
    document = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(run_git("version").strip(), platform.python_version()),
        "quick": bench.quick,
        "rounds": bench.rounds,
        "results": results,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: shows that it works, measures nothing")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", type=Path, default=CHECKOUT / "build" / "benchmarks.json", metavar="PATH")
    parser.add_argument("--rounds", type=int, default=0, help="how often each side takes its turn (default 5)")
    parser.add_argument("--directory", type=Path, help="where to put the repositories (default: in memory where there is /dev/shm)")
    return parser


if __name__ == "__main__":
    main()
