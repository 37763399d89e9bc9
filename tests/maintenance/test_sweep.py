"""sweep: what is removed, what survives, and what it tells about the keys."""

from collections.abc import Callable

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist
from git_keyval.commands.values import Del, Get, Getdel, Mset, Set
from git_keyval.database.perform import perform
from git_keyval.errors import UnavailableError
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import Naming, RefName
from git_keyval.maintenance.commands import Sweep
from git_keyval.maintenance.report import Report
from git_keyval.store.port import DELETE
from tests.contract.samples import Sample, foreign_commit, note
from tests.faults import Lost, Rival
from tests.world import World, key, show, text

K = key()
VALUE = Naming().value(K.id)
EXPIRY = Naming().expiry(K.id)
STORED_KEY = Naming().key(K.id)
NOON = 1_767_268_800
HOUR, DAY = 3600, 86_400
NO_ELEMENTS = {"expiredElements": 0, "collections": 0}


def keys_left(world: World) -> set[RefName]:
    return {name for name in world.refs().keys() - world.foreign().keys() if name.startswith("refs/heads/kv-")}


def applied(report: Report) -> int:
    return sum(len(job.applied) for job in report.jobs)


def expiry_sample(seconds: int) -> Sample:
    return Sample((*DUMMY_OBJECTS, encode_expiry(seconds)))


def test_expired_keys_are_removed_and_others_stay(world: World) -> None:
    world.plant_foreign()
    database = world.database()
    perform(database, Mset(values={key("a"): text("v"), key("b"): text("v")}, ttl=60, store_key=True))
    perform(database, Mset(values={key("c"): text("v")}, ttl=120, store_key=True))
    perform(database, Mset(values={key("d"): text("v")}, store_key=True))
    perform(database, Set(key=key("e"), value=5, ttl=60))
    before = world.refs()
    world.clock.advance(60)
    report = Sweep().run(world.maintenance())
    gone = {naming(key(label).id) for label in "abe" for naming in (Naming().value, Naming().expiry, Naming().key)}
    crumbs = {name for name in world.breadcrumbs() if name not in world.foreign()}
    assert world.refs() == {name: oid for name, oid in before.items() if name not in gone and "/bc-" not in name} | world.foreign()
    assert crumbs == set()
    assert applied(report) == 3
    assert report.notable() == 0
    assert world.errors() == []


def test_sweep_takes_everything_whose_time_has_passed(world: World) -> None:
    """A missed run costs nothing, however many were missed."""
    for label, ttl in (("a", 60), ("b", DAY), ("c", 400 * DAY)):
        perform(world.database(), Set(key=key(label), value=text("v"), ttl=ttl))
    world.clock.advance(27 * 366 * DAY)
    Sweep().run(world.maintenance())
    assert keys_left(world) == set()


def test_a_key_goes_in_one_transaction(memory: World) -> None:
    """Value, expiry, stored key and the breadcrumbs up to the expiry time, each by the oid that was seen."""
    perform(memory.database(), Set(key=K, value=5, ttl=60, store_key=True))
    memory.plant(K, 3, ago=-59)
    at_end = memory.plant(K, 3, ago=-60)
    later = memory.plant(K, 3, ago=-60.000001)
    memory.clock.advance(HOUR)
    seen = memory.refs()
    report = Sweep().run(memory.maintenance())
    (action,) = report.jobs[0].applied
    updates = action.transaction.updates
    assert {update.name for update in updates} == {VALUE, EXPIRY, STORED_KEY, *seen.keys() & set(seen)} - {later} - {
        name for name in seen if name.startswith("refs/tags/kv/")
    }
    assert all((update.expect, update.new) == (seen[update.name], DELETE) for update in updates)
    assert updates[0].name == VALUE
    assert at_end not in memory.breadcrumbs()
    assert memory.breadcrumbs() == [later]
    assert show(perform(memory.database(), Get(key=K)).value) == "3"


REFRESHES: dict[str, Callable[[World], object]] = {
    "another value": lambda world: perform(world.database(), Set(key=K, value=text("w"), ttl=60)),
    "the same value": lambda world: perform(world.database(), Set(key=K, value=text("v"), ttl=60)),
    "the same value forever": lambda world: perform(world.database(), Set(key=K, value=text("v"))),
    "a counter": lambda world: perform(world.database(), Incr(key=K)),
}


@pytest.mark.parametrize("at", [2, 3])
@pytest.mark.parametrize("refresh", REFRESHES.values(), ids=REFRESHES)
def test_a_key_refreshed_meanwhile_survives(world: World, refresh: Callable[[World], object], at: int) -> None:
    """A refresh with the same value keeps the same value commit: the expiry goes in the same transaction and tells."""
    perform(world.database(), Set(key=K, value=text("v"), ttl=60))
    perform(world.database(), Set(key=key("other"), value=text("v"), ttl=60))
    world.clock.advance(60)
    report = Sweep().run(world.maintenance(world.faulty({at: Rival(lambda: refresh(world))})))
    assert perform(world.database(), Get(key=K)).found is True
    assert perform(world.database(), Get(key=key("other"))).found is False
    assert Naming().value(key("other").id) not in world.refs()
    assert [(left.ref, left.notable) for left in report.jobs[0].conflicts] == [(VALUE, False)]
    assert world.errors() == []


@pytest.mark.parametrize(
    "change", [lambda world: perform(world.database(), Del(keys=[K])), lambda world: Sweep().run(world.maintenance())]
)
def test_a_key_removed_meanwhile_is_a_conflict_and_no_failure(memory: World, change: Callable[[World], object]) -> None:
    perform(memory.database(), Set(key=K, value=text("v"), ttl=60))
    memory.clock.advance(60)
    report = Sweep().run(memory.maintenance(memory.faulty({3: Rival(lambda: change(memory))})))
    assert report.notable() == 0
    assert keys_left(memory) == set()


def test_extended_and_persisted_keys_stay(world: World) -> None:
    for label in "ab":
        perform(world.database(), Set(key=key(label), value=text("v"), ttl=60))
    perform(world.database(), Expire(key=key("a"), ttl=HOUR))
    perform(world.database(), Persist(key=key("b")))
    world.clock.advance(60)
    assert applied(Sweep().run(world.maintenance())) == 0
    assert [perform(world.database(), Get(key=key(label))).found for label in "ab"] == [True, True]


def test_an_expiry_without_a_key_is_removed_once_expired(world: World) -> None:
    world.put(EXPIRY, expiry_sample(NOON + 60))
    assert world.warnings() == [EXPIRY]
    Sweep().run(world.maintenance())
    assert keys_left(world) == {EXPIRY}
    world.clock.advance(60)
    assert applied(Sweep().run(world.maintenance())) == 1
    assert keys_left(world) == set()


def test_an_expiry_whose_key_is_written_meanwhile_is_not_removed_as_an_orphan(memory: World) -> None:
    """A listing is no snapshot: the key may only have been listed too early."""
    memory.put(EXPIRY, expiry_sample(NOON + 60))
    memory.clock.advance(60)
    record = K.record  # any data commit will do as a value
    rival = Rival(lambda: memory.put(VALUE, Sample(record.objects)))
    Sweep().run(memory.maintenance(memory.faulty({3: rival})))
    assert keys_left(memory) == {VALUE, EXPIRY}


@pytest.mark.parametrize("target", [foreign_commit("x"), note("hello\n")], ids=["foreign", "malformed"])
def test_a_key_with_an_unreadable_expiry_is_kept_and_reported(world: World, target: Sample) -> None:
    """Unknown means keep: it never leads to a deletion."""
    for label in "ab":
        perform(world.database(), Set(key=key(label), value=text("v"), ttl=60))
    broken = world.put(Naming().expiry(key("a").id), target)
    world.clock.advance(DAY)
    report = Sweep().run(world.maintenance())
    assert [(left.ref, left.notable) for left in report.jobs[0].plan.left] == [(broken, True)]
    assert report.notable() == 1
    assert keys_left(world) == {broken, Naming().value(key("a").id)}


def test_a_key_whose_expiry_is_missing_is_kept_and_reported(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("v"), ttl=60))
    perform(world.database(), Set(key=key("b"), value=text("v"), ttl=120))
    world.place.lose(world.refs()[EXPIRY])
    world.clock.advance(DAY)
    fresh = World(world.place, world.clock)
    report = Sweep().run(fresh.maintenance())
    assert [left.ref for left in report.jobs[0].plan.left] == [EXPIRY]
    assert keys_left(fresh) == {VALUE, EXPIRY}


def test_a_malformed_value_that_has_expired_is_removed(memory: World) -> None:
    """Its expiry is known; what it was is not needed."""
    perform(memory.database(), Set(key=K, value=text("v"), ttl=60))
    memory.put(VALUE, note("hello\n"))
    memory.clock.advance(60)
    Sweep().run(memory.maintenance())
    assert keys_left(memory) == set()


def test_keys_are_swept_whatever_their_shard_length(memory: World) -> None:
    for length in (1, 2, 3, 39):
        perform(memory.database(naming=Naming(length)), Set(key=K, value=5, ttl=60, store_key=True))
        perform(memory.database(naming=Naming(length)), Set(key=key("alive"), value=5))
    memory.clock.advance(60)
    assert applied(Sweep().run(memory.maintenance())) == 4
    assert keys_left(memory) == {Naming(length).value(key("alive").id) for length in (1, 2, 3, 39)}


def test_sweep_tells_when_the_keys_will_expire(memory: World) -> None:
    ttls = [60, HOUR, HOUR + 60, DAY, 7 * DAY, 30 * DAY, 30 * DAY + 60, None, None]
    for number, ttl in enumerate(ttls):
        perform(memory.database(), Set(key=key(str(number)), value=text("v"), ttl=ttl))
    report = Sweep().run(memory.maintenance())
    plan = report.jobs[0].plan
    assert plan.facts == {"branches": 16, "keys": 9, "live": 9, "expired": 0} | NO_ELEMENTS
    assert plan.expiries == {
        "within 1 hour": 2,
        "within 1 day": 2,
        "within 7 days": 1,
        "within 30 days": 1,
        "later": 1,
        "never": 2,
    }
    memory.clock.advance(HOUR)
    assert (
        Sweep(dry_run=True).run(memory.maintenance()).jobs[0].plan.facts
        == {"branches": 16, "keys": 9, "live": 7, "expired": 2} | NO_ELEMENTS
    )


def test_parked_values_are_not_swept(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=text("v"), ttl=60))
    perform(memory.database(), Getdel(key=K))
    memory.clock.advance(DAY)
    Sweep().run(memory.maintenance())
    assert len(memory.parked()) == 1


def test_a_failed_read_deletes_nothing(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=text("v"), ttl=60))
    memory.put(Naming().expiry(key("orphan").id), expiry_sample(NOON))
    memory.clock.advance(60)
    before = memory.refs()
    for request in (1, 2, 3):
        for fault in Lost:
            with pytest.raises(UnavailableError):
                Sweep().run(memory.maintenance(memory.faulty({request: fault})))
    assert memory.refs() == before
