"""What goes wrong with one record, one job or one repository is reported, and kept from the others."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from git_keyval.errors import GitKeyvalError, InternalError, MalformedRecordError, StoreError, as_inputs

_T = TypeVar("_T")


def attempt(work: Callable[[], _T]) -> _T | GitKeyvalError:
    """Return what a job, or the work on a repository, returns, or the error that ended it; a defect of ours is an InternalError."""
    try:
        return work()
    except GitKeyvalError as exc:
        return exc
    except Exception as exc:  # noqa: BLE001  # whatever it is, the others go on
        return InternalError(exc)


def attempt_record(work: Callable[[], Iterable[_T]], left: Callable[[str], _T]) -> list[_T]:
    """Return what the work on a record returns, or what ``left`` makes of the reason why it cannot be handled: unknown means keep.

    A store that fails is not the record's fault. Raises StoreError.
    """
    outcome = attempt(lambda: list(work()))
    match outcome:
        case StoreError():
            raise outcome
        case MalformedRecordError():
            return [left(outcome.reason)]
        case GitKeyvalError():
            return [left(as_inputs(outcome.what).removesuffix("."))]
    return outcome
