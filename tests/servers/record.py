"""What a run of ``make servers`` found, as data: the table of docs/operations.md is made from it."""

import json
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CLIENTS = 8
"""How many processes race in a run of ``make servers``."""

_FILE = Path(__file__).with_name("record.json")
_READS = {"read", "check"}


@dataclass(frozen=True, slots=True)
class Served:
    """A server on which so many steps of the smoke did what they have to, and so many increments of a race counted once each."""

    title: str
    protocol: int
    steps: int
    increments: int


def recorded_servers() -> dict[str, Served]:
    """Return what was found of each server, by name."""
    return {name: Served(**found) for name, found in _read()["servers"].items()}


def recorded_settings() -> dict[str, list[str]]:
    """Return the acts that are refused under each setting, by its title."""
    settings: dict[str, list[str]] = _read()["settings"]
    return settings


def write_record(servers: dict[str, Served], settings: dict[str, list[str]]) -> None:
    """Write what a run found."""
    found = {"servers": {name: asdict(served) for name, served in servers.items()}, "settings": settings}
    _FILE.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def server_tables() -> str:
    """Return the generated part of docs/operations.md."""
    lines = ["| server | git protocol | steps that work | increments in a race, each counted once |", "| --- | --- | --- | --- |"]
    lines += [f"| {one.title} | {one.protocol} | {one.steps} | {one.increments or ''} |" for one in recorded_servers().values()]
    lines += ["", "| setting or hook of the server | what is refused |", "| --- | --- |"]
    every = {act for acts in recorded_settings().values() for act in acts}
    lines += [f"| {title} | {_phrase(set(acts), every)} |" for title, acts in recorded_settings().items()]
    return "\n".join(lines) + "\n"


def _phrase(refused: AbstractSet[str], every: AbstractSet[str]) -> str:
    if refused >= every - _READS:
        return "everything" if refused == every else "every write" if refused == every - _READS else "every write, and reads"
    return ", ".join(sorted(refused)) or "nothing"


def _read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found
