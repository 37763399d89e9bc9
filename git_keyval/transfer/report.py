"""What became of an export or an import: as JSON (docs/report.schema.json), and in words. Times are in seconds."""

from collections.abc import Mapping
from typing import TypeAlias

from git_keyval.errors import GitKeyvalError, KeysLeftOutError
from git_keyval.format.canonical import JsonValue
from git_keyval.light_dataclasses import dataclass
from git_keyval.transfer.exporting import LeftOut
from git_keyval.transfer.importing import Tally

MAX_LISTED = 200
"""How many keys are listed; the counts are complete."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """An export: how many keys it has, and which it has not."""

    count: int
    left_out: tuple[LeftOut, ...] = ()

    @property
    def failure(self) -> GitKeyvalError | None:
        """Return an error where keys are left out: a backup without them must not look like a whole one."""
        return KeysLeftOutError([f"{left.ref}: {left.why}" for left in self.left_out]) if self.left_out else None

    def members(self) -> Mapping[str, JsonValue]:
        """Return it as JSON."""
        listed: list[JsonValue] = [{"ref": left.ref, "why": left.why} for left in self.left_out[:MAX_LISTED]]
        return {"command": "export", "exported": self.count, "leftOut": len(self.left_out), "leftAlone": listed}

    def __str__(self) -> str:
        """Return it in a sentence."""
        left = f", {_keys(len(self.left_out))} left out" if self.left_out else ""
        return f"{_keys(self.count)} exported{left}"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """An import, or what it would do in a dry run."""

    tally: Tally
    dry_run: bool = False
    failure: GitKeyvalError | None = None

    @property
    def count(self) -> int:
        """Return how many keys were written, or would be."""
        return self.tally.done

    def members(self) -> Mapping[str, JsonValue]:
        """Return it as JSON."""
        return {"command": "import", "dryRun": self.dry_run, **self._numbers()}

    def _numbers(self) -> Mapping[str, int]:
        tally = self.tally
        numbers = {"written": tally.written, "overwritten": tally.overwritten, "same": tally.same, "skipped": tally.skipped}
        return numbers | {"expired": tally.expired, "changed": len(tally.changed), "unknown": len(tally.unknown)}

    def __str__(self) -> str:
        """Return it in a sentence."""
        numbers = self._numbers()
        words = [f"{count:,} {name}" for name, count in numbers.items() if count or name == "written"]
        return f"{'planned: ' if self.dry_run else ''}{', '.join(words)}"


AnyReport: TypeAlias = ExportReport | ImportReport


def to_json(report: AnyReport, seconds: float, requests: int) -> dict[str, JsonValue]:
    """Return a report as the output ``report``."""
    return {**report.members(), "seconds": round(seconds, 3), "requests": requests}


def _keys(count: int) -> str:
    return f"{count:,} key{'' if count == 1 else 's'}"
