"""What act did, and what our own reading of the workflow did, as lines of text that are compared."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path

from git_keyval.errors import MalformedRecordError
from git_keyval.format.counters import decode_counter, decode_delta
from git_keyval.format.elements import decode_collection, element_value
from git_keyval.format.names import MAIN_BRANCH, BreadcrumbRef, GcRef, RecordRef, RefName, parse
from git_keyval.format.objects import GitObject, Oid
from git_keyval.format.records import decode_data
from git_keyval.format.redirects import redirect_of
from git_keyval.format.sealed import Sealed
from git_keyval.format.values import Value, as_text
from git_keyval.store.port import Depth
from tests.conftest import FakeClock
from tests.contract.places import open_git_place
from tests.examples import jobs as ours
from tools.runner.act import Job, Step, job_name

_VARY = {"requests-used", "rate-remaining", "ttl", "expires-at", "version", "owner", "url", "report"}
"""Outputs that are not the same in two runs: of them it is compared whether they are there."""

_TEXTS_THAT_VARY = re.compile(
    r"http://127\.0\.0\.1:\d+|\d{4}-\d\d-\d\dT[\d:.]+Z|\d{8}T\d{12}Z|\d+\.\d s and \d+ requests?"
    r'|"version":"[0-9a-f]{40}"|"ttl":\d+|"owner":"[^"]*"|held by \S+, for \d+ more seconds'
)
_CALLED = re.compile(r"(.+)-\d+\.(.+)")
"""How our own reading names a step of a workflow that was called: by its job there, and that job's place in the matrix."""


def read_ours(done: Mapping[str, Sequence[ours.Job]]) -> dict[str, Job]:
    """Return the jobs of our own reading as those of act are: without steps and jobs that are skipped, which its log has not.

    The steps of a workflow that was called belong to the jobs in that.
    """
    found: dict[str, Job] = {}
    for job in (job for jobs in done.values() for job in jobs):
        # act gives all jobs of a matrix one result.
        result = "failure" if any(beside.result == "failure" for beside in done[job.name]) else job.result
        for key, step in job.steps.items():
            called = _CALLED.fullmatch(key)
            name, id_ = (called[1], called[2]) if called else (job_name(job.name, job.matrix), key)
            if step.outcome != "skipped":
                found.setdefault(name, Job(result)).steps[id_] = _step(step)
    return found


def differences(what: str, wanted: Sequence[str], found: Sequence[str]) -> list[str]:
    """Return the lines that differ, in the manner of diff; none if all are the same."""
    return list(unified_diff(wanted, found, f"{what}, as read", f"{what}, as run", lineterm="", n=2))


def facts(jobs: Mapping[str, Job], workspace: Path, varying: Collection[str] = ()) -> list[str]:
    """Return what there is to compare of jobs, a fact a line; of the steps that vary it is how they ended."""
    lines = [line for name, job in sorted(jobs.items()) for line in _job_lines(name, job, varying)]
    return [_TEXTS_THAT_VARY.sub("…", line.replace(str(workspace), "…")) for line in lines]


def content(repository: Path) -> list[str]:
    """Return what a repository holds beside its main branch, a ref a line.

    Values are shown as text, counters with their breadcrumbs, and of what is made by chance that it is there.
    """
    store = open_git_place(repository, str(repository), FakeClock(), {}).open()
    refs = dict(store.list(["refs/"]))
    objects = store.objects(refs.values(), Depth.VALUES)
    waiting = _waiting(refs, objects)
    return sorted(
        _ref_line(name, oid, objects, waiting)
        for name, oid in refs.items()
        if name != MAIN_BRANCH and not isinstance(parse(name), BreadcrumbRef)
    )


def _step(step: ours.Step) -> Step:
    return Step(step.outcome, {name: value for name, value in step.outputs.items() if value is not None}, step.log, step.summary)


def _job_lines(name: str, job: Job, varying: Collection[str]) -> Iterator[str]:
    yield f"{name}: {job.result}"
    for key, step in sorted(job.steps.items()):
        yield f"{name} / {key}: {step.outcome}"
        if key in varying:
            continue
        for output, value in sorted(step.outputs.items()):
            yield f"{name} / {key} / {output}={'…' if output in _VARY else value}"
        for line in (*step.log.splitlines(), *step.summary.splitlines()):
            yield f"{name} / {key}: {line}"


def _waiting(refs: Mapping[RefName, Oid], objects: Mapping[Oid, GitObject]) -> Mapping[str, int]:
    """Return what the breadcrumbs of each key amount to."""
    found: dict[str, int] = {}
    for name, oid in refs.items():
        parsed = parse(name)
        delta = decode_delta(objects[oid]) if isinstance(parsed, BreadcrumbRef) else None
        if isinstance(parsed, BreadcrumbRef) and isinstance(delta, int):
            found[parsed.key_id] = found.get(parsed.key_id, 0) + delta
    return found


def _ref_line(name: str, oid: Oid, objects: Mapping[Oid, GitObject], waiting: Mapping[str, int]) -> str:
    parsed = parse(name)
    if isinstance(parsed, GcRef):
        return f"parked of {parsed.key_id}: {oid}"
    if isinstance(parsed, RecordRef) and parsed.kind == "val":
        return f"{name}: {_shown(objects[oid], objects, waiting.get(parsed.key_id, 0))}"
    if isinstance(parsed, RecordRef) and parsed.kind == "exp":
        return f"{name}: …"
    return f"{name}: {oid}"


def _shown(record: GitObject, objects: Mapping[Oid, GitObject], waiting: int) -> str:
    """Return a value as text, whatever it is."""
    for read in (_data, _elements):
        with suppress(MalformedRecordError):
            return read(record, objects)
    redirect = redirect_of(record)
    return str(redirect or decode_counter(record).value + waiting)


def _data(record: GitObject, objects: Mapping[Oid, GitObject]) -> str:
    return _TEXTS_THAT_VARY.sub("…", _text(decode_data(record, objects)))


def _elements(record: GitObject, objects: Mapping[Oid, GitObject]) -> str:
    found = decode_collection(record, objects)
    shown = {name: _text(element_value(found, objects[oid])) for name, oid in found.elements.items()}
    return f"{sorted((shown | dict.fromkeys(shown.keys() & _VARY, '…')).items())} {found.length}"


def _text(value: Value | Sealed) -> str:
    return "encrypted" if isinstance(value, Sealed) else as_text(value)
