"""Pairs and lists as redis-cli takes them."""

import json

import pytest

from tests.cli.conftest import Command


def test_a_map_takes_pairs(keyval: Command) -> None:
    assert keyval("hset", "m", "a", "1", "b", "two words", "c", "").answers["count"] == "3"
    assert json.loads(keyval("hgetall", "m").answers["json"]) == {"a": "1", "b": "two words", "c": ""}
    assert keyval("hdel", "m", "a", "b").answers["count"] == "2"


def test_what_is_typed_is_read_as_what_the_map_holds(keyval: Command) -> None:
    """As a single value is: several are no other values."""
    keyval("hset", "m", "a", "1", "b", "2", "--type", "number")
    for pairs in (("a", "3"), ("a", "4", "c", "5")):
        assert keyval("hset", "m", *pairs).code == 0
    assert json.loads(keyval("hgetall", "m").answers["json"]) == {"a": 4, "b": 2, "c": 5}
    refused = keyval("hset", "m", "a", "6", "b", "marked")
    assert (refused.code, "as a number" in refused.stderr, "marked" in refused.stderr) == (2, True, False)
    assert keyval("hget", "m", "a").text == "4"


def test_keys_take_pairs(keyval: Command) -> None:
    assert keyval("mset", "a", "1", "b", "2").answers["count"] == "2"
    assert [keyval("type", key).answers["type"] for key in "ab"] == ["string", "string"]
    assert keyval("mset", "a", "1", "b", "2", "--type", "number").code == 0
    assert keyval("type", "a").answers["type"] == "number"
    assert json.loads(keyval("mget", "a", "b").answers["json"]) == {"a": 1, "b": 2}
    assert keyval("del", "a", "b").answers["count"] == "2"


def test_an_array_takes_a_list(keyval: Command) -> None:
    assert keyval("apush", "l", "x", "y").answers["count"] == "2"
    assert keyval("apush", "l", "z").answers["count"] == "3"
    assert json.loads(keyval("arange", "l").answers["json"]) == ["x", "y", "z"]
    keyval("apush", "numbers", "1", "2", "--type", "number")
    assert keyval("apush", "numbers", "3", "4").code == 0
    assert json.loads(keyval("arange", "numbers").answers["json"]) == [1, 2, 3, 4]


def test_json_is_taken_beside_words(keyval: Command) -> None:
    """JSON says itself what is a number."""
    text = '{"a": 1, "b": 2}'
    document = text.encode()
    for arguments in (
        ["mset", "-"],
        ["mset", "--values", "-"],
        ["mset", text],
        ["mset", "--values", text],
    ):
        assert keyval(*arguments, stdin=document).answers["count"] == "2"
        assert keyval("type", "a").answers["type"] == "number"
        keyval("del", "a", "b")
    for arguments in (["hset", "m", "-"], ["hset", "m", "--values", "-"], ["hset", "m", "--values", text]):
        assert keyval(*arguments, stdin=document).answers["count"] == "2"
        assert json.loads(keyval("hgetall", "m").answers["json"]) == {"a": 1, "b": 2}
        keyval("del", "m")
    assert keyval("apush", "l", "--values", "-", stdin=b"[1, 2]").answers["count"] == "2"
    assert json.loads(keyval("arange", "l").answers["json"]) == [1, 2]


def test_one_value_may_come_from_standard_input(keyval: Command) -> None:
    keyval("hset", "m", "f", "-", stdin=b"a\n")
    assert keyval("hget", "m", "f").stdout == b"a\n"
    keyval("apush", "l", "-", stdin=b"b\n")
    assert keyval("aget", "l", "0").stdout == b"b\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hset", "m", "a", "1", "b"], "VALUE is missing for the last of 3 words"),
        (["hset", "m", "a"], "VALUE is missing for the command 'hset'"),
        (["hset", "m"], "FIELD is missing"),
        (["hset", "m", "a", "1", "a", "2"], "FIELD is given twice"),
        (["hset", "m", "a", "1", "b", "-"], "VALUE can be - only where it is the only one"),
        (["hset", "m", "a", "1", "--values", "{}"], "--values does not go with the same in words"),
        (["hset", "m", "a", "1", "b", "2", "--value-file", "x"], "--values does not go with --value-file"),
        (["hset", "m", "a", "1", "--type", "counter"], "--type cannot be counter"),
        (["mset", "a", "1", "b"], "VALUE is missing for the last of 3 words"),
        (["mset", "a"], "VALUE is missing for the last of 1 words"),
        (["mset"], "KEY is missing"),
        (["mset", "a", "1", "a", "2"], "KEY is given twice"),
        (["apush", "l"], "VALUE is missing"),
        (["apush", "l", "a", "-"], "VALUE can be - only where it is the only one"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_words_that_are_no_pairs_are_refused(keyval: Command, arguments: list[str], message: str) -> None:
    said = keyval(*arguments, stdin=b"read")
    assert (said.code, said.stdout) == (2, b"")
    assert message in said.stderr
    assert keyval("ls").text == ""
