"""expiry.json: expiry ids and their commits."""

from collections.abc import Iterator

from tests.vectors.cases.data import record
from tests.vectors.cases.raw import Json, malformed_messages, message_only

LAST_SECOND = 253_402_300_799
SECOND = 1_000_000


def expiry() -> Json:
    midnight = 1795392000
    rounding = [
        (midnight * SECOND, 60, midnight),
        (midnight * SECOND + 1, 60, midnight + 60),
        (midnight * SECOND - 1, 60, midnight),
        (midnight * SECOND + 59_999_999, 60, midnight + 60),
        (midnight * SECOND + 60_000_000, 60, midnight + 60),
        (midnight * SECOND + 60_000_001, 60, midnight + 120),
        (midnight * SECOND, 1, midnight),
        (midnight * SECOND + 1, 1, midnight + 1),
        (midnight * SECOND, 3600, midnight),
        (midnight * SECOND + 1, 3600, midnight + 3600),
        (midnight * SECOND + 1, 86_400, 1795392000 + 86_400),
        (midnight * SECOND + 1, 7, 1795392004),
        (1, 60, 60),
        (1, 86_400, 86_400),
        (LAST_SECOND * SECOND, 1, LAST_SECOND),
    ]
    refused = [(0, 60), (-1, 60), (-60 * SECOND, 60), (LAST_SECOND * SECOND + 1, 1), (LAST_SECOND * SECOND, 60)]
    return {
        "rounding": [{"moment": str(moment), "granularity": step, "id": id_} for moment, step, id_ in rounding],
        "refusedMoments": [{"moment": str(moment), "granularity": step} for moment, step in refused],
        "commits": [
            message_only(f'{{"category":"expiry","id":{id_},"version":2}}\n', id=id_)
            for id_ in (1, 60, midnight, 1795392060, LAST_SECOND)
        ],
        "expired": [
            {"id": midnight, "now": str(now), "expired": expired}
            for now, expired in (
                (midnight * SECOND - 1, False),
                (midnight * SECOND, True),
                (midnight * SECOND + 1, True),
                (0, False),
            )
        ],
        "malformed": list(malformed_expiries()),
        "registry": [entry(id_) for id_ in (86_400, midnight, midnight + 86_400, LAST_SECOND - 86_399)],
        "refusedAnswers": list(refused_answers()),
    }


def entry(id_: int) -> Json:
    oid = message_only(f'{{"category":"expiry","id":{id_},"version":2}}\n')["oid"]
    return {
        "id": id_,
        "expiryOid": oid,
        "tag": f"refs/tags/expiry-{oid}",
        "commitOid": record("Number", str(id_).encode())["commitOid"],
        "text": str(id_),
    }


def refused_answers() -> Iterator[Json]:
    oid = entry(1795392000)["expiryOid"]
    texts = ["", "0", "-1795392000", "+1795392000", "01795392000", " 1795392000", "1795392000\n", "1795392000.0", "1.795392e9"]
    texts += ["1_795_392_000", "179539200", "17953920000", "1795478400", str(LAST_SECOND + 1), "9" * 12, "9" * 13, "9" * 5000]
    texts += ["\u0661\u0667\u0669\u0665\u0663\u0669\u0662\u0660\u0660\u0660", oid, "null", "<html>", '{"id":1795392000}']
    yield from ({"expiryOid": oid, "text": text} for text in texts)


def malformed_expiries() -> Iterator[Json]:
    good = '{"category":"expiry","id":1795392000,"version":2}\n'
    messages = {
        "empty": "",
        "no line feed": good[:-1],
        "another last character": good[:-1] + " ",
        "two line feeds": good + "\n",
        "carriage return": good[:-1] + "\r\n",
        "a space": good.replace(":1795", ": 1795"),
        "order of members": '{"id":1795392000,"category":"expiry","version":2}\n',
        "id as a string": good.replace("1795392000", '"1795392000"'),
        "id with a fraction": good.replace("1795392000", "1795392000.5"),
        "id with an empty fraction": good.replace("1795392000", "1795392000.0"),
        "id in exponent form": good.replace("1795392000", "1e9"),
        "id zero": good.replace("1795392000", "0"),
        "id negative": good.replace("1795392000", "-60"),
        "id after the year 9999": good.replace("1795392000", str(LAST_SECOND + 1)),
        "id is true": good.replace("1795392000", "true"),
        "id is null": good.replace("1795392000", "null"),
        "no id": '{"category":"expiry","version":2}\n',
        "no version": '{"category":"expiry","id":1795392000}\n',
        "no category": '{"id":1795392000,"version":2}\n',
        "format version 1": good.replace('"version":2', '"version":1'),
        "format version 3": good.replace('"version":2', '"version":3'),
        "another category": good.replace('"expiry"', '"counter"'),
        "a member too many": good.replace('"version":2', '"version":2,"x":1'),
        "a breadcrumb": "+1\n",
        "a list": "[]\n",
        "not JSON": "1795392000 seconds\n",
    }
    yield from malformed_messages(messages, good)
