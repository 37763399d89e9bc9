"""What each workflow is run with, and what of it cannot be run, as data."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SECRET = base64.b64encode(sha256(b"the runner's workflows").digest()).decode()


@dataclass(frozen=True, slots=True)
class Start:
    """One run of the workflow: the event that starts it, with its inputs."""

    event: str = "push"
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """A workflow with what it needs.

    ``starts`` are runs, one after the other. ``files`` are in the repository that the workflow belongs to; what begins with ``#!``
    can be run. ``steps`` have run before, as commands with their inputs, and
    ``seconds`` have passed since. ``packages`` are what a hosted runner has and a slim
    image has not. ``replaced`` are texts of the workflow. ``results`` are those of jobs that do not end with success,
    ``varying`` are steps that do not say the same twice.
    """

    starts: Sequence[Start] = (Start(),)
    files: Mapping[str, str] = field(default_factory=dict)
    steps: Sequence[tuple[str, Mapping[str, str]]] = ()
    seconds: int = 0
    packages: Sequence[str] = ()
    replaced: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    public: bool = False
    results: Mapping[str, str] = field(default_factory=dict)
    varying: Sequence[str] = ()


_BY_HAND, _BY_TIME = Start("workflow_dispatch"), Start("schedule")

SCENES: Mapping[str, Scene] = {
    "badge": Scene(replaced={"RANDOM % 100": "42 + 0"}, public=True),  # the number is part of what is stored
    "barrier": Scene(
        (_BY_HAND,),
        {"prepare.sh": "#!/bin/sh\necho prepared\n", "load.sh": "#!/bin/sh\necho loading\n"},
        varying=["2", "3"],  # who comes first, and who waits
    ),
    "build-number": Scene((Start(), Start()), {"Makefile": "dist:\n\t@echo building $(VERSION)\n"}, packages=["make"]),
    "coverage-of-a-matrix": Scene(
        files={"coverage.sh": '#!/bin/sh\ncase "$1" in unit) echo 91 ;; browser) echo 64.5 ;; *) echo 78 ;; esac\n'},
        packages=["jq"],
    ),
    "deploy": Scene((_BY_HAND, _BY_HAND), {"deploy.sh": '#!/bin/sh\necho "deploying $1"\n'}),
    "encrypted-state": Scene(
        (
            Start("workflow_dispatch", {"customer": "acme", "note": "call back"}),
            Start("workflow_dispatch", {"customer": "acme", "note": ""}),
        ),
        secrets={"DATABASE_KEYS": f"2026: {SECRET}"},
    ),
    "expiry-registry": Scene((_BY_TIME,), public=True),
    "feature-flags": Scene((_BY_HAND, Start("workflow_dispatch", {"flags": '{"flags/beta": false, "flags/dark-mode": "on"}'}))),
    "hand-over": Scene(
        (Start("workflow_dispatch", {"dataset": 'sales "2026"; $(exit)'}), _BY_TIME, _BY_TIME),
        {"rebuild.sh": '#!/bin/sh\necho "rebuilding $1"\n'},
    ),
    "lock": Scene(
        (_BY_HAND,),
        {"Makefile": "dist:\n\t@echo built\n", "deploy.sh": '#!/bin/sh\necho "deploying with fence $2"\n'},
        packages=["make"],
    ),
    "maintenance": Scene(
        (_BY_HAND, _BY_TIME),
        steps=[
            ("set", {"key": "lives", "value": "on"}),
            ("incr", {"key": "counter", "by": "41"}),
            ("set", {"key": "taken", "value": "once"}),
            ("getdel", {"key": "taken"}),
            ("set", {"key": "short", "value": "lived", "ttl": "1s", "expiry-granularity": "1s"}),
        ],
        seconds=3,
    ),
    "once-a-day": Scene(
        (_BY_TIME, _BY_TIME), packages=["curl"], replaced={"https://example.com/health": "file:///nowhere/health"}
    ),  # nothing is asked of a network
    "recent-failures": Scene(
        (Start(), Start()),
        {"Makefile": "test:\n\t@exit 1\n"},
        packages=["jq", "make"],
        results={"test": "failure"},  # as the tests in it
    ),
    "page": Scene((_BY_HAND,), steps=[("set", {"key": "a", "value": "1"})]),
    "release": Scene(
        (Start("workflow_dispatch", {"title": 'fix: "quotes" and $(more)'}), Start("workflow_dispatch", {"title": "more"})),
        {"Makefile": "dist:\n\t@echo building $(VERSION)\n"},
        packages=["make"],
    ),
    "state-between-runs": Scene((_BY_TIME, _BY_HAND), packages=["git"]),
    "testbeds": Scene(files={"test.sh": "#!/bin/sh\necho tested\n"}, varying=["testbed"]),  # which of them a job has
    "work-queue": Scene(
        (Start("workflow_dispatch", {"datasets": '["a \'set\'; $(exit)", "b"]'}), _BY_TIME, _BY_TIME),
        {"rebuild.sh": '#!/bin/sh\necho "rebuilding $1"\n'},
    ),
    "test-statistics": Scene(
        files={"Makefile": "test-unit test-browser:\n\ntest-integration:\n\t@exit 1\n"},
        packages=["make"],
        results={"test": "failure"},  # as one of the tests in it
        varying=["2"],  # which of them is the first to count
    ),
    # Its second job looks at what the post step of the lock did; its maintenance sees what the job beside it has written by then.
    "selftest": Scene(results={"released": "failure"}, varying=["maintain"]),
}

LEFT_OUT: Mapping[str, str] = {
    "gh api": "it asks GitHub itself, by a command that only its own runners have",
    "actions/upload-": "it is fetched from GitHub, and sends to its artifacts",
}
"""Steps that are left out, by a text in their script or in the name of their action, with the reason."""


def path_of(name: str) -> Path:
    """Return the file of a workflow."""
    example = ROOT / "examples" / f"{name}.yml"
    return example if example.exists() else ROOT / ".github" / "workflows" / f"{name}.yml"
