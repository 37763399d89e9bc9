"""Steps with an operation id, run again: what makes another operation, and what a step that finds its record answers."""

import json
from pathlib import Path

import pytest

from tests.action.steps import Workflow
from tests.action.test_sharding import KEYS, ONE, Shards, begun, stores_of  # noqa: F401  # a fixture

Step = tuple[str, dict[str, str]]

OTHERS: list[tuple[Step, Step]] = [
    (("append", {"key": "a", "value": "+"}), ("append", {"key": "b", "value": "+"})),
    (("append", {"key": "a", "value": "+"}), ("set", {"key": "a", "value": "+"})),
    (("del", {"keys": "a\nb"}), ("del", {"keys": "a\nc"})),
    (("mset", {"values": '{"a": "1"}'}), ("mset", {"values": '{"b": "1"}'})),
    (("copy", {"key": "a", "to": "b"}), ("copy", {"key": "a", "to": "c"})),
    (("hset", {"key": "m", "field": "x", "value": "1"}), ("hset", {"key": "m", "field": "y", "value": "1"})),
    (("hset", {"key": "m", "values": '{"x": "1"}'}), ("hset", {"key": "m", "values": '{"x": "1", "y": "1"}'})),
    (("hdel", {"key": "m", "fields": "one\nx"}), ("hdel", {"key": "m", "fields": "two\nx"})),
    (("aset", {"key": "l", "index": "0", "value": "x"}), ("aset", {"key": "l", "index": "1", "value": "x"})),
    (("aexpire", {"key": "l", "index": "0", "ttl": "1h"}), ("aexpire", {"key": "l", "index": "-1", "ttl": "1h"})),
]


ENCRYPTED = {"encryption-key": f"2026: {'A' * 43}=", "encryption-kid": "2026"}


@pytest.mark.parametrize("settings", [{}, ENCRYPTED], ids=["plain", "encrypted"])
@pytest.mark.parametrize(("one", "other"), OTHERS, ids=lambda step: "-".join((step[0], *step[1].values())))
def test_one_id_is_another_operation_for_each_command_and_what_it_is_about(
    workflow: Workflow, settings: dict[str, str], one: Step, other: Step
) -> None:
    workflow.settings = settings
    for key in "abc":
        workflow.run("set", key=key, value=key)
    workflow.run("hset", key="m", values='{"one": "1", "two": "2"}')
    workflow.run("apush", key="l", values='["first", "last"]')
    answers = [workflow.run_given(command, {**inputs, "op-id": "a run"}).answers for command, inputs in (one, other)]
    assert [answer["applied"] for answer in answers] == ["true"] * 2
    workflow.run("set", key="a", value="rival")
    workflow.run("del", keys="m\nl")
    again = [workflow.run_given(command, {**inputs, "op-id": "a run"}).answers for command, inputs in (one, other)]
    for answer in (*answers, *again):
        answer.pop("ttl", None)
    assert again == answers
    assert workflow.run("get", key="a").answers["value"] == "rival"


@pytest.mark.parametrize(("kind", "given"), [("string", "ü\n"), ("bytes", "AP8="), ("file", "AP8="), ("counter", "7")])
def test_a_value_that_was_taken_is_written_to_its_file_again(
    workflow: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, given: str
) -> None:
    monkeypatch.chdir(tmp_path)
    workflow.run("set", key="a", value=given, type=kind)
    files = []
    for name in ("first", "again"):
        ended = workflow.run("getdel", key="a", op_id="a run", output_file=name)
        assert ended.answers == {"found": "true", "applied": "true", "type": kind, "version": ended.answers["version"], "ttl": "-1"}
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
    masked = workflow.run("getdel", key="a", op_id="a run", mask="true")
    assert "::add-mask::" in masked.log


def test_keys_of_several_repositories_have_a_record_in_each(begun: Shards, tmp_path: Path) -> None:  # noqa: F811
    shards = begun.copied(tmp_path)
    assert len(stores_of(KEYS)) > 2
    steps: list[Step] = [("mset", {"values": json.dumps(dict.fromkeys(KEYS, "1"))}), ("del", {"keys": "\n".join(KEYS)})]
    for command, inputs in steps:
        first, again = (shards.run(command, **inputs, op_id="a run").answers for _ in range(2))
        assert (first, again["count"]) == (again, str(len(KEYS)))
    shards.run("set", key=KEYS[0], value="rival")
    assert shards.run("del", keys="\n".join(KEYS), op_id="a run").answers["count"] == str(len(KEYS))
    assert shards.workflow.run_given("get", {**ONE, "key": KEYS[0]}).answers["value"] == "rival"
