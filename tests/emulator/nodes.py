"""The nodes that GraphQL queries walk: each field of the schema is an attribute or method, in Python's spelling."""

import base64
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Generic, TypeVar

from tests.emulator.access import Access, Permission
from tests.emulator.cost import PAGE_LIMIT, Cost
from tests.emulator.limits import Quota
from tests.emulator.objects import ZERO, Entry, Oid, Person, Stored, is_oid
from tests.emulator.options import Options
from tests.emulator.refs import HEADS, TAGS, Refs
from tests.emulator.repositories import Repositories, Repository
from tests.emulator.shapes import OBJECT_PREFIXES, node_id

NodeT = TypeVar("NodeT")
_PERMISSIONS = {Permission.READ: "READ", Permission.WRITE: "WRITE"}
_BINARY_PROBE = 8_000


class GraphError(Exception):
    """An error of GitHub's, with the ``type`` that tells clients what it is; none for errors about the query itself."""

    def __init__(self, type: str | None, message: str) -> None:
        super().__init__(message)
        self.type = type


@dataclass(slots=True)
class Session:
    """What one GraphQL request works with. The repositories it comes across stay locked until it is answered."""

    repositories: Repositories
    access: Access
    token: str
    options: Options
    quota: Quota
    now: datetime
    report: Callable[[str], None]
    held: ExitStack
    writes_ago: int = 0
    budget: int | None = None
    """How many refs and objects may still be resolved, if the query is to end early."""
    cost: Cost = field(default=Cost(0, 1))
    lags: bool = False
    ref_reads: int = 0

    @property
    def torn(self) -> bool:
        return self.options.between_ref_reads is not None

    def repository(self, full_name: str, *, follow_renames: bool = True) -> "RepositoryNode | None":
        found = self.repositories.find(full_name)
        if found is None and follow_renames:
            found = self.repositories.find_renamed(full_name)
        return self._node(found)

    def numbered(self, number: str) -> "RepositoryNode | None":
        return self._node(self.repositories.numbered(int(number)) if number.isdigit() else None)

    def _node(self, found: Repository | None) -> "RepositoryNode | None":
        if found is None or self.access.allowed(self.token, found.full_name) < Permission.READ:
            return None
        if not self.torn:
            self.held.enter_context(found.lock)
        return RepositoryNode(View(self, found))


@dataclass(slots=True)
class View:
    """One repository as one request sees it."""

    session: Session
    repository: Repository
    _refs: Refs | None = None

    def read(self, look: Callable[[Refs], NodeT]) -> NodeT:
        """Read refs once; another thread's writes come between two reads only if the options say so."""
        if self.session.options.between_ref_reads and self.session.ref_reads:
            self.session.options.between_ref_reads()
        self.session.ref_reads += 1
        with self.repository.lock:
            self._refs = self._refs or self.repository.refs(self.session.writes_ago)
            return look(self._refs)

    def ref(self, name: str) -> Oid | None:
        return self.read(lambda refs: refs.get(name))

    def find(self, oid: str) -> "ObjectNode | None":
        with self.repository.lock:
            stored = self.repository.objects.get(oid)
        return NODES[stored.kind](self, stored) if stored else None

    def entries(self, tree: str) -> list[Entry]:
        with self.repository.lock:
            return self.repository.objects.entries(tree)

    def id(self, kind: str, *parts: object) -> str:
        return node_id(kind, self.repository.number, *parts)


@dataclass(frozen=True)
class UserNode:
    login: str
    id: str
    typename = "User"


@dataclass(frozen=True)
class RateLimitNode:
    quota: Quota
    spent: Cost

    @property
    def cost(self) -> int:
        return self.spent.points

    @property
    def node_count(self) -> int:
        return self.spent.nodes

    @property
    def limit(self) -> int:
        return self.quota.limit

    @property
    def remaining(self) -> int:
        return self.quota.remaining

    @property
    def used(self) -> int:
        return self.quota.used

    @property
    def reset_at(self) -> str:
        return _utc(datetime.fromtimestamp(self.quota.reset, UTC))


@dataclass(frozen=True)
class RepositoryNode:
    view: View
    typename = "Repository"

    @property
    def id(self) -> str:
        return self.view.id("R")

    @property
    def database_id(self) -> int:
        return self.view.repository.number

    @property
    def name(self) -> str:
        return self.view.repository.name

    @property
    def name_with_owner(self) -> str:
        return self.view.repository.full_name

    @property
    def is_empty(self) -> bool:
        return self.view.read(Refs.is_empty)

    @property
    def is_private(self) -> bool:
        return self.view.session.options.is_private(self.name_with_owner)

    @property
    def viewer_permission(self) -> str:
        session = self.view.session
        return _PERMISSIONS[session.access.allowed(session.token, self.name_with_owner)]

    @property
    def default_branch_ref(self) -> "RefNode | None":
        return self.ref(self.view.repository.refs().default_branch())

    def ref(self, qualified_name: str) -> "RefNode | None":
        """Find a branch or tag: by its full name, else by a short one. Other namespaces do not exist here."""
        self._spend()
        names = [qualified_name, f"refs/{qualified_name}", f"{TAGS}{qualified_name}", f"{HEADS}{qualified_name}"]
        for name in names:
            if name.startswith((HEADS, TAGS)) and (oid := self.view.ref(name)):
                return RefNode(self.view, name, oid, name[: len(HEADS)] if name.startswith(HEADS) else TAGS)
        return None

    def refs(  # the schema's arguments
        self,
        ref_prefix: str,
        query: str = "",
        first: int | None = None,
        last: int | None = None,
        after: str | None = None,
        before: str | None = None,
        order_by: dict[str, str] | None = None,
        direction: str | None = None,
    ) -> "Connection[RefNode]":
        """List refs in pages. Only directories are prefixes here: what GitHub makes of others is not documented."""
        check_page("refs", first, last)
        self._spend()
        if not ref_prefix.startswith("refs/") or not ref_prefix.endswith("/"):
            self.view.session.report(f"the ref prefix {ref_prefix}")
            raise GraphError("UNPROCESSABLE", f"{ref_prefix} is not a directory of refs.")
        found = self.view.read(lambda refs: refs.starting(ref_prefix))
        nodes = [RefNode(self.view, name, oid, self._prefix_of(ref_prefix)) for name, oid in found.items()]
        nodes = [node for node in nodes if query.lower() in node.name.lower()]
        order = order_by or {"field": "ALPHABETICAL", "direction": direction or "ASC"}
        nodes.sort(key=RefNode.date if order["field"] == "TAG_COMMIT_DATE" else lambda node: node.full_name)
        if order["direction"] == "DESC":
            nodes.reverse()
        return page("refs", nodes, first, last, after, before)

    def object(self, oid: str | None = None, expression: str | None = None) -> "ObjectNode | None":
        self._spend()
        if oid is not None:
            found = self.view.find(oid)
            if found is None and self.view.session.options.reports_absent_objects:
                raise GraphError("NOT_FOUND", f"Could not resolve to an object with the oid '{oid}'.")
            return found
        if expression is None:
            raise GraphError("ARGUMENT_ERROR", "Must provide either `oid` or `expression`.")
        return self._evaluate(expression)

    def _evaluate(self, expression: str) -> "ObjectNode | None":
        """Read ``<revision>``, ``<revision>^{tree}`` or ``<revision>:<path>``; other expressions of git are reported."""
        revision, colon, path = expression.partition(":")
        revision, caret, kind = revision.partition("^")
        if "~" in revision or "@" in revision or kind not in {"", "{}", "{tree}", "{commit}"}:
            self.view.session.report(f"the expression {expression}")
            raise GraphError("UNPROCESSABLE", f"The emulator does not know the expression {expression}.")
        names: tuple[str, ...] = (f"refs/{revision}", f"{TAGS}{revision}", f"{HEADS}{revision}")
        if revision == "HEAD":
            names = (self.view.repository.refs().default_branch(),)
        elif revision.startswith("refs/"):
            names = (revision,)
        oid = revision if is_oid(revision) else next((oid for name in names if (oid := self.view.ref(name))), ZERO)
        with self.view.repository.lock:
            objects = self.view.repository.objects
            if colon:
                tree = objects.peel(oid, "tree")
                entry = objects.entry_at(tree.oid, path) if tree and path else None
                oid = entry.oid if entry else (tree.oid if tree and not path else ZERO)
            elif caret:
                peeled = objects.peel(oid, kind.strip("{}") or "commit")
                oid = peeled.oid if peeled else ZERO
        return self.view.find(oid)

    def _prefix_of(self, asked: str) -> str:
        if self.view.session.options.relative_to_asked_prefix:
            return asked
        return next((prefix for prefix in (HEADS, TAGS) if asked.startswith(prefix)), asked)

    def _spend(self) -> None:
        """End early where the fault says so."""
        session = self.view.session
        if session.budget is None:
            return
        session.budget -= 1
        if session.budget < 0:
            raise GraphError("RESOURCE_LIMITS_EXCEEDED", "Resource limits for this query exceeded.")


@dataclass(frozen=True)
class RefNode:
    view: View
    full_name: str
    oid: Oid
    prefix: str
    typename = "Ref"

    @property
    def id(self) -> str:
        return self.view.id("REF", self.full_name)

    @property
    def name(self) -> str:
        return self.full_name.removeprefix(self.prefix)

    @property
    def repository(self) -> RepositoryNode:
        return RepositoryNode(self.view)

    @property
    def target(self) -> "ObjectNode | None":
        return self.view.find(self.oid)

    def date(self) -> float:
        with self.view.repository.lock:
            commit = self.view.repository.objects.peel(self.oid, "commit")
        return commit.person("committer").date.timestamp() if commit else 0.0


@dataclass(frozen=True)
class ObjectNode:
    view: View
    stored: Stored

    @property
    def typename(self) -> str:
        return self.stored.kind.capitalize()

    @property
    def id(self) -> str:
        return self.view.id(OBJECT_PREFIXES[self.stored.kind], self.stored.oid)

    @property
    def oid(self) -> str:
        return self.stored.oid

    @property
    def abbreviated_oid(self) -> str:
        return self.stored.oid[:7]

    @property
    def repository(self) -> RepositoryNode:
        return RepositoryNode(self.view)


class CommitNode(ObjectNode):
    @property
    def message(self) -> str:
        keep = self.view.session.options.keep_final_line_feed
        return self.stored.message if keep else self.stored.message.removesuffix("\n")

    @property
    def author(self) -> "ActorNode":
        return ActorNode(self.stored.person("author"))

    @property
    def committer(self) -> "ActorNode":
        return ActorNode(self.stored.person("committer"))

    @property
    def authored_date(self) -> str:
        return self.stored.person("author").utc

    @property
    def committed_date(self) -> str:
        return self.stored.person("committer").utc

    @property
    def tree(self) -> ObjectNode | None:
        return self.view.find(self.stored.tree)

    def file(self, path: str) -> "EntryNode | None":
        with self.view.repository.lock:
            entry = self.view.repository.objects.entry_at(self.stored.tree, path)
        if entry is None:
            # Beside null in the data, as others have seen.
            raise GraphError("NOT_FOUND", f"Could not resolve file for path '{path}'.")
        return EntryNode(self.view, entry, path)

    def parents(
        self, first: int | None = None, last: int | None = None, after: str | None = None, before: str | None = None
    ) -> "Connection[ObjectNode | None]":
        check_page("parents", first, last)
        return page("parents", [self.view.find(oid) for oid in self.stored.parents], first, last, after, before)


class TreeNode(ObjectNode):
    @property
    def entries(self) -> "list[EntryNode]":
        return [EntryNode(self.view, entry, entry.text) for entry in self.view.entries(self.stored.oid)]


class BlobNode(ObjectNode):
    @property
    def byte_size(self) -> int:
        return len(self.stored.raw)

    @property
    def is_binary(self) -> bool:
        return b"\0" in self.stored.raw[:_BINARY_PROBE]

    @property
    def is_truncated(self) -> bool:
        return self.byte_size > self.view.session.options.blob_text_limit

    @property
    def text(self) -> str | None:
        """The content as UTF-8, cut where it is too long; what is not UTF-8 is replaced, so it is not always the value."""
        if self.is_binary:
            return None
        return self.stored.raw[: self.view.session.options.blob_text_limit].decode("utf-8", "replace")


class TagNode(ObjectNode):
    @property
    def name(self) -> str:
        return self.stored.header("tag").decode("utf-8", "replace")

    @property
    def message(self) -> str:
        return self.stored.message.removesuffix("\n")

    @property
    def tagger(self) -> "ActorNode | None":
        return ActorNode(self.stored.person("tagger")) if self.stored.header("tagger") else None

    @property
    def target(self) -> ObjectNode | None:
        return self.view.find(self.stored.header("object").decode())


NODES: dict[str, type[ObjectNode]] = {"commit": CommitNode, "tree": TreeNode, "blob": BlobNode, "tag": TagNode}


@dataclass(frozen=True)
class ActorNode:
    person: Person

    @property
    def name(self) -> str:
        return self.person.name

    @property
    def email(self) -> str:
        return self.person.email

    @property
    def date(self) -> str:
        return self.person.date.isoformat()


@dataclass(frozen=True)
class EntryNode:
    view: View
    entry: Entry
    path: str

    @property
    def mode(self) -> int:
        return self.entry.mode

    @property
    def name(self) -> str:
        return self.entry.text

    @property
    def name_raw(self) -> str:
        return base64.b64encode(self.entry.name).decode()

    @property
    def type(self) -> str:
        return self.entry.kind

    @property
    def oid(self) -> str:
        return self.entry.oid

    @property
    def size(self) -> int:
        found = self.object if self.entry.kind == "blob" else None
        return len(found.stored.raw) if found else 0

    @cached_property
    def object(self) -> ObjectNode | None:
        return self.view.find(self.entry.oid)


@dataclass(frozen=True)
class PageInfoNode:
    start_cursor: str | None
    end_cursor: str | None
    has_next_page: bool
    has_previous_page: bool


@dataclass(frozen=True)
class EdgeNode(Generic[NodeT]):
    cursor: str
    node: NodeT


@dataclass(frozen=True)
class Connection(Generic[NodeT]):
    edges: Sequence[EdgeNode[NodeT]]
    page_info: PageInfoNode
    total_count: int

    @property
    def nodes(self) -> list[NodeT]:
        return [edge.node for edge in self.edges]


def check_page(name: str, first: int | None, last: int | None) -> None:
    """Refuse a connection without the size of its pages, or with one that is no number from 1 to 100."""
    if first is None and last is None:
        raise GraphError(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.",
        )
    for word, size in (("first", first), ("last", last)):
        if size is not None and size > PAGE_LIMIT:
            raise GraphError(
                "EXCESSIVE_PAGINATION",
                f"Requesting {size} records on the `{name}` connection exceeds the `{word}` limit of {PAGE_LIMIT} records.",
            )
        if size is not None and size < 1:
            raise GraphError("INVALID_PAGINATION", f"`{word}` on the `{name}` connection cannot be less than 1.")


def page(
    name: str, nodes: Sequence[NodeT], first: int | None, last: int | None, after: str | None, before: str | None
) -> Connection[NodeT]:
    """Cut one page out of all nodes; a cursor is a position, as it is on GitHub."""
    start = _position(name, after) if after else 0
    end = min(len(nodes), _position(name, before) - 1) if before else len(nodes)
    if first is not None:
        end = min(end, start + first)
    if last is not None:
        start = max(start, end - last)
    edges = [EdgeNode(_cursor(number), nodes[number - 1]) for number in range(start + 1, end + 1)]
    info = PageInfoNode(
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
        has_next_page=end < len(nodes),
        has_previous_page=start > 0,
    )
    return Connection(edges, info, len(nodes))


def _cursor(number: int) -> str:
    return base64.b64encode(str(number).encode()).decode()


def _position(name: str, cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor))
    except ValueError:
        raise GraphError("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` is not a cursor of the `{name}` connection.") from None


def _utc(date: datetime) -> str:
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
