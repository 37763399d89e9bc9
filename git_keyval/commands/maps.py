"""hget, hset, hincr, hdel, hgetall, hkeys, hlen, hexpire, httl, hpersist."""

from collections.abc import Mapping, Sequence

from git_keyval.commands.elements import OfMap
from git_keyval.commands.keyed import Extending, Keeping, Recorded, Storing
from git_keyval.database.answers import NO_KEY, Answer
from git_keyval.database.collections import (
    AllElements,
    CollectionView,
    NewElement,
    Shape,
    changed,
    changed_lifetime,
    expiry_updates,
    put,
    shown_element,
    to_write,
)
from git_keyval.database.command import Change, Moment, Proof
from git_keyval.database.conditions import ALWAYS, Condition
from git_keyval.database.keys import TYPE_NAMES
from git_keyval.database.lifetimes import FOREVER, lasting
from git_keyval.errors import FieldOverflowError, WrongTypeError
from git_keyval.format.canonical import MAX_SAFE_INTEGER
from git_keyval.format.objects import Oid, blob
from git_keyval.format.values import as_integer, as_json, from_json, parse_value
from git_keyval.store.port import joined

_RECOGNISED = range(-100, 10_000)
"""The numbers that are recognised by the oids of their blobs, which so need not be read."""


class _OfFields(Recorded[CollectionView], OfMap):
    """A command that changes fields which are there."""

    fields: Sequence[str]
    if_version: Oid | None = None

    def elements_read(self) -> Sequence[str]:
        return self.fields


class _Writing(Recorded[CollectionView], Keeping, Storing, OfMap):
    """A command that writes fields, with a lifetime, and the key itself if it is asked to."""

    def writing(
        self, view: CollectionView, entries: Mapping[str, NewElement], answer: Answer, moment: Moment, proof: Proof = "refs"
    ) -> Change:
        """Return the change that writes them."""
        lifetime = self.lifetime(moment)
        change = put(view, self.name, entries, answer, lifetime, settling=expiry_updates(view, entries, lifetime), proof=proof)
        return change._replace(transaction=joined(change.transaction, self.stored_key(moment)))


class _OfWhole(OfMap):
    """A command that reads the whole map."""

    def reads(self) -> AllElements:
        return AllElements(keys=self.keys_used, category=self.category, command=self.name, agreed=True)


class Hget(OfMap):
    """Read a field of a map, or several.

    Of one field the answer has its value, type and what is left of its lifetime; several are a JSON object of those that exist.
    """

    outputs = ("found", "value", "json", "type", "version", "ttl", "expires-at", "count")
    examples = ("git-keyval hget rollout percent", "git-keyval hget rollout region --default eu")

    needs = (("field", "field-env", "fields"),)
    subject = "field"

    field: str = ""
    fields: Sequence[str] = ()

    def elements_read(self) -> Sequence[str]:
        return self.fields or [self.field]

    def values_read(self) -> Sequence[str]:
        return self.elements_read()

    def decide(self, view: CollectionView, moment: Moment) -> Answer:
        if not self.fields:
            return shown_element(view, self.field)
        document = {name: as_json(value) for name, value in view.values(filter(view.holds, self.fields)).items()}
        return Answer(found=len(document) == len(set(self.fields)), count=len(document), document=document, version=view.version)


class Hset(_Writing):
    """Write fields of a map, and leave the others as they are.

    All are written or none. What is not given a lifetime never expires, but with the key itself. The condition is about the fields:
    that none of them exists, or that all do; a version is that of the map. One that is not met is no error. ``count`` is how many
    fields were written.
    """

    outputs = ("applied", "count", "version", "ttl", "expires-at")
    examples = (
        "git-keyval hset rollout percent 20 stage canary",
        'git-keyval hset rollout --values \'{"region": "eu", "owner": "ada"}\'',
        "git-keyval hset rollout paused yes --ttl 1h --if absent",
    )

    entries: Mapping[str, NewElement]
    condition: Condition = ALWAYS

    def elements_read(self) -> Sequence[str]:
        return list(self.entries)

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change:
        if not self._is_met(view):
            return Answer(applied=False, count=0, version=view.version)
        prepared = to_write(view, self.entries.values(), self.entries)
        return self.writing(prepared, self.entries, Answer(applied=True, count=len(self.entries)), moment)

    def _is_met(self, view: CollectionView) -> bool:
        there = [view.holds(name) for name in self.entries]
        wanted = self.condition.existence
        if (wanted == "absent" and any(there)) or (wanted == "present" and not all(there)):
            return False
        return view.is_at(self.condition.version)


class Hincr(_Writing):
    """Add to a number that is a field of a map.

    A field that does not exist begins at 0; ``start`` is its first number instead. The map holds numbers, or JSON with a number in
    that field; only whole numbers are added to. Under one operation id it counts once however often the command is run. Without
    one a lost reply leaves it open whether it has counted, because a rival may have made the same map, or undone it. Then
    OutcomeUnknownError is raised. What is not given a lifetime never expires, but with the key itself. Raises WrongTypeError and
    FieldOverflowError.
    """

    outputs = ("applied", "value", "json", "version", "ttl", "expires-at")
    examples = ("git-keyval hincr downloads linux", "git-keyval hincr downloads linux --by 5 --op-id 'a run'")

    subject = "field"

    field: str
    by: int = 1
    start: int | None = None

    def elements_read(self) -> Sequence[str]:
        return (self.field,)

    def values_read(self) -> Sequence[str]:
        return (self.field,)

    def decide(self, view: CollectionView, moment: Moment) -> Change:
        prepared = to_write(view, [_as_element(0)], [self.field])
        shape = Shape.of(prepared.collection) if prepared.collection is not None and prepared.stored else None
        if shape is not None and shape.type not in {"Number", "JSON"}:
            raise WrongTypeError(self.name, f"map of {TYPE_NAMES[shape.type]}", "a map of numbers")
        number = self._next(prepared)
        answer = Answer(applied=True, value=number)
        return self.writing(prepared, {self.field: _as_element(number)}, answer, moment, proof="neither")

    def _next(self, view: CollectionView) -> int:
        held = self._held(view) if view.holds(self.field) else None
        number = (held or 0) + self.by if held is not None or self.start is None else self.start
        if not -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER:
            raise FieldOverflowError
        return number

    def _held(self, view: CollectionView) -> int:
        """Return the whole number that the field holds. Raises UnreadError for a blob that has to be read, and WrongTypeError."""
        oid = view.stored[self.field]
        assert view.collection is not None
        if view.collection.encryption is None and oid not in view.seen.objects:
            recognised = next((number for number in _RECOGNISED if blob(str(number).encode()).oid == oid), None)
            if recognised is not None:
                return recognised
        value = view.values([self.field])[self.field]
        number = as_integer(from_json(as_json(value)))
        if number is None:
            raise WrongTypeError(self.name, TYPE_NAMES[value.type], "a field with a whole number")
        return number


def _as_element(number: int) -> NewElement:
    """Return a number as an element, which in a map of JSON is JSON."""
    return lambda kind: parse_value("JSON" if kind == "JSON" else "Number", str(number))


class Hdel(_OfFields):
    """Remove fields of a map.

    ``count`` is how many of them existed. The map stays, also with no field left.
    """

    outputs = ("applied", "count", "version")
    examples = ("git-keyval hdel rollout region owner",)

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change:
        stored = {name for name in self.fields if name in view.stored}
        count = sum(map(view.holds, stored))
        if not count or not view.is_at(self.if_version):
            return Answer(applied=False, count=0, version=view.version)
        left = {name: oid for name, oid in view.stored.items() if name not in stored}
        ordered = [name for name in dict.fromkeys(self.fields) if name in stored]
        return changed(view, Answer(applied=True, count=count), left, updates=expiry_updates(view, ordered, FOREVER))


class Hgetall(_OfWhole):
    """Read all fields of a map.

    The answer is a JSON object; ``found`` says whether the key exists.
    """

    outputs = ("found", "json", "count", "version", "ttl", "expires-at")
    examples = ("git-keyval hgetall rollout --json | jq .json.percent",)

    def decide(self, view: CollectionView, moment: Moment) -> Answer:
        if not view.found:
            return Answer(found=False, ttl=NO_KEY)
        values = view.values(view.live())
        document = {name: as_json(values[name]) for name in sorted(values)}
        return lasting(Answer(found=True, count=len(values), document=document, version=view.version), view.view.expiry())


class Hkeys(_OfWhole):
    """List the fields of a map.

    The answer is a sorted JSON list.
    """

    outputs = ("found", "json", "count", "version")
    examples = ("git-keyval hkeys rollout",)

    def decide(self, view: CollectionView, moment: Moment) -> Answer:
        names = sorted(view.live())
        return Answer(found=view.found, count=len(names), document=[*names], version=view.version)


class Hlen(_OfWhole):
    """Count the fields of a map."""

    outputs = ("found", "count", "version")
    examples = ("git-keyval hlen rollout",)

    def decide(self, view: CollectionView, moment: Moment) -> Answer:
        return Answer(found=view.found, count=len(view.live()), version=view.version)


class Hexpire(Extending, _OfFields):
    """Give fields of a map a new time to expire.

    The condition is about the expiry of each; ``count`` is how many of them exist, meet it and have the new one now.
    """

    outputs = ("found", "applied", "count", "version", "ttl", "expires-at")
    examples = ("git-keyval hexpire rollout percent owner --ttl 30d", "git-keyval hexpire rollout percent --ttl 60d --if longer")

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change:
        return changed_lifetime(view, self.fields, self.lifetime(moment), self.if_version, self.only_if)


class Httl(OfMap):
    """Tell how long a field of a map has left.

    The answer's ``ttl`` is in seconds: -1 if the field never expires, -2 if it does not exist.
    """

    outputs = ("found", "version", "ttl", "expires-at")
    examples = ("git-keyval httl rollout percent",)

    subject = "field"

    field: str

    def elements_read(self) -> Sequence[str]:
        return (self.field,)

    def decide(self, view: CollectionView, moment: Moment) -> Answer:
        if not view.holds(self.field):
            return Answer(found=False, ttl=NO_KEY, version=view.version)
        return lasting(Answer(found=True, version=view.version), view.expiry(self.field))


class Hpersist(_OfFields):
    """Take the expiry of fields of a map away.

    ``count`` is how many of them had one.
    """

    outputs = ("found", "applied", "count", "version")
    examples = ("git-keyval hpersist rollout percent",)

    def decide(self, view: CollectionView, moment: Moment) -> Answer | Change:
        return changed_lifetime(view, self.fields, FOREVER, self.if_version)
