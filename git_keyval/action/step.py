"""One step: from the environment to outputs and exit code."""

from collections.abc import Mapping
from pathlib import Path
from traceback import extract_tb

from git_keyval.action.runner import Runner
from git_keyval.action.summary import check_summary, summary
from git_keyval.commands.results import Result
from git_keyval.dispatch.presenting import outputs_of, shown_value, value_bytes
from git_keyval.dispatch.run import Answer, run
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import GitKeyvalError, InputError, KeyMissingError
from git_keyval.interface.commands import Command
from git_keyval.interface.inputs import INPUTS
from git_keyval.interface.parsing import find_command, parse_inputs
from maintenance.report import CheckReport, Report

_PREFIX = "INPUT_"
_WORKFLOW_TOKEN = "ghs_"  # noqa: S105  # how the token of every workflow run begins, which is the default of the input
_FAILED = 1


def run_step(environ: Mapping[str, str], runner: Runner, surroundings: Surroundings) -> int:
    """Run the step that the environment describes; 0 if the command did what was asked."""
    try:
        given = inputs_of(environ)
        command = find_command(given.get("command") or INPUTS["command"].default)
        inputs = parse_inputs(command, given)
        explicit = not str(inputs.get("token", "")).startswith(_WORKFLOW_TOKEN)
        answer = run(command, inputs, surroundings, explicit_token=explicit)
        return _tell(command, inputs, answer, runner)
    except GitKeyvalError as exc:
        runner.error(str(exc))
        return _FAILED
    except Exception as exc:  # noqa: BLE001  # a defect of ours: its message and its data could hold what users stored
        runner.error(f"Internal error: {_where(exc)}. Please report it; nothing else is known about what was done.")
        return _FAILED


def _where(exc: BaseException) -> str:
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(exc.__traceback__)]
    return f"{type(exc).__name__} at {' > '.join(places[-4:])}"


def inputs_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the inputs by name. The runner writes them in capitals; shells that cannot set a hyphen may use an underscore."""
    names = {name: name.removeprefix(_PREFIX).lower().replace("_", "-") for name in environ if name.startswith(_PREFIX)}
    return {input_name: environ[name] for name, input_name in names.items()}


def _tell(command: Command, inputs: Mapping[str, object], answer: Answer, runner: Runner) -> int:
    content = answer.content
    outputs = outputs_of(command, content, answer.requests)
    if isinstance(content, Result):
        _present(inputs, content, outputs, runner)
    runner.set_outputs(outputs)
    match content:
        case Report():
            runner.summarize(summary(content))
            return _tell_report(content, runner)
        case CheckReport():
            runner.summarize(check_summary(content))
            return _tell_check(content, runner)
        case Result(found=False) if inputs.get("on-missing") == "fail":
            raise KeyMissingError
    return 0


def _present(inputs: Mapping[str, object], result: Result, outputs: dict[str, str], runner: Runner) -> None:
    """Apply the inputs that say where a value goes: a default, a file, a mask."""
    if "default" in inputs and result.found is False:
        outputs["value"] = str(inputs["default"])
    if result.value is None:
        return
    if inputs.get("mask"):
        runner.mask(shown_value(result.value))
    if "output-file" in inputs:
        outputs.pop("value", None)
        outputs.pop("json", None)
        _write_file(str(inputs["output-file"]), value_bytes(result.value))


def _write_file(path: str, data: bytes) -> None:
    try:
        Path(path).write_bytes(data)
    except OSError as exc:
        raise InputError("output-file", f"cannot be written ({exc.strerror})", "a path in the workspace") from exc


def _tell_report(report: Report, runner: Runner) -> int:
    if report.budget:
        runner.notice(f"{report.command}: the budget {report.budget} was reached; the next run goes on.")
    if report.notable():
        runner.warning(f"{report.command}: {report.notable()} refs had to be left alone; the job summary says why.")
    if report.error:
        runner.error(f"{report.command} ended early: {report.error}")
        return _FAILED
    return 0


def _tell_check(report: CheckReport, runner: Runner) -> int:
    if report.errors():
        runner.error(f"check found {report.errors()} errors; the job summary lists them.")
        return _FAILED
    if report.problems:
        runner.warning(f"check found {len(report.problems)} things worth a look; the job summary lists them.")
    return 0
