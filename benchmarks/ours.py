"""Our side: ``python -m benchmarks.ours JOB REPOSITORY PUSH`` runs a maintenance job and tells what it took.

The job ``apply`` makes the push of the file through the store, without a plan.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TypeVar

from benchmarks.meter import Meter, Sample
from git_keyval.database.database import Database
from git_keyval.format.names import RefName
from git_keyval.maintenance.commands import Budgeted, Gather, Purge, Sweep
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.maintenance.report import to_json
from git_keyval.process import surroundings
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import GitStore
from git_keyval.store.git.conversation import Deadline, Service
from git_keyval.store.git.pipes import PipeConversation
from git_keyval.store.git.transport import LocalTransport
from git_keyval.store.patience import Patience
from git_keyval.store.port import ANY, DELETE, Applied, RefUpdate, Transaction

_Answer = TypeVar("_Answer")


class CountedTransport(LocalTransport):
    """The local transport, counting in a sample what it is used for."""

    def __init__(self, path: str, environ: Mapping[str, str], elapsed: Callable[[], float], sample: Sample) -> None:
        """Reach the repository at a path."""
        super().__init__(path, environ, lambda service: Deadline(elapsed, service), lambda _warning: None)
        self._sample = sample

    def open(self, service: Service) -> PipeConversation:
        """Start the service, and let it tell of every request."""
        conversation = super().open(service)
        count = self._count_push if service == "receive-pack" else self._count_read
        conversation.request = _counted(conversation.request, count)  # type: ignore[assignment, method-assign]  # the same, but counted
        return conversation

    def _count_push(self, _first: bytes) -> None:
        self._sample.pushes += 1

    def _count_read(self, first: bytes) -> None:
        self._sample.listings += b"command=ls-refs" in first
        self._sample.fetches += b"command=fetch" in first


def _counted(request: Callable[[Iterable[bytes]], _Answer], count: Callable[[bytes], None]) -> Callable[[Iterable[bytes]], _Answer]:
    """Return a method that shows the first chunk of what it sends."""

    def counted(body: Iterable[bytes]) -> _Answer:
        chunks = iter(body)
        first = next(chunks)
        count(first)
        return request(chain([first], chunks))

    return counted


def main(job: str, path: str, push: str) -> None:
    """Run a job and print what it took."""
    jobs: Mapping[str, Budgeted] = {"sweep": Sweep(), "elements": Sweep(), "gather": Gather(), "purge": Purge()}
    meter = Meter()
    outside = surroundings(os.environ, lambda _what, _done, _total: None)
    clock = ServerClock(outside.clock)
    patience = Patience(300, outside.elapsed, outside.sleep, outside.random)
    store = GitStore(
        CountedTransport(path, os.environ, outside.elapsed, meter.sample),
        deletes_unseen=True,
        clock=clock,
        patience=patience,
    )
    transaction = _transaction(push) if job == "apply" else None
    with meter:
        if transaction is not None:
            assert store.apply([transaction]) == [Applied()]
            meter.sample.writes = 1
        else:
            database = Database(store, outside.sleep, outside.random, outside.new_op)
            report = jobs[job].run(Maintenance(database, outside.elapsed))
            json.dumps(to_json(report))
            (done,) = report.jobs
            assert done.planned == len(done.applied)
            meter.sample.writes = len(done.applied)
        meter.sample.requests = store.requests


def _transaction(push: str) -> Transaction:
    updates = json.loads(Path(push).read_bytes())["updates"]
    return Transaction(tuple(RefUpdate(RefName(name), ANY, DELETE) for name, _ in updates))


if __name__ == "__main__":
    main(*sys.argv[1:])
