"""Keys that move to another repository while processes use them."""

from collections.abc import Callable
from functools import partial

from tests.races.arena import Arena, make_repository
from tests.races.clients import Answer, StepFailedError, Worker
from tests.races.running import at_once

COUNTER, FLAG = "counter", "flag"


def test_a_counter_moves_while_processes_count_on_it(arena: Arena) -> None:
    """It is copied, and redirected if it is still what was copied; whoever counts gets a number of his own, before and after."""
    target = make_repository(arena.repository.parent / "target.git")
    name = f"{arena.repository.parent.name}/{target.stem}"
    workers, mover, steps = arena.workers(3), arena.worker(), 12 * arena.scale

    def count(worker: Worker) -> list[str]:
        answers = [worker.run("incr", key=COUNTER, follow_writes="true", max_attempts="1000") for _ in range(steps)]
        return [answer.outputs.get("value", "") for answer in answers]

    def move() -> list[str]:
        while True:
            held = mover.run("get", key=COUNTER)
            mover.run("set", key=COUNTER, type="counter", value=held.value, repository=str(target))
            condition = {"if_version": held.outputs["version"]}
            try:
                if mover.run("redirect", key=COUNTER, redirect_to=name, max_attempts="1000", **condition).applied:
                    return []
            except StepFailedError as exc:
                if "increments wait" not in exc.log:  # those of workers who wait for their numbers
                    raise

    mover.run("incr", key=COUNTER)
    racing: list[Callable[[], list[str]]] = [*(partial(count, worker) for worker in workers), move]
    numbers = [int(number) for told in at_once(racing) for number in told if number]
    # One that waited when the counter moved has none: it was folded, and copied as a part of the number.
    assert len(set(numbers)) == len(numbers) >= 2 * steps
    assert set(numbers) <= set(range(2, 2 + 3 * steps))
    assert mover.run("get", key=COUNTER, repository=str(target)).value == str(1 + 3 * steps)
    assert mover.run("get", key=COUNTER).value == str(1 + 3 * steps)
    arena.assert_sound()


def test_a_set_that_reads_nothing_never_overwrites_a_redirect(arena: Arena) -> None:
    """Of a redirect and a plain set at the same moment, the set comes first, or is made at the target."""
    target = make_repository(arena.repository.parent / "target.git")
    name = f"{arena.repository.parent.name}/{target.stem}"
    workers, mover = arena.workers(3), arena.worker()
    mover.run("init")
    for turn in range(6 * arena.scale):
        flag = f"{FLAG} {turn}"
        mover.run("set", key=flag, value="old", repository=str(target))

        def write(worker: Worker, flag: str = flag) -> Answer:
            return worker.run("set", key=flag, value="new", follow_writes="true", max_attempts="1000")

        def move(flag: str = flag) -> Answer:
            return mover.run("redirect", key=flag, redirect_to=name, max_attempts="1000")

        racing: list[Callable[[], Answer]] = [*(partial(write, worker) for worker in workers), move]
        assert all(answer.applied for answer in at_once(racing))
        assert mover.run("redirect", key=flag, redirect_to=name).outputs["count"] == "1"
        assert mover.run("get", key=flag).value == mover.run("get", key=flag, repository=str(target)).value
        there = [ref for ref in arena.refs("refs/heads/kv-") if "/val-" in ref]
        assert len(there) == turn + 1
    arena.assert_sound()
