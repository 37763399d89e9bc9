"""The token of a call that names no token, what secrets are given by, and which are not sent."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from git_keyval.errors import InputError

PUBLIC_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
ENTERPRISE_TOKENS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")


VARIABLES = {
    "repository": "GIT_KEYVAL_REPOSITORY",
    "repository-shard-length": "GIT_KEYVAL_REPOSITORY_SHARD_LENGTH",
    "token": "GIT_KEYVAL_TOKEN",
    "encryption-key": "GIT_KEYVAL_ENCRYPTION_KEY",
    "encryption-kid": "GIT_KEYVAL_ENCRYPTION_KID",
}
"""The inputs that variables may give."""

_SECRETS = ("token", "encryption-key")


def origins_of(given: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return by which variables inputs were given; for a secret that was not given, by which it should be."""
    by_variable = {name for name in given if name in VARIABLES and given[name] == environ.get(VARIABLES[name])}
    return {name: VARIABLES[name] for name in (*by_variable, *(name for name in _SECRETS if name not in given))}


def withhold(given: dict[str, str], said_by: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Take out the token that was given, for a repository that a project names: the project could send it anywhere.

    Yield a sentence on that, for errors. Raises InputError for a token that the call itself gives.
    """
    token = given.get("token")
    if not token:
        return
    if token != environ.get(VARIABLES["token"]):
        raise InputError("token", f"is not sent to a repository that {said_by} names", "--repository beside it")
    del given["token"]
    yield f"GIT_KEYVAL_TOKEN was not sent, because {said_by} names the repository; --repository or GIT_KEYVAL_REPOSITORY does."


def token_of(repository: str, environ: Mapping[str, str]) -> str:
    """Return the token that the environment has for the GitHub server; empty if the repository is not there."""
    return environ.get(token_variable(repository, environ), "")


def token_variable(repository: str, environ: Mapping[str, str]) -> str:
    """Return the variable with the token for the GitHub server; empty if none is set, or the repository is not there.

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
    return next((name for name in (PUBLIC_TOKENS if public else ENTERPRISE_TOKENS) if environ.get(name)), "")
