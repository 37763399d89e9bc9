"""The emulated GitHub with a record of every request and its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.emulator import GitHubEmulator, Permission
from tests.servers.loopback import Answer, Delivery, Request


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and the answer that the client got."""

    request: Request
    answer: Answer

    @property
    def is_graphql(self) -> bool:
        """Return whether it was sent to GraphQL."""
        return self.request.words.endswith("/graphql")

    @property
    def is_rest(self) -> bool:
        """Return whether it was sent to REST."""
        return self.request.words.removeprefix("/api/v3").startswith(("/repos/", "/repositories/", "/rate_limit"))

    @property
    def media_type(self) -> str:
        """Return the media type of the answer, without its parameters; empty if it has none."""
        types = [value for name, value in self.answer.headers if name.lower() == "content-type"]
        return types[0].partition(";")[0] if types else ""


@dataclass(frozen=True, slots=True)
class Recording:
    """What was exchanged; what of it the emulator did not expect; and what stopped it before its end, if anything did."""

    exchanges: list[Exchange]
    unexpected: list[str]
    stopped_by: str


class RecordedGitHub(GitHubEmulator):
    """An emulator that keeps what passes through it."""

    def __init__(self, root: Path, *, clock: Callable[[], float], tokens: dict[str, Permission] | None = None) -> None:
        """Serve the bare repositories of a directory; nothing is recorded yet."""
        super().__init__(root, clock=clock, tokens=tokens)
        self.exchanges: list[Exchange] = []

    def record(self, act: Callable[[], object]) -> Recording:
        """Serve while something acts on it. What it stumbles over is kept: the exchanges before that are likely to tell why."""
        stopped_by = ""
        try:
            with self:
                act()
        except Exception as exc:  # noqa: BLE001  # whatever it is, an answer that differs is its cause
            stopped_by = f"{type(exc).__name__}: {exc}"
        return Recording(self.exchanges, self.unexpected, stopped_by)

    def _deliver(self, request: Request) -> Delivery:
        delivery = super()._deliver(request)
        if delivery.status:
            self.exchanges.append(Exchange(request, delivery.answer))
        return delivery


Json = Any
"""Parsed JSON, of no shape that is known before it is checked."""
