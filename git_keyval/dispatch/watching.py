"""Watching a key: its changes, one after the other, for as long as anybody wants to know."""

from collections.abc import Callable, Iterator
from math import ceil, inf

from git_keyval.commands.waiting import NextChange, WaitUntil
from git_keyval.database.answers import Answer
from git_keyval.dispatch.steps import Session
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import UnavailableError
from git_keyval.interface.commands import COMMANDS
from git_keyval.interface.inputs import Inputs
from git_keyval.light_dataclasses import replace

WAIT = "wait"
"""The command whose inputs say what is watched."""

_ROUND_SECONDS = 240
"""After so long everything is read anew, by new connections; and what failed may be tried again for as long as a step may."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 15.0, 300.0
"""How long it is waited before a server is asked again that could not be reached."""


def changes(inputs: Inputs, outside: Surroundings, *, interval: int | None = None, seconds: float = inf) -> Iterator[Answer]:
    """Yield what a key, or a field, holds after each change, for so many seconds; its first state only if it is not ``if-version``.

    It is looked at every ``interval`` seconds, or less and less often until something changes. A server that cannot be reached for
    a while is asked again, less and less often. Raises GitKeyvalError.
    """
    begun = outside.elapsed()
    seen = _next(inputs, outside, None, 0, interval)
    if inputs.if_version is not None and seen.version != inputs.if_version:
        yield seen
    pause = _FIRST_PAUSE_SECONDS
    while (left := seconds - (outside.elapsed() - begun)) > 0:
        try:
            answer = _next(inputs, outside, seen, ceil(min(left, _ROUND_SECONDS)), interval)
        except UnavailableError as exc:
            outside.warn(f"{exc.text} It is asked again.")
            outside.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            continue
        pause = _FIRST_PAUSE_SECONDS
        seen = answer
        if answer.met:
            yield answer


def _next(inputs: Inputs, outside: Surroundings, seen: Answer | None, wait: int, interval: int | None) -> Answer:
    session = Session(inputs, replace(outside, elapsed=_since(outside.elapsed)))
    command = COMMANDS[WAIT]
    bound = session.bind(command, inputs.but(until="changed"))
    assert isinstance(bound, WaitUntil)
    return session.run(command, NextChange(key=bound.key, field=bound.field, seen=seen, wait=wait, interval=interval), inputs)


def _since(elapsed: Callable[[], float]) -> Callable[[], float]:
    begun = elapsed()
    return lambda: elapsed() - begun
