"""What an answer of GitHub's API says about its request, by REST and GraphQL alike: its status class first, then the body.

Only answers that are known to come before execution say that nothing was done. After any other answer (a server error with
any body, an error of GraphQL that nobody knows, a body that is cut off) it is not known: a LostReplyError.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from git_keyval.errors import AccessDeniedError
from git_keyval.light_dataclasses import dataclass
from git_keyval.store.clock import ServerClock
from git_keyval.store.github.failures import EmptyRepositoryError, RejectedError, RenamedError, forbidden
from git_keyval.store.github.limits import limited
from git_keyval.store.messages import one_line
from git_keyval.store.patience import LostReplyError

Json: TypeAlias = Any
"""Parsed JSON of a server; the code that reads it checks its types."""

OPTIONAL = ("file", "object")
"""How the fields of a query are called, at the beginning, that ask for what may be absent."""

_HEAVY = {502, 504}
"""What GitHub answers for a request that took longer than ten seconds."""

_NOT_EXECUTED = {400, 401, 404, 405, 407, 411, 413, 414, 415, 422, 429, 431}
"""Refusals that are known to come before execution, also from a proxy. Any other one counts only in GitHub's words."""

# https://docs.github.com/graphql/guides says nothing of types. These were seen with mutations that were not done, others with
# mutations that were done, such as MISSING_PAGINATION_BOUNDARIES, which is about what the answer should show.
_NOT_EXECUTED_TYPES = {
    "FORBIDDEN",
    "INSUFFICIENT_SCOPES",
    "MAX_NODE_LIMIT_EXCEEDED",
    "NOT_FOUND",
    "STALE_DATA",
    "UNPROCESSABLE",
}
_RESOURCE_LIMITS = "RESOURCE_LIMITS_EXCEEDED"
_TIMED_OUT = "timeout"
"""In the message of an error without a type: "This may be the result of a timeout, or it could be a GitHub bug"."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came; header names are lower case."""

    status: int
    headers: Mapping[str, Json]
    text: str


def read_rest(answer: Answer, clock: ServerClock) -> Json:
    """Return the JSON of an answer. Raises what ``failures`` names, LostReplyError, RateLimitedError and StoreError."""
    try:
        body = _checked(answer, clock)
    except RejectedError as exc:
        if answer.status < HTTPStatus.BAD_REQUEST:
            raise RenamedError from exc
        if answer.status == HTTPStatus.CONFLICT and "empty" in exc.message.lower():
            raise EmptyRepositoryError from exc
        raise
    if body is None:
        raise LostReplyError("the answer is cut off, or not JSON")
    return body


def read_graphql(answer: Answer, clock: ServerClock) -> dict[str, Json]:
    """Return the ``data`` of an answer without errors, but for what says that something optional is not there.

    Raises RejectedError, LostReplyError, RateLimitedError and StoreError.
    """
    body = _checked(answer, clock)
    if not isinstance(body, dict):
        raise LostReplyError("the answer is cut off, or not what GraphQL answers")
    data, errors = body.get("data"), body.get("errors")
    if errors and not (isinstance(data, dict) and isinstance(errors, list) and all(map(_is_of_optional, errors))):
        raise _graphql_failure(errors, answer, clock)
    if not isinstance(data, dict):
        raise LostReplyError("the answer is not what GraphQL answers")
    return data


def confirms(answer: Answer, mutation: str, ticket: str) -> bool:
    """Return whether the server repeats the ticket of a mutation, which it does only once that is done."""
    body = _parse(answer.text)
    try:
        return answer.status == HTTPStatus.OK and bool(body["data"][mutation]["clientMutationId"] == ticket)
    except (KeyError, TypeError):
        return False


def _checked(answer: Answer, clock: ServerClock) -> Json:
    """Return the body of an answer whose status is that of a success, None if it is no JSON."""
    body = _parse(answer.text)
    match answer.status // 100:
        case 2:
            return body
        case 3:
            raise RejectedError(str(answer.status), "the request is sent elsewhere, which is not followed")
        case 4:
            raise _refusal(answer, body if isinstance(body, dict) else {}, clock)
    raise LostReplyError(f"status {answer.status}", heavy=answer.status in _HEAVY)


def _refusal(answer: Answer, body: Mapping[str, Json], clock: ServerClock) -> Exception:
    message = one_line(str(body.get("message") or ""))
    if (waiting := limited(answer.status, answer.headers, message, [], clock)) is not None:
        return waiting
    if answer.status == HTTPStatus.REQUEST_TIMEOUT or not (message or answer.status in _NOT_EXECUTED):
        return LostReplyError(f"status {answer.status}, and not in GitHub's words")
    match answer.status:
        case 401:
            return AccessDeniedError(
                "GitHub does not accept the token (status 401).", "Check `token`: it may have expired, or been revoked."
            )
        case 403:
            return forbidden(message, _sso(answer))
    return RejectedError(str(answer.status), (message or "no reason given") + _details(body))


def _details(body: Mapping[str, Json]) -> str:
    """Say that GitHub took a part of the value for a credential, which only the details of a refusal show."""
    metadata = body.get("metadata")
    scanning = isinstance(metadata, dict) and metadata.get("secret_scanning")
    return " (push protection: it looks like a credential)" if scanning else ""


def _graphql_failure(listed: Json, answer: Answer, clock: ServerClock) -> Exception:
    # Whatever stands for an error is one, and there is one at least.
    errors = [error if isinstance(error, dict) else {} for error in (listed if isinstance(listed, list) else [{}])]
    kinds = {str(error.get("type") or "") for error in errors}
    message = one_line("; ".join(str(error.get("message") or "") for error in errors))
    if (waiting := limited(0, answer.headers, message, kinds, clock)) is not None:
        return waiting
    if not all(map(_is_not_executed, errors)):
        heavy = _RESOURCE_LIMITS in kinds or _TIMED_OUT in message
        return LostReplyError(message or "an error without a message", heavy=heavy)
    if "FORBIDDEN" in kinds:
        return forbidden(message, _sso(answer))
    return RejectedError(" ".join(sorted(kinds)).strip() or "not valid", message or "no reason given")


def _is_of_optional(error: Json) -> bool:
    """Return whether an error says only that something is not there that may be absent, where the data have null.

    So GitHub answers ``Commit.file`` for a path that the tree does not have (seen by others; not documented).
    """
    path = error.get("path") if isinstance(error, dict) else None
    is_optional = isinstance(path, list) and bool(path) and str(path[-1]).startswith(OPTIONAL)
    return is_optional and error.get("type") == "NOT_FOUND"


def _is_not_executed(error: Mapping[str, Json]) -> bool:
    """Return whether an error is known to come before execution: by its type, or because what was asked is not valid.

    A field or argument that the server does not know has a ``code``, a variable of another form its ``problems``
    (https://graphql-ruby.org/errors/overview.html).
    """
    extensions = error.get("extensions")
    is_invalid = isinstance(extensions, dict) and bool(extensions.keys() & {"code", "problems"})
    return error.get("type") in _NOT_EXECUTED_TYPES or (is_invalid and not error.get("type"))


def _sso(answer: Answer) -> str:
    return str(answer.headers.get("x-github-sso", ""))


def _parse(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return None
