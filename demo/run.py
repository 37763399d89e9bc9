"""Several real processes race on one database, a local bare repository; then maintenance runs.

Every step is the action's own entry point, with inputs in the environment and outputs in a file, as a runner calls it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
RACERS = 8


def main() -> None:
    """Run the demonstration in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "db.git"
        subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)
        show(f"A database is a bare git repository: git init --bare {repository.name}")
        step(repository, "init")
        values_and_lifetimes(repository)
        counters(repository)
        one_winner(repository)
        maintenance(repository)


def values_and_lifetimes(repository: Path) -> None:
    """Set keys with and without a time to live."""
    show("Values: text, JSON, and a key that lives for one second")
    step(repository, "set", key="greeting", value="hello", ttl="15m")
    step(repository, "set", key="deploy", value='{"env":"staging","ok":true}', type="json")
    step(repository, "set", key="short", value="gone soon", ttl="1s", **{"expiry-granularity": "1s"})
    for key in ("greeting", "deploy", "short"):
        tell(f"get {key}", step(repository, "get", key=key))


def counters(repository: Path) -> None:
    """Let processes increment one counter at once, half of them content with a breadcrumb."""
    show(f"{RACERS} processes increment one counter at once; every second one leaves a breadcrumb if a rival is faster")
    ways = ["retry", "breadcrumb"] * (RACERS // 2)
    with ThreadPoolExecutor(RACERS) as pool:
        answers = list(pool.map(lambda way: step(repository, "incr", key="builds", contention=way), ways))
    for way, answer in zip(ways, answers, strict=True):
        tell(f"incr builds ({way})", answer)
    tell("get builds", step(repository, "get", key="builds"))


def one_winner(repository: Path) -> None:
    """Let processes take one key at once."""
    show(f"{RACERS} processes take one key with getdel: exactly one gets it")
    step(repository, "set", key="ticket", value="the prize")
    with ThreadPoolExecutor(RACERS) as pool:
        answers = list(pool.map(lambda _: step(repository, "getdel", key="ticket"), range(RACERS)))
    for answer in answers:
        tell("getdel ticket", answer)


def maintenance(repository: Path) -> None:
    """Gather, sweep and purge, and show the refs before and after."""
    time.sleep(1.1)
    show("Before maintenance")
    refs(repository)
    answer = step(repository, "maintain", **{"grace-period": "0s", "retention": "0s"})
    show("After maintenance: breadcrumbs folded, the expired key swept, the taken one purged")
    refs(repository)
    tell("get builds", step(repository, "get", key="builds"))
    tell("check", {"errors": step(repository, "check")["count"]})
    show("The report")
    sys.stdout.write(json.dumps(json.loads(answer["report"]), indent=2) + "\n")


def step(repository: Path, command: str, **inputs: str) -> dict[str, str]:
    """Run one step as a process of its own; give its outputs."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as outputs:
        given = {"command": command, "repository": str(repository), **inputs}
        environ = {**os.environ, **{f"INPUT_{name.upper()}": text for name, text in given.items()}, "GITHUB_OUTPUT": outputs.name}
        done = subprocess.run(
            [sys.executable, str(ROOT / "entrypoint.py")], env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{command} failed: {done.stdout}{done.stderr}")
        return parse(outputs.read())


def parse(text: str) -> dict[str, str]:
    """Read the runner's output format: name<<delimiter, lines, delimiter."""
    lines, outputs = iter(text.splitlines()), {}
    for line in lines:
        name, _, delimiter = line.partition("<<")
        outputs[name] = "\n".join(iter(lambda: next(lines), delimiter))
    return outputs


def refs(repository: Path) -> None:
    """List all refs with git itself."""
    subprocess.run(["git", "-C", str(repository), "for-each-ref", "--format=  %(refname)"], check=True)


def show(title: str) -> None:
    """Print a heading."""
    sys.stdout.write(f"\n== {title}\n")
    sys.stdout.flush()


def tell(what: str, outputs: dict[str, str]) -> None:
    """Print the outputs that matter here."""
    shown = {name: outputs[name] for name in ("found", "value", "ttl", "pending", "errors") if name in outputs}
    sys.stdout.write(f"  {what:26} {'  '.join(f'{name}={text}' for name, text in shown.items())}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
