"""A reply that is lost, of a write that arrives as late as can be: after it was looked for, just before it is sent again.

The second one is then in conflict with the first, and nothing but the refs shows whose write that was.
"""

from collections.abc import Callable, Sequence

import pytest

from git_keyval.commands.arrays import Apush
from git_keyval.commands.copies import Copy
from git_keyval.commands.expiry import Expire
from git_keyval.commands.maps import Hset
from git_keyval.commands.values import Del, Get, Getdel, Set
from git_keyval.database.answers import Answer
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.errors import OutcomeUnknownError
from git_keyval.store.port import Depth, Outcome, Selection, Snapshot, Store, Transaction, Unknown
from tests.around import StoreAround
from tests.faults import Lost, Rival
from tests.world import World, draft, drafts, key, show, text

K, NEW = key(), key("new")
MAP, ARRAY = key("map"), key("array")


class LateStore(StoreAround):
    """Loses its first write, which arrives just before the second. The next ``lagging`` reads show what was there before it."""

    def __init__(self, world: World, *, lagging: int = 0) -> None:
        super().__init__(world.store)
        self.writes = self.reads_since = 0
        self._world = world
        self._lagging = lagging
        self._first: Sequence[Transaction] = ()
        self._copy: Store | None = None

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        self.writes += 1
        if self.writes == 1:
            self._first = transactions
            return [Unknown("the connection broke")] * len(transactions)
        if self.writes == 2:
            self._copy = self._world.in_memory().store
            self._store.apply(self._first)
        return self._store.apply(transactions)

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        self.reads_since += self._copy is not None
        behind = self._copy is not None and self.reads_since <= self._lagging
        return self._copy.read(*selections, depth=depth) if behind and self._copy else self._store.read(*selections, depth=depth)


COMMANDS: dict[str, Callable[[Database], Answer]] = {
    "set if absent": lambda database: perform(database, Set(key=NEW, value=text("ours"), condition=Condition("absent"))),
    "set if present": lambda database: perform(database, Set(key=K, value=text("ours"), condition=Condition("present"))),
    "expire": lambda database: perform(database, Expire(key=K, ttl=600)),
    "del": lambda database: perform(database, Del(keys=[K])),
    "getdel": lambda database: perform(database, Getdel(key=K)),
    "hset if absent": lambda database: perform(database, Hset(key=MAP, entries=drafts(more="1"), condition=Condition("absent"))),
}


def filled(world: World) -> World:
    perform(world.database(), Set(key=K, value=text("value")))
    perform(world.database(), Hset(key=MAP, entries=drafts(one="1")))
    perform(world.database(), Apush(key=ARRAY, elements=[draft("1")]))
    world.clock.advance(1)
    return world


@pytest.mark.parametrize("lagging", [0, 1, 4])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_conflict_with_its_own_late_write_is_no_denial(
    memory: World, command: Callable[[Database], Answer], lagging: int
) -> None:
    """Neither if reads do not show it yet: a copy that shows no reason for a conflict lags behind."""
    told = command(filled(memory).in_memory().database())
    store = LateStore(memory, lagging=lagging)
    assert command(memory.database(store)) == told
    assert store.writes == 2


@pytest.mark.parametrize(("lost", "rival"), [(Lost.BEFORE, "taken"), (Lost.AFTER, "value")])
def test_an_old_value_that_may_be_another_is_not_told(memory: World, lost: Lost, rival: str) -> None:
    """A rival wrote the same, so that is what was there before; or the value from before, which would be replaced once more."""
    filled(memory)
    store = memory.faulty({2: lost, 3: Rival(lambda: perform(memory.database(), Set(key=K, value=text(rival), get_old=True)))})
    with pytest.raises(OutcomeUnknownError):
        perform(memory.database(store), Set(key=K, value=text("taken"), get_old=True))


@pytest.mark.parametrize("lost", Lost)
def test_the_old_number_of_a_counter_is_told_once_it_is_known(memory: World, lost: Lost) -> None:
    perform(memory.database(), Set(key=NEW, value=41))
    store = memory.faulty({2: lost})
    assert perform(memory.database(store), Set(key=NEW, value=42, get_old=True)).old_value == 41


@pytest.mark.parametrize("lagging", [0, 4])
def test_what_a_rival_may_have_made_as_well_is_not_made_again(memory: World, lagging: int) -> None:
    """A conflict with its own late write looks like one with a rival's: nobody knows, and nothing is copied twice."""
    filled(memory)
    with pytest.raises(OutcomeUnknownError):
        perform(memory.database(LateStore(memory, lagging=lagging)), Copy(key=K, to=NEW, if_absent=True))
    assert show(perform(memory.database(), Get(key=NEW)).value) == "value"


@pytest.mark.parametrize("name", ["set if absent", "del", "getdel"])
def test_a_copy_that_never_catches_up_leaves_the_outcome_unknown(memory: World, name: str) -> None:
    store = LateStore(filled(memory), lagging=100)
    with pytest.raises(OutcomeUnknownError):
        COMMANDS[name](memory.database(store))
    assert store.reads_since < 10
