"""Processes that increment one counter of a real server, while others read it and verify the database."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from tests.races.arena import Arena, with_foreign_refs
from tests.races.clients import Client
from tests.races.running import at_once, meanwhile
from tests.servers.site import Site

BUILDS = "builds"


def race(site: Site, *, clients: int, each: int) -> None:
    """Let so many clients increment so often; every second increment may leave a breadcrumb. Raises AssertionError.

    No reader may ever fail or see a number that is none of the race's, and no ``check`` may find a healthy record damaged.
    """
    repository = with_foreign_refs(site.create("race.git"))
    with ExitStack() as stack:
        arena = Arena(repository, site.place(repository), "", 1, stack)
        racing = arena.workers(clients)
        racing[0].run("init")
        numbers: list[int] = []
        with meanwhile(_reader(arena.worker(), clients * each), _checker(arena.worker())):
            at_once([partial(_increment, client, each, numbers) for client in racing])
        racing[0].run("gather", grace_period="0s")
        assert racing[0].run("get", key=BUILDS).value == str(clients * each)
        assert len(numbers) == len(set(numbers)), sorted(numbers)
        arena.assert_sound()


def _increment(client: Client, times: int, numbers: list[int]) -> None:
    for turn in range(times):
        contention = "breadcrumb" if turn % 2 else "retry"
        answer = client.run("incr", key=BUILDS, contention=contention, max_attempts="1000")
        assert answer.applied
        if "value" in answer.outputs:
            numbers.append(int(answer.value))


def _reader(client: Client, most: int) -> Callable[[], None]:
    seen = [0]

    def job() -> None:
        value = int(client.run("get", key=BUILDS, default="0").value)
        assert seen[-1] <= value <= most
        seen.append(value)

    return job


def _checker(client: Client) -> Callable[[], None]:
    def job() -> None:
        checked = client.run("check").outputs
        assert checked["count"] == "0", checked["report"]

    return job
