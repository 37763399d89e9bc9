"""What became of a request is told by its status first, then by its body: steps on the emulated GitHub, with all answers."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.names import ANCHOR_TAG, MAIN_BRANCH, RefName
from git_keyval.maintenance.init import init
from tests.action.steps import Ended, Workflow
from tests.conftest import FakeClock
from tests.contract.places import open_git_place
from tests.contract.samples import foreign_commit
from tests.emulator import Fault, GitHubEmulator, Kind, Lag, Logged, Protected, Rival, Status, Untyped
from tests.emulator.server import DEFAULT_TOKEN
from tests.replacing import replace
from tests.servers.binary import git_output
from tests.world import World

A_HANDFUL = 5
PROXYS_PAGE = "<html><body>Blocked by policy</body></html>"


def said(*errors: Mapping[str, object], **members: object) -> str:
    return json.dumps({**members, "errors": errors})


def untold(*, applied: bool) -> dict[str, Fault]:
    """Return answers that do not say whether the request was done, each given to one that was or was not."""
    known, unknown = {"type": "UNPROCESSABLE", "message": "no"}, {"type": "INTERNAL", "message": "Oops"}
    partial = {"updateRefs": None, "repository": None}

    def of(code: int, body: str | None = None, content_type: str = "text/html") -> Status:
        return Status(code, applied, body, content_type)

    return {
        "502 in JSON": of(502),
        "504 in JSON": of(504),
        "500 with a page": of(500, PROXYS_PAGE),
        "502 with an empty body": of(502, ""),
        "503 that limits the rate": of(503, '{"message": "API rate limit exceeded"}', "application/json"),
        "502 with a known type": of(502, said(known), "application/json"),
        "an error without a type": Untyped(applied),
        "an error of a type that nobody knows": of(200, said(unknown, data=None), "application/json"),
        "one error that is known and one that is not": of(200, said(known, unknown, data=partial), "application/json"),
        "data that is partly null": of(200, said({"message": "Oops", "path": ["x"]}, data=partial), "application/json"),
        "errors of another form": of(200, '{"data": null, "errors": "no"}', "application/json"),
        "no data": of(200, '{"data": null}', "application/json"),
        "200 with a page": of(200, PROXYS_PAGE),
        "200 with nothing": of(200, ""),
        "403 with the page of a proxy": of(403, PROXYS_PAGE),
        "408": of(408, ""),
    }


BEFORE, AFTER = untold(applied=False), untold(applied=True)


class Steps:
    """Steps in which time passes only where they sleep."""

    def __init__(self, workflow: Workflow, emulator: GitHubEmulator, clock: FakeClock) -> None:
        self._workflow = workflow
        self._emulator = emulator
        self._clock = clock

    def run(self, command: str, **inputs: str) -> Ended:
        self._emulator.reset_log()
        given = {name.rstrip("_").replace("_", "-"): value for name, value in inputs.items()}
        return self._workflow.run_given(command, given, self._outside)

    def meet(self, fault: Fault, kind: Kind, times: int = 1) -> list[int]:
        """Have the next requests of a kind meet a fault; the list that is returned grows by the number of each."""
        met: list[int] = []

        def on_request(logged: object) -> Fault | None:
            if getattr(logged, "kind", "") != kind or len(met) == times:
                return None
            met.append(getattr(logged, "number", 0))
            return fault

        self._emulator.on_request = on_request
        return met

    def _outside(self, outside: Surroundings) -> Surroundings:
        began = self._clock()
        return replace(outside, clock=self._clock, sleep=self._clock.advance, elapsed=lambda: (self._clock() - began) / 1e6)


@pytest.fixture
def steps(tmp_path: Path, emulator: GitHubEmulator, clock: FakeClock) -> Steps:
    emulator.create("owner", "name")
    workflow = Workflow(tmp_path / "steps", "owner/name", {"token": DEFAULT_TOKEN, "transport": "api"}, dict(emulator.environ))
    steps = Steps(workflow, emulator, clock)
    steps.run("init")
    return steps


WRITES: dict[str, tuple[Callable[[Steps], object], Callable[[Steps], Ended], dict[str, str]]] = {
    "getdel": (
        lambda steps: steps.run("set", key="k", value="v"),
        lambda steps: steps.run("getdel", key="k"),
        {"found": "true", "applied": "true", "value": "v"},
    ),
    "set if absent": (
        lambda _: None,
        lambda steps: steps.run("set", key="k", value="v", if_="absent"),
        {"applied": "true"},
    ),
    "incr": (
        lambda steps: steps.run("incr", key="k"),
        lambda steps: steps.run("incr", key="k"),
        {"value": "2"},
    ),
    "unlock": (
        lambda steps: steps.run("lock", key="k", owner="us", ttl="1h"),
        lambda steps: steps.run("unlock", key="k", owner="us"),
        {"applied": "true"},
    ),
    "apop": (
        lambda steps: (steps.run("apush", key="k", value="1"), steps.run("apush", key="k", value="2")),
        lambda steps: steps.run("apop", key="k"),
        {"found": "true", "value": "2", "applied": "true"},
    ),
    "lock": (
        lambda _: None,
        lambda steps: steps.run("lock", key="k", owner="us", ttl="1h"),
        {"applied": "true", "owner": "us"},
    ),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("answers", [BEFORE, AFTER], ids=["not applied", "applied"])
def test_a_write_whose_reply_says_nothing_is_settled_by_reading(steps: Steps, name: str, answers: Mapping[str, Fault]) -> None:
    """Every command with the answer that was seen most, and a share of the others, so that each of these meets two commands."""
    prepare, write, right = WRITES[name]
    number, count = list(WRITES).index(name), len(WRITES)
    share = [each for index, each in enumerate(answers) if index == 0 or index % count in {number, (number + 1) % count}]
    for answer in share:
        prepare(steps)
        met = steps.meet(answers[answer], "graphql-mutation")
        ended = write(steps)
        assert (ended.code, {output: ended.outputs.get(output) for output in right}) == (0, right), (answer, ended)
        assert len(met) == 1
        steps.run("del", key="k")


@pytest.mark.parametrize("answer", BEFORE)
def test_a_query_whose_answer_says_nothing_is_asked_again(steps: Steps, emulator: GitHubEmulator, answer: str) -> None:
    steps.run("set", key="k", value="v")
    met = steps.meet(BEFORE[answer], "graphql-query")
    assert steps.run("get", key="k").outputs["value"] == "v"
    assert len(met) == 1
    assert emulator.count() <= 3  # in two halves where it may have been too much to ask for
    met = steps.meet(BEFORE[answer], "graphql-query", times=100)
    ended = steps.run("get", key="k")
    assert ended.code == 1
    assert A_HANDFUL <= len(met) <= A_HANDFUL + 2
    assert "GitHub did not answer" in ended.error


@pytest.mark.parametrize("answer", [name for name in AFTER if name not in {"an error without a type", "502 with a known type"}])
def test_an_upload_whose_answer_says_nothing_is_made_again(steps: Steps, emulator: GitHubEmulator, answer: str) -> None:
    fault = AFTER[answer]
    if isinstance(fault, Status) and fault.code == 200 and fault.content_type == "application/json":
        return  # it is another object than was sent, which is no accident
    met = steps.meet(fault, "rest")
    assert steps.run("set", key="k", value="v").outputs["applied"] == "true"
    assert len(met) == 1
    assert emulator.count("rest") == 3
    assert steps.run("get", key="k").outputs["value"] == "v"


def refusal(code: int, message: str = "", **more: object) -> Status:
    body = json.dumps({"message": message, **more}) if message else PROXYS_PAGE
    return Status(code, body=body, content_type="application/json" if message else "text/html")


def typed(kind: str, message: str = "no") -> Status:
    return Status(200, body=said({"type": kind, "message": message}, data={"updateRefs": None}), content_type="application/json")


INVALID = {"message": "Field 'x' doesn't exist on type 'Mutation'", "extensions": {"code": "undefinedField"}}
REFUSALS: dict[str, tuple[Status, str]] = {
    "bad credentials": (refusal(401, "Bad credentials"), "does not accept the token"),
    "401 with a page": (refusal(401), "does not accept the token"),
    "not accessible": (refusal(403, "Resource not accessible by integration"), "may not do this"),
    "sent elsewhere": (refusal(307, "Temporary Redirect"), "no API of GitHub"),
    "a conflict": (refusal(409, "Git Repository is empty."), "Git Repository is empty"),
    "archived": (refusal(403, "Repository was archived so is read-only."), "is archived"),
    "too large": (refusal(413), "Raise the limit of the proxy"),
    "proxy authentication": (refusal(407), "HTTPS_PROXY"),
    "not valid": (refusal(422, "Validation Failed"), "Validation Failed"),
    "FORBIDDEN": (typed("FORBIDDEN"), "may not do this"),
    "UNPROCESSABLE": (typed("UNPROCESSABLE", "Repository rule violations found"), "Repository rule violations found"),
    "NOT_FOUND": (typed("NOT_FOUND", "Could not resolve to a node"), "Could not resolve"),
    "INSUFFICIENT_SCOPES": (typed("INSUFFICIENT_SCOPES", "Your token has not been granted"), "not been granted"),
    "a mutation that the server does not know": (
        Status(200, body=said(INVALID), content_type="application/json"),
        "doesn't exist on type",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_told_in_a_handful_of_requests(steps: Steps, emulator: GitHubEmulator, name: str) -> None:
    """It is known that nothing was done, and why; nothing is sent as if it could help."""
    steps.run("set", key="k", value="v")
    refused, words = REFUSALS[name]
    steps.meet(refused, "graphql-mutation", times=100)
    ended = steps.run("set", key="k", value="w")
    assert words in ended.error
    assert "cannot be known" not in ended.error
    assert emulator.count() <= A_HANDFUL + 2, [entry.path for entry in emulator.requests]
    emulator.on_request = None
    assert steps.run("get", key="k").outputs["value"] == "v"


# --- what a copy has not heard of yet -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["set", "hset", "set of bytes"])
@pytest.mark.parametrize("copies", [1, 3])
def test_what_was_stored_a_moment_ago_is_waited_for(
    steps: Steps, emulator: GitHubEmulator, clock: FakeClock, command: str, copies: int
) -> None:
    """Whichever write meets copies that lag: a tree of blobs, a commit of a tree, a ref of a commit."""
    inputs = {
        "set": {"command": "set", "value": "v"},
        "hset": {"command": "hset", "field": "f", "value": "v"},
        "set of bytes": {"command": "set", "value": "AP8=", "type": "bytes"},
    }[command]

    def write(key: str) -> Ended:
        return steps.run(inputs["command"], key=key, **{name: text for name, text in inputs.items() if name != "command"})

    assert write("first").code == 0
    requests = list(emulator.requests)
    for request in [logged for logged in requests if logged.kind == "graphql-mutation" or logged.method == "POST"]:
        if request.kind == "graphql-query" or request.path.endswith("/blobs"):
            continue
        began = clock()
        emulator.faults = dict.fromkeys(range(request.number, request.number + copies), Lag())
        ended = write(f"k{request.number}")
        emulator.faults = {}
        assert ended.outputs.get("applied") == "true", (request, ended)
        assert emulator.count() <= len(requests) + copies + 2
        if request.path.endswith("/commits"):
            assert (clock() - began) / 1e6 >= 0.25 * copies


@pytest.mark.parametrize("lags", [Lag(), Lag(of_repository=True)])
def test_what_never_comes_is_told_after_a_handful_of_requests(steps: Steps, emulator: GitHubEmulator, lags: Lag) -> None:
    """A commit of a tree that was stored just before, and a repository that was seen just before."""
    emulator.on_request = lambda logged: lags if logged.path.endswith("/commits") else None
    ended = steps.run("set", key="k", value="v")
    assert ended.code == 1
    assert sum(entry.path.endswith("/commits") for entry in emulator.requests) == A_HANDFUL
    assert emulator.count() <= A_HANDFUL + 3
    emulator.on_request = None
    assert steps.run("get", key="k").outputs["found"] == "false"


def test_a_repository_that_was_never_seen_is_told_at_once(steps: Steps, emulator: GitHubEmulator) -> None:
    ended = steps.run("set", key="k", value="v", repository="owner/none")
    assert "owner/none" in ended.error
    assert emulator.count() == 1


def test_a_refusal_of_an_object_is_told_at_once(steps: Steps) -> None:
    met = steps.meet(refusal(422, "tree.path contains a malformed path component"), "rest", times=100)
    assert "malformed path" in steps.run("set", key="k", value="v").error
    assert len(met) <= 2


@pytest.mark.parametrize("status", [307, 404, 409])
def test_a_blob_that_is_not_where_it_was_is_asked_for_in_another_way(steps: Steps, emulator: GitHubEmulator, status: int) -> None:
    for field in "abc":
        steps.run("hset", key="k", field=field, value=f"value {field}")
    emulator.options.blob_text_limit = len("value")
    steps.run("hget", key="k", field="b")
    assert [entry.method for entry in emulator.requests if entry.kind == "rest"] == ["GET"]
    met = steps.meet(refusal(status, "Git Repository is empty."), "rest")
    ended = steps.run("hget", key="k", field="b")
    assert len(met) == 1
    if status == 307:
        assert "sends requests for owner/name elsewhere" in ended.error
    else:
        assert ended.outputs["value"] == "value b"


def test_the_first_commit_of_a_repository_that_was_renamed(steps: Steps, emulator: GitHubEmulator) -> None:
    emulator.create("owner", "former", empty=True)
    emulator.rename("owner/former", "owner/present")
    assert steps.run("init", repository="owner/former").code == 0
    assert steps.run("check", repository="owner/present").code == 0


# --- rules, and the first write -------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["auto", "api"])
@pytest.mark.parametrize("command", ["set", "incr", "hset"])
def test_a_rule_is_told_in_a_handful_of_requests(steps: Steps, emulator: GitHubEmulator, transport: str, command: str) -> None:
    emulator.options.protected = (Protected("refs/heads/kv-*"), Protected("refs/tags/kv-*"))
    inputs = {"set": {"value": "v"}, "incr": {}, "hset": {"field": "f", "value": "v"}}[command]
    ended = steps.run(command, key="k", transport=transport, **inputs)
    assert "rule violation" in ended.error
    assert len([entry for entry in emulator.requests if not is_id_query(entry)]) <= A_HANDFUL


@pytest.mark.parametrize("transport", ["auto", "api"])
def test_the_first_write_of_a_repository_takes_seven_requests(steps: Steps, emulator: GitHubEmulator, transport: str) -> None:
    """Without 'init': the write, the read that follows its conflict, what every database has, and the write."""
    emulator.create("owner", "new")
    ended = steps.run("set", key="k", value="v", repository="owner/new", transport=transport)
    assert ended.outputs["applied"] == "true"
    assert len([entry for entry in emulator.requests if not is_id_query(entry)]) == 7
    assert steps.run("check", repository="owner/new").code == 0


@pytest.mark.parametrize("transport", ["auto", "api"])
def test_an_empty_repository_is_made_ready(steps: Steps, emulator: GitHubEmulator, transport: str) -> None:
    path = emulator.create("owner", "empty", empty=True)
    empty = {"repository": "owner/empty", "transport": transport}
    assert "Run the command 'init' first" in steps.run("set", key="k", value="v", **empty).error
    emulator.reset_log()
    assert steps.run("init", **empty).code == 0
    assert len([entry for entry in emulator.requests if not is_id_query(entry)]) == (4 if transport == "auto" else 5)
    assert git_output("show", "refs/heads/main:README.md", directory=path).startswith("# A git-keyval database")
    assert steps.run("set", key="k", value="v", **empty).outputs["applied"] == "true"
    assert steps.run("check", **empty).code == 0


def test_the_first_branch_is_ours_whatever_commit_github_makes(steps: Steps, emulator: GitHubEmulator) -> None:
    """A commit of other people at another time, say: the branch is then moved to the one that was asked for."""
    paths = [emulator.create("owner", name, empty=True) for name in ("asked", "other")]
    for name in ("asked", "other"):
        emulator.options.signs_contents = name == "other"
        assert steps.run("init", repository=f"owner/{name}").code == 0
    first, second = (git_output("rev-parse", "refs/heads/main", directory=path) for path in paths)
    assert first == second


@pytest.mark.parametrize("applied", [False, True])
def test_a_first_commit_whose_reply_is_lost_is_not_guessed(steps: Steps, emulator: GitHubEmulator, *, applied: bool) -> None:
    emulator.create("owner", "empty", empty=True)
    emulator.on_request = lambda logged: Status(502, applied) if logged.method == "PUT" else None
    ended = steps.run("init", repository="owner/empty")
    emulator.on_request = None
    # What was done is found by reading; what was not is sent again, as long as it makes sense.
    assert ("not known" in ended.log) is not applied
    assert (ended.code, sum(entry.method == "PUT" for entry in emulator.requests) == 1) == ((0, True) if applied else (1, False))
    assert steps.run("init", repository="owner/empty").code == 0
    assert steps.run("check", repository="owner/empty").code == 0


@pytest.mark.parametrize("by_git", [True, False])
def test_a_rival_that_makes_the_same_repository_ready_is_no_harm(
    steps: Steps, emulator: GitHubEmulator, clock: FakeClock, *, by_git: bool
) -> None:
    path = emulator.create("owner", "empty", empty=True)
    theirs = World(open_git_place(path, str(path), clock, {}), clock)
    met: list[str] = []

    def rival(logged: Logged) -> Rival | None:
        if met or logged.path.startswith("/repos/owner/empty/git/matching-refs") or not (logged.method == "PUT" or by_git):
            return None
        met.append(logged.path)
        return Rival(lambda: init(theirs.maintenance()))

    emulator.on_request = rival
    ended = steps.run("init", repository="owner/empty", transport="auto" if by_git else "api")
    emulator.on_request = None
    assert (ended.code, len(met)) == (0, 1)
    assert steps.run("check", repository="owner/empty").code == 0


def test_a_repository_of_tags_alone_is_made_ready(steps: Steps, emulator: GitHubEmulator, clock: FakeClock) -> None:
    """It has no branch and is not empty, so the API makes no file in it."""
    path = emulator.create("owner", "tags", empty=True)
    theirs = World(open_git_place(path, str(path), clock, {}), clock)
    theirs.put(RefName("refs/tags/v1"), foreign_commit("x"))
    assert steps.run("init", repository="owner/tags", transport="api").code == 0
    assert theirs.refs().keys() == {MAIN_BRANCH, ANCHOR_TAG, RefName("refs/tags/v1")}


def test_a_rule_against_the_first_branch_is_told(steps: Steps, emulator: GitHubEmulator) -> None:
    path = emulator.create("owner", "empty", empty=True)
    emulator.options.protected = (Protected("refs/heads/main"),)
    for transport in ("auto", "api"):
        assert "rule violation" in steps.run("init", repository="owner/empty", transport=transport).error
    assert git_output("for-each-ref", directory=path) == ""


def is_id_query(logged: Logged) -> bool:
    """Return whether a request asks for the repository's id, which the event of a run tells."""
    return logged.kind == "graphql-query" and logged.bytes_in < 300
