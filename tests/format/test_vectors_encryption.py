"""The golden vectors of encryption (tests/vectors), and the published ones of what it is made of."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from git_keyval.errors import MalformedRecordError
from git_keyval.format.elements import Collection, decode_collection, element_id, element_value, encode_collection
from git_keyval.format.encryption import (
    EncryptionKey,
    Slot,
    derive_key,
    is_sealed_op,
    open_key,
    open_name,
    open_value,
    seal_key,
    seal_name,
    seal_op,
    seal_value,
)
from git_keyval.format.names import KeyId, is_op
from git_keyval.format.objects import blob
from git_keyval.format.records import decode_data, encode_data
from git_keyval.format.sealed import Encryption, Sealed, is_kid, read_sealed_name
from git_keyval.format.values import Value
from tests.format.test_vectors_objects import label, stored
from tests.vectors import load
from tests.vectors.cases.encryption import siv

Case = Mapping[str, Any]

ENCRYPTION = load("encryption")
KEYS: dict[str, EncryptionKey] = {
    case["kid"]: derive_key(case["kid"], base64.b64decode(case["secretBase64"])) for case in ENCRYPTION["keys"]
}
ALL = list(KEYS.values())


def plain(case: Case) -> Value:
    return Value(case["type"], base64.b64decode(case["plainBase64"]), case["mime"], case["extension"])


def nonce(case: Case) -> bytes:
    return base64.b64decode(case["nonceBase64"])


@pytest.mark.parametrize("case", ENCRYPTION["keys"], ids=lambda case: case["kid"][:9])
def test_subkeys_are_derived_as_the_vector_says(case: Case) -> None:
    """Each purpose has a key of its own, so that no two of them meet in one algorithm."""
    key = KEYS[case["kid"]]
    assert base64.b64encode(key.check).decode() == case["checkBase64"]
    assert AESGCM(base64.b64decode(case["gcmKeyBase64"])).encrypt(bytes(12), b"x", b"y") == key.gcm.encrypt(bytes(12), b"x", b"y")
    assert AESSIV(base64.b64decode(case["sivKeyBase64"])).encrypt(b"x", [b"y"]) == key.siv.encrypt(b"x", [b"y"])


@pytest.mark.parametrize(
    "case", ENCRYPTION["operations"], ids=lambda case: f"{case['kid'][:9]} {case['keyId'][:4]} {case['op'][:9]}"
)
def test_an_operation_id_is_recorded_as_the_vector_says(case: Case) -> None:
    recorded, key = case["recorded"], KEYS[case["kid"]]
    assert seal_op(key, case["keyId"], case["op"]) == recorded
    assert is_op(recorded)
    assert is_sealed_op(key, case["keyId"], recorded)
    assert not is_sealed_op(key, case["keyId"][::-1], recorded)
    assert not is_sealed_op(next(other for other in KEYS.values() if other is not key), case["keyId"], recorded)
    assert not any(is_sealed_op(key, case["keyId"], op) for op in (case["op"], recorded[:-1], recorded[::-1], "0" * 40))


@pytest.mark.parametrize("text", ENCRYPTION["refusedKids"], ids=ascii)
def test_a_name_of_a_key_that_the_format_does_not_have_is_refused(text: str) -> None:
    """It is shown in errors, so it is a word."""
    assert not is_kid(text)


@pytest.mark.parametrize("case", ENCRYPTION["keyRecords"], ids=label)
def test_a_key_is_encrypted_as_the_vector_says(case: Case) -> None:
    """The same key has the same record, and so the same key id, in every client and every time."""
    sealed = seal_key(KEYS[case["kid"]], plain(case))
    record = encode_data(sealed)
    assert base64.b64encode(sealed.data).decode() == case["dataBase64"]
    assert (record.objects[1].data.decode(), record.commit.oid) == (case["metadata"], case["commitOid"])
    found = decode_data(record.commit, {made.oid: made for made in record.objects})
    assert isinstance(found, Sealed)
    assert open_key(ALL, found, "here") == plain(case)


@pytest.mark.parametrize("case", ENCRYPTION["records"], ids=label)
def test_a_value_is_encrypted_as_the_vector_says(case: Case) -> None:
    """With the nonce given, the same bytes in every client; and every client reads them."""
    place = Slot(KeyId(case["keyId"]))
    sealed = seal_value(KEYS[case["kid"]], nonce(case), plain(case), place)
    record = encode_data(sealed)
    assert base64.b64encode(sealed.data).decode() == case["dataBase64"]
    data, metadata, tree, commit = record.objects
    assert metadata.data.decode() == case["metadata"]
    assert (data.oid, metadata.oid, tree.oid, commit.oid) == tuple(
        case[name] for name in ("blobOid", "metadataOid", "treeOid", "commitOid")
    )
    found = decode_data(record.commit, {made.oid: made for made in record.objects})
    assert found == sealed
    assert open_value(ALL, sealed, place, "here") == plain(case)


@pytest.mark.parametrize("case", ENCRYPTION["names"], ids=lambda case: ascii(case["key"])[:30])
def test_an_element_key_is_encrypted_as_the_vector_says(case: Case) -> None:
    """The same within one map, and another one in every other map."""
    key, key_id = KEYS[case["kid"]], KeyId(case["keyId"])
    assert seal_name(key, key_id, case["key"]) == case["name"]
    assert open_name(key, key_id, case["name"], "here") == case["key"]
    assert element_id(case["name"]) == case["id"]


@pytest.mark.parametrize("name", ENCRYPTION["refusedNames"], ids=ascii)
def test_a_text_that_is_no_encrypted_element_key_is_refused(name: str) -> None:
    """There is one spelling for each."""
    with pytest.raises(ValueError, match=r"^is "):
        read_sealed_name(name)


@pytest.mark.parametrize("case", ENCRYPTION["collections"], ids=label)
def test_an_encrypted_collection_is_stored_as_the_vector_says(case: Case) -> None:
    """It is read and written again without any key; with the keys, each element by the one that encrypted it."""
    key_id = KeyId(case["keyId"])
    blobs = {}
    for element in case["elements"]:
        place = Slot(key_id, case["category"], element["storedKey"])
        value = Value(case["type"], base64.b64decode(element["plainBase64"]), case["mime"], case["extension"])
        sealed = seal_value(KEYS[element["kid"]], nonce(element), value, place)
        assert base64.b64encode(sealed.data).decode() == element["dataBase64"]
        assert element_id(element["storedKey"]) == element["id"]
        blobs[element["storedKey"]] = blob(sealed.data)
    elements = {key: made.oid for key, made in blobs.items()}
    encryption = Encryption("A256GCM", case["kid"])
    collection = Collection(
        case["category"], case["type"], case["mime"], case["extension"], elements, case.get("length", 0), encryption
    )
    record = encode_collection(collection)
    assert record.objects[-3].data.decode() == case["metadata"]
    assert record.commit.oid == case["commitOid"]
    assert decode_collection(record.commit, {made.oid: made for made in record.objects}) == collection
    for element in case["elements"]:
        found = element_value(collection, blobs[element["storedKey"]])
        assert isinstance(found, Sealed)
        opened = open_value(ALL, found, Slot(key_id, case["category"], element["storedKey"]), "here")
        assert opened.data == base64.b64decode(element["plainBase64"])


@pytest.mark.parametrize("case", ENCRYPTION["malformed"], ids=label)
def test_a_malformed_encrypted_record_is_refused_without_a_key(case: Case) -> None:
    """What no key could open is found by whoever checks the repository."""
    objects = stored(case["objects"])
    commit = objects[case["commitOid"]]
    with pytest.raises(MalformedRecordError):
        (decode_collection if b'"treeOid"' in commit.data else decode_data)(commit, objects)


def test_aes_siv_is_that_of_rfc_5297() -> None:
    """https://www.rfc-editor.org/rfc/rfc5297#appendix-A; the vectors' own AES-SIV against it, and ours against theirs above."""
    key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    header = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
    text = bytes.fromhex("112233445566778899aabbccddee")
    sealed = bytes.fromhex("85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c")
    assert siv(key, text, header) == sealed == AESSIV(key).encrypt(text, [header])
    key = bytes.fromhex("7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f")
    headers = [
        bytes.fromhex("00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100"),
        bytes.fromhex("102030405060708090a0"),
        bytes.fromhex("09f911029d74e35bd84156c5635688c0"),
    ]
    text = b"this is some plaintext to encrypt using SIV-AES"
    sealed = bytes.fromhex(
        "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d"
    )
    assert siv(key, text, *headers) == sealed == AESSIV(key).encrypt(text, headers)


def test_aes_gcm_is_that_of_its_inventors() -> None:
    """Test case 16 of https://csrc.nist.rip/groups/ST/toolkit/BCM/documents/proposedmodes/gcm/gcm-spec.pdf."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    text = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    header = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )
    assert AESGCM(key).encrypt(bytes.fromhex("cafebabefacedbaddecaf888"), text, header) == sealed
