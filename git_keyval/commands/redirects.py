"""redirect: say that keys live in another repository, or take that back."""

from collections.abc import Mapping, Sequence

from git_keyval.commands.keyed import OfKeys
from git_keyval.database.anchors import mark_of
from git_keyval.database.answers import Answer
from git_keyval.database.command import Change, Moment, UnreadError
from git_keyval.database.keys import COUNTER_TYPE, KeyView, KeyViews, exists_or_unreadable
from git_keyval.database.reading import HeldAtTarget, ManyKeys
from git_keyval.errors import MalformedRecordError, RedirectRefusedError
from git_keyval.format.anchors import Anchor, encode_anchor
from git_keyval.format.counters import counting
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import ANCHOR_TAG, KeyId, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.redirects import Redirect, encode_redirect
from git_keyval.store.port import RefUpdate, Snapshot, Transaction


class Redirection(OfKeys):
    """Say that keys live in another repository.

    All are redirected in one transaction; without a target, a key's redirect is taken away. The answer's ``count`` is how many that
    are. Keys that are not of the version, or have no redirect to be taken away, stay as they are. Raises RedirectRefusedError for a
    key whose value would be lost, because the target does not hold the key, and for one with increments that wait for a gather.
    """

    outputs = ("applied", "count")
    examples = ("git-keyval redirect moved --redirect-to team/archive", "git-keyval redirect moved --redirect-to none")

    stands_alone = True
    name = "redirect"
    omits = ("follow-writes",)

    targets: Mapping[KeyId, Redirect]
    if_version: Oid | None = None

    @property
    def redirects(self) -> Mapping[KeyId, Redirect]:
        return self.targets

    def reads(self) -> ManyKeys:
        return ManyKeys(keys=self.keys, redirects=True)

    def decide(self, view: KeyViews, moment: Moment) -> Answer | Change:
        chosen = [key for key in view if key.is_at(self.if_version)]
        given = [key for key in chosen if key.key_id in self.targets]
        taken = [key for key in chosen if key.key_id not in self.targets and key.redirect() is not None]
        if not taken and not given:
            return Answer(applied=False, count=0)
        change = self._change(view, taken, given, moment)
        if not change.is_done():
            self._refuse_losses(given, view.beside)
        return change

    def _refuse_losses(self, given: Sequence[KeyView], beside: Snapshot | None) -> None:
        """Refuse to redirect what is not where it would lead to."""
        here = {key.key_id: key for key in given if key.redirect() is None and exists_or_unreadable(key)}
        if here and beside is None:
            raise UnreadError(HeldAtTarget({key: self.targets[key.id] for key in self.keys if key.id in here}))
        if beside is not None and not all(key.value_name in beside.refs for key in here.values()):
            raise RedirectRefusedError(
                "the repository that it would lead to does not hold the key, and its value here would be lost",
                "Copy the value there first, or 'del' the key here.",
            )

    def _change(self, view: KeyViews, taken: Sequence[KeyView], given: Sequence[KeyView], moment: Moment) -> Change:
        updates = [update for key in taken for update in key.deletions(key.value_name, key.expiry_name, key.key_name)]
        updates += [update for key in given for update in _redirection(key, self.targets[key.key_id])]
        anchor = encode_anchor(Anchor(mark_of(view.seen, moment.cipher), redirected=True))
        if given:
            updates.append(RefUpdate(ANCHOR_TAG, view.seen.expected(ANCHOR_TAG), anchor.oid))
        commits = {encode_redirect(self.targets[key.key_id]) for key in given}
        objects = (*DUMMY_OBJECTS, anchor, *sorted(commits, key=lambda commit: commit.oid))
        return Change(Transaction(tuple(updates), objects if given else ()), Answer(applied=True, count=len(taken) + len(given)))


class Held(OfKeys):
    """List the ids of those keys that exist; what nobody can read exists."""

    def decide(self, view: KeyViews, moment: Moment) -> Answer:
        return Answer(document=[key.key_id for key in view if exists_or_unreadable(key)])


def _redirection(key: KeyView, target: Redirect) -> tuple[RefUpdate, ...]:
    """Return the updates that redirect a key. Its expiry goes, and breadcrumbs that count for nothing; its stored name stays."""
    return (
        RefUpdate(key.value_name, key.expected(key.value_name), encode_redirect(target).oid),
        *key.deletions(key.expiry_name),
        *(() if key.redirect() is not None else key.deletions(*_void_breadcrumbs(key))),
    )


def _void_breadcrumbs(key: KeyView) -> list[RefName]:
    """Return the breadcrumbs that count for nothing, and can go. Raises RedirectRefusedError if one counts."""
    crumbs = key.breadcrumbs()
    try:
        counts = key.held_type() == COUNTER_TYPE and counting(key.counter("redirect"), crumbs)
    except MalformedRecordError:
        return []  # unknown means keep
    if counts:
        raise RedirectRefusedError(
            "increments wait as breadcrumbs, which would not be found where it leads to",
            "Run 'gather' first; with `grace-period: 0s` it takes all of them.",
        )
    return [crumb.name for crumb in crumbs]
