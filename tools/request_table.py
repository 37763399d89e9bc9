"""Counts what each command asks of GitHub, on an emulated one, and writes the table of docs/requests.md.

python -m tools.request_table            write the table
python -m tools.request_table --check    say whether it differs, and fail if it does
"""

import io
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from git_keyval.action.runner import Runner
from git_keyval.action.step import run_step
from git_keyval.commands.arrays import Apush
from git_keyval.commands.counters import Incr
from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hset
from git_keyval.commands.redirects import Redirection
from git_keyval.commands.values import Getdel, Mset, Set
from git_keyval.database.perform import perform
from git_keyval.dispatch.files import Gate
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.exported import END, Exported, Header, encode_exported, encode_header
from git_keyval.format.redirects import Redirect
from git_keyval.format.times import SECOND
from git_keyval.interface.commands import COMMANDS
from git_keyval.maintenance.init import init
from tests.conftest import FakeClock
from tests.contract.places import open_git_place
from tests.emulator import Fault, GitHubEmulator, Logged, Rival
from tests.emulator.server import DEFAULT_TOKEN
from tests.emulator.shapes import node_id
from tests.servers.binary import isolated_environ
from tests.world import World, draft, drafts, key, number, text
from tools.documents import ROOT, with_generated

DOCUMENT = ROOT / "docs" / "requests.md"

Transport = Literal["auto", "api"]
_KINDS = {"rest": "REST", "graphql": "GraphQL", "git": "git"}
_PARKED, _EXPIRED, _COUNTERS, _BREADCRUMBS = 5, 10, 3, 4
_MANY = [f"many {number}" for number in range(50)]
_OWNER = "owner"
_FOLDER = "FOLDER"
"""Stands in an input for the folder of the repository."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step to count. ``budget`` is how many requests to the API it may take, None for any number."""

    title: str
    command: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    budget: int | None = None
    rival: bool = False
    """Whether somebody increments the counter ``races`` just before this step's first write."""
    named: bool = True
    """Whether the event of the run names the repository."""
    is_database: bool = True
    """Whether the repository was made a database before; else it has a README only."""
    redirects: bool = False
    """Whether a key of the repository, ``moved``, was redirected to another one before."""


@dataclass(frozen=True, slots=True)
class Count:
    """What one run asked for, by kind, and how many requests it said it made."""

    kinds: Mapping[str, int]
    reported: int

    @property
    def api(self) -> int:
        """Count the requests to the API."""
        return self.kinds["rest"] + self.kinds["graphql"]

    def __str__(self) -> str:
        parts = [f"{self.kinds[kind]} {name}" for kind, name in _KINDS.items() if self.kinds[kind]]
        return f"{sum(self.kinds.values())} ({', '.join(parts)})"


def _batch(commands: Sequence[Mapping[str, str]]) -> str:
    return json.dumps(commands)


_RELEASE = (
    {"command": "incr", "key": "counter"},
    {"command": "set", "key": "text", "value": "new"},
    {"command": "hset", "key": "map", "field": "a", "value": "new"},
)

STEPS = (
    Step("`get`", "get", {"key": "text"}, 1),
    Step("`get` of a counter", "get", {"key": "counter"}, 2),
    Step("`wait`, each look", "wait", {"key": "text", "until": "present"}, 1),
    Step("`ttl`", "ttl", {"key": "text"}, 1),
    Step("`exists`", "exists", {"key": "text"}, 1),
    Step("`type`", "type", {"key": "text"}, 1),
    Step("`mget` of 50 keys", "mget", {"keys": json.dumps(_MANY)}, 1),
    Step("`set`", "set", {"key": "text", "value": "new"}, 3),
    Step("`set` with `ttl`", "set", {"key": "text", "value": "new", "ttl": "15m"}, 4),
    Step("`set` with `if: absent`", "set", {"key": "absent", "value": "new", "if": "absent"}, 3),
    Step("`set` with `if: present`", "set", {"key": "text", "value": "new", "if": "present"}),
    Step("`set` with `if: present` and `ttl`", "set", {"key": "text", "value": "new", "if": "present", "ttl": "15m"}),
    Step(
        "`set` with `if: present` and `ttl`, where another key ends in that minute",
        "set",
        {"key": "text", "value": "new", "if": "present", "ttl": "30m"},
    ),
    Step("`mset` of 20 keys", "mset", {"values": json.dumps({label: f"new {label}" for label in _MANY[:20]})}, 0),
    Step("`del`", "del", {"key": "lives"}, 2),
    Step("`getdel`", "getdel", {"key": "lives"}, 2),
    Step("`getdel` with `op-id`", "getdel", {"key": "lives", "op-id": "a run"}),
    Step("`expire`", "expire", {"key": "text", "ttl": "15m"}, 3),
    Step("`expire`, where another key ends in that minute", "expire", {"key": "text", "ttl": "30m"}, 2),
    Step("`persist`", "persist", {"key": "lives"}, 2),
    Step("`copy`", "copy", {"key": "lives", "to": "absent"}, 2),
    Step("`copy` of a key that is stored", "copy", {"key": "text", "to": "absent"}, 4),
    Step("`copy` of a counter", "copy", {"key": "counter", "to": "absent"}, 3),
    Step("`copy` of a map", "copy", {"key": "map", "to": "absent"}),
    Step("`rename`", "rename", {"key": "lives", "to": "absent"}, 2),
    Step("`rename` of a counter", "rename", {"key": "counter", "to": "absent"}, 3),
    Step("`rename` of a map", "rename", {"key": "map", "to": "absent"}),
    Step("`incr`", "incr", {"key": "counter"}, 3),
    Step("`decr`", "decr", {"key": "counter"}, 3),
    Step("`incr` with `ttl`", "incr", {"key": "absent", "ttl": "1h", "start": "100"}, 4),
    Step("`incr` with `ttl` of a counter that is there", "incr", {"key": "counter", "ttl": "1h"}, 3),
    Step("`incr` with `refresh-ttl`", "incr", {"key": "counter", "ttl": "1h", "refresh-ttl": "true"}, 4),
    Step("`incr` with `store-key`", "incr", {"key": "counter", "store-key": "true"}),
    Step("`incr` that leaves a breadcrumb", "incr", {"key": "races", "contention": "breadcrumb"}, rival=True),
    Step("`hget`", "hget", {"key": "map", "field": "a"}, 2),
    Step("`hget` of several fields", "hget", {"key": "map", "fields": "a\nb\nc"}),
    Step("`hset` of two fields", "hset", {"key": "map", "values": '{"a": "new", "d": "new"}'}, 5),
    Step("`hset` of a new map", "hset", {"key": "absent", "field": "a", "value": "new"}, 5),
    Step("`hset` with `ttl`", "hset", {"key": "map", "field": "a", "value": "new", "ttl": "15m"}),
    Step("`hincr` of a new field", "hincr", {"key": "numbers", "field": "new"}, 5),
    Step("`hincr` of a field below 10,000", "hincr", {"key": "numbers", "field": "few"}, 5),
    Step("`hincr` of a field of 10,000 or more", "hincr", {"key": "numbers", "field": "many"}, 6),
    Step("`hincr` with `op-id`", "hincr", {"key": "numbers", "field": "few", "op-id": "a run"}),
    Step("`hdel`", "hdel", {"key": "map", "field": "a"}, 5),
    Step("`hgetall`", "hgetall", {"key": "map"}),
    Step("`hkeys`", "hkeys", {"key": "map"}),
    Step("`hlen`", "hlen", {"key": "map"}),
    Step("`hexpire`", "hexpire", {"key": "map", "field": "a", "ttl": "15m"}, 3),
    Step("`hexpire`, where another key ends in that minute", "hexpire", {"key": "map", "field": "a", "ttl": "30m"}, 2),
    Step("`httl`", "httl", {"key": "map", "field": "lives"}, 1),
    Step("`hpersist`", "hpersist", {"key": "map", "field": "lives"}, 2),
    Step("`aget`", "aget", {"key": "array", "index": "0"}, 2),
    Step("`aset`", "aset", {"key": "array", "index": "0", "value": "new"}, 5),
    Step("`apush`", "apush", {"key": "array", "value": "new"}, 5),
    Step("`apush` of several with `op-id`", "apush", {"key": "array", "values": '["new", "newer"]', "op-id": "a run"}),
    Step("`apop`", "apop", {"key": "array"}),
    Step("`apop` with `from: first`", "apop", {"key": "array", "from": "first"}),
    Step("`alen`", "alen", {"key": "array"}, 1),
    Step("`arange`", "arange", {"key": "array"}),
    Step("`aexpire`", "aexpire", {"key": "array", "index": "0", "ttl": "15m"}, 3),
    Step("`lock`", "lock", {"key": "free lock", "ttl": "15m"}, 7),
    Step("`lock` of the owner, which renews it", "lock", {"key": "held lock", "owner": "me", "ttl": "2h"}, 4),
    Step("`lock` with `slots: 3`", "lock", {"key": "held lock", "slots": "3", "ttl": "15m"}),
    Step("`unlock`", "unlock", {"key": "held lock", "owner": "me"}, 6),
    Step("`assert` of a value", "assert", {"key": "text", "equals": "text"}, 1),
    Step(
        "`batch` of ten `set`",
        "batch",
        {"commands": _batch([{"command": "set", "key": label, "value": "new"} for label in _MANY[:10]])},
        5,
    ),
    Step("`batch` of ten `get`", "batch", {"commands": _batch([{"command": "get", "key": label} for label in _MANY[:10]])}, 1),
    Step(
        "`batch` of `get` and `get` of a counter",
        "batch",
        {"commands": _batch([{"command": "get", "key": key} for key in ("text", "counter")])},
        2,
    ),
    Step("`batch` of `incr`, `set` and `hset`", "batch", {"commands": _batch(_RELEASE)}),
    Step("`batch` with `op-id`", "batch", {"commands": _batch(_RELEASE), "op-id": "a run"}),
    Step("`keys`", "keys"),
    Step("`keys` with `type` or `with-types`", "keys", {"type": "lock", "with-types": "true"}),
    Step("`ls`", "ls"),
    Step("`ls` with `type`", "ls", {"type": "lock"}),
    Step("`ls` with `long`", "ls", {"long": "true"}),
    Step("`redirect` of a key that has a value", "redirect", {"key": "text", "redirect-to": f"{_OWNER}/target"}, 5),
    Step(
        "`redirect`, where others are redirected", "redirect", {"key": "text", "redirect-to": f"{_OWNER}/target"}, 4, redirects=True
    ),
    Step("`get` of a redirected key", "get", {"key": "moved"}, 2, redirects=True),
    Step("`set` where keys are redirected", "set", {"key": "text", "value": "new"}, 6, redirects=True),
    Step("`export`", "export", {"output-file": f"{_FOLDER}/export.jsonl"}, 1),
    Step("`import` of 50 keys", "import", {"input-file": f"{_FOLDER}/50.jsonl"}, 1),
    Step("`import` of 50 keys that are there", "import", {"input-file": f"{_FOLDER}/there.jsonl"}, 1),
    Step("`gather`", "gather"),
    Step("`sweep`", "sweep"),
    Step("`purge`", "purge", {"retention": "1m"}),
    Step("`maintain`", "maintain", {"retention": "1m"}),
    Step("`check`", "check"),
    Step("`info`", "info"),
    Step("`page`", "page", {"output-file": f"{_FOLDER}/page.html"}),
    Step("`publish-expiries` of 61 days", "publish-expiries", {"horizon": "30d"}, 0),
    Step("`set`, where the event names another repository", "set", {"key": "text", "value": "new"}, named=False),
    Step("`set`, the first ever, without `init`", "set", {"key": "text", "value": "new"}, is_database=False),
    Step("`incr`, the first ever, without `init`", "incr", {"key": "counter"}, is_database=False),
    Step("`init`", "init", is_database=False),
)


_GIVEN = {
    "key": "text",
    "keys": "text",
    "value": "new",
    "values": '{"text": "new"}',
    "field": "a",
    "index": "0",
    "ttl": "15m",
    "if": "present",
}
"""What is given to a command of which nothing was said here."""


def steps() -> Sequence[Step]:
    """Return the steps to count; a command that none of them runs has one with what it needs."""
    listed = {step.command for step in STEPS}
    other = [command for name, command in COMMANDS.items() if name not in listed]
    needed = {command.name: {group[0]: _GIVEN[group[0]] for group in command.needs} for command in other}
    return [*STEPS, *(Step(f"`{name}`", name, given) for name, given in needed.items())]


def counts() -> Iterator[tuple[Step, Transport, Count]]:
    """Run every step by both transports, each on a warm repository of its own, and count."""
    with tempfile.TemporaryDirectory() as folder:
        clock = FakeClock()
        database, redirecting, readme_only = (Path(folder) / name for name in ("database", "redirecting", "readme-only"))
        with GitHubEmulator(Path(folder) / "github", clock=lambda: clock() / SECOND) as github:
            for template in (database, readme_only):
                shutil.copytree(github.create(_OWNER, template.name), template)
            target = _world(github.create(_OWNER, "target"), clock)
            perform(target.database(), Set(key=key("moved"), value=text("value")))
            perform(target.database(), Set(key=key("text"), value=text("value")))
            _fill(database, clock)
            shutil.copytree(database, redirecting)
            moved = key("moved")
            perform(
                _world(redirecting, clock).database(),
                Redirection(keys=[moved], targets={moved.id: Redirect(f"{_OWNER}/target", 2)}),
            )
            for number, step in enumerate(steps()):
                for transport in ("auto", "api"):
                    name = f"{transport}-{number}"
                    path = Path(folder) / "github" / _OWNER / f"{name}.git"
                    template = redirecting if step.redirects else database if step.is_database else readme_only
                    shutil.copytree(template, path, ignore=shutil.ignore_patterns("emulated-id"))
                    yield step, transport, _count(github, name, step, transport, clock)
            if github.unexpected:
                raise AssertionError(github.unexpected)


def table(counted: Iterable[tuple[Step, Transport, Count]]) -> str:
    """Return the generated part of docs/requests.md."""
    cells: dict[str, list[str]] = {}
    for step, _transport, count in counted:
        cells.setdefault(step.title, []).append(str(count))
    lines = ["| step | `transport: auto` | `transport: api` |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join([title, *row])} |" for title, row in cells.items())]) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check the table."""
    text = with_generated(DOCUMENT, table(counts()))
    if "--check" not in arguments:
        DOCUMENT.write_text(text, encoding="utf-8")
        return 0
    differs = DOCUMENT.read_text(encoding="utf-8") != text
    print(f"{DOCUMENT.relative_to(ROOT)} {'differs: run make documents' if differs else 'is current'}")
    return 1 if differs else 0


def _fill(repository: Path, clock: FakeClock) -> None:
    """Make a database of live keys, and of some work for each job; ten minutes pass after it."""
    world = _world(repository, clock)
    init(world.maintenance())
    database = world.database()
    perform(database, Mset(values={key(label): text("value") for label in ["text", *_MANY]}, store_key=True))
    perform(database, Set(key=key("lives"), value=text("value"), ttl=3_600))
    perform(database, Hset(key=key("map"), entries=drafts(a="1", b="2", c="3")))
    perform(database, Hset(key=key("map"), entries=drafts(lives="4"), ttl=3_600))
    perform(database, Hset(key=key("numbers"), entries=drafts(few=number("41"), many=number("41000"))))
    for element in "123":
        perform(database, Apush(key=key("array"), elements=[draft(element)]))
    perform(database, Mset(values={key(f"expired {turn}"): text("value") for turn in range(_EXPIRED)}, ttl=60))
    perform(database, Lock(key=key("free lock"), owner="others", ttl=60))
    perform(database, Unlock(key=key("free lock"), owner="others"))
    perform(database, Lock(key=key("held lock"), owner="me", ttl=3_600))
    for turn in range(_PARKED):
        perform(database, Set(key=key("parked"), value=text(str(turn))))
        perform(database, Getdel(key=key("parked")))
        clock.advance(1)
    for label in ("counter", "races", *(f"waits {turn}" for turn in range(_COUNTERS))):
        perform(database, Incr(key=key(label)))
    clock.advance(1)
    for turn in range(_COUNTERS):
        world.plant_many(key(f"waits {turn}"), _BREADCRUMBS)
    clock.advance(600)
    perform(database, Set(key=key("ends soon"), value=text("soon"), ttl=1_800))


def _count(github: GitHubEmulator, name: str, step: Step, transport: Transport, clock: FakeClock) -> Count:
    repository = github.repositories.find(f"{_OWNER}/{name}")
    assert repository is not None
    before, kinds, rivals = clock.moment, Counter[str](), [repository.path] if step.rival else []

    def notice(asked: Logged) -> Fault | None:
        kinds[asked.kind.partition("-")[0]] += 1
        if asked.kind != "graphql-mutation" or not rivals:
            return None
        path = rivals.pop()
        return Rival(lambda: perform(_world(path, clock).database(), Incr(key=key("races"))))

    for file, names in (("50.jsonl", [f"new {label}" for label in _MANY]), ("there.jsonl", _MANY)):
        (repository.path / file).write_text(_export_of(names), encoding="utf-8")
    event, named = repository.path / "event.json", name if step.named else "another"
    event.write_text(json.dumps({"repository": {"node_id": node_id("R", repository.number), "full_name": f"{_OWNER}/{named}"}}))
    outputs, log = repository.path / "outputs", io.StringIO()
    environ = {
        **isolated_environ(),
        "GITHUB_SERVER_URL": github.url,
        "GITHUB_API_URL": github.api_url,
        "GITHUB_GRAPHQL_URL": github.graphql_url,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_OUTPUT": str(outputs),
        "INPUT_REPOSITORY": f"{_OWNER}/{name}",
        "INPUT_TOKEN": DEFAULT_TOKEN,
        "INPUT_TRANSPORT": transport,
        "INPUT_COMMAND": step.command,
        **{f"INPUT_{name.upper()}": value.replace(_FOLDER, str(repository.path)) for name, value in step.inputs.items()},
    }
    github.on_request = notice
    failed = run_step(environ, Runner(environ, log, lambda: "delimiter"), _surroundings(environ, clock))
    github.on_request = None
    clock.moment = before
    if failed:
        raise AssertionError(f"{step.title} by {transport}: {log.getvalue()}")
    lines = outputs.read_text(encoding="utf-8").splitlines()
    reported = lines[lines.index("requests-used<<ghadelimiter_delimiter") + 1]
    return Count(kinds, int(reported))


def _export_of(names: Iterable[str]) -> str:
    """Return an export of stored keys."""
    keys = [Exported(text(name), text("value")) for name in names]
    return "\n".join(line.decode() for line in (encode_header(Header()), *map(encode_exported, keys), END))


def _world(repository: Path, clock: FakeClock) -> World:
    """Return the repository by its path, beside the server, so that nothing of it is counted."""
    return World(open_git_place(repository, str(repository), clock, {}), clock)


def _surroundings(environ: Mapping[str, str], clock: FakeClock) -> Surroundings:
    ops: Callable[[], str] = iter(f"counted{number:06}" for number in range(1_000)).__next__
    gate = Gate(ops)
    return Surroundings(
        environ=environ,
        clock=clock,
        elapsed=lambda: 0.0,
        sleep=clock.advance,
        random=lambda: 0.5,
        new_op=ops,
        new_nonce=lambda: bytes(12),
        owner=lambda: "tools:1-counted0",
        progress=lambda *_: None,
        warn=lambda _warning: None,
        read_file=gate.read,
        copy_file=gate.copy,
        output_file=gate.output,
        read_event=lambda _limit: Path(environ["GITHUB_EVENT_PATH"]).read_bytes(),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
