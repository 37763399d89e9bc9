"""Executing a plan: budgets, batches that adapt to the server, refusals, and replies that are lost."""

import itertools
from sys import maxsize

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Get, Mset, Set
from git_keyval.database.perform import perform
from git_keyval.format.names import Naming, RefName
from git_keyval.maintenance.commands import Gather, Maintain, Purge, Sweep
from git_keyval.maintenance.execute import MAX_BATCH, MAX_UPDATES, Budget, execute
from git_keyval.maintenance.gather import plan_gather
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.maintenance.plan import Action, Counts, Kind, Plan
from git_keyval.maintenance.sweep import plan_sweep
from git_keyval.store.port import ANY, DELETE, RefUpdate, Transaction
from tests.faults import FaultyStore, Lost, Rival
from tests.maintenance.stores import Choosy
from tests.replacing import replace
from tests.world import World, install_hook, key, text

LABELS = [f"{index:03}" for index in range(100)]
KEYS = [key(label) for label in LABELS]
VALUES = [Naming().value(one.id) for one in KEYS]


def fill(world: World, count: int = 100) -> None:
    """Write keys that have expired."""
    perform(world.database(), Mset(values=dict.fromkeys(KEYS[:count], text("v")), ttl=60))
    world.clock.advance(120)


def keys_left(world: World) -> int:
    return sum("/val-" in name for name in world.refs())


# --- budgets --------------------------------------------------------------------------------------------------------


def test_max_writes_bounds_the_transactions_and_the_next_run_goes_on(world: World) -> None:
    fill(world)
    for left in (60, 20, 0, 0):
        Sweep(max_writes=40).run(world.maintenance())
        assert keys_left(world) == left


def test_a_budget_that_was_reached_is_told(memory: World) -> None:
    fill(memory)
    report = Sweep(max_writes=40).run(memory.maintenance())
    (job,) = report.jobs
    assert (job.planned, len(job.applied), job.deferred, report.budget) == (100, 40, 60, "max-writes")
    assert report.notable() == 0
    assert keys_left(memory) == 60
    report = Sweep(max_writes=100).run(memory.maintenance())
    assert (len(report.jobs[0].applied), report.jobs[0].deferred, report.budget) == (60, 0, "")


def test_a_budget_that_is_just_enough_is_not_reached(memory: World) -> None:
    fill(memory)
    report = Sweep(max_writes=100).run(memory.maintenance())
    assert (len(report.jobs[0].applied), report.budget) == (100, "")


def test_a_conflict_does_not_use_up_the_budget(memory: World) -> None:
    """The budget counts what was written."""
    fill(memory, 10)

    def rival() -> None:
        for one in KEYS[:5]:
            perform(memory.database(), Set(key=one, value=text("w")))

    report = Sweep(max_writes=6).run(memory.maintenance(memory.faulty({3: Rival(rival)})))
    assert len(report.jobs[0].applied) <= 6
    assert len(report.jobs[0].applied) == 5
    assert keys_left(memory) == 5


def test_max_seconds_begins_no_new_batch(memory: World) -> None:
    fill(memory)
    store = Choosy(memory.store, batch=10)
    elapsed = itertools.count()
    report = Sweep(max_seconds=3).run(Maintenance(memory.database(store), elapsed=lambda: float(next(elapsed))))
    assert report.budget == "max-seconds"
    assert sum(store.sizes) == len(report.jobs[0].applied) == 100 - report.jobs[0].deferred
    assert 0 < len(report.jobs[0].applied) < 100
    assert keys_left(memory) == report.jobs[0].deferred


def test_one_budget_serves_all_jobs_of_maintain(memory: World) -> None:
    fill(memory, 3)
    perform(memory.database(), Incr(key=key("counter")))
    memory.plant(key("counter"), 1, ago=-1)
    memory.clock.advance(3600)
    report = Maintain(max_writes=2).run(memory.maintenance())
    assert [(job.plan.job, len(job.applied), job.deferred) for job in report.jobs] == [("gather", 1, 0), ("sweep", 1, 2)]
    assert report.budget == "max-writes"
    report = Maintain(max_writes=5).run(memory.maintenance())
    assert [(job.plan.job, len(job.applied), job.deferred) for job in report.jobs] == [
        ("gather", 0, 0),
        ("sweep", 2, 0),
        ("purge", 0, 0),
    ]


@pytest.mark.parametrize(
    ("share", "whole", "gathered", "swept", "budget"),
    [
        (1, maxsize, (1, 2), (3, 0), "max-writes"),
        (2, 4, (2, 1), (2, 1), "max-writes"),
        (5, 4, (3, 0), (1, 2), "max-writes"),
        (3, 7, (3, 0), (3, 0), ""),
        (3, maxsize, (3, 0), (3, 0), ""),
    ],
)
def test_the_share_of_a_job_leaves_the_rest_to_the_others(
    memory: World, share: int, whole: int, gathered: tuple[int, int], swept: tuple[int, int], budget: str
) -> None:
    """And does not raise what all of them may write together: pairs of writes made and deferred, of three that there are."""
    fill(memory, 3)
    for counter in map(key, ("counter 1", "counter 2", "counter 3")):
        perform(memory.database(), Incr(key=counter))
        memory.plant(counter, 1, ago=-1)
    memory.clock.advance(3600)
    report = Maintain(max_writes=whole).run(replace(memory.maintenance(), shares={"gather": share}))
    assert [(len(job.applied), job.deferred) for job in report.jobs[:2]] == [gathered, swept]
    assert report.budget == budget


def test_a_job_alone_keeps_to_its_share(memory: World) -> None:
    fill(memory)
    shares = {"sweep": 40, "gather": 1}
    assert len(Sweep().run(replace(memory.maintenance(), shares=shares)).jobs[0].applied) == 40
    assert len(Sweep(max_writes=10).run(replace(memory.maintenance(), shares=shares)).jobs[0].applied) == 10
    assert len(Sweep(max_writes=1000).run(replace(memory.maintenance(), shares=shares)).jobs[0].applied) == 40
    assert keys_left(memory) == 10


def test_a_budget_that_is_spent_reads_no_further(memory: World) -> None:
    fill(memory, 3)
    store = memory.faulty({})
    Maintain(max_writes=3).run(memory.maintenance(store))
    listings = [call.request for call in store.calls if call.verb == "list"]
    assert len(listings) == 2


def test_max_writes_bounds_a_chain_of_transactions(memory: World) -> None:
    """Transactions that build on each other go one after the other, and may be cut anywhere."""
    perform(memory.database(), Incr(key=key("counter")))
    memory.clock.advance(5000)
    memory.plant_many(key("counter"), 2_100, ago=4000)
    for expected in (1_100, 100, 0):
        Gather(max_writes=1).run(memory.maintenance())
        assert len(memory.breadcrumbs()) == expected
        assert perform(memory.database(), Get(key=key("counter"))).value == 2_101


# --- batches --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_most", [1, 7, 64, 1_000])
def test_batches_adapt_to_what_the_server_takes(memory: World, at_most: int) -> None:
    """Halved when refused, grown back when accepted, until all is done."""
    fill(memory)
    store = Choosy(memory.store, at_most=at_most, batch=1_000)
    report = Sweep().run(memory.maintenance(store))
    assert keys_left(memory) == 0
    assert (len(report.jobs[0].applied), report.notable(), report.error) == (100, 0, "")
    refused = sum(size > at_most for size in store.sizes)
    assert len(store.sizes) <= 2 * (100 // min(at_most, 100)) + 10
    assert refused <= len(store.sizes) // 2 + 7


def test_what_was_too_large_once_is_sent_in_halves_and_not_again(memory: World) -> None:
    fill(memory)
    store = Choosy(memory.store, at_most=30, batch=40, says_why=True)
    report = Sweep().run(memory.maintenance(store))
    assert (store.sizes, len(report.jobs[0].applied)) == ([40, 20, 20, 20, 20, 20], 100)


def test_batches_start_as_the_store_says_and_grow(memory: World) -> None:
    fill(memory)
    store = Choosy(memory.store, batch=10)
    Sweep().run(memory.maintenance(store))
    assert store.sizes == [10, 20, 40, 30]
    assert MAX_BATCH >= 1_000


def test_actions_of_many_refs_do_not_share_a_batch(memory: World) -> None:
    """A map that loses a hundred thousand elements is one write, and goes in a push of its own."""
    plan = Plan("sweep")
    for number, refs in enumerate([60_000, 60_000, 60_000, 200_000, 10]):
        names = [RefName(f"refs/heads/kv-{number}/{which}") for which in range(refs)]
        deletion = Transaction(tuple(RefUpdate(name, ANY, DELETE) for name in names))
        plan.actions.append(Action(names[0], Kind.SWEEP_ELEMENTS, deletion, Counts(elements=refs)))
    store = Choosy(memory.store)
    done = execute(memory.database(store), plan, Budget(lambda: 0.0))
    assert (store.sizes, len(done.applied)) == ([2, 1, 1, 1], 5)
    assert MAX_UPDATES == 150_000


def test_what_depends_on_each_other_never_shares_a_batch(memory: World) -> None:
    perform(memory.database(), Incr(key=key("counter")))
    perform(memory.database(), Incr(key=key("other")))
    memory.clock.advance(5000)
    memory.plant_many(key("counter"), 1_500, ago=4000)
    memory.plant(key("other"), 1)
    memory.clock.advance(3600)
    store = Choosy(memory.store)
    Gather().run(memory.maintenance(store))
    assert sum(store.sizes) == 3
    assert memory.breadcrumbs() == []


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("batch", "protected"), [(10, 1), (10, 3), (10, 4), (1_000, 10)])
def test_refs_that_the_server_protects_are_reported_and_do_not_keep_the_job_from_others(
    memory: World, batch: int, protected: int
) -> None:
    fill(memory)
    stuck = set(sorted(VALUES)[:protected])

    def declines(transaction: Transaction) -> bool:
        return any(update.name in stuck for update in transaction.updates)

    report = Sweep().run(memory.maintenance(Choosy(memory.store, batch=batch, declines=declines)))
    assert keys_left(memory) == protected
    assert {left.ref for left in report.jobs[0].failed} == stuck
    assert report.notable() == protected


def test_a_server_that_refuses_everything_is_not_asked_a_thousand_times(memory: World) -> None:
    """Three single writes refused for one reason end the job; all that it would have tried is reported as left alone."""
    fill(memory)
    store = Choosy(memory.store, declines=lambda _transaction: True)
    report = Sweep().run(memory.maintenance(store))
    assert keys_left(memory) == 100
    assert len(report.jobs[0].failed) == 100
    assert len(store.sizes) <= 15
    assert sum(size == 1 for size in store.sizes) >= 3


def test_a_hook_that_declines_one_ref_does_not_keep_the_job_from_others(git: World) -> None:
    fill(git, 12)
    protected = VALUES[5]
    install_hook(git, "update", f'#!/bin/sh\n[ "$1" != "{protected}" ] || {{ echo "protected" >&2; exit 1; }}\n')
    report = Sweep().run(git.maintenance())
    assert keys_left(git) == 1
    assert [left.ref for left in report.jobs[0].failed] == [protected]
    assert "hook declined" in report.jobs[0].failed[0].why
    assert len(report.jobs[0].applied) == 11
    assert git.errors() == []


@pytest.mark.parametrize("at_most", [6, 10])
def test_a_hook_that_declines_large_pushes_gets_small_ones(git: World, at_most: int) -> None:
    fill(git, 24)
    install_hook(git, "pre-receive", f'#!/bin/sh\n[ "$(wc -l)" -le {at_most} ] || {{ echo "too many" >&2; exit 1; }}\n')
    report = Sweep().run(git.maintenance())
    assert keys_left(git) == 0
    assert (len(report.jobs[0].applied), report.notable()) == (24, 0)


def test_a_hook_that_declines_everything_leaves_everything(git: World) -> None:
    fill(git, 12)
    before = git.refs()
    install_hook(git, "pre-receive", "#!/bin/sh\nexit 1\n")
    report = Sweep().run(git.maintenance())
    assert git.refs() == before
    assert len(report.jobs[0].failed) == 12
    assert "hook declined" in report.jobs[0].failed[0].why


# --- lost replies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_lost_reply_is_settled_by_reading_again(memory: World, fault: Lost) -> None:
    fill(memory)
    report = Sweep().run(memory.maintenance(memory.faulty({3: fault})))
    assert keys_left(memory) == 0
    assert (len(report.jobs[0].applied), len(report.jobs[0].conflicts), report.notable()) == (100, 0, 0)


def test_what_a_rival_changed_after_a_lost_reply_is_left(memory: World) -> None:
    fill(memory, 10)
    store = memory.faulty({3: Lost.BEFORE, 4: Rival(lambda: perform(memory.database(), Set(key=KEYS[0], value=text("w"))))})
    report = Sweep().run(memory.maintenance(store))
    assert perform(memory.database(), Get(key=KEYS[0])).found is True
    assert keys_left(memory) == 1
    assert len(report.jobs[0].conflicts) == 1


def test_replies_that_are_lost_again_and_again_end_the_job(memory: World) -> None:
    fill(memory)
    faults = dict.fromkeys(range(3, 100, 2), Lost.BEFORE)
    store = memory.faulty(faults)
    report = Sweep().run(memory.maintenance(store))
    assert keys_left(memory) == 100
    assert len(report.jobs[0].failed) == 100
    assert len(report.jobs[0].applied) == 0
    assert len(store.calls) <= 8


def test_what_came_through_late_is_no_conflict(memory: World) -> None:
    """It was applied, although it was denied when it was sent again."""
    fill(memory, 10)
    report = Sweep().run(memory.maintenance(memory.faulty({3: Lost.BEFORE, 5: Lost.LATE, 6: Lost.BEFORE})))
    (job,) = report.jobs
    assert (len(job.applied), len(job.conflicts), len(job.failed)) == (10, 0, 0)
    assert keys_left(memory) == 0


def test_a_store_that_fails_in_the_middle_ends_the_run_with_a_report(memory: World) -> None:
    """What was done so far is worth a report; the next run takes up what is left."""
    fill(memory)
    report = Maintain().run(memory.maintenance(Choosy(memory.store, batch=10, gone_at=2)))
    assert report.error != ""
    assert [job.plan.job for job in report.jobs] == ["gather", "sweep", "purge"]
    job = report.jobs[1]
    assert (len(job.applied), job.deferred, len(job.failed), job.error) == (10, 90, 0, report.error)
    Maintain().run(memory.maintenance())
    assert keys_left(memory) == 0


def test_a_read_that_fails_after_a_lost_reply_leaves_it_to_the_next_try(memory: World) -> None:
    fill(memory)
    store = FaultyStore(Choosy(memory.store, batch=10), {5: Lost.AFTER, 6: Lost.BEFORE})
    report = Maintain().run(memory.maintenance(store))
    assert (report.error, len(report.jobs[1].applied)) == ("", 100)
    assert keys_left(memory) == 0


# --- plans ----------------------------------------------------------------------------------------------------------


def test_a_plan_is_executed_once(memory: World) -> None:
    fill(memory, 10)
    plan = plan_sweep(memory.database())
    budget = Budget(lambda: 0.0)
    assert len(execute(memory.database(), plan, budget).applied) == 10
    assert execute(memory.database(), plan, budget).planned == 0


def test_a_stale_plan_does_no_harm(memory: World) -> None:
    """Two runs at once: the second finds that all was changed since it read."""
    fill(memory, 10)
    perform(memory.database(), Incr(key=key("counter")))
    memory.plant(key("counter"), 5, ago=-1)
    memory.clock.advance(3600)
    plans = [plan_sweep(memory.database()), plan_gather(memory.database(), 0)]
    Maintain(grace_period=0).run(memory.maintenance())
    after = memory.refs()
    for plan in plans:
        done = execute(memory.database(), plan, Budget(lambda: 0.0))
        assert (len(done.applied), len(done.failed)) == (0, 0)
        assert len(done.conflicts) == done.planned > 0
    assert memory.refs() == after


def test_progress_is_told(memory: World) -> None:
    fill(memory)
    calls: list[tuple[str, int, int]] = []
    database = memory.database(Choosy(memory.store, batch=10))
    run = Maintenance(replace(database, progress=lambda what, done, of: calls.append((what, done, of))), elapsed=lambda: 0.0)
    Sweep().run(run)
    assert [(done, of) for _, done, of in calls] == [(0, 100), (10, 100), (30, 100), (70, 100), (100, 100)]
    Purge().run(run)
    assert calls[-1][1:] == (0, 0)
