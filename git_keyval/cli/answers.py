"""The answer of a command of step mode: a value, lines for a person, or JSON for a program (docs/terminal.schema.json)."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from git_keyval.cli.failures import ExitCode
from git_keyval.cli.terminal import harmless_line, tell, write_document, write_text, write_value
from git_keyval.database.answers import Answer
from git_keyval.database.keys import BINARY_TYPES, TYPE_NAMES
from git_keyval.dispatch.files import OutputFile
from git_keyval.dispatch.steps import value_bytes
from git_keyval.errors import UndeliveredError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.values import Value
from git_keyval.interface.commands import Signature
from git_keyval.interface.inputs import Inputs
from git_keyval.interface.outputs import FLAGS, WHOLE_NUMBERS

_DOCUMENTS = {"json", "report", "results"}


class Answered(NamedTuple):
    """A command that was done: what it was given, and what it answers."""

    command: Signature
    inputs: Inputs
    answer: Answer
    outputs: Mapping[str, str]

    def deliver(self, file: OutputFile | None, *, as_json: bool, wording: Callable[[str], str]) -> None:
        """Write the answer. Raises UndeliveredError, which says where to find what the command took away, and OSError."""
        try:
            if self.answer.warning:
                tell(wording(self.answer.warning))
            self._write(file, as_json=as_json)
        except UndeliveredError as exc:
            raise UndeliveredError(exc.where, exc.reason, self.answer.parked) from exc
        except BrokenPipeError:
            if self.answer.parked:
                tell(str(UndeliveredError("standard output", "nobody reads it any more", self.answer.parked)))
            raise
        finally:
            if file is not None:
                file.discard()

    def _write(self, file: OutputFile | None, *, as_json: bool) -> None:
        value = self.answer.value
        if self.answer.met is False and self.answer.failure is None:
            tell("The condition is not met.")
        if file is not None and value is not None:
            file.commit(value_bytes(value))
        if as_json:
            write_document(self.document())
        elif self.inputs.with_types:
            write_text("".join(_listed(self.answer.document)))
        elif "value" in self.command.outputs and self.answer.document is None:
            if file is None or value is None:
                self._write_value()
        else:
            shown = {name: text for name, text in self.outputs.items() if name not in {"requests-used", "rate-remaining"}}
            write_text("".join(f"{name}: {harmless_line(text)}\n" for name, text in shown.items()))

    def _write_value(self) -> None:
        """Write the value, and nothing but values, to standard output."""
        if self.answer.value is not None:
            write_value(value_bytes(self.answer.value))
        elif self.answer.found is False and self.inputs.default is not None:
            write_value(self.inputs.default.encode())
        elif self.answer.found is False:
            if self.inputs.on_missing != "fail":  # then an error says so
                tell(f"There is no such {self.command.kind.subject}.")
        elif self.answer.pending:
            tell("A rival was faster: the increment waits for the next gather, and has no number.")
        elif self.answer.applied is False:
            tell("The condition is not met; nothing was changed.")

    def document(self) -> dict[str, object]:
        """Return the answer as JSON has it."""
        document = {"command": self.command.name, **typed(self.outputs)}
        if self.inputs.default is not None and self.answer.found is False:
            document |= {"value": self.inputs.default, "encoding": "utf-8"}
        if "value" in self.outputs:
            document["encoding"] = _encoding(self.answer.value)
        if "old-value" in self.outputs:
            document["old-value-encoding"] = _encoding(self.answer.old_value)
        if self.inputs.output_file is not None and self.answer.value is not None:
            document = {name: value for name, value in document.items() if name not in {"value", "json", "encoding"}}
        return document


def _listed(document: JsonValue) -> Iterator[str]:
    """Yield a line for each entry of a list, with a tab between its members."""
    for entry in document if isinstance(document, list) else []:
        yield "\t".join(harmless_line(str(member)) for member in (entry.values() if isinstance(entry, dict) else [entry])) + "\n"


def typed(outputs: Mapping[str, str]) -> dict[str, object]:
    """Return outputs as the types that they have in JSON."""
    return {name: _typed(name, text) for name, text in outputs.items()}


def outcome(answer: Answer, *, by_code: bool) -> ExitCode:
    """Return the exit code of a command that was done; with ``by_code`` it is an answer, too.

    Raises the error with which the command ends after its answer.
    """
    if answer.failure is not None:
        raise answer.failure
    if not by_code or answer.applied or answer.met:
        return ExitCode.DONE
    if answer.met is False:
        return ExitCode.NOT_APPLIED
    if answer.found is False:
        return ExitCode.MISSING
    return ExitCode.NOT_APPLIED if answer.applied is False else ExitCode.DONE


def _encoding(value: Value | int | None) -> str:
    return "base64" if isinstance(value, Value) and TYPE_NAMES[value.type] in BINARY_TYPES else "utf-8"


def _typed(name: str, text: str) -> object:
    if name in FLAGS:
        return text == "true"
    if name in WHOLE_NUMBERS:
        return int(text)
    return json.loads(text) if name in _DOCUMENTS else text
