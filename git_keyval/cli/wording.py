"""How errors name inputs at a terminal: as the option, argument or variable by which a person gave it, or would."""

import re
from collections.abc import Callable, Mapping

from git_keyval.cli.pairs import WORDS
from git_keyval.cli.parameters import arguments_of, placeholder
from git_keyval.interface.commands import Signature
from git_keyval.interface.forms import Flag
from git_keyval.interface.inputs import INPUTS

_INPUT = re.compile(r"(?:\bInput )?`([a-z-]+)(?:: ([^`]*))?`")
_OF_A_STEP = re.compile(r" or `[a-z-]+-env`| in the workspace\b")
_OF_A_WORKFLOW = re.compile(r" ?In a workflow,? .*?\.(?= [A-Z]|$)")


def as_options(command: Signature | None, origins: Mapping[str, str]) -> Callable[[str], str]:
    """Return how texts name the inputs of a command; ``origins`` has what an input was given by, where that is no option."""
    arguments = {*arguments_of(command), *(WORDS[command.name].parts if command.name in WORDS else ())} if command else set()

    def named(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        if value is None:
            return origins.get(name) or (placeholder(name).rstrip(".") if name in arguments else f"--{name}")
        if name in INPUTS and isinstance(INPUTS[name].parse, Flag):
            return f"--{name}" if value == "true" else f"--no-{name}"
        return f"--{name} {value}"

    return lambda text: _INPUT.sub(named, _OF_A_STEP.sub("", _OF_A_WORKFLOW.sub("", text)))
