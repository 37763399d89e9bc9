"""``--json``: one object for each answer and each failure, as docs/terminal.schema.json has them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from click import UsageError
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from git_keyval import errors
from git_keyval.cli import failures
from git_keyval.cli.failures import ExitCode, code_of, kind_of
from git_keyval.database.keys import MovedError
from git_keyval.errors import (
    GitKeyvalError,
    InputError,
    OutcomeUnknownError,
    PartlyDeletedError,
    PartlyWrittenError,
    UnavailableError,
)
from git_keyval.format.names import MAIN_BRANCH
from git_keyval.interface.outputs import OUTPUTS
from git_keyval.maintenance.init import NameTakenError
from tests.action.steps import ROOT, value_ref, version_of
from tests.cli.conftest import Command, Said
from tests.servers.binary import git_output, init_bare

SCHEMAS: dict[str, dict[str, Any]] = {
    name: json.loads((ROOT / "docs" / name).read_text(encoding="utf-8")) for name in ("terminal.schema.json", "report.schema.json")
}
OURS = {
    found
    for module in (errors, failures)
    for found in vars(module).values()
    if isinstance(found, type) and issubclass(found, GitKeyvalError)
}
HOSTILE = "\x1b[31m\x9b1m\u202e\n applied: true\nönly\u2028"


def conforms(document: object) -> None:
    registry: Registry[Any] = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items())
    Draft202012Validator(SCHEMAS["terminal.schema.json"], registry=registry, format_checker=FormatChecker()).validate(document)


def answer(said: Said) -> dict[str, Any]:
    """Return what was answered, without the count of requests."""
    assert said.stderr == ""
    document = said.json
    conforms(document)
    assert document.pop("requests-used") >= 0
    return document


def failure(said: Said) -> tuple[int, str]:
    conforms({"error": said.error})
    return said.code, said.error["kind"]


def test_outputs_have_the_types_of_json(keyval: Command) -> None:
    assert answer(keyval("set", "a", "1", "--json")) == {"command": "set", "applied": True, "version": version_of("1"), "ttl": -1}
    assert answer(keyval("get", "a", "--json")) == {
        "command": "get",
        "found": True,
        "value": "1",
        "encoding": "utf-8",
        "json": "1",
        "type": "string",
        "version": version_of("1"),
        "ttl": -1,
    }
    assert answer(keyval("get", "b", "--json")) == {"command": "get", "found": False, "ttl": -2}
    lived = answer(keyval("expire", "a", "--expires-at", "2099-01-31T12:00:00Z", "--json"))
    assert (lived["applied"], lived["expires-at"]) == (True, "2099-01-31T12:00:00Z")
    assert lived["ttl"] > 0


@pytest.mark.parametrize(
    ("kind", "text", "value", "document"),
    [
        ("string", HOSTILE, HOSTILE, HOSTILE),
        ("string", "", "", ""),
        ("number", "1e21", "1e+21", 1e21),
        ("boolean", "false", "false", False),
        ("json", '{"b": [1.5, null], "a": "é"}', '{"a":"é","b":[1.5,null]}', {"a": "é", "b": [1.5, None]}),
        ("counter", "9007199254740993", "9007199254740993", 9007199254740993),
    ],
)
def test_a_value_comes_as_text_and_as_json(keyval: Command, kind: str, text: str, value: str, document: object) -> None:
    keyval("set", "a", "--type", kind, "--", text)
    for command in ("get", "getdel"):
        printed = answer(keyval(command, "a", "--json"))
        assert (printed["type"], printed["value"], printed["encoding"], printed["json"]) == (kind, value, "utf-8", document)


@pytest.mark.parametrize("kind", ["bytes", "file"])
@pytest.mark.parametrize("value", [bytes(range(256)), b"text", b""], ids=["binary", "text", "empty"])
def test_bytes_come_as_base64(keyval: Command, kind: str, value: bytes) -> None:
    keyval("set", "a", "-", "--type", kind, stdin=value)
    document = answer(keyval("get", "a", "--json"))
    assert (document["encoding"], base64.b64decode(document["value"])) == ("base64", value)
    unmet = answer(keyval("set", "a", "b", "--if", "absent", "--json"))
    assert (unmet["applied"], unmet["old-value-encoding"], base64.b64decode(unmet["old-value"])) == (False, "base64", value)


def test_a_default_is_the_value(keyval: Command, tmp_path: Path) -> None:
    document = answer(keyval("get", "a", "--default", "none", "--json"))
    assert (document["found"], document["value"], document["encoding"]) == (False, "none", "utf-8")
    assert "value" not in answer(keyval("get", "a", "--output-file", str(tmp_path / "none"), "--json"))


def test_a_value_in_a_file_is_not_in_the_answer(keyval: Command, tmp_path: Path) -> None:
    keyval("set", "a", "1")
    document = answer(keyval("getdel", "a", "--output-file", str(tmp_path / "taken"), "--json"))
    assert not document.keys() & {"value", "json", "encoding"}
    assert (document["applied"], (tmp_path / "taken").read_text()) == (True, "1")


def test_commands_on_many_keys_and_counters(keyval: Command) -> None:
    assert answer(keyval("mset", '{"a": 1, "b": "two"}', "--store-key", "--json")) == {
        "command": "mset",
        "applied": True,
        "count": 2,
    }
    assert answer(keyval("mget", "a", "b", "c", "--json")) == {
        "command": "mget",
        "found": False,
        "json": {"a": 1, "b": "two"},
        "count": 2,
    }
    assert answer(keyval("keys", "--json"))["json"] == ["a", "b"]
    counted = answer(keyval("incr", "n", "--json"))
    assert (counted["applied"], counted["value"], counted["json"], counted["pending"]) == (True, "1", 1, False)
    for command in ("exists", "type", "ttl", "persist", "del"):
        assert answer(keyval(command, "a", "--json"))["command"] == command


def test_maintenance_answers_with_its_report(keyval: Command, repository: Path) -> None:
    assert answer(keyval("init", "--json")) == {"command": "init", "applied": True, "count": 2}
    keyval("set", "a", "1")
    keyval("getdel", "a")
    for command in ("gather", "sweep", "purge", "maintain"):
        document = answer(keyval(command, "--json", "--dry-run"))
        assert (document["command"], document["report"]["command"], document["report"]["dryRun"]) == (command, command, True)
    assert answer(keyval("check", "--json"))["report"]["errors"] == 0
    tree = git_output("hash-object", "-t", "tree", "-w", "--stdin", directory=repository)
    odd = git_output("commit-tree", "-m", "not ours", tree, directory=repository)
    git_output("update-ref", value_ref("odd"), odd, directory=repository)
    broken = keyval("check", "--json")
    conforms(broken.json)
    assert [problem["ref"] for problem in broken.json["report"]["problems"]] == [value_ref("odd")]
    assert failure(broken) == (1, "rules-broken")


def test_failures_are_json_with_the_same_exit_code(keyval: Command, tmp_path: Path) -> None:
    keyval("set", "a", "text")
    for arguments, code, kind in (
        (["incr", "a"], 1, "wrong-type"),
        (["-r", str(tmp_path), "get", "a"], 1, "not-a-repository"),
        (["get"], 2, "usage"),
        (["gett", "a"], 2, "usage"),
        (["get", "a", "--defualt", "x"], 2, "usage"),
        (["set", "a", "b", "--ttl", "soon"], 2, "usage"),
        (["get", "b", "--on-missing", "fail"], 3, "key-missing"),
    ):
        for call in (["--json", *arguments], [*arguments, "--json"]):
            said = keyval(*call)
            assert failure(said) == (code, kind)
            assert said.error["message"]
            plain = keyval(*arguments)
            assert (plain.code, plain.stderr.startswith("{")) == (code, False)
    assert keyval("get", "b", "--on-missing", "fail", "--json").json["found"] is False


def test_a_value_that_reads_json_asks_for_nothing(keyval: Command) -> None:
    for arguments in (["set", "a", "--ttl", "soon", "--", "--json"], ["get", "a", "--", "--json"]):
        said = keyval(*arguments)
        assert said.code == 2
        assert not said.stderr.startswith("{")


def test_the_schema_names_every_output_and_every_kind_of_failure() -> None:
    defined = SCHEMAS["terminal.schema.json"]["$defs"]
    assert defined["answer"]["properties"].keys() == {"command", "time", "encoding", "old-value-encoding", *OUTPUTS}
    kinds = defined["failure"]["properties"]["error"]["properties"]["kind"]["enum"]
    assert sorted(kinds) == sorted(kind_of(error.__new__(error)) for error in OURS)


def test_every_error_has_a_kind_of_its_own() -> None:
    """So what a program matches does not become something more general by chance."""
    kinds = [kind_of(error.__new__(error)) for error in OURS]
    assert len(set(kinds)) == len(kinds)


def test_an_error_that_is_known_inside_only_is_told_as_what_it_is_derived_from() -> None:
    found = [MovedError({}), NameTakenError(MAIN_BRANCH), UsageError("")]
    assert [kind_of(error) for error in found] == ["redirected", "failed", "usage"]
    assert [code_of(error) for error in found] == [ExitCode.FAILED, ExitCode.FAILED, ExitCode.MISUSED]


def test_an_unknown_outcome_has_a_code_of_its_own_also_among_several_keys() -> None:
    unknown, unavailable = OutcomeUnknownError("lost"), UnavailableError("gone")
    assert (kind_of(unknown), code_of(unknown)) == ("outcome-unknown", ExitCode.UNKNOWN)
    assert code_of(PartlyDeletedError(1, unknown)) is ExitCode.UNKNOWN
    assert code_of(PartlyDeletedError(1, unavailable)) is ExitCode.FAILED
    assert kind_of(PartlyDeletedError(1, unknown)) == "partly-deleted"
    assert code_of(PartlyWrittenError(["a"], "b", unknown)) is ExitCode.UNKNOWN
    assert code_of(PartlyWrittenError(["a"], "b", InputError("repository", "is missing"))) is ExitCode.FAILED
    assert kind_of(PartlyWrittenError(["a"], "b", unknown)) == "partly-written"


def test_what_redirects_refuse_has_kinds_of_its_own(keyval: Command, repository: Path) -> None:
    target = init_bare(repository.parent / "other.git")
    name = f"{repository.parent.name}/{target.stem}"
    keyval("set", "here", "value")
    assert failure(keyval("redirect", "here", "--redirect-to", name, "--json")) == (1, "redirect-refused")
    assert keyval("redirect", "a", "b", "--redirect-to", name, "--json").json["count"] == 2
    assert failure(keyval("set", "a", "1", "--json")) == (1, "redirected")
    assert failure(keyval("get", "a", "--redirect-allow", "someone/*", "--json")) == (1, "redirect-not-followed")
    assert keyval("set", "a", "1", "--follow-writes", "--json").json["applied"] is True
    assert keyval("get", "a").text == "1"
    assert keyval("--repository", str(target), "get", "a").text == "1"
