"""One step of every kind on a real server, with what it has to answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from git_keyval.commands.values import Mset
from git_keyval.database.perform import perform
from tests.conftest import FakeClock
from tests.contract.places import open_git_place
from tests.races.clients import StepFailedError, Worker
from tests.servers.site import Site
from tests.world import World, key, text

_MANY = 200
_EXPIRED = 40
_BREADCRUMBS = 30


@dataclass(frozen=True, slots=True)
class Step:
    """A command, its inputs with underscores, and those of its outputs that are compared."""

    command: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str] = field(default_factory=dict)


_KEYS = [f"many {number}" for number in range(_MANY)]
_VALUES = {name: f"value of {name}" for name in _KEYS}

STEPS: Sequence[Step] = (
    Step("init", {}, {"applied": "true"}),
    Step("set", {"key": "text", "value": "a\nb", "store_key": "true"}, {"applied": "true"}),
    Step("get", {"key": "text"}, {"value": "a\nb", "type": "string"}),
    Step("set", {"key": "text", "value": "c", "if_": "absent"}, {"applied": "false"}),
    Step("set", {"key": "text", "value": "c", "ttl": "2h"}, {"applied": "true"}),
    Step("expire", {"key": "text", "expires_at": "2099-01-31T12:00:00Z"}, {"expires-at": "2099-01-31T12:00:00Z"}),
    Step("persist", {"key": "text"}, {"ttl": "-1"}),
    Step("ttl", {"key": "text"}, {"ttl": "-1"}),
    Step("exists", {"keys": "text\nmissing"}, {"found": "false", "count": "1"}),
    Step("type", {"key": "text"}, {"type": "string"}),
    Step("mset", {"values": json.dumps(_VALUES)}, {"applied": "true", "count": f"{_MANY}"}),
    Step("mget", {"keys": json.dumps(_KEYS)}, {"count": f"{_MANY}"}),
    Step("keys", {}, {"json": '["text"]'}),
    Step("gather", {"grace_period": "0s"}, {"count": "1"}),
    Step("incr", {"key": "builds"}, {"value": f"{_BREADCRUMBS + 1}"}),
    Step("decr", {"key": "builds", "by": "8", "op_id": "an operation"}, {"value": f"{_BREADCRUMBS - 7}"}),
    Step("get", {"key": "builds"}, {"value": f"{_BREADCRUMBS - 7}", "type": "counter"}),
    Step("hset", {"key": "map", "values": '{"a": 1, "b": "two"}'}, {"applied": "true", "count": "2"}),
    Step("hexpire", {"key": "map", "field": "a", "ttl": "1h"}, {"applied": "true"}),
    Step("hdel", {"key": "map", "field": "b"}, {"count": "1"}),
    Step("hgetall", {"key": "map"}, {"json": '{"a":1}'}),
    Step("apush", {"key": "array", "value": "first"}, {"count": "1"}),
    Step("aset", {"key": "array", "index": "0", "value": "changed"}, {"applied": "true"}),
    Step("apop", {"key": "array"}, {"value": "changed", "applied": "true"}),
    Step("lock", {"key": "deploy", "ttl": "1h", "owner": "me"}, {"applied": "true", "fence": "1"}),
    Step("unlock", {"key": "deploy", "owner": "me"}, {"applied": "true"}),
    Step("getdel", {"key": "text"}, {"value": "c", "applied": "true"}),
    Step("del", {"keys": json.dumps(_KEYS)}, {"count": f"{_MANY}"}),
    Step("sweep", {}, {"count": f"{_EXPIRED}"}),
    Step("purge", {"retention": "0s"}, {"count": "2"}),
    Step("check", {}, {"count": "0"}),
)


def smoke(site: Site, steps: int = len(STEPS)) -> list[str]:
    """Run the first steps on a new repository of a server. Returns what went wrong, nothing if all is right."""
    repository = site.create("smoke.git")
    with Worker(site.place(repository), repository.with_suffix(".outputs")) as client:
        wrong = _tried(client, STEPS[0])
        _fill(repository)
        return wrong + [more for step in STEPS[1:steps] for more in _tried(client, step)]


def _tried(client: Worker, step: Step) -> list[str]:
    try:
        answer = client.run(step.command, **step.inputs)
    except StepFailedError as exc:
        return [f"{step.command}: {exc.log}"]
    differing = {name: (told, answer.outputs.get(name)) for name, told in step.outputs.items() if answer.outputs.get(name) != told}
    return [f"{step.command}: {name} is {found!r} instead of {told!r}" for name, (told, found) in differing.items()]


def _fill(repository: Path) -> None:
    """Leave what is long expired, and breadcrumbs that nobody gathered, by the path of the repository."""
    clock = FakeClock()
    world = World(open_git_place(repository, str(repository), clock, {}), clock)
    perform(world.database(), Mset(values={key(f"expired {number}"): text("value") for number in range(_EXPIRED)}, ttl=60))
    world.plant_many(key("builds"), _BREADCRUMBS)
