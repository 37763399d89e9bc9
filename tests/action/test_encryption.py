"""Encryption as steps of a workflow: what they answer, what they refuse, and that the key is nowhere to be seen."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.action.variables import read_inputs
from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.opening import cipher_of
from git_keyval.interface.commands import COMMANDS
from git_keyval.interface.inputs import Inputs
from git_keyval.interface.parsing import find_command, parse_inputs
from git_keyval.process import surroundings
from tests.action.refusals import KEY, VALUE
from tests.action.steps import ROOT, Ended, Workflow, refs
from tests.action.test_every_command import SCENES, Scene, emulator, given_to  # noqa: F401  # a fixture
from tests.action.test_redirects import Org, org  # noqa: F401  # a fixture
from tests.emulator import GitHubEmulator
from tests.encrypting import secret
from tests.exhaustive import in_turn
from tests.replacing import replace
from tests.servers.binary import isolated_environ, run_git

FAILING = ["a path that is no repository", "nobody there", "forbidden", "forbidden to git", "an error of GraphQL", "half an answer"]
ENCRYPTING = [name for name, command in COMMANDS.items() if "encryption-key" in command.inputs]


def encoded(name: str) -> str:
    return base64.b64encode(secret(name)).decode()


def listed(*names: str) -> str:
    """Return the input ``encryption-key`` for several keys."""
    return "".join(f"{name}: {encoded(name)}\n" for name in names)


GIVEN = {"encryption-key": listed("2026", "2027"), "encryption-kid": "2026"}


def without_masks(ended: Ended, *names: str) -> Ended:
    """Expect that the runner was told first to hide the keys, each as it was given, and give the rest."""
    masks = "".join(f"::add-mask::{encoded(name)}\n" for name in names)
    assert ended.log.startswith(masks)
    return replace(ended, log=ended.log.removeprefix(masks))


def silent(ended: Ended) -> None:
    """Expect no part of a key, in no notation, nor a key or a value of the database."""
    for name in ("2026", "2027", "wrong"):
        for shown in (encoded(name), encoded(name)[:20], secret(name).hex(), repr(secret(name))[2:-1], str(list(secret(name)))):
            assert shown not in ended.shown
            assert shown not in repr(ended.outputs)
    assert KEY not in ended.shown
    assert VALUE not in ended.shown


def test_commands_that_work_on_keys_take_an_encryption_key() -> None:
    taking = {name for name, command in COMMANDS.items() if {"key", "keys", "values", "field"} & set(command.inputs)}
    assert taking - {"publish-expiries", "redirect"} <= set(ENCRYPTING)
    assert [name for name in ENCRYPTING if COMMANDS[name].maintains] == ["init", "page"]


def test_a_value_is_read_with_the_key_and_refused_without(workflow: Workflow, repository: Path) -> None:
    written = workflow.run("set", key=KEY, value=VALUE, ttl="1h", store_key="true", **_inputs(GIVEN))
    assert (written.code, written.outputs["applied"]) == (0, "true")
    silent(without_masks(written, "2026", "2027"))
    read = workflow.run("get", key=KEY, **_inputs(GIVEN))
    assert (read.outputs["value"], read.outputs["version"]) == (VALUE, written.outputs["version"])
    assert "'2026'" in workflow.run("get", key=KEY).error
    assert "'2026'" in workflow.run("set", key=KEY, value="in the clear").error
    assert json.loads(workflow.run("keys", **_inputs(GIVEN)).outputs["json"]) == [KEY]
    assert "'2026'" in workflow.run("keys").error
    dump = run_git("cat-file", "--batch-all-objects", "--batch", directory=repository).stdout
    assert len(dump) > 1_000
    assert KEY.encode() not in dump
    assert VALUE.encode() not in dump
    assert all(KEY not in name for name in refs(repository))
    assert workflow.run("check").code == 0
    assert workflow.run("maintain").code == 0


def _inputs(given: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): text for name, text in given.items()}


@pytest.mark.parametrize("keys", [{}, {"encryption_key": ""}])
@pytest.mark.parametrize("command", ["get", "set", "mset", "hset", "lock"])
def test_where_encryption_is_required_a_missing_secret_fails_the_step(
    workflow: Workflow, repository: Path, command: str, keys: dict[str, str]
) -> None:
    """Also where nobody has marked the database yet, or somebody has taken the mark away."""
    given: dict[str, dict[str, str]] = {
        "set": {"key": KEY, "value": VALUE},
        "mset": {"values": json.dumps({KEY: VALUE})},
        "hset": {"key": KEY, "field": "a", "value": VALUE},
        "lock": {"key": KEY, "ttl": "1m"},
    }
    before = refs(repository)
    ended = workflow.run(command, **given.get(command, {"key": KEY}), encryption="required", **keys)
    assert (ended.code, refs(repository)) == (1, before)
    assert "Input 'encryption-key' is missing" in ended.error


def test_where_encryption_is_required_nothing_is_in_the_clear(workflow: Workflow) -> None:
    workflow.settings = GIVEN
    required = {"encryption": "required"}
    assert workflow.run("set", key=KEY, value=VALUE, **required).code == 0
    assert workflow.run("get", key=KEY, **required).outputs["value"] == VALUE
    assert "cannot be required of a counter" in workflow.run("incr", key="n", **required).error
    assert "cannot be required of a counter" in workflow.run("set", key="n", value="1", type="counter", **required).error
    assert workflow.run("incr", key="n").code == 0
    ended = without_masks(workflow.run("get", key="n", **required), "2026", "2027")
    assert "not encrypted, although encryption is required" in ended.error


def test_one_key_alone_is_named_by_encryption_kid(workflow: Workflow) -> None:
    workflow.settings = {"encryption-key": encoded("2026"), "encryption-kid": "2026"}
    workflow.run("set", key=KEY, value=VALUE)
    named = workflow.run("get", key=KEY, encryption_key=listed("2026"), encryption_kid="")
    assert named.outputs["value"] == VALUE


def test_the_last_key_encrypts_unless_another_is_named(workflow: Workflow) -> None:
    workflow.settings = {"encryption-key": listed("2026", "2027")}
    workflow.run("set", key=KEY, value=VALUE)
    only_first = workflow.run("get", key=KEY, encryption_key=listed("2026"))
    assert "'2027'" in without_masks(only_first, "2026").error
    workflow.run("set", key=KEY, value=VALUE, encryption_kid="2026")
    assert workflow.run("get", key=KEY, encryption_key=listed("2026")).outputs["value"] == VALUE


def test_a_wrong_key_is_one_error_that_names_it(workflow: Workflow) -> None:
    workflow.run("set", key=KEY, value=VALUE, encryption_key=listed("2026", "2027"))
    ended = workflow.run("get", key=KEY, encryption_key=f"{listed('2026')}2027: {encoded('wrong')}")
    silent(without_masks(ended, "2026", "wrong"))
    assert "'2027'" in without_masks(ended, "2026", "wrong").error


def test_nothing_is_masked_where_the_inputs_are_wrong(workflow: Workflow) -> None:
    """A line of a malformed input may be a word that the whole log is full of."""
    ended = workflow.run("get", key=KEY, encryption_key="{\n}\n")
    assert "encryption-key" in ended.error


def test_an_old_value_a_counter_and_a_taken_value_are_as_ever(workflow: Workflow) -> None:
    workflow.settings = GIVEN
    workflow.run("set", key=KEY, value=VALUE)
    assert workflow.run("set", key=KEY, value="2", if_="absent").outputs["old-value"] == VALUE
    assert workflow.run("getdel", key=KEY).outputs["value"] == VALUE
    assert workflow.run("incr", key="n", by="5").outputs["value"] == "5"
    assert workflow.run("mset", values='{"a": 1, "b": [true]}').outputs["applied"] == "true"
    assert workflow.run("mget", keys='["a", "b", "n"]').outputs["json"] == '{"a":1,"b":[true],"n":5}'


@pytest.mark.parametrize(("command", "scene"), in_turn(ENCRYPTING, FAILING, each=2))
def test_a_command_that_fails_shows_no_encryption_key(
    tmp_path: Path,
    emulator: GitHubEmulator,  # noqa: F811  # the fixture
    capfd: pytest.CaptureFixture[str],
    command: str,
    scene: str,
) -> None:
    setting: Scene = SCENES[scene]
    emulator.limits.forget()
    emulator.on_request = lambda _: setting.answer
    environ = {
        "GITHUB_SERVER_URL": emulator.url,
        "GITHUB_API_URL": emulator.api_url,
        "GITHUB_GRAPHQL_URL": emulator.graphql_url,
        "GIT_TRACE": "1",
    }
    settings = {"token": "ghp_markedtoken5e1b", "transport": setting.transport, **GIVEN}
    workflow = Workflow(tmp_path / "steps", setting.repository.format(tmp=tmp_path), settings, environ)
    ended = workflow.run_given(
        command, given_to(command, workflow.directory), lambda outside: replace(outside, sleep=lambda _: None)
    )
    silent(without_masks(ended, "2026", "2027"))
    assert "Internal" not in without_masks(ended, "2026", "2027").error
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize(("command", "part"), in_turn(ENCRYPTING, ["clock", "new_op", "new_nonce"]))
def test_a_defect_shows_no_encryption_key(
    workflow: Workflow, capfd: pytest.CaptureFixture[str], command: str, part: str, kind: type[BaseException]
) -> None:
    def fail(*_: object) -> None:
        raise kind(f"{listed('2026')} {secret('2026')!r} {KEY} {VALUE}")

    workflow.settings = GIVEN
    ended = workflow.run_given(command, given_to(command, workflow.directory), lambda outside: replace(outside, **{part: fail}))  # type: ignore[arg-type]
    silent(without_masks(ended, "2026", "2027"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("show", [repr, str, "{}".format])
@pytest.mark.parametrize("command", ENCRYPTING)
def test_nothing_shows_an_encryption_key_when_it_is_printed(tmp_path: Path, command: str, show: Callable[[object], str]) -> None:
    workflow = Workflow(tmp_path, "/a/path", GIVEN)
    given = {name: text for name, text in given_to(command, tmp_path).items() if name not in {"default", "op-id"}}
    environ = workflow.environ_of(command, tmp_path, given)
    inputs = Inputs(parse_inputs(find_command(command), read_inputs(environ).inputs, {}))
    outside = surroundings(environ, lambda *_: None)
    cipher = cipher_of(inputs, outside)
    bound = bind(find_command(command).kind, inputs, outside, cipher)
    for made in (inputs, inputs.encryption_key, outside, cipher, *getattr(cipher, "keys", ()), bound, *vars(bound).values()):
        for name in ("2026", "2027"):
            assert encoded(name) not in show(made)
            assert repr(secret(name))[2:-1] not in show(made)


def test_git_is_not_told_the_encryption_key(workflow: Workflow, repository: Path, tmp_path: Path) -> None:
    """Neither in its environment nor in its arguments."""
    seen = tmp_path / "seen"
    hook = repository / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nenv > '{seen}'\ntr '\\0' '\\n' < /proc/$PPID/cmdline >> '{seen}'\n")
    hook.chmod(0o755)
    workflow.environ = {"GIT_KEYVAL_ENCRYPTION_KEY": listed("2026")}
    assert workflow.run("set", key=KEY, value=VALUE, **_inputs(GIVEN)).code == 0
    assert "receive-pack" in seen.read_text()
    assert encoded("2026") not in seen.read_text()


@pytest.mark.parametrize(("given", "imported"), [({}, False), (GIVEN, True)])
def test_cryptography_is_imported_only_for_an_encryption_key(
    repository: Path,
    given: dict[str, str],
    imported: bool,  # noqa: FBT001  # a column
) -> None:
    """Every step is a process."""
    code = "import sys; from git_keyval.action import main; code = main(); print('cryptography' in sys.modules, code)"
    environ = {"command": "get", "key": KEY, "repository": str(repository), **given}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=isolated_environ({f"INPUT_{name.upper()}": text for name, text in environ.items()} | {"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.decode().splitlines()[-1] == f"{imported} 0"


def test_redirects_and_shards_lead_to_what_is_encrypted_with_the_same_key(org: Org) -> None:  # noqa: F811  # the fixture
    """A key has the same id in every repository, and a value is bound to that."""
    org.workflow.settings = GIVEN
    org.run("org/new", "set", value=VALUE)
    assert org.run("org/old", "redirect", redirect_to="org/new").outputs["applied"] == "true"
    assert org.run("org/old", "get").outputs["value"] == VALUE
    assert org.run("org/old", "set", value="another", follow_writes="true").outputs["applied"] == "true"
    assert org.run("org/new", "get").outputs["value"] == "another"
    assert "encrypted" in "".join(run_git("log", "--all", directory=org.root / "org/new.git").stdout.decode())
    assert "'2026'" in org.run("org/old", "get", encryption_key="", encryption_kid="").error
    for digit in "0123456789abcdef":
        org.make(f"org/kv-{digit}")
    sharded = {"repository_shard_length": "1", "key": ""}
    values = json.dumps({f"{KEY}{number}": VALUE for number in range(9)})
    assert org.run("org/kv-{shard}", "mset", values=values, store_key="true", **sharded).outputs["count"] == "9"
    listed = json.dumps([f"{KEY}{number}" for number in range(9)])
    assert org.run("org/kv-{shard}", "mget", keys=listed, **sharded).outputs["json"].count(VALUE) == 9
    assert json.loads(org.run("org/kv-{shard}", "keys", **sharded).outputs["json"]) == json.loads(listed)
    assert org.run("org/kv-{shard}", "keys", **sharded, encryption_key="", encryption_kid="").code == 1
