"""What the input ``repository`` names."""

import re
from urllib.parse import urlsplit

_GITHUB = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+")
_WORKFLOW_TOKEN = "ghs_"  # noqa: S105  # how the tokens of workflow runs begin
_SCP = re.compile(r"(?:([^@/:]+)@)?([^/:@]+):(?!//)(.+)")


def locate(repository: str, server_url: str) -> str:
    """Give the git address of a repository: a URL or path as it is, ``user@host:path`` as ssh, ``owner/name`` on the GitHub server.

    A relative path with one slash looks like ``owner/name``; written as ``./owner/name`` it is a path.
    """
    if "://" in repository or repository.startswith((".", "/", "~")):
        return repository
    if scp := _SCP.fullmatch(repository):
        user, host, path = scp.groups()
        return f"ssh://{user + '@' if user else ''}{host}/{path if path.startswith(('/', '~')) else '~/' + path}".replace(
            "//~", "/~"
        )
    if _GITHUB.fullmatch(repository):
        return f"{server_url.rstrip('/')}/{repository}.git"
    return repository


def token_for(location: str, token: str, server_url: str) -> str:
    """Give the token if it may be sent there.

    The workflow's own token is the default of the input, so it goes to the GitHub server only, whatever host a repository names.
    Any other token was given on purpose.
    """
    if token.startswith(_WORKFLOW_TOKEN) and urlsplit(location).hostname != urlsplit(server_url).hostname:
        return ""
    return token
