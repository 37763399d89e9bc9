"""A filled database on the emulated GitHub, set up anew for every run, and what became of it."""

import itertools
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from git_keyval.database.answers import Answer
from git_keyval.errors import GitKeyvalError
from git_keyval.format.times import Micros
from git_keyval.store.github import GithubStore
from tests.conftest import FakeClock
from tests.contract.places import open_git_place
from tests.crash.scenes import COMMANDS, JOBS, KEYS, fill
from tests.emulator import Fault, GitHubEmulator, Logged, Timeout
from tests.faults import FaultyStore
from tests.github.opening import id_of, open_emulated
from tests.servers.binary import init_bare, run_git
from tests.world import FOREIGN, World

FIRST_OPERATIONS = 1_000
"""More operation ids than filling a database takes."""

_OUTLASTS_RATE_LIMITS = 5_000
_SHORT, _LONG = 0.5, 30.0
"""Seconds that pass in earnest: short enough to be waited for, and longer than what a busy machine takes."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A database as its users see it, but for the times at which keys expire: a disturbed run takes longer."""

    content: Mapping[str, tuple[str | None, str]]
    names: frozenset[str]
    errors: tuple[str, ...]
    foreign: bool


@dataclass(frozen=True, slots=True)
class Template:
    """The database that every run begins with, when that is, and what was to be seen at that time, by the refs."""

    repository: Path
    begin: Micros
    seen: dict[object, Seen] = field(default_factory=dict)


def make_template(directory: Path) -> Template:
    """Fill a database in a directory. It has few files, because it is copied for every run."""
    clock = FakeClock()
    repository = init_bare(directory / "template.git")
    fill(World(open_git_place(repository, str(repository), clock, {}), clock))
    run_git("gc", "--quiet", "--prune=now", directory=repository)
    return Template(repository, clock.moment)


class Stage:
    """Sets up runs on one emulator. What is looked at is read by git, behind the back of the emulator."""

    def __init__(self, template: Template, emulator: GitHubEmulator, clock: FakeClock) -> None:
        self.emulator = emulator
        self.clock = clock
        self._template = template
        self._numbers = itertools.count(1)

    def world(self, faults: Iterable[Fault] = ()) -> tuple[World, GithubStore]:
        """Return the database anew: a world that reaches it by git, and a store that reaches it as a step does.

        ``faults`` are those to come: where one of them is that no answer comes, the store does not wait for long.
        """
        self.clock.moment = self._template.begin
        name = f"owner/run{next(self._numbers)}"
        repository = self.emulator.repositories.root / f"{name}.git"
        # Links, because git replaces files and never writes into them.
        shutil.copytree(self._template.repository, repository, copy_function=os.link)
        world = World(open_git_place(repository, str(repository), self.clock, {}), self.clock)
        for _ in range(FIRST_OPERATIONS):
            world.new_op()
        self.emulator.faults = {}
        self.emulator.limits.forget()
        self.emulator.reset_log()
        store = open_emulated(
            self.emulator,
            self.clock,
            name,
            repository_id=id_of(self.emulator, name),
            max_seconds=_OUTLASTS_RATE_LIMITS,
            timeout=_SHORT if any(isinstance(fault, Timeout) for fault in faults) else _LONG,
        )
        return world, store

    def see(self, world: World) -> Seen:
        """Look, as of the time when the run began. Many runs end in the same refs, of which the same is to be seen."""
        self.clock.moment = self._template.begin
        refs = frozenset(world.refs().items())
        if refs not in self._template.seen:
            copy = world.in_memory()
            content = {label: (shown.type, shown.value) for label, shown in copy.content(KEYS).items()}
            self._template.seen[refs] = Seen(
                content, frozenset(copy.refs()), tuple(copy.errors()), copy.foreign().keys() == FOREIGN.keys()
            )
        return self._template.seen[refs]

    def attempt(self, world: World, store: GithubStore, name: str, faults: Mapping[int, Fault]) -> Answer | Exception:
        """Run a command with faults by the number of the request."""
        self.emulator.faults = dict(faults)
        try:
            return COMMANDS[name](world, world.database(FaultyStore(store, {})))
        except GitKeyvalError as exc:
            return exc
        finally:
            self.emulator.faults = {}

    def run_job(self, world: World, store: GithubStore, name: str, faults: Mapping[int, Fault]) -> object:
        """Run a maintenance job with faults by the number of the request."""
        self.emulator.faults = dict(faults)
        try:
            return JOBS[name](world.maintenance(store))
        except GitKeyvalError as exc:
            return exc
        finally:
            self.emulator.faults = {}

    def kinds(self) -> list[Logged]:
        """Return the requests of the run so far."""
        return list(self.emulator.requests)
