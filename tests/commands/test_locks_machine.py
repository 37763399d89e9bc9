"""Random owners of a lock, times and sweeps, against a plain record of who holds it."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hgetall, Httl
from git_keyval.database.perform import perform
from git_keyval.errors import LockHeldError, LockLostError
from git_keyval.format.times import SECOND
from git_keyval.maintenance.commands import Sweep
from tests.machine import Machine, run_machine
from tests.world import key

K = key("lock")
OWNERS = st.sampled_from(["a", "b", "c"])


@dataclass
class Held:
    """Who took the lock last, until when, and how often it was taken."""

    owner: str = ""
    until: int = 0
    fence: int = 0


class Model(Machine):
    """A lock, and beside it what it is supposed to be."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = Held()

    @property
    def now(self) -> float:
        return self.clock() / SECOND

    @property
    def holder(self) -> str:
        return self.lock.owner if self.lock.until > self.now else ""

    @rule(seconds=st.sampled_from([1, 30, 61, 600]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(owner=OWNERS, ttl=st.sampled_from([1, 60, 300]), wait=st.sampled_from([0, 0, 45, 600]))
    def take(self, owner: str, ttl: int, wait: int) -> None:
        before, begun = self.holder, self.now
        answer = perform(self.world.database(), Lock(key=K, owner=owner, ttl=ttl, wait=wait))
        if before not in {"", owner} and self.lock.until > begun + wait:
            assert (answer.applied, answer.owner, self.now) == (False, before, begun + wait)
            assert isinstance(answer.failure, LockHeldError)
            return
        assert self.now == (begun if before in {"", owner} else self.lock.until)
        fence = self.lock.fence + (before != owner)
        self.lock = Held(owner, -(-(round(self.now * SECOND) + ttl * SECOND) // (60 * SECOND)) * 60, fence)
        assert (answer.applied, answer.owner, answer.fence, answer.failure) == (True, owner, fence, None)
        assert (answer.expires_at, answer.ttl) == (self.lock.until, -int(-(self.lock.until - self.now) // 1))

    @rule(owner=OWNERS)
    def release(self, owner: str) -> None:
        before = self.holder
        answer = perform(self.world.database(), Unlock(key=K, owner=owner))
        assert answer.applied is (before == owner)
        assert isinstance(answer.failure, LockLostError) is (before not in {"", owner})
        assert bool(answer.warning) is (before == "")
        if answer.applied:
            assert answer.fence == self.lock.fence
            self.lock.until = 0

    @rule()
    def maintenance(self) -> None:
        Sweep().run(self.world.maintenance())

    def look(self) -> None:
        if self.lock.fence:
            owner = {"owner": self.holder} if self.holder else {}
            assert perform(self.world.database(), Hgetall(key=K)).document == {"fence": str(self.lock.fence), **owner}
            assert perform(self.world.database(), Httl(key=K, field="owner")).expires_at == (
                self.lock.until if self.holder else None
            )
        assert self.world.errors() == []


def test_locks_are_as_they_are_supposed_to_be() -> None:
    run_machine(Model, settings().max_examples, steps=25)
