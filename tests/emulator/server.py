"""The emulated GitHub: one port for REST, GraphQL, git and a CDN, a log of all requests, and the faults that meet them."""

import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tests.emulator.access import SSO_MESSAGE, SSO_URL, Access, Permission
from tests.emulator.answers import JSON_TYPE, RefusedError, error_answer, json_answer, refuse
from tests.emulator.calls import Call
from tests.emulator.cdn import PREFIX as CDN_PREFIX
from tests.emulator.cdn import Cdn, is_cdn_path
from tests.emulator.faults import (
    SOMETHING_WENT_WRONG,
    UNICORN,
    Drop,
    Fault,
    Lag,
    Malformed,
    PrimaryExhausted,
    ResourceLimits,
    Rival,
    SecondaryLimit,
    StaleRead,
    Status,
    Timeout,
    Truncated,
    Untyped,
)
from tests.emulator.graphql import Asked, InvalidQueryError, execute_graphql, rate_limited, read_graphql, secondary_limited
from tests.emulator.limits import Limits, Quota, Resource
from tests.emulator.nodes import Session
from tests.emulator.options import Options
from tests.emulator.repositories import Repositories, Repository
from tests.emulator.rest import find_route
from tests.emulator.shapes import Shapes
from tests.emulator.smart_http import answer_git, is_git_path, operation_of
from tests.replacing import replace
from tests.servers.loopback import Answer, Delivery, Manner, Request, Server

Kind = Literal["rest", "graphql-query", "graphql-mutation", "git", "cdn"]

ENTERPRISE = "/api/v3"
API_VERSIONS = frozenset({"2022-11-28", "2026-03-10"})
EXCEEDED = "API rate limit exceeded for installation ID 1."
ALREADY_EXCEEDED = "API rate limit already exceeded for installation ID 1."
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
SECONDARY_CONTENT = (
    "You have exceeded a secondary rate limit and have been temporarily blocked from content creation. Please retry your "
    "request again later."
)
_TOO_MANY_OF_GIT = Answer(
    429, b"This request was rate-limited due to too many requests.\n", (("Content-Type", "text/plain; charset=utf-8"),)
)
_GRAPHQL_PATHS = {"/graphql", "/api/graphql"}
_REPOSITORY = re.compile(r"/repos/([^/]+)/([^/]+)(/.*)?")
_NUMBERED = re.compile(r"/repositories/(\d+)(/.*)?")
DEFAULT_TOKEN = "emulated-token"


@dataclass(frozen=True, slots=True)
class Logged:
    """One request of the log. ``status`` is 0 where the client was not answered."""

    number: int
    kind: Kind
    method: str
    path: str
    query: str
    bytes_in: int
    bytes_out: int
    status: int
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class _Meeting:
    """A request, and what it meets on its way."""

    request: Request
    number: int
    kind: Kind
    asked: Asked | Answer | None
    fault: Fault | None

    @property
    def resource(self) -> Resource:
        return "graphql" if self.kind.startswith("graphql") else "core"

    @property
    def writes(self) -> bool:
        return self.kind == "graphql-mutation" or (self.kind == "rest" and self.request.method not in {"GET", "HEAD"})

    @property
    def lags(self) -> bool:
        return isinstance(self.fault, Lag)

    @property
    def writes_ago(self) -> int:
        return self.fault.writes if isinstance(self.fault, StaleRead) else 0


class GitHubEmulator:
    """GitHub on loopback, for the bare repositories of a directory, while the context is open.

    ``faults`` names the faults by the number of the request they meet, counted from 1 since ``reset_log``; ``on_request``,
    if set, may give one for any other request. ``unexpected`` lists what clients asked for that is not emulated, or not
    valid: a test that ends well finds it empty. Times come from ``clock``, in seconds since 1970.
    """

    def __init__(
        self,
        root: Path,
        *,
        tokens: Mapping[str, Permission] | None = None,
        options: Options | None = None,
        clock: Callable[[], float] = time.time,
        port: int = 0,
    ) -> None:
        self.options = options or Options()
        self.access = Access(tokens if tokens is not None else {DEFAULT_TOKEN: Permission.WRITE})
        self.repositories = Repositories(root)
        self.limits = Limits(self.options, clock)
        self.requests: list[Logged] = []
        self.unexpected: list[str] = []
        self.faults: dict[int, Fault] = {}
        self.on_request: Callable[[Logged], Fault | None] | None = None
        self.on_logged: Callable[[Logged], object] | None = None
        self._cdn = Cdn()
        self._clock = clock
        self._lock = threading.Lock()
        self._graphql_lock = threading.RLock()
        self._numbers = 0
        self._server = Server(port, lambda request: self._deliver(request.decoded()), clock, calls_itself="github.com")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        errors = self._server.stop()
        self.repositories.close()
        if errors and error is None:
            raise errors[0]

    @property
    def url(self) -> str:
        """The base URL, as ``GITHUB_SERVER_URL``; a repository is at ``{url}/{owner}/{name}.git``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def api_url(self) -> str:
        """The base URL of REST, as ``GITHUB_API_URL``. ``{url}/api/v3`` answers, too."""
        return self.url

    @property
    def graphql_url(self) -> str:
        """As ``GITHUB_GRAPHQL_URL``. ``{url}/api/graphql`` answers, too."""
        return f"{self.url}/graphql"

    @property
    def cdn_url(self) -> str:
        """The address of a CDN that serves the public repositories, as ``GIT_KEYVAL_CDN_URL``."""
        return f"{self.url}{CDN_PREFIX.rstrip('/')}"

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which a runner tells steps where GitHub is, and the one that tells where the CDN is."""
        return {
            "GITHUB_SERVER_URL": self.url,
            "GITHUB_API_URL": self.api_url,
            "GITHUB_GRAPHQL_URL": self.graphql_url,
            "GIT_KEYVAL_CDN_URL": self.cdn_url,
        }

    def create(self, owner: str, name: str, *, empty: bool = False) -> Path:
        """Make a bare repository: with a branch ``main`` that has a README, unless ``empty``. Gives its path."""
        return self.repositories.create(owner, name, empty=empty)

    def rename(self, old_full_name: str, new_full_name: str) -> None:
        """Rename a repository. The old name redirects to the new one."""
        self.repositories.rename(old_full_name, new_full_name)

    def count(self, kind: Kind | None = None) -> int:
        """Count the logged requests, of a kind if one is given."""
        return sum(kind in {None, entry.kind} for entry in self.requests)

    def reset_log(self) -> None:
        """Forget the requests so far, and count from 1 again."""
        with self._lock:
            self.requests.clear()
            self._numbers = 0

    def _report(self, what: str) -> None:
        self.unexpected.append(what)

    # --- one request ---

    def _deliver(self, request: Request) -> Delivery:
        meeting = self._meet(request)
        delivery = self._suffer(meeting)
        entry = replace(_entry(meeting), bytes_out=len(delivery.answer.body) if delivery.status else 0, status=delivery.status)
        with self._lock:
            self.requests.append(entry)
        if self.on_logged:
            self.on_logged(entry)
        return delivery

    def _meet(self, request: Request) -> _Meeting:
        asked: Asked | Answer | None = None
        kind: Kind = "rest"
        if request.words in _GRAPHQL_PATHS:
            try:
                asked = read_graphql(request, self._report)
            except (InvalidQueryError, RefusedError) as refused:
                asked = refused.answer
            kind = "graphql-mutation" if isinstance(asked, Asked) and asked.is_mutation else "graphql-query"
        elif is_cdn_path(request.words):
            kind = "cdn"
        elif is_git_path(request.words):
            kind = "git"
        with self._lock:
            self._numbers += 1
            meeting = _Meeting(request, self._numbers, kind, asked, self.faults.get(self._numbers))
        if meeting.fault is None and self.on_request:
            meeting = replace(meeting, fault=self.on_request(_entry(meeting)))
        if isinstance(meeting.fault, Untyped) and meeting.resource != "graphql":
            meeting = replace(meeting, fault=None)
        return meeting

    def _suffer(self, meeting: _Meeting) -> Delivery:
        """Answer a request with what its fault makes of the answer."""
        match meeting.fault:
            case Drop(applied):
                return Delivery(self._answer(meeting) if applied else Answer(0), Manner.NOT)
            case Timeout(applied):
                return Delivery(self._answer(meeting) if applied else Answer(0), Manner.HELD)
            case Status() | Untyped() as fault:
                if fault.applied:
                    self._answer(meeting)
                return Delivery(_another(fault, meeting))
            case Truncated():
                return Delivery(self._answer(meeting), Manner.HALF)
            case Malformed():
                answer = self._answer(meeting)
                half = answer.body[: len(answer.body) // 2]
                return Delivery(replace(answer, body=half.ljust(len(answer.body), b"?")))
            case Rival(act):
                act()
        return Delivery(self._answer(meeting))

    def _answer(self, meeting: _Meeting) -> Answer:
        request = meeting.request
        if meeting.kind == "cdn":
            return self._cdn.answer(request, self.repositories, self.options, self._report)
        if meeting.kind == "git":
            if isinstance(meeting.fault, SecondaryLimit | PrimaryExhausted):
                return _TOO_MANY_OF_GIT
            operation = operation_of(request)
            wait = self.limits.converse(*operation) if operation else None
            if wait is not None:
                return self._says_when(_TOO_MANY_OF_GIT, wait)
            return answer_git(request, self.repositories, self.access, self.options)
        identity = (("X-GitHub-Request-Id", f"0000:{meeting.number:04X}"), ("X-GitHub-Media-Type", "github.v3; format=json"))
        try:
            token = self.access.api_token(request)
        except RefusedError as refused:
            return refused.answer.with_headers(*identity)
        answer = self._limited(meeting, token) or self._dispatch(meeting, token)
        answer = self._conditional(meeting, token, answer)
        return answer.with_headers(*identity, *self.limits.quota(token, meeting.resource).headers)

    def _limited(self, meeting: _Meeting, token: str) -> Answer | None:
        """Refuse what exceeds a limit. ``GET /rate_limit`` is free."""
        graphql = meeting.resource == "graphql"
        fault = meeting.fault
        if isinstance(fault, PrimaryExhausted):
            self.limits.exhaust(token, meeting.resource)
            message = ALREADY_EXCEEDED if fault.already else EXCEEDED
            return rate_limited(message) if graphql and not fault.as_rest else error_answer(fault.code, message)
        if isinstance(fault, SecondaryLimit):
            return self._secondary(meeting, fault.code, fault.retry_after, SECONDARY_CONTENT if fault.content else SECONDARY)
        if meeting.request.words.removeprefix(ENTERPRISE) == "/rate_limit":
            return None
        points = meeting.asked.cost.points if isinstance(meeting.asked, Asked) else 1
        if not self.limits.spend(token, meeting.resource, points):
            return rate_limited(EXCEEDED) if graphql else error_answer(403, EXCEEDED)
        exceeded = self.limits.ask(token, meeting.resource, writes=meeting.writes)
        if exceeded is None:
            return None
        message = SECONDARY_CONTENT if exceeded[0] == "content" else SECONDARY
        return self._says_when(self._secondary(meeting, 200 if graphql else 403, None, message), exceeded[1])

    def _says_when(self, answer: Answer, seconds: int) -> Answer:
        return answer.with_headers(("Retry-After", str(seconds))) if self.options.says_when else answer

    @staticmethod
    def _secondary(meeting: _Meeting, code: int, retry_after: int | None, message: str) -> Answer:
        graphql = meeting.resource == "graphql"
        answer = secondary_limited(code, message) if graphql else error_answer(403 if code == 200 else code, message)
        return answer.with_headers(("Retry-After", str(retry_after))) if retry_after is not None else answer

    def _conditional(self, meeting: _Meeting, token: str, answer: Answer) -> Answer:
        """Answer 304 where the client has it already; that costs nothing of the primary limit."""
        if meeting.kind != "rest" or answer.status != 200 or meeting.writes:
            return answer
        tag = next((value for name, value in answer.headers if name == "ETag"), "")
        if not tag:
            tag = f'W/"{hashlib.sha256(answer.body).hexdigest()}"'
            answer = answer.with_headers(("ETag", tag))
        if tag in meeting.request.headers.get("if-none-match", ""):
            self.limits.spend(token, "core", -1)
            return Answer(304, b"", (("ETag", tag),))
        return answer

    def _dispatch(self, meeting: _Meeting, token: str) -> Answer:
        version = meeting.request.headers.get("x-github-api-version", "2022-11-28")
        try:
            if version not in API_VERSIONS:
                raise refuse(400, f'The API version "{version}" is not supported.')
            if meeting.kind == "rest":
                return self._rest(meeting, token)
        except RefusedError as refused:
            return refused.answer
        return meeting.asked if isinstance(meeting.asked, Answer) else self._graphql(meeting, token)

    # --- GraphQL ---

    def _graphql(self, meeting: _Meeting, token: str) -> Answer:
        assert isinstance(meeting.asked, Asked)
        if token in self.options.sso_tokens:
            return _sso_answer("emulated")
        with ExitStack() as held:
            session = Session(
                self.repositories,
                self.access,
                token,
                self.options,
                self.limits.quota(token, "graphql"),
                self._now(),
                self._report,
                held,
                meeting.writes_ago,
                meeting.fault.after if isinstance(meeting.fault, ResourceLimits) else None,
                lags=meeting.lags,
            )
            if not session.torn:
                # One at a time: two queries that name two repositories each could wait for each other forever.
                held.enter_context(self._graphql_lock)
            return execute_graphql(meeting.asked, session)

    # --- REST ---

    def _rest(self, meeting: _Meeting, token: str) -> Answer:
        request = meeting.request
        path = request.words.removeprefix(ENTERPRISE)
        base = ENTERPRISE if request.words.startswith(f"{ENTERPRISE}/") else ""
        if path == "/rate_limit" and request.method in {"GET", "HEAD"}:
            return json_answer(200, _rate_limits(self.limits.quota(token, "core"), self.limits.quota(token, "graphql")))
        named, numbered = _REPOSITORY.fullmatch(path), _NUMBERED.fullmatch(path)
        found: Repository | None = None
        rest = ""
        if named:
            rest = named[3] or ""
            found = self.repositories.find(f"{named[1]}/{named[2]}")
            renamed = None if found else self.repositories.find_renamed(f"{named[1]}/{named[2]}")
            if renamed and self.access.allowed(token, renamed.full_name):
                return _moved(request, f"{self.url}{base}/repositories/{renamed.number}{rest}")
        elif numbered:
            rest = numbered[2] or ""
            found = self.repositories.numbered(int(numbered[1]))
        route = find_route(request.method, rest) if named or numbered else None
        if route is None:
            self._report(f"{request.method} {path}")
            raise refuse(404, "Not Found")
        if found is None or not self.access.allowed(token, found.full_name) or meeting.fault == Lag(of_repository=True):
            raise refuse(404, "Not Found")
        self._authorise(token, found, writes=route[0].writes)
        with found.lock:
            call = Call(
                request,
                found,
                found.refs(meeting.writes_ago),
                Shapes(found, f"{self.url}{base}", self.url),
                self.options,
                self.access.allowed(token, found.full_name),
                self._now(),
                self._report,
                meeting.lags,
            )
            if not route[0].even_if_empty:
                call.refuse_empty()
            return route[0].answer(call, *route[1])

    def _authorise(self, token: str, repository: Repository, *, writes: bool) -> None:
        if token in self.options.sso_tokens:
            raise RefusedError(_sso_answer(repository.owner))
        if writes and self.access.allowed(token, repository.full_name) < Permission.WRITE:
            raise RefusedError(
                error_answer(403, "Resource not accessible by integration").with_headers(
                    ("X-Accepted-GitHub-Permissions", "contents=write")
                )
            )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(int(self._clock()), UTC)


def _entry(meeting: _Meeting) -> Logged:
    request = meeting.request
    return Logged(
        meeting.number, meeting.kind, request.method, request.words, request.query, len(request.body), 0, 0, meeting.fault
    )


def _another(fault: Status | Untyped, meeting: _Meeting) -> Answer:
    status = fault if isinstance(fault, Status) else Status(200)
    body, content_type = status.body, status.content_type
    if body is None and meeting.resource == "graphql":
        body, content_type = SOMETHING_WENT_WRONG, JSON_TYPE
    text = (UNICORN if body is None else body).encode()
    return Answer(status.code, text, (("Content-Type", content_type), *status.headers))


def _moved(request: Request, location: str) -> Answer:
    """Redirect to the number of a renamed repository: reads for good, all else with 307, which PyGithub does not follow."""
    reads = request.method in {"GET", "HEAD"}
    location = f"{location}{'?' if request.query else ''}{request.query}"
    content = error_answer(301 if reads else 307, "Moved Permanently" if reads else "Temporary Redirect", url=location)
    return content.with_headers(("Location", location))


def _sso_answer(owner: str) -> Answer:
    url = SSO_URL.format(owner=owner)
    return error_answer(403, SSO_MESSAGE).with_headers(("X-GitHub-SSO", f"required; url={url}"))


def _rate_limits(core: Quota, graphql: Quota) -> dict[str, object]:
    search = {"limit": 30, "remaining": 30, "reset": core.reset, "used": 0}
    return {"resources": {"core": core.members, "graphql": graphql.members, "search": search}, "rate": core.members}
