"""The answer of a command of step mode: a value, lines for a person, or JSON for a program (docs/terminal.schema.json)."""

import json
from collections.abc import Mapping

from git_keyval.cli.failures import ExitCode
from git_keyval.cli.terminal import harmless_line, tell, write_document, write_text, write_value
from git_keyval.database.answers import Result
from git_keyval.database.keys import TYPE_NAMES
from git_keyval.dispatch.files import OutputFile
from git_keyval.dispatch.steps import value_bytes
from git_keyval.errors import UndeliveredError
from git_keyval.format.values import Value
from git_keyval.interface.commands import Command
from git_keyval.interface.outputs import FLAGS, WHOLE_NUMBERS

_DOCUMENTS = {"json", "report"}
_BASE64 = {"bytes", "file"}


def deliver(
    command: Command,
    inputs: Mapping[str, object],
    result: Result,
    outputs: Mapping[str, str],
    file: OutputFile | None,
    *,
    as_json: bool,
) -> None:
    """Write the answer of a command. Raises UndeliveredError, which says where to find what the command took away, and OSError."""
    try:
        _deliver(command, inputs, result, outputs, file, as_json=as_json)
    except UndeliveredError as exc:
        raise UndeliveredError(exc.where, exc.reason, result.parked) from exc
    except BrokenPipeError:
        if result.parked:
            tell(str(UndeliveredError("standard output", "nobody reads it any more", result.parked)))
        raise
    finally:
        if file is not None:
            file.discard()


def _deliver(
    command: Command,
    inputs: Mapping[str, object],
    result: Result,
    outputs: Mapping[str, str],
    file: OutputFile | None,
    *,
    as_json: bool,
) -> None:
    in_file = file is not None and result.value is not None
    if result.warning:
        tell(result.warning)
    if file is not None and result.value is not None:
        file.commit(value_bytes(result.value))
    if as_json:
        write_document(_document(command, inputs, result, outputs))
    elif in_file:
        pass
    elif "value" in command.outputs and result.document is None:
        _write_value(command, inputs, result)
    else:
        shown = {name: text for name, text in outputs.items() if name not in {"requests-used", "rate-remaining"}}
        write_text("".join(f"{name}: {harmless_line(text)}\n" for name, text in shown.items()))


def typed(outputs: Mapping[str, str]) -> dict[str, object]:
    """Return outputs as the types that they have in JSON."""
    return {name: _typed(name, text) for name, text in outputs.items()}


def outcome(result: Result, *, by_code: bool) -> ExitCode:
    """Return the exit code of a command that was done; with ``by_code`` it is an answer, too.

    Raises the error with which the command ends after its answer.
    """
    if result.failure is not None:
        raise result.failure
    if not by_code or result.applied:
        return ExitCode.DONE
    if result.found is False:
        return ExitCode.MISSING
    return ExitCode.NOT_APPLIED if result.applied is False else ExitCode.DONE


def _write_value(command: Command, inputs: Mapping[str, object], result: Result) -> None:
    """Write the value, and nothing but values, to standard output."""
    if result.value is not None:
        write_value(value_bytes(result.value))
    elif result.found is False and "default" in inputs:
        write_value(str(inputs["default"]).encode())
    elif result.found is False:
        if inputs.get("on-missing") != "fail":  # then an error says so
            tell(f"There is no such {command.subject}.")
    elif result.pending:
        tell("A rival was faster: the increment waits for the next gather, and has no number.")
    elif result.applied is False:
        tell("The condition is not met; nothing was changed.")


def _document(command: Command, inputs: Mapping[str, object], result: Result, outputs: Mapping[str, str]) -> dict[str, object]:
    document = {"command": command.name, **typed(outputs)}
    if "default" in inputs and result.found is False:
        document |= {"value": inputs["default"], "encoding": "utf-8"}
    if "value" in outputs:
        document["encoding"] = _encoding(result.value)
    if "old-value" in outputs:
        document["old-value-encoding"] = _encoding(result.old_value)
    if "output-file" in inputs:
        for name in ("value", "json", "encoding") if result.value is not None else ():
            document.pop(name)
    return document


def _encoding(value: Value | int | None) -> str:
    return "base64" if isinstance(value, Value) and TYPE_NAMES[value.type] in _BASE64 else "utf-8"


def _typed(name: str, text: str) -> object:
    if name in FLAGS:
        return text == "true"
    if name in WHOLE_NUMBERS:
        return int(text)
    return json.loads(text) if name in _DOCUMENTS else text
