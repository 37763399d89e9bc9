"""What the contract means over ssh."""

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_keyval.errors import AccessDeniedError, NotARepositoryError, StoreError, UnavailableError
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import open_git_store
from git_keyval.store.port import Applied, Selection, Store
from tests.conftest import FakeClock, patience
from tests.contract.samples import branch, create, note
from tests.servers.binary import init_bare, isolated_environ
from tests.servers.site import served_directory
from tests.servers.ssh import SshStandIn
from tests.servers.sshd import sshd


@pytest.fixture
def ssh(tmp_path: Path) -> SshStandIn:
    return SshStandIn(tmp_path / "ssh", user="git")


def open_store(location: str, environ: Mapping[str, str], clock: FakeClock) -> Store:
    return open_git_store(location, environ=isolated_environ(environ), clock=ServerClock(clock), patience=patience(clock))


def test_user_port_and_path_are_those_of_the_address(ssh: SshStandIn, tmp_path: Path, clock: FakeClock) -> None:
    repository = init_bare(tmp_path / "it's $HOME.git")
    store = open_store(f"ssh://git@git.example:2222{repository}", ssh.install(), clock)
    assert list(store.apply([create(branch("a"), note("1"))])) == [Applied()]
    assert store.read(Selection((branch("a"),))).refs == {branch("a"): note("1").oid}
    assert {(call.host, call.user, call.port) for call in ssh.calls()} == {("git.example", "git", "2222")}
    assert store.requests == len(ssh.calls())


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("ssh://git@elsewhere.example/database.git", StoreError),
        ("ssh://root@git.example/database.git", AccessDeniedError),
        ("ssh://git@git.example/absent.git", NotARepositoryError),
    ],
)
def test_a_failure_of_ssh_says_what_it_is(ssh: SshStandIn, clock: FakeClock, address: str, error: type[Exception]) -> None:
    store = open_store(address, ssh.install(), clock)
    with pytest.raises(error):
        store.read(Selection((branch("a"),)))
    with pytest.raises(error):
        store.apply([create(branch("a"), note("1"))])


def test_ssh_sees_only_the_environment_that_it_is_given(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INPUT_TOKEN", "s3cret")
    program, seen = tmp_path / "ssh", tmp_path / "seen"
    program.write_text(f"#!/bin/sh\necho $GIVEN$INPUT_TOKEN > '{seen}'\nexit 255\n")
    program.chmod(0o700)
    store = open_store("ssh://git@git.example/database.git", {"GIT_SSH_COMMAND": str(program), "GIVEN": "yes"}, clock)
    with pytest.raises(UnavailableError):
        store.read(Selection((branch("a"),)))
    assert seen.read_text() == "yes\n"


def test_ssh_is_never_left_to_ask_and_options_of_the_user_come_first(tmp_path: Path, clock: FakeClock) -> None:
    """Of an option that is given twice ssh takes the first. The command is run by the shell, as git runs it."""
    seen = tmp_path / "seen"
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\nfor word; do echo \"$word\" >>'{seen}'; done\nexit 255\n")
    program.chmod(0o700)
    environ = {"GIT_SSH_COMMAND": "$PROGRAM -o BatchMode=no -i ~/key", "PROGRAM": str(program), "HOME": "/home/somebody"}
    with pytest.raises(StoreError):
        open_store("ssh://git@git.example/database.git", environ, clock).read(Selection((branch("a"),)))
    words = seen.read_text().splitlines()
    assert words[:4] == ["-o", "BatchMode=no", "-i", "/home/somebody/key"]
    assert words.index("BatchMode=yes") > 4
    assert words[-2:] == ["git@git.example", "git-upload-pack '/database.git'"]


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed")
def test_a_port_where_nobody_listens_refuses(clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = open_store(f"ssh://git@127.0.0.1:{port}/database.git", {"GIT_SSH_COMMAND": "ssh -F none"}, clock)
    with pytest.raises(UnavailableError, match=r"^git@127\.0\.0\.1 refuses the connection"):
        store.read(Selection((branch("a"),)))


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed")
def test_a_name_that_nobody_has_is_told(clock: FakeClock) -> None:
    """Without a name server ssh says that it may be had later."""
    store = open_store("ssh://git@host.invalid/database.git", {"GIT_SSH_COMMAND": "ssh -F none"}, clock)
    with pytest.raises(StoreError, match=r"^git@host\.invalid has a name that cannot be resolved"):
        store.read(Selection((branch("a"),)))


def test_a_host_key_that_is_not_known_is_final(clock: FakeClock) -> None:
    with served_directory() as directory, sshd(directory) as site:
        asking = site.environ["GIT_SSH_COMMAND"].replace("StrictHostKeyChecking=no", "StrictHostKeyChecking=ask")
        address = site.address(site.create("database.git"))
        started = clock()
        with pytest.raises(StoreError, match=r"has a host key that is not known.*known_hosts") as failure:
            open_store(address, {**site.environ, "GIT_SSH_COMMAND": asking}, clock).read(Selection((branch("a"),)))
    assert type(failure.value) is StoreError
    assert clock() == started


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("ssh: Could not resolve hostname git.example: Name or service not known", StoreError, "cannot be resolved"),
        ("ssh: Could not resolve hostname git.example: Temporary failure in name resolution", UnavailableError, "resolved now"),
        ("ssh: connect to host git.example port 22: Connection timed out", UnavailableError, "does not answer"),
        ("ssh: connect to host git.example port 22: No route to host", UnavailableError, "does not answer"),
        ("Connection closed by 10.0.0.1 port 22", UnavailableError, "does not answer as a git repository"),
    ],
)
def test_what_is_in_the_way_of_ssh_is_told(tmp_path: Path, clock: FakeClock, said: str, kind: type[StoreError], told: str) -> None:
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 255\n")
    program.chmod(0o700)
    store = open_store("ssh://git@git.example/database.git", {"GIT_SSH_COMMAND": str(program)}, clock)
    with pytest.raises(StoreError, match=told) as failure:
        store.read(Selection((branch("a"),)))
    assert type(failure.value) is kind
    assert "git.example" in str(failure.value)


def test_a_command_for_ssh_that_is_not_there_is_named(clock: FakeClock) -> None:
    store = open_store("ssh://git@git.example/database.git", {"GIT_SSH_COMMAND": "/nowhere/ssh -v"}, clock)
    with pytest.raises(StoreError, match="GIT_SSH_COMMAND"):
        store.read(Selection((branch("a"),)))
