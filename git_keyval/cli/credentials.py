"""The token of a call that names no token."""

from collections.abc import Mapping
from urllib.parse import urlsplit

PUBLIC_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
ENTERPRISE_TOKENS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")


def token_of(repository: str, environ: Mapping[str, str]) -> str:
    """Return the token that the environment has for the GitHub server; empty if the repository is not there.

    The variables are those of GitHub's own command, and mean what they mean there
    (https://cli.github.com/manual/gh_help_environment): two are for github.com and ghe.com, two for any other server. They were
    not set for this call, so no other server is sent them, whatever host the call names.
    """
    from git_keyval.dispatch.location import GithubServer, github_name  # it knows the stores, which no help needs

    server = GithubServer.of(environ)
    if github_name(repository, server) is None:
        return ""
    host = urlsplit(server.server_url).hostname or ""
    public = host == "github.com" or host.endswith(".ghe.com")
    return next((environ[name] for name in (PUBLIC_TOKENS if public else ENTERPRISE_TOKENS) if environ.get(name)), "")
