"""Elements of maps under fire: what was refreshed in time is not swept, whoever writes and sweeps beside it."""

import json
import math
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from random import Random

from tests.races.arena import Arena
from tests.races.clients import Answer, Client
from tests.races.jobs import killed_maintenance, pack_refs
from tests.races.running import at_once, meanwhile

SECONDS = 4
NEVER = math.inf
MAPS = ["sessions 0", "sessions 1", "sessions 2", "sessions 3"]


@dataclass(slots=True)
class Field:
    """A field of one writer, in a map of all, as the last acknowledged write left it."""

    key: str
    name: str
    value: str = ""
    expiry: float = 0


def test_elements_that_were_refreshed_in_time_are_not_swept(arena: Arena) -> None:
    """Writers with fields of their own in the same maps refresh them around their end, while two sweeps run and are killed.

    A field whose write was acknowledged is there, with its value, until its new expiry; in the end all that expires is gone, its
    refs as well, and all that does not is there.
    """
    clients = arena.workers(4)
    choices: tuple[dict[str, str], ...] = ({"command": "sweep"}, {"command": "maintain"}, {"command": "sweep", "max_writes": "1"})
    sweeps = [killed_maintenance(arena, f"sweep {number}", *choices, killed=0.2, pause=0.05) for number in range(2)]
    until = time.monotonic() + SECONDS * arena.scale
    with meanwhile(*sweeps, pack_refs(arena)):
        rounds = at_once([partial(_refresh, client, arena.random(n), n, until) for n, client in enumerate(clients)])
    arena.settle()
    arena.assert_sound()
    fields = [field for written, _, _ in rounds for field in written]
    time.sleep(max([0.0, *(field.expiry - time.time() for field in fields if field.expiry != NEVER)]))
    clients[0].run("sweep")
    for key in MAPS:
        found = json.loads(clients[0].run("hgetall", key=key).outputs.get("json", "{}"))
        assert found == {field.name: field.value for field in fields if field.key == key and field.expiry == NEVER}
    assert not any("/exp-" in name for name in arena.refs("refs/heads/kv-"))
    arena.assert_sound()
    arena.tell(f"{sum(count for _, count, _ in rounds)} refreshes, {sum(count for _, _, count in rounds)} checked in time")


def _refresh(client: Client, random: Random, number: int, until: float) -> tuple[list[Field], int, int]:
    """Refresh fields at random until the time is up; give them, and tell how often, and how often one was read in time."""
    fields = [Field(key, f"field {number}") for key in MAPS]
    refreshed = checked = 0
    while time.monotonic() < until:
        field = min(fields, key=lambda one: one.expiry if random.random() < 0.9 else 0)
        if field.expiry != NEVER:
            # Around its end is where a sweep and a refresh meet.
            time.sleep(max(0.0, field.expiry - time.time() + random.uniform(-0.3, 0.3)))
        random.choice([_set_again, _set_again, _set_again, _set_again, _set_anew, _set_for_ever, _expire, _persist, _delete])(
            client, field, random
        )
        refreshed += 1
        checked += _check(client, field)
    return fields, refreshed, checked


def _run(client: Client, command: str, field: Field, **inputs: str) -> Answer:
    return client.run(command, key=field.key, field=field.name, max_attempts="100", **inputs)


def _set_again(client: Client, field: Field, random: Random) -> None:
    """Write the same value with a new expiry: if it was not swept, the map stays as it is."""
    field.expiry = _expiry(_run(client, "hset", field, value=field.value, ttl=_ttl(random), expiry_granularity="1s"))


def _set_anew(client: Client, field: Field, random: Random) -> None:
    field.value = f"{random.random()}"
    _set_again(client, field, random)


def _set_for_ever(client: Client, field: Field, random: Random) -> None:
    field.value = f"{random.random()}"
    field.expiry = _expiry(_run(client, "hset", field, value=field.value))


def _expire(client: Client, field: Field, random: Random) -> None:
    answer = _run(client, "hexpire", field, ttl=_ttl(random), expiry_granularity="1s")
    if answer.applied:
        field.expiry = _expiry(answer)
    else:
        assert field.expiry <= time.time(), field


def _persist(client: Client, field: Field, _random: Random) -> None:
    if _run(client, "hpersist", field).applied:
        assert field.expiry > 0
        field.expiry = NEVER
    else:
        assert field.expiry == NEVER or field.expiry <= time.time(), field


def _delete(client: Client, field: Field, _random: Random) -> None:
    before = field.expiry
    answer = client.run("hdel", key=field.key, fields=json.dumps([field.name]), max_attempts="100")
    assert answer.applied or before <= time.time(), field
    field.expiry = 0


def _ttl(random: Random) -> str:
    return random.choice(["1s", "2s"])


def _expiry(answer: Answer) -> float:
    text = answer.outputs.get("expires-at")
    return datetime.fromisoformat(text).timestamp() if text else NEVER


def _check(client: Client, field: Field) -> bool:
    answer = client.run("hget", key=field.key, field=field.name)
    if time.time() >= field.expiry:
        return False  # too late to say anything
    assert answer.found, field
    assert answer.value == field.value
    return True
