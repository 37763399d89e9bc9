"""Several real processes race on one database, a local bare repository; then maintenance runs."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from demo.steps import Database
from demo.telling import show, tell

RACERS = 8


def on_a_local_path(folder: Path) -> None:
    """Run the part of the demonstration that needs git only."""
    repository = folder / "db.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)
    show(f"A database is a bare git repository: git init --bare {repository.name}")
    database = Database(str(repository))
    database.step("init")
    _values_and_lifetimes(database)
    _counters(database)
    _one_winner(database)
    _maintenance(database)


def _values_and_lifetimes(database: Database) -> None:
    show("Values: text, JSON, and a key that lives for one second")
    database.step("set", key="greeting", value="hello", ttl="15m")
    database.step("set", key="deploy", value='{"env":"staging","ok":true}', type="json")
    database.step("set", key="short", value="gone soon", ttl="1s", **{"expiry-granularity": "1s"})
    for key in ("greeting", "deploy", "short"):
        tell(f"get {key}", database.step("get", key=key))


def _counters(database: Database) -> None:
    show(f"{RACERS} processes increment one counter at once; every second one leaves a breadcrumb if a rival is faster")
    ways = ["retry", "breadcrumb"] * (RACERS // 2)
    with ThreadPoolExecutor(RACERS) as pool:
        answers = list(pool.map(lambda way: database.step("incr", key="builds", contention=way), ways))
    for way, answer in zip(ways, answers, strict=True):
        tell(f"incr builds ({way})", answer)
    tell("get builds", database.step("get", key="builds"))


def _one_winner(database: Database) -> None:
    show(f"{RACERS} processes take one key with getdel: exactly one gets it")
    database.step("set", key="ticket", value="the prize")
    with ThreadPoolExecutor(RACERS) as pool:
        answers = list(pool.map(lambda _: database.step("getdel", key="ticket"), range(RACERS)))
    for answer in answers:
        tell("getdel ticket", answer)


def _maintenance(database: Database) -> None:
    time.sleep(1.1)
    show("Before maintenance")
    _refs(database)
    answer = database.step("maintain", **{"grace-period": "0s", "retention": "0s"})
    show("After maintenance: breadcrumbs folded, the expired key swept, the taken one purged")
    _refs(database)
    tell("get builds", database.step("get", key="builds"))
    tell("check", {"errors": database.step("check")["count"]})
    show("The report")
    sys.stdout.write(json.dumps(json.loads(answer["report"]), indent=2) + "\n")
    sys.stdout.flush()


def _refs(database: Database) -> None:
    """List all refs with git itself."""
    subprocess.run(["git", "-C", database.repository, "for-each-ref", "--format=  %(refname)"], check=True)
