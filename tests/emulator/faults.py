"""What can go wrong with one request, as data.

``applied`` tells whether the request has done its work by then: that the reply is lost does not mean that nothing happened.
A fault that makes no sense for a request leaves it alone, such as a stale read for a push.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

UNICORN = """<!DOCTYPE html>
<html>
<head><title>Unicorn! &middot; GitHub</title></head>
<body><p>We had issues producing the response to your request.</p></body>
</html>
"""


SOMETHING_WENT_WRONG = json.dumps(
    {
        "data": None,
        "errors": [
            {
                "message": "Something went wrong while executing your query. This may be the result of a timeout, or it could be "
                "a GitHub bug. Please include `0000:0000:000000:000000:00000000` when reporting this issue."
            }
        ],
    }
)
"""What GraphQL answers, with status 502, 504 or 200, where it cannot say what happened (seen in apache/devlake#4349)."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is closed without an answer."""

    applied: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """Another answer; by default what GitHub answers where a server took too long: a page, and JSON to a GraphQL request."""

    code: int = 502
    applied: bool = False
    body: str | None = None
    content_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Untyped:
    """A GraphQL request is answered with status 200 and an error without a type. It may have done its work, or not."""

    applied: bool = False


@dataclass(frozen=True, slots=True)
class SecondaryLimit:
    """The secondary rate limit: 403 or 429; for GraphQL also 200. GitHub does not always say when to come back."""

    code: int = 403
    retry_after: int | None = None
    content: bool = False
    """Whether the text is the one about content creation."""


@dataclass(frozen=True, slots=True)
class PrimaryExhausted:
    """This request and all after it exceed the primary limit, until the clock reaches the reset."""

    already: bool = False
    """Whether the text is "already exceeded", which PyGithub does not recognise."""
    code: int = 403
    as_rest: bool = False
    """Whether a GraphQL request is answered as a REST request would be, and not with 200 and an error."""


@dataclass(frozen=True, slots=True)
class Timeout:
    """The answer is held back until the client gives up or the emulator closes."""

    applied: bool = False


@dataclass(frozen=True, slots=True)
class Truncated:
    """The request is applied; half of the answer's body arrives."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """The request is applied; the answer's body has the announced length, but only half of it is what was meant."""


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """A GraphQL query ends early: the refs and objects after the first few are null, and one error says so."""

    after: int = 1


@dataclass(frozen=True, slots=True)
class StaleRead:
    """A read is answered by a replica that has not seen the last writes."""

    writes: int = 1


@dataclass(frozen=True, slots=True)
class Lag:
    """A write is answered by a copy that has not heard of the objects which it names; ``of_repository``, nor of the repository."""

    of_repository: bool = False


@dataclass(frozen=True, slots=True)
class Rival:
    """Somebody else acts just before this request is processed."""

    act: Callable[[], object]


Lost = Drop | Status | Untyped | Timeout | Truncated | Malformed
"""What leaves the client without an answer to believe."""
Limit = SecondaryLimit | PrimaryExhausted
Fault = Lost | Limit | ResourceLimits | StaleRead | Lag | Rival
