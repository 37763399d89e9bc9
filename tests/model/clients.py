"""What a client of the counter protocol does once it has read: pure decisions, made with git_keyval.format.counters."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Literal, NamedTuple

from git_keyval.format import counters
from git_keyval.format.counters import NULL, Breadcrumb, Counter, Operation
from git_keyval.format.expiry import is_expired
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

Kind = Literal["incr", "set", "get", "del", "getdel", "gather", "sweep"]
Why = Literal["first", "denied", "doubt", "denied in doubt"]


class Op(NamedTuple):
    """One operation of a client: ``number`` is the increment of INCR, the value of SET. A steady one meets no fault."""

    kind: Kind
    number: int = 1
    mode: Literal["retry", "breadcrumb"] = "retry"
    skew: int = 0
    steady: bool = False


class Rules(NamedTuple):
    """The protocol's decisions that a variant may get wrong, and what it may choose.

    ``proof``: what must be shown before an operation in doubt is tried again. "life" is right: that the counter lives the
    life it lived before. "certain" asks certainly_not_applied also where nothing was seen before, "none" asks nothing.
    """

    reads: tuple[str, ...] = ("breadcrumbs", "counter")
    removal_reads: tuple[str, ...] = ("breadcrumbs", "counter")
    gather_reads: tuple[str, ...] = ("breadcrumbs", "counter")
    clock_first: bool = True
    trusts_denials: bool = False
    set_clears: bool = False
    proof: Literal["life", "certain", "none"] = "life"
    unique_commits: bool = True
    dedupes: bool = True
    keeps_time: bool = True
    gather_compares: bool = True
    takes: int = 128
    rereads: bool = True
    forces: bool = False


class View(NamedTuple):
    """What a client has read so far."""

    breadcrumbs: Refs = ()
    value: str = ABSENT
    expiry: str = ABSENT
    parked: bool = False

    def has_expired(self, now: Micros) -> bool:
        """Tell whether the key that was seen has stopped existing."""
        return self.expiry != ABSENT and is_expired(EXPIRES, now)

    def base(self, now: Micros) -> Counter:
        """Give the counter to go on from."""
        return Counter(set_at=EXPIRY_TIME) if self.has_expired(now) else load(self.value)

    def crumbs(self) -> list[Breadcrumb]:
        """Give the breadcrumbs that were seen."""
        return [read_breadcrumb(ref) for ref in self.breadcrumbs]


class Attempt(NamedTuple):
    """A transaction with what is needed to find out what became of it."""

    what: Literal["counter", "breadcrumb", "force", "removal"]
    transaction: Transaction
    base: str = ABSENT
    answer: int | None = None
    again: bool = False


class Decision(NamedTuple):
    """What a client does next: send a transaction, or end with an answer (or none), or end in "unknown"."""

    phase: Literal["sending", "done", "unknown"]
    attempt: Attempt | None = None
    answer: int | None = None


DONE = Decision("done")
UNKNOWN = Decision("unknown")


def decide(  # noqa: PLR0917
    op: Op, id: str, rules: Rules, now: Micros, view: View, why: Why, attempt: Attempt | None
) -> tuple[Decision, ...]:
    """Give what the client may do next; more than one where it is free to choose."""
    match op.kind:
        case "incr" | "set":
            return (_change(op, id, rules, now, view, why, attempt),)
        case "del" | "getdel":
            return (_remove(op, id, now, view, why, attempt),)
        case "get":
            return (Decision("done", answer=counters.total(view.base(now), view.crumbs())),)
        case "gather":
            return _gather(id, rules, now, view)
        case "sweep":
            return (_sweep(now, view),)


def _change(  # noqa: PLR0917
    op: Op, id: str, rules: Rules, now: Micros, view: View, why: Why, attempt: Attempt | None
) -> Decision:
    if (remembered := load(view.value).find(id)) is not None:
        return Decision("done", answer=remembered.number)
    if any(crumb.op == id for crumb in view.crumbs()):
        return DONE
    if attempt is not None and (decision := _reconcile(id, rules, view, why, attempt)) is not None:
        again = decision.attempt is not None and attempt.what == "breadcrumb" and not rules.keeps_time
        return _leave_breadcrumb(op, id, now, view) if again else decision
    if op.kind == "set":
        return _assign(op, id, rules, now, view, force=rules.forces and why != "first")
    if op.mode == "breadcrumb" and why != "first":
        return _leave_breadcrumb(op, id, now, view)
    return _increment(op, id, rules, now, view)


def _reconcile(id: str, rules: Rules, view: View, why: Why, attempt: Attempt) -> Decision | None:
    """Give what to do about an attempt that is in doubt, or None where it was as good as denied."""
    before, after = load(attempt.base), load(view.value)
    proven = rules.proof == "none" or (
        counters.certainly_not_applied(id, before, after) and (rules.proof != "life" or before.recent != ())
    )
    again = Decision("sending", attempt._replace(again=True))
    if attempt.what == "force":
        return UNKNOWN
    if attempt.what == "breadcrumb":
        return again if proven or rules.proof == "certain" else UNKNOWN
    expected = attempt.transaction[0].expect
    if view.value == expected and (expected != ABSENT or rules.proof != "life"):
        return again if why == "doubt" else None
    return None if proven else UNKNOWN


def _increment(op: Op, id: str, rules: Rules, now: Micros, view: View) -> Decision:
    base, taking = view.base(now), view.breadcrumbs[: rules.takes]
    counter, number = _fold(rules, base, view.breadcrumbs, taking, id, op.number)
    updates = (Update(VALUE, view.value, _commit(rules, counter)), *_deletes(taking), *_drop_expiry(view, now))
    return Decision("sending", Attempt("counter", updates, store(base), number))


def _leave_breadcrumb(op: Op, id: str, now: Micros, view: View) -> Decision:
    base = view.base(now)
    made = breadcrumb(counters.next_time(now, base, view.crumbs()), id, op.number)
    return Decision("sending", Attempt("breadcrumb", (Update(made.name, ABSENT, made.oid),), store(base)))


def _assign(op: Op, id: str, rules: Rules, now: Micros, view: View, *, force: bool) -> Decision:
    base = view.base(now)
    time = counters.next_time(now, base, view.crumbs())
    counter = counters.assign(base, op.number, time, id)
    if force:
        counter = replace(counter, seq=counter.seq + counters.RECENT_OPERATIONS)
    null = breadcrumb(time, id, NULL)
    updates = (
        Update(VALUE, ANY if force else view.value, store(counter)),
        Update(null.name, ABSENT, null.oid),
        *(_deletes(view.breadcrumbs) if rules.set_clears else ()),
        *_drop_expiry(view, now),
    )
    return Decision("sending", Attempt("force" if force else "counter", updates, store(base)))


def _remove(op: Op, id: str, now: Micros, view: View, why: Why, attempt: Attempt | None) -> Decision:  # noqa: PLR0917
    """Delete what was seen. GETDEL knows by its gc/ branch whether it was applied, DEL cannot know once the counter moved."""
    if view.parked and attempt is not None:
        return Decision("done", answer=attempt.answer)
    if why == "doubt" and attempt is not None:
        first = attempt.transaction[0]
        if view.value == first.expect:
            return Decision("sending", attempt)
        if op.kind == "del" or first.name != VALUE:
            return UNKNOWN
    answer = counters.total(view.base(now), view.crumbs()) if op.kind == "getdel" else None
    removed = tuple(
        Update(name, oid, ABSENT) for name, oid in ((VALUE, view.value), (EXPIRY, view.expiry)) if oid != ABSENT
    )
    if op.kind == "getdel" and view.value != ABSENT:
        removed = (*removed, Update(parked(id), ABSENT, view.value))
    updates = (*removed, *_deletes(view.breadcrumbs))
    return (
        Decision("sending", Attempt("removal", updates, answer=answer)) if updates else Decision("done", answer=answer)
    )


def _gather(id: str, rules: Rules, now: Micros, view: View) -> tuple[Decision, ...]:
    """Take any number of breadcrumbs, oldest first: the grace period may end between any two. An expired key is sweep's."""
    if view.has_expired(now):
        return (DONE,)
    base = view.base(now)
    decisions = [DONE]
    for count in range(1, len(view.breadcrumbs) + 1):
        taking = view.breadcrumbs[:count]
        folded, _ = _fold(rules, base, view.breadcrumbs, taking, id, None)
        updates = _deletes(taking)
        if folded.seq != base.seq:
            expect = view.value if rules.gather_compares else ANY
            updates = (Update(VALUE, expect, _commit(rules, folded)), *updates)
        decisions.append(Decision("sending", Attempt("removal", updates)))
    return tuple(decisions)


def _sweep(now: Micros, view: View) -> Decision:
    if not view.has_expired(now) or view.value == ABSENT:
        return DONE
    void = tuple(ref for ref in view.breadcrumbs if read_breadcrumb(ref).time <= EXPIRY_TIME)
    updates = (Update(VALUE, view.value, ABSENT), Update(EXPIRY, view.expiry, ABSENT), *_deletes(void))
    return Decision("sending", Attempt("removal", updates))


def _fold(  # noqa: PLR0917
    rules: Rules, base: Counter, seen: Refs, taking: Refs, id: str, by: int | None
) -> tuple[Counter, int | None]:
    crumbs = [read_breadcrumb(ref) for ref in seen]
    names = {_alias(crumb): crumb.op for crumb in crumbs}
    if not rules.dedupes:
        crumbs = [replace(crumb, op=_alias(crumb)) for crumb in crumbs]
    taken = [crumb for crumb, ref in zip(crumbs, seen, strict=True) if ref in taking]
    number = None
    if by is None:
        counter = counters.fold(base, crumbs, taking=taken, op=id)
    else:
        counter, number = counters.increment(base, crumbs, by, taking=taken, op=id)
    recent = tuple(Operation(names.get(done.op, done.op), done.number) for done in counter.recent)
    return replace(counter, recent=recent), number


def _alias(crumb: Breadcrumb) -> str:
    """Give the breadcrumb an operation id that no other one has, to hide from the product that two have the same."""
    return sha256(crumb.name.encode()).hexdigest()[:20]


def _commit(rules: Rules, counter: Counter) -> str:
    return store(counter if rules.unique_commits else replace(counter, op="", recent=()))


def _deletes(refs: Sequence[Ref]) -> Transaction:
    return tuple(Update(ref.name, ref.oid, ABSENT) for ref in refs)


def _drop_expiry(view: View, now: Micros) -> Transaction:
    return (Update(EXPIRY, view.expiry, ABSENT),) if view.has_expired(now) else ()
