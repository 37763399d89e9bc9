"""Times and durations of the format: microsecond timestamps that sort as text, expiry seconds, and what people type."""

import re
from datetime import UTC, datetime, timedelta
from typing import NewType

Micros = NewType("Micros", int)
"""A moment: whole microseconds since 1970-01-01T00:00:00Z."""

Timestamp = NewType("Timestamp", str)
"""A moment as ``YYYYMMDDTHHMMSSffffffZ``: as text it sorts by time, and every character may stand in a refname."""

SECOND = 1_000_000
MAX_SECONDS = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that a four-digit year can write
MAX_MOMENT = Micros((MAX_SECONDS + 1) * SECOND - 1)
"""The last moment that a timestamp can write."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP = re.compile(r"\d{8}T\d{12}Z", re.ASCII)
_SECONDS_END = len("YYYYMMDDTHHMMSS")
_TIMESTAMP_FORMAT = "%Y%m%dT%H%M%S%fZ"
_ISO_UTC = "%Y-%m-%dT%H:%M:%SZ"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SHORT = re.compile(r"([0-9]{1,15})([smhdw])")
_ISO = re.compile(
    r"P(?=.)(?:([0-9]{1,15})W|(?:([0-9]{1,15})D)?(?:T(?=.)(?:([0-9]{1,15})H)?(?:([0-9]{1,15})M)?(?:([0-9]{1,15})S)?)?)"
)

DURATION_PATTERN = f"{_SHORT.pattern}|{_ISO.pattern}"
"""What ``parse_duration`` reads, as a regular expression that ECMA 262 has, too."""


def timestamp(moment: Micros) -> Timestamp:
    """Write a moment of the years 1970 to 9999 as a timestamp."""
    return Timestamp((_EPOCH + timedelta(microseconds=moment)).strftime(_TIMESTAMP_FORMAT))


def moment_of(text: str) -> Micros | None:
    """Read a timestamp; None if the text has another form or names a date that does not exist."""
    if _TIMESTAMP.fullmatch(text) is None:
        return None
    try:
        parsed = datetime.fromisoformat(f"{text[:_SECONDS_END]}.{text[_SECONDS_END:]}")
    except ValueError:
        return None
    return Micros((parsed - _EPOCH) // timedelta(microseconds=1))


def parse_duration(text: str) -> int:
    """Read ``90s``, ``15m``, ``12h``, ``30d``, ``2w`` or ISO 8601 (``PT15M``, ``P1DT12H``, ``P2W``) as whole seconds.

    Months and years are refused, because their length is not fixed. Raises ValueError for any other text.
    """
    if short := _SHORT.fullmatch(text):
        return int(short[1]) * _UNITS[short[2]]
    if iso := _ISO.fullmatch(text):
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in iso.groups())
        return weeks * 604_800 + days * 86_400 + hours * 3600 + minutes * 60 + seconds
    raise ValueError(text)


def iso_utc(seconds: int) -> str:
    """Write Unix seconds as ``YYYY-MM-DDTHH:MM:SSZ``."""
    return (_EPOCH + timedelta(seconds=seconds)).strftime(_ISO_UTC)


def seconds_at(text: str) -> int:
    """Read what ``iso_utc`` writes. Raises ValueError for any other text."""
    return (datetime.strptime(text, _ISO_UTC).replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
