"""How lock/action.yml releases its lock at the end of the job: the step leaves a state, and the post step reads it.

The post step cannot rely on its inputs: the runner evaluates their expressions again at the end of the job, when they may mean
another thing; within nested composite actions they are those of another action. Only secrets are taken from the inputs, because the
runner shows states in its debug log. The key id that follows from them is compared with the one that the step left.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from git_keyval.action.runner import INTERRUPTED, LOCK_STATE, Runner
from git_keyval.action.variables import read_inputs
from git_keyval.commands.locks import Unlock
from git_keyval.database.answers import Answer, shown_value
from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.opening import cipher_of
from git_keyval.dispatch.steps import run_command
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import GitKeyvalError, InternalError, OutcomeUnknownError, as_inputs
from git_keyval.format.locks import fence_field
from git_keyval.format.times import SECOND
from git_keyval.interface.commands import COMMANDS, COMMON
from git_keyval.interface.inputs import Inputs
from git_keyval.interface.parsing import parse_inputs
from git_keyval.light_dataclasses import replace

SECRETS = ("token", "encryption-key")
"""The inputs that are kept out of the state file."""

_UNLOCK = COMMANDS["unlock"]
_NOTHING = "No lock was obtained, so there is none to release."
_STATELESS = (
    "The runner handed this post step nothing that its step left, so it cannot know whether a lock was obtained. "
    "If one was, it ends with its lease, or by 'unlock' under its owner."
)
_IN_DOUBT = (
    "It is not known whether the lock was obtained: the step was ended before it knew. "
    "If it was, it ends with its lease, or by 'unlock' under its owner."
)
_OTHER_INPUTS = (
    "The lock is not released, and ends with its lease: the post step was given another 'encryption-key' than its step, as in "
    "a composite action within another one (https://github.com/actions/runner/issues/3514). "
    "Release it by a step, with 'unlock' under its owner."
)
_KEPT = {*COMMON, *_UNLOCK.inputs} - {"command", *SECRETS}

Leave = Callable[[Answer | GitKeyvalError], None]


def begin(runner: Runner) -> None:
    """Leave a state that says that the step has not asked for a lock yet."""
    _save(runner, {})


def remember(given: Mapping[str, str], runner: Runner, surroundings: Surroundings) -> Leave:
    """Leave what the post step needs before the lock is asked for; return a function that leaves the rest, given the answer.

    An owner of this step's own is left before: if the step is killed, the post step can find out whether it had obtained the lock.
    An owner that was given may hold the lock elsewhere, so it is left only once the lock was obtained here.
    """
    kept = {name: text for name, text in given.items() if text and name in _KEPT}
    unlock = {"owner": surroundings.owner(), **kept}
    is_own = "owner" not in kept
    asked = {"unlock": unlock, "key": _key_id({**_secrets(given), **unlock}, surroundings)}
    _save(runner, asked if is_own else {"in-doubt": True})

    def leave(end: Answer | GitKeyvalError) -> None:
        if isinstance(end, Answer) and end.applied:
            _save(runner, {**asked, "fence": end.fence, "slot": end.slot, "until": end.expires_at})
        elif not is_own and not isinstance(end, OutcomeUnknownError):
            _save(runner, {})

    return leave


def release(environ: Mapping[str, str], runner: Runner, surroundings: Surroundings) -> int:
    """Run ``unlock`` for the lock that the step took, if it may have taken one; one that was lost before is only a warning."""
    state = _state_of(environ)
    if state is None or "in-doubt" in state:
        runner.warning(_STATELESS if state is None else _IN_DOUBT)
        return 0
    if not state:
        runner.tell(_NOTHING)
        return 0
    try:
        texts = {**_secrets(read_inputs(environ).inputs), **state["unlock"]}
        if _key_id(texts, surroundings) != state["key"]:
            runner.warning(_OTHER_INPUTS)
            return 0
        inputs = Inputs({"repository": environ.get("GITHUB_REPOSITORY", ""), **parse_inputs(_UNLOCK, texts, environ)})
        result, _ = run_command(_UNLOCK, inputs, surroundings, prepare_delivery=lambda _value: None)
        if not result.applied and result.failure is None and inputs.slots is not None:
            result = replace(result, fence=_fence_of(state.get("slot", 1), texts, inputs, surroundings))
    except GitKeyvalError as exc:
        runner.warning(f"The lock is not released, and ends with its lease. {exc}")
    except KeyboardInterrupt:
        runner.warning("Cancelled; if the lock is not released, it ends with its lease.")
        return INTERRUPTED
    except Exception as exc:  # noqa: BLE001  # a defect of ours: its message and its data could hold what users stored
        runner.error(str(InternalError(exc)))
        return 1
    else:
        _log_outcome(runner, result, state.get("fence", 0), is_over=state.get("until", 0) * SECOND <= surroundings.clock())
    return 0


def _fence_of(slot: int, texts: Mapping[str, str], inputs: Inputs, surroundings: Surroundings) -> int:
    """Return the fence of the slot that the step took, 0 if there is none: ``unlock`` does not know which one that was."""
    fence = COMMANDS["hget"]
    taken = {name: text for name, text in texts.items() if name in {*COMMON, *fence.inputs}}
    asked = parse_inputs(fence, {**taken, "field": fence_field(slot)}, surroundings.environ)
    there, _ = run_command(fence, Inputs({**inputs.parsed, **asked}), surroundings, prepare_delivery=lambda _value: None)
    return 0 if there.value is None else int(shown_value(there.value))


def _save(runner: Runner, state: Mapping[str, object]) -> None:
    runner.save_state(LOCK_STATE, json.dumps(state))


def _secrets(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, "") for name in SECRETS}


def _key_id(texts: Mapping[str, str], surroundings: Surroundings) -> str:
    """Return the id of the lock's key, which depends on the encryption key as well."""
    inputs = Inputs(parse_inputs(_UNLOCK, texts, surroundings.environ))
    return bind(Unlock, inputs, surroundings, cipher_of(inputs, surroundings)).key.id


def _state_of(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the state that the step has left; None if there is none, or one that no step leaves."""
    try:
        state = json.loads(environ.get(f"STATE_{LOCK_STATE}") or "null")
        texts = [*state.get("unlock", {}).values(), state.get("key", "")]
        numbers = [state.get(name, 0) for name in ("fence", "slot", "until")]
    except (ValueError, AttributeError, RecursionError):
        return None
    is_whole = not state or "in-doubt" in state or {"unlock", "key"} <= state.keys()
    return state if is_whole and all(type(text) is str for text in texts) and all(type(one) is int for one in numbers) else None


def _log_outcome(runner: Runner, result: Answer, fence: int, *, is_over: bool) -> None:
    """Log what became of the lock; ``fence`` is 0 if the step does not know whether it obtained the lock."""
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
    elif (result.fence or 0) < fence:
        runner.warning(
            "The lock is not there any more: somebody deleted its key meanwhile, so others may have taken it from this job."
        )
    elif is_over:
        runner.warning(as_inputs(result.warning))
    else:
        runner.tell("The lock was released by a step of this job.")
