"""purge: parked values and malformed breadcrumbs, by the time in their names."""

import pytest

from git_keyval.commands.values import Get, Getdel, Set
from git_keyval.database.perform import perform
from git_keyval.format.elements import encode_collection
from git_keyval.format.names import RefName
from git_keyval.format.objects import blob
from git_keyval.format.times import Micros, timestamp
from git_keyval.maintenance.commands import DEFAULT_RETENTION_SECONDS, Purge
from tests.contract.samples import Sample, annotated_tag, foreign_commit, note, plain_blob
from tests.elements import apply, made, written
from tests.faults import Lost, Rival
from tests.world import World, key, text

K = key()
WEEK = 7 * 86_400


def park(world: World, *, ago: float = 0, below: str = "refs/heads/gc/") -> RefName:
    name = RefName(f"{below}{timestamp(Micros(world.clock() - round(ago * 1_000_000)))}-{K.id}")
    return world.put(name, Sample(K.record.objects))


def test_parked_values_are_deleted_once_older_than_the_retention(world: World) -> None:
    world.plant_foreign()
    foreign = world.foreign()
    perform(world.database(), Set(key=K, value=text("v")))
    perform(world.database(), Getdel(key=K))
    world.clock.advance(WEEK - 0.000001)
    report = Purge().run(world.maintenance())
    assert len(world.parked().keys() - foreign.keys()) == 1
    assert report.notable() == 0
    world.clock.advance(0.000001)
    report = Purge().run(world.maintenance())
    assert world.parked().keys() <= foreign.keys()
    assert report.jobs[0].plan.facts == {"parked": 1}
    assert world.foreign() == foreign
    assert DEFAULT_RETENTION_SECONDS == WEEK


def test_a_map_parked_by_others_is_purged_with_nothing_else(world: World) -> None:
    """What is parked goes by its name, whatever it is; element expiries beside its key are the business of sweep."""
    apply(world, written(K, {"a": "1"}, ends={"a": 60}))
    name = RefName(f"refs/heads/gc/{timestamp(Micros(world.clock()))}-{K.id}")
    world.put(name, Sample((blob(b"1"), *encode_collection(made({"a": "1"})).objects)))
    before = world.refs()
    world.clock.advance(WEEK)
    Purge().run(world.maintenance())
    assert world.refs().items() == {each for each in before.items() if each[0] != name}


@pytest.mark.parametrize("below", ["refs/heads/gc/", "refs/gc/"])
def test_the_retention_may_be_chosen(memory: World, below: str) -> None:
    old, young = park(memory, ago=60, below=below), park(memory, ago=59, below=below)
    Purge(retention=60).run(memory.maintenance())
    assert memory.parked().keys() == {young}
    assert old not in memory.refs()
    Purge(retention=0).run(memory.maintenance())
    assert memory.parked() == {}


def test_the_literal_gc_namespace_is_purged_too(world: World) -> None:
    old = {park(world, ago=WEEK, below="refs/gc/"), park(world, ago=WEEK, below="refs/heads/gc/")}
    stays = world.put(RefName("refs/gc/notes"), foreign_commit("x"))
    Purge().run(world.maintenance())
    assert old.isdisjoint(world.refs())
    assert stays in world.refs()


@pytest.mark.parametrize(
    "target",
    [note("+0\n"), note("hello\n"), foreign_commit("x"), annotated_tag(note("+1\n")), plain_blob(b"+1\n")],
    ids=["zero", "text", "foreign commit", "annotated tag", "blob"],
)
def test_malformed_breadcrumbs_are_deleted_once_older_than_the_retention(world: World, target: Sample) -> None:
    """What no gather can ever use goes by the time in its name."""
    perform(world.database(), Set(key=K, value=5))
    malformed, good = world.plant(K, target, ago=-1), world.plant(K, 3, ago=-2)
    world.clock.advance(WEEK)
    Purge().run(world.maintenance())
    assert malformed in world.breadcrumbs()
    world.clock.advance(1)
    Purge().run(world.maintenance())
    assert malformed not in world.breadcrumbs()
    assert good in world.breadcrumbs()
    assert perform(world.database(), Get(key=K)).value == 8


def test_good_breadcrumbs_are_never_purged(memory: World) -> None:
    good = memory.plant(K, 5)
    memory.clock.advance(100 * WEEK)
    Purge(retention=0).run(memory.maintenance())
    assert memory.breadcrumbs() == [good]


def test_a_breadcrumb_whose_object_is_missing_is_kept_and_reported(memory: World) -> None:
    name = memory.plant(K, note("hello\n"))
    memory.place.lose(memory.refs()[name])
    memory.clock.advance(100 * WEEK)
    report = Purge().run(memory.maintenance())
    assert memory.breadcrumbs() == [name]
    assert report.notable() == 1


def test_times_ahead_are_kept(memory: World) -> None:
    names = {park(memory, ago=-100 * WEEK), park(memory, ago=-1)}
    Purge(retention=0).run(memory.maintenance())
    assert memory.parked().keys() == names


def test_what_is_parked_again_meanwhile_is_kept(memory: World) -> None:
    """Deleted is only what was read: a branch that points elsewhere now survives."""
    name = park(memory, ago=WEEK)
    rival = Rival(lambda: memory.put(name, foreign_commit("x")))
    report = Purge().run(memory.maintenance(memory.faulty({3: rival})))
    assert name in memory.refs()
    assert report.notable() == 0


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_lost_reply_is_settled(memory: World, fault: Lost) -> None:
    park(memory, ago=WEEK)
    report = Purge().run(memory.maintenance(memory.faulty({3: fault})))
    assert memory.parked() == {}
    assert len(report.jobs[0].applied) == 1
