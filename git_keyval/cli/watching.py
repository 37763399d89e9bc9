"""``git-keyval watch``: a line at each change of a key, until somebody has seen enough."""

from collections.abc import Callable, Mapping
from itertools import islice
from math import inf
from typing import NamedTuple

import click

from git_keyval.cli.answers import Answered
from git_keyval.cli.failures import ExitCode
from git_keyval.cli.parameters import parameters_of, variable_of
from git_keyval.cli.running import Call, Deliver, Way
from git_keyval.cli.terminal import harmless_line, write_document, write_text
from git_keyval.database.answers import said, shown_value
from git_keyval.dispatch.steps import as_outputs
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.watching import WAIT, changes
from git_keyval.errors import InputError
from git_keyval.format.times import SECOND, iso_utc
from git_keyval.interface.commands import COMMANDS, Signature
from git_keyval.interface.forms import YEAR, Duration, WholeNumber
from git_keyval.interface.inputs import Inputs

_LEFT_OUT = {"until", "equals", "less-than", "at-least", "wait", "on-failed", "default", "on-missing", "output-file"}
_FORMS: Mapping[str, Callable[[str], int]] = {
    "count": WholeNumber(1, 10**9),
    "timeout": Duration(0, YEAR),
    "interval": Duration(1, YEAR),
}


def _watch(call: Call, inputs: Inputs, world: Surroundings, home: str) -> Deliver:
    """Return what writes the changes, while they come. Raises InputError for what is no count, timeout or interval."""
    read = {name: _read(name, call.values[name]) for name in _FORMS if name in call.values}
    found = changes(inputs.over({"repository": home}), world, interval=read.get("interval"), seconds=read.get("timeout", inf))
    count = read.get("count")
    seen = 0
    for answer in islice(found, count):
        seen += 1
        time = iso_utc(world.clock() // SECOND)
        if call.as_json:
            shown = Answered(call.command, inputs, answer, as_outputs(call.command, said(answer))).document()
            write_document({**shown, "command": "watch", "time": time})
        else:
            content = answer.version or "" if answer.value is None else shown_value(answer.value)
            write_text("\t".join([time, answer.type or "absent", harmless_line(content)]) + "\n")
    return lambda: ExitCode.NOT_APPLIED if call.by_code and seen < (count or 0) else ExitCode.DONE


def _read(name: str, given: object) -> int:
    form = _FORMS[name]
    try:
        return form(str(given))
    except (ValueError, OverflowError) as exc:
        raise InputError(name, f"was given {str(given)!a}, which is not accepted", str(form)) from exc


class Watch(NamedTuple):
    """What the terminal has to know of the command: the one that is behind it, with what that is ``given``, and its own help."""

    command: Signature
    given: Mapping[str, object]
    way: Way
    summary: str
    examples: tuple[str, ...]
    options: list[click.Parameter]


WATCH = Watch(
    COMMANDS[WAIT],
    {variable_of("until"): "changed"},
    _watch,
    "Print a line at each change of a key, or of a field, until interrupted.",
    (
        "git-keyval watch deploy",
        "git-keyval watch builds --count 1 --timeout 10m --exit-code && echo 'one more'",
    ),
    [
        *(each for each in parameters_of(COMMANDS[WAIT]) if each.name not in map(variable_of, _LEFT_OUT)),
        click.Option(["--count"], metavar="NUMBER", help="End after so many changes."),
        click.Option(["--timeout"], metavar="DURATION", help="End after so long, such as 90s or 15m."),
        click.Option(
            ["--interval"],
            metavar="DURATION",
            help="Look so often, at most once a second. [default: after a second, then less and less often, up to 15 seconds]",
        ),
        click.Option(["--exit-code", "by_code"], is_flag=True, help="End with 4 if there were fewer changes than --count."),
    ],
)
