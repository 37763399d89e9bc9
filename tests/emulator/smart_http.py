"""git over smart HTTP, by git's own ``http-backend``; pushes are checked before they reach it."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.emulator.access import Access, Permission
from tests.emulator.answers import Answer, Request
from tests.emulator.options import Options
from tests.emulator.pushes import answer_push
from tests.emulator.repositories import Repositories, Repository
from tests.servers.binary import exec_path, isolated_environ

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
    with repository.lock:
        if request.method == "POST" and action == "/git-receive-pack":
            return answer_push(request.body, repository, options, lambda body: run_backend(request, repository, action, body))
        return run_backend(request, repository, action, request.body)


def run_backend(request: Request, repository: Repository, action: str, body: bytes) -> Answer:
    backend = Path(exec_path(), "git-http-backend")
    environ = _environ(request, repository, action, len(body))
    done = subprocess.run([backend], input=body, env=environ, capture_output=True, check=False, timeout=60)
    head, found, content = done.stdout.partition(b"\r\n\r\n")
    if not found:
        return _text(500, done.stderr.decode(errors="replace"))
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in head.decode().splitlines())]
    status = next((int(value.split()[0]) for name, value in headers if name.lower() == "status"), 200)
    return Answer(status, content, tuple((name, value) for name, value in headers if name.lower() != "status"))


def _environ(request: Request, repository: Repository, action: str, length: int) -> Mapping[str, str]:
    config = {"GIT_CONFIG_COUNT": str(len(CONFIG))}
    for number, (name, value) in enumerate(CONFIG.items()):
        config |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return isolated_environ(
        {
            "GIT_PROJECT_ROOT": str(repository.path.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.method,
            "PATH_INFO": f"/{repository.path.name}{action}",
            "QUERY_STRING": request.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(length),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REMOTE_USER": "x-access-token",
            "REMOTE_ADDR": "127.0.0.1",
            **config,
        }
    )


def _text(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    return Answer(status, f"{text}\n".encode(), (("Content-Type", "text/plain; charset=utf-8"), *headers))
