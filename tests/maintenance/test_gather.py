"""gather: which breadcrumbs are folded, which are left, and what of a counter stays as it was."""

from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Get, Getdel, Set
from git_keyval.database.perform import perform
from git_keyval.errors import RefusedError, UnavailableError
from git_keyval.format.counters import (
    INT64_MAX,
    INT64_MIN,
    RECENT_OPERATIONS,
    Counter,
    decode_counter,
    encode_counter,
    encode_delta,
)
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, encode_line
from git_keyval.format.names import Naming, RefName
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.format.values import Value
from git_keyval.maintenance.commands import Gather, Sweep
from git_keyval.maintenance.report import Report, achieved
from git_keyval.store.port import ABSENT, DELETE, RefUpdate, Transaction
from tests.conftest import FakeClock
from tests.contract.places import GitPlace, at_file_url, over_http
from tests.contract.samples import Sample, foreign_commit, note
from tests.elements import apply, written
from tests.faults import Lost, Rival
from tests.maintenance.stores import Choosy
from tests.world import FOREIGN, World, key, number, show, text

K = key()
VALUE = Naming().value(K.id)
EXPIRY = Naming().expiry(K.id)
HOUR = 3600


def value_of(world: World, label: str = "k") -> str:
    return show(perform(world.database(), Get(key=key(label))).value)


def counter(world: World) -> Counter:
    oid = world.refs()[VALUE]
    return decode_counter(world.store.objects([oid])[oid])


def notable(report: Report) -> set[str]:
    return {left.ref for job in report.jobs for left in job.plan.left if left.notable}


def waiting(report: Report) -> set[str]:
    return {left.ref for job in report.jobs for left in job.plan.left if not left.notable}


def test_breadcrumbs_are_folded_into_their_counters(world: World) -> None:
    """The total stays what it was; the breadcrumbs are gone, and their operations are remembered."""
    world.plant_foreign()
    for label in ("a", "b"):
        perform(world.database(), Set(key=key(label), value=10))
    world.clock.advance(1)
    for label, delta in (("a", 5), ("a", -2), ("b", 7)):
        world.plant(key(label), delta)
    world.clock.advance(HOUR)
    report = Gather().run(world.maintenance())
    assert [len(job.applied) for job in report.jobs] == [2]
    assert (value_of(world, "a"), value_of(world, "b")) == ("13", "17")
    assert set(world.breadcrumbs()) <= FOREIGN.keys()
    assert world.errors() == []


@pytest.mark.parametrize(("age", "gathered"), [(119.999999, False), (120, True), (0, False), (-30, False), (-3600, False)])
def test_breadcrumbs_younger_than_the_grace_period_stay(memory: World, age: float, *, gathered: bool) -> None:
    """Someone may still be looking for a breadcrumb in doubt; one that is a little ahead is young."""
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(HOUR)
    name = memory.plant(K, 5, ago=age)
    report = Gather().run(memory.maintenance())
    assert (name in memory.breadcrumbs()) is not gathered
    assert waiting(report) == (set() if gathered else {name})
    assert report.notable() == 0
    assert value_of(memory) == "15"


def test_the_grace_period_may_be_chosen(memory: World) -> None:
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(HOUR)
    memory.plant(K, 5, ago=30)
    Gather(grace_period=31).run(memory.maintenance())
    assert memory.breadcrumbs() != []
    Gather(grace_period=30).run(memory.maintenance())
    assert memory.breadcrumbs() == []


def test_a_time_more_than_an_hour_ahead_counts_as_old(memory: World) -> None:
    """It comes from a wrong clock; waiting for it could take years."""
    perform(memory.database(), Incr(key=K, by=10))
    name = memory.plant(K, 5, ago=-HOUR - 1)
    assert name in memory.warnings()
    Gather().run(memory.maintenance())
    assert memory.breadcrumbs() == []
    assert value_of(memory) == "15"


def test_the_memory_of_the_counter_tells_what_was_folded(memory: World) -> None:
    perform(memory.database(), Incr(key=K, by=10, op="firstincrement"))
    memory.clock.advance(1)
    memory.plant(K, 5, op="secondone")
    memory.plant(K, 7, op="thirdone", ago=0.5)
    before = counter(memory)
    memory.clock.advance(HOUR)
    Gather().run(memory.maintenance())
    after = counter(memory)
    assert list(after.recent) == [("firstincrement", 10), ("thirdone", 17), ("secondone", 22)]
    assert (after.value, after.seq, after.set_at) == (22, before.seq + 2, before.set_at)
    assert after.op not in {"firstincrement", "secondone", "thirdone"}


def test_void_breadcrumbs_are_deleted_without_being_added(world: World) -> None:
    """Earlier than the last SET, or of an operation that the counter remembers."""
    world.plant(K, 100)
    world.clock.advance(1)
    perform(world.database(), Set(key=K, value=10))
    perform(world.database(), Incr(key=K, op="deploy42"))
    world.clock.advance(1)
    world.plant(K, 1, op="deploy42")
    world.plant(K, 100, ago=1.5)
    world.clock.advance(HOUR)
    version = world.refs()[VALUE]
    Gather().run(world.maintenance())
    assert world.breadcrumbs() == []
    assert value_of(world) == "11"
    assert world.refs()[VALUE] == version


@pytest.mark.parametrize("length", [None, 2], ids=["map", "array"])
def test_breadcrumbs_beside_a_map_or_an_array_are_void(world: World, length: int | None) -> None:
    """They go, also those of old; the map and the expiries of its elements stay as they are."""
    apply(world, written(K, {"0": "1"}, length=length, ends={"0": world.clock() // SECOND}))
    before = world.refs()
    world.plant(K, 5)
    world.plant(K, None)
    world.clock.advance(HOUR)
    report = Gather().run(world.maintenance())
    assert world.refs() == before
    assert [action.why for action in report.jobs[0].applied] == ["2 breadcrumbs void: the key holds no counter"]
    assert achieved(report.jobs, dry_run=False) == "2 void breadcrumbs deleted"


def test_breadcrumbs_beside_a_value_of_a_later_category_are_kept(world: World) -> None:
    """Nobody knows yet what they are there."""
    world.put(VALUE, note(encode_line({"category": "ledger"}) + b"\n"))
    crumb = world.plant(K, 5)
    world.clock.advance(HOUR)
    report = Gather().run(world.maintenance())
    assert notable(report) == {crumb}
    assert crumb in world.refs()


def test_void_and_counting_breadcrumbs_go_together(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)
    memory.plant(K, 100, ago=2)
    memory.plant(K, 5)
    memory.clock.advance(HOUR)
    report = Gather().run(memory.maintenance())
    assert [action.why for action in report.jobs[0].applied] == ["1 increment added, 2 void"]
    assert achieved(report.jobs, dry_run=False) == "1 breadcrumb of 1 counter gathered, 2 void breadcrumbs deleted"
    assert memory.breadcrumbs() == []
    assert value_of(memory) == "15"


def test_of_two_breadcrumbs_with_one_operation_one_counts(memory: World) -> None:
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(1)
    memory.plant(K, 5, op="deploy42", ago=0.5)
    memory.plant(K, 500, op="deploy42")
    memory.clock.advance(HOUR)
    memory.plant(K, 5000, op="deploy42")
    Gather().run(memory.maintenance())
    assert value_of(memory) == "15"
    memory.clock.advance(HOUR)
    Gather().run(memory.maintenance())
    assert value_of(memory) == "15"
    assert memory.breadcrumbs() == []


def test_a_null_breadcrumb_voids_earlier_ones_also_after_it_was_gathered(memory: World) -> None:
    """What a SET voided stays void, also what arrives when its null breadcrumb is gone."""
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(100)
    memory.plant(K, 100, ago=50)
    memory.plant(K, None, ago=40)
    memory.plant(K, 5, ago=30)
    memory.clock.advance(HOUR)
    Gather().run(memory.maintenance())
    assert value_of(memory) == "15"
    memory.plant(K, 100, ago=HOUR + 45)
    assert value_of(memory) == "15"
    Gather().run(memory.maintenance())
    assert value_of(memory) == "15"
    assert memory.breadcrumbs() == []


def test_a_young_null_breadcrumb_voids_old_ones(memory: World) -> None:
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(HOUR)
    memory.plant(K, 100, ago=500)
    young = memory.plant(K, None, ago=1)
    Gather().run(memory.maintenance())
    assert memory.breadcrumbs() == [young]
    assert value_of(memory) == "10"


def test_a_malformed_breadcrumb_stays_while_others_go_on(world: World) -> None:
    for label in ("a", "b"):
        perform(world.database(), Set(key=key(label), value=10))
    world.clock.advance(1)
    malformed = {world.plant(key("a"), target) for target in (note("+0\n"), foreign_commit("x"), note("hello\n"))}
    world.plant(key("a"), 5)
    world.plant(key("b"), 7)
    world.clock.advance(HOUR)
    report = Gather().run(world.maintenance())
    assert notable(report) == malformed == set(world.breadcrumbs())
    assert (value_of(world, "a"), value_of(world, "b")) == ("15", "17")
    assert report.notable() == 3


def test_a_sum_that_would_overflow_stays_while_others_go_on(memory: World) -> None:
    perform(memory.database(), Set(key=key("a"), value=INT64_MAX))
    perform(memory.database(), Set(key=key("b"), value=10))
    memory.clock.advance(1)
    stuck = {memory.plant(key("a"), 5), memory.plant(key("a"), 7, ago=0.5)}
    memory.plant(key("b"), 7)
    memory.clock.advance(HOUR)
    before = memory.refs()[Naming().value(key("a").id)]
    report = Gather().run(memory.maintenance())
    assert stuck == notable(report) == set(memory.breadcrumbs())
    assert memory.refs()[Naming().value(key("a").id)] == before
    assert value_of(memory, "b") == "17"
    memory.plant(key("a"), -100)
    memory.clock.advance(HOUR)
    assert stuck == notable(Gather().run(memory.maintenance()))
    assert value_of(memory, "a") == str(INT64_MAX - 88)
    assert Gather().run(memory.maintenance()).notable() == 0
    assert (value_of(memory, "a"), memory.breadcrumbs()) == (str(INT64_MAX - 88), [])


def test_what_is_void_goes_though_the_counter_would_overflow(memory: World) -> None:
    """Voided by a SET, counted before, or left twice: none of these needs the counter to move."""
    perform(memory.database(), Set(key=K, value=INT64_MAX - 1))
    memory.clock.advance(1)
    perform(memory.database(), Incr(key=K, op="deploy42"))
    memory.plant(K, 3, ago=0.1, op="deploy42")
    memory.plant(K, 3, ago=5)
    stuck = memory.plant(K, 7, op="twiceleft")
    memory.clock.advance(1)
    memory.plant(K, 7, op="twiceleft")
    memory.clock.advance(HOUR)
    before = memory.refs()[VALUE]
    report = Gather().run(memory.maintenance())
    assert {stuck} == notable(report) == set(memory.breadcrumbs())
    assert memory.refs()[VALUE] == before
    assert value_of(memory) == str(INT64_MAX + 7)


def test_a_null_breadcrumb_that_the_counter_does_not_know_of_stays_where_it_would_overflow(memory: World) -> None:
    """Deleted without moving the counter, it would let what arrives late count again."""
    perform(memory.database(), Incr(key=K, by=INT64_MAX))
    memory.clock.advance(100)
    memory.plant(K, 100, ago=50)
    null = memory.plant(K, None, ago=40)
    stuck = memory.plant(K, 5, ago=30)
    memory.clock.advance(HOUR)
    report = Gather().run(memory.maintenance())
    assert notable(report) == {stuck}
    assert memory.breadcrumbs() == [null, stuck]
    memory.plant(K, 100, ago=HOUR + 45)
    assert value_of(memory) == str(INT64_MAX + 5)


def test_many_breadcrumbs_of_one_counter_are_folded_in_few_transactions(memory: World) -> None:
    """1,000 first and 5,000 at a time after it, because the counter remembers each of them: each of these is one push."""
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(1)
    memory.plant_many(K, 6_500)
    memory.clock.advance(HOUR)
    store = Choosy(memory.store)
    report = Gather().run(memory.maintenance(store))
    added = [sum(update.new is DELETE for update in action.transaction.updates) for action in report.jobs[0].applied]
    assert (added, store.sizes) == ([1_000, 5_000, 500], [1, 1, 1])
    assert memory.breadcrumbs() == []
    assert value_of(memory) == "6510"
    assert memory.errors() == []


def test_fifty_thousand_breadcrumbs_take_at_most_twelve_transactions(memory: World) -> None:
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(1)
    memory.plant_many(K, 50_000)
    memory.clock.advance(HOUR)
    store = Choosy(memory.store)
    report = Gather().run(memory.maintenance(store))
    assert len(store.sizes) <= 12
    messages = [len(obj.data) for action in report.jobs[0].applied for obj in action.transaction.objects if obj.kind == "commit"]
    assert max(messages) < 512 * 1024
    assert (value_of(memory), memory.breadcrumbs()) == ("50010", [])


def test_the_message_of_the_largest_fold_is_bounded(memory: World) -> None:
    """With operation ids as long as they may be, and a memory full of the longest numbers."""
    full = tuple((f"{number:040}", INT64_MIN) for number in range(RECENT_OPERATIONS))
    memory.put(VALUE, Sample((*DUMMY_OBJECTS, encode_counter(Counter(0, "operation", RECENT_OPERATIONS, full)))))
    time = memory.clock()
    names = [Naming().breadcrumb(K.id, timestamp(Micros(time + number)), f"op{number:038}") for number in range(6_000)]
    commit = encode_delta(1)
    updates = tuple(RefUpdate(name, ABSENT, commit.oid) for name in names)
    memory.store.apply([Transaction(updates, (*DUMMY_OBJECTS, commit))])
    memory.clock.advance(HOUR)
    report = Gather().run(memory.maintenance())
    sizes = [len(obj.data) for action in report.jobs[0].applied for obj in action.transaction.objects if obj.kind == "commit"]
    assert max(sizes) < 300 * 1024
    assert value_of(memory) == "6000"


def test_a_server_that_takes_no_large_push_gets_smaller_ones_run_by_run(memory: World) -> None:
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(1)
    memory.plant_many(K, 3_500)
    memory.clock.advance(HOUR)
    waiting = []
    while memory.breadcrumbs():
        store = Choosy(memory.store, declines=lambda transaction: len(transaction.updates) > 1_001)
        Gather().run(memory.maintenance(store))
        waiting.append(len(memory.breadcrumbs()))
        assert value_of(memory) == "3510"
    assert waiting == [2_500, 1_500, 0]


def test_an_interrupted_gather_of_many_breadcrumbs_goes_on(memory: World) -> None:
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(1)
    memory.plant_many(K, 2_500)
    memory.clock.advance(HOUR)
    report = Gather(max_writes=1).run(memory.maintenance())
    assert (len(report.jobs[0].applied), report.jobs[0].deferred, report.budget) == (1, 1, "max-writes")
    assert len(memory.breadcrumbs()) == 1_500
    assert value_of(memory) == "2510"
    Gather().run(memory.maintenance())
    assert value_of(memory) == "2510"
    assert memory.breadcrumbs() == []


def test_a_breadcrumb_of_an_absent_counter_makes_it(world: World) -> None:
    world.plant(K, 5)
    world.plant(K, 7)
    world.clock.advance(HOUR)
    Gather().run(world.maintenance())
    assert VALUE in world.refs()
    assert value_of(world) == "12"
    assert perform(world.database(), Get(key=K)).ttl == -1
    assert world.errors() == []


def test_a_live_expiry_is_kept(world: World) -> None:
    perform(world.database(), Set(key=K, value=10, ttl=2 * HOUR))
    world.clock.advance(1)
    world.plant(K, 5)
    world.clock.advance(HOUR)
    before = perform(world.database(), Get(key=K)).expires_at
    Gather().run(world.maintenance())
    assert (value_of(world), perform(world.database(), Get(key=K)).expires_at) == ("15", before)


def test_breadcrumbs_that_end_with_an_expired_counter_are_left_to_sweep(world: World) -> None:
    perform(world.database(), Set(key=K, value=10, ttl=60))
    world.plant(K, 5, ago=-30)
    world.clock.advance(HOUR)
    before = world.refs()
    report = Gather().run(world.maintenance())
    assert world.refs() == before
    assert report.notable() == 0
    Sweep().run(world.maintenance())
    assert world.breadcrumbs() == []


@pytest.mark.parametrize("held", [10, text("v")], ids=["counter", "string"])
def test_breadcrumbs_after_the_expiry_begin_a_new_life(world: World, held: Value | int) -> None:
    """The new life starts from zero, is persistent, and has none of the breadcrumbs of the old one."""
    perform(world.database(), Set(key=K, value=held, ttl=60))
    world.plant(K, 100, ago=-30)
    world.clock.advance(90)
    world.plant(K, 5)
    world.clock.advance(HOUR)
    Gather().run(world.maintenance())
    assert (value_of(world), EXPIRY in world.refs()) == ("5", False)
    assert world.breadcrumbs() == []
    Sweep().run(world.maintenance())
    assert value_of(world) == "5"
    world.plant(K, 100, ago=HOUR + 60)
    assert value_of(world) == "5"
    assert world.errors() == []


@pytest.mark.parametrize("held", [text("v"), number("3")], ids=["string", "number"])
def test_breadcrumbs_of_another_value_are_deleted(world: World, held: Value | int) -> None:
    perform(world.database(), Set(key=K, value=held))
    world.plant(K, 5)
    world.clock.advance(HOUR)
    version = world.refs()[VALUE]
    Gather().run(world.maintenance())
    assert world.breadcrumbs() == []
    assert world.refs()[VALUE] == version


@pytest.mark.parametrize("where", [VALUE, EXPIRY], ids=["value", "expiry"])
@pytest.mark.parametrize("how", ["malformed", "missing"])
def test_breadcrumbs_of_a_counter_that_cannot_be_read_are_kept(memory: World, where: RefName, how: str) -> None:
    """Unknown means keep."""
    perform(memory.database(), Set(key=K, value=10, ttl=2 * HOUR))
    perform(memory.database(), Set(key=key("other"), value=10))
    memory.clock.advance(1)
    crumb = memory.plant(K, 5)
    memory.plant(key("other"), 5)
    if how == "malformed":
        memory.put(where, note("hello\n"))
    else:
        memory.place.lose(memory.refs()[where])
    memory.clock.advance(HOUR)
    report = Gather().run(memory.maintenance())
    assert crumb in notable(report)
    assert crumb in memory.breadcrumbs()
    assert value_of(memory, "other") == "15"


def test_a_breadcrumb_whose_object_is_missing_is_kept(memory: World) -> None:
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(1)
    lost, good = memory.plant(K, 5), memory.plant(K, 7)
    memory.place.lose(memory.refs()[lost])
    memory.clock.advance(HOUR)
    report = Gather().run(memory.maintenance())
    assert notable(report) == {lost}
    assert lost in memory.breadcrumbs()
    assert good not in memory.breadcrumbs()
    assert value_of(memory) == "17"


def test_an_orphan_expiry_does_not_end_the_new_counter(memory: World) -> None:
    memory.put(EXPIRY, Sample((*DUMMY_OBJECTS, encode_expiry(memory.clock() // SECOND + 7200))))
    memory.plant(K, 5)
    memory.clock.advance(HOUR)
    Gather().run(memory.maintenance())
    memory.clock.advance(2 * HOUR)
    assert value_of(memory) == "5"


def test_counters_are_gathered_whatever_their_shard_length(memory: World) -> None:
    for length in (1, 39):
        naming = Naming(length)
        perform(memory.database(naming=naming), Incr(key=K, by=10))
        name = naming.breadcrumb(K.id, timestamp(memory.clock()), f"operation{length}")
        memory.put(name, Sample((*DUMMY_OBJECTS, encode_delta(length))))
    memory.clock.advance(HOUR)
    Gather().run(memory.maintenance())
    assert memory.breadcrumbs() == []
    assert [perform(memory.database(naming=Naming(length)), Get(key=K)).value for length in (1, 39)] == [11, 49]


RIVALS: dict[str, tuple[Callable[[World], object], str]] = {
    "incr": (lambda world: perform(world.database(), Incr(key=K, by=100)), "115"),
    "set": (lambda world: perform(world.database(), Set(key=K, value=50)), "50"),
    "set to a string": (lambda world: perform(world.database(), Set(key=K, value=text("v"))), "v"),
    "gather": (lambda world: Gather().run(world.maintenance()), "15"),
    "another breadcrumb": (lambda world: world.plant(K, 100), "115"),
}


@pytest.mark.parametrize("at", [2, 3, 4])
@pytest.mark.parametrize(("rival", "expected"), RIVALS.values(), ids=RIVALS)
def test_a_rival_at_any_moment_changes_nothing_of_the_total(
    memory: World, rival: Callable[[World], object], expected: str, at: int
) -> None:
    """Between listing, reading and writing, whatever happens: no increment is lost or counted twice."""
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)
    memory.plant(K, 5)
    memory.clock.advance(HOUR)
    report = Gather().run(memory.maintenance(memory.faulty({at: Rival(lambda: rival(memory))})))
    assert report.notable() == 0
    assert value_of(memory) == expected
    memory.clock.advance(HOUR)
    Gather().run(memory.maintenance())
    assert value_of(memory) == expected
    assert memory.breadcrumbs() == []
    assert memory.errors() == []


def test_a_breadcrumb_that_a_rival_deleted_is_not_folded(memory: World) -> None:
    """Exactly the gathered tags are deleted, by their oids, in the transaction that moves the counter."""
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(1)
    crumb = memory.plant(K, 5)
    oid = memory.refs()[crumb]
    memory.clock.advance(HOUR)
    rival = Rival(lambda: memory.store.apply([Transaction((RefUpdate(crumb, oid, DELETE),))]))
    report = Gather().run(memory.maintenance(memory.faulty({4: rival})))
    assert len(report.jobs[0].conflicts) == 1
    assert value_of(memory) == "10"


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_lost_reply_neither_loses_nor_doubles(memory: World, fault: Lost) -> None:
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)
    memory.plant(K, 5)
    memory.clock.advance(HOUR)
    report = Gather().run(memory.maintenance(memory.faulty({4: fault})))
    assert value_of(memory) == "15"
    assert [len(job.applied) for job in report.jobs] == [1]
    assert memory.breadcrumbs() == []


def test_a_failed_read_plans_nothing(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=10))
    memory.plant(K, 5, ago=-1)
    memory.clock.advance(HOUR)
    before = memory.refs()
    for request in (1, 2, 3):
        for fault in Lost:
            with pytest.raises(UnavailableError):
                Gather().run(memory.maintenance(memory.faulty({request: fault})))
    assert memory.refs() == before


# --- a repository in which git deletes and creates nothing --------------------------------------------------------------


def break_a_ref(place: GitPlace) -> Path:
    """Leave a foreign branch empty, as a crash may; from then on git misses objects for whatever is created."""
    broken = place.repository / "refs" / "heads" / "empty"
    broken.touch()
    return broken


def test_no_increment_is_lost_where_git_deletes_and_creates_nothing(tmp_path: Path, clock: FakeClock) -> None:
    with at_file_url(tmp_path, clock) as place:
        world = World(place, clock)
        perform(world.database(), Incr(key=K, by=10))
        crumb = world.plant(K, 5, ago=HOUR)
        broken = break_a_ref(place)
        report = Gather().run(world.maintenance())
        assert notable(report) == set()
        assert [left.why for job in report.jobs for left in job.failed] == [
            "the server refused: missing necessary objects (fatal: bad object refs/heads/empty)"
        ]
        assert crumb in world.breadcrumbs()
        broken.unlink()
        assert value_of(world) == "15"


def test_where_it_cannot_be_put_back_the_report_says_what_is_gone(tmp_path: Path, clock: FakeClock) -> None:
    with over_http(tmp_path, clock) as place:
        world = World(place, clock)
        perform(world.database(), Incr(key=K, by=10))
        crumb = world.plant(K, 5, ago=HOUR)
        oid = world.refs()[crumb]
        break_a_ref(place)
        (job,) = Gather().run(world.maintenance()).jobs
        assert f"{crumb} (was {oid})" in job.error


def test_no_value_is_lost_where_git_deletes_and_creates_nothing(tmp_path: Path, clock: FakeClock) -> None:
    with at_file_url(tmp_path, clock) as place:
        world = World(place, clock)
        perform(world.database(), Set(key=K, value=text("precious")))
        break_a_ref(place)
        with pytest.raises(RefusedError):
            perform(world.database(), Getdel(key=K))
        assert value_of(world) == "precious"
