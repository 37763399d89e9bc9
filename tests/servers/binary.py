"""The real git binary, kept away from the configuration of the machine and of whoever runs the tests."""

import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path


def isolated_environ(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment for git: PATH, no configuration file of system or user, no prompt, one identity."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.com",
        # A git that is not where it was made for finds its own programs by this.
        **{name: os.environ[name] for name in ("GIT_EXEC_PATH",) if name in os.environ},
        **(extra or {}),
    }


def run_git(
    *arguments: str | Path,
    directory: Path | None = None,
    stdin: bytes = b"",
    environ: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a directory. Raises AssertionError with what git said if it fails, unless ``check`` is false."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=directory,
        env=isolated_environ(environ),
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )
    if check and done.returncode:
        command = " ".join(map(str, arguments))
        raise AssertionError(f"git {command} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done


def git_output(*arguments: str | Path, directory: Path | None = None, stdin: bytes = b"") -> str:
    """Run git and give what it wrote, without the last line feed."""
    return run_git(*arguments, directory=directory, stdin=stdin).stdout.decode().removesuffix("\n")


def init_bare(path: Path) -> Path:
    """Make an empty bare repository, without the examples of hooks that git puts into each."""
    run_git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", path)
    (path / "hooks").mkdir(exist_ok=True)
    return path


@cache
def is_older_than(major: int, minor: int) -> bool:
    """Return whether the git that the tests run is of a version before this one."""
    numbers = git_output("version").split()[2].split(".")
    return (int(numbers[0]), int(numbers[1])) < (major, minor)


@cache
def exec_path() -> str:
    """Return where git keeps its own programs."""
    return git_output("--exec-path")
