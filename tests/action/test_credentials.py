"""Where tokens go: to the server of the repository, in a header, and nowhere else."""

import base64
import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from git_keyval.action import main
from tests.action.conftest import SERVER_TOKEN, Served
from tests.action.steps import ROOT, WORKFLOW_TOKEN, Workflow, refs, unhurried
from tests.servers.binary import git_output, run_git
from tests.servers.http import Redirect
from tests.servers.listening import Listening
from tests.servers.raw import RawServer
from tests.servers.ssh import SshStandIn

WRITES = {"key": "a", "value": "1"}


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def test_a_token_goes_to_the_server_in_a_header(workflow: Workflow, listening: Listening) -> None:
    """GitHub takes it as the password of any user."""
    workflow.settings = {"token": "ghp_given", "repository": f"{listening.url}/owner/name.git"}
    ended = workflow.run("set", **WRITES)
    assert ended.code == 0
    assert set(listening.credentials) == {basic("x-access-token", "ghp_given")}
    assert len(listening.credentials) == int(ended.outputs["requests-used"])
    assert not any("ghp_given" in seen.path for seen in listening.log)


def test_a_server_that_asks_for_the_token_gets_it(served: Served) -> None:
    assert served.workflow.run("set", **WRITES).code == 0
    assert served.workflow.run("get", key="a").outputs["value"] == "1"
    assert served.workflow.run("maintain").code == 0
    assert all(seen.authorization for seen in served.server.log)


def test_without_a_token_nothing_is_sent(workflow: Workflow, listening: Listening) -> None:
    workflow.settings = {"token": "", "repository": f"{listening.url}/owner/name.git"}
    assert workflow.run("set", **WRITES).code == 0
    assert set(listening.credentials) == {""}


@pytest.mark.parametrize(
    ("userinfo", "sent"),
    [
        ("user:s3cret", basic("user", "s3cret")),
        ("user:s%40c%3Aret", basic("user", "s@c:ret")),
        ("ghp_alone", basic("ghp_alone", "")),
    ],
)
def test_credentials_in_an_address_are_used_and_not_shown(
    workflow: Workflow, listening: Listening, userinfo: str, sent: str
) -> None:
    """As git does: https://git-scm.com/docs/git-credential#_input_output_format decodes them."""
    address = listening.url.replace("://", f"://{userinfo}@")
    workflow.settings = {"token": "", "repository": f"{address}/owner/name.git"}
    assert workflow.run("set", **WRITES).log == ""
    assert set(listening.credentials) == {sent}
    error = workflow.run("get", key="a", repository=f"{address}/owner/missing.git").error
    assert "s3cret" not in error
    assert "ghp_alone" not in error


@pytest.mark.parametrize("scheme", ["https", "ssh", "http", "ftp"])
def test_credentials_in_an_address_are_in_no_error(workflow: Workflow, scheme: str) -> None:
    address = f"{scheme}://user:markeds3cret@127.0.0.1:1/owner/name.git"
    ended = workflow.run_given("get", {"key": "a", "repository": address}, unhurried)
    assert ended.error
    assert "markeds3cret" not in ended.shown


@pytest.mark.parametrize("command", ["get", "set", "incr", "maintain"])
def test_a_redirect_to_another_host_gets_no_request(served: Served, listening: Listening, command: str) -> None:
    inputs = {"get": {"key": "a"}, "set": WRITES, "incr": {"key": "n"}}.get(command, {})
    served.server.fail(1, Redirect(listening.url.replace("127.0.0.1", "localhost")), forever=True)
    ended = served.workflow.run_given(command, inputs)
    assert listening.credentials == []
    assert ended.code == 1
    assert "another server, which is not followed" in ended.shown
    assert "http://localhost:" in ended.shown
    assert SERVER_TOKEN not in ended.shown


def test_the_workflow_token_is_for_github_only(workflow: Workflow, listening: Listening) -> None:
    """Somebody who names a repository elsewhere must not be handed the token of the workflow, which is the default."""
    workflow.settings = {"repository": f"{listening.url}/owner/name.git"}
    assert workflow.run("set", **WRITES).code == 0
    assert set(listening.credentials) == {""}
    listening.credentials.clear()
    workflow.settings["token"] = "ghp_given"
    assert workflow.run("set", **WRITES).code == 0
    assert set(listening.credentials) == {basic("x-access-token", "ghp_given")}


def test_the_workflow_token_goes_to_the_server_of_the_workflow(workflow: Workflow, listening: Listening) -> None:
    """``owner/name`` is a repository there, which need not be github.com."""
    workflow.environ = {"GITHUB_SERVER_URL": listening.url}
    workflow.settings = {"repository": "owner/name", "transport": "git"}
    assert workflow.run("set", **WRITES).code == 0
    assert set(listening.credentials) == {basic("x-access-token", WORKFLOW_TOKEN)}


GITEA_TOKEN = "0123456789abcdef0123456789abcdef01234567"
"""Looks as Gitea's do: as any other hash."""


@pytest.mark.parametrize("api", ["/api/v1", "/api/v1/"])
@pytest.mark.parametrize("server", [True, False], ids=["all variables", "the api alone"])
def test_owner_and_name_on_gitea_are_reached_by_git(workflow: Workflow, listening: Listening, *, api: str, server: bool) -> None:
    """Its runner sets the variables of GitHub's, and its API is another."""
    workflow.environ = {"GITHUB_API_URL": f"{listening.url}{api}", "GITHUB_SERVER_URL": listening.url if server else ""}
    workflow.settings = {"repository": "owner/name", "token": GITEA_TOKEN}
    assert workflow.run("set", **WRITES).code == 0
    assert workflow.run("get", key=WRITES["key"]).outputs["value"] == WRITES["value"]
    assert set(listening.credentials) == {basic("x-access-token", GITEA_TOKEN)}
    refused = workflow.run("get", key=WRITES["key"], transport="api")
    assert refused.code == 1
    assert "'transport'" in refused.error
    assert "Gitea" in refused.error


def test_a_server_without_the_api_of_github_is_told_so(workflow: Workflow) -> None:
    """As an address that is guessed from that of the server, or one with a typing error."""
    with RawServer(b"HTTP/1.1 404 No\r\nContent-Type: text/html\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<html") as server:
        workflow.environ = {"GITHUB_SERVER_URL": server.url, "GITHUB_API_URL": "", "GITHUB_GRAPHQL_URL": ""}
        workflow.settings = {"repository": "owner/name", "transport": "api", "token": GITEA_TOKEN}
        error = workflow.run("get", key="a").error
        assert f"{server.url}/api/graphql" in error
        assert "'transport: git'" in error


@pytest.mark.parametrize("token", ["gh\udcff", "ghp_é", "ghp_a\nX-Injected: b", "ghp_\x7f"])
def test_an_odd_token_is_sent_encoded_or_refused(workflow: Workflow, listening: Listening, token: str) -> None:
    workflow.settings = {"token": token, "repository": f"{listening.url}/owner/name.git"}
    ended = workflow.run("set", **WRITES)
    assert ended.code == 0 or "'token'" in ended.error
    assert token not in ended.shown


def run_container(environ: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, ROOT / "entrypoint.py"], env=environ, capture_output=True, check=False, timeout=60)


def spy(program: Path, seen: Path, then: str) -> Path:
    """Write a program that keeps its environment and the arguments of every process, and goes on as another one."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\nenv >> '{seen}'\ncat /proc/*/cmdline >> '{seen}' 2>/dev/null\n{then}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_git_is_told_neither_token_nor_inputs(workflow: Workflow, repository: Path, tmp_path: Path, scheme: str) -> None:
    """Neither in the environment nor in the arguments, which every process of the machine can read."""
    seen = tmp_path / "seen"
    spy(tmp_path / "bin" / "git", seen, f'exec {which("git")} "$@"')
    workflow.repository = f"{scheme}{repository}"
    environ = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "ACTIONS_RUNTIME_TOKEN": "markedruntime",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "markedid",
        "GITHUB_TOKEN": "markedgithub",
        "GH_TOKEN": "markedgh",
    }
    for command, inputs in (("set", {"key": "markedkey", "value": "markedvalue"}), ("get", {"key": "markedkey"})):
        files = tmp_path / command
        files.mkdir()
        done = run_container(workflow.environ_of(command, files, inputs) | environ)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        text = seen.read_bytes()
        seen.unlink()
        assert b"PATH=" in text
        assert b"git" in text
        for secret in (
            WORKFLOW_TOKEN,
            "INPUT_",
            "markedkey",
            "markedvalue",
            "markedruntime",
            "markedid",
            "markedgithub",
            "markedgh",
        ):
            assert secret.encode() not in text


def test_ssh_is_told_neither_token_nor_inputs(workflow: Workflow, repository: Path, tmp_path: Path) -> None:
    """ssh may send variables on, and its configuration may run programs."""
    stand_in = SshStandIn(tmp_path / "ssh", user="git")
    real = stand_in.install()["GIT_SSH_COMMAND"]
    seen = tmp_path / "seen"
    program = spy(tmp_path / "ssh spy", seen, f'exec {real} "$@"')
    environ = workflow.environ_of("set", tmp_path, {**WRITES, "repository": stand_in.url(repository)})
    done = run_container(
        environ | {"GIT_SSH_COMMAND": f"'{program}'", "ACTIONS_RUNTIME_TOKEN": "markedruntime", "GH_TOKEN": "markedgh"}
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert refs(repository)
    text = seen.read_bytes()
    assert b"PATH=" in text
    for secret in (WORKFLOW_TOKEN, "INPUT_", "markedruntime", "markedgh"):
        assert secret.encode() not in text


@pytest.mark.parametrize(
    "address", ["git@git.example:owner/name.git", "git@git.example:/srv/na me.git", "ssh://git@git.example/srv/name.git"]
)
def test_ssh_is_asked_for_what_git_asks_for(workflow: Workflow, tmp_path: Path, address: str) -> None:
    """Servers without a shell, such as GitHub's and git-shell, take a quoted path and take it literally."""
    stand_in = SshStandIn(tmp_path / "ssh", user="git")
    workflow.environ = stand_in.install()
    run_git("ls-remote", address, environ=workflow.environ, check=False)
    workflow.run("get", key="a", repository=address)
    by_git, by_us = stand_in.calls()
    assert (by_us.host, by_us.user, by_us.command) == (by_git.host, by_git.user, by_git.command)


def test_an_input_is_read_from_the_environment_of_the_process(
    workflow: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The container's entry point passes nothing."""
    for name, value in workflow.environ_of("gett", tmp_path, {}).items():
        monkeypatch.setenv(name, value)
    assert main() == 1
    assert capsys.readouterr().out.startswith("::error::Input 'command'")


def test_the_container_exits_with_the_code_of_the_step(workflow: Workflow, repository: Path, tmp_path: Path) -> None:
    done = run_container(workflow.environ_of("get", tmp_path, {"key": "a", "on-missing": "fail"}))
    assert (done.returncode, done.stdout.count(b"::error::"), done.stderr) == (1, 1, b"")
    done = run_container(workflow.environ_of("incr", tmp_path, {"key": "n"}))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert git_output("rev-list", "--count", "--all", directory=repository) != "0"
