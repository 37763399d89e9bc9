"""A CDN in front of public repositories, as jsDelivr is: it serves files by tag and by commit, and keeps what it has served.

https://www.jsdelivr.com/documentation#id-github. What nobody should ask it for (a branch, a tag that looks like a version and so
may mean another one, credentials) is answered with an error, and reported.
"""

import mimetypes
import re
from collections.abc import Callable

from tests.emulator.objects import is_oid
from tests.emulator.options import Options
from tests.emulator.refs import HEADS, TAGS
from tests.emulator.repositories import Repositories, Repository
from tests.servers.loopback import Answer, Request

PREFIX = "/gh/"
MAX_BYTES = 20_000_000
_PATH = re.compile(PREFIX + r"([^/@]+/[^/@]+)@([^/@]+)/(.+)")
_VERSION = re.compile(r"v?\d+(\.\d+)*(-.*)?")
_TYPES = mimetypes.MimeTypes()
_FOR_EVER = "public, max-age=31536000, s-maxage=31536000, immutable"


def is_cdn_path(path: str) -> bool:
    return path.startswith(PREFIX)


class Cdn:
    """What was served once is served forever: after its ref, its object or its repository is gone."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Answer] = {}

    def answer(self, request: Request, repositories: Repositories, options: Options, report: Callable[[str], None]) -> Answer:
        """Answer a request: 404 for whatever is not public, or not there."""
        if request.method not in {"GET", "HEAD"} or request.query:
            report(f"{request.method} {request.path}?{request.query} of the CDN")
            return _text(405, "Method not allowed.")
        if "authorization" in request.headers:
            report("credentials for the CDN")
        match = _PATH.fullmatch(request.words)
        if match is None:
            return _text(400, "Invalid URL.")
        full_name, ref, path = match[1].lower(), match[2], match[3]
        kept = self._kept.get((full_name, ref, path))
        if kept is None:
            repository = None if options.is_private(full_name) else repositories.find(full_name)
            kept = _file(repository, ref, path, report) if repository else _text(404, "Couldn't find the requested release.")
            if kept.status == 200:
                self._kept[full_name, ref, path] = kept
        return kept


def _file(repository: Repository, ref: str, path: str, report: Callable[[str], None]) -> Answer:
    with repository.lock:
        refs, objects = repository.refs(), repository.objects
        if not is_oid(ref) and (_VERSION.fullmatch(ref) or refs.get(f"{HEADS}{ref}")):
            report(f"{ref} of the CDN, which is a branch or may mean another version")
            return _text(404, "Couldn't find the requested release version.")
        commit = objects.peel(ref if is_oid(ref) else refs.get(f"{TAGS}{ref}") or "", "commit")
        entry = objects.entry_at(commit.tree, path) if commit else None
        blob = objects.get(entry.oid) if entry and entry.kind == "blob" else None
    if blob is None:
        return _text(404, f"Couldn't find the requested file {path} in {repository.full_name}.")
    if len(blob.raw) > MAX_BYTES:
        return _text(403, "File size exceeded the configured limit of 20 MB.")
    guessed = _TYPES.guess_type(path)[0] or "application/octet-stream"
    kind = "text/plain" if guessed == "text/html" else guessed
    charset = "; charset=utf-8" if kind.startswith("text/") or kind == "application/json" else ""
    headers = (("Content-Type", f"{kind}{charset}"), ("Cache-Control", _FOR_EVER), ("Access-Control-Allow-Origin", "*"))
    return Answer(200, blob.raw, headers)


def _text(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "public, max-age=60")))
