"""What docs/sizing.md and docs/performance.md say of many repositories is what was counted, and what the model says today."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from benchmarks.fleet import SIZES, WAYS, Day, Night, model_day, model_night, most_a_day, numbers_of, size_of
from benchmarks.fleet_tables import fleet_charts, fleet_tables, sizing_tables
from benchmarks.recorded import RECORDED_FLEET, load_fleet, record_fleet

RECORD = load_fleet()


def named(kind: type[Night] | type[Day], row: dict[str, object]) -> Night | Day:
    """Return the night or the day of a row."""
    return kind(**{name: value for name, value in row.items() if name in kind.__slots__})  # type: ignore[arg-type]


def test_the_model_said_the_same_of_every_run_that_was_counted() -> None:
    assert [check["what"] for check in RECORD.checks if check["differences"]] == []
    assert {1, 4, 16, 256} <= {
        int(number) for check in RECORD.checks for number in re.findall(r"(\d+) repositories", check["what"])
    }
    assert sum(check["refused"] for check in RECORD.checks) > 100


def test_sizes_are_those_of_the_model() -> None:
    assert [size_of(keys) for keys in SIZES] == RECORD.sizes
    assert all(row["most"] == most_a_day(row["way"], row["repositories"]) for row in RECORD.rooms)
    assert {row["way"] for row in RECORD.rooms} == set(WAYS)


def test_nights_are_those_of_the_model() -> None:
    """Those that were counted, too, where no limit was met: which of its repositories meets one depends on how keys fall."""
    for row in RECORD.nights:
        if not (row["counted"] and row["refused"]):
            night = named(Night, dict(row))
            assert isinstance(night, Night)
            assert {**row, **numbers_of(model_night(night))} == row


def test_a_day_is_that_of_the_model() -> None:
    row = next(row for row in RECORD.days if row["way"] == "batch")
    day = named(Day, dict(row))
    assert isinstance(day, Day)
    assert {**row, **numbers_of(model_day(day))} == row


def test_what_fits_a_day_fits() -> None:
    """As many steps as the tightest limit has room for: a few wait, because the minutes are not all alike, and none fails."""
    most = min(most_a_day("auto", 256).values())
    (row,) = [row for row in RECORD.days if row["steps"] == most]
    assert row["stopped"] == 0
    assert row["first"].startswith("content")


def test_every_row_is_shown() -> None:
    shown = sizing_tables(RECORD)
    assert all(f"| {row['keys']:,} | {row['repositories']} |" in shown for row in RECORD.sizes)
    tables = fleet_tables(RECORD)
    assert tables.count("by the model") == 1 + sum(not row["counted"] for row in RECORD.nights)
    assert all(name in tables for name in fleet_charts(RECORD))
    (svg,) = fleet_charts(RECORD).values()
    assert "repositories" in {text.text for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}  # noqa: S314  # ours


def test_what_is_recorded_says_nothing_of_where_it_was_counted() -> None:
    text = RECORDED_FLEET.read_text(encoding="utf-8")
    assert "/" not in text
    assert {"cpus", "git", "python", "memory_bytes"} <= json.loads(text)["machine"].keys()


def test_a_quick_run_is_not_recorded() -> None:
    with pytest.raises(ValueError, match="counts too few"):
        record_fleet({"quick": True})
