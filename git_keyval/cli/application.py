"""The terminal command, made from the same table as the action's inputs."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import Progress

from git_keyval.cli.display import display, display_upkeep
from git_keyval.dispatch.config_file import config_of
from git_keyval.dispatch.files import check_writable
from git_keyval.dispatch.steps import run_command
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.upkeep import run_maintenance
from git_keyval.dispatch.worklist import worklist
from git_keyval.errors import GitKeyvalError, InputError
from git_keyval.interface.commands import COMMANDS, Command
from git_keyval.interface.inputs import INPUTS, Flag, Input
from git_keyval.interface.parsing import parse_inputs
from git_keyval.process import surroundings

_REFUSED = 1
_MISUSED = 2
# What a person types without naming it, in this order; the last one of keys takes all that follow.
_POSITIONAL = ("key", "keys", "value", "values")
_NOT_FOR_TERMINALS = {"mask"}


@dataclass(frozen=True, slots=True)
class _Whole:
    """What holds for every command: the repository that was named, the one that is used if none was, and the token."""

    named: str
    home: str
    token: str


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--repository", "-r", envvar="GIT_KEYVAL_REPOSITORY", default="", help=INPUTS["repository"].description)
@click.option("--token", envvar="GIT_KEYVAL_TOKEN", default="", help=INPUTS["token"].description)
@click.version_option(package_name="git-keyval-action")
@click.pass_context
def application(context: click.Context, repository: str, token: str) -> None:
    """A key-value database kept in a git repository.

    \b
    Examples:
      git init --bare db.git
      git-keyval -r ./db.git set greeting hello --ttl 15m
      git-keyval -r ./db.git get greeting
      git-keyval -r ./db.git incr builds
      git-keyval -r ./db.git maintain --dry-run
    """  # noqa: D301  # the backslash is click's
    # What the environment says is only where to look if nothing else does: a config file comes before it.
    named = context.get_parameter_source("repository") is ParameterSource.COMMANDLINE
    context.obj = _Whole(named=repository if named else "", home="" if named else repository, token=token)


def _offered(command: Command) -> list[str]:
    """Give the inputs that make sense at a terminal: with several keys, one key is just one of them."""
    left_out = _NOT_FOR_TERMINALS | ({"key"} if "keys" in command.inputs else set())
    return [name for name in command.inputs if name not in left_out]


def _positional(command: Command) -> list[str]:
    wanted = [name for name in _POSITIONAL if name in command.inputs]
    return [name for name in wanted if not (name == "key" and "keys" in wanted)]


def _parameter(command: Command, name: str) -> click.Parameter:
    item = INPUTS[name]
    if name in _positional(command):
        many = name == "keys"
        required = any(name in group for group in command.needs) and name != "value"
        return click.Argument(
            [_variable(name)],
            nargs=-1 if many else 1,
            required=required,
            type=str,
            metavar=name.upper() if required else f"[{name.upper()}]",
        )
    if isinstance(item.parse, Flag):
        return click.Option([f"--{name}", _variable(name)], is_flag=True, help=item.description)
    return click.Option([f"--{name}", _variable(name)], type=str, help=_help(item), metavar="TEXT")


def _help(item: Input) -> str:
    default = f" [default: {item.default}]" if item.default else ""
    return f"{item.description} Takes {item.accepted}.{default}"


def _variable(name: str) -> str:
    return f"input_{name.replace('-', '_')}"


def _given(command: Command, values: dict[str, object]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name in command.inputs:
        value = values.get(_variable(name))
        match value:
            case None | False | ():
                continue
            case True:
                given[name] = "true"
            case tuple():
                import json

                given[name] = json.dumps(value)
            case _:
                given[name] = str(value)
    return given


def _callback(command: Command) -> Callable[..., None]:
    @click.pass_context
    def call(context: click.Context, /, **values: object) -> None:
        errors = Console(stderr=True)
        try:
            whole: _Whole = context.obj
            inputs = parse_inputs(command, {"repository": whole.named, "token": whole.token, **_given(command, values)})
            bars = Progress(console=errors, transient=True, disable=not errors.is_terminal)
            try:
                show = _runner(command)(command, inputs, whole.home, surroundings(os.environ, _bar(bars)))
            finally:
                if bars.tasks:
                    bars.stop()
        except InputError as exc:
            errors.print(str(exc), style="red", markup=False, highlight=False, soft_wrap=True)
            sys.exit(_MISUSED)
        except GitKeyvalError as exc:
            errors.print(str(exc), style="red", markup=False, highlight=False, soft_wrap=True)
            sys.exit(_REFUSED)
        sys.exit(show())

    return call


def _runner(command: Command) -> Callable[[Command, Mapping[str, object], str, Surroundings], Callable[[], int]]:
    return _maintain if command.maintains else _step


def _step(command: Command, inputs: Mapping[str, object], home: str, world: Surroundings) -> Callable[[], int]:
    if "output-file" in inputs:
        check_writable(str(inputs["output-file"]))
    result, outputs = run_command(command, {"repository": home, **inputs}, world, deliverable=lambda _value: None)
    return lambda: display(command, inputs, result, outputs)


def _maintain(command: Command, inputs: Mapping[str, object], home: str, world: Surroundings) -> Callable[[], int]:
    work = worklist(command, inputs, config_of(inputs, "", world), home, world.environ)
    done = run_maintenance(command, work, world)
    return lambda: max(display_upkeep(upkeep, listed=work.listed) for upkeep in done)


def _bar(bars: Progress) -> Callable[[str, int, int], None]:
    tasks: dict[str, int] = {}

    def progress(what: str, done: int, total: int) -> None:
        if not tasks:
            bars.start()
        known = done <= total
        shown = what if known else f"{what}: {done}"  # a bar without an end shows no numbers of its own
        if what not in tasks:
            tasks[what] = bars.add_task(shown, total=None)
        bars.update(tasks[what], description=shown, completed=done, total=total if known else None)  # type: ignore[arg-type]  # a TaskID is an int

    return progress


for _command in COMMANDS.values():
    _parameters = [_parameter(_command, _name) for _name in _offered(_command)]
    _parameters.sort(
        key=lambda parameter: (
            _POSITIONAL.index(parameter.name.removeprefix("input_"))
            if isinstance(parameter, click.Argument) and parameter.name
            else 0
        )
    )
    application.add_command(
        click.Command(
            _command.name,
            params=_parameters,
            callback=_callback(_command),
            help=_command.summary,
            short_help=_command.summary,
        )
    )
