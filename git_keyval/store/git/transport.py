"""Ways to reach git's two services through pipes: a process on a local path, and ssh. Smart HTTP is in http.py."""

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from git_keyval.errors import AccessDeniedError, NotARepositoryError, StoreError, UnavailableError
from git_keyval.store.git.children import child_environment
from git_keyval.store.git.conversation import BrokenConversationError, NewDeadline, Service, Transport
from git_keyval.store.git.directory import CONFIG_FILES, GitDirectory
from git_keyval.store.git.owners import ServiceStart, service_at, settings_of
from git_keyval.store.git.pipes import Child, PipeConversation
from git_keyval.store.messages import without_credentials
from git_keyval.store.port import Capabilities

_FINAL = r"^(?i:fatal|error|usage):"
"""What git itself says, it would say again; a connection of ssh that broke may come about the next time."""

# What ssh and the shell say where nothing was reached: whether another time may change it, what it means, and what to do.
_UNREACHED: Sequence[tuple[str, type[StoreError], str, str]] = (
    (
        r"host key verification failed",
        StoreError,
        "has a host key that is not known, or not the one that is",
        "Compare its key with what its owner publishes, and put that into known_hosts; ssh-keyscan prints the line.",
    ),
    (
        r"could not resolve hostname .*(temporary failure|try again)",
        UnavailableError,
        "has a name that cannot be resolved now",
        "Check the connection and the name server.",
    ),
    (r"could not resolve hostname", StoreError, "has a name that cannot be resolved", "Check the host in `repository`."),
    (r"connection refused", UnavailableError, "refuses the connection", "Check the host and the port in `repository`."),
    (
        r"timed out|no route to host|network is unreachable",
        UnavailableError,
        "does not answer",
        "Check the host in `repository`, the connection, and firewalls on the way.",
    ),
    (r"^sh: .*(not found|no such file|permission denied)", StoreError, "was not called", "Check the program in GIT_SSH_COMMAND."),
)
_SCP = r"(?:([^@/:]+)@)?([^/:@]+):(?!//)(.*)"

# If an option is given twice, ssh takes the first, so those in GIT_SSH_COMMAND count. A question, for a password or whether to
# trust a host, would wait forever in a step, where nobody answers.
_SSH_OPTIONS = ("-x", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30")


class LocalTransport(Transport):
    """The real ``git upload-pack`` and ``git receive-pack`` on a path of this machine."""

    # A push reads the whole ref list of the repository first, so few large batches are best where nobody limits their size.
    capabilities = Capabilities(batch=50_000)

    def __init__(
        self,
        path: str,
        environ: Mapping[str, str],
        deadline: NewDeadline,
        warn: Callable[[str], None],
        *,
        by_services: bool = True,
    ) -> None:
        """Reach the repository at a path; the environment is what git may see (inputs and tokens are kept from it).

        ``warn`` is called once, if something of another user's repository is not run. Without ``by_services`` the repository may
        be used as a directory, too. Raises NotARepositoryError for a path that begins with an unknown user.
        """
        self._deadline = deadline
        try:
            given = Path(path).expanduser()
        except RuntimeError as exc:
            raise NotARepositoryError(
                "The address of `repository` begins with a user that this machine does not know.",
                "Write the path in full, as in /srv/db.git, or as ./~name/db.git if its first directory is named so.",
            ) from exc
        self._environ = child_environment(environ)
        self._path = str(Path.cwd() / given)  # never one that git would take for an option
        self._where = without_credentials(str(given))
        self._warn = warn
        self._has_warned = False
        self._by_services = by_services
        self._settings: Mapping[str, str] = {}
        self._settings_of: object = None

    def open(self, service: Service) -> PipeConversation:
        """Start the service. Raises StoreError if there is no git."""
        start = self._start()
        # A fetch may leave out trees and blobs that nobody asked for.
        argv = [*_git(start), "-c", "uploadpack.allowFilter=true", service, start.path]
        deadline = self._deadline(service)  # first: nobody would end the process if there were none
        return PipeConversation(self._process(start, argv), partial(_pipe_error, self._where), deadline)

    def directory(self) -> GitDirectory | None:
        """Return the repository as a directory, unless it is to be reached by its services only, or is none."""
        start = None if self._by_services else self._start()
        if start is None or start.common is None:
            return None
        path = Path(start.path)
        return GitDirectory(
            path,
            start.common,
            start.is_own,
            start=partial(self._run, start),
            settings=partial(self._read_settings, path, start.common),
            explain=partial(_pipe_error, self._where),
        )

    def update_refs(self, lines: str) -> bool:
        """Move refs in the repository itself."""
        start = self._start()
        try:
            with self._run(start, ["update-ref", "--stdin"]) as git:
                return git.run([lines.encode()]).code == 0
        except BrokenConversationError:
            return False

    def _run(self, start: ServiceStart, words: Sequence[str]) -> Child:
        argv = [*_git(start), f"--git-dir={start.path}", *words]
        deadline = self._deadline("upload-pack")
        return Child(self._process(start, argv), deadline)

    def _process(self, start: ServiceStart, argv: Sequence[str]) -> "subprocess.Popen[bytes]":
        self.requests += 1
        return _process(argv, {**self._environ, **start.environ})

    def _read_settings(self, path: Path, common: Path) -> Mapping[str, str]:
        """Return the settings of the repository, read anew if it has others; the user's and the machine's are read once."""
        files = {folder / name: None for folder in (common, path) for name in CONFIG_FILES}
        now = [_version(file) for file in files]
        if now != self._settings_of:
            self.requests += 1
            self._settings = {setting.name: setting.value for setting in settings_of(path, self._environ)}
            self._settings_of = now
        return self._settings

    def _start(self) -> ServiceStart:
        """Return how git is started; warn of what it does not run."""
        start = service_at(self._path, self._environ)
        if start.left_out and not self._has_warned:
            self._has_warned = True
            self._warn(
                f"{self._where} belongs to another user, so its hooks and the commands in its configuration are not run. "
                "Where they must run, have a step of its owner write to it, or reach it by ssh or https."
            )
        return start


class SshTransport(Transport):
    """The services on another machine, through the ssh command (``GIT_SSH_COMMAND`` names another one)."""

    capabilities = Capabilities(batch=1_000, round_trip=0.3)

    def __init__(self, url: str, environ: Mapping[str, str], deadline: NewDeadline) -> None:
        """Reach ``ssh://[user@]host[:port]/path`` or ``[user@]host:path``, which is relative to the user's home.

        Raises NotARepositoryError for an address without a host. A password in the address is not used, as ssh takes none.
        """
        user, host, port, self._path = _ssh_parts(url)
        if not host or (user or host).startswith("-"):
            raise NotARepositoryError("The address of `repository` names no host.", "Write it as ssh://user@host/path.")
        if not self._path.strip("/"):
            raise NotARepositoryError("The address of `repository` names no path.", "Write it as ssh://user@host/path.")
        self._deadline = deadline
        self._environ = child_environment(environ)
        # As git runs it: by the shell, which knows ~ and variables.
        command = environ.get("GIT_SSH_COMMAND")
        program = ["sh", "-c", f'{command} "$@"', "sh"] if command else ["ssh"]
        self._ssh = [*program, *_SSH_OPTIONS, *(["-p", port] if port else [])]
        self._host = f"{user}@{host}" if user else host

    def open(self, service: Service) -> PipeConversation:
        """Start the service on the other machine. Raises StoreError if there is no ssh."""
        self.requests += 1
        version = ["-o", "SetEnv GIT_PROTOCOL=version=2"] if service == "upload-pack" else []
        command = f"git-{service} {_quoted(self._path)}"
        where = without_credentials(f"{self._host}:{self._path}")
        deadline = self._deadline(service)
        process = _process([*self._ssh, *version, self._host, command], self._environ)
        return PipeConversation(process, partial(_pipe_error, where), deadline)


def is_scp_address(address: str) -> bool:
    """Return whether an address has the form ``[user@]host:path``."""
    return "://" not in address and not address.startswith((".", "/", "~")) and re.fullmatch(_SCP, address) is not None


def _ssh_parts(url: str) -> tuple[str, str, str, str]:
    """Return user, host, port and path of an ssh address, the path as git sends it."""
    if scp := re.fullmatch(_SCP, url) if "://" not in url else None:
        return scp[1] or "", scp[2], "", scp[3]
    parts = urlsplit(url)
    path = parts.path[1:] if parts.path.startswith("/~") else parts.path
    return parts.username or "", parts.hostname or "", str(parts.port or ""), path


def _git(start: ServiceStart) -> list[str]:
    return ["git", *(word for setting in start.settings for word in ("-c", setting))]


def _version(file: Path) -> tuple[int, int, int] | None:
    """Return what differs when a file was replaced or written; None if there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _process(argv: Sequence[str], environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as exc:
        raise StoreError(
            f"{argv[0]} could not be started: {exc.strerror}.", f"Install {argv[0]} and make sure it is on PATH."
        ) from exc


def _quoted(path: str) -> str:
    """Quote a path as git does: always, because the shell of a server that runs nothing but git takes no other form."""
    return "'" + path.replace("'", "'\\''").replace("!", "'\\!'") + "'"


def _pipe_error(where: str, complaint: str) -> StoreError:
    lowered = complaint.lower()
    if "not a git repository" in lowered or "does not appear to be a git" in lowered:
        return NotARepositoryError(
            f"{where} is not a git repository.", "Check `repository`, or create one with: git init --bare PATH."
        )
    for said, kind, predicate, next_step in _UNREACHED:
        if re.search(said, lowered):
            return kind(f"{where.partition(':')[0]} {predicate} ({complaint}).", next_step)
    if "permission denied" in lowered or "publickey" in lowered:
        return AccessDeniedError(f"{where} refuses access ({complaint}).", "Check the credentials and the rights of the user.")
    kind = StoreError if re.search(_FINAL, complaint) else UnavailableError
    return kind(
        f"{where} does not answer as a git repository ({complaint or 'it hung up'}).",
        "Check `repository` and the connection.",
    )
