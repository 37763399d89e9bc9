"""Serve an emulated GitHub for people: ``python -m tests.emulator``. Prints what to set, and one line per request."""

import argparse
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.emulator.access import Permission
from tests.emulator.server import DEFAULT_TOKEN, GitHubEmulator, Logged


def serve(arguments: Sequence[str] | None, write: Callable[[str], object], stop: threading.Event) -> None:
    """Serve until ``stop`` is set. The directory is kept if it was given."""
    options = _read_arguments(arguments)
    with ExitStack() as opened:
        root = options.directory or Path(opened.enter_context(tempfile.TemporaryDirectory()))
        emulator = GitHubEmulator(root, tokens={options.token: Permission.WRITE}, port=options.port)
        owner, _, name = options.repository.partition("/")
        if emulator.repositories.find(options.repository) is None:
            emulator.create(owner, name)
        emulator.on_logged = lambda entry: write(log_line(entry))
        opened.enter_context(emulator)
        for line in environment(emulator, options.repository, options.token):
            write(line)
        stop.wait()


def environment(emulator: GitHubEmulator, repository: str, token: str) -> list[str]:
    """Return the lines that make a shell's programs talk to the emulator."""
    variables = {**emulator.environ, "GITHUB_REPOSITORY": repository, "GITHUB_TOKEN": token}
    return [f"export {name}={value}" for name, value in variables.items()]


def log_line(entry: Logged) -> str:
    query = f"?{entry.query}" if entry.query else ""
    size = f"({entry.bytes_in} in, {entry.bytes_out} out)"
    return f"{entry.number:5} {entry.kind:16} {entry.status:3} {entry.method:6} {entry.path}{query} {size}"


def _read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.emulator", description="Serve an emulated GitHub on loopback.")
    parser.add_argument("--port", type=int, default=0, help="the port; any free one if not given")
    parser.add_argument("--directory", type=Path, help="where the repositories are kept; a temporary directory if not given")
    parser.add_argument("--repository", type=_repository, default="owner/name", help="made if it does not exist")
    parser.add_argument("--token", default=DEFAULT_TOKEN, help="the token that may write")
    return parser.parse_args(arguments)


def _repository(text: str) -> str:
    owner, slash, name = text.partition("/")
    if not (owner and slash and name) or "/" in name:
        raise argparse.ArgumentTypeError("a repository is named owner/name")
    return text


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # printing is what it does


if __name__ == "__main__":
    try:
        serve(None, _print, threading.Event())
    except KeyboardInterrupt:
        _print("")
