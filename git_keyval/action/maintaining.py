"""A step that maintains: outputs, job summary, and what the log says of it."""

from collections.abc import Mapping

from git_keyval.action.runner import Runner
from git_keyval.action.summary import check_summary, summary
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.upkeep import run_maintenance
from git_keyval.interface.commands import Command
from maintenance.report import CheckReport, Report

_FAILED = 1


def maintain(command: Command, inputs: Mapping[str, object], runner: Runner, surroundings: Surroundings) -> int:
    """Run a maintenance command; 0 unless it ended early or, for check, a rule is broken. Raises GitKeyvalError."""
    report, outputs = run_maintenance(command, inputs, surroundings)
    runner.set_outputs(outputs)
    match report:
        case Report():
            runner.summarize(summary(report))
            return _tell(report, runner)
        case CheckReport():
            runner.summarize(check_summary(report))
            return _tell_check(report, runner)
    return 0


def _tell(report: Report, runner: Runner) -> int:
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
