"""Element keys that mean something to git, a file system or a shell, stored by every way there is: in a map they mean nothing."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from git_keyval.format.elements import decode_collection, encode_element_key
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, blob
from git_keyval.store.port import Applied, Depth, Selection
from tests.contract.places import GitPlace, Place
from tests.contract.samples import by_oid, collection, put, texts
from tests.element_keys import HOSTILE, REFUSED, check_out

NAME = RefName("refs/heads/kv-0a/val-1")
ELEMENTS = {key: blob(key.encode()) for key in HOSTILE}


def read(place: Place) -> Mapping[str, GitObject]:
    """Read the elements of the map by their keys."""
    found = place.open().read(Selection((NAME,)), depth=Depth.VALUES)
    record = decode_collection(found.objects[found.refs[NAME]], found.objects)
    return {key: found.objects[oid] for key, oid in record.elements.items()}


def test_hostile_element_keys_are_keys_like_any_other(place: Place, tmp_path: Path) -> None:
    """They are stored in a map, read back, taken out of it and put into it again, and a clone has a file for each."""
    plain = texts(30)
    store = place.open()
    for elements in (ELEMENTS, plain, {**plain, **ELEMENTS}):
        assert store.apply([put(NAME, collection(elements))]) == [Applied()]
        store.read(Selection((NAME,)), depth=Depth.TREES)
        assert read(place) == elements
    assert place.open().read(Selection((NAME,)), depth=Depth.VALUES).objects == by_oid(collection(elements).objects)
    if isinstance(place, GitPlace):
        files = check_out(place.repository, NAME, tmp_path)
        assert files == {encode_element_key(key): made.data for key, made in elements.items()}


@pytest.mark.parametrize("key", REFUSED, ids=lambda key: f"{len(key)} characters, {key[:2]!a}")
def test_element_keys_that_the_format_does_not_have_are_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(ValueError, match=r"is empty|takes \d+ bytes|lone surrogate"):
        collection({key: blob(b"1")})
