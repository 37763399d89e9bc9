"""A step that exports or imports a database: outputs, and a line in the log and in the job summary."""

from git_keyval.action.runner import Runner
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.transfers import Transferred, run_export, run_import
from git_keyval.errors import InputError
from git_keyval.interface.commands import Signature
from git_keyval.interface.inputs import Inputs


def transfer(command: Signature, inputs: Inputs, runner: Runner, surroundings: Surroundings) -> int:
    """Run the command, and return 0. Raises GitKeyvalError, also for keys that failed where all others are done."""
    done = run_import(command, inputs, surroundings) if "input-file" in command.inputs else _export(command, inputs, surroundings)
    runner.set_outputs(done.outputs)
    runner.tell(f"{command.name}: {done.sentence}")
    runner.summarize(f"**git-keyval {command.name}**: {done.sentence}\n")
    if done.failure is not None:
        raise done.failure
    return 0


def _export(command: Signature, inputs: Inputs, surroundings: Surroundings) -> Transferred:
    if inputs.output_file is None:
        raise InputError("output-file", "is missing for the command 'export'", "the path of a file in the workspace")
    file = surroundings.output_file(inputs.output_file)
    with file.writing() as write:
        return run_export(command, inputs, surroundings, write)
