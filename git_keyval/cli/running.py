"""One call: from what was typed to the answer and the exit code."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from git_keyval.cli.credentials import origins_of, token_variable, withhold
from git_keyval.cli.failures import ExitCode, StoppedError
from git_keyval.cli.pairs import VALUES, WORDS, WORDS_INPUT, as_typed, inputs_of_words
from git_keyval.cli.parameters import NAMES, given_inputs, variable_of
from git_keyval.cli.terminal import fail, obeys_escapes, takes_colour, tell, write_document, write_text, write_value
from git_keyval.cli.wording import as_options
from git_keyval.dispatch.files import copied
from git_keyval.dispatch.layout import SHARD
from git_keyval.dispatch.location import GithubServer, github_name, shown_address
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import AccessDeniedError, GitKeyvalError, InputError, InternalError, NotARepositoryError, StoreError
from git_keyval.interface.commands import Signature
from git_keyval.interface.inputs import INPUTS, Inputs
from git_keyval.interface.parsing import parse_inputs
from git_keyval.light_dataclasses import dataclass, field, replace
from git_keyval.process import surroundings
from git_keyval.progress import Progress, silent

if TYPE_CHECKING:
    from git_keyval.cli.project import Project
    from git_keyval.database.answers import Answer, Delivered

_STDIN = "-"
_MAX_STDIN_BYTES = 25 * 1024 * 1024
_BY_DEFAULT = "GIT_KEYVAL_REPOSITORY, or git config keyval.repository, names one for all calls"
_NOTHING_DONE = "Interrupted; nothing was read or written."
_ANSWERING = "Interrupted when the command was done and its answer not yet written."

Deliver = Callable[[], ExitCode]
Way = Callable[["Call", Inputs, Surroundings, str], Deliver]
"""What runs a command: of a call, its inputs, the surroundings, and the repository where the inputs name none."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a command.

    ``values`` are what click read; with ``by_code`` the exit code is an answer, too, and with ``as_null`` a list ends its names
    with zero bytes; ``home`` is the repository of the environment, to use if neither the call nor a config file names one; with
    ``verbose`` it is said which database is used.
    """

    command: Signature
    values: Mapping[str, object]
    as_json: bool
    no_color: bool
    by_code: bool
    home: str
    as_null: bool = False
    way: "Way | None" = None
    """What runs it, where that is not what runs the command."""
    verbose: bool = False
    origins: dict[str, str] = field(default_factory=dict)
    """By the names of inputs, what they were given by where that is no option; it is filled when that is known."""
    withheld: list[str] = field(default_factory=list)
    """What is to be said of a token that was not sent, where the server refuses access."""
    mistaken: list[str] = field(default_factory=list)
    """What is to be said of a repository that may be another one than was meant, where it cannot be used."""

    @property
    def wording(self) -> Callable[[str], str]:
        """How errors of this call name inputs."""
        return as_options(self.command, self.origins)

    @property
    def coloured_errors(self) -> bool:
        """Whether standard error gets colours."""
        return takes_colour(sys.stderr, os.environ, refused=self.no_color)


def run_call(call: Call) -> ExitCode:
    """Run a command and write its answer, or why there is none; return the exit code."""
    try:
        return _run_and_answer(call)
    except BrokenPipeError:  # the reader of the answer, such as `head`, has had enough of it
        return ExitCode.CLOSED_PIPE
    except GitKeyvalError as exc:
        return _fail(call, exc)
    except ModuleNotFoundError:
        raise  # the extra is missing in part
    except Exception as exc:  # noqa: BLE001  # a defect of ours: its message and its data could hold what users stored
        return _fail(call, InternalError(exc))


def _run_and_answer(call: Call) -> ExitCode:
    with _stopping_with(_NOTHING_DONE):
        if sys.stdout is None:
            raise GitKeyvalError("Standard output is closed; nothing was read or written.", "Send it to /dev/null instead.")
        inputs, world, home = _prepared(call)
    with _stopping_with(_message_if_interrupted(call.command, inputs)):
        deliver = (call.way or _way(call.command))(call, inputs, world, home)
    with _stopping_with(_ANSWERING):
        return deliver()


def _prepared(call: Call) -> tuple[Inputs, Surroundings, str]:
    """Return the parsed inputs, the surroundings, and the repository to use if the inputs name none.

    The surroundings read standard input where it holds the value.
    """
    given = given_inputs(call.command, call.values)
    call.origins.update(origins_of(given, os.environ))
    words = call.values.get(variable_of(WORDS_INPUT), ())
    assert isinstance(words, tuple)
    typed = inputs_of_words(call.command.name, words, given) if call.command.name in WORDS else {}
    given |= typed
    if given.get("values") == _STDIN:
        given["values"] = _text_of("values", _read_stdin("values"))
    if given.get("commands"):
        given["commands"] = _commands(given["commands"])
    if given.get("value") == _STDIN and "value-file" not in given:
        given["value-file"] = given.pop("value")
    home = _home(call, given)
    parsed = parse_inputs(call.command, given, os.environ)
    inputs = Inputs({**parsed, VALUES: as_typed(parsed[VALUES])} if len(words) > 1 and VALUES in typed else parsed)
    other = "long" if inputs.long else "with-types" if inputs.with_types else "json" if call.as_json else ""
    if call.as_null and other:
        raise InputError(other, "does not go with --null, which is for names alone", "one of the two")
    world = surroundings(os.environ, silent, tell)
    if inputs.input_file == _STDIN:
        world = replace(world, copy_file=_copied_stdin)
    if inputs.value_file == _STDIN:
        world = replace(world, read_file=_reader(_read_stdin("value"), world.read_file))
    return inputs, world, home


def _home(call: Call, given: dict[str, str]) -> str:
    """Return the repository of a call that names none by an option; put its settings and its token beside what was given.

    Raises InputError where nothing names a database.
    """
    home, said_by, is_own = call.home, "GIT_KEYVAL_REPOSITORY", True
    if "repository" in given:
        said_by = "--repository"
    elif not home and "config" not in given:
        project = _project()
        home, said_by, is_own = project.repository, project.said_by, project.is_own
        call.origins.update(project.origins())
        given.update({**project.settings_of(call.command), **given})
    named = given.get("repository") or home
    if call.verbose and named:
        tell(f"The database is {shown_address(named)}, by {said_by}.")
    if github_name(named, GithubServer.of(os.environ)) == named and Path(named).is_dir():
        call.mistaken.append(f"It was looked for on GitHub; the folder of this name is ./{shown_address(named)}.")
    if not is_own:
        call.withheld.extend(withhold(given, said_by, os.environ))
    if "token" not in given:
        # A config file may name repositories anywhere.
        variable = token_variable("" if "config" in given and "repository" not in given else named.replace(SHARD, "0"), os.environ)
        given["token"] = os.environ.get(variable, "")
        call.origins.update({"token": variable} if variable else {})
    return home


def _project() -> "Project":
    from git_keyval.cli.project import project_of

    try:
        found = project_of(Path.cwd(), os.environ, os.geteuid())
    except FileNotFoundError:  # the folder is deleted
        found = None
    if found is None:
        raise InputError("repository", "is missing: nothing says which database", f"{INPUTS['repository'].accepted}; {_BY_DEFAULT}")
    return found


def _way(command: Signature) -> Way:
    """Return what runs a command."""
    if command.maintains:
        return _maintain
    return _transfer if command.kind.transfers else _step


def _step(call: Call, inputs: Inputs, world: Surroundings, home: str) -> Deliver:
    from git_keyval.cli.answers import Answered, outcome
    from git_keyval.dispatch.steps import run_command, value_bytes

    file = world.output_file(inputs.output_file) if inputs.output_file is not None else None

    def prepare(value: "Delivered") -> None:
        if file is not None:
            file.prepare(value_bytes(value))

    try:
        with _progress(call, shown=inputs.wait is not None) as progress:
            inputs = inputs.over({"repository": home})
            result, outputs = run_command(call.command, inputs, replace(world, progress=progress), prepare_delivery=prepare)
    except BaseException:
        if file is not None:
            file.discard()
        raise

    def answer() -> ExitCode:
        if call.command.name in NAMES and not (call.as_json or inputs.with_types):
            _write_listing(call, inputs, result)
        else:
            Answered(call.command, inputs, result, outputs).deliver(file, as_json=call.as_json, wording=call.wording)
        return outcome(result, by_code=call.by_code)

    return answer


def _write_listing(call: Call, inputs: Inputs, answer: "Answer") -> None:
    from git_keyval.cli.listings import write_entries, write_names

    if inputs.long:
        write_entries(answer.document, coloured=takes_colour(sys.stdout, os.environ, refused=call.no_color))
    else:
        write_names(answer.document, as_null=call.as_null)


def _maintain(call: Call, inputs: Inputs, world: Surroundings, home: str) -> Deliver:
    from git_keyval.cli.answers import typed
    from git_keyval.cli.reports import failures_of, write_reports
    from git_keyval.dispatch.config_file import config_of
    from git_keyval.dispatch.presenting import presented
    from git_keyval.dispatch.upkeep import outputs_of, run_maintenance
    from git_keyval.dispatch.worklist import worklist

    work = worklist(call.command, inputs, config_of(inputs, "", world), home, world.environ)
    file = world.output_file(inputs.output_file) if inputs.output_file is not None else None
    with _progress(call, shown=True) as progress:
        done = run_maintenance(call.command, work, replace(world, progress=progress))

    def answer() -> ExitCode:
        if file is not None:
            from git_keyval.page.pages import page_of

            file.commit(page_of(done, presented(call.command, work, done, world), world))
        if call.as_json:
            write_document({"command": call.command.name, **typed(outputs_of(call.command, work, done))})
        else:
            coloured = takes_colour(sys.stdout, os.environ, refused=call.no_color)
            write_reports(presented(call.command, work, done, world, call.wording), listed=work.listed, coloured=coloured)
        return max((_fail(call, error) for error in failures_of(done, listed=work.listed)), default=ExitCode.DONE)

    return answer


def _transfer(call: Call, inputs: Inputs, world: Surroundings, home: str) -> Deliver:
    from git_keyval.cli.answers import typed
    from git_keyval.dispatch.transfers import run_export, run_import

    exports = "input-file" not in call.command.inputs
    to_stdout = exports and inputs.output_file is None
    if to_stdout and call.as_json:
        raise InputError("output-file", "is missing: with --json, standard output has the answer", "the path of a file")
    with _progress(call, shown=not to_stdout) as progress:
        inputs, world = inputs.over({"repository": home}), replace(world, progress=progress)
        if not exports:
            done = run_import(call.command, inputs, world)
        elif inputs.output_file is None:
            done = run_export(call.command, inputs, world, write_value)
        else:
            with world.output_file(inputs.output_file).writing() as write:
                done = run_export(call.command, inputs, world, write)

    def answer() -> ExitCode:
        if call.as_json:
            write_document({"command": call.command.name, **typed(done.outputs)})
        elif not to_stdout:
            write_text(f"{done.sentence}\n")
        return ExitCode.DONE if done.failure is None else _fail(call, done.failure)

    return answer


@contextmanager
def _progress(call: Call, *, shown: bool) -> Iterator[Progress]:
    """Yield a function that shows progress on a terminal that can move its cursor, and nothing elsewhere."""
    if not (shown and obeys_escapes(sys.stderr, os.environ)):
        yield silent
        return
    from git_keyval.cli.progress import shown_progress

    with shown_progress(coloured=call.coloured_errors) as progress:
        yield progress


@contextmanager
def _stopping_with(message: str) -> Iterator[None]:
    """Raise StoppedError with this message if a person interrupts what is done within."""
    try:
        yield
    except KeyboardInterrupt as exc:
        raise StoppedError(message) from exc


def _message_if_interrupted(command: Signature, inputs: Inputs) -> str:
    """Say what is known of the writes of a command that was interrupted."""
    only_looks = "repair" in command.inputs and not inputs.repair
    if inputs.dry_run or only_looks or not command.writes:
        return "Interrupted; nothing was written."
    if command.maintains or command.kind.transfers:
        return "Interrupted. What was written so far is complete: run it again, and it goes on with what is left."
    if inputs.op_id is not None:
        return "Interrupted; it is not known whether the write was made. Run it again under the same op-id: it is done once."
    return "Interrupted; it is not known whether the write was made. Read the key, then decide."


def _commands(path: str) -> str:
    """Return the commands of a batch, which are in a file or come by standard input."""
    if path == _STDIN:
        return _text_of("commands", _read_stdin("commands"))
    try:
        return _text_of("commands", Path(path).read_bytes())
    except OSError as exc:
        raise InputError("commands", f"names a file that cannot be read ({exc.strerror})", "a file of commands, or -") from exc


def _text_of(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise InputError(name, "is not UTF-8 text", INPUTS[name].accepted) from exc


def _copied_stdin(_path: str) -> BinaryIO:
    """Return all of standard input, which may be larger than memory."""
    if sys.stdin is None:
        raise InputError("input-file", "cannot be read: standard input is closed", "a file, or standard input")
    return copied(sys.stdin.buffer)


def _read_stdin(name: str) -> bytes:
    if sys.stdin is None:
        raise InputError(name, "cannot be read: standard input is closed", "a value, or standard input")
    if sys.stdin.isatty():
        tell("Type the value; Ctrl-D ends it.")
    return sys.stdin.buffer.read(_MAX_STDIN_BYTES + 1)


def _reader(data: bytes, read_file: Callable[[str, int], bytes]) -> Callable[[str, int], bytes]:
    def read(path: str, limit: int) -> bytes:
        if path != _STDIN:
            return read_file(path, limit)
        if len(data) > limit:
            raise ValueError(path)
        return data

    return read


def _fail(call: Call, error: Exception) -> ExitCode:
    if isinstance(error, GitKeyvalError):
        error.wording = call.wording
    if isinstance(error, AccessDeniedError | NotARepositoryError):
        error.next_step = " ".join([error.next_step, *call.withheld])
    if isinstance(error, StoreError):
        error.next_step = " ".join([error.next_step, *call.mistaken])
    return fail(error, as_json=call.as_json, coloured=call.coloured_errors)
