"""Locks: one holder at a time, for as long as its lease lasts."""

import itertools

import pytest

from git_keyval.commands.expiry import Expire, Ttl
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hexpire, Hget, Hgetall, Hpersist, Hset, Httl
from git_keyval.commands.owners import is_made, owner_of_process, owner_of_run
from git_keyval.commands.values import Del, Set
from git_keyval.database.answers import Answer
from git_keyval.database.collections import NewElement
from git_keyval.database.perform import perform
from git_keyval.errors import (
    InputError,
    LockHeldError,
    LockLostError,
    OutcomeUnknownError,
    StoreError,
    WrongTypeError,
)
from git_keyval.format.locks import owner_field
from git_keyval.format.names import DEFAULT_NAMING
from git_keyval.format.times import SECOND, Micros
from git_keyval.format.values import Value
from git_keyval.maintenance.commands import Sweep
from git_keyval.store.port import Store
from tests.around import StoreAround
from tests.faults import Lost, Rival
from tests.world import World, key, number, show, text

K = key("lock")


def given(value: Value) -> NewElement:
    return lambda _kind: value


def taken(world: World, owner: str, ttl: int = 60, wait: int = 0) -> Answer:
    return perform(world.database(), Lock(key=K, owner=owner, ttl=ttl, wait=wait))


def released(world: World, owner: str) -> Answer:
    return perform(world.database(), Unlock(key=K, owner=owner))


def fields(world: World) -> object:
    return perform(world.database(), Hgetall(key=K)).document


def test_a_free_lock_is_taken(world: World) -> None:
    answer = taken(world, "a", 90)
    assert (answer.applied, answer.owner, answer.fence, answer.ttl) == (True, "a", 1, 120)
    assert answer.failure is None
    assert fields(world) == {"fence": "1", "owner": "a"}
    assert perform(world.database(), Httl(key=K, field="owner")).ttl == 120
    assert perform(world.database(), Httl(key=K, field="fence")).ttl == -1
    assert perform(world.database(), Ttl(key=K)).ttl == -1
    assert perform(world.database(), Ttl(key=K)).version == answer.version
    assert world.errors() == []


def test_a_lock_that_is_held_is_not(world: World) -> None:
    taken(world, "a")
    before = world.refs()
    answer = taken(world, "b")
    assert (answer.applied, answer.owner, answer.fence, answer.ttl, answer.version) == (False, "a", None, 60, None)
    assert isinstance(answer.failure, LockHeldError)
    assert "for 60 more seconds" in str(answer.failure)
    assert world.refs() == before


def test_a_released_lock_is_taken_by_the_next_with_a_larger_fence(world: World) -> None:
    taken(world, "a")
    answer = released(world, "a")
    assert (answer.applied, answer.owner, answer.fence, answer.warning, answer.failure) == (True, "a", 1, "", None)
    assert fields(world) == {"fence": "1"}
    assert [name for name in world.refs() if name.startswith(DEFAULT_NAMING.element_expiries(K.id))] == []
    assert taken(world, "b").fence == 2
    assert released(world, "b").applied
    assert taken(world, "a").fence == 3
    assert world.errors() == []


@pytest.mark.parametrize("swept", [False, True], ids=["not swept", "swept"])
def test_a_lock_whose_lease_is_over_is_taken_over(world: World, *, swept: bool) -> None:
    taken(world, "a")
    world.clock.advance(59.9)
    assert not taken(world, "b").applied
    world.clock.advance(0.1)
    if swept:
        Sweep().run(world.maintenance())
        assert fields(world) == {"fence": "1"}
    assert taken(world, "b").fence == 2
    assert fields(world) == {"fence": "2", "owner": "b"}


def test_the_former_owner_of_a_lock_cannot_release_it(world: World) -> None:
    taken(world, "a")
    world.clock.advance(60)
    taken(world, "b")
    before = world.refs()
    answer = released(world, "a")
    assert (answer.applied, answer.owner) == (False, "b")
    assert isinstance(answer.failure, LockLostError)
    assert world.refs() == before
    assert released(world, "b").applied


@pytest.mark.parametrize("swept", [False, True], ids=["not swept", "swept"])
def test_nobody_releases_what_nobody_holds(world: World, *, swept: bool) -> None:
    assert "Nobody holds the lock" in released(world, "a").warning
    taken(world, "a")
    world.clock.advance(60)
    if swept:
        Sweep().run(world.maintenance())
    before = world.refs()
    answer = released(world, "a")
    assert (answer.applied, answer.fence, answer.failure) == (False, 1, None)
    assert ("nobody took it since" in answer.warning) is not swept
    assert world.refs() == before


def test_an_owner_renews_its_lease_and_keeps_its_fence(world: World) -> None:
    version = taken(world, "a").version
    world.clock.advance(30)
    answer = taken(world, "a", 600)
    assert (answer.applied, answer.fence, answer.ttl, answer.version) == (True, 1, 630, version)
    world.clock.advance(300)
    assert not taken(world, "b").applied
    assert released(world, "a").applied


def test_renewing_to_the_same_minute_writes_nothing(world: World) -> None:
    taken(world, "a")
    before = world.refs()
    assert taken(world, "a").applied
    assert world.refs() == before


def test_an_owner_whose_lease_is_over_takes_the_lock_anew(world: World) -> None:
    taken(world, "a")
    world.clock.advance(60)
    assert taken(world, "a").fence == 2


def test_a_lease_may_end_at_a_time(world: World) -> None:
    end = Micros(world.clock() + 3600 * SECOND)
    assert perform(world.database(), Lock(key=K, owner="a", expires_at=end)).ttl == 3600
    with pytest.raises(InputError):
        perform(world.database(), Lock(key=K, owner="a", expires_at=Micros(world.clock())))
    with pytest.raises(InputError, match="must end by itself"):
        perform(world.database(), Lock(key=K, owner="a"))


def test_waiting_ends_when_the_lease_of_the_holder_does(world: World) -> None:
    taken(world, "a", 100)
    begun = world.clock()
    answer = taken(world, "b", wait=3600)
    assert (answer.applied, answer.fence) == (True, 2)
    assert 120 <= (world.clock() - begun) / SECOND < 121


def test_waiting_ends_soon_after_the_lock_is_released(world: World) -> None:
    taken(world, "a", 3600)
    begun, store = world.clock(), world.faulty({5: Rival(lambda: released(world, "a"))})
    assert perform(world.database(store), Lock(key=K, owner="b", ttl=60, wait=600)).fence == 2
    assert (world.clock() - begun) / SECOND < 20


def test_waiting_has_an_end(world: World) -> None:
    taken(world, "a", 3600)
    begun = world.clock()
    answer = taken(world, "b", wait=90)
    assert isinstance(answer.failure, LockHeldError)
    assert (world.clock() - begun, answer.ttl) == (90 * SECOND, 3510)


def test_who_waits_notices_that_the_lease_was_cut_short(world: World) -> None:
    taken(world, "a", 3600)
    store = world.faulty({3: Rival(lambda: taken(world, "a"))})
    assert perform(world.database(store), Lock(key=K, owner="b", ttl=60, wait=300)).fence == 2


def test_each_look_of_who_waits_is_one_request_and_the_looks_get_rare(world: World) -> None:
    taken(world, "a", 3600)
    store = world.faulty({})
    perform(world.database(store), Lock(key=K, owner="b", ttl=60, wait=0))
    first = len(store.calls)
    store = world.faulty({})
    perform(world.database(store), Lock(key=K, owner="b", ttl=60, wait=600))
    assert [call.verb for call in store.calls[first:]] == ["read"] * (len(store.calls) - first)
    assert 40 <= len(store.calls) - first <= 60


def test_waiting_may_take_a_day(memory: World) -> None:
    taken(memory, "a", 10**6)
    begun = memory.clock()
    assert isinstance(taken(memory, "b", wait=86_400).failure, LockHeldError)
    assert memory.clock() - begun == 86_400 * SECOND


def test_who_waits_notices_that_the_lease_was_renewed(world: World) -> None:
    taken(world, "a")
    store = world.faulty({3: Rival(lambda: taken(world, "a", 3600))})
    begun = world.clock()
    answer = perform(world.database(store), Lock(key=K, owner="b", ttl=60, wait=300))
    assert (answer.applied, world.clock() - begun) == (False, 300 * SECOND)


@pytest.mark.parametrize("value", [text("a"), number("1")])
def test_a_key_that_holds_a_value_is_no_lock(world: World, value: object) -> None:
    perform(world.database(), Set(key=K, value=value))  # type: ignore[arg-type]
    with pytest.raises(WrongTypeError):
        taken(world, "a")
    with pytest.raises(WrongTypeError):
        released(world, "a")


@pytest.mark.parametrize("kind", ["another map", "numbers", "no number", "no fence"])
def test_a_map_that_is_no_lock_is_left_alone(world: World, kind: str) -> None:
    entries = {
        "another map": {"a": text("1"), "owner": text("a")},
        "numbers": {"fence": number("1")},
        "no number": {"fence": text("01"), "owner": text("a")},
        "no fence": {"owner": text("a")},
    }[kind]
    perform(world.database(), Hset(key=K, entries={name: given(value) for name, value in entries.items()}))
    before = world.refs()
    for command in (taken, released):
        with pytest.raises(WrongTypeError, match="a lock"):
            command(world, "a")
    assert world.refs() == before


def test_what_else_is_in_the_map_stays(world: World) -> None:
    taken(world, "a")
    perform(world.database(), Hset(key=K, entries={"note": given(text("the blue one"))}))
    released(world, "a")
    taken(world, "b")
    assert fields(world) == {"fence": "2", "note": "the blue one", "owner": "b"}


def test_a_lock_is_no_longer_bound_to_an_expiry_of_its_key(world: World) -> None:
    """With the key, the lock would end before its lease, and the fence begin anew."""
    taken(world, "a")
    released(world, "a")
    perform(world.database(), Expire(key=K, ttl=60))
    taken(world, "b", 600)
    assert perform(world.database(), Ttl(key=K)).ttl == -1
    perform(world.database(), Expire(key=K, ttl=60))
    taken(world, "b", 600)
    assert perform(world.database(), Ttl(key=K)).ttl == -1


def test_a_lock_whose_key_was_deleted_begins_anew(world: World) -> None:
    taken(world, "a")
    perform(world.database(), Del(keys=[K]))
    assert taken(world, "b").fence == 1
    perform(world.database(), Expire(key=K, ttl=60))
    world.clock.advance(60)
    assert taken(world, "c").fence == 1
    assert fields(world) == {"fence": "1", "owner": "c"}
    assert world.errors() == []


def test_an_owner_whose_lease_somebody_took_away_holds_the_lock_until_it_unlocks(world: World) -> None:
    taken(world, "a")
    perform(world.database(), Hpersist(key=K, fields=["owner"]))
    world.clock.advance(10**6)
    answer = taken(world, "b", wait=60)
    assert (answer.applied, answer.ttl) == (False, -1)
    assert "without a lease" in str(answer.failure)
    assert released(world, "a").applied


def test_a_fence_that_somebody_gave_an_expiry_is_kept_all_the_same(world: World) -> None:
    taken(world, "a")
    released(world, "a")
    perform(world.database(), Hexpire(key=K, fields=["fence"], ttl=60))
    world.clock.advance(60)
    assert taken(world, "b").fence == 2
    assert perform(world.database(), Httl(key=K, field="fence")).ttl == -1


def test_a_lease_that_is_over_before_it_can_be_told_is_none(world: World) -> None:
    """Whoever was told of it would think that the lock is held."""
    slow = world.faulty(dict.fromkeys(range(1, 200), Rival(lambda: world.clock.advance(2))))
    database = world.database(slow, granularity=1)
    with pytest.raises(InputError, match="was over each time"):
        perform(database, Lock(key=K, owner="a", ttl=1))


# --- rivals and lost replies at every request --------------------------------------------------------------------------------


def free(world: World) -> None:
    taken(world, "before")
    released(world, "before")


def lapsed(world: World) -> None:
    taken(world, "before")
    world.clock.advance(120)


BEGINNINGS = {"never taken": lambda _world: None, "released": free, "lapsed": lapsed}


def holder(world: World) -> str | None:
    value = perform(world.database(), Hget(key=K, field="owner")).value
    return None if value is None else show(value)


class Another:
    """Somebody else who takes the lock, or tries to, once so many seconds have passed."""

    def __init__(self, world: World, after: float = 0) -> None:
        self.world = world
        self.after = after
        self.applied: list[bool | None] = []

    def __call__(self) -> None:
        self.world.clock.advance(self.after)
        self.applied.append(taken(self.world, "rival").applied)


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_of_two_who_take_a_lock_one_gets_it(memory: World, beginning: str) -> None:
    """The rival comes before any of the requests."""
    for turn in itertools.count(1):
        perform(memory.database(), Del(keys=[K]))
        BEGINNINGS[beginning](memory)
        rival = Another(memory)
        answer = perform(memory.database(memory.faulty({turn: Rival(rival)})), Lock(key=K, owner="ours", ttl=60))
        if not rival.applied:
            break
        assert [answer.applied, *rival.applied] in ([True, False], [False, True]), turn
        assert holder(memory) == ("ours" if answer.applied else "rival")
    assert turn > 2


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("lost", list(Lost), ids=lambda lost: lost.value)
def test_of_two_who_take_a_lock_one_gets_it_also_if_a_reply_is_lost(memory: World, beginning: str, lost: Lost) -> None:
    """The rival comes before any request after the one whose reply is lost, or after all."""
    for turn, later in itertools.product(range(1, 8), range(1, 5)):
        perform(memory.database(), Del(keys=[K]))
        BEGINNINGS[beginning](memory)
        rival = Another(memory)
        store = memory.faulty({turn: lost, turn + later: Rival(rival)})
        ours: bool | None
        try:
            ours = perform(memory.database(store), Lock(key=K, owner="ours", ttl=60)).applied
        except (StoreError, OutcomeUnknownError):
            ours = None
        store.arrive()
        if not rival.applied:
            rival()
        assert not (ours and rival.applied[0]), (turn, later)
        assert holder(memory) == ("rival" if rival.applied[0] else "ours"), (turn, later)
        assert ours is not False or rival.applied[0], (turn, later)


@pytest.mark.parametrize("change", ["the lease", "the map"])
def test_a_lock_whose_reply_is_lost_is_known_although_somebody_changed_something_else(memory: World, change: str) -> None:
    probe = memory.faulty({})
    perform(memory.database(probe), Lock(key=K, owner="ours", ttl=60))
    write = next(call.number for call in probe.calls if call.verb == "apply")
    perform(memory.database(), Del(keys=[K]))

    def rival() -> None:
        if change == "the lease":
            taken(memory, "ours", 6000)
        else:
            perform(memory.database(), Hset(key=K, entries={"note": given(text("a"))}))

    store = memory.faulty({write: Lost.AFTER, write + 1: Rival(rival)})
    answer = perform(memory.database(store), Lock(key=K, owner="ours", ttl=60))
    assert (answer.applied, answer.fence, holder(memory)) == (True, 1, "ours")


@pytest.mark.parametrize("command", ["renew", "unlock"])
def test_who_comes_too_late_takes_nothing_from_the_next_owner(memory: World, command: str) -> None:
    """The lease ends, and a rival takes the lock, before any of the requests."""
    for turn in itertools.count(1):
        perform(memory.database(), Del(keys=[K]))
        taken(memory, "ours")
        rival = Another(memory, after=120)
        database = memory.database(memory.faulty({turn: Rival(rival)}))
        answer = (
            perform(database, Lock(key=K, owner="ours", ttl=600))
            if command == "renew"
            else perform(database, Unlock(key=K, owner="ours"))
        )
        if not rival.applied:
            break
        assert (answer.applied, rival.applied, holder(memory)) == (False, [True], "rival"), turn
        assert isinstance(answer.failure, LockHeldError if command == "renew" else LockLostError), turn
    assert turn > 2


@pytest.mark.parametrize("lost", list(Lost), ids=lambda lost: lost.value)
def test_a_release_whose_reply_is_lost_is_told_as_done_whoever_came_next(memory: World, lost: Lost) -> None:
    taken(memory, "ours", 600)
    store = memory.faulty({})
    perform(memory.database(store), Unlock(key=K, owner="ours"))
    write = next(call.number for call in store.calls if call.verb == "apply")
    taken(memory, "ours", 600)
    rival = Another(memory)
    store = memory.faulty({write: lost, **dict.fromkeys(range(write + 1, 20), Rival(rival))})
    answer = perform(memory.database(store), Unlock(key=K, owner="ours"))
    assert (answer.applied, answer.failure, answer.warning) == (True, None, "")
    assert rival.applied
    assert holder(memory) == ("rival" if any(rival.applied) else None)


def test_a_release_that_another_step_of_the_owner_made_is_told_as_done(memory: World) -> None:
    for turn in itertools.count(1):
        perform(memory.database(), Del(keys=[K]))
        taken(memory, "ours", 600)
        acts: list[object] = []

        def rival(acts: list[object] = acts) -> None:
            acts.append((released(memory, "ours"), taken(memory, "next")))

        answer = perform(memory.database(memory.faulty({turn: Rival(rival)})), Unlock(key=K, owner="ours"))
        if not acts:
            break
        assert holder(memory) == "next"
        assert answer.applied is (turn > 1), turn
    assert turn > 2


def test_a_renewal_does_not_go_on_with_a_lock_that_was_released(memory: World) -> None:
    taken(memory, "ours")
    writes = 3
    store = memory.faulty({writes: Rival(lambda: released(memory, "ours"))})
    answer = perform(memory.database(store), Lock(key=K, owner="ours", ttl=600))
    assert (answer.applied, answer.fence) == (True, 2)


class Behind(StoreAround):
    """A store whose clock is so many seconds behind, as another machine's may be."""

    def __init__(self, store: Store, seconds: float) -> None:
        super().__init__(store)
        self.seconds = seconds

    def now(self, *, ask: bool = False) -> Micros:
        return Micros(self._store.now(ask=ask) - round(self.seconds * SECOND))


def test_a_lease_that_its_owner_renews_by_a_slow_clock_is_not_taken_over(memory: World) -> None:
    """Here the lease is over, there it is not: whoever writes first wins, and the other one finds out."""
    renewals: list[Answer] = []

    def renew() -> None:
        renewals.append(perform(memory.database(Behind(memory.store, 30)), Lock(key=K, owner="slow", ttl=600)))

    for turn in itertools.count(1):
        del renewals[:]
        perform(memory.database(), Del(keys=[K]))
        until = taken(memory, "slow").expires_at
        assert until is not None
        memory.clock.moment = Micros((until + 1) * SECOND)
        answer = perform(memory.database(memory.faulty({turn: Rival(renew)})), Lock(key=K, owner="ours", ttl=60))
        if not renewals:
            break
        assert (renewals[0].applied, renewals[0].fence, answer.applied, answer.owner) == (True, 1, False, "slow"), turn
    assert turn > 2


def test_names_made_for_owners_are_known_and_nothing_else_is() -> None:
    run = owner_of_run("https://github.com", "octo/app.x", "123", "1", "deploy_it", "0123456789abcdef0123")
    assert is_made(run)
    assert is_made(owner_of_process("build-7.example", 4711, "0123456789abcdef0123"))
    for other in (
        "",
        "me",
        "hunter-two12345",
        f"{run}\n",
        f"{run} ::error::",
        "https://github.com/a/b/actions/runs/x/attempts/1#j-01234567",
    ):
        assert not is_made(other), other


# --- several slots -----------------------------------------------------------------------------------------------------------


def slot_taken(world: World, owner: str, slots: int = 3, ttl: int = 60, wait: int = 0, store: Store | None = None) -> Answer:
    return perform(world.database(store), Lock(key=K, owner=owner, ttl=ttl, wait=wait, slots=slots))


def slot_released(world: World, owner: str, slots: int = 1, store: Store | None = None) -> Answer:
    return perform(world.database(store), Unlock(key=K, owner=owner, slots=slots))


def held_by(world: World) -> dict[int, str]:
    found = fields(world)
    assert isinstance(found, dict)
    return {number: str(found[owner_field(number)]) for number in range(1, 10) if owner_field(number) in found}


def test_one_slot_is_stored_as_a_lock_is(memory: World) -> None:
    other = memory.in_memory()
    for world, slots in ((memory, 1), (other, 3)):
        slot_taken(world, "a", slots, 600)
        slot_released(world, "a", slots)
        slot_taken(world, "b", slots, 600)
    assert memory.refs() == other.refs()


def test_a_lock_with_slots_has_so_many_holders(world: World) -> None:
    answers = [slot_taken(world, owner, ttl=600) for owner in "abc"]
    assert [(answer.applied, answer.slot, answer.fence) for answer in answers] == [(True, number, 1) for number in (1, 2, 3)]
    refused = slot_taken(world, "d")
    assert (refused.applied, refused.owner, refused.ttl, refused.slot) == (False, "a", 600, None)
    assert "All 3 slots of the lock are held" in str(refused.failure)
    assert fields(world) == {
        "fence": "1",
        "fence-2": "1",
        "fence-3": "1",
        "owner": "a",
        "owner-2": "b",
        "owner-3": "c",
    }
    released = slot_released(world, "b", 3)
    assert (released.applied, released.slot, released.fence) == (True, 2, 1)
    again = slot_taken(world, "d")
    assert (again.slot, again.fence) == (2, 2)
    assert held_by(world) == {1: "a", 2: "d", 3: "c"}
    assert world.errors() == []


def test_an_owner_has_one_slot_and_renews_it(world: World) -> None:
    slot_taken(world, "a", ttl=60)
    slot_taken(world, "b", ttl=60)
    slot_released(world, "a", 3)
    renewed = slot_taken(world, "b", ttl=600)
    assert (renewed.slot, renewed.fence, renewed.ttl) == (2, 1, 600)
    assert held_by(world) == {2: "b"}


def test_an_owner_renews_its_slot_also_if_it_gives_fewer_slots_than_before(world: World) -> None:
    for owner in "abc":
        slot_taken(world, owner, ttl=60)
    slot_released(world, "a", 3)
    renewed = slot_taken(world, "c", slots=1, ttl=600)
    assert (renewed.applied, renewed.slot, renewed.ttl) == (True, 3, 600)
    assert held_by(world) == {2: "b", 3: "c"}


def test_callers_with_other_numbers_share_the_slots_that_both_know(world: World) -> None:
    assert slot_taken(world, "a", slots=1, ttl=600).slot == 1
    assert slot_taken(world, "b", slots=2, ttl=600).slot == 2
    assert slot_taken(world, "c", slots=2).applied is False
    assert slot_taken(world, "c", slots=3, ttl=600).slot == 3
    assert slot_taken(world, "d", slots=1).owner == "a"
    slot_released(world, "a")
    assert slot_taken(world, "d", slots=1, ttl=600).slot == 1


def test_unlock_finds_the_slot_of_its_owner_whatever_it_is_told(world: World) -> None:
    for owner in "abc":
        slot_taken(world, owner, ttl=600)
    assert slot_released(world, "c").slot == 3
    assert slot_released(world, "b", 2).slot == 2
    assert held_by(world) == {1: "a"}


def test_the_lease_of_one_holder_ends_alone(world: World) -> None:
    slot_taken(world, "a", ttl=60)
    slot_taken(world, "b", ttl=600)
    world.clock.advance(60)
    assert held_by(world) == {2: "b"}
    assert (slot_taken(world, "c").slot, slot_taken(world, "c", slots=1).fence) == (1, 2)
    assert slot_released(world, "a", 3).warning.startswith("The owner holds no slot of the lock")


@pytest.mark.parametrize("slots", [1, 3])
def test_a_lease_that_is_over_is_told_as_what_it_is(world: World, slots: int) -> None:
    slot_taken(world, "first", ttl=600)
    slot_taken(world, "a", ttl=60)
    world.clock.advance(60)
    answer = slot_released(world, "a", slots)
    assert (answer.applied, answer.failure, answer.fence) == (False, None, 1)
    assert "ran out before it was released" in answer.warning


def test_a_slot_is_lost_if_others_hold_all_of_them(world: World) -> None:
    slot_taken(world, "a", 2, ttl=60)
    world.clock.advance(60)
    for owner in "bc":
        slot_taken(world, owner, 2, ttl=600)
    answer = slot_released(world, "a", 2)
    assert (answer.applied, answer.owner) == (False, "b")
    assert isinstance(answer.failure, LockLostError)
    answer = slot_released(world, "a", 3)
    assert (answer.failure, answer.fence) == (None, None)
    assert answer.warning


def test_waiting_watches_all_slots(world: World) -> None:
    for owner, ttl in (("a", 3600), ("b", 300), ("c", 600)):
        slot_taken(world, owner, ttl=ttl)
    begun = world.clock()
    answer = slot_taken(world, "d", wait=3600)
    assert answer.slot == 2
    assert 300 <= (world.clock() - begun) / SECOND < 301
    begun, store = world.clock(), world.faulty({5: Rival(lambda: slot_released(world, "a", 3))})
    assert slot_taken(world, "e", wait=600, store=store, ttl=3600).slot == 1
    assert (world.clock() - begun) / SECOND < 20


@pytest.mark.parametrize("owner", ["a", "b"])
def test_who_waits_notices_that_the_lease_of_any_slot_was_cut_short(world: World, owner: str) -> None:
    for holder_ in "ab":
        slot_taken(world, holder_, 2, ttl=3600)
    store = world.faulty({3: Rival(lambda: slot_taken(world, owner, 2))})
    answer = slot_taken(world, "c", 2, wait=300, store=store)
    assert (answer.slot, answer.fence) == ("ab".index(owner) + 1, 2)


def test_each_look_at_all_slots_is_one_request(world: World) -> None:
    for owner in "abc":
        slot_taken(world, owner, ttl=3600)
    once, store = world.faulty({}), world.faulty({})
    slot_taken(world, "d", store=once)
    assert isinstance(slot_taken(world, "d", wait=600, store=store).failure, LockHeldError)
    looks = store.calls[len(once.calls) :]
    assert [call.verb for call in looks] == ["read"] * len(looks)
    assert 40 <= len(looks) <= 60


@pytest.mark.parametrize("broken", ["fence-2 is no number", "owner-2 has no fence"])
def test_a_slot_that_is_none_is_left_alone(world: World, broken: str) -> None:
    slot_taken(world, "a", ttl=600)
    entries = {"fence-2": text("0"), "owner-2": text("b")} if "number" in broken else {"owner-2": text("b")}
    perform(world.database(), Hset(key=K, entries={name: given(value) for name, value in entries.items()}))
    with pytest.raises(WrongTypeError, match="a lock"):
        slot_taken(world, "c")
    with pytest.raises(WrongTypeError, match="a lock"):
        slot_released(world, "c", 3)
    assert slot_taken(world, "a", slots=1, ttl=900).applied
    assert slot_released(world, "a").applied


def test_of_several_who_take_slots_no_two_get_the_same(memory: World) -> None:
    """Rivals come before any of the requests."""
    for turn, rivals in itertools.product(range(1, 6), (1, 2, 3)):
        perform(memory.database(), Del(keys=[K]))
        others: list[Answer] = []

        def act(others: list[Answer] = others, rivals: int = rivals) -> None:
            others.extend(slot_taken(memory, f"rival {number}", ttl=600) for number in range(rivals))

        ours = slot_taken(memory, "ours", store=memory.faulty({turn: Rival(act)}), ttl=600)
        if not others:
            others = [slot_taken(memory, "late", ttl=600)]
        slots = [answer.slot for answer in (ours, *others) if answer.applied]
        assert len(slots) == len(set(slots)) == min(3, 1 + len(others))
        assert len(held_by(memory)) == len(slots)


@pytest.mark.parametrize("lost", list(Lost), ids=lambda lost: lost.value)
@pytest.mark.parametrize("act", ["take", "renew", "release"])
def test_a_lost_reply_about_a_slot_is_settled(memory: World, lost: Lost, act: str) -> None:
    """Another holder takes or releases a slot of its own before any request after the one whose reply is lost."""
    for turn, later in itertools.product(range(1, 8), range(1, 4)):
        world = memory.in_memory()
        slot_taken(world, "first", ttl=6000)
        if act != "take":
            slot_taken(world, "ours", ttl=600)
        others: list[Answer] = []

        def rival(world: World = world, others: list[Answer] = others) -> None:
            others.append(slot_taken(world, "rival", ttl=600))

        store = world.faulty({turn: lost, turn + later: Rival(rival)})
        try:
            answer = (
                slot_released(world, "ours", store=store) if act == "release" else slot_taken(world, "ours", ttl=900, store=store)
            )
        except (StoreError, OutcomeUnknownError):
            store.arrive()
            continue
        store.arrive()
        assert answer.applied, (turn, later)
        slots = held_by(world)
        assert ("ours" in slots.values()) is (act != "release"), (turn, later)
        assert len(set(slots.values())) == len(slots)
        if act != "release":
            assert slots[answer.slot or 0] == "ours"
        assert all(other.applied for other in others)
        assert world.errors() == []


def test_an_owner_whose_own_lease_is_over_elsewhere_cannot_come_to_hold_two_slots(memory: World) -> None:
    """By a clock that is behind, the old lease is not over, and could be renewed."""
    renewals: list[Answer] = []

    def renew() -> None:
        behind = memory.database(Behind(memory.store, 90))
        renewals.append(perform(behind, Lock(key=K, owner="ours", ttl=600, slots=3)))

    for turn in itertools.count(1):
        del renewals[:]
        perform(memory.database(), Del(keys=[K]))
        slot_taken(memory, "first", ttl=60)
        slot_taken(memory, "ours", ttl=60)
        memory.clock.advance(60)
        slot_taken(memory, "ours", ttl=600, store=memory.faulty({turn: Rival(renew)}))
        acted = bool(renewals)
        renew()
        assert list(held_by(memory).values()).count("ours") == 1, turn
        if not acted:
            break
    assert turn > 2


def test_a_lock_is_listed_by_its_name_if_it_is_to_be(world: World) -> None:
    command = Lock(key=K, owner="a", ttl=60, store_key=True)
    assert perform(world.database(), command).applied
    assert perform(world.database(), Keys()).document == ["lock"]
    again = world.faulty({})
    assert perform(world.database(again), command).applied
    assert "apply" not in [call.verb for call in again.calls]
    released(world, "a")
    assert perform(world.database(), Keys()).document == ["lock"]
    perform(world.database(), Del(keys=[K]))
    taken(world, "a")
    assert perform(world.database(), Keys()).document == []
    assert perform(world.database(), command).applied
    assert perform(world.database(), Keys()).document == ["lock"]
    assert world.errors() == []
