"""Every command at a path with its Nth process of git killed, for every N: before its work, within it, and after it."""

import itertools
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from git_keyval.database.answers import Answer
from git_keyval.errors import OutcomeUnknownError, PartlyDeletedError, StoreError
from tests.conftest import FakeClock
from tests.contract.places import GitPlace, open_git_place
from tests.crash.deadly import Deadly
from tests.crash.scenes import COMMANDS, Command, fill
from tests.crash.test_commands import judge, undisturbed
from tests.exhaustive import exhaustive, in_turn
from tests.faults import FaultyStore
from tests.servers.binary import init_bare, run_git
from tests.world import World

_HEARS_ALL = 'case "$*" in *unpack-objects*|*update-ref*|*config*) {};; esac; kill -9 $$'
"""For those that read all of their input before they answer: with the others it would wait for a question, and we for an answer."""
# Each is what a shell does in the place of git, which it finds in $git.
DEATHS: Mapping[str, str] = {
    "at its start": "kill -9 $$",
    "with half of its input": _HEARS_ALL.format('head -c 60 | "$git" "$@"'),
    "unheard": _HEARS_ALL.format('"$git" "$@" >/dev/null 2>&1'),
    "at its end": '"$git" "$@"; kill -9 $$',
    "told to end": "kill -15 $$",
}
WRITES = ["set", "set with ttl and key", "incr", "incr of an absent key", "getdel", "mset", "del of several", "rename", "hset"]
"""Of each shape of write one: unconditional, compared, that of a counter, one with a witness, one that takes several."""
CASES = [
    *in_turn(WRITES, DEATHS),
    *(exhaustive(name, death) for name, death in itertools.product(COMMANDS, DEATHS) if name not in WRITES),
]


class Database(NamedTuple):
    """A repository with something for every command, to be copied, and the time at which that was made."""

    repository: Path
    clock: FakeClock


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Database:
    repository, clock = init_bare(tmp_path_factory.mktemp("crash") / "template.git"), FakeClock()
    fill(World(open_git_place(repository, str(repository), clock, {}), clock))
    run_git("gc", "--quiet", directory=repository)
    return Database(repository, clock)


def runs(template: Database, directory: Path, command: Command, death: str) -> Iterator[tuple[GitPlace, World, Answer | Exception]]:
    """Run a command with a death at each of its calls of git; yield the place, what is there then, in memory, and the answer."""
    deadly = Deadly(directory / "bin", death)
    for number in itertools.count(1):
        clock, repository = FakeClock(), directory / f"{number}.git"
        clock.moment = template.clock.moment
        shutil.copytree(template.repository, repository)
        place = open_git_place(repository, str(repository), clock, {})
        world = World(place, clock)
        for _ in range(1_000):
            world.new_op()  # those of the template are taken
        deadly.dies(number)
        store = FaultyStore(open_git_place(repository, str(repository), clock, deadly.environ).open(), {})
        answer: Answer | Exception
        try:
            answer = command(world, world.database(store))
        except (StoreError, OutcomeUnknownError, PartlyDeletedError) as exc:
            answer = exc
        if deadly.calls < number:
            return
        yield place, world.in_memory(), answer


@pytest.mark.parametrize(("name", "death"), CASES)
def test_one_killed_process_does_no_harm(tmp_path: Path, template: Database, name: str, death: str) -> None:
    expected, before = undisturbed(COMMANDS[name])
    count = 0
    for place, world, answer in runs(template, tmp_path, COMMANDS[name], DEATHS[death]):
        judge(world, name, expected, before, answer, ())
        assert run_git("fsck", "--connectivity-only", "--no-dangling", directory=place.repository).stdout == b""
        assert not list(place.repository.rglob("*.lock"))
        count += 1
    assert count >= 1
