"""What a client of the counter protocol does once it has read: decisions, all arithmetic by git_keyval.format.counters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Literal, NamedTuple

from git_keyval.format import counters
from git_keyval.format.counters import NULL, RECENT_OPERATIONS, Breadcrumb, Counter
from git_keyval.format.expiry import is_expired
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros
from tests.model.database import (
    ABSENT,
    ANY,
    EXPIRES,
    EXPIRY,
    EXPIRY_TIME,
    VALUE,
    Ref,
    Refs,
    Transaction,
    Update,
    breadcrumb,
    load,
    parked,
    read_breadcrumb,
    store,
)

BREADCRUMBS_FIRST: Final = ("breadcrumbs", "counter")
COUNTER_FIRST: Final = ("counter", "breadcrumbs")

Why = Literal["first", "denied", "doubt", "denied again"]
"""Why a client reads: at first, after a denial, because of a lost reply, or after the denial of what was sent twice."""


class Op(NamedTuple):
    """One operation: ``number`` is the increment of INCR and the value of SET. A steady one meets no fault.

    ``before``: INCR was denied before the beginning; or it has left a breadcrumb before the beginning and then it was killed and
    run again, or is in doubt because the reply was lost.
    """

    kind: Literal["incr", "set", "get", "del", "getdel", "gather", "sweep"]
    number: int = 1
    mode: Literal["retry", "breadcrumb"] = "retry"
    skew: int = 0
    steady: bool = False
    before: Literal["nothing", "denied", "killed", "doubt"] = "nothing"


class Rules(NamedTuple):
    """The protocol, where variants of it differ; the defaults are right.

    - ``proof``: what must be shown before an operation in doubt is tried again. "life": that the counter lives the life it
      lived before, so nothing is tried again of which the counter was seen absent; "refs": nothing where the ref is as it was,
      or for a breadcrumb that is not found, and certainly_not_applied otherwise; "seq": as "refs", but only that the operation
      is not remembered and fewer operations than are remembered were done since; "none": nothing.
    - ``trusts_denials``: of a transaction that was sent twice, a denial of the second counts as one of the first.
    - ``set_clears``: SET deletes the breadcrumbs it saw, in its transaction.
    - ``clock_first``: sweep reads the clock before the refs; everybody else may read it after them.
    - ``witness_last``: GETDEL looks for its gc/ branch after the breadcrumbs, not before them.
    - ``forces``: SET does not try twice but forces the ref; ``forces_again``: also after a lost reply, if the ref is as it was.
    - ``rereads``: a breadcrumb is left only after another read.
    """

    reads: tuple[str, ...] = BREADCRUMBS_FIRST
    gather_reads: tuple[str, ...] = BREADCRUMBS_FIRST
    proof: Literal["life", "refs", "seq", "none"] = "life"
    trusts_denials: bool = False
    set_clears: bool = True
    clock_first: bool = True
    witness_last: bool = True
    unique_commits: bool = True
    dedupes: bool = True
    gather_compares: bool = True
    rereads: bool = True
    forces: bool = False
    forces_again: bool = False


class View(NamedTuple):
    """What a client has read so far."""

    breadcrumbs: Refs = ()
    value: str = ABSENT
    expiry: str = ABSENT
    parked: bool = False

    def oid_of(self, name: RefName) -> str:
        """Return what one of the refs was seen to point at, or ABSENT."""
        seen: dict[RefName, str] = {VALUE: self.value, EXPIRY: self.expiry, **dict(self.breadcrumbs)}
        return seen.get(name, ABSENT)

    def has_expired(self, now: Micros) -> bool:
        """Return whether the key that was seen has stopped existing."""
        return self.expiry != ABSENT and is_expired(EXPIRES, now)

    def base(self, now: Micros) -> Counter:
        """Return the counter to go on from."""
        return Counter(set_at=EXPIRY_TIME) if self.has_expired(now) else load(self.value)

    def crumbs(self) -> list[Breadcrumb]:
        """Return the breadcrumbs that were seen."""
        return [read_breadcrumb(ref) for ref in self.breadcrumbs]


class Attempt(NamedTuple):
    """A transaction with what is needed to find out what became of it.

    ``base``: the counter it was made from, ``seen``: what the ref was, ``answer``: what it will have answered, ``again``: whether
    it was sent before.
    """

    what: Literal["change", "force", "breadcrumb", "removal", "gather"]
    transaction: Transaction
    base: str = ABSENT
    seen: str = ABSENT
    answer: int | None = None
    again: bool = False


class Decision(NamedTuple):
    """What a client does next: send a transaction, or end with an answer (or none), or end in "unknown"."""

    phase: Literal["sending", "done", "unknown"]
    attempt: Attempt | None = None
    answer: int | None = None


DONE = Decision("done")
UNKNOWN = Decision("unknown")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the client of one operation decides."""

    op: Op
    id: str
    rules: Rules

    def reads(self) -> tuple[str, ...]:
        """Return what is read, in this order."""
        return self.rules.gather_reads if self.op.kind == "gather" else self.rules.reads

    def decide(self, now: Micros, view: View, why: Why, attempt: Attempt | None) -> tuple[Decision, ...]:
        """Return what the client may do next; more than one decision where it is free."""
        match self.op.kind:
            case "incr" | "set":
                return (self._change(now, view, why, attempt),)
            case "del" | "getdel":
                return (self._remove(now, view, why, attempt),)
            case "get":
                return (Decision("done", answer=counters.total(view.base(now), view.crumbs())),)
            case "gather":
                return self._gather(now, view)
            case "sweep":
                return (_sweep(now, view),)

    def _change(self, now: Micros, view: View, why: Why, attempt: Attempt | None) -> Decision:
        if (remembered := view.base(now).find(self.id)) is not None:
            return Decision("done", answer=remembered[1])
        if any(crumb.op == self.id for crumb in view.crumbs()):
            return DONE
        if attempt is not None and (decision := self._reconcile(now, view, why, attempt)) is not None:
            return decision
        if self.op.kind == "set":
            return self._assign(now, view, force=self.rules.forces and why != "first")
        if self.op.mode == "breadcrumb" and why != "first":
            return self._leave_breadcrumb(now, view)
        return self._increment(now, view)

    def _reconcile(self, now: Micros, view: View, why: Why, attempt: Attempt) -> Decision | None:
        """Return what to do about an attempt that is in doubt, or None where it is as good as denied."""
        proven = self._is_proven(load(attempt.base), view.base(now))
        again = Decision("sending", attempt._replace(again=True))
        if attempt.what == "force":
            return again if self.rules.forces_again and view.value == attempt.seen else UNKNOWN
        if attempt.what == "breadcrumb":
            return again if proven or self.rules.proof != "life" else UNKNOWN
        if view.value == attempt.seen and (attempt.seen != ABSENT or self.rules.proof != "life"):
            return again if why == "doubt" else None
        return None if proven else UNKNOWN

    def _is_proven(self, before: Counter, after: Counter) -> bool:
        match self.rules.proof:
            case "life":
                return before.recent != () and counters.certainly_not_applied(self.id, before, after)
            case "refs":
                return counters.certainly_not_applied(self.id, before, after)
            case "seq":
                return after.find(self.id) is None and after.seq - before.seq < RECENT_OPERATIONS
            case "none":
                return True

    def _increment(self, now: Micros, view: View) -> Decision:
        base = view.base(now)
        counter, taken = self._fold(now, base, view.breadcrumbs, (), self.op.number)
        number = (counter.find(self.id) or ("", None))[1]
        updates = (Update(VALUE, view.value, self._commit(counter)), *_deletes(taken), *_drop_expired(view, now))
        return Decision("sending", Attempt("change", updates, store(base), view.value, number))

    def _leave_breadcrumb(self, now: Micros, view: View) -> Decision:
        base = view.base(now)
        made = breadcrumb(counters.next_time(now, base, view.crumbs()), self.id, self.op.number)
        return Decision("sending", Attempt("breadcrumb", (Update(made.name, ABSENT, made.oid),), store(base), view.value))

    def _assign(self, now: Micros, view: View, *, force: bool) -> Decision:
        base = view.base(now)
        time = counters.next_time(now, base, view.crumbs())
        counter, taken = counters.assign(base, view.crumbs(), self.op.number, time, op=self.id, now=now)
        null = breadcrumb(time, self.id, NULL)
        updates = (Update(null.name, ABSENT, null.oid), *_drop_expired(view, now))
        if force:
            forced, _ = counters.assign(base, view.crumbs(), self.op.number, time, op=self.id, now=now, forced=True)
            return Decision("sending", Attempt("force", (Update(VALUE, ANY, store(forced)), *updates), store(base), view.value))
        cleared = _deletes([Ref(crumb.name, crumb.oid) for crumb in taken]) if self.rules.set_clears else ()
        updates = (Update(VALUE, view.value, store(counter)), *updates, *cleared)
        return Decision("sending", Attempt("change", updates, store(base), view.value))

    def _remove(self, now: Micros, view: View, why: Why, attempt: Attempt | None) -> Decision:
        """Delete all that was seen. What became of it GETDEL knows by its gc/ branch; DEL only if nothing or all of it is gone."""
        if view.parked and attempt is not None:
            return Decision("done", answer=attempt.answer)
        if attempt is not None and why in {"doubt", "denied again"}:
            gone = [view.oid_of(name) != expect for name, expect, new in attempt.transaction if new == ABSENT]
            if why == "doubt" and not any(gone):
                return Decision("sending", attempt._replace(again=True))
            if self.op.kind == "del" and any(gone):
                return DONE if all(view.oid_of(update.name) == ABSENT for update in attempt.transaction) else UNKNOWN
        base, crumbs = view.base(now), view.crumbs()
        answer = counters.total(base, crumbs) if self.op.kind == "getdel" else None
        if (view.value == ABSENT or view.has_expired(now)) and not counters.counting(base, crumbs):
            return Decision("done", answer=answer)
        park = (Update(parked(self.id), ABSENT, NULL_COMMIT.oid if view.value == ABSENT else view.value),)
        seen = (Ref(VALUE, Oid(view.value)), Ref(EXPIRY, Oid(view.expiry)), *view.breadcrumbs)
        removed = _deletes([ref for ref in seen if ref.oid != ABSENT])
        updates = (*park, *removed) if self.op.kind == "getdel" else removed
        return Decision("sending", Attempt("removal", updates, answer=answer))

    def _gather(self, now: Micros, view: View) -> tuple[Decision, ...]:
        """Take any number of breadcrumbs, oldest first: the grace period may end between any two."""
        base = view.base(now)
        if view.has_expired(now) and not counters.counting(base, view.crumbs()):
            return (DONE,)
        decisions = [DONE]
        for count in range(1, len(view.breadcrumbs) + 1):
            taking = view.breadcrumbs[:count]
            folded, taken = self._fold(now, base, view.breadcrumbs, taking, None)
            updates = _deletes(taken)
            if folded.seq != base.seq:
                expect = view.value if self.rules.gather_compares else ANY
                updates = (Update(VALUE, expect, self._commit(folded)), *_drop_expired(view, now), *updates)
            decisions.append(Decision("sending", Attempt("gather", updates)))
        return tuple(decisions)

    def _fold(self, now: Micros, base: Counter, seen: Refs, taking: Refs, by: int | None) -> tuple[Counter, Sequence[Ref]]:
        crumbs = [read_breadcrumb(ref) for ref in seen]
        ops = {_alias(crumb): crumb.op for crumb in crumbs}
        if not self.rules.dedupes:
            crumbs = [crumb._replace(op=_alias(crumb)) for crumb in crumbs]
        taken = [crumb for crumb, ref in zip(crumbs, seen, strict=True) if ref in taking]
        if by is None:
            counter, gone = counters.fold(base, crumbs, taking=taken, op=self.id, now=now)
        else:
            counter, gone = counters.increment(base, crumbs, by, op=self.id, now=now)
        if not self.rules.dedupes:
            recent = tuple((ops.get(done[0], done[0]), done[1]) for done in counter.recent)
            counter = replace(counter, recent=recent)
        return counter, [Ref(crumb.name, crumb.oid) for crumb in gone]

    def _commit(self, counter: Counter) -> str:
        return store(counter if self.rules.unique_commits else replace(counter, op="", recent=()))


def _sweep(now: Micros, view: View) -> Decision:
    if not view.has_expired(now) or view.value == ABSENT:
        return DONE
    void = tuple(ref for ref in view.breadcrumbs if read_breadcrumb(ref).time <= EXPIRY_TIME)
    updates = (Update(VALUE, view.value, ABSENT), Update(EXPIRY, view.expiry, ABSENT), *_deletes(void))
    return Decision("sending", Attempt("removal", updates))


def _alias(crumb: Breadcrumb) -> str:
    """Return an operation id that no other breadcrumb has, to hide that two are of the same operation."""
    return sha256(crumb.name.encode()).hexdigest()[:20]


def _deletes(refs: Sequence[Ref]) -> Transaction:
    return tuple(Update(ref.name, ref.oid, ABSENT) for ref in refs)


def _drop_expired(view: View, now: Micros) -> Transaction:
    return (Update(EXPIRY, view.expiry, ABSENT),) if view.has_expired(now) else ()
