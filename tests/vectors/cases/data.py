"""data.json: typed values and everything that is stored for them."""

from collections.abc import Iterable, Iterator, Mapping

from tests.vectors.cases.raw import README_OID, Json, b64, commit_content, commit_oid, oid_of, quoted, tree_content

MEDIA = {
    "String": ("text/plain", "txt"),
    "Number": ("text/plain", "txt"),
    "Boolean": ("text/plain", "txt"),
    "JSON": ("application/json", "json"),
    "Uint8Array": ("application/octet-stream", "bin"),
}
VIEWS = ("bytes", "view.txt", "view.json")


def record(kind: str, data: bytes, media: tuple[str, str] | None = None) -> Json:
    """Return everything that is stored for a value."""
    mime, extension = media or MEDIA[kind]
    blob = oid_of("blob", data)
    line = (
        f'{{"blobOid":"{blob}","category":"data","extension":{quoted(extension)},"mime":{quoted(mime)},'
        f'"type":{quoted(kind)},"version":2}}'
    ).encode()
    return stored(data, line, (*VIEWS, f"view.{extension}"))


def stored(data: bytes, line: bytes, views: Iterable[str]) -> Json:
    blob, metadata = oid_of("blob", data), oid_of("blob", line)
    tree = oid_of("tree", tree_content({**dict.fromkeys(views, blob), "metadata.json": metadata}))
    return {
        "dataBase64": b64(data),
        "blobOid": blob,
        "metadata": line.decode(),
        "metadataOid": metadata,
        "treeOid": tree,
        "commitOid": commit_oid(tree, line + b"\n"),
    }


STRINGS = {
    "empty": "",
    "ASCII": "hello",
    "white space is kept": "  a\t\r\n b \n",
    "unicode beyond the first plane": "né 中 😀",
    "not normalised: composed": "\u00e9",
    "not normalised: decomposed": "e\u0301",
    "NUL and other control characters": "\0\x01\x7f\u2028",
    "looks like a number": "42",
    "looks like JSON": '{"a":1}',
}

# What is typed, and what is stored: the RFC 8785 form.
NUMBERS = [
    ("0", "0"),
    ("-0", "0"),
    ("-0.0", "0"),
    ("42", "42"),
    ("-7", "-7"),
    ("1.0", "1"),
    ("1.50", "1.5"),
    ("0.1", "0.1"),
    ("1e2", "100"),
    ("1E+2", "100"),
    ("123e-2", "1.23"),
    ("0.000001", "0.000001"),
    ("0.0000001", "1e-7"),
    ("9007199254740991", "9007199254740991"),
    ("-9007199254740991", "-9007199254740991"),
    ("9007199254740992", "9007199254740992"),
    ("100000000000000000000", "100000000000000000000"),
    ("1e20", "100000000000000000000"),
    ("1e21", "1e+21"),
    ("1000000000000000000000", "1e+21"),
    ("1.5e300", "1.5e+300"),
    ("5e-324", "5e-324"),
    ("1e-400", "0"),
    ("0.30000000000000004", "0.30000000000000004"),
    ("0.1000000000000000055511151231257827", "0.1"),
    ("9007199254740993.0", "9007199254740992"),
    ("9007199254740993e0", "9007199254740992"),
    # The double nearest to these differs from what is written, but writing the double gives the same number back.
    ("1152921504606847000", "1152921504606847000"),
    ("1e23", "1e+23"),
    ("1.7976931348623157e308", "1.7976931348623157e+308"),
]

REFUSED_NUMBERS = {
    "": "nothing",
    "abc": "no number",
    "true": "a Boolean",
    "null": "null",
    '"1"': "a string",
    "[1]": "a list",
    "NaN": "not JSON",
    "Infinity": "not JSON",
    "-Infinity": "not JSON",
    "+1": "JSON has no plus sign there",
    "01": "leading zero",
    ".5": "no digit before the point",
    "5.": "no digit after the point",
    "1e": "no exponent",
    "0x10": "not decimal",
    "1_000": "not JSON",
    "1 2": "two numbers",
    **dict.fromkeys((" 42", "42 ", "42\n", "\t42", "42\r\n", " 42\n", "\u00a042"), "white space around the number"),
    "\u0664\u0662": "digits that are not ASCII",
    "1e400": "beyond the range of a double",
    "-1e400": "beyond the range of a double",
    "9007199254740993": "an integer that a double would change",
    "-9007199254740993": "an integer that a double would change",
    "1152921504606846976": "an integer that RFC 8785 would write as another one (1152921504606847000)",
    "123456789012345678901234567890": "an integer that a double would change",
}

# What is typed, and what is stored.
JSONS = [
    ("null", "null"),
    ("[]", "[]"),
    ("{}", "{}"),
    (' { "b" : [ 1 , 2.0 , -0 ] , "a" : null } ', '{"a":null,"b":[1,2,0]}'),
    ('{"":1,"a":{"z":{},"b":[[],[[]]]}}', '{"":1,"a":{"b":[[],[[]]],"z":{}}}'),
    # Sorted by UTF-16 code units: U+1F600 (D83D DE00) comes before U+FB33, although its code point is higher.
    (
        '{"\u20ac":1,"\\r":2,"\ufb33":3,"1":4,"\U0001f600":5,"\u0080":6,"\u00f6":7}',
        '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}',
    ),
    ('{"aa":1,"a":2,"B":3,"b":4}', '{"B":3,"a":2,"aa":1,"b":4}'),
    (
        '"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\\\/\\u007f\\u2028\\ud83d\\ude00"',
        '"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/\x7f\u2028\U0001f600"',
    ),
    ('"text"', '"text"'),
    ("true", "true"),
    ("42", "42"),
    ("[1e21,0.0000001,1E2,1e23]", "[1e+21,1e-7,100,1e+23]"),
    ("[" * 500 + "]" * 500, "[" * 500 + "]" * 500),
]

REFUSED_JSONS = {
    "": "nothing",
    "{": "not closed",
    "{'a':1}": "wrong quotes",
    "[1,]": "trailing comma",
    "[NaN]": "not JSON",
    "[Infinity]": "not JSON",
    '{"a":1,"a":2}': "a member name twice",
    '{"a":1,"\\u0061":2}': "a member name twice, spelt in two ways",
    '{"x":{"a":1,"a":1}}': "a member name twice, further in",
    "[9007199254740993]": "an integer that a double would change",
    '{"n":1e400}': "beyond the range of a double",
    '"a\nb"': "a control character that is not escaped",
    '["\\ud800"]': "a lone surrogate",
    '{"\\udc00":1}': "a lone surrogate in a member name",
    "\ufeff{}": "a byte order mark",
    "1 1": "two values",
    "undefined": "not JSON",
}

BLOBS = [
    ("an image", b"\x89PNG\r\n\x1a\n\0", "image/png", "png"),
    ("empty", b"", "image/png", "png"),
    ("the extension is a view that is there anyway: txt", b"hi", "text/plain", "txt"),
    ("the extension is a view that is there anyway: json", b"{}", "application/json", "json"),
    ("a media type that has no extension", b"\0", "application/x-unheard-of", "bin"),
    ("bytes that are not UTF-8", b"\xff\xfe", "text/plain", "txt"),
]


def data() -> Json:
    records: list[Json] = []

    def add(name: str, kind: str, typed: Json, content: bytes, media: tuple[str, str] | None = None) -> None:
        mime, extension = media or MEDIA[kind]
        records.append({"name": name, "type": kind, **typed, "mime": mime, "extension": extension, **record(kind, content, media)})

    for name, text in STRINGS.items():
        add(name, "String", {"text": text}, text.encode())
    for typed, text in NUMBERS:
        add(typed, "Number", {"text": typed}, text.encode())
    for text in ("true", "false"):
        add(text, "Boolean", {"text": text}, text.encode())
    for typed, text in JSONS:
        add(typed[:40], "JSON", {"text": typed}, text.encode())
    for name, content in (("empty", b""), ("every byte", bytes(range(256))), ("text", b"hello")):
        add(name, "Uint8Array", {"base64": b64(content)}, content)
    for name, content, mime, extension in BLOBS:
        add(name, "Blob", {"base64": b64(content)}, content, (mime, extension))
    booleans = dict.fromkeys(("", "True", "FALSE", "1", "0", "yes", " true", "true\n"), "neither true nor false")
    refused = {"Boolean": booleans, "Number": REFUSED_NUMBERS, "JSON": REFUSED_JSONS}
    return {
        "records": records,
        "refused": [{"type": kind, "text": text, "why": why} for kind, texts in refused.items() for text, why in texts.items()],
        "refusedMediaTypes": [
            "png",
            "image/",
            "/png",
            "image/png; charset=utf-8",
            "image /png",
            "image/png\n",
            "a/b/c",
            "im\u00e4ge/png",
            "../x",
        ],
        "malformed": list(malformed_data()),
    }


def malformed_data() -> Iterator[Json]:
    """Data commits whose parts do not go together, or whose data is not what the type says."""
    good = record("String", b"x")
    line = str(good["metadata"]).encode()
    views = (*VIEWS, "view.txt")

    def case(
        name: str, content: bytes, metadata: bytes, files: Mapping[str, str] | None = None, message: bytes | None = None
    ) -> Json:
        blob, line_oid = oid_of("blob", content), oid_of("blob", metadata)
        entries = {**dict.fromkeys(views, blob), "metadata.json": line_oid} if files is None else files
        tree = tree_content(entries)
        commit = commit_content(oid_of("tree", tree), metadata + b"\n" if message is None else message)
        parts = [("blob", content), ("blob", metadata), ("tree", tree), ("commit", commit)]
        return {
            "name": name,
            "objects": [{"kind": kind, "contentBase64": b64(part)} for kind, part in parts],
            "commitOid": oid_of("commit", commit),
        }

    def swap(old: str, new: str) -> bytes:
        assert old.encode() in line
        return line.replace(old.encode(), new.encode())

    blob = str(good["blobOid"])
    whole: dict[str, str] = {**dict.fromkeys(views, blob), "metadata.json": good["metadataOid"]}
    yield case("message without the final line feed", b"x", line, message=line)
    yield case("message with two final line feeds", b"x", line, message=line + b"\n\n")
    yield case("empty message", b"x", line, message=b"")
    yield case("message is not the file metadata.json", b"x", line, message=swap("text/plain", "text/html") + b"\n")
    yield case("a view is missing", b"x", line, {name: oid for name, oid in whole.items() if name != "view.json"})
    yield case("metadata.json is missing", b"x", line, dict.fromkeys(views, blob))
    yield case("a file too many", b"x", line, {**whole, "view.html": blob})
    yield case("a view is another blob", b"x", line, {**whole, "view.json": README_OID})
    yield case("metadata.json ends with a line feed", b"x", line, {**whole, "metadata.json": oid_of("blob", line + b"\n")})
    yield case("blobOid is another blob", b"x", swap(blob, README_OID))
    yield case("blobOid is no oid", b"x", swap(blob, "x"))
    yield case("blobOid is a number", b"x", swap(f'"{blob}"', "1"))
    yield case("metadata is not canonical: a space", b"x", swap('":"data"', '": "data"'))
    yield case(
        "metadata is not canonical: order",
        b"x",
        swap('"category":"data","extension":"txt"', '"extension":"txt","category":"data"'),
    )
    yield case("metadata is not canonical: an escape", b"x", swap("data", "d\\u0061ta"))
    yield case("metadata has a member twice", b"x", swap('"version":2', '"version":2,"version":2'))
    yield case("metadata has an unknown member", b"x", swap('"version":2}', '"version":2,"x":1}'))
    yield case("metadata lacks the media type", b"x", swap('"mime":"text/plain",', ""))
    yield case("metadata is a list", b"x", b"[]")
    yield case("metadata is not JSON", b"x", b"{")
    yield case("an older format version", b"x", swap('"version":2', '"version":1'))
    yield case("a later format version", b"x", swap('"version":2', '"version":3'))
    yield case("the version is a string", b"x", swap('"version":2', '"version":"2"'))
    yield case("another category", b"x", swap('"data"', '"counter"'))
    yield case("an unknown type", b"x", swap("String", "string"))
    yield case("said to be encrypted", b"x", swap('"extension"', '"encrypted":true,"extension"'))
    yield from malformed_content()


def malformed_content() -> Iterator[Json]:
    """Records that are put together well, of data or media that the type does not allow."""
    bad_data = [
        ("String that is not UTF-8", "String", b"\xff"),
        ("String with a surrogate in UTF-8", "String", b"\xed\xa0\x80"),
        ("Number that is not canonical", "Number", b"1.0"),
        ("Number with white space", "Number", b" 1"),
        ("Number that is text", "Number", b"one"),
        ("Number of nothing", "Number", b""),
        ("Number beyond a double", "Number", b"1e+400"),
        ("Number with an exponent beyond all bounds", "Number", b"1e-99999999999999999999"),
        ("Boolean in another spelling", "Boolean", b"True"),
        ("JSON that is not canonical", "JSON", b'{"b":1,"a":2}'),
        ("JSON with a line feed", "JSON", b"{}\n"),
        ("JSON in UTF-16", "JSON", "{}".encode("utf-16-be")),
        ("JSON with a byte order mark", "JSON", b"\xef\xbb\xbf{}"),
        ("JSON with a member twice", "JSON", b'{"a":1,"a":1}'),
    ]
    bad_media = [
        ("String with a media type of its own", "String", "text/html", "html"),
        ("String with another extension", "String", "text/plain", "text"),
        ("Number with a media type of its own", "Number", "application/json", "json"),
        ("Uint8Array with a media type of its own", "Uint8Array", "image/png", "png"),
        ("JSON as text", "JSON", "text/plain", "txt"),
        ("Blob whose media type is none", "Blob", "png", "png"),
        ("Blob whose media type has parameters", "Blob", "text/plain;charset=utf-8", "txt"),
        ("Blob whose media type holds a line feed", "Blob", "image/png\n", "png"),
        ("Blob without an extension", "Blob", "image/png", ""),
        ("Blob whose extension is a path", "Blob", "image/png", "a/b"),
        ("Blob whose extension leaves the folder", "Blob", "image/png", "/../../x"),
        ("Blob whose extension holds a NUL", "Blob", "image/png", "a\0b"),
    ]
    for name, kind, content in bad_data:
        yield raw_record(name, kind, content, MEDIA[kind])
    for name, kind, mime, extension in bad_media:
        yield raw_record(name, kind, b"1", (mime, extension))


def raw_record(name: str, kind: str, content: bytes, media: tuple[str, str]) -> Json:
    made = record(kind, content, media)
    line = made["metadata"].encode()
    views = dict.fromkeys((*VIEWS, f"view.{media[1]}"), str(made["blobOid"]))
    tree = tree_content({**views, "metadata.json": made["metadataOid"]})
    commit = commit_content(made["treeOid"], line + b"\n")
    parts = [("blob", content), ("blob", line), ("tree", tree), ("commit", commit)]
    return {
        "name": name,
        "objects": [{"kind": kind_, "contentBase64": b64(part)} for kind_, part in parts],
        "commitOid": made["commitOid"],
    }
