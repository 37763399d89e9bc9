"""Bare requests to GitHub, below all that the adapter makes of their answers, in a folder of refs of their own."""

import os
import random
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from git_keyval.format.objects import COMMIT_TIME, PERSON_EMAIL, PERSON_NAME
from git_keyval.format.times import Micros, iso_utc
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import open_git_store
from git_keyval.store.git.adapter import GitStore
from git_keyval.store.patience import Patience
from tools.live.target import Target

ZERO = "0" * 40
_FIRST_ERROR = 400
_TIMEOUT_SECONDS = 60
_DELETED_AT_ONCE = 50
_UPDATE = "mutation Update($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }"
_PERSON = {"name": PERSON_NAME, "email": PERSON_EMAIL, "date": iso_utc(COMMIT_TIME)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: Mapping[str, str]
    body: Any
    seconds: float

    @property
    def is_done(self) -> bool:
        """Return whether the server did what was asked."""
        return self.status < _FIRST_ERROR and not (isinstance(self.body, dict) and self.body.get("errors"))

    def __str__(self) -> str:
        """Return the status, and each error as type and message."""
        if self.is_done:
            return f"{self.status}, done"
        body = self.body if isinstance(self.body, dict) else {}
        errors = [error for error in body.get("errors") or () if isinstance(error, dict)]
        said = [f"type {error.get('type')}, path {error.get('path')}: {error.get('message')}" for error in errors]
        return f"{self.status}; {'; '.join(said) or body.get('message') or 'no reason given'}"


class Wire:
    """One repository. Probes make refs below ``folder`` only, which ``clean`` deletes."""

    def __init__(self, target: Target) -> None:
        """Reach the repository; nothing is sent yet."""
        self.target = target
        self.folder = f"kv-probe-{secrets.token_hex(4)}"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {target.token}"
        self._id = ""

    def rest(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Send a request about the repository."""
        url = f"{self.target.server.api_url}/repos/{self.target.repository}{path}"
        return self._sent(verb, url, body, pauses=verb != "GET")

    def query(self, selection: str) -> Answer:
        """Select fields of the repository by GraphQL."""
        owner, _, name = self.target.repository.partition("/")
        text = f"query Probe($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{ {selection} }} }}"
        body = {"query": text, "variables": {"owner": owner, "name": name}}
        return self._sent("POST", self.target.server.graphql_url, body, pauses=False)

    def update(self, *updates: Mapping[str, object]) -> Answer:
        """Send one ``updateRefs``, with every update forced."""
        self._id = self._id or str(self.query("id").body["data"]["repository"]["id"])
        forced: Sequence[Mapping[str, object]] = [{"force": True, **update} for update in updates]
        arguments = {"repositoryId": self._id, "refUpdates": forced, "clientMutationId": secrets.token_hex(8)}
        body = {"query": _UPDATE, "variables": {"input": arguments}}
        return self._sent("POST", self.target.server.graphql_url, body, pauses=True)

    def commit(self, message: str) -> str:
        """Store a commit with this message, without a parent; give its oid."""
        tree = {"tree": [{"path": "README.md", "mode": "100644", "type": "blob", "content": "A probe.\n"}]}
        return str(self.post_commit(message, str(self.rest("POST", "/git/trees", tree).body["sha"])).body["sha"])

    def post_commit(self, message: str, tree: str) -> Answer:
        """Ask for a commit of a tree."""
        body = {"message": message, "tree": tree, "parents": [], "author": _PERSON, "committer": _PERSON}
        return self.rest("POST", "/git/commits", body)

    def branch(self, name: str) -> str:
        """Return the full name of a branch in the folder of the probes."""
        return f"refs/heads/{self.folder}/{name}"

    def branch_at(self, name: str, oid: str) -> str:
        """Make a branch, and give its full name."""
        full = self.branch(name)
        if not (answer := self.update({"name": full, "afterOid": oid})).is_done:
            raise LookupError(str(answer))
        return full

    def git(self) -> GitStore:
        """Open the repository by git."""
        return open_git_store(
            self.target.git_url,
            environ=os.environ,
            token=self.target.token,
            clock=ServerClock(lambda: Micros(time.time_ns() // 1000)),
            patience=Patience(300, lambda: 0.0, time.sleep, random.SystemRandom().random),
        )

    def clean(self) -> None:
        """Delete the refs of the probes."""
        left = [ref["ref"] for ref in self.rest("GET", f"/git/matching-refs/heads/{self.folder}/").body]
        for start in range(0, len(left), _DELETED_AT_ONCE):
            self.update(*({"name": name, "afterOid": ZERO} for name in left[start : start + _DELETED_AT_ONCE]))

    def _sent(self, verb: str, url: str, body: Mapping[str, Any] | None, *, pauses: bool) -> Answer:
        begin = time.monotonic()
        answer = self._session.request(verb, url, json=body, timeout=_TIMEOUT_SECONDS)
        seconds = time.monotonic() - begin
        if pauses:
            time.sleep(self.target.pause)
        try:
            body = answer.json() if answer.content else None
        except ValueError:
            body = None
        return Answer(answer.status_code, answer.headers, body, seconds)
