"""JGit's daemon, which speaks git's own TCP protocol; an ssh stand-in reaches it."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import git_tcp
from tests.servers.site import Site, free_port, program, running

_JARS = Path("/usr/share/java")
_JGIT = "org.eclipse.jgit.pgm.jar"


@contextmanager
def jgit_daemon(directory: Path) -> Iterator[Site]:
    """Run JGit's daemon on an empty directory."""
    java = program("java")
    if not (_JARS / _JGIT).exists():
        pytest.skip("JGit is not installed")
    port = free_port()
    options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", f"-Duser.home={directory}", "-cp", f"{_JARS}/*"]
    services = ["--enable", "receive-pack", "--enable", "upload-pack", "--export-all"]
    command = [java, *options, "org.eclipse.jgit.pgm.Main", "daemon", "--port", str(port), *services, str(directory)]
    # -I keeps the directory of the program, with its module http, out of the module search path.
    client = shlex.join([sys.executable, "-I", "-S", git_tcp.__file__])
    with running(command, directory / "jgit.log", port):
        yield Site(directory, lambda repository: f"ssh://127.0.0.1:{port}/{repository.name}", {"GIT_SSH_COMMAND": client})
