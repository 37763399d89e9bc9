"""The base of the state machines: a database that each of them drives, beside a model of what it is supposed to hold."""

import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, run_state_machine_as_test

from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.format.times import SECOND
from tests.conftest import FakeClock
from tests.contract.places import PLACES
from tests.world import World


class Machine(RuleBasedStateMachine):
    """A database at one of PLACES, with refs of others in it."""

    where: ClassVar[str] = "memory"
    cipher: ClassVar[Cipher] = PLAIN
    watchful: ClassVar[bool] = True
    """Look at everything after every step, not at the end only."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="machine-"))
        self.begun = False

    @initialize()
    def begin(self) -> None:
        self.clock = FakeClock()
        self.opened = PLACES[self.where](self.directory, self.clock)
        self.world = World(self.opened.__enter__(), self.clock, self.cipher)
        self.world.plant_foreign()
        self.begun = True

    def teardown(self) -> None:
        try:
            if self.begun:
                self.look()
                self.opened.__exit__(None, None, None)
        finally:
            shutil.rmtree(self.directory)

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        if self.begun and self.watchful:
            self.look()
        if self.begun:
            self.clock.advance(0.001)

    def look(self) -> None:
        """Compare all that is to be seen with the model."""
        raise NotImplementedError

    def expiry(self, seconds: int | None) -> int | None:
        """Return when a time to live that begins now ends: at the end of a minute."""
        return None if seconds is None else -(-(self.clock() + seconds * SECOND) // (60 * SECOND)) * 60

    def may_end(self, held: int | None, seconds: int, only_if: str) -> bool:
        """Return whether what ends then, or never, may be given a time to live in place of that."""
        new = self.expiry(seconds)
        assert new is not None
        return {
            "": True,
            "longer": held is not None and new > held,
            "shorter": held is None or new < held,
            "none": held is None,
            "some": held is not None,
        }[only_if]


def run_machine(machine: type[RuleBasedStateMachine], examples: int, steps: int = 30) -> None:
    """Run a machine so often, each time for so many steps."""
    run_state_machine_as_test(machine, settings=settings(max_examples=max(1, examples), stateful_step_count=steps))
