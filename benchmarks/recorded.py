"""What was measured once and is kept: ``python -m benchmarks.recorded`` takes it from build/benchmarks.json.

The tables and charts of docs/performance.md are made of it, by ``make documents``.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
MEASURED = _ROOT / "build" / "benchmarks.json"
_FOLDER = Path(__file__).resolve().parent / "recorded"
RECORDED = _FOLDER / "scale.json"
RECORDED_ELEMENTS = _FOLDER / "elements.json"
RECORDED_FLEET = _FOLDER / "fleet.json"
RECORDED_LISTS = _FOLDER / "lists.json"
_IN_ONE_PROCESS = "in one process"

_Samples = Sequence[Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of what a command took with one program in a database of so many keys.

    ``memory_bytes`` is 0 where it was not measured, and ``seconds`` where other work of the machine made them say nothing.
    """

    command: str
    program: str
    keys: int
    seconds: float
    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class _Measured:
    """When and with what it was measured."""

    date: str
    machine: Mapping[str, str | int]
    rounds: int


@dataclass(frozen=True, slots=True)
class Recording(_Measured):
    """When and with what it was measured, the rows, and how much more CPU a step took than among the fewest keys."""

    rows: Sequence[Row]
    ratios: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def find(self, command: str, program: str, keys: int) -> Row | None:
        """Return a row, if that was measured."""
        return next((row for row in self.rows if (row.command, row.program, row.keys) == (command, program, keys)), None)

    @property
    def sizes(self) -> Sequence[int]:
        """The numbers of keys."""
        return sorted({row.keys for row in self.rows})


@dataclass(frozen=True, slots=True)
class ElementRow:
    """Medians of what a command on one element took, in a map or an array of so many, without the start of its process."""

    command: str
    place: str
    elements: int
    requests: int
    sent_bytes: int
    received_bytes: int
    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Elements(_Measured):
    """When and with what it was measured, and the rows."""

    rows: Sequence[ElementRow]


@dataclass(frozen=True, slots=True)
class FleetRecord:
    """When it was counted, and what: runs that the model was checked by, nights, days, and what follows for other sizes."""

    date: str
    machine: Mapping[str, str | int]
    checks: Sequence[Mapping[str, Any]]
    nights: Sequence[Mapping[str, Any]]
    days: Sequence[Mapping[str, Any]]
    rooms: Sequence[Mapping[str, Any]]
    sizes: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ListRow:
    """Medians of what it took to use a list that a server sends over HTTP, and to read the same bytes into nothing."""

    way: str
    refs: int
    bytes: int
    cpu_seconds: float
    unread_cpu_seconds: float
    ratio: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Lists(_Measured):
    """When and with what it was measured, and the rows."""

    rows: Sequence[ListRow]


def load(path: Path = RECORDED) -> Recording:
    """Read what is recorded."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return Recording(**{**document, "rows": [Row(**row) for row in document["rows"]]})


def load_elements(path: Path = RECORDED_ELEMENTS) -> Elements:
    """Read what is recorded of elements."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return Elements(**{**document, "rows": [ElementRow(**row) for row in document["rows"]]})


def load_fleet(path: Path = RECORDED_FLEET) -> FleetRecord:
    """Read what is recorded of many repositories."""
    return FleetRecord(**json.loads(path.read_text(encoding="utf-8")))


def load_lists(path: Path = RECORDED_LISTS) -> Lists:
    """Read what is recorded of lists."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return Lists(**{**document, "rows": [ListRow(**row) for row in document["rows"]]})


def record(measured: Mapping[str, Any]) -> Recording:
    """Return what is to be kept of a run of the benchmark ``scale``. Raises ValueError for a quick one, which measured nothing."""
    named = _samples(measured, "scale")
    rows = [
        _row(command, program, int(keys), taken) for (command, program, keys), taken in named.items() if program != _IN_ONE_PROCESS
    ]
    warm = {(command, int(keys)): taken for (command, program, keys), taken in named.items() if program == _IN_ONE_PROCESS}
    few = min(keys for _, keys in warm)
    ratios: dict[str, dict[str, float]] = {}
    for (command, keys), taken in sorted(warm.items()):
        ratios.setdefault(command, {})[str(keys)] = round(_ratio(taken, warm[command, few]), 2)
    return Recording(measured["date"], measured["machine"], measured["rounds"], rows, ratios)


def record_elements(measured: Mapping[str, Any]) -> Elements:
    """Return what is to be kept of a run of the benchmark ``fields``. Raises ValueError for a quick one."""
    rows = [
        _element_row(command, place, int(elements.removesuffix(" elements")), taken)
        for (command, place, elements), taken in _samples(measured, "fields").items()
    ]
    return Elements(measured["date"], measured["machine"], measured["rounds"], rows)


def record_fleet(measured: Mapping[str, Any]) -> FleetRecord:
    """Return what is to be kept of a run of the benchmark ``fleet``. Raises ValueError for a quick one, which counts too few."""
    if measured["quick"]:
        raise ValueError("a quick run counts too few: run python -m benchmarks --only fleet")
    return FleetRecord(measured["date"], measured["machine"], **measured["results"]["fleet"]["records"])


def record_lists(measured: Mapping[str, Any]) -> Lists:
    """Return what is to be kept of a run of the benchmark ``lists``. Raises ValueError for a quick one."""
    named = _samples(measured, "lists")
    used = {(way, refs): taken for (way, use, refs), taken in named.items() if use == "used"}
    rows = [_list_row(way, int(refs), taken, named[way, "unread", refs]) for (way, refs), taken in used.items()]
    return Lists(measured["date"], measured["machine"], measured["rounds"], rows)


def _samples(measured: Mapping[str, Any], benchmark: str) -> Mapping[tuple[str, ...], _Samples]:
    if measured["quick"]:
        raise ValueError(f"a quick run measures nothing: run python -m benchmarks --only {benchmark}")
    samples: Mapping[str, _Samples] = measured["results"][benchmark]["samples"]
    return {tuple(name.split(", ")): taken for name, taken in samples.items()}


def _list_row(way: str, refs: int, used: _Samples, unread: _Samples) -> ListRow:
    cpu_seconds, unread_cpu_seconds = _median(map(_cpu, used)), _median(map(_cpu, unread))
    return ListRow(
        way,
        refs,
        bytes=int(unread[-1]["received_bytes"]),
        cpu_seconds=cpu_seconds,
        unread_cpu_seconds=unread_cpu_seconds,
        ratio=round(cpu_seconds / unread_cpu_seconds, 2),
        memory_bytes=int(max(sample["memory_bytes"] for sample in used)),
    )


def _element_row(command: str, place: str, elements: int, taken: _Samples) -> ElementRow:
    last, memory = taken[-1], max(sample["memory_bytes"] for sample in taken)
    return ElementRow(
        command,
        place,
        elements,
        requests=int(last["requests"]),
        sent_bytes=int(last["sent_bytes"]),
        received_bytes=int(last["received_bytes"]),
        cpu_seconds=_median(map(_cpu, taken)),
        memory_bytes=int(memory),
    )


def _row(command: str, program: str, keys: int, taken: _Samples) -> Row:
    memory = max(max(sample["memory_bytes"], sample["git_memory_bytes"]) for sample in taken)
    return Row(command, program, keys, _median(sample["seconds"] for sample in taken), _median(map(_cpu, taken)), int(memory))


def _ratio(these: _Samples, those: _Samples) -> float:
    return median(_cpu(one) / _cpu(other) for one, other in zip(these, those, strict=True))


def _median(numbers: Iterable[float]) -> float:
    return round(median(numbers), 4)


def _cpu(sample: Mapping[str, float]) -> float:
    return sample["cpu_seconds"] + sample["git_seconds"]


def main(path: str = str(MEASURED)) -> None:
    """Keep what a run measured."""
    measured = json.loads(Path(path).read_text(encoding="utf-8"))
    _FOLDER.mkdir(exist_ok=True)
    if "scale" in measured["results"]:
        _write(RECORDED, record(measured))
    if "fields" in measured["results"]:
        _write(RECORDED_ELEMENTS, record_elements(measured))
    if "fleet" in measured["results"]:
        _write(RECORDED_FLEET, record_fleet(measured))
    if "lists" in measured["results"]:
        _write(RECORDED_LISTS, record_lists(measured))


def _write(path: Path, recording: Recording | Elements | FleetRecord | Lists) -> None:
    path.write_text(json.dumps(asdict(recording), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
