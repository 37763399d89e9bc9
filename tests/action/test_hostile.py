"""Nothing that anybody chose is a command for the runner, a link or markup in the summary, or more than its own output."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from git_keyval.action.runner import Runner, printable
from git_keyval.format.names import RefName
from git_keyval.interface.commands import COMMANDS
from git_keyval.maintenance.execute import Done
from git_keyval.maintenance.plan import Action, Counts, Kind, Left, Plan, Trouble, Waiting
from git_keyval.maintenance.report import CheckReport, Problem, Report
from git_keyval.store.port import ANY, DELETE, RefUpdate, Transaction
from tests.action.hostile import LOG_COMMANDS, TEXTS
from tests.action.markdown import shown_as_code
from tests.action.refusals import KEY, VALUE
from tests.action.runner_rules import log_commands
from tests.action.steps import Ended, Workflow, unhurried, value_ref
from tests.emulator import GitHubEmulator
from tests.emulator import Status as Answer
from tests.emulator.server import DEFAULT_TOKEN
from tests.replacing import replace
from tests.servers.binary import git_output, init_bare, run_git
from tests.servers.raw import RawServer
from tests.summaries import NAME, summary_of

FUZZED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Return one workflow for many examples: each overwrites the key of the one before."""
    directory = tmp_path_factory.mktemp("fuzzed")
    return Workflow(directory / "steps", str(init_bare(directory / "database.git")))


# --- what is stored -------------------------------------------------------------------------------------------------


@given(TEXTS)
@settings(max_examples=30, suppress_health_check=FUZZED)
def test_any_value_comes_back_and_none_is_a_command(fuzzed: Workflow, value: str) -> None:
    written = fuzzed.run("set", key="a", value=value)
    read = fuzzed.run("get", key="a")
    assert (written.code, written.log, read.code, read.log) == (0, "", 0, "")
    assert read.outputs["value"] == value
    assert json.loads(read.outputs["json"]) == value
    assert set(read.outputs) == {"found", "value", "json", "type", "version", "ttl", "requests-used"}


@given(TEXTS)
@settings(max_examples=25, suppress_health_check=FUZZED)
def test_any_masked_value_is_masked_only(fuzzed: Workflow, value: str) -> None:
    fuzzed.run("set", key="a", value=value)
    read = fuzzed.run("get", key="a", mask="true")
    assert read.outputs["value"] == value
    assert {command.name for command in read.commands} <= {"add-mask"}
    assert len(read.commands) == read.log.count("\n")
    # The runner masks the whole text, and every line of it.
    assert value in read.issued("add-mask") or not value.strip()
    assert {line for line in StringIO(value, newline=None).read().split("\n") if line.strip()} <= set(read.issued("add-mask"))


@given(TEXTS, TEXTS, TEXTS)
@settings(max_examples=12, suppress_health_check=FUZZED)
def test_a_life_of_any_key_with_any_value_is_silent(fuzzed: Workflow, label: str, value: str, other: str) -> None:
    """Each step has its own outputs with what was stored, and no other; the log stays empty, but for progress."""
    key, number = f"k{label}", f"n{other}"
    file = fuzzed.directory / "value"
    file.write_bytes(f"{value}\0".encode())
    steps: list[tuple[str, dict[str, str]]] = [
        ("set", {"key": key, "value-file": str(file), "store-key": "true"}),
        ("get", {"key": key}),
        ("mget", {"keys": json.dumps([key, number])}),
        ("keys", {}),
        ("incr", {"key": number, "op-id": other or "x"}),
        ("check", {}),
        ("getdel", {"key": key, "default": other}),
        ("get", {"key": key, "default": other or "x"}),
        ("maintain", {"retention": "0s"}),
        ("del", {"keys": json.dumps([key, number])}),
    ]
    ended = [fuzzed.run_given(command, inputs) for command, inputs in steps]
    for (command, _), step in zip(steps, ended, strict=True):
        assert (step.code, step.commands) == (0, []), command
        assert step.outputs.keys() <= set(COMMANDS[command].outputs), command
        assert step.log == "" or command == "maintain"
        shown_as_code(step.summary)
    assert ended[1].outputs["value"] == ended[6].outputs["value"] == f"{value}\0"
    assert json.loads(ended[2].outputs["json"]) == {key: f"{value}\0"}
    assert json.loads(ended[3].outputs["json"]) == [key]
    assert ended[7].outputs["value"] == (other or "x")


@given(
    st.sampled_from(
        ["command", "ttl", "expires-at", "if-version", "type", "repository", "media-type", "output-file", "value-file"]
    ),
    TEXTS,
)
@settings(max_examples=40, suppress_health_check=FUZZED)
def test_no_input_makes_a_command(fuzzed: Workflow, name: str, text: str) -> None:
    """What is wrong with an input may be repeated in the error: on its one line, and as text that can be seen."""
    given_ = {"key": KEY, "value": VALUE, "type": "file", name: f"./odd {text}"}
    if name in {"value-file", "output-file"}:
        del given_["value"]
    ended = fuzzed.run_given(given_.pop("command", "set"), given_)
    assert ended.error.isprintable()
    assert (ended.outputs, ended.summary) == ({}, "")
    assert "##[" not in ended.log
    assert len(ended.log.encode()) < 20_000


@given(TEXTS)
@settings(max_examples=200)
@example("::Add-Mask::x")
@example("x\x1b[2K\r::error::y")
@example("\u2028::error::y ##[Error]z")
def test_whatever_is_told_is_one_line_of_the_kind_meant(text: str) -> None:
    log = StringIO()
    runner = Runner({}, log, lambda: "")
    runner.error(text)
    runner.notice(text)
    runner.progress(text, 1, 2)
    lines = log.getvalue().splitlines()
    assert [command.name for command in log_commands(log.getvalue())] == ["error", "notice"]
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


# --- the job summary ------------------------------------------------------------------------------------------------


@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
@settings(max_examples=150)
@example(["a\\|b", "a\\\\|b", "`", "``|``", "\\"], "the server refused: @octocat")
@example([" `", "` "], "a|b")
def test_nothing_in_a_report_is_markup(texts: list[str], why: str) -> None:
    refs = [RefName(text) for text in texts]
    deletions = [(ref, Transaction((RefUpdate(ref, ANY, DELETE),))) for ref in refs]
    actions = [Action(ref, Kind.PURGE_MALFORMED, deletion, Counts(malformed=1), reason=why) for ref, deletion in deletions]
    done = Done(
        Plan("sweep", left=[*(Left(ref, Trouble.MALFORMED, why) for ref in refs), *(Left(ref, Waiting.CHANGED) for ref in refs)]),
        planned=1,
        applied=actions,
        conflicts=[Left(ref, Waiting.CHANGED) for ref in refs],
        failed=[Left(ref, Trouble.REFUSED, why) for ref in refs],
        error=why,
    )
    text = summary_of(Report("maintain", dry_run=False, started_at="2026-01-01T12:00:00Z", seconds=1.0, requests=1, jobs=[done]))
    shown_as_code(text)
    assert len([line for line in text.splitlines() if line.startswith("| ")]) == 3 + (2 + 2 * len(refs)) + 3 + 3


@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
@settings(max_examples=100)
@example(["", "a"], "refs/")
def test_nothing_that_check_finds_is_markup(texts: list[str], problem: str) -> None:
    problems = [Problem(f"refs/{text}", "error", problem, problem) for text in texts]
    text = summary_of(CheckReport("2026-01-01T12:00:00Z", 1.0, 1, {"keys": 1, "data": 1, "counter": 1}, problems))
    shown_as_code(text)
    assert text.count("\n| error | ") == len(texts)


@given(st.text("ab|`<>@#$&(){}/.-_!;😀", min_size=1, max_size=40))
@settings(max_examples=100)
@example("a|b``c`")
def test_a_ref_is_shown_as_it_is(name: str) -> None:
    text = summary_of(CheckReport("2026-01-01T12:00:00Z", 1.0, 1, {}, [Problem(name, "warning", "odd", "none")]))
    assert shown_as_code(text) == [NAME, name]


ODD_NAMES = [
    "kv-0a/<img/src=x/onerror=alert(1)>",
    "kv-0a/`|`|<b>&lt;",
    "kv-0a/@octocat",
    "kv-0a/##set-output/name=value",
    "kv-0a/$(id)",
    "kv-0a/](https",
    "kv-0a/!a](b)",
    "kv-é😀/\u2028\u202e",
    "gc/</details>|a|",
]


def test_branches_of_any_name_are_shown_and_not_obeyed(workflow: Workflow, repository: Path) -> None:
    """Anybody who may push can choose such a name."""
    workflow.run("set", key="a", value="1")
    target = git_output("rev-parse", value_ref("a"), directory=repository)
    for name in ODD_NAMES:
        git_output("update-ref", f"refs/heads/{name}", target, directory=repository)
    ended = workflow.run("check")
    assert [command.name for command in ended.commands] == ["warning"]
    shown = shown_as_code(ended.summary)
    assert {printable(f"refs/heads/{name}") for name in ODD_NAMES} <= set(shown)
    assert {found["ref"] for found in json.loads(ended.outputs["report"])["problems"]} >= {
        f"refs/heads/{name}" for name in ODD_NAMES
    }
    assert workflow.run("maintain").commands == []


def test_a_branch_whose_name_is_no_text_is_foreign(workflow: Workflow, repository: Path) -> None:
    """git takes any bytes."""
    workflow.run("set", key="a", value="1")
    target = git_output("rev-parse", value_ref("a"), directory=repository)
    line = b"create refs/heads/kv-0a/\xff##[add-mask]x " + target.encode() + b"\n"
    run_git("update-ref", "--stdin", directory=repository, stdin=line.replace(b"[", b""))
    ended = workflow.run("check")
    assert (ended.code, [command.name for command in ended.commands]) == (0, ["warning"])
    assert "\\xff" in ended.summary
    shown_as_code(ended.summary)
    assert workflow.run("maintain").code == 0
    assert workflow.run("set", key="b", value="1").code == 0


# --- what servers say -----------------------------------------------------------------------------------------------


def inputs_of(command: str) -> dict[str, str]:
    return {"get": {"key": KEY}, "set": {"key": KEY, "value": VALUE}, "incr": {"key": KEY}}.get(command, {})


def harmless(ended: Ended) -> None:
    """Expect one error that can be seen and is ours, or none, and no active word of the server's."""
    assert (ended.code, ended.commands) == (0, []) or ("Internal" not in ended.error and ended.error.isprintable())
    assert "##[" not in ended.log
    shown_as_code(ended.summary)
    for secret in (KEY, VALUE):
        assert secret not in ended.shown


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GitHubEmulator, Workflow]]:
    directory = tmp_path_factory.mktemp("github")
    with GitHubEmulator(directory / "repositories") as emulator:
        emulator.create("owner", "name")
        environ = {
            "GITHUB_SERVER_URL": emulator.url,
            "GITHUB_API_URL": emulator.api_url,
            "GITHUB_GRAPHQL_URL": emulator.graphql_url,
        }
        yield emulator, Workflow(directory / "steps", "owner/name", {"token": DEFAULT_TOKEN}, environ)


WORDS = " ".join([*LOG_COMMANDS, "\n::error::x\r::error::y", "\x1b[31m", "@octocat", "<b>", "|", "`", DEFAULT_TOKEN])
BODIES: dict[str, Callable[[str], object]] = {
    "rest": lambda words: {"message": words, "documentation_url": words, "errors": [{"message": words, "code": words}]},
    "graphql": lambda words: {"data": None, "errors": [{"type": words, "message": words, "path": [words]}]},
    "odd": lambda words: {"message": {"a": words}, "errors": words, "metadata": {"secret_scanning": words}},
    "list": lambda words: [words],
    "text": lambda words: words,
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("code", [200, 400, 401, 403, 404, 409, 410, 422, 500])
@pytest.mark.parametrize("command", ["get", "set", "maintain"])
def test_what_github_says_is_no_command(
    github: tuple[GitHubEmulator, Workflow], capfd: pytest.CaptureFixture[str], command: str, code: int, body: str
) -> None:
    """Nor does it repeat a token that it was sent."""
    emulator, workflow = github
    emulator.on_request = lambda _: Answer(code, body=json.dumps(BODIES[body](WORDS)), content_type="application/json")
    ended = workflow.run_given(command, inputs_of(command), lambda outside: replace(outside, sleep=lambda _: None))
    harmless(ended)
    assert DEFAULT_TOKEN not in ended.shown
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("command", ["set", "incr", "purge"])
def test_what_a_hook_says_is_no_command(workflow: Workflow, repository: Path, command: str) -> None:
    """Beside the work (``remote:`` lines) and as the reason of a refusal."""
    workflow.run("set", key="gone", value="1")
    workflow.run("getdel", key="gone")
    for hook in ("pre-receive", "update"):
        script = repository / "hooks" / hook
        script.write_text("#!/bin/sh\ncat <<'END'\n" + WORDS + "\nEND\ncat <<'END' >&2\n" + WORDS + "\nEND\nexit 1\n")
        script.chmod(0o755)
    given_ = {"retention": "0s"} if command == "purge" else inputs_of(command)
    ended = workflow.run_given(command, given_, lambda outside: replace(outside, sleep=lambda _: None))
    assert {found.name for found in ended.commands} <= {"error", "warning"}
    assert "##[" not in ended.log
    shown_as_code(ended.summary)


def packet(data: bytes) -> bytes:
    return f"{len(data) + 4:04x}".encode() + data


SPOKEN = WORDS.encode()
ADVERTISED = b"Content-Type: application/x-git-%s-advertisement\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "an error line": HEAD + ADVERTISED % b"upload-pack" + b"\r\n" + packet(b"ERR " + SPOKEN),
    "an error line to a push": HEAD + ADVERTISED % b"receive-pack" + b"\r\n" + packet(b"ERR " + SPOKEN),
    "no packet": HEAD + ADVERTISED % b"upload-pack" + b"\r\n" + SPOKEN,
    "capabilities": HEAD + ADVERTISED % b"upload-pack" + b"\r\n" + packet(b"version 2\n") + packet(SPOKEN) + b"0000",
    "a name": HEAD + ADVERTISED % b"upload-pack" + b"\r\n" + packet(b"0" * 40 + b" refs/heads/kv-\xff" + SPOKEN) + b"0000",
    "an oid": HEAD + ADVERTISED % b"upload-pack" + b"\r\n" + packet(b"\xff" * 40 + b" refs/heads/kv-0a/val-x") + b"0000",
    "another hash": HEAD + ADVERTISED % b"upload-pack" + b"\r\n" + packet(b"version 2\n") + packet(b"object-format=" + SPOKEN),
    "a status line": b"HTTP/1.1 500 " + LOG_COMMANDS[5].encode() + b"\r\n\r\n",
    "no status line": SPOKEN,
    "malformed headers": HEAD + SPOKEN.replace(b"\n", b"\r\n") + b"\r\n\r\n",
    "an encoding that it is not in": HEAD + ADVERTISED % b"upload-pack" + b"Content-Encoding: gzip\r\n\r\n" + SPOKEN,
    "a length that it has not": HEAD + ADVERTISED % b"upload-pack" + b"Content-Length: 99999\r\n\r\n" + SPOKEN,
    "chunks that are none": HEAD + ADVERTISED % b"upload-pack" + b"Transfer-Encoding: chunked\r\n\r\n" + SPOKEN,
    "a redirection": b"HTTP/1.1 302 Found\r\nLocation: http://u:marked@127.0.0.1:1/##[add-mask]x/info/refs\r\n\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("command", ["get", "set", "maintain"])
def test_what_a_git_server_says_is_no_command(
    workflow: Workflow, capfd: pytest.CaptureFixture[str], command: str, answer: str
) -> None:
    """Nor does anything of it get into the log beside us: what a library logs, a runner would read, too."""
    with RawServer(ANSWERS[answer]) as server:
        workflow.settings = {"repository": f"{server.url}/owner/name.git", "token": DEFAULT_TOKEN}
        ended = workflow.run_given(command, inputs_of(command), lambda outside: replace(outside, sleep=lambda _: None))
    harmless(ended)
    assert DEFAULT_TOKEN not in ended.shown
    assert "marked" not in ended.shown
    assert capfd.readouterr() == ("", "")


@given(
    st.lists(st.sampled_from([packet(SPOKEN), b"0000", b"0001", packet(b"version 2\n"), b"ERR ", SPOKEN, b"ffff", b"\0", b"\xff"]))
)
@settings(max_examples=30, suppress_health_check=FUZZED)
def test_no_answer_of_a_git_server_is_a_command(fuzzed: Workflow, parts: list[bytes]) -> None:
    with RawServer(HEAD + ADVERTISED % b"upload-pack" + b"\r\n" + b"".join(parts)) as server:
        harmless(fuzzed.run_given("get", {"key": KEY, "repository": f"{server.url}/owner/name.git"}, unhurried))


def test_a_log_that_is_gone_does_not_stop_the_work() -> None:
    class Gone(StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    runner = Runner({}, Gone(), lambda: "")
    for tell in (runner.error, runner.notice, runner.mask):
        tell("x")
    runner.progress("x", 1, 2)
