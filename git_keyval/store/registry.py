"""Looking up expiry ids in an expiry registry, at the CDN that serves it.

It sends nothing but oids, to one host, without a token. It believes nothing that the oid does not prove. If something goes wrong,
an id stays unknown, which never leads to a deletion.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, wait
from http import HTTPStatus
from http.client import HTTPException
from threading import Thread

from requests import PreparedRequest, Session
from urllib3.exceptions import HTTPError

from git_keyval.errors import StoreError
from git_keyval.format.links import file_link
from git_keyval.format.names import Naming
from git_keyval.format.objects import Oid
from git_keyval.format.registry import ENTRY_FILE, read_entry
from git_keyval.store.network import DIRECT, Network
from git_keyval.store.sessions import direct

SECONDS = 10.0
"""How long one look-up may take, of however many ids."""

CAPACITY = 10_000
"""How many ids are remembered: as many as 27 years have days."""

_AT_ONCE = 8
_MAX_BYTES = 16
_HEADERS = {"User-Agent": "git-keyval-action", "Accept": "*/*", "Accept-Encoding": "identity"}
_TAGS = "refs/tags/"


class ExpiryRegistry:
    """The registry ``owner/name`` at the address of a CDN. One instance is used by one thread."""

    def __init__(
        self, cdn: str, repository: str, *, network: Network = DIRECT, seconds: float = SECONDS, capacity: int = CAPACITY
    ) -> None:
        """Look up there; nothing is sent yet. The latest ``capacity`` answers are remembered."""
        self._cdn = cdn
        self._repository = repository
        self._network = network
        self._seconds = seconds
        self._capacity = capacity
        # None stands for an id that was looked up in vain; it is not looked up again in the same run.
        self._known: OrderedDict[Oid, int | None] = OrderedDict()
        self._gave_up = False

    def resolve(self, oids: AbstractSet[Oid]) -> Mapping[Oid, int]:
        """Return the ids of the expiry commits that the registry knows."""
        answers = {oid: self._known[oid] for oid in oids if oid in self._known}
        answers |= self._look_up(oids - answers.keys())
        for oid, expiry in answers.items():
            self._known[oid] = expiry
            self._known.move_to_end(oid)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return {oid: expiry for oid, expiry in answers.items() if expiry is not None}

    def _look_up(self, oids: AbstractSet[Oid]) -> Mapping[Oid, int | None]:
        """Return what came in time, in threads of its own: a server that sends byte by byte cannot hold up the caller."""
        if self._gave_up:
            return {}
        answers: dict[Oid, Future[int | None]] = {oid: Future() for oid in oids}
        waiting = deque(answers.items())
        try:
            sessions = [self._session() for _ in range(min(_AT_ONCE, len(oids)))]
        except (OSError, StoreError, ValueError):  # the address is none, or the environment names what cannot be used
            return {}
        for session in sessions:
            Thread(target=self._work, args=(session, waiting), daemon=True).start()
        done, late = wait(answers.values(), self._seconds)
        waiting.clear()
        self._gave_up = bool(late)
        return {oid: answer.result() for oid, answer in answers.items() if answer in done}

    def _work(self, session: Session, waiting: "deque[tuple[Oid, Future[int | None]]]") -> None:
        with session:
            while True:
                try:
                    oid, answer = waiting.popleft()
                except IndexError:
                    return
                address = file_link(self._cdn, self._repository, Naming.published(oid).removeprefix(_TAGS), ENTRY_FILE)
                answer.set_result(_fetch(session, oid, address))

    def _session(self) -> Session:
        session = Session()
        direct(session, self._cdn, self._network, named_by="GIT_KEYVAL_CDN_URL")
        return session


def _fetch(session: Session, oid: Oid, address: str) -> int | None:
    """Return one id, or None if the answer is not the id. No redirection is followed, and no more is read than an id has."""
    try:
        with session.get(address, headers=_HEADERS, auth=_nobody, allow_redirects=False, stream=True, timeout=SECONDS) as answer:
            return read_entry(oid, answer.raw.read(_MAX_BYTES)) if answer.status_code == HTTPStatus.OK else None
    except (OSError, HTTPError, HTTPException, ValueError, StoreError):  # requests' errors are of OSError
        return None


def _nobody(request: PreparedRequest) -> PreparedRequest:
    """Keep requests from looking for a password in a file of the user's."""
    return request
