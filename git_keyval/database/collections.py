"""Maps and arrays at one read, with the expiries of their elements, and the change that a decision makes of one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Collection as Some
from typing import NamedTuple, TypeAlias

from git_keyval.database.answers import NO_KEY, Answer
from git_keyval.database.ciphers import Cipher
from git_keyval.database.command import Change, Proof, UnreadError
from git_keyval.database.database import Database
from git_keyval.database.keys import TYPE_NAMES, KeyView
from git_keyval.database.lifetimes import KEEP, Lifetime, expiry_objects, lasting, may_last, ref_update
from git_keyval.database.reading import KeyReads, MoreBlobs, MoreExpiries, MoreRefs
from git_keyval.errors import InputError, MalformedRecordError, WrongTypeError
from git_keyval.format.elements import Collection, CollectionCategory, element_id, element_path, encode_collection
from git_keyval.format.expiry import is_expired
from git_keyval.format.names import KeyId, Naming, RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.records import Record
from git_keyval.format.times import Micros
from git_keyval.format.values import Value, ValueType
from git_keyval.light_dataclasses import dataclass, field, replace
from git_keyval.store.port import Depth, RefUpdate, Selection, Snapshot, Transaction

NewElement: TypeAlias = Callable[[ValueType | None], Value]
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
    map or the array without them has to make them. ``has_expiries`` says that the expiries of all elements were read; if they
    have to be ``agreed``, two reads must agree where one of them has passed. Where it is false, ``timed`` are the refs of those
    that a decision asked for. ``asked`` are blobs that the repository was asked for.
    """

    view: KeyView
    naming: Naming
    category: CollectionCategory
    collection: Collection | None
    encrypted: Mapping[str, str] = field(default_factory=dict)
    ended: tuple[RefUpdate, ...] = ()
    has_expiries: bool = False
    agreed: bool = False
    timed: frozenset[RefName] = frozenset()
    asked: frozenset[Oid] = frozenset()

    @property
    def seen(self) -> Snapshot:
        """The refs and objects that were read."""
        return self.view.seen

    def at(self, now: Micros) -> "CollectionView":
        """Return the same, looked at now."""
        view = self.view.at(now)
        return replace(self, view=view, collection=self.collection if view.alive() else None)

    def may_be_torn(self) -> bool:
        """Return whether the key is, or an element may have been written anew after its expiry was read."""
        return self.view.may_be_torn() or self._is_unsure()

    def confirmed_by(self, newer: "CollectionView") -> bool:
        """Return whether a later read shows that it was not."""
        if self.view.may_be_torn() and not self.view.confirmed_by(newer.view):
            return False
        agree = (self.version, self.expired_names()) == (newer.version, newer.expired_names())
        return agree or not self._is_unsure()

    def extended(self, more: object, found: Snapshot) -> "CollectionView":
        """Return it with blobs, or with the expiries of some elements or all, that a decision asked for."""
        view = self.view.extended(more, found)
        if isinstance(more, MoreExpiries):
            return replace(self, view=view, timed=self.timed | {*more.names})
        if isinstance(more, MoreBlobs):
            return replace(self, view=view, asked=self.asked | more.oids)
        return replace(self, view=view, has_expiries=True)

    @property
    def found(self) -> bool:
        """Return whether the key exists."""
        return self.collection is not None

    @property
    def version(self) -> Oid | None:
        """Return the oid of the commit; None if the key does not exist."""
        return self.view.version if self.found else None

    def is_at(self, version: Oid | None) -> bool:
        """Return whether the map or array is of this version; None asks for none."""
        return version in {None, self.version}

    @property
    def stored(self) -> Mapping[str, Oid]:
        """Return the blobs of the elements by element key, expired ones among them."""
        return {} if self.collection is None else self.collection.elements

    @property
    def length(self) -> int:
        """Return the length of an array; 0 if there is none."""
        return 0 if self.collection is None else self.collection.length

    def name(self, element: str) -> str:
        """Return the element key as it is stored. Raises InputError for one that cannot be."""
        return self.encrypted.get(element) or stored_name(self.view.cipher, self.view.key_id, self.category, element)

    def expiry_name(self, element: str) -> RefName:
        """Return the name of the expiry ref of an element."""
        return self.naming.element_expiry(self.view.key_id, element_id(self.name(element)))

    def expiry(self, element: str) -> int | None:
        """Return the expiry id of an element that was read with it; None if it never expires. Raises MalformedRecordError."""
        return self.view.expiry_at(self.expiry_name(element))

    def holds(self, element: str) -> bool:
        """Return whether there is such an element, and it has not expired. Raises MalformedRecordError."""
        return element in self.stored and not self._expired(self.expiry_name(element))

    def live(self) -> dict[str, Oid]:
        """Return the blobs of the elements that have not expired, where all expiries were read. Raises MalformedRecordError."""
        expired = self.expired_names()
        return {element: oid for element, oid in self.stored.items() if not expired or self.expiry_name(element) not in expired}

    def expired_names(self) -> set[RefName]:
        """Return the expiry refs of elements that have passed, whether or not there still are such elements."""
        prefix = self.naming.element_expiries(self.view.key_id)
        return {name for name in self.view.seen.refs if name.startswith(prefix) and self._expired(name)}

    def first_live(self, elements: Sequence[str]) -> str | None:
        """Return the first of these elements that has not expired. Raises UnreadError for expiries that have to be read for that.

        A few are read by name, and with them the value of the first one; all, only if none of these is alive.
        """
        few = elements[:_BY_NAME]
        names = () if self.has_expiries else tuple(map(self.expiry_name, few))
        if not self.timed.issuperset(names):
            raise UnreadError(MoreExpiries(names, self.view.value_name, element_path(self.name(elements[0]))))
        found = next(filter(self.holds, few), None)
        if found is None and len(few) < len(elements) and not self.has_expiries:
            raise UnreadError(MoreRefs(Selection(prefixes=(self.naming.element_expiries(self.view.key_id),)), Depth.MESSAGES))
        return found or next(filter(self.holds, elements[len(few) :]), None)

    def values(self, elements: Iterable[str]) -> dict[str, Value]:
        """Return the values of elements that it holds. Raises UnreadError without their blobs, and MalformedRecordError."""
        oids = {element: self.stored[element] for element in elements}
        lacking = frozenset(oids.values()) - self.seen.objects.keys()
        if lacking - self.asked:
            raise UnreadError(MoreBlobs(lacking, {self.view.value_name: self.version}))
        return {element: self._value(element, oid) for element, oid in oids.items()}

    def _value(self, element: str, oid: Oid) -> Value:
        assert self.collection is not None
        if oid not in self.seen.objects:
            raise MalformedRecordError(self.view.value_name, f"the blob of an element ({oid}) is missing")
        cipher, name = self.view.cipher, self.name(element)
        return cipher.read_element(self.view.key_id, self.collection, name, self.seen.objects[oid])

    def _is_unsure(self) -> bool:
        return self.agreed and bool(self.expired_names())

    def _expired(self, name: RefName) -> bool:
        expiry = self.view.expiry_at(name)
        return expiry is not None and is_expired(expiry, self.view.now)


class _OneCollection(KeyReads[CollectionView]):
    """Reads of a map or an array without its blobs. A key that holds something else is the wrong type for the ``command``."""

    depth = Depth.TREES

    category: CollectionCategory
    command: str

    def view(self, keys: Sequence[KeyView], database: Database) -> CollectionView:
        """Return the view of the map or array. Raises WrongTypeError."""
        (view,) = keys
        found = view.collection(self.category, self.command)
        if found is None or found.encryption is None or self.category == "array":
            return CollectionView(view, database.naming, self.category, found)
        names = {view.cipher.read_element_name(view.key_id, self.category, name): name for name in found.elements}
        shown = replace(found, elements={element: found.elements[name] for element, name in names.items()})
        return CollectionView(view, database.naming, self.category, shown, names)


class Elements(_OneCollection):
    """Reads with the expiries of these elements: before the value and once more with it, as those of keys are.

    ``values`` are the elements whose values will most likely be needed, too.
    """

    elements: Sequence[str] = ()
    values: Sequence[str] = ()

    def of_elements(self, database: Database) -> Selection:
        """Return the refs of their expiries, and the files of the values."""
        (key,) = self.keys
        refs = (database.naming.element_expiry(key.id, element_id(name)) for name in self._stored(self.elements, database))
        files = ((database.naming.value(key.id), element_path(name)) for name in self._stored(self.values, database))
        return Selection(tuple(refs), files=tuple(files))

    def _stored(self, names: Iterable[str], database: Database) -> list[str]:
        (key,) = self.keys
        return [stored_name(database.cipher, key.id, self.category, name) for name in dict.fromkeys(names)]


class AllElements(_OneCollection):
    """Reads with the expiries of all elements before the value.

    An element that has expired may have been written anew before the value was read. So with ``agreed`` two reads must agree where
    there is one; what compares what it has read in its write does not need it. If the decision asks for the expiries that it needs,
    it can do ``without`` them where they cost a request more.
    """

    agreed: bool = False
    without: bool = False

    def of_elements(self, database: Database) -> Selection:
        """Return the prefix of the refs of their expiries."""
        (key,) = self.keys
        return Selection(prefixes=(database.naming.element_expiries(key.id),) if self._has_expiries(database) else ())

    def view(self, keys: Sequence[KeyView], database: Database) -> CollectionView:
        """Return the view of the map or array. Raises WrongTypeError."""
        return replace(super().view(keys, database), has_expiries=self._has_expiries(database), agreed=self.agreed)

    def _has_expiries(self, database: Database) -> bool:
        return database.store.capabilities.reads_prefixes or not self.without


def to_write(view: CollectionView, values: Iterable[NewElement], elements: Some[str]) -> CollectionView:
    """Return the view for a write of these values, whose type the elements that are there may decide on.

    What has expired decides nothing. So where the type matters, and no element named here is alive, the expiries of all elements
    have to be read, too (UnreadError): if none is alive, the view holds none.
    """
    if view.collection is None or {Shape.of(new(None)) for new in values} == {Shape.of(view.collection)}:
        return view
    if not view.stored or any(map(view.holds, elements)):
        return view
    if view.has_expiries:
        return _without_expired(view)
    names = tuple(map(view.expiry_name, view.stored)) if len(view.stored) <= _BY_NAME else ()
    wanted = Selection(names) if names else Selection(prefixes=(view.naming.element_expiries(view.view.key_id),))
    raise UnreadError(MoreRefs(wanted, Depth.MESSAGES))


def _without_expired(view: CollectionView) -> CollectionView:
    """Return the view without elements where none of them is alive; else as it is."""
    if view.collection is None or view.live():
        return view
    ended = view.view.deletions(*sorted(view.expired_names()))
    return replace(view, collection=replace(view.collection, elements={}), ended=ended)


class Shape(NamedTuple):
    """What all elements of a map or an array share."""

    type: ValueType
    mime: str
    extension: str

    @classmethod
    def of(cls, one: Value | Collection) -> "Shape":
        """Return that of a value or of a collection."""
        return cls(one.type, one.mime, one.extension)


def typed(view: CollectionView, command: str, elements: Mapping[str, NewElement]) -> dict[str, Value]:
    """Return the values in the type of the elements there, else that of all, else JSON. Raises WrongTypeError and InputError."""
    if view.stored:
        assert view.collection is not None
        shape = Shape.of(view.collection)
        values = {element: new(shape.type) for element, new in elements.items()}
        if any(Shape.of(value) != shape for value in values.values()):
            held = f"{view.category} of {TYPE_NAMES[shape.type]}{f' ({shape.mime})' if shape.type == 'Blob' else ''}"
            raise WrongTypeError(command, held, f"{view.category} elements of the type given")
        return values
    values = {element: new(None) for element, new in elements.items()}
    if len({Shape.of(value) for value in values.values()}) > 1:
        return {element: new("JSON") for element, new in elements.items()}
    return values


def stored_name(cipher: Cipher, key_id: KeyId, category: CollectionCategory, element: str) -> str:
    """Return an element key as it is stored. Raises InputError for one that cannot be."""
    try:
        return cipher.element_name(key_id, category, element)
    except ValueError as exc:
        raise InputError("field", str(exc), "a shorter name") from exc


def written(view: CollectionView, values: Mapping[str, Value]) -> dict[str, GitObject]:
    """Make the blobs of values to be written, by element key."""
    key = view.view
    return {element: key.cipher.element(key.key_id, view.category, view.name(element), value) for element, value in values.items()}


def expiry_updates(view: CollectionView, elements: Iterable[str], lifetime: int | Lifetime) -> tuple[RefUpdate, ...]:
    """Return the updates of the expiries of elements that are written or removed, by the oids seen: none is left as it may be."""
    return tuple(
        update
        for element in elements
        for update in ref_update(view.view.seen, view.expiry_name(element), lifetime, alive=view.holds(element))
    )


def lasting_as_written(view: CollectionView, answer: Answer, elements: Iterable[str], lifetime: int | Lifetime) -> Answer:
    """Return the answer with when elements that are written expire; without it where they keep expiries that differ."""
    if lifetime is not KEEP:
        return lasting(answer, lifetime)
    endings = {view.expiry(element) if view.holds(element) else None for element in elements}
    return lasting(answer, endings.pop()) if len(endings) == 1 else answer


def changed(
    view: CollectionView,
    answer: Answer,
    elements: Mapping[str, Oid],
    *,
    length: int = 0,
    shape: Shape | None = None,
    updates: tuple[RefUpdate, ...] = (),
    objects: tuple[GitObject, ...] = (),
    proof: Proof = "refs",
) -> Change:
    """Return the change that leaves these elements, by compare-and-set, and the answer, which gets the version written.

    ``shape`` is that of values which are written; what is not written stays as it is, and with it the name of the key that
    encrypted it. ``objects`` are those that are new, ``updates`` those beside the value's own.
    """
    key = view.view
    record = _record(view, elements, shape, length)
    # The value moves first: a reader that comes in between may find a new element with the old expiry, never the reverse.
    updates = (
        RefUpdate(key.value_name, key.expected(key.value_name), record.commit.oid),
        *(() if view.found else key.deletions(key.expiry_name)),
        *updates,
    )
    updates += tuple(ending for ending in view.ended if ending.name not in {update.name for update in updates})
    new = record.objects if record.commit.oid != key.version else ()
    return Change(Transaction(updates, (*objects, *new)), replace(answer, version=record.commit.oid), proof)


def _record(view: CollectionView, elements: Mapping[str, Oid], shape: Shape | None, length: int) -> Record:
    if shape is None:
        assert view.collection is not None
        kept, encryption = Shape.of(view.collection), view.collection.encryption
    else:
        kept, encryption = shape, view.view.cipher.encryption
    stored = {view.name(element): oid for element, oid in elements.items()} if encryption else elements
    return encode_collection(Collection(view.category, *kept, stored, length, encryption))


def put(
    view: CollectionView,
    command: str,
    entries: Mapping[str, NewElement],
    answer: Answer,
    lifetime: int | Lifetime,
    *,
    length: int = 0,
    settling: tuple[RefUpdate, ...],
    proof: Proof = "refs",
) -> Change:
    """Return the change that writes elements beside those that are there; ``settling`` are the updates of their expiries."""
    values = typed(view, command, entries)
    blobs = written(view, values)
    return changed(
        view,
        lasting_as_written(view, answer, values, lifetime),
        {**view.stored, **{element: blob.oid for element, blob in blobs.items()}},
        length=length,
        shape=Shape.of(next(iter(values.values()))),
        updates=settling,
        objects=(*blobs.values(), *expiry_objects(lifetime)),
        proof=proof,
    )


def changed_lifetime(
    view: CollectionView, elements: Iterable[str], lifetime: int | Lifetime, if_version: Oid | None, only_if: str = ""
) -> Answer | Change:
    """Change the expiry of those elements that ``may_last`` so, or with FOREVER delete it; ``count`` is how many these are."""
    elements = list(dict.fromkeys(elements))
    found = all(map(view.holds, elements))
    there = [element for element in elements if view.holds(element) and may_last(lifetime, view.expiry(element), only_if)]
    if not there or not view.is_at(if_version):
        return Answer(found=found, applied=False, count=0, version=view.version)
    # The map is asserted: an expiry must not come to belong to another element, nor outlive its own.
    return changed(
        view,
        lasting(Answer(found=found, applied=True, count=len(there)), lifetime),
        view.stored,
        length=view.length,
        updates=expiry_updates(view, there, lifetime),
        objects=expiry_objects(lifetime),
    )


def shown_element(view: CollectionView, element: str) -> Answer:
    """Answer with one element that was read with its expiry: its value, type and what is left of its lifetime."""
    if not view.holds(element):
        return Answer(found=False, ttl=NO_KEY, version=view.version)
    (value,) = view.values([element]).values()
    return lasting(Answer(found=True, value=value, type=TYPE_NAMES[value.type], version=view.version), view.expiry(element))
