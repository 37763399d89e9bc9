"""The answer of a command of step mode: a value, lines for a person, or JSON for a program (docs/terminal.schema.json)."""

import json
from collections.abc import Mapping

from git_keyval.cli.failures import ExitCode
from git_keyval.cli.terminal import harmless_line, tell, write_document, write_text, write_value
from git_keyval.database.answers import Answer
from git_keyval.database.keys import TYPE_NAMES
from git_keyval.dispatch.files import OutputFile
from git_keyval.dispatch.steps import value_bytes
from git_keyval.errors import UndeliveredError
from git_keyval.format.values import Value
from git_keyval.interface.commands import Signature
from git_keyval.interface.given import Inputs
from git_keyval.interface.outputs import FLAGS, WHOLE_NUMBERS

_DOCUMENTS = {"json", "report"}
_BASE64 = {"bytes", "file"}


def deliver(
    command: Signature,
    inputs: Inputs,
    answer: Answer,
    outputs: Mapping[str, str],
    file: OutputFile | None,
    *,
    as_json: bool,
) -> None:
    """Write the answer of a command. Raises UndeliveredError, which says where to find what the command took away, and OSError."""
    try:
        _deliver(command, inputs, answer, outputs, file, as_json=as_json)
    except UndeliveredError as exc:
        raise UndeliveredError(exc.where, exc.reason, answer.parked) from exc
    except BrokenPipeError:
        if answer.parked:
            tell(str(UndeliveredError("standard output", "nobody reads it any more", answer.parked)))
        raise
    finally:
        if file is not None:
            file.discard()


def _deliver(
    command: Signature,
    inputs: Inputs,
    answer: Answer,
    outputs: Mapping[str, str],
    file: OutputFile | None,
    *,
    as_json: bool,
) -> None:
    in_file = file is not None and answer.value is not None
    if answer.warning:
        tell(answer.warning)
    if file is not None and answer.value is not None:
        file.commit(value_bytes(answer.value))
    if as_json:
        write_document(_document(command, inputs, answer, outputs))
    elif in_file:
        pass
    elif "value" in command.outputs and answer.document is None:
        _write_value(command, inputs, answer)
    else:
        shown = {name: text for name, text in outputs.items() if name not in {"requests-used", "rate-remaining"}}
        write_text("".join(f"{name}: {harmless_line(text)}\n" for name, text in shown.items()))


def typed(outputs: Mapping[str, str]) -> dict[str, object]:
    """Return outputs as the types that they have in JSON."""
    return {name: _typed(name, text) for name, text in outputs.items()}


def outcome(answer: Answer, *, by_code: bool) -> ExitCode:
    """Return the exit code of a command that was done; with ``by_code`` it is an answer, too.

    Raises the error with which the command ends after its answer.
    """
    if answer.failure is not None:
        raise answer.failure
    if not by_code or answer.applied:
        return ExitCode.DONE
    if answer.found is False:
        return ExitCode.MISSING
    return ExitCode.NOT_APPLIED if answer.applied is False else ExitCode.DONE


def _write_value(command: Signature, inputs: Inputs, answer: Answer) -> None:
    """Write the value, and nothing but values, to standard output."""
    if answer.value is not None:
        write_value(value_bytes(answer.value))
    elif answer.found is False and inputs.default is not None:
        write_value(inputs.default.encode())
    elif answer.found is False:
        if inputs.on_missing != "fail":  # then an error says so
            tell(f"There is no such {command.kind.subject}.")
    elif answer.pending:
        tell("A rival was faster: the increment waits for the next gather, and has no number.")
    elif answer.applied is False:
        tell("The condition is not met; nothing was changed.")


def _document(command: Signature, inputs: Inputs, answer: Answer, outputs: Mapping[str, str]) -> dict[str, object]:
    document = {"command": command.name, **typed(outputs)}
    if inputs.default is not None and answer.found is False:
        document |= {"value": inputs.default, "encoding": "utf-8"}
    if "value" in outputs:
        document["encoding"] = _encoding(answer.value)
    if "old-value" in outputs:
        document["old-value-encoding"] = _encoding(answer.old_value)
    if inputs.output_file is not None:
        for name in ("value", "json", "encoding") if answer.value is not None else ():
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
