"""redirect: say that keys live in another repository, or take that back."""

from collections.abc import Mapping, Sequence

from git_keyval.database.answers import Result
from git_keyval.database.conditions import ALWAYS, Condition
from git_keyval.database.database import Database
from git_keyval.database.keys import COUNTER_TYPE, Key, KeyView, read_views, read_where_stored
from git_keyval.errors import ContentionError, MalformedRecordError, RedirectRefusedError
from git_keyval.format.anchors import Anchor, encode_anchor
from git_keyval.format.counters import counting
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import ANCHOR_TAG, KeyId, RefName
from git_keyval.format.redirects import Redirect, encode_redirect
from git_keyval.format.times import Micros
from git_keyval.store.port import Applied, Depth, RefUpdate, Transaction


def redirect(
    database: Database, *, keys: Sequence[Key], targets: Mapping[KeyId, Redirect], condition: Condition = ALWAYS
) -> Result:
    """Redirect keys, all in one transaction; without a target, take a key's redirect away. ``count`` tells how many that are.

    Keys that do not meet the condition, or have no redirect to be taken away, stay as they are. Raises RedirectRefusedError for a
    key whose value would be lost, because the target does not hold the key, and for one with increments that wait for a gather.
    """
    for attempt in range(database.max_attempts):
        views = read_where_stored(database, keys, Depth.MESSAGES, exact=False)
        now = database.now()
        chosen = [view for view in views if not condition or condition.met(view, now)]
        taken = [view for view in chosen if view.key_id not in targets and view.redirect() is not None]
        given = [view for view in chosen if view.key_id in targets]
        count = len(taken) + len(given)
        updates = [update for view in taken for update in view.deletions(view.value_name, view.expiry_name, view.key_name)]
        updates += [update for view in given for update in _redirection(view, targets[view.key_id], now)]
        anchor = encode_anchor(Anchor(database.mark_of(views[0].seen), redirected=True))
        if given:
            updates.append(RefUpdate(ANCHOR_TAG, views[0].expected(ANCHOR_TAG), anchor.oid))
        if all(update.expect == update.new for update in updates):
            return Result(applied=count > 0, count=count)
        _refuse_losses(database, [view for view in given if _holds_something(view, now)])
        commits = {encode_redirect(targets[view.key_id]) for view in given}
        objects = (*DUMMY_OBJECTS, anchor, *sorted(commits, key=lambda commit: commit.oid))
        if isinstance(database.write(Transaction(tuple(updates), objects if given else ()), views[0].seen), Applied):
            return Result(applied=True, count=count)
        database.pause(attempt)
    raise ContentionError(database.max_attempts)


def held(database: Database, *, keys: Sequence[Key]) -> Result:
    """List the ids of those keys that exist; what nobody can read exists."""
    views = read_views(database, keys, Depth.MESSAGES, exact=False)
    now = database.now()
    return Result(document=[view.key_id for view in views if _exists(view, now)])


def _redirection(view: KeyView, target: Redirect, now: Micros) -> tuple[RefUpdate, ...]:
    """Give the updates that redirect a key. Its expiry goes, and breadcrumbs that count for nothing; its stored name stays."""
    return (
        RefUpdate(view.value_name, view.expected(view.value_name), encode_redirect(target).oid),
        *view.deletions(view.expiry_name),
        *(() if view.redirect() is not None else view.deletions(*_void(view, now))),
    )


def _refuse_losses(database: Database, views: Sequence[KeyView]) -> None:
    """Refuse to redirect what is not where it would lead to."""
    here = {view.key_id for view in views}
    if here and not here <= set(database.held_at_target(here)):
        raise RedirectRefusedError(
            "the repository that it would lead to does not hold the key, and its value here would be lost",
            "Copy the value there first, or 'del' the key here.",
        )


def _holds_something(view: KeyView, now: Micros) -> bool:
    return view.redirect() is None and _exists(view, now)


def _exists(view: KeyView, now: Micros) -> bool:
    try:
        return view.exists(now)
    except MalformedRecordError:
        return True  # nobody can read what is there, so nobody knows that it is of no use


def _void(view: KeyView, now: Micros) -> list[RefName]:
    """Give the breadcrumbs that count for nothing, and can go. Raises RedirectRefusedError if one counts."""
    crumbs = view.breadcrumbs()
    try:
        counts = view.held_type(now) == COUNTER_TYPE and counting(view.counter("redirect", now), crumbs)
    except MalformedRecordError:
        return []  # unknown means keep
    if counts:
        raise RedirectRefusedError(
            "increments wait as breadcrumbs, which would not be found where it leads to",
            "Run 'gather' first; with 'grace-period: 0s' it takes all of them.",
        )
    return [crumb.name for crumb in crumbs]
