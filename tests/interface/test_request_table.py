"""The table of requests in docs/requests.md against what the steps ask of the emulated GitHub now."""

import pytest

from tools.documents import with_generated
from tools.request_table import DOCUMENT, Count, Step, Transport, counts, table


@pytest.fixture(scope="module")
def counted() -> list[tuple[Step, Transport, Count]]:
    return list(counts())


def test_the_table_is_what_is_counted_now(counted: list[tuple[Step, Transport, Count]]) -> None:
    """``make documents`` writes it."""
    assert DOCUMENT.read_text(encoding="utf-8") == with_generated(DOCUMENT, table(counted))


def test_no_step_takes_more_than_its_budget(counted: list[tuple[Step, Transport, Count]]) -> None:
    over = [
        f"{step.title}: {count}"
        for step, transport, count in counted
        if transport == "auto" and step.budget is not None and count.api > step.budget
    ]
    assert over == []


def test_many_keys_are_written_by_two_requests_of_git(counted: list[tuple[Step, Transport, Count]]) -> None:
    assert [dict(count.kinds) for step, transport, count in counted if (step.command, transport) == ("mset", "auto")] == [
        {"git": 2}
    ]


def test_a_step_tells_how_many_requests_it_made(counted: list[tuple[Step, Transport, Count]]) -> None:
    assert [f"{step.title}: {count}" for step, _, count in counted if count.reported != sum(count.kinds.values())] == []
