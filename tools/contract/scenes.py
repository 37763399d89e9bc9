"""A session with the emulated GitHub's REST API: every route, and every status that it answers with."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.emulator import Fault, Permission, PrimaryExhausted, Protected, SecondaryLimit
from tests.servers.binary import git_output, run_git
from tools.contract.exchanges import Json, RecordedGitHub, Recording

_TOKENS = dict.fromkeys(("writer", "alone", "sso"), Permission.WRITE) | {"reader": Permission.READ}
_ABSENT = "1" * 40
_PERSON = {"name": "a", "email": "a@a.a", "date": "2025-01-01T00:00:00Z"}
_SECRET = "s3cret"  # noqa: S105  # what push protection is to find
_TIMEOUT_SECONDS = 30


def record_session(directory: Path) -> Recording:
    """Go through all of it. That the emulator does not expect the bad requests is as it should be."""
    github = RecordedGitHub(directory, clock=lambda: 1_767_268_800.0, tokens=dict(_TOKENS))
    return github.record(lambda: _session(github))


def _session(github: RecordedGitHub) -> None:
    path = github.create("o", "r")
    with requests.Session() as http:
        client = _Client(github, http)
        stored = _store(client, path)
        samples = _samples(stored)
        _answers(client, samples)
        _objects(client, stored)
        _refs(client, stored)
        _commits(client, stored, path)
        _contents(client)
        _refusals(client, samples)
        _elsewhere(client, samples)


@dataclass(frozen=True, slots=True)
class _Client:
    github: RecordedGitHub
    http: requests.Session

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        at: str = "/repos/o/r",
        token: str = "writer",  # noqa: S107  # made up
        **headers: str,
    ) -> Json:
        """Send a request, follow no redirection, and give the parsed answer, if it is JSON."""
        sent = {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        url = f"{self.github.api_url}{at}{path}"
        answer = self.http.request(method, url, data=data, headers=sent, allow_redirects=False, timeout=_TIMEOUT_SECONDS)
        return answer.json() if answer.headers.get("Content-Type", "").startswith("application/json") and answer.content else None

    def met(self, fault: Fault, *sample: Json, **more: str) -> None:
        """Send a request that meets a fault."""
        self.github.on_request = lambda _entry: fault
        self.send(*sample, **more)
        self.github.on_request = None


@dataclass(frozen=True, slots=True)
class _Stored:
    blob: str
    tree: str
    commit: str
    other: str


@dataclass(frozen=True, slots=True)
class _Sample:
    """A request that succeeds."""

    method: str
    path: str
    body: object = None

    @property
    def parts(self) -> tuple[str, str, object]:
        return self.method, self.path, self.body


def _entry(path: str, mode: str = "100644", kind: str = "blob", **more: object) -> dict[str, object]:
    return {"path": path, "mode": mode, "type": kind, **more}


def _store(client: _Client, path: Path) -> _Stored:
    blob = client.send("POST", "/git/blobs", {"content": "b"})["sha"]
    tree = client.send("POST", "/git/trees", {"tree": [_entry("a", content="1"), _entry("d/e", sha=blob)]})["sha"]
    commits = [
        client.send("POST", "/git/commits", {"message": text, "tree": tree, "author": _PERSON, "committer": _PERSON})["sha"]
        for text in ("one\n", "h\u00e9 two")
    ]
    stored = _Stored(blob, tree, commits[0], commits[1])
    annotated = f"object {stored.commit}\ntype commit\ntag v\ntagger A <a@a.a> 0 +0000\n\nv\n"
    oid = git_output("mktag", directory=path, stdin=annotated.encode())
    for name, target in {"heads/k/v": stored.commit, "tags/v": oid, "tags/blob": blob, "tags/tree": tree}.items():
        run_git("update-ref", f"refs/{name}", target, directory=path)
    return stored


def _samples(stored: _Stored) -> list[_Sample]:
    """Return one request for each route, in an order in which all succeed."""
    encoded = base64.b64encode(b"1").decode()
    return [
        _Sample("GET", ""),
        _Sample("GET", f"/git/blobs/{stored.blob}"),
        _Sample("POST", "/git/blobs", {"content": "b", "encoding": "utf-8"}),
        _Sample("GET", f"/git/trees/{stored.tree}"),
        _Sample("POST", "/git/trees", {"base_tree": stored.tree, "tree": [_entry("a", sha=stored.blob)]}),
        _Sample("GET", f"/git/commits/{stored.commit}"),
        _Sample("POST", "/git/commits", {"message": "m", "tree": stored.tree, "parents": [stored.commit]}),
        _Sample("GET", "/git/ref/heads/k/v"),
        _Sample("GET", "/git/matching-refs/"),
        _Sample("POST", "/git/refs", {"ref": "refs/heads/new", "sha": stored.commit}),
        _Sample("PATCH", "/git/refs/heads/new", {"sha": stored.other, "force": True}),
        _Sample("DELETE", "/git/refs/heads/new"),
        _Sample("GET", f"/commits/{stored.commit}/branches-where-head"),
        _Sample("GET", "/commits/heads/k/v"),
        _Sample("PUT", "/contents/d/f", {"message": "first", "content": encoded}),
    ]


def _answers(client: _Client, samples: Sequence[_Sample]) -> None:
    for sample in samples:
        client.send(*sample.parts)
        client.send(*sample.parts, at="/api/v3/repos/o/r")
        if sample.method == "GET":
            client.send("HEAD", sample.path)
    client.send("GET", "", at="/rate_limit")
    client.github.options.private = False
    client.send("GET", "", token="reader")  # noqa: S106  # made up


def _objects(client: _Client, stored: _Stored) -> None:
    raw = "application/vnd.github.raw+json"
    client.send("GET", f"/git/blobs/{stored.blob}", Accept=raw)
    client.send("GET", f"/git/blobs/{_ABSENT}")
    bad_bodies: Sequence[object] = ({"content": "*", "encoding": "base64"}, {"content": "a", "encoding": "latin-1"}, {}, [])
    for body in (*bad_bodies, {"content": 1}):
        client.send("POST", "/git/blobs", body)
    kinds = [
        _entry("a", sha=None),
        _entry("x", "100755", content="x"),
        _entry("l", "120000", content="a"),
        _entry("s", "160000", "commit", sha=stored.commit),
        _entry("t", "040000", "tree", sha=stored.tree),
    ]
    made = client.send("POST", "/git/trees", {"base_tree": stored.tree, "tree": kinds})["sha"]
    client.send("GET", f"/git/trees/{made}?recursive=1")
    client.send("GET", "/git/trees/k/v")
    client.send("GET", f"/git/trees/{_ABSENT}")
    bad: list[list[object]] = [
        [],
        [_entry("a")],
        [_entry("a", sha=None)],
        [_entry("a", sha=_ABSENT)],
        [_entry("/a", content="1")],
        [_entry("a", content="1"), _entry("a", content="2")],
        [_entry("a", "100600", content="1")],
    ]
    for entries in bad:
        client.send("POST", "/git/trees", {"tree": entries})
    client.send("POST", "/git/trees", {"tree": [_entry("a", content="1")], "base_tree": _ABSENT})
    options = client.github.options
    options.tree_listing_limit = options.max_tree_entries = 1
    client.send("GET", f"/git/trees/{stored.tree}")
    client.send("POST", "/git/trees", {"tree": [_entry("a", content="1"), _entry("b", content="2")]})
    options.tree_listing_limit, options.max_tree_entries = 100_000, None
    options.secrets = re.compile(_SECRET.encode())
    client.send("POST", "/git/blobs", {"content": _SECRET})
    client.send("POST", "/git/trees", {"tree": [_entry("a", content=_SECRET)]})
    client.send("PUT", "/contents/secret", {"message": "m", "content": base64.b64encode(_SECRET.encode()).decode()})
    options.secrets = None
    client.send("GET", f"/git/commits/{stored.tree}")
    valid = {"message": "m", "tree": stored.tree}
    worse = ({"tree": _ABSENT}, {"parents": [_ABSENT]}, {"author": {"name": "a"}}, {"message": "\0"}, {"committer": _PERSON})
    for more in ({"author": {**_PERSON, "date": "2025-01-01T01:00:00+01:00"}}, *worse):
        client.send("POST", "/git/commits", {**valid, **more})


def _refs(client: _Client, stored: _Stored) -> None:
    client.send("GET", "/git/ref/tags/v")
    client.send("GET", "/git/ref/heads/none")
    client.send("GET", "/git/matching-refs/none")
    refs: Mapping[str, str] = {
        "refs/heads/k/v": stored.commit,
        "refs/heads/absent": _ABSENT,
        "refs/heads/k": stored.commit,
        "refs/heads/blob": stored.blob,
        "heads/x": stored.commit,
    }
    for name, oid in refs.items():
        client.send("POST", "/git/refs", {"ref": name, "sha": oid})
    for name, oid in {"k/v": stored.other, "none": stored.commit, "k%2Fv": _ABSENT}.items():
        client.send("PATCH", f"/git/refs/heads/{name}", {"sha": oid})
    client.send("DELETE", "/git/refs/heads/none")
    client.send("DELETE", "/git/refs/heads/main")
    client.github.options.protected = (Protected("refs/heads/*"),)
    client.send("POST", "/git/refs", {"ref": "refs/heads/ruled", "sha": stored.commit})
    client.send("PATCH", "/git/refs/heads/k/v", {"sha": stored.other, "force": True})
    client.send("DELETE", "/git/refs/heads/k/v")
    client.send("PUT", "/contents/ruled", {"message": "m", "content": ""})
    client.send("GET", f"/commits/{stored.commit}/branches-where-head")
    client.github.options.protected = ()
    client.send("GET", f"/commits/{_ABSENT}/branches-where-head")


def _commits(client: _Client, stored: _Stored, path: Path) -> None:
    """Show commits with files that were added, changed in every way, and removed; and one that the client has."""
    trees: Sequence[Sequence[dict[str, object]]] = (
        [_entry("added", content="1\n"), _entry("d/e", content="changed\n")],
        [_entry("a", "120000", content="d/e"), _entry("added", sha=None)],
        [_entry("a", "160000", "commit", sha=stored.commit)],
    )
    tree, parent = stored.tree, stored.commit
    for edits in trees:
        tree = client.send("POST", "/git/trees", {"base_tree": tree, "tree": edits})["sha"]
        parent = client.send("POST", "/git/commits", {"message": "m", "tree": tree, "parents": [parent]})["sha"]
        client.send("GET", f"/commits/{parent}")
    binary = git_output("hash-object", "-w", "--stdin", directory=path, stdin=b"\0\xff")
    tree = client.send("POST", "/git/trees", {"tree": [_entry("binary", sha=binary)]})["sha"]
    root = client.send("POST", "/git/commits", {"message": "", "tree": tree})["sha"]
    client.send("GET", f"/commits/{root}")
    client.send("GET", "/commits/tags%2Fv")
    client.send("GET", "/commits/heads/none")
    client.send("GET", "/commits/heads/k/v", Accept="application/vnd.github.sha")
    client.send("GET", "/commits/heads/k/v", Accept="application/vnd.github.sha", If_None_Match=f'"{stored.commit}"')


def _contents(client: _Client) -> None:
    encoded = base64.b64encode(b"2").decode()
    body = {"message": "m", "content": encoded}
    made = client.send("PUT", "/contents/again", {**body, "author": _PERSON, "committer": _PERSON, "branch": "main"})
    client.send("PUT", "/contents/again", body)
    client.send("PUT", "/contents/again", {**body, "sha": _ABSENT})
    client.send("PUT", "/contents/again", {**body, "sha": made["content"]["sha"]})
    client.send("PUT", "/contents/again", {**body, "branch": "none"})
    client.send("PUT", "/contents/again", {"message": "m", "content": "*"})


def _refusals(client: _Client, samples: Sequence[_Sample]) -> None:
    """Have every route refused for each of the reasons that any request can be refused for."""
    client.github.options.sso_tokens = {"sso"}
    for sample in samples:
        client.send(*sample.parts, token="unknown")  # noqa: S106  # made up
        client.send(*sample.parts, token="sso")  # noqa: S106  # made up
        client.send(*sample.parts, at="/repos/o/none")
        client.send(*sample.parts, X_GitHub_Api_Version="1999-12-31")
        if sample.method != "GET":
            client.send(*sample.parts, token="reader")  # noqa: S106  # made up
        if sample.body is not None:
            client.send(sample.method, sample.path, b"{")
        for code in (403, 429):
            client.met(SecondaryLimit(code, retry_after=1), *sample.parts)
            client.met(PrimaryExhausted(code=code), *sample.parts, token="alone")  # noqa: S106  # made up


def _elsewhere(client: _Client, samples: Sequence[_Sample]) -> None:
    """Ask for an empty repository, and for a renamed one by its old name and by its number."""
    client.github.create("o", "void", empty=True)
    client.github.create("o", "old")
    client.github.rename("o/old", "o/new")
    number = client.send("GET", "", at="/repos/o/new")["id"]
    for sample in samples:
        client.send(*sample.parts, at="/repos/o/void")
        client.send(*sample.parts, at="/repos/o/old")
        client.send(*sample.parts, at=f"/repositories/{number}")
