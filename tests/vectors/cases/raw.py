"""Git objects put together byte by byte and hashed with hashlib, so that no library decides what is right."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

Json = dict[str, Any]

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)

PERSON = b"a a <a@a.a> 1735689600 +0000"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def oid_of(kind: str, content: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def tree_content(entries: Mapping[str, str], folders: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Write plain files and folders in git's order: that of the names' bytes, as if a folder's name ended with a slash."""
    files = [(name.encode(), b"100644", name.encode(), oid) for name, oid in entries.items()]
    files += [(name.encode() + b"/", b"40000", name.encode(), oid) for name, oid in folders.items()]
    return b"".join(mode + b" " + name + b"\0" + bytes.fromhex(oid) for _, mode, name, oid in sorted(files))


def commit_content(tree: str, message: bytes) -> bytes:
    return b"tree %s\nauthor %s\ncommitter %s\n\n%s" % (tree.encode(), PERSON, PERSON, message)


def commit_oid(tree: str, message: bytes) -> str:
    return oid_of("commit", commit_content(tree, message))


README = b"The data of this commit is its message. See git-keyval.\n"
README_OID = oid_of("blob", README)
DUMMY_TREE = oid_of("tree", tree_content({"README.md": README_OID}))
NULL_COMMIT = commit_oid(DUMMY_TREE, b"")
REDIRECT_ANCHOR = "Keys of this database are redirected. See git-keyval.\n"
ENCRYPTION_ANCHOR = '{"category":"anchor","encryption":{"check":"0123456789abcdef","kid":"2026"},%s"version":2}\n'


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def message_only(message: str, **more: object) -> Json:
    return {**more, "message": message, "oid": commit_oid(DUMMY_TREE, message.encode())}


def malformed_messages(messages: Mapping[str, str], good: str) -> Iterator[Json]:
    for name, message in messages.items():
        assert message != good, name
        yield {"name": name, "tree": DUMMY_TREE, **message_only(message)}
    yield {
        "name": "a tree of its own",
        "tree": EMPTY_TREE,
        "message": good,
        "oid": commit_oid(EMPTY_TREE, good.encode()),
    }
