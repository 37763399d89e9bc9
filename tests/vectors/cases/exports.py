"""exports.json: the lines of exports, made of the cases of the other files."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from tests.vectors.cases import counters, data, elements, encryption, redirects
from tests.vectors.cases.raw import Json, oid_of

KEY_ID = "0123456789abcdef0123456789abcdef01234567"
_BUILD_NUMBER, _FORTY_TWO = "096d965540ec9ab86c964bb3f7a7d722456d2852", "59c44eeb6c64ada5bfa60dfedbc540ee9e9d8f14"
"""The String `build-number` and the Number 42, as docs/format.md has them."""

_BINARY = {"Uint8Array", "Blob"}
_HEADER: Json = {"category": "export", "layout": 1, "version": 2}
_MARK: Json = {"check": "0123456789abcdef", "kid": "2026"}
_EXPIRES = {"1970-01-01T00:00:01Z": 1, "2026-11-23T00:00:00Z": 1795392000, "9999-12-31T23:59:59Z": 253402300799}


def line(members: Json) -> str:
    return json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def exports() -> Json:
    return {
        "headers": [
            {"line": line(_HEADER), "mark": None, "sealed": False},
            {"line": line({**_HEADER, "encryption": _MARK}), "mark": _MARK, "sealed": False},
            {"line": line({**_HEADER, "encryption": _MARK, "sealed": True}), "mark": _MARK, "sealed": True},
        ],
        "refusedHeaders": [{"why": why, "line": text} for why, text in _refused_headers()],
        "records": list(_records()),
        "refusedRecords": [{"why": why, "line": text} for why, text in _refused()],
        "end": line({"category": "end"}),
    }


def _content(kind: str, data: bytes, *, sealed: bool = False) -> Json:
    if sealed or kind in _BINARY:
        return {"base64": base64.b64encode(data).decode()}
    return {"value": data.decode()}


def _shape(case: Json) -> Json:
    media = {name: case[name] for name in ("mime", "extension")} if case["type"] == "Blob" else {}
    return {"type": case["type"], **media}


def _record(members: Json, oid: str, **more: object) -> Json:
    about = {"id": KEY_ID} if not {"id", "key"} & members.keys() else {}
    return {
        "line": line({**about, **members}),
        "keyId": KEY_ID,
        "valueOid": oid,
        "keyOid": None,
        "expiry": None,
        "elementExpiries": {},
        **more,
    }


def _records() -> Iterator[Json]:
    for case in data.data()["records"]:
        yield _record(
            {"category": "data", **_shape(case), **_content(case["type"], base64.b64decode(case["dataBase64"]))}, case["commitOid"]
        )
    for case in elements.collections():
        yield _record(_collection(case), case["commitOid"])
    for case in counters.counters()["counters"]:
        yield _record(_counter(case["counter"]), case["oid"])
    for case in redirects.redirects()["redirects"]:
        yield _record({"category": "redirect", **{name: case[name] for name in ("repository", "shardLength")}}, case["oid"])
    yield from _encrypted()
    yield from _lifetimes()


def _collection(case: Json) -> Json:
    listed = [
        {
            **({"index": int(key)} if case["category"] == "array" else {"field": key}),
            **_content(case["type"], base64.b64decode(content)),
        }
        for key, content in case["elements"].items()
    ]
    listed.sort(key=_place)
    length = {"length": case["length"]} if "length" in case else {}
    return {"category": case["category"], **_shape(case), **length, "elements": listed}


def _place(element: Json) -> Any:  # noqa: ANN401  # the indices of an array, or the fields of a map
    return element["index"] if "index" in element else element["field"]


def _counter(state: Json) -> Json:
    return {"category": "counter", **{name: member for name, member in state.items() if member is not None}}


def _encrypted() -> Iterator[Json]:
    cases = encryption.encryption()
    for case in cases["records"]:
        sealed = {"encryption": {"algo": "A256GCM", "kid": case["kid"]}, **_shape(case)}
        members = {
            "category": "data",
            "id": case["keyId"],
            **sealed,
            **_content("", base64.b64decode(case["dataBase64"]), sealed=True),
        }
        yield _record(members, case["commitOid"], keyId=case["keyId"])
    redirect = redirects.redirects()["redirects"][0]
    target = {"category": "redirect", **{name: redirect[name] for name in ("repository", "shardLength")}}
    for case in cases["keyRecords"]:
        sealed = {"encryption": {"algo": "AES-SIV", "kid": case["kid"]}, **_shape(case)}
        key = {**sealed, **_content("", base64.b64decode(case["dataBase64"]), sealed=True)}
        yield _record({**target, "key": key}, redirect["oid"], keyId=case["commitOid"], keyOid=case["commitOid"])
    for case in cases["collections"]:
        yield _record(_sealed_collection(case), case["commitOid"], keyId=case["keyId"])


def _sealed_collection(case: Json) -> Json:
    array = case["category"] == "array"
    listed = [
        {**({"index": int(each["key"])} if array else {"field": each["storedKey"]}), "base64": each["dataBase64"]}
        for each in case["elements"]
    ]
    listed.sort(key=_place)
    length = {"length": case["length"]} if array else {}
    encrypted = {"encryption": {"algo": "A256GCM", "kid": case["kid"]}}
    return {"category": case["category"], "id": case["keyId"], **_shape(case), **length, **encrypted, "elements": listed}


def _lifetimes() -> Iterator[Json]:
    of_key = {"key": {"type": "String", "value": "build-number"}, "category": "data", "type": "Number", "value": "42"}
    yield _record(of_key, _FORTY_TWO, keyId=_BUILD_NUMBER, keyOid=_BUILD_NUMBER)
    for text, expiry in _EXPIRES.items():
        yield _record({**of_key, "expiresAt": text}, _FORTY_TWO, keyId=_BUILD_NUMBER, keyOid=_BUILD_NUMBER, expiry=expiry)
    case = next(case for case in elements.collections() if case["name"] == "a map of two Strings")
    members = _collection(case)
    for element, (text, _) in zip(members["elements"], _EXPIRES.items(), strict=False):
        element["expiresAt"] = text
    ends = dict(zip([element["field"] for element in members["elements"]], _EXPIRES.values(), strict=False))
    yield _record(members, case["commitOid"], elementExpiries={oid_of("blob", name.encode()): end for name, end in ends.items()})


def _refused_headers() -> Iterator[tuple[str, str]]:
    yield "nothing", ""
    yield "no JSON", "export"
    yield "no object", "[]"
    yield "another line", line({"category": "end"})
    yield "no category", line({"layout": 1, "version": 2})
    yield "no layout", line({"category": "export", "version": 2})
    yield "no version", line({"category": "export", "layout": 1})
    for name in ("layout", "version"):
        for what, number in {"later": 3, "earlier": 0, "text": "2", "true": True, "null": None}.items():
            yield f"{name}: {what}", line({**_HEADER, name: number})
    yield "a member too many", line({**_HEADER, "x": 1})
    yield "sealed without encryption", line({**_HEADER, "sealed": True})
    yield "sealed is no boolean", line({**_HEADER, "encryption": _MARK, "sealed": 1})
    yield "encryption is null", line({**_HEADER, "encryption": None})
    yield "no check value", line({**_HEADER, "encryption": {"kid": "2026"}})
    yield "a malformed check value", line({**_HEADER, "encryption": {"check": "0123", "kid": "2026"}})
    yield "a malformed kid", line({**_HEADER, "encryption": {"check": "0123456789abcdef", "kid": "a b"}})


_DATA: Json = {"category": "data", "id": KEY_ID, "type": "String", "value": "x"}
_ARRAY: Json = {"category": "array", "id": KEY_ID, "type": "Number", "length": 2, "elements": [{"index": 0, "value": "1"}]}
_MAP: Json = {"category": "map", "id": KEY_ID, "type": "String", "elements": [{"field": "a", "value": "1"}]}
_COUNTER: Json = {
    "category": "counter",
    "id": KEY_ID,
    "op": "q7w8e9r0t1y2",
    "recent": [["q7w8e9r0t1y2", "42"]],
    "seq": 1,
    "value": "42",
}
_REDIRECT: Json = {"category": "redirect", "id": KEY_ID, "repository": "owner/name", "shardLength": 2}


def _refused() -> Iterator[tuple[str, str]]:
    yield "nothing", ""
    yield "no JSON", "x"
    yield "no object", "[]"
    yield "half a line", line(_DATA)[:-1]
    yield "a member twice", line(_DATA)[:-1] + ',"value":"y"}'
    yield "nested too deeply", "[" * 600 + "]" * 600
    yield "a lone surrogate", line(_DATA)[:-3] + '\\ud800"}'
    yield "a number that no double holds", line(_DATA)[:-1] + ',"x":9007199254740993}'
    yield "the first line", line(_HEADER)
    for good in (_DATA, _ARRAY, _MAP, _COUNTER, _REDIRECT):
        name = good["category"]
        yield f"{name}: a member too many", line({**good, "x": 1})
        yield f"{name}: both id and key", line({**good, "key": {"type": "String", "value": "k"}})
        yield f"{name}: a short id", line({**good, "id": KEY_ID[1:]})
        yield f"{name}: an id in capitals", line({**good, "id": KEY_ID.upper()})
        for member in good:
            yield f"{name}: no {member}", line({each: value for each, value in good.items() if each != member})
            yield f"{name}: {member} is null", line({**good, member: None})
    yield "another category", line({**_DATA, "category": "expiry"})
    yield "a category of no key", line({**_DATA, "category": "end"})
    for text in ("2026-11-23", "2026-11-23T00:00:00", "2026-11-23T00:00:00+00:00", "2026-11-31T00:00:00Z", "2026-1-1T00:00:00Z",
                 "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "tomorrow", ""):  # fmt: skip
        yield f"expiresAt: {text}", line({**_DATA, "expiresAt": text})
    yield "expiresAt is a number", line({**_DATA, "expiresAt": 1795392000})
    yield "a redirect that expires", line({**_REDIRECT, "expiresAt": "2026-11-23T00:00:00Z"})
    yield "a value of another type", line({**_DATA, "type": "Number"})
    yield "a Boolean that is none", line({**_DATA, "type": "Boolean", "value": "True"})
    yield "a Number with white space", line({**_DATA, "type": "Number", "value": " 1"})
    yield "an integer that no double holds", line({**_DATA, "type": "Number", "value": "9007199254740993"})
    yield "a Number beyond a double", line({**_DATA, "type": "Number", "value": "1e400"})
    yield "JSON nested too deeply", line({**_DATA, "type": "JSON", "value": "[" * 600 + "]" * 600})
    yield "JSON of a repeated name", line({**_DATA, "type": "JSON", "value": '{"a":1,"a":2}'})
    yield "text as base64", line({"category": "data", "id": KEY_ID, "type": "String", "base64": "eA=="})
    yield "bytes as text", line({**_DATA, "type": "Uint8Array"})
    for text in ("eA", "eA=", "eA===", "eB==", "e A==", "eA==\n", "e-_=", "\u00e9"):
        yield f"base64: {text!a}", line({"category": "data", "id": KEY_ID, "type": "Uint8Array", "base64": text})
    blob: Json = {"category": "data", "id": KEY_ID, "type": "Blob", "base64": "eA==", "mime": "image/png", "extension": "png"}
    yield "a Blob without its media type", line({name: value for name, value in blob.items() if name != "mime"})
    yield "a Blob of no media type", line({**blob, "mime": "png"})
    yield "a Blob of no extension", line({**blob, "extension": "PNG"})
    yield "a String with a media type", line({**_DATA, "mime": "text/plain", "extension": "txt"})
    sealed: Json = {"category": "data", "id": KEY_ID, "type": "String", "encryption": {"algo": "A256GCM", "kid": "first"}}
    long_enough = base64.b64encode(b"\x01" + bytes(36)).decode()
    yield "encrypted bytes that are too short", line({**sealed, "base64": "AQ=="})
    yield "encrypted bytes of a later layout", line({**sealed, "base64": base64.b64encode(b"\x02" + bytes(36)).decode()})
    yield "an encrypted value as text", line({**sealed, "value": "x"})
    yield "an unknown algorithm", line({**sealed, "base64": long_enough, "encryption": {"algo": "ROT13", "kid": "first"}})
    yield "the algorithm of keys", line({**sealed, "base64": long_enough, "encryption": {"algo": "AES-SIV", "kid": "first"}})
    yield "a member of encryption too many", line({**sealed, "base64": long_enough, "encryption": {**sealed["encryption"], "x": 1}})
    yield from _refused_elements()
    yield from _refused_counters()
    for repository in ("name", "owner/..", "https://example.org/owner/name", "owner/name.git"):
        yield f"a redirect to {repository}", line({**_REDIRECT, "repository": repository})
    for length in (0, 40, 2.5, "2", True):
        yield f"a redirect with the shard length {length!r}", line({**_REDIRECT, "shardLength": length})


def _refused_elements() -> Iterator[tuple[str, str]]:
    for why, listed in {
        "no object": [1],
        "twice": [{"field": "a", "value": "1"}] * 2,
        "no name": [{"value": "1"}],
        "an empty name": [{"field": "", "value": "1"}],
        "an index": [{"index": 0, "value": "1"}],
        "no value": [{"field": "a"}],
        "a member too many": [{"field": "a", "value": "1", "x": 1}],
        "too long a name": [{"field": "x" * 256, "value": "1"}],
        "an expiry that is none": [{"field": "a", "value": "1", "expiresAt": "never"}],
    }.items():
        yield f"an element of a map: {why}", line({**_MAP, "elements": listed})
    for why, listed in {
        "a name": [{"field": "0", "value": "1"}],
        "an index beyond the length": [{"index": 2, "value": "1"}],
        "another type": [{"index": 0, "value": "x"}],
        "an index below 0": [{"index": -1, "value": "1"}],
        "an index as text": [{"index": "0", "value": "1"}],
        "half an index": [{"index": 0.5, "value": "1"}],
        "the same index twice": [{"index": 0, "value": "1"}, {"index": 0, "value": "2"}],
    }.items():
        yield f"an element of an array: {why}", line({**_ARRAY, "elements": listed})
    for length in (-1, 2**53, 1.5, "2", True):
        yield f"an array of the length {length!r}", line({**_ARRAY, "length": length})
    yield "elements are an object", line({**_MAP, "elements": {"a": "1"}})
    encrypted = {**_MAP, "encryption": {"algo": "A256GCM", "kid": "first"}}
    data = base64.b64encode(b"\x01" + bytes(36)).decode()
    yield "a plain name in an encrypted map", line({**encrypted, "elements": [{"field": "a", "base64": data}]})


def _refused_counters() -> Iterator[tuple[str, str]]:
    for value in ("9223372036854775808", "-9223372036854775809", "042", "+1", "-0", "1.0", "", 42, "x" * 5000):
        yield f"a counter of {str(value)[:30]!r}", line({**_COUNTER, "value": value})
    for seq in (-1, 2**53, 1.5, "1", True):
        yield f"a counter with seq {seq!r}", line({**_COUNTER, "seq": seq})
    for op in ("short", "CAPITALS1", "x" * 41, "with-dash", ""):
        yield f"a counter of the operation {op!r}", line({**_COUNTER, "op": op})
    for why, recent in {
        "an object": {},
        "no list": [1],
        "one member": [["q7w8e9r0t1y2"]],
        "four members": [["q7w8e9r0t1y2", "1", "20261122T140102000000Z", "x"]],
        "a number": [["q7w8e9r0t1y2", 1]],
        "no time": [["q7w8e9r0t1y2", "1", "20261332T140102000000Z"]],
        "beyond 64 bits": [["q7w8e9r0t1y2", str(2**63)]],
    }.items():
        yield f"a counter that remembers {why}", line({**_COUNTER, "recent": recent})
    for set_at in ("2026", "20261332T140102000000Z", 1):
        yield f"a counter set at {set_at!r}", line({**_COUNTER, "setAt": set_at})
