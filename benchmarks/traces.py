"""What steps and maintenance ask of GitHub, request by request: the first half of the model of a fleet of repositories.

Pure, and written down beside the product, not read out of it: counted runs show that it is true (``benchmarks.fleet``, and a small
one in the tests). A trace is a text with a letter for each request, in the order in which they are sent.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from sys import maxsize
from typing import Literal

Transport = Literal["auto", "api", "git"]
Trace = str

READ, WRITE, QUERY, MUTATION = "RWQM"
BEFORE_FETCH, FETCH, BEFORE_PUSH, PUSH = "guGp"
"""REST: a read, and what stores something; GraphQL: a query, and what moves refs; git: two requests each for a first read and for a
push, of which the second one does it."""
IF_TIME = "|"
"""No request: the rest of a job is left to the next run, if this one has taken its time."""
FETCH_LISTED = "f"
"""A read by git of what the read before it has listed: if it fails, both are made again."""

_FIELDS = 256
"""How many refs or objects one query asks for."""
_PAGE = 100
"""How many refs of a folder a query lists."""
_NAMES = 2 * _FIELDS
"""Up to how many refs ``auto`` reads by name on the API."""
_FIRST_BATCH, _MAX_BATCH = 100, 400
"""How many refs one mutation moves, at first and at most."""
_ACTIONS: Mapping[Transport, int] = {"auto": 1_000, "git": 1_000, "api": 100}
"""How many transactions of a job are written at once, at first; twice as many each time."""
_Transaction = tuple[int, int]
"""How many refs it moves, and how many requests store the objects for that by the API."""
_MOST_CRUMBS = 1_000
"""More breadcrumbs of one counter than this are folded one portion after the other, of which nothing is said here."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one repository holds in the evening, and what of it a night's maintenance finds to do.

    ``keys`` are all that have a value; of these ``expiring`` have a lifetime, ``expired`` of which have outlived it. ``counters``
    have ``crumbs`` increments each that wait, ``maps`` have ``ended`` elements each that have expired, and ``parked`` is what was
    taken longer ago than the retention. ``moments`` are the different minutes at which something expires.
    """

    keys: int
    expiring: int = 0
    expired: int = 0
    counters: int = 0
    crumbs: int = 0
    maps: int = 0
    ended: int = 0
    parked: int = 0
    moments: int = 0

    @property
    def branches(self) -> int:
        """Return how many branches the repository has."""
        return self.keys + self.expiring + self.maps * self.ended + self.parked


def maintenance(shape: Shape, transport: Transport, max_writes: int = maxsize) -> list[Trace]:
    """Return what maintenance asks: gather, with the beginning of the run, sweep and purge. What fails of one leaves the others."""
    if shape.crumbs > _MOST_CRUMBS:
        raise ValueError(f"{shape.crumbs} breadcrumbs of one counter, and the model knows of {_MOST_CRUMBS}")
    jobs: Mapping[str, list[_Transaction]] = {
        "gather": [(1 + shape.crumbs, 1)] * (shape.counters if shape.crumbs else 0),
        "sweep": [(2, 0)] * shape.expired + [(1 + shape.ended, 2)] * (shape.maps if shape.ended else 0),
        "purge": [(1, 0)] * shape.parked,
    }
    moves, folders, left = _Moves(), _Folders(), max_writes
    tags = 1 + shape.counters * shape.crumbs  # and one that every database has
    listed: Mapping[str, Mapping[str, int | None]] = {
        "gather": {"tags": tags},
        # What is folded has no tags any more. One branch is of nobody's keys.
        "sweep": {"heads": 1 + shape.branches, "tags": tags - shape.crumbs * min(left, len(jobs["gather"]))},
        "purge": {"gc": shape.parked, "no branches": None, "tags": tags - shape.crumbs * min(left, len(jobs["gather"]))},
    }
    parts = [FETCH_FIRST[transport]]
    for job, transactions in jobs.items():
        if left > 0:
            done = transactions[:left]
            listing = folders.list(listed[job]) if transport == "api" else FETCH
            parts.append(IF_TIME + listing + _reads(job, shape, transport) + _writes(done, transport, moves))
            left -= len(done)
    return ["".join(parts[:2]), *parts[2:]]


FETCH_FIRST: Mapping[Transport, Trace] = {"auto": BEFORE_FETCH, "git": BEFORE_FETCH, "api": QUERY}
"""What tells the server's time, by which the jobs decide."""


def _reads(job: str, shape: Shape, transport: Transport) -> Trace:
    """Return what a job reads once it has listed the refs."""
    by_api = transport == "api"
    if job == "gather" and shape.counters and shape.crumbs:
        names = 2 * shape.counters
        by_name = FETCH if transport == "git" or (transport == "auto" and names > _NAMES) else QUERY * ceil(names / _FIELDS)
        # The counters, and the increments, all of which are by one here.
        return by_name + (QUERY * ceil((shape.counters + 1) / _FIELDS) if by_api else FETCH)
    if job == "sweep":
        expiries = QUERY * ceil(shape.moments / _FIELDS) if by_api else FETCH if shape.moments else ""
        trees = QUERY * ceil(shape.maps / _FIELDS) if by_api else FETCH
        return expiries + (trees if shape.maps and shape.ended else "")
    return ""


def _writes(transactions: Sequence[_Transaction], transport: Transport, moves: "_Moves") -> Trace:
    """Return what writes transactions: a push, or uploads and mutations, for each batch of them."""
    trace, at, size = "", 0, _ACTIONS[transport]
    while at < len(transactions):
        batch = transactions[at : at + size]
        uploads, mutations = sum(stored for _, stored in batch), moves.count([refs for refs, _ in batch])
        trace += IF_TIME + (WRITE * uploads + MUTATION * mutations if transport == "api" else BEFORE_PUSH + PUSH)
        at, size = at + len(batch), 2 * size
    return trace


class _Folders:
    """Folders of refs as the API lists them: several by one query, and those by themselves that are larger than its page."""

    def __init__(self) -> None:
        self._large = set[str]()

    def list(self, sizes: Mapping[str, int | None]) -> Trace:
        """Return what lists folders of so many refs; None stands for one that no query lists."""
        asked = {name for name, size in sizes.items() if size is not None} - self._large
        if len(asked) <= 1:
            return READ * len(sizes)
        self._large |= {name for name in asked if (sizes[name] or 0) > _PAGE}
        return QUERY + READ * sum(name in self._large or name not in asked for name in sizes)


class _Moves:
    """How many mutations move the refs of transactions, none of which is divided: more at once, once as many went well."""

    def __init__(self) -> None:
        self._size = _FIRST_BATCH

    def count(self, transactions: Sequence[int]) -> int:
        count, left = 0, list(transactions)
        while left:
            taken = max(1, sum(total <= self._size for total in accumulate(left)))
            if sum(left[:taken]) >= self._size:
                self._size = min(_MAX_BATCH, 2 * self._size)
            left = left[taken:]
            count += 1
        return count


STEPS: Mapping[str, Mapping[Transport, Trace]] = {
    "get": {"auto": "Q", "api": "Q", "git": "guuf"},
    "set with ttl": {"auto": "WWWQM", "api": "WWWQM", "git": "Gp"},
    "incr": {"auto": "QWM", "api": "QWM", "git": "guufGp"},
    "hset": {"auto": "QWWM", "api": "QWWM", "git": "guufGp"},
    "getdel": {"auto": "QM", "api": "QM", "git": "guufGp"},
    "batch": {"auto": "QQQGp", "api": "QQQWWWWWWM", "git": "guufuufGp"},
}
"""What a step asks of a repository that is a database, but not the one of the workflow. The batch does ten of the others."""

MIX: Mapping[str, int] = {"get": 10, "set with ttl": 4, "incr": 4, "hset": 1, "getdel": 1}
"""Of twenty steps of a day, how many are of each kind."""
BATCH: Mapping[str, int] = {"get": 5, "set with ttl": 2, "incr": 2, "hset": 1}
"""What a batch does."""


def spent(traces: Iterable[Trace]) -> "Spent":
    """Count what was asked for."""
    return Spent(Counter("".join(traces)))


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests by their letters, and what they count for each limit."""

    requests: Mapping[str, int]

    def _sum(self, letters: str) -> int:
        return sum(self.requests.get(letter, 0) for letter in letters)

    @property
    def rest(self) -> int:
        """Return the requests to REST, of which each is one of the hour's."""
        return self._sum(READ + WRITE)

    @property
    def graphql(self) -> int:
        """Return the requests to GraphQL. None of them asks for lists, so each is one point of the hour's."""
        return self._sum(QUERY + MUTATION)

    @property
    def rest_points(self) -> int:
        """Return the points of the secondary limit on REST."""
        return self._sum(READ) + 5 * self._sum(WRITE)

    @property
    def graphql_points(self) -> int:
        """Return the points of the secondary limit on GraphQL."""
        return self._sum(QUERY) + 5 * self._sum(MUTATION)

    @property
    def content(self) -> int:
        """Return the requests that create content, if all that write do."""
        return self._sum(WRITE + MUTATION)

    @property
    def pushes(self) -> int:
        """Return the pushes."""
        return self._sum(PUSH)

    @property
    def fetches(self) -> int:
        """Return the reads by git."""
        return self._sum(FETCH + FETCH_LISTED)

    @property
    def git(self) -> int:
        """Return the requests of git, two for each push and one more for the first read of a run."""
        return self._sum(BEFORE_FETCH + FETCH + FETCH_LISTED + BEFORE_PUSH + PUSH)
