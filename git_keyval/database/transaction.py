"""Several commands as one: one read for all, each command's own decision on what it sees of it, one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeAlias

from git_keyval.database.answers import Answer
from git_keyval.database.command import Bound, Change, Decision, More, Reads, UnreadError
from git_keyval.database.database import Database
from git_keyval.database.keys import KeyView
from git_keyval.database.perform import Performance, given
from git_keyval.database.reading import KeyReads, MoreBlobs, MoreRefs
from git_keyval.database.writing import End, Write, write_each
from git_keyval.errors import GitKeyvalError, UnavailableError
from git_keyval.format.times import Micros
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.store.port import Depth, Selection, Snapshot

Part: TypeAlias = Any
"""What one of the commands sees, or why it cannot be shown: the key holds something else, or nobody can read it."""


@dataclass(frozen=True, slots=True)
class PartViews:
    """What each of several commands sees at one read.

    ``at_once`` says that all of it has to be as it was at one moment, although the store may have read one ref after the other.
    """

    seen: Snapshot
    parts: tuple[Part, ...]
    at_once: bool = False

    def at(self, now: Micros) -> "PartViews":
        """Return the same, looked at now."""
        return replace(self, parts=tuple(part if isinstance(part, GitKeyvalError) else part.at(now) for part in self.parts))

    def may_be_torn(self) -> bool:
        """Return whether a ref may have moved while the others were read."""
        return self.at_once or any(not isinstance(part, GitKeyvalError) and part.may_be_torn() for part in self.parts)

    def confirmed_by(self, newer: "PartViews") -> bool:
        """Return whether a later read confirms what each of them sees, or shows the same refs."""
        if self.at_once:
            return self.seen.refs == newer.seen.refs and not newer.seen.moved
        pairs = [pair for pair in zip(self.parts, newer.parts, strict=True) if not isinstance(pair[0], GitKeyvalError)]
        return all(part.confirmed_by(later) for part, later in pairs if part.may_be_torn())

    def extended(self, more: More, found: Snapshot) -> "PartViews":
        """Return it with what some of the commands needed beside."""
        assert isinstance(more, MoreOfParts)
        parts = [part.extended(more.of[index], found) if index in more.of else part for index, part in enumerate(self.parts)]
        return replace(self, parts=tuple(parts))


@dataclass(frozen=True, slots=True)
class MoreOfParts:
    """What some of the commands need beside what they have seen, by their place."""

    of: Mapping[int, More]

    def fetch(self, database: Database) -> Snapshot:
        """Read all of it, what is of one kind together."""
        found = [more.fetch(database) for more in _merged(self.of.values())]
        return reduce(lambda one, other: one.followed_by(other, frozenset()), found)


def _merged(wanted: Iterable[More]) -> list[More]:
    """Return what is wanted in as few reads as it takes."""
    blobs = [more for more in wanted if isinstance(more, MoreBlobs)]
    refs = [more for more in wanted if isinstance(more, MoreRefs)]
    merged: list[More] = [more for more in wanted if not isinstance(more, MoreBlobs | MoreRefs)]
    if blobs:
        versions = {name: version for more in blobs for name, version in more.of.items()}
        merged.append(MoreBlobs(frozenset().union(*(more.oids for more in blobs)), versions))
    if refs:
        merged.append(MoreRefs(_together(more.refs for more in refs), max(more.depth for more in refs)))
    return merged


def decide_each(
    database: Database, deciders: Sequence[Callable[[Any], Decision]], view: PartViews
) -> list[Decision | GitKeyvalError]:
    """Return what each of several commands decides, or fails with; what they need beside is read together."""
    while True:
        try:
            return decisions(deciders, view)
        except UnreadError as unread:
            view = view.extended(unread.more, unread.more.fetch(database))


def decisions(deciders: Sequence[Callable[[Any], Decision]], view: PartViews) -> list[Decision | GitKeyvalError]:
    """Return what each of several commands decides, or fails with. Raises UnreadError for what any of them needs beside."""
    lacking: dict[int, More] = {}
    decided: list[Decision | GitKeyvalError] = []
    for place, (decide, part) in enumerate(zip(deciders, view.parts, strict=True)):
        try:
            decided.append(part if isinstance(part, GitKeyvalError) else decide(part))
        except GitKeyvalError as exc:
            decided.append(exc)
        except UnreadError as unread:
            lacking[place] = unread.more
    if lacking:
        raise UnreadError(MoreOfParts(lacking))
    return decided


class PartReads(KeyReads[PartViews]):
    """The reads of several commands as one. ``at_once`` is as in ``PartViews``."""

    patience = 10

    parts: Sequence[KeyReads[Any]]
    at_once: bool = False

    @classmethod
    def of(cls, wanted: Sequence[Reads[Any]], *, at_once: bool = False) -> "PartReads":
        """Return the reads of all that several commands must see.

        Where a map or an array is read beside values, trees are read, and the values after them: it may have many elements.
        """
        parts = [reads for reads in wanted if isinstance(reads, KeyReads)]
        assert len(parts) == len(wanted)
        keys = {key.id: key for part in parts for key in part.keys}
        depths = {part.depth for part in parts}
        depth = Depth.TREES if {Depth.TREES, Depth.VALUES} <= depths else max(depths)
        exact = any(part.exact for part in parts)
        return cls(keys=list(keys.values()), depth=depth, exact=exact, parts=parts, at_once=at_once and len(keys) > 1)

    def of_elements(self, database: Database) -> Selection:
        """Return what any of the commands reads of elements."""
        return _together(part.of_elements(database) for part in self.parts)

    def view(self, keys: Sequence[KeyView], database: Database) -> PartViews:
        """Return what each command sees."""
        of = {view.key_id: view for view in self._with_values(keys, database)}
        parts = tuple(_shown(part, [of[key.id] for key in part.keys], database) for part in self.parts)
        return PartViews(keys[0].seen, parts, at_once=self.at_once and not database.store.capabilities.reads_at_once)

    def unconfirmed(self, view: PartViews) -> PartViews:
        """Return what was read last, if it need not be of one moment. Raises UnavailableError otherwise."""
        if view.at_once or any(isinstance(part, PartViews) and part.at_once for part in view.parts):
            raise UnavailableError("The keys were written each time that they were read.", "Run the step again.")
        return view

    def _with_values(self, keys: Sequence[KeyView], database: Database) -> Sequence[KeyView]:
        deep = {key.id for part in self.parts if part.depth is Depth.VALUES for key in part.keys}
        oids = {view.version for view in keys if view.key_id in deep and view.version is not None}
        if self.depth is Depth.VALUES or not oids:
            return keys
        found = Snapshot({}, database.store.objects(oids, Depth.VALUES))
        return [replace(view, seen=view.seen.followed_by(found, frozenset())) for view in keys]


def _shown(part: KeyReads[Any], keys: Sequence[KeyView], database: Database) -> Part:
    try:
        return part.view(keys, database)
    except GitKeyvalError as exc:
        return exc


def _together(selections: Iterable[Selection]) -> Selection:
    all_ = list(selections)
    names = dict.fromkeys(name for selection in all_ for name in selection.names)
    prefixes = dict.fromkeys(prefix for selection in all_ for prefix in selection.prefixes)
    files = dict.fromkeys(file for selection in all_ for file in selection.files)
    return Selection(tuple(names), tuple(prefixes), tuple(files))


def perform_each(database: Database, commands: Sequence[Bound]) -> list[Answer | GitKeyvalError]:
    """Perform commands that share no key, each for itself, and return what each answers, or fails with.

    What they see is one read, and what they write one request; who meets a rival, or has to wait, goes on alone. Raises what the
    read does, among it MovedError for all of them.
    """
    forms = [command.form() for command in commands]
    performances = [Performance(database, form) for form in forms]
    planned = [oid for performance in performances for oid in performance.plans()]
    seen = PartReads.of([form.reads() for form in forms]).but(planned=planned).fetch(database)
    decisions = decide_each(database, [performance.decide_on for performance in performances], seen)
    changes = {place: change for place, change in enumerate(decisions) if isinstance(change, Change) and change.is_plain()}
    ends = (
        write_each(database, [Write(change.transaction, change.proof) for change in changes.values()], seen.seen) if changes else []
    )
    ended = dict(zip(changes, ends, strict=True))
    return [
        _end(database, performance, decision, ended.get(place))
        for place, (performance, decision) in enumerate(zip(performances, decisions, strict=True))
    ]


def _end(
    database: Database, performance: "Performance[Any]", decision: Decision | GitKeyvalError, end: End | None
) -> Answer | GitKeyvalError:
    if isinstance(decision, GitKeyvalError):
        return decision
    try:
        return given(database, performance.go_on(decision, end))
    except GitKeyvalError as exc:
        return exc
