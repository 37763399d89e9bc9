"""What holds for every job: dry runs, repetition, two at once, foreign refs."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Getdel, Set
from git_keyval.database.perform import perform
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import DEFAULT_NAMING, KeyId, Naming, RefName
from git_keyval.format.times import Micros, timestamp
from git_keyval.maintenance.check import check
from git_keyval.maintenance.commands import Gather, Maintain, Purge, Sweep
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.maintenance.report import Report
from tests.conftest import FakeClock
from tests.contract.places import in_memory
from tests.contract.samples import Sample, note
from tests.faults import Rival
from tests.memory import MemoryStore
from tests.replacing import replace
from tests.world import FOREIGN, World, key, text

Job = Callable[[Maintenance], Report]
JOBS: dict[str, Job] = {
    "gather": Gather().run,
    "sweep": Sweep().run,
    "purge": Purge().run,
    "maintain": Maintain().run,
}
DRY: dict[str, Job] = {
    "gather": Gather(dry_run=True).run,
    "sweep": Sweep(dry_run=True).run,
    "purge": Purge(dry_run=True).run,
    "maintain": Maintain(dry_run=True).run,
}
KEYS = [key(label) for label in ("alive", "expired", "counter", "ended", "waiting")]


def fill(world: World) -> None:
    """Leave work for every job, and something that each must leave alone."""
    world.plant_foreign()
    database = world.database()
    perform(database, Set(key=key("alive"), value=text("v"), ttl=10**8, store_key=True))
    perform(database, Set(key=key("expired"), value=text("v"), ttl=60, store_key=True))
    perform(database, Incr(key=key("counter"), by=10))
    perform(database, Set(key=key("ended"), value=10, ttl=60))
    perform(database, Set(key=key("taken"), value=text("v")))
    perform(database, Getdel(key=key("taken")))
    world.put(Naming().expiry(key("orphan").id), Sample((*DUMMY_OBJECTS, encode_expiry(60))))
    world.put(RefName(f"refs/gc/20200101T000000000000Z-{key().id}"), Sample(key().record.objects))
    world.clock.advance(1)
    world.plant(key("ended"), 3)
    world.plant(key("counter"), 5)
    world.plant(key("counter"), note("hello\n"))
    world.plant(key("waiting"), 7)
    world.clock.advance(8 * 86_400)


@pytest.mark.parametrize(("job", "dry"), list(zip(JOBS.values(), DRY.values(), strict=True)), ids=list(JOBS))
def test_a_dry_run_changes_nothing_and_says_what_would_be_done(world: World, job: Job, dry: Job) -> None:
    """Dry-run stops after the plan: no ref moves, and the report names what a run would change."""
    fill(world)
    before = world.refs()
    report = dry(world.maintenance())
    assert world.refs() == before
    assert report.dry_run is True
    done = job(world.maintenance())
    assert done.dry_run is False
    # Gather comes first in maintain, and what it makes is there for sweep; nothing else depends on the order.
    assert [[action.ref for action in each.applied] for each in report.jobs] == [
        [action.ref for action in each.applied] for each in done.jobs
    ]
    assert sum(len(each.applied) for each in report.jobs) > 0
    assert world.refs() != before


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_second_run_does_nothing(world: World, job: Job) -> None:
    fill(world)
    content = world.content(KEYS)
    job(world.maintenance())
    before = world.refs()
    report = job(world.maintenance())
    assert world.refs() == before
    assert sum(each.planned for each in report.jobs) == 0
    assert world.content(KEYS) == content


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_two_runs_at_once_do_what_one_does(tmp_path: Path, clock: FakeClock, job: Job) -> None:
    """At whatever request the other run comes in between."""
    for at in itertools.count(1):
        clock.moment = FakeClock().moment
        with in_memory(tmp_path, clock) as place:
            world = World(place, clock)
            fill(world)
            content = world.content(KEYS)
            store = world.faulty({at: Rival(partial(job, world.maintenance()))})
            report = job(world.maintenance(store))
            assert (at, report.error) == (at, "")
            assert [failed.ref for each in report.jobs for failed in each.failed] == []
            assert world.content(KEYS) == content
            assert sum(each.planned for each in job(world.maintenance()).jobs) == 0
            assert world.foreign().keys() == FOREIGN.keys()
            if not store.fired:
                break
    assert at > 3


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_no_job_touches_foreign_refs_or_what_readers_see(world: World, job: Job) -> None:
    fill(world)
    foreign, content = world.foreign(), world.content(KEYS)
    assert content.keys() == {"alive", "counter", "waiting"}
    job(world.maintenance())
    assert world.foreign() == foreign
    assert world.content(KEYS) == content


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_an_empty_repository_has_nothing_to_do(world: World, job: Job) -> None:
    report = job(world.maintenance())
    assert sum(each.planned + each.plan.examined for each in report.jobs) == 0
    assert world.refs() == {}


def test_a_database_that_was_maintained_is_clean(world: World) -> None:
    fill(world)
    Maintain().run(world.maintenance())
    assert world.errors() == []
    assert world.breadcrumbs() == [name for name in world.breadcrumbs() if name in world.foreign()]
    assert {name for name in world.refs() if name.startswith("refs/heads/kv-")} - world.foreign().keys() == {
        naming(key(label).id)
        for label, naming in (
            ("alive", Naming().value),
            ("alive", Naming().expiry),
            ("alive", Naming().key),
            ("counter", Naming().value),
            ("waiting", Naming().value),
        )
    }


NAMES: dict[str, Callable[[int], str]] = {
    "sweep": lambda turn: DEFAULT_NAMING.value(KeyId(f"{turn:040x}")),
    "gather": lambda turn: DEFAULT_NAMING.breadcrumb(KeyId(f"{turn:040x}"), timestamp(FakeClock()()), "operation"),
    "purge": lambda turn: DEFAULT_NAMING.parked(KeyId(f"{turn:040x}"), timestamp(Micros(turn))),
    "check": lambda turn: f"refs/tags/kv-x{turn}",
}
LISTING: dict[str, Callable[[Maintenance], object]] = {
    "sweep": Sweep().run,
    "gather": lambda run: Gather(dry_run=True).run(run),
    "purge": lambda run: Purge(dry_run=True).run(run),
    "check": check,
}


@pytest.mark.parametrize(
    ("job", "count", "listed"), [("purge", 50_000, []), *((job, 100_001, [50_000, 100_000]) for job in LISTING)]
)
def test_a_long_listing_tells_how_far_it_is(memory: World, job: str, count: int, listed: list[int]) -> None:
    """Every 50,000 refs, with a total that is not known: a listing of a million takes a while."""
    assert isinstance(memory.store, MemoryStore)
    memory.put(RefName("refs/heads/main"), note("+1\n"))
    (oid,) = memory.refs().values()
    memory.store.refs = dict.fromkeys((RefName(NAMES[job](turn)) for turn in range(count)), oid)
    heard: list[tuple[str, int, int]] = []
    database = replace(memory.database(), progress=lambda what, done, of: heard.append((what, done, of)))
    LISTING[job](replace(memory.maintenance(), database=database))
    assert [said for said in heard if "listing" in said[0]] == [(f"{job}: listing", done, 0) for done in listed]
