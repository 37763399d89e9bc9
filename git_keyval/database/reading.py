"""Reading keys in an order that lets no rival's write be taken half, and what a decision asks for beside them."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar

from git_keyval.database.anchors import mark_of
from git_keyval.database.command import View
from git_keyval.database.database import Database
from git_keyval.database.declared import Declared
from git_keyval.database.keys import Key, KeyView, KeyViews, ListView, MovedError, shown
from git_keyval.errors import UnavailableError
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import ANCHOR_TAG, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.redirects import Redirect
from git_keyval.light_dataclasses import replace
from git_keyval.store.port import Depth, Selection, Snapshot
from git_keyval.store.targets import read_targets


class Settling(View, Protocol):
    """What a read shows where it may be torn."""

    def may_be_torn(self) -> bool:
        """Return whether what was read may not belong together."""

    def confirmed_by(self, newer: Self) -> bool:
        """Return whether a later read shows that what may be torn did belong together."""


SettlingT = TypeVar("SettlingT", bound=Settling)


class KeyReads(Declared, Generic[SettlingT]):
    """Reads of keys in one read, and of refs of elements with them; with ``redirects``, keys that live elsewhere are seen, too.

    With it a store may look whether it has the objects that are ``planned``, which will most likely be stored next. What is read is
    torn in the worst case; where ``exact``, so many requests are made that it is not. A read is exact enough
    without that if a write compares all that it has read.
    """

    patience: ClassVar[int] = 1

    keys: Sequence[Key]
    depth: Depth = Depth.MESSAGES
    exact: bool = False
    redirects: bool = False
    planned: Sequence[Oid] = ()

    def of_elements(self, database: Database) -> Selection:  # noqa: ARG002  # keys have elements in some reads only
        """Return what is read of elements: the refs of their expiries, and the files of values."""
        return Selection()

    def view(self, keys: Sequence[KeyView], database: Database) -> SettlingT:
        """Return what the command sees of the views of its keys."""
        raise NotImplementedError

    def fetch(self, database: Database) -> SettlingT:
        """Read until what was read belongs together, as far as the attempts reach. Raises MovedError and what ``view`` does."""
        view = self._fetch(database)
        for _ in range(database.max_attempts * self.patience):
            if not view.may_be_torn():
                return view
            newer = self._fetch(database)
            if view.confirmed_by(newer):
                return view
            view = newer
        return self.unconfirmed(view)

    def unconfirmed(self, view: SettlingT) -> SettlingT:
        """Return what was read last, where rivals wrote each time: it is most likely whole."""
        return view

    def _fetch(self, database: Database) -> SettlingT:
        beside = replace(self.of_elements(database), planned=tuple(dict.fromkeys(self.planned)))
        seen = read_keys(database, self.keys, self.depth, exact=self.exact, beside=beside, redirects=self.redirects)
        return self.view(seen, database)


class OneKey(KeyReads[KeyView]):
    """Reads of one key."""

    def view(self, keys: Sequence[KeyView], database: Database) -> KeyView:  # noqa: ARG002
        """Return its view."""
        return keys[0]


class ManyKeys(KeyReads[KeyViews]):
    """Reads of several keys."""

    def view(self, keys: Sequence[KeyView], database: Database) -> KeyViews:  # noqa: ARG002
        """Return their views."""
        return KeyViews(tuple(keys))


class Listing(NamedTuple):
    """Reads of all refs below some prefixes."""

    prefixes: tuple[str, ...]

    def fetch(self, database: Database) -> ListView:
        """Return them, without what they point at."""
        return ListView(dict(database.store.list(self.prefixes)))


class MoreRefs(NamedTuple):
    """These refs, and what they point at."""

    refs: Selection
    depth: Depth

    def fetch(self, database: Database) -> Snapshot:
        """Read them."""
        return database.read(self.refs, depth=self.depth)


class MoreExpiries(NamedTuple):
    """The expiries of elements by their refs, and with them, if the store brings it, the file at a path of the value."""

    names: tuple[RefName, ...]
    value: RefName
    path: str

    def fetch(self, database: Database) -> Snapshot:
        """Read them, but not what the value is by now: what was decided on is another one, and the write compares that."""
        wanted = Selection((*self.names, self.value), files=((self.value, self.path),))
        seen = database.read(wanted, depth=Depth.MESSAGES)
        return replace(seen, refs={name: oid for name, oid in seen.refs.items() if name != self.value})


class MoreBlobs(NamedTuple):
    """The blobs of elements of maps or arrays, which are ``of`` these versions by their refs."""

    oids: frozenset[Oid]
    of: Mapping[RefName, Oid | None]

    def fetch(self, database: Database) -> Snapshot:
        """Read them, without what the repository lacks. Raises UnavailableError if a map or array is another by now."""
        objects = database.store.objects(self.oids, Depth.VALUES)
        if self.oids - objects.keys():
            refs = database.store.read(Selection(tuple(self.of)), depth=Depth.OIDS).refs
            if any(refs.get(name) != version for name, version in self.of.items()):
                raise UnavailableError("The key was written while it was read, and what was read is gone.", "Run the step again.")
        return Snapshot({}, objects)


class MoreTargets(NamedTuple):
    """What these refs, which were listed, point at."""

    refs: Mapping[RefName, Oid]
    depth: Depth

    def fetch(self, database: Database) -> Snapshot:
        """Read it; expiry commits that the repository does not give are looked up."""
        return database.with_lost_expiries(read_targets(database.store, self.refs, self.depth))


class HeldAtTarget(NamedTuple):
    """Which keys exist where they are about to be redirected to."""

    targets: Mapping[Key, Redirect]

    def fetch(self, database: Database) -> Snapshot:
        """Return the refs of their values, as they are named here."""
        held = database.held_at_target(self.targets)
        return Snapshot({database.naming.value(key_id): NULL_COMMIT.oid for key_id in held})


def read_keys(
    database: Database, keys: Sequence[Key], depth: Depth, *, exact: bool, beside: Selection, redirects: bool
) -> list[KeyView]:
    """Read keys once, in one read for all of them, and what is wanted ``beside``: expiries of elements, files, what is planned.

    What qualifies a value (its expiry, its breadcrumbs) is read before the value itself, and the expiry once more with it. So a
    rival's write in between is never taken half: a value is not seen with the expiry of another one, and a breadcrumb that a gather
    folds in between is found in the counter that is read after it. Where the store does both in one request, in an order that it
    does not promise, counters take a second one if the read has to be exact. Raises MovedError for keys that live elsewhere, unless
    ``redirects`` are asked for; AnchorError; and what ``Cipher.accept`` raises of a database of other keys.
    """
    unseen = [KeyView.of(database.naming, key.id, Snapshot({}), database.now(), database.cipher) for key in keys]
    qualifying = (ANCHOR_TAG, *(name for view in unseen for name in (view.expiry_name, view.key_name)), *beside.names)
    before = Selection(qualifying, (*(view.breadcrumb_prefix for view in unseen), *beside.prefixes))
    names = (*(name for view in unseen for name in (view.expiry_name, view.value_name)), *beside.names)
    values = Selection(names, files=beside.files, planned=beside.planned)
    seen = database.read(before, values, depth=depth)
    database.cipher.accept(mark_of(seen, database.cipher))
    views = shown(unseen, seen, database.now())
    if exact and not seen.ordered and any(view.adds_breadcrumbs() for view in views):
        seen = seen.followed_by(database.read(values, depth=depth), frozenset(values.names))
        views = shown(unseen, seen, database.now())
    if not redirects:
        _refuse_redirected(views)
    return views


def _refuse_redirected(views: Sequence[KeyView]) -> None:
    moved = {view.key_id: redirect for view in views if (redirect := view.redirect()) is not None}
    if moved:
        raise MovedError(moved)
