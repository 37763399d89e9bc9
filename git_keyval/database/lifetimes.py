"""How long a key lives: what the inputs ask for, and the ref update that makes it so."""

from enum import Enum
from typing import Final

from git_keyval.database.answers import PERSISTENT, Answer
from git_keyval.database.keys import KeyView
from git_keyval.errors import InputError
from git_keyval.format.expiry import encode_expiry, expiry_id
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.times import SECOND, Micros
from git_keyval.light_dataclasses import replace
from git_keyval.store.port import ANY, DELETE, Expect, RefUpdate, Snapshot


class Lifetime(Enum):
    """A lifetime that is no expiry id."""

    FOREVER = "forever"
    KEEP = "keep"


FOREVER: Final = Lifetime.FOREVER
KEEP: Final = Lifetime.KEEP

_TIMES = "a time between now and the year 9999"


def chosen(now: Micros, granularity: int, ttl: int | None, expires_at: Micros | None, *, keep_ttl: bool = False) -> int | Lifetime:
    """Return the expiry id, FOREVER or KEEP that the inputs ask for. Raises InputError for a time that is not in the future."""
    if keep_ttl:
        return KEEP
    if ttl is None and expires_at is None:
        return FOREVER
    moment = expires_at if expires_at is not None else Micros(now + (ttl or 0) * SECOND)
    name = "ttl" if expires_at is None else "expires-at"
    if moment <= now:
        raise InputError(name, "names a time that has passed", _TIMES)
    try:
        return expiry_id(moment, granularity)
    except ValueError as exc:
        raise InputError(name, "names a time too far away", _TIMES) from exc


def may_last(lifetime: int | Lifetime, held: int | None, only_if: str = "") -> bool:
    """Return whether a live key or element may be given a lifetime in place of the expiry that it has, if it has one.

    It may only if the new expiry is ``longer`` or ``shorter``, or if there is ``none`` or ``some``. What has none lasts for good,
    longer than anything, and cannot be given that.
    """
    if not isinstance(lifetime, int):
        return held is not None
    match only_if:
        case "longer":
            return held is not None and lifetime > held
        case "shorter":
            return held is None or lifetime < held
        case "none":
            return held is None
        case "some":
            return held is not None
    return True


def expiry_objects(lifetime: int | Lifetime) -> tuple[GitObject, ...]:
    """Return the objects that a transaction with this lifetime must store."""
    return (*DUMMY_OBJECTS, encode_expiry(lifetime)) if isinstance(lifetime, int) else ()


def planned(lifetime: int | Lifetime) -> tuple[Oid, ...]:
    """Return which of these objects others may have stored: the commit of an expiry, which is the same for all that end then."""
    return (encode_expiry(lifetime).oid,) if isinstance(lifetime, int) else ()


def expiry_update(view: KeyView, lifetime: int | Lifetime, *, alive: bool) -> tuple[RefUpdate, ...]:
    """Return the update of a key's expiry, by the oid seen; KEEP keeps that of a live key only."""
    return ref_update(view.seen, view.expiry_name, lifetime, alive=alive)


def ref_update(seen: Snapshot, name: RefName, lifetime: int | Lifetime, *, alive: bool) -> tuple[RefUpdate, ...]:
    """Return the update of the expiry of a key or an element, by the oid seen; KEEP keeps that of what is alive only.

    A kept expiry is asserted, or a sweep could come in between. Where there is none and there shall be none, it is deleted all the
    same: a rival may be giving one to the value that is replaced here.
    """
    expect = seen.expected(name)
    if isinstance(lifetime, int):
        return (RefUpdate(name, expect, encode_expiry(lifetime).oid),)
    keeps = lifetime is KEEP and alive
    if isinstance(expect, Expect):
        return () if keeps else (RefUpdate(name, ANY, DELETE),)
    return (RefUpdate(name, expect, expect if keeps else DELETE),)


def lasting(answer: Answer, ending: int | Lifetime | None) -> Answer:
    """Return the answer with when what it is about expires: an expiry id, or never. ``perform`` adds how long that is from then."""
    expiry = ending if isinstance(ending, int) else None
    return replace(answer, expires_at=expiry, ttl=PERSISTENT if expiry is None else None)


def given_at(answer: Answer, now: Micros) -> Answer:
    """Return the answer with what is left of the lifetime by now."""
    return answer if answer.expires_at is None else replace(answer, ttl=max(ttl_of(answer.expires_at, now), 0))


def ttl_of(expiry: int | None, now: Micros) -> int:
    """Return the seconds that a live key has left, rounded up; PERSISTENT without an expiry."""
    return PERSISTENT if expiry is None else -((now - expiry * SECOND) // SECOND)
