"""The commands on counters."""

import json

import pytest

from tests.action.conftest import Served
from tests.action.steps import Workflow, refs, value_ref


def test_incr_answers_with_the_number(workflow: Workflow) -> None:
    ended = workflow.run("incr", key="n")
    version = ended.outputs["version"]
    assert (ended.code, ended.log) == (0, "")
    assert ended.answers == {"applied": "true", "value": "1", "json": "1", "pending": "false", "version": version}
    read = workflow.run("get", key="n")
    assert read.answers == {"found": "true", "value": "1", "json": "1", "type": "counter", "version": version, "ttl": "-1"}


@pytest.mark.parametrize(
    ("command", "by", "value"),
    [
        ("incr", "", 1),
        ("incr", "41", 41),
        ("incr", "-5", -5),
        ("decr", "", -1),
        ("decr", "-5", 5),
        ("incr", "9223372036854775807", 9223372036854775807),
        ("incr", "-9223372036854775807", -9223372036854775807),
    ],
)
def test_steps_of_any_size_count(workflow: Workflow, command: str, by: str, value: int) -> None:
    assert workflow.run(command, key="n", by=by).answers["value"] == str(value)
    assert json.loads(workflow.run("get", key="n").outputs["json"]) == value


@pytest.mark.parametrize("op", ["run12345", "Any text: ü\n::add-mask::x"])
def test_one_op_id_counts_once(workflow: Workflow, op: str) -> None:
    first = workflow.run("incr", key="n", by="5", op_id=op)
    assert first.answers["value"] == "5"
    workflow.run("incr", key="n")
    again = workflow.run("incr", key="n", by="5", op_id=op)
    assert (again.answers["value"], again.answers["applied"], again.log) == ("5", "true", "")
    assert workflow.run("get", key="n").outputs["value"] == "6"


def test_a_counter_begins_with_a_number_and_a_lifetime(workflow: Workflow) -> None:
    first = workflow.run("incr", key="n", start="41", pad="5", ttl="1h", store_key="true").answers
    assert (first["value"], first["padded"], first["json"]) == ("41", "00041", "41")
    assert int(first["ttl"]) in range(3590, 3661)
    second = workflow.run("incr", key="n", start="41", ttl="2h").answers
    assert (second["value"], second["expires-at"], "padded" in second) == ("42", first["expires-at"], False)
    third = workflow.run("decr", key="n", ttl="2h", refresh_ttl="true").answers
    assert third["value"] == "41"
    assert third["expires-at"] > first["expires-at"]
    assert json.loads(workflow.run("keys").answers["json"]) == ["n"]
    assert "'refresh-ttl' does nothing without a lifetime" in workflow.run("incr", key="n", refresh_ttl="true").error


@pytest.mark.parametrize("op", ["run12345", "Any text: ü\n::add-mask::x"])
def test_one_op_id_counts_once_in_each_field(workflow: Workflow, op: str) -> None:
    """As it counts once in each counter."""
    first = workflow.run("hincr", key="m", field="a", by="5", op_id=op)
    assert first.answers["value"] == "5"
    workflow.run("hincr", key="m", field="a")
    again = workflow.run("hincr", key="m", field="a", by="5", op_id=op)
    assert (again.answers, again.log) == (first.answers, "")
    assert workflow.run("hincr", key="m", field="b", op_id=op).answers["value"] == "1"
    assert workflow.run("hincr", key="other", field="a", op_id=op).answers["value"] == "1"
    assert workflow.run("hincr", key="m", field="a", op_id=f"{op}2").answers["value"] == "7"
    assert json.loads(workflow.run("hgetall", key="m").answers["json"]) == {"a": 7, "b": 1}


def test_colons_in_a_field_and_an_op_id_make_no_other_pair_of_them(workflow: Workflow) -> None:
    assert workflow.run("hincr", key="m", field="linux:amd64", op_id="7").answers["value"] == "1"
    assert workflow.run("hincr", key="m", field="linux", op_id="amd64:7").answers["value"] == "1"
    assert json.loads(workflow.run("hgetall", key="m").answers["json"]) == {"linux:amd64": 1, "linux": 1}


def test_a_batch_counts_an_item_once(workflow: Workflow) -> None:
    commands = json.dumps([{"command": "hincr", "key": "m", "field": "a", "op-id": "run 7"}, {"command": "incr", "key": "n"}])
    told = [json.loads(workflow.run("batch", commands=commands).answers["results"]) for _ in range(2)]
    assert [(one["1"]["value"], one["2"]["value"]) for one in told] == [("1", "1"), ("1", "2")]


def test_one_op_id_sets_once(workflow: Workflow) -> None:
    assert workflow.run("set", key="n", value="5", type="counter", op_id="setting-1").code == 0
    workflow.run("incr", key="n")
    assert workflow.run("set", key="n", value="5", type="counter", op_id="setting-1").answers["applied"] == "true"
    assert workflow.run("get", key="n").outputs["value"] == "6"


def test_a_whole_number_becomes_a_counter(workflow: Workflow) -> None:
    workflow.run("mset", values='{"n":41}')
    assert workflow.run("incr", key="n").answers["value"] == "42"
    assert workflow.run("type", key="n").answers["type"] == "counter"


def test_set_of_a_counter_meets_conditions(workflow: Workflow) -> None:
    version = workflow.run("set", key="n", value="5", type="counter", if_="absent").answers["version"]
    unmet = workflow.run("set", key="n", value="6", type="counter", if_="absent")
    assert (unmet.code, unmet.answers["applied"], unmet.answers["version"]) == (0, "false", version)
    assert workflow.run("set", key="n", value="6", type="counter", if_version=version).answers["applied"] == "true"
    assert workflow.run("get", key="n").outputs["value"] == "6"


def test_a_denied_increment_may_wait_as_a_breadcrumb(served: Served) -> None:
    """It has no number then, and counts all the same."""
    run = served.workflow.run
    version = run("incr", key="n").outputs["version"]
    served.server.between(lambda: run("incr", key="n", by="10"))
    ended = run("incr", key="n", by="100", contention="breadcrumb", op_id="pending1")
    assert (ended.code, ended.log) == (0, "")
    assert ended.answers == {"applied": "true", "pending": "true", "version": refs(served.repository)[value_ref("n")]}
    assert ended.outputs["version"] != version
    assert run("incr", key="n", by="100", contention="breadcrumb", op_id="pending1").answers["pending"] == "true"
    assert run("get", key="n").outputs["value"] == "111"
    assert run("gather", grace_period="0s").answers["count"] == "1"
    settled = run("incr", key="n", by="100", op_id="pending1").answers
    assert (settled["pending"], settled["value"]) == ("false", "111")
    assert run("get", key="n").outputs["value"] == "111"


def test_a_denied_increment_is_tried_again_by_default(served: Served) -> None:
    run = served.workflow.run
    run("incr", key="n")
    served.server.between(lambda: run("incr", key="n", by="10"))
    assert run("incr", key="n", by="100").answers["value"] == "111"


def test_attempts_are_bounded(served: Served) -> None:
    """Those of a command that needs its own write to come through; an increment leaves a breadcrumb, and waits."""
    run = served.workflow.run
    run("append", key="log", value="a")
    served.server.between(lambda: run("append", key="log", value="b"))
    ended = run("append", key="log", value="c", max_attempts="1")
    assert "1 attempts" in ended.error
    assert "max-attempts" in ended.error
    assert not ended.outputs
