"""One repository on GitHub: requests about it, sent as often as they may be, and followed when it is renamed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.light_dataclasses import replace
from git_keyval.store.github.answers import Json
from git_keyval.store.github.client import GithubClient
from git_keyval.store.github.failures import EmptyRepositoryError, LaggingError, RejectedError, RenamedError, gave_up, not_visible
from git_keyval.store.github.queries import RESOLVED, Found, Wanted, read_answer, read_query
from git_keyval.store.patience import LostReplyError, Patience, RateLimitedError
from git_keyval.store.port import Depth

MAX_FIELDS = 256
"""How many refs and objects one query asks for at first: fifty keys with all that belongs to them."""

_REFS = "refs/"
_ABSENT = "404"

_T = TypeVar("_T")


class TooMuchError(Exception):
    """The server gave up on a query, but may answer parts of it, or the same asked in another way."""


class Repository:
    """A repository by its name, which may change while it is used, and its GraphQL id, which does not."""

    def __init__(self, client: GithubClient, patience: Patience, name: str, repository_id: str, *, is_public: bool = False) -> None:
        """Use the repository ``owner/name``. If its id is not known yet, the first read brings it.

        The first read also shows whether the repository is public, unless ``is_public`` says so before.
        """
        self.client = client
        self.patience = patience
        self.name = name
        self.is_public = is_public
        self._id = repository_id
        self._was_seen = False
        self._large = set[str]()
        """Folders that have more refs than a query answers at once."""
        self.has_commits = False

    def id(self) -> str:
        """Return the GraphQL id; ask for it if no read has brought it."""
        if not self._id:
            self.ask((), Depth.OIDS)
        return self._id

    def get(self, resource: str) -> Json:
        """GET a resource of the repository; None if there is none."""
        try:
            return self._get(resource)
        except EmptyRepositoryError:
            return None

    def _get(self, resource: str) -> Json:
        try:
            return self._repeat(lambda: self.client.rest("GET", f"/repos/{self.name}/{resource}"))
        except RejectedError as exc:
            if exc.kind == _ABSENT:
                return None
            raise _unexpected(exc) from exc

    def post(self, resource: str, body: Mapping[str, Json], *, all_stored: bool = True) -> Json:
        """POST what is named by its content. Raises RejectedError, EmptyRepositoryError and StoreError.

        With ``all_stored`` the repository has whatever the body names, so a copy that lacks some of it lags behind and is waited
        for. A copy that lacks the repository itself is waited for, too, if this run has seen the repository.
        """
        try:
            return self._repeat(lambda: self._post(resource, body, all_stored=all_stored))
        except RejectedError as exc:
            if exc.kind == _ABSENT:
                raise not_visible(self.name) from exc
            raise

    def begin(self, file: str, body: Mapping[str, Json]) -> Json:
        """PUT a file, which makes the first commit of an empty repository. Sent once. Raises what ``answers`` does."""
        made = self._followed(lambda: self.client.rest("PUT", f"/repos/{self.name}/contents/{quote(file)}", body))
        self.has_commits = True
        return made

    def matching(self, *prefixes: str) -> dict[RefName, Oid]:
        """List all refs whose names start with one of the prefixes, which need not be folders.

        What is in folders of few refs comes by one query, where there are several of them. For any other prefix GitHub answers
        with all refs at once, each with a request of its own. An empty repository has none.
        """
        found = self._few(prefixes)
        try:
            found |= {prefix: self._matching(prefix) for prefix in prefixes if prefix not in found}
        except EmptyRepositoryError:
            return {}
        return {name: oid for prefix in prefixes for name, oid in found[prefix]}

    def _few(self, prefixes: Sequence[str]) -> dict[str, list[tuple[RefName, Oid]]]:
        """Return what is below each prefix whose folder has no more than a page of refs, as one query answers."""
        folders = {prefix: f"{prefix.rpartition('/')[0]}/" for prefix in prefixes}
        asked = [folder for folder in dict.fromkeys(folders.values()) if folder.startswith(RESOLVED) and folder not in self._large]
        if len(asked) <= 1:
            return {}
        found = Found()
        self._ask([Wanted("refs", folder) for folder in asked], Depth.OIDS, found, patient=True)
        self._large |= {page.text for page in found.next_pages}
        if found.asked - found.refs.keys():  # a list has those that point at nothing, too
            return {}
        listed = {prefix for prefix, folder in folders.items() if folder in found.listed - self._large}
        return {prefix: [item for item in found.refs.items() if item[0].startswith(prefix)] for prefix in listed}

    def _matching(self, prefix: str) -> list[tuple[RefName, Oid]]:
        if not prefix.startswith(_REFS):
            # All that git knows is below refs/, so a shorter prefix means everything.
            return self._matching(_REFS) if _REFS.startswith(prefix) else []
        answer = self._get(f"git/matching-refs/{quote(prefix.removeprefix(_REFS), safe='')}")
        try:
            return [(RefName(str(ref["ref"])), Oid(str(ref["object"]["sha"]))) for ref in answer or ()]
        except (KeyError, TypeError) as exc:
            raise UnavailableError("GitHub's list of refs is not what GitHub answers.", "Try again, or report this.") from exc

    def ask(self, wanted: Iterable[Wanted], depth: Depth, found: Found | None = None, *, patient: bool = True) -> Found:
        """Read all that is wanted, in that order, in as few requests as the server answers; add it to what was found.

        What no query answers is listed, each prefix with a request of its own. If the server gives up on a query for many things,
        they are asked for without files, and then in parts; if it gives up on one thing alone, that is asked for again. Without
        patience, TooMuchError is raised.
        """
        found = Found() if found is None else found
        items, waiting, listed = list(wanted), list[Wanted](), dict[Oid, Wanted]()
        for item in items:
            if not item.is_listed:
                waiting.append(item)
                continue
            if waiting:
                self._ask(waiting, depth, found, patient=patient)
                waiting = []
            listed |= {oid: Wanted("object", oid) for oid in self._list(item, found)}
        waiting += listed.values() if depth is not Depth.OIDS else ()
        if waiting or not items:
            self._ask(waiting, depth, found, patient=patient)
        while found.next_pages:
            pages, found.next_pages = found.next_pages, []
            self._ask(pages, depth, found, patient=patient)
        return found

    def _list(self, item: Wanted, found: Found) -> list[Oid]:
        there = self.matching(item.text)
        names = there if item.kind == "refs" else [RefName(item.text)]
        for name in names:
            found.saw(name, there.get(name))
        return [there[name] for name in names if name in there]

    def _ask(self, wanted: Sequence[Wanted], depth: Depth, found: Found, *, patient: bool) -> None:
        start, size = 0, MAX_FIELDS
        while start < max(1, len(wanted)):
            part = wanted[start : start + size]
            text, variables = read_query(part, depth)
            brings_files = any(item.files for item in part)
            is_least = len(part) <= 1 and not brings_files
            try:
                answer = self._repeat(partial(self._query, text, variables, patient=patient and is_least))
            except TooMuchError:
                if not patient:
                    raise
                if brings_files:  # nobody depends on them, and they may be what is too much
                    wanted = [replace(item, files=()) for item in wanted]
                else:
                    size = len(part) // 2
                continue
            read_answer(part, depth, answer, found)
            start += max(1, len(part))

    def _query(self, text: str, variables: Mapping[str, Json], *, patient: bool) -> Json:
        owner, _, name = self.name.partition("/")
        try:
            answer = self.client.query(text, {"owner": owner, "name": name, **variables})["repository"]
        except LostReplyError as exc:
            if exc.heavy and not patient:
                raise TooMuchError from exc
            raise
        except RejectedError as exc:
            if exc.kind == "NOT_FOUND":
                raise not_visible(self.name) from exc
            raise _unexpected(exc) from exc
        if answer is None:
            raise not_visible(self.name)
        self._was_seen = True
        self._id, self.name = str(answer["id"]), str(answer["nameWithOwner"])
        self.is_public = answer["isPrivate"] is False
        return answer

    def _post(self, resource: str, body: Mapping[str, Json], *, all_stored: bool) -> Json:
        try:
            answer = self.client.rest("POST", f"/repos/{self.name}/{resource}", body)
        except RejectedError as exc:
            if (exc.kind == _ABSENT and self._was_seen) or (all_stored and exc.lacks):
                raise LaggingError(exc.kind, exc.message) from exc
            raise
        except EmptyRepositoryError as exc:
            if self.has_commits:
                raise LaggingError("409", "the repository is empty") from exc
            raise
        self._was_seen = True
        return answer

    def _repeat(self, send: Callable[[], _T]) -> _T:
        try:
            return self._followed(partial(self.patience.repeat, send))
        except (LostReplyError, RateLimitedError) as exc:
            raise gave_up(exc) from exc

    def _followed(self, send: Callable[[], _T]) -> _T:
        """Send a request about the repository, and again by its present name if it has been renamed."""
        try:
            return send()
        except RenamedError:
            before = self.name
            self.ask((), Depth.OIDS)  # GraphQL answers by old names, too
            if self.name == before:
                raise StoreError(
                    f"GitHub sends requests for {before} elsewhere, and does not say where.", "Check `repository`."
                ) from None
            return self._followed(send)


def _unexpected(exc: RejectedError) -> StoreError:
    return StoreError(f"GitHub answered with an error that has no known meaning here: {exc}.", "Try again, or report this.")
