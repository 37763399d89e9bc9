"""``ref`` in place of ``key``: for people who see a ref, in a report or in a list of branches, and do not know the name."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.format.names import DEFAULT_NAMING, KeyId, Naming
from git_keyval.interface.commands import COMMANDS
from tests.action.refusals import KEY
from tests.action.steps import Ended, Workflow, breadcrumb_ref, refs, value_ref
from tests.action.test_encryption import GIVEN
from tests.action.test_every_command import filled, given_to, on_a_copy  # noqa: F401  # a fixture
from tests.action.test_redirects import Org, moved, org  # noqa: F401  # fixtures
from tests.action.test_sharding import Shards, begun, id_of  # noqa: F401  # a fixture
from tests.conftest import FakeClock
from tests.replacing import replace

BY_REF = [name for name, command in COMMANDS.items() if "ref" in command.inputs]
NAME = value_ref(KEY)
KEY_ID = KeyId(NAME.removeprefix("refs/heads/kv-").replace("/val-", ""))
OTHER_LENGTH = Naming(3).value(KEY_ID)
REFS = {
    "value": NAME,
    "expiry": DEFAULT_NAMING.expiry(KEY_ID),
    "name": DEFAULT_NAMING.key(KEY_ID),
    "a branch as GitHub lists it": NAME.removeprefix("refs/heads/"),
    "the key id": KEY_ID,
}


def by_ref(given: dict[str, str], ref: str) -> dict[str, str]:
    """Return the inputs with a ref in place of the key."""
    return {"ref": ref, **{name: text for name, text in given.items() if name not in {"key", "keys"}}}


def test_every_command_of_one_key_takes_a_ref() -> None:
    assert set(BY_REF) == {name for name, command in COMMANDS.items() if "key" in command.inputs} - {"keys", "ls"}


@pytest.mark.parametrize("command", BY_REF)
def test_a_command_does_the_same_by_ref(
    tmp_path: Path,
    clock: FakeClock,
    filled: Callable[[str], Path],  # noqa: F811  # the fixture
    command: str,
) -> None:
    """The same answer, and the same refs afterwards."""
    given = given_to(command)
    ends: list[tuple[Ended, dict[str, str]]] = []
    for where, inputs in (("by-key", given), ("by-ref", by_ref(given, NAME))):
        workflow = on_a_copy(tmp_path / where, filled, command)
        workflow.clock = clock
        ended = workflow.run_given(command, inputs, lambda outside: replace(outside, new_op=lambda: "a" * 20))
        ends.append((ended, refs(Path(workflow.repository))))
    (by_key, left), (ended, also_left) = ends
    assert (ended.code, ended.outputs, ended.log) == (by_key.code, by_key.outputs, by_key.log)
    assert ended.code == 0
    assert also_left == left


@pytest.mark.parametrize("ref", REFS.values(), ids=REFS.keys())
def test_any_ref_of_a_key_stands_for_it(workflow: Workflow, ref: str) -> None:
    workflow.run("set", key=KEY, value="x")
    assert workflow.run("get", ref=ref).outputs["value"] == "x"
    assert workflow.run("del", ref=ref).outputs["count"] == "1"
    assert workflow.run("exists", key=KEY).outputs["found"] == "false"


@pytest.mark.parametrize("command", BY_REF)
@pytest.mark.parametrize("beside", ["key", "key-env", "keys", "store-key"])
def test_a_ref_does_not_go_with_a_name(tmp_path: Path, command: str, beside: str) -> None:
    """Nothing is read: there is no such repository."""
    if beside not in COMMANDS[command].inputs:
        return
    workflow = Workflow(tmp_path, str(tmp_path / "missing"))
    texts = {"key": KEY, "key-env": "A_KEY", "keys": json.dumps([KEY]), "store-key": "true"}
    ended = workflow.run_given(command, {**by_ref(given_to(command), NAME), beside: texts[beside]}, env={"A_KEY": KEY})
    assert ended.error.startswith(f"Input 'ref' does not go with '{beside.removesuffix('-env')}'.")


def test_a_ref_of_another_shard_length_is_an_error_that_says_both_ways_on(workflow: Workflow, repository: Path) -> None:
    """It may be of a database with this shard length, or of a writer that had it by mistake."""
    workflow.run("set", key=KEY, value="two")
    workflow.run("set", key=KEY, value="three", shard_length="3")
    before = refs(repository)
    refused = workflow.run("del", ref=OTHER_LENGTH)
    assert refused.error == (
        "Input 'ref' has 3 digits after 'kv-', but 'shard-length' is 2. Accepted: 'shard-length: 3' for what this ref belongs to, "
        f"or {NAME} for the same key as this database stores it."
    )
    assert "has 2 digits after 'kv-', but 'shard-length' is 3" in workflow.run("get", ref=NAME, shard_length="3").error
    assert refs(repository) == before
    assert workflow.run("get", ref=OTHER_LENGTH, shard_length="3").outputs["value"] == "three"
    assert workflow.run("get", ref=KEY_ID, shard_length="3").outputs["value"] == "three"


def test_a_part_of_a_key_does_not_stand_for_the_key(workflow: Workflow, repository: Path) -> None:
    """Who sees a breadcrumb in a report, and deletes it, must not delete the counter."""
    workflow.run("incr", key=KEY)
    crumb = breadcrumb_ref(KEY, f"{'20260101T120000000000Z'}-{'a' * 20}")
    before = refs(repository)
    assert workflow.run("del", ref=crumb).error.startswith(
        f"Input 'ref' is not a branch of a key, but of something that belongs to the key with the id {KEY_ID}."
    )
    assert refs(repository) == before


def test_commands_of_a_batch_take_refs(workflow: Workflow) -> None:
    """Each with the shard length of the step."""
    workflow.settings = {"shard-length": "3"}
    workflow.run("set", key=KEY, value="x")
    commands = [{"command": "get", "ref": OTHER_LENGTH}, {"command": "incr", "key": "n"}, {"command": "exists", "ref": KEY_ID}]
    results = json.loads(workflow.run("batch", commands=json.dumps(commands)).outputs["results"])
    assert (results["1"]["value"], results["3"]["found"]) == ("x", True)
    refused = workflow.run("batch", commands=json.dumps([{"command": "get", "ref": NAME}])).error
    assert "'commands' has a mistake in the command '1': Input 'ref' has 2 digits after 'kv-', but 'shard-length' is 3" in refused
    forgotten = workflow.run("batch", commands=json.dumps([{"command": "lock", "key": KEY}])).error
    assert "Input 'ttl' is missing for the command 'lock'. Accepted: 'ttl' or 'expires-at'." in forgotten
    twice = workflow.run(
        "batch", commands=json.dumps([{"command": "del", "ref": KEY_ID}, {"command": "set", "key": KEY, "value": "y"}])
    )
    assert "writes a key twice" in twice.error


def test_an_operation_has_one_record_by_key_and_by_ref(workflow: Workflow) -> None:
    workflow.run("set", key=KEY, value="x")
    first = workflow.run("append", key=KEY, value="y", op_id="run")
    again = workflow.run("append", ref=NAME, value="y", op_id="run")
    assert (again.outputs["version"], again.outputs["count"]) == (first.outputs["version"], first.outputs["count"])
    assert workflow.run("get", ref=NAME).outputs["value"] == "xy"


def test_what_is_encrypted_is_read_and_written_by_ref(workflow: Workflow, repository: Path) -> None:
    """Values, and the names of fields, are encrypted for the key id, not for the name."""
    workflow.settings = GIVEN
    workflow.run("init")
    workflow.run("hset", key=KEY, field="colour", value="red")
    (name,) = [name for name in refs(repository) if "/val-" in name]
    assert name != NAME
    assert workflow.run("hset", ref=name, field="size", value="big").outputs["count"] == "1"
    assert workflow.run("hget", ref=name, field="colour").outputs["value"] == "red"
    assert json.loads(workflow.run("hgetall", key=KEY).outputs["json"]) == {"colour": "red", "size": "big"}
    workflow.settings = {}
    assert "is encrypted with the key '2026'" in workflow.run("hget", ref=name, field="colour").error


@pytest.mark.parametrize("policy", [{}, {"follow-writes": "true"}])
def test_redirects_are_followed_by_ref(moved: Org, policy: dict[str, str]) -> None:  # noqa: F811  # the fixture
    workflow = moved.workflow
    workflow.repository = f"{moved.root}/org/old.git"
    assert workflow.run("get", ref=NAME).outputs == workflow.run("get", key=KEY).outputs
    written = workflow.run_given("set", {"ref": NAME, "value": "new", **policy})
    assert (written.code == 0) == bool(policy)
    assert (workflow.run("get", key=KEY).outputs["value"] == "new") == bool(policy)


def test_a_key_is_redirected_by_ref(org: Org) -> None:  # noqa: F811  # the fixture
    org.run("org/new", "set", value="x")
    workflow = org.workflow
    workflow.repository = f"{org.root}/org/old.git"
    assert workflow.run("redirect", ref=NAME, redirect_to="org/new").outputs["applied"] == "true"
    assert workflow.run("get", key=KEY).outputs["value"] == "x"


def test_a_ref_tells_in_which_of_many_repositories_its_key_lives(tmp_path: Path, begun: Shards) -> None:  # noqa: F811  # the fixture
    shards = begun.copied(tmp_path)
    shards.run("set", key="a", value="x")
    name = DEFAULT_NAMING.value(id_of("a"))
    assert shards.run("get", ref=name).outputs["value"] == "x"
    assert shards.run("del", ref=name).outputs["count"] == "1"
    assert not shards.used()
