"""States of counters as the golden vectors write them."""

from collections.abc import Mapping
from typing import Any

from git_keyval.format.counters import Counter, Operation
from git_keyval.format.times import Timestamp


def counter_of(case: Mapping[str, Any]) -> Counter:
    return Counter(
        value=int(case["value"]),
        op=case["op"],
        seq=case["seq"],
        recent=tuple(_operation(*entry) for entry in case["recent"]),
        set_at=None if case["setAt"] is None else Timestamp(case["setAt"]),
    )


def _operation(op: str, number: str | None, *time: str) -> Operation:
    if time:
        return op, int(number or ""), Timestamp(time[0])
    return op, None if number is None else int(number)
