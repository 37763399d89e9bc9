"""The processes of the benchmarks, kept away from the configuration of the machine and of whoever runs them."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def isolated_environ() -> dict[str, str]:
    """Return an environment for git and Python: PATH, no configuration of system or user, protocol version 2."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PROTOCOL": "version=2",
    }


def run_git(*arguments: str | Path, stdin: Iterable[bytes] = ()) -> str:
    """Run git and give what it wrote. Raises CalledProcessError."""
    argv = ["git", *map(str, arguments)]
    with subprocess.Popen(argv, env=isolated_environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for chunk in stdin:
            process.stdin.write(chunk)
        process.stdin.close()
        answer = process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv)
    return answer.decode()


def run_python(*arguments: str | Path, environ: dict[str, str] | None = None) -> str:
    """Run this Python in the checkout and give what it wrote. Raises CalledProcessError."""
    argv = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        argv, env={**isolated_environ(), **(environ or {})}, cwd=CHECKOUT, stdout=subprocess.PIPE, check=True
    ).stdout.decode()
