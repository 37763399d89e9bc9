"""A store that fails when told to: the same faults for every adapter, scripted by the number of the request."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from git_keyval.errors import UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.store.port import Depth, Outcome, Selection, Snapshot, Store, Transaction, Unknown
from tests.around import StoreAround


class Lost(Enum):
    """A fault that loses a request or its answer. A read raises UnavailableError, an apply is answered Unknown."""

    BEFORE = "before"
    """The request never arrives: nothing is read or applied."""
    AFTER = "after"
    """The answer is lost: all was read or applied. A listing breaks after its last ref, not before its first."""
    LATE = "late"
    """An apply arrives late: it is performed just before the next request. A read never arrives."""


@dataclass(frozen=True, slots=True)
class Rival:
    """Somebody else acts just before the request, which then goes through."""

    act: Callable[[], object]


Fault = Lost | Rival
Verb = Literal["read", "list", "objects", "apply"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it was made: its number from 1 on, what it asked for, and the fault that it met."""

    number: int
    verb: Verb
    request: object
    fault: Fault | None


class FaultyStore(StoreAround):
    """Wraps a store with faults by request number, counting calls of read, list, objects and apply from 1.

    A persistent failure is a range: ``dict.fromkeys(range(3, 1_000), Lost.BEFORE)``. Asking for the time never fails.
    """

    def __init__(self, store: Store, faults: Mapping[int, Fault]) -> None:
        super().__init__(store)
        self.calls: list[Call] = []
        self._faults = faults
        self._held: list[Sequence[Transaction]] = []

    @property
    def fired(self) -> tuple[Call, ...]:
        """The calls that met a fault: a loop over all N ends where there is none."""
        return tuple(call for call in self.calls if call.fault is not None)

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        fault = self._begin("read", selections)
        if fault in {Lost.BEFORE, Lost.LATE}:
            raise _unavailable("before")
        found = self._store.read(*selections, depth=depth)
        if fault is Lost.AFTER:
            raise _unavailable("after")
        return found

    def list(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        return self._stream(prefixes, self._begin("list", tuple(prefixes)))

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        asked = tuple(oids)
        fault = self._begin("objects", asked)
        if fault in {Lost.BEFORE, Lost.LATE}:
            raise _unavailable("before")
        found = self._store.objects(asked, depth)
        if fault is Lost.AFTER:
            raise _unavailable("after")
        return found

    def apply(self, transactions: Sequence[Transaction]) -> Sequence[Outcome]:
        asked = tuple(transactions)
        fault = self._begin("apply", asked)
        if not isinstance(fault, Lost):
            return self._store.apply(asked)
        if fault is Lost.AFTER:
            self._store.apply(asked)
        if fault is Lost.LATE:
            self._held.append(asked)
        return [Unknown(f"a scripted fault: {fault.value}") for _ in asked]

    def arrive(self) -> None:
        """Perform the applies that are held back, as the next request would."""
        while self._held:
            self._store.apply(self._held.pop(0))

    def _begin(self, verb: Verb, request: object) -> Fault | None:
        self.arrive()
        number = len(self.calls) + 1
        fault = self._faults.get(number)
        self.calls.append(Call(number, verb, request, fault))
        if isinstance(fault, Rival):
            fault.act()
        return fault

    def _stream(self, prefixes: Sequence[str], fault: Fault | None) -> Iterator[tuple[RefName, Oid]]:
        if fault in {Lost.BEFORE, Lost.LATE}:
            raise _unavailable("before")
        yield from self._store.list(prefixes)
        if fault is Lost.AFTER:
            raise _unavailable("after")


def _unavailable(when: str) -> UnavailableError:
    return UnavailableError(f"The connection broke: a scripted fault, {when} the request was answered.")
