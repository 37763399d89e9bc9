"""Mistakes that newcomers make, and what they are told: mistakes.md is to be read as they would read it."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

from git_keyval.cli.application import application
from git_keyval.cli.misuse import _OPTIONS, _REDIS_WORDS, INSTEAD
from git_keyval.interface.commands import COMMANDS
from tests.cli.conftest import MARKED_TOKEN, Command, Said
from tests.servers.raw import RawServer

GOLDEN = Path(__file__).with_name("mistakes.md")
HEAD = """# Mistakes at a terminal, and what the program says

What newcomers type who know another program, and what goes wrong elsewhere. The last line of each block is the exit code.
In the database are a text `a`, a map `m` of numbers and a counter `n`.

`pytest tests/cli/test_mistakes.py --write-golden` writes this file anew. Read it then as somebody would who has never seen
the program: does it say what is wrong, and does the next step work as printed?
"""


class Mistake(NamedTuple):
    """A line that somebody types, and what they think."""

    line: str
    thought: str
    environ: Mapping[str, str] = MappingProxyType({})


NO_DATABASE = {"GIT_KEYVAL_REPOSITORY": ""}
MISTAKES = {
    "Names of other programs": [
        Mistake("list", "What is there?"),
        Mistake("GET a", "Commands of Redis are written so."),
        Mistake("gett a", "A slip."),
        Mistake("delete a", "As in SQL."),
        Mistake("push queue x", "As with arrays of every language."),
        Mistake("lpush queue x", "As in Redis."),
        Mistake("hmset m a 1", "As in Redis."),
        Mistake("setex a 10 x", "As in Redis."),
        Mistake("expireat a 1800000000", "As in Redis."),
        Mistake("incrby n 5", "As in Redis."),
        Mistake("status", "As with git."),
        Mistake("frobnicate", "Something else."),
    ],
    "Words and options": [
        Mistake("set a", "The value is asked for, perhaps."),
        Mistake("hget m a b", "redis-cli has another command for several fields."),
        Mistake("set a hello world", "The quotes are forgotten."),
        Mistake("set a x EX 10 NX", "As in Redis."),
        Mistake("set a x --ex 10", "As a library of Redis says it."),
        Mistake("set a x --ttl 10", "Seconds, surely."),
        Mistake("set a x --ttl soon", "A guess."),
        Mistake("set a x --ttl 1h --expires-at 2099-01-01T00:00:00Z", "Both, to be sure."),
        Mistake("set a x --if missing", "A guess."),
        Mistake("expire a 10", "As in Redis."),
        Mistake("incr n 5", "By five."),
        Mistake("set n -5", "A negative number."),
        Mistake("decr n -5", "A negative number."),
        Mistake("hset m b -5", "A negative number."),
        Mistake("hset m b 1 c", "A value is forgotten."),
        Mistake("hset m b 1 b 2", "A field is named twice."),
        Mistake("mset b 1 c", "A value is forgotten."),
        Mistake("mset {b:1}", "JSON, nearly."),
        Mistake("get", "The key is forgotten."),
        Mistake("get a --ttl 1h", "An option of another command."),
        Mistake("get a --repo ./other.git", "A shorter name."),
        Mistake("wait a", "It says for what elsewhere."),
        Mistake("lock production", "Until it is released."),
        Mistake("batch commands.yml", "The file is elsewhere."),
        Mistake("completion", "It knows the shell."),
    ],
    "What the key holds": [
        Mistake("get nothing --on-missing fail", "It should be there."),
        Mistake("incr a", "A text is counted."),
        Mistake("get m", "A map is read as a text."),
        Mistake("hset m b text", "The map holds numbers."),
        Mistake("set n 5.5 --type counter", "A counter with a fraction."),
        Mistake("set j {x --type json", "JSON, nearly."),
    ],
    "Which database": [
        Mistake("get a", "It knows which.", NO_DATABASE),
        Mistake("-r ./nowhere.git get a", "The path has a slip."),
        Mistake("-r ext::sh get a", "git has such addresses."),
        Mistake("-r git://127.0.0.1/db.git get a", "git has such addresses."),
        Mistake("-r octocat/database --transport api get a", "Without a token.", NO_DATABASE),
        Mistake("-r http://127.0.0.1:401/db.git get a", "Without a token."),
        Mistake("-r http://127.0.0.1:401/db.git get a", "With a token that is over.", {"GIT_KEYVAL_TOKEN": MARKED_TOKEN}),
        Mistake("-r http://127.0.0.1:403/db.git set a x", "With a token that may read.", {"GIT_KEYVAL_TOKEN": MARKED_TOKEN}),
        Mistake("-r http://127.0.0.1:404/db.git get a", "The name has a slip, or it is private."),
        Mistake("-r http://127.0.0.1:200/db.git get a", "It is the address of a web page."),
    ],
}
"""In the addresses the port is the status with which a server answers; the test puts a real one there."""


@contextmanager
def served(line: str) -> Iterator[str]:
    """Put the port of a server, which answers with the status that stands for it, into a line."""
    status = re.search(r"127\.0\.0\.1:(\d{3})/", line)
    if status is None:
        yield line
        return
    answer = f"HTTP/1.1 {status[1]} Said\r\nContent-Type: text/html\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    with RawServer(answer.encode()) as server:
        yield line.replace(f"http://127.0.0.1:{status[1]}", server.url)


def told(keyval: Command, mistake: Mistake, home: Path) -> str:
    with served(mistake.line) as line:
        said: Said = keyval(*shlex.split(line), environ=dict(mistake.environ))
    assert said.stdout == b""
    text = re.sub(r"(127\.0\.0\.1):\d+", r"\1:PORT", said.stderr).replace(str(home), "…")
    assert MARKED_TOKEN not in text
    assert "Input" not in text
    assert "Traceback" not in text
    shown = re.sub(r"(127\.0\.0\.1):\d+", r"\1:PORT", mistake.line)
    given = "".join(f"{name}=… " if value else f"{name}= " for name, value in mistake.environ.items())
    return f"{mistake.thought}\n\n```console\n$ {given}git-keyval {shown}\n{text}{said.code}\n```\n"


@pytest.fixture
def filled(keyval: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    for line in ("set a text", "hset m x 1 --type number", "incr n"):
        assert keyval(*line.split()).code == 0
    return keyval


def test_what_newcomers_are_told(filled: Command, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    document = HEAD
    for title, mistakes in MISTAKES.items():
        document += "\n".join([f"\n## {title}\n", *(told(filled, mistake, tmp_path) for mistake in mistakes)])
    if request.config.getoption("--write-golden"):
        GOLDEN.write_text(document, encoding="utf-8")
    assert document == GOLDEN.read_text(encoding="utf-8")


WORDS = {
    "KEY": "key",
    "VALUE": "text",
    "FIELD": "f",
    "FIELDS": '["f"]',
    "TO": "other",
    "INDEX": "0",
    "START": "0",
    "STOP": "-1",
    "FILE": "batch.yml",
}


@pytest.mark.parametrize("name", INSTEAD)
def test_every_call_that_is_suggested_can_be_made(name: str, filled: Command) -> None:
    """But for what holds another type; whatever is there, it is no wrong call."""
    Path("batch.yml").write_text("[{command: get, key: a}]", encoding="utf-8")
    assert filled("export", "--output-file", "database.jsonl").code == 0
    known = [line for line in INSTEAD[name] if line.startswith("-") or line.split()[0] in {*COMMANDS, *application.commands}]
    assert name not in COMMANDS
    for line in known:
        words = [WORDS.get(word, word) for word in line.split()]
        if words[0] == "import":
            words[1:] = ["database.jsonl", "--if-exists", "skip"]
        if words[0] == "watch":
            words += ["--timeout", "0s"]
        said = filled(*words)
        assert said.code in {0, 1, 3, 4}, (line, said.stderr)
    said = filled(name, "x")
    assert said.code == 2
    assert all(f"git-keyval {line}" in said.stderr for line in known)


def test_every_option_that_is_suggested_exists() -> None:
    suggested = [*_REDIS_WORDS.values(), *(line for lines in _OPTIONS.values() for line in lines)]
    inputs = {f"--{name}" for command in COMMANDS.values() for name in (*command.inputs, "repository", "token")}
    assert {line.split()[0] for line in suggested} <= inputs


@pytest.mark.parametrize("line", ["list", "set a b c", "get", "get a --bogus", "set n -5"])
def test_a_program_is_told_the_same_in_json(filled: Command, line: str) -> None:
    said = filled("--json", *line.split())
    assert said.error["kind"] == "usage"
    assert filled(*line.split()).stderr.startswith(said.error["message"])


def test_help_is_what_explains(keyval: Command) -> None:
    assert keyval("help").text == keyval("--help").text
    assert keyval("help", "set").text == keyval("set", "--help").text
    assert keyval("help", "help").text == keyval("help", "--help").text
    said = keyval("help", "list")
    assert (said.code, said.stderr) == (2, keyval("list").stderr)


def test_what_follows_two_hyphens_is_a_value(filled: Callable[..., Said]) -> None:
    """As the error for a negative number says."""
    assert filled("set", "b", "--", "-5").code == 0
    assert filled("get", "b").text == "-5"
    assert filled("hset", "m", "--", "y", "-5").code == 0
    assert filled("hget", "m", "y").text == "-5"
    assert filled("mset", "--", "c", "-1", "d", "-2").code == 0
    assert filled("get", "d").text == "-2"
    assert filled("decr", "n", "--by", "-5").text == "6"
