"""publish-expiries: what an expiry registry holds, and what of it is left alone."""

import itertools
from functools import partial

import pytest

from git_keyval.commands.values import Set
from git_keyval.database.perform import perform
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.names import Naming, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.records import decode_data, encode_data
from git_keyval.format.registry import encode_entry
from git_keyval.format.times import SECOND
from git_keyval.maintenance.commands import DEFAULT_HORIZON_SECONDS, Gather, Maintain, PublishExpiries, Purge, Sweep
from git_keyval.maintenance.init import init
from git_keyval.maintenance.report import Report
from git_keyval.store.port import DELETE, Depth, RefUpdate, Transaction
from tests.conftest import FakeClock
from tests.contract.samples import Sample, annotated_tag, foreign_commit, note, plain_blob
from tests.faults import Lost, Rival
from tests.maintenance.stores import Choosy
from tests.world import World, key, number, text

DAY = 86_400
MIDNIGHT = FakeClock()() // SECOND // DAY * DAY
"""The midnight before now, which is noon."""
FEW = 3 * DAY
FIRST, LAST = MIDNIGHT - 29 * DAY, MIDNIGHT + 4 * DAY
"""The ids of a horizon of three days: one day more, as a key may live three days from now."""


def tags(first: int = FIRST, last: int = LAST) -> dict[RefName, Oid]:
    entries = [encode_entry(expiry) for expiry in range(first, last + 1, DAY)]
    return {entry.tag: entry.record.commit.oid for entry in entries}


def published(world: World) -> dict[RefName, Oid]:
    return {name: oid for name, oid in world.refs().items() if name.startswith("refs/tags/expiry-")}


def publish(world: World, horizon: int = FEW, **options: int | bool) -> Report:
    return PublishExpiries(horizon=horizon, **options).run(world.maintenance())  # type: ignore[arg-type]


def left(report: Report) -> dict[RefName, str]:
    return {item.ref: item.why for item in report.jobs[0].plan.left}


def test_every_day_up_to_the_horizon_is_published(world: World) -> None:
    report = publish(world)
    assert published(world) == tags()
    assert report.jobs[0].plan.facts == {"wanted": len(tags()), "published": 0}
    assert (report.error, report.notable(), len(report.jobs[0].applied)) == ("", 0, len(tags()))
    assert world.errors() == []


def test_each_tag_leads_to_the_id_of_the_expiry_commit_that_it_names(world: World) -> None:
    publish(world)
    for expiry in range(FIRST, LAST + 1, DAY):
        oid = published(world)[Naming.published(encode_expiry(expiry).oid)]
        objects = world.store.objects([oid], Depth.VALUES)
        assert decode_data(objects[oid], objects) == number(str(expiry))


def test_a_key_of_daily_granularity_finds_its_expiry_whenever_it_is_set(world: World) -> None:
    """As long as it lives no longer than the horizon, from its first moment to a month after its last."""
    publish(world)
    database = world.database(granularity=DAY)
    for ttl in (1, DAY, FEW):
        perform(database, Set(key=key(), value=text("v"), ttl=ttl))
        assert Naming.published(world.refs()[Naming().expiry(key().id)]) in published(world)
    world.clock.advance(28 * DAY)
    assert Naming.published(world.refs()[Naming().expiry(key().id)]) in tags(world.clock() // SECOND // DAY * DAY - 29 * DAY)


def test_by_default_it_reaches_a_year_and_a_month_ahead(memory: World) -> None:
    PublishExpiries().run(memory.maintenance())
    assert published(memory) == tags(last=MIDNIGHT + 401 * DAY)
    assert DEFAULT_HORIZON_SECONDS == 400 * DAY


def test_the_next_day_adds_one_and_keeps_all(world: World) -> None:
    publish(world)
    world.clock.advance(DAY)
    report = publish(world)
    assert published(world) == tags(last=LAST + DAY)
    assert len(report.jobs[0].applied) == 1
    assert report.jobs[0].plan.facts == {"wanted": len(tags()), "published": len(tags()) - 1}
    assert left(report) == {}


def test_other_refs_are_left_alone(world: World) -> None:
    world.plant_foreign()
    perform(world.database(), Set(key=key(), value=text("v"), ttl=60))
    mine = {world.put(RefName(f"refs/tags/expiry-{name}"), foreign_commit("x")) for name in ("", "2026", "0" * 39, "A" * 40)} - {""}
    before = world.refs()
    publish(world)
    assert {name: oid for name, oid in world.refs().items() if name not in tags()} == before
    assert all(name in before for name in mine)


def test_no_other_job_touches_a_registry(world: World) -> None:
    publish(world)
    world.clock.advance(1000 * DAY)
    before = published(world)
    for job in (Gather().run, Sweep().run, Purge().run, Maintain().run):
        assert sum(each.plan.examined for each in job(world.maintenance()).jobs) == 0
    init(world.maintenance())
    assert published(world) == before


WRONG = {
    "another id": Sample(encode_data(number(str(MIDNIGHT + DAY))).objects),
    "a text": Sample(encode_data(text(str(MIDNIGHT))).objects),
    "a note": note("hello\n"),
    "a commit of somebody's": foreign_commit("x"),
    "an annotated tag": annotated_tag(Sample(encode_entry(MIDNIGHT).record.objects)),
    "a blob": plain_blob(b"%d" % MIDNIGHT),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("expiry", [MIDNIGHT, MIDNIGHT - 1000 * DAY, 12345], ids=["wanted", "of another day", "of no day"])
def test_a_tag_that_is_wrong_is_reported_and_never_moved(world: World, wrong: str, expiry: int) -> None:
    """A CDN may have served it already; a person has to look."""
    name = world.put(encode_entry(expiry).tag, WRONG[wrong])
    report = publish(world)
    assert left(report) == {name: left(report)[name]}
    assert report.notable() == 1
    assert published(world) == {**tags(), name: WRONG[wrong].oid}
    assert [problem.partition(":")[0] for problem in world.errors()] == [name]


def test_a_tag_whose_object_is_missing_is_reported(memory: World) -> None:
    entry = encode_entry(MIDNIGHT - 1000 * DAY)
    memory.put(entry.tag, Sample(entry.record.objects))
    memory.place.lose(entry.record.commit.oid)
    assert left(publish(memory)) == {entry.tag: "the object that it points at is missing, or too large"}


def test_a_dry_run_tells_what_it_would_do(world: World) -> None:
    report = publish(world, dry_run=True)
    assert world.refs() == {}
    assert {action.ref for action in report.jobs[0].applied} == set(tags())


def test_what_is_urgent_comes_first(world: World) -> None:
    """What expires next, then later; what has expired, last."""
    report = publish(world, max_writes=4)
    assert published(world) == tags(first=MIDNIGHT + DAY)
    assert (report.budget, report.jobs[0].deferred) == ("max-writes", len(tags()) - 4)
    publish(world)
    assert published(world) == tags()


def test_a_rival_at_any_request_does_no_harm(memory: World) -> None:
    for at in itertools.count(1):
        rival = Rival(partial(publish, memory))
        store = memory.faulty({at: rival})
        report = PublishExpiries(horizon=FEW).run(memory.maintenance(store))
        assert published(memory) == tags()
        assert (report.error, report.notable()) == ("", 0)
        if not store.fired:
            break
        memory.store.apply([Transaction(tuple(RefUpdate(name, oid, DELETE) for name, oid in tags().items()))])
    assert at == 3


def test_a_wrong_tag_that_somebody_makes_meanwhile_is_not_moved(memory: World) -> None:
    name = encode_entry(LAST).tag
    rival = Rival(lambda: memory.put(name, foreign_commit("x")))
    report = PublishExpiries(horizon=FEW).run(memory.maintenance(memory.faulty({2: rival})))
    assert published(memory) == {**tags(), name: foreign_commit("x").oid}
    assert [conflict.ref for conflict in report.jobs[0].conflicts] == [name]


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_lost_reply_is_settled(memory: World, fault: Lost) -> None:
    report = PublishExpiries(horizon=FEW).run(memory.maintenance(memory.faulty({2: fault})))
    assert published(memory) == tags()
    assert (report.error, len(report.jobs[0].applied)) == ("", len(tags()))


def test_batches_do_not_grow(memory: World) -> None:
    """Each tag brings objects of its own, and some servers take those one by one."""
    store = Choosy(memory.store, batch=10)
    PublishExpiries(horizon=FEW).run(memory.maintenance(store))
    assert store.sizes == [10, 10, 10, len(tags()) - 30]


def test_all_is_one_write(git: World) -> None:
    store = git.place.open()
    PublishExpiries().run(git.maintenance(store))
    assert (store.requests, len(published(git))) == (3, 431)
    store = git.place.open()
    PublishExpiries().run(git.maintenance(store))
    assert store.requests == 0  # all tags are read from files
