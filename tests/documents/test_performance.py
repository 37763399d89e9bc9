"""What docs/performance.md shows of what was measured."""

import itertools
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.charts import chart
from benchmarks.recorded import (
    RECORDED,
    RECORDED_ELEMENTS,
    RECORDED_LISTS,
    load,
    load_elements,
    load_lists,
    record,
    record_elements,
    record_lists,
)
from benchmarks.tables import performance_charts, performance_tables

SVG = "{http://www.w3.org/2000/svg}"
NEAR = {"one": [(1_000, 0.010), (1_000_000, 0.010)], "other": [(1_000, 0.011), (1_000_000, 0.0101)], "third": [(1_000, 0.5)]}


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  # it was made here


def labels(svg: str) -> dict[str, float]:
    """Return the names of the lines, and how far from the top each stands."""
    texts = parsed(svg).iter(f"{SVG}text")
    return {text.text or "": float(text.attrib["y"]) for text in texts if "name" in text.attrib.get("class", "").split()}


def test_each_line_of_a_chart_has_its_name_and_none_stands_on_another() -> None:
    found = labels(chart("A title", "seconds & more", NEAR))
    assert found.keys() == NEAR.keys()
    assert all(after - before >= 16 for before, after in itertools.pairwise(sorted(found.values())))


def test_a_chart_draws_more_where_there_is_more() -> None:
    points = re.findall(r'points="([^"]*)"', chart("A title", "seconds", {"line": [(10, 0.001), (1_000, 0.1)]}))
    (x, y), (further, higher) = (map(float, point.split(",")) for point in points[0].split())
    assert further > x
    assert higher < y  # the origin is at the top


@pytest.mark.parametrize("name", performance_charts(load()))
def test_a_chart_is_for_light_and_for_dark_backgrounds(name: str) -> None:
    svg = performance_charts(load())[name]
    assert parsed(svg).tag == f"{SVG}svg"
    assert "prefers-color-scheme:dark" in svg
    assert name in performance_tables(load(), load_elements(), load_lists())


@pytest.mark.parametrize("path", [RECORDED, RECORDED_ELEMENTS, RECORDED_LISTS], ids=lambda path: path.name)
def test_what_is_recorded_says_nothing_of_where_it_was_measured(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "/" not in text
    assert {"cpus", "git", "python", "memory_bytes"} <= json.loads(text)["machine"].keys()


def test_a_quick_run_is_not_recorded() -> None:
    with pytest.raises(ValueError, match="measures nothing"):
        record({"quick": True})
    with pytest.raises(ValueError, match="measures nothing"):
        record_elements({"quick": True})
    with pytest.raises(ValueError, match="measures nothing"):
        record_lists({"quick": True})


def test_of_lists_the_medians_and_their_ratio_are_recorded() -> None:
    def samples(*cpu_seconds: float) -> list[dict[str, float]]:
        return [{"cpu_seconds": cpu, "git_seconds": 0, "memory_bytes": 10 * cpu, "received_bytes": 7} for cpu in cpu_seconds]

    taken = {"push, used, 10": samples(3, 8, 4), "push, unread, 10": samples(2, 4, 1)}
    measured = {"quick": False, "date": "2026-01-02", "machine": {}, "rounds": 1, "results": {"lists": {"samples": taken}}}
    (row,) = record_lists(measured).rows
    assert (row.way, row.refs, row.bytes, row.cpu_seconds, row.unread_cpu_seconds) == ("push", 10, 7, 4, 2)
    assert (row.ratio, row.memory_bytes) == (2.0, 80)


def test_medians_are_recorded_and_ratios_of_what_ran_in_one_process() -> None:
    def samples(*cpu_seconds: float) -> list[dict[str, float]]:
        return [
            {"seconds": 2 * cpu, "cpu_seconds": cpu - 1, "git_seconds": 1, "memory_bytes": 10, "git_memory_bytes": cpu}
            for cpu in cpu_seconds
        ]

    taken = {
        "get, path, 10": samples(30, 10, 20),
        "get, in one process, 10": samples(2, 4, 8),
        "get, in one process, 1000": samples(3, 4, 16),
    }
    measured = {"quick": False, "date": "2026-01-02", "machine": {}, "rounds": 3, "results": {"scale": {"samples": taken}}}
    recording = record(measured)
    (row,) = recording.rows
    assert (row.seconds, row.cpu_seconds, row.memory_bytes) == (40, 20, 30)
    assert recording.ratios == {"get": {"10": 1.0, "1000": 1.5}}
