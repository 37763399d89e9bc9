"""Encrypted databases at a terminal."""

import base64
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.encrypting import secret
from tests.servers.binary import run_git


def line(name: str, of: str = "") -> str:
    return f"{name}: {base64.b64encode(secret(of or name)).decode()}\n"


BOTH = {"GIT_KEYVAL_ENCRYPTION_KEY": line("2026") + line("2027")}


def test_the_variable_has_the_key(keyval: Command) -> None:
    assert keyval("set", "a", "hidden", environ=BOTH).code == 0
    assert keyval("get", "a", environ=BOTH).stdout == b"hidden"
    assert keyval("get", "a").stdout == b""
    assert keyval("get", "a", "--encryption-key", line("2026") + line("2027")).stdout == b"hidden"


def test_the_variables_have_a_key_and_its_name(keyval: Command) -> None:
    alone = base64.b64encode(secret("2026")).decode()
    environ = {"GIT_KEYVAL_ENCRYPTION_KEY": alone, "GIT_KEYVAL_ENCRYPTION_KID": "2026"}
    assert keyval("set", "a", "hidden", environ=environ).code == 0
    assert keyval("get", "a", environ={"GIT_KEYVAL_ENCRYPTION_KEY": line("2026")}).stdout == b"hidden"
    unnamed = keyval("get", "a", environ={"GIT_KEYVAL_ENCRYPTION_KEY": alone})
    assert (unnamed.code, alone in unnamed.stderr) == (2, False)
    assert "encryption-kid" in unnamed.stderr


def test_the_variable_does_not_disturb_what_needs_no_key(keyval: Command) -> None:
    keyval("set", "a", "hidden", "--store-key", environ=BOTH)
    for command in ("maintain", "check", "sweep"):
        assert keyval(command, environ=BOTH).code == 0


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (line("2026"), "encryption-key-missing"),
        (line("2026") + line("2027", of="another"), "encryption-key-wrong"),
        (line("2027") + line("2026"), "encryption-key-order"),
        ("", "encryption-key-missing"),
    ],
)
def test_errors_have_a_kind_and_name_the_key(keyval: Command, keys: str, kind: str) -> None:
    keyval("set", "a", "hidden", "--store-key", environ=BOTH)
    command = ["keys"] if "order" in kind or not keys else ["get", "a"]
    said = keyval(*command, "--json", environ={"GIT_KEYVAL_ENCRYPTION_KEY": keys})
    assert (said.code, said.error["kind"]) == (1, kind)
    assert "'2026'" in said.error["message"] or "'2027'" in said.error["message"]


def test_what_was_tampered_with_and_what_is_plain_have_kinds_of_their_own(keyval: Command, repository: Path) -> None:
    keyval("set", "c", "plain")
    (c,) = values(repository)
    keyval("set", "a", "hidden", environ=BOTH)
    (a,) = values(repository) - {c}
    keyval("set", "b", "hidden", environ=BOTH)
    (b,) = values(repository) - {a, c}
    for source, kind in ((b, "tampered"), (c, "not-encrypted")):
        run_git("update-ref", a, source, directory=repository)
        said = keyval("get", "a", "--json", environ=BOTH)
        assert (said.code, said.error["kind"]) == (1, kind)


def values(repository: Path) -> set[str]:
    listed = run_git("for-each-ref", "--format=%(refname)", "refs/heads/kv-*/val-*", directory=repository)
    return set(listed.stdout.decode().split())


def test_the_help_says_how_to_give_the_key_and_shows_none(keyval: Command) -> None:
    said = keyval("get", "--help", environ=BOTH)
    assert "GIT_KEYVAL_ENCRYPTION_KEY" in said.text
    assert line("2026").split()[1] not in said.text
    assert "GIT_KEYVAL_ENCRYPTION_KEY" in keyval("--help").text


def test_a_key_that_is_none_is_not_repeated(keyval: Command) -> None:
    said = keyval("get", "a", environ={"GIT_KEYVAL_ENCRYPTION_KEY": "hunter2"})
    assert said.code == 2
    assert "hunter2" not in said.stderr
