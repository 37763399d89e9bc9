"""The inputs of a step, as the runner writes them: ``INPUT_`` and the name in capitals, hyphens and all.

It sets one such variable for every input that action.yml declares, empty if not given
(https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax#inputs). Variables of that form that come from
elsewhere, such as the ``env`` of a job, may be for other programs.
"""

from collections.abc import Mapping
from typing import NamedTuple

from git_keyval.interface.inputs import INPUTS

_PREFIX = "INPUT_"
_OWN = {f"{_PREFIX}{name.upper()}": name for name in INPUTS}
_LISTED = 5
_LONGEST = 60


class Given(NamedTuple):
    """The inputs by name, slips of names among them; and variables that look like inputs, have a value and are ignored."""

    inputs: dict[str, str]
    ignored: list[str]


def read_inputs(environ: Mapping[str, str]) -> Given:
    """Read the inputs from the environment.

    Programs that cannot set a hyphen, or capitals, may write a name with underscores or in small letters. That counts where the
    runner's own variable is absent: beside it, a second spelling is for another program.
    """
    given = {name: environ[variable] for variable, name in _OWN.items() if variable in environ}
    ignored: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(_PREFIX) or variable in _OWN or not environ[variable]:
            continue
        name = variable[len(_PREFIX) :].lower().replace("_", "-")
        if name in given or not (name in INPUTS or _is_meant(name)):
            ignored.append(variable)
        else:
            given[name] = environ[variable]
    return Given(given, ignored)


def warning_about(ignored: list[str]) -> str:
    """Return one line on the variables that are ignored, without their values."""
    names = ", ".join(name[:_LONGEST] for name in ignored[:_LISTED])
    more = f" and {len(ignored) - _LISTED} more" if len(ignored) > _LISTED else ""
    return f"Not looked at, as no input of this action has that name, or the runner's own variable of it counts: {names}{more}."


def _is_meant(name: str) -> bool:
    from git_keyval.interface.near_misses import is_near_miss  # most steps have no such name

    return is_near_miss(name)
