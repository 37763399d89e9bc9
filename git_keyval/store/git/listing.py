"""Listing refs to the end, also where the connection breaks off on the way."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.store.patience import Patience

Listing = Iterator[tuple[RefName, Oid]]


def unbroken(begin: Callable[[], Listing], patience: Patience) -> Listing:
    """Yield a listing. If it breaks off, begin it anew, and go on after the last ref that was yielded: none comes twice.

    That takes a server that lists by name, as git does (https://git-scm.com/docs/pack-protocol, "Reference Discovery").
    With any other server, a listing that breaks off once it has begun is an error, so nothing is left out unseen.
    """
    last, is_ordered = "", True
    listing = patience.repeat(partial(_begun, begin))
    while True:
        try:
            for name, oid in listing:
                is_ordered = is_ordered and name > last
                last = name
                yield name, oid
        except UnavailableError as exc:
            if not is_ordered:
                raise
            listing = patience.again(exc, partial(_begun, partial(_continued, last, begin)))
        else:
            return


def _begun(begin: Callable[[], Listing]) -> Listing:
    """Begin a listing, and read it up to its first ref."""
    listing = begin()
    first = list(islice(listing, 1))
    return chain(first, listing)


def _continued(last: str, begin: Callable[[], Listing]) -> Listing:
    before = ""
    for name, oid in begin():
        if name < before:
            raise StoreError("A listing of refs broke off, and the server lists them in no order to go on by.", "Try again.")
        before = name
        if name > last:
            yield name, oid
