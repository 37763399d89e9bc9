"""times.json: timestamps, durations and dates."""

import calendar

from tests.vectors.cases.expiry import LAST_SECOND, SECOND
from tests.vectors.cases.names import TIME
from tests.vectors.cases.raw import Json

MOMENTS = [
    ("19700101T000000000000Z", 0, 0),
    ("19700101T000000000001Z", 0, 1),
    ("20250101T000000000000Z", calendar.timegm((2025, 1, 1, 0, 0, 0)), 0),
    (TIME, calendar.timegm((2026, 11, 22, 14, 3, 55)), 123_456),
    ("20280229T235959999999Z", calendar.timegm((2028, 2, 29, 23, 59, 59)), 999_999),
    ("99991231T235959999999Z", LAST_SECOND, 999_999),
]

REFUSED_TIMESTAMPS = [
    "", "20261122", "20261122T140355Z", "20261122T140355123Z", "20261122T14035512345Z", "20261122T1403551234567Z",
    "20261122T140355123456", "20261122T140355123456z", "20261122t140355123456Z", "20261122T140355.123456Z",
    "2026-11-22T14:03:55Z", "20261122 140355123456Z", "20261322T140355123456Z", "20260022T140355123456Z",
    "20261100T140355123456Z", "20261131T140355123456Z", "20270229T000000000000Z", "20261122T240000000000Z",
    "20261122T146055123456Z", "20261122T140360123456Z", "00000101T000000000000Z", "+0261122T140355123456Z",
    "20261122T140355123456Z\n", " 20261122T140355123456Z", "120261122T140355123456Z",
    "\u0662\u0660\u0662\u0666\u0661\u0661\u0662\u0662T140355123456Z",
]  # fmt: skip

DURATIONS = [
    ("0s", 0), ("1s", 1), ("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600),
    ("007m", 420), ("999999999999999s", 999_999_999_999_999), ("PT15M", 900), ("PT90S", 90), ("P1DT12H", 129_600),
    ("P2W", 1_209_600), ("P1D", 86_400), ("PT1H2M3S", 3723), ("PT1H3S", 3603), ("P1DT2H3M4S", 93_784),
    ("PT0S", 0), ("PT36H", 129_600),
]  # fmt: skip

REFUSED_DURATIONS = [
    "", "15", "m", "-5m", "+5m", "1.5h", "1,5h", "5 m", " 5m", "5m ", "5m\n", "5M", "5min", "5y", "1h30m", "0x5m",
    "\u0665m", "1e3s", "1234567890123456s", "P", "PT", "T5M", "P1Y", "P1M", "P1DT", "P1W2D", "P1WT1H", "PT1.5S",
    "PT1M1H", "PT1D", "pt15m", "-PT5M", "P-1D", "P1D\n",
]  # fmt: skip


def times() -> Json:
    return {
        "timestamps": [{"text": text, "moment": str(seconds * SECOND + micros)} for text, seconds, micros in MOMENTS],
        "refusedTimestamps": REFUSED_TIMESTAMPS,
        "durations": [{"text": text, "seconds": seconds} for text, seconds in DURATIONS],
        "refusedDurations": REFUSED_DURATIONS,
        "dates": [
            {"seconds": 0, "text": "1970-01-01T00:00:00Z"},
            {"seconds": 1_735_689_600, "text": "2025-01-01T00:00:00Z"},
            {"seconds": 1_795_392_000, "text": "2026-11-23T00:00:00Z"},
            {"seconds": LAST_SECOND, "text": "9999-12-31T23:59:59Z"},
        ],
    }
