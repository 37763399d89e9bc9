"""How a call ends: its exit code and, if it failed, its error."""

import re
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


_KINDS: dict[type, str] = {
    click.ClickException: "usage",
    errors.InputError: "usage",
    errors.AnchorError: "anchor-unreadable",
    errors.UnmarkedError: "not-marked",
    errors.MissingEncryptionKeyError: "encryption-key-missing",
    errors.WrongEncryptionKeyError: "encryption-key-wrong",
    errors.KeyOrderError: "encryption-key-order",
    errors.BoundError: "bound-reached",
    errors.GitKeyvalError: "failed",
    StoppedError: "interrupted",
}
"""The kinds of errors that are not called as their class is."""

_CODES: dict[type, ExitCode] = {
    click.ClickException: ExitCode.MISUSED,
    errors.InputError: ExitCode.MISUSED,
    errors.KeyMissingError: ExitCode.MISSING,
    errors.LockHeldError: ExitCode.NOT_APPLIED,
    errors.LockLostError: ExitCode.NOT_APPLIED,
    errors.OutcomeUnknownError: ExitCode.UNKNOWN,
    errors.TornWriteError: ExitCode.UNKNOWN,
    errors.InternalError: ExitCode.UNKNOWN,
    StoppedError: ExitCode.INTERRUPTED,
}
"""The exit codes of errors that are not just FAILED."""

_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def kind_of(error: Exception) -> str:
    """Return the short name of an error, which stays as it is from release to release: docs/terminal.schema.json lists all."""
    # Errors of other modules go by the one of these that they are derived from.
    known = next(each for each in type(error).__mro__ if each in _KINDS or each.__module__ in {errors.__name__, __name__})
    return _KINDS.get(known) or _WORD.sub("-", known.__name__.removesuffix("Error")).lower()


def code_of(error: Exception) -> ExitCode:
    """Return the exit code of a call that this error ended."""
    if isinstance(error, errors.PartlyDeletedError | errors.PartlyWrittenError | errors.PartlyImportedError):
        return ExitCode.UNKNOWN if code_of(error.cause) is ExitCode.UNKNOWN else ExitCode.FAILED
    return next((_CODES[known] for known in type(error).__mro__ if known in _CODES), ExitCode.FAILED)
