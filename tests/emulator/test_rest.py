"""REST as GitHub speaks it, asked by PyGithub."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from github import GithubException, UnknownObjectException

from tests.emulator import GitHubEmulator
from tests.emulator.conftest import PERSON, ZERO, Client
from tests.servers.binary import git_output, run_git


def entry(path: str, **more: object) -> dict[str, object]:
    return {"path": path, "mode": "100644", "type": "blob", **more}


def test_commit_has_the_oid_it_has_on_github(client: Client) -> None:
    """The commit was made through REST on github.com, where it has this oid."""
    tree = client.post("/git/trees", {"tree": [entry(name, content="Boolean") for name in ("bytes", "view.json", "view.txt")]})
    person = {**PERSON, "name": "a a"}
    body = {"message": "", "tree": tree["sha"], "parents": [], "author": person, "committer": person}

    assert client.post("/git/commits", body)["sha"] == "218c8fd9f769956c8b0360660ce1fd3740bcd92e"


@pytest.mark.parametrize(
    ("content", "encoding", "stored"), [("h\u00e9\n", "utf-8", "h\u00e9\n".encode()), ("AP9\nB\n", "base64", b"\0\xffA")]
)
def test_blob_keeps_its_bytes(client: Client, path: Path, content: str, encoding: str, stored: bytes) -> None:
    oid = client.post("/git/blobs", {"content": content, "encoding": encoding})["sha"]

    assert run_git("cat-file", "blob", oid, directory=path).stdout == stored


def test_blob_is_read_as_base64_in_lines_or_raw(client: Client) -> None:
    content = bytes(range(200))
    oid = client.post("/git/blobs", {"content": base64.b64encode(content).decode(), "encoding": "base64"})["sha"]

    shown = client.get(f"/git/blobs/{oid}")
    status, headers, raw = client.requester.requestJson(
        "GET",
        f"/repos/o/r/git/blobs/{client.post('/git/blobs', {'content': 'raw'})['sha']}",
        headers={"Accept": "application/vnd.github.raw+json"},
    )

    assert isinstance(shown, dict)
    assert "\n" in shown["content"].rstrip("\n")
    assert base64.b64decode(shown["content"]) == content
    assert (shown["size"], shown["encoding"]) == (200, "base64")
    assert (status, raw) == (200, "raw")
    assert headers["content-type"] == "application/vnd.github.raw+json; charset=utf-8"


def test_bad_blobs_are_refused(client: Client, emulator: GitHubEmulator) -> None:
    assert client.refused("GET", f"/git/blobs/{'1' * 40}") == (404, "Not Found")
    assert client.refused("POST", "/git/blobs", {"content": "*", "encoding": "base64"})[0] == 422
    assert client.refused("POST", "/git/blobs", {"content": "a", "encoding": "latin-1"})[0] == 422
    assert not emulator.unexpected


@pytest.mark.parametrize("body", [{"content": "a", "size": 1}, {"content": 1}, [], {"content": None}])
def test_unknown_members_and_wrong_types_are_refused_and_reported(client: Client, emulator: GitHubEmulator, body: object) -> None:
    assert client.refused("POST", "/git/blobs", body)[0] == 422
    assert len(emulator.unexpected) == 1
    emulator.unexpected.clear()


def test_tree_is_edited_from_a_base(client: Client, path: Path) -> None:
    blob = client.post("/git/blobs", {"content": "b"})["sha"]
    base = client.post("/git/trees", {"tree": [entry("a/x", content="1"), entry("a/y", content="2"), entry("b", sha=blob)]})["sha"]

    edited = client.post("/git/trees", {"base_tree": base, "tree": [entry("a/x", sha=None), entry("c/d/e", content="3")]})

    names = git_output("ls-tree", "-r", "--name-only", edited["sha"], directory=path).split("\n")
    assert names == ["a/y", "b", "c/d/e"]
    everything = client.get(f"/git/trees/{edited['sha']}?recursive=0")
    assert isinstance(everything, dict)
    assert [one["path"] for one in everything["tree"]] == ["a", "a/y", "b", "c", "c/d", "c/d/e"]
    assert everything["truncated"] is False


@pytest.mark.parametrize(
    "tree",
    [
        [],
        [entry("a")],
        [entry("a", content="1", sha=None)],
        [entry("a", sha=None)],
        [entry("a", sha="1" * 40)],
        [entry("/a", content="1")],
        [entry("a//b", content="1")],
        [entry("../a", content="1")],
        [entry("a/.GIT/b", content="1")],
        [entry("", content="1")],
        [entry("a/", content="1")],
        *([entry(name, content="1")] for name in (".git", ".g\u200cit", ".git. ", "git~1", "GIT~1.", ".git\\x", ".git::$DATA")),
        [entry("a", content="1"), entry("a", content="2")],
        [{"path": "a", "mode": "100600", "type": "blob", "content": "1"}],
        [{"path": "a", "mode": "040000", "type": "blob", "content": "1"}],
        [{"path": "a", "mode": "040000", "type": "tree", "content": "1"}],
    ],
)
def test_bad_trees_are_refused(client: Client, tree: list[object]) -> None:
    assert client.refused("POST", "/git/trees", {"tree": tree})[0] == 422


def test_a_name_in_a_tree_is_what_was_sent(client: Client, path: Path) -> None:
    """Nothing is decoded, folded or left out: only a slash means something."""
    names = ["a%2Fb", "%2Egit", "%2E.", "git%7E1", "%00", "-rf", "con", "a.", "a ", "x" * 255, "\u00e9", "\uff0egit", ".github/x"]
    oid = client.post("/git/trees", {"tree": [entry(name, content=name) for name in names]})["sha"]
    listed = git_output("ls-tree", "-r", "-z", "--name-only", oid, directory=path).split("\0")[:-1]
    assert sorted(listed) == sorted(names)


def test_long_listing_is_truncated_and_a_large_tree_times_out(client: Client, emulator: GitHubEmulator) -> None:
    oid = client.post("/git/trees", {"tree": [entry("a", content="1"), entry("b", content="2")]})["sha"]
    emulator.options.tree_listing_limit = 1
    emulator.options.max_tree_entries = 1

    shown = client.get(f"/git/trees/{oid}")

    assert isinstance(shown, dict)
    assert (len(shown["tree"]), shown["truncated"]) == (1, True)
    too_large = client.refused("POST", "/git/trees", {"tree": [entry("a", content="1"), entry("b", content="2")]})
    assert too_large[0] == 422
    assert "timed out" in too_large[1]


@pytest.mark.parametrize("message", ["", "m", "m\n", "m\n\n", "\n m \r\n"])
def test_message_is_stored_as_sent_and_shown_without_its_last_line_feed(client: Client, path: Path, message: str) -> None:
    oid = client.commit(message)

    stored = run_git("cat-file", "commit", oid, directory=path).stdout.partition(b"\n\n")[2]
    shown = client.get(f"/git/commits/{oid}")
    assert stored == message.encode()
    assert isinstance(shown, dict)
    assert shown["message"] == message.removesuffix("\n")


@pytest.mark.parametrize(
    ("people", "author", "committer"),
    [
        ({"author": PERSON}, "a <a@a.a> 1735689600 +0000", "a <a@a.a> 1735689600 +0000"),
        ({"author": {**PERSON, "date": "2025-01-01T01:00:00.5+01:00"}}, "a <a@a.a> 1735689600 +0100", "a <a@a.a> 1735689600 +0100"),
        (
            {},
            "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com> 1767268800 +0000",
            "GitHub <noreply@github.com> 1767268800 +0000",
        ),
    ],
)
def test_missing_people_are_filled_in(client: Client, path: Path, people: dict[str, object], author: str, committer: str) -> None:
    tree = client.post("/git/trees", {"tree": [entry("a", content="1")]})["sha"]

    oid = client.post("/git/commits", {"message": "", "tree": tree, **people})["sha"]

    lines = git_output("cat-file", "commit", oid, directory=path).split("\n")
    assert lines[1:3] == [f"author {author}", f"committer {committer}"]


def test_bad_commits_are_refused(client: Client) -> None:
    tree = client.post("/git/trees", {"tree": [entry("a", content="1")]})["sha"]

    assert client.refused("POST", "/git/commits", {"message": "", "tree": "1" * 40}) == (422, "Tree SHA does not exist")
    assert client.refused("POST", "/git/commits", {"message": "", "tree": tree, "parents": ["1" * 40]})[0] == 422
    assert client.refused("POST", "/git/commits", {"message": "", "tree": tree, "author": {**PERSON, "date": "10"}})[0] == 422
    assert client.refused("POST", "/git/commits", {"message": ""}) == (422, 'Invalid request.\n\n"tree" wasn\'t supplied.')
    assert client.refused("GET", f"/git/commits/{tree}") == (404, "Not Found")


def test_missing_ref_is_404_as_a_ref_and_422_as_a_commit(client: Client) -> None:
    assert client.refused("GET", "/git/ref/heads/none") == (404, "Not Found")
    assert client.refused("GET", "/commits/heads%2Fnone") == (422, "No commit found for SHA: heads/none")


@pytest.mark.parametrize("name", ["heads/k/v", "refs/heads/k/v", "heads%2Fk%2Fv", "k/v"])
def test_commit_is_found_by_ref(client: Client, name: str) -> None:
    oid = client.commit("m\n")
    client.branch("k/v", oid)

    shown = client.get(f"/commits/{name}")

    assert isinstance(shown, dict)
    assert (shown["sha"], shown["commit"]["message"]) == (oid, "m")
    # The value travels in the answer, too: every file of a root commit is listed with its content.
    [file] = shown["files"]
    assert (file["filename"], file["status"], file["additions"]) == ("value", "added", 1)
    assert "+Boolean" in file["patch"]


def test_known_commit_is_not_sent_again(client: Client, emulator: GitHubEmulator) -> None:
    oid = client.commit()
    client.branch("b", oid)
    headers = {"Accept": "application/vnd.github.sha", "If-None-Match": f'"{oid}"'}
    before = client.rest("GET", "")[0]["x-ratelimit-used"]

    status, answered, _ = client.requester.requestJson("GET", "/repos/o/r/commits/heads/b", headers=headers)

    assert (status, answered["x-ratelimit-used"]) == (304, before)
    assert emulator.requests[-1].bytes_out == 0


def test_matching_refs_are_all_refs_whose_names_start_so(client: Client, path: Path) -> None:
    oid = client.commit()
    for number in range(120):
        run_git("update-ref", f"refs/heads/k/{number:03}", oid, directory=path)
    run_git("update-ref", "refs/locks/one", oid, directory=path)
    run_git("pack-refs", "--all", directory=path)
    client.branch("k/new", oid)

    names = [ref["ref"] for ref in _list(client.get("/git/matching-refs/heads/k/0?per_page=10&page=2"))]

    assert names == [f"refs/heads/k/{number:03}" for number in range(100)]
    assert len(_list(client.get("/git/matching-refs/heads%2Fk"))) == 121
    assert [ref["ref"] for ref in _list(client.get("/git/matching-refs/locks/"))] == ["refs/locks/one"]
    assert client.get("/git/matching-refs/tags") == []


def _list(content: object) -> list[dict[str, object]]:
    assert isinstance(content, list)
    return content


def test_ref_is_created_moved_and_deleted(client: Client, path: Path) -> None:
    one, two = client.commit("1"), client.commit("2")
    client.branch("k/v", one)

    assert client.refused("PATCH", "/git/refs/heads/k/v", {"sha": two}) == (422, "Update is not a fast forward")
    client.rest("PATCH", "/git/refs/heads/k/v", {"sha": two, "force": True})
    assert git_output("rev-parse", "refs/heads/k/v", directory=path) == two
    client.rest("DELETE", "/git/refs/heads/k/v")
    assert client.refused("DELETE", "/git/refs/heads/k/v") == (422, "Reference does not exist")
    assert client.refused("PATCH", "/git/refs/heads/k/v", {"sha": two}) == (422, "Reference does not exist")
    assert client.refused("DELETE", "/git/refs/heads/main")[0] == 422


def test_refs_that_github_refuses(client: Client) -> None:
    oid = client.commit()
    blob = client.post("/git/blobs", {"content": "b"})["sha"]
    client.branch("k", oid)

    def refused(ref: str, sha: str = oid) -> str:
        status, message = client.refused("POST", "/git/refs", {"ref": ref, "sha": sha})
        assert status == 422
        return message

    assert refused("refs/heads/k") == "Reference already exists"
    assert refused("refs/heads/x", "1" * 40) == "Object does not exist"
    # A directory in the way of a name, or a name in the way of a directory: GitHub does not say so.
    assert refused("refs/heads/k/v") == "Reference update failed"
    assert refused("refs/heads/x", blob) == "Reference update failed"
    assert refused(f"refs/heads/{'a' * 40}") == "Reference update failed"
    assert refused("refs/heads/refs/heads/x") == "Reference update failed"
    assert refused("refs/pull/1/head") == "Reference update failed"
    assert refused(f"refs/heads/{'a' * 251}") == "Reference update failed"
    for name in ("heads/x", "refs/x", "refs/heads/a..b", "refs/heads/a b", "refs/heads/.a", "refs/heads/a.lock", "refs/heads/-a"):
        assert refused(name) == f"{name} is not a valid ref name."
    client.post("/git/refs", {"ref": "refs/tags/blob", "sha": blob})
    client.branch(f"x/{'a' * 40}", oid)


def test_branches_where_head(client: Client) -> None:
    oid = client.commit()
    client.branch("b", oid)
    client.branch("a/x", oid)
    client.post("/git/refs", {"ref": "refs/tags/t", "sha": oid})

    assert [branch["name"] for branch in _list(client.get(f"/commits/{oid}/branches-where-head"))] == ["a/x", "b"]
    assert client.refused("GET", f"/commits/{'1' * 40}/branches-where-head")[0] == 422


def test_empty_repository_takes_its_first_commit_by_contents_only(emulator: GitHubEmulator, client: Client) -> None:
    emulator.create("o", "void", empty=True)
    requester = client.requester
    for verb, path in (("GET", "/git/matching-refs/heads"), ("POST", "/git/blobs"), ("GET", "/commits/heads/main")):
        with pytest.raises(GithubException) as caught:
            requester.requestJsonAndCheck(verb, f"/repos/o/void{path}", input={"content": "a"} if verb == "POST" else None)
        assert (caught.value.status, caught.value.data["message"]) == (409, "Git Repository is empty.")

    body = {"message": "first", "content": base64.b64encode(b"1").decode()}
    _, made = requester.requestJsonAndCheck("PUT", "/repos/o/void/contents/d/f", input=body)

    assert requester.requestJsonAndCheck("GET", "/repos/o/void/git/ref/heads/main")[1]["object"]["sha"] == made["commit"]["sha"]
    with pytest.raises(GithubException) as again:
        requester.requestJsonAndCheck("PUT", "/repos/o/void/contents/d/f", input=body)
    assert again.value.status == 422
    assert requester.requestJsonAndCheck("PUT", "/repos/o/void/contents/d/f", input={**body, "sha": made["content"]["sha"]})


def test_renamed_repository_redirects_reads_and_answers_writes_with_307(emulator: GitHubEmulator, client: Client) -> None:
    emulator.rename("o/r", "o/new")

    _, shown = client.requester.requestJsonAndCheck("GET", "/repos/o/r")
    status, headers, _ = client.requester.requestJson("POST", "/repos/o/r/git/blobs", input={"content": "a"})

    assert shown["full_name"] == "o/new"
    assert [entry.status for entry in emulator.requests] == [301, 200, 307]
    assert (status, headers["location"]) == (307, f"{emulator.url}/repositories/{shown['id']}/git/blobs")


def test_names_of_repositories_have_no_case(client: Client) -> None:
    assert client.requester.requestJsonAndCheck("GET", "/repos/O/R")[1]["full_name"] == "o/r"


def test_enterprise_urls(connect: Callable[..., Client], emulator: GitHubEmulator) -> None:
    client = connect(base_url=f"{emulator.url}/api/v3")

    shown = client.get("")

    assert isinstance(shown, dict)
    assert shown["url"] == f"{emulator.url}/api/v3/repos/o/r"
    assert client.query("nameWithOwner") == {"nameWithOwner": "o/r"}
    assert [entry.path for entry in emulator.requests] == ["/api/v3/repos/o/r", "/api/graphql"]


def test_unknown_routes_are_404_and_reported(client: Client, emulator: GitHubEmulator) -> None:
    with pytest.raises(UnknownObjectException):
        client.get("/branches")
    with pytest.raises(UnknownObjectException):
        client.requester.requestJsonAndCheck("GET", "/user")
    with pytest.raises(UnknownObjectException):
        client.rest("PUT", "/git/refs/heads/x", {})

    assert emulator.unexpected == ["GET /repos/o/r/branches", "GET /user", "PUT /repos/o/r/git/refs/heads/x"]
    emulator.unexpected.clear()


def test_unknown_api_version_is_refused(client: Client) -> None:
    with pytest.raises(GithubException) as caught:
        client.rest("GET", "", headers={"X-GitHub-Api-Version": "2000-01-01"})
    assert caught.value.status == 400


def test_head_is_answered_like_get_without_a_body(client: Client) -> None:
    status, headers, body = client.requester.requestJson("HEAD", "/repos/o/r/git/ref/heads/main")

    assert (status, body) == (200, "")
    assert headers["content-type"] == "application/json; charset=utf-8"


def test_objects_are_sound(client: Client, path: Path) -> None:
    client.branch("k/v", client.commit("m\n"))
    client.update({"name": "refs/tags/k/v", "afterOid": client.commit(""), "beforeOid": ZERO})

    assert run_git("fsck", "--strict", "--full", directory=path).stderr == b""
