"""lock, unlock: a lock is a map with a ``fence`` that only grows, and an ``owner`` whose element expiry is the lease.

A lock with several slots is a semaphore: it has a fence and an owner for each.
"""

import re
from collections.abc import Mapping, Sequence

from git_keyval.commands.elements import OfMap
from git_keyval.commands.keyed import Ending, Storing
from git_keyval.commands.owners import is_made
from git_keyval.commands.pauses import Waiting
from git_keyval.database.answers import Answer
from git_keyval.database.collections import CollectionView, Shape, changed, expiry_updates, written
from git_keyval.database.command import Change, Moment, UnreadError, Wait, Witness
from git_keyval.database.lifetimes import FOREVER, chosen, expiry_objects, lasting, planned, ttl_of
from git_keyval.database.reading import MoreRefs
from git_keyval.errors import InputError, LockHeldError, LockLostError, WrongTypeError
from git_keyval.format.bounds import added
from git_keyval.format.locks import FENCE, fence_field, owner_field, slots_of
from git_keyval.format.objects import Oid
from git_keyval.format.times import MAX_SECONDS, SECOND, Micros
from git_keyval.format.values import as_text, parse_value
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.store.port import Depth, RefUpdate, Selection, Transaction, joined

_NEVER = Micros(0)

MAX_FENCE = 10**19 - 1
"""The largest fence that the format has."""

_FENCE = re.compile(r"[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class _Slot:
    """A slot of a lock at one read. ``until`` ends the lease.

    ``owner`` is who took it last, until sweep forgets one whose lease is over.
    """

    number: int
    held: bool = False
    fence: int = 0
    owner: str = field(default="", repr=False)
    until: Micros = _NEVER


class _OfLock(OfMap):
    """A command of one lock. It may have more slots than the command knows of: these are of the same owner, or nothing to it."""

    owner: str
    slots: int = 1

    @property
    def known(self) -> range:
        """Return the numbers of the slots that the command knows of."""
        return range(1, self.slots + 1)

    def elements_read(self) -> Sequence[str]:
        return [owner_field(number) for number in self.known]

    def values_read(self) -> Sequence[str]:
        return [name for number in self.known for name in (fence_field(number), owner_field(number))]

    def state(self, view: CollectionView) -> list[_Slot]:
        """Return the slots that the command knows of, in order, and those beyond that its owner took last.

        Raises WrongTypeError for a map that is no lock, and UnreadError for what has to be read beside.
        """
        if view.collection is None:
            return [_Slot(number) for number in self.known]
        if view.collection.type != "String" or FENCE not in view.stored:
            raise WrongTypeError(self.name, "map", "a lock")
        numbers = [*self.known, *(number for number in slots_of(view.stored) if number > self.slots)]
        names = {name for number in numbers for name in (fence_field(number), owner_field(number))} & view.stored.keys()
        values = {name: as_text(value) for name, value in view.values(names).items()}
        beyond = [number for number in numbers if number > self.slots and values.get(owner_field(number)) == self.owner]
        if beyond and not view.has_expiries:
            raise UnreadError(
                MoreRefs(Selection(tuple(view.expiry_name(owner_field(number)) for number in beyond)), Depth.MESSAGES)
            )
        return [self._slot(view, number, values) for number in (*self.known, *beyond)]

    def _slot(self, view: CollectionView, number: int, values: Mapping[str, str]) -> _Slot:
        if fence_field(number) not in values and owner_field(number) not in values:
            return _Slot(number)
        fence = values.get(fence_field(number), "")
        if _FENCE.fullmatch(fence) is None:
            raise WrongTypeError(self.name, "map", "a lock")
        until = view.expiry(owner_field(number))
        # An owner whose expiry somebody took away holds it for good: until it unlocks, or the key is deleted.
        moment = Micros((MAX_SECONDS if until is None else until) * SECOND)
        return _Slot(number, view.holds(owner_field(number)), int(fence), values.get(owner_field(number), ""), moment)

    def held(self, slots: Sequence[_Slot]) -> _Slot | None:
        """Return the slot that the owner holds; it holds one at the most."""
        return next((slot for slot in slots if slot.held and slot.owner == self.owner), None)


class Lock(Ending, Storing, _OfLock):
    """Take a lock for a time, or renew it; fail if another owner holds it.

    ``fence`` is larger than that of every owner before. An owner that holds the lock already renews its lease, and keeps its fence.
    A lock with ``slots`` has so many holders at once, each with a ``slot``, a lease and a fence of its own; an owner has one of
    them. Where all are held by others, this asks again until ``wait`` seconds are over; if they are held then, the answer says by
    whom the one is that ends first, and for how long, and its ``failure`` is a LockHeldError. Raises WrongTypeError for a key that
    holds something else, InputError for a lease that is over before it begins, and BoundError for a lock that was taken as often as
    can be written.
    """

    outputs = ("applied", "owner", "fence", "slot", "ttl", "expires-at", "version")
    examples = (
        "git-keyval lock production --ttl 30m --owner \"$HOSTNAME\" --wait 10m && echo 'deploying'",
        'git-keyval lock testbed --slots 3 --ttl 30m --owner "$HOSTNAME"',
    )

    has_post_step = True

    owner: str = ""
    """A name of its own is given to whoever gives none."""
    wait: int = 0

    def validate(self, moment: Moment) -> None:
        self._lease(moment)

    def plans(self, moment: Moment) -> Sequence[Oid]:
        return planned(self._lease(moment))

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change | Wait:
        slots = self.state(view)
        lease = self._lease(moment)
        ours = self.held(slots)
        free = next((slot for slot in slots if slot.number in self.known and not slot.held), None)
        if ours is not None:
            change = self._renewed(view, ours, lease)
        elif free is not None:
            change = self._acquired(view, slots, free, lease)
        else:
            return self._waiting(view, moment, slots)
        late = InputError("ttl", "was over each time before the lock was taken", "a longer lease")
        return change._replace(transaction=joined(change.transaction, self._key(view)), late=late, memory=moment.memory)

    def _lease(self, moment: Moment) -> int:
        lease = chosen(moment.now, moment.granularity, self.ttl, self.expires_at)
        if not isinstance(lease, int):
            raise InputError("ttl", "is missing: a lock must end by itself", "a duration, or `expires-at`")
        return lease

    def _renewed(self, view: CollectionView, ours: _Slot, lease: int) -> Change:
        answer = Answer(applied=True, owner=self.owner, fence=ours.fence, slot=ours.number, expires_at=lease)
        updates = (*expiry_updates(view, (owner_field(ours.number),), lease), *_unbound(view))
        return changed(view, answer, view.stored, updates=updates, objects=expiry_objects(lease))

    def _acquired(self, view: CollectionView, slots: Sequence[_Slot], free: _Slot, lease: int) -> Change:
        fence = added(free.fence, 1, MAX_FENCE, "the fence of a lock")
        fence_name, owner_name = fence_field(free.number), owner_field(free.number)
        values = {fence_name: parse_value("String", str(fence)), owner_name: parse_value("String", self.owner)}
        blobs = written(view, values)
        # A lease of this owner that is over elsewhere could be renewed by a clock that is behind: then it would hold two slots.
        stale = [owner_field(slot.number) for slot in slots if slot.owner == self.owner and slot is not free]
        kept = {name: oid for name, oid in view.stored.items() if name not in stale}
        return changed(
            view,
            Answer(applied=True, owner=self.owner, fence=fence, slot=free.number, expires_at=lease),
            {**kept, **{name: blob.oid for name, blob in blobs.items()}},
            shape=Shape.of(values[owner_name]),
            updates=(
                *expiry_updates(view, (owner_name,), lease),
                *_unbound(view),
                *expiry_updates(view, (fence_name, *stale), FOREVER),
            ),
            objects=(*blobs.values(), *expiry_objects(lease)),
            proof=Witness(view.view.value_name),
        )

    def _key(self, view: CollectionView) -> Transaction:
        """Return the part of the transaction that stores the key itself, by the oid seen: there may be nothing to write."""
        if not self.store_key:
            return Transaction(())
        update = RefUpdate(view.view.key_name, view.view.expected(view.view.key_name), self.key.record.commit.oid)
        return Transaction((update,), () if update.expect == update.new else self.key.record.objects)

    def _waiting(self, view: CollectionView, moment: Moment, slots: Sequence[_Slot]) -> Answer | Wait:
        waiting, known = Waiting.of(moment, self.wait), [slot for slot in slots if slot.number in self.known]
        first = min(known, key=lambda slot: slot.until)
        if waiting.is_over(moment.now):
            lease = view.expiry(owner_field(first.number))
            ends = None if lease is None else max(ttl_of(lease, moment.now), 0)
            failure = LockHeldError(_shown(first.owner), ends, self.slots)
            return lasting(Answer(applied=False, owner=first.owner, failure=failure), lease)
        watched = Selection((view.view.value_name, *(view.expiry_name(owner_field(number)) for number in self.known)))
        return waiting.paused(moment.now, "lock", watched, endings=[first.until])


class Unlock(_OfLock):
    """Release a lock, or the slot of it, that its owner still holds.

    The fence stays, so that the next owner's is larger. If nobody holds it, nothing is changed and ``warning`` says why that may
    be. If another owner does, the answer says which, and its ``failure`` is a LockLostError. A lock with several slots is lost only
    if others hold all of them. Raises WrongTypeError for a key that holds something else.
    """

    outputs = ("applied", "owner", "fence", "slot", "version")
    examples = ('git-keyval unlock production --owner "$HOSTNAME"',)

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change:
        slots = self.state(view)
        ours = self.held(slots)
        if ours is not None:
            return self._released(view, ours)
        before = moment.memory
        if isinstance(before, _Slot) and moment.now < before.until:
            # Nobody else could take it from this owner: our own request came through, or another one of the same owner.
            return Answer(applied=True, owner=self.owner, fence=before.fence, slot=before.number)
        is_semaphore = max((self.slots, *slots_of(view.stored))) > 1
        if all(slot.held for slot in slots) and not any(number > self.slots for number in slots_of(view.stored)):
            return Answer(applied=False, owner=slots[0].owner, failure=LockLostError(_shown(slots[0].owner)))
        last = next((slot for slot in slots if slot.owner == self.owner), None)
        fence = last.fence if last else None if is_semaphore else slots[0].fence or None
        return Answer(applied=False, fence=fence, warning=_why_nobody(is_semaphore=is_semaphore, lapsed=last is not None))

    def _released(self, view: CollectionView, ours: _Slot) -> Change:
        name = owner_field(ours.number)
        others = {field: oid for field, oid in view.stored.items() if field != name}
        answer = Answer(applied=True, owner=self.owner, fence=ours.fence, slot=ours.number)
        updates = expiry_updates(view, (name,), FOREVER)
        return changed(view, answer, others, updates=updates, proof=Witness(view.view.value_name))._replace(memory=ours)


def _unbound(view: CollectionView) -> tuple[RefUpdate, ...]:
    """Take the expiry of the key away. With the key, the fence would end, and the lock before its lease."""
    return view.view.deletions(view.view.expiry_name) if view.found else ()


def _why_nobody(*, is_semaphore: bool, lapsed: bool) -> str:
    what = "The owner holds no slot of the lock" if is_semaphore else "Nobody holds the lock"
    if lapsed:
        return f"{what}: its lease ran out before it was released, and nobody took it since. Give 'lock' a longer `ttl`."
    return f"{what}: it was released before, or its lease ran out."


def _shown(owner: str) -> str:
    return owner if is_made(owner) else ""
