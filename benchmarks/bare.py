"""The other side: ``python -m benchmarks.bare JOB REPOSITORY PUSH`` does with dulwich's public client the least that the job needs.

It makes the same listings and the same fetch, throws away what they bring, and makes the push that the file holds: no plan, no
checks, no report.
"""

import base64
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from io import BytesIO
from pathlib import Path

from dulwich.client import SubprocessGitClient
from dulwich.objects import ObjectID, ShaFile
from dulwich.pack import UnpackedObject, pack_objects_to_data
from dulwich.refs import Ref

from benchmarks.meter import Meter, Sample

_BREADCRUMBS = b"refs/tags/kv-"
_KEYS = b"refs/heads/kv-"
_EXPIRY = b"/exp-"
_PARKED = (b"refs/heads/gc/", b"refs/gc/")
_PROTOCOL = 2


class NothingInCommon:
    """The graph walker of a client that has no objects."""

    def __next__(self) -> ObjectID | None:
        """Name no object."""
        return None

    def ack(self, _oid: ObjectID, /) -> None:
        """Do nothing."""

    def nak(self) -> None:
        """Do nothing."""


class BareScript:
    """Listing, fetch and push on one repository, counted."""

    def __init__(self, path: str, push: Path, sample: Sample) -> None:
        """Read what to push."""
        pushed = json.loads(push.read_bytes())
        self._path = path.encode()
        self._refs = {Ref(name.encode()): ObjectID(oid.encode()) for name, oid in pushed["updates"]}
        self._objects = [(ShaFile.from_raw_string(kind, base64.b64decode(data)), None) for kind, data in pushed["objects"]]
        self._sample = sample
        self._client = SubprocessGitClient(quiet=True)
        self._client.git_command = ["git", "-c", "uploadpack.allowFilter=true"]

    def sweep(self) -> None:
        """List keys and breadcrumbs, fetch the expiry commits in the same conversation, push."""
        self._fetch([_KEYS, _BREADCRUMBS], lambda refs: {oid for name, oid in refs.items() if _EXPIRY in bytes(name)})
        self._push()

    def elements(self) -> None:
        """Do the same, and fetch the maps that are to change with their trees before the push."""
        self._fetch([_KEYS, _BREADCRUMBS], lambda refs: {oid for name, oid in refs.items() if _EXPIRY in bytes(name)})
        maps = [bytes(name) for name in self._refs if _EXPIRY not in bytes(name)]
        self._fetch(maps, lambda refs: set(refs.values()), b"blob:none")
        self._push()

    def gather(self) -> None:
        """List the breadcrumbs, then their counters, fetch the commits of both in the same conversation, push."""
        crumbs = self._list([_BREADCRUMBS])
        trails = {name.rpartition(b"/")[0].replace(b"refs/tags/", b"refs/heads/") for name in crumbs}
        names = [trail.replace(b"/bc-", kind) for trail in trails for kind in (b"/exp-", b"/val-")]
        self._fetch(names, lambda counters: {*crumbs.values(), *counters.values()})
        self._push()

    def purge(self) -> None:
        """List what is parked and the breadcrumbs, push."""
        self._list([*_PARKED, _BREADCRUMBS])
        self._push()

    def _list(self, prefixes: Sequence[bytes]) -> dict[Ref, ObjectID]:
        self._sample.requests += 1
        self._sample.listings += 1
        found = self._client.get_refs(self._path, protocol_version=_PROTOCOL, ref_prefix=prefixes).refs
        return {name: oid for name, oid in found.items() if oid is not None}

    def _fetch(
        self,
        prefixes: Sequence[bytes],
        wanted: Callable[[Mapping[Ref, ObjectID]], set[ObjectID]],
        filter_spec: bytes = b"tree:0",
    ) -> None:
        self._sample.requests += 1
        self._sample.listings += 1
        self._sample.fetches += 1
        self._client.fetch_pack(
            self._path,
            lambda refs, _depth=None: sorted(wanted(refs)),
            NothingInCommon(),
            BytesIO().write,
            ref_prefix=prefixes,
            filter_spec=filter_spec,
            protocol_version=_PROTOCOL,
        )

    def _push(self) -> None:
        self._sample.requests += 1
        self._sample.pushes += 1
        answer = self._client.send_pack(self._path, lambda _old: self._refs, self._pack, atomic=True)
        assert answer.ref_status is not None
        assert len(answer.ref_status) == len(self._refs)
        assert not any(answer.ref_status.values())

    def _pack(
        self,
        have: AbstractSet[ObjectID],
        want: AbstractSet[ObjectID],
        *,
        ofs_delta: bool = False,
        progress: Callable[[bytes], None] | None = None,
    ) -> tuple[int, Iterator[UnpackedObject]]:
        del have, want
        return pack_objects_to_data(self._objects, ofs_delta=ofs_delta, progress=progress)


def main(job: str, path: str, push: str) -> None:
    """Do what a job does and print what it took."""
    meter = Meter()
    script = BareScript(path, Path(push), meter.sample)
    work = {"sweep": script.sweep, "elements": script.elements, "gather": script.gather, "purge": script.purge}[job]
    with meter:
        work()


if __name__ == "__main__":
    main(*sys.argv[1:])
