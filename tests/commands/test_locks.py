"""Locks: one holder at a time, for as long as its lease lasts."""

import itertools

import pytest

from git_keyval.commands.expiry import Expire, Ttl
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
