"""git over HTTP as GitHub serves it, spoken by git itself."""

import base64
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.emulator import Drop, GitHubEmulator, Permission, Protected, Status, Truncated
from tests.emulator.conftest import ZERO, Client
from tests.emulator.server import DEFAULT_TOKEN
from tests.servers.binary import git_output, run_git

Git = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def work(tmp_path: Path, path: Path) -> Path:
    """A clone to push from."""
    run_git("clone", "--quiet", path, tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def git(emulator: GitHubEmulator, work: Path) -> Git:
    """Run git in the clone, with a token; ``ok`` tells whether it has to work."""

    def run(*words: str, token: str = DEFAULT_TOKEN, ok: bool = True) -> subprocess.CompletedProcess[bytes]:
        credentials = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        header = ("-c", f"http.extraHeader=Authorization: Basic {credentials}") if token else ()
        url = f"{emulator.url}/o/r.git"
        done = run_git(*header, *(url if word == "URL" else word for word in words), directory=work, check=False)
        assert (done.returncode == 0) is ok, done.stderr
        return done

    return run


def test_clone_push_and_ls_remote(git: Git, path: Path, client: Client) -> None:
    git("push", "--quiet", "--atomic", "URL", "HEAD:refs/heads/k/v", "HEAD:refs/tags/t")
    oid = git_output("rev-parse", "refs/heads/k/v", directory=path)

    assert f"{oid}\trefs/heads/k/v" in git("ls-remote", "URL").stdout.decode()
    assert client.query('ref(qualifiedName: "refs/heads/k/v") { target { oid } }') == {"ref": {"target": {"oid": oid}}}
    assert b"k/v" in git("-c", "protocol.version=0", "ls-remote", "URL").stdout


def test_single_objects_are_fetched_with_a_filter(git: Git, client: Client, work: Path) -> None:
    oid = client.commit()

    git("fetch", "--quiet", "--filter=blob:none", "--depth=1", "URL", oid)

    assert git_output("cat-file", "-t", oid, directory=work) == "commit"


def test_credentials_are_needed(git: Git, emulator: GitHubEmulator) -> None:
    emulator.access.grant("reader", Permission.READ)
    emulator.access.grant("stranger", Permission.NONE)

    assert b"terminal prompts disabled" in git("ls-remote", "URL", token="", ok=False).stderr
    assert emulator.requests[-1].status == 401
    git("ls-remote", "URL", token="bad", ok=False)
    assert emulator.requests[-1].status == 401
    git("ls-remote", "URL", token="stranger", ok=False)
    assert emulator.requests[-1].status == 404
    git("ls-remote", "URL", token="reader")
    assert b"403" in git("push", "URL", "HEAD:refs/heads/x", token="reader", ok=False).stderr


def test_renamed_repository_is_followed(git: Git, emulator: GitHubEmulator) -> None:
    emulator.rename("o/r", "o/new")

    assert b"refs/heads/main" in git("ls-remote", "URL").stdout


def test_rules_refuse_pushes(git: Git, emulator: GitHubEmulator, path: Path) -> None:
    emulator.options.protected = (Protected("refs/heads/gc/*"),)

    said = git("push", "URL", "HEAD:refs/heads/gc/x", "HEAD:refs/heads/y", ok=False).stderr.decode()

    assert "GH013: Repository rule violations found for refs/heads/gc/x" in said
    assert "[remote rejected] HEAD -> gc/x (push declined due to repository rule violations)" in said
    assert git_output("for-each-ref", "--format=%(refname)", directory=path) == "refs/heads/main"


def test_atomic_push_says_which_ref_was_refused(git: Git, emulator: GitHubEmulator) -> None:
    emulator.options.protected = (Protected("refs/heads/gc/*"),)

    said = git("push", "--atomic", "URL", "HEAD:refs/heads/gc/x", "HEAD:refs/heads/y", ok=False).stderr.decode()

    assert "[remote rejected] HEAD -> gc/x (push declined due to repository rule violations)" in said
    assert "[remote rejected] HEAD -> y (atomic push failure)" in said


def test_number_of_refs_in_a_push_may_be_limited(git: Git, emulator: GitHubEmulator) -> None:
    emulator.options.max_push_refs = 2

    said = git("push", "URL", "HEAD:refs/heads/x", "HEAD:refs/heads/y", "HEAD:refs/tags/z", ok=False).stderr.decode()

    assert "GH013" in said
    assert "more than 2 branches or tags" in said
    git("push", "--quiet", "URL", "HEAD:refs/heads/x", "HEAD:refs/heads/y")


@pytest.mark.parametrize("name", ["heads/" + "a" * 40, "tags/" + "0" * 40, "heads/refs/heads/x"])
def test_names_that_git_would_take_are_refused(git: Git, name: str) -> None:
    assert b"GH002" in git("push", "URL", f"HEAD:refs/{name}", ok=False).stderr


def test_refs_of_pull_requests_are_shown_and_not_pushed(git: Git, client: Client, path: Path) -> None:
    oid = client.commit()
    run_git("update-ref", "refs/pull/1/head", oid, directory=path)

    assert b"refs/pull/1/head" in git("ls-remote", "URL").stdout
    assert b"hidden ref" in git("push", "URL", "HEAD:refs/pull/2/head", ok=False).stderr
    assert client.refused("PATCH", "/git/refs/pull/1/head", {"sha": oid, "force": True})[0] == 422
    assert client.refused("DELETE", "/git/refs/pull/1/head")[0] == 422
    assert client.update_error({"name": "refs/pull/1/head", "afterOid": ZERO})[0] == "UNPROCESSABLE"


def test_secrets_are_refused(git: Git, emulator: GitHubEmulator, client: Client, work: Path, path: Path) -> None:
    emulator.options.secrets = re.compile(rb"ghp_[a-z]{4}")
    for content in ("harmless", "a ghp_abcd"):
        (work / "value").write_text(content)
        run_git("add", "value", directory=work)
        run_git("commit", "--quiet", "-m", content, directory=work)

    said = git("push", "URL", "HEAD:refs/heads/x", ok=False).stderr
    status, message = client.refused("POST", "/git/blobs", {"content": "ghp_abcd"})
    tree = [{"path": "a", "mode": "100644", "type": "blob", "content": "ghp_abcd"}]

    assert b"GH013" in said
    assert (status, "rule violations" in message) == (422, True)
    assert client.refused("POST", "/git/trees", {"tree": tree})[0] == 422
    git("push", "--quiet", "URL", "HEAD~1:refs/heads/x")
    assert git_output("for-each-ref", "--format=%(refname)", directory=path) == "refs/heads/main\nrefs/heads/x"


@pytest.mark.parametrize(
    ("fault", "applied"), [(Drop(), False), (Drop(applied=True), True), (Status(503), False), (Truncated(), True)]
)
def test_faults_of_pushes(git: Git, emulator: GitHubEmulator, path: Path, fault: Drop | Status | Truncated, applied: bool) -> None:  # noqa: FBT001
    emulator.on_request = lambda entry: fault if entry.method == "POST" else None

    git("push", "--quiet", "URL", "HEAD:refs/heads/x", ok=False)

    assert ("refs/heads/x" in git_output("for-each-ref", directory=path)) is applied
    assert emulator.count("git") == len(emulator.requests)


def test_repository_is_sound_after_pushes(git: Git, path: Path) -> None:
    git("push", "--quiet", "URL", "HEAD:refs/heads/x")
    git("push", "--quiet", "URL", ":refs/heads/x")

    assert run_git("fsck", "--strict", directory=path).stderr == b""
