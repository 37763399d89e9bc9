"""A step that maintains: outputs, job summary, and what the log says of it."""

from collections.abc import Iterator, Mapping, Sequence

from git_keyval.action.runner import Runner, fits_output
from git_keyval.action.summary import as_code, check_summary, counted, summary
from git_keyval.dispatch.config_file import config_of
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.upkeep import Upkeep, outputs_of, run_maintenance
from git_keyval.dispatch.worklist import Worklist, worklist
from git_keyval.errors import GitKeyvalError
from git_keyval.interface.commands import Command
from maintenance.init import InitReport
from maintenance.report import CheckReport, Report

_FAILED = 1


def maintain(command: Command, inputs: Mapping[str, object], runner: Runner, surroundings: Surroundings) -> int:
    """Run a maintenance command; 0 unless a run ended early, a repository failed or, for check, a rule is broken.

    Raises GitKeyvalError for what is wrong before anything is done, and for a single repository that could not be used.
    """
    environ = surroundings.environ
    config = config_of(inputs, environ.get("GITHUB_WORKSPACE", ""), surroundings)
    work = worklist(command, inputs, config, environ.get("GITHUB_REPOSITORY", ""), environ)
    if config is not None:
        runner.tell(f"{command.name}: settings of {config.path}{f', {len(work.targets)} repositories' if work.listed else ''}")
    done = run_maintenance(command, work, surroundings)
    outputs = outputs_of(command, work, done)
    if not fits_output(outputs.get("report", "")):
        outputs.pop("report")
        runner.notice("The output 'report' is left out: it is larger than a runner takes. Maintain fewer repositories in a step.")
    runner.set_outputs(outputs)
    if work.listed:
        runner.summarize(_overview(command, done))
    elif not isinstance(done[0].report, InitReport):
        runner.summarize(_section(done[0].report))
    return _tell(command, work, done, runner)


def _tell(command: Command, work: Worklist, done: Sequence[Upkeep], runner: Runner) -> int:
    """Say what is notable in at most one line of each kind: a runner shows ten."""
    for kind, annotate in (("notice", runner.notice), ("warning", runner.warning), ("error", runner.error)):
        told = [f"{upkeep.repository}: {text}" if work.listed else text for upkeep in done for text in _findings(upkeep, kind)]
        if told:
            annotate(f"{command.name}: {'; '.join(told)}.")
    return _FAILED if any(_findings(upkeep, "error") for upkeep in done) else 0


def _findings(upkeep: Upkeep, kind: str) -> list[str]:
    return [text for found, text in _notable(upkeep.report) if found == kind]


def _notable(report: Report | CheckReport | InitReport | GitKeyvalError) -> Iterator[tuple[str, str]]:
    match report:
        case GitKeyvalError():
            yield "error", str(report).rstrip(".")
        case Report():
            if report.budget:
                yield "notice", f"the budget {report.budget} was reached; the next run goes on"
            if report.notable():
                yield "warning", f"{counted(report.notable(), 'ref')} had to be left alone; the job summary says why"
            if report.error:
                yield "error", f"ended early: {report.error.rstrip('.')}"
        case CheckReport():
            if report.errors():
                yield "error", f"found {counted(report.errors(), 'error')}; the job summary says what to do"
            elif report.problems:
                yield "warning", f"found {counted(len(report.problems), 'thing')} worth a look; the job summary says what to do"


def _overview(command: Command, done: Sequence[Upkeep]) -> str:
    """Give a line on all repositories, and a section for each."""
    failed = sum(bool(_findings(upkeep, "error")) for upkeep in done)
    sections = [f"# {as_code(upkeep.repository)}\n\n{_section(upkeep.report)}" for upkeep in done]
    return "\n".join([f"**git-keyval {command.name}**, repositories: {len(done)}, failed: {failed}\n", *sections])


def _section(report: Report | CheckReport | InitReport | GitKeyvalError) -> str:
    match report:
        case Report():
            return summary(report)
        case CheckReport():
            return check_summary(report)
        case InitReport():
            return f"Created: {', '.join(map(as_code, report.created)) or 'nothing, all was there'}.\n"
    return f"**Failed:** {as_code(str(report))}\n"
