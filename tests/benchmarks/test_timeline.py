"""Time that passes only where somebody waits."""

import pytest

from benchmarks.timeline import Timeline


def test_who_waits_shortest_goes_first_and_one_at_a_time() -> None:
    timeline, seen = Timeline(100.0), list[tuple[str, float]]()

    def walk(name: str, step: float) -> None:
        for _ in range(3):
            timeline.wait(step)
            seen.append((name, timeline.now()))

    timeline.run([lambda: walk("slow", 5), lambda: walk("quick", 2), lambda: timeline.wait(-1)])
    assert seen == [("quick", 102), ("quick", 104), ("slow", 105), ("quick", 106), ("slow", 110), ("slow", 115)]
    assert timeline.micros() == 115_000_000


def test_who_asked_first_goes_first_at_the_same_moment() -> None:
    timeline, seen = Timeline(0.0), list[str]()

    def wait(name: str) -> None:
        timeline.wait(1)
        seen.append(name)

    names = list("abcdefgh")
    timeline.run([lambda name=name: wait(name) for name in names])  # type: ignore[misc]
    assert seen == names


def test_an_error_of_one_is_raised_after_the_others_have_ended() -> None:
    timeline, seen = Timeline(0.0), list[float]()

    def fail() -> None:
        raise ValueError("the first")

    def end() -> None:
        timeline.wait(7)
        seen.append(timeline.now())

    with pytest.raises(ValueError, match="the first"):
        timeline.run([fail, end])
    assert seen == [7]
