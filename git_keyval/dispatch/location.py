"""What the input ``repository`` names."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from git_keyval.light_dataclasses import dataclass

# Compiled where they are used: a path needs neither.
_GITHUB = r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+"
_CREDENTIALS = r"(?i:(?<=http://)|(?<=https://))[^/?#]*@|(?<=://)[^/?#]*:[^/?#]*@"
_NO_OWNERS = {"", ".", "..", "~"}
_PORTS = {"http": 80, "https": 443}
_WORKFLOW_TOKEN = "ghs_"  # noqa: S105  # how the tokens of workflow runs begin
_PUBLIC_SERVER, _PUBLIC_API = "https://github.com", "https://api.github.com"
_ENTERPRISE_API = "/api/v3"  # https://docs.github.com/en/enterprise-server@latest/rest/quickstart
_OTHER_API = "/api/v1"  # https://docs.gitea.com/development/api-usage
_PUBLIC_CDN = "https://cdn.jsdelivr.net/gh"
_CDN_VARIABLE = "GIT_KEYVAL_CDN_URL"


@dataclass(frozen=True, slots=True)
class GithubServer:
    """The addresses of a GitHub server: github.com, or an Enterprise Server, as the runner sets them."""

    server_url: str
    api_url: str
    graphql_url: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "GithubServer":
        """Read GITHUB_SERVER_URL, GITHUB_API_URL and GITHUB_GRAPHQL_URL; what is not set follows from the others."""
        given = environ.get("GITHUB_API_URL", "").rstrip("/")
        server = (environ.get("GITHUB_SERVER_URL") or _server_of(given)).rstrip("/")
        api = given or (_PUBLIC_API if server == _PUBLIC_SERVER else f"{server}{_ENTERPRISE_API}")
        return cls(server, api, (environ.get("GITHUB_GRAPHQL_URL") or f"{api.removesuffix('/v3')}/graphql").rstrip("/"))

    @property
    def has_github_api(self) -> bool:
        """Whether its API is GitHub's. Gitea and Forgejo have runners that set the same variables, for an API of their own."""
        return not self.api_url.endswith(_OTHER_API)


def _server_of(api_url: str) -> str:
    """Return the server of an API, by the forms that these addresses have; GitHub's own for any other."""
    for suffix in (_ENTERPRISE_API, _OTHER_API):
        if api_url.endswith(suffix):
            return api_url.removesuffix(suffix)
    scheme, found, host = api_url.partition("://api.")
    return f"{scheme}://{host}" if found and "/" not in host else _PUBLIC_SERVER


def github_name(repository: str, server: GithubServer) -> str | None:
    """Return ``owner/name`` of a repository on this GitHub server, named so or by its https address; None for any other place.

    A relative path with one slash looks like ``owner/name``; written as ``./owner/name`` it is a path.
    """
    name = repository
    if repository.startswith(f"{server.server_url}/"):
        name = repository.removeprefix(f"{server.server_url}/").removesuffix("/").removesuffix(".git")
    elif "://" in repository or repository.startswith((".", "/", "~")):
        return None
    return name if re.fullmatch(_GITHUB, name) else None


def identity(repository: str, server: GithubServer) -> str:
    """Return the same text for two names of one repository, as far as names show it: on GitHub capitals make no difference."""
    name = github_name(repository, server)
    return repository if name is None else name.lower()


def owner_of(repository: str, server: GithubServer) -> str | None:
    """Return the owner in a repository's address, the part before its name; None if it has none."""
    parts = _parts(repository, server)
    return None if parts is None else parts[1]


def beside(repository: str, name: str, server: GithubServer) -> str | None:
    """Return the address of ``name`` (owner/name) beside a repository; None if that has no owner and name at the end of its own."""
    parts = _parts(repository, server)
    return None if parts is None else f"{parts[0]}{name}{parts[2]}"


def shown_address(repository: str) -> str:
    """Return an address without what may be credentials, for messages and reports."""
    return re.sub(_CREDENTIALS, "", repository)


def git_address(repository: str, server: GithubServer) -> str:
    """Return how people name a repository to git, without what may be credentials."""
    if name := github_name(repository, server):
        return f"{server.server_url}/{name}"
    return shown_address(str(Path(repository).expanduser()) if repository[:1] == "~" else repository)


def deletion(repository: str, server: GithubServer, ref: str) -> str:
    """Return the command by which people delete a ref: at its path, even if an object of it is lost, or from any clone."""
    from shlex import quote  # noqa: PLC0415  # only where something is to be repaired

    address = git_address(repository, server)
    if (path := path_of(repository, server)) is None:
        return f"git push {quote(address)} --delete {quote(ref)}"
    return f"git -C {quote(path)} update-ref -d {quote(ref)}"


def removal(repository: str, server: GithubServer, name: str) -> str:
    """Return how people remove a file of the git directory: by a command only where that is on this machine."""
    from shlex import quote  # noqa: PLC0415  # only where something is to be repaired

    path = path_of(repository, server)
    if path is None:
        return f"on the server, the file {name} in its git directory"
    return f"rm {quote(str(git_directory(Path(path)) / name))}"


def git_directory(path: Path) -> Path:
    """Return where git keeps what belongs to a repository, which may have a work tree."""
    return path / ".git" if (path / ".git").is_dir() else path


def path_of(repository: str, server: GithubServer) -> str | None:
    """Return the path of a repository on this machine; None for any other."""
    from git_keyval.store.git import is_scp_address  # noqa: PLC0415  # slow to import, and few commands need it

    path = git_address(repository, server).removeprefix("file://")
    return None if "://" in path or is_scp_address(path) else path


def _parts(repository: str, server: GithubServer) -> tuple[str, str, str] | None:
    """Return what surrounds the name of a repository: what is before its owner, the owner, and ``.git`` if the name ends so."""
    if (on_github := github_name(repository, server)) is not None:
        return "", on_github.partition("/")[0], ""
    from git_keyval.store.git import is_scp_address  # noqa: PLC0415  # slow to import, and only redirects need it

    scheme, separator, rest = repository.rpartition("://")
    host, _, path = rest.partition("/") if separator else ("", "", rest)
    start = f"{scheme}{separator}{host}/" if separator else ""
    if not separator and is_scp_address(repository):
        host, _, path = repository.partition(":")
        start = f"{host}:"
    if separator and ("?" in path or "#" in path):
        return None
    folder, _, name = path.rstrip("/").rpartition("/")
    above, slash, owner = folder.rpartition("/")
    if owner in _NO_OWNERS or name in _NO_OWNERS:
        return None
    return f"{start}{above}{slash}", owner, ".git" if name.endswith(".git") else ""


def cdn_url(environ: Mapping[str, str]) -> str:
    """Return the address below which a CDN serves public repositories: jsDelivr's, or another that the environment names."""
    return (environ.get(_CDN_VARIABLE) or _PUBLIC_CDN).rstrip("/")


def cdn_of_server(environ: Mapping[str, str]) -> str | None:
    """Return the address of the CDN that serves the repositories of the run's GitHub server.

    None for an Enterprise Server, which jsDelivr does not know, unless the environment names a CDN.
    """
    is_served = bool(environ.get(_CDN_VARIABLE)) or GithubServer.of(environ).server_url == _PUBLIC_SERVER
    return cdn_url(environ) if is_served else None


def token_for(location: str, token: str, server: GithubServer) -> str:
    """Return the token if it may be sent there.

    The workflow's own token is the default of the input, so it goes to the GitHub server only, whatever host a repository names.
    Any other token was given on purpose.
    """
    return "" if token.startswith(_WORKFLOW_TOKEN) and _origin(location) != _origin(server.server_url) else token


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
