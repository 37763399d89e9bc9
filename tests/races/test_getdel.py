"""GETDEL: of all that take a value, exactly one gets it, and gc/ holds it."""

from functools import partial

from git_keyval.format.names import parse
from tests.races.arena import Arena
from tests.races.clients import Answer, Killed
from tests.races.jobs import Pace, pack_refs
from tests.races.running import at_once, meanwhile

TICKET = "ticket"


def test_exactly_one_of_eight_gets_the_value(arena: Arena) -> None:
    workers = arena.workers(8)
    with meanwhile(pack_refs(arena)):
        for turn in range(8 * arena.scale):
            version = workers[0].run("set", key=TICKET, value=f"{arena.seed}-{turn}").outputs["version"]
            before = arena.refs("refs/heads/gc/")

            answers = at_once([partial(worker.run, "getdel", key=TICKET) for worker in workers])

            winners = [answer for answer in answers if answer.applied]
            assert [answer.value for answer in winners] == [f"{arena.seed}-{turn}"]
            assert not any(answer.found for answer in answers if answer not in winners)
            _assert_parked(arena, before, version)
    arena.assert_sound()


def test_at_most_one_gets_the_value_when_some_are_killed_and_gc_holds_it_all_the_same(arena: Arena) -> None:
    """The killed clients' git processes go on; one of the others, run after all, finds the key gone."""
    workers = arena.workers(4)
    paces = [Pace(worker, arena.random(number), killed=0.6) for number, worker in enumerate(workers)]
    for turn in range(10 * arena.scale):
        version = workers[0].run("set", key=TICKET, value=f"{arena.seed}-{turn}").outputs["version"]
        before = arena.refs("refs/heads/gc/")

        answers = [answer for got in at_once([partial(_getdel_or_nothing, pace) for pace in paces]) for answer in got]
        arena.settle()
        answers.append(workers[0].run("getdel", key=TICKET))

        assert sum(answer.applied for answer in answers) <= 1
        assert all(answer.value == f"{arena.seed}-{turn}" for answer in answers if answer.applied)
        assert not workers[0].run("exists", key=TICKET).found
        _assert_parked(arena, before, version)
    arena.assert_sound()


def _getdel_or_nothing(pace: Pace) -> list[Answer]:
    try:
        return [pace.run("getdel", key=TICKET)]
    except Killed:
        return []


def _assert_parked(arena: Arena, before: dict[str, str], version: str) -> None:
    new = arena.refs("refs/heads/gc/").items() - before.items()
    assert [oid for _, oid in new] == [version]
    assert all(parse(name) is not None for name, _ in new)
    assert arena.refs("refs/heads/kv-") == {}
