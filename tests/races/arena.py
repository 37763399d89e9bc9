"""One repository with all that works on it, and the judgement of what they left behind."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from tests.races.clients import OneShot, Worker
from tests.servers.binary import git_output, init_bare, run_git

_LONGEST_WAIT_SECONDS = 30.0
_LEFTOVERS = ("**/*.lock", "objects/tmp_objdir-*", "objects/**/tmp_obj_*", "objects/pack/tmp_*")

_WRITERS = {"receive-pack", "unpack-objects", "update-ref"}

_FOREIGN = "refs/heads/foreign/"


@dataclass(frozen=True, slots=True)
class Arena:
    """A bare repository; clients made here end with the test."""

    repository: Path
    place: Mapping[str, str]
    """The part of a step's environment that says where clients find it."""
    seed: str
    scale: int
    clients: ExitStack
    others: Mapping[str, str] = field(default_factory=dict)
    """Where every third client finds it, if there is another way to it."""
    _numbers: Iterator[int] = field(default_factory=count)
    _turns: Iterator[int] = field(default_factory=count)

    def worker(self) -> Worker:
        """Return a client that is ready to begin."""
        worker = self.clients.enter_context(Worker(self._way(), self._output_file()))
        worker.start()
        return worker

    def workers(self, number: int) -> list[Worker]:
        return [self.worker() for _ in range(number)]

    def one_shot(self) -> OneShot:
        return self.clients.enter_context(OneShot(self._way(), self._output_file()))

    def random(self, name: object) -> Random:
        """Return the random choices of one of those who race."""
        return Random(f"{self.seed}/{name}")

    def refs(self, *prefixes: str) -> dict[str, str]:
        """Return the oids of the refs whose names start with one of the prefixes, by name, as git tells them."""
        listed = git_output("for-each-ref", "--format=%(refname) %(objectname)", directory=self.repository)
        return {name: oid for name, oid in (line.split(" ") for line in listed.splitlines()) if name.startswith(prefixes)}

    def tell(self, text: str) -> None:
        """Return what happened; pytest shows it with a failure, or always with -s."""
        print(text)  # noqa: T201  # how a seed reaches whoever repeats a failure

    def settle(self) -> None:
        """Wait until the pushes that killed clients left behind have ended. Raises AssertionError if some do not."""
        deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
        while running := self._pushes():
            assert time.monotonic() < deadline, f"still running: {running}"
            time.sleep(0.05)

    def assert_sound(self) -> None:
        """Assert that the repository keeps every rule of git and of the format, and that nobody left a lock."""
        self.settle()
        left = sorted(str(path) for pattern in _LEFTOVERS for path in self.repository.glob(pattern))
        assert not left, f"left behind: {left}"
        fsck = run_git("fsck", "--strict", "--full", "--no-dangling", "--no-progress", directory=self.repository, check=False)
        said = [line for line in (fsck.stdout + fsck.stderr).decode().splitlines() if not line.startswith("notice:")]
        assert (fsck.returncode, said) == (0, [])
        assert set(self.refs(_FOREIGN)) == set(_foreign_names())
        checked = self.one_shot().run("check").outputs
        assert checked["count"] == "0", checked["report"]

    def _way(self) -> Mapping[str, str]:
        return self.others if self.others and next(self._turns) % 3 == 1 else self.place

    def _output_file(self) -> Path:
        return self.repository.with_name(f"outputs-{next(self._numbers)}")

    def _pushes(self) -> list[str]:
        """List the processes that write to this repository; only Linux tells, elsewhere the list is empty."""
        found = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_bytes().decode(errors="replace").split("\0")
            except OSError:  # the process has ended
                continue
            if {str(self.repository), f"--git-dir={self.repository}"} & {*words} and _WRITERS & {*words}:
                found.append(" ".join(words))
        return found


def make_repository(path: Path) -> Path:
    """Make a bare repository that is ready for a race."""
    return with_foreign_refs(init_bare(path))


def with_foreign_refs(repository: Path) -> Path:
    """Add so many packed refs of others that packing refs while others write is safe.

    A git built without times of nanoseconds takes a new packed-refs file for the one that it has read, if both were written in the
    same second and have the same size and inode, and then accepts a wrong old oid. A file of more than 32 KiB stays mapped, so its
    inode is not used again (https://github.com/git/git/blob/v2.39.5/refs/packed-backend.c, SMALL_FILE_SIZE).
    """
    tree = git_output("hash-object", "-t", "tree", "-w", "--stdin", directory=repository)
    commit = git_output("commit-tree", tree, "-m", "foreign", directory=repository)
    updates = "".join(f"create {name} {commit}\n" for name in _foreign_names())
    run_git("update-ref", "--stdin", directory=repository, stdin=updates.encode())
    run_git("pack-refs", "--all", "--prune", directory=repository)
    return repository


def _foreign_names() -> list[str]:
    return [f"{_FOREIGN}{number:0200}" for number in range(200)]
