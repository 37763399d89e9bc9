"""Many commands in one process, by the library, against a process for each, as at a terminal."""

import sys
from pathlib import Path

from benchmarks.measuring import Bench, seconds_of, time_ratio, timed
from benchmarks.meter import Sample
from benchmarks.results import Answer, milliseconds, tell_target

_PROGRAM = "import git_keyval; db = git_keyval.open({path!r}); [db.get('key-500') for _ in range({count})]"
_TERMINAL = Path(sys.executable).parent / "git-keyval"
_TARGET = 0.1


def library(bench: Bench) -> Answer:
    """Run ``get`` a thousand times in one process, and once at a terminal, on a local repository of 1,000 keys."""
    count = 100 if bench.quick else 1_000
    result = Answer("library", ("what", "time"))
    repository = str(bench.copy(bench.fill("sweep", 1_000, due=10)))
    many: list[Sample] = []
    one: list[Sample] = []
    for _ in range(bench.rounds):
        many.append(timed([sys.executable, "-c", _PROGRAM.format(path=repository, count=count)]))
        one.append(timed([str(_TERMINAL), "-r", repository, "get", "key-500"]))
    each = time_ratio(many, one) / count
    result.row(f"{count} get in one process", milliseconds(seconds_of(many)))
    result.row("get at a terminal", milliseconds(seconds_of(one)))
    result.fact("a get in one process, in processes at a terminal", each)
    result.notes.append(tell_target("a get in one process, in processes at a terminal:", each, _TARGET))
    result.samples = {"one process": many, "terminal": one}
    return result
