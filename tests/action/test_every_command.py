"""Every command on every way to fail: one error, and nothing secret in it. A new command is covered by itself.

What an error says depends on the place, and what has to stay out of it on the command: ``make test`` takes some of the pairs.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from git_keyval.action.variables import read_inputs
from git_keyval.database.answers import Answer
from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.opening import cipher_of, open_store
from git_keyval.format.values import parse_value
from git_keyval.interface.commands import COMMANDS
from git_keyval.interface.inputs import Inputs
from git_keyval.interface.parsing import find_command, parse_inputs
from git_keyval.process import surroundings
from tests.action.refusals import KEY, VALUE
from tests.action.steps import Ended, Workflow
from tests.emulator import Drop, Fault, GitHubEmulator, Malformed, Permission, PrimaryExhausted, SecondaryLimit, Status, Truncated
from tests.exhaustive import in_turn
from tests.replacing import replace
from tests.servers.binary import init_bare
from tests.servers.raw import RawServer

TOKEN = "ghp_markedtoken5e1b"
PASSWORD = "markedpassword7c2d"
FIELD = "markedfield1e6b"

SAMPLES = {
    "key": KEY,
    "keys": json.dumps([KEY]),
    "to": f"{KEY}2",
    "value": VALUE,
    "values": json.dumps({KEY: VALUE}),
    "field": FIELD,
    "index": "0",
    "ttl": "1h",
    "owner": VALUE,
    "redirect-to": "none",
    "default": VALUE,
    "op-id": f"{VALUE}op",
    "if": "absent",
    "until": "present",
    "commands": json.dumps([{"command": "set", "key": KEY, "value": VALUE}, {"command": "get", "key": f"{KEY}2"}]),
}
"""Texts for inputs. A command that needs another one needs it here, too."""

EXPORT = "".join(
    f"{json.dumps(line)}\n"
    for line in (
        {"category": "export", "layout": 1, "version": 2},
        {"category": "data", "key": {"type": "String", "value": f"{KEY}3"}, "type": "String", "value": VALUE},
        {"category": "end"},
    )
)


def given_to(command: str, directory: Path | None = None) -> dict[str, str]:
    """Return what a command needs, and all of the marked inputs that it takes; files are in this directory."""
    taken = COMMANDS[command]
    needed = {group[0] for group in taken.needs} | ({"output-file"} if command == "export" else set())
    optional = {"default", "op-id", "owner"}
    samples = SAMPLES | ({} if directory is None else files_in(directory))
    return {name: samples[name] for name in (*taken.inputs,) if name in needed | optional}


def files_in(directory: Path) -> dict[str, str]:
    """Return what inputs that are files are given: an export, and where there may be another one."""
    directory.mkdir(exist_ok=True)
    (directory / "export.jsonl").write_text(EXPORT)
    return {"input-file": str(directory / "export.jsonl"), "output-file": str(directory / "another.jsonl")}


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a step runs. ``answer`` is how the emulated GitHub answers everything, if it is asked at all."""

    repository: str
    answer: Fault | None = None
    transport: str = ""


ECHO = json.dumps({"message": f"Bad request with {TOKEN}", "errors": [{"type": "ODD", "message": f"You said {TOKEN}"}]})
SCENES = {
    "no such path": Scene("{tmp}/no/such/path"),
    "a path that is no repository": Scene("{tmp}"),
    "a path that looks like an address": Scene(f"https//user:{PASSWORD}@git.example/owner/name"),
    "a host that looks like a user": Scene(f"user:{PASSWORD}@git.invalid:owner/name"),
    "a host that does not exist": Scene(f"ssh://user:{PASSWORD}@git.invalid/owner/name"),
    "nobody there": Scene(f"http://user:{PASSWORD}@127.0.0.1:1/owner/name.git"),
    "an unknown scheme": Scene(f"ftp://user:{PASSWORD}@127.0.0.1:1/owner/name.git"),
    "an address that is none": Scene(f"https://user:{PASSWORD}@[bad/owner/name.git"),
    "a server that speaks something else": Scene("{raw}/owner/name.git"),
    "an unknown repository": Scene("owner/missing"),
    "unauthorised": Scene("owner/name", Status(401, body=ECHO, content_type="application/json")),
    "forbidden": Scene("owner/name", Status(403, body=ECHO, content_type="application/json")),
    "forbidden to git": Scene("owner/name", Status(403, body=ECHO), "git"),
    "not found": Scene("owner/name", Status(404, body=ECHO, content_type="application/json")),
    "not processable": Scene("owner/name", Status(422, body=ECHO, content_type="application/json")),
    "an error of GraphQL": Scene("owner/name", Status(200, body=ECHO, content_type="application/json")),
    "broken": Scene("owner/name", Status(502)),
    "no JSON": Scene("owner/name", Malformed()),
    "half an answer": Scene("owner/name", Truncated()),
    "no answer": Scene("owner/name", Drop()),
    "too many requests": Scene("owner/name", PrimaryExhausted()),
    "too many requests at once": Scene("owner/name", SecondaryLimit()),
}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubEmulator]:
    with GitHubEmulator(tmp_path_factory.mktemp("github"), tokens={TOKEN: Permission.WRITE}) as running:
        running.create("owner", "name")
        yield running


def silent(ended: Ended, capfd: pytest.CaptureFixture[str]) -> None:
    """Expect nothing secret in what people see, and nothing at all beside the log."""
    for secret in (KEY, FIELD, VALUE, TOKEN, PASSWORD):
        assert secret not in ended.shown
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("command", "scene"), in_turn(COMMANDS, SCENES, each=4))
def test_a_command_that_fails_tells_no_secret(
    tmp_path: Path, emulator: GitHubEmulator, capfd: pytest.CaptureFixture[str], command: str, scene: str
) -> None:
    setting = SCENES[scene]
    emulator.limits.forget()
    emulator.on_request = lambda _: setting.answer
    environ = {
        "GITHUB_SERVER_URL": emulator.url,
        "GITHUB_API_URL": emulator.api_url,
        "GITHUB_GRAPHQL_URL": emulator.graphql_url,
        "GIT_SSH_COMMAND": "false",
        "GIT_TRACE": "1",
        "GIT_TRACE_PACKET": "1",
        "GIT_CURL_VERBOSE": "1",
    }
    with RawServer(b"HTTP/1.1 200 OK\r\n\r\nhello " + TOKEN.encode()) as raw:
        repository = setting.repository.format(tmp=tmp_path, raw=raw.url)
        workflow = Workflow(tmp_path / "steps", repository, {"token": TOKEN, "transport": setting.transport}, environ)
        ended = workflow.run_given(
            command, given_to(command, workflow.directory), lambda outside: replace(outside, sleep=lambda _: None)
        )
    assert ended.error
    assert "Internal" not in ended.error
    assert "trace:" not in ended.error
    silent(ended, capfd)


FILLED: dict[str, dict[str, str]] = {
    "maps": {"command": "hset", "key": KEY, "field": FIELD, "value": VALUE, "ttl": "1h"},
    "arrays": {"command": "apush", "key": KEY, "value": VALUE},
    "locks": {"command": "lock", "key": KEY, "owner": VALUE, "ttl": "1h"},
    "numbers": {"command": "hset", "key": KEY, "field": FIELD, "value": "41", "type": "number", "ttl": "1h"},
    "text": {"command": "set", "key": KEY, "value": VALUE},
    "counter": {"command": "set", "key": KEY, "value": "41", "type": "counter"},
}
"""What makes a key of each kind."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a database with a key of a kind, once for all commands that are tried on one."""

    @cache
    def made(kind: str) -> Path:
        directory = tmp_path_factory.mktemp("filled")
        workflow = Workflow(directory / "steps", str(init_bare(directory / "database.git")), {"token": TOKEN})
        given = dict(FILLED[kind])
        assert workflow.run_given(given.pop("command"), given).code == 0
        workflow.run("set", key=f"{KEY}2", value=VALUE, ttl="1h", store_key="true")
        return Path(workflow.repository)

    return made


def on_a_copy(tmp_path: Path, filled: Callable[[str], Path], command: str) -> Workflow:
    """Return a workflow on a database of its own, with a key that the command is for."""
    family = COMMANDS[command].family
    kind = {"append": "text", "hincr": "numbers"}.get(command, family if family in FILLED else "counter")
    repository = tmp_path / "database.git"
    shutil.copytree(filled(kind), repository)
    return Workflow(tmp_path / "steps", str(repository), {"token": TOKEN})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_succeeds_tells_no_secret(
    tmp_path: Path, filled: Callable[[str], Path], capfd: pytest.CaptureFixture[str], command: str
) -> None:
    """Outputs are for secrets, too; the log and the summary are not."""
    workflow = on_a_copy(tmp_path, filled, command)
    ended = workflow.run_given(command, given_to(command, workflow.directory))
    assert ended.code == 0
    silent(ended, capfd)


WRONG = {
    "an unknown input": {"dryrun": VALUE},
    "a token that is none": {"token": f"{TOKEN} {TOKEN}"},
    "a shard length that is none": {"shard-length": "none"},
    "a lifetime that is none": {"ttl": "none"},
    "a flag that is none": {"dry-run": "none"},
}


@pytest.mark.parametrize(("command", "wrong"), in_turn(COMMANDS, WRONG, each=2))
def test_bad_input_tells_only_what_is_bad(workflow: Workflow, capfd: pytest.CaptureFixture[str], command: str, wrong: str) -> None:
    """Beside a sound secret, which is not repeated."""
    ended = workflow.run_given(command, {**given_to(command, workflow.directory), **WRONG[wrong]})
    assert ended.error.startswith("Input ")
    silent(ended, capfd)


@pytest.mark.parametrize(
    ("command", "kind"), in_turn(COMMANDS, [RuntimeError, KeyboardInterrupt, MemoryError, RecursionError, OSError])
)
def test_a_defect_in_any_command_tells_no_secret(
    tmp_path: Path, filled: Callable[[str], Path], capfd: pytest.CaptureFixture[str], command: str, kind: type[BaseException]
) -> None:
    """Nor does one who cancels it: what Python would print of it holds what the exception holds."""

    def fail(*_: object) -> None:
        raise kind(f"{TOKEN} {KEY}\n::set-output name=value::{VALUE}") from ValueError(f"{KEY} {VALUE}")

    workflow = on_a_copy(tmp_path, filled, command)
    ended = workflow.run_given(
        command,
        given_to(command, workflow.directory),
        lambda outside: replace(outside, clock=fail, new_op=fail, elapsed=fail, progress=fail),  # type: ignore[arg-type]
    )
    if ended.code:
        assert ended.code == (130 if kind is KeyboardInterrupt else 1)
        assert [issued.name for issued in ended.commands] == ["error"]
    silent(ended, capfd)


def _everything(environ: dict[str, str]) -> list[object]:
    """Return all that a step makes before it begins."""
    given = read_inputs(environ).inputs
    command = find_command(given["command"])
    inputs = Inputs(parse_inputs(command, given, {}))
    outside = surroundings(environ, lambda *_: None)
    store = open_store(inputs, outside)
    bound = bind(command.kind, inputs, outside, cipher_of(inputs, outside))
    return [inputs, outside, store, *vars(store).values(), bound, *vars(bound).values()]


def test_a_result_shows_no_secret_when_it_is_printed() -> None:
    assert VALUE not in repr(Answer(value=parse_value("String", VALUE), document={KEY: VALUE}))
    assert KEY not in repr(Answer(document=[KEY]))


@pytest.mark.parametrize(
    ("command", "repository"),
    in_turn(COMMANDS, ["/a/path", "owner/name", f"https://user:{PASSWORD}@git.example/x", "git@git.example:x"]),
)
@pytest.mark.parametrize("show", [repr, str, "{}".format])
def test_nothing_shows_a_secret_when_it_is_printed(
    tmp_path: Path, command: str, repository: str, show: Callable[[object], str]
) -> None:
    """A debugger's line, or a library's: what is printed is the shape of a thing."""
    workflow = Workflow(tmp_path, repository, {"token": TOKEN})
    inputs = {name: text for name, text in given_to(command, tmp_path).items() if name not in {"default", "op-id"}}
    for made in _everything(workflow.environ_of(command, tmp_path, inputs)):
        for secret in (KEY, VALUE, TOKEN, PASSWORD):
            assert secret not in show(made) or made == secret
