"""What hypothesis draws from: values, names, times, and counters with breadcrumbs that meet."""

import json
from dataclasses import dataclass

from hypothesis import strategies as st

from git_keyval.format.canonical import JsonValue
from git_keyval.format.counters import INT64_MAX, INT64_MIN, Breadcrumb, Counter, encode_delta
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import KeyId, Naming
from git_keyval.format.objects import Oid
from git_keyval.format.times import MAX_SECONDS, SECOND, Micros, Timestamp, timestamp
from git_keyval.format.values import Value, bytes_value, file_value, from_json, parse_value

SAFE = 2**53 - 1
"""The largest integer below which a double holds every integer."""

# --- values ---------------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers(-SAFE, SAFE) | FLOATS | st.integers(54, 1023).map(lambda power: float(2**power))
JSON_VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
MEDIA_TYPES = st.sampled_from(
    ["image/png", "image/jpeg", "text/plain", "text/html", "application/json", "application/x-unheard-of", "a/b+c.d"]
)
VALUES: st.SearchStrategy[Value] = (
    JSON_VALUES.map(from_json)
    | JSON_VALUES.map(lambda value: parse_value("JSON", json.dumps(value, ensure_ascii=False)))
    | TEXTS.map(lambda text: parse_value("String", text))
    | st.binary().map(bytes_value)
    | st.builds(lambda data, mime: file_value(data, media_type=mime), st.binary(), MEDIA_TYPES)
    | st.builds(lambda data, name: file_value(data, file_name=name), st.binary(), st.text())
)

# --- names and times ------------------------------------------------------------------------------------------------

OIDS = st.text("0123456789abcdef", min_size=40, max_size=40).map(Oid)
KEY_IDS = OIDS.map(KeyId)
OPS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=8, max_size=40)
MOMENTS = st.integers(0, MAX_SECONDS * SECOND).map(Micros)
TIMES = MOMENTS.map(timestamp)

# --- counters -------------------------------------------------------------------------------------------------------

INT64 = st.integers(INT64_MIN, INT64_MAX)
COUNTERS = st.builds(
    Counter,
    value=INT64,
    op=OPS,
    seq=st.integers(0, SAFE),
    recent=st.lists(st.tuples(OPS, st.none() | INT64) | st.tuples(OPS, INT64, TIMES), max_size=8).map(tuple),
    set_at=st.none() | TIMES,
)

_KEY = KeyId("0" * 40)


def crumb(time: Timestamp, op: str, delta: int | None) -> Breadcrumb:
    target = NULL_COMMIT if delta is None else encode_delta(delta)
    return Breadcrumb(Naming().breadcrumb(_KEY, time, op), target.oid, time, op, delta)


# Few operations and few times, so that breadcrumbs meet: an operation twice, equal times, null breadcrumbs in between.
_OPS = st.integers(0, 9).map(lambda number: f"operation{number}")
_TIMES = st.integers(0, 6).map(lambda second: Timestamp(f"20261122T10000{second}000000Z"))
_DELTAS = st.integers(-9, 9).filter(bool)
_NUMBERS = st.integers(-9, 9)
_RECENT = st.lists(
    st.tuples(_OPS, st.none() | _NUMBERS) | st.tuples(_OPS, _NUMBERS, _TIMES), max_size=6, unique_by=lambda done: done[0]
)
_PADDING = tuple((f"padding{number:04d}", number) for number in range(128))

CRUMBS = st.lists(
    st.builds(crumb, _TIMES, _OPS, st.sampled_from([None, 1, -2]) | _DELTAS),
    max_size=9,
    unique_by=lambda found: found.name,
)


@st.composite
def bases(draw: st.DrawFn) -> Counter:
    """Counters with a short memory, and with one that is full or nearly so: then every write forgets something."""
    memory = (*draw(_RECENT), *_PADDING[: draw(st.sampled_from([128, 124, 120, 0]))])
    return Counter(draw(st.integers(-99, 99)), "basebase", len(memory), memory, draw(st.none() | _TIMES))


@dataclass(frozen=True)
class Scene:
    """A counter, the breadcrumbs seen in any order, and those of them that a write takes."""

    base: Counter
    crumbs: list[Breadcrumb]
    taking: list[Breadcrumb]

    def __repr__(self) -> str:
        """Leave the padding of a full memory out of the text."""
        recent = [done for done in self.base.recent if not done[0].startswith("padding")]
        crumbs = [(found.time[13:15], found.op, found.delta) for found in self.crumbs]
        taking = [self.crumbs.index(found) for found in self.taking]
        base = f"{self.base.value} set_at={self.base.set_at} recent={recent} of {len(self.base.recent)}"
        return f"Scene({base} crumbs={crumbs} taking={taking})"

    @property
    def left(self) -> list[Breadcrumb]:
        return [found for found in self.crumbs if found not in self.taking]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    crumbs = draw(CRUMBS)
    taking = draw(st.lists(st.sampled_from(crumbs), unique_by=lambda found: found.name)) if crumbs else []
    return Scene(draw(bases()), crumbs, taking)
