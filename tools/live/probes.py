"""What a probe is, and running one."""

from collections.abc import Callable
from dataclasses import dataclass

import requests

from tools.live.wire import Wire

NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Probe:
    """A question in words, what is sent to answer it, and the function that sends it and tells what came back."""

    question: str
    sent: str
    ask: Callable[[Wire], str]

    def answer(self, wire: Wire) -> str:
        """Send it; a failure is a finding as well, so that the other probes go on."""
        try:
            return self.ask(wire)
        except (requests.RequestException, LookupError, TypeError, ValueError) as exc:
            return f"{NO_ANSWER}: {type(exc).__name__}: {exc}"
