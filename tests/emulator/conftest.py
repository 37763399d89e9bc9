"""An emulator with one repository ``o/r``, and PyGithub as its client."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from github import Auth, Github, GithubException
from github.Requester import Requester

from tests.emulator import GitHubEmulator
from tests.emulator.server import DEFAULT_TOKEN

START = 1_767_268_800.0
PERSON = {"name": "a", "email": "a@a.a", "date": "2025-01-01T00:00:00Z"}
ZERO = "0" * 40


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Client:
    """What the tests ask of the repository ``o/r``."""

    requester: Requester

    def rest(
        self, verb: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[dict[str, str], object]:
        return self.requester.requestJsonAndCheck(verb, f"/repos/o/r{path}", input=body, headers=headers)

    def get(self, path: str) -> object:
        return self.rest("GET", path)[1]

    def post(self, path: str, body: object) -> dict[str, str]:
        content = self.rest("POST", path, body)[1]
        assert isinstance(content, dict)
        return content

    def refused(self, verb: str, path: str, body: object = None) -> tuple[int, str]:
        """Send a request that is refused; give the status and the message."""
        with pytest.raises(GithubException) as caught:
            self.rest(verb, path, body)
        return caught.value.status, caught.value.data["message"]

    def commit(self, message: str = "", content: str = "Boolean") -> str:
        """Make a root commit with one file ``value``; the same arguments make the same commit."""
        tree = self.post("/git/trees", {"tree": [{"path": "value", "mode": "100644", "type": "blob", "content": content}]})
        body = {"message": message, "tree": tree["sha"], "parents": [], "author": PERSON, "committer": PERSON}
        return self.post("/git/commits", body)["sha"]

    def branch(self, name: str, oid: str) -> None:
        self.post("/git/refs", {"ref": f"refs/heads/{name}", "sha": oid})

    def query(self, selection: str, **variables: object) -> dict[str, object]:
        """Select fields of the repository."""
        declared = "".join(f"${name}: String!, " for name in variables)
        text = f'query{f"({declared})" if declared else ""} {{ repository(owner: "o", name: "r") {{ {selection} }} }}'
        data = self.requester.graphql_query(text, variables)[1]["data"]["repository"]
        assert isinstance(data, dict)
        return data

    def update(self, *updates: Mapping[str, object], echo: str = "echo") -> dict[str, object]:
        repository = self.query("id")["id"]
        body = {"repositoryId": repository, "refUpdates": list(updates), "clientMutationId": echo}
        return self.requester.graphql_named_mutation("updateRefs", body, "clientMutationId")[1]

    def update_error(self, *updates: Mapping[str, object]) -> tuple[str | None, str]:
        """Send updates that are refused; give the type and the message of the one error."""
        with pytest.raises(GithubException) as caught:
            self.update(*updates)
        data = caught.value.data
        assert data["data"] == {"updateRefs": None}
        [error] = data["errors"]
        assert error["path"] == ["updateRefs"]
        return error.get("type"), error["message"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(tmp_path: Path, clock: Clock) -> Iterator[GitHubEmulator]:
    """Serve ``o/r``. A test that asks for what is not expected has to clear ``unexpected``."""
    with GitHubEmulator(tmp_path / "github", clock=clock) as github:
        github.create("o", "r")
        yield github
        assert not github.unexpected


@pytest.fixture
def connect(emulator: GitHubEmulator) -> Iterator[Callable[..., Client]]:
    opened = []

    def open_client(token: str = DEFAULT_TOKEN, timeout: int = 15, base_url: str = "") -> Client:
        github = Github(
            auth=Auth.Token(token),
            base_url=base_url or emulator.api_url,
            timeout=timeout,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        opened.append(github)
        return Client(github.requester)

    yield open_client
    for github in opened:
        github.close()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    return connect()


@pytest.fixture
def path(emulator: GitHubEmulator) -> Path:
    """Where the repository is on disk."""
    found = emulator.repositories.find("o/r")
    assert found
    return found.path
