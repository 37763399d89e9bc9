"""Each fault once, as PyGithub meets it, and that the log says what happened."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from github import Auth, Github, GithubException, RateLimitExceededException
from requests.exceptions import ChunkedEncodingError, ConnectionError, ReadTimeout, RequestException  # noqa: A004  # requests' own

from tests.emulator import (
    Drop,
    Fault,
    GitHubEmulator,
    Lag,
    Logged,
    Malformed,
    PrimaryExhausted,
    ResourceLimits,
    Rival,
    SecondaryLimit,
    StaleRead,
    Status,
    Timeout,
    Truncated,
    Untyped,
)
from tests.emulator.conftest import ZERO, Client, Clock
from tests.servers.binary import run_git


def create(client: Client, oid: str, name: str = "x") -> None:
    client.rest("POST", "/git/refs", {"ref": f"refs/heads/{name}", "sha": oid})


def exists(path: Path, name: str = "x") -> bool:
    return run_git("rev-parse", "--verify", "--quiet", f"refs/heads/{name}", directory=path, check=False).returncode == 0


@pytest.mark.parametrize(
    ("fault", "error", "applied"),
    [
        (Drop(), ConnectionError, False),
        (Drop(applied=True), ConnectionError, True),
        (Timeout(), ReadTimeout, False),
        (Timeout(applied=True), ReadTimeout, True),
        (Truncated(), ChunkedEncodingError, True),
        (Malformed(), Exception, True),
        (Status(), GithubException, False),
        (Status(502, applied=True), GithubException, True),
        (SecondaryLimit(), RateLimitExceededException, False),
        (SecondaryLimit(429), GithubException, False),
        (PrimaryExhausted(), RateLimitExceededException, False),
        (PrimaryExhausted(already=True), GithubException, False),
    ],
)
def test_faults_of_rest_writes(
    emulator: GitHubEmulator,
    connect: Callable[..., Client],
    path: Path,
    fault: Fault,
    error: type[Exception],
    applied: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    client = connect()
    hurried = connect(timeout=1) if isinstance(fault, Timeout) else client
    oid = client.commit()
    emulator.reset_log()
    emulator.faults[1] = fault

    with pytest.raises(error):
        create(hurried, oid)

    assert exists(path) is applied
    [entry] = emulator.requests
    assert (entry.number, entry.kind, entry.method, entry.fault) == (1, "rest", "POST", fault)
    assert (entry.status == 0) is isinstance(fault, Drop | Timeout)


@pytest.mark.parametrize(
    ("fault", "status", "applied"),
    [
        (Drop(), 0, False),
        (Drop(applied=True), 0, True),
        (Status(), 502, False),
        (Status(applied=True), 502, True),
        (Truncated(), 200, True),
        (Malformed(), 200, True),
        (Untyped(), 200, False),
        (Untyped(applied=True), 200, True),
        (SecondaryLimit(200), 200, False),
        (SecondaryLimit(403), 403, False),
        (PrimaryExhausted(), 200, False),
        (PrimaryExhausted(as_rest=True), 403, False),
    ],
)
def test_faults_of_mutations(
    emulator: GitHubEmulator,
    client: Client,
    path: Path,
    fault: Fault,
    status: int,
    applied: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    oid = client.commit()
    emulator.on_request = lambda entry: fault if entry.kind == "graphql-mutation" else None

    with pytest.raises((GithubException, RequestException, ValueError)):
        client.update({"name": "refs/heads/x", "afterOid": oid, "beforeOid": ZERO})

    assert exists(path) is applied
    assert emulator.requests[-1].status == status
    assert emulator.count("graphql-mutation") == 1


def test_what_graphql_says_where_it_cannot_say_what_happened(emulator: GitHubEmulator, client: Client) -> None:
    """JSON in the form of an answer, with the status of a server error or of a success."""
    emulator.faults = {1: Status(504), 2: Untyped(), 3: Status(502, body="<html>")}
    told = [client.requester.requestJson("POST", "/graphql", input={"query": "{ viewer { login } }"}) for _ in range(3)]
    assert [status for status, _, _ in told] == [504, 200, 502]
    for _, headers, body in told[:2]:
        assert headers["content-type"].startswith("application/json")
        answer = json.loads(body)
        assert (answer["data"], [error.keys() for error in answer["errors"]]) == (None, [{"message"}])
    assert told[2][2] == "<html>"


def test_copies_that_have_not_heard_yet(emulator: GitHubEmulator, client: Client, path: Path) -> None:
    """Of what a write names, or of the repository; nothing is stored then."""
    oid = client.commit()
    emulator.on_request = lambda entry: Lag() if entry.kind == "graphql-mutation" or entry.path.endswith("/commits") else None
    with pytest.raises(GithubException, match="does not exist"):
        client.update({"name": "refs/heads/x", "afterOid": oid, "beforeOid": ZERO})
    with pytest.raises(GithubException, match="Tree SHA does not exist"):
        client.commit()
    emulator.on_request = lambda _: Lag(of_repository=True)
    with pytest.raises(GithubException, match="404"):
        client.commit()
    emulator.on_request = None
    assert not exists(path)
    client.update({"name": "refs/heads/x", "afterOid": oid, "beforeOid": ZERO})
    assert exists(path)


def test_page_of_the_unicorn(emulator: GitHubEmulator, client: Client) -> None:
    emulator.faults[1] = Status()

    status, headers, body = client.requester.requestJson("GET", "/repos/o/r")

    assert (status, headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert "Unicorn" in body


@pytest.mark.parametrize("fault", [SecondaryLimit(403, 7), SecondaryLimit(200, 7), SecondaryLimit(403, content=True)])
def test_secondary_limit_may_say_when_to_come_back(emulator: GitHubEmulator, client: Client, fault: SecondaryLimit) -> None:
    emulator.faults[1] = fault

    with pytest.raises(GithubException) as caught:
        client.query("id")

    assert caught.value.headers is not None
    assert caught.value.headers.get("retry-after") == (None if fault.content else "7")
    assert int(caught.value.headers["x-ratelimit-remaining"]) > 0
    assert "secondary rate limit" in str(caught.value.data)


def test_exhausted_limit_lasts_until_the_reset(emulator: GitHubEmulator, client: Client, clock: Clock) -> None:
    emulator.faults[1] = PrimaryExhausted(already=True)
    with pytest.raises(GithubException) as caught:
        client.get("")
    assert caught.value.headers is not None
    assert caught.value.headers["x-ratelimit-remaining"] == "0"
    assert "already exceeded" in caught.value.data["message"]

    reset = int(caught.value.headers["x-ratelimit-reset"])
    clock.now = reset - 1
    with pytest.raises(RateLimitExceededException):
        client.get("")
    clock.now = reset
    assert client.get("")


def test_exhausted_limit_of_graphql_is_an_error_with_200(emulator: GitHubEmulator, client: Client) -> None:
    emulator.faults[1] = PrimaryExhausted()

    with pytest.raises(GithubException) as caught:
        client.query("id")

    assert caught.value.data["errors"][0]["type"] == "RATE_LIMITED"
    assert emulator.requests[0].status == 200
    assert client.get("")


def test_resource_limits_leave_the_rest_null(emulator: GitHubEmulator, client: Client) -> None:
    emulator.faults[1] = ResourceLimits(after=2)
    aliases = " ".join(f'r{number}: ref(qualifiedName: "refs/heads/main") {{ name }}' for number in range(4))

    with pytest.raises(GithubException) as caught:
        client.query(aliases)

    data = caught.value.data
    main = {"name": "main"}
    assert data["data"]["repository"] == {"r0": main, "r1": main, "r2": None, "r3": None}
    assert [(error["type"], error["message"]) for error in data["errors"]] == [
        ("RESOURCE_LIMITS_EXCEEDED", "Resource limits for this query exceeded.")
    ]


def test_stale_reads_do_not_see_the_last_writes(emulator: GitHubEmulator, client: Client) -> None:
    one, two = client.commit("1"), client.commit("2")
    create(client, one)
    client.update({"name": "refs/heads/x", "afterOid": two, "force": True}, {"name": "refs/heads/y", "afterOid": two})
    client.rest("DELETE", "/git/refs/heads/y")

    def read(writes: int) -> object:
        emulator.reset_log()
        emulator.faults[1] = StaleRead(writes)
        refs = [f'{name}: ref(qualifiedName: "refs/heads/{name}") {{ target {{ oid }} }}' for name in "xy"]
        data = client.query(" ".join(refs))
        return [(found or {}).get("target", {}).get("oid") for found in data.values() if found is None or isinstance(found, dict)]

    assert [read(writes) for writes in range(4)] == [[two, None], [two, two], [one, None], [None, None]]
    emulator.reset_log()
    emulator.faults = {1: StaleRead(), 2: StaleRead(3)}
    shown = client.get("/git/matching-refs/heads/")
    assert isinstance(shown, list)
    assert [ref["ref"] for ref in shown] == ["refs/heads/main", "refs/heads/x", "refs/heads/y"]
    assert client.refused("GET", "/git/ref/heads/x") == (404, "Not Found")


def test_rival_acts_before_the_request(emulator: GitHubEmulator, connect: Callable[..., Client]) -> None:
    mine, theirs = connect(), connect()
    one, two = mine.commit("1"), mine.commit("2")
    create(mine, one)
    emulator.reset_log()
    emulator.faults[2] = Rival(lambda: theirs.update({"name": "refs/heads/x", "afterOid": two, "force": True}))

    type, _ = mine.update_error({"name": "refs/heads/x", "afterOid": ZERO, "beforeOid": one})

    assert type == "STALE_DATA"


def test_held_answer_ends_with_the_emulator(tmp_path: Path) -> None:
    """Leaving the context does not wait for clients that are patient."""
    held = threading.Event()

    def hold(_: Logged) -> Fault:
        held.set()
        return Timeout()

    with GitHubEmulator(tmp_path) as emulator:
        emulator.create("o", "r")
        emulator.on_request = hold
        github = Github(auth=Auth.Token("emulated-token"), base_url=emulator.api_url, retry=None)
        errors: list[Exception] = []

        def ask() -> None:
            try:
                github.get_repo("o/r")
            except RequestException as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert held.wait(5)
    thread.join()
    github.close()
    assert len(errors) == 1
