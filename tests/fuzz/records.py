"""Random records: as the format writes them, with the extremes that it allows, and damaged ones."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from git_keyval.format import canonical
from git_keyval.format.anchors import Anchor, Mark, encode_anchor
from git_keyval.format.canonical import MAX_SAFE_INTEGER
from git_keyval.format.counters import INT64_MAX, INT64_MIN, Counter, encode_counter, encode_delta
from git_keyval.format.elements import Collection, CollectionCategory, encode_collection
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, DUMMY_TREE, NULL_COMMIT
from git_keyval.format.names import KeyId
from git_keyval.format.objects import GitObject, Kind, Oid, blob, commit, from_content, read_commit, tree
from git_keyval.format.records import encode_data
from git_keyval.format.redirects import Redirect, encode_redirect
from git_keyval.format.times import MAX_SECONDS, SECOND, Micros, timestamp
from git_keyval.format.values import Value, bytes_value, file_value, parse_value
from tests.action.hostile import CHARACTERS, FILES, LOG_COMMANDS
from tests.contract.samples import annotated_tag, foreign_commit
from tests.encrypting import cipher
from tests.format.test_malformed import COMMON

NOW = 1_767_268_800
"""The time of all steps: noon of 2026-01-01, in Unix seconds."""

FIELDS = ("one", "two", "9", "a b/\u00fc")
SECRET = "markedsecret7c1f"  # what is stored, and must not be seen in a log
HOSTILE = (*LOG_COMMANDS, *FILES, *CHARACTERS)
OPS = ("operation1", "operation2", "abcdefgh")
INTEGERS = (0, 1, -1, 5, INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1)
LENGTHS = (0, 1, 2, 10_000, 10_001, MAX_SAFE_INTEGER - 1, MAX_SAFE_INTEGER)
ENDS = (1, 60, NOW - 60, NOW, NOW + 1, NOW + 60, NOW + 86_400, MAX_SECONDS)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a ref points at, with what there is of the objects below it."""

    objects: tuple[GitObject, ...]
    target: Oid


def stored(*objects: GitObject) -> Stored:
    """Store objects, of which the last is the target, with those that all message-only commits need."""
    return Stored((*DUMMY_OBJECTS, *objects), objects[-1].oid)


# --- as the format writes them --------------------------------------------------------------------------------------


def value(r: Random) -> Value:
    return r.choice(
        (
            lambda: parse_value("String", r.choice((SECRET, "", "x" * 3_000, SECRET + r.choice(HOSTILE)))),
            lambda: parse_value("Number", r.choice(("1", "-0.5", "1e300", "9007199254740991"))),
            lambda: parse_value("Boolean", r.choice(("true", "false"))),
            lambda: parse_value("JSON", json.dumps({SECRET: [1, None, {"a": SECRET}]})),
            lambda: bytes_value(r.randbytes(r.randrange(40))),
            lambda: file_value(SECRET.encode(), media_type=r.choice(("image/png", "a/b+c.d", "text/html"))),
        )
    )()


def data(r: Random) -> Stored:
    return stored(*encode_data(value(r)).objects)


def counter(r: Random) -> Stored:
    operations = [(f"padding{number:04d}", r.choice((None, *INTEGERS))) for number in range(r.choice((0, 1, 127, 128)))]
    recent = (*operations, *((op, r.choice(INTEGERS)) for op in OPS[: r.randrange(3)]))
    set_at = timestamp(Micros(r.choice(ENDS) * SECOND)) if r.random() < 0.3 else None
    made = Counter(r.choice(INTEGERS), r.choice(OPS), r.choice((1, 7, MAX_SAFE_INTEGER)), recent, set_at)
    return stored(encode_counter(made))


def a_map(r: Random) -> Stored:
    return _collection(r, "map")


def an_array(r: Random) -> Stored:
    return _collection(r, "array")


def _collection(r: Random, kind: CollectionCategory) -> Stored:
    texts = [blob(r.choice((SECRET, "1", "", "true", r.choice(HOSTILE))).encode()) for _ in range(r.randrange(4))]
    length = r.choice(LENGTHS) if kind == "array" else 0
    names = FIELDS if kind == "map" else sorted({str(index) for index in (0, 1, length - 2, length - 1) if 0 <= index < length})
    elements = dict(zip(names, (text.oid for text in texts), strict=False))
    made = encode_collection(Collection(kind, "String", "text/plain", "txt", elements, length))
    return stored(*texts, *made.objects)


def lock(r: Random) -> Stored:
    fields = {"fence": r.choice(("1", "9007199254740991", "9999999999999999999", "-1", "x")), "owner": r.choice(("me", SECRET))}
    texts = {name: blob(text.encode()) for name, text in fields.items() if r.random() < 0.9}
    made = encode_collection(Collection("map", "String", "text/plain", "txt", {name: text.oid for name, text in texts.items()}))
    return stored(*texts.values(), *made.objects)


def redirect(r: Random) -> Stored:
    target = r.choice(("octo/db", "octo/other", "octo/nowhere", "else/db", "octo/db.wiki"))
    return stored(encode_redirect(Redirect(target, r.choice((1, 2, 2, 39)))))


def expiry(r: Random) -> Stored:
    return stored(encode_expiry(r.choice(ENDS)))


def delta(r: Random) -> Stored:
    return stored(r.choice((NULL_COMMIT, encode_delta(r.choice([number for number in INTEGERS if number])))))


def sealed(r: Random, key_id: KeyId) -> Stored:
    """Store a value that is encrypted, with the right key or another one, for this key or another one."""
    place = key_id if r.random() < 0.7 else KeyId("0" * 40)
    return stored(*cipher(r.choice(("first", "second"))).data(place, value(r)).objects)


def anchor(r: Random) -> Stored:
    mark = r.choice((cipher("first").mark, Mark("first", "0" * 16))) if r.random() < 0.05 else None
    return stored(encode_anchor(Anchor(mark, redirected=r.random() < 0.3)))


RECORDS: Sequence[Callable[[Random], Stored]] = (data, counter, a_map, an_array, lock, redirect)
"""What the ref of a value may point at."""

OF_FAMILY = {"values": data, "expiry": data, "counters": counter, "maps": a_map, "arrays": an_array, "locks": lock}
"""What the commands of a family work on."""


# --- damaged --------------------------------------------------------------------------------------------------------


def _without_one(r: Random, good: Stored) -> Stored:
    lost = r.choice(good.objects)
    return Stored(tuple(made for made in good.objects if made.oid != lost.oid), good.target)


def _changed(r: Random, good: Stored) -> Stored:
    """Change a member of the metadata of a commit."""
    found = next(made for made in good.objects if made.oid == good.target)
    tree_oid, message = read_commit(found)
    try:
        members: dict[str, Any] = json.loads(message)
        members[r.choice(sorted(members))] = r.choice((*COMMON, 2**63, 10**30, -1, 1.5, {}, "\n::error::x", "x" * 300))
        line = canonical.encode(members)
    except (ValueError, AttributeError, TypeError, IndexError):
        line = r.choice((b"+", b"-0", b"+99999999999999999999999", b"{}", b"null", b"[[[[[[[[", b'{"category":"counter"}'))
    return Stored((*good.objects, made := commit(tree_oid, line + r.choice((b"\n", b"\n", b"", b"\n\n")))), made.oid)


def _message(r: Random, _: Stored) -> Stored:
    return stored(commit(DUMMY_TREE.oid, r.choice((r.randbytes(30), b"", b"{" * 100_000, b"[" * 100_000, b"9" * 5_000 + b"\n"))))


def _other_kind(r: Random, good: Stored) -> Stored:
    others: tuple[Callable[[], tuple[GitObject, ...]], ...] = (
        lambda: (blob(r.randbytes(9)),),
        lambda: (part := blob(b""), tree([("x", part.oid)])),
        lambda: (from_content("tag", b"object " + good.target.encode() + b"\ntype commit\ntag x\ntagger\n\n"),),
        lambda: annotated_tag(foreign_commit("x")).objects,
    )
    made = r.choice(others)()
    return Stored((*good.objects, *made), made[-1].oid)


def _foreign(r: Random, _: Stored) -> Stored:
    made = foreign_commit(r.choice(HOSTILE).replace("\0", ""))
    return Stored(made.objects, made.oid)


def _corrupt(r: Random, good: Stored) -> Stored:
    """Store under the oid of one object what is another, or what cannot be parsed as its kind."""
    lost = r.choice(good.objects)
    kinds: tuple[Kind, ...] = ("blob", "tree", "commit")
    instead = GitObject(r.choice(kinds), r.choice((b"", lost.data[:-1], r.randbytes(20))), lost.oid)
    return Stored(tuple(instead if made.oid == lost.oid else made for made in good.objects), good.target)


def _big(r: Random, _: Stored) -> Stored:
    return stored(commit(DUMMY_TREE.oid, b"+" + b"1" * r.choice((70_000, 2_000_000)) + b"\n"))


Damage = Callable[[Random, Stored], Stored]

BY_WRITERS: Sequence[Damage] = (_changed, _changed, _message, _foreign, _big)
"""What anybody can do who may write to the repository."""

BY_ACCIDENTS: Sequence[Damage] = (*BY_WRITERS, _changed, _message, _without_one, _other_kind, _corrupt)
"""What can also become of a repository on a disk."""
