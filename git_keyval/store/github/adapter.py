"""The github adapter: what a store can do, by GitHub's API or by git, whichever takes fewer requests."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from urllib.parse import quote

from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid, blob
from git_keyval.format.times import Micros
from git_keyval.store.clock import ServerClock
from git_keyval.store.closure import closure, missing, needs
from git_keyval.store.git import GitStore
from git_keyval.store.github.moves import FIRST_BATCH
from git_keyval.store.github.queries import RESOLVED, Wanted
from git_keyval.store.github.repository import MAX_FIELDS, Repository, TooMuchError
from git_keyval.store.github.uploads import Uploads
from git_keyval.store.github.writes import Writes
from git_keyval.store.port import Capabilities, Depth, Outcome, Selection, Snapshot, Transaction

MAX_READ_REQUESTS = 2
"""What a read may take on the API; git lists and fetches in two or three."""

_MAX_SINGLE_BLOBS = 2


class GithubStore:
    """A repository on GitHub. One instance is used by one thread. Without ``git`` everything goes by the API."""

    def __init__(self, repository: Repository, git: GitStore | None, clock: ServerClock) -> None:
        """Use the API of the repository, and the same repository by git; nothing is sent yet."""
        self._repository = repository
        self._git = git
        self._clock = clock
        self._uploads = Uploads(repository)
        self._writes = Writes(repository, self._uploads, git)

    @property
    def capabilities(self) -> Capabilities:
        """Tell what GitHub can do."""
        return Capabilities(batch=1_000 if self._git else FIRST_BATCH, clock_is_servers=True, bundles=False)

    @property
    def requests(self) -> int:
        """Count the HTTP requests made, to the API and to git."""
        return self._repository.client.requests + (self._git.requests if self._git else 0)

    @property
    def rate_remaining(self) -> int | None:
        """Tell how many API requests are left in this hour; None before any answer told."""
        return self._repository.client.rate_limits.remaining

    @property
    def public_name(self) -> str | None:
        """Give the repository's present name, if the event of the run or a query has told that it is public."""
        return self._repository.name if self._repository.is_public else None

    def now(self, *, ask: bool = False) -> Micros:
        """Tell the server's time; git is asked for it where it may be, as it keeps the answer for its reads."""
        if ask and not self._clock.is_known:
            if self._git:
                self._repository.patience.by_git(partial(self._git.now, ask=True))
            else:
                self._repository.ask((), Depth.OIDS)
        return self._clock.now()

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        """Read refs and what they point at in one query: in the order given, which GitHub does not promise to keep."""
        wanted = [item for selection in selections for item in _wanted(selection)]
        if self._git and (_beyond_graphql(selections) or len(wanted) > MAX_READ_REQUESTS * MAX_FIELDS):
            return self._read_by_git(self._git, selections, depth)
        try:
            # A map can be larger than what a query may take; git has no such limit.
            found = self._repository.ask(wanted, depth, patient=depth is not Depth.TREES or not self._git)
        except TooMuchError:
            if not self._git:
                raise
            return self._read_by_git(self._git, selections, depth)
        self._uploads.saw(found.refs.values())
        objects = self._completed(found.refs.values(), found.objects, depth)
        return Snapshot(found.refs, objects, frozenset(found.moved), ordered=len(selections) <= 1)

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """Stream the refs below the prefixes by git, or have the API list each prefix."""
        if self._git:
            # Once it has begun, a listing cannot begin again: what was given cannot be taken back.
            yield from self._repository.patience.by_git(partial(_begun, self._git, prefixes))
            return
        seen: set[RefName] = set()
        for prefix in prefixes:
            for ref in self._repository.get(f"git/matching-refs/{quote(prefix.removeprefix('refs/'), safe='')}") or ():
                name = RefName(ref["ref"])
                if name not in seen:
                    seen.add(name)
                    yield name, Oid(ref["object"]["sha"])

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        """Fetch objects by git, which counts against no limit of the API, or by queries."""
        asked = sorted(set(oids))
        if depth is Depth.OIDS or not asked:
            return {}
        if self._git:
            objects = self._repository.patience.by_git(partial(self._git.objects, asked, depth))
            self._uploads.saw_objects(objects.values())
            return objects
        found = self._repository.ask([Wanted("object", oid) for oid in asked], depth)
        return self._completed(asked, found.objects, depth)

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        """Apply transactions: by the API what is small, by one push what is not."""
        return self._writes.apply(transactions)

    def _read_by_git(self, git: GitStore, selections: Sequence[Selection], depth: Depth) -> Snapshot:
        snapshot = self._repository.patience.by_git(partial(git.read, *selections, depth=depth))
        self._uploads.saw_objects(snapshot.objects.values())
        return snapshot

    def _completed(self, oids: Iterable[Oid], found: Mapping[Oid, GitObject], depth: Depth) -> dict[Oid, GitObject]:
        """Give what the oids need to this depth; fetch what the query could not tell."""
        asked, tried = set(oids), set[Oid]()
        known = {obj.oid: obj for obj in DUMMY_OBJECTS} | dict(found)
        if depth is Depth.OIDS:
            return {}
        while lacking := missing(asked, known, depth) - tried:
            tried |= lacking
            subtrees = {oid for obj in known.values() if obj.kind == "tree" for oid in needs(obj, Depth.TREES)}
            many = len(lacking) > _MAX_SINGLE_BLOBS or bool(lacking & subtrees)
            if many and self._git:
                known |= self.objects(lacking, depth)
            else:
                known |= self._fetched(lacking, lacking - asked if many else set(), depth)
        objects = closure(asked, known, depth)
        self._uploads.saw_objects(objects.values())
        return objects

    def _fetched(self, oids: set[Oid], unasked: set[Oid], depth: Depth) -> dict[Oid, GitObject]:
        """Fetch objects one by one, but those that no query was asked about by one."""
        found: dict[Oid, GitObject] = {}
        if unasked:
            found |= self._repository.ask([Wanted("object", oid) for oid in sorted(unasked)], depth).objects
        blobs = {oid: self._blob(oid) for oid in oids - found.keys()}
        found |= {oid: made for oid, made in blobs.items() if made is not None}
        others = oids - found.keys()
        return found | (dict(self.objects(others, depth)) if others and self._git else {})

    def _blob(self, oid: Oid) -> GitObject | None:
        answer = self._repository.get(f"git/blobs/{oid}")
        made = blob(base64.b64decode(answer["content"])) if answer else None
        return made if made is not None and made.oid == oid else None


def _begun(git: GitStore, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
    listing = git.list(prefixes)
    first = list(islice(listing, 1))
    return chain(first, listing)


def _wanted(selection: Selection) -> Iterator[Wanted]:
    yield from (Wanted("ref", name) for name in selection.names)
    yield from (Wanted("refs", prefix) for prefix in selection.prefixes)


def _beyond_graphql(selections: Sequence[Selection]) -> bool:
    """Tell whether GraphQL cannot read all of it: refs that are neither branches nor tags, prefixes that are no folders."""
    names = [name for selection in selections for name in (*selection.names, *selection.prefixes)]
    folders = [prefix for selection in selections for prefix in selection.prefixes]
    return not all(name.startswith(RESOLVED) for name in names) or not all(prefix.endswith("/") for prefix in folders)
