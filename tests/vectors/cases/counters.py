"""counters.json: counter commits and breadcrumbs."""

from collections.abc import Iterator, Mapping

from tests.vectors.cases.names import OP, TIME
from tests.vectors.cases.raw import (
    DUMMY_TREE,
    INT64_MAX,
    INT64_MIN,
    NULL_COMMIT,
    Json,
    malformed_messages,
    message_only,
    quoted,
)

Recent = list[list[str | None]]


def state(value: int | str = 0, op: str = OP, seq: int = 0, recent: Recent | None = None, set_at: str | None = None) -> Json:
    return {"value": str(value), "op": op, "seq": seq, "recent": recent or [], "setAt": set_at}


def counter_message(counter: Json) -> str:
    set_at = f'"setAt":"{counter["setAt"]}",' if counter["setAt"] else ""
    recent = ",".join(f"[{','.join('null' if part is None else quoted(part) for part in entry)}]" for entry in counter["recent"])
    head = f'{{"category":"counter","op":"{counter["op"]}","recent":[{recent}],"seq":{counter["seq"]},'
    return f'{head}{set_at}"value":"{counter["value"]}","version":2}}\n'


BAD_DELTAS = {
    "zero": "+0\n", "negative zero": "-0\n", "no sign": "1\n", "no line feed": "+1", "two line feeds": "+1\n\n",
    "two signs": "+-1\n", "leading zero": "+01\n", "space before": " +1\n", "space after": "+1 \n",
    "fraction": "+1.0\n", "exponent": "+1e3\n", "underscore": "+1_0\n", "carriage return": "+1\r\n", "words": "one\n",
    "line feed alone": "\n", "sign alone": "+\n", "digits that are not ASCII": "+\u0661\n",
    "too large": f"+{INT64_MAX + 1}\n", "too small": f"{INT64_MIN - 1}\n", "very long": "+" + "9" * 5000 + "\n",
    "metadata": '{"category":"counter","version":2}\n',
}  # fmt: skip


def counters() -> Json:
    many: Recent = [[f"many{number:04d}", str(number)] for number in range(200)]
    states = {
        "first increment": state(1, OP, 1, [[OP, "1"]]),
        "two clients make different commits for the same step": state(1, "otherop0", 1, [["otherop0", "1"]]),
        "nothing remembered": state(5, OP, 0, []),
        "a breadcrumb came in without a number": state(42, OP, 17, [["abcdefgh", "41"], ["0123456789", None]]),
        "breadcrumbs came in with their numbers": state(
            -1, OP, 17, [["abcdefgh", "41"], ["0123456789", "-2", TIME], ["abcdefghi", "-1", TIME]]
        ),
        "after a SET": state(100, OP, 18, [[OP, "100"]], TIME),
        "negative": state(-3, OP, 2, [["abcdefgh", "0"], [OP, "-3"]]),
        "largest": state(INT64_MAX, OP, 1, [[OP, str(INT64_MAX)]]),
        "smallest": state(INT64_MIN, OP, 1, [[OP, str(INT64_MIN)]]),
        "longest operation id": state(1, "z" * 40, 1, [["z" * 40, "1"]]),
        "more than 128 remembered": state(199, OP, 200, many),
        "largest seq": state(0, OP, 2**53 - 1, []),
    }
    deltas = (1, -1, 3, -3, 10, INT64_MAX, INT64_MIN)
    return {
        "counters": [
            {"name": name, "counter": counter, **message_only(counter_message(counter))} for name, counter in states.items()
        ],
        "malformedCounters": list(malformed_counters()),
        "breadcrumbs": [message_only(f"{delta:+d}\n", delta=str(delta)) for delta in deltas],
        "nullBreadcrumb": {"tree": DUMMY_TREE, "message": "", "oid": NULL_COMMIT},
        "malformedBreadcrumbs": list(malformed_messages(BAD_DELTAS, "+1\n")),
    }


def malformed_counters() -> Iterator[Json]:
    good = (
        '{"category":"counter","op":"abcdefgh","recent":[["abcdefgh","5"]],"seq":1,'
        '"setAt":"20261122T140355123456Z","value":"5","version":2}\n'
    )

    def swapped(old: str, news: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        assert old in good
        return ((name, good.replace(old, new)) for name, new in news.items())

    messages = {
        "empty": "",
        "no line feed": good[:-1],
        "another last character": good[:-1] + " ",
        "two line feeds": good + "\n",
        "a space": good.replace('":"counter', '": "counter'),
        "order of members": good.replace('"category":"counter","op":"abcdefgh"', '"op":"abcdefgh","category":"counter"'),
        "a member twice": good.replace('"seq":1', '"seq":1,"seq":1'),
        "a member too many": good.replace('"version":2', '"version":2,"x":1'),
        "byte order mark": "\ufeff" + good,
        "a breadcrumb": "+1\n",
    }
    messages.update(
        swapped('"counter"', {"another category": '"expiry"', "category unknown": '"counters"', "category is no text": "1"})
    )
    messages.update(
        swapped(
            ',"version":2',
            {
                "no version": "",
                "version 1": ',"version":1',
                "version 3": ',"version":3',
                "version as text": ',"version":"2"',
            },
        )
    )
    messages.update(swapped('"op":"abcdefgh",', {"no op": "", "op short": '"op":"abcdefg",', "op long": f'"op":"{"a" * 41}",'}))
    messages.update(
        swapped(
            '"op":"abcdefgh"',
            {
                "op upper-case": '"op":"ABCDEFGH"',
                "op null": '"op":null',
                "op number": '"op":12345678',
                "op empty": '"op":""',
            },
        )
    )
    messages.update(
        swapped(
            '"seq":1,',
            {
                "no seq": "",
                "seq negative": '"seq":-1,',
                "seq fraction": '"seq":1.5,',
                "seq text": '"seq":"1",',
                "seq true": '"seq":true,',
                "seq null": '"seq":null,',
                "seq beyond a double": '"seq":9007199254740993,',
                "seq 1e+21": '"seq":1e+21,',
            },
        )
    )
    messages.update(
        (f"value {text!r}", good.replace('"value":"5"', f'"value":"{text}"'))
        for text in (
            "",
            "05",
            "+5",
            "-0",
            " 5",
            "5 ",
            "5.0",
            "5e3",
            "0x5",
            "1_0",
            "\u0665",
            str(INT64_MAX + 1),
            str(INT64_MIN - 1),
            "9" * 5000,
        )
    )
    messages.update(swapped('"value":"5",', {"no value": "", "value number": '"value":5,', "value null": '"value":null,'}))
    messages.update(swapped('"recent":[["abcdefgh","5"]],', {"no recent": ""}))
    messages.update(
        (f"recent {text}", good.replace('[["abcdefgh","5"]]', text))
        for text in (
            "{}",
            "null",
            '"abcdefgh"',
            '["abcdefgh"]',
            "[[]]",
            '[["abcdefgh"]]',
            '[["abcdefgh","5",null]]',
            '[["abcdefgh",null,"20261122T140355123456Z"]]',
            '[["abcdefgh","5","20260230T000000000000Z"]]',
            '[["abcdefgh","5","20261122T140355Z"]]',
            '[["abcdefgh","5",""]]',
            '[["abcdefgh","5",1795392000]]',
            '[["abcdefgh","5","20261122T140355123456Z","5"]]',
            '[["abcdefgh",5]]',
            '[["abcdefgh","05"]]',
            '[["abcdefgh",""]]',
            '[["abc","5"]]',
            '[[null,"5"]]',
            '[{"op":"abcdefgh"}]',
            f'[["abcdefgh","{INT64_MAX + 1}"]]',
            "[null]",
        )
    )
    messages.update(
        (f"setAt {text}", good.replace('"20261122T140355123456Z"', text))
        for text in (
            '""',
            "null",
            "1795392000",
            '"20260230T000000000000Z"',
            '"20261122T140355Z"',
            '"2026-11-22T14:03:55Z"',
        )
    )
    yield from malformed_messages(messages, good)
