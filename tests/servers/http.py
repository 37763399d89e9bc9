"""Git over smart HTTP on loopback: git's own ``http-backend`` behind a small server whose faults are data.

The server keeps no state of its own but its request log and the faults still to come. Replies are buffered whole, so
that a fault can be placed exactly before or after the backend's work.
"""

import base64
import binascii
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.loopback import Answer, Delivery, Manner, Request, Server, run_backend

UPLOAD_PACK = "git-upload-pack"
RECEIVE_PACK = "git-receive-pack"


class Cut(Enum):
    """A fault that ends the connection."""

    BEFORE = "before"
    """The request is not applied and never answered."""
    AFTER = "after"
    """The request is applied and never answered."""
    TRUNCATE = "truncate"
    """The request is applied; half of the reply's body is sent."""


@dataclass(frozen=True, slots=True)
class Status:
    """A fault that answers with a status of its own; with ``applied`` after the backend has done its work."""

    code: int
    retry_after: str = ""
    applied: bool = False


@dataclass(frozen=True, slots=True)
class Redirect:
    """A fault that sends the client to the same path below another base URL."""

    base: str
    code: int = 302


Fault = Cut | Status | Redirect


@dataclass(frozen=True, slots=True)
class Logged:
    """One request of the log. ``status`` is 0 where the connection was closed without a reply."""

    method: str
    path: str
    service: str
    status: int
    authorization: bool
    encodings: tuple[str, ...]


@dataclass(slots=True)
class _Script:
    """A fault and the requests it waits for: the ``nth`` that matches; with ``forever`` all after it, too."""

    nth: int
    fault: Fault
    method: str
    service: str
    forever: bool
    seen: int = field(default=0)

    def meets(self, method: str, service: str) -> bool:
        if self.method not in {"", method} or self.service not in {"", service}:
            return False
        self.seen += 1
        return self.seen == self.nth or (self.forever and self.seen > self.nth)


class GitHttpServer:
    """Serves all bare repositories below a directory while the context is open.

    With a ``token``, every request must carry it as the password of Basic credentials (any user name), or is answered
    401. ``config`` is git configuration for the backend, such as ``receive.advertiseAtomic``; a test may change it. Without
    ``passes_protocol`` git never hears of the version of its protocol that the client asks for, and answers as before version 2.
    """

    def __init__(
        self, root: Path, *, token: str = "", config: Mapping[str, str] | None = None, passes_protocol: bool = True
    ) -> None:
        self.log: list[Logged] = []
        self.config: dict[str, str] = {"http.receivepack": "true", **(config or {})}
        self.token = token
        self.max_body: int | None = None
        """How many bytes the body of a request may have, or it is answered 413, as by nginx's client_max_body_size."""
        self._passes_protocol = passes_protocol
        self._root = root
        self._lock = threading.Lock()
        self._scripts: list[_Script] = []
        self._rivals: deque[Callable[[], object]] = deque()
        self._server = Server(0, self._deliver, time.time, calls_itself="loopback")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        errors = self._server.stop()
        if errors and error is None:
            raise errors[0]

    @property
    def url(self) -> str:
        """The base URL; a repository is at ``{url}/{its path below the root}``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def fail(self, nth: int, fault: Fault, *, method: str = "", service: str = "", forever: bool = False) -> None:
        """Script a fault for the nth request from now on, counted from 1, of a method or service if one is given."""
        with self._lock:
            self._scripts.append(_Script(nth, fault, method, service, forever))

    def heal(self) -> None:
        """Forget the faults that are scripted."""
        with self._lock:
            self._scripts.clear()

    def between(self, callback: Callable[[], object]) -> None:
        """Run a callback once, when the next push has arrived: after its advertisement, before it is applied."""
        self._rivals.append(callback)

    def count(self, *, method: str = "", service: str = "") -> int:
        """Count the logged requests, of a method and service where these are given."""
        return sum(method in {"", seen.method} and service in {"", seen.service} for seen in self.log)

    def _deliver(self, request: Request) -> Delivery:
        delivery = self._suffer(request, self._fault_for(request))
        headers = request.headers
        encodings = tuple(headers[name].lower() for name in ("transfer-encoding", "content-encoding") if headers.get(name))
        entry = Logged(request.method, request.path, service_of(request), delivery.status, "authorization" in headers, encodings)
        with self._lock:
            self.log.append(entry)
        return delivery

    def _fault_for(self, request: Request) -> Fault | None:
        with self._lock:
            # Every script must see the request, or those behind the first that fires would count wrong.
            faults = [script.fault for script in self._scripts if script.meets(request.method, service_of(request))]
        return faults[0] if faults else None

    def _suffer(self, request: Request, fault: Fault | None) -> Delivery:
        match fault:
            case None:
                return Delivery(self._serve(request))
            case Cut.BEFORE:
                return Delivery(Answer(0), Manner.NOT)
            case Cut():
                return Delivery(self._serve(request), Manner.HALF if fault is Cut.TRUNCATE else Manner.NOT)
            case Redirect(base, code):
                query = f"?{request.query}" if request.query else ""
                return Delivery(Answer(code, headers=(("Location", f"{base}{request.path}{query}"),)))
            case Status(code, retry_after, applied):
                if applied:
                    self._serve(request)
                headers = (("Retry-After", retry_after),) if retry_after else ()
                return Delivery(Answer(code, b"A scripted fault.\n", (("Content-Type", "text/plain"), *headers)))

    def _serve(self, request: Request) -> Answer:
        if self.token and _password(request.headers.get("authorization", "")) != self.token:
            return Answer(401, headers=(("WWW-Authenticate", 'Basic realm="git"'),))
        if self.max_body is not None and len(request.body) > self.max_body:
            return Answer(413, b"<h1>413</h1>", (("Content-Type", "text/html"),))
        if request.method == "POST" and service_of(request) == RECEIVE_PACK and self._rivals:
            self._rivals.popleft()()
        protocol = request.headers.get("git-protocol", "") if self._passes_protocol else ""
        return run_backend(request, self._root, request.path, self.config, protocol=protocol)


def service_of(request: Request) -> str:
    """Name the service of git that a request is for; empty if there is none."""
    asked = request.parameters.get("service", "")
    return asked or next((name for name in (UPLOAD_PACK, RECEIVE_PACK) if request.path.endswith(f"/{name}")), "")


def _password(authorization: str) -> str | None:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None
