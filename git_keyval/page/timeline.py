"""When keys end, as bars of equal spans: hours, days or weeks, whichever shows most of them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from git_keyval.format.times import iso_utc

_HOUR, _DAY = 3600, 86_400
_SPANS = ((_HOUR, 24), (6 * _HOUR, 28), (_DAY, 30), (7 * _DAY, 26), (30 * _DAY, 37))
"""How long a bar is, and how many there are: a day, a week, a month, half a year, three years."""

_WITHIN = 0.95
"""The share of the keys that end at all which is to be in the bars."""


class Bar(NamedTuple):
    """How many keys end from one time to another, as dates."""

    begins: str
    ends: str
    keys: int


class Timeline(NamedTuple):
    """The bars, and how many keys end after the last of them, or never."""

    bars: Sequence[Bar]
    later: int
    never: int

    @property
    def highest(self) -> int:
        """Return the count of the highest bar; 1 where there is none."""
        return max((bar.keys for bar in self.bars), default=0) or 1


def timeline(expiries: Iterable[int | None], now: int) -> Timeline:
    """Return when keys end, of which these are the times in seconds; None for never."""
    times = [None if expiry is None else max(0, expiry - now) for expiry in expiries]
    ending = sorted(time for time in times if time is not None)
    span, number = _span_of(ending)
    counts = [0] * number
    for time in ending:
        if time < span * number:
            counts[time // span] += 1
    length = 16 if span < _DAY else 10  # to the minute, or the day
    begins = [_shown(now + place * span, length) for place in range(number + 1)]
    bars = [Bar(begins[place], begins[place + 1], count) for place, count in enumerate(counts)] if ending else []
    return Timeline(bars, len(ending) - sum(counts), len(times) - len(ending))


def _span_of(ending: Sequence[int]) -> tuple[int, int]:
    for span, number in _SPANS:
        if sum(time < span * number for time in ending) >= _WITHIN * len(ending):
            return span, number
    return _SPANS[-1]


def _shown(time: int, length: int) -> str:
    return iso_utc(time)[:length].replace("T", " ")
