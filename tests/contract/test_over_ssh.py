"""What the contract means over ssh."""

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
from tests.servers.ssh import SshStandIn


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
