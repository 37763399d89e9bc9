"""The same commands on GitHub, which the emulator of the tests stands in for; each step tells how many requests it made."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import requests

from demo.steps import Database
from demo.telling import show, tell
from tests.emulator import Drop, Fault, GitHubEmulator, Logged
from tests.emulator.server import DEFAULT_TOKEN

NAME = "octo/database"
RACERS = 4

_T = TypeVar("_T")


def on_github(folder: Path) -> None:
    """Run the part of the demonstration that needs GitHub, or something like it."""
    with GitHubEmulator(folder / "github") as github:
        github.create(*NAME.split("/"))
        part = _Part(github, Database(NAME, _environ(github, folder)))
        show(f"A database on GitHub: repository {NAME}, on an emulated GitHub; at the right, what each step asked of it")
        part.step("init")
        part.step("set", key="greeting", value="hello")
        part.step("get", key="greeting")
        part.step("set", key="deploy", value="staging", ttl="15m")
        part.step("getdel", key="deploy")
        part.race()
        part.lose_a_reply()
        show("Maintenance: the counter is whole, the taken value is purged")
        part.step("maintain", **{"grace-period": "0s", "retention": "0s"})
        part.step("get", key="builds")
        part.step("check")


class _Part:
    """The steps on one emulated GitHub."""

    def __init__(self, github: GitHubEmulator, database: Database) -> None:
        self.github = github
        self.database = database

    def step(self, command: str, **inputs: str) -> None:
        """Run a step and tell what it answered, and what it cost."""
        what = " ".join([command, *(inputs[name] for name in ("key",) if name in inputs)])
        answer, cost = self._counted(lambda: self.database.step(command, **inputs))
        if command == "check":
            answer = {"errors": answer["count"]}
        tell(f"{what} (ttl {inputs['ttl']})" if "ttl" in inputs else what, answer, cost)

    def race(self) -> None:
        """Let processes increment one counter at once."""
        show(f"{RACERS} processes increment one counter at once: each gets a number of its own")
        with ThreadPoolExecutor(RACERS) as pool:
            answers, cost = self._counted(lambda: list(pool.map(lambda _: self.database.step("incr", key="builds"), range(RACERS))))
        for answer in sorted(answers, key=lambda outputs: int(outputs["value"])):
            tell("incr builds", {"value": answer["value"]})
        tell("", {}, f"together {cost}")

    def lose_a_reply(self) -> None:
        """Let GitHub apply an increment, and close the connection without an answer."""
        show("An increment is applied, and its reply lost: the step finds out, and counts once")
        left = [Drop(applied=True)]

        def drop(asked: Logged) -> Fault | None:
            return left.pop() if asked.kind == "graphql-mutation" and left else None

        self.github.on_request = drop
        self.step("incr", key="builds")
        self.github.on_request = None

    def _counted(self, act: Callable[[], _T]) -> tuple[_T, str]:
        self.github.reset_log()
        done = act()
        kinds = Counter(entry.kind.partition("-")[0] for entry in self.github.requests)
        names = {"rest": "REST", "graphql": "GraphQL", "git": "git"}
        return done, ", ".join(f"{kinds[kind]} {name}" for kind, name in names.items() if kinds[kind])


def _environ(github: GitHubEmulator, folder: Path) -> dict[str, str]:
    """Return what a runner tells a step of where it runs, the event that started the run included."""
    answer = requests.get(f"{github.api_url}/repos/{NAME}", headers={"Authorization": f"Bearer {DEFAULT_TOKEN}"}, timeout=10)
    answer.raise_for_status()
    event = folder / "event.json"
    event.write_text(json.dumps({"repository": answer.json()}), encoding="utf-8")
    return {
        "GITHUB_SERVER_URL": github.url,
        "GITHUB_API_URL": github.api_url,
        "GITHUB_GRAPHQL_URL": github.graphql_url,
        "GITHUB_EVENT_PATH": str(event),
        "INPUT_TOKEN": DEFAULT_TOKEN,
    }
