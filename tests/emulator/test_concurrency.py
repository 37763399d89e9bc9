"""What many clients see at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from github import GithubException

from tests.emulator import GitHubEmulator
from tests.emulator.conftest import ZERO, Client
from tests.servers.binary import run_git


def test_one_of_many_rivals_creates_the_ref(connect: Callable[..., Client], client: Client, path: Path) -> None:
    oids = [client.commit(str(number)) for number in range(8)]
    clients = [connect() for _ in oids]
    start = threading.Barrier(len(oids))

    def attempt(number: int) -> bool:
        start.wait()
        updates = [{"name": f"refs/{kind}/k", "afterOid": oids[number], "beforeOid": ZERO} for kind in ("heads", "tags")]
        try:
            clients[number].update(*updates)
        except GithubException:
            return False
        return True

    with ThreadPoolExecutor(len(oids)) as pool:
        won = list(pool.map(attempt, range(len(oids))))

    assert sum(won) == 1
    for kind in ("heads", "tags"):
        kept = run_git("rev-parse", f"refs/{kind}/k", directory=path).stdout.decode().strip()
        assert kept == oids[won.index(True)]


def test_query_sees_one_instant(connect: Callable[..., Client], client: Client) -> None:
    """Two refs that always move together are never seen apart."""
    names = ("refs/heads/a", "refs/heads/z")
    oids = [client.commit(str(number)) for number in range(20)]
    writer, done = connect(), threading.Event()

    def write() -> None:
        for oid in oids:
            writer.update(*({"name": name, "afterOid": oid, "force": True} for name in names))
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    filler = "".join(f'r{number}: ref(qualifiedName: "refs/heads/main") {{ target {{ oid }} }}' for number in range(20))
    while not done.is_set():
        first, last = (f'ref(qualifiedName: "{name}") {{ target {{ oid }} }}' for name in names)
        data = client.query(f"a: {first} {filler} z: {last}")
        assert data["a"] == data["z"]
    thread.join()


def test_query_may_be_torn(connect: Callable[..., Client], client: Client, emulator: GitHubEmulator) -> None:
    one, two = client.commit("1"), client.commit("2")
    client.branch("a", one)
    client.branch("z", one)
    rival = connect()
    updates = [{"name": f"refs/heads/{name}", "afterOid": two, "beforeOid": one, "force": True} for name in "az"]

    def write() -> None:
        emulator.options.between_ref_reads = None
        rival.update(*updates)

    emulator.options.between_ref_reads = write
    data = client.query(" ".join(f'{name}: ref(qualifiedName: "refs/heads/{name}") {{ target {{ oid }} }}' for name in "az"))

    assert data == {"a": {"target": {"oid": one}}, "z": {"target": {"oid": two}}}


def test_writes_on_disk_are_seen_at_once(client: Client, path: Path) -> None:
    oid = client.commit()
    for name in ("one", "two"):
        run_git("update-ref", f"refs/heads/{name}", oid, directory=path)
        run_git("pack-refs", "--all", directory=path)
        run_git("repack", "-adq", directory=path)
        assert client.query(f'ref(qualifiedName: "refs/heads/{name}") {{ target {{ oid }} }}')["ref"] == {"target": {"oid": oid}}
        oid = client.commit(name)
