"""Encryption, whatever is encrypted: read back as written where it was written, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_keyval.errors import (
    GitKeyvalError,
    MalformedRecordError,
    MissingEncryptionKeyError,
    TamperedError,
    WrongEncryptionKeyError,
)
from git_keyval.format.elements import Collection, decode_collection, element_value, encode_collection, encode_element_key
from git_keyval.format.encryption import Slot, derive_key, open_key, open_name, open_value, seal_key, seal_name, seal_value
from git_keyval.format.objects import blob
from git_keyval.format.records import decode_data, encode_data
from git_keyval.format.sealed import Encryption, Sealed, read_sealed_name
from git_keyval.format.values import Value, parse_value
from tests.encrypting import secret
from tests.format.strategies import KEY_IDS, TEXTS, VALUES
from tests.replacing import replace

ONE, OTHER = derive_key("one", secret("one")), derive_key("other", secret("other"))
NONCES = st.binary(min_size=12, max_size=12)
NAMES = TEXTS.filter(lambda name: 0 < len(name.encode()) <= 175)
SLOTS = st.builds(Slot, KEY_IDS) | st.builds(
    Slot, KEY_IDS, st.sampled_from(["map", "array"]), st.sampled_from(["0", "1", "a", "b"])
)


@given(VALUES, NONCES, SLOTS)
def test_a_value_is_read_where_it_was_written(value: Value, nonce: bytes, slot: Slot) -> None:
    sealed = seal_value(ONE, nonce, value, slot)
    record = encode_data(sealed)
    assert decode_data(record.commit, {made.oid: made for made in record.objects}) == sealed
    assert open_value([OTHER, ONE], sealed, slot, "here") == value
    assert len(sealed.data) == len(value.data) + 37


@given(VALUES, NONCES, SLOTS, SLOTS)
def test_a_value_is_read_at_no_other_place(value: Value, nonce: bytes, slot: Slot, other: Slot) -> None:
    sealed = seal_value(ONE, nonce, value, slot)
    if slot != other:
        with pytest.raises(TamperedError):
            open_value([ONE], sealed, other, "here")


@given(VALUES, VALUES, NONCES, SLOTS)
def test_a_value_is_read_as_no_other_type(value: Value, other: Value, nonce: bytes, slot: Slot) -> None:
    sealed = seal_value(ONE, nonce, value, slot)
    passed_off = replace(sealed, type=other.type, mime=other.mime, extension=other.extension)
    if passed_off != sealed:
        with pytest.raises(TamperedError):
            open_value([ONE], passed_off, slot, "here")


@given(VALUES, NONCES, SLOTS, st.data())
def test_a_change_of_what_is_stored_is_noticed(value: Value, nonce: bytes, slot: Slot, data: st.DataObject) -> None:
    sealed = seal_value(ONE, nonce, value, slot)
    index = data.draw(st.integers(0, len(sealed.data) - 1))
    changed = bytearray(sealed.data)
    changed[index] ^= data.draw(st.integers(1, 255))
    record = encode_data(replace(sealed, data=bytes(changed)))
    try:
        found = decode_data(record.commit, {made.oid: made for made in record.objects})
    except MalformedRecordError:
        assert index == 0
        return
    assert isinstance(found, Sealed)
    with pytest.raises(WrongEncryptionKeyError if index <= 8 else TamperedError):
        open_value([ONE, OTHER], found, slot, "here")


@given(VALUES, VALUES)
def test_two_keys_have_two_ids_and_one_key_one(value: Value, other: Value) -> None:
    sealed = seal_key(ONE, value)
    one = encode_data(sealed)
    assert (one.key_id == encode_data(seal_key(ONE, other)).key_id) is (value == other)
    assert one.key_id not in {encode_data(seal_key(OTHER, value)).key_id, encode_data(value).key_id}
    assert open_key([OTHER, ONE], sealed, "here") == value


def test_the_name_of_an_encryption_key_is_part_of_what_it_names() -> None:
    """It is in the metadata; so who renames the first key has another database."""
    value = parse_value("String", "a")
    renamed = derive_key("renamed", secret("one"))
    assert encode_data(seal_key(ONE, value)).key_id != encode_data(seal_key(renamed, value)).key_id


@given(VALUES, NONCES, SLOTS)
def test_a_key_that_is_missing_and_one_that_is_wrong_are_told_apart(value: Value, nonce: bytes, slot: Slot) -> None:
    for sealed, opened in ((seal_value(ONE, nonce, value, slot), True), (seal_key(ONE, value), False)):
        for keys, error in (([], MissingEncryptionKeyError), ([OTHER], MissingEncryptionKeyError)):
            with pytest.raises(error, match="'one'"):
                open_value(keys, sealed, slot, "here") if opened else open_key(keys, sealed, "here")
        wrong = [OTHER, derive_key("one", secret("wrong"))]
        with pytest.raises(WrongEncryptionKeyError, match="'one'"):
            open_value(wrong, sealed, slot, "here") if opened else open_key(wrong, sealed, "here")


def test_what_was_encrypted_as_a_key_is_no_value_and_the_reverse() -> None:
    slot, value = Slot(encode_data(seal_key(ONE, parse_value("String", "k"))).key_id), parse_value("String", "v")
    with pytest.raises(TamperedError):
        open_value([ONE], seal_key(ONE, value), slot, "here")
    with pytest.raises(TamperedError):
        open_key([ONE], seal_value(ONE, bytes(12), value, slot), "here")
    for wrong in (
        replace(seal_key(ONE, value), encryption=Encryption("A256GCM", "one")),
        replace(seal_value(ONE, bytes(12), value, slot), encryption=Encryption("AES-SIV", "one")),
    ):
        with pytest.raises(TamperedError):
            (open_value([ONE], wrong, slot, "here") if wrong.encryption.algo == "A256GCM" else open_key([ONE], wrong, "here"))


def test_what_who_has_the_key_encrypted_in_another_spelling_is_malformed() -> None:
    """It is authentic, so nobody else is suspected."""
    slot = Slot(encode_data(seal_key(ONE, parse_value("String", "k"))).key_id)
    sealed = seal_value(ONE, bytes(12), Value("Number", b"1.0", "text/plain", "txt"), slot)
    with pytest.raises(MalformedRecordError, match="canonical") as raised:
        open_value([ONE], sealed, slot, "here")
    assert not isinstance(raised.value, TamperedError)


# --- elements -------------------------------------------------------------------------------------------------------


@given(NAMES, KEY_IDS)
def test_an_element_key_is_found_again_and_needs_no_escape(name: str, key_id: str) -> None:
    stored = seal_name(ONE, key_id, name)  # type: ignore[arg-type]
    assert open_name(ONE, key_id, stored, "here") == name  # type: ignore[arg-type]
    assert encode_element_key(stored) == stored
    assert len(stored) <= 255


@given(NAMES, NAMES, KEY_IDS, KEY_IDS)
def test_an_element_key_is_the_same_within_a_map_and_another_one_elsewhere(name: str, other: str, one: str, another: str) -> None:
    stored = {(given, key_id): seal_name(ONE, key_id, given) for given in (name, other) for key_id in (one, another)}  # type: ignore[arg-type]
    assert len(set(stored.values())) == len(stored)
    for (_, key_id), text in stored.items():
        for wrong in {one, another} - {key_id}:
            with pytest.raises(TamperedError):
                open_name(ONE, wrong, text, "here")  # type: ignore[arg-type]
        with pytest.raises(TamperedError):
            open_name(OTHER, key_id, text, "here")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["x" * 176, "é" * 88, "x" * 10_240, "", "\ud800"])
def test_an_element_key_that_cannot_be_stored_says_why(name: str) -> None:
    key_id = encode_data(parse_value("String", "k")).key_id
    with pytest.raises(ValueError, match=r"^(is empty|has (176|10240) bytes, more than the 175 that an encrypted one|has a lone)"):
        seal_name(ONE, key_id, name)
    assert len(seal_name(ONE, key_id, "x" * 175)) == 255


@given(st.text("ABCabc019-_=+/%.", max_size=60))
def test_any_text_is_read_as_the_bytes_that_are_written_so_or_refused(text: str) -> None:
    try:
        data = read_sealed_name(text)
    except ValueError:
        return
    assert len(data) > 16
    with pytest.raises(TamperedError):
        open_name(ONE, encode_data(parse_value("String", "k")).key_id, text, "here")


@given(st.dictionaries(NAMES, VALUES.map(lambda value: parse_value("String", value.type)), max_size=5), KEY_IDS)
def test_a_map_is_read_by_who_has_no_key_as_far_as_its_structure_goes(content: dict[str, Value], key_id: str) -> None:
    names = {name: seal_name(ONE, key_id, name) for name in content}  # type: ignore[arg-type]
    blobs = {
        names[name]: blob(seal_value(ONE, bytes(12), value, Slot(key_id, "map", names[name])).data)  # type: ignore[arg-type]
        for name, value in content.items()
    }
    elements = {name: made.oid for name, made in blobs.items()}
    collection = Collection("map", "String", "text/plain", "txt", elements, encryption=Encryption("A256GCM", "one"))
    record = encode_collection(collection)
    assert decode_collection(record.commit, {made.oid: made for made in record.objects}) == collection
    for name, value in content.items():
        found = element_value(collection, blobs[names[name]])
        assert isinstance(found, Sealed)
        assert open_value([ONE], found, Slot(key_id, "map", names[name]), "here") == value  # type: ignore[arg-type]


def test_an_element_that_is_not_encrypted_is_malformed() -> None:
    collection = Collection("map", "String", "text/plain", "txt", {}, encryption=Encryption("A256GCM", "one"))
    with pytest.raises(MalformedRecordError, match="not encrypted"):
        element_value(collection, blob(b"plain"))


def test_errors_show_nothing_of_what_they_are_about() -> None:
    slot, value = Slot(encode_data(seal_key(ONE, parse_value("String", "k"))).key_id), parse_value("String", "markedvalue")
    sealed = seal_value(ONE, bytes(12), value, slot)
    for keys, where in (
        ([], slot),
        ([OTHER], slot),
        ([derive_key("one", secret("x"))], slot),
        ([ONE], Slot(slot.key_id, "map", "a")),
    ):
        with pytest.raises(GitKeyvalError) as raised:
            open_value(keys, sealed, where, "refs/heads/x")
        assert "marked" not in str(raised.value)
        assert str(raised.value).isprintable()
    assert "marked" not in repr(sealed)
    assert repr(ONE) == f"EncryptionKey(kid='one', check={ONE.check!r})"
