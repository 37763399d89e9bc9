"""Writes what is said about inputs, outputs and commands from the one table that holds them.

python -m tools.documents            write action.yml and action-types.yml, those of the sub-actions, the tables
                                     of docs/commands.md, docs/config.md and docs/operations.md, docs/config.schema.json,
                                     what was measured in docs/performance.md and its charts, and the methods of git_keyval/library
python -m tools.documents --check    say which of them differs, and fail
"""

import json
import re
import sys
import textwrap
from pathlib import Path

from benchmarks.fleet_tables import fleet_charts, fleet_tables, sizing_tables
from benchmarks.recorded import load, load_elements, load_fleet, load_lists
from benchmarks.tables import performance_charts, performance_tables
from git_keyval.interface.commands import COMMANDS, Signature
from git_keyval.interface.config import JOB_SETTINGS, SETTINGS
from git_keyval.interface.inputs import INPUTS
from git_keyval.interface.outputs import OUTPUTS
from tests.servers.record import server_tables
from tools.action_files import SUB_ACTIONS, action_types_yml, action_yml, image_of, sub_action_yml, sub_inputs
from tools.config_schema import config_schema
from tools.library_methods import library_methods

ROOT = Path(__file__).parent.parent
_LISTED = "The commands: "
"""What the list in the README begins with."""

_BEGIN, _END = "<!-- generated: begin -->", "<!-- generated: end -->"


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
    lines += [
        f"| `{item.name}` | {_plain(item.description)} | {_plain(item.accepted)} | {_code(item.default)} |"
        for item in INPUTS.values()
    ]
    lines += ["", "### Outputs", "", "| output | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {description} |" for name, description in OUTPUTS.items()]
    return "\n".join(lines) + "\n"


def setting_table() -> str:
    """Return the generated part of docs/config.md."""
    lines = ["| setting | meaning | accepted | default | also for one job |", "| --- | --- | --- | --- | --- |"]
    for item in (INPUTS[name] for name in SETTINGS):
        jobs = ", ".join(_code(job) for job, names in JOB_SETTINGS.items() if item.name in names)
        lines += [f"| `{item.name}` | {_plain(item.description)} | {_plain(item.accepted)} | {_code(item.default)} | {jobs} |"]
    return "\n".join(lines) + "\n"


def documents() -> dict[Path, str]:
    """Return the text that each file should have."""
    action, docs = ROOT / "action.yml", ROOT / "docs"
    image = image_of(action.read_text(encoding="utf-8"))
    measured, fleet = load(), load_fleet()
    return {
        action: action_yml(image),
        ROOT / "action-types.yml": action_types_yml(),
        **{ROOT / name / "action.yml": sub_action_yml(name, image) for name in SUB_ACTIONS},
        **{ROOT / name / "action-types.yml": action_types_yml(sub_inputs(name), COMMANDS[name].outputs) for name in SUB_ACTIONS},
        ROOT / "README.md": with_listed(ROOT / "README.md"),
        docs / "commands.md": with_generated(docs / "commands.md", command_tables()),
        docs / "config.md": with_generated(docs / "config.md", setting_table()),
        docs / "operations.md": with_generated(docs / "operations.md", server_tables()),
        docs / "performance.md": with_generated(
            docs / "performance.md", f"{performance_tables(measured, load_elements(), load_lists())}\n{fleet_tables(fleet)}\n"
        ),
        docs / "sizing.md": with_generated(docs / "sizing.md", sizing_tables(fleet)),
        **{docs / "performance" / name: drawn for name, drawn in (performance_charts(measured) | fleet_charts(fleet)).items()},
        ROOT / "git_keyval" / "library" / "methods.py": library_methods(),
        docs / "config.schema.json": json.dumps(config_schema(), indent=2) + "\n",
    }


def with_generated(path: Path, generated: str) -> str:
    """Return the text of a file with its generated part replaced."""
    before, _, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{generated}\n{_END}{after}"


def with_listed(path: Path) -> str:
    """Return the text of a file with all commands listed in it, by family."""
    families = [" ".join(_code(command.name) for command in family) for family in _families()]
    listed = textwrap.fill(f"{_LISTED}{' · '.join(families)}. See", 150, break_on_hyphens=False)
    return re.sub(rf"{_LISTED}.*?\.\sSee", lambda _found: listed, path.read_text(encoding="utf-8"), flags=re.DOTALL)


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


def _row(command: Signature) -> str:
    needed = {name for group in command.needs for name in group}
    inputs = ", ".join(f"**`{name}`**" if name in needed else f"`{name}`" for name in command.inputs) or "none"
    return f"| `{command.name}` | {command.summary} | {inputs} | {', '.join(f'`{name}`' for name in command.outputs)} |"


def _plain(text: str) -> str:
    """Return words in which Markdown finds no emphasis."""
    return text.replace("*", r"\*")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
