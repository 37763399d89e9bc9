"""A conversation with a git server, by any transport.

A Conversation is one use of a service: the server's advertisement first, then any number of requests with an answer each. On a pipe
it is one process; over HTTP each request is a POST of its own. Errors are StoreError; what happened to a request that was sent is
for the caller to judge, so a broken answer raises BrokenConversationError.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal

from git_keyval.errors import StoreError
from git_keyval.format.objects import Oid
from git_keyval.store.git.packets import PacketReader
from git_keyval.store.port import Capabilities

if TYPE_CHECKING:
    from git_keyval.store.git.directory import GitDirectory

Service = Literal["upload-pack", "receive-pack"]

TOTAL_SECONDS = 300.0
"""How long one conversation may take, before what it moves is counted."""

_SLOWEST_BYTES_PER_SECOND = 20_000
"""How much of a push, at the least, is expected to be done in a second. A ref has some 110 bytes: so 150,000 have 18 minutes."""


class BrokenConversationError(Exception):
    """The server hung up, answered outside the protocol, or took too long, in the middle of a conversation."""


class RequestTooLargeError(StoreError):
    """A server, or a proxy before it, takes no request of this size; nothing was done."""

    def __init__(self, where: str, size: int) -> None:
        """Name the address, and the size in bytes."""
        self.size = size
        super().__init__(
            f"{where} takes no request of {size:,} bytes (status 413).",
            "Raise the limit of the web server (nginx: client_max_body_size, Apache: LimitRequestBody), or write less at once.",
        )


class DamagedError(StoreError):
    """The server cannot send what was asked for, because it has lost something that it needs."""


class SilentEndError(DamagedError):
    """The server ended without a word, which it does over HTTP when it meets a damaged object, or for reasons of its own."""


class MissingObjectError(Exception):
    """The server does not have an object that was asked for, or does not send it any more."""

    def __init__(self, oid: Oid) -> None:
        self.oid = oid
        super().__init__(oid)


def check_object_format(capabilities: Iterable[bytes]) -> None:
    """Raise StoreError if a server says that its object ids are other than ours."""
    if any(line.startswith(b"object-format=") and line != b"object-format=sha1" for line in capabilities):
        raise StoreError(
            "The repository does not use SHA-1 object ids, which the stored format is made of.",
            "Use a repository made with git init --object-format=sha1.",
        )


class Deadline:
    """The end of a conversation: after so many seconds, and one more for each 20 kB of what it is about.

    So a server that sends a byte now and then cannot hold the client forever, and a long push has the time that it needs.
    """

    def __init__(self, elapsed: Callable[[], float], service: Service, seconds: float = TOTAL_SECONDS) -> None:
        """Begin now; ``elapsed`` returns seconds since any moment."""
        self._elapsed = elapsed
        self._end = elapsed() + seconds
        # What a server says to a push, of any length, is no reason to listen longer.
        self._grows_with_answers = service == "upload-pack"

    def sent(self, count: int) -> None:
        """Add the time for so many bytes of a request."""
        self._end += count / _SLOWEST_BYTES_PER_SECOND

    def received(self, count: int) -> None:
        """Add the time for so many bytes of an answer."""
        if self._grows_with_answers:
            self.sent(count)

    @property
    def left(self) -> float:
        """Return the seconds that are left, 0 at the least."""
        return max(0.0, self._end - self._elapsed())

    def check(self) -> float:
        """Return the seconds that are left. Raises BrokenConversationError if there are none."""
        if not (left := self.left):
            raise BrokenConversationError("the server took too long")
        return left


NewDeadline = Callable[[Service], Deadline]
"""Begins the time of a conversation with a service."""


class Conversation(AbstractContextManager["Conversation", None]):
    """One use of a service; a context manager that ends it."""

    @abstractmethod
    def advertisement(self) -> PacketReader:
        """Return the stream that starts with the server's advertisement."""

    @abstractmethod
    def request(self, body: Iterable[bytes]) -> PacketReader:
        """Send a request and return the stream of its answer, also of a server that hung up before it had read it whole."""

    def complaints(self) -> str:
        """Return what the server has written to its standard error so far, made safe to print; empty where it has none."""
        return ""


class Transport(ABC):
    """A way to one repository."""

    capabilities: Capabilities
    requests = 0
    is_in_order = True
    """Whether an advertisement lists refs as git does, by name, as far as is known."""

    @abstractmethod
    def open(self, service: Service) -> Conversation:
        """Begin a conversation with a service."""

    def directory(self) -> "GitDirectory | None":
        """Return the repository as a directory; None where it is reached by its services only. Raises StoreError."""
        return None

    def update_refs(self, _lines: str) -> bool:
        """Move refs by ``git update-ref --stdin``, past the service, all or nothing; return whether that was possible and done."""
        return False
