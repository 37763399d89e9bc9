"""Our side: ``python -m benchmarks.ours JOB REPOSITORY PUSH`` runs a maintenance job and tells what it took.

The job ``apply`` makes the push of the file through the store, without a plan.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Self

from dulwich import protocol as pkt

from benchmarks.meter import Meter, Sample
from git_keyval.format.names import RefName
from git_keyval.process import surroundings
from git_keyval.store.git import GitStore, open_git_store
from git_keyval.store.git.transport import Conversation, LocalTransport, Service
from git_keyval.store.port import ANY, DELETE, Applied, RefUpdate, Transaction
from maintenance.jobs import Maintenance, gather, purge, sweep
from maintenance.report import Report, to_json


class CountedTransport(LocalTransport):
    """The local transport, counting in a sample what it is used for."""

    def __init__(self, path: str, environ: Mapping[str, str], sample: Sample) -> None:
        """Reach the repository at a path."""
        super().__init__(path, environ)
        self._sample = sample

    def open(self, service: Service) -> Conversation:  # type: ignore[override]  # it gives one that counts
        """Start the service."""
        return CountedConversation(super().open(service), service, self._sample)


class CountedConversation:
    """A conversation that counts its requests by kind."""

    def __init__(self, inner: Conversation, service: Service, sample: Sample) -> None:
        """Take over a conversation."""
        self._inner = inner
        self._service = service
        self._sample = sample

    def advertisement(self) -> pkt.Protocol:
        """Give the stream that starts with the server's advertisement."""
        return self._inner.advertisement()

    def request(self, body: Iterable[bytes]) -> pkt.Protocol:
        """Count and send a request."""
        if self._service == "receive-pack":
            self._sample.pushes += 1
            return self._inner.request(body)
        lines = list(body)
        self._sample.listings += b"command=ls-refs" in lines[0]
        self._sample.fetches += b"command=fetch" in lines[0]
        return self._inner.request(lines)

    def __enter__(self) -> Self:
        """Begin."""
        self._inner.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        """End."""
        self._inner.__exit__(*exc)


def main(job: str, path: str, push: str) -> None:
    """Run a job and print what it took."""
    jobs: Mapping[str, Callable[[Maintenance], Report]] = {"sweep": sweep, "gather": gather, "purge": purge}
    meter = Meter()
    outside = surroundings(os.environ, lambda _what, _done, _total: None)
    store = GitStore(
        lambda _store: CountedTransport(path, os.environ, meter.sample),
        capabilities=open_git_store(
            path, environ=os.environ, clock=outside.clock, sleep=outside.sleep, random=outside.random
        ).capabilities,
        clock=outside.clock,
        sleep=outside.sleep,
        random=outside.random,
    )
    transaction = _transaction(push) if job == "apply" else None
    with meter:
        if transaction is not None:
            assert store.apply([transaction]) == [Applied()]
            meter.sample.writes = 1
        else:
            report = jobs[job](Maintenance(store, outside.new_op, outside.elapsed, outside.progress))
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
