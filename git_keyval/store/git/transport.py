"""Ways to reach git's two services through a pipe: a process on a local path, and ssh. Smart HTTP is in http.py.

A Conversation is one use of a service: the server's advertisement first, then any number of requests with an answer each. On a pipe
it is one process; over HTTP each request is a POST of its own. Errors are StoreError; what happened to a request that was sent is
for the caller to judge, so a broken answer is a BrokenConversationError.
"""

import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Literal, Protocol, Self
from urllib.parse import urlsplit

from dulwich.errors import GitProtocolError

from git_keyval.errors import AccessDeniedError, NotARepositoryError, StoreError, UnavailableError
from git_keyval.store.git.packets import PacketReader
from git_keyval.store.messages import one_line, without_credentials

Service = Literal["upload-pack", "receive-pack"]

# What git itself says it will say again; most connections of ssh that broke may come about the next time.
_FINAL = re.compile(r"^(fatal|error|usage):|could not resolve hostname", re.IGNORECASE)
_SCP = re.compile(r"(?:([^@/:]+)@)?([^/:@]+):(?!//)(.+)")
_PRIVATE_ENVIRONMENT = (
    "GIT_KEYVAL_",
    "INPUT_",
    "ACTIONS_",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    # git and ssh get at a path or a host by what the user has, not by a token for an API.
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    # What git traces, keys and values among it, would be in its complaints, and an unread pipe full of it would stop it.
    "GIT_TRACE",
    "GIT_CURL_VERBOSE",
)


class BrokenConversationError(Exception):
    """The server hung up, or answered outside the protocol, in the middle of a conversation."""


class Conversation(Protocol):
    """One use of a service; a context manager that ends it."""

    def advertisement(self) -> PacketReader:
        """Give the stream that starts with the server's advertisement."""
        ...

    def request(self, body: Iterable[bytes]) -> PacketReader:
        """Send a request and give the stream of its answer."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


class Transport(Protocol):
    """A way to one repository."""

    requests: int

    def open(self, service: Service) -> Conversation:
        """Begin a conversation with a service."""
        ...


class PipeConversation:
    """A conversation with a process, through its standard input and output."""

    def __init__(self, process: subprocess.Popen[bytes], where: str) -> None:
        """Take over a process that was started with three pipes."""
        assert process.stdin is not None
        assert isinstance(process.stdout, BufferedReader)
        assert process.stderr is not None
        self._process = process
        self._input = process.stdin
        self._errors = process.stderr
        self._answers = PacketReader(process.stdout.read1)
        self._where = where

    def advertisement(self) -> PacketReader:
        """Give the stream, once the server is known to answer at all."""
        try:
            self._answers.peek()
        except GitProtocolError as exc:
            raise _pipe_error(self._where, one_line(self._errors.read().decode("utf-8", "replace"))) from exc
        return self._answers

    def request(self, body: Iterable[bytes]) -> PacketReader:
        """Write the request, so that git works on its beginning while the rest is made; the answer comes on the same stream."""
        try:
            self._input.writelines(body)
            self._input.flush()
        except OSError as exc:
            raise BrokenConversationError(f"the connection broke while sending: {exc}") from exc
        return self._answers

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End the process; what it still had to say no longer matters."""
        for stream in (self._input, self._process.stdout, self._errors):
            if stream is not None:
                with suppress(OSError):  # a pipe whose other end is gone cannot be flushed, and need not be
                    stream.close()
        self._process.wait()


class LocalTransport:
    """The real ``git upload-pack`` and ``git receive-pack`` on a path of this machine."""

    def __init__(self, path: str, environ: Mapping[str, str]) -> None:
        """Reach the repository at a path; the environment is what git may see (inputs and tokens are kept from it)."""
        self.requests = 0
        # A path that begins with a hyphen would be taken for an option.
        self._path = f"./{path}" if path.startswith("-") else str(Path(path).expanduser())
        self._environ = _child_environment(environ)

    def open(self, service: Service) -> PipeConversation:
        """Start the service. Raises StoreError if there is no git."""
        self.requests += 1
        # The user named this very repository, so its owner need not be the user of this process (git's safe.directory), and a
        # fetch may leave out trees and blobs that nobody asked for.
        argv = ["git", "-c", "safe.directory=*", "-c", "uploadpack.allowFilter=true", service, self._path]
        return _start(argv, self._environ, without_credentials(self._path))


class SshTransport:
    """The services on another machine, through the ssh command (``GIT_SSH_COMMAND`` names another one)."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        """Reach ``ssh://[user@]host[:port]/path`` or ``[user@]host:path``, which is relative to the user's home.

        Raises NotARepositoryError for an address without a host. A password in the address is not used, as ssh takes none.
        """
        user, host, port, self._path = _ssh_parts(url)
        if not host or (user or host).startswith("-"):
            raise NotARepositoryError("The address of 'repository' names no host.", "Write it as ssh://user@host/path.")
        self.requests = 0
        self._environ = _child_environment(environ)
        self._ssh = [*shlex.split(environ.get("GIT_SSH_COMMAND") or "ssh"), "-x", *(["-p", port] if port else [])]
        self._host = f"{user}@{host}" if user else host

    def open(self, service: Service) -> PipeConversation:
        """Start the service on the other machine. Raises StoreError if there is no ssh."""
        self.requests += 1
        version = ["-o", "SetEnv GIT_PROTOCOL=version=2"] if service == "upload-pack" else []
        command = f"git-{service} {_quoted(self._path)}"
        return _start([*self._ssh, *version, self._host, command], self._environ, without_credentials(f"{self._host}:{self._path}"))


def is_scp_address(location: str) -> bool:
    """Tell whether an address has the form ``[user@]host:path``."""
    return "://" not in location and not location.startswith((".", "/", "~")) and _SCP.fullmatch(location) is not None


def _ssh_parts(url: str) -> tuple[str, str, str, str]:
    """Give user, host, port and path of an ssh address, the path as git sends it."""
    if scp := _SCP.fullmatch(url) if "://" not in url else None:
        return scp[1] or "", scp[2], "", scp[3]
    parts = urlsplit(url)
    path = parts.path[1:] if parts.path.startswith("/~") else parts.path
    return parts.username or "", parts.hostname or "", str(parts.port or ""), path


def _start(argv: Sequence[str], environ: Mapping[str, str], where: str) -> PipeConversation:
    try:
        process = subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as exc:
        raise StoreError(
            f"{argv[0]} could not be started: {exc.strerror}.", f"Install {argv[0]} and make sure it is on PATH."
        ) from exc
    return PipeConversation(process, where)


def _quoted(path: str) -> str:
    """Quote a path as git does: always, because the shell of a server that runs nothing but git takes no other form."""
    return "'" + path.replace("'", "'\\''").replace("!", "'\\!'") + "'"


def _child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith(_PRIVATE_ENVIRONMENT)}
    return {**kept, "GIT_PROTOCOL": "version=2", "LC_ALL": "C"}


def _pipe_error(where: str, complaint: str) -> StoreError:
    lowered = complaint.lower()
    if "not a git repository" in lowered or "does not appear to be a git" in lowered:
        return NotARepositoryError(
            f"{where} is not a git repository.", "Check 'repository', or create one with: git init --bare PATH."
        )
    if "permission denied" in lowered or "publickey" in lowered:
        return AccessDeniedError(f"{where} refuses access ({complaint}).", "Check the credentials and the rights of the user.")
    kind = StoreError if _FINAL.search(complaint) else UnavailableError
    return kind(
        f"{where} does not answer as a git repository ({complaint or 'it hung up'}).",
        "Check 'repository' and the connection.",
    )
