"""What getdel and apop take away stays on a branch for a while: how people get at it there, if it did not reach them."""

from git_keyval.database.command import Parked

_BRANCHES = "refs/heads/"


def whereabouts(address: str, parked: Parked) -> str:
    """Return for people where something was parked, with a command that fetches it, and one that puts back the value of a key.

    The latter fails if the key exists again: it would not be a fast-forward.
    """
    from shlex import quote  # noqa: PLC0415  # only where there is an answer to lose

    branch = parked.name.removeprefix(_BRANCHES)
    fetch = f"git clone --quiet --single-branch --branch {branch} {quote(address)} parked"
    text = f"What was taken away is on the branch {branch} until purge. To see it: {fetch}"
    return (
        f"{text} && ls parked. To put it back then: git -C parked push origin HEAD:{parked.value}"
        if parked.value
        else f"{text} && ls parked"
    )
