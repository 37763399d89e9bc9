"""Writes what is said about inputs, outputs and commands from the one table that holds them.

python -m tools.documents            write action.yml and action-types.yml, those of lock/, the tables of docs/commands.md,
                                     docs/config.md and docs/operations.md, docs/config.schema.json, what was measured in
                                     docs/performance.md and its charts,
                                     and the methods of git_keyval/library
python -m tools.documents --check    say which of them differs, and fail
"""

import json
import re
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

from benchmarks.recorded import load, load_elements
from benchmarks.tables import performance_charts, performance_tables
from git_keyval.interface.commands import COMMANDS, COMMON, Signature
from git_keyval.interface.config import JOB_SETTINGS, SETTINGS
from git_keyval.interface.forms import Flag, OneOf, WholeNumber
from git_keyval.interface.inputs import INPUTS, Input
from git_keyval.interface.outputs import FLAGS, OUTPUTS, WHOLE_NUMBERS
from tests.servers.record import server_tables
from tools.config_schema import config_schema
from tools.library_methods import library_methods

ROOT = Path(__file__).parent.parent
_DEFAULTED = ("command", "token")
"""The inputs that have a default in action.yml: the runner hands over every input, and an empty one means not given."""

_LISTED = "The commands: "
"""What the list in the README begins with."""

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
_LOCK_HEAD = """\
# Inputs and outputs are written by `make documents` from git_keyval/interface; edit them there.
name: git-keyval lock
description: Takes a lock that a git repository keeps, and releases it at the end of the job, also if the job fails or is cancelled.
author: git-keyval contributors
branding:
  icon: lock
  color: green
"""
_ACTION_RUNS = """\
runs:
  using: docker
  image: """
_LOCK_RUNS = """\
  post-entrypoint: /app/lock/release.py
  post-if: always()
  env:
    INPUT_COMMAND: lock
"""
_SOURCE, _LOCK_SOURCE = "Dockerfile", "../Dockerfile"
_TYPES_HEAD = """\
# The types of the inputs and outputs, for tools that write workflows: https://github.com/typesafegithub/github-actions-typing
# Written by `make documents` from git_keyval/interface; edit them there.
"""


def action_yml(image: str = _SOURCE) -> str:
    """Return the text of action.yml that runs this image: what the Dockerfile makes, or a published one."""
    lines: list[str] = []
    for item in INPUTS.values():
        commands = [command.name for command in COMMANDS.values() if item.name in command.inputs]
        lines += _declared(item, f" For {', '.join(commands)}." if commands else "")
    return "\n".join([_ACTION_HEAD, "inputs:", *lines, "", "outputs:", *_answered(OUTPUTS), "", f"{_ACTION_RUNS}{image}\n"])


def lock_action_yml(image: str = _LOCK_SOURCE) -> str:
    """Return the text of lock/action.yml, the action that takes a lock and releases it at the end of the job."""
    lock = COMMANDS["lock"]
    declared = [line for name in lock_inputs() for line in _declared(INPUTS[name], "")]
    runs = f"{_ACTION_RUNS}{image}\n{_LOCK_RUNS}"
    return "\n".join([_LOCK_HEAD, "inputs:", *declared, "", "outputs:", *_answered(lock.outputs), "", runs])


def lock_inputs() -> list[str]:
    """Return the inputs of lock/action.yml: those of the command."""
    return [name for name in INPUTS if name in {*COMMON, *COMMANDS["lock"].inputs} - {"command"}]


def action_types_yml(inputs: Iterable[str] = INPUTS, outputs: Iterable[str] = OUTPUTS) -> str:
    """Return the text of an action-types.yml."""
    lines = [f"{_TYPES_HEAD}inputs:"]
    for name in inputs:
        lines += [f"  {name}:", *(f"    {line}" for line in _type_of_input(INPUTS[name]))]
    lines += ["", "outputs:"]
    for name in outputs:
        lines += [f"  {name}:", f"    type: {_type_of_output(name)}"]
    return "\n".join(lines) + "\n"


def command_tables() -> str:
    """Return the generated part of docs/commands.md."""
    lines: list[str] = []
    for family in _families():
        lines += [
            f"### {family[0].family.capitalize()}",
            "",
            "| command | what it does | inputs | outputs |",
            "| --- | --- | --- | --- |",
        ]
        lines += [_row(command) for command in family]
        examples = [line for command in family for line in command.kind.examples]
        lines += ["", "At a terminal:", "", "```console", *examples, "```", ""]
    lines += ["### Inputs", "", "Every command takes `command`, `repository` and `token`.", ""]
    lines += ["| input | meaning | accepted | default |", "| --- | --- | --- | --- |"]
    lines += [f"| `{item.name}` | {item.description} | {item.accepted} | {_code(item.default)} |" for item in INPUTS.values()]
    lines += ["", "### Outputs", "", "| output | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {description} |" for name, description in OUTPUTS.items()]
    return "\n".join(lines) + "\n"


def setting_table() -> str:
    """Return the generated part of docs/config.md."""
    lines = ["| setting | meaning | accepted | default | also for one job |", "| --- | --- | --- | --- | --- |"]
    for item in (INPUTS[name] for name in SETTINGS):
        jobs = ", ".join(_code(job) for job, names in JOB_SETTINGS.items() if item.name in names)
        lines += [f"| `{item.name}` | {item.description} | {item.accepted} | {_code(item.default)} | {jobs} |"]
    return "\n".join(lines) + "\n"


def documents() -> dict[Path, str]:
    """Return the text that each file should have."""
    action, lock, docs = ROOT / "action.yml", ROOT / "lock", ROOT / "docs"
    image = image_of(action.read_text(encoding="utf-8"))
    measured = load()
    return {
        action: action_yml(image),
        ROOT / "action-types.yml": action_types_yml(),
        lock / "action.yml": lock_action_yml(_LOCK_SOURCE if image == _SOURCE else image),
        lock / "action-types.yml": action_types_yml(lock_inputs(), COMMANDS["lock"].outputs),
        ROOT / "README.md": with_listed(ROOT / "README.md"),
        docs / "commands.md": with_generated(docs / "commands.md", command_tables()),
        docs / "config.md": with_generated(docs / "config.md", setting_table()),
        docs / "operations.md": with_generated(docs / "operations.md", server_tables()),
        docs / "performance.md": with_generated(docs / "performance.md", performance_tables(measured, load_elements())),
        **{docs / "performance" / name: drawn for name, drawn in performance_charts(measured).items()},
        ROOT / "git_keyval" / "library" / "methods.py": library_methods(),
        docs / "config.schema.json": json.dumps(config_schema(), indent=2) + "\n",
    }


def image_of(action: str) -> str:
    """Return the image that action.yml runs: release tags name a published one, and keep it."""
    return action.partition(_ACTION_RUNS)[2].partition("\n")[0] or _SOURCE


def with_generated(path: Path, generated: str) -> str:
    """Return the text of a file with its generated part replaced."""
    before, _, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{generated}\n{_END}{after}"


def with_listed(path: Path) -> str:
    """Return the text of a file with all commands listed in it, by family."""
    families = [" ".join(_code(command.name) for command in family) for family in _families()]
    listed = textwrap.fill(f"{_LISTED}{' · '.join(families)}. See", 150, break_on_hyphens=False)
    return re.sub(rf"{_LISTED}.*?\. See", lambda _found: listed, path.read_text(encoding="utf-8"), flags=re.DOTALL)


def _families() -> list[list[Signature]]:
    families: dict[str, list[Signature]] = {}
    for command in COMMANDS.values():
        families.setdefault(command.family, []).append(command)
    return list(families.values())


def main(arguments: list[str]) -> int:
    """Write or check the files."""
    differing = [path for path, text in documents().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        print("\n".join(f"{path.relative_to(ROOT)} differs: run make documents" for path in differing) or "documents are current")
        return 1 if differing else 0
    for path, text in documents().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def _declared(item: Input[object], scope: str) -> list[str]:
    default = "" if item.name in _DEFAULTED or not item.default else f" Default: {item.default}."
    lines = [
        f"  {item.name}:",
        f"    description: >-\n      {item.description}{scope} Takes {item.accepted}.{default}",
        "    required: false",
    ]
    return lines + ([f"    default: {item.default}"] if item.name in _DEFAULTED else [])


def _answered(outputs: Iterable[str]) -> list[str]:
    return [f"  {name}:\n    description: >-\n      {OUTPUTS[name]}" for name in outputs]


def _type_of_input(item: Input[object]) -> list[str]:
    match item.parse:
        case Flag():
            return ["type: boolean"]
        case WholeNumber():
            return ["type: integer"]
        case OneOf(words):
            return _enum(words)
    if item.name == "command":
        return _enum(COMMANDS)
    if item.name == "keys":
        return ["type: list", 'separator: "\\n"', "list-item:", "  type: string"]
    return ["type: string"]


def _enum(words: Iterable[str]) -> list[str]:
    return ["type: enum", "allowed-values:", *(f"  - {word}" for word in words)]


def _type_of_output(name: str) -> str:
    return "boolean" if name in FLAGS else "integer" if name in WHOLE_NUMBERS else "string"


def _row(command: Signature) -> str:
    needed = {name for group in command.needs for name in group}
    inputs = ", ".join(f"**`{name}`**" if name in needed else f"`{name}`" for name in command.inputs) or "none"
    return f"| `{command.name}` | {command.summary} | {inputs} | {', '.join(f'`{name}`' for name in command.outputs)} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
