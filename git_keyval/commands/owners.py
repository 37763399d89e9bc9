"""The names of a lock's owner if the user gives none."""

import re

_RUN = r"https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+/actions/runs/[0-9]+/attempts/[0-9]+#[A-Za-z0-9_-]+"
_PROCESS = r"[A-Za-z0-9._-]+:[0-9]+"
_MADE = re.compile(rf"(?:{_RUN}|{_PROCESS})-[a-z0-9]{{8,40}}")


def owner_of_run(server_url: str, repository: str, run: str, attempt: str, job: str, op: str) -> str:
    """Name a job of a workflow run by the address of the run; ``op`` distinguishes it from all others of that name."""
    return f"{server_url}/{repository}/actions/runs/{run}/attempts/{attempt}#{job}-{op}"


def owner_of_process(host: str, process: int, op: str) -> str:
    """Name a process of a machine; ``op`` distinguishes it from all others of that name."""
    return f"{host}:{process}-{op}"


def is_made(owner: str) -> bool:
    """Return whether an owner has one of these names, so that everybody may see it: a name that a user gave may be a secret."""
    return _MADE.fullmatch(owner) is not None
