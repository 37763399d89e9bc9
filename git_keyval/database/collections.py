"""Maps and arrays: reading one with the expiries of its elements, and changing it by compare-and-set."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from git_keyval.database.answers import NO_KEY, Result
from git_keyval.database.ciphers import Cipher
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.keys import TYPE_NAMES, Key, KeyView, read_view
from git_keyval.database.lifetimes import Lifetime, expiry_objects, ref_update, ttl_of
from git_keyval.errors import (
    ContentionError,
    InputError,
    MalformedRecordError,
    OutcomeUnknownError,
    UnavailableError,
    WrongTypeError,
)
from git_keyval.format.elements import Collection, CollectionCategory, element_id, encode_collection
from git_keyval.format.expiry import is_expired
from git_keyval.format.names import KeyId, Naming, RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import Micros
from git_keyval.format.values import Value, ValueType
from git_keyval.store.port import Applied, Depth, RefUpdate, Selection, Transaction

Draft: TypeAlias = Callable[[ValueType | None], Value]
"""A value to be written, whose type may follow that of the collection it goes to; None asks for its own type.

Raises InputError where it cannot be of that type; one whose type was given is of that type whatever is asked for.
"""


_BY_NAME = 50
"""Of how many elements the expiries are read by name: GitHub tells them in one request, and those below a prefix in three."""


@dataclass(frozen=True, slots=True)
class CollectionView:
    """A map or an array at one read; ``collection`` is None if the key does not exist.

    Its element keys are as people know them. ``encrypted`` has what stands for them in the tree, where that is something else.
    ``ended`` are the deletions of the expiries of elements that have expired and are no longer among ``stored``: whoever writes the
    map or the array without them has to make them.
    """

    view: KeyView
    naming: Naming
    now: Micros
    category: CollectionCategory
    collection: Collection | None
    encrypted: Mapping[str, str] = field(default_factory=dict)
    ended: tuple[RefUpdate, ...] = ()

    @property
    def found(self) -> bool:
        """Tell whether the key exists."""
        return self.collection is not None

    @property
    def version(self) -> Oid | None:
        """Give the oid of the commit; None if the key does not exist."""
        return self.view.version if self.found else None

    @property
    def stored(self) -> Mapping[str, Oid]:
        """Give the blobs of the elements by element key, expired ones among them."""
        return {} if self.collection is None else self.collection.elements

    @property
    def length(self) -> int:
        """Give the length of an array; 0 if there is none."""
        return 0 if self.collection is None else self.collection.length

    def name(self, element: str) -> str:
        """Give the element key as it is stored. Raises InputError for one that cannot be."""
        return self.encrypted.get(element) or stored_name(self.view.cipher, self.view.key_id, self.category, element)

    def expiry_name(self, element: str) -> RefName:
        """Name the expiry ref of an element."""
        return self.naming.element_expiry(self.view.key_id, element_id(self.name(element)))

    def expiry(self, element: str) -> int | None:
        """Give the expiry id of an element that was read with it; None if it never expires. Raises MalformedRecordError."""
        return self.view.expiry_at(self.expiry_name(element))

    def holds(self, element: str) -> bool:
        """Tell whether there is such an element, and it has not expired. Raises MalformedRecordError."""
        return element in self.stored and not self._expired(self.expiry_name(element))

    def live(self) -> dict[str, Oid]:
        """Give the blobs of the elements that have not expired, where all expiries were read. Raises MalformedRecordError."""
        expired = self.expired_names()
        return {element: oid for element, oid in self.stored.items() if not expired or self.expiry_name(element) not in expired}

    def expired_names(self) -> set[RefName]:
        """Give the expiry refs of elements that have passed, whether or not there still are such elements."""
        prefix = self.naming.element_expiries(self.view.key_id)
        return {name for name in self.view.seen.refs if name.startswith(prefix) and self._expired(name)}

    def _expired(self, name: RefName) -> bool:
        expiry = self.view.expiry_at(name)
        return expiry is not None and is_expired(expiry, self.now)


def read_elements(
    database: Database,
    key: Key,
    category: CollectionCategory,
    command: str,
    *elements: str,
) -> CollectionView:
    """Read a map or an array without its blobs, and the expiries of these elements with it.

    The expiries are read before the value and once more with it, as those of keys are. Raises WrongTypeError for a key that holds
    something else.
    """
    stored = [stored_name(database.cipher, key.id, category, element) for element in dict.fromkeys(elements)]
    names = tuple(database.naming.element_expiry(key.id, element_id(name)) for name in stored)
    view = read_view(database, key, Depth.TREES, exact=False, expiries=Selection(names))
    return _opened(database, view, category, command)


def read_all(database: Database, key: Key, category: CollectionCategory, command: str, *, exact: bool = True) -> CollectionView:
    """Read a map or an array without its blobs, and the expiries of all its elements before it.

    An element that has expired may have been written anew before the value was read. So where there is one, two reads must agree;
    not ``exact`` is enough for those whose write compares what they have read. Raises WrongTypeError.
    """
    expiries = Selection(prefixes=(database.naming.element_expiries(key.id),))

    def read() -> CollectionView:
        return _opened(database, read_view(database, key, Depth.TREES, exact=False, expiries=expiries), category, command)

    found = read()
    for _ in range(database.max_attempts):
        if not exact or not found.expired_names():
            break
        newer = read()
        agreed = (found.version, found.expired_names()) == (newer.version, newer.expired_names())
        found = newer
        if agreed:
            break
    return found


def read_to_write(
    database: Database, key: Key, category: CollectionCategory, command: str, drafts: Iterable[Draft], *elements: str
) -> CollectionView:
    """Read as read_elements, for a write of these values, whose type the elements that are there may decide on.

    What has expired decides nothing. So where the type matters, and no element named here is alive, the expiries of all elements
    are read, too: if none is alive, the view holds none.
    """
    view = read_elements(database, key, category, command, *elements)
    if view.collection is None or {Shape.of(draft(None)) for draft in drafts} == {Shape.of(view.collection)}:
        return view
    if not view.stored or any(map(view.holds, elements)):
        return view
    names = tuple(map(view.expiry_name, view.stored)) if len(view.stored) <= _BY_NAME else ()
    wanted = Selection(names) if names else Selection(prefixes=(database.naming.element_expiries(key.id),))
    expiries = database.read(wanted, depth=Depth.MESSAGES)
    return without_expired(replace(view, view=replace(view.view, seen=view.view.seen.followed_by(expiries, frozenset()))))


def without_expired(view: CollectionView) -> CollectionView:
    """Return the view without elements where none of them is alive, and all expiries were read; else as it is."""
    if view.collection is None or view.live():
        return view
    ended = view.view.deletions(*sorted(view.expired_names()))
    return replace(view, collection=replace(view.collection, elements={}), ended=ended)


def read_values(database: Database, view: CollectionView, elements: Iterable[str]) -> dict[str, Value]:
    """Fetch the values of elements that the view holds, in one request at most. Raises MalformedRecordError for a malformed one."""
    oids = {element: view.stored[element] for element in elements}
    # Before protocol version 2 git sends them with their map or array, and may not give them later.
    blobs = dict(view.view.seen.objects)
    if lacking := set(oids.values()) - blobs.keys():
        blobs |= database.store.objects(lacking, Depth.VALUES)
    if lacking - blobs.keys():
        _refuse_moved(database, view)
    values: dict[str, Value] = {}
    for element, oid in oids.items():
        if oid not in blobs:
            raise MalformedRecordError(view.view.value_name, f"the blob of an element ({oid}) is missing")
        assert view.collection is not None
        values[element] = database.cipher.read_element(view.view.key_id, view.collection, view.name(element), blobs[oid])
    return values


def _refuse_moved(database: Database, view: CollectionView) -> None:
    """Raise UnavailableError if the map or array is another one by now, so that what was read of it need not be there any more."""
    name = view.view.value_name
    if database.store.read(Selection((name,)), depth=Depth.OIDS).refs.get(name) != view.version:
        raise UnavailableError("The key was written while it was read, and what was read is gone.", "Run the step again.")


def read_one(database: Database, view: CollectionView, element: str) -> Result:
    """Answer with one element that was read with its expiry: its value, type and what is left of its lifetime."""
    if not view.holds(element):
        return Result(found=False, ttl=NO_KEY, version=view.version)
    value = read_values(database, view, [element])[element]
    expiry = view.expiry(element)
    return Result(
        found=True,
        value=value,
        type=TYPE_NAMES[value.type],
        version=view.version,
        ttl=ttl_of(expiry, view.now),
        expires_at=expiry,
    )


class Shape(NamedTuple):
    """What all elements of a map or an array share."""

    type: ValueType
    mime: str
    extension: str

    @classmethod
    def of(cls, one: Value | Collection) -> "Shape":
        """Give that of a value or of a collection."""
        return cls(one.type, one.mime, one.extension)


def typed(view: CollectionView, command: str, drafts: Mapping[str, Draft]) -> dict[str, Value]:
    """Give the values of one type: that of the elements that are there, else the one that all drafts have, else JSON.

    Raises WrongTypeError where the elements are of another type, and InputError.
    """
    if view.stored:
        assert view.collection is not None
        shape = Shape.of(view.collection)
        values = {element: draft(shape.type) for element, draft in drafts.items()}
        if any(Shape.of(value) != shape for value in values.values()):
            held = f"{view.category} of {TYPE_NAMES[shape.type]}{f' ({shape.mime})' if shape.type == 'Blob' else ''}"
            raise WrongTypeError(command, held, f"{view.category} elements of the type given")
        return values
    values = {element: draft(None) for element, draft in drafts.items()}
    if len({Shape.of(value) for value in values.values()}) > 1:
        return {element: draft("JSON") for element, draft in drafts.items()}
    return values


@dataclass(frozen=True, slots=True)
class Change:
    """What a command makes of a map or an array, and what it then answers.

    ``elements`` are all that there shall be, ``objects`` what is new among their blobs; ``updates`` are those beside the value's
    own, with the objects that they need. ``witness`` and ``idempotent`` are as Database.write takes them.
    """

    answer: Result
    elements: Mapping[str, Oid]
    shape: Shape | None = None
    length: int = 0
    updates: tuple[RefUpdate, ...] = ()
    objects: tuple[GitObject, ...] = ()
    witness: RefName | None = None
    idempotent: bool = True


def stored_name(cipher: Cipher, key_id: KeyId, category: CollectionCategory, element: str) -> str:
    """Give an element key as it is stored. Raises InputError for one that cannot be."""
    try:
        return cipher.element_name(key_id, category, element)
    except ValueError as exc:
        raise InputError("field", str(exc), "a shorter name") from exc


def written(view: CollectionView, values: Mapping[str, Value]) -> dict[str, GitObject]:
    """Make the blobs of values to be written, by element key."""
    key = view.view
    return {element: key.cipher.element(key.key_id, view.category, view.name(element), value) for element, value in values.items()}


def settled(view: CollectionView, elements: Iterable[str], lifetime: int | Lifetime) -> tuple[RefUpdate, ...]:
    """Give the updates of the expiries of elements that are written or removed, by the oids seen: none is left as it may be."""
    return tuple(
        update
        for element in elements
        for update in ref_update(view.view.seen, view.expiry_name(element), lifetime, alive=view.holds(element))
    )


def change(database: Database, read: Callable[[], CollectionView], decide: Callable[[CollectionView], Change | Result]) -> Result:
    """Read, decide, and write by compare-and-set, until no rival is faster; a Result of ``decide`` ends it without a write.

    The answer gets the version written. Raises ContentionError when the attempts are used up.
    """
    for attempt in range(database.max_attempts):
        view = read()
        decided = decide(view)
        if isinstance(decided, Result):
            return decided
        transaction, version = _transaction(view, decided)
        answer = replace(decided.answer, version=version)
        if all(update.expect == update.new for update in transaction.updates):
            return answer  # all is as it shall be
        try:
            end = database.write(transaction, view.view.seen, decided.witness, idempotent=decided.idempotent)
        except OutcomeUnknownError as exc:
            raise OutcomeUnknownError(exc.cause, answer.parked) from exc
        if isinstance(end, Applied):
            return answer
        database.pause(attempt)
    raise ContentionError(database.max_attempts)


def changed_lifetime(
    view: CollectionView, elements: Iterable[str], lifetime: int | Lifetime, condition: Condition
) -> Change | Result:
    """Decide on a new expiry of elements, or with FOREVER on none; ``count`` tells how many exist and, with FOREVER, had one."""
    elements = list(dict.fromkeys(elements))
    expiry = lifetime if isinstance(lifetime, int) else None
    found = all(map(view.holds, elements))
    there = [element for element in elements if view.holds(element) and (expiry or view.expiry(element))]
    if not there or not version_met(condition, view):
        return Result(found=found, applied=False, count=0, version=view.version)
    # The map is asserted: an expiry must not come to belong to another element, nor outlive its own.
    return Change(
        Result(found=found, applied=True, count=len(there), ttl=ttl_of(expiry, view.now), expires_at=expiry),
        elements=view.stored,
        length=view.length,
        updates=settled(view, there, lifetime),
        objects=expiry_objects(lifetime),
    )


def version_met(condition: Condition, view: CollectionView) -> bool:
    """Tell whether a map or an array is of the version that is asked for, if one is."""
    return condition.version is None or view.version == condition.version


def _transaction(view: CollectionView, decided: Change) -> tuple[Transaction, Oid]:
    shape = decided.shape or (Shape.of(view.collection) if view.collection else None)
    assert shape is not None
    key = view.view
    # What is not written stays as it is, and with it the name of the key that encrypted it.
    encryption = view.collection.encryption if view.collection and decided.shape is None else key.cipher.encryption
    elements = {view.name(element): oid for element, oid in decided.elements.items()} if encryption else decided.elements
    record = encode_collection(Collection(view.category, *shape, elements, decided.length, encryption))
    # The value moves first: a reader that comes in between may find a new element with the old expiry, never the reverse.
    updates = (
        RefUpdate(key.value_name, key.expected(key.value_name), record.commit.oid),
        *(() if view.found else key.deletions(key.expiry_name)),
        *decided.updates,
    )
    updates += tuple(ending for ending in view.ended if ending.name not in {update.name for update in updates})
    objects = record.objects if record.commit.oid != key.version else ()
    return Transaction(updates, (*decided.objects, *objects)), record.commit.oid


def _opened(database: Database, view: KeyView, category: CollectionCategory, command: str) -> CollectionView:
    now = database.now()
    found = view.collection(category, command, now)
    if found is None or found.encryption is None or category == "array":
        return CollectionView(view, database.naming, now, category, found)
    names = {database.cipher.read_element_name(view.key_id, category, name): name for name in found.elements}
    shown = replace(found, elements={element: found.elements[name] for element, name in names.items()})
    return CollectionView(view, database.naming, now, category, shown, names)
