"""One repository with all that works on it, and the judgement of what they left behind."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from tests.races.clients import OneShot, Worker
from tests.servers.binary import git_output, run_git

_LONGEST_WAIT_SECONDS = 30.0
_LEFTOVERS = ("**/*.lock", "objects/tmp_objdir-*", "objects/**/tmp_obj_*", "objects/pack/tmp_*")


@dataclass(frozen=True, slots=True)
class Arena:
    """A bare repository; clients made here end with the test."""

    repository: Path
    seed: str
    scale: int
    clients: ExitStack
    _numbers: Iterator[int] = field(default_factory=count)

    def worker(self) -> Worker:
        """Give a client that is ready to begin."""
        worker = self.clients.enter_context(Worker(self.repository, self._output_file()))
        worker.start()
        return worker

    def workers(self, number: int) -> list[Worker]:
        return [self.worker() for _ in range(number)]

    def one_shot(self) -> OneShot:
        return self.clients.enter_context(OneShot(self.repository, self._output_file()))

    def random(self, name: object) -> Random:
        """Give the random choices of one of those who race."""
        return Random(f"{self.seed}/{name}")

    def refs(self, *prefixes: str) -> dict[str, str]:
        """Give the oids of the refs below the prefixes, by name, as git tells them."""
        listed = git_output("for-each-ref", "--format=%(refname) %(objectname)", *prefixes, directory=self.repository)
        return dict(line.split(" ") for line in listed.splitlines())

    def message(self, revision: str) -> str:
        return git_output("log", "-1", "--format=%B", revision, directory=self.repository)

    def settle(self) -> None:
        """Wait until the git processes that killed clients left behind have ended. Raises AssertionError if some do not."""
        deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
        while running := self._git_processes():
            assert time.monotonic() < deadline, f"still running: {running}"
            time.sleep(0.05)

    def assert_sound(self) -> Mapping[str, str]:
        """Assert that the repository keeps every rule of git and of the format, and that nobody left a lock; give check's outputs."""
        self.settle()
        left = sorted(str(path) for pattern in _LEFTOVERS for path in self.repository.glob(pattern))
        assert not left, f"left behind: {left}"
        fsck = run_git("fsck", "--strict", "--full", "--no-dangling", "--no-progress", directory=self.repository, check=False)
        said = [line for line in (fsck.stdout + fsck.stderr).decode().splitlines() if not line.startswith("notice:")]
        assert (fsck.returncode, said) == (0, [])
        checked = self.one_shot().run("check").outputs
        assert checked["count"] == "0", checked["report"]
        return checked

    def _output_file(self) -> Path:
        return self.repository.with_name(f"outputs-{next(self._numbers)}")

    def _git_processes(self) -> list[str]:
        """List git's services on this repository; only Linux tells, elsewhere the list is empty."""
        found = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_bytes().decode(errors="replace").split("\0")
            except OSError:  # the process has ended
                continue
            if str(self.repository) in words:
                found.append(" ".join(words))
        return found
