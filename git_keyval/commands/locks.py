"""lock, unlock: a lock is a map with a ``fence`` that only grows, and an ``owner`` whose element expiry is the lease."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from git_keyval.commands.elements import OfMap
from git_keyval.commands.keyed import Ending
from git_keyval.commands.owners import is_made
from git_keyval.commands.pauses import Waiting
from git_keyval.database.answers import Answer
from git_keyval.database.collections import CollectionView, Shape, changed, expiry_updates, written
from git_keyval.database.command import Change, Moment, Wait, Witness
from git_keyval.database.lifetimes import FOREVER, chosen, expiry_objects, lasting, ttl_of
from git_keyval.errors import InputError, LockHeldError, LockLostError, WrongTypeError
from git_keyval.format.bounds import added
from git_keyval.format.times import MAX_SECONDS, SECOND, Micros
from git_keyval.format.values import as_text, parse_value
from git_keyval.store.port import RefUpdate, Selection

FENCE, OWNER = "fence", "owner"
"""The fields of a lock: how often it was taken, and by whom it was last."""

_NEVER = Micros(0)

MAX_FENCE = 10**19 - 1
"""The largest fence that the format has."""

_FENCE = re.compile(r"[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class _State:
    """A lock at one read. ``owner`` is who took it last, until sweep forgets one whose lease is over; ``until`` ends the lease."""

    held: bool = False
    fence: int = 0
    owner: str = field(default="", repr=False)
    until: Micros = _NEVER


class _OfLock(OfMap):
    """A command of one lock."""

    owner: str

    def elements_read(self) -> Sequence[str]:
        return FENCE, OWNER

    def state(self, view: CollectionView) -> _State:
        """Return what is seen of the lock. Raises WrongTypeError for a map that is no lock."""
        if view.collection is None:
            return _State()
        if view.collection.type != "String" or FENCE not in view.stored:
            raise WrongTypeError(self.name, "map", "a lock")
        values = {name: as_text(value) for name, value in view.values({FENCE, OWNER} & view.stored.keys()).items()}
        if _FENCE.fullmatch(values[FENCE]) is None:
            raise WrongTypeError(self.name, "map", "a lock")
        until = view.expiry(OWNER)
        # An owner whose expiry somebody took away holds it for good: until it unlocks, or the key is deleted.
        moment = Micros((MAX_SECONDS if until is None else until) * SECOND)
        return _State(view.holds(OWNER), int(values[FENCE]), values.get(OWNER, ""), moment)


class Lock(Ending, _OfLock):
    """Take a lock for a time, or renew it; fail if another owner holds it.

    ``fence`` is larger than that of every owner before. An owner that holds the lock already renews its lease, and keeps its fence.
    Where another one holds it, this asks again until ``wait`` seconds are over; if it is held then, the answer says by whom and for
    how long, and its ``failure`` is a LockHeldError. Raises WrongTypeError for a key that holds something else, InputError for a
    lease that is over before it begins, and BoundError for a lock that was taken as often as can be written.
    """

    outputs = ("applied", "owner", "fence", "ttl", "expires-at", "version")
    examples = ("git-keyval lock production --ttl 30m --owner \"$HOSTNAME\" --wait 10m && echo 'deploying'",)

    has_post_step = True

    owner: str = ""
    """A name of its own is given to whoever gives none."""
    wait: int = 0

    def validate(self, moment: Moment) -> None:
        self._lease(moment)

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change | Wait:
        seen = self.state(view)
        lease = self._lease(moment)
        if seen.held and seen.owner != self.owner:
            return self._held(view, moment, seen)
        late = InputError("ttl", "was over each time before the lock was taken", "a longer lease")
        change = self._renewed(view, seen, lease) if seen.held else self._acquired(view, seen, lease)
        return change._replace(late=late, memory=moment.memory)

    def _lease(self, moment: Moment) -> int:
        lease = chosen(moment.now, moment.granularity, self.ttl, self.expires_at)
        if not isinstance(lease, int):
            raise InputError("ttl", "is missing: a lock must end by itself", "a duration, or 'expires-at'")
        return lease

    def _renewed(self, view: CollectionView, seen: _State, lease: int) -> Change:
        answer = Answer(applied=True, owner=self.owner, fence=seen.fence, expires_at=lease)
        updates = (*expiry_updates(view, (OWNER,), lease), *_unbound(view))
        return changed(view, answer, view.stored, updates=updates, objects=expiry_objects(lease))

    def _acquired(self, view: CollectionView, seen: _State, lease: int) -> Change:
        fence = added(seen.fence, 1, MAX_FENCE, "the fence of a lock")
        values = {FENCE: parse_value("String", str(fence)), OWNER: parse_value("String", self.owner)}
        blobs = written(view, values)
        return changed(
            view,
            Answer(applied=True, owner=self.owner, fence=fence, expires_at=lease),
            {**view.stored, **{name: blob.oid for name, blob in blobs.items()}},
            shape=Shape.of(values[OWNER]),
            updates=(*expiry_updates(view, (OWNER,), lease), *_unbound(view), *expiry_updates(view, (FENCE,), FOREVER)),
            objects=(*blobs.values(), *expiry_objects(lease)),
            proof=Witness(view.view.value_name),
        )

    def _held(self, view: CollectionView, moment: Moment, seen: _State) -> Answer | Wait:
        waiting, lease = Waiting.of(moment, self.wait), view.expiry(OWNER)
        if waiting.is_over(moment.now):
            ends = None if lease is None else max(ttl_of(lease, moment.now), 0)
            failure = LockHeldError(_shown(seen.owner), ends)
            return lasting(Answer(applied=False, owner=seen.owner, failure=failure), lease)
        return waiting.paused(moment.now, "lock", Selection((view.view.value_name, view.expiry_name(OWNER))), endings=[seen.until])


class Unlock(_OfLock):
    """Release a lock that its owner still holds.

    The fence stays, so that the next owner's is larger. If nobody holds it, nothing is changed and ``warning`` says why that may
    be. If another owner does, the answer says which, and its ``failure`` is a LockLostError. Raises WrongTypeError for a key that
    holds something else.
    """

    outputs = ("applied", "owner", "fence", "version")
    examples = ('git-keyval unlock production --owner "$HOSTNAME"',)

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change:
        seen = self.state(view)
        if seen.held and seen.owner == self.owner:
            others = {name: oid for name, oid in view.stored.items() if name != OWNER}
            released = Answer(applied=True, owner=self.owner, fence=seen.fence)
            updates = expiry_updates(view, (OWNER,), FOREVER)
            change = changed(view, released, others, updates=updates, proof=Witness(view.view.value_name))
            return change._replace(memory=seen)
        ours = moment.memory
        if isinstance(ours, _State) and moment.now < ours.until:
            # Nobody else could take it from this owner: our own request came through, or another one of the same owner.
            return Answer(applied=True, owner=self.owner, fence=ours.fence)
        if seen.held:
            return Answer(applied=False, owner=seen.owner, failure=LockLostError(_shown(seen.owner)))
        return Answer(applied=False, fence=seen.fence or None, warning=_why_nobody(seen, self.owner))


def _unbound(view: CollectionView) -> tuple[RefUpdate, ...]:
    """Take the expiry of the key away. With the key, the fence would end, and the lock before its lease."""
    return view.view.deletions(view.view.expiry_name) if view.found else ()


def _why_nobody(seen: _State, owner: str) -> str:
    if seen.owner == owner:
        return (
            "Nobody holds the lock: its lease ran out before it was released, and nobody took it since. Give 'lock' a longer 'ttl'."
        )
    return "Nobody holds the lock: it was released before, or its lease ran out."


def _shown(owner: str) -> str:
    return owner if is_made(owner) else ""
