"""aget, aset, apush, apop, alen, arange, aexpire.

Indices count from 0, and never shift. An element that was removed, or has expired, leaves a hole, which reads as null. A negative
index counts from the end: -1 is the last one.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from git_keyval.commands.elements import OfArray
from git_keyval.commands.keyed import Extending, Keeping, Lasting, Recorded, Storing
from git_keyval.database.answers import NO_KEY, Answer
from git_keyval.database.collections import (
    AllElements,
    CollectionView,
    Elements,
    NewElement,
    changed,
    changed_lifetime,
    expiry_updates,
    put,
    shown_element,
    to_write,
)
from git_keyval.database.command import Change, Moment, Parked, Witness
from git_keyval.database.conditions import ALWAYS, Condition
from git_keyval.database.keys import TYPE_NAMES
from git_keyval.database.lifetimes import FOREVER, Lifetime, lasting
from git_keyval.errors import IndexOutOfRangeError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.elements import longer
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.objects import Oid
from git_keyval.format.times import timestamp
from git_keyval.format.values import as_json
from git_keyval.store.port import ABSENT, ANY, DELETE, RefUpdate, joined

MAX_RANGE = 100_000
"""How many elements, holes among them, a range answers with at the most: an array may be as long as its writer says."""


class _OfIndex(OfArray):
    """A command of one element. Where its place is not known before the length is, the expiries of all elements are read."""

    agreed: ClassVar[bool] = False

    index: int

    def elements_read(self) -> Sequence[str]:
        return (str(self.index),)

    def reads(self) -> Elements | AllElements:
        if self.index >= 0:
            return super().reads()
        return AllElements(keys=self.keys_used, category=self.category, command=self.name, agreed=self.agreed)

    def place(self, view: CollectionView) -> str:
        """Return the element key. Raises IndexOutOfRangeError."""
        place = self.index + view.length if self.index < 0 else self.index
        if not 0 <= place < view.length:
            raise IndexOutOfRangeError(
                f"The array has no index {self.index}: its length is {view.length}.",
                "Use an index below it, or 'apush' to add an element.",
            )
        return str(place)


class Aget(_OfIndex):
    """Read an element of an array.

    The answer has its value, type and what is left of its lifetime. A hole is not found, nor is an index beyond the end.
    """

    agreed = True
    subject = "element"
    outputs = ("found", "value", "json", "type", "version", "ttl", "expires-at")
    examples = ("git-keyval aget queue 0", "git-keyval aget queue -1")

    def values_read(self) -> Sequence[str]:
        return self.elements_read()

    def decide(self, view: CollectionView, moment: Moment) -> Answer:
        return shown_element(view, str(self.index + view.length if self.index < 0 else self.index))


class Aset(Recorded[CollectionView], Keeping, _OfIndex):
    """Write an element of an array, or fill a hole.

    An array grows by ``apush`` only. Without a lifetime the element never expires, but with the key itself. The condition is about
    the element. Raises IndexOutOfRangeError.
    """

    outputs = ("applied", "count", "version", "ttl", "expires-at")
    examples = ("git-keyval aset queue 0 'build 4'",)

    element: NewElement
    condition: Condition = ALWAYS

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change:
        place = self.place(view)
        wanted = self.condition.existence
        if (wanted and (wanted == "present") != view.holds(place)) or not view.is_at(self.condition.version):
            return Answer(applied=False, version=view.version)
        prepared = to_write(view, [self.element], [place])
        lifetime = self.lifetime(moment)
        return _put(prepared, {place: self.element}, self.name, lifetime, expiry_updates(prepared, [place], lifetime))


class Apush(Recorded[CollectionView], Lasting, Storing, OfArray):
    """Add elements at the end of an array.

    ``count`` is how long the array is then. An absent key becomes an array. All elements are added, or none. A lost reply leaves it
    open whether they were added: a rival may have added the same, or taken them already. Then OutcomeUnknownError is raised, unless
    there is an operation id: under one it is done once. Raises BoundError for an array that cannot be longer.
    """

    outputs = ("applied", "count", "version", "ttl", "expires-at")
    examples = (
        "git-keyval apush queue 'build 4' 'build 5'",
        'git-keyval apush queue --values \'["build 6", "build 7"]\' --op-id "release 7"',
        "git-keyval apush results '{\"ok\": true}' --type json --ttl 7d",
    )

    elements: Sequence[NewElement]
    if_version: Oid | None = None

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change:
        if not view.is_at(self.if_version):
            return Answer(applied=False, count=view.length, version=view.version)
        prepared = to_write(view, self.elements, ())
        lifetime = self.lifetime(moment)
        added = {str(place): element for place, element in enumerate(self.elements, view.length)}
        # Their expiries were not read: the indices were not known. Whatever there is means nothing: there are no such elements yet.
        ending = encode_expiry(lifetime).oid if isinstance(lifetime, int) else DELETE
        settling = tuple(RefUpdate(prepared.expiry_name(place), ANY, ending) for place in added)
        change = _put(prepared, added, self.name, lifetime, settling)
        return change._replace(transaction=joined(change.transaction, self.stored_key(moment)), proof="neither")


class Apop(Recorded[CollectionView], OfArray):
    """Take the last element of an array, or the first; one caller only gets it.

    The last one goes with the holes behind it. The first one leaves a hole, so that all others keep their index. The array as it
    was before is parked below gc/. ``count`` is how long the array is then; with no element left it is empty, and stays.
    """

    subject = "element"
    outputs = ("found", "value", "json", "type", "version", "ttl", "expires-at", "applied", "count")
    examples = ("git-keyval apop queue", "git-keyval apop queue --from first")

    from_: str = "last"
    if_version: Oid | None = None

    def reads(self) -> AllElements:
        return AllElements(keys=self.keys_used, category=self.category, command=self.name, without=True)

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change:
        takes_first = self.from_ == "first"
        ordered = sorted(view.stored, key=int, reverse=not takes_first)
        place = view.first_live(ordered)
        if place is None or not view.is_at(self.if_version):
            return Answer(found=place is not None, applied=False, count=view.length, ttl=NO_KEY, version=view.version)
        # What has expired on the way to it goes, too.
        gone = frozenset(ordered[: ordered.index(place) + 1])
        length = view.length if takes_first else int(place)
        return self._popped(view, moment, place, gone, length)

    def _popped(self, view: CollectionView, moment: Moment, place: str, gone: Collection[str], length: int) -> Change:
        value = view.values([place])[place]
        answer = Answer(found=True, applied=True, value=value, type=TYPE_NAMES[value.type], count=length)
        # If the reply is lost, the branch of that name shows that the write came through.
        parked = moment.naming.parked(self.key.id, timestamp(moment.now))
        left = {element: oid for element, oid in view.stored.items() if element not in gone}
        assert view.version is not None
        park = RefUpdate(parked, ABSENT, view.version)
        change = changed(
            view,
            lasting(answer, view.expiry(place)),
            left,
            length=length,
            updates=(*expiry_updates(view, sorted(gone, key=int), FOREVER), park),
            proof=Witness(parked),
        )
        return change._replace(takes=value, parked=[Parked(parked)])


class Alen(OfArray):
    """Tell how long an array is.

    Holes count: it is one more than its last index.
    """

    outputs = ("found", "count", "version")
    examples = ("git-keyval alen queue",)

    def decide(self, view: CollectionView, moment: Moment) -> Answer:
        return Answer(found=view.found, count=view.length, version=view.version)


class Arange(OfArray):
    """Read the elements of an array, or some of them.

    They are those from one index to another, both included, as a JSON list, in which holes are null.
    """

    outputs = ("found", "json", "count", "version")
    examples = ("git-keyval arange queue", "git-keyval arange results -10 -1 --json")

    start: int = 0
    stop: int = -1

    def reads(self) -> AllElements:
        return AllElements(keys=self.keys_used, category=self.category, command=self.name, agreed=True)

    def decide(self, view: CollectionView, moment: Moment) -> Answer:
        first, last = (index + view.length if index < 0 else index for index in (self.start, self.stop))
        wanted = range(max(0, first), min(last, view.length - 1) + 1)
        if len(wanted) > MAX_RANGE:
            raise IndexOutOfRangeError(f"The range has {len(wanted)} elements, more than {MAX_RANGE}.", "Read it in parts.")
        live = view.live()
        values = view.values(str(index) for index in wanted if str(index) in live)
        document: list[JsonValue] = [as_json(values[str(index)]) if str(index) in values else None for index in wanted]
        return Answer(found=view.found, count=len(document), document=document, version=view.version)


class Aexpire(Recorded[CollectionView], Extending, _OfIndex):
    """Give an element of an array a new time to expire.

    ``applied`` is false if there is a hole, or the condition on its expiry is not met.
    """

    outputs = ("found", "applied", "count", "version", "ttl", "expires-at")
    examples = ("git-keyval aexpire queue 0 --ttl 1d",)

    if_version: Oid | None = None

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change:
        return changed_lifetime(view, [self.place(view)], self.lifetime(moment), self.if_version, self.only_if)


def _put(
    view: CollectionView,
    elements: Mapping[str, NewElement],
    command: str,
    lifetime: int | Lifetime,
    settling: tuple[RefUpdate, ...],
) -> Change:
    """Put values at their places, in the array or just behind its end; ``settling`` are the updates of their expiries."""
    length = longer(view.length, sum(int(place) >= view.length for place in elements))
    return put(view, command, elements, Answer(applied=True, count=length), lifetime, length=length, settling=settling)
