"""The commands on values: what each step leaves in its output file."""

import json
from pathlib import Path

import pytest

from git_keyval.format.names import Naming
from git_keyval.format.records import encode_data
from git_keyval.format.values import parse_value
from tests.action.steps import Workflow, refs, value_ref, version_of
from tests.conftest import FakeClock

TEXT = "héllo 😀\nsecond line\r\n"
ABSENT = {"found": "false", "ttl": "-2"}


@pytest.mark.parametrize(
    ("type_", "given", "value", "as_json"),
    [
        ("", TEXT, TEXT, json.dumps(TEXT, ensure_ascii=False)),
        ("string", " 1 ", " 1 ", '" 1 "'),
        ("string", "", "", '""'),
        ("number", "-1.50e3", "-1500", "-1500"),
        ("number", "0.1", "0.1", "0.1"),
        ("boolean", "true", "true", "true"),
        ("json", '{"b": [1, null], "a": "é"}', '{"a":"é","b":[1,null]}', '{"a":"é","b":[1,null]}'),
        ("json", "null", "null", "null"),
        ("bytes", "AP8K", "AP8K", '"AP8K"'),
        ("file", "iVBORw==", "iVBORw==", '"iVBORw=="'),
        ("counter", "-7", "-7", "-7"),
    ],
)
def test_get_answers_with_what_was_set(
    workflow: Workflow, repository: Path, type_: str, given: str, value: str, as_json: str
) -> None:
    """All of a value comes back: as text, as JSON, and with its type."""
    written = workflow.run("set", key="a", value=given, type=type_)
    version = refs(repository)[value_ref("a")]
    assert (written.code, written.answers, written.log) == (0, {"applied": "true", "version": version, "ttl": "-1"}, "")
    read = workflow.run("get", key="a")
    assert (read.code, read.log, read.summary) == (0, "", "")
    assert read.answers == {
        "found": "true",
        "value": value,
        "json": as_json,
        "type": type_ or "string",
        "version": version,
        "ttl": "-1",
    }


def test_a_missing_key_is_no_error(workflow: Workflow) -> None:
    for command in ("get", "ttl"):
        ended = workflow.run(command, key="a")
        assert (ended.code, ended.answers, ended.log) == (0, ABSENT, "")
    assert workflow.run("type", key="a").answers == {"found": "false"}
    assert workflow.run("exists", key="a").answers == {"found": "false", "count": "0"}
    assert workflow.run("mget", keys="a").answers == {"found": "false", "json": "{}", "count": "0"}
    assert workflow.run("getdel", key="a").answers == {**ABSENT, "applied": "false"}
    assert workflow.run("del", key="a").answers == {"applied": "false", "count": "0"}
    assert workflow.run("expire", key="a", ttl="1h").answers == {**ABSENT, "applied": "false"}
    assert workflow.run("persist", key="a").answers == {**ABSENT, "applied": "false"}


@pytest.mark.parametrize("command", ["get", "getdel"])
def test_a_default_is_the_value_of_a_missing_key(workflow: Workflow, command: str) -> None:
    applied = {"applied": "false"} if command == "getdel" else {}
    assert workflow.run(command, key="a", default=TEXT).answers == {**ABSENT, **applied, "value": TEXT}
    workflow.run("set", key="a", value="1")
    assert workflow.run(command, key="a", default=TEXT).outputs["value"] == "1"


@pytest.mark.parametrize("command", ["get", "getdel", "exists", "type", "mget", "ttl"])
def test_a_missing_key_may_fail_the_step(workflow: Workflow, command: str) -> None:
    """The outputs are written all the same, for steps with ``if: always()``."""
    inputs = {"keys": '["a"]'} if command == "mget" else {"key": "a"}
    ended = workflow.run(command, on_missing="fail", **inputs)
    assert "does not exist" in ended.error
    assert ended.answers["found"] == "false"
    workflow.run("set", key="a", value="1")
    assert workflow.run(command, on_missing="fail", **inputs).code == 0


def test_an_expired_key_is_missing(workflow: Workflow, at_noon: FakeClock) -> None:
    workflow.run("set", key="a", value="1", ttl="1m")
    assert workflow.run("get", key="a").answers["ttl"] == "60"
    at_noon.advance(60)
    assert workflow.run("get", key="a").answers == ABSENT
    assert workflow.run("set", key="a", value="2", if_="absent").answers["applied"] == "true"


def test_set_writes_only_if_its_condition_is_met(workflow: Workflow) -> None:
    assert workflow.run("set", key="a", value="1", if_="present").answers == {**ABSENT, "applied": "false"}
    first, second = version_of("1"), version_of("2")
    assert workflow.run("set", key="a", value="1", if_="absent").answers == {
        "found": "false",
        "applied": "true",
        "version": first,
        "ttl": "-1",
    }
    unmet = {"found": "true", "applied": "false", "version": first, "old-value": "1"}
    ended = workflow.run("set", key="a", value="2", if_="absent")
    assert (ended.code, ended.answers, ended.log) == (0, unmet, "")
    assert workflow.run("set", key="a", value="2", if_version=second).answers == unmet
    met = {"found": "true", "applied": "true", "version": second, "ttl": "-1", "old-value": "1"}
    assert workflow.run("set", key="a", value="2", if_version=first).answers == met


def test_getdel_answers_and_parks_the_value(workflow: Workflow, repository: Path) -> None:
    workflow.run("set", key="a", value="1")
    version = version_of("1")
    unmet = workflow.run("getdel", key="a", if_version=version_of("2"))
    assert (unmet.code, unmet.answers) == (0, {"found": "true", "applied": "false", "version": version})
    assert workflow.run("getdel", key="a").answers == {
        "found": "true",
        "applied": "true",
        "value": "1",
        "json": '"1"',
        "type": "string",
        "version": version,
        "ttl": "-1",
    }
    assert value_ref("a") not in refs(repository)
    assert [oid for name, oid in refs(repository).items() if name.startswith("refs/heads/gc/")] == [version]


def test_del_counts_what_it_deleted(workflow: Workflow, repository: Path) -> None:
    workflow.run("mset", values='{"a":1,"b":2,"c":3}')
    assert workflow.run("del", keys='["a","b","missing"]').answers == {"applied": "true", "count": "2"}
    assert workflow.run("del", key="c", if_version=version_of("3")).answers == {"applied": "false", "count": "0"}
    assert workflow.run("del", key="c").answers == {"applied": "true", "count": "1"}
    assert not [name for name in refs(repository) if name.startswith("refs/heads/kv-")]


def test_exists_tells_whether_all_keys_exist(workflow: Workflow) -> None:
    workflow.run("mset", values='{"a":1,"b":2}')
    assert workflow.run("exists", key="a").answers == {"found": "true", "count": "1"}
    assert workflow.run("exists", keys='["a","b"]').answers == {"found": "true", "count": "2"}
    assert workflow.run("exists", keys="a\nmissing\n").answers == {"found": "false", "count": "1"}


def test_mset_takes_types_from_json_and_mget_gives_them_back(workflow: Workflow) -> None:
    values = {"text": "é", "number": 1.5, "flag": False, "document": {"a": [None]}, "": "empty key", "two\nlines": 0}
    ended = workflow.run("mset", values=json.dumps(values))
    assert (ended.code, ended.answers, ended.log) == (0, {"applied": "true", "count": "6"}, "")
    types = {key: workflow.run("type", key=key).outputs["type"] for key in ("text", "number", "flag", "document")}
    assert types == {"text": "string", "number": "number", "flag": "boolean", "document": "json"}
    read = workflow.run("mget", keys=json.dumps([*values, "missing"]))
    assert (read.answers["found"], read.answers["count"]) == ("false", "6")
    assert json.loads(read.answers["json"]) == values
    assert workflow.run("mget", keys="text\n\nnumber\n").answers == {
        "found": "true",
        "count": "2",
        "json": '{"text":"é","number":1.5}',
    }


def test_mset_may_be_told_the_type(workflow: Workflow) -> None:
    workflow.run("mset", values='{"a":1,"b":"AP8K"}', type="bytes")
    assert workflow.run("mset", values='{"a":1,"b":"2"}', type="string").code == 0
    assert workflow.run("mget", keys="a\nb").answers["json"] == '{"a":"1","b":"2"}'


def test_mset_takes_a_lifetime_for_all(workflow: Workflow, at_noon: FakeClock) -> None:
    workflow.run("mset", values='{"a":1,"b":2}', ttl="30s", store_key="true")
    assert workflow.run("ttl", key="b").answers["ttl"] == "60"
    at_noon.advance(59)
    assert workflow.run("keys").answers == {"found": "true", "json": '["a","b"]', "count": "2"}


def test_keys_lists_stored_keys_by_pattern(workflow: Workflow) -> None:
    assert workflow.run("keys").answers == {"found": "false", "json": "[]", "count": "0"}
    workflow.run("mset", values='{"user:1":1,"user:2":2,"other\\nkey":3}', store_key="true")
    workflow.run("set", key="user:3", value="not stored")
    assert workflow.run("keys").answers == {"found": "true", "json": '["other\\nkey","user:1","user:2"]', "count": "3"}
    assert workflow.run("keys", key="user:[2-9]").answers == {"found": "true", "json": '["user:2"]', "count": "1"}
    assert workflow.run("keys", key="*\n*").answers["json"] == '["other\\nkey"]'
    assert workflow.run_given("keys", {"key-env": "PATTERN"}, env={"PATTERN": "*\n*"}).answers["json"] == '["other\\nkey"]'


def test_keys_tells_types_apart(workflow: Workflow) -> None:
    workflow.run("mset", values='{"a":1,"b":"text"}', store_key="true")
    workflow.run("incr", key="builds", store_key="true")
    workflow.run("lock", key="production", ttl="1h", store_key="true")
    assert workflow.run("keys", type="counter").answers == {"found": "true", "json": '["builds"]', "count": "1"}
    for several in ("counter\nlock", '["lock", "counter"]'):
        assert workflow.run("keys", type=several).answers["json"] == '["builds","production"]'
    assert workflow.run("keys", key="[a-c]*", with_types="true").answers == {
        "found": "true",
        "json": '[{"key":"a","type":"number"},{"key":"b","type":"string"},{"key":"builds","type":"counter"}]',
        "count": "3",
    }
    assert workflow.run("keys", type="array", with_types="true").answers == {"found": "false", "json": "[]", "count": "0"}
    assert "'type'" in workflow.run("keys", type="counter,lock").error
    assert "string, number, boolean, json, bytes, file or counter" in workflow.run("set", key="a", value="1", type="map").error


def test_the_type_of_a_key_is_part_of_its_identity(workflow: Workflow) -> None:
    workflow.run("set", key="1", value="text")
    workflow.run("set", key="1", value="number", key_type="number")
    workflow.run("set", key="MQ==", value="bytes", key_type="bytes")
    workflow.run("set", key='{"b":1,"a":2}', value="json", key_type="json")
    assert workflow.run("get", key="1").outputs["value"] == "text"
    assert workflow.run("get", key="1.0", key_type="number").outputs["value"] == "number"
    assert workflow.run("get", key="MQ==", key_type="bytes").outputs["value"] == "bytes"
    assert workflow.run("get", key='{"a":2, "b":1}', key_type="json").outputs["value"] == "json"
    assert workflow.run("get", key="true", key_type="boolean").outputs["found"] == "false"


def test_shard_length_names_the_directory_of_the_refs(workflow: Workflow, repository: Path) -> None:
    workflow.run("set", key="a", value="1", shard_length="5")
    assert Naming(5).value(encode_data(parse_value("String", "a")).key_id) in refs(repository)
    assert workflow.run("get", key="a").outputs["found"] == "false"
    assert workflow.run("get", key="a", shard_length="5").outputs["value"] == "1"


def test_an_empty_command_is_maintain(workflow: Workflow) -> None:
    ended = workflow.run("")
    assert (ended.code, json.loads(ended.outputs["report"])["command"]) == (0, "maintain")


@pytest.mark.parametrize("command", ["get", "getdel"])
def test_mask_hides_every_line_of_the_value(workflow: Workflow, command: str) -> None:
    workflow.run("set", key="a", value="s3cret 100%\n\n  second\r\nthird")
    ended = workflow.run(command, key="a", mask="true")
    assert ended.outputs["value"] == "s3cret 100%\n\n  second\r\nthird"
    masked = ended.issued("add-mask")
    assert {"s3cret 100%", "  second", "third", "s3cret 100%\n\n  second\r\nthird"} <= set(masked)
    assert "" not in masked
    assert len(masked) == len(ended.commands) == len(ended.log.splitlines())


def test_nothing_is_masked_that_is_not_there(workflow: Workflow) -> None:
    assert not workflow.run("get", key="a", mask="true").log
    workflow.run("set", key="a", value="")
    assert not workflow.run("get", key="a", mask="true").log
