"""Writes what is said about inputs, outputs and commands from the one table that holds them.

python -m tools.documents            write action.yml and the tables of docs/commands.md
python -m tools.documents --check    say which of them differs, and fail
"""

import sys
from pathlib import Path

from git_keyval.interface.commands import COMMANDS, COMMON, Command
from git_keyval.interface.inputs import INPUTS
from git_keyval.interface.outputs import OUTPUTS

ROOT = Path(__file__).parent.parent
_BEGIN, _END = "<!-- generated: begin -->", "<!-- generated: end -->"

_ACTION_HEAD = """\
# Inputs and outputs are written by `make documents` from git_keyval/interface; edit them there.
name: git-keyval
description: A key-value database in a git repository, with exact counters, times to live and atomic writes.
author: git-keyval contributors
branding:
  icon: database
  color: green
"""
_ACTION_RUNS = """\
runs:
  using: docker
  image: Dockerfile
"""


def action_yml() -> str:
    """Give the text of action.yml."""
    lines = [_ACTION_HEAD, "inputs:"]
    for item in INPUTS.values():
        commands = [command.name for command in COMMANDS.values() if item.name in command.inputs]
        scope = f" For {', '.join(commands)}." if commands else ""
        default = "" if item.name in COMMON or not item.default else f" Default: {item.default}."
        lines += [
            f"  {item.name}:",
            f"    description: >-\n      {item.description}{scope} Takes {item.accepted}.{default}",
            "    required: false",
        ]
        # Only these have a default here: the runner hands over every input, and an empty one means not given.
        lines += [f"    default: {item.default}"] if item.name in COMMON else []
    lines += ["", "outputs:"]
    for name, description in OUTPUTS.items():
        lines += [f"  {name}:", f"    description: >-\n      {description}"]
    return "\n".join([*lines, "", _ACTION_RUNS])


def command_tables() -> str:
    """Give the generated part of docs/commands.md."""
    lines: list[str] = []
    for family in dict.fromkeys(command.family for command in COMMANDS.values()):
        lines += [f"### {family.capitalize()}", "", "| command | what it does | inputs | outputs |", "| --- | --- | --- | --- |"]
        lines += [_row(command) for command in COMMANDS.values() if command.family == family]
        lines += [""]
    lines += ["### Inputs", "", "Every command takes `command`, `repository` and `token`.", ""]
    lines += ["| input | meaning | accepted | default |", "| --- | --- | --- | --- |"]
    lines += [f"| `{item.name}` | {item.description} | {item.accepted} | {_code(item.default)} |" for item in INPUTS.values()]
    lines += ["", "### Outputs", "", "| output | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {description} |" for name, description in OUTPUTS.items()]
    return "\n".join(lines) + "\n"


def documents() -> dict[Path, str]:
    """Give the text that each file should have."""
    commands = ROOT / "docs" / "commands.md"
    return {ROOT / "action.yml": action_yml(), commands: with_generated(commands, command_tables())}


def with_generated(path: Path, generated: str) -> str:
    """Give the text of a file with its generated part replaced."""
    before, _, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{generated}\n{_END}{after}"


def main(arguments: list[str]) -> int:
    """Write or check the files."""
    differing = [path for path, text in documents().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        print("\n".join(f"{path.relative_to(ROOT)} differs: run make documents" for path in differing) or "documents are current")
        return 1 if differing else 0
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")
    return 0


def _row(command: Command) -> str:
    needed = {name for group in command.needs for name in group}
    inputs = ", ".join(f"**`{name}`**" if name in needed else f"`{name}`" for name in command.inputs) or "none"
    return f"| `{command.name}` | {command.summary} | {inputs} | {', '.join(f'`{name}`' for name in command.outputs)} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
