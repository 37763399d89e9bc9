"""Delivering a value to the job: prepared before the value is taken away from the database, and completed afterwards."""

from git_keyval.action.runner import Runner
from git_keyval.dispatch.files import OutputFile
from git_keyval.dispatch.steps import value_bytes, value_outputs
from git_keyval.format.values import Value


class Delivery:
    """The way of one value to a file or, without one, to the outputs of the step."""

    def __init__(self, runner: Runner, file: OutputFile | None) -> None:
        self._runner = runner
        self._output_file = file

    def prepare(self, value: Value | int) -> None:
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
