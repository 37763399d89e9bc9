"""One step: from the environment to outputs and exit code."""

from collections.abc import Callable, Mapping

from git_keyval.action.runner import INTERRUPTED, OutputTooLargeError, Runner, fits_output
from git_keyval.action.variables import read_inputs, warning_about
from git_keyval.database.answers import Answer, Delivered, shown_value
from git_keyval.dispatch.files import OutputFile
from git_keyval.dispatch.steps import run_command, value_bytes, value_outputs
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import GitKeyvalError, InternalError, UndeliveredError, as_inputs
from git_keyval.format.values import Value
from git_keyval.interface.advice import advised
from git_keyval.interface.commands import Signature
from git_keyval.interface.inputs import INPUTS, Inputs
from git_keyval.interface.parsing import find_command, parse_inputs

_FAILED = 1


def run_step(environ: Mapping[str, str], runner: Runner, surroundings: Surroundings) -> int:
    """Run the step that the environment describes; 0 if the command did what was asked."""
    try:
        given, ignored = read_inputs(environ)
        if ignored:
            runner.warning(warning_about(ignored))
        command = find_command(given.get("command") or INPUTS["command"].default)
        if command.kind.has_post_step:
            from git_keyval.action.locking import begin, remember

            begin(runner)
        inputs = Inputs(parse_inputs(command, given, environ))
        for text in inputs.encryption_key.texts if inputs.encryption_key else ():
            runner.mask(text)
        if not command.is_step:
            return _on_whole(command, inputs, runner, surroundings)
        inputs = inputs.over({"repository": environ.get("GITHUB_REPOSITORY", "")})
        if command.kind.has_post_step:
            return _run_and_answer(command, inputs, runner, surroundings, remember(given, runner, surroundings))
        return _run_and_answer(command, inputs, runner, surroundings)
    except GitKeyvalError as exc:
        runner.error(str(exc))
        return _FAILED
    except KeyboardInterrupt:
        runner.error("Cancelled. What the step was about to write may be written, or not. Read the key, then decide.")
        return INTERRUPTED
    except Exception as exc:  # noqa: BLE001  # a defect of ours: its message and its data could hold what users stored
        runner.error(str(InternalError(exc)))
        return _FAILED


def _on_whole(command: Signature, inputs: Inputs, runner: Runner, surroundings: Surroundings) -> int:
    """Run a command on whole databases."""
    if command.maintains:
        from git_keyval.action.maintaining import maintain

        return maintain(command, inputs, runner, surroundings)
    from git_keyval.action.transferring import transfer

    return transfer(command, inputs.over({"repository": surroundings.environ.get("GITHUB_REPOSITORY", "")}), runner, surroundings)


class _Delivery:
    """The way of one value to a file or, without one, to the outputs of the step."""

    def __init__(self, runner: Runner, file: OutputFile | None) -> None:
        self._runner = runner
        self._output_file = file

    def prepare(self, value: Delivered) -> None:
        """Make sure that the value will arrive. Raises UndeliverableError and OutputTooLargeError."""
        if self._output_file is not None:
            self._output_file.prepare(value_bytes(value))
        self._runner.reserve({} if self._output_file is not None else value_outputs(value))

    def complete(self, value: Value | int) -> None:
        """Put the value into its file, if there is one; the outputs are the step's to write. Raises UndeliveredError."""
        if self._output_file is not None:
            self._output_file.commit(value_bytes(value))

    def give_up(self) -> None:
        """Remove everything that was prepared."""
        if self._output_file is not None:
            self._output_file.discard()
        self._runner.give_up_room()


def _run_and_answer(
    command: Signature,
    inputs: Inputs,
    runner: Runner,
    surroundings: Surroundings,
    notice: Callable[[Answer | GitKeyvalError], None] = lambda _end: None,
) -> int:
    file = surroundings.output_file(inputs.output_file) if inputs.output_file is not None else None
    delivery = _Delivery(runner, file)
    try:
        try:
            answer, outputs = run_command(command, inputs, surroundings, prepare_delivery=delivery.prepare)
        except GitKeyvalError as exc:
            notice(exc)
            raise
        notice(answer)
        _present(inputs, answer, outputs, runner, delivery)
        _give(runner, outputs, inputs)
    except OutputTooLargeError as exc:
        raise advised(exc, command) from exc
    except UndeliveredError as exc:
        raise UndeliveredError(exc.where, exc.reason, answer.parked) from exc
    finally:
        delivery.give_up()
    if answer.warning:
        runner.warning(as_inputs(answer.warning))
    if answer.failure is not None:
        raise answer.failure
    return 0


def _give(runner: Runner, outputs: dict[str, str], inputs: Inputs) -> None:
    """Write the outputs. Commands that are each for themselves are done by then, whatever their answers take together."""
    try:
        runner.set_outputs(outputs)
    except OutputTooLargeError as exc:
        if inputs.atomic is not False:
            raise
        raise UndeliveredError("the outputs", "it is larger than a runner takes") from exc


def _present(inputs: Inputs, answer: Answer, outputs: dict[str, str], runner: Runner, delivery: _Delivery) -> None:
    """Apply the inputs that say where a value goes: a default, a file, a mask."""
    if inputs.default is not None and answer.found is False:
        outputs["value"] = inputs.default
    if not fits_output(outputs.get("old-value", "")):
        # The write is done, and its own outputs matter more than what was there before.
        outputs.pop("old-value")
        runner.notice("The output 'old-value' is left out: it is larger than a runner takes.")
    if answer.value is None:
        return
    if inputs.mask:
        runner.mask(shown_value(answer.value))
    if inputs.output_file is not None:
        outputs.pop("value", None)
        outputs.pop("json", None)
    delivery.complete(answer.value)
