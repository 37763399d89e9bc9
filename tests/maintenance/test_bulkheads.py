"""One record, or one job, that cannot be handled is reported and left alone; the others go on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.maps import Hset
from git_keyval.commands.values import Exists, Get, Getdel, Set
from git_keyval.database.perform import perform
from git_keyval.errors import UnavailableError
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.names import BREADCRUMBS_PREFIX, Naming, RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.maintenance.check import check
from git_keyval.maintenance.commands import Gather, Maintain, PublishExpiries, Purge, Sweep
from git_keyval.store.port import Depth, Selection, Snapshot, Store
from tests.around import StoreAround
from tests.contract.samples import note
from tests.replacing import replace
from tests.world import World, draft, key, text

HOUR = 3_600
A, B = key("a"), key("b")


class Defective(StoreAround):
    """Returns one object in a form that no decoder expects: as a defect of ours would show."""

    def __init__(self, store: Store, oid: Oid) -> None:
        super().__init__(store)
        self._oid = oid

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        seen = self._store.read(*selections, depth=depth)
        return replace(seen, objects=self._broken(seen.objects))

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        return self._broken(self._store.objects(oids, depth))

    def _broken(self, objects: Mapping[Oid, GitObject]) -> dict[Oid, GitObject]:
        none = cast("bytes", None)
        return {oid: replace(obj, data=none) if oid == self._oid else obj for oid, obj in objects.items()}


class Unlistable(StoreAround):
    """Fails to list what has one of these prefixes, in one way or the other."""

    def __init__(self, store: Store, error: Exception, *prefixes: str) -> None:
        super().__init__(store)
        self._error = error
        self._prefixes = prefixes

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        if not self._prefixes or tuple(prefixes) == self._prefixes:
            raise self._error
        return self._store.list(prefixes)


def fill(world: World) -> None:
    perform(world.database(), Incr(key=A))
    perform(world.database(), Incr(key=B))
    world.clock.advance(1)
    world.plant(A, 5)
    world.plant(B, 5)
    perform(world.database(), Set(key=key("expired"), value=text("v"), ttl=60))
    perform(world.database(), Set(key=key("taken"), value=text("v")))
    perform(world.database(), Getdel(key=key("taken")))
    for one in ("map", "other map"):
        perform(world.database(), Hset(key=key(one), entries={"a": draft("v")}, ttl=60))
    world.clock.advance(8 * 86_400)


@pytest.mark.parametrize("error", [UnavailableError("gone"), ValueError("a defect"), RecursionError(), MemoryError()])
def test_a_job_that_cannot_be_planned_does_not_keep_the_others(world: World, error: Exception) -> None:
    fill(world)
    report = Maintain().run(world.maintenance(Unlistable(world.store, error, BREADCRUMBS_PREFIX)))
    gathered, swept, purged = report.jobs
    assert [job.plan.job for job in report.jobs] == ["gather", "sweep", "purge"]
    assert ("gone" if isinstance(error, UnavailableError) else f"Internal error: {type(error).__name__}") in gathered.error
    assert report.error == gathered.error
    assert (len(swept.applied), len(purged.applied), swept.error, purged.error) == (3, 1, "", "")
    assert perform(world.database(), Exists(keys=[key("expired")])).count == 0
    assert len(world.breadcrumbs()) == 2


def test_a_run_of_which_no_job_can_be_planned_fails(memory: World) -> None:
    fill(memory)
    for job in (Gather().run, Sweep().run, Maintain().run):
        with pytest.raises(UnavailableError):
            job(memory.maintenance(Unlistable(memory.store, UnavailableError("gone"))))


def test_a_counter_that_cannot_be_handled_does_not_keep_the_others(memory: World) -> None:
    fill(memory)
    value = Naming().value(A.id)
    (job,) = Gather().run(memory.maintenance(Defective(memory.store, memory.refs()[value]))).jobs
    assert [left.ref for left in job.plan.left] == [value]
    assert "Internal error: TypeError" in job.plan.left[0].why
    assert [perform(memory.database(), Get(key=one)).value for one in (A, B)] == [6, 6]
    assert len(memory.breadcrumbs()) == 1


@pytest.mark.parametrize("name", [Naming().value(key("odd map").id), Naming().expiry(key("odd").id)])
def test_a_key_that_cannot_be_handled_is_kept_and_the_others_are_swept(memory: World, name: RefName) -> None:
    perform(memory.database(), Set(key=key("odd"), value=text("v"), ttl=HOUR))
    perform(memory.database(), Hset(key=key("odd map"), entries={"odd": draft("v")}, ttl=2 * HOUR))
    fill(memory)
    before = memory.refs()
    (job,) = Sweep().run(memory.maintenance(Defective(memory.store, before[name]))).jobs
    assert ([left.ref for left in job.plan.left], len(job.applied), job.error) == ([name], 4, "")
    after = memory.refs()
    value = RefName(name.replace("/exp-", "/val-"))
    assert (after[name], after[value]) == (before[name], before[value])


def test_a_breadcrumb_that_cannot_be_handled_is_kept_and_the_others_are_purged(memory: World) -> None:
    """Malformed is another thing: that is known."""
    fill(memory)
    odd, malformed = memory.plant(A, note("odd\n")), memory.plant(B, note("malformed\n"))
    memory.clock.advance(8 * 86_400)
    (job,) = Purge().run(memory.maintenance(Defective(memory.store, memory.refs()[odd]))).jobs
    assert [left.ref for left in job.plan.left] == [odd]
    assert job.plan.left[0].why.startswith("it cannot be read: Internal error: TypeError")
    assert {action.ref for action in job.applied} >= {malformed}
    assert len(job.applied) == 2
    assert odd in memory.refs()


def test_a_tag_that_cannot_be_handled_does_not_keep_a_registry_from_being_filled(memory: World) -> None:
    name = memory.put(Naming.published(encode_expiry(60).oid), note("odd\n"))
    (job,) = PublishExpiries().run(memory.maintenance(Defective(memory.store, memory.refs()[name]))).jobs
    assert [left.why.partition(" at ")[0] for left in job.plan.left] == ["it cannot be read: Internal error: TypeError"]
    assert len(job.applied) == job.planned > 400


def test_a_ref_that_cannot_be_handled_does_not_keep_check_from_the_others(memory: World) -> None:
    fill(memory)
    odd, malformed = Naming().value(A.id), memory.plant(B, note("malformed\n"))
    beside = next(name for name in memory.breadcrumbs() if A.id[2:] in name)
    expected = check(memory.maintenance()).counts
    report = check(memory.maintenance(Defective(memory.store, memory.refs()[odd])))
    errors = {problem.ref: problem.problem.partition(" at ")[0] for problem in report.problems if problem.severity == "error"}
    assert errors.keys() == {odd, beside, malformed}
    assert errors[odd] == "it cannot be checked: Internal error: TypeError"
    assert {**report.counts, "counter": 2} == expected
