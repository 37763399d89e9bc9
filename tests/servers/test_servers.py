"""The servers, with the real git binary as their client."""

import base64
import contextlib
import http.client
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers.binary import git_output, run_git
from tests.servers.http import RECEIVE_PACK, UPLOAD_PACK, Cut, Fault, GitHttpServer, Redirect, Status
from tests.servers.ssh import Call, SshStandIn, UsageError, parse_arguments

BRANCH = "refs/heads/main"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@pytest.fixture
def served(tmp_path: Path, bare_repository: Callable[[str], Path]) -> Path:
    (tmp_path / "served").mkdir()
    return bare_repository("served/database.git")


@pytest.fixture
def server(served: Path) -> Iterator[GitHttpServer]:
    with GitHttpServer(served.parent) as opened:
        yield opened


@pytest.fixture
def url(server: GitHttpServer) -> str:
    return f"{server.url}/database.git"


@pytest.fixture
def here(bare_repository: Callable[[str], Path]) -> Path:
    """Make the client's repository, with one commit on its branch."""
    repository = bare_repository("here.git")
    commit(repository, "one")
    return repository


def commit(repository: Path, message: str, branch: str = BRANCH) -> str:
    oid = git_output("commit-tree", "-m", message, EMPTY_TREE, directory=repository, stdin=b"")
    git_output("update-ref", branch, oid, directory=repository)
    return oid


def empty_tree(repository: Path) -> None:
    git_output("hash-object", "-t", "tree", "-w", "--stdin", directory=repository)


def branch(repository: Path) -> str:
    return git_output("for-each-ref", "--format=%(objectname)", BRANCH, directory=repository)


def push(here: Path, url: str, *options: str, environ: dict[str, str] | None = None) -> bool:
    done = run_git("push", "--quiet", *options, url, BRANCH, directory=here, environ=environ, check=False)
    return done.returncode == 0


def test_git_pushes_lists_and_clones_over_http(here: Path, url: str, served: Path, tmp_path: Path) -> None:
    assert push(here, url)
    assert branch(served) == branch(here)
    assert git_output("ls-remote", url) == f"{branch(here)}\tHEAD\n{branch(here)}\t{BRANCH}"
    run_git("clone", "--quiet", "--bare", url, tmp_path / "clone.git")
    assert branch(tmp_path / "clone.git") == branch(here)


def test_http_logs_every_request(here: Path, url: str, server: GitHttpServer) -> None:
    push(here, url)
    assert [(seen.method, seen.path, seen.service, seen.status, seen.authorization) for seen in server.log] == [
        ("GET", "/database.git/info/refs", RECEIVE_PACK, 200, False),
        ("POST", "/database.git/git-receive-pack", RECEIVE_PACK, 200, False),
    ]
    assert server.count() == 2
    assert server.count(method="POST") == 1
    assert server.count(service=UPLOAD_PACK) == 0


def test_http_reads_chunked_and_gzipped_bodies(here: Path, url: str, server: GitHttpServer, tmp_path: Path) -> None:
    blob = git_output("hash-object", "-w", "--stdin", directory=here, stdin=os.urandom(2_000_000))
    tree = git_output("mktree", directory=here, stdin=f"100644 blob {blob}\tbig\n".encode())
    big = git_output("commit-tree", "-m", "big", tree, directory=here)
    names = [f"refs/heads/{number}" for number in range(60)]
    run_git("update-ref", "--stdin", directory=here, stdin="".join(f"create {name} {big}\n" for name in names).encode())
    run_git("push", "--quiet", url, "refs/heads/*", directory=here)
    for name in names:
        commit(here, name, name)
    run_git("push", "--quiet", "--force", url, "refs/heads/*", directory=here)
    run_git("clone", "--quiet", "--bare", url, tmp_path / "clone.git")
    listed = [git_output("for-each-ref", directory=where) for where in (here, tmp_path / "clone.git")]
    assert listed[0] == listed[1]
    assert {name for seen in server.log for name in seen.encodings} == {"chunked", "gzip"}


@pytest.mark.parametrize(("sent", "first"), [("version=2", b"000eversion 2"), ("", b"001e# service=git-upload-pack")])
def test_http_passes_the_protocol_version(server: GitHttpServer, sent: str, first: bytes) -> None:
    assert get(server, {"Git-Protocol": sent}).body.startswith(first)


def test_http_asks_for_credentials(here: Path, served: Path) -> None:
    with GitHttpServer(served.parent, token="s3cret") as server:
        address = urlsplit(server.url)
        assert not push(here, f"{server.url}/database.git")
        assert not push(here, f"http://x:wrong@{address.netloc}/database.git")
        assert push(here, f"http://anybody:s3cret@{address.netloc}/database.git")
    assert branch(served) == branch(here)
    assert {(seen.status, seen.authorization) for seen in server.log} == {(401, False), (401, True), (200, True)}


@pytest.mark.parametrize("header", ["Bearer s3cret", "Basic !", f"Basic {base64.b64encode(b's3cret').decode()}"])
def test_http_takes_basic_credentials_only(served: Path, header: str) -> None:
    with GitHttpServer(served.parent, token="s3cret") as server:
        assert get(server, {"Authorization": header}).status == 401


@dataclass(frozen=True)
class Reply:
    status: int
    retry_after: str | None
    body: bytes


def get(server: GitHttpServer, headers: dict[str, str]) -> Reply:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("GET", f"/database.git/info/refs?service={UPLOAD_PACK}", headers=headers)
    with contextlib.closing(connection):
        reply = connection.getresponse()
        return Reply(reply.status, reply.getheader("Retry-After"), reply.read())


def test_http_does_not_know_other_paths(server: GitHttpServer) -> None:
    assert run_git("ls-remote", f"{server.url}/other.git", check=False).returncode
    assert server.log[-1].status == 404


@pytest.mark.parametrize(
    ("fault", "applied", "status"),
    [
        (Cut.BEFORE, "nothing", 0),
        (Cut.AFTER, "all", 0),
        (Cut.TRUNCATE, "all", 200),
        (Status(403), "nothing", 403),
        (Status(404), "nothing", 404),
        (Status(429, retry_after="7"), "nothing", 429),
        (Status(500), "nothing", 500),
        (Status(502), "nothing", 502),
        (Status(502, applied=True), "all", 502),
    ],
)
def test_http_fails_as_scripted(here: Path, server: GitHttpServer, fault: Fault, applied: str, status: int) -> None:
    url = f"{server.url}/database.git"
    # For ever, because git's HTTP library repeats a request when a connection that it had used before just closes.
    server.fail(1, fault, method="POST", service=RECEIVE_PACK, forever=True)
    assert not push(here, url)
    assert (git_output("ls-remote", url) != "") == (applied == "all")
    assert {seen.status for seen in server.log if (seen.method, seen.service) == ("POST", RECEIVE_PACK)} == {status}


def test_http_counts_faults_by_request_and_may_keep_failing(server: GitHttpServer) -> None:
    server.fail(2, Status(429, retry_after="7"))
    server.fail(4, Status(500), forever=True)
    replies = [get(server, {}) for _ in range(6)]
    assert [reply.status for reply in replies] == [200, 429, 200, 500, 500, 500]
    assert [reply.retry_after for reply in replies[:3]] == [None, "7", None]


def test_http_redirects_to_another_host(here: Path, url: str, server: GitHttpServer, served: Path) -> None:
    with GitHttpServer(served.parent) as other:
        server.fail(1, Redirect(other.url))
        assert push(here, url)
    assert [seen.status for seen in server.log] == [302]
    assert other.count(method="POST", service=RECEIVE_PACK) == 1


def test_a_rival_writes_between_advertisement_and_push(here: Path, url: str, server: GitHttpServer, served: Path) -> None:
    push(here, url)
    empty_tree(served)
    old, new = branch(here), commit(here, "two")
    rivals: list[str] = []
    server.between(lambda: rivals.append(commit(served, "rival")))
    assert not push(here, url, "--force")
    assert branch(served) == rivals[0] not in {old, new}
    assert push(here, url, "--force")
    assert branch(served) == new


def test_an_error_of_a_callback_reaches_the_test(here: Path, served: Path) -> None:
    def fail() -> None:
        raise LookupError("rival")

    def serve() -> None:
        with GitHttpServer(served.parent) as server:
            server.between(fail)
            push(here, f"{server.url}/database.git")

    with pytest.raises(LookupError, match="rival"):
        serve()


@pytest.fixture
def ssh(tmp_path: Path) -> SshStandIn:
    return SshStandIn(tmp_path / "a directory with spaces", user="git")


def test_git_pushes_lists_and_clones_over_ssh(here: Path, served: Path, ssh: SshStandIn, tmp_path: Path) -> None:
    environ = ssh.install()
    assert push(here, ssh.url(served), environ=environ)
    assert branch(served) == branch(here)
    listed = run_git("ls-remote", ssh.url(served), BRANCH, environ=environ).stdout.decode()
    assert listed == f"{branch(here)}\t{BRANCH}\n"
    run_git("clone", "--quiet", "--bare", ssh.url(served), tmp_path / "clone.git", environ=environ)
    assert branch(tmp_path / "clone.git") == branch(here)
    assert [(call.host, call.user, call.command.partition(" ")[0]) for call in ssh.calls()] == [
        ("git.example", "git", RECEIVE_PACK),
        ("git.example", "git", UPLOAD_PACK),
        ("git.example", "git", UPLOAD_PACK),
    ]
    assert ssh.calls()[1].environ == {"GIT_PROTOCOL": "version=2"}


def test_ssh_refuses_other_hosts_and_users(here: Path, served: Path, ssh: SshStandIn) -> None:
    environ = ssh.install()
    assert not push(here, f"ssh://git@elsewhere.example{served}", environ=environ)
    assert not push(here, ssh.url(served, user="root"), environ=environ)
    assert [(call.host, call.user) for call in ssh.calls()] == [("elsewhere.example", "git"), ("git.example", "root")]
    assert not branch(served)


def test_an_ssh_server_may_accept_no_environment(here: Path, served: Path, tmp_path: Path) -> None:
    push(here, str(served))
    listed = []
    for accepts in (True, False):
        ssh = SshStandIn(tmp_path / str(accepts), accepts_environ=accepts)
        trace = {"GIT_TRACE_PACKET": "1", **ssh.install()}
        listed.append("version 2" in run_git("ls-remote", ssh.url(served), environ=trace).stderr.decode())
    assert listed == [True, False]


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["h", "a b"], Call("h", "", "", "a b", {})),
        (["-x", "-p", "22", "u@h", "a", "b"], Call("h", "u", "22", "a b", {})),
        (["-xTp22", "-l", "u", "h", "-4", "a", "-x"], Call("h", "u", "22", "a -x", {})),
        (["-o", "SetEnv=GIT_PROTOCOL=version=2", "h", "a"], Call("h", "", "", "a", {"GIT_PROTOCOL": "version=2"})),
        (["-oSetEnv A=1 B='2 3'", "h", "a"], Call("h", "", "", "a", {"A": "1", "B": "2 3"})),
        (["-o", "SendEnv=GIT_PROTOCOL NONE", "h", "a"], Call("h", "", "", "a", {"GIT_PROTOCOL": "version=1"})),
        (["-o", "BatchMode=yes", "--", "h", "-a"], Call("h", "", "", "-a", {})),
        (["h", "--", "-a"], Call("h", "", "", "-a", {})),
    ],
)
def test_ssh_reads_arguments_as_openssh(arguments: list[str], call: Call) -> None:
    assert parse_arguments(arguments, {"GIT_PROTOCOL": "version=1"}) == call


@pytest.mark.parametrize("arguments", [[], ["-p"], ["-Z", "h"], ["-x"]])
def test_ssh_refuses_arguments_that_openssh_refuses(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        parse_arguments(arguments, {})
