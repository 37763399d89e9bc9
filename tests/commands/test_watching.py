"""What a watch is made of: the next state of a key after the one that was seen."""

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire
from git_keyval.commands.maps import Hset
from git_keyval.commands.values import Del, Set
from git_keyval.commands.waiting import NextChange
from git_keyval.database.answers import Answer
from git_keyval.database.perform import perform
from git_keyval.format.times import SECOND
from tests.commands.test_waiting import CASES, Act
from tests.faults import Rival
from tests.replacing import replace
from tests.world import World, drafts, key, text

K = key("k")
CHANGES = {name: case for name, case in CASES.items() if case[1] == "changed"}


def look(world: World, field: str | None = None) -> Answer:
    return perform(world.database(), NextChange(key=K, field=field))


def next_of(world: World, seen: Answer, act: Act, wait: int = 600, interval: int | None = None) -> tuple[Answer, float]:
    """Wait for another state, while somebody else acts just before a request; return it, and how many seconds it took."""
    begun = world.clock()
    store = world.faulty({4: Rival(lambda: act(world))})
    answer = perform(world.database(store), NextChange(key=K, seen=seen, wait=wait, interval=interval))
    return answer, (world.clock() - begun) / SECOND


@pytest.mark.parametrize(("before", "_until", "fields", "act"), CHANGES.values(), ids=CHANGES)
def test_each_change_is_noticed(world: World, before: Act, _until: str, fields: dict[str, str], act: Act) -> None:
    before(world)
    field = fields.get("field")
    seen = look(world, field)
    assert seen.met is True
    begun = world.clock()
    store = world.faulty({4: Rival(lambda: act(world))})
    answer = perform(world.database(store), NextChange(key=K, field=field, seen=seen, wait=600))
    assert answer.met is True
    assert 0 < world.clock() - begun < 20 * SECOND
    assert answer == look(world, field)


def test_what_changed_between_two_looks_is_seen_at_once(world: World) -> None:
    seen = look(world)
    perform(world.database(), Set(key=K, value=text("v")))
    answer, took = next_of(world, seen, lambda _: None)
    assert (answer.met, answer.value, took) == (True, text("v"), 0)
    perform(world.database(), Del(keys=[K]))
    answer, took = next_of(world, answer, lambda _: None)
    assert (answer.met, answer.found, took) == (True, False, 0)


def test_nothing_is_no_change(world: World) -> None:
    """Nor is another lifetime."""
    perform(world.database(), Incr(key=K))
    world.plant(K, 2, ago=300)
    seen = look(world)
    assert seen.value == 3
    for act in (
        lambda _: None,
        lambda world: perform(world.database(), Expire(key=K, ttl=9_000)),
    ):
        answer, took = next_of(world, seen, act, wait=90)
        assert (answer.met, took) == (False, 90)


def test_a_map_changes_with_its_fields(world: World) -> None:
    perform(world.database(), Hset(key=K, entries=drafts(a="1")))
    seen = look(world)
    answer, _ = next_of(world, seen, lambda world: perform(world.database(), Hset(key=K, entries=drafts(b="1"))))
    assert (answer.met, answer.type, answer.value) == (True, "map", None)


def test_an_interval_is_kept(world: World) -> None:
    """By chance it is up to a half shorter, so that many who watch do not all ask at once."""
    pauses: list[float] = []
    database = world.database()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        world.clock.advance(seconds)

    perform(replace(database, sleep=sleep), NextChange(key=K, seen=look(world), wait=60, interval=5))
    assert set(pauses[:-1]) == {3.75}
    pauses.clear()
    perform(replace(database, sleep=sleep), NextChange(key=K, seen=look(world), wait=600))
    assert pauses[:6] == [0.75, 1.5, 3.0, 6.0, 11.25, 11.25]
