"""An element of a map or an array, read and written: what that costs in a large one, beside a small one."""

import itertools
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.databases import Contents, write
from benchmarks.field import ARRAY, FIELD, INDEX, MAP
from benchmarks.measuring import Bench, cpu_of, cpu_ratio, seconds_of
from benchmarks.meter import Sample, parse
from benchmarks.processes import run_python
from benchmarks.results import Answer, kilobytes, milliseconds, ratio
from git_keyval.format.elements import Collection, CollectionCategory, encode_collection
from git_keyval.format.names import DEFAULT_NAMING
from git_keyval.format.objects import blob
from git_keyval.format.records import encode_data
from git_keyval.format.times import Micros
from git_keyval.format.values import parse_value
from tests.emulator import GitHubEmulator
from tests.emulator.server import DEFAULT_TOKEN
from tests.emulator.shapes import node_id

_FEW = 10
_SIZES: dict[CollectionCategory, tuple[int, ...]] = {MAP: (10_000, 100_000), ARRAY: (50_000,)}
_COMMANDS: dict[str, CollectionCategory] = {"hget": MAP, "hset": MAP, "aget": ARRAY, "apush": ARRAY}
_PLACES = {"path": "auto", "GitHub": "auto", "GitHub by git": "git"}
_OWNER = "owner"


def fields(bench: Bench) -> Answer:
    """Read and write one field of maps of 10, 10,000 and 100,000, and read and push to arrays of 10 and 50,000.

    On a path, and on the emulated GitHub.

    Each in a process of its own. Bytes are those of the bodies of HTTP requests and answers. The ratio is that to the small map.
    """
    result = Answer("fields", ("command", "where", "elements", "requests", "sent", "received", "time", "CPU", "CPU ratio"))
    filled = {
        kind: {count: _fill(bench, kind, count) for count in (_FEW, *map(bench.size, sizes))} for kind, sizes in _SIZES.items()
    }
    with _github(bench.directory / "github") as github:
        for (command, kind), (place, transport) in itertools.product(_COMMANDS.items(), _PLACES.items()):
            templates = filled[kind]
            samples: dict[int, list[Sample]] = {count: [] for count in templates}
            for _ in range(bench.rounds):
                for count, template in templates.items():
                    if place == "path":
                        samples[count].append(parse(_run(command, str(bench.copy(template)), transport)))
                    else:
                        samples[count].append(_on_github(github, template, command, transport))
            for count, taken in samples.items():
                _tell(result, command, place, count, taken, samples[_FEW])
    return result


def _tell(result: Answer, command: str, place: str, count: int, taken: list[Sample], small: list[Sample]) -> None:
    last = taken[-1]
    sizes = ("-", "-") if place == "path" else (kilobytes(last.sent_bytes), kilobytes(last.received_bytes))
    times = (milliseconds(seconds_of(taken)), milliseconds(cpu_of(taken)), ratio(cpu_ratio(taken, small)))
    result.row(command, place, f"{count:,}", str(last.requests), *sizes, *times)
    name = f"{command}, {place}, {count} elements"
    result.samples[name] = taken
    result.fact(f"{name}, CPU ratio", cpu_ratio(taken, small))
    result.fact(f"{name}, requests", last.requests)
    result.fact(f"{name}, bytes sent", last.sent_bytes)
    result.fact(f"{name}, bytes received", last.received_bytes)


def _fill(bench: Bench, kind: CollectionCategory, count: int) -> Path:
    """Make a database with one map or array of so many elements, each with a text of its own."""
    contents = Contents(Micros(time.time_ns() // 1_000))
    prefix = "field-" if kind == MAP else ""
    data = {f"{prefix}{number}": blob(f"value {number}".encode()) for number in range(count)}
    assert (FIELD if kind == MAP else str(INDEX)) in data
    elements = {name: made.oid for name, made in data.items()}
    record = encode_collection(Collection(kind, "String", "text/plain", "txt", elements, length=0 if kind == MAP else count))
    key_id = encode_data(parse_value("String", kind)).key_id
    contents.point(DEFAULT_NAMING.value(key_id), *data.values(), *record.objects)
    path = bench.directory / f"{kind}-{count}.git"
    write(path, contents)
    return path


@contextmanager
def _github(directory: Path) -> Iterator[GitHubEmulator]:
    with GitHubEmulator(directory) as emulator:
        yield emulator
        assert emulator.unexpected == []


def _on_github(github: GitHubEmulator, template: Path, command: str, transport: str) -> Sample:
    """Do it in a copy of the repository, in a run whose event names it, and count what goes over the wire."""
    name = f"run{github.count()}-{time.time_ns()}"
    path = github.repositories.root / _OWNER / f"{name}.git"
    shutil.copytree(template, path)
    found = github.repositories.find(f"{_OWNER}/{name}")
    assert found is not None
    event = path / "event.json"
    event.write_text(json.dumps({"repository": {"node_id": node_id("R", found.number), "full_name": found.full_name}}))
    environ = {
        "GITHUB_SERVER_URL": github.url,
        "GITHUB_API_URL": github.api_url,
        "GITHUB_GRAPHQL_URL": github.graphql_url,
        "GITHUB_EVENT_PATH": str(event),
        "TOKEN": DEFAULT_TOKEN,
    }
    github.reset_log()
    sample = parse(_run(command, found.full_name, transport, environ))
    sample.sent_bytes = sum(entry.bytes_in for entry in github.requests)
    sample.received_bytes = sum(entry.bytes_out for entry in github.requests)
    shutil.rmtree(path)
    return sample


def _run(command: str, repository: str, transport: str, environ: dict[str, str] | None = None) -> str:
    return run_python("-m", "benchmarks.field", command, repository, transport, environ=environ)
