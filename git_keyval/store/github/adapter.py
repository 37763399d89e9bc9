"""The github adapter: what a store can do, by GitHub's API or by git, whichever takes fewer requests."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence

from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid, blob
from git_keyval.format.times import Micros
from git_keyval.store.clock import ServerClock
from git_keyval.store.closure import closure, missing, needs
from git_keyval.store.github.late_git import LateGit
from git_keyval.store.github.moves import FIRST_BATCH
from git_keyval.store.github.queries import Found, Wanted
from git_keyval.store.github.repository import MAX_FIELDS, Repository, TooMuchError
from git_keyval.store.github.uploads import Uploads
from git_keyval.store.github.writes import Writes
from git_keyval.store.port import Capabilities, Depth, Outcome, Selection, Snapshot, Store, Transaction

MAX_READ_REQUESTS = 2
"""What a read may take on the API; git lists and fetches in two or three."""

MAX_FILES = 100
"""How many files a query brings along with the trees that name them; what is missing then is asked for by itself."""

_MAX_SINGLE_BLOBS = 2


class GithubStore:
    """A repository on GitHub. One instance is used by one thread. Without ``git`` everything goes by the API."""

    def __init__(self, repository: Repository, git: LateGit | None, clock: ServerClock) -> None:
        """Use the API of the repository, and the same repository by git; nothing is sent yet."""
        self._repository = repository
        self._git = git
        self._clock = clock
        self._uploads = Uploads(repository)
        self._writes = Writes(repository, self._uploads, git)
        self._files = set[Oid]()
        """What the trees that were read last name as files: blobs, of which REST answers with any content in one request."""
        self._untold = set[Oid]()
        """Blobs that a query has named, and not told: they are too long, or no text."""

    @property
    def capabilities(self) -> Capabilities:
        """Return what GitHub can do."""
        return Capabilities(
            batch=1_000 if self._git else FIRST_BATCH,
            clock_is_servers=True,
            bundles=False,
            reads_at_once=True,
            reads_prefixes=False,
            round_trip=0.3,
        )

    @property
    def requests(self) -> int:
        """Count the HTTP requests made, to the API and to git."""
        return self._repository.client.requests + (self._git.requests if self._git else 0)

    @property
    def rate_remaining(self) -> int | None:
        """Return how many API requests are left in this hour; None before any answer said so."""
        return self._repository.client.rate_limits.remaining

    @property
    def public_name(self) -> str | None:
        """Return the repository's present name, if the event of the run or a query has shown that it is public."""
        return self._repository.name if self._repository.is_public else None

    def now(self, *, ask: bool = False) -> Micros:
        """Return the server's time; git is asked for it where it may be, as it keeps the answer for its reads."""
        if ask and not self._clock.is_known:
            if self._git:
                self._git.store.now(ask=True)
            else:
                self._repository.ask((), Depth.OIDS)
        return self._clock.now()

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        """Read refs and what they point at in one query: in the order given, which GitHub does not promise to keep.

        What no query answers, git reads; without git each prefix that is no folder is listed, in its turn.
        """
        wanted = [item for selection in selections for item in _wanted(selection)]
        if self._git and (any(item.is_listed for item in wanted) or len(wanted) > MAX_READ_REQUESTS * MAX_FIELDS):
            return self._read_by_git(self._git.store, selections, depth)
        planned = {oid for selection in selections for oid in selection.planned} - self._uploads.known
        if planned and len(wanted) + len(planned) <= MAX_FIELDS:
            wanted += [Wanted("presence", oid) for oid in sorted(planned)]
        try:
            # A map can be larger than what a query may take; git has no such limit.
            found = self._repository.ask(wanted, depth, patient=depth is not Depth.TREES or not self._git)
        except TooMuchError:
            if not self._git:
                raise
            return self._read_by_git(self._git.store, selections, depth)
        self._uploads.saw(found.refs.values())
        self._uploads.found(found.present)
        objects = self._complete(found.refs.values(), found, depth)
        objects |= {oid: found.objects[oid] for oid in found.files & found.objects.keys()}
        return Snapshot(found.refs, objects, frozenset(found.moved), ordered=len(selections) <= 1)

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """Stream the refs below the prefixes by git, or have the API list each prefix."""
        if self._git:
            self._git.has_listed = True
            yield from self._git.store.list(prefixes)
            return
        yield from self._repository.matching(*prefixes).items()

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        """Fetch objects by git, which counts against no limit of the API; as long as it has read nothing, few of them by a query.

        For git's first read takes two requests, and each one after it one. A single blob is fetched by REST, whatever is in it.
        """
        asked = sorted(set(oids))
        if depth is Depth.OIDS or not asked:
            return {}
        untold = self._untold.issuperset(asked)
        if self._git and (self._git.has_read or len(asked) > (_MAX_SINGLE_BLOBS if untold else MAX_FIELDS)):
            return self._objects_by_git(self._git.store, asked, depth)
        if untold or (len(asked) == 1 and asked[0] in self._files):
            made = self._blobs(asked)
            if len(made) == len(asked):
                return made
        try:
            found = self._repository.ask(_objects(asked), depth, patient=not self._git)
        except TooMuchError:
            if not self._git:
                raise
            return self._objects_by_git(self._git.store, asked, depth)
        return self._complete(asked, found, depth)

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Apply transactions: by the API what is small, by one push what is not."""
        return self._writes.apply(transactions)

    def _read_by_git(self, git: Store, selections: Sequence[Selection], depth: Depth) -> Snapshot:
        snapshot = git.read(*selections, depth=depth)
        self._uploads.saw_objects(snapshot.objects.values())
        return snapshot

    def _objects_by_git(self, git: Store, oids: Iterable[Oid], depth: Depth) -> Mapping[Oid, GitObject]:
        objects = git.objects(oids, depth)
        self._uploads.saw_objects(objects.values())
        return objects

    def _complete(self, oids: Iterable[Oid], found: Found, depth: Depth) -> dict[Oid, GitObject]:
        """Return what the oids need to this depth; fetch what the answers so far did not hold."""
        asked, tried = set(oids), set[Oid]()
        found.objects |= {obj.oid: obj for obj in DUMMY_OBJECTS}
        while lacking := missing(asked, found.objects, depth) - tried:
            if self._git and (self._git.has_read or len(lacking) > _MAX_SINGLE_BLOBS or lacking - found.blobs):
                tried |= lacking
                found.objects |= self._objects_by_git(self._git.store, lacking, depth)
            elif unasked := lacking - found.withheld:
                self._repository.ask(_objects(sorted(unasked)), depth, found)
            else:
                tried |= lacking
                found.objects |= self._blobs(sorted(lacking & found.blobs))
        objects = closure(asked, found.objects, depth)
        named = {oid for obj in objects.values() if obj.kind == "tree" for oid in needs(obj, Depth.VALUES)}
        self._files = named - objects.keys() or self._files
        self._untold |= found.blobs
        self._uploads.saw_objects(objects.values())
        return objects

    def _blobs(self, oids: Iterable[Oid]) -> dict[Oid, GitObject]:
        return {made.oid: made for made in map(self._blob, oids) if made is not None}

    def _blob(self, oid: Oid) -> GitObject | None:
        answer = self._repository.get(f"git/blobs/{oid}")
        try:
            made = blob(base64.b64decode(answer["content"]))
        except (KeyError, TypeError, ValueError):  # it is not there, or not what GitHub answers
            return None
        return made if made.oid == oid else None


def _objects(oids: Iterable[Oid]) -> list[Wanted]:
    return [Wanted("object", oid) for oid in oids]


def _wanted(selection: Selection) -> list[Wanted]:
    """Return what to read for a selection: first what is listed, so that the rest is one query."""
    files: dict[RefName, list[str]] = {}
    for name, path in selection.files[:MAX_FILES]:
        files.setdefault(name, []).append(path)
    items = [
        *(Wanted("ref", name, files=tuple(files.get(name, ()))) for name in selection.names),
        *(Wanted("refs", prefix) for prefix in selection.prefixes),
    ]
    return sorted(items, key=lambda item: not item.is_listed)
