"""Expiries under fire: what was refreshed is not swept, and what has expired is not read."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from random import Random

from tests.races.arena import Arena
from tests.races.clients import Answer, Client
from tests.races.jobs import killed_maintenance, pack_refs
from tests.races.running import at_once, meanwhile

SECONDS = 4
NEVER, ABSENT = math.inf, 0.0


@dataclass(slots=True)
class Session:
    """A key of one writer, as the last acknowledged write left it."""

    name: str
    value: str = ""
    expiry: float = 0


def test_what_was_refreshed_in_time_is_not_swept(arena: Arena) -> None:
    """Writers with keys of their own refresh them in every way, before, at and after their end, while two sweeps run.

    A key whose write was acknowledged is there, with its value, until its new expiry.
    """
    clients = arena.workers(8)
    choices: tuple[dict[str, str], ...] = ({"command": "sweep"}, {"command": "maintain"}, {"command": "sweep", "max_writes": "1"})
    sweeps = [killed_maintenance(arena, f"sweep {number}", *choices, killed=0.1, pause=0.05) for number in range(2)]
    until = time.monotonic() + SECONDS * arena.scale
    with meanwhile(*sweeps, pack_refs(arena)):
        counts = at_once([partial(_refresh, client, arena.random(n), n, until) for n, client in enumerate(clients)])
    arena.settle()
    arena.assert_sound()
    arena.tell(f"{sum(refreshed for refreshed, _ in counts)} refreshes, {sum(checked for _, checked in counts)} checked in time")


def _refresh(client: Client, random: Random, number: int, until: float) -> tuple[int, int]:
    """Refresh keys at random until the time is up; tell how often, and how often the key was read in time."""
    sessions = [Session(f"session {number}.{which}") for which in range(2)]
    refreshed = checked = 0
    while time.monotonic() < until:
        session = min(sessions, key=lambda one: one.expiry if random.random() < 0.9 else 0)
        if session.expiry != NEVER:
            # Around its end is where a sweep and a refresh meet.
            time.sleep(max(0.0, session.expiry - time.time() + random.uniform(-0.3, 0.3)))
        random.choice([_set_again, _set_again, _set_again, _set_anew, _expire, _keep])(client, session, random)
        refreshed += 1
        checked += _check(client, session)
    return refreshed, checked


def _set_again(client: Client, session: Session, random: Random) -> None:
    """Write the same value with a new expiry: the value's ref stays as it is."""
    answer = client.run("set", key=session.name, value=session.value, ttl=_ttl(random), expiry_granularity="1s")
    session.expiry = _expiry(answer)


def _set_anew(client: Client, session: Session, random: Random) -> None:
    value = f"{random.random()}"
    answer = client.run("set", key=session.name, value=value, ttl=_ttl(random), expiry_granularity="1s")
    session.value, session.expiry = value, _expiry(answer)


def _expire(client: Client, session: Session, random: Random) -> None:
    answer = client.run("expire", key=session.name, ttl=_ttl(random), expiry_granularity="1s")
    if answer.applied:
        session.expiry = _expiry(answer)
    else:
        assert session.expiry <= time.time(), session


def _keep(client: Client, session: Session, random: Random) -> None:
    """Write a new value with the expiry that the key has; if the key has come to its end, the new value has none."""
    value = f"{random.random()}"
    before = session.expiry
    answer = client.run("set", key=session.name, value=value, keep_ttl="true")
    session.value, session.expiry = value, _expiry(answer)
    assert session.expiry == before or (session.expiry == NEVER and before <= time.time())


def _ttl(random: Random) -> str:
    return random.choice(["1s", "2s"])


def _expiry(answer: Answer) -> float:
    text = answer.outputs.get("expires-at")
    return datetime.fromisoformat(text).timestamp() if text else NEVER


def _check(client: Client, session: Session) -> bool:
    answer = client.run("get", key=session.name)
    if time.time() >= session.expiry:
        return False  # too late to say anything
    assert answer.found, session
    assert answer.value == session.value
    return True


@dataclass(frozen=True, slots=True)
class Write:
    """A value that is its own expiry, and when its write began and was acknowledged."""

    expiry: float
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found: a value that is its own expiry, or nothing."""

    expiry: float
    began: float
    ended: float


def test_a_reader_never_finds_what_has_expired(arena: Arena) -> None:
    """A value tells its own expiry, and none is read whose expiry had passed when the read began.

    Nor is a key absent without one of the values that it may have had having expired.
    """
    writer, random = arena.worker(), arena.random("writer")
    readings: list[list[Reading]] = [[] for _ in range(4)]
    writes = [Write(ABSENT, began=0, ended=0)]
    jobs: list[Callable[[], object]] = [partial(_read, arena.worker(), found) for found in readings]
    until = time.monotonic() + SECONDS * arena.scale
    with meanwhile(*jobs, killed_maintenance(arena, "sweep", {"command": "sweep"}), pack_refs(arena)):
        while time.monotonic() < until:
            writes.append(_write(writer, random))
            time.sleep(random.choice([0, 0.3, 1.5]))
    arena.settle()

    for reading in (reading for found in readings for reading in found):
        visible = _visible(writes, reading)
        if reading.expiry != ABSENT:
            assert reading.expiry > reading.began, reading
            assert reading.expiry in {write.expiry for write in visible}, reading
        else:
            assert min(write.expiry for write in visible) <= reading.ended, reading
    arena.assert_sound()
    arena.tell(f"{len(writes)} writes, {sum(map(len, readings))} readings")


def _write(client: Client, random: Random) -> Write:
    began = time.time()
    expiry = random.choice([math.ceil(began) + 1, math.ceil(began) + 3, NEVER])
    lifetime = (
        {} if expiry == NEVER else {"expires_at": datetime.fromtimestamp(expiry, UTC).isoformat(), "expiry_granularity": "1s"}
    )
    client.run("set", key="offer", value=str(expiry), **lifetime)
    return Write(expiry, began, time.time())


def _read(client: Client, readings: list[Reading]) -> None:
    began = time.time()
    answer = client.run("get", key="offer")
    readings.append(Reading(float(answer.value) if answer.found else ABSENT, began, time.time()))


def _visible(writes: list[Write], reading: Reading) -> list[Write]:
    """Return the writes that the reading may have seen: the last one that had ended before it began, and those that overlap it."""
    before = [write for write in writes if write.ended < reading.began]
    return before[-1:] + [write for write in writes if write.ended >= reading.began and write.began <= reading.ended]
