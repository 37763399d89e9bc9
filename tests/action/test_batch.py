"""batch as a step: several commands at once, where their keys live, and whatever text comes to them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.action.steps import Ended, Workflow, refs, value_ref
from tests.action.test_encryption import GIVEN
from tests.action.test_redirects import Org, org  # noqa: F401  # a fixture
from tests.action.test_sharding import Shards, begun  # noqa: F401  # a fixture
from tests.replacing import replace
from tests.servers.binary import run_git

SET, INCR = {"command": "set", "key": "a", "value": "x"}, {"command": "incr", "key": "n"}
LARGE = [{"command": "set", "key": key, "value": key * 90_000} for key in "bcd"]
"""Values of which no runner takes all together."""
HOSTILE = {
    "yaml": "x\n- command: del\n  key: a\n",
    "json": '"}, {"command": "del", "key": "a"}, {"a": "',
    "an expression": "${{ github.token }}",
    "a workflow command": "\n::set-output name=x::y\n##[error]z",
    "an output": "x\nghadelimiter_1\nresults<<y",
    "controls": "\x01\x1b[2J\x7f\u202e\ufeff",
    "ends of lines": "a\rb\r\nc\u2028d\x85e\n",
    "tabs": "\tx\t",
    "an alias": "*a &b !c <<: %d",
}


def batch(workflow: Workflow, *commands: Mapping[str, object], **inputs: str) -> Ended:
    """Run a step with these commands in JSON."""
    given = {"commands": json.dumps(commands), **{name.replace("_", "-"): text for name, text in inputs.items()}}
    return workflow.run_given("batch", given)


def results(ended: Ended) -> dict[str, Any]:
    """Return the answers of the commands of a step that succeeded."""
    assert (ended.code, ended.log) == (0, "")
    told: dict[str, Any] = json.loads(ended.outputs["results"])
    return told


def value_of(workflow: Workflow, key: str) -> str:
    return workflow.run("get", key=key, default="nothing").outputs["value"]


# --- text of others ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_text_of_others_stays_text(workflow: Workflow, name: str) -> None:
    """By variables it passes through no YAML; written as JSON it is taken as it is."""
    text, env = HOSTILE[name], {"TEXT": HOSTILE[name]}
    written = """
        - {command: set, key-env: TEXT, value-env: TEXT}
        - {command: hset, key: m, field-env: TEXT, value-env: TEXT}
        - {command: incr, key: n}
        - {command: copy, key: source, to-env: OTHER}
    """
    workflow.run("set", key="source", value="copied")
    env["OTHER"] = f"{text}2"
    assert results(workflow.run_given("batch", {"commands": written}, env=env))["3"]["value"] == "1"
    read = {"command": "hget", "key": "m", "field-env": "TEXT"}, {"command": "assert", "key-env": "TEXT", "equals-env": "TEXT"}
    told = results(workflow.run_given("batch", {"commands": json.dumps([*read, {"command": "get", "key": text}])}, env=env))
    assert (told["1"]["value"], told["2"]["applied"], told["3"]["value"]) == (text, True, text)
    assert results(batch(workflow, {"command": "hgetall", "key": "m"}))["1"]["json"] == {text: text}
    assert workflow.run_given("get", {"key-env": "OTHER"}, env=env).outputs["value"] == "copied"


@pytest.mark.parametrize("name", ["key-env", "value-env", "to-env"])
def test_a_variable_that_is_not_set_is_an_error(workflow: Workflow, repository: Path, name: str) -> None:
    other = {"command": "copy", "to": "b"} if name == "to-env" else {"command": "set", "value": "x"}
    command = {"key": "a", **other, name: "MISSING"}
    del command[name.removesuffix("-env")]
    assert "MISSING" in batch(workflow, INCR, command).error
    assert not refs(repository)


WRONG = {
    "nothing": "",
    "no list": "command: get",
    "no YAML": "- {command: get, key: a",
    "an anchor": "- &a {command: get, key: a}\n- *a",
    "a tag": "- !!python/object/apply:os.system {command: get, key: a}",
    "a key twice": "- {command: set, key: a, key: b, value: x}",
    "a tab": "- command: set\n\tkey: a",
    "a carriage return": "- command: set\r  key: a\r",
    "two documents": "- {command: get, key: a}\n---\n- {command: get, key: b}",
    "no text": "- {command: set, key: a, value: }",
    "a list for a text": "- {command: set, key: [a], value: x}",
    "a job": "- {command: sweep}",
    "a batch": "- {command: batch, commands: '[]'}",
    "no command": "- {key: a}",
    "an unknown command": "- {command: flush, key: a}",
    "an unknown input": "- {command: get, key: a, colour: red}",
    "an input of the step": "- {command: get, key: a, repository: other}",
    "no number": "- {command: incr, key: a, by: many}",
    "an id twice": "- {command: get, key: a, id: x}\n- {command: get, key: b, id: x}",
    "no id": "- {command: get, key: a, id: 1}",
    "a key written twice": "- {command: incr, key: a}\n- {command: set, key: a, value: x}",
    "deep YAML": "- {command: mset, values: {a: " + "[" * 3000 + "]" * 3000 + "}}",
    "deep JSON": '[{"command": "mset", "values": {"a": ' + "[" * 700 + "]" * 700 + "}}]",
    "deeper JSON": "[" * 100_000 + "]" * 100_000,
    "half a character": '[{"command": "set", "key": "\\ud800", "value": "x"}]',
    "half a character as a command": '[{"command": "\\ud800"}]',
    "half a character as an input": '[{"command": "get", "\\ud800": "x"}]',
    "half a character as a field": '[{"command": "hset", "key": "m", "field": "\\udfff", "value": "x"}]',
    "half a character as values": '[{"command": "mset", "values": {"\\udfff": "x"}}]',
    "a file that cannot be named": '[{"command": "set", "key": "a", "value-file": "a\\u0000b"}]',
    "no number of JSON": '[{"command": "set", "key": "a", "value": NaN}]',
    "a number that is too large": '[{"command": "incr", "key": "a", "by": ' + "9" * 5000 + "}]",
    "many commands": "- {command: get, key: a}\n" * 1_000,
}


def test_nobody_writes_the_record_of_the_batch(workflow: Workflow, repository: Path) -> None:
    assert "op-id" in batch(workflow, {**SET, "key": "kv:op:7"}, op_id="7").error
    assert "op-id" in batch(workflow, INCR, {"command": "del", "keys": ["b", "kv:op:7"]}, op_id="7").error
    assert not refs(repository)
    assert batch(workflow, {**SET, "key": "kv:op:8"}).code == 0
    assert "no record of an operation" in batch(workflow, INCR, op_id="8").error


@pytest.mark.parametrize("name", WRONG)
def test_what_is_written_wrongly_is_an_error_before_anything_is_read(workflow: Workflow, repository: Path, name: str) -> None:
    ended = workflow.run_given("batch", {"commands": WRONG[name]})
    assert "commands" in ended.error
    assert "Internal" not in ended.error
    assert (ended.outputs, refs(repository)) == ({}, {})


# --- what is answered -------------------------------------------------------------------------------------------------


def test_a_counter_of_many_digits_is_answered(workflow: Workflow) -> None:
    told = results(batch(workflow, {**INCR, "by": str(2**62)}, op_id="one"))
    assert told["1"]["value"] == str(2**62)
    assert results(batch(workflow, {**INCR, "by": str(2**62)}, op_id="one")) == told
    assert value_of(workflow, "n") == str(2**62)


def test_results_that_no_runner_takes_keep_everything_as_it_is(workflow: Workflow, repository: Path) -> None:
    assert batch(workflow, *LARGE).code == 0
    before = refs(repository)
    for command in ("getdel", "get"):
        ended = batch(workflow, INCR, *({"command": command, "key": large["key"]} for large in LARGE))
        assert "results" in ended.error
        assert refs(repository) == before


def test_results_each_for_itself_that_no_runner_takes(workflow: Workflow, repository: Path) -> None:
    """What was taken away is parked, and the error says where."""
    assert batch(workflow, *LARGE).code == 0
    ended = batch(workflow, *({"command": "getdel", "key": large["key"]} for large in LARGE), atomic="false")
    parked = [name for name in refs(repository) if "/gc/" in name]
    assert len(parked) == len(LARGE)
    for name in parked:
        assert name.removeprefix("refs/heads/") in ended.error


# --- each for itself --------------------------------------------------------------------------------------------------


def test_a_key_may_come_twice_if_each_is_for_itself(workflow: Workflow) -> None:
    commands = [INCR, SET, {**INCR, "by": "5"}, {**SET, "value": "y"}, {"command": "get", "key": "a"}]
    told = results(batch(workflow, *commands, atomic="false"))
    assert [told[place].get("value") for place in "135"] == ["1", "6", "y"]


def test_a_broken_record_harms_its_own_command_only(workflow: Workflow, repository: Path) -> None:
    workflow.run("set", key="broken", value="x")
    tree = run_git("mktree", directory=repository).stdout.decode().strip()
    commit = run_git("commit-tree", tree, "-m", "broken", directory=repository).stdout.decode().strip()
    run_git("update-ref", value_ref("broken"), commit, directory=repository)
    before = refs(repository)
    commands = [SET, {"command": "get", "key": "broken", "id": "bad"}, INCR]
    assert "bad" in batch(workflow, *commands).error
    assert refs(repository) == before
    ended = batch(workflow, *commands, atomic="false")
    assert (ended.code, ended.outputs["failed"], ended.outputs["applied"]) == (1, "bad", "false")
    told = json.loads(ended.outputs["results"])
    assert (told["1"]["applied"], told["3"]["value"]) == (True, "1")
    assert "error" in told["bad"]


def test_what_cannot_be_written_fails_alone(workflow: Workflow) -> None:
    batch(workflow, SET)
    commands = [{"command": "incr", "key": "a", "id": "one"}, INCR, {"command": "hget", "key": "a", "field": "f"}]
    ended = batch(workflow, *commands, atomic="false")
    assert (ended.code, ended.outputs["failed"]) == (1, "one, 3")
    assert value_of(workflow, "n") == "1"


# --- where keys live --------------------------------------------------------------------------------------------------


def on(org: Org, name: str) -> Workflow:  # noqa: F811
    return replace(org.workflow, repository=f"{org.root}/{name}.git")


def test_a_transaction_is_made_where_all_its_keys_were_moved(org: Org) -> None:  # noqa: F811
    for key in ("a", "n"):
        on(org, "org/old").run("redirect", key=key, redirect_to="org/new")
    told = batch(on(org, "org/old"), SET, INCR)
    assert "org/new" in told.error
    assert results(batch(on(org, "org/old"), SET, INCR, follow_writes="true"))["2"]["value"] == "1"
    assert (value_of(on(org, "org/new"), "a"), value_of(on(org, "org/new"), "n")) == ("x", "1")


def test_a_transaction_of_keys_that_live_apart_is_an_error_that_names_both(org: Org) -> None:  # noqa: F811
    on(org, "org/old").run("redirect", key="a", redirect_to="org/new")
    before = org.refs("org/old"), org.refs("org/new")
    error = batch(on(org, "org/old"), SET, INCR, follow_writes="true").error
    assert "org/old" in error
    assert "org/new" in error
    assert (org.refs("org/old"), org.refs("org/new")) == before
    told = results(batch(on(org, "org/old"), SET, INCR, {**INCR, "by": "2"}, follow_writes="true", atomic="false"))
    assert told["3"]["value"] == "3"
    assert (value_of(on(org, "org/new"), "a"), value_of(on(org, "org/old"), "n")) == ("x", "3")


def test_keys_that_were_moved_to_two_databases_in_one_repository_live_apart(org: Org) -> None:  # noqa: F811
    """Their refs have names of another form: a transaction that ran in both would be done twice."""
    for key, length in (("a", "1"), ("n", "3")):
        on(org, "org/old").run("redirect", key=key, redirect_to="org/new", redirect_shard_length=length)
    before = org.refs("org/new")
    assert "org/new" in batch(on(org, "org/old"), SET, INCR, follow_writes="true").error
    assert org.refs("org/new") == before


def test_a_transaction_over_shards_is_an_error(begun: Shards, tmp_path: Path) -> None:  # noqa: F811
    shards = begun.copied(tmp_path)
    commands = [{"command": "incr", "key": f"n{number}"} for number in range(6)]
    text = json.dumps([*commands, *commands])
    assert "kv-" in shards.run("batch", commands=json.dumps(commands)).error
    assert shards.used() == []
    ended = shards.run("batch", commands=text, atomic="false")
    assert [told["value"] for told in json.loads(ended.outputs["results"]).values()] == ["1"] * 6 + ["2"] * 6
    assert results(shards.run("batch", commands=json.dumps([commands[0]])))["1"]["value"] == "3"


# --- encryption -------------------------------------------------------------------------------------------------------


def test_an_encrypted_transaction(workflow: Workflow, repository: Path) -> None:
    commands = [
        {**SET, "value": "marked9d3b"},
        {"command": "hset", "key": "m", "field": "f", "value": "marked9d3b"},
        {"command": "append", "key": "t", "value": "marked9d3b"},
        {"command": "apush", "key": "l", "value": "marked9d3b"},
    ]
    for _ in range(2):
        ended = batch(workflow, *commands, op_id="once", **GIVEN)
        assert ended.code == 0
    dump = run_git("cat-file", "--batch-all-objects", "--batch", directory=repository).stdout
    assert b"marked9d3b" not in dump
    same = {"command": "assert", "key": "t", "equals": "marked9d3b"}
    read = [{"command": "get", "key": "a"}, {"command": "hget", "key": "m", "field": "f"}, same]
    ended = batch(workflow, *read, **GIVEN)
    told = json.loads(ended.outputs["results"])
    assert (told["1"]["value"], told["2"]["value"], told["3"]["applied"]) == ("marked9d3b", "marked9d3b", True)
    assert batch(workflow, *read).code == 1


@pytest.mark.parametrize("atomic", ["true", "false"])
def test_where_encryption_is_required_nothing_goes_plain(workflow: Workflow, repository: Path, atomic: str) -> None:
    before = refs(repository)
    ended = batch(workflow, SET, INCR, encryption="required", atomic=atomic, **GIVEN)
    assert ended.code == 1
    assert "2" in ended.issued("error")[0]
    assert refs(repository) == before
    assert batch(workflow, SET, encryption="required", atomic=atomic, **GIVEN).code == 0


# --- size -------------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_map_of_many_fields_beside_values(workflow: Workflow) -> None:
    workflow.run("hset", key="m", values=json.dumps({f"field {number}": "x" for number in range(10_000)}))
    commands = [{"command": "hget", "key": "m", "field": "field 7"}, SET, {"command": "hlen", "key": "m"}, INCR]
    told = results(batch(workflow, *commands))
    assert (told["1"]["value"], told["3"]["count"], told["4"]["value"]) == ("x", 10_000, "1")
    written = {"command": "hset", "key": "m", "field": "field 7", "value": "y"}
    assert results(batch(workflow, written, {"command": "get", "key": "a"}))["2"]["value"] == "x"
