"""Random owners of a lock and its slots, times and sweeps, against a plain record of who holds which."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from git_keyval.commands.keyspace import Keys
from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hgetall, Httl
from git_keyval.database.perform import perform
from git_keyval.errors import LockHeldError, LockLostError
from git_keyval.format.locks import fence_field, owner_field
from git_keyval.format.times import SECOND
from git_keyval.maintenance.commands import Sweep
from tests.machine import Machine, run_machine
from tests.world import key

K = key("lock")
OWNERS = st.sampled_from(["a", "b", "c", "d"])
MOST_SLOTS = 3
SLOTS = st.sampled_from([1, 1, 2, 2, MOST_SLOTS])


@dataclass
class Held:
    """Who took a slot of the lock last, until when, and how often it was taken."""

    owner: str = ""
    until: int = 0
    fence: int = 0


class Model(Machine):
    """A lock, and beside it what its slots are supposed to be."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = [Held() for _ in range(MOST_SLOTS)]
        self.stored = False

    @property
    def now(self) -> float:
        return self.clock() / SECOND

    def holders(self) -> list[str]:
        return [slot.owner if slot.until > self.now else "" for slot in self.slots]

    @rule(seconds=st.sampled_from([1, 30, 61, 600]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(
        owner=OWNERS, ttl=st.sampled_from([1, 60, 300]), wait=st.sampled_from([0, 0, 45, 600]), slots=SLOTS, store_key=st.booleans()
    )
    def take(self, owner: str, ttl: int, wait: int, slots: int, *, store_key: bool) -> None:
        before, begun = self.holders(), self.now
        command = Lock(key=K, owner=owner, ttl=ttl, wait=wait, slots=slots, store_key=store_key)
        answer = perform(self.world.database(), command)
        known = self.slots[:slots]
        frees = min(slot.until for slot in known)
        if owner not in before and frees > begun + wait:
            first = min(known, key=lambda slot: slot.until)
            assert (answer.applied, answer.owner, answer.expires_at, self.now) == (False, first.owner, first.until, begun + wait)
            assert isinstance(answer.failure, LockHeldError)
            return
        self.stored = self.stored or store_key
        assert self.now == (begun if owner in before else max(begun, frees))
        number = before.index(owner) if owner in before else next(n for n, slot in enumerate(known) if slot.until <= self.now)
        fence = self.slots[number].fence + (owner not in before)
        until = -(-(round(self.now * SECOND) + ttl * SECOND) // (60 * SECOND)) * 60
        self.slots[number] = Held(owner, until, fence)
        assert (answer.applied, answer.owner, answer.fence, answer.failure) == (True, owner, fence, None)
        assert (answer.slot, answer.expires_at, answer.ttl) == (number + 1, until, -int(-(until - self.now) // 1))

    @rule(owner=OWNERS, slots=SLOTS)
    def release(self, owner: str, slots: int) -> None:
        before = self.holders()
        answer = perform(self.world.database(), Unlock(key=K, owner=owner, slots=slots))
        is_lost = owner not in before and all(before[:slots]) and not any(slot.fence for slot in self.slots[slots:])
        assert answer.applied is (owner in before)
        assert isinstance(answer.failure, LockLostError) is is_lost
        assert bool(answer.warning) is (owner not in before and not is_lost)
        if answer.applied:
            slot = self.slots[before.index(owner)]
            assert (answer.fence, answer.slot) == (slot.fence, before.index(owner) + 1)
            slot.until = 0

    @rule()
    def maintenance(self) -> None:
        Sweep().run(self.world.maintenance())

    def look(self) -> None:
        holders = self.holders()
        assert len([owner for owner in holders if owner]) == len(set(holders) - {""})
        shown = {fence_field(number): str(slot.fence) for number, slot in enumerate(self.slots, start=1) if slot.fence}
        shown |= {owner_field(number): owner for number, owner in enumerate(holders, start=1) if owner}
        if shown:
            assert perform(self.world.database(), Hgetall(key=K)).document == shown
        for number, slot in enumerate(self.slots, start=1):
            ends = perform(self.world.database(), Httl(key=K, field=owner_field(number))).expires_at
            assert ends == (slot.until if holders[number - 1] else None)
        assert perform(self.world.database(), Keys()).document == ([K.label] if self.stored else [])
        assert self.world.errors() == []


def test_locks_are_as_they_are_supposed_to_be() -> None:
    run_machine(Model, settings().max_examples, steps=25)
