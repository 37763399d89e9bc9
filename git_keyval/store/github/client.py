"""One request to GitHub's API and its answer, or that none came.

PyGithub's requester sends them. Its own ways to try again and to slow down are off: it would send a mutation twice. Nothing here
sends anything twice either; the policy for that is in ``store.patience``.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from git_keyval.errors import StoreError
from git_keyval.store.clock import ServerClock
from git_keyval.store.github.answers import Answer, Json, confirms, read_graphql, read_rest
from git_keyval.store.github.limits import RateLimits
from git_keyval.store.github.pygithub import Requester, TokenAuth
from git_keyval.store.messages import one_line
from git_keyval.store.moved import MOVED
from git_keyval.store.network import Network
from git_keyval.store.patience import LostReplyError
from git_keyval.store.sessions import direct
from git_keyval.store.unreached import unreached

TIMEOUT_SECONDS = 30.0
"""GitHub gives up on a request after ten."""

_USER_AGENT = "git-keyval-action"

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
        timeout: float,
    ) -> None:
        """Reach the two addresses (as GITHUB_API_URL and GITHUB_GRAPHQL_URL name them); ``clock`` learns the server's time.

        ``timeout`` is for how many seconds an answer is waited for.
        """
        self.requests = 0
        self.rate_limits = RateLimits()
        self._clock = clock
        self._api_url = api_url
        self._graphql_url = graphql_url
        self._network = network
        self._requester = _Requester(api_url, graphql_url, token, timeout, network)

    def rest(self, verb: str, path: str, body: Mapping[str, Json] | None = None) -> Json:
        """Send a request to a resource and return its JSON. Raises what ``answers`` does."""
        return read_rest(self._send(verb, path, body), self._clock)

    def query(self, text: str, variables: Mapping[str, Json]) -> Json:
        """Send a GraphQL query and return its ``data``."""
        return read_graphql(self._post_graphql(text, variables), self._clock)

    def mutate(self, name: str, arguments: Mapping[str, Json], ticket: str) -> None:
        """Send a GraphQL mutation; it is done when the server repeats the ticket. Only LostReplyError leaves that open."""
        text = f"mutation Mutate($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ clientMutationId }} }}"
        variables = {"input": {**arguments, "clientMutationId": ticket}}
        answer = self._post_graphql(text, variables)
        if not confirms(answer, name, ticket):
            read_graphql(answer, self._clock)
            raise LostReplyError("the answer does not confirm the mutation")

    def _post_graphql(self, text: str, variables: Mapping[str, Json]) -> Answer:
        answer = self._send("POST", self._graphql_url, {"query": text, "variables": variables})
        if answer.status == HTTPStatus.NOT_FOUND or answer.status in MOVED:
            raise StoreError(
                f"There is no API of GitHub at {self._graphql_url} (status {answer.status}).",
                "Check GITHUB_API_URL. On servers with another API, as Gitea's or GitLab's, give `transport: git`.",
            )
        return answer

    def _send(self, verb: str, url: str, body: Mapping[str, Json] | None) -> Answer:
        self.requests += 1
        try:
            answer = Answer(*self._requester.requestJson(verb, url, input=body))
        except requests.exceptions.RequestException as exc:
            if (never_sent := unreached(exc, self._api_url, self._network, named_by="GITHUB_API_URL")) is not None:
                raise never_sent from exc
            is_late = isinstance(exc, requests.exceptions.Timeout)
            raise LostReplyError("no answer in time" if is_late else "the connection broke", heavy=is_late) from exc
        except RuntimeError as exc:  # PyGithub's for a redirection to another host or protocol
            reason = one_line(str(exc).partition(", please")[0])
            raise StoreError(f"GitHub's API sends elsewhere, which is not followed ({reason}).", "Check GITHUB_API_URL.") from exc
        except ValueError as exc:  # PyGithub's for headers of another form than GitHub's
            raise LostReplyError("the answer is not what GitHub answers") from exc
        self._clock.learn(str(answer.headers.get("date", "")))
        self.rate_limits.learn(answer.headers)
        return answer


class _Requester(Requester):
    """PyGithub's, by the network that the environment describes."""

    def __init__(self, api_url: str, graphql_url: str, token: str, timeout: float, network: Network) -> None:
        if urlsplit(api_url).netloc != urlsplit(graphql_url).netloc:
            raise StoreError("GITHUB_API_URL and GITHUB_GRAPHQL_URL name different hosts.", "Set both for one server.")
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
        # It makes one connection, with a session of requests, and keeps it.
        direct(self.__createConnection().session, api_url, network, named_by="GITHUB_API_URL")
