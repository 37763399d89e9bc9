"""What makes lock/action.yml release its lock at the end of the job: a state that the step leaves, and the post step that reads it.

The inputs that the runner gives to the post step would not do: their expressions are evaluated again at the end of the job, and may
mean something else by then. Secrets alone are taken from there, because the runner shows states in its debug log.
"""

import json
from collections.abc import Callable, Mapping

from git_keyval.action.runner import INTERRUPTED, LOCK_STATE, Runner
from git_keyval.action.variables import read_inputs
from git_keyval.commands.results import Result
from git_keyval.dispatch.steps import run_command
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import GitKeyvalError, InternalError
from git_keyval.format.times import SECOND
from git_keyval.interface.commands import COMMANDS, COMMON
from git_keyval.interface.parsing import parse_inputs

SECRETS = ("token", "encryption-key")
"""The inputs that are kept out of the state file."""

_UNLOCK = COMMANDS["unlock"]
_NOTHING = "No lock was obtained, so there is none to release."
_KEPT = {*COMMON, *_UNLOCK.inputs} - {"command", *SECRETS}


def remember(given: Mapping[str, str], runner: Runner, surroundings: Surroundings) -> Callable[[Result], None]:
    """Leave for the post step what it needs: before the lock is asked for, and by what is given back once that was answered.

    Before, that is an owner of this step's own: if the step is killed, the post step can look whether it had obtained the lock. An
    owner that was given may hold the lock elsewhere, so it is left only once the lock was obtained here.
    """
    kept = {name: text for name, text in given.items() if text and name in _KEPT}
    unlock = {"owner": surroundings.owner, **kept}
    if "owner" not in kept:
        runner.save_state(LOCK_STATE, json.dumps({"unlock": unlock}))

    def leave(result: Result) -> None:
        if result.applied:
            runner.save_state(LOCK_STATE, json.dumps({"unlock": unlock, "fence": result.fence, "until": result.expires_at}))

    return leave


def release(environ: Mapping[str, str], runner: Runner, surroundings: Surroundings) -> int:
    """Run the command ``unlock`` for the lock that the step took, if it may have taken one.

    The job is over: that the lock cannot be released, or was lost before, is a warning.
    """
    state = json.loads(environ.get(f"STATE_{LOCK_STATE}") or "{}")
    if not state:
        runner.tell(_NOTHING)
        return 0
    try:
        given = read_inputs(environ).inputs
        told = {**{name: given.get(name, "") for name in SECRETS}, **state["unlock"]}
        inputs = {"repository": environ.get("GITHUB_REPOSITORY", ""), **parse_inputs(_UNLOCK, told)}
        result, _ = run_command(_UNLOCK, inputs, surroundings, prepare_delivery=lambda _value: None)
    except GitKeyvalError as exc:
        runner.warning(f"The lock is not released, and ends with its lease. {exc}")
    except KeyboardInterrupt:
        runner.warning("Cancelled; if the lock is not released, it ends with its lease.")
        return INTERRUPTED
    except Exception as exc:  # noqa: BLE001  # a defect of ours: its message and its data could hold what users stored
        runner.error(str(InternalError(exc)))
        return 1
    else:
        _tell(runner, result, state.get("fence", 0), is_over=state.get("until", 0) * SECOND <= surroundings.clock())
    return 0


def _tell(runner: Runner, result: Result, fence: int, *, is_over: bool) -> None:
    """Tell what became of the lock; ``fence`` is 0 if the step does not know to have obtained it."""
    if result.applied:
        runner.tell("The lock is released.")
    elif not fence:
        runner.tell(_NOTHING)
    elif result.failure is not None:
        runner.warning(str(result.failure))
    elif (result.fence or 0) > fence:
        runner.warning(
            "The lease ran out before the lock was released, and others took the lock meanwhile. What this job did since may have "
            "been done by two at once: check it, and give the lock a longer 'ttl'."
        )
    elif is_over:
        runner.warning(result.warning)
    else:
        runner.tell("The lock was released by a step of this job.")
