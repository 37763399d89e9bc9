"""Answers for a person at a terminal, or for a script that reads standard output."""

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from git_keyval.commands.results import Result
from git_keyval.dispatch.files import write_file
from git_keyval.dispatch.steps import value_bytes
from git_keyval.dispatch.upkeep import Upkeep
from git_keyval.interface.commands import Command
from maintenance.init import InitReport
from maintenance.report import CheckReport, Report

_FAILED = 1
_LISTED = 50


def display(command: Command, inputs: Mapping[str, object], result: Result, outputs: Mapping[str, str]) -> int:
    """Print the answer of a command; give the exit code."""
    if result.value is not None:
        end = b"\n" if sys.stdout.isatty() or isinstance(result.value, int) else b""
        _print_value(value_bytes(result.value), end, str(inputs.get("output-file", "")))
    elif "default" in inputs and result.found is False:
        print(inputs["default"])
    elif "value" in command.outputs and result.found is False:
        print("There is no such key.", file=sys.stderr)  # nothing on standard output, which is for values
    else:
        for name, text in outputs.items():
            if name != "requests-used":
                print(f"{name}: {text}")
    return _FAILED if result.found is False and inputs.get("on-missing") == "fail" else 0


def display_upkeep(upkeep: Upkeep, *, listed: bool) -> int:
    """Print what became of a repository, under its name if it is one of a list; give the exit code."""
    if listed:
        print(upkeep.repository)
    match upkeep.report:
        case Report() as report:
            return _display_report(report)
        case CheckReport() as found:
            return _display_check(found)
        case InitReport(created):
            print("\n".join(f"created {name}" for name in created) or "nothing to do")
            return 0
        case error:
            Console(stderr=True).print(escape(f"{upkeep.repository}: {error}"), style="red", highlight=False, soft_wrap=True)
    return _FAILED


def _print_value(data: bytes, end: bytes, path: str) -> None:
    if path:
        write_file(path, data)
        return
    sys.stdout.buffer.write(data if data.endswith(b"\n") else data + end)
    sys.stdout.flush()


def _display_report(report: Report) -> int:
    console = Console()
    table = Table(title=f"{report.command}{' (dry run)' if report.dry_run else ''}", title_justify="left")
    for head in ("job", "refs read", "planned", "done", "changed meanwhile", "failed", "deferred", "left"):
        table.add_column(head, justify="left" if head == "job" else "right")
    for job in report.jobs:
        counts = (job.plan.examined, job.planned, len(job.applied), len(job.conflicts), len(job.failed), job.deferred)
        table.add_row(job.plan.job, *map(str, counts), str(len(job.plan.left)))
    console.print(table)
    for job in report.jobs:
        for left in [*job.failed, *(item for item in job.plan.left if item.notable)][:_LISTED]:
            console.print(f"left {escape(left.ref)}: {escape(left.why)}", highlight=False, soft_wrap=True)
    console.print(f"{report.requests} requests, {report.seconds:.1f} s")
    if report.budget:
        console.print(f"The budget {report.budget} was reached; the next run goes on.")
    if report.error:
        Console(stderr=True).print(f"Ended early: {escape(report.error)}", style="red")
    return _FAILED if report.error else 0


def _display_check(report: CheckReport) -> int:
    console = Console()
    for found in report.problems:
        console.print(f"{found.severity} {escape(found.ref)}: {escape(found.problem)}", highlight=False, soft_wrap=True)
    counts = ", ".join(f"{count} {name}" for name, count in sorted(report.counts.items()))
    console.print(f"{report.errors()} errors, {len(report.problems) - report.errors()} warnings; {counts or 'nothing here'}")
    return _FAILED if report.errors() else 0
