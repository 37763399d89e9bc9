"""Where a server may send a request to: to itself, not less safe. To any other server the token would go along."""

from urllib.parse import SplitResult, urljoin, urlsplit

from git_keyval.errors import NotARepositoryError

MOVED = frozenset({301, 302, 303, 307, 308})
"""The statuses that send a request to another address."""

_PORTS = {"http": 80, "https": 443}


def target_of(url: str, location: str, *, named_by: str) -> str:
    """Return the address to which an answer sends a request; ``location`` may be relative.

    Raises NotARepositoryError for another server (another name or port), and for ``http`` after ``https``. ``named_by`` is the
    input or variable by which the user named the server, for the next step.
    """
    try:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        origin, moved_to = _origin(old), _origin(new)
    except ValueError:
        raise NotARepositoryError(f"{_shown(urlsplit(url))} sends to an address that is none.", f"Check {named_by}.") from None
    is_secured = (origin, moved_to) == (("http", old.hostname, _PORTS["http"]), ("https", old.hostname, _PORTS["https"]))
    if moved_to != origin and not is_secured:
        reason = "without encryption" if (old.scheme, new.scheme) == ("https", "http") else "another server"
        raise NotARepositoryError(
            f"{_shown(old)} sends to {_shown(new)}, {reason}, which is not followed.",
            f"Check {named_by}. If that is where it is now, name it there.",
        )
    return target


def _shown(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
