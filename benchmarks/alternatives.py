"""What people use on one machine: a process of ``sqlite3``, or of ``redis-cli``, for each command.

Their data is that of the kind ``scale``.
"""

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.databases import COUNTERS_TO_GATHER, CRUMBS_PER_COUNTER, ELEMENTS_PER_MAP
from benchmarks.measuring import timed
from benchmarks.meter import Sample
from benchmarks.step import SOME

_MANY = 50
_PATIENCE_SECONDS = 60
_PAST, _FUTURE = 1_000, 4_000_000_000
_TABLES = """
CREATE TABLE keys (key TEXT PRIMARY KEY, value TEXT, expires INTEGER) WITHOUT ROWID;
CREATE INDEX due ON keys (expires);
CREATE TABLE counters (key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
CREATE TABLE crumbs (key TEXT, delta INTEGER);
CREATE TABLE fields (key TEXT, field TEXT, value TEXT, PRIMARY KEY (key, field)) WITHOUT ROWID;
"""
_SQL = {
    "set": "INSERT INTO keys VALUES ('text', 'value', NULL) ON CONFLICT DO UPDATE SET value = excluded.value",
    "incr": "INSERT INTO counters VALUES ('counter', 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
    "hset": "INSERT INTO fields VALUES ('map', 'field-7', 'value') ON CONFLICT DO UPDATE SET value = excluded.value",
    "keys": f"SELECT key FROM keys WHERE key GLOB '{SOME}'",  # noqa: S608  # the pattern is of these benchmarks
    "sweep": "DELETE FROM keys WHERE expires <= unixepoch()",
    "gather": """BEGIN; UPDATE counters SET value = value + (SELECT sum(delta) FROM crumbs WHERE crumbs.key = counters.key)
        WHERE key IN (SELECT key FROM crumbs); DELETE FROM crumbs; COMMIT""",
    "check": "PRAGMA integrity_check",
}
REDIS_COMMANDS = ("get", "set", "incr", "hset", "mget", "keys")
"""The other jobs a server with a memory of its own does not need: keys end by themselves, and increments leave nothing behind."""


def has_sqlite() -> bool:
    """Return whether there is the program."""
    return shutil.which("sqlite3") is not None


def has_redis() -> bool:
    """Return whether there are the programs."""
    return shutil.which("redis-server") is not None and shutil.which("redis-cli") is not None


def fill_sqlite(path: Path, amount: int, due: int) -> None:
    """Write a database."""
    with sqlite3.connect(path) as database:
        database.executescript(_TABLES)
        rows = ((f"key-{number}", f"value {number}", _PAST if number < due else _FUTURE) for number in range(amount))
        database.executemany("INSERT INTO keys VALUES (?, ?, ?)", rows)
        counters = [f"gathered-{number}" for number in range(COUNTERS_TO_GATHER)]
        database.executemany("INSERT INTO counters VALUES (?, 0)", ((name,) for name in counters))
        database.executemany("INSERT INTO crumbs VALUES (?, 1)", ((name,) for name in counters for _ in range(CRUMBS_PER_COUNTER)))
        database.executemany("INSERT INTO fields VALUES ('map', ?, '')", ((f"field-{n}",) for n in range(ELEMENTS_PER_MAP)))
    database.close()


def run_sqlite(path: Path, command: str, amount: int) -> Sample:
    """Do what the command does."""
    numbers = range(amount - (1 if command == "get" else _MANY), amount)
    names = ", ".join(f"'key-{number}'" for number in numbers)
    read = f"SELECT value FROM keys WHERE key IN ({names}) AND expires > unixepoch()"  # noqa: S608  # the names are made here
    return timed(["sqlite3", path, _SQL.get(command, read)])


class Redis:
    """A server on a socket, which writes a log of what it is told, as it does where data must not be lost."""

    def __init__(self, directory: Path, process: "subprocess.Popen[bytes]") -> None:
        """Speak to the server that this process is."""
        self._client = ["redis-cli", "-s", str(directory / "socket")]
        self._process = process

    def fill(self, amount: int, due: int) -> None:
        """Write the keys that are alive."""
        names = (f"SET key-{number} 'value {number}' EXAT {_FUTURE}\r\n" for number in range(due, amount))
        self._tell("".join(names))

    def wait(self) -> None:
        """Wait until it answers."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while subprocess.run([*self._client, "ping"], capture_output=True, check=False).stdout != b"PONG\n":
            assert time.monotonic() < until
            time.sleep(0.05)

    def run(self, command: str, amount: int) -> Sample:
        """Do what the command does; what the server takes for it counts."""
        many = [f"key-{number}" for number in range(amount - _MANY, amount)]
        arguments = {
            "get": ["GET", many[-1]],
            "set": ["SET", "text", "value"],
            "incr": ["INCR", "counter"],
            "hset": ["HSET", "map", "field-7", "value"],
            "mget": ["MGET", *many],
            "keys": ["--scan", "--pattern", SOME],
        }[command]
        before = self._cpu_seconds()
        sample = timed([*self._client, *arguments])
        sample.git_seconds += self._cpu_seconds() - before
        return sample

    def _cpu_seconds(self) -> float:
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def _tell(self, commands: str) -> None:
        subprocess.run([*self._client, "--pipe"], input=commands.encode(), stdout=subprocess.DEVNULL, check=True)


@contextmanager
def redis(directory: Path) -> Iterator[Redis]:
    """Run a server, and end it."""
    directory.mkdir()
    options = {"port": "0", "unixsocket": "socket", "dir": str(directory), "appendonly": "yes", "save": ""}
    argv = ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", value))]
    with subprocess.Popen(argv, cwd=directory, stdout=subprocess.DEVNULL) as process:
        try:
            server = Redis(directory, process)
            server.wait()
            yield server
        finally:
            process.terminate()
