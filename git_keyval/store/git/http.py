"""Git's two services over smart HTTP, through dulwich's client, which keeps the credentials to the host they were given for."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Self
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from dulwich import protocol as pkt
from dulwich.client import Urllib3HttpGitClient
from dulwich.errors import GitProtocolError
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from git_keyval.errors import AccessDeniedError, NotARepositoryError, StoreError, UnavailableError
from git_keyval.store.clock import ServerClock
from git_keyval.store.git.conversation import BrokenConversationError, Deadline, NewDeadline, RequestTooLargeError, Service
from git_keyval.store.git.packets import PacketReader
from git_keyval.store.git.timed import timed_pools

_SERVER_ERROR = 500
_BLOCK = 256 * 1024
_TOO_LARGE, _TOO_MANY = 413, 429
# Of the statuses that say that the request is wrong, those that another time may change (RFC 9110, 8470, 6585).
_PASSING = frozenset({408, 425, _TOO_MANY})


@dataclass(frozen=True, slots=True)
class _Body:
    """The body of a request, sent in blocks: a socket's time limit is for the whole of what it is given at once."""

    data: bytes
    deadline: Deadline

    @property
    def size(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[memoryview]:
        rest = memoryview(self.data)
        while rest:
            self.deadline.check()
            yield rest[:_BLOCK]
            self.deadline.sent(len(rest[:_BLOCK]))
            rest = rest[_BLOCK:]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, content type without parameters, the stream, and how to give the connection back."""

    status: int
    content_type: str
    packets: PacketReader
    close: Callable[[], None]


class HttpTransport:
    """A way to one http(s) address."""

    def __init__(self, url: str, token: str, clock: ServerClock, timeout: float, deadline: NewDeadline) -> None:
        """Reach the address with the token as password; ``clock`` is told the server's time.

        Credentials in the address are used instead of the token, and are repeated in no error. ``timeout`` is for how many
        seconds the server may be silent while an answer is waited for, ``deadline`` for when a conversation has to be over.
        """
        parts = urlsplit(url)
        user, password = ("x-access-token", token) if token else (None, None)
        if parts.username:
            user, password = unquote(parts.username), unquote(parts.password or "")
        self.requests = 0
        self.where = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
        self.upload_advertisement = b""
        self._clock = clock
        # One policy for trying again, and it is not urllib3's, which would sleep as long as a server asks.
        retries = Retry(total=None, connect=1, read=0, status=0, other=0, redirect=5, respect_retry_after_header=False)
        self._client = Urllib3HttpGitClient(self.where, username=user, password=password, timeout=timeout)
        pools = self._client.pool_manager
        assert isinstance(pools, PoolManager)
        pools.connection_pool_kw["retries"] = retries
        pools.pool_classes_by_scheme = timed_pools(lambda: self.deadline)
        self._new_deadline = deadline
        self.deadline = deadline("upload-pack")
        """Of the conversation that was begun last."""

    def open(self, service: Service) -> "HttpConversation":
        """Begin a conversation; nothing is sent yet."""
        self.deadline = self._new_deadline(service)
        return HttpConversation(self, service)

    def send(self, path: str, headers: dict[str, str], body: "_Body | None" = None) -> "Answer":
        """Make one request below the address."""
        self.requests += 1
        url = f"{self.where}/{path}"
        # The one place where dulwich sends a request; its own parser of answers would keep all refs in memory.
        answer, read = self._client._http_request(url, headers, body, raise_for_status=False)  # type: ignore[arg-type]  # noqa: SLF001  # urllib3 takes any iterable
        self._clock.told(answer.headers.get("Date", ""))
        if moved := answer.redirect_location:
            self._follow(urljoin(url, str(moved)), path)
        content_type = answer.headers.get("Content-Type") or ""
        return Answer(answer.status, content_type.partition(";")[0], PacketReader(_reading(read)), answer.close)

    def update_refs(self, _lines: str) -> bool:
        """Do nothing: there is no other way than the service."""
        return False

    def _follow(self, location: str, path: str) -> None:
        if location.endswith(f"/{path}"):
            self.where = location.removesuffix(f"/{path}")


class HttpConversation:
    """A conversation in requests of their own."""

    def __init__(self, transport: HttpTransport, service: Service) -> None:
        """Prepare a conversation with a service."""
        self._transport = transport
        self._service = service
        self._open: list[Answer] = []
        # Push has no version 2: a server asked for it there may answer in a form of its own.
        self._headers = {"Git-Protocol": "version=2"} if service == "upload-pack" else {}

    def advertisement(self) -> PacketReader:
        """Ask for the advertisement; the service line that only HTTP has is read here.

        What version 2 of upload-pack advertises names no refs, so it is asked for once per run.
        """
        if self._service == "upload-pack" and self._transport.upload_advertisement:
            return PacketReader(BytesIO(self._transport.upload_advertisement).read)
        path = f"info/refs?service=git-{self._service}"
        try:
            answer = self._transport.send(path, {"Accept": "*/*", **self._headers})
        except GitProtocolError as exc:
            raise UnavailableError(f"{self._transport.where} cannot be reached.", "Check 'repository' and the connection.") from exc
        self._open.append(answer)
        if error := _status_error(answer.status, self._transport.where):
            raise error
        if answer.content_type != f"application/x-git-{self._service}-advertisement":
            raise NotARepositoryError(f"{self._transport.where} does not answer as a git repository.", "Check 'repository'.")
        packets = answer.packets
        if (packets.peek() or b"").startswith(b"# service="):
            packets.read_line()
            packets.read_line()
        if (packets.peek() or b"").strip() != b"version 2":
            return packets
        lines = [*packets.read_lines(), None]
        self._transport.upload_advertisement = b"".join(map(pkt.pkt_line, lines))
        return self.advertisement()

    def request(self, body: Iterable[bytes]) -> PacketReader:
        """POST the request.

        A refusal (4xx) is a StoreError: the service never ran. Anything else that is no answer is a BrokenConversationError.
        """
        kind = f"application/x-git-{self._service}"
        data = _Body(b"".join(body), self._transport.deadline)
        headers = {
            "Content-Type": f"{kind}-request",
            "Accept": f"{kind}-result",
            "Content-Length": str(data.size),
            **self._headers,
        }
        try:
            answer = self._transport.send(f"git-{self._service}", headers, data)
        except GitProtocolError as exc:
            raise BrokenConversationError("the connection broke before an answer came") from exc
        self._open.append(answer)
        if answer.status >= _SERVER_ERROR:
            raise BrokenConversationError(f"the server answered with status {answer.status}")
        if answer.status == _TOO_LARGE:
            raise RequestTooLargeError(self._transport.where, data.size)
        if error := _status_error(answer.status, self._transport.where):
            raise error
        if answer.content_type != f"{kind}-result":
            raise BrokenConversationError("the server answered with another content type")
        return answer.packets

    def complaints(self) -> str:
        """Return nothing: what the programs behind a web server complain about goes to its log."""
        return ""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End: give the connections back."""
        for answer in self._open:
            answer.close()


def _reading(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Turn what goes wrong in the middle of an answer's body (no more of it in time, not what its headers say) into one error."""

    def read_some(size: int) -> bytes:
        try:
            return read(size)
        except HTTPError as exc:
            raise BrokenConversationError("the answer broke off, or is not what its headers say") from exc

    return read_some


def _status_error(status: int, where: str) -> StoreError | None:
    match status:
        case 200:
            return None
        case 401 | 403:
            return AccessDeniedError(
                f"{where} refuses access (status {status}).",
                "Check 'token': it must be allowed to read and, for writes, to change the contents of the repository.",
            )
        case 404:
            return NotARepositoryError(
                f"{where} is no git repository, or not one this token may see (status 404).",
                "Check 'repository' and 'token'.",
            )
        case 407:
            return AccessDeniedError(
                f"The proxy on the way to {where} wants a user name and a password (status 407).",
                "Give them in the address of the proxy: http://USER:PASSWORD@HOST:PORT.",
            )
    if status >= _SERVER_ERROR or status in _PASSING:
        what = "limits the rate of requests" if status == _TOO_MANY else "did not answer the request"
        return UnavailableError(f"{where} {what} (status {status}).", "Try again later; check 'repository' if it stays so.")
    return StoreError(
        f"{where} does not take the request (status {status}).",
        "Check that 'repository' is the address for git, and what the server or a proxy before it allows: its log says more.",
    )
