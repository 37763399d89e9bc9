"""One request to GitHub's API, and what became of it.

PyGithub's requester sends them. Its own ways to try again and to slow down are off: it would send a mutation twice. Nothing here
sends anything twice either; the policy for that is in ``store.patience``.
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import requests

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.store.clock import ServerClock
from git_keyval.store.github.failures import (
    EmptyRepositoryError,
    MovedError,
    RejectedError,
    bad_credentials,
    forbidden,
)
from git_keyval.store.github.limits import RateLimits, limited
from git_keyval.store.github.pygithub import GithubException, Requester, TokenAuth
from git_keyval.store.messages import one_line
from git_keyval.store.network import Network
from git_keyval.store.patience import LostReplyError
from git_keyval.store.sessions import direct
from git_keyval.store.unreached import unreached

Json: TypeAlias = Any
"""Parsed JSON of a server: looked at with care, where it is read."""

TIMEOUT_SECONDS = 30.0
"""GitHub gives up on a request after ten."""

_USER_AGENT = "git-keyval-action"
_LAST_SUCCESS, _FIRST_ERROR, _NOT_FOUND, _FIRST_SERVER_ERROR = 299, 400, 404, 500
_HEAVY = {502, 504}
"""What GitHub answers for a request that took longer than ten seconds."""

_T = TypeVar("_T")

# At DEBUG PyGithub logs the bodies of requests and answers, which hold what users store.
logging.getLogger("github").setLevel(logging.WARNING)


class GithubClient:
    """GitHub's REST and GraphQL API for one token, on one host."""

    def __init__(
        self,
        *,
        api_url: str,
        graphql_url: str,
        token: str,
        clock: ServerClock,
        network: Network,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Reach the two addresses (as GITHUB_API_URL and GITHUB_GRAPHQL_URL name them); ``clock`` is told the server's time.

        ``timeout`` is for how many seconds an answer is waited for.
        """
        self.requests = 0
        self.rate_limits = RateLimits()
        self._clock = clock
        self._api_url = api_url
        self._network = network
        self._requester = _Requester(api_url, graphql_url, token, timeout, network)

    def get(self, path: str) -> Json:
        """GET a resource. Raises what ``failures`` names, and StoreError."""
        return self._rest("GET", path, None)

    def post(self, path: str, body: Mapping[str, Json]) -> Json:
        """POST a body."""
        return self._rest("POST", path, body)

    def query(self, text: str, variables: Mapping[str, Json]) -> Json:
        """Send a GraphQL query and give its ``data``."""
        return self._graphql(lambda: self._requester.graphql_query(text, dict(variables)))["data"]

    def mutate(self, name: str, arguments: Mapping[str, Json], ticket: str) -> None:
        """Send a GraphQL mutation; it is done when the server repeats the ticket. Only LostReplyError leaves that open."""
        arguments = {**arguments, "clientMutationId": ticket}
        data = self._graphql(lambda: _mutation(self._requester, name, arguments))
        if data.get("clientMutationId") != ticket:
            raise LostReplyError("the answer does not confirm the mutation")

    def _rest(self, verb: str, path: str, body: Mapping[str, Json] | None) -> Json:
        status, headers, text = self._send(lambda: self._requester.requestJson(verb, path, input=body))
        answer = _parse(text)
        self._learn(headers)
        if status <= _LAST_SUCCESS:
            if answer is None:
                raise LostReplyError("the answer is cut off")
            return answer
        if status < _FIRST_ERROR:
            raise MovedError
        raise _failure(status, headers, answer, self._clock)

    def _graphql(self, send: Callable[[], tuple[dict[str, Any], Json]]) -> Json:
        try:
            headers, data = self._send(send)
        except GithubException as exc:
            self._learn(exc.headers or {})
            raise self._graphql_failure(exc) from exc
        self._learn(headers)
        if not isinstance(data, dict):
            raise LostReplyError("the answer is not what GraphQL answers")
        return data

    def _graphql_failure(self, exc: GithubException) -> Exception:
        data = exc.data if isinstance(exc.data, dict) else {}
        # PyGithub makes a status 400 or 404 of errors that came with status 200.
        if exc.status == _NOT_FOUND and "errors" not in data:
            return StoreError(
                f"There is no API of GitHub at {self._requester.graphql_url} (status {_NOT_FOUND}).",
                "Check GITHUB_API_URL. On servers with another API, as Gitea's or GitLab's, give 'transport: git'.",
            )
        if not isinstance(data.get("errors"), list):
            return _failure(exc.status, exc.headers or {}, data, self._clock)
        errors = [error for error in data["errors"] if isinstance(error, dict)]
        kinds = [str(error.get("type", "")) for error in errors]
        message = one_line("; ".join(str(error.get("message", "")) for error in errors))
        if (waiting := limited(0, exc.headers or {}, message, kinds, self._clock)) is not None:
            return waiting
        if "RESOURCE_LIMITS_EXCEEDED" in kinds:
            return LostReplyError("the query is too large for the server", heavy=True)
        if "FORBIDDEN" in kinds:
            return forbidden(message, _header(exc.headers, "x-github-sso"))
        return RejectedError(" ".join(sorted(set(kinds))) or "no type", message or "no reason given")

    def _send(self, send: Callable[[], _T]) -> _T:
        self.requests += 1
        try:
            return send()
        except requests.exceptions.RequestException as exc:
            if (never_sent := unreached(exc, self._api_url, self._network, named_by="GITHUB_API_URL")) is not None:
                raise never_sent from exc
            cause = "no answer in time" if isinstance(exc, requests.exceptions.Timeout) else "the connection broke"
            raise LostReplyError(cause, heavy=isinstance(exc, requests.exceptions.Timeout)) from exc
        except (RuntimeError, AssertionError) as exc:  # PyGithub's for a redirection to another host or protocol
            told = one_line(str(exc).partition(", please")[0])
            raise StoreError(f"GitHub's API sends elsewhere, which is not followed ({told}).", "Check GITHUB_API_URL.") from exc
        except ValueError as exc:
            raise LostReplyError("the answer is not JSON") from exc
        except (AttributeError, KeyError, TypeError) as exc:  # PyGithub's for JSON of another shape than GitHub's
            raise LostReplyError("the answer is not what GitHub answers") from exc

    def _learn(self, headers: Mapping[str, Json]) -> None:
        self._clock.told(_header(headers, "date"))
        self.rate_limits.told(headers)


class _Requester(Requester):
    """PyGithub's, with the GraphQL address that the environment names."""

    def __init__(self, api_url: str, graphql_url: str, token: str, timeout: float, network: Network) -> None:
        if urlsplit(api_url).netloc != urlsplit(graphql_url).netloc:
            raise UnavailableError("GITHUB_API_URL and GITHUB_GRAPHQL_URL name different hosts.", "Set both for one server.")
        super().__init__(
            auth=TokenAuth(token),  # type: ignore[arg-type]  # it has what is asked of one
            base_url=api_url,
            timeout=timeout,  # type: ignore[arg-type]  # which requests takes as any number
            user_agent=_USER_AGENT,
            per_page=100,
            verify=True,
            retry=None,
            pool_size=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        self._given_graphql_url = graphql_url
        # It makes one connection, with a session of requests, and keeps it.
        direct(self.__createConnection().session, api_url, network)

    @property
    def graphql_url(self) -> str:
        return self._given_graphql_url


def _mutation(requester: Requester, name: str, arguments: Mapping[str, Json]) -> tuple[dict[str, Any], Json]:
    headers, data = requester.graphql_named_mutation(name, dict(arguments), "clientMutationId")
    return headers, data or {}


def _failure(status: int, headers: Mapping[str, Json], answer: Json, clock: ServerClock) -> Exception:
    told = answer if isinstance(answer, dict) else {}
    message = one_line(str(told.get("message") or ""))
    if (waiting := limited(status, headers, message, [], clock)) is not None:
        return waiting
    if status >= _FIRST_SERVER_ERROR:
        return LostReplyError(f"status {status}", heavy=status in _HEAVY)
    match status:
        case 401:
            return bad_credentials()
        case 403:
            return forbidden(message, _header(headers, "x-github-sso"))
        case 409 if "empty" in message.lower():
            return EmptyRepositoryError()
    return RejectedError(str(status), message + _details(told))


def _details(told: Mapping[str, Json]) -> str:
    """Name what of the value GitHub took for a credential, which only the details of a refusal tell."""
    metadata = told.get("metadata")
    scanning = isinstance(metadata, dict) and metadata.get("secret_scanning")
    return " (push protection: it looks like a credential)" if scanning else ""


def _parse(text: str) -> Json:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _header(headers: Mapping[str, Json] | None, name: str) -> str:
    return str((headers or {}).get(name, ""))
