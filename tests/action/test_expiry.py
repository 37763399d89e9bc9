"""The commands on lifetimes, at a clock that stands still at noon of 2026-01-01."""

import pytest

from tests.action.steps import Workflow, version_of
from tests.conftest import FakeClock

pytestmark = pytest.mark.usefixtures("at_noon")


def ttl(seconds: int, until: str) -> dict[str, str]:
    return {"ttl": str(seconds), "expires-at": until}


@pytest.mark.parametrize(
    ("inputs", "left", "until"),
    [
        ({"ttl": "15m"}, 900, "2026-01-01T12:15:00Z"),
        ({"ttl": "PT15M"}, 900, "2026-01-01T12:15:00Z"),
        ({"ttl": "1s"}, 60, "2026-01-01T12:01:00Z"),
        ({"ttl": "61s"}, 120, "2026-01-01T12:02:00Z"),
        ({"ttl": "61s", "expiry-granularity": "1s"}, 61, "2026-01-01T12:01:01Z"),
        ({"ttl": "1d", "expiry-granularity": "1d"}, 129_600, "2026-01-03T00:00:00Z"),
        ({"expires-at": "2026-01-01T12:00:00.000001Z"}, 60, "2026-01-01T12:01:00Z"),
        ({"expires-at": "2026-01-01T14:00:30+02:00"}, 60, "2026-01-01T12:01:00Z"),
        ({"expires-at": "2026-01-02T12:00:00Z"}, 86_400, "2026-01-02T12:00:00Z"),
        ({"ttl": "2w", "keep-ttl": "false"}, 1_209_600, "2026-01-15T12:00:00Z"),
    ],
)
def test_a_lifetime_is_rounded_up_and_told_alike_everywhere(
    workflow: Workflow, inputs: dict[str, str], left: int, until: str
) -> None:
    lifetime = ttl(left, until)
    version = version_of("1")
    assert workflow.run_given("set", {"key": "a", "value": "1", **inputs}).answers == {
        "applied": "true",
        "version": version,
        **lifetime,
    }
    assert workflow.run("ttl", key="a").answers == {"found": "true", "version": version, **lifetime}
    assert {name: workflow.run("get", key="a").outputs[name] for name in lifetime} == lifetime


def test_expire_and_persist_change_the_lifetime_only(workflow: Workflow, at_noon: FakeClock) -> None:
    workflow.run("set", key="a", value="1")
    same = {"found": "true", "applied": "true", "version": version_of("1")}
    assert workflow.run("ttl", key="a").answers == {"found": "true", "version": version_of("1"), "ttl": "-1"}
    assert workflow.run("expire", key="a", ttl="1h").answers == {**same, **ttl(3600, "2026-01-01T13:00:00Z")}
    at_noon.advance(1800)
    assert workflow.run("ttl", key="a").answers["ttl"] == "1800"
    later = workflow.run("expire", key="a", expires_at="2027-01-31T12:00:00Z").answers
    assert (later["applied"], later["expires-at"]) == ("true", "2027-01-31T12:00:00Z")
    assert workflow.run("persist", key="a").answers == {**same, "ttl": "-1"}
    assert workflow.run("persist", key="a").answers == {**same, "applied": "false", "ttl": "-1"}
    assert workflow.run("get", key="a").outputs["value"] == "1"


def test_a_version_that_is_not_there_changes_no_lifetime(workflow: Workflow) -> None:
    workflow.run("set", key="a", value="1", ttl="1h")
    for command, inputs in (("expire", {"ttl": "2h"}), ("persist", {})):
        ended = workflow.run_given(command, {"key": "a", "if-version": version_of("2"), **inputs})
        assert (ended.code, ended.answers["applied"], ended.answers["ttl"]) == (0, "false", "3600")
        assert workflow.run_given(command, {"key": "a", "if-version": version_of("1"), **inputs}).answers["applied"] == "true"
        workflow.run("expire", key="a", ttl="1h")


def test_set_ends_a_lifetime_unless_told_to_keep_it(workflow: Workflow) -> None:
    workflow.run("set", key="a", value="1", ttl="1h")
    kept = workflow.run("set", key="a", value="2", keep_ttl="true").answers
    assert kept == {
        "found": "true",
        "applied": "true",
        "version": version_of("2"),
        "old-value": "1",
        **ttl(3600, "2026-01-01T13:00:00Z"),
    }
    assert workflow.run("set", key="a", value="3").answers["ttl"] == "-1"
    assert workflow.run("ttl", key="a").answers["ttl"] == "-1"
    fresh = workflow.run("set", key="b", value="1", keep_ttl="true").answers
    assert fresh == {"found": "false", "applied": "true", "version": version_of("1"), "ttl": "-1"}


def test_a_counter_has_a_lifetime_too(workflow: Workflow, at_noon: FakeClock) -> None:
    assert workflow.run("set", key="n", value="5", type="counter", ttl="1h").answers["expires-at"] == "2026-01-01T13:00:00Z"
    workflow.run("incr", key="n")
    assert workflow.run("get", key="n").answers["ttl"] == "3600"
    at_noon.advance(3600)
    assert workflow.run("incr", key="n").answers["value"] == "1"
    assert workflow.run("ttl", key="n").answers["ttl"] == "-1"
