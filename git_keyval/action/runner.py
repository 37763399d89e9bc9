"""The runner's side of a step: output file, summary file, log commands.

Formats: https://docs.github.com/actions/reference/workflow-commands-for-github-actions. The runner obeys ``::command::`` at the
start of a line and ``##[command]`` anywhere in one, so nothing that a user stored is ever printed.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from git_keyval.errors import GitKeyvalError

MAX_OUTPUT_CHARACTERS = 500_000
"""A job may have 1 MB of outputs, counted in UTF-16."""

_MAX_SUMMARY_BYTES = 1_000_000
_MAX_ANNOTATION = 4_000


class OutputTooLargeError(GitKeyvalError):
    """An output is larger than what the runner takes."""

    def __init__(self, name: str) -> None:
        """Name the output."""
        super().__init__(f"The output '{name}' is larger than a runner takes (500,000 characters).", "Use 'output-file'.")


def fits_output(value: str) -> bool:
    """Tell whether a runner takes a value as an output."""
    return len(value.encode("utf-16-le", "surrogatepass")) // 2 <= MAX_OUTPUT_CHARACTERS


class Runner:
    """Writes to the files and the log of one step."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO, delimiter: Callable[[], str]) -> None:
        """Use the files that the environment names; outputs and summary are dropped where it names none."""
        self._output = environ.get("GITHUB_OUTPUT", "")
        self._summary = environ.get("GITHUB_STEP_SUMMARY", "")
        self._stream = stream
        self._delimiter = delimiter

    def set_outputs(self, outputs: Mapping[str, str]) -> None:
        """Write outputs, each between random delimiters that its value cannot contain. Raises OutputTooLargeError."""
        text = ""
        for name, value in outputs.items():
            if not fits_output(value):
                raise OutputTooLargeError(name)
            mark = f"ghadelimiter_{self._delimiter()}"
            text += f"{name}<<{mark}\n{value}\n{mark}\n"
        _append(self._output, text)

    def summarize(self, markdown: str) -> None:
        """Write the job summary, cut where the runner would refuse all of it."""
        data = markdown.encode()
        if len(data) > _MAX_SUMMARY_BYTES:
            data = data[:_MAX_SUMMARY_BYTES].rpartition(b"\n")[0] + b"\n\n(cut)\n"
        _append(self._summary, data.decode("utf-8", "ignore"))

    def progress(self, what: str, done: int, total: int) -> None:
        """Print one line of progress; a total of 0 with more than that done is not known."""
        self._print(_harmless(f"{what}: {done} of {total}" if done <= total else f"{what}: {done}"))

    def mask(self, text: str) -> None:
        """Hide a text, and each of its lines, in the rest of the log."""
        for line in {text, *text.splitlines()}:
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

    def _print(self, line: str) -> None:
        # A log that cannot hold a character gets its number instead.
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=self._stream, flush=True)

    def _annotate(self, kind: str, message: str) -> None:
        self._print(f"::{kind}::{_escaped(_harmless(message)[:_MAX_ANNOTATION])}")


def _harmless(line: str) -> str:
    one_line = " ".join(line.splitlines()).replace("##[", "## [")
    return one_line.replace("::", ": :") if one_line.lstrip().startswith("::") else one_line


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _append(path: str, text: str) -> None:
    if path and text:
        with Path(path).open("a", encoding="utf-8", newline="") as file:
            file.write(text)
