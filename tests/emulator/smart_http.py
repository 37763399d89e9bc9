"""git over smart HTTP, by git's own ``http-backend``; pushes are checked before they reach it."""

import re

from tests.emulator.access import Access, Permission
from tests.emulator.limits import Operation
from tests.emulator.options import Options
from tests.emulator.pushes import answer_push
from tests.emulator.repositories import Repositories
from tests.replacing import replace
from tests.servers.loopback import Answer, Request, run_backend

CONFIG = {
    "http.receivepack": "true",
    "receive.advertiseAtomic": "true",
    "receive.advertisePushOptions": "true",
    "receive.autogc": "false",
    "receive.fsckObjects": "true",
    # GitHub shows the refs of pull requests, and lets nobody push them.
    "receive.hideRefs": "refs/pull",
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.allowFilter": "true",
    # GitHub takes any number of objects; keeping small packs loose is what git does by itself.
    "gc.auto": "0",
}
_PATH = re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?(/info/refs|/git-upload-pack|/git-receive-pack)")


def is_git_path(path: str) -> bool:
    return _PATH.fullmatch(path) is not None


def operation_of(request: Request) -> tuple[str, Operation] | None:
    """Return the full name of the repository, in lower case, and what git does there; None for what only begins a conversation."""
    match = _PATH.fullmatch(request.words)
    if match is None or request.method != "POST":
        return None
    return f"{match[1]}/{match[2]}".lower(), "push" if match[3] == "/git-receive-pack" else "read"


def answer_git(request: Request, repositories: Repositories, access: Access, options: Options) -> Answer:
    """Answer a git request: 401 without a good token, 404 without access, 403 for a push that may only read."""
    match = _PATH.fullmatch(request.words)
    assert match
    full_name, action = f"{match[1]}/{match[2]}", match[3]
    token = access.git_token(request)
    if token is None:
        return _text(401, "Repository not found.", ("WWW-Authenticate", 'Basic realm="GitHub"'))
    repository = repositories.find(full_name)
    if repository is None and (renamed := repositories.find_renamed(full_name)):
        return _text(301, "", ("Location", f"/{renamed.full_name}.git{action}{'?' if request.query else ''}{request.query}"))
    allowed = access.allowed(token, repository.full_name) if repository else Permission.NONE
    if repository is None or allowed < Permission.READ:
        return _text(404, "Repository not found.")
    denied = ""
    if token in options.sso_tokens:
        denied = f"The '{repository.owner}' organization has enabled or enforced SAML SSO."
    elif "git-receive-pack" in (action + request.query) and allowed < Permission.WRITE:
        denied = f"Permission to {repository.full_name}.git denied to github-actions[bot]."
    if denied:
        return _text(403, denied)

    def answered(body: bytes) -> Answer:
        path = f"/{repository.path.name}{action}"
        return run_backend(replace(request, body=body), repository.path.parent, path, CONFIG, protocol=protocol)

    protocol = request.headers.get("git-protocol", "")
    with repository.lock:
        if request.method == "POST" and action == "/git-receive-pack":
            return answer_push(request.body, repository, options, answered)
        return answered(request.body)


def _text(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    return Answer(status, f"{text}\n".encode(), (("Content-Type", "text/plain; charset=utf-8"), *headers))
