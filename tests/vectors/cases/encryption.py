"""encryption.json: what is stored of encrypted values, keys and elements. Only AES, GCM and CTR are taken from a library."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.vectors.cases.data import MEDIA, VIEWS, stored
from tests.vectors.cases.elements import KEYS as ELEMENT_KEYS
from tests.vectors.cases.raw import Json, b64, commit_content, oid_of, quoted, tree_content

SECRETS = {"first": bytes(range(32)), "2027.second_key-": hashlib.sha256(b"second").digest(), "x" * 64: bytes(32)}
NONCE = bytes(range(100, 112))
LAYOUT = b"\x01"
OTHER_KEY = "218c8fd9f769956c8b0360660ce1fd3740bcd92e"


def hkdf(secret: bytes, info: str, length: int) -> bytes:
    """Derive a key by RFC 5869 with SHA-256 and no salt."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    made, block = b"", b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info.encode() + bytes([number]), "sha256")
        made += block
    return made[:length]


def _aes(key: bytes, block: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305  # one block: CMAC is made of such
    return encryptor.update(block) + encryptor.finalize()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _double(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    return ((number & (1 << 128) - 1) ^ (0x87 if number >> 128 else 0)).to_bytes(16, "big")


def cmac(key: bytes, data: bytes) -> bytes:
    """Authenticate by RFC 4493, with a key of any size that AES has."""
    subkey = _double(_aes(key, bytes(16)))
    whole = max(0, -(-len(data) // 16) - 1) * 16
    last = data[whole:]
    last = _xor(last, subkey) if len(last) == 16 else _xor(last + b"\x80" + bytes(15 - len(last)), _double(subkey))
    state = bytes(16)
    for begin in range(0, whole, 16):
        state = _aes(key, _xor(state, data[begin : begin + 16]))
    return _aes(key, _xor(state, last))


def siv(key: bytes, data: bytes, *associated: bytes) -> bytes:
    """Encrypt by RFC 5297: the synthetic initialisation vector, then the ciphertext."""
    mac_key, stream_key = key[: len(key) // 2], key[len(key) // 2 :]
    state = cmac(mac_key, bytes(16))
    for header in associated:
        state = _xor(_double(state), cmac(mac_key, header))
    padded = data + b"\x80" + bytes(max(0, 15 - len(data)))
    last = data[:-16] + _xor(data[-16:], state) if len(data) >= 16 else _xor(_double(state), padded)
    vector = cmac(mac_key, last)
    start = (int.from_bytes(vector, "big") & ~(1 << 63 | 1 << 31)).to_bytes(16, "big")
    encryptor = Cipher(algorithms.AES(stream_key), modes.CTR(start)).encryptor()
    return vector + encryptor.update(data) + encryptor.finalize()


def check(kid: str) -> bytes:
    return hkdf(SECRETS[kid], "git-keyval 2 check", 8)


def gcm_key(kid: str) -> bytes:
    return hkdf(SECRETS[kid], "git-keyval 2 A256GCM", 32)


def siv_key(kid: str) -> bytes:
    return hkdf(SECRETS[kid], "git-keyval 2 AES-SIV", 64)


def bound(kind: str, media: tuple[str, str], key_id: str, category: str = "data", element: str = "") -> str:
    """Return the associated data of a value or an element; without a key id, those of a key."""
    return (
        f'{{"category":{quoted(category)},'
        + (f'"element":{quoted(element)},' if element else "")
        + f'"extension":{quoted(media[1])},'
        + (f'"key":"{key_id}",' if key_id else "")
        + f'"mime":{quoted(media[0])},"type":{quoted(kind)},"version":2}}'
    )


def sealed_value(kid: str, data: bytes, associated: str, nonce: bytes = NONCE) -> bytes:
    return LAYOUT + check(kid) + nonce + AESGCM(gcm_key(kid)).encrypt(nonce, data, associated.encode())


def sealed_key(kid: str, data: bytes, associated: str) -> bytes:
    return LAYOUT + check(kid) + siv(siv_key(kid), data, associated.encode())


def sealed_name(kid: str, key_id: str, name: str) -> str:
    associated = f'{{"category":"map","key":"{key_id}","version":2}}'
    return base64.urlsafe_b64encode(siv(siv_key(kid), name.encode(), associated.encode())).decode().rstrip("=")


def record(kind: str, media: tuple[str, str], sealed: bytes, algo: str, kid: str) -> Json:
    line = (
        f'{{"blobOid":"{oid_of("blob", sealed)}","category":"data","encrypted":true,'
        f'"encryption":{{"algo":{quoted(algo)},"kid":{quoted(kid)}}},'
        f'"extension":{quoted(media[1])},"mime":{quoted(media[0])},"type":{quoted(kind)},"version":2}}'
    )
    return stored(sealed, line.encode(), (*VIEWS, f"view.{media[1]}"))


def key_id_of(kid: str, name: str) -> str:
    made = record("String", MEDIA["String"], sealed_key(kid, name.encode(), bound("String", MEDIA["String"], "")), "AES-SIV", kid)
    return str(made["commitOid"])


CONTENT = [
    ("String", "hello", MEDIA["String"]),
    ("String", "", MEDIA["String"]),
    ("Number", "1.5", MEDIA["Number"]),
    ("Boolean", "true", MEDIA["Boolean"]),
    ("JSON", '{"a":[1,null]}', MEDIA["JSON"]),
    ("Uint8Array", "\0\x01", MEDIA["Uint8Array"]),
    ("Blob", "\x89PNG", ("image/png", "png")),
]


def encryption() -> Json:
    return {
        "keys": [
            {
                "kid": kid,
                "secretBase64": b64(secret),
                "checkBase64": b64(check(kid)),
                "gcmKeyBase64": b64(gcm_key(kid)),
                "sivKeyBase64": b64(siv_key(kid)),
            }
            for kid, secret in SECRETS.items()
        ],
        "refusedKids": ["", " ", "a b", "a:b", "a/b", "\u00e9", "a\n", "x" * 65],
        "keyRecords": list(key_records()),
        "records": list(records()),
        "names": list(names()),
        "collections": list(collections()),
        "malformed": list(malformed()),
        "operations": list(operations()),
        "refusedNames": {
            "": "nothing",
            "colour": "too short",
            "A" * 21: "as many bytes as are added to a name",
            "A" * 22: "as many bytes as are added to a name",
            "A" * 23 + "=": "padding",
            "A" * 22 + "B": "bits that belong to no byte",
            "A" * 25: "no length of base64",
            "A" * 22 + "+": "not of base64url",
            "A" * 22 + "/": "not of base64url",
            "A" * 22 + "%20": "no base64",
        },
    }


def key_records() -> Iterator[Json]:
    for kid in SECRETS:
        for kind, text, media in CONTENT[:6]:
            associated = bound(kind, media, "")
            sealed = sealed_key(kid, text.encode(), associated)
            yield {
                "name": f"{kind} {text!a} by {kid[:9]}",
                "kid": kid,
                "type": kind,
                "plainBase64": b64(text.encode()),
                "mime": media[0],
                "extension": media[1],
                "associated": associated,
                **record(kind, media, sealed, "AES-SIV", kid),
            }


def records() -> Iterator[Json]:
    for kid in SECRETS:
        key_id = key_id_of("first", "a")
        for kind, text, media in CONTENT:
            content = text.encode("latin-1")
            associated = bound(kind, media, key_id)
            yield {
                "name": f"{kind} {text!a} by {kid[:9]}",
                "kid": kid,
                "keyId": key_id,
                "nonceBase64": b64(NONCE),
                "type": kind,
                "plainBase64": b64(content),
                "mime": media[0],
                "extension": media[1],
                "associated": associated,
                **record(kind, media, sealed_value(kid, content, associated), "A256GCM", kid),
            }


def operations() -> Iterator[Json]:
    """Operation ids as they are recorded."""
    for kid, secret in SECRETS.items():
        key = hkdf(secret, "git-keyval 2 op", 32)
        for key_id in (key_id_of("first", "a"), OTHER_KEY):
            for op in ("deploy42", "e9913aad120b67f8d852", "z" * 40):
                hidden = hmac.digest(key, f"op\n{key_id}\n{op}".encode(), "sha256")[:10].hex()
                proof = hmac.digest(key, f"proof\n{key_id}\n{hidden}".encode(), "sha256")[:10].hex()
                yield {"kid": kid, "keyId": key_id, "op": op, "recorded": hidden + proof}


def names() -> Iterator[Json]:
    for key_id in (key_id_of("first", "a"), OTHER_KEY):
        for key in (*ELEMENT_KEYS, "x" * 175):
            if len(key.encode()) <= 175:
                name = sealed_name("first", key_id, key)
                yield {"kid": "first", "keyId": key_id, "key": key, "name": name, "id": oid_of("blob", name.encode())}


def collections() -> Iterator[Json]:
    def case(name: str, category: str, kids: Mapping[str, str], newest: str, length: int | None = None) -> Json:
        key_id, media = key_id_of("first", "a"), MEDIA["Number"]
        keys = {key: sealed_name("first", key_id, key) if category == "map" else key for key in kids}
        blobs = {
            keys[key]: sealed_value(kid, b"%d" % number, bound("Number", media, key_id, category, keys[key]), bytes([number] * 12))
            for number, (key, kid) in enumerate(kids.items())
        }
        subtree = tree_content({key: oid_of("blob", data) for key, data in blobs.items()})
        line = collection_line(category, oid_of("tree", subtree), newest, length)
        root = tree_content({"metadata.json": oid_of("blob", line)}, {"elements": oid_of("tree", subtree)} if blobs else {})
        return {
            "name": name,
            "category": category,
            "kid": newest,
            "keyId": key_id,
            "type": "Number",
            "mime": media[0],
            "extension": media[1],
            **({} if length is None else {"length": length}),
            "elements": [
                {
                    "key": key,
                    "kid": kid,
                    "storedKey": keys[key],
                    "id": oid_of("blob", keys[key].encode()),
                    "nonceBase64": b64(bytes([number] * 12)),
                    "plainBase64": b64(b"%d" % number),
                    "dataBase64": b64(blobs[keys[key]]),
                }
                for number, (key, kid) in enumerate(kids.items())
            ],
            "metadata": line.decode(),
            "commitOid": oid_of("commit", commit_content(oid_of("tree", root), line + b"\n")),
        }

    second = "2027.second_key-"
    yield case("a map", "map", {"colour": "first", "a/b": "first"}, "first")
    yield case("a map of no elements", "map", {}, "first")
    yield case("a map whose elements are of two keys", "map", {"colour": "first", "..": second}, second)
    yield case("an array", "array", {"0": "first", "2": second}, second, 4)
    yield case("an array of holes", "array", {}, "first", 3)


def collection_line(category: str, subtree: str, kid: str, length: int | None, algo: str = "A256GCM") -> bytes:
    length_member = "" if length is None else f'"length":{length},'
    return (
        f'{{"category":"{category}","encrypted":true,"encryption":{{"algo":"{algo}","kid":{quoted(kid)}}},"extension":"txt",{length_member}'
        f'"mime":"text/plain","treeOid":"{subtree}","type":"Number","version":2}}'
    ).encode()


def malformed() -> Iterator[Json]:
    """Records that are refused without any key."""
    key_id, media = key_id_of("first", "a"), MEDIA["String"]
    sealed = sealed_value("first", b"x", bound("String", media, key_id))
    good = str(record("String", media, sealed, "A256GCM", "first")["metadata"])

    def case(name: str, content: bytes, line: str) -> Json:
        line = line.replace(oid_of("blob", sealed), oid_of("blob", content))
        views = dict.fromkeys((*VIEWS, "view.txt"), oid_of("blob", content))
        tree = tree_content({**views, "metadata.json": oid_of("blob", line.encode())})
        commit = commit_content(oid_of("tree", tree), line.encode() + b"\n")
        return objects(name, [("blob", content), ("blob", line.encode()), ("tree", tree)], commit)

    def changed(old: str, new: str) -> str:
        assert old in good
        return good.replace(old, new)

    members = '"encrypted":true,"encryption":{"algo":"A256GCM","kid":"first"},'
    yield case("plain bytes", b"x", good)
    yield case("no bytes", b"", good)
    yield case("a later layout", b"\x02" + sealed[1:], good)
    yield case("a byte less than the shortest value", sealed_value("first", b"", "")[:-1], good)
    yield case("a byte less than the shortest key", sealed_key("first", b"", "")[:-1], changed("A256GCM", "AES-SIV"))
    yield case("not said to be encrypted", sealed, changed('"encrypted":true,', ""))
    yield case("said not to be encrypted", sealed, changed('"encrypted":true', '"encrypted":false'))
    yield case("said to be encrypted by a text", sealed, changed('"encrypted":true', '"encrypted":"true"'))
    yield case("encrypted without saying how", sealed, changed(members, '"encrypted":true,'))
    yield case("encrypted by a list", sealed, changed('{"algo":"A256GCM","kid":"first"}', '["A256GCM","first"]'))
    yield case("an unknown algorithm", sealed, changed("A256GCM", "A128GCM"))
    yield case("no algorithm", sealed, changed('"algo":"A256GCM",', ""))
    yield case("an algorithm that is no text", sealed, changed('"A256GCM"', "1"))
    yield case("no name of the key", sealed, changed(',"kid":"first"', ""))
    yield case("an empty name of the key", sealed, changed('"kid":"first"', '"kid":""'))
    yield case("a name of the key with a line feed", sealed, changed('"kid":"first"', '"kid":"a\\n"'))
    yield case("a name of the key that is too long", sealed, changed('"kid":"first"', f'"kid":"{"x" * 65}"'))
    yield case("a name of the key that is a number", sealed, changed('"kid":"first"', '"kid":1'))
    yield case("more about the encryption than there is", sealed, changed('"kid":"first"', '"kid":"first","x":1'))
    yield case("media of another type", sealed, changed("text/plain", "text/html"))

    def map_case(name: str, element: str, category: str = "map", algo: str = "A256GCM") -> Json:
        subtree = tree_content({element: oid_of("blob", sealed)})
        line = collection_line(category, oid_of("tree", subtree), "first", 9 if category == "array" else None, algo)
        root = tree_content({"metadata.json": oid_of("blob", line)}, {"elements": oid_of("tree", subtree)})
        commit = commit_content(oid_of("tree", root), line + b"\n")
        return objects(name, [("tree", subtree), ("blob", line), ("tree", root)], commit)

    yield map_case("an element key that is not encrypted", "colour")
    yield map_case("an element key in other base64", "A" * 22 + "B")
    yield map_case("a map by the algorithm of keys", sealed_name("first", key_id, "colour"), algo="AES-SIV")
    yield map_case("an array by the algorithm of keys", "0", "array", algo="AES-SIV")
    yield map_case("an array with an encrypted index", sealed_name("first", key_id, "0"), "array")


def objects(name: str, parts: list[tuple[str, bytes]], commit: bytes) -> Json:
    return {
        "name": name,
        "objects": [{"kind": kind, "contentBase64": b64(content)} for kind, content in [*parts, ("commit", commit)]],
        "commitOid": oid_of("commit", commit),
    }
