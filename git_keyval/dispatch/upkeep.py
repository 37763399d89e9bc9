"""Running one maintenance command, and its report as outputs."""

from collections.abc import Mapping
from importlib import import_module

from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.opening import open_store
from git_keyval.dispatch.steps import as_outputs
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.interface.commands import Command
from maintenance.init import InitReport
from maintenance.jobs import Maintenance
from maintenance.report import CheckReport, Report, check_to_json, to_json

AnyReport = Report | CheckReport | InitReport


def run_maintenance(command: Command, inputs: Mapping[str, object], surroundings: Surroundings) -> tuple[AnyReport, dict[str, str]]:
    """Run a maintenance command with its parsed inputs; give its report, and its outputs as text. Raises GitKeyvalError."""
    arguments = bind(command, inputs, surroundings)
    store = open_store(inputs, surroundings)
    job = Maintenance(store, new_op=surroundings.new_op, elapsed=surroundings.elapsed, progress=surroundings.progress)
    report: AnyReport = getattr(import_module(command.module), command.attribute)(job, **arguments)
    return report, as_outputs(command, {**_told(report), "requests-used": store.requests, "rate-remaining": store.rate_remaining})


def _told(report: AnyReport) -> dict[str, object]:
    match report:
        case Report():
            return {"count": sum(len(job.applied) for job in report.jobs), "report": to_json(report)}
        case CheckReport():
            return {"count": report.errors(), "report": check_to_json(report)}
        case InitReport():
            return {"applied": bool(report.created), "count": len(report.created)}
