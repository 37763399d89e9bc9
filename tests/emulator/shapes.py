"""The members of GitHub's REST answers, as its published description of the API requires them."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from tests.emulator.objects import Entry, Oid, Person, Stored
from tests.emulator.repositories import Repository

Json = dict[str, object]

CREATED_AT = "2026-01-01T00:00:00Z"
_LINE = 60
_PERMANENT_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}


def node_id(kind: str, *parts: object) -> str:
    """Make the global id of a node: opaque to clients, but it says all that is needed to find the node again."""
    return f"{kind}_{base64.urlsafe_b64encode(':'.join(map(str, parts)).encode()).decode().rstrip('=')}"


def parse_node_id(text: str) -> tuple[str, list[str]]:
    """Take a global id apart. Raises ValueError if it is none of ours."""
    kind, _, rest = text.partition("_")
    return kind, base64.urlsafe_b64decode(rest + "=" * (-len(rest) % 4)).decode().split(":", 1)


OBJECT_PREFIXES = {"commit": "C", "tree": "T", "blob": "B", "tag": "TA"}


@dataclass(frozen=True, slots=True)
class Shapes:
    """The answers about one repository. ``api`` and ``web`` are the base URLs a client knows."""

    repository: Repository
    api: str
    web: str

    @property
    def url(self) -> str:
        return f"{self.api}/repos/{self.repository.full_name}"

    @property
    def html_url(self) -> str:
        return f"{self.web}/{self.repository.full_name}"

    def node(self, kind: str, oid: str) -> str:
        return node_id(OBJECT_PREFIXES[kind], self.repository.number, oid)

    def user(self, login: str) -> Json:
        url = f"{self.api}/users/{login}"
        return {
            "login": login,
            "id": 1,
            "node_id": node_id("U", 1),
            "avatar_url": f"{self.web}/{login}.png",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.web}/{login}",
            **{name: f"{url}{tail}" for name, tail in _USER_LINKS.items()},
            "type": "User",
            "site_admin": False,
        }

    def whole_repository(self, default_branch: str, *, private: bool, push: bool) -> Json:
        name = self.repository.name
        counts = ("forks", "forks_count", "open_issues", "open_issues_count", "stargazers_count", "watchers", "watchers_count")
        return {
            "id": self.repository.number,
            "node_id": node_id("R", self.repository.number),
            "name": name,
            "full_name": self.repository.full_name,
            "private": private,
            "owner": self.user(self.repository.owner),
            "html_url": self.html_url,
            "description": None,
            "fork": False,
            "url": self.url,
            **{key: f"{self.url}{tail}" for key, tail in _PERMANENT_LINKS.items()},
            "clone_url": f"{self.html_url}.git",
            "git_url": f"git:{self.html_url.partition(':')[2]}.git",
            "ssh_url": f"git@{self.web.partition('//')[2]}:{self.repository.full_name}.git",
            "svn_url": self.html_url,
            "mirror_url": None,
            "homepage": None,
            "language": None,
            "license": None,
            "default_branch": default_branch,
            "size": 0,
            **dict.fromkeys(counts, 0),
            "network_count": 0,
            "subscribers_count": 0,
            **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True),
            **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled", "is_template"), False),
            "visibility": "private" if private else "public",
            "topics": [],
            "permissions": {"admin": False, "maintain": False, "push": push, "triage": False, "pull": True},
            "created_at": CREATED_AT,
            "updated_at": CREATED_AT,
            "pushed_at": CREATED_AT,
        }

    def ref(self, name: str, oid: Oid, kind: str) -> Json:
        return {
            "ref": name,
            "node_id": node_id("REF", self.repository.number, name),
            "url": f"{self.url}/git/{name}",
            "object": {"sha": oid, "type": kind, "url": f"{self.url}/git/{kind}s/{oid}"},
        }

    def short_blob(self, oid: Oid) -> Json:
        return {"sha": oid, "url": f"{self.url}/git/blobs/{oid}"}

    def blob(self, blob: Stored) -> Json:
        text = base64.b64encode(blob.raw).decode()
        # GitHub breaks lines, and ends the last one: who decodes strictly has to take them out first.
        lines = "".join(f"{text[at : at + _LINE]}\n" for at in range(0, len(text), _LINE))
        return {
            **self.short_blob(blob.oid),
            "node_id": self.node("blob", blob.oid),
            "size": len(blob.raw),
            "content": lines,
            "encoding": "base64",
        }

    def tree(self, oid: Oid, entries: Iterable[tuple[str, Entry]], *, truncated: bool) -> Json:
        listed = [self._entry(path, entry) for path, entry in entries]
        return {"sha": oid, "url": f"{self.url}/git/trees/{oid}", "tree": listed, "truncated": truncated}

    def _entry(self, path: str, entry: Entry) -> Json:
        shape: Json = {"path": path, "mode": f"{entry.mode:06o}", "type": entry.kind, "sha": entry.oid}
        if entry.kind == "blob":
            blob = self.repository.objects.get(entry.oid)
            shape["size"] = len(blob.raw) if blob else 0
        if entry.kind != "commit":
            shape["url"] = f"{self.url}/git/{entry.kind}s/{entry.oid}"
        return shape

    def git_commit(self, commit: Stored) -> Json:
        return {
            "sha": commit.oid,
            "node_id": self.node("commit", commit.oid),
            "url": f"{self.url}/git/commits/{commit.oid}",
            "html_url": f"{self.html_url}/commit/{commit.oid}",
            "author": _person(commit.person("author")),
            "committer": _person(commit.person("committer")),
            "tree": {"sha": commit.tree, "url": f"{self.url}/git/trees/{commit.tree}"},
            "message": _read_message(commit),
            "parents": [
                {"sha": oid, "url": f"{self.url}/git/commits/{oid}", "html_url": f"{self.html_url}/commit/{oid}"}
                for oid in commit.parents
            ],
            "verification": _unverified(),
        }

    def commit(self, commit: Stored, files: list[Json]) -> Json:
        url = f"{self.url}/commits/{commit.oid}"
        html_url = f"{self.html_url}/commit/{commit.oid}"
        added, deleted = (sum(_number(file[name]) for file in files) for name in ("additions", "deletions"))
        return {
            "sha": commit.oid,
            "node_id": self.node("commit", commit.oid),
            "commit": {
                "author": _person(commit.person("author")),
                "committer": _person(commit.person("committer")),
                "message": _read_message(commit),
                "tree": {"sha": commit.tree, "url": f"{self.url}/git/trees/{commit.tree}"},
                "url": f"{self.url}/git/commits/{commit.oid}",
                "comment_count": 0,
                "verification": _unverified(),
            },
            "url": url,
            "html_url": html_url,
            "comments_url": f"{url}/comments",
            # No account has the addresses of the commits.
            "author": None,
            "committer": None,
            "parents": [
                {"sha": oid, "url": f"{self.url}/commits/{oid}", "html_url": f"{self.html_url}/commit/{oid}"}
                for oid in commit.parents
            ],
            "stats": {"total": added + deleted, "additions": added, "deletions": deleted},
            "files": files,
        }

    def file(self, commit: Stored, path: str, oid: str, status: str, counts: tuple[int, int], patch: str | None) -> Json:
        """Describe what a commit did to one file."""
        added, deleted = counts
        shape: Json = {
            "sha": oid,
            "filename": path,
            "status": status,
            "additions": added,
            "deletions": deleted,
            "changes": added + deleted,
            "blob_url": f"{self.html_url}/blob/{commit.oid}/{path}",
            "raw_url": f"{self.html_url}/raw/{commit.oid}/{path}",
            "contents_url": f"{self.url}/contents/{path}?ref={commit.oid}",
        }
        return shape if patch is None else {**shape, "patch": patch}

    def file_commit(self, path: str, blob: Stored, branch: str, commit: Stored) -> Json:
        url = f"{self.url}/contents/{path}?ref={branch}"
        git_url = f"{self.url}/git/blobs/{blob.oid}"
        html_url = f"{self.html_url}/blob/{branch}/{path}"
        return {
            "content": {
                "name": path.rpartition("/")[2],
                "path": path,
                "sha": blob.oid,
                "size": len(blob.raw),
                "url": url,
                "html_url": html_url,
                "git_url": git_url,
                "download_url": f"{self.html_url}/raw/{branch}/{path}",
                "type": "file",
                "_links": {"self": url, "git": git_url, "html": html_url},
            },
            "commit": self.git_commit(commit),
        }

    def short_branch(self, name: str, oid: Oid, *, protected: bool) -> Json:
        return {"name": name, "commit": {"sha": oid, "url": f"{self.url}/commits/{oid}"}, "protected": protected}


def _person(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "date": person.utc}


def _read_message(commit: Stored) -> str:
    """Return a message as GitHub shows it: without the final line feed that is stored."""
    return commit.message.removesuffix("\n")


def _unverified() -> Json:
    return {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value
