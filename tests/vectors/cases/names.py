"""names.json: key ids, refnames and operation ids."""

import hashlib
from collections.abc import Iterator

from tests.vectors.cases.data import record
from tests.vectors.cases.raw import Json, message_only, oid_of

TIME = "20261122T140355123456Z"
OP = "q7w8e9r0t1y2"
ELEMENT = oid_of("blob", b"field")
EXPIRY = message_only('{"category":"expiry","id":1795392000,"version":2}\n')["oid"]


def names() -> Json:
    key = record("String", b"build-number")["commitOid"]
    keys = {"build-number": key, "": record("String", b"")["commitOid"]}
    return {
        "keyIds": [{"key": text, "type": "String", "keyId": key_id} for text, key_id in keys.items()],
        "names": [spelled(key_id, length) for key_id in keys.values() for length in (1, 2, 3, 4, 20, 39)],
        "parsed": [
            {
                "name": f"refs/gc/{TIME}-{key}",
                "kind": "gc",
                "keyId": key,
                "time": TIME,
                "note": "the older namespace: read and purged, never written",
            },
            {
                "name": f"refs/tags/kv-{key[:2]}/bc-{key[2:]}/{TIME}-{'a' * 8}",
                "kind": "breadcrumb",
                "keyId": key,
                "time": TIME,
                "op": "a" * 8,
            },
            {
                "name": f"refs/tags/kv-{key[:2]}/bc-{key[2:]}/{TIME}-{'0' * 40}",
                "kind": "breadcrumb",
                "keyId": key,
                "time": TIME,
                "op": "0" * 40,
            },
        ],
        "published": [{"expiryOid": EXPIRY, "name": f"refs/tags/expiry-{EXPIRY}"}],
        "foreign": [{"name": name, "why": why} for name, why in foreign_names(key)],
        "ops": {
            "accepted": ["abcdefgh", "01234567", OP, "a" * 40],
            "refused": [
                "",
                "abcdefg",
                "a" * 41,
                "ABCDEFGH",
                "abcd-efg",
                "abcd efgh",
                "abcd_efgh",
                "abcdefgh\n",
                "\u00e4bcdefgh",
                "\u0660" * 8,
            ],
        },
        "derivedOps": [{"opId": op_id, "op": op} for op_id, op in derived_ops()],
    }


def derived_ops() -> Iterator[tuple[str, str]]:
    for op_id in ("deploy42", "a" * 40):
        yield op_id, op_id
    for op_id in ("run-17", "Deploy42", "a" * 41, "7", "b\u00fcild"):
        yield op_id, hashlib.sha256(op_id.encode()).hexdigest()[:20]


def spelled(key: str, length: int) -> Json:
    shard, rest = key[:length], key[length:]
    return {
        "keyId": key,
        "shardLength": length,
        "value": f"refs/heads/kv-{shard}/val-{rest}",
        "expiry": f"refs/heads/kv-{shard}/exp-{rest}",
        "key": f"refs/heads/kv-{shard}/key-{rest}",
        "elementExpiries": f"refs/heads/kv-{shard}/exp-{rest}-",
        "elementExpiry": {"element": ELEMENT, "name": f"refs/heads/kv-{shard}/exp-{rest}-{ELEMENT}"},
        "breadcrumbs": f"refs/tags/kv-{shard}/bc-{rest}/",
        "breadcrumb": {"time": TIME, "op": OP, "name": f"refs/tags/kv-{shard}/bc-{rest}/{TIME}-{OP}"},
        "parked": {"time": TIME, "name": f"refs/heads/gc/{TIME}-{key}"},
    }


def foreign_names(key: str) -> Iterator[tuple[str, str]]:
    shard, rest = key[:2], key[2:]
    heads, tags = f"refs/heads/kv-{shard}", f"refs/tags/kv-{shard}"
    yield "", "nothing"
    yield "HEAD", "not below refs/"
    yield "refs/heads/main", "a branch of the user"
    yield "refs/tags/kv/dummy-tree", "the anchor is no record"
    yield f"kv-{shard}/val-{rest}", "not fully qualified"
    yield f"refs/kv-{shard}/val-{rest}", "not a branch"
    yield f"refs/remotes/origin/kv-{shard}/val-{rest}", "not a branch"
    yield f"{tags}/val-{rest}", "a tag where a branch is meant"
    yield f"{heads}/bc-{rest}/{TIME}-{OP}", "a branch where a tag is meant"
    yield f"{heads}/val-{rest[:-1]}", "39 digits together"
    yield f"{heads}/val-{rest}0", "41 digits together"
    yield f"refs/heads/kv-/val-{key}", "no shard"
    yield f"refs/heads/kv-{key}/val-", "no rest"
    yield f"refs/heads/kv-{key}/val-{rest}", "more than 40 digits together"
    yield f"{heads}/val-{rest.upper()}", "upper-case digits"
    yield f"refs/heads/kv-{shard}/val-{'g' * 38}", "not hexadecimal"
    yield f"refs/heads/KV-{shard}/val-{rest}", "upper-case prefix"
    yield f"{heads}/val_{rest}", "underscore"
    yield f"{heads}/value-{rest}", "unknown kind"
    yield f"{heads}/val-{rest}-{ELEMENT}", "an element of a val ref"
    yield f"{heads}/key-{rest}-{ELEMENT}", "an element of a key ref"
    yield f"{heads}/exp-{rest}-{ELEMENT[:-1]}", "element id of 39 digits"
    yield f"{heads}/exp-{rest}-", "empty element id"
    yield f"{heads}/val-{rest}/x", "something below"
    yield f"{heads}/val-{rest}\n", "a line feed at the end"
    yield f"x{heads}/val-{rest}", "something before"
    yield f"{tags}/bc-{rest}", "a breadcrumb without time and operation"
    yield f"{tags}/bc-{rest}/{TIME}", "a breadcrumb without operation"
    yield f"{tags}/bc-{rest}/{TIME}-", "empty operation id"
    yield f"{tags}/bc-{rest}/{TIME}-abcdefg", "operation id of 7 characters"
    yield f"{tags}/bc-{rest}/{TIME}-{'a' * 41}", "operation id of 41 characters"
    yield f"{tags}/bc-{rest}/{TIME}-ABCDEFGH", "upper-case operation id"
    yield f"{tags}/bc-{rest}/{TIME}-abcd-efgh", "a dash in the operation id"
    yield f"{tags}/bc-{rest[:-1]}/{TIME}-{OP}", "39 digits together"
    yield f"{tags}/bc-{rest}/{TIME[:-2]}Z-{OP}", "time without microseconds"
    yield f"{tags}/bc-{rest}/20260230T000000000000Z-{OP}", "a date that does not exist"
    yield f"{tags}/bc-{rest}/{TIME}-{OP}\n", "a line feed at the end"
    yield f"{tags}/bc-{rest}/{TIME}-{OP}/x", "something below"
    yield from foreign_parked_names(key)
    yield "refs/tags/expiry-", "no oid"
    yield f"refs/tags/expiry-{EXPIRY[:-1]}", "oid of 39 digits"
    yield f"refs/tags/expiry-{EXPIRY}0", "oid of 41 digits"
    yield f"refs/tags/expiry-{EXPIRY.upper()}", "upper-case digits"
    yield f"refs/tags/expiry-{EXPIRY}\n", "a line feed at the end"
    yield f"refs/tags/expiry-{EXPIRY}/x", "something below"
    yield f"refs/tags/expiry/{EXPIRY}", "a folder, which CDNs do not serve"
    yield f"refs/heads/expiry-{EXPIRY}", "a branch where a tag is meant"


def foreign_parked_names(key: str) -> Iterator[tuple[str, str]]:
    yield f"refs/heads/gc/{key}", "no time"
    yield f"refs/heads/gc/{TIME}", "no key id"
    yield f"refs/heads/gc/{TIME}-{key[:-1]}", "key id of 39 digits"
    yield f"refs/heads/gc/{TIME}-{key}0", "key id of 41 digits"
    yield f"refs/heads/gc/{TIME}-{key}\n", "a line feed at the end"
    yield f"refs/heads/gc/{TIME}-{key}/x", "something below"
    yield f"refs/heads/gc/{TIME}-{key.upper()}", "upper-case digits"
    yield f"refs/heads/gc/20261122-{key}", "another form of time"
    yield f"refs/heads/gc/20261122T250000000000Z-{key}", "an hour that does not exist"
    yield f"refs/heads/gc/x/{TIME}-{key}", "a folder in between"
    yield f"refs/tags/gc/{TIME}-{key}", "a tag where a branch is meant"
