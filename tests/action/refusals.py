"""Steps that must be refused for what they were given, before anything is read or written."""

from dataclasses import dataclass, field

KEY = "markedkey4f2a"
VALUE = "markedvalue9d3b"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step, the input that its error must name, and what of what would be accepted it must say."""

    command: str
    inputs: dict[str, str]
    name: str
    accepted: str
    label: str = field(default="")

    def __str__(self) -> str:
        """Name the case in the list of tests."""
        return (
            self.label
            or f"{self.command} {' '.join(f'{name}={text[:24]!a}' for name, text in self.inputs.items() if name != 'key')}"
        )


def _set(name: str, accepted: str, **inputs: str) -> Refusal:
    given = {"key": KEY, "value": VALUE} | {written.rstrip("_").replace("_", "-"): text for written, text in inputs.items()}
    return Refusal("set", given, name, accepted)


def _of(command: str, name: str, accepted: str, **inputs: str) -> Refusal:
    given = {"key": KEY} | {written.rstrip("_").replace("_", "-"): text for written, text in inputs.items()}
    return Refusal(command, given, name, accepted)


_COMMANDS = [
    Refusal("gett", {"key": KEY}, "command", "'get'"),
    Refusal("GET", {"key": KEY}, "command", "get, set, append"),
    Refusal(" get", {"key": KEY}, "command", "'get'"),
    Refusal("rm -rf", {"key": KEY}, "command", "maintain"),
    Refusal("::add-mask::x", {"key": KEY}, "command", "maintain"),
]
_UNKNOWN = [
    _of("get", "defualt", "'default'", defualt=VALUE),
    _of("get", "ttls", "'ttl'", ttls="1h"),
    _of("set", "if-verson", "'if-version'", value=VALUE, if_verson="a"),
    _of("maintain", "dryrun", "'dry-run'", key="", dryrun="true"),
]
_NOT_TAKEN = [
    _of("get", "value", "default", value=VALUE),
    _of("get", "ttl", "output-file", ttl="1h"),
    _of("set", "default", "value-file", value=VALUE, default=VALUE),
    _of("incr", "value", "by", value=VALUE),
    _of("incr", "keep-ttl", "op-id", keep_ttl="true"),
    _of("mget", "key", "keys"),
    _of("maintain", "key", "dry-run"),
    _of("sweep", "retention", "dry-run", key="", retention="1d"),
    _of("init", "key", "config"),
    _of("keys", "keys", "key", keys=f'["{KEY}"]'),
]
_DURATIONS = [
    _set("ttl", "90s, 15m, 12h, 30d, 2w or PT15M", ttl=text)
    for text in (
        "0s",
        "0",
        "15",
        "-5m",
        "1.5h",
        "5 m",
        "5M",
        "soon",
        "P1M",
        "P1Y",
        "PT",
        "P",
        "1h30m",
        " 5m",
        "5m\n",
        "\u0665m",
        "9" * 15 + "w",
    )
] + [
    _set("expiry-granularity", "up to 366 days", ttl="1h", expiry_granularity="0s"),
    _set("expiry-granularity", "up to 366 days", ttl="1h", expiry_granularity="367d"),
    _of("gather", "grace-period", "PT15M", key="", grace_period="-1s"),
    _of("gather", "grace-period", "PT15M", key="", grace_period="2"),
    _of("purge", "retention", "PT15M", key="", retention="a week"),
    _of("expire", "ttl", "PT15M", ttl="forever"),
]
_TIMES = [
    _set("expires-at", "with its zone", expires_at=text)
    for text in (
        "2099-01-31T12:00:00",
        "2099-01-31",
        "tomorrow",
        "2099-13-01T00:00:00Z",
        "2099-02-30T00:00:00Z",
        "1900000000",
        "12:00Z",
        "9999-12-31T24:00:00Z",
        "2099-01-31T12:00:00Z ",
        "2099-01-31T12:00:00Z\n",
        "\uff12099-01-31T12:00:00Z",
    )
] + [
    _set("expires-at", "between now and the year 9999", expires_at="2020-01-31T12:00:00Z"),
    _set("expires-at", "between now and the year 9999", expires_at="0001-01-01T00:00:00Z"),
    _set("expires-at", "between now and the year 9999", expires_at="9999-12-31T23:59:59Z"),
    _set("ttl", "between now and the year 9999", ttl="417000w"),
    _of("expire", "expires-at", "between now and the year 9999", expires_at="2020-01-31T12:00:00Z"),
    Refusal("mset", {"values": f'{{"{KEY}":1}}', "expires-at": "2020-01-31T12:00:00Z"}, "expires-at", "the year 9999"),
]
_NUMBERS = [
    *(
        _of("incr", "by", "a whole number of 64 bits, not 0", by=text)
        for text in (
            "0",
            "-0",
            "1.5",
            "one",
            "0x10",
            "+1",
            " 1",
            "1\n",
            "1_000",
            "1e3",
            "9223372036854775808",
            "-9223372036854775808",
            "9" * 5000,
        )
    ),
    _set("shard-length", "from 1 to 39", shard_length="0"),
    _set("shard-length", "from 1 to 39", shard_length="40"),
    _set("shard-length", "from 1 to 39", shard_length=" 2"),
    _set("max-attempts", "from 1 to 1000", if_="absent", max_attempts="20\n"),
    _set("max-attempts", "from 1 to 1000", if_="absent", max_attempts="0"),
    _set("max-attempts", "from 1 to 1000", if_="absent", max_attempts="many"),
    _of("maintain", "max-writes", "1 or more", key="", max_writes="0"),
    _of("maintain", "max-seconds", "1 or more", key="", max_seconds="-1"),
]
_WORDS = [
    _set("if-version", "40 hex digits", if_version="abc"),
    _set("if-version", "40 hex digits", if_version="A" * 40),
    _set("if-version", "40 hex digits", if_version="g" * 40),
    _set("if", "absent or present", if_="missing"),
    _set("keep-ttl", "true or false", keep_ttl="yes"),
    _set("store-key", "true or false", store_key="True"),
    _set("store-key", "true or false", store_key="1"),
    _set("type", "string, number, boolean, json", type_="text"),
    _set("key-type", "string, number, boolean, json", key_type="file"),
    _of("maintain", "dry-run", "true or false", key="", dry_run="ture"),
    _of("get", "on-missing", "ok or fail", on_missing="error"),
    _of("get", "mask", "true or false", mask="always"),
    _of("incr", "contention", "retry or breadcrumb", contention="wait"),
]
_TOGETHER = [
    _set("ttl", "one of the two", ttl="1h", keep_ttl="true"),
    _set("ttl", "one of the two", ttl="1h", expires_at="2099-01-31T12:00:00Z"),
    _set("expires-at", "one of the two", expires_at="2099-01-31T12:00:00Z", keep_ttl="true"),
    _set("value", "one of the two", value_file="given"),
    _of("exists", "key", "one of the two", keys=f'["{KEY}"]'),
    _of("del", "key", "one of the two", keys=f'["{KEY}"]'),
    _set("media-type", "type: file", media_type="image/png"),
]
_ENCRYPTION = [
    _of("get", "encryption-kid", "a name", encryption_key="A" * 43 + "="),
    _of("get", "encryption-kid", "'encryption-key'", encryption_kid="a"),
    _of("get", "encryption-kid", "1 to 64 of A-Z a-z 0-9 . _ -", encryption_kid="a b", encryption_key="A" * 43 + "="),
    _of("get", "encryption-kid", "Accepted: a.", encryption_kid="b", encryption_key="a: " + "A" * 43 + "="),
    *(
        _of("get", "encryption-key", "32 random bytes in base64", encryption_key=text, encryption_kid="a")
        for text in (VALUE, f"{VALUE}: {VALUE}", "A" * 43, f"a: {'A' * 43}=\n{VALUE}")
    ),
    _of("maintain", "encryption-key", "dry-run", key="", encryption_key="A" * 43 + "="),
]
_MISSING = [
    *(
        _of(command, "key", "'key'", key="", **inputs)
        for command, inputs in (
            ("get", {}),
            ("set", {"value": VALUE}),
            ("del", {}),
            ("getdel", {}),
            ("exists", {}),
            ("type", {}),
            ("expire", {"ttl": "1h"}),
            ("persist", {}),
            ("ttl", {}),
            ("incr", {}),
            ("decr", {}),
        )
    ),
    Refusal("mget", {}, "keys", "'keys'"),
    Refusal("mset", {}, "values", "'values'"),
    _of("expire", "ttl", "'ttl' or 'expires-at'"),
]
_LISTS = [
    Refusal("mget", {"keys": "[]"}, "keys", "at least one"),
    Refusal("mget", {"keys": "\n\n"}, "keys", "at least one"),
    Refusal("del", {"keys": "[]"}, "keys", "at least one"),
    Refusal("mget", {"keys": f'["{KEY}", 1]'}, "keys", "a JSON list of strings"),
    Refusal("mget", {"keys": f'["{KEY}"'}, "keys", "a JSON list of strings"),
    Refusal("mget", {"keys": f'["{KEY}"] trailing'}, "keys", "a JSON list of strings"),
    Refusal("mget", {"keys": '["\\ud800"]'}, "keys", "UTF-8"),
    Refusal("mset", {"values": "{}"}, "values", "a JSON object"),
    Refusal("mset", {"values": f'["{VALUE}"]'}, "values", "a JSON object"),
    Refusal("mset", {"values": f'{{"{KEY}": "{VALUE}"'}, "values", "a JSON object"),
    Refusal("mset", {"values": f'{{"{KEY}": 1, "{KEY}": 2}}'}, "values", "a JSON object"),
    Refusal("mset", {"values": f'{{"{KEY}": {{"a": 1, "a": 2}}}}'}, "values", "a JSON object"),
    Refusal("mset", {"values": f'{{"{KEY}": NaN}}'}, "values", "a JSON object"),
    Refusal("mset", {"values": f'{{"{KEY}": 1e400}}'}, "values", "a JSON object"),
    Refusal("mset", {"values": f'{{"{KEY}": 9007199254740993}}'}, "values", "a JSON object"),
    Refusal("mset", {"values": f'{{"{KEY}": "\\ud800"}}'}, "values", ""),
    Refusal("mset", {"values": f'{{"{KEY}": ["\\ud800"]}}'}, "values", ""),
    Refusal("mset", {"values": '{"\\ud800": 1}'}, "values", ""),
    Refusal("mset", {"values": '{"1": 1, "1.0": 2}', "key-type": "number"}, "values", "each key once"),
    Refusal("mset", {"values": f'{{"{KEY}": 1}}', "type": "counter"}, "type", ""),
    Refusal("mset", {"values": f'{{"{KEY}": "{VALUE}"}}', "type": "number"}, "values", ""),
    Refusal("mset", {"values": f'{{"{KEY}": " 42"}}', "type": "number"}, "values", ""),
    Refusal("mset", {"values": '{"42 ": 1}', "key-type": "number"}, "values", ""),
    _of("hset", "values", "a JSON object", values=f'["{VALUE}"]'),
    _of("apush", "values", "a JSON list", values=f'{{"a": "{VALUE}"}}'),
    _of("apush", "values", "a JSON list", values="[]"),
    _of("apush", "values", "one of the two", values='["a"]', value=VALUE),
    _of("apush", "type", "", values="[1]", type_="counter"),
    _of("apush", "values", "", values=f'["{VALUE}"]', type_="number"),
    _of("apop", "from", "first or last", from_="middle"),
    _of("wait", "until", "'until'"),
    _of("wait", "equals", "'equals', or another", until="equals"),
    _of("wait", "at-least", "until: at-least", until="present", at_least="1"),
    _of("wait", "if-version", "until: changed", until="absent", if_version="1" * 40),
]
_VALUES = [
    *(
        _set("value", "", type_=type_, value=text)
        for type_, text in (
            ("number", VALUE),
            ("number", ""),
            ("number", "NaN"),
            ("number", "Infinity"),
            ("number", "1e400"),
            ("number", "9007199254740993"),
            ("number", "-" + "9" * 400),
            ("number", '"1"'),
            ("number", "true"),
            ("number", "01"),
            ("number", " 42"),
            ("number", "42\n"),
            ("boolean", "True"),
            ("boolean", ""),
            ("json", ""),
            ("json", f'{{"{VALUE}"'),
            ("json", f'{{"{VALUE}":1,"{VALUE}":2}}'),
            ("json", f'["{VALUE}",NaN]'),
            ("json", f'["{VALUE}",-Infinity]'),
            ("json", f'["{VALUE}",1e999]'),
            ("json", f'["{VALUE}",12345678901234567890]'),
            ("json", f'["{VALUE}","\\udc00"]'),
            ("json", "[" * 40_000 + "]" * 40_000),
            ("bytes", VALUE),
            ("bytes", "AP8"),
            ("bytes", "AP8K\n"),
            ("bytes", "AP_-"),
            ("bytes", "é"),
            ("file", "="),
            ("counter", VALUE),
            ("counter", ""),
            ("counter", "1.0"),
            ("counter", "+1"),
            ("counter", "--1"),
            ("counter", "²"),
            ("counter", " 42"),
            ("counter", "42\n"),
            ("counter", "9223372036854775808"),
            ("counter", "9" * 5000),
            ("string", f"{VALUE}\udcff"),
        )
    ),
    *(
        _set("value", "is not a number", type_="number", value=text)
        for text in (
            "abc",
            "",
            "NaN",
            "-Infinity",
            "0x10",
            "1_000",
            "\u0661",
            "+1",
            "1.",
            ".5",
            "01",
            "1e",
            "--1",
            "1 2",
            "true",
            "[1]",
        )
    ),
    *(_set("value", "nothing is trimmed", type_="number", value=text) for text in (" 1", "1\n", "\t1")),
    *(_set("value", "beyond the range of a double", type_="number", value=text) for text in ("1e400", "-1e999", "9" * 5000)),
    *(
        _set("value", "exactly", type_="number", value=text)
        for text in ("9007199254740993", "-9007199254740993", "12345678901234567890")
    ),
    _set("value", "nested more than 500 levels", type_="json", value="[" * 50_000),
    _set("value", "the same member name twice", type_="json", value='{"a":1,"a":2}'),
    _set("value", "a lone surrogate", type_="json", value='["\\ud800"]'),
    _set("value", "Expecting value", type_="json", value="abc"),
    _set("value", "'value-file'", value="x" * (100 * 1024 + 1)),
    _set("media-type", "", type_="file", value="AP8K", media_type="png"),
    _set("media-type", "", type_="file", value="AP8K", media_type="text/plain; charset=utf-8"),
    _set("value-file", "the path of a file", value="", value_file="no/such/file"),
    _set("value-file", "the path of a file", value="", value_file="/"),
    _set("value-file", "the path of a file", value="", value_file="\udcff"),
    *(
        _of("get", "key", "", key=text, key_type=type_)
        for type_, text in (
            ("number", KEY),
            ("number", "9007199254740993"),
            ("number", "42\n"),
            ("boolean", KEY),
            ("json", KEY),
            ("json", f'{{"{KEY}":1,"{KEY}":2}}'),
            ("bytes", KEY + "="),
            ("string", f"{KEY}\udcff"),
        )
    ),
    _of("get", "default", "", default="\udcff"),
]
_REPOSITORIES = [
    _of("get", "repository", "a git URL, a path, or owner/name", repository=""),
    _of("get", "repository", "", repository="https://[bad/owner/name.git"),
    _of("get", "repository", "", repository="https:///name.git"),
    _of("get", "repository", "", repository="https://host:port/name.git"),
    _of("get", "repository", "", repository="ssh://git@host:port/name.git"),
]

REFUSALS = [
    *_COMMANDS,
    *_UNKNOWN,
    *_NOT_TAKEN,
    *_DURATIONS,
    *_TIMES,
    *_NUMBERS,
    *_WORDS,
    *_TOGETHER,
    *_ENCRYPTION,
    *_MISSING,
    *_LISTS,
    *_VALUES,
    *_REPOSITORIES,
]
