"""Servers that talk, hang up and dawdle: whatever they do, a conversation with them ends, and nothing said is lost."""

from pathlib import Path

import pytest

from git_keyval.store.clock import ServerClock
from git_keyval.store.git import GitStore, open_git_store
from git_keyval.store.port import Applied, Selection
from tests.conftest import FakeClock, patience
from tests.contract.places import GitPlace
from tests.contract.samples import branch, create, note, tag
from tests.servers.binary import git_output, init_bare, isolated_environ, run_git

MUCH = "head -c 10000000 /dev/zero | tr '\\0' x"
"""Prints more than all the pipes on the way hold."""


def install(repository: Path, name: str, script: str) -> None:
    hook = repository / "hooks" / name
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o700)


def refs(repository: Path) -> set[str]:
    return set(git_output("for-each-ref", "--format=%(refname)", directory=repository).splitlines())


class Program:
    """A program in the place of ssh. It is given git's own command as its last argument."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "program"
        self.repository = init_bare(directory / "database.git")

    def open(self, script: str, clock: FakeClock, total: float = 300.0) -> GitStore:
        self._path.write_text(f"#!/bin/sh\nfor command; do :; done\nunset GIT_PROTOCOL\n{script}\n")
        self._path.chmod(0o700)
        return open_git_store(
            f"ssh://git.example{self.repository}",
            environ=isolated_environ({"GIT_SSH_COMMAND": str(self._path)}),
            clock=ServerClock(clock),
            patience=patience(clock),
            total=total,
        )


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.mark.parametrize("name", ["pre-receive", "update", "post-receive"])
def test_a_hook_may_write_more_than_a_pipe_holds(git_place: GitPlace, name: str) -> None:
    install(git_place.repository, name, f"{MUCH} >&2; {MUCH}")
    assert list(git_place.open().apply([create(branch("a"), note("1")), create(tag("a"), note("2"))])) == [Applied()] * 2
    assert refs(git_place.repository) == {branch("a"), tag("a")}


def test_a_server_may_complain_more_than_a_pipe_holds(program: Program, clock: FakeClock) -> None:
    """As ssh does with a banner, and git where its tracing is switched on over there."""
    run_git("config", "uploadpack.allowAnySHA1InWant", "true", directory=program.repository)
    store = program.open(f'({MUCH}; echo) >&2; GIT_TRACE=2 GIT_TRACE_PACKET=2 sh -c "$command"; rc=$?; {MUCH} >&2; exit $rc', clock)
    assert list(store.apply([create(branch(f"{number:03}"), note("1")) for number in range(1_000)])) == [Applied()] * 1_000
    assert len(store.read(Selection((), ("refs/heads/",))).refs) == 1_000
