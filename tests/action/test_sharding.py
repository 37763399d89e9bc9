"""One database over many repositories: by the first digits of the key id."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from git_keyval.format.names import KeyId
from git_keyval.format.records import encode_data
from git_keyval.format.times import Micros
from git_keyval.format.values import parse_value
from tests.action.steps import WORKFLOW_TOKEN, Ended, Workflow, refs, unhurried, value_ref
from tests.emulator import GitHubEmulator, Permission
from tests.servers.binary import init_bare

DIGITS = "0123456789abcdef"
KEYS = [f"key-{number}" for number in range(12)]
ONE = {"repository-shard-length": "1"}


def id_of(key: str) -> KeyId:
    return encode_data(parse_value("String", key)).key_id


def stores_of(keys: list[str]) -> list[str]:
    return sorted({f"kv-{id_of(key)[0]}" for key in keys})


class Shards:
    """Sixteen bare repositories, and a workflow on all of them."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "org"
        self.workflow = Workflow(directory / "steps", f"{self.root}/kv-{{shard}}.git", {})

    def copied(self, directory: Path) -> "Shards":
        """Return them anew in another directory. Git replaces files and never writes into them, so links are enough."""
        shutil.copytree(self.root, directory / "org", copy_function=os.link)
        return Shards(directory)

    def run(self, command: str, /, **inputs: str) -> Ended:
        return self.workflow.run_given(command, {**ONE, **{name.replace("_", "-"): text for name, text in inputs.items()}})

    def used(self) -> list[str]:
        """Return the repositories that hold a value."""
        return [path.stem for path in sorted(self.root.iterdir()) if any("/val-" in name for name in refs(path))]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    made = Shards(tmp_path_factory.mktemp("begun"))
    made.root.mkdir()
    for digit in DIGITS:
        init_bare(made.root / f"kv-{digit}.git")
    made.run("init")
    return made


@pytest.fixture(scope="module")
def begun_and_filled(begun: Shards, tmp_path_factory: pytest.TempPathFactory) -> Shards:
    made = begun.copied(tmp_path_factory.mktemp("filled"))
    answer = made.run("mset", values=json.dumps({key: number for number, key in enumerate(KEYS)}), store_key="true")
    assert answer.answers == {"applied": "true", "count": str(len(KEYS))}
    return made


@pytest.fixture
def shards(begun: Shards, tmp_path: Path) -> Shards:
    return begun.copied(tmp_path)


@pytest.fixture
def filled(begun_and_filled: Shards, tmp_path: Path) -> Shards:
    return begun_and_filled.copied(tmp_path)


def test_a_key_is_in_the_repository_of_its_first_digit(filled: Shards) -> None:
    assert filled.used() == stores_of(KEYS)
    for number, key in enumerate(KEYS):
        repository = filled.root / f"kv-{id_of(key)[0]}.git"
        assert value_ref(key) in refs(repository)
        assert filled.run("get", key=key).outputs["value"] == str(number)
        assert filled.workflow.run("get", key=key, repository=str(repository)).outputs["value"] == str(number)


@pytest.mark.parametrize("command", ["get", "ttl", "incr", "expire", "del"])
def test_one_key_costs_what_it_costs_in_one_repository(filled: Shards, command: str) -> None:
    key = KEYS[0]
    more = {"ttl": "1h"} if command == "expire" else {}
    used = filled.run(command, key=key, **more).outputs["requests-used"]
    other = init_bare(filled.root / "other.git")
    filled.workflow.run("init", repository=str(other))
    filled.workflow.run("set", key=key, value="0", type="number", store_key="true", repository=str(other))
    assert filled.workflow.run(command, key=key, repository=str(other), **more).outputs["requests-used"] == used


def test_several_keys_are_answered_as_one(filled: Shards) -> None:
    asked = [KEYS[5], "missing", KEYS[1], KEYS[9]]
    listed = json.dumps(asked)
    answer = filled.run("mget", keys=listed)
    assert list(json.loads(answer.outputs["json"]).items()) == [(KEYS[5], 5), (KEYS[1], 1), (KEYS[9], 9)]
    assert (answer.outputs["found"], answer.outputs["count"]) == ("false", "3")
    assert filled.run("exists", keys=listed).answers == {"found": "false", "count": "3"}
    assert filled.run("exists", keys=json.dumps(KEYS)).answers == {"found": "true", "count": str(len(KEYS))}
    assert filled.run("del", keys=listed).answers == {"applied": "true", "count": "3"}
    assert filled.run("del", keys=listed).answers == {"applied": "false", "count": "0"}
    assert filled.run("mget", keys=json.dumps(KEYS)).outputs["count"] == str(len(KEYS) - 3)


@pytest.mark.parametrize("command", ["copy", "rename"])
def test_what_is_copied_stays_in_its_repository(filled: Shards, command: str) -> None:
    """The error names both repositories, and nothing is written."""
    alike = next((one, other) for one in KEYS for other in map(str, range(99)) if id_of(one)[0] == id_of(other)[0])
    apart = next((one, other) for one in KEYS for other in KEYS if id_of(one)[0] != id_of(other)[0])
    before = [refs(path) for path in sorted(filled.root.iterdir())]
    error = filled.run(command, key=apart[0], to=apart[1]).error
    assert all(f"kv-{id_of(key)[0]}.git" in error for key in apart)
    assert [refs(path) for path in sorted(filled.root.iterdir())] == before
    assert filled.run(command, key=alike[0], to=alike[1]).outputs["applied"] == "true"
    assert filled.run("get", key=alike[1]).outputs["value"] == str(KEYS.index(alike[0]))


def test_keys_are_listed_over_all_repositories(filled: Shards) -> None:
    answer = filled.run("keys")
    assert json.loads(answer.outputs["json"]) == sorted(KEYS)
    assert (answer.outputs["found"], answer.outputs["count"]) == ("true", str(len(KEYS)))
    assert filled.run("keys", key="key-1*").outputs["json"] == '["key-1","key-10","key-11"]'


def test_everything_is_listed_over_all_repositories(filled: Shards) -> None:
    filled.run("set", key="unnamed", value="v")
    assert json.loads(filled.run("ls").outputs["json"]) == sorted([*KEYS, id_of("unnamed")])
    shown = json.loads(filled.run("ls", long="true").outputs["json"])
    assert [each["key"] for each in shown] == sorted([*KEYS, id_of("unnamed")])


def test_keys_are_listed_with_their_types_over_all_repositories(filled: Shards) -> None:
    """By name, whatever comes after it in JSON."""
    names = ["key-1", "key-1 ", "key-1!", 'key-1"', "key-10", "key-1\\"]
    filled.run("mset", values=json.dumps(dict.fromkeys(names[1:], "text")), store_key="true")
    answer = filled.run("keys", key="key-1*", with_types="true")
    listed = [(entry["key"], entry["type"]) for entry in json.loads(answer.outputs["json"])]
    assert listed == sorted([*((name, "string") for name in names[1:]), ("key-1", "number"), ("key-11", "number")])
    assert answer.outputs["count"] == "7"
    assert filled.run("keys", type="lock", with_types="true").answers == {"found": "false", "json": "[]", "count": "0"}
    assert filled.run("keys", key="no*").answers == {"found": "false", "count": "0", "json": "[]"}


def test_a_failure_half_way_says_which_repositories_are_written(filled: Shards) -> None:
    names = list(dict.fromkeys(f"kv-{id_of(key)[0]}" for key in KEYS))
    hook = filled.root / f"{names[2]}.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    error = filled.run("mset", values=json.dumps(dict.fromkeys(KEYS, "new"))).error
    first, second, third = (f"{filled.root}/{name}.git" for name in names[:3])
    assert f"What belongs to {first}, {second} was written; in {third}: The server refused the write" in error
    found = json.loads(filled.run("mget", keys=json.dumps(KEYS)).outputs["json"])
    assert {f"kv-{id_of(key)[0]}" for key, value in found.items() if value == "new"} == set(names[:2])
    hook.unlink()
    assert filled.run("mset", values=json.dumps(dict.fromkeys(KEYS, "new"))).outputs["count"] == str(len(KEYS))
    assert set(json.loads(filled.run("mget", keys=json.dumps(KEYS)).outputs["json"]).values()) == {"new"}


def test_a_failure_in_the_first_repository_is_told_as_it_is(filled: Shards) -> None:
    hook = filled.root / f"kv-{id_of(KEYS[0])[0]}.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    error = filled.run("mset", values=json.dumps({KEYS[0]: "new"})).error
    assert "What belongs" not in error
    assert "refused" in error


@pytest.mark.parametrize(
    ("given", "name", "accepted"),
    [
        ({"repository-shard-length": ""}, "repository-shard-length", "1, 2 or 3"),
        ({"repository-shard-length": "4"}, "repository-shard-length", "1 to 3"),
        ({"repository": "org/plain"}, "repository-shard-length", "org/kv-{shard}"),
        ({"repository-shard-length": "2"}, "shard-length", "3 or more"),
        ({"repository-shard-length": "3", "shard-length": "3"}, "shard-length", "4 or more"),
        ({"shard-length": "1"}, "shard-length", "2 or more"),
    ],
)
@pytest.mark.parametrize("command", ["get", "set"])
def test_lengths_that_contradict_are_refused(shards: Shards, command: str, given: dict[str, str], name: str, accepted: str) -> None:
    value = {"value": "v"} if command == "set" else {}
    error = shards.workflow.run_given(command, {"key": "k", **value, **ONE, **given}).error
    assert f"Input '{name}'" in error
    assert accepted in error
    assert shards.used() == []


@pytest.mark.parametrize("command", ["maintain", "check", "init"])
def test_maintenance_of_a_template_needs_its_length(shards: Shards, command: str) -> None:
    assert "'repository-shard-length'" in shards.workflow.run(command).error


def test_more_digits_are_more_repositories(tmp_path: Path) -> None:
    digits = id_of("k")[:2]
    (tmp_path / "org").mkdir()
    init_bare(tmp_path / "org" / f"{digits}.git")
    workflow = Workflow(tmp_path / "steps", f"{tmp_path}/org/{{shard}}.git", {"repository-shard-length": "2", "shard-length": "3"})
    assert workflow.run("set", key="k", value="v").code == 0
    assert workflow.run("get", key="k").outputs["value"] == "v"
    (name,) = (name for name in refs(tmp_path / "org" / f"{digits}.git") if "/val-" in name)
    assert name.startswith(f"refs/heads/kv-{id_of('k')[:3]}/")


def test_a_repository_that_is_missing_fails_its_own_keys_only(filled: Shards) -> None:
    shutil.rmtree(filled.root / f"kv-{id_of(KEYS[0])[0]}.git")
    assert f"kv-{id_of(KEYS[0])[0]}" in filled.run("get", key=KEYS[0]).error
    other = next(key for key in KEYS if id_of(key)[0] != id_of(KEYS[0])[0])
    assert filled.run("get", key=other).outputs["found"] == "true"
    ended = filled.run("maintain")
    assert ended.code == 1
    report = json.loads(ended.outputs["report"])
    assert [bool(each["error"]) for each in report["repositories"]].count(True) == 1


# --- maintenance ----------------------------------------------------------------------------------------------------


def test_maintenance_is_of_all_repositories_with_one_report(filled: Shards) -> None:
    filled.run("mset", values=json.dumps(dict.fromkeys(KEYS, 1)), ttl="1s", expiry_granularity="1s")
    filled.workflow.clock = lambda: Micros(time.time_ns() // 1000 + 10_000_000)
    ended = filled.run("sweep")
    assert ended.code == 0
    report = json.loads(ended.outputs["report"])
    assert [each["repository"] for each in report["repositories"]] == [f"{filled.root}/kv-{digit}.git" for digit in DIGITS]
    assert ended.outputs["count"] == str(len(KEYS))
    assert filled.used() == []
    assert ended.summary.count("\n| `") >= len(DIGITS)
    assert json.loads(filled.run("check").outputs["report"])["repositories"][15]["repository"].endswith("kv-f.git")


def test_a_config_file_may_list_a_database_that_is_spread_over_many(shards: Shards, tmp_path: Path) -> None:
    plain = init_bare(tmp_path / "plain.git")
    shards.workflow.environ |= {"GITHUB_WORKSPACE": str(tmp_path)}
    config = tmp_path / "config.yml"
    config.write_text(
        f"retention: 1d\nrepositories:\n  - {plain}\n"
        f"  - repository: {shards.root}/kv-{{shard}}.git\n    repository-shard-length: 1\n    dry-run: true\n"
    )
    ended = shards.workflow.run("maintain", repository="", config=str(config))
    report = json.loads(ended.outputs["report"])
    assert [Path(each["repository"]).stem for each in report["repositories"]] == ["plain", *(f"kv-{digit}" for digit in DIGITS)]
    assert [each["report"]["dryRun"] for each in report["repositories"]] == [False, *[True] * 16]
    # One of them alone, as in a job of a matrix, has the settings of the entry that stands for it; and so has the whole.
    alone = shards.workflow.run("maintain", repository=f"{shards.root}/kv-a.git", config=str(config))
    assert json.loads(alone.outputs["report"])["dryRun"] is True
    whole = shards.workflow.run("maintain", config=str(config))
    assert {each["report"]["dryRun"] for each in json.loads(whole.outputs["report"])["repositories"]} == {True}
    # A repository with an entry of its own is maintained once, and as that says.
    entry = f"  - repository: {shards.root}/kv-b.git\n    dry-run: false\n"
    text = config.read_text()
    for both in (text + entry, text.replace("repositories:\n", f"repositories:\n{entry}")):
        config.write_text(both)
        report = json.loads(shards.workflow.run("maintain", repository="", config=str(config)).outputs["report"])
        dry_runs = {Path(each["repository"]).stem: each["report"]["dryRun"] for each in report["repositories"]}
        assert len(report["repositories"]) == len(dry_runs) == 17
        assert [name for name, dry in dry_runs.items() if not dry] in (["plain", "kv-b"], ["kv-b", "plain"])
    config.write_text(f"repositories:\n  - {shards.root}/kv-{{shard}}.git\n")
    assert "'repository-shard-length'" in shards.workflow.run("maintain", repository="", config=str(config)).error
    assert shards.workflow.run("maintain", repository="", config=str(config), repository_shard_length="1").code == 0


def test_a_report_shows_no_password_of_an_address(shards: Shards) -> None:
    address = "https://user:markedpassword@127.0.0.1:9/kv-{shard}.git"
    ended = shards.workflow.run_given("maintain", {**ONE, "repository": address, "token": ""}, unhurried)
    assert ended.code == 1
    assert "markedpassword" not in ended.shown + repr(ended.outputs)
    assert "127.0.0.1:9/kv-0.git" in ended.outputs["report"]


# --- redirects into shards -------------------------------------------------------------------------------------------


def test_keys_are_redirected_to_the_repositories_of_their_digits(filled: Shards) -> None:
    old = init_bare(filled.root / "old.git")
    filled.workflow.run("init", repository=str(old))
    given = {"repository": str(old), "keys": json.dumps(KEYS)}
    assert filled.run("redirect", redirect_to="org/kv-{shard}", **given).outputs["count"] == str(len(KEYS))
    answer = filled.workflow.run("mget", **given)
    assert list(json.loads(answer.outputs["json"]).values()) == list(range(len(KEYS)))
    assert "org/kv-" in filled.workflow.run("mset", repository=str(old), values=json.dumps(dict.fromkeys(KEYS, 1))).error
    written = filled.workflow.run("mset", repository=str(old), values=json.dumps(dict.fromkeys(KEYS, 1)), follow_writes="true")
    assert written.outputs["count"] == str(len(KEYS))
    assert set(json.loads(filled.run("mget", keys=json.dumps(KEYS)).outputs["json"]).values()) == {1}
    error = filled.workflow.run("redirect", redirect_to="org/kv-{shard}", **given).error
    assert "'repository-shard-length'" in error
    error = filled.workflow.run_given("redirect", {**given, "redirect-to": "org/kv-{shard}", "repository-shard-length": "2"}).error
    assert "'redirect-shard-length'" in error


# --- on GitHub ------------------------------------------------------------------------------------------------------


def test_shards_and_redirects_on_github_take_the_token_to_github_only(tmp_path: Path) -> None:
    """Each repository costs what it costs alone; all are asked on the one server, under the names of the shards."""
    with GitHubEmulator(tmp_path / "github", tokens={WORKFLOW_TOKEN: Permission.WRITE}) as emulator:
        for digit in DIGITS:
            emulator.create("org", f"kv-{digit}")
        emulator.create("org", "old")
        workflow = Workflow(tmp_path / "steps", "org/kv-{shard}", dict(ONE), dict(emulator.environ))
        assert workflow.run("init").outputs["count"] == str(len(DIGITS))
        values = json.dumps(dict.fromkeys(KEYS[:3], "v"))
        assert workflow.run("mset", values=values).outputs["count"] == "3"
        emulator.reset_log()
        ended = workflow.run("mget", keys=json.dumps(KEYS[:3]))
        assert json.loads(ended.outputs["json"]) == dict.fromkeys(KEYS[:3], "v")
        assert int(ended.outputs["requests-used"]) == len(stores_of(KEYS[:3])) == len(emulator.requests)
        assert int(ended.outputs["rate-remaining"]) > 0
        workflow.run("init", repository="org/old", repository_shard_length="")
        for address in ("org/old", f"{emulator.url}/org/old.git", "Org/OLD"):
            workflow.run("redirect", repository=address, key=KEYS[0], redirect_to="none")
            moved = workflow.run("redirect", repository=address, key=KEYS[0], redirect_to="org/kv-{shard}")
            assert moved.outputs["applied"] == "true"
            old = {"repository": address, "repository_shard_length": "", "key": KEYS[0]}
            assert workflow.run("get", **old).outputs["value"] == "v"
            assert "org/kv-" in workflow.run("set", **old, value="w").error
            assert workflow.run("set", **old, value="v", follow_writes="true").code == 0
            assert "not followed" in workflow.run("get", **old, redirect_allow="other/*").error
            assert workflow.run("get", **old, redirect_allow="ORG/*").outputs["value"] == "v"
        assert emulator.unexpected == []


def test_a_database_over_many_repositories_has_one_page(filled: Shards) -> None:
    file = filled.workflow.directory / "page.html"
    ended = filled.run("page", output_file=str(file))
    assert ended.code == 0
    page = file.read_text(encoding="utf-8")
    assert page.count("<tr><td>key-") == len(KEYS)
    assert "16 repositories" in page


def test_keys_are_listed_over_any_number_of_repositories(tmp_path: Path) -> None:
    """Their refs say how long the shards are."""
    (tmp_path / "org").mkdir()
    for digits in (f"{number:02x}" for number in range(256)):
        (tmp_path / "org" / f"kv-{digits}.git").symlink_to(tmp_path / "org" / "one.git")
    init_bare(tmp_path / "org" / "one.git")
    workflow = Workflow(tmp_path / "steps", f"{tmp_path}/org/kv-{{shard}}.git", {})
    given = {"repository-shard-length": "2", "shard-length": "3"}
    workflow.run_given("set", {**given, "key": "a", "value": "1", "store-key": "true"})
    ended = workflow.run_given("keys", {"repository-shard-length": "2"})
    assert ended.code == 0
    assert set(json.loads(ended.outputs["json"])) == {"a"}
