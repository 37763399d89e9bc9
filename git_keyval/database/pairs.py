"""Two keys at one read, where what the first one holds is to stand at the second: with all that belongs to both."""

from collections.abc import Collection as Some
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from git_keyval.database.command import UnreadError
from git_keyval.database.database import Database
from git_keyval.database.keys import KeyView
from git_keyval.database.reading import KeyReads, MoreBlobs, MoreRefs
from git_keyval.errors import MalformedRecordError
from git_keyval.format.elements import Collection, CollectionCategory, decode_collection, element_id, encode_collection
from git_keyval.format.expiry import decode_expiry, is_expired
from git_keyval.format.metadata import decode_message
from git_keyval.format.names import Naming, RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import Micros
from git_keyval.light_dataclasses import dataclass, replace
from git_keyval.store.port import ABSENT, ANY, DELETE, Depth, RefUpdate, Selection, Snapshot

_BY_NAME = 250
"""Of how many elements the expiries are read by name: GitHub tells them in one request, and those below a prefix in three."""


class Held(NamedTuple):
    """What a map or an array holds in the form in which it stands at another key, and when its elements end there.

    ``endings`` has the expiry commit, if there is one, by the name of its ref there; ``objects`` are those that are new. ``is_own``
    says that nobody else makes the same commit: it has elements that were encrypted for it.
    """

    commit: Oid
    endings: Mapping[RefName, Oid | None]
    objects: tuple[GitObject, ...] = ()
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class PairView:
    """Two keys at one read. ``beside`` has the expiries of elements, None before they were asked for.

    ``asked`` are the values whose trees and blobs the repository was asked for.
    """

    naming: Naming
    source: KeyView
    target: KeyView
    beside: Snapshot | None = None
    asked: frozenset[Oid] = frozenset()

    @property
    def seen(self) -> Snapshot:
        """The refs and objects that were read of both."""
        return self.source.seen

    def at(self, now: Micros) -> "PairView":
        """Return the same, looked at now."""
        return replace(self, source=self.source.at(now), target=self.target.at(now))

    def may_be_torn(self) -> bool:
        """Return whether what was read of a key may not belong together."""
        return self.source.may_be_torn() or self.target.may_be_torn()

    def confirmed_by(self, newer: "PairView") -> bool:
        """Return whether a later read confirms all that may be torn."""
        pairs = (self.source, newer.source), (self.target, newer.target)
        return all(view.confirmed_by(later) for view, later in pairs if view.may_be_torn())

    def extended(self, more: object, found: Snapshot) -> "PairView":
        """Return it with the expiries of elements, or with what a value consists of; the refs stay as they were seen."""
        source = self.source.extended(more, Snapshot({}, found.objects))
        match more:
            case MoreRefs():
                return replace(self, source=source, beside=found)
            case MoreBlobs(oids):
                return replace(self, source=source, asked=self.asked | oids)
        return replace(self, source=source)

    def is_sealed(self) -> bool:
        """Return whether the live value of the first key has to be encrypted for the second: it is bound to its key."""
        return self.source.cipher.mark is not None or "encrypted" in decode_message(self.seen.objects[self.version])

    @property
    def version(self) -> Oid:
        """Return the oid of what the first key holds, which is alive."""
        assert self.source.version is not None
        return self.source.version

    def read_whole(self) -> None:
        """Make sure that all was read that the value of the first key consists of. Raises UnreadError."""
        if self.version not in self.asked:
            raise UnreadError(MoreBlobs(frozenset([self.version]), {self.source.value_name: self.version}))

    def element_expiries(self, *views: KeyView) -> Mapping[RefName, Oid]:
        """Return the refs of expiries of elements of these keys. Raises UnreadError."""
        wanted = self._expiries()
        if self.beside is None and wanted != Selection():
            raise UnreadError(MoreRefs(wanted, Depth.MESSAGES))
        refs = {} if self.beside is None else self.beside.refs
        prefixes = tuple(self.naming.element_expiries(view.key_id) for view in views)
        return {name: oid for name, oid in refs.items() if name.startswith(prefixes)}

    def _expiries(self) -> Selection:
        """Return the refs of the expiries of all elements of both keys: by name, unless there are too many for one request."""
        source, target = self.source, self.target
        try:
            held = [(source, name) for name in _stored(source)]
            anew = [(target, self._stored_anew(name)) for _, name in held]
            names = [self._expiry_name(view, name) for view, name in (*held, *anew, *((target, name) for name in _stored(target)))]
        except MalformedRecordError:
            names = None
        if names is not None and len(names) <= _BY_NAME:
            return Selection(tuple(dict.fromkeys(names)))
        return Selection(prefixes=tuple(self.naming.element_expiries(view.key_id) for view in (source, target)))

    def _stored_anew(self, stored: str) -> str:
        """Return an element key of the first key as it is stored at the second."""
        cipher, category = self.source.cipher, self._category
        return cipher.element_name(self.target.key_id, category, cipher.read_element_name(self.source.key_id, category, stored))

    @property
    def _category(self) -> CollectionCategory:
        return "map" if self.source.category() == "map" else "array"

    def held(self, command: str) -> Held:
        """Return what the map or array of the first key is at the second. Raises UnreadError, and MalformedRecordError."""
        source = self.source
        collection = source.collection(self._category, command)
        assert collection is not None
        endings = self.element_expiries(source)
        sealed = self.is_sealed()
        if sealed:
            self.read_whole()
        ends = {name: endings.get(self._expiry_name(source, name)) for name in collection.elements}
        if not sealed:
            return Held(self.version, {self._expiry_name(self.target, name): oid for name, oid in ends.items()})
        live = {
            name: oid
            for name, oid in collection.elements.items()
            if not self._is_expired(self._expiry_name(source, name), ends[name])
        }
        anew = dict(self._sealed(collection, live))
        elements = {stored: data.oid for stored, data in anew.values()}
        record = encode_collection(replace(collection, elements=elements, encryption=source.cipher.encryption))
        named = {self._expiry_name(self.target, anew[name][0]): ends[name] for name in live}
        objects = (*(data for _, data in anew.values()), *record.objects)
        return Held(record.commit.oid, named, objects, is_own=bool(anew))

    def _sealed(self, collection: Collection, live: Mapping[str, Oid]) -> Iterator[tuple[str, tuple[str, GitObject]]]:
        """Yield the elements by their stored element keys, each with its stored element key and its blob for the second key."""
        cipher, category = self.source.cipher, collection.category
        for name, oid in live.items():
            if oid not in self.seen.objects:
                raise MalformedRecordError(self.source.value_name, f"the blob of an element ({oid}) is missing")
            stored = self._stored_anew(name)
            value = cipher.read_element(self.source.key_id, collection, name, self.seen.objects[oid])
            yield name, (stored, cipher.element(self.target.key_id, category, stored, value))

    def settling(self, endings: Mapping[RefName, Oid | None]) -> tuple[RefUpdate, ...]:
        """Return the updates that leave the elements of the second key these expiries, and no others. Raises UnreadError.

        Where a map or an array was there before, a rival may be giving an expiry to an element that had none.
        """
        replaces = self.target.holds_elements()
        there = self.element_expiries(self.target) if endings or replaces else {}
        updates = []
        for name in dict.fromkeys((*endings, *there)):
            ending = endings.get(name)
            if ending is not None:
                updates.append(RefUpdate(name, there.get(name, ABSENT), ending))
            elif name in there or replaces:
                updates.append(RefUpdate(name, there.get(name, ANY), DELETE))
        return tuple(updates)

    def _expiry_name(self, view: KeyView, stored: str) -> RefName:
        return self.naming.element_expiry(view.key_id, element_id(stored))

    def _is_expired(self, name: RefName, ending: Oid | None) -> bool:
        assert self.beside is not None
        if ending is None:
            return False
        if ending not in self.beside.objects:
            raise MalformedRecordError(name, "the object that it points at is missing, or too large")
        return is_expired(decode_expiry(self.beside.objects[ending]), self.source.now)


def _stored(view: KeyView) -> Some[str]:
    """Return the element keys of a map or an array as they are stored; none of anything else. Raises MalformedRecordError."""
    if view.version is None or not view.holds_elements():
        return ()
    return decode_collection(view.seen.objects[view.version], view.seen.objects).elements.keys()


class PairReads(KeyReads[PairView]):
    """Reads of two keys, without the blobs of what they hold."""

    depth: Depth = Depth.TREES

    def view(self, keys: Sequence[KeyView], database: Database) -> PairView:
        """Return the view of both."""
        source, target = keys
        return PairView(database.naming, source, target)
