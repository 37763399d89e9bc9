"""What scripts rely on: standard input, exit codes, and where a token of the environment goes."""

import base64

import pytest

from git_keyval.cli.credentials import token_of
from tests.action.steps import version_of
from tests.cli.conftest import MARKED_TOKEN, Command
from tests.servers.listening import Listening

BINARY = bytes(range(256))
MEGABYTES = 25 * 1024 * 1024


def test_a_value_is_read_from_standard_input_as_it_is(program: Command, keyval: Command) -> None:
    for value in ("", "a", "a\n", "é\r\n\n", "x" * 200_000):
        assert program("set", "a", "-", stdin=value.encode()).code == 0
        assert keyval("get", "a").stdout == value.encode()
    for arguments in (["a", "-"], ["a", "--value-file", "-"]):
        assert keyval("set", *arguments, "--type", "bytes", stdin=BINARY).code == 0
        assert keyval("get", "a").stdout == BINARY
        keyval("del", "a")
    assert keyval("set", "n", "-", "--type", "counter", stdin=b"41").code == 0
    assert keyval("incr", "n").text == "42"


def test_values_of_mset_are_read_from_standard_input(keyval: Command) -> None:
    assert keyval("mset", "-", stdin='{"a": 1, "b": "é"}'.encode()).answers["count"] == "2"
    assert keyval("get", "b").text == "é"


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["set", "a", "-"], b"\xff", "not UTF-8"),
        (["set", "a", "-"], b"x" * (MEGABYTES + 1), "25 MB"),
        (["set", "a", "-", "--type", "counter"], b"42\n", "whole number"),
        (["set", "a", "-", "--value-file", "-"], b"x", "VALUE does not go with --value-file"),
        (["mset", "-"], b"\xff", "not UTF-8"),
        (["mset", "-"], b"[1]", "--values is a JSON list"),
    ],
    ids=["text", "size", "number", "twice", "values", "list"],
)
def test_standard_input_is_checked(keyval: Command, arguments: list[str], stdin: bytes, message: str) -> None:
    said = keyval(*arguments, stdin=stdin)
    assert (said.code, said.stdout) == (2, b"")
    assert message in said.stderr


def test_standard_input_is_left_alone_otherwise(program: Command) -> None:
    """A loop of ``while read`` shares it; and a key may be a hyphen."""
    assert program("set", "-", "1", stdin=b"left").code == 0
    assert program("get", "-").text == "1"
    assert program("del", "-").answers["count"] == "1"


def test_answered_questions_are_successes(keyval: Command) -> None:
    keyval("set", "a", "1")
    for arguments in (
        ["get", "none"],
        ["exists", "none"],
        ["del", "none"],
        ["getdel", "none"],
        ["set", "a", "2", "--if", "absent"],
        ["expire", "none", "--ttl", "1h"],
        ["keys"],
    ):
        assert keyval(*arguments).code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["get", "a"], 0),
        (["get", "none"], 3),
        (["get", "none", "--default", "x"], 3),
        (["exists", "a"], 0),
        (["exists", "a", "none"], 3),
        (["mget", "a", "none"], 3),
        (["keys"], 3),
        (["keys", "--with-types"], 3),
        (["type", "none"], 3),
        (["ttl", "none"], 3),
        (["getdel", "none"], 3),
        (["set", "b", "1"], 0),
        (["set", "b", "1", "--if", "absent"], 0),
        (["set", "a", "2", "--if", "absent"], 4),
        (["set", "none", "2", "--if", "present"], 3),
        (["set", "a", "2", "--if-version", version_of("2")], 4),
        (["set", "a", "2", "--if-version", version_of("1")], 0),
        (["getdel", "a", "--if-version", version_of("2")], 4),
        (["getdel", "a"], 0),
        (["expire", "a", "--ttl", "1h"], 0),
        (["expire", "none", "--ttl", "1h"], 3),
        (["del", "none"], 4),
        (["del", "a", "none"], 0),
        (["incr", "n"], 0),
    ],
)
def test_the_exit_code_answers_if_asked(keyval: Command, arguments: list[str], code: int) -> None:
    keyval("set", "a", "1")
    for options in ([], ["--json"]):
        if options:
            keyval("del", "a", "b")
            keyval("set", "a", "1")
        said = keyval(*arguments, "--exit-code", *options)
        assert said.code == code
        assert not said.stderr.startswith('{"error"')


def test_standard_output_is_for_values(keyval: Command) -> None:
    """Whoever writes it to a file gets the value or nothing."""
    keyval("set", "a", "1")
    said = keyval("getdel", "a", "--if-version", version_of("2"))
    assert (said.stdout, said.stderr) == (b"", "The condition is not met; nothing was changed.\n")
    assert keyval("get", "none").stdout == b""


def test_a_token_that_was_not_set_for_this_goes_to_the_github_server_only(keyval: Command, listening: Listening) -> None:
    sent = f"Basic {base64.b64encode(f'x-access-token:{MARKED_TOKEN}'.encode()).decode()}"
    tokens = dict.fromkeys(("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"), MARKED_TOKEN)
    assert keyval("-r", f"{listening.url}/owner/name.git", "incr", "n", environ=tokens).code == 0
    assert set(listening.credentials) == {""}
    ours = {"GITHUB_SERVER_URL": listening.url}
    github = ["-r", "owner/name", "--transport", "git", "incr", "n"]
    listening.credentials.clear()
    assert keyval(*github, environ={**ours, "GH_TOKEN": MARKED_TOKEN, "GITHUB_TOKEN": MARKED_TOKEN}).code == 0
    assert set(listening.credentials) == {""}
    listening.credentials.clear()
    assert keyval(*github, "--token", "", environ={**ours, **tokens}).code == 0
    assert set(listening.credentials) == {""}
    for given in ({"GH_ENTERPRISE_TOKEN": MARKED_TOKEN}, {"GIT_KEYVAL_TOKEN": MARKED_TOKEN, "GH_ENTERPRISE_TOKEN": "another"}):
        listening.credentials.clear()
        assert keyval(*github, environ={**ours, **given}).code == 0
        assert set(listening.credentials) == {sent}


@pytest.mark.parametrize(
    ("repository", "server", "token"),
    [
        ("owner/name", "", "gh"),
        ("https://github.com/owner/name.git", "", "gh"),
        ("owner/name", "https://github.com", "gh"),
        ("owner/name", "https://company.ghe.com", "gh"),
        ("owner/name", "https://github.company.com", "enterprise"),
        ("owner/name", "https://notgithub.com", "enterprise"),
        ("owner/name", "https://notghe.com", "enterprise"),
        ("https://github.com/owner/name", "https://github.company.com", ""),
        ("https://github.com.evil.com/owner/name", "", ""),
        ("https://github.com@evil.com/owner/name", "", ""),
        ("http://github.com/owner/name", "", ""),
        ("git@github.com:owner/name", "", ""),
        ("./owner/name", "", ""),
        ("", "", ""),
    ],
)
def test_the_tokens_of_githubs_own_command_mean_what_they_mean_there(repository: str, server: str, token: str) -> None:
    """https://cli.github.com/manual/gh_help_environment"""
    environ = {"GITHUB_SERVER_URL": server, "GH_TOKEN": "gh", "GH_ENTERPRISE_TOKEN": "enterprise"}
    others = {"GITHUB_TOKEN": "other", "GITHUB_ENTERPRISE_TOKEN": "other"}
    assert token_of(repository, environ) == token_of(repository, {**environ, **others}) == token
    assert token_of(repository, {"GITHUB_SERVER_URL": server, **others}) == ("other" if token else "")
    assert token_of(repository, {"GITHUB_SERVER_URL": server}) == ""
