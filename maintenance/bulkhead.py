"""What goes wrong with one record, one job or one repository is reported, and kept from the others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from git_keyval.errors import GitKeyvalError, InternalError, MalformedRecordError, StoreError


@contextmanager
def bulkhead(report: Callable[[GitKeyvalError], None]) -> Iterator[None]:
    """Report whatever goes wrong, a defect of ours among it, instead of raising it: unknown means keep, and go on."""
    try:
        yield
    except GitKeyvalError as exc:
        report(exc)
    except Exception as exc:  # noqa: BLE001  # whatever it is, the others go on
        report(InternalError(exc))


@contextmanager
def record_bulkhead(report: Callable[[str], None]) -> Iterator[None]:
    """Report in a few words why a record cannot be handled. A store that fails is not the record's fault, and is raised."""
    failed: list[GitKeyvalError] = []
    with bulkhead(failed.append):
        yield
    for error in failed:
        if isinstance(error, StoreError):
            raise error
        report(error.reason if isinstance(error, MalformedRecordError) else error.what.removesuffix("."))
