"""A process that takes a lock, or a slot of it, works under it, and releases it, again and again, until it is killed.

What it does under the lock is to append lines to a log that all holders share: its slot and fence, and what it does. It stops in
time before its lease is over; now and then it hangs instead until that is over, and then tries to release the lock.
"""

import io
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from git_keyval.action.runner import Runner
from git_keyval.action.step import run_step
from git_keyval.format.times import SECOND, Micros
from git_keyval.process import surroundings
from tests.action.runner_rules import read_outputs
from tests.replacing import replace

LEASE_SECONDS = 4
MOST_SKEW_SECONDS = 0.5
_WORK_SECONDS = LEASE_SECONDS - 2 * MOST_SKEW_SECONDS - 2
"""How long to work at most: the clock of who comes next may be ahead by twice the skew, and a busy machine may stop any process."""


@dataclass(frozen=True, slots=True)
class Holder:
    """One of those who want the lock. ``skew`` is how many seconds its clock is ahead."""

    environ: Mapping[str, str]
    log: Path
    outputs: Path
    skew: float
    slots: int
    random: Random

    def go(self) -> None:
        """Hold the lock whenever it can be had."""
        while True:
            begun = time.monotonic()
            wait = self.random.choice(["0s", "2s"])
            code, taken = self._step("lock", ttl=f"{LEASE_SECONDS}s", expiry_granularity="1s", wait=wait, slots=str(self.slots))
            assert (code, taken["applied"]) in {(0, "true"), (1, "false")}, taken
            if code:
                time.sleep(self.random.uniform(0, 0.2))
            else:
                self._hold(begun, int(taken["slot"]), int(taken["fence"]), taken["owner"])

    def _hold(self, begun: float, slot: int, fence: int, owner: str) -> None:
        hangs = self.random.random() < 0.1
        until = begun + self.random.uniform(0, _WORK_SECONDS)
        self._append(slot, fence, owner, "enter")
        while not hangs and time.monotonic() < until:
            self._append(slot, fence, owner, "work")
            time.sleep(self.random.uniform(0, 0.05))
        if hangs:
            time.sleep(LEASE_SECONDS + 2 * MOST_SKEW_SECONDS + self.random.uniform(1, 2))
        overtaken = any(line["slot"] == slot and line["fence"] > fence for line in read_log(self.log))
        code, answer = self._step("unlock", owner=owner, slots=str(self.slots))
        assert not (overtaken and answer["applied"] == "true"), (fence, answer)
        self._append(slot, fence, owner, "released" if answer["applied"] == "true" else "refused" if code else "nothing")

    def _append(self, slot: int, fence: int, owner: str, what: str) -> None:
        with self.log.open("ab", buffering=0) as file:  # so it is one write, at the end
            file.write(json.dumps({"slot": slot, "fence": fence, "owner": owner, "what": what}).encode() + b"\n")

    def _step(self, command: str, **inputs: str) -> tuple[int, dict[str, str]]:
        given = {f"INPUT_{name.replace('_', '-').upper()}": text for name, text in inputs.items()}
        environ = {**self.environ, **given, "INPUT_COMMAND": command, "INPUT_KEY": "lock", "GITHUB_OUTPUT": str(self.outputs)}
        self.outputs.write_bytes(b"")
        log = io.StringIO()
        runner = Runner(environ, log, lambda: os.urandom(16).hex())
        outside = surroundings(environ, runner.progress)
        ahead = round(self.skew * SECOND)
        code = run_step(environ, runner, replace(outside, clock=lambda: Micros(outside.clock() + ahead)))
        answer = read_outputs(self.outputs.read_bytes())
        assert "applied" in answer, log.getvalue()
        return code, answer


def read_log(log: Path) -> list[dict[str, Any]]:
    """Read what the holders did, in the order in which they did it."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    Holder(dict(os.environ), Path(told["log"]), Path(told["outputs"]), told["skew"], told["slots"], Random(told["seed"])).go()
