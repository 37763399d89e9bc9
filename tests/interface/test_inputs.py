"""Every input's parser: what it makes of what it accepts, and what it refuses."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_keyval.errors import InputError
from git_keyval.format.names import KeyId
from git_keyval.interface.commands import COMMANDS
from git_keyval.interface.forms import EncryptionKeys, KeyRef
from git_keyval.interface.inputs import INPUTS
from git_keyval.interface.parsing import find_command, parse_inputs

OID = KeyId("0123456789abcdef0123456789abcdef01234567")
INT64 = 2**63
ZEROS = "A" * 43 + "="  # 32 zero bytes in base64
ONES = "/" * 42 + "8="

OTHER_LINE_ENDS = ("\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
"""What Python and Unicode call the end of a line, and inputs do not."""

VALUE_TYPES = ("string", "number", "boolean", "json", "bytes", "file", "counter")
KEY_TYPES = (*VALUE_TYPES, "map", "array", "lock", "redirect", "unknown")
FLAGS = (
    "keep-ttl",
    "get-old",
    "refresh-ttl",
    "mask",
    "store-key",
    "with-types",
    "long",
    "expired",
    "repair",
    "dry-run",
    "atomic",
    "follow-writes",
)
SPANS = ("ttl", "expiry-granularity", "grace-period", "retention", "horizon", "expires-within")
VARIABLES = ("key-env", "to-env", "field-env", "value-env", "equals-env")
BATCHES_REFUSED = (
    "",
    "get",
    "[]",
    "{}",
    "command: get",
    "- get",
    "- command: get\n  key:",
    "- command: get\n  key: ~",
    "- command: get\n  key: [a]",
    "- command: get\n  key: a\n  key: b",
    "- command: get\n  key: &anchor a",
    "- command: mset\n  values: {a: 1.10}",
    "- command: apush\n  values: [1.10]",
    "- command: mset\n  values: {a: 010}",
    "- command: del\n  keys: [a, [b]]",
    '[{"command": "get", "key": null}]',
    '[{"command": "get", "command": "set"}]',
    '[{"command": "get"}, 1]',
    '[{"command": "set", "value": {"a": 1}}]',
    "[" * 100_000,
)

ACCEPTED: list[tuple[str, str, object]] = [
    *(("command", text, text) for text in ("get", "no command")),
    *(("repository", text, text) for text in ("owner/name", " ", "/a b")),
    *(("token", text, text) for text in ("ghp_x", "ghs_x")),
    *((name, text, text) for name in ("key", "to") for text in (" a ", "\n", "é", "0")),
    *(("ref", text, KeyRef(OID)) for text in (OID,)),
    *(("ref", f"{top}kv-0/{kind}-{OID[1:]}", KeyRef(OID, 1)) for top in ("refs/heads/", "") for kind in ("val", "exp", "key")),
    ("ref", f"refs/heads/kv-{OID[:39]}/val-{OID[39:]}", KeyRef(OID, 39)),
    ("keys", '["a", "b"]', ["a", "b"]),
    ("keys", ' \n["a\\nb"]', ["a\nb"]),
    ("keys", "[]", []),
    ("keys", "a\nb", ["a", "b"]),
    ("keys", "a\r\nb\r\n\r\n", ["a", "b"]),
    ("keys", " a \n{}\n", [" a ", "{}"]),
    *(("keys", f"team{end}alpha\r\nb", [f"team{end}alpha", "b"]) for end in OTHER_LINE_ENDS),
    *(("fields", f"team{end}alpha\nb", [f"team{end}alpha", "b"]) for end in OTHER_LINE_ENDS),
    ("keys", "a\r", ["a\r"]),
    ("keys", "\u2003[a", ["\u2003[a"]),
    *(("key-type", text, text) for text in ("string", "number", "boolean", "json", "bytes")),
    *(("value", text, text) for text in ("", " ", "\n", "x" * 102_400, "é" * 51_200)),
    ("value-file", "a b", "a b"),
    ("names-from", "a b", "a b"),
    ("previous-report", "a b", "a b"),
    ("expires-within", "7d", 604_800),
    ("values", '{"a": [1, null]}', {"a": [1, None]}),
    ("values", ' {"": ""}\n', {"": ""}),
    ("values", '["a", {"b": null}]', ["a", {"b": None}]),
    *(("from", text, text) for text in ("first", "last")),
    *(("slots", str(number), number) for number in (1, 2, 100)),
    *(("until", text, text) for text in ("present", "absent", "changed", "equals", "less-than", "at-least")),
    *(("type", text, text) for text in KEY_TYPES),
    ("ttl", "1s", 1),
    ("ttl", "90s", 90),
    ("ttl", "15m", 900),
    ("ttl", "12h", 43_200),
    ("ttl", "30d", 2_592_000),
    ("ttl", "2w", 1_209_600),
    ("ttl", "PT15M", 900),
    ("ttl", "P1D", 86_400),
    ("ttl", "P1DT2H3M4S", 93_784),
    ("ttl", "P2W", 1_209_600),
    ("ttl", "PT01S", 1),
    ("expires-at", "1970-01-01T00:00:00Z", 0),
    ("expires-at", "2027-01-31T12:00:00Z", 1_801_396_800_000_000),
    ("expires-at", "2027-01-31T13:00:00+01:00", 1_801_396_800_000_000),
    ("expires-at", "2027-01-31T12:00:00.123456Z", 1_801_396_800_123_456),
    ("expires-at", "2027-01-31T12:00:00.1234560000Z", 1_801_396_800_123_456),
    ("expires-at", "2027-01-31T12:00:00.1234560001Z", 1_801_396_800_123_457),  # an expiry is never before the time given
    ("expires-at", "2027-01-31t12:00:00z", 1_801_396_800_000_000),
    ("expires-at", "2027-01-31 12:00:00+00:00", 1_801_396_800_000_000),  # as `date --rfc-3339=seconds` writes it
    ("expires-at", "2027-01-31T12:00:00-00:00", 1_801_396_800_000_000),
    ("expires-at", "2027-02-01T02:00:00+14:00", 1_801_396_800_000_000),
    ("expires-at", "2027-02-01T11:59:00+23:59", 1_801_396_800_000_000),
    ("expires-at", "0001-01-01T00:00:00Z", -62_135_596_800_000_000),
    ("expires-at", "9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    *((name, text, text == "true") for name in FLAGS for text in ("true", "false")),
    *(("if", text, text) for text in ("absent", "present", "longer", "shorter", "none", "some")),
    *(("repository-shard-length", text, int(text)) for text in ("1", "3")),
    *(("redirect-shard-length", text, int(text)) for text in ("1", "39")),
    *(("redirect-to", text, text) for text in ("none", "owner/name", "0/.github", "org/kv-{shard}", "org/{shard}.db")),
    ("redirect-allow", "owner/name\nother/*\n*", ["owner/name", "other/*", "*"]),
    ("redirect-allow", '["owner/*"]', ["owner/*"]),
    ("redirect-allow", "[]", []),
    ("if-version", OID, OID),
    *((name, text, text) for name in VARIABLES for text in ("A", "_a1", "GITHUB_SHA")),
    *(("equals", text, text) for text in (" ", "é", "1")),
    *((name, text, Decimal(text)) for name in ("less-than", "at-least") for text in ("0", "-7", "1.5", "1e3")),
    *(("on-failed", text, text) for text in ("ok", "fail")),
    ("commands", '[{"command": "get", "key": "a"}]', [{"command": "get", "key": "a"}]),
    ("commands", "- command: get\n  key: 1.10\n", [{"command": "get", "key": "1.10"}]),
    ("commands", "- command: apush\n  values: [a, 1, '1.10', [~]]\n", [{"command": "apush", "values": '["a",1,"1.10",[null]]'}]),
    ("by", "1", 1),
    ("by", "-1", -1),
    ("by", str(INT64 - 1), INT64 - 1),
    ("by", str(1 - INT64), 1 - INT64),
    *(("owner", text, text) for text in ("a", "é\n", "x" * 1_000)),
    ("wait", "0s", 0),
    ("wait", "10m", 600),
    *(("op-id", text, text) for text in ("a", "é\n", "x" * 999)),
    *(("contention", text, text) for text in ("retry", "breadcrumb")),
    ("media-type", "image/png", "image/png"),
    *(("default", text, text) for text in (" ", "\n", "é")),
    *(("on-missing", text, text) for text in ("ok", "fail")),
    *((name, "a b", "a b") for name in ("output-file", "input-file")),
    *(("if-exists", text, text) for text in ("fail", "skip", "overwrite")),
    ("field", "a/b", "a/b"),
    ("field", "x" * 255, "x" * 255),
    ("fields", '["a", "b"]', ["a", "b"]),
    ("fields", "a\nb c", ["a", "b c"]),
    *((name, "-1", -1) for name in ("index", "start", "stop")),
    *((name, "9007199254740991", 2**53 - 1) for name in ("index", "stop")),
    *(("start", str(number), number) for number in (0, INT64 - 1, -INT64)),
    *(("pad", text, int(text)) for text in ("1", "100")),
    ("shard-length", "1", 1),
    ("shard-length", "39", 39),
    ("expiry-granularity", "1s", 1),
    ("expiry-granularity", "366d", 31_622_400),
    ("max-attempts", "1", 1),
    ("max-attempts", "1000", 1000),
    ("grace-period", "0s", 0),
    ("grace-period", "PT2M", 120),
    ("retention", "0s", 0),
    ("retention", "52w", 31_449_600),
    ("horizon", "0s", 0),
    ("expiry-registry", "org/expiries", "org/expiries"),
    ("expiry-registry", "O-1/a.b_c-d", "O-1/a.b_c-d"),
    ("horizon", "P800D", 69_120_000),
    ("max-writes", "1", 1),
    ("max-writes", str(INT64 - 1), INT64 - 1),
    *(("transport", way, way) for way in ("auto", "api", "git")),
    ("max-seconds", "1", 1),
    ("max-seconds", "3600", 3600),
    ("config", "a b.yml", "a b.yml"),
    *(("encryption-key", text, EncryptionKeys((("", bytes(32)),))) for text in (ZEROS, f"{ZEROS}\n", f" {ZEROS}\t\r\n\n")),
    *(("encryption-key", text, EncryptionKeys((("k", bytes(32)),))) for text in (f"k:{ZEROS}", f"k: {ZEROS}", f" k : {ZEROS} ")),
    ("encryption-key", f"b: {ZEROS}\n\na: {ONES}\n", EncryptionKeys((("b", bytes(32)), ("a", b"\xff" * 32)))),
    ("encryption", "required", "required"),
    *(("encryption-kid", text, text) for text in ("a", "2026-11", "A.b_c", "x" * 64)),
]

DURATIONS = (
    *(
        "",
        " ",
        "1",
        "s",
        "-1s",
        "+1s",
        "1.5h",
        "1S",
        "1 s",
        " 1s",
        "1s ",
        "1s\n",
        "1h30m",
        "1mo",
        "1y",
        "1ms",
        "0x1s",
        "1_0s",
        "\u0661s",
        "½h",
    ),
    *("P", "PT", "PT1", "P1", "P1M", "P1Y", "P1.5D", "PT1,5H", "P1W1D", "P1DT", "p1d", "PT-1M", "-PT1M", "P1D ", "1" * 16 + "s"),
)
REFUSED: list[tuple[str, str]] = [
    *(
        ("ref", text)
        for text in (
            *("", "key", "refs/heads/main", OID[1:], OID.upper(), f" {OID}", f"refs/heads/kv-01/val-{OID[1:]}", f"kv-0/val-{OID}"),
            *(
                f"refs/heads/kv-0/value-{OID[1:]}",
                f"refs/tags/kv-0/val-{OID[1:]}",
                f"heads/kv-0/val-{OID[1:]}",
                f"kv-0/val-{OID[1:]}\n",
            ),
            # What belongs to a part of a key: who means to delete a breadcrumb must not delete the counter.
            *(f"refs/heads/kv-0/exp-{OID[1:]}-{OID}", f"refs/tags/kv-0/bc-{OID[1:]}/20260101T120000000000Z-{'a' * 20}"),
            *(f"refs/heads/gc/20260101T120000000000Z-{OID}", f"gc/20260101T120000000000Z-{OID}", f"refs/tags/expiry-{OID}"),
        )
    ),
    *(("keys", text) for text in ("[", '["a", 1]', '["a", null]', '["a", ["b"]]', '["a"] b', "[NaN]", '["a",]', "[a]")),
    *(("repository-shard-length", text) for text in ("0", "4", "-1", "1.0", "one")),
    *(("redirect-shard-length", text) for text in ("0", "40")),
    *(
        ("redirect-to", text)
        for text in (
            *("name", "./name", "../name", "/srv/git/name", "owner/..", "owner/name.git", "https://example.org/owner/name", "None"),
            *("owner/name\n", "git@example.org:owner/name", "owner/kv-{digit}", "owner/group/name"),
        )
    ),
    *(
        ("redirect-allow", text)
        for text in ("owner", "*/name", "owner/na*", "**", "owner/*/x", "https://example.org/*", "/*", "[1]")
    ),
    ("follow-writes", "yes"),
    *(("key-type", text) for text in ("file", "counter", "String", " string", "")),
    *(("value", text) for text in ("x" * 102_401, "é" * 51_201)),
    *(
        ("values", text)
        for text in ("{}", "[]", "null", "1", '"a"', "{", '{"a":1,"a":2}', '{"a":NaN}', '{"a":1e999}', "{a:1}", "a=1")
    ),
    *(("type", text) for text in ("text", "Number", "blob", "")),
    *(
        (name, text)
        for name in ("ttl", "expiry-granularity", "grace-period", "retention", "horizon", "expires-within")
        for text in DURATIONS
    ),
    *((name, "0s") for name in ("ttl", "expiry-granularity")),
    *(("ttl", text) for text in ("PT0S", "P0D", "999999999999999w")),
    ("expiry-granularity", "367d"),
    ("grace-period", "367d"),
    ("wait", "367d"),
    ("wait", "ten minutes"),
    ("owner", "x" * 1_001),
    ("retention", "36601d"),
    ("horizon", "36601d"),
    *(
        ("expiry-registry", text)
        for text in ("org", "org/", "/name", "a/b/c", "https://github.com/org/x", "a/b@c", "a b/c", "a/b\n")
    ),
    *(
        ("expires-at", text)
        for text in (
            *("", "now", "2027", "2027-01-31", "2027-01-31T12:00:00", "2027-02-29T00:00:00Z", "2027-01-32T00:00:00Z", "1801396800"),
            *("2027-01-31T25:00:00Z", "2027-01-31T12:60:00Z", "2027-01-31T12:00:00+24:00", "2027-01-31T12:00:00 Z", "12:00:00Z"),
            *(
                "2027-01-31T12:00:00Z\n",
                " 2027-01-31T12:00:00Z",
                "10000-01-01T00:00:00Z",
                "9999-12-31T24:00:00Z",
                "٢027-01-31T12:00:00Z",
            ),
            # ISO 8601, but not RFC 3339: weeks, days of the year, no separators, a comma, no seconds, 24 o'clock, other zones.
            *("2027-W53-1T00:00Z", "2027-W53-1T00:00:00Z", "2027W531T000000Z", "2027-031T12:00:00Z", "20270131T120000Z"),
            *("2027-01-31T12:00:00,5Z", "2027-01-31T12:00Z", "2027-01-31T12Z", "2027-01-31T24:00:00Z", "2027-01-31T12:00:00+01"),
            *("2027-01-31T12:00:00+0100", "2027-01-31T12:00:00.Z", "2027-01-31T12:00:00+01:60", "+002027-01-31T12:00:00Z"),
            *(
                "2027-06-30T23:59:60Z",
                "2027-01-31T12:00:60Z",
                "2027-01-31_12:00:00Z",
                "2027-01-31\u2003T12:00:00Z",
                "2027-1-31T12:00:00Z",
            ),
            *("0000-01-01T00:00:00Z", "-2027-01-31T12:00:00Z", "2027-01-31T12:00:00ZZ", "2027-01-31T12:00:00UTC"),
        )
    ),
    *((name, text) for name in FLAGS for text in ("True", "TRUE", "yes", "on", "1", "0", "", " true", "true\n")),
    *(("if", text) for text in ("exists", "Absent", "", "absent ")),
    *(("if-version", text) for text in ("", "abc", OID[:-1], OID + "0", OID.upper(), f"{OID}\n", f" {OID}", "g" * 40, "a" * 64)),
    *(
        (name, text)
        for name in ("by", "shard-length", "max-attempts", "max-writes", "max-seconds")
        for text in ("", "0", "1.0", "1e3", "+1", " 1", "1\n", "0x1", "1_0", "one", "--1", "٣", "²", str(2**63), "9" * 4301)
    ),
    *((name, text) for name in VARIABLES for text in ("", "1A", "A-B", "A B", "A=", "é")),
    *((name, text) for name in ("less-than", "at-least") for text in ("", "a", "01", "1,5", "NaN", "1_0")),
    *(("on-failed", text) for text in ("", "OK", "true")),
    *(("commands", text) for text in BATCHES_REFUSED),
    *(("by", text) for text in ("-0", "00", str(-(2**63)))),
    *((name, "-1") for name in ("shard-length", "max-attempts", "max-writes", "max-seconds")),
    ("shard-length", "40"),
    *(("field", text) for text in ("x" * 256, "\u00e9" * 43)),
    *(("fields", text) for text in ("[]", '["a", ""]', '["a", 1]', f'["{"x" * 256}"]')),
    *((name, text) for name in ("index", "start", "stop") for text in ("one", "1.0", "+1", "9223372036854775808")),
    *((name, "9007199254740992") for name in ("index", "stop")),
    *(("pad", text) for text in ("", "0", "-1", "101", "five")),
    ("max-attempts", "1001"),
    *(("from", text) for text in ("", "First", "middle")),
    *(("slots", text) for text in ("0", "101", "-1", "two")),
    *(("until", text) for text in ("", "exists", "at least")),
    *(("if-exists", text) for text in ("", "ok", "error", "Skip")),
    *(("contention", text) for text in ("", "wait", "Retry")),
    *(("transport", text) for text in ("", "API", "https", "git ")),
    *(("on-missing", text) for text in ("", "error", "OK")),
    *(
        ("encryption-key", text)
        for text in ("", "\n", "secret-password", "A" * 43, "A" * 44, f"{ZEROS}=", "A" * 42 + "B=", "_" * 42 + "8=")
    ),
    *(
        ("encryption-key", text)
        for text in (ZEROS[:20] + "\n" + ZEROS[20:], f"{ZEROS} {ZEROS}", f"{ZEROS}\n{ONES}", "A" * 24, "A" * 88)
    ),
    *(("encryption-key", text) for text in (f": {ZEROS}", f"a b: {ZEROS}", f"é: {ZEROS}", "k: ", "k", f"{'x' * 65}: {ZEROS}")),
    *(
        ("encryption-key", text)
        for text in (f"a: {ZEROS}\na: {ONES}", f"a: {ZEROS}\n{ONES}", f"a: b: {ZEROS}", f'{{"a": "{ZEROS}"}}')
    ),
    *(("encryption-key", f"a: {ZEROS}{end}b: {ONES}") for end in OTHER_LINE_ENDS),
    *(("redirect-allow", f"owner/name{end}other/*") for end in OTHER_LINE_ENDS),
    *(("encryption", text) for text in ("true", "auto", "Required", " required")),
    *(("encryption-kid", text) for text in ("", " ", "a b", "a:b", "é", "a\n", "x" * 65)),
]


@pytest.mark.parametrize(("name", "text", "value"), ACCEPTED)
def test_an_input_is_read(name: str, text: str, value: object) -> None:
    read = INPUTS[name].read(text)
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_an_input_is_refused(name: str, text: str) -> None:
    """The error names the input and what it accepts; a text that could be secret is not repeated."""
    with pytest.raises(InputError) as raised:
        INPUTS[name].read(text)
    assert (raised.value.name, raised.value.accepted) == (name, INPUTS[name].accepted)
    assert str(raised.value).startswith(f"Input '{name}' ")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500
    assert not text or len(text) < 4 or INPUTS[name].shown or text not in str(raised.value)


WORDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("set", "hset", "aset", "assert"), ("absent", "present")),
    **dict.fromkeys(("copy", "rename"), ("absent",)),
    **dict.fromkeys(("expire", "hexpire", "aexpire"), ("longer", "shorter", "none", "some")),
}
"""What ``if`` may say to each command that takes it."""


@pytest.mark.parametrize("name", [command.name for command in COMMANDS.values() if "if" in command.inputs])
def test_a_command_takes_its_own_words_only(name: str) -> None:
    """The error names those."""
    needed = {"key": "k", "field": "f", "index": "0", "value": "v", "ttl": "1h", "to": "t"}
    given = {input_: needed[input_] for input_, *_ in COMMANDS[name].needs if input_ in needed}
    for word in ("absent", "present", "longer", "shorter", "none", "some"):
        if word in WORDS[name]:
            assert parse_inputs(COMMANDS[name], {**given, "if": word}, {})["if"] == word
            continue
        with pytest.raises(InputError) as raised:
            parse_inputs(COMMANDS[name], {**given, "if": word}, {})
        listed = " or ".join(filter(None, (", ".join(WORDS[name][:-1]), WORDS[name][-1])))
        assert (raised.value.name, raised.value.accepted) == ("if", listed)


@pytest.mark.parametrize("name", [command.name for command in COMMANDS.values() if "type" in command.inputs])
def test_a_command_takes_its_own_types_only(name: str) -> None:
    """A value is of one of those that can be stored; of keys, all that they can hold are listed, one or several."""
    read = COMMANDS[name].input("type").read
    several = ('["map"]', "map\narray", '["lock", "number", "lock"]')
    if name in {"keys", "ls"}:
        assert [read(text) for text in (*KEY_TYPES, *several)] == [
            *([text] for text in KEY_TYPES),
            *(["map"], ["map", "array"], ["lock", "number", "lock"]),
        ]
        refused = ["text", "[]", '["map", "text"]', "map,array", '["map", 1]', "\n", "map ", "Map"]
    else:
        assert [read(text) for text in VALUE_TYPES] == [*VALUE_TYPES]
        refused = [*(kind for kind in KEY_TYPES if kind not in VALUE_TYPES), *several]
    for text in refused:
        with pytest.raises(InputError) as raised:
            read(text)
        assert raised.value.accepted.startswith("string, number, boolean, json, bytes, file")


def test_every_input_is_tried() -> None:
    assert {name for name, _, _ in ACCEPTED} == set(INPUTS)
    free = {
        "command",
        "repository",
        "token",
        "key",
        "to",
        "value-file",
        "names-from",
        "previous-report",
        "op-id",
        "media-type",
        "default",
        "output-file",
        "input-file",
        "config",
        "equals",
    }
    assert {name for name, _ in REFUSED} == set(INPUTS) - free


@given(st.sampled_from(sorted(INPUTS)), st.text())
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    """Nothing else is raised, whatever somebody types."""
    with suppress(InputError):
        INPUTS[name].read(text)


@given(st.from_regex(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}T?[0-9:]{0,8}([.,][0-9]{0,7})?(Z|[+-][0-9:]{2,5})?", fullmatch=True))
def test_anything_like_a_time_is_read_or_refused(text: str) -> None:
    with suppress(InputError):
        INPUTS["expires-at"].read(text)


@given(st.sampled_from(sorted(COMMANDS)), st.dictionaries(st.sampled_from([*INPUTS, "unknown"]), st.text(max_size=5)))
def test_any_inputs_are_parsed_or_refused(name: str, given_: dict[str, str]) -> None:
    command = find_command(name)
    try:
        parsed = parse_inputs(command, given_, {})
    except InputError:
        return
    assert parsed.keys() <= {name for name, text in given_.items() if text or name == "value"}
    assert all(any(need in parsed for need in group) for group in command.needs)


def test_secrets_and_stored_texts_are_not_shown() -> None:
    hidden = {name for name, item in INPUTS.items() if not item.shown}
    assert hidden >= {"token", "key", "keys", "to", "value", "values", "default", "op-id", "encryption-key"}


def test_an_encryption_key_is_in_no_repr_and_in_no_error() -> None:
    assert repr(INPUTS["encryption-key"].read(f"kid: {ONES}")) == "EncryptionKeys()"
    with pytest.raises(InputError) as raised:
        INPUTS["encryption-key"].read(f"kid: {ONES}\nsecret-name!: {ZEROS}")
    assert not any(part in str(raised.value) for part in (ONES, ZEROS, "secret"))


@pytest.mark.parametrize(
    ("key", "kid", "problem"),
    [
        (ZEROS, "", "'encryption-kid' is missing"),
        ("", "a", "'encryption-kid' names a key, and there is none"),
        (f"a: {ZEROS}", "b", "'encryption-kid' names none of the keys"),
        (f"a: {ZEROS}\nb: {ONES}", "c", "Accepted: a, b."),
    ],
)
def test_an_encryption_key_and_its_name_go_together(key: str, kid: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parse_inputs(COMMANDS["get"], {"key": "a", "encryption-key": key, "encryption-kid": kid}, {})
