"""What fails while a step runs: one error that says what to do, and the database as it was."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.format.metadata import DUMMY_OBJECTS, DUMMY_TREE, NULL_COMMIT
from git_keyval.format.objects import commit
from tests.action.conftest import SERVER_TOKEN, Served
from tests.action.refusals import KEY, VALUE
from tests.action.steps import Workflow, expiry_ref, refs, value_ref
from tests.replacing import replace
from tests.servers.binary import git_output
from tests.servers.http import RECEIVE_PACK, UPLOAD_PACK, Cut, Fault, Status

LARGEST = str(2**63 - 1)


def keep(repository: Path, kind: str, data: bytes) -> str:
    return git_output("hash-object", "-t", kind, "-w", "--literally", "--stdin", directory=repository, stdin=data)


def message(repository: Path, text: bytes) -> str:
    """Store a commit of our form with any message."""
    for made in DUMMY_OBJECTS:
        keep(repository, made.kind, made.data)
    return keep(repository, "commit", commit(DUMMY_TREE.oid, text).data)


def foreign_commit(repository: Path) -> str:
    return git_output("commit-tree", "-m", VALUE, keep(repository, "tree", b""), directory=repository)


def missing(repository: Path) -> str:
    oid = message(repository, b"soon gone\n")
    (repository / "objects" / oid[:2] / oid[2:]).unlink()
    return oid


def tag(repository: Path) -> str:
    target = message(repository, b"tagged\n")
    who = "A U Thor <a@example.com> 1750000000 +0200"
    return keep(repository, "tag", f"object {target}\ntype commit\ntag v1\ntagger {who}\n\n{VALUE}\n".encode())


def line(text: str) -> Callable[[Path], str]:
    return lambda repository: message(repository, text.encode())


ODD: dict[str, Callable[[Path], str]] = {
    "somebody's commit": foreign_commit,
    "an annotated tag": tag,
    "the null commit": lambda repository: message(repository, b""),
    "no metadata": line(f"{VALUE}\n"),
    "metadata without a line feed": line('{"category":"counter","version":2}'),
    "metadata that is not canonical": line('{"version": 2, "category": "counter"}\n'),
    "another format version": line('{"category":"data","version":3}\n'),
    "an unknown category": line(f'{{"category":"{VALUE}","version":2}}\n'),
    "data without its blob": line(
        f'{{"blobOid":"{"0" * 40}","category":"data","extension":"txt","mime":"text/plain","type":"String","version":2}}\n'
    ),
    "a counter without members": line('{"category":"counter","version":2}\n'),
    "no object": missing,
}


def put(repository: Path, ref: str, oid: str) -> None:
    """Point a ref at an object, or at none, behind git's back."""
    path = repository / ref
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{oid}\n")


@pytest.fixture
def odd(workflow: Workflow, repository: Path, request: pytest.FixtureRequest) -> str:
    """Put something odd where the value of KEY should be, beside a sound key."""
    workflow.run("set", key="sound", value="1")
    put(repository, value_ref(KEY), ODD[request.param](repository))
    return str(request.param)


@pytest.mark.parametrize("odd", ODD, indirect=True)
@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("command", ["get", "incr", "getdel"])
def test_what_nobody_wrote_is_reported_for_its_key(workflow: Workflow, repository: Path, command: str) -> None:
    """The error names the ref and the way out, and repeats nothing of what is stored; other keys go on."""
    before = (repository / value_ref(KEY)).read_text()
    error = workflow.run(command, key=KEY).error
    assert VALUE not in error
    assert value_ref(KEY) in error or before.strip() in error or command == "incr"
    assert "'del'" in error
    assert (repository / value_ref(KEY)).read_text() == before
    assert workflow.run("get", key="sound").outputs["value"] == "1"


# Into a repository that lacks an object git takes no push; the key has to be deleted first.
REPAIRABLE = [name for name in ODD if name != "no object"]


@pytest.mark.parametrize("odd", REPAIRABLE, indirect=True)
@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("type_", ["string", "counter"])
def test_set_repairs_what_nobody_wrote(workflow: Workflow, type_: str) -> None:
    assert workflow.run("set", key=KEY, value="2", type=type_).code == 0
    assert workflow.run("get", key=KEY).answers["value"] == "2"


@pytest.mark.parametrize("odd", ODD, indirect=True)
@pytest.mark.usefixtures("odd")
def test_del_removes_what_nobody_wrote(workflow: Workflow, repository: Path) -> None:
    ended = workflow.run("del", key=KEY)
    assert (ended.code, ended.log) == (0, "")
    assert not (repository / value_ref(KEY)).exists()
    assert workflow.run("set", key=KEY, value="2").code == 0


@pytest.mark.parametrize("odd", ODD, indirect=True)
@pytest.mark.usefixtures("odd")
def test_maintenance_leaves_what_nobody_wrote(workflow: Workflow, repository: Path) -> None:
    before = (repository / value_ref(KEY)).read_text()
    assert workflow.run("maintain").code == 0
    assert (repository / value_ref(KEY)).read_text() == before
    ended = workflow.run("check")
    assert ended.code == 1
    assert f"`{value_ref(KEY)}`" in ended.summary
    assert VALUE not in ended.shown + ended.outputs["report"]


@pytest.fixture
def odd_expiry(workflow: Workflow, repository: Path, request: pytest.FixtureRequest) -> None:
    """Put something odd where the expiry of KEY should be."""
    workflow.run("set", key=KEY, value="1")
    put(repository, expiry_ref(KEY), ODD[request.param](repository))


ODD_EXPIRIES = ["somebody's commit", "the null commit", "a counter without members", "no object"]


@pytest.mark.parametrize("odd_expiry", ODD_EXPIRIES, indirect=True)
@pytest.mark.usefixtures("odd_expiry")
@pytest.mark.parametrize("command", ["get", "ttl", "exists", "persist"])
def test_an_odd_expiry_is_reported(workflow: Workflow, command: str) -> None:
    """Whether the key has expired is not known, so there is no answer."""
    ended = workflow.run(command, key=KEY)
    assert expiry_ref(KEY) in ended.error or "object at" in ended.error


@pytest.mark.parametrize("odd_expiry", [name for name in ODD_EXPIRIES if name in REPAIRABLE], indirect=True)
@pytest.mark.usefixtures("odd_expiry")
@pytest.mark.parametrize("inputs", [{}, {"ttl": "1h"}, {"type": "counter"}, {"type": "counter", "ttl": "1h"}], ids=str)
def test_set_repairs_an_odd_expiry(workflow: Workflow, inputs: dict[str, str]) -> None:
    assert workflow.run_given("set", {"key": KEY, "value": "2", **inputs}).log == ""
    assert workflow.run("get", key=KEY).answers["value"] == "2"


@pytest.mark.parametrize("odd_expiry", ODD_EXPIRIES, indirect=True)
@pytest.mark.usefixtures("odd_expiry")
def test_del_removes_a_key_with_an_odd_expiry(workflow: Workflow, repository: Path) -> None:
    assert workflow.run("del", key=KEY).log == ""
    assert not (repository / value_ref(KEY)).exists()
    assert not (repository / expiry_ref(KEY)).exists()


@pytest.mark.parametrize(
    ("type_", "value"),
    [("string", VALUE), ("string", "1"), ("number", "1.5"), ("boolean", "true"), ("json", f'["{VALUE}"]'), ("bytes", "AP8K")],
)
def test_only_whole_numbers_are_counted(workflow: Workflow, repository: Path, type_: str, value: str) -> None:
    workflow.run("set", key=KEY, value=value, type=type_)
    before = refs(repository)
    error = workflow.run("incr", key=KEY).error
    assert f"type {type_}" in error
    assert "'del'" in error
    assert refs(repository) == before
    assert KEY not in error
    assert VALUE not in error


@pytest.mark.parametrize(("command", "by"), [("incr", ""), ("incr", LARGEST), ("decr", "-1")])
def test_a_counter_does_not_overflow(workflow: Workflow, repository: Path, command: str, by: str) -> None:
    workflow.run("set", key=KEY, value=LARGEST, type="counter")
    before = refs(repository)
    error = workflow.run(command, key=KEY, by=by).error
    assert "64-bit" in error
    assert LARGEST not in error
    assert refs(repository) == before


@pytest.mark.parametrize("repository_name", ["missing", "not git", "a file"])
@pytest.mark.parametrize("command", ["get", "set", "incr", "maintain", "check", "init"])
def test_a_place_without_a_repository_is_named(workflow: Workflow, tmp_path: Path, repository_name: str, command: str) -> None:
    (tmp_path / "not git").mkdir()
    (tmp_path / "a file").touch()
    place = tmp_path / repository_name
    inputs = {"get": {"key": KEY}, "set": {"key": KEY, "value": VALUE}, "incr": {"key": KEY}}.get(command, {})
    error = workflow.run_given(command, {"repository": str(place), **inputs}).error
    assert str(place) in error
    assert "git repository" in error
    assert "'repository'" in error
    assert KEY not in error
    assert VALUE not in error
    assert not list((tmp_path / "not git").iterdir())


@pytest.mark.parametrize(
    "repository_name", ["-x", "--help", "--upload-pack=touch x", "ext::sh -c true", "ftp://127.0.0.1/x", "a\nb", "x" * 300]
)
def test_odd_addresses_are_named(workflow: Workflow, repository_name: str) -> None:
    ended = workflow.run("get", key=KEY, repository=repository_name)
    assert "repository" in ended.error
    assert not ended.outputs


def test_a_machine_without_git_is_told_so(workflow: Workflow, tmp_path: Path) -> None:
    """As soon as it is needed: that there is no such key can be seen without it."""
    workflow.environ = {"PATH": str(tmp_path)}
    error = workflow.run("set", key=KEY, value=VALUE).error
    assert "git" in error
    assert "PATH" in error


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize("command", ["get", "set", "incr", "maintain"])
def test_no_access_is_told_with_the_token_to_check(served: Served, token: str, command: str) -> None:
    inputs = {"get": {"key": KEY}, "set": {"key": KEY, "value": VALUE}, "incr": {"key": KEY}}.get(command, {})
    error = served.workflow.run_given(command, {"token": token, **inputs}).error
    assert "refuses access" in error
    assert "'token'" in error
    assert not refs(served.repository)
    for secret in (KEY, VALUE, SERVER_TOKEN, "wrong"):
        assert secret not in error


@pytest.mark.parametrize(
    "fault", [Status(403), Status(404), Status(429), Status(500), Status(503), Cut.BEFORE, Cut.TRUNCATE], ids=str
)
@pytest.mark.parametrize("command", ["get", "set", "incr", "maintain"])
def test_a_server_that_fails_is_one_error(served: Served, fault: Fault, command: str) -> None:
    served.workflow.run("set", key=KEY, value=VALUE)
    before = refs(served.repository)
    served.server.fail(1, fault, forever=True)
    inputs = {"get": {"key": KEY}, "set": {"key": KEY, "value": "2"}, "incr": {"key": KEY}}.get(command, {})
    pauses: list[float] = []
    ended = served.workflow.run_given(command, inputs, lambda outside: replace(outside, sleep=pauses.append))
    assert "Internal" not in ended.error
    assert sum(pauses) < (300 if fault == Status(429) else 60)
    assert (ended.outputs.keys() <= {"count", "report", "requests-used"}, refs(served.repository)) == (True, before)
    for secret in (KEY, VALUE, SERVER_TOKEN):
        assert secret not in ended.shown


PASSING: list[Fault] = [Status(502), Status(503), Status(429, retry_after="1"), Cut.BEFORE, Cut.TRUNCATE]


@pytest.mark.parametrize("fault", PASSING, ids=str)
@pytest.mark.parametrize(("command", "nth"), [("get", 1), ("get", 2), ("get", 3), ("keys", 2)])
def test_a_read_that_fails_once_is_made_again(served: Served, fault: Fault, nth: int, command: str) -> None:
    """Whichever request of it fails: the advertisement, the listing, the fetch."""
    served.workflow.run("set", key=KEY, value=VALUE)
    inputs = {"key": KEY} if command == "get" else {}
    expected = served.workflow.run_given(command, inputs).answers
    served.server.fail(nth, fault)
    pauses: list[float] = []
    ended = served.workflow.run_given(command, inputs, lambda outside: replace(outside, sleep=pauses.append))
    assert (ended.code, ended.answers) == (0, expected)
    assert len(pauses) == 1


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_a_read_that_fails_for_good_is_made_a_few_times(served: Served, fault: Fault) -> None:
    served.server.fail(1, fault, forever=True)
    pauses: list[float] = []
    ended = served.workflow.run_given("get", {"key": KEY}, lambda outside: replace(outside, sleep=pauses.append))
    assert re.search("again|cannot be reached", ended.error)
    assert served.server.count() == 5
    assert pauses == sorted(pauses) or "429" in ended.error
    assert 1 < sum(pauses) < 10


@pytest.mark.parametrize(("asked", "waits"), [("40", True), ("3600", False), ("Wed, 21 Oct 2026 07:28:00 GMT", True)])
def test_a_server_that_asks_for_patience_is_given_it_if_there_is_time(served: Served, asked: str, *, waits: bool) -> None:
    served.workflow.run("set", key=KEY, value=VALUE)
    served.server.log.clear()
    served.server.fail(1, Status(429, retry_after=asked))
    pauses: list[float] = []
    ended = served.workflow.run_given("get", {"key": KEY}, lambda outside: replace(outside, sleep=pauses.append))
    assert (ended.code == 0, len(pauses)) == (waits, int(waits))
    assert sum(pauses) >= 40 or asked != "40"
    assert (served.server.count() > 1) is waits
    if not waits:
        assert f"It asks to wait {asked} seconds." in ended.error


@pytest.mark.parametrize(("command", "nth"), [("get", 2), ("set", 2), ("keys", 1), ("maintain", 2)])
def test_a_limit_that_does_not_say_how_long_is_given_a_minute(served: Served, command: str, nth: int) -> None:
    """As GitHub's API is: five tries within some seconds would all meet the limit."""
    served.workflow.run("set", key=KEY, value=VALUE)
    served.server.fail(nth, Status(429))
    inputs = {"get": {"key": KEY}, "set": {"key": KEY, "value": "2"}}.get(command, {})
    pauses: list[float] = []
    ended = served.workflow.run_given(command, inputs, lambda outside: replace(outside, sleep=pauses.append))
    assert ended.code == 0
    assert len(pauses) == 1
    assert 60 <= pauses[0] <= 61


@pytest.mark.parametrize("code", [400, 401, 403, 404, 407, 413])
def test_a_refusal_is_asked_for_once(served: Served, code: int) -> None:
    served.server.fail(1, Status(code), forever=True)
    assert str(code) in served.workflow.run("get", key=KEY).error
    # A refused credential is looked for once more by the client of HTTP.
    assert served.server.count() <= 2


def test_a_write_whose_outcome_cannot_be_known_is_told_so(served: Served) -> None:
    """An error, never a guess."""
    served.workflow.run("init")
    served.server.fail(1, Cut.AFTER, method="POST", service=RECEIVE_PACK)
    served.server.fail(2, Status(503), method="GET", forever=True)
    given = {"key": KEY, "value": VALUE}
    error = served.workflow.run_given("set", given, lambda outside: replace(outside, sleep=lambda _: None)).error
    assert "cannot be known" in error
    assert "if-version" in error
    served.server.heal()
    assert served.workflow.run("get", key=KEY).outputs["value"] == VALUE


def test_a_hook_that_refuses_is_told_in_one_line(workflow: Workflow, repository: Path) -> None:
    """What a server says may hold anything, also runner commands."""
    hook = repository / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho '::set-output name=a::b'\necho '##[set-output name=a]b' >&2\nexit 1\n")
    hook.chmod(0o755)
    error = workflow.run("set", key=KEY, value=VALUE).error
    assert "refused" in error
    assert not [name for name in refs(repository) if name.startswith("refs/heads/kv-")]


def test_names_that_are_taken_are_one_error(workflow: Workflow, repository: Path) -> None:
    put(repository, value_ref(KEY).rpartition("/")[0], message(repository, b"taken\n"))
    assert NULL_COMMIT.oid not in refs(repository).values()
    ended = workflow.run_given("set", {"key": KEY, "value": VALUE}, lambda outside: replace(outside, sleep=lambda _: None))
    assert "Internal" not in ended.error
    assert VALUE not in ended.error


UNKNOWN = {
    "apush": ({"key": KEY, "value": "1"}, {"if-version", "op-id"}),
    "set": ({"key": KEY, "value": "1"}, {"if-version", "op-id"}),
    "incr": ({"key": KEY}, {"op-id"}),
    "hincr": ({"key": KEY, "field": "n"}, {"op-id"}),
    "expire": ({"key": KEY, "ttl": "1h"}, {"if-version", "op-id"}),
    "lock": ({"key": KEY, "ttl": "1h"}, set[str]()),
}


@pytest.mark.parametrize("command", UNKNOWN)
def test_a_lost_reply_advises_what_the_command_takes(served: Served, command: str) -> None:
    """And a step that follows the advice is not refused for it."""
    inputs, advised = UNKNOWN[command]
    served.workflow.run("init")
    if command == "expire":
        served.workflow.run("set", key=KEY, value=VALUE)
    served.server.fail(1, Cut.AFTER, method="POST", service=RECEIVE_PACK)
    served.server.between(lambda: served.server.fail(1, Status(503), service=UPLOAD_PACK, forever=True))
    error = served.workflow.run_given(command, inputs, lambda outside: replace(outside, sleep=lambda _: None)).error
    assert "cannot be known" in error
    assert set(re.findall(r"'(.*?)'", error)) == advised
    served.server.heal()
    for name in advised:
        assert served.workflow.run_given(command, {**inputs, name: "0" * 40 if name == "if-version" else "any"}).code == 0


@pytest.mark.parametrize(
    ("command", "inputs", "advised"),
    [
        ("get", {"key": KEY}, ["on-missing: ok", "on-missing: ok", "default"]),
        ("exists", {"key": KEY}, ["on-missing: ok"]),
        ("hgetall", {"key": KEY}, ["on-missing: ok"]),
        ("mget", {"keys": KEY}, ["on-missing: ok"]),
    ],
)
def test_a_missing_key_advises_what_the_command_takes(
    workflow: Workflow, command: str, inputs: dict[str, str], advised: list[str]
) -> None:
    error = workflow.run_given(command, {**inputs, "on-missing": "fail"}).error
    assert re.findall(r"'(.*?)'", error) == advised


@pytest.mark.parametrize(("command", "advised"), [("mget", "'keys'"), ("arange", "'start' and 'stop'"), ("hgetall", "terminal")])
def test_an_answer_that_is_too_large_advises_what_the_command_takes(workflow: Workflow, command: str, advised: str) -> None:
    for part in range(6):
        value = str(part) * 90_000
        if command == "mget":
            workflow.run("set", key=str(part), value=value)
        elif command == "arange":
            workflow.run("apush", key="a", value=value)
        else:
            workflow.run("hset", key="a", field=str(part), value=value)
    inputs = {"keys": "\n".join(map(str, range(6)))} if command == "mget" else {"key": "a"}
    error = workflow.run_given(command, inputs).error
    assert advised in error
    assert "'output-file'" not in error


@pytest.mark.parametrize("command", ["getdel", "apop"])
def test_what_may_have_been_taken_away_is_found_where_the_error_says(served: Served, command: str) -> None:
    """It was, and the reply is lost for good; nothing is claimed meanwhile."""
    served.workflow.run("set" if command == "getdel" else "apush", key=KEY, value=VALUE)
    served.server.fail(1, Cut.AFTER, method="POST", service=RECEIVE_PACK)
    served.server.between(lambda: served.server.fail(1, Status(503), service=UPLOAD_PACK, forever=True))
    ended = served.workflow.run_given(command, {"key": KEY}, lambda outside: replace(outside, sleep=lambda _: None))
    (parked,) = (name.removeprefix("refs/heads/") for name in refs(served.repository) if "/gc/" in name)
    assert "cannot be known" in ended.error
    assert f"--branch {parked} {served.workflow.repository} parked" in ended.error
    assert ended.outputs == {}
