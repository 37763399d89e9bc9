"""The runner's side of a step: inputs, output file, summary file, log commands.

Formats: https://docs.github.com/actions/reference/workflow-commands-for-github-actions. The runner obeys ``::command::`` at the
start of a line and ``##[command]`` anywhere in one. So nothing that a user stored is ever printed, and the words of servers and
inputs are made harmless here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from git_keyval.action.room import Room
from git_keyval.action.variables import read_inputs
from git_keyval.errors import GitKeyvalError, UndeliverableError, UndeliveredError
from git_keyval.interface.forms import lines_of

MAX_OUTPUT_CHARACTERS = 500_000
"""A job may have 1 MB of outputs, counted in UTF-16."""

MAX_SUMMARY_BYTES = 1_000_000
"""How long the summary of a step may be: a little less than the 1 MiB beyond which the runner drops all of it."""

LOCK_STATE = "git-keyval-lock"
"""The name of the state that a step leaves for its post step, if it takes a lock."""

_OUTPUTS = "the runner's output file"
_SHORT_OUTPUTS = 4_096
"""More than all outputs take, without values."""

_CUT = "\nThe rest is left out: a job summary has no room for it. The output `report` has the numbers.\n"
_MAX_ANNOTATION = 4_000
_LINE_END = re.compile(r"\r\n|\r|\n")
_FENCE = "```"

INTERRUPTED = 130
"""The exit code that shells show for a program that ended by SIGINT, with which a runner cancels a step."""


class OutputTooLargeError(GitKeyvalError):
    """An output is larger than what the runner takes."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The output '{name}' is larger than a runner takes (500,000 characters).",
            "Give `output-file`. Give `start` and `stop` to read a part. Give fewer `keys`. At a terminal there is no such limit.",
        )


def printable(text: str) -> str:
    """Return the text on one line, with an escape for each character that cannot be seen (control, format, lone surrogates)."""
    visible = (char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in " ".join(lines_of(text)))
    return "".join(visible)


def fits_output(value: str) -> bool:
    """Return whether a runner takes a value as an output."""
    return len(value.encode("utf-16-le", "surrogatepass")) // 2 <= MAX_OUTPUT_CHARACTERS


class Runner:
    """Writes to the files and the log of one step."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO, delimiter: Callable[[], str]) -> None:
        """Use the files that the environment names; text for a file that it does not name is dropped."""
        self._output = environ.get("GITHUB_OUTPUT", "")
        self._summary = environ.get("GITHUB_STEP_SUMMARY", "")
        self._state = environ.get("GITHUB_STATE", "")
        # Nothing of ours prints it, but a server may send back what it was sent.
        self._token = read_inputs(environ).inputs.get("token", "")
        self._stream = stream
        self._delimiter = delimiter
        self._summary_is_full = False
        self._room = Room(self._output)

    def reserve(self, outputs: Mapping[str, str]) -> None:
        """Make room in the output file for outputs to come, and for a few short ones beside them, before anything is taken away.

        Raises OutputTooLargeError, and UndeliverableError where there is no such room, or no output file.
        """
        _check_sizes(outputs)
        if not self._output:
            raise UndeliverableError(_OUTPUTS, "the runner names none in GITHUB_OUTPUT")
        self.give_up_room()
        try:
            self._room.take(len(self._pairs(outputs).encode()) + _SHORT_OUTPUTS)
        except OSError as exc:
            self.give_up_room()
            raise UndeliverableError(_OUTPUTS, exc.strerror or type(exc).__name__) from exc

    def give_up_room(self) -> None:
        """Leave the output file as it was before room was made in it."""
        self._room.give_up()

    def set_outputs(self, outputs: Mapping[str, str]) -> None:
        """Write outputs, each between random delimiters, into their room. Raises OutputTooLargeError and UndeliveredError."""
        _check_sizes(outputs)
        if not self._room.size:
            _append(self._output, self._pairs(outputs), _OUTPUTS)
            return
        with _undelivered_if_it_fails(_OUTPUTS):
            self._room.fill(self._pairs(outputs).encode())

    def save_state(self, name: str, text: str) -> None:
        """Leave a text for the post step of this action, whose variable ``STATE_name`` has the last one of a name."""
        _append(self._state, self._pairs({name: text}), "the runner's state file")

    def summarize(self, markdown: str) -> None:
        """Add to the job summary of the step, as often as there is something to add.

        Text beyond the size at which the runner refuses the whole summary is cut off at the end of a line, and a last line says so.
        """
        if self._summary_is_full:
            return
        data = self._redacted(markdown).encode("utf-8", "backslashreplace")
        room = MAX_SUMMARY_BYTES - _size(self._summary)
        self._summary_is_full = len(data) > room
        _append(self._summary, _cut(data, room) if self._summary_is_full else data.decode(), "the job summary")

    def tell(self, message: str) -> None:
        """Print a line for people."""
        self._print(self._harmless(message))

    def progress(self, what: str, done: int, total: int) -> None:
        """Print one line of progress; a total that is less than what is done is not known."""
        self.tell(f"{what}: {done} of {total}" if done <= total else f"{what}: {done}")

    def mask(self, text: str) -> None:
        """Hide a text, and each of its lines, in the rest of the log."""
        for line in dict.fromkeys((text, *_LINE_END.split(text))):
            if line.strip():
                self._print(f"::add-mask::{_escaped(line)}")

    def error(self, message: str) -> None:
        """Annotate the step with an error, on one line."""
        self._annotate("error", message)

    def warning(self, message: str) -> None:
        """Annotate the step with a warning, on one line."""
        self._annotate("warning", message)

    def notice(self, message: str) -> None:
        """Annotate the step with a notice, on one line."""
        self._annotate("notice", message)

    def _pairs(self, values: Mapping[str, str]) -> str:
        text = ""
        for name, value in values.items():
            mark = f"ghadelimiter_{self._delimiter()}"
            text += f"{name}<<{mark}\n{value}\n{mark}\n"
        return text

    def _print(self, line: str) -> None:
        # A log that cannot hold a character gets its number instead; without a log the work goes on.
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        with suppress(BrokenPipeError):
            print(line.encode(encoding, "backslashreplace").decode(encoding), file=self._stream, flush=True)

    def _annotate(self, kind: str, message: str) -> None:
        self._print(f"::{kind}::{_escaped(self._harmless(message)[:_MAX_ANNOTATION])}")

    def _harmless(self, text: str) -> str:
        """Return text as one line in which a runner finds no command."""
        line = printable(self._redacted(text)).replace("##[", "## [")
        return line.replace("::", ": :") if line.lstrip().startswith("::") else line

    def _redacted(self, text: str) -> str:
        return text.replace(self._token, "***") if self._token else text


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _cut(markdown: bytes, room: int) -> str:
    """Return the lines of a text that fit as a whole, with a last one that says that there are more."""
    kept = markdown[: max(0, room - len(_CUT))].rpartition(b"\n")[0].decode() + "\n"
    if kept.count(f"\n{_FENCE}") % 2:  # a chart that is cut off would swallow what comes after it
        kept = kept.rpartition(f"\n{_FENCE}")[0] + "\n"
    return kept + _CUT if room >= len(_CUT) else ""


def _size(path: str) -> int:
    return Path(path).stat().st_size if path and Path(path).exists() else 0


def _append(path: str, text: str, where: str) -> None:
    if path and text:
        with _undelivered_if_it_fails(where), Path(path).open("a", encoding="utf-8", newline="") as file:
            file.write(text)


def _check_sizes(outputs: Mapping[str, str]) -> None:
    for name, value in outputs.items():
        if not fits_output(value):
            raise OutputTooLargeError(name)


@contextmanager
def _undelivered_if_it_fails(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise UndeliveredError(where, exc.strerror or type(exc).__name__) from exc
