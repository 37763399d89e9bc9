"""Deleting refs with our push, with git's own push, and with git on the repository itself."""

import json
from pathlib import Path

from benchmarks.measuring import Bench, cpu_of, cpu_ratio, push_of, seconds_of, time_ratio, timed
from benchmarks.meter import Sample
from benchmarks.processes import run_git
from benchmarks.results import Answer, ratio, seconds

_DAY = 24 * 60
_WAYS = ("ours", "git push", "git update-ref")


def deletions(bench: Bench) -> Answer:
    """Delete 500 and 1,000 refs of a repository with 100,000.

    So few because ``git push --delete`` looks for each ref that it is given in the whole list of refs: it takes as long as the one
    number times the other, which for a tenth of a database is quadratic. It takes its turn in the first round only.
    """
    result = Answer("deletions", ("refs", "way", "time", "CPU", "time ratio", "CPU ratio"))
    keys = bench.size(50_000)
    repository = bench.fill("sweep", keys, due=keys // 10, spread=_DAY)
    for amount in (bench.size(500), bench.size(1_000)):
        push = _part(bench, repository, amount)
        samples: dict[str, list[Sample]] = {way: [] for way in _WAYS}
        samples["git push"].append(_git_push(bench, repository, push))
        for _ in range(bench.rounds):
            samples["ours"].append(bench.side("ours", "apply", repository, push))
            samples["git update-ref"].append(_git_update_ref(bench, repository, push))
        for way, taken in samples.items():
            result.samples[f"{amount} refs, {way}"] = taken
            result.fact(f"{amount} refs, {way}, CPU seconds", cpu_of(taken))
            ours = samples["ours"][: len(taken)]
            ratios = (time_ratio(taken, ours), cpu_ratio(taken, ours))
            result.row(f"{amount:,}", way, seconds(seconds_of(taken)), seconds(cpu_of(taken)), *map(ratio, ratios))
    return result


def _part(bench: Bench, repository: Path, amount: int) -> Path:
    pushed = json.loads(push_of(repository).read_bytes())
    part = bench.directory / f"{amount}.push.json"
    part.write_text(json.dumps({"updates": pushed["updates"][:amount], "objects": []}))
    return part


def _names(push: Path) -> list[str]:
    return [name for name, _ in json.loads(push.read_bytes())["updates"]]


def _git_push(bench: Bench, repository: Path, push: Path) -> Sample:
    place = bench.copy(repository)
    sender = bench.directory / "empty.git"
    if not sender.exists():
        run_git("init", "--quiet", "--bare", sender)
    return timed(["git", "-C", sender, "push", "--quiet", "--atomic", "--delete", place, *_names(push)])


def _git_update_ref(bench: Bench, repository: Path, push: Path) -> Sample:
    place = bench.copy(repository)
    commands = "".join(f"delete {name}\n" for name in _names(push))
    return timed(["git", "-C", place, "update-ref", "--stdin"], stdin=commands.encode())
