"""One list of refs over HTTP: ``python -m benchmarks.listed WHAT REPOSITORY`` takes it and tells what that took.

``push`` reads what a server advertises before a push, for the refs of one key, and ``all`` streams the answer to ls-refs as a
store does. ``push, unread`` and ``all, unread`` take the same bytes with the same client, and throw them away.
"""

import sys
from collections.abc import Callable, Iterator

from benchmarks.databases import TEXT, value_ref
from benchmarks.meter import Meter
from benchmarks.processes import isolated_environ
from git_keyval.process import surroundings
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import receive
from git_keyval.store.git.adapter import GitStore
from git_keyval.store.git.conversation import Deadline
from git_keyval.store.git.http import Answer, HttpTransport
from git_keyval.store.git.packets import packet
from git_keyval.store.git.receive import Advertised
from git_keyval.store.network import Network
from git_keyval.store.patience import Patience

_PREFIXES = ("refs/heads/", "refs/tags/")
_BLOCK = 1024 * 1024
_TIMEOUT = 600.0
_LS_REFS = [b"command=ls-refs", b"object-format=sha1"]


def main(what: str, repository: str) -> None:
    """Take the list twice, and measure the second time: the first one imports."""
    outside = surroundings(isolated_environ(), lambda _what, _done, _total: None)
    clock, patience = ServerClock(outside.clock), Patience(300, outside.elapsed, outside.sleep, outside.random)
    transport = HttpTransport(
        repository, "", clock, _TIMEOUT, lambda service: Deadline(outside.elapsed, service), Network(outside.environ)
    )
    store = GitStore(transport, clock=clock, patience=patience, deletes_unseen=True)
    ways: dict[str, Callable[[], int]] = {
        "push": lambda: _look(transport),
        "push, unread": lambda: _drop(_advertisement(transport)),
        "all": lambda: sum(1 for _ in store.list(_PREFIXES)),
        "all, unread": lambda: _drop(_all(transport)),
    }
    assert ways[what]()
    meter = Meter()
    with meter:
        meter.sample.received_bytes = ways[what]()


def _look(transport: HttpTransport) -> int:
    """Return how many refs of a key the server has."""
    found: list[int] = []
    value = value_ref(TEXT)

    def count(advertised: Advertised) -> None:
        found.append(len(advertised.refs))

    receive.push(transport, frozenset({value, type(value)(value.replace("/val-", "/exp-"))}), count)
    return found[0]


def _advertisement(transport: HttpTransport) -> Answer:
    transport.open("receive-pack")
    return transport.find("info/refs?service=git-receive-pack", {"Accept": "*/*"})


def _all(transport: HttpTransport) -> Answer:
    transport.open("upload-pack")
    lines = b"".join(packet(b"ref-prefix " + prefix.encode()) for prefix in _PREFIXES)
    body = b"".join(map(packet, _LS_REFS)) + b"0001" + lines + b"0000"
    kind = "application/x-git-upload-pack-request"
    headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Git-Protocol": "version=2"}
    return transport.send("POST", "git-upload-pack", headers, iter([memoryview(body)]))


def _drop(answer: Answer) -> int:
    """Read all and keep nothing; return how much it was."""
    size = sum(map(len, _blocks(answer)))
    answer.close()
    return size


def _blocks(answer: Answer) -> Iterator[bytes]:
    while block := answer.read(_BLOCK):
        yield block


if __name__ == "__main__":
    main(*sys.argv[1:])
