"""The words in which a counterexample is told."""

from functools import cache

from git_keyval.format.counters import NULL
from git_keyval.format.objects import Oid
from git_keyval.format.times import moment_of
from tests.model.clients import Attempt, Decision
from tests.model.database import ABSENT, ANY, EXPIRY, START, VALUE, Ref, Refs, Update, load, read_breadcrumb


@cache
def name_of(id: str) -> str:
    """Shorten an operation id: "incraaaaaaaa" is "INCR a"."""
    kind, letter = id[:-8], id[-1]
    return f"{kind.upper()} {letter}" if id.endswith(letter * 8) else id


@cache
def tell_decision(decision: Decision) -> str:
    """Return what a client will do."""
    if decision.attempt is not None:
        again = " again" if decision.attempt.again else ""
        return f"will try{again}: {tell_attempt(decision.attempt)}"
    return decision.phase if decision.answer is None else f"{decision.phase}, {decision.answer}"


@cache
def tell_attempt(attempt: Attempt) -> str:
    """Describe a transaction."""
    return ", ".join(_tell_update(update) for update in attempt.transaction)


@cache
def tell_counter(oid: str) -> str:
    """Describe a counter's value and how many operations made it."""
    if oid in {ABSENT, ANY}:
        return oid
    counter = load(oid)
    return f"counter {counter.value} (seq {counter.seq}{f', by {name_of(counter.op)}' if counter.op else ''})"


@cache
def tell_breadcrumbs(refs: Refs) -> str:
    """Return the breadcrumbs that were seen."""
    return ", ".join(_tell_breadcrumb(ref) for ref in refs) or "no breadcrumbs"


def _tell_update(update: Update) -> str:
    if update.name == VALUE:
        return f"{tell_counter(update.expect)} -> {tell_counter(update.new)}"
    verb, oid = ("delete", update.expect) if update.new == ABSENT else ("make", update.new)
    if update.name == EXPIRY:
        return f"{verb} expiry"
    if update.name.startswith("refs/heads/"):
        return f"{verb} gc/ branch"
    return f"{verb} {_tell_breadcrumb(Ref(update.name, Oid(oid)))}"


def _tell_breadcrumb(ref: Ref) -> str:
    crumb = read_breadcrumb(ref)
    what = "NULL" if crumb.delta is NULL else f"{crumb.delta:+d}"
    micros = (moment_of(crumb.time) or START) - START
    return f"{what} of {name_of(crumb.op)} at {micros:+d}"
