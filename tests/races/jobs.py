"""What goes on beside a race: maintenance that is killed, readers, and the server's own housekeeping."""

import time
from collections.abc import Callable
from random import Random

from tests.races.arena import Arena
from tests.races.clients import Answer, Client, Killed
from tests.servers.binary import run_git


class Pace:
    """Chooses moments to kill a client that fall into its step: now and then, and by how long steps took so far."""

    def __init__(self, client: Client, random: Random, *, killed: float) -> None:
        """Kill the share ``killed`` of all steps."""
        self._client = client
        self._random = random
        self._share = killed
        self._seconds = 0.3
        self.kills = 0

    def run(self, command: str, /, **inputs: str) -> Answer:
        """Run a step, or kill it. Raises Killed."""
        started = time.monotonic()
        if self._random.random() >= self._share:
            answer = self._client.run(command, **inputs)
            self._seconds = time.monotonic() - started
            return answer
        try:
            return self._client.run_or_kill(command, self._random.uniform(0, self._seconds), **inputs)
        except Killed:
            self.kills += 1
            raise

    def run_until_done(self, command: str, /, **inputs: str) -> Answer:
        """Run a step again each time it is killed."""
        while True:
            try:
                return self.run(command, **inputs)
            except Killed:
                continue


def killed_maintenance(
    arena: Arena, name: str, *choices: dict[str, str], killed: float = 0.3, pause: float = 0.4
) -> Callable[[], None]:
    """Return a job that runs one of some maintenance commands after a pause of at most so many seconds, and is killed at times."""
    random = arena.random(name)
    pace = Pace(arena.worker(), random, killed=killed)

    def job() -> None:
        time.sleep(random.uniform(0, pause))
        inputs = dict(random.choice(choices))
        try:
            pace.run(inputs.pop("command"), **inputs)
        except Killed:
            return

    return job


def pack_refs(arena: Arena) -> Callable[[], None]:
    """Return a job that packs refs now and then, as servers do by themselves."""
    random = arena.random("pack-refs")

    def job() -> None:
        time.sleep(random.uniform(0.2, 1.0))
        run_git("pack-refs", "--all", "--prune", directory=arena.repository)

    return job
