"""The database that the pictures show: a shop's, on an emulated GitHub whose time stands still."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path

from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.counters import encode_delta
from git_keyval.format.times import SECOND, Micros
from tests.action.steps import Ended, Workflow, breadcrumb_ref
from tests.examples.stage import REPOSITORY, emulated_github, github_at
from tests.replacing import replace
from tests.servers.binary import git_output

_NOON = Micros(1_796_126_400 * SECOND)
"""2026-12-01T12:00:00Z."""

_STEPS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("init", {}),
    ("set", {"key": "deploy/production", "value": "3f2a1c9", "ttl": "90d"}),
    ("set", {"key": "deploy/staging", "value": "77e01d2", "ttl": "30d"}),
    ("mset", {"values": '{"flags/beta": true, "flags/dark-mode": false, "flags/limit": 20}'}),
    ("mset", {"values": '{"cache/index": "a1", "cache/assets": "b2"}', "ttl": "26h"}),
    ("mset", {"values": '{"session/17": "x", "session/18": "y", "session/21": "z"}', "ttl": "3d"}),
    ("mset", {"values": '{"report/nightly": {"passed": 1840, "failed": 2}, "report/weekly": {"passed": 12903}}', "ttl": "12d"}),
    ("set", {"key": "preview/311", "value": "ready", "ttl": "2h"}),
    ("set", {"key": "task/41", "value": "once"}),
    ("getdel", {"key": "task/41"}),
    ("incr", {"key": "build-number", "by": "1284"}),
    ("incr", {"key": "downloads", "by": "90211"}),
    ("hset", {"key": "coverage", "values": '{"linux": 91.4, "macos": 90.8, "windows": 88.1}'}),
    ("apush", {"key": "failures", "values": '["checkout: timeout", "cart: flaky"]', "ttl": "20d"}),
    ("lock", {"key": "locks/production", "owner": "run 5012", "ttl": "5h"}),
)
_NO_NAMES = {"init", "getdel"}
_WAITING = ("20261201T131500000000Z-waitingone", "20261201T132200000000Z-waitingtwo")


class Shop:
    """Steps on the database; every one takes as long."""

    def __init__(self, steps: Workflow, repository: Path) -> None:
        self._steps = steps
        self._repository = repository

    def run(self, command: str, inputs: Mapping[str, str]) -> Ended:
        """Run a step, which must not fail."""
        ended = self._steps.run_given(command, inputs, _measured)
        if ended.code:
            raise RuntimeError(f"{command} failed: {ended.log}")
        return ended

    def leave_increments(self) -> None:
        """Leave increments beside a counter, as steps do that meet a rival."""
        made = encode_delta(1)
        oid = git_output("hash-object", "-t", "commit", "-w", "--stdin", directory=self._repository, stdin=made.data)
        for name in _WAITING:
            git_output("update-ref", breadcrumb_ref("build-number", name), oid, directory=self._repository)


@contextmanager
def shop(folder: Path) -> Iterator[Shop]:
    """Serve the database of the shop, three hours after it was filled."""
    moment = [_NOON]
    workspace = folder / "workspace"
    workspace.mkdir(parents=True)
    with emulated_github(folder / "github", lambda: moment[0] / SECOND) as emulator:
        steps = Workflow(folder / "steps", REPOSITORY, clock=lambda: moment[0])
        github_at(emulator, folder, workspace, steps)
        made = Shop(steps, folder / "github" / f"{REPOSITORY}.git")
        for command, inputs in _STEPS:
            made.run(command, inputs if command in _NO_NAMES else {**inputs, "store-key": "true"})
        made.leave_increments()
        moment[0] = Micros(_NOON + 3 * 3600 * SECOND)
        yield made


def _measured(outside: Surroundings) -> Surroundings:
    """Return an outside world in which all that comes after a look at the time has taken as long."""
    times = chain([0.0], repeat(1.8))
    return replace(outside, elapsed=lambda: next(times), random=lambda: 0.5)
