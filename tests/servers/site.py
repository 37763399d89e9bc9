"""A git server that was started for tests: where its repositories lie, and how a client reaches them."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

import pytest

from tests.servers.binary import init_bare, isolated_environ, run_git

_LONGEST_START_SECONDS = 30.0
_LONGEST_END_SECONDS = 10.0
_PROGRAM_DIRECTORIES = ("/usr/sbin", "/sbin")  # where servers are, and PATH of an ordinary user does not look

SAFE: Mapping[str, str] = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}
"""The environment of a server's git: no configuration of this machine, and repositories of any user."""


@dataclass(frozen=True, slots=True)
class Site:
    """A server of the bare repositories below a directory.

    ``address`` gives what the input ``repository`` names one by, and ``environ`` is what a client's environment needs for it. A
    ``shared`` directory is served by another user than the one that makes the repositories.
    """

    root: Path
    address: Callable[[Path], str]
    environ: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False

    def create(self, name: str) -> Path:
        """Make an empty repository that can be pushed to."""
        if not self.shared:
            return init_bare(self.root / name)
        run_git("init", "--quiet", "--bare", "--initial-branch=main", "--shared=0777", self.root / name)
        (self.root / name).chmod(0o777)
        run_git("config", "receive.denyNonFastForwards", "false", directory=self.root / name)  # what --shared sets, too
        return self.root / name

    def place(self, repository: Path) -> dict[str, str]:
        """Return the part of a step's environment that says where a repository is."""
        return {"INPUT_REPOSITORY": self.address(repository), **self.environ}


def program(name: str) -> str:
    """Return the path of a server's program. Skips the test if it is not installed."""
    path = which(name, path=os.pathsep.join([os.environ["PATH"], *_PROGRAM_DIRECTORIES]))
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def served_directory() -> Iterator[Path]:
    """Make a directory that other users reach, too: some servers, started by root, serve as another user."""
    with tempfile.TemporaryDirectory(prefix="served-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


@contextmanager
def running(
    command: Sequence[str | Path], log: Path, at: int | Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while the context is open; it begins when somebody listens at a port of loopback, or at a socket's path."""
    with log.open("ab") as out:
        # A group of its own: some servers end without the processes that they have started.
        process = subprocess.Popen(
            [*map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=isolated_environ(environ),
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        _wait(process, at, log)
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LONGEST_END_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], at: int | Path, log: Path) -> None:
    deadline = time.monotonic() + _LONGEST_START_SECONDS
    while not _listens(at):
        said = log.read_text(errors="replace")
        assert process.poll() is None, f"the server ended: {said}"
        assert time.monotonic() < deadline, f"the server does not begin: {said}"
        time.sleep(0.02)


def _listens(at: int | Path) -> bool:
    if isinstance(at, Path):
        return at.is_socket()
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", at)) == 0
