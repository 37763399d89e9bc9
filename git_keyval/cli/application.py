"""The terminal command, made from the same table as the action's inputs."""

import os
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from git_keyval.cli.credentials import ENTERPRISE_TOKENS, PUBLIC_TOKENS
from git_keyval.cli.failures import EXIT_CODES, ExitCode, StoppedError
from git_keyval.cli.parameters import NAMES, common_options, null_option, parameters_of, variable_of
from git_keyval.cli.running import Call, run_call
from git_keyval.cli.terminal import fail, takes_colour
from git_keyval.dispatch.layout import SHARD
from git_keyval.interface.commands import COMMANDS, Signature

if TYPE_CHECKING:
    from git_keyval.cli.watching import Watch

_PROGRAM = "git-keyval"
_LENGTH = variable_of("repository-shard-length")
_CONTEXT: dict[str, object] = {"help_option_names": ["-h", "--help"]}
_NAMES = {variable_of(name) for name in ("key", "keys")}
_WATCH = "watch"
_FROM_THE_END = {"index", "stop"}
"""Arguments that may be negative numbers, which are no options then."""

_FIRST_STEPS = (
    "git init --bare db.git",
    "git-keyval -r ./db.git set greeting hello --ttl 15m",
    "git-keyval -r ./db.git get greeting",
    "export GIT_KEYVAL_REPOSITORY=./db.git",
    "git-keyval incr builds",
)
_ENVIRONMENT = (
    ("GIT_KEYVAL_REPOSITORY", "The database, where --repository is not given."),
    ("GIT_KEYVAL_REPOSITORY_SHARD_LENGTH", "The number of digits that stand for {shard} in its name."),
    ("GIT_KEYVAL_TOKEN", "The token, where --token is not given. It is sent to the server of the repository, whichever that is."),
    (", ".join(PUBLIC_TOKENS), "Taken after that, for repositories on github.com or ghe.com only."),
    (", ".join(ENTERPRISE_TOKENS), "The same, for repositories on the Enterprise Server that GITHUB_SERVER_URL names."),
    ("GIT_KEYVAL_CDN_URL", "The CDN that serves public repositories, for links and for expiry registries, if it is not jsDelivr."),
    ("GIT_KEYVAL_ENCRYPTION_KEY", "The encryption key, where --encryption-key is not given."),
    ("GIT_KEYVAL_ENCRYPTION_KID", "The name of the encryption key, where --encryption-kid is not given."),
    ("NO_COLOR", "No colours. There are none in pipes and files, nor where TERM is dumb."),
)


def run(arguments: Sequence[str]) -> int:
    """Run the program with its arguments; return the exit code."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments  # what follows is values
    as_json = "--json" in options
    coloured = takes_colour(sys.stderr, os.environ, refused="--no-color" in arguments)
    try:
        return int(application.main(list(arguments), prog_name=_PROGRAM, standalone_mode=False))
    except click.Abort:
        return fail(StoppedError("Interrupted; nothing was read or written."), as_json=as_json, coloured=coloured)
    except click.ClickException as exc:
        return fail(exc, as_json=as_json, coloured=coloured)


class _Group(click.Group):
    """The program, whose commands are listed by family, in the order of their table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature, here and below
        return [*COMMANDS, _WATCH, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make a command when it is asked for: a call runs one of them."""
        if cmd_name == _WATCH:
            return _watch_command()
        return _Command(COMMANDS[cmd_name]) if cmd_name in COMMANDS else super().get_command(ctx, cmd_name)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        _write_examples(formatter, _FIRST_STEPS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        families = groupby(self.list_commands(ctx), lambda name: COMMANDS[name].family if name in COMMANDS else "shell")
        for family, names in families:
            commands = [command for name in names if (command := self.get_command(ctx, name))]
            with formatter.section(family.capitalize()):
                formatter.write_dl([(f"{each.name:<{width}}", each.get_short_help_str(formatter.width)) for each in commands])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), text) for code, text in EXIT_CODES.items()])
        with formatter.section("Environment"):
            formatter.write_dl(_ENVIRONMENT)
        formatter.write_paragraph()
        formatter.write_text(f"'{_PROGRAM} COMMAND --help' explains a command and shows examples.")


class _Command(click.Command):
    """A command of the table, with its examples."""

    def __init__(self, command: Signature, watch: "Watch | None" = None) -> None:
        options = [*parameters_of(command), *_of_terminals(command)] if watch is None else watch.options
        super().__init__(
            command.name if watch is None else _WATCH,
            params=[*options, *common_options(repeated=True)],
            callback=partial(_call, command, watch),
            help=command.summary if watch is None else watch.summary,
            context_settings={
                **_CONTEXT,
                "allow_extra_args": True,  # to say more of them than click does
                "ignore_unknown_options": bool(_FROM_THE_END.intersection(command.inputs)),
            },
        )
        self._command = command
        self._examples = command.kind.examples if watch is None else watch.examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; where a ref stands for the key, none of them is the key."""
        given, _, _ = self.make_parser(ctx).parse_args([*args])
        if given.get(variable_of("ref")) is not None:
            self.params = [parameter for parameter in self.params if parameter.name not in _NAMES]
        more = super().parse_args(ctx, args)
        if more and not ctx.resilient_parsing:
            raise click.UsageError(_too_many(self._command, more), ctx)
        return more

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        _write_examples(formatter, self._examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        formatter.write_paragraph()
        formatter.write_text(f"For the options of every command, such as --json, see '{_PROGRAM} --help'.")


def _watch_command() -> _Command:
    from git_keyval.cli.watching import WATCH

    return _Command(WATCH.command, WATCH)


def _of_terminals(command: Signature) -> list[click.Parameter]:
    """Return the options that a command has at a terminal only."""
    by_code = click.Option(
        ["--exit-code", "by_code"],
        is_flag=True,
        help="Answer by the exit code, too: 3 if a key does not exist, 4 if a condition was not met.",
    )
    return [*([null_option()] if command.name in NAMES else []), *([by_code] if command.is_step else [])]


def _too_many(command: Signature, words: Sequence[str]) -> str:
    from git_keyval.cli.misuse import too_many

    return too_many(command, words)


def _write_examples(formatter: click.HelpFormatter, lines: Iterable[str]) -> None:
    with formatter.section("Examples"):
        for line in lines:
            formatter.write(f"  {line}\n")  # never wrapped: an example can be copied


def _given_options(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None and value is not False}


@click.pass_context
def _program(context: click.Context, /, **values: object) -> None:
    context.obj = given = _given_options(values)
    repository = variable_of("repository")
    if context.get_parameter_source(repository) is ParameterSource.ENVIRONMENT:
        # Where to look if neither the call nor a config file names a repository.
        given["home"] = given.pop(repository)
    if context.get_parameter_source(_LENGTH) is ParameterSource.ENVIRONMENT:
        given["home_length"] = given.pop(_LENGTH)


@click.pass_context
def _call(context: click.Context, command: Signature, watch: "Watch | None", /, **values: object) -> ExitCode:
    given = {**context.obj, **_given_options(values), **({} if watch is None else watch.given)}
    if "home_length" in given and SHARD in str(given.get(variable_of("repository"), given.get("home", ""))):
        given = {_LENGTH: given["home_length"], **given}  # the environment's length is for a database over many repositories
    return run_call(
        Call(
            command,
            given,
            as_json="as_json" in given,
            no_color="no_color" in given,
            by_code="by_code" in given,
            as_null="as_null" in given,
            verbose="verbose" in given,
            home=str(given.get("home", "")),
            way=None if watch is None else watch.way,
        )
    )


application = _Group(
    _PROGRAM,
    params=common_options(repeated=False),
    callback=_program,
    help="A key-value database kept in a git repository.",
    context_settings=_CONTEXT,
)
"""The program, for click."""


def _origin() -> str:
    """Return the commit that a published package is made of: a file in it says so."""
    file = Path(__file__).parent.parent / "commit.txt"
    return f"commit {file.read_text(encoding='ascii').strip()}" if file.exists() else "from a source tree"


def _tell_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:  # noqa: FBT001  # as click calls it
    if asked and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"{_PROGRAM}, version {version('git-keyval-action')} ({_origin()})")
        context.exit()


application.params.append(
    click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_tell_version,
        help="Show the version and exit.",
    )
)


@application.command(
    "help", params=[click.Argument(["command"], required=False)], short_help="Explain a command, or list all of them."
)
@click.pass_context
def explain(context: click.Context, command: str | None) -> ExitCode:
    """Explain a command as its --help does; without one, list all of them."""
    assert context.parent is not None
    found = application if command is None else application.get_command(context.parent, command)
    if found is None:
        raise click.NoSuchCommand(str(command), ctx=context.parent)
    click.echo(found.get_help(context.parent if command is None else click.Context(found, context.parent, command)))
    return ExitCode.DONE


@application.command(
    params=[click.Argument(["shell"], type=click.Choice(("bash", "zsh", "fish")))],
    short_help="Print the script of shell completion.",
)
def completion(shell: str) -> ExitCode:
    """Print the script that completes commands, options and their words in a shell.

    Keys are not completed: that would ask the server each time.
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(application, {}, _PROGRAM, "_GIT_KEYVAL_COMPLETE").source())
    return ExitCode.DONE
