"""elements.json: maps and arrays, and the names of their elements."""

from collections.abc import Iterator, Mapping

from tests.vectors.cases.data import MEDIA
from tests.vectors.cases.raw import EMPTY_TREE, README_OID, Json, b64, commit_content, oid_of, quoted, tree_content

# Element keys, and the names of their files: written out by hand.
KEYS = {
    "field": "field",
    "A-Za_z.0-9": "A-Za_z.0-9",
    "0": "0",
    "-": "-",
    " ": "%20",
    "a b": "a%20b",
    ".": "%2E",
    "..": "%2E.",
    "...": "%2E..",
    ".git": "%2Egit",
    ".GIT": "%2EGIT",
    ".gitmodules": "%2Egitmodules",
    ".github": "%2Egithub",
    "git~1": "git%7E1",
    ".git ": "%2Egit%20",
    ".git.": "%2Egit.",
    ".git::$INDEX_ALLOCATION": "%2Egit%3A%3A%24INDEX_ALLOCATION",
    ".g\u200cit": "%2Eg%E2%80%8Cit",
    "\uff0egit": "%EF%BC%8Egit",
    "/": "%2F",
    "../../x": "%2E.%2F..%2Fx",
    "a/b": "a%2Fb",
    "\\": "%5C",
    "%": "%25",
    "%41": "%2541",
    "%2E": "%252E",
    "\0": "%00",
    "\n": "%0A",
    "\r\n": "%0D%0A",
    "\x7f": "%7F",
    "*?<>|:\"'": "%2A%3F%3C%3E%7C%3A%22%27",
    "+=&#@!~": "%2B%3D%26%23%40%21%7E",
    "\u00e9": "%C3%A9",
    "e\u0301": "e%CC%81",
    "\u0430": "%D0%B0",
    "\U0001f600": "%F0%9F%98%80",
    "con": "con",
    "a.": "a.",
    "metadata.json": "metadata.json",
    "elements": "elements",
    "x" * 255: "x" * 255,
    "." + "x" * 252: "%2E" + "x" * 252,
    "\u00e9" * 42 + "xyz": "%C3%A9" * 42 + "xyz",
}

REFUSED_KEYS = {
    "": "nothing",
    "x" * 256: "256 bytes",
    "." + "x" * 253: "256 bytes, because the dot takes three",
    "\u00e9" * 43: "258 bytes, because each letter takes six",
    "x" * 10_240: "10 KB",
    "\U0001f600" * 22: "264 bytes, 88 before it is encoded",
    "\ud800": "a lone surrogate",
}

REFUSED_NAMES = {
    "": "nothing",
    ".": "a leading dot",
    "..": "a leading dot",
    ".git": "a leading dot",
    "a/b": "a slash",
    "a b": "a space",
    "a~1": "a tilde",
    "\u00e9": "beyond ASCII",
    "%": "no digits",
    "%4": "one digit",
    "%zz": "no hexadecimal digits",
    "%41": "a letter that is written as it is",
    "a%2E": "a dot that is not the first character",
    "%2e": "lower-case digits",
    "%c3%a9": "lower-case digits",
    "%C3": "not UTF-8",
    "%FF": "not UTF-8",
    "%ED%A0%80": "a surrogate in UTF-8",
    "%C0%AE": "an overlong dot",
    "x" * 256: "256 bytes",
}


def elements() -> Json:
    return {
        "keys": [{"key": key, "name": name, "id": oid_of("blob", key.encode())} for key, name in KEYS.items()],
        "refusedKeys": [{"key": key, "why": why} for key, why in REFUSED_KEYS.items()],
        "refusedNames": [{"name": name, "why": why} for name, why in REFUSED_NAMES.items()],
        "collections": list(collections()),
        "malformed": list(malformed()),
        "malformedElements": [
            {"type": kind, "mime": MEDIA[kind][0], "extension": MEDIA[kind][1], "dataBase64": b64(content)}
            for kind, content in (
                ("String", b"\xff"),
                ("Number", b"1.0"),
                ("Number", b"one"),
                ("Boolean", b"True"),
                ("JSON", b'{"b":1,"a":2}'),
            )
        ],
    }


def collections() -> Iterator[Json]:
    def case(name: str, category: str, kind: str, content: Mapping[str, bytes], length: int | None = None, **media: str) -> Json:
        mime, extension = media.get("mime", MEDIA.get(kind, ("", ""))[0]), media.get("extension", MEDIA.get(kind, ("", ""))[1])
        names = {KEYS.get(key, key): oid_of("blob", data) for key, data in content.items()}
        subtree = tree_content(names)
        line = metadata(category, kind, mime, extension, oid_of("tree", subtree), length)
        line_oid = oid_of("blob", line)
        root = tree_content({"metadata.json": line_oid}, {"elements": oid_of("tree", subtree)} if names else {})
        return {
            "name": name,
            "category": category,
            "type": kind,
            "mime": mime,
            "extension": extension,
            "elements": {key: b64(data) for key, data in content.items()},
            **({} if length is None else {"length": length}),
            "metadata": line.decode(),
            "names": sorted(names),
            "elementsOid": oid_of("tree", subtree) if names else None,
            "metadataOid": line_oid,
            "treeOid": oid_of("tree", root),
            "commitOid": oid_of("commit", commit_content(oid_of("tree", root), line + b"\n")),
        }

    yield case("a map of two Strings", "map", "String", {"name": b"git", "colour": "gr\u00fcn".encode()})
    yield case("a map of no elements", "map", "String", {})
    yield case("a map of elements of the same bytes", "map", "Boolean", {"a": b"true", "b": b"true"})
    yield case("the files of a map are in the order of their names", "map", "Number", dict.fromkeys(KEYS, b"1"))
    yield case("a map of JSON", "map", "JSON", {"a": b'{"b":[]}', "c": b"null"})
    yield case("a map of bytes", "map", "Uint8Array", {"a": bytes(range(256)), "b": b""})
    yield case("a map of images", "map", "Blob", {"a": b"\x89PNG"}, mime="image/png", extension="png")
    yield case("an array", "array", "Number", {str(index): b"%d" % index for index in range(12)}, 12)
    yield case("an array of no elements", "array", "Number", {}, 0)
    yield case("an array with holes", "array", "String", {"1": b"x", "10": b"y"}, 20)
    yield case("an array of holes", "array", "String", {}, 3)
    yield case("the longest array", "array", "String", {"9007199254740990": b"x"}, 2**53 - 1)


def metadata(category: str, kind: str, mime: str, extension: str, subtree: str, length: int | None) -> bytes:
    length_member = "" if length is None else f'"length":{length},'
    return (
        f'{{"category":{quoted(category)},"extension":{quoted(extension)},{length_member}"mime":{quoted(mime)},'
        f'"treeOid":"{subtree}","type":{quoted(kind)},"version":2}}'
    ).encode()


def malformed() -> Iterator[Json]:
    """Maps and arrays whose parts do not go together, or whose elements have names that the format does not give."""
    one = tree_content({"a": README_OID})
    one_oid = oid_of("tree", one)

    def case(
        name: str,
        line: bytes,
        subtree: bytes = one,
        files: Mapping[str, str] | None = None,
        folders: Mapping[str, str] | None = None,
        message: bytes | None = None,
    ) -> Json:
        if files is None:
            files = {"metadata.json": oid_of("blob", line)}
        root = tree_content(files, {"elements": oid_of("tree", subtree)} if folders is None else folders)
        commit = commit_content(oid_of("tree", root), line + b"\n" if message is None else message)
        parts = [("tree", subtree), ("blob", line), ("tree", root), ("commit", commit)]
        return {
            "name": name,
            "objects": [{"kind": kind, "contentBase64": b64(part)} for kind, part in parts],
            "commitOid": oid_of("commit", commit),
        }

    def line(subtree: bytes = one, length: int | None = None) -> bytes:
        return metadata("map" if length is None else "array", "String", "text/plain", "txt", oid_of("tree", subtree), length)

    def named(name: str) -> Json:
        subtree = tree_content({name: README_OID})
        return case(f"an element named {ascii(name)[:40]}", line(subtree), subtree)

    good, files = line(), {"metadata.json": oid_of("blob", line())}
    for name in ("..", ".git", "a b", "%2e", "%41", "%C3", "%FF", "\u00e9", "x" * 256):
        yield named(name)
    yield case("message without the final line feed", good, message=good)
    yield case("metadata.json is missing", good, files={})
    yield case("metadata.json is another blob", good, files={"metadata.json": README_OID})
    yield case("a file too many", good, files={**files, "view.txt": README_OID})
    yield case("a folder too many", good, folders={"elements": one_oid, "others": one_oid})
    yield case("the folder has another name", good, folders={"element": one_oid})
    yield case("the folder is missing", good, folders={})
    yield case("the folder is another tree", good, folders={"elements": EMPTY_TREE})
    yield case("an empty folder", line(b""), b"")
    yield case("elements is a file", good, files={**files, "elements": one_oid}, folders={})
    yield case("treeOid is another tree", line(b"100644 b\0" + bytes.fromhex(README_OID)))
    yield case("treeOid is the empty tree", line(b""))
    yield case("treeOid is no oid", good.replace(one_oid.encode(), b"x"))
    yield case("treeOid is a number", good.replace(b'"%s"' % one_oid.encode(), b"1"))
    for name, mode in (("executable", b"100755"), ("a link", b"120000"), ("a submodule", b"160000"), ("a folder", b"40000")):
        subtree = mode + b" a\0" + bytes.fromhex(README_OID)
        yield case(f"an element is {name}", line(subtree), subtree)
    entry = b"100644 a\0" + bytes.fromhex(README_OID)
    yield case("an element twice", line(entry * 2), entry * 2)
    unsorted = entry.replace(b" a", b" b") + entry
    yield case("elements in another order", line(unsorted), unsorted)
    yield case("a map with a length", good.replace(b'"mime"', b'"length":1,"mime"'))
    yield case("an unknown member", good.replace(b'"version":2}', b'"version":2,"x":1}'))
    yield case("no type", good.replace(b'"type":"String",', b""))
    yield case("an unknown type", good.replace(b"String", b"string"))
    yield case("another media type than the type's", good.replace(b"text/plain", b"text/html"))
    yield case("another category", good.replace(b'"map"', b'"data"'))
    yield case("said to be encrypted", good.replace(b'"extension"', b'"encrypted":true,"extension"'))
    first = tree_content({"0": README_OID})
    array = line(first, 1)
    yield case("an array without a length", array.replace(b'"length":1,', b""), first)
    for name, length in (("negative", b"-1"), ("a text", b'"1"'), ("a fraction", b"1.5"), ("true", b"true"), ("null", b"null")):
        yield case(f"the length is {name}", array.replace(b'"length":1', b'"length":' + length), first)
    yield case("the length is too large for an integer", array.replace(b'"length":1', b'"length":9007199254740992'), first)
    yield case("an index that is not below the length", array.replace(b'"length":1', b'"length":0'), first)
    for index in ("00", "01", "-0", "a", "1.0", "1e0", "_1"):
        subtree = tree_content({index: README_OID})
        yield case(f"an index is {index}", line(subtree, 20), subtree)
