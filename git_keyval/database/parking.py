"""What getdel and apop take away stays on a branch for a while: how people get at it there, if it did not reach them."""

from git_keyval.database.database import Database
from git_keyval.format.names import RefName

_BRANCHES = "refs/heads/"


def whereabouts(database: Database, parked: RefName, value: RefName | None = None) -> str:
    """Return for people where something was parked, with a command that fetches it, and one that puts back the ``value`` of a key.

    The latter fails if the key exists again: it would not be a fast-forward.
    """
    from shlex import quote  # noqa: PLC0415  # only where there is an answer to lose

    branch = parked.removeprefix(_BRANCHES)
    fetch = f"git clone --quiet --single-branch --branch {branch} {quote(database.address)} parked"
    told = f"What was taken away is on the branch {branch} until purge. To see it: {fetch}"
    return f"{told} && ls parked. To put it back then: git -C parked push origin HEAD:{value}" if value else f"{told} && ls parked"
