"""The git adapter: any git remote as a store."""

import re
from collections.abc import Callable, Mapping
from functools import partial

from git_keyval.errors import NotARepositoryError
from git_keyval.store.clock import ServerClock
from git_keyval.store.git.adapter import GitStore
from git_keyval.store.git.conversation import TOTAL_SECONDS, Deadline, NewDeadline, Transport
from git_keyval.store.git.transport import LocalTransport, SshTransport, is_scp_address
from git_keyval.store.messages import one_line
from git_keyval.store.patience import Patience

__all__ = ["TIMEOUT_SECONDS", "GitStore", "is_scp_address", "open_git_store"]

TIMEOUT_SECONDS = 60.0
"""How long a server may be silent: it may have many refs to look through, or a large push to check."""

_HELPER = r"[A-Za-z0-9]+::"
"""How addresses begin that name a program of git to be run (https://git-scm.com/docs/gitremote-helpers)."""

_LONGEST_ADDRESS = 4096
"""Linux takes no longer path, and servers hardly a longer address."""


def open_git_store(
    address: str,
    *,
    environ: Mapping[str, str],
    token: str = "",
    clock: ServerClock,
    patience: Patience,
    timeout: float = TIMEOUT_SECONDS,
    total: float = TOTAL_SECONDS,
    deletes_unseen: bool = True,
    warn: Callable[[str], None] = lambda _warning: None,
) -> GitStore:
    """Open a local path, ``file://``, ``http(s)://`` or ``ssh://`` address; nothing is read yet.

    ``environ`` is what git and ssh may see; ``token`` goes to an http(s) server in a header, and ``timeout`` is for how many
    seconds that server may be silent. ``total`` is how many seconds one conversation may take, beside those for the bytes it moves.
    ``deletes_unseen`` is for servers that take the deletion of a ref that is not there, as git does.
    ``warn`` is called with a sentence for people, if something of another user's repository on this machine is not run.
    Raises NotARepositoryError for another kind of address, and for one that cannot be read.
    """
    try:
        transport = _transport(address, environ, token, clock, timeout, partial(Deadline, patience.elapsed, seconds=total), warn)
    except ValueError:
        # Not raised from it: it may quote the address, which may hold a password.
        raise NotARepositoryError(
            "The address of `repository` is not valid.", "Give a path, file://, https:// or ssh://."
        ) from None
    return GitStore(transport, clock=clock, patience=patience, deletes_unseen=deletes_unseen)


def _transport(
    address: str,
    environ: Mapping[str, str],
    token: str,
    clock: ServerClock,
    timeout: float,
    deadline: NewDeadline,
    warn: Callable[[str], None],
) -> Transport:
    if "\0" in address or len(address) > _LONGEST_ADDRESS or re.match(_HELPER, address):
        raise ValueError(address)
    scheme = address.partition("://")[0] if "://" in address else "ssh" if is_scp_address(address) else "path"
    match scheme:
        case "path" | "file":
            return LocalTransport(_path_of(address), environ, deadline, warn, by_services=scheme == "file")
        case "ssh":
            return SshTransport(address, environ, deadline)
        case "http" | "https":
            # Slow to import, and a path never needs it.
            from git_keyval.store.git.http import HttpTransport  # noqa: PLC0415
            from git_keyval.store.network import Network  # noqa: PLC0415

            return HttpTransport(address, token, clock, timeout, deadline, Network(environ))
    raise NotARepositoryError(
        f"Addresses of the kind {one_line(scheme)}:// are not supported.",
        "Give `repository` as a path, file://, https:// or ssh://.",
    )


def _path_of(address: str) -> str:
    path = address.removeprefix("file://")
    if path != address and not path.startswith("/"):
        raise NotARepositoryError(
            "The address of `repository` is not valid: after file:// comes the whole path.", "Write it as in file:///srv/db.git."
        )
    return path
