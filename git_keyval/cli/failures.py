"""How a call ends: its exit code and, if it failed, its error."""

from enum import IntEnum

import click

from git_keyval import errors
from git_keyval.errors import GitKeyvalError


class ExitCode(IntEnum):
    """The exit codes. ``EXIT_CODES`` says what they mean."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    MISSING = 3
    NOT_APPLIED = 4
    UNKNOWN = 5
    INTERRUPTED = 130
    CLOSED_PIPE = 141
    """The code that shells show for a program that ended by the signal SIGPIPE."""


EXIT_CODES: dict[ExitCode, str] = {
    ExitCode.DONE: "Done, or answered: that a key is missing or a condition not met is an answer.",
    ExitCode.FAILED: "Refused or failed, which the error explains; for check, a rule of the format is broken.",
    ExitCode.MISUSED: "The call is wrong; nothing was read or written.",
    ExitCode.MISSING: "A key does not exist, where --on-missing fail or --exit-code asks.",
    ExitCode.NOT_APPLIED: "A condition was not met, so nothing was changed, where --exit-code asks; another owner has the lock.",
    ExitCode.UNKNOWN: "It is not known whether the write was made: read the key, then decide.",
    ExitCode.INTERRUPTED: "Interrupted by Ctrl-C; the error says what is known of the write.",
}
"""What the exit codes mean, for the help and the docs."""


class StoppedError(GitKeyvalError):
    """Ctrl-C; the text says what is known of the write."""


class EndedEarlyError(GitKeyvalError):
    """A run of maintenance failed, after the report of what it had done."""


class RepositoryFailedError(GitKeyvalError):
    """One of several repositories could not be used."""


class RulesBrokenError(GitKeyvalError):
    """check found a broken rule of the format, which its report names."""


_ENDS: dict[type, tuple[str, ExitCode]] = {
    click.ClickException: ("usage", ExitCode.MISUSED),
    errors.InputError: ("usage", ExitCode.MISUSED),
    errors.ConfigError: ("config", ExitCode.MISUSED),
    errors.LockHeldError: ("lock-held", ExitCode.NOT_APPLIED),
    errors.LockLostError: ("lock-lost", ExitCode.NOT_APPLIED),
    errors.KeyMissingError: ("key-missing", ExitCode.MISSING),
    errors.WrongTypeError: ("wrong-type", ExitCode.FAILED),
    errors.OverwrittenError: ("overwritten", ExitCode.FAILED),
    errors.AnchorError: ("anchor-unreadable", ExitCode.FAILED),
    errors.UnmarkedError: ("not-marked", ExitCode.FAILED),
    errors.TamperedError: ("tampered", ExitCode.FAILED),
    errors.NotEncryptedError: ("not-encrypted", ExitCode.FAILED),
    errors.MissingEncryptionKeyError: ("encryption-key-missing", ExitCode.FAILED),
    errors.WrongEncryptionKeyError: ("encryption-key-wrong", ExitCode.FAILED),
    errors.KeyOrderError: ("encryption-key-order", ExitCode.FAILED),
    errors.MalformedRecordError: ("malformed-record", ExitCode.FAILED),
    errors.IndexOutOfRangeError: ("index-out-of-range", ExitCode.FAILED),
    errors.BoundError: ("bound-reached", ExitCode.FAILED),
    errors.CounterOverflowError: ("counter-overflow", ExitCode.FAILED),
    errors.ContentionError: ("contention", ExitCode.FAILED),
    errors.OutcomeUnknownError: ("outcome-unknown", ExitCode.UNKNOWN),
    errors.TornWriteError: ("torn-write", ExitCode.UNKNOWN),
    errors.PartlyDeletedError: ("partly-deleted", ExitCode.FAILED),
    errors.PartlyWrittenError: ("partly-written", ExitCode.FAILED),
    errors.RedirectedError: ("redirected", ExitCode.FAILED),
    errors.RedirectNotFollowedError: ("redirect-not-followed", ExitCode.FAILED),
    errors.RedirectRefusedError: ("redirect-refused", ExitCode.FAILED),
    errors.NotARepositoryError: ("not-a-repository", ExitCode.FAILED),
    errors.AccessDeniedError: ("access-denied", ExitCode.FAILED),
    errors.UnavailableError: ("unavailable", ExitCode.FAILED),
    errors.RefusedError: ("refused", ExitCode.FAILED),
    errors.TooLargeError: ("too-large", ExitCode.FAILED),
    errors.AtomicUnsupportedError: ("atomic-unsupported", ExitCode.FAILED),
    errors.StoreError: ("store", ExitCode.FAILED),
    errors.GitKeyvalError: ("failed", ExitCode.FAILED),
    errors.UndeliverableError: ("undeliverable", ExitCode.FAILED),
    errors.UndeliveredError: ("undelivered", ExitCode.FAILED),
    StoppedError: ("interrupted", ExitCode.INTERRUPTED),
    EndedEarlyError: ("ended-early", ExitCode.FAILED),
    RepositoryFailedError: ("repository-failed", ExitCode.FAILED),
    RulesBrokenError: ("rules-broken", ExitCode.FAILED),
    errors.InternalError: ("internal", ExitCode.UNKNOWN),
}


def kind_of(error: Exception) -> str:
    """Return the short name of an error, which stays as it is from release to release."""
    return _found(error)[0]


def code_of(error: Exception) -> ExitCode:
    """Return the exit code of a call that this error ended."""
    if isinstance(error, errors.PartlyDeletedError | errors.PartlyWrittenError):
        return ExitCode.UNKNOWN if code_of(error.cause) is ExitCode.UNKNOWN else ExitCode.FAILED
    return _found(error)[1]


def _found(error: Exception) -> tuple[str, ExitCode]:
    return next(_ENDS[known] for known in type(error).__mro__ if known in _ENDS)
