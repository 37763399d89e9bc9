"""A step that maintains: outputs, job summary, and what the log says of it."""

from collections.abc import Sequence
from typing import NamedTuple

from git_keyval.action.runner import Runner, fits_output
from git_keyval.action.summary import overview_summary, summary
from git_keyval.dispatch.config_file import config_of
from git_keyval.dispatch.presenting import presented
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.upkeep import Outcome, outputs_of, run_maintenance
from git_keyval.dispatch.worklist import Worklist, worklist
from git_keyval.errors import GitKeyvalError, as_inputs
from git_keyval.interface.commands import Signature
from git_keyval.interface.inputs import Inputs
from git_keyval.maintenance.execute import Done
from git_keyval.maintenance.plan import counted
from git_keyval.maintenance.report import AnyReport, CheckReport, InitReport, Report

_FAILED = 1
_WHAT_TO_DO = "the job summary says what to do"


class _Findings(NamedTuple):
    """What people should hear of a run beside its numbers; empty where there is nothing of the kind. An ``error`` is a failure."""

    notice: str = ""
    warning: str = ""
    error: str = ""


def maintain(command: Signature, inputs: Inputs, runner: Runner, surroundings: Surroundings) -> int:
    """Run a maintenance command; 0 unless a run ended early, a repository failed or, for check, a rule is broken.

    Raises GitKeyvalError for what is wrong before anything is done, and for a single repository that could not be used.
    """
    environ = surroundings.environ
    config = config_of(inputs, environ.get("GITHUB_WORKSPACE", ""), surroundings)
    work = worklist(command, inputs, config, environ.get("GITHUB_REPOSITORY", ""), environ)
    if config is not None:
        runner.tell(f"{command.name}: settings of {config.path}{f', {len(work.targets)} repositories' if work.listed else ''}")
    file = surroundings.output_file(inputs.output_file) if inputs.output_file is not None else None
    done = run_maintenance(command, work, surroundings)
    outputs = outputs_of(command, work, done)
    if not fits_output(outputs.get("report", "")):
        outputs.pop("report")
        runner.notice("The output 'report' is left out: it is larger than a runner takes. Maintain fewer repositories in a step.")
    runner.set_outputs(outputs)
    shown = presented(command, work, done, surroundings)
    if file is not None:
        from git_keyval.page.pages import page_of

        file.commit(page_of(done, shown, surroundings))
    if work.listed:
        runner.summarize(
            overview_summary(command.name, [(name, end.address, each) for (name, each), end in zip(shown, done, strict=True)])
        )
    elif not isinstance(done[0].report, InitReport):
        runner.summarize(summary(shown[0][1], done[0].repository, done[0].address))
    return _tell(command, work, done, runner)


def _tell(command: Signature, work: Worklist, done: Sequence[Outcome], runner: Runner) -> int:
    """Say what is notable in at most one line of each kind: a runner shows ten."""
    heard = [(f"{upkeep.repository}: " if work.listed else "", _findings(upkeep.report)) for upkeep in done]
    for kind, annotate in enumerate((runner.notice, runner.warning, runner.error)):
        if texts := "; ".join(where + found[kind] for where, found in heard if found[kind]):
            annotate(f"{command.name}: {texts}.")
    return _FAILED if any(found.error for _, found in heard) else 0


def _findings(report: AnyReport | GitKeyvalError) -> _Findings:
    """Say what is notable about a run, or about a repository that had none."""
    match report:
        case GitKeyvalError():
            return _Findings(error=str(report).rstrip("."))
        case Report(budget=budget, error=error):
            left = f"{counted(report.notable(), 'ref')} had to be left alone; the job summary says why" if report.notable() else ""
            reached = budget and f"the budget {budget} was reached; the next run goes on"
            return _Findings(reached, left, error and f"ended early: {as_inputs(error).rstrip('.')}")
        case CheckReport(repair=Done(error=error)) if error:
            return _Findings(error=f"ended early: {as_inputs(error).rstrip('.')}")
        case CheckReport(count=errors) if errors:
            return _Findings(error=f"found {counted(errors, 'error')}; {_WHAT_TO_DO}")
        case CheckReport(problems=problems) if problems:
            return _Findings(warning=f"found {counted(len(problems), 'thing')} worth a look; {_WHAT_TO_DO}")
    return _Findings()
