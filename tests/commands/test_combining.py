"""Increments that wait for their numbers: who gives them, and what may become of them meanwhile."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from git_keyval.commands.counters import MOST_POLLS, Incr
from git_keyval.commands.expiry import Expire
from git_keyval.commands.values import Del, Get, Getdel, Set
from git_keyval.database.answers import Answer
from git_keyval.database.command import Bound
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import CounterOverflowError, OverwrittenError
from git_keyval.format.counters import INT64_MAX, MAX_TAKEN, WAITING_TIME, encode_delta
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import DEFAULT_NAMING, BreadcrumbRef, parse
from git_keyval.format.times import SECOND, timestamp
from git_keyval.maintenance.commands import Gather
from tests.conftest import FakeClock
from tests.contract.places import in_memory
from tests.contract.samples import Sample
from tests.encrypting import cipher
from tests.faults import Fault, FaultyStore, Lost, Rival
from tests.world import World, key, show, text

K = key()
OP = "deploy42"
FIRST_WRITE, BREADCRUMB, POLL, FOLD = 2, 3, 4, 5
"""The requests of an increment that is denied: it reads, tries, leaves its breadcrumb, looks for its number, and folds."""


def rival(world: World, by: int = 100) -> Rival:
    return Rival(lambda: perform(world.database(), Incr(key=K, by=by)))


def denied(world: World, faults: Mapping[int, Fault] | None = None) -> FaultyStore:
    """Return a store on which a rival is faster than the first attempt, and then these faults happen."""
    return world.faulty({FIRST_WRITE: rival(world), **(faults or {})})


def incr(world: World, store: FaultyStore, by: int = 5) -> Answer:
    return perform(world.database(store), Incr(key=K, by=by, op=OP))


def value_of(world: World) -> str:
    return show(perform(world.database(), Get(key=K)).value)


def ops_of_breadcrumbs(world: World) -> list[str]:
    return [ref.op for ref in map(parse, world.breadcrumbs()) if isinstance(ref, BreadcrumbRef)]


@pytest.fixture
def counting(world: World) -> World:
    """A database with the counter 10."""
    perform(world.database(), Incr(key=K, by=10))
    world.clock.advance(1)
    return world


@pytest.fixture
def counted(memory: World) -> World:
    """The same in memory."""
    perform(memory.database(), Incr(key=K, by=10))
    memory.clock.advance(1)
    return memory


def test_a_denied_increment_leaves_a_breadcrumb_and_folds_it_itself(counting: World) -> None:
    store = denied(counting)
    answer = incr(counting, store)
    assert (answer.applied, answer.value, answer.pending) == (True, 115, False)
    assert [call.verb for call in store.calls] == ["read", "apply", "apply", "read", "apply"]
    assert (counting.breadcrumbs(), value_of(counting)) == ([], "115")
    assert counting.errors() == []


def test_whoever_is_faster_gives_it_its_number(counting: World) -> None:
    """Two rivals: the second folds the breadcrumb and counts after it, so the number is found by the next look."""
    store = denied(counting, {POLL: rival(counting, 1000)})
    answer = incr(counting, store)
    assert (answer.value, answer.pending) == (115, False)
    assert [call.verb for call in store.calls] == ["read", "apply", "apply", "read"]
    assert value_of(counting) == "1115"


def test_a_gather_gives_it_its_number(counting: World) -> None:
    answer = incr(counting, denied(counting, {POLL: Rival(lambda: Gather(grace_period=0).run(counting.maintenance()))}))
    assert (answer.value, answer.pending) == (115, False)


def test_who_folds_gives_numbers_by_time(counted: World) -> None:
    """Those that were left earlier come first, and each of them is told its own."""
    memory = counted
    earlier, later = (memory.plant(K, by, ago=ago) for by, ago in ((1, 0.5), (1000, -0.5)))
    answer = incr(memory, denied(memory))
    assert (earlier in memory.breadcrumbs(), later in memory.breadcrumbs()) == (False, False)
    assert answer.value == 10 + 1 + 1000 + 100 + 5  # the rival has folded both


def test_a_denied_fold_is_looked_after_again(counting: World) -> None:
    """The rival that was faster has seen the breadcrumb, so it has given it a number."""
    store = denied(counting, {FOLD: rival(counting, 1000)})
    answer = incr(counting, store)
    assert (answer.value, value_of(counting)) == (115, "1115")
    assert [call.verb for call in store.calls] == ["read", "apply", "apply", "read", "apply", "read"]


def test_the_number_is_found_however_many_others_were_given_theirs_since(counted: World) -> None:
    """A counter remembers for ten minutes whom it has given a number."""

    def many() -> None:
        for _ in range(4):
            counted.plant_many(K, MAX_TAKEN)
            perform(counted.database(), Incr(key=K))

    answer = incr(counted, denied(counted, {POLL: Rival(many)}))
    assert answer.value == 115
    assert value_of(counted) == str(115 + 4 * (MAX_TAKEN + 1))


def test_a_set_settles_those_that_wait(counting: World) -> None:
    """They come before the SET, with the number of that moment."""
    answer = incr(counting, denied(counting, {POLL: Rival(lambda: perform(counting.database(), Set(key=K, value=7)))}))
    assert (answer.value, answer.pending) == (115, False)
    assert value_of(counting) == "7"


def test_a_breadcrumb_that_a_set_voided_counts_after_it(counting: World) -> None:
    """The SET came before it was left and has a later time: it is moved, in one transaction, and counts once."""

    def ahead() -> None:
        counting.clock.advance(60)
        perform(counting.database(), Set(key=K, value=7))
        counting.clock.advance(-60)

    store = denied(counting, {BREADCRUMB: Rival(ahead)})
    answer = incr(counting, store)
    assert (answer.value, answer.pending) == (12, False)
    moves = [call.request[0].updates for call in store.calls if call.verb == "apply" and isinstance(call.request, tuple)][2]
    assert [update.name.rpartition("-")[2] for update in moves] == [OP, OP]
    assert value_of(counting) == "12"
    assert OP not in ops_of_breadcrumbs(counting)


@pytest.mark.parametrize("end", [Getdel(key=K), Del(keys=[K])], ids=["getdel", "del"])
def test_what_ends_the_counter_takes_it_along(counting: World, end: Bound) -> None:
    """It was applied, whoever deleted the counter has counted it, and nobody knows its number any more."""
    answers: list[Answer] = []
    store = denied(counting, {POLL: Rival(lambda: answers.append(perform(counting.database(), end)))})
    answer = incr(counting, store)
    assert (answer.applied, answer.value, answer.pending) == (True, None, False)
    assert answers[0].value in {None, 115}
    assert perform(counting.database(), Get(key=K)).found is False


def test_it_withdraws_beside_a_value_of_another_type(counting: World) -> None:
    """Else it would count in the counter's next life, of which the step has failed to be a part."""
    store = denied(counting, {POLL: Rival(lambda: perform(counting.database(), Set(key=K, value=text("v"))))})
    with pytest.raises(OverwrittenError) as caught:
        raise incr(counting, store).failure or AssertionError
    assert caught.value.held == "string"
    assert OP not in ops_of_breadcrumbs(counting)
    assert value_of(counting) == "v"


def test_one_that_is_withdrawn_has_never_counted(counted: World) -> None:
    """It had room when it was left, and none when it was to be folded."""
    full = Rival(lambda: counted.plant(K, INT64_MAX - 112, ago=30))
    answer = incr(counted, denied(counted, {BREADCRUMB: full}))
    assert isinstance(answer.failure, CounterOverflowError)
    assert OP not in ops_of_breadcrumbs(counted)
    assert value_of(counted) == str(INT64_MAX - 2)


def test_a_waiter_whose_folds_are_lost_is_pending_in_the_end(counted: World) -> None:
    class Deaf(FaultyStore):
        """Loses every request that writes, but the first two."""

        writes = 0

        def apply(self, transactions):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            self.writes += 1
            self._faults = {len(self.calls) + 1: Lost.BEFORE} if self.writes > 2 else self._faults
            return super().apply(transactions)

    store = Deaf(counted.store, {FIRST_WRITE: rival(counted)})
    begun = counted.clock()
    answer = incr(counted, store)
    assert (answer.applied, answer.value, answer.pending) == (True, None, True)
    assert counted.clock() - begun < WAITING_TIME - 60 * SECOND
    assert store.writes <= MOST_POLLS + 3
    assert value_of(counted) == "115"
    again = incr(counted, counted.faulty({}))
    assert (again.value, again.pending) == (115, False)
    assert value_of(counted) == "115"


def test_a_run_again_adopts_the_breadcrumb(counting: World) -> None:
    """Whoever was killed while it waited finds its breadcrumb, and goes on with it."""
    counting.plant(K, 5, op=OP)
    answer = incr(counting, counting.faulty({}))
    assert (answer.value, answer.pending) == (15, False)
    assert incr(counting, counting.faulty({})).value == 15
    assert value_of(counting) == "15"


def test_a_run_again_that_does_not_wait_leaves_it(counting: World) -> None:
    counting.plant(K, 5, op=OP)
    before = counting.refs()
    answer = perform(counting.database(), Incr(key=K, by=5, op=OP, contention="breadcrumb"))
    assert (answer.applied, answer.value, answer.pending) == (True, None, True)
    assert counting.refs() == before


def test_a_counter_that_expires_meanwhile_remembers_its_numbers(counted: World) -> None:
    """Whoever waited finds its number in what still lies there, and does not count in the next life."""
    perform(counted.database(), Expire(key=K, ttl=60))

    def folded_and_over() -> None:
        perform(counted.database(), Incr(key=K, by=1000))
        counted.clock.advance(120)

    answer = incr(counted, denied(counted, {POLL: Rival(folded_and_over)}))
    assert (answer.value, answer.pending) == (115, False)
    assert perform(counted.database(), Get(key=K)).found is False


@pytest.mark.parametrize("number", [POLL, FOLD])
def test_a_store_that_cannot_be_reached_any_more_leaves_it_pending(counting: World, number: int) -> None:
    """It is recorded, which is true whatever else cannot be known; the warning says why it was not waited for."""
    store = denied(counting, dict.fromkeys(range(number, 1_000), Lost.BEFORE))
    answer = incr(counting, store)
    assert (answer.applied, answer.value, answer.pending) == (True, None, True)
    assert "connection" in answer.warning
    assert value_of(counting) == "115"


@pytest.mark.parametrize("fault", [Lost.BEFORE, Lost.AFTER, Lost.LATE])
@pytest.mark.parametrize("number", [FIRST_WRITE, BREADCRUMB, FOLD])
def test_it_counts_once_whichever_reply_is_lost(counted: World, number: int, fault: Lost) -> None:
    faults: dict[int, Fault] = {number: fault}
    store = counted.faulty(faults) if number == FIRST_WRITE else denied(counted, faults)
    rivals = 0 if number == FIRST_WRITE else 100
    answer = incr(counted, store)
    assert (answer.value, answer.pending) == (15 + rivals, False)
    assert value_of(counted) == str(15 + rivals)
    assert counted.breadcrumbs() == []


def test_where_more_wait_than_it_may_fold_the_oldest_come_first(counted: World) -> None:
    """It leaves them to each other for a while, and then helps."""
    counted.plant_many(K, 2 * MAX_TAKEN, ago=0.5)
    store = counted.faulty({})
    counted.plant(K, 5, op=OP)
    answer = incr(counted, store)
    assert answer.value == 10 + 2 * MAX_TAKEN + 5
    assert [call.verb for call in store.calls].count("apply") == 3
    assert value_of(counted) == str(10 + 2 * MAX_TAKEN + 5)


def test_no_breadcrumb_is_left_for_nothing(counted: World) -> None:
    """An increment by zero is tried again; there is no breadcrumb of it."""
    store = denied(counted)
    assert incr(counted, store, by=0).value == 110
    assert [call.verb for call in store.calls] == ["read", "apply", "read", "apply"]


def test_a_void_breadcrumb_of_somebody_else_stays_for_whoever_waits(counted: World) -> None:
    counted.plant(K, 3, ago=20, op="somebody")
    counted.plant(K, None, ago=10)
    assert perform(counted.database(), Incr(key=K)).value == 11
    assert ops_of_breadcrumbs(counted) == ["somebody"]


@pytest.fixture
def encrypted(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """An encrypted database with the counter 10."""
    with in_memory(tmp_path, clock) as place:
        world = World(place, clock, cipher("first"))
        perform(world.database(), Incr(key=secret_key(world), by=10))
        clock.advance(1)
        yield world


def secret_key(world: World) -> Key:
    return Key.of("k", text("k"), world.cipher)


def test_with_encryption_it_waits_under_an_operation_id_that_only_the_key_makes(encrypted: World) -> None:
    one = secret_key(encrypted)
    names: list[str] = []
    rivals = {
        FIRST_WRITE: Rival(lambda: perform(encrypted.database(), Incr(key=one, by=100))),
        POLL: Rival(lambda: names.extend(ops_of_breadcrumbs(encrypted))),
    }
    answer = perform(encrypted.database(encrypted.faulty(rivals)), Incr(key=one, by=5, op=OP))
    assert (answer.value, answer.pending) == (115, False)
    assert names == [encrypted.cipher.op(one.id, OP)]
    assert perform(encrypted.database(), Incr(key=one, by=5, op=OP)).value == 115


def test_with_encryption_the_breadcrumb_of_an_earlier_release_is_adopted_too(encrypted: World) -> None:
    """It may be recorded under the operation id as it is."""
    one = secret_key(encrypted)
    now = timestamp(encrypted.clock())
    encrypted.put(DEFAULT_NAMING.breadcrumb(one.id, now, OP), Sample((*DUMMY_OBJECTS, encode_delta(5))))
    assert perform(encrypted.database(), Incr(key=one, by=5, op=OP)).value == 15
