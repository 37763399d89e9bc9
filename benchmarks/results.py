"""Results: a table to read, facts and samples for the JSON file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from benchmarks.meter import Sample


@dataclass(slots=True)
class Answer:
    """What one benchmark found."""

    name: str
    head: Sequence[str]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    records: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    def row(self, *cells: str) -> None:
        """Add a row to the table."""
        self.rows.append(cells)

    def fact(self, name: str, number: float) -> None:
        """Add a number for the file."""
        self.facts[name] = round(number, 4)

    def limit(self, what: str, found: float, target: float, most: float) -> None:
        """Note whether a target is met; beyond the most, which leaves room for noise, the benchmark fails."""
        self.notes.append(tell_target(what, found, target))
        if found > most:
            self.failures.append(f"{what} {found:.2f} is more than {most:.2f}")

    def text(self) -> str:
        """Return the table and the notes."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (self.head, *self.rows)]
        return "\n".join([*lines, *self.notes])

    def document(self) -> dict[str, object]:
        """Return all that was measured."""
        samples = {name: [asdict(sample) for sample in taken] for name, taken in self.samples.items()}
        return {"facts": self.facts, "samples": samples, **({"records": self.records} if self.records else {})}


def seconds(number: float) -> str:
    """Write seconds."""
    return f"{number:.2f} s"


def milliseconds(number: float) -> str:
    """Write seconds as milliseconds."""
    return f"{number * 1000:.0f} ms"


def kilobytes(number: int) -> str:
    """Write bytes of the wire."""
    return f"{number / 1e3:.1f} KB"


def megabytes(number: int) -> str:
    """Write bytes."""
    return f"{number / 1e6:.0f} MB"


def ratio(number: float) -> str:
    """Write a ratio."""
    return f"{number:.2f}"


def tell_target(what: str, found: float, most: float, unit: str = "") -> str:
    """Say whether a target is met."""
    verdict = "met" if found <= most else "MISSED"
    return f"{what} {found:.2f} {unit}".rstrip() + f": target of at most {most:g} {verdict}"
